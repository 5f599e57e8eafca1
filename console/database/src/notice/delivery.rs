//! What is still to go to people's ways, and what became of it.
//!
//! ```text
//!  make ─▶ delivery ─ take (a lease on the way, rights asked anew) ─▶ sent: gone
//!             ▲                                                    ├─▶ later: waits longer each time, up to a day
//!             └────────────────────────────────────────────────────┘└─▶ never: given up, counted, its owner told
//! ```
//! One console at a time is at one way, for at most [`LEASE_US`]; if it dies, another sends the same again, under the same id. So everything arrives at
//! least once, and at most what was under way at a kill arrives twice. Beyond a ceiling in an hour the rest becomes one summary at its end.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{FromRow, PgConnection};
use vonggac_access::{Day, Grants, PersonId, Tree, action, handover, thing};
use vonggac_event::{AlertId, Scope};

use super::About;
use super::making::Key;
use super::way::{WayId, WayKind};
use crate::alert::{self, AlertRow};
use crate::audit::{self, Asker, Deed};
use crate::handover::HandoverId;
use crate::membership::memberships_on;
use crate::{AccountId, Database, DatabaseError, Result, clean, scope_of};

/// How long one console has for one message, in microseconds: longer than a message may take.
pub const LEASE_US: i64 = 120 * 1_000_000;
/// How long it is tried, in microseconds: a day.
pub const TRIED_US: i64 = 24 * 3_600 * 1_000_000;
/// The time in which messages to one way are counted, in microseconds: an hour.
pub const WINDOW_US: i64 = 3_600 * 1_000_000;
/// Most messages that go to one address of e-mail in that time.
pub const MAIL_MAX: i32 = 30;
/// Most that go to one webhook.
pub const WEBHOOK_MAX: i32 = 120;
/// Messages given up in a row after which a way is paused.
pub const GIVEN_UP_MAX: i32 = 5;
/// First wait before a message is tried again, in microseconds; it doubles each time.
const WAIT_MIN_US: i64 = 30 * 1_000_000;
/// Longest wait, in microseconds.
const WAIT_MAX_US: i64 = 3_600 * 1_000_000;
/// How much later than its last try a message is given up that was not tried, in microseconds.
const LATE_US: i64 = 3_600 * 1_000_000;
/// Most messages of one way that are looked at in one go.
const LOOK_MAX: usize = 500;

/// Id of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeliveryId(pub i64);

/// What a message tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Matter {
    /// An alert, for this reason.
    Alert(About, Box<AlertRow>),
    /// A hand-over that waits, of this organisation.
    Handover(HandoverId, String),
    /// How much more there was, by organisation.
    More(BTreeMap<String, i64>),
}

/// A message that this console is to send now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Id.
    pub id: DeliveryId,
    /// What who receives it knows it by, the same each time.
    pub message_id: String,
    /// On which way.
    pub way: WayId,
    /// What kind of way that is.
    pub kind: WayKind,
    /// Its address.
    pub target: String,
    /// Whose it is.
    pub account: AccountId,
    /// The person's language, `vi` or `en`.
    pub language: String,
    /// What it tells.
    pub matter: Matter,
    /// How often that happened.
    pub times: i64,
    /// When it was first to be told.
    pub at_us: i64,
    /// How often it was tried, this time counted.
    pub attempts: i32,
    lease_us: i64,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken.
    Sent,
    /// It was not, and may be later.
    Later {
        /// Why, in words.
        why: String,
        /// How many seconds who receives it asked to wait at least.
        wait_s: Option<u32>,
        /// Whether it is the way's fault, and not that of a server in between.
        is_of_way: bool,
    },
    /// It never will be.
    Never {
        /// Why, in words.
        why: String,
        /// Whether who receives it wants nothing more.
        is_gone: bool,
    },
}

/// What came of looking for a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// This is to be sent.
    Send(Box<Taken>),
    /// Something was put off or dropped: there may be more.
    Again,
    /// Nothing is due.
    Nothing,
}

