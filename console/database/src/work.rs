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
//! Acknowledging takes the alert; closing takes it when nobody has it; reopening gives it back. Each leaves a line of activity and an
//! entry of the audit log in the same transaction; what is refused leaves an entry of its own.

use serde_json::{Map, Value};
use sqlx::{FromRow, PgConnection};
use vonggac_event::{AlertId, Scope};

use crate::alert::{self, AlertRow, Person, Resolution, Status};
use crate::audit::{self, Asker, Deed, Doer};
use crate::{Account, AccountId, Database, DatabaseError, Result, clean};

/// Longest note and comment, in characters.
pub const NOTE_CHARACTERS_MAX: usize = 10_000;
/// Most alerts changed at once.
pub const BULK_ALERTS_MAX: usize = 2_000;
/// Most lines of activity shown with an alert: the latest.
pub const ACTIVITY_ROWS_MAX: i64 = 500;

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Take it.
    Acknowledge {
        /// Why, or what next.
        note: Option<String>,
    },
    /// Finish it.
    Close {
        /// What it turned out to be.
        resolution: Resolution,
        /// Why.
        note: Option<String>,
    },
    /// Give it back to the queue.
    Reopen,
    /// Say something.
    Comment {
        /// What.
        text: String,
    },
}

/// A line of activity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// When.
    pub at_us: i64,
    /// Who.
    pub actor: Person,
    /// `acknowledged`, `closed`, `reopened`, `assigned`, `commented`.
    pub action: String,
    /// `note`, `resolution`, `text`, as far as the action has them.
    pub detail: Map<String, Value>,
}

/// What became of many alerts.
#[derive(Debug, Default)]
pub struct BulkOutcome {
    /// The alerts that changed, as they now are.
    pub changed: Vec<AlertRow>,
    /// The others, and why.
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

impl Action {
    fn check(&self) -> Result<()> {
        let too_long = |field| DatabaseError::Invalid {
            field,
            problem: "must not be longer than 10,000 characters",
        };
        let (field, text) = match self {
            Self::Acknowledge { note } | Self::Close { note, .. } => ("note", note.as_deref()),
            Self::Reopen => ("note", None),
            Self::Comment { text } if text.trim().is_empty() => {
                return Err(DatabaseError::Invalid {
                    field: "text",
                    problem: "must not be empty",
                });
            }
            Self::Comment { text } => ("text", Some(text.as_str())),
        };
        if text.is_some_and(|text| text.chars().count() > NOTE_CHARACTERS_MAX) {
            return Err(too_long(field));
        }
        Ok(())
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Acknowledge { .. } => "acknowledged",
            Self::Close { .. } => "closed",
            Self::Reopen => "reopened",
            Self::Comment { .. } => "commented",
        }
    }

    /// What it is in the audit log.
    fn deed(&self, id: AlertId) -> Deed {
        let name = match self {
            Self::Acknowledge { .. } => "alert.acknowledge",
            Self::Close { .. } => "alert.close",
            Self::Reopen => "alert.reopen",
            Self::Comment { .. } => "alert.comment",
        };
        let mut deed = Deed::done(name, "alert", id);
        for (key, value) in self.detail() {
            deed = deed.with(&key, value.as_str().unwrap_or_default());
        }
        deed
    }

    fn detail(&self) -> Map<String, Value> {
        let mut detail = Map::new();
        let mut put = |name: &str, text: &str| detail.insert(name.to_owned(), Value::String(clean(text)));
        match self {
            Self::Acknowledge { note: Some(note) } if !note.trim().is_empty() => {
                put("note", note);
            }
            Self::Close { resolution, note } => {
                put("resolution", resolution.name());
                if let Some(note) = note.as_deref().filter(|note| !note.trim().is_empty()) {
                    put("note", note);
                }
            }
            Self::Comment { text } => {
                put("text", text);
            }
            Self::Acknowledge { .. } | Self::Reopen => {}
        }
        detail
    }

