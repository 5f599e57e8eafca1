//! What people do with alerts.
//!
//! ```text
//!          acknowledge              close
//!  open ───────────────▶ acknowledged ───▶ closed
//!   │ ▲                      │               ▲ │
//!   │ └──────── reopen ──────┘               │ │
//!   ├──────────────── close ─────────────────┘ │
//!   ◀──────────────── reopen ──────────────────┘
//! ```
//! Acknowledging takes the alert; closing takes it when nobody has it; reopening gives it back. Giving it to somebody leaves it where it
//! stands. One statement does it, to one alert or to all that match a filter (`apply`); each alert gets a line of activity and an entry
//! of the audit log in the same transaction, and so does what is refused. What was done can be undone for a while ([`undo`]).

mod apply;
pub mod undo;

use serde_json::{Map, Value};
use sqlx::FromRow;
use vonggac_event::{AlertId, Scope};

use crate::alert::{self, AlertRow, Person, Snooze};
use crate::audit::{Asker, Deed};
use crate::queue::Filter;
use crate::{AccountId, Database, DatabaseError, Reason, Result, Verdict, clean};

/// Longest note and comment, in characters.
pub const NOTE_CHARACTERS_MAX: usize = 10_000;
/// Most alerts named at once.
pub const BULK_ALERTS_MAX: usize = 2_000;
/// Most alerts changed at once by a filter.
pub const MATCHING_ALERTS_MAX: usize = 10_000;
/// Most lines of activity shown with an alert: the latest.
pub const ACTIVITY_ROWS_MAX: i64 = 500;
/// Most tags of an alert.
pub const TAGS_MAX: usize = 20;
/// Longest tag, in characters.
pub const TAG_CHARACTERS_MAX: usize = 40;

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Take it.
    Acknowledge {
        /// Why, or what next.
        note: Option<String>,
        /// Also when somebody else has it.
        take_over: bool,
    },
    /// Give it to somebody.
    Assign {
        /// To whom; to nobody puts it back into the queue.
        to: Option<AccountId>,
        /// Why.
        note: Option<String>,
    },
    /// Finish it.
    Close {
        /// What it turned out to be.
        verdict: Verdict,
        /// Why that; one of the verdict's reasons.
        reason: Option<Reason>,
        /// In words.
        note: Option<String>,
    },
    /// Give it back to the queue.
    Reopen,
    /// Say something.
    Comment {
        /// What.
        text: String,
    },
    /// Set it aside.
    Snooze {
        /// Until when.
        until: Snooze,
        /// Why.
        note: Option<String>,
    },
    /// Set it aside no more.
    Wake,
    /// Mark it.
    Tag {
        /// With these.
        add: Vec<String>,
        /// And no longer with these.
        remove: Vec<String>,
    },
}

/// Which alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// These; each that refuses is told.
    Ids(Vec<AlertId>),
    /// All that match and to which it can be done.
    Matching(Box<Filter>),
}

/// Something that was done, to be undone by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OperationId(pub i64);

/// A line of activity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// When.
    pub at_us: i64,
    /// Who.
    pub actor: Person,
    /// `acknowledged`, `taken_over`, `closed`, `reopened`, `assigned`, `commented`, `snoozed`, `woken`, `tagged`, `undone`.
    pub action: String,
    /// `note`, `verdict`, `reason`, `text`, `from`, `to`, `until_us`, `added`, `removed`, `action`, as far as the action has them; lines from
    /// before there were verdicts have `resolution`.
    pub detail: Map<String, Value>,
}

/// What became of many alerts.
#[derive(Debug, Default)]
pub struct BulkOutcome {
    /// By what it can be undone; `None` when nothing changed, or nothing that could be.
    pub operation: Option<OperationId>,
    /// The alerts that changed.
    pub changed: Vec<AlertId>,
    /// The others that were named, and why.
    pub failed: Vec<(AlertId, DatabaseError)>,
}