#[derive(FromRow)]
struct WayRow {
    id: i64,
    account_id: i64,
    kind: String,
    target: String,
    window_us: i64,
    window_sent: i32,
    language: String,
    is_disabled: bool,
}

#[derive(FromRow, Clone)]
struct Row {
    id: i64,
    message_id: String,
    about: String,
    organisation: String,
    alert_id: Option<Vec<u8>>,
    handover_id: Option<i64>,
    times: i64,
    at_us: i64,
    attempts: i32,
}

/// What the owner of a way may be told of on it now.
struct Sight {
    alerts: Scope,
    handovers: Scope,
}

impl Database {
    /// A message that is due on a way of these kinds, for this console alone until its lease ends. Whose owner may not be told of it any more is dropped.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn take_delivery(&self, tree: &Tree, kinds: &[WayKind], now_us: i64) -> Result<Next> {
        let mut transaction = self.pool.begin().await?;
        let way: Option<WayRow> = sqlx::query_as(
            "SELECT w.id, w.account_id, w.kind, w.target, w.window_us, w.window_sent, a.language, a.disabled_us IS NOT NULL AS is_disabled \
             FROM notice_way w JOIN account a ON a.id = w.account_id \
             WHERE w.lease_us <= $1 AND w.paused_us IS NULL AND w.kind = ANY($2) \
             AND EXISTS (SELECT FROM delivery d WHERE d.way_id = w.id AND d.summary_id IS NULL AND d.next_us <= $1) \
             ORDER BY w.lease_us, w.id LIMIT 1 FOR NO KEY UPDATE OF w SKIP LOCKED",
        )
        .bind(now_us)
        .bind(kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>())
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(mut way) = way else {
            return Ok(Next::Nothing);
        };
        if way.window_us.saturating_add(WINDOW_US) <= now_us {
            (way.window_us, way.window_sent) = (now_us, 0);
        }
        if way.window_sent >= way.ceiling() {
            put_off(&mut transaction, &way, now_us).await?;
            transaction.commit().await?;
            return Ok(Next::Again);
        }
        let found = find(&mut transaction, tree, &way, now_us).await?;
        let next = match found {
            Some((row, matter)) => Next::Send(Box::new(
                lease(&mut transaction, &way, row, matter, now_us).await?,
            )),
            None => Next::Again,
        };
        transaction.commit().await?;
        Ok(next)
    }

    /// Notes what became of a message. `chance`, from 0 to 1, spreads what is tried again.
    ///
    /// # Errors
    /// When PostgreSQL fails; then it is sent again once the lease has ended.
    pub async fn settle_delivery(
        &self,
        taken: &Taken,
        outcome: &Outcome,
        chance: f64,
        now_us: i64,
    ) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        let is_ours: Option<i64> =
            sqlx::query_scalar("SELECT id FROM notice_way WHERE id = $1 AND lease_us = $2 FOR NO KEY UPDATE")
                .bind(taken.way.0)
                .bind(taken.lease_us)
                .fetch_optional(&mut *transaction)
                .await?;
        if is_ours.is_none() && *outcome != Outcome::Sent {
            // Another console has it since, or its owner removed the way.
            return Ok(());
        }
        match outcome {
            Outcome::Sent => note_sent(&mut transaction, taken, now_us).await?,
            Outcome::Later {
                why,
                wait_s,
                is_of_way,
            } if !taken.is_too_old(now_us) => {
                let wait_us = wait_us(taken.attempts, *wait_s, chance);
                let later = Later {
                    why,
                    wait_us,
                    is_of_way: *is_of_way,
                };
                note_later(&mut transaction, taken, &later, now_us).await?;
            }
            Outcome::Later { why, is_of_way, .. } => {
                let end = End {
                    why,
                    is_gone: false,
                    is_of_way: *is_of_way,
                };
                note_given_up(&mut transaction, taken, &end, now_us).await?;
            }
            Outcome::Never { why, is_gone } => {
                let end = End {
                    why,
                    is_gone: *is_gone,
                    is_of_way: true,
                };
                note_given_up(&mut transaction, taken, &end, now_us).await?;
            }
        }
        Ok(transaction.commit().await?)
    }
}