    /// Where the alert stands afterwards; `None` when the action leaves it where it is.
    fn change(&self, row: &AlertRow, actor: &Account) -> Result<Option<Change>> {
        let mine = row.assignee.as_ref().is_some_and(|person| person.id == actor.id);
        let holder = || row.assignee.as_ref().map_or(actor.id, |person| person.id);
        Ok(Some(match (self, row.status) {
            (Self::Comment { .. }, _) => return Ok(None),
            (Self::Acknowledge { .. }, Status::Acknowledged) if mine => return Ok(None),
            (Self::Acknowledge { .. }, Status::Acknowledged) => {
                return Err(DatabaseError::Conflict(
                    "somebody else has acknowledged the alert",
                ));
            }
            (Self::Acknowledge { .. } | Self::Close { .. }, Status::Closed) => {
                return Err(DatabaseError::Conflict("the alert is closed"));
            }
            (Self::Reopen, Status::Open) => return Err(DatabaseError::Conflict("the alert is open")),
            (Self::Acknowledge { .. }, Status::Open) => Change {
                status: Status::Acknowledged,
                assignee: Some(actor.id),
                resolution: None,
            },
            (Self::Close { resolution, .. }, Status::Open | Status::Acknowledged) => Change {
                status: Status::Closed,
                assignee: Some(holder()),
                resolution: Some(*resolution),
            },
            (Self::Reopen, Status::Acknowledged | Status::Closed) => Change {
                status: Status::Open,
                assignee: None,
                resolution: None,
            },
        }))
    }
}

struct Change {
    status: Status,
    assignee: Option<AccountId>,
    resolution: Option<Resolution>,
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
        let (_, actor) = (action.check()?, person(&by)?);
        // Once more when PostgreSQL ended it for the sake of another.
        let done = match self.act_once(scope, &by, actor, id, action, now_us).await {
            Err(error) if error.is_about_order() => {
                self.act_once(scope, &by, actor, id, action, now_us).await
            }
            outcome => outcome,
        };
        if let Err(why @ (DatabaseError::NotFound | DatabaseError::Conflict(_))) = &done {
            self.note(&by, action.deed(id).refused(why), now_us).await?;
        }
        done
    }

    async fn act_once(
        &self,
        scope: &Scope,
        by: &Asker<'_>,
        actor: &Account,
        id: AlertId,
        action: &Action,
        now_us: i64,
    ) -> Result<(AlertRow, Activity)> {
        let mut transaction = self.pool.begin().await?;
        let done = act(&mut transaction, scope, actor, id, action, now_us).await?;
        audit::append(&mut transaction, by, vec![action.deed(id)], now_us).await?;
        transaction.commit().await?;
        Ok(done)
    }

    /// Does `action` to many alerts in one transaction: those that refuse it do not stop the others.
    ///
    /// # Errors
    /// When there are too many, the action's text does not do, or PostgreSQL fails; nothing has changed then.
    pub async fn act_on_many<'a>(
        &self,
        scope: &Scope,
        by: impl Into<Asker<'a>>,
        ids: &[AlertId],
        action: &Action,
        now_us: i64,
    ) -> Result<BulkOutcome> {
        let by = by.into();
        action.check()?;
        if ids.len() > BULK_ALERTS_MAX {
            return Err(DatabaseError::Invalid {
                field: "ids",
                problem: "must not be more than 2,000",
            });
        }
        // One order for everybody, so that two of these cannot wait for each other.
        let mut ordered = ids.to_vec();
        ordered.sort_unstable();
        ordered.dedup();
        match self.act_on_all(scope, &by, &ordered, action, now_us).await {
            Err(error) if error.is_about_order() => {
                self.act_on_all(scope, &by, &ordered, action, now_us).await
            }
            outcome => outcome,
        }
    }

    async fn act_on_all(
        &self,
        scope: &Scope,
        by: &Asker<'_>,
        ids: &[AlertId],
        action: &Action,
        now_us: i64,
    ) -> Result<BulkOutcome> {
        let actor = person(by)?;
        let mut outcome = BulkOutcome::default();
        let mut deeds = Vec::with_capacity(ids.len());
        let mut transaction = self.pool.begin().await?;
        for &id in ids {
            match act(&mut transaction, scope, actor, id, action, now_us).await {
                Ok((row, _)) => {
                    deeds.push(action.deed(id));
                    outcome.changed.push(row);
                }
                Err(why @ (DatabaseError::NotFound | DatabaseError::Conflict(_))) => {
                    deeds.push(action.deed(id).refused(&why));
                    outcome.failed.push((id, why));
                }
                Err(other) => return Err(other),
            }
        }
        audit::append(&mut transaction, by, deeds, now_us).await?;
        transaction.commit().await?;
        Ok(outcome)
    }

    /// An alert's activity, the oldest first.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is no such alert in the scope.
    pub async fn activity(&self, scope: &Scope, id: AlertId) -> Result<Vec<Activity>> {
        let mut connection = self.pool.acquire().await?;
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

/// Work on alerts is people's.
fn person<'a>(by: &Asker<'a>) -> Result<&'a Account> {
    match by.doer {
        Doer::Person(account) => Ok(account),
        Doer::Nobody(_) | Doer::Console => Err(DatabaseError::NotFound),
    }
}

