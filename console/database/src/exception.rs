//! Exceptions: which alerts of a rule an organisation wants out of its queue, or less urgent, until when and why.
//!
//! ```text
//!  made ──▶ in force ──▶ expired          only an exception in force hides or lowers, and only alerts that come then
//!    │         ▲   └───▶ ended
//!    └▶ waits ─┘                          the whole rule, at critical severity: another person must agree
//! ```
//! A hidden alert is stored, counted on its exception and found by the queue's filter; it is not in the queue and nobody is told of it.
//! What goes on after its exception is over comes back ([`judging`]). An exception is for one organisation, or also for what stands
//! beneath it, and touches nobody else's alerts; alerts of exercises are left alone.

mod change;
mod conditions;
pub(crate) mod judging;
mod list;
mod preview;
#[cfg(test)]
mod tests;

use vonggac_access::{Day, OrganisationId, Tree};
use vonggac_event::{AlertId, Scope, Severity};

pub use conditions::{CONDITIONS_MAX, Condition, Conditions, Network, offered};
pub use list::EXCEPTIONS_LISTED_MAX;
pub use preview::{Day as PreviewDay, PREVIEW_DAYS, Preview};

use crate::alert::Person;
use crate::{DatabaseError, Reason, Result, Verdict, clean};

/// How long an exception holds when nothing is said.
pub const DEFAULT_DAYS: i64 = 30;
/// The longest that one may hold from when it is made or extended.
pub const DAYS_MAX: i64 = 365;
/// Most exceptions in force or waiting, of one organisation.
pub const OF_ORGANISATION_MAX: i64 = 500;
/// Most of them for one rule: each alert of the rule is held against all.
pub const OF_RULE_MAX: i64 = 50;
/// Longest note, in characters.
pub const NOTE_CHARACTERS_MAX: usize = 2_000;
/// Microseconds of a day.
pub(crate) const DAY_US: i64 = 86_400_000_000;

/// Id of an exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExceptionId(pub i64);

/// What an exception does to alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Keeps them out of the queue.
    Hide,
    /// Makes those that are more urgent no more urgent than this.
    Lower {
        /// Below critical.
        to: Severity,
    },
}

/// Which alerts: a rule's, of an organisation, that meet all conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// The alert that it is made from; its rule is meant, and it must itself meet the conditions.
    pub alert: AlertId,
    /// Whose.
    pub organisation: OrganisationId,
    /// And of what stands beneath.
    pub with_beneath: bool,
    /// All of them; with none it is the whole rule.
    pub conditions: Conditions,
}

/// An exception to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewException {
    /// Which alerts.
    pub reach: Reach,
    /// What becomes of them.
    pub effect: Effect,
    /// Why; a reason of a benign or a false positive.
    pub reason: Reason,
    /// Why, in words.
    pub note: String,
    /// Until when.
    pub expires_us: i64,
}

/// How an exception stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It waits for a second person, and hides nothing.
    Waiting,
    /// It is in force.
    Active,
    /// Its time is over.
    Expired,
    /// Somebody ended it.
    Ended,
}

/// Somebody did something at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// Who.
    pub by: Person,
    /// When.
    pub at_us: i64,
    /// What he said; may be empty.
    pub note: String,
}

/// An extension that waits for a second person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Who asks, when and why.
    pub asked: Done,
    /// Until when it would hold.
    pub to_us: i64,
}

/// An exception.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Id.
    pub id: ExceptionId,
    /// Whose alerts it is about.
    pub organisation: OrganisationId,
    /// And of what stands beneath.
    pub with_beneath: bool,
    /// The rule's id.
    pub rule_id: String,
    /// Its title when the exception was made.
    pub rule_title: String,
    /// The title in Vietnamese, as the alert has it that the exception was made from and as long as that is there to be seen.
    pub rule_title_vi: Option<String>,
    /// The alert that it was made from.
    pub alert: Option<AlertId>,
    /// What alerts must be like.
    pub conditions: Conditions,
    /// What becomes of them.
    pub effect: Effect,
    /// Why.
    pub reason: Reason,
    /// Who made it, when and why.
    pub made: Done,
    /// Until when it holds.
    pub expires_us: i64,
    /// Whether it takes a second person.
    pub needs_approval: bool,
    /// Who agreed.
    pub approved: Option<Done>,
    /// An extension that waits.
    pub extension: Option<Extension>,
    /// Who ended it.
    pub ended: Option<Done>,
    /// How it stands.
    pub state: State,
    /// Alerts that it hid or lowered.
    pub hits: i64,
    /// Events of them.
    pub events: i64,
    /// When the last came.
    pub last_hit_us: Option<i64>,
    /// Alerts of the last seven days.
    pub hits_week: i64,
    /// Alerts of the seven days before those.
    pub hits_week_before: i64,
}

impl Exception {
    /// Who asks for what waits: the approval must be another's.
    pub fn asker(&self) -> &Person {
        match &self.extension {
            Some(extension) => &extension.asked.by,
            None => &self.made.by,
        }
    }
}

/// The verdict that a reason belongs to: what alerts are closed with that an exception is about.
pub fn verdict_of(reason: Reason) -> Option<Verdict> {
    [Verdict::BenignTruePositive, Verdict::FalsePositive]
        .into_iter()
        .find(|verdict| verdict.reasons().contains(&reason))
}

/// The organisations whose alerts an exception is about on a day, with those that they came from; one that is over has none.
pub fn covered(tree: &Tree, organisation: &OrganisationId, with_beneath: bool, day: Day) -> Scope {
    if tree.current_of(organisation, day) != Some(organisation) {
        return Scope::default();
    }
    let keepers = if with_beneath {
        tree.subtree_at(organisation, day)
    } else {
        std::iter::once(organisation).collect()
    };
    let kept = tree.kept_by(&keepers, day);
    Scope::of(kept.iter().map(OrganisationId::as_str))
}

/// A note that says something, as it is kept.
fn checked_note(text: &str) -> Result<String> {
    let note = clean(text.trim());
    if note.is_empty() || note.chars().count() > NOTE_CHARACTERS_MAX {
        return Err(DatabaseError::Invalid {
            field: "note",
            problem: "has 1 to 2,000 characters",
        });
    }
    Ok(note)
}

/// A time at which it may end.
fn check_expiry(expires_us: i64, now_us: i64) -> Result<()> {
    if expires_us <= now_us || expires_us > now_us.saturating_add(DAYS_MAX * DAY_US) {
        return Err(DatabaseError::Invalid {
            field: "expires_at",
            problem: "is to come, and at most a year away",
        });
    }
    Ok(())
}

impl Effect {
    /// `hide`, `lower`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hide => "hide",
            Self::Lower { .. } => "lower",
        }
    }

    fn severity(self) -> Option<i16> {
        match self {
            Self::Hide => None,
            Self::Lower { to } => i16::try_from(to as i32).ok(),
        }
    }

    fn check(self) -> Result<()> {
        match self {
            Self::Lower {
                to: Severity::Critical | Severity::Unspecified,
            } => Err(DatabaseError::Invalid {
                field: "severity",
                problem: "is one below critical",
            }),
            Self::Hide | Self::Lower { .. } => Ok(()),
        }
    }
}