impl WayRow {
    fn ceiling(&self) -> i32 {
        match WayKind::from_name(&self.kind) {
            WayKind::Mail => MAIL_MAX,
            WayKind::Webhook => WEBHOOK_MAX,
        }
    }
}

impl Taken {
    fn is_too_old(&self, now_us: i64) -> bool {
        self.at_us.saturating_add(TRIED_US) <= now_us
    }
}

/// How long a message waits that was tried so often: twice as long each time, a fifth more or less.
fn wait_us(attempts: i32, asked_s: Option<u32>, chance: f64) -> i64 {
    let doubled = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0).min(16);
    let wait_us = WAIT_MIN_US.saturating_mul(1 << doubled).min(WAIT_MAX_US);
    let spread = (wait_us as f64 * (0.8 + 0.4 * chance.clamp(0.0, 1.0))) as i64;
    spread.max(i64::from(asked_s.unwrap_or(0)) * 1_000_000)
}

/// Writes what is to be delivered of notices that are being made. What a paused way is not told is counted there.
pub(super) async fn write<'a>(
    connection: &mut PgConnection,
    notices: impl Iterator<Item = (&'a Key, i64, &'a BTreeSet<i64>)>,
    now_us: i64,
) -> Result<()> {
    let mut rows: Vec<(i64, &Key, i64)> = Vec::new();
    for (key, times, ways) in notices {
        rows.extend(ways.iter().map(|&way| (way, key, times)));
    }
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "WITH new AS (SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bytea[], $5::bigint[], $6::bigint[]) \
         AS u (way_id, about, organisation, alert_id, handover_id, times)), \
         missed AS (UPDATE notice_way w SET dropped = w.dropped + m.count FROM (SELECT way_id, count(*) AS count FROM new GROUP BY way_id) m \
         WHERE w.id = m.way_id AND w.paused_us IS NOT NULL) \
         INSERT INTO delivery (way_id, about, organisation, alert_id, handover_id, times, at_us, next_us) \
         SELECT n.way_id, n.about, n.organisation, n.alert_id, n.handover_id, n.times, $7, $7 FROM new n \
         JOIN notice_way w ON w.id = n.way_id AND w.proved_us IS NOT NULL AND w.paused_us IS NULL \
         ON CONFLICT (way_id, about, organisation, coalesce(alert_id, ''), coalesce(handover_id, 0)) \
         WHERE attempts = 0 AND summary_id IS NULL DO UPDATE SET times = delivery.times + excluded.times",
    )
    .bind(rows.iter().map(|row| row.0).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.1.about).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.1.organisation.clone()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.1.alert.clone()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.1.handover).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.2).collect::<Vec<_>>())
    .bind(now_us)
    .execute(connection)
    .await?;
    Ok(())
}

/// The way has had as much as it may in this hour: what was not tried yet becomes one summary at its end, and what was waits until then.
async fn put_off(connection: &mut PgConnection, way: &WayRow, now_us: i64) -> Result<()> {
    let until_us = way.window_us.saturating_add(WINDOW_US);
    let summary: i64 = sqlx::query_scalar(
        "INSERT INTO delivery (way_id, about, organisation, times, at_us, next_us) VALUES ($1, 'summary', '', 1, $2, $3) \
         ON CONFLICT (way_id, about, organisation, coalesce(alert_id, ''), coalesce(handover_id, 0)) \
         WHERE attempts = 0 AND summary_id IS NULL DO UPDATE SET next_us = excluded.next_us RETURNING id",
    )
    .bind(way.id)
    .bind(now_us)
    .bind(until_us)
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query(
        "UPDATE delivery SET summary_id = CASE WHEN attempts = 0 AND about <> 'summary' THEN $2 END, next_us = greatest(next_us, $3) \
         WHERE way_id = $1 AND summary_id IS NULL AND id <> $2 AND next_us <= $4",
    )
    .bind(way.id)
    .bind(summary)
    .bind(until_us)
    .bind(now_us)
    .execute(&mut *connection)
    .await?;
    // One that tells of nothing, since only what was tried already waits.
    sqlx::query("DELETE FROM delivery d WHERE d.id = $1 AND NOT EXISTS (SELECT FROM delivery f WHERE f.summary_id = d.id)")
        .bind(summary)
        .execute(connection)
        .await?;
    Ok(())
}