#[derive(FromRow)]
struct RawActivity {
    at_us: i64,
    actor_id: i64,
    display_name: String,
    action: String,
    detail: String,
}

impl From<RawActivity> for Activity {
    fn from(raw: RawActivity) -> Self {
        Self {
            at_us: raw.at_us,
            actor: Person {
                id: AccountId(raw.actor_id),
                display_name: raw.display_name,
            },
            action: raw.action,
            detail: serde_json::from_str(&raw.detail).unwrap_or_default(),
        }
    }
}

/// A tag as it is kept: without white space around it.
fn tag(text: &str) -> Result<String> {
    let invalid = |problem| DatabaseError::Invalid {
        field: "tags",
        problem,
    };
    let tag = clean(text.trim());
    if tag.is_empty() {
        return Err(invalid("must not be empty"));
    }
    if tag.chars().count() > TAG_CHARACTERS_MAX {
        return Err(invalid("must not be longer than 40 characters"));
    }
    if tag.contains(|character: char| character == ',' || character.is_control()) {
        return Err(invalid("must not have commas or control characters"));
    }
    Ok(tag)
}

fn check_note(field: &'static str, text: Option<&str>) -> Result<()> {
    if text.is_some_and(|text| text.chars().count() > NOTE_CHARACTERS_MAX) {
        return Err(DatabaseError::Invalid {
            field,
            problem: "must not be longer than 10,000 characters",
        });
    }
    Ok(())
}

impl Action {
    /// The same with its texts as they are kept.
    fn checked(&self) -> Result<Self> {
        let invalid = |field, problem| Err(DatabaseError::Invalid { field, problem });
        match self {
            Self::Acknowledge { note, .. } | Self::Assign { note, .. } | Self::Snooze { note, .. } => {
                check_note("note", note.as_deref())?;
            }
            Self::Close {
                verdict,
                reason,
                note,
            } => {
                check_note("note", note.as_deref())?;
                if reason.is_some_and(|reason| !verdict.reasons().contains(&reason)) {
                    return invalid("reason", "is not one of the verdict's");
                }
            }
            Self::Comment { text } if text.trim().is_empty() => {
                return invalid("text", "must not be empty");
            }
            Self::Comment { text } => check_note("text", Some(text))?,
            Self::Reopen | Self::Wake => {}
            Self::Tag { add, remove } => {
                let all = |tags: &[String]| tags.iter().map(|text| tag(text)).collect::<Result<Vec<_>>>();
                let (add, remove) = (all(add)?, all(remove)?);
                if add.is_empty() && remove.is_empty() {
                    return invalid("tags", "must not be empty");
                }
                if add.len() > TAGS_MAX || remove.len() > TAGS_MAX {
                    return invalid("tags", "must not be more than 20");
                }
                return Ok(Self::Tag { add, remove });
            }
        }
        Ok(self.clone())
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Acknowledge { .. } => "acknowledged",
            Self::Assign { .. } => "assigned",
            Self::Close { .. } => "closed",
            Self::Reopen => "reopened",
            Self::Comment { .. } => "commented",
            Self::Snooze { .. } => "snoozed",
            Self::Wake => "woken",
            Self::Tag { .. } => "tagged",
        }
    }

    /// What it is in the audit log.
    fn deed(&self, id: AlertId) -> Deed {
        let name = match self {
            Self::Acknowledge { .. } => "alert.acknowledge",
            Self::Assign { .. } => "alert.assign",
            Self::Close { .. } => "alert.close",
            Self::Reopen => "alert.reopen",
            Self::Comment { .. } => "alert.comment",
            Self::Snooze { .. } => "alert.snooze",
            Self::Wake => "alert.wake",
            Self::Tag { .. } => "alert.tag",
        };
        let mut deed = Deed::done(name, "alert", id);
        for (key, value) in self.detail() {
            deed = deed.with(&key, value.as_str().unwrap_or_default());
        }
        if let Self::Assign { to, .. } = self {
            deed = deed.with("to", to.map_or_else(String::new, |account| account.0.to_string()));
        }
        deed
    }

    fn detail(&self) -> Map<String, Value> {
        let mut detail = Map::new();
        let mut put = |name: &str, text: &str| {
            if !text.trim().is_empty() {
                detail.insert(name.to_owned(), Value::String(clean(text)));
            }
        };
        match self {
            Self::Acknowledge { note, .. } | Self::Assign { note, .. } => {
                put("note", note.as_deref().unwrap_or_default());
            }
            Self::Close {
                verdict,
                reason,
                note,
            } => {
                put("verdict", verdict.name());
                put("reason", reason.map_or("", Reason::name));
                put("note", note.as_deref().unwrap_or_default());
            }
            Self::Comment { text } => put("text", text),
            Self::Snooze { until, note } => {
                match until {
                    Snooze::Until { us } => put("until_us", &us.to_string()),
                    Snooze::UntilAgain => put("until", "again"),
                }
                put("note", note.as_deref().unwrap_or_default());
            }
            Self::Tag { add, remove } => {
                put("added", &add.join(", "));
                put("removed", &remove.join(", "));
            }
            Self::Reopen | Self::Wake => {}
        }
        detail
    }
}

