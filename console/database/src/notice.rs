//! What people are told of, by rules that each sets for himself.
//!
//! ```text
//!  alert, work, hand-over ─ trigger ─▶ happening ─ make ─▶ notice ─▶ the person's pages
//!                                                     └──▶ delivery ─▶ the person's ways: e-mail, webhooks
//! ```
//! What happens is kept in the transaction in which it happens and taken out in the one that tells of it, so nothing is told twice or lost,
//! whichever console does it. Rights are asked when a notice is made and again when it is shown. The same thing counts up until it is read;
//! beyond [`PACE_MAX`] in [`PACE_US`] a person is told how many more there were, of which organisation.

pub mod delivery;
#[cfg(test)]
mod delivery_tests;
pub mod making;
pub mod rule;
#[cfg(test)]
mod tests;
pub mod way;

use sqlx::{FromRow, Postgres, QueryBuilder};
use vonggac_event::{AlertId, Scope};

use crate::alert::{self, AlertRow};
use crate::audit::{self, Asker, Deed};
use crate::handover::HandoverId;
use crate::{AccountId, Database, Result};

pub use rule::{About, NewRule, Rule, RuleId};
pub use way::{Way, WayId, WayKind};

/// Most notices of one person that are kept.
pub const NOTICES_MAX: i64 = 1_000;
/// How long one is kept, in microseconds.
pub const KEPT_US: i64 = 30 * 24 * 3_600 * 1_000_000;
/// Most notices of one person in [`PACE_US`]; the rest are a number.
pub const PACE_MAX: i64 = 50;
/// How long that is, in microseconds.
pub const PACE_US: i64 = 10 * 60 * 1_000_000;
/// Most notices in a list.
pub const LIST_MAX: i64 = 200;
/// What happened and nobody could be told of for so long is left out, in microseconds.
const STALE_US: i64 = 24 * 3_600 * 1_000_000;

/// Id of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NoticeId(pub i64);

/// What a notice is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// An alert, for this reason.
    Alert(About, Box<AlertRow>),
    /// A hand-over that waits.
    Handover(HandoverId),
    /// More than the pace allows.
    More,
}

/// Something that somebody is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Id.
    pub id: NoticeId,
    /// What it is about.
    pub subject: Subject,
    /// Whose that is.
    pub organisation: String,
    /// Name of the person's rule that wanted it.
    pub rule: String,
    /// How often it happened; of [`Subject::More`] how many were left out.
    pub times: i64,
    /// First time.
    pub first_us: i64,
    /// Last time.
    pub at_us: i64,
    /// Whether it was read.
    pub is_read: bool,
}

/// What somebody may be shown notices of.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    /// Whose alerts.
    pub alerts: &'a Scope,
    /// Whose hand-overs.
    pub handovers: &'a Scope,
}

/// Whose notices, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which<'a> {
    /// These.
    Ids(&'a [NoticeId]),
    /// All.
    All,
}

#[derive(FromRow)]
struct Row {
    id: i64,
    about: String,
    organisation: String,
    alert_id: Option<Vec<u8>>,
    handover_id: Option<i64>,
    rule_name: String,
    times: i64,
    first_us: i64,
    at_us: i64,
    is_read: bool,
}

/// The notices `n` of an account that lie in a sight.
fn push_seen(query: &mut QueryBuilder<Postgres>, account: AccountId, sight: Sight<'_>) {
    query
        .push(" FROM notice n WHERE n.account_id = ")
        .push_bind(account.0);
    query.push(" AND n.organisation = ANY(CASE WHEN n.about = 'handover' THEN ");
    query.push_bind(sight.handovers.to_codes()).push("::text[] ELSE ");
    query.push_bind(sight.alerts.to_codes()).push("::text[] END)");
}