/// The first message that is due and that the owner of the way may be told; those that he may not are dropped.
async fn find(
    connection: &mut PgConnection,
    tree: &Tree,
    way: &WayRow,
    now_us: i64,
) -> Result<Option<(Row, Matter)>> {
    let sight = sight(connection, tree, way, now_us).await?;
    for _ in 0..LOOK_MAX {
        let row: Option<Row> = sqlx::query_as(
            "SELECT id, message_id, about, organisation, alert_id, handover_id, times, at_us, attempts FROM delivery \
             WHERE way_id = $1 AND summary_id IS NULL AND next_us <= $2 ORDER BY next_us, id LIMIT 1",
        )
        .bind(way.id)
        .bind(now_us)
        .fetch_optional(&mut *connection)
        .await?;
        let Some(row) = row else { return Ok(None) };
        if let Some(matter) = matter(connection, &row, &sight).await? {
            return Ok(Some((row, matter)));
        }
        sqlx::query("DELETE FROM delivery WHERE id = $1")
            .bind(row.id)
            .execute(&mut *connection)
            .await?;
    }
    Ok(None)
}

/// By e-mail somebody is told what he may read; by webhook, which hands it to a machine, what he may take out.
async fn sight(connection: &mut PgConnection, tree: &Tree, way: &WayRow, now_us: i64) -> Result<Sight> {
    let day = Day::of_us(now_us).ok_or(DatabaseError::NotFound)?;
    let given = memberships_on(connection, &[way.account_id], day).await?;
    let grants = match way.is_disabled {
        true => Grants::default(),
        false => Grants::of(tree, &given, PersonId(way.account_id), day),
    };
    let takes_over = scope_of(&grants.reach::<handover::Handover, action::Approve>());
    let exports = scope_of(&grants.reach::<thing::Alert, action::Export>());
    Ok(match WayKind::from_name(&way.kind) {
        WayKind::Mail => Sight {
            alerts: scope_of(&grants.reach::<thing::Alert, action::Read>()),
            handovers: takes_over,
        },
        WayKind::Webhook => Sight {
            handovers: takes_over.narrowed(|code| exports.covers(code)),
            alerts: exports,
        },
    })
}

/// What a message tells, as far as it may be told; none when nothing is left of it.
async fn matter(connection: &mut PgConnection, row: &Row, sight: &Sight) -> Result<Option<Matter>> {
    if row.about == "summary" {
        return summary(connection, row, sight).await;
    }
    let about = About::from_name(&row.about);
    let scope = if about == Some(About::Handover) {
        &sight.handovers
    } else {
        &sight.alerts
    };
    if !scope.covers(&row.organisation) {
        return Ok(None);
    }
    let alert = row.alert_id.as_deref().and_then(AlertId::from_bytes);
    Ok(match (about, alert, row.handover_id) {
        (Some(About::Handover), _, Some(id)) => {
            // Once somebody took it over there is nothing to tell.
            let waits: Option<i64> =
                sqlx::query_scalar("SELECT id FROM handover WHERE id = $1 AND state = 'handed'")
                    .bind(id)
                    .fetch_optional(connection)
                    .await?;
            waits.map(|id| Matter::Handover(HandoverId(id), row.organisation.clone()))
        }
        (Some(about), Some(id), _) => {
            let mut known = alert::by_ids(connection, vec![id.to_bytes().to_vec()]).await?;
            // It may have been given to another organisation since.
            let row = known.remove(&id).filter(|alert| scope.covers(&alert.tenant));
            row.map(|alert| Matter::Alert(about, Box::new(alert)))
        }
        _ => Some(Matter::More(BTreeMap::from([(
            row.organisation.clone(),
            row.times,
        )]))),
    })
}

