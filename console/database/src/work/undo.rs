//! Undo: an operation's alerts as they were before it, those excepted that somebody has changed since.

use sqlx::{FromRow, PgConnection, PgPool, Postgres, QueryBuilder};
use vonggac_event::{AlertId, Scope};

use super::OperationId;
use crate::audit::{self, Asker, Deed};
use crate::exception::judging::in_force;
use crate::queue::push_scope;
use crate::{Account, Database, DatabaseError, Result};

/// How long an operation can be undone, in microseconds: a day.
pub const UNDO_US: i64 = 24 * 3600 * 1_000_000;

/// What became of an operation's alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// Those that are as they were.
    pub restored: Vec<AlertId>,
    /// How many were left alone, because somebody has changed them since.
    pub left: i64,
}

#[derive(FromRow)]
struct Operation {
    action: String,
    undone_us: Option<i64>,
    alerts: i64,
}

impl Database {
    /// Undoes an operation of one's own.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is none of this account's within a day; [`DatabaseError::Conflict`] when it was undone.
    pub async fn undo<'a>(
        &self,
        scope: &Scope,
        by: impl Into<Asker<'a>>,
        id: OperationId,
        now_us: i64,
    ) -> Result<Undone> {
        let by = by.into();
        let actor = by.somebody()?;
        let done = match self.undo_once(scope, &by, actor, id, now_us).await {
            Err(error) if error.is_about_order() => self.undo_once(scope, &by, actor, id, now_us).await,
            outcome => outcome,
        };
        if let Err(why @ (DatabaseError::NotFound | DatabaseError::Conflict(_))) = &done {
            let deed = Deed::done("operation.undo", "operation", id.0).refused(why);
            self.note(&by, deed, now_us).await?;
        }
        done
    }

    async fn undo_once(
        &self,
        scope: &Scope,
        by: &Asker<'_>,
        actor: &Account,
        id: OperationId,
        now_us: i64,
    ) -> Result<Undone> {
        let mut transaction = self.change(scope).await?;
        let operation: Option<Operation> = sqlx::query_as(
            "SELECT o.action, o.undone_us, (SELECT count(*) FROM operation_alert k WHERE k.operation_id = o.id) AS alerts \
             FROM operation o WHERE o.id = $1 AND o.account_id = $2 AND o.at_us > $3 FOR UPDATE OF o",
        )
        .bind(id.0)
        .bind(actor.id.0)
        .bind(now_us.saturating_sub(UNDO_US))
        .fetch_optional(&mut *transaction)
        .await?;
        let operation = operation.ok_or(DatabaseError::NotFound)?;
        if operation.undone_us.is_some() {
            return Err(DatabaseError::Conflict("it was undone already"));
        }
        if operation.alerts > 0 && !is_about(&mut transaction, scope, id).await? {
            return Err(DatabaseError::NotFound);
        }
        let restored: Vec<Vec<u8>> = restoring(scope, actor, id, &operation.action, now_us)
            .build_query_scalar()
            .fetch_all(&mut *transaction)
            .await?;
        sqlx::query("UPDATE operation SET undone_us = $2 WHERE id = $1")
            .bind(id.0)
            .bind(now_us)
            .execute(&mut *transaction)
            .await?;
        let restored: Vec<AlertId> = restored
            .iter()
            .filter_map(|bytes| AlertId::from_bytes(bytes))
            .collect();
        let mut deeds = vec![Deed::done("operation.undo", "operation", id.0)];
        deeds.extend(
            restored
                .iter()
                .map(|alert| Deed::done("alert.undo", "alert", *alert).with("operation", id.0)),
        );
        audit::append(&mut transaction, by, deeds, now_us).await?;
        transaction.commit().await?;
        let left = operation
            .alerts
            .saturating_sub(i64::try_from(restored.len()).unwrap_or(i64::MAX));
        Ok(Undone { restored, left })
    }
}

/// Whether an operation has an alert of the scope; one that has none is not there.
async fn is_about(connection: &mut PgConnection, scope: &Scope, id: OperationId) -> Result<bool> {
    let mut query = QueryBuilder::<Postgres>::new(
        "SELECT EXISTS (SELECT FROM operation_alert k JOIN alert a ON a.id = k.alert_id WHERE k.operation_id = ",
    );
    query.push_bind(id.0);
    push_scope(&mut query, scope);
    query.push(")");
    Ok(query.build_query_scalar().fetch_one(connection).await?)
}

/// The statement that restores; gives the ids. An alert's state is the whole of what people made of it, but for its activity.
fn restoring(
    scope: &Scope,
    actor: &Account,
    id: OperationId,
    action: &str,
    now_us: i64,
) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(
        "WITH chosen AS MATERIALIZED (SELECT k.* FROM operation_alert k JOIN alert a ON a.id = k.alert_id AND a.work = k.work \
         WHERE k.operation_id = ",
    );
    query.push_bind(id.0);
    push_scope(&mut query, scope);
    query
        .push(
            " ORDER BY a.id FOR UPDATE OF a), \
             changed AS (UPDATE alert a SET work = a.work + 1, status = c.status, assignee_id = c.assignee_id, \
             verdict = c.verdict, verdict_reason = c.verdict_reason, snoozed_until_us = c.snoozed_until_us, \
             snoozed_count = c.snoozed_count, tags = c.tags, is_suppressed = a.is_suppressed OR c.is_suppressed AND EXISTS \
             (SELECT FROM exception e WHERE e.id = a.exception_id AND e.effect = 'hide' AND ",
        )
        .push(in_force!())
        .push_bind(now_us)
        .push(
            ") FROM chosen c WHERE a.id = c.alert_id), \
             told AS (INSERT INTO activity (alert_id, at_us, actor_id, action, detail) SELECT c.alert_id, ",
        )
        .push_bind(now_us)
        .push(", ")
        .push_bind(actor.id.0)
        .push(", 'undone', jsonb_build_object('action', ")
        .push_bind(action.to_owned())
        .push("::text) FROM chosen c ORDER BY c.alert_id) SELECT c.alert_id FROM chosen c ORDER BY c.alert_id");
    query
}

/// Removes what can no longer be undone.
pub(crate) async fn purge(pool: &PgPool, now_us: i64) -> Result<()> {
    sqlx::query("DELETE FROM operation WHERE at_us <= $1")
        .bind(now_us.saturating_sub(UNDO_US))
        .execute(pool)
        .await?;
    Ok(())
}