impl Database {
    /// Does `action` to an alert.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] outside the scope, [`DatabaseError::Conflict`] when the alert does not stand where the action
    /// needs it, [`DatabaseError::Invalid`] for a text that does not do.
    pub async fn act<'a>(
        &self,
        scope: &Scope,
        by: impl Into<Asker<'a>>,
        id: AlertId,
        action: &Action,
        now_us: i64,
    ) -> Result<(AlertRow, Activity)> {
        let by = by.into();
        let actor = by.somebody()?;
        let mut outcome = self
            .act_on_many(scope, by, &Selection::Ids(vec![id]), action, now_us)
            .await?;
        if let Some((_, why)) = outcome.failed.pop() {
            return Err(why);
        }
        let line = Activity {
            at_us: now_us,
            actor: Person {
                id: actor.id,
                display_name: actor.display_name.clone(),
            },
            action: action.name().to_owned(),
            detail: action.detail(),
        };
        Ok((self.alert(scope, id).await?, line))
    }

    /// Does `action` to many alerts in one transaction: those that refuse it do not stop the others.
    ///
    /// # Errors
    /// When there are too many, the action's text does not do, or PostgreSQL fails; nothing has changed then.
    pub async fn act_on_many<'a>(
        &self,
        scope: &Scope,
        by: impl Into<Asker<'a>>,
        selection: &Selection,
        action: &Action,
        now_us: i64,
    ) -> Result<BulkOutcome> {
        let by = by.into();
        let action = action.checked()?;
        let act = apply::Act {
            scope,
            by: &by,
            actor: by.somebody()?,
            action: &action,
            now_us,
        };
        // Once more when PostgreSQL ended it for the sake of another.
        match self.apply(&act, selection).await {
            Err(error) if error.is_about_order() => self.apply(&act, selection).await,
            outcome => outcome,
        }
    }

    /// An alert's activity, the oldest first.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is no such alert in the scope.
    pub async fn activity(&self, scope: &Scope, id: AlertId) -> Result<Vec<Activity>> {
        let mut connection = self.look(scope).await?;
        alert::row(&mut connection, scope, id).await?;
        let raw: Vec<RawActivity> = sqlx::query_as(
            "SELECT t.at_us, t.actor_id, p.display_name, t.action, t.detail::text AS detail FROM activity t \
             JOIN account p ON p.id = t.actor_id WHERE t.alert_id = $1 ORDER BY t.id DESC LIMIT $2",
        )
        .bind(id.to_bytes().to_vec())
        .bind(ACTIVITY_ROWS_MAX)
        .fetch_all(&mut *connection)
        .await?;
        Ok(raw.into_iter().rev().map(Activity::from).collect())
    }
}

#[cfg(test)]
mod tests;