/// Of a summary what may be told, by organisation.
async fn summary(connection: &mut PgConnection, row: &Row, sight: &Sight) -> Result<Option<Matter>> {
    let folded: Vec<(String, bool, i64)> = sqlx::query_as(
        "SELECT organisation, about = 'handover', sum(times)::bigint FROM delivery WHERE summary_id = $1 GROUP BY 1, 2",
    )
    .bind(row.id)
    .fetch_all(connection)
    .await?;
    let mut more: BTreeMap<String, i64> = BTreeMap::new();
    for (organisation, is_handover, times) in folded {
        let scope = if is_handover {
            &sight.handovers
        } else {
            &sight.alerts
        };
        if scope.covers(&organisation) {
            *more.entry(organisation).or_default() += times;
        }
    }
    Ok((!more.is_empty()).then_some(Matter::More(more)))
}

async fn lease(
    connection: &mut PgConnection,
    way: &WayRow,
    row: Row,
    matter: Matter,
    now_us: i64,
) -> Result<Taken> {
    let lease_us = now_us.saturating_add(LEASE_US);
    sqlx::query("UPDATE notice_way SET lease_us = $2, window_us = $3, window_sent = $4 WHERE id = $1")
        .bind(way.id)
        .bind(lease_us)
        .bind(way.window_us)
        .bind(way.window_sent.saturating_add(1))
        .execute(&mut *connection)
        .await?;
    // From now on the same again is another message: this one may be on its way.
    sqlx::query("UPDATE delivery SET attempts = attempts + 1 WHERE id = $1")
        .bind(row.id)
        .execute(connection)
        .await?;
    Ok(Taken {
        id: DeliveryId(row.id),
        message_id: row.message_id,
        way: WayId(way.id),
        kind: WayKind::from_name(&way.kind),
        target: way.target.clone(),
        account: AccountId(way.account_id),
        language: way.language.clone(),
        matter,
        times: row.times,
        at_us: row.at_us,
        attempts: row.attempts.saturating_add(1),
        lease_us,
    })
}

async fn note_sent(connection: &mut PgConnection, taken: &Taken, now_us: i64) -> Result<()> {
    sqlx::query("DELETE FROM delivery WHERE id = $1")
        .bind(taken.id.0)
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "UPDATE notice_way SET lease_us = CASE WHEN lease_us = $2 THEN 0 ELSE lease_us END, failing_since_us = NULL, given_up = 0, \
         last_error = '', last_sent_us = $3 WHERE id = $1",
    )
    .bind(taken.way.0)
    .bind(taken.lease_us)
    .bind(now_us)
    .execute(connection)
    .await?;
    Ok(())
}

struct Later<'a> {
    why: &'a str,
    wait_us: i64,
    is_of_way: bool,
}

async fn note_later(
    connection: &mut PgConnection,
    taken: &Taken,
    later: &Later<'_>,
    now_us: i64,
) -> Result<()> {
    sqlx::query("UPDATE delivery SET next_us = $2 WHERE id = $1")
        .bind(taken.id.0)
        .bind(now_us.saturating_add(later.wait_us))
        .execute(&mut *connection)
        .await?;
    // What never got as far as the way does not count for it.
    sqlx::query(
        "UPDATE notice_way SET lease_us = 0, last_error = $2, \
         failing_since_us = CASE WHEN $3 THEN coalesce(failing_since_us, $4) ELSE failing_since_us END, \
         window_sent = window_sent - CASE WHEN $3 THEN 0 ELSE 1 END WHERE id = $1",
    )
    .bind(taken.way.0)
    .bind(clean(later.why))
    .bind(later.is_of_way)
    .bind(now_us)
    .execute(connection)
    .await?;
    Ok(())
}

