//! One action on one alert or on all that match, as one statement.
//!
//! ```text
//!  chosen: the rows in the scope that it can be done to, locked in the order of their ids
//!    ├─▶ changed    their new state, `work` one higher
//!    ├─▶ kept       their state before, for undo
//!    └─▶ told       a line of activity each
//! ```
//! Of rows that were named, those not among the chosen are looked at afterwards for why. The scope is part of `chosen`: a row outside is
//! not waited for either, else the wait would tell that it exists.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder};
use vonggac_event::{AlertId, Scope};

use super::{Action, BULK_ALERTS_MAX, BulkOutcome, MATCHING_ALERTS_MAX, OperationId, Selection, TAGS_MAX};
use crate::alert::{Person, Snooze, Status};
use crate::audit::{self, Asker};
use crate::people::Receiver;
use crate::queue::{push_conditions, push_is_set_aside, push_scope};
use crate::{Account, Database, DatabaseError, Reason, Result};

/// An action of somebody's.
pub(super) struct Act<'a> {
    pub(super) scope: &'a Scope,
    pub(super) by: &'a Asker<'a>,
    pub(super) actor: &'a Account,
    /// Checked.
    pub(super) action: &'a Action,
    pub(super) now_us: i64,
}

/// A row that was changed.
#[derive(FromRow)]
struct Changed {
    id: Vec<u8>,
    /// Who had it, when it has been taken from them.
    from_id: Option<i64>,
}

#[derive(FromRow)]
struct Refusing {
    id: Vec<u8>,
    status: String,
}

impl Database {
    pub(super) async fn apply(&self, act: &Act<'_>, selection: &Selection) -> Result<BulkOutcome> {
        let to = match act.action {
            Action::Assign { to: Some(to), .. } => Some(self.receiver(*to, act.scope, act.now_us).await?),
            _ => None,
        };
        let mut transaction = self.change(act.scope).await?;
        let operation = act.open(&mut transaction).await?;
        let changed = act
            .change(&mut transaction, selection, operation, to.as_ref())
            .await?;
        let mut outcome = BulkOutcome {
            operation: operation.filter(|_| !changed.is_empty()),
            ..BulkOutcome::default()
        };
        if let (Some(unused), None) = (operation, outcome.operation) {
            sqlx::query("DELETE FROM operation WHERE id = $1")
                .bind(unused.0)
                .execute(&mut *transaction)
                .await?;
        }
        let mut deeds = Vec::with_capacity(changed.len());
        for row in changed {
            let Some(id) = AlertId::from_bytes(&row.id) else {
                continue;
            };
            let mut deed = act.action.deed(id);
            if let Some(operation) = operation {
                deed = deed.with("operation", operation.0);
            }
            if let Some(from) = row.from_id {
                deed = deed.with("from", from);
            }
            deeds.push(deed);
            outcome.changed.push(id);
        }
        if let Selection::Ids(ids) = selection {
            outcome.failed = act.refusals(&mut transaction, ids, &outcome.changed).await?;
        }
        let refused = outcome.failed.iter();
        deeds.extend(refused.map(|(id, why)| act.action.deed(*id).refused(why)));
        audit::append(&mut transaction, act.by, deeds, act.now_us).await?;
        transaction.commit().await?;
        Ok(outcome)
    }
}