async fn act(
    connection: &mut PgConnection,
    scope: &Scope,
    actor: &Account,
    id: AlertId,
    action: &Action,
    now_us: i64,
) -> Result<(AlertRow, Activity)> {
    let key = id.to_bytes().to_vec();
    // With the scope in it: a row outside is not waited for either, else the wait would tell that it exists.
    sqlx::query("SELECT FROM alert WHERE id = $1 AND tenant = ANY($2) FOR UPDATE")
        .bind(&key)
        .bind(scope.to_codes())
        .execute(&mut *connection)
        .await?;
    let mut row = alert::row(connection, scope, id).await?;
    if let Some(change) = action.change(&row, actor)? {
        sqlx::query("UPDATE alert SET status = $2, assignee_id = $3, resolution = $4 WHERE id = $1")
            .bind(&key)
            .bind(change.status.name())
            .bind(change.assignee.map(|account| account.0))
            .bind(change.resolution.map(Resolution::name))
            .execute(&mut *connection)
            .await?;
        row = alert::row(connection, scope, id).await?;
    }
    let detail = action.detail();
    sqlx::query(
        "INSERT INTO activity (alert_id, at_us, actor_id, action, detail) VALUES ($1, $2, $3, $4, $5::text::jsonb)",
    )
    .bind(&key)
    .bind(now_us)
    .bind(actor.id.0)
    .bind(action.name())
    .bind(Value::Object(detail.clone()).to_string())
    .execute(&mut *connection)
    .await?;
    let actor = Person {
        id: actor.id,
        display_name: actor.display_name.clone(),
    };
    Ok((
        row,
        Activity {
            at_us: now_us,
            actor,
            action: action.name().to_owned(),
            detail,
        },
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::{self, NOW_US, alert};

    fn id(number: u32) -> AlertId {
        AlertId::from_bytes(&alert(number, "", 1).alert_id).unwrap()
    }

    fn close() -> Action {
        Action::Close {
            resolution: Resolution::TruePositive,
            note: Some("seen \"it\"\0".into()),
        }
    }

    #[tokio::test]
    async fn an_alert_goes_its_way_and_every_step_is_written_down() {
        let Some(database) = testing::database().await else {
            return;
        };
        let lan = testing::account(&database, "lan", "moh").await;
        let minh = testing::account(&database, "minh", "moh").await;
        database.take_alerts(&[alert(1, "moh", 1)]).await.unwrap();
        let scope = testing::scope_of(&lan);
        let take = Action::Acknowledge { note: None };
        let act = async |actor: &Account, action: &Action| {
            database
                .act(&scope, actor, id(1), action, NOW_US)
                .await
                .map(|(row, _)| row)
        };
        let conflict = async |actor: &Account, action: &Action| {
            let error = act(actor, action).await.unwrap_err();
            assert!(matches!(error, DatabaseError::Conflict(_)), "{action:?}: {error}");
        };
        conflict(&lan, &Action::Reopen).await;
        assert_eq!(act(&lan, &take).await.unwrap().assignee.unwrap().id, lan.id);
        conflict(&minh, &take).await;
        let closed = act(&minh, &close()).await.unwrap();
        assert_eq!(
            (closed.status, closed.assignee.unwrap().id),
            (Status::Closed, lan.id)
        );
        conflict(&lan, &close()).await;
        conflict(&lan, &take).await;
        let open = act(&lan, &Action::Reopen).await.unwrap();
        assert_eq!(
            (open.status, open.assignee, open.resolution),
            (Status::Open, None, None)
        );
        act(&minh, &Action::Comment { text: "hm".into() }).await.unwrap();

        let activity = database.activity(&scope, id(1)).await.unwrap();
        let told: Vec<_> = activity
            .iter()
            .map(|line| (line.actor.display_name.as_str(), line.action.as_str()))
            .collect();
        let expect = [
            ("lan", "acknowledged"),
            ("minh", "closed"),
            ("lan", "reopened"),
            ("minh", "commented"),
        ];
        assert_eq!(told, expect);
        let detail = serde_json::to_string(&activity.get(1).unwrap().detail).unwrap();
        assert_eq!(
            detail,
            "{\"note\":\"seen \\\"it\\\"\u{fffd}\",\"resolution\":\"true_positive\"}"
        );
    }

    #[tokio::test]
    async fn a_foreign_alert_is_not_waited_for() {
        let Some(database) = testing::database().await else {
            return;
        };
        let lan = testing::account(&database, "lan", "moh").await;
        database.take_alerts(&[alert(1, "mot", 1)]).await.unwrap();
        let mut holder = database.pool.begin().await.unwrap();
        sqlx::query("SELECT FROM alert FOR UPDATE")
            .execute(&mut *holder)
            .await
            .unwrap();
        let scope = testing::scope_of(&lan);
        let refused = database.act(&scope, &lan, id(1), &close(), NOW_US).await;
        assert!(matches!(refused, Err(DatabaseError::NotFound)), "{refused:?}");
        let outcome = database
            .act_on_many(&scope, &lan, &[id(1)], &close(), NOW_US)
            .await
            .unwrap();
        assert_eq!(outcome.failed.len(), 1);
    }

    #[tokio::test]
    async fn a_deadlock_is_tried_again() {
        let Some(database) = testing::database().await else {
            return;
        };
        let lan = testing::account(&database, "lan", "moh").await;
        database
            .take_alerts(&[alert(1, "moh", 1), alert(2, "moh", 1)])
            .await
            .unwrap();
        let lock = async |holder: &mut PgConnection, number: u32| {
            sqlx::query("SELECT FROM alert WHERE id = $1 FOR UPDATE")
                .bind(id(number).to_bytes().to_vec())
                .execute(holder)
                .await
        };
        // Another that locks from the other end, and is not the one to be ended: its patience is longer.
        let mut holder = database.pool.begin().await.unwrap();
        sqlx::query("SET LOCAL deadlock_timeout = '1min'")
            .execute(&mut *holder)
            .await
            .unwrap();
        lock(&mut holder, 2).await.unwrap();
        let scope = testing::scope_of(&lan);
        let (ids, action) = ([id(1), id(2)], close());
        let bulk = database.act_on_many(&scope, &lan, &ids, &action, NOW_US);
        let other = async {
            while sqlx::query_scalar::<_, i64>("SELECT count(*) FROM pg_locks WHERE NOT granted")
                .fetch_one(&database.pool)
                .await
                .unwrap()
                == 0
            {
                tokio::task::yield_now().await;
            }
            lock(&mut holder, 1).await.unwrap();
            holder.commit().await.unwrap();
        };
        let (outcome, ()) = tokio::join!(bulk, other);
        assert_eq!(outcome.unwrap().changed.len(), 2);
    }

    #[tokio::test]
    async fn activity_cannot_be_changed_even_by_the_owner_of_the_database() {
        let Some(database) = testing::database().await else {
            return;
        };
        let lan = testing::account(&database, "lan", "*").await;
        database.take_alerts(&[alert(1, "moh", 1)]).await.unwrap();
        database
            .act(&testing::everyone(), &lan, id(1), &close(), NOW_US)
            .await
            .unwrap();
        for statement in [
            "UPDATE activity SET at_us = 0",
            "DELETE FROM activity",
            "TRUNCATE activity",
        ] {
            let error = sqlx::query(statement).execute(&database.pool).await.unwrap_err();
            assert!(error.to_string().contains("append-only"), "{statement}: {error}");
        }
    }

    #[tokio::test]
    async fn many_at_once_skip_what_refuses() {
        let Some(database) = testing::database().await else {
            return;
        };
        let lan = testing::account(&database, "lan", "moh").await;
        let all = [
            alert(1, "moh", 1),
            alert(2, "mot", 1),
            alert(3, "moh", 1),
            alert(4, "moh", 1),
        ];
        database.take_alerts(&all).await.unwrap();
        let scope = testing::scope_of(&lan);
        database.act(&scope, &lan, id(4), &close(), NOW_US).await.unwrap();
        let ids = [id(3), id(1), id(2), id(4), id(9), id(1)];
        let outcome = database
            .act_on_many(&scope, &lan, &ids, &close(), NOW_US)
            .await
            .unwrap();
        assert_eq!(
            outcome.changed.iter().map(|row| row.id).collect::<Vec<_>>(),
            [id(1), id(3)]
        );
        let failed: Vec<_> = outcome
            .failed
            .iter()
            .map(|(id, why)| (*id, why.to_string()))
            .collect();
        let expect = [
            (id(2), "not found".into()),
            (id(4), "the alert is closed".into()),
            (id(9), "not found".into()),
        ];
        assert_eq!(failed, expect);
        let foreign = database.alert(&testing::everyone(), id(2)).await.unwrap();
        assert_eq!(foreign.status, Status::Open);
        let none = database.activity(&scope, id(2)).await.unwrap_err();
        assert!(matches!(none, DatabaseError::NotFound));
        let too_many = vec![id(1); BULK_ALERTS_MAX + 1];
        assert!(
            database
                .act_on_many(&scope, &lan, &too_many, &close(), NOW_US)
                .await
                .is_err()
        );
    }
}