struct End<'a> {
    why: &'a str,
    is_gone: bool,
    is_of_way: bool,
}

/// Gives a message up. A way to which nothing arrives any more is paused, and that is written down.
async fn note_given_up(
    connection: &mut PgConnection,
    taken: &Taken,
    end: &End<'_>,
    now_us: i64,
) -> Result<()> {
    let lost = sqlx::query("DELETE FROM delivery WHERE id = $1")
        .bind(taken.id.0)
        .execute(&mut *connection)
        .await?;
    let (given_up, failing_since_us): (i32, Option<i64>) = sqlx::query_as(
        "UPDATE notice_way SET lease_us = 0, last_error = $2, dropped = dropped + $3, given_up = given_up + $5, \
         failing_since_us = CASE WHEN $6 THEN coalesce(failing_since_us, $4) ELSE failing_since_us END WHERE id = $1 RETURNING given_up, failing_since_us",
    )
    .bind(taken.way.0)
    .bind(clean(end.why))
    .bind(i64::try_from(lost.rows_affected()).unwrap_or(0))
    .bind(now_us)
    .bind(i32::from(end.is_of_way))
    .bind(end.is_of_way)
    .fetch_one(&mut *connection)
    .await?;
    let is_dead = failing_since_us.is_some_and(|since_us| since_us.saturating_add(TRIED_US) <= now_us);
    if end.is_of_way && (end.is_gone || is_dead || given_up >= GIVEN_UP_MAX) {
        pause(connection, taken, end.why, now_us).await?;
    }
    Ok(())
}

async fn pause(connection: &mut PgConnection, taken: &Taken, why: &str, now_us: i64) -> Result<()> {
    let waiting = sqlx::query("DELETE FROM delivery WHERE way_id = $1")
        .bind(taken.way.0)
        .execute(&mut *connection)
        .await?;
    sqlx::query("UPDATE notice_way SET paused_us = $2, dropped = dropped + $3 WHERE id = $1")
        .bind(taken.way.0)
        .bind(now_us)
        .bind(i64::try_from(waiting.rows_affected()).unwrap_or(0))
        .execute(&mut *connection)
        .await?;
    let deed = Deed::done("notice_way.pause", "notice_way", taken.way.0)
        .with("account", taken.account.0)
        .with("why", why);
    audit::append(connection, &Asker::console(), vec![deed], now_us).await
}

/// Gives up what could not be sent for so long, because the way out was shut.
pub(super) async fn purge(pool: &sqlx::PgPool, now_us: i64) -> Result<()> {
    sqlx::query(
        "WITH old AS (DELETE FROM delivery d USING notice_way w WHERE w.id = d.way_id AND w.lease_us <= $1 AND d.at_us < $2 \
         AND d.summary_id IS NULL RETURNING d.way_id), \
         lost AS (SELECT way_id, count(*) AS count FROM old GROUP BY way_id) \
         UPDATE notice_way w SET dropped = w.dropped + l.count FROM lost l WHERE w.id = l.way_id",
    )
    .bind(now_us)
    .bind(now_us.saturating_sub(TRIED_US + LATE_US))
    .execute(pool)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_hour_and_are_spread() {
        let check = |attempts, asked_s, chance, seconds: i64| {
            let waited = wait_us(attempts, asked_s, chance);
            assert_eq!(waited / 1_000_000, seconds, "{attempts} {asked_s:?} {chance}");
        };
        check(1, None, 0.5, 30);
        check(1, None, 0.0, 24);
        check(1, None, 1.0, 36);
        check(2, None, 0.5, 60);
        check(5, None, 0.5, 480);
        check(8, None, 0.5, 3_600);
        check(1_000, None, 0.5, 3_600);
        check(1, Some(300), 0.5, 300);
    }
}