impl Database {
    /// What an account is told, the latest first, at most [`LIST_MAX`].
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn notices(&self, account: AccountId, sight: Sight<'_>, rows_max: u32) -> Result<Vec<Notice>> {
        let mut query = QueryBuilder::<Postgres>::new(
            "SELECT n.id, n.about, n.organisation, n.alert_id, n.handover_id, n.rule_name, n.times, n.first_us, n.at_us, \
             n.read_us IS NOT NULL AS is_read",
        );
        push_seen(&mut query, account, sight);
        query.push(" ORDER BY n.at_us DESC, n.id DESC LIMIT ");
        query.push_bind(i64::from(rows_max).clamp(1, LIST_MAX));
        let mut look = self.look(sight.alerts).await?;
        let rows: Vec<Row> = query.build_query_as().fetch_all(&mut *look).await?;
        let ids = rows.iter().filter_map(|row| row.alert_id.clone()).collect();
        let alerts = alert::by_ids(&mut look, ids).await?;
        let notice = |row: Row| {
            let alert = row.alert_id.as_deref().and_then(AlertId::from_bytes);
            let subject = match (About::from_name(&row.about), alert, row.handover_id) {
                (Some(About::Handover), _, Some(id)) => Subject::Handover(HandoverId(id)),
                (Some(about), Some(id), _) => Subject::Alert(about, Box::new(alerts.get(&id)?.clone())),
                _ => Subject::More,
            };
            Some(Notice {
                id: NoticeId(row.id),
                subject,
                organisation: row.organisation,
                rule: row.rule_name,
                times: row.times,
                first_us: row.first_us,
                at_us: row.at_us,
                is_read: row.is_read,
            })
        };
        Ok(rows.into_iter().filter_map(notice).collect())
    }

    /// How many of them are not read.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn count_unread_notices(&self, account: AccountId, sight: Sight<'_>) -> Result<i64> {
        let mut query = QueryBuilder::<Postgres>::new("SELECT count(*)");
        push_seen(&mut query, account, sight);
        query.push(" AND n.read_us IS NULL");
        let mut look = self.look(sight.alerts).await?;
        Ok(query.build_query_scalar().fetch_one(&mut *look).await?)
    }

    /// Notes that the asker has read notices of his; those of others are left as they are. How many it was.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn read_notices(&self, by: Asker<'_>, which: Which<'_>, now_us: i64) -> Result<u64> {
        let account = by.somebody()?;
        let mut query = QueryBuilder::<Postgres>::new("UPDATE notice SET read_us = ");
        query
            .push_bind(now_us)
            .push(" WHERE read_us IS NULL AND account_id = ");
        query.push_bind(account.id.0);
        if let Which::Ids(ids) = which {
            let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
            query.push(" AND id = ANY(").push_bind(ids).push(")");
        }
        let mut transaction = self.pool.begin().await?;
        let read = query.build().execute(&mut *transaction).await?.rows_affected();
        if read > 0 {
            let deed = Deed::done("notice.read", "account", account.id.0).with("count", read);
            audit::append(&mut transaction, &by, vec![deed], now_us).await?;
        }
        transaction.commit().await?;
        Ok(read)
    }
}

/// Removes what is too old or too much.
pub(crate) async fn purge(pool: &sqlx::PgPool, now_us: i64) -> Result<()> {
    way::purge(pool, now_us).await?;
    delivery::purge(pool, now_us).await?;
    sqlx::query("DELETE FROM notice WHERE at_us < $1")
        .bind(now_us.saturating_sub(KEPT_US))
        .execute(pool)
        .await?;
    sqlx::query(
        "DELETE FROM notice n USING (SELECT id, row_number() OVER (PARTITION BY account_id ORDER BY at_us DESC, id DESC) AS place \
         FROM notice) o WHERE n.id = o.id AND o.place > $1",
    )
    .bind(NOTICES_MAX)
    .execute(pool)
    .await?;
    // By PostgreSQL's clock, which wrote it.
    sqlx::query(
        "DELETE FROM happening WHERE at_us < (extract(epoch FROM clock_timestamp()) * 1000000)::bigint - $1",
    )
    .bind(STALE_US)
    .execute(pool)
    .await?;
    Ok(())
}