impl Act<'_> {
    /// The row of the operation, unless it changes nothing that could be undone.
    async fn open(&self, connection: &mut PgConnection) -> Result<Option<OperationId>> {
        if matches!(self.action, Action::Comment { .. }) {
            return Ok(None);
        }
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO operation (account_id, at_us, action) VALUES ($1, $2, $3) RETURNING id",
        )
        .bind(self.actor.id.0)
        .bind(self.now_us)
        .bind(self.action.name())
        .fetch_one(connection)
        .await?;
        Ok(Some(OperationId(id)))
    }

    async fn change(
        &self,
        connection: &mut PgConnection,
        selection: &Selection,
        operation: Option<OperationId>,
        to: Option<&Receiver>,
    ) -> Result<Vec<Changed>> {
        let mut query = QueryBuilder::<Postgres>::new(
            "WITH chosen AS MATERIALIZED (SELECT a.id, a.work, a.status, a.assignee_id, a.verdict, a.verdict_reason, \
             a.snoozed_until_us, a.snoozed_count, a.tags, a.is_suppressed FROM alert a",
        );
        let rows_max = self.push_selection(&mut query, selection)?;
        self.push_applies(&mut query, to);
        query
            .push(" ORDER BY a.id LIMIT ")
            .push_bind(i64::try_from(rows_max).unwrap_or(i64::MAX).saturating_add(1))
            .push(" FOR UPDATE OF a)");
        if let Some(operation) = operation {
            query.push(", changed AS (UPDATE alert a SET work = a.work + 1");
            self.push_change(&mut query);
            query.push(" FROM chosen c WHERE a.id = c.id)");
            query
                .push(
                    ", kept AS (INSERT INTO operation_alert (operation_id, alert_id, work, status, assignee_id, verdict, \
                     verdict_reason, snoozed_until_us, snoozed_count, tags, is_suppressed) SELECT ",
                )
                .push_bind(operation.0)
                .push(
                    ", c.id, c.work + 1, c.status, c.assignee_id, c.verdict, c.verdict_reason, c.snoozed_until_us, \
                     c.snoozed_count, c.tags, c.is_suppressed FROM chosen c)",
                );
        }
        self.push_told(&mut query, to.map(|to| &to.person));
        query.push(" SELECT c.id, ");
        self.push_from(&mut query);
        query.push(" AS from_id FROM chosen c ORDER BY c.id");
        let changed: Vec<Changed> = query
            .build_query_as()
            .fetch_all(connection)
            .await
            .map_err(DatabaseError::of_list)?;
        if changed.len() > rows_max {
            return Err(DatabaseError::Invalid {
                field: "filter",
                problem: "matches more than 10,000 alerts; narrow it",
            });
        }
        Ok(changed)
    }

    /// Which rows, and how many at most.
    fn push_selection(&self, query: &mut QueryBuilder<Postgres>, selection: &Selection) -> Result<usize> {
        match selection {
            Selection::Ids(ids) if ids.len() > BULK_ALERTS_MAX => Err(DatabaseError::Invalid {
                field: "ids",
                problem: "must not be more than 2,000",
            }),
            Selection::Ids(ids) => {
                let ids: Vec<Vec<u8>> = ids.iter().map(|id| id.to_bytes().to_vec()).collect();
                query.push(" WHERE a.id = ANY(").push_bind(ids).push(")");
                push_scope(query, self.scope);
                Ok(BULK_ALERTS_MAX)
            }
            Selection::Matching(filter) => {
                push_conditions(query, self.scope, filter);
                Ok(MATCHING_ALERTS_MAX)
            }
        }
    }

    /// The alerts that it can be done to.
    fn push_applies(&self, query: &mut QueryBuilder<Postgres>, to: Option<&Receiver>) {
        match self.action {
            Action::Comment { .. } => {}
            Action::Acknowledge { take_over, .. } => {
                query.push(" AND a.status <> 'closed'");
                if !take_over {
                    query
                        .push(" AND (a.assignee_id IS NULL OR a.assignee_id = ")
                        .push_bind(self.actor.id.0)
                        .push(")");
                }
            }
            Action::Assign { .. } => {
                query.push(" AND a.status <> 'closed'");
                if let Some(to) = to {
                    query
                        .push(" AND a.tenant = ANY(")
                        .push_bind(to.works_on.to_codes())
                        .push(")");
                }
            }
            Action::Close { .. } | Action::Snooze { .. } => {
                query.push(" AND a.status <> 'closed'");
            }
            Action::Reopen => {
                query.push(" AND a.status <> 'open'");
            }
            Action::Wake => {
                query.push(" AND ");
                push_is_set_aside(query, self.now_us);
            }
            Action::Tag { .. } => {
                query.push(" AND cardinality(");
                self.push_tags(query);
                query.push(format_args!(") <= {TAGS_MAX}"));
            }
        }
    }

    /// The tags of the alert `a` afterwards, sorted and each once.
    fn push_tags(&self, query: &mut QueryBuilder<Postgres>) {
        let Action::Tag { add, remove } = self.action else {
            return;
        };
        query
            .push("ARRAY(SELECT DISTINCT t FROM unnest(a.tags || ")
            .push_bind(add.clone())
            .push(") AS u(t) WHERE t <> ALL(")
            .push_bind(remove.clone())
            .push(") ORDER BY t)");
    }

    /// The columns that change, each after a comma.
    fn push_change(&self, query: &mut QueryBuilder<Postgres>) {
        match self.action {
            Action::Comment { .. } => {}
            Action::Acknowledge { .. } => {
                query
                    .push(", is_suppressed = false, status = 'acknowledged', assignee_id = ")
                    .push_bind(self.actor.id.0);
            }
            Action::Assign { to: Some(to), .. } => {
                query
                    .push(", is_suppressed = false, assignee_id = ")
                    .push_bind(to.0);
            }
            Action::Assign { to: None, .. } => {
                query.push(", status = 'open', assignee_id = NULL");
            }
            Action::Close { verdict, reason, .. } => {
                query
                    .push(", status = 'closed', assignee_id = coalesce(a.assignee_id, ")
                    .push_bind(self.actor.id.0)
                    .push("), snoozed_until_us = NULL, snoozed_count = NULL, verdict = ")
                    .push_bind(verdict.name())
                    .push(", verdict_reason = ")
                    .push_bind(reason.map(Reason::name));
            }
            Action::Reopen => {
                query.push(", is_suppressed = false, status = 'open', assignee_id = NULL, verdict = NULL, verdict_reason = NULL");
            }
            Action::Snooze { until, .. } => match until {
                Snooze::Until { us } => {
                    query
                        .push(", snoozed_count = NULL, snoozed_until_us = ")
                        .push_bind(*us);
                }
                Snooze::UntilAgain => {
                    query.push(", snoozed_until_us = NULL, snoozed_count = a.count");
                }
            },
            Action::Wake => {
                query.push(", snoozed_until_us = NULL, snoozed_count = NULL");
            }
            Action::Tag { .. } => {
                query.push(", tags = ");
                self.push_tags(query);
            }
        }
    }

    /// Who it is taken from: the account that had the chosen row `c`, when another has it afterwards.
    fn push_from(&self, query: &mut QueryBuilder<Postgres>) {
        let to = match self.action {
            Action::Acknowledge { .. } => Some(self.actor.id.0),
            // Nobody has id 0.
            Action::Assign { to, .. } => Some(to.map_or(0, |account| account.0)),
            _ => None,
        };
        match to {
            Some(to) => query.push("nullif(c.assignee_id, ").push_bind(to).push(")"),
            None => query.push("NULL::bigint"),
        };
    }

    /// The lines of activity.
    fn push_told(&self, query: &mut QueryBuilder<Postgres>, to: Option<&Person>) {
        let mut detail = self.action.detail();
        if let Some(to) = to {
            detail.insert("to".to_owned(), Value::String(to.display_name.clone()));
        }
        query.push(
            ", told AS (INSERT INTO activity (alert_id, at_us, actor_id, action, detail) SELECT c.id, ",
        );
        query.push_bind(self.now_us).push(", ").push_bind(self.actor.id.0);
        query.push(", ");
        if matches!(self.action, Action::Acknowledge { .. }) {
            query.push("CASE WHEN p.id IS NULL THEN 'acknowledged' ELSE 'taken_over' END");
        } else {
            query.push_bind(self.action.name());
        }
        query.push(", ").push_bind(Value::Object(detail).to_string());
        query.push(
            "::text::jsonb || CASE WHEN p.id IS NULL THEN '{}' ELSE jsonb_build_object('from', p.display_name) END \
             FROM chosen c LEFT JOIN account p ON p.id = ",
        );
        self.push_from(query);
        query.push(" ORDER BY c.id)");
    }

    /// Why it was not done to those of `ids` that have not changed; in the order of ids, each once.
    async fn refusals(
        &self,
        connection: &mut PgConnection,
        ids: &[AlertId],
        changed: &[AlertId],
    ) -> Result<Vec<(AlertId, DatabaseError)>> {
        let mut left: BTreeSet<AlertId> = ids.iter().copied().collect();
        for id in changed {
            left.remove(id);
        }
        if left.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<Vec<u8>> = left.iter().map(|id| id.to_bytes().to_vec()).collect();
        let mut query = QueryBuilder::<Postgres>::new("SELECT a.id, a.status FROM alert a WHERE a.id = ANY(");
        query.push_bind(keys).push(")");
        push_scope(&mut query, self.scope);
        let found: Vec<Refusing> = query.build_query_as().fetch_all(connection).await?;
        let standing: BTreeMap<AlertId, Option<Status>> = found
            .into_iter()
            .filter_map(|row| Some((AlertId::from_bytes(&row.id)?, Status::from_name(&row.status))))
            .collect();
        let why = |id: &AlertId| match standing.get(id) {
            None => DatabaseError::NotFound,
            Some(status) => DatabaseError::Conflict(self.refusal(*status)),
        };
        Ok(left.iter().map(|id| (*id, why(id))).collect())
    }

    fn refusal(&self, status: Option<Status>) -> &'static str {
        let is_closed = status == Some(Status::Closed);
        match self.action {
            Action::Wake => "the alert is not set aside",
            Action::Tag { .. } => "the alert would have more than 20 tags",
            Action::Reopen => "the alert is open",
            _ if is_closed => "the alert is closed",
            Action::Acknowledge { .. } => "somebody else has the alert",
            Action::Assign { .. } => "the person may not see the alert",
            Action::Close { .. } | Action::Snooze { .. } | Action::Comment { .. } => {
                "the alert has changed meanwhile"
            }
        }
    }
}
