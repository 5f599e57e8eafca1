//! Taking over what the pipeline says of alerts.
//!
//! A closed alert is a finished piece of work: what happens after it is told by a new row.
//! ```text
//!  pipeline's alert   revision 1 … 7      8 … 30          31 …
//!  rows               the alert itself ─▶ goes on ─────▶ goes on       each with what came in its time
//!                               closed ┘        closed ┘
//! ```
//! A revision that shows more events than were there when the row was closed, and a later last one, makes the next row; its id is a
//! hash of the alert's id and the row's number, so that it is made once, by whichever console. Further revisions go to the last row.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use prost::Message;
use sha2::{Digest, Sha256};
use sqlx::{FromRow, PgConnection};
use vonggac_event::{Alert, AlertId, parse_address, protocol_name};

use super::{AlertRow, Taken};
use crate::{Database, Result, clean};

impl Database {
    /// Takes alerts over, all or none; when this returns, PostgreSQL has committed them. The answers stand in the order given. Of
    /// several revisions of one alert the newest is taken, and the others are known.
    ///
    /// # Errors
    /// When PostgreSQL fails; nothing was taken over then.
    pub async fn take_alerts(&self, alerts: &[Alert]) -> Result<Vec<Taken>> {
        let newest = newest(alerts);
        let mut transaction = self.pool.begin().await?;
        // Nobody else makes rows meanwhile; whoever works on alerts may hold some of them, but never waits for this lock.
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(TAKING_LOCK)
            .execute(&mut *transaction)
            .await?;
        let standing = standing(&mut transaction, newest.keys()).await?;
        let mut incoming: Vec<Incoming> = newest
            .iter()
            .filter_map(|(id, (index, alert))| Incoming::of(*id, *index, alert, standing.get(id)))
            .collect();
        // One order for everybody, so that this and work on many alerts cannot wait for each other.
        incoming.sort_unstable_by_key(|incoming| incoming.id);
        let mut rows = write(&mut transaction, &incoming).await?;
        transaction.commit().await?;

        let mut taken: Vec<Taken> = alerts
            .iter()
            .map(|alert| match AlertId::from_bytes(&alert.alert_id) {
                Some(_) => Taken::Known,
                None => Taken::Refused,
            })
            .collect();
        for incoming in &incoming {
            if let (Some(row), Some(answer)) = (rows.remove(&incoming.id), taken.get_mut(incoming.index)) {
                *answer = Taken::Changed(Box::new(row));
            }
        }
        Ok(taken)
    }
}

/// The advisory lock of whoever takes alerts over.
const TAKING_LOCK: i64 = 0x566f_6e67_4761_6301;

/// The newest revision of each alert, and its place.
fn newest(alerts: &[Alert]) -> BTreeMap<AlertId, (usize, &Alert)> {
    let mut newest: BTreeMap<AlertId, (usize, &Alert)> = BTreeMap::new();
    for (index, alert) in alerts.iter().enumerate() {
        let Some(id) = AlertId::from_bytes(&alert.alert_id) else {
            continue;
        };
        let known = newest.entry(id).or_insert((index, alert));
        if known.1.revision < alert.revision {
            *known = (index, alert);
        }
    }
    newest
}

/// How many events, and entries of its lists, of a pipeline's alert the rows before one tell.
#[derive(Debug, Clone, Copy, Default)]
struct Base {
    count: i64,
    event_ids: i32,
    flow_ids: i32,
}

/// The last row of a pipeline's alert.
struct Standing {
    id: AlertId,
    ordinal: i32,
    revision: i64,
    tenant: String,
    count: i64,
    first_us: i64,
    last_us: i64,
    detected_us: i64,
    base: Base,
    /// Where the row after it begins, once it is closed.
    closed_at: Option<Base>,
}

#[derive(FromRow)]
struct RawStanding {
    id: Vec<u8>,
    origin_id: Vec<u8>,
    ordinal: i32,
    revision: i64,
    tenant: String,
    count: i64,
    first_us: i64,
    last_us: i64,
    detected_us: i64,
    base_count: i64,
    base_event_ids: i32,
    base_flow_ids: i32,
    closed: Option<Vec<u8>>,
}

/// Locks the rows of these alerts of the pipeline; gives the last of each.
async fn standing(
    connection: &mut PgConnection,
    ids: impl Iterator<Item = &AlertId>,
) -> Result<HashMap<AlertId, Standing>> {
    let ids: Vec<Vec<u8>> = ids.map(|id| id.to_bytes().to_vec()).collect();
    let raw: Vec<RawStanding> = sqlx::query_as(
        "SELECT id, origin_id, ordinal, revision, tenant, count, first_us, last_us, detected_us, \
         base_count, base_event_ids, base_flow_ids, CASE WHEN status = 'closed' THEN encoded END AS closed \
         FROM alert WHERE origin_id = ANY($1) ORDER BY id FOR UPDATE",
    )
    .bind(ids)
    .fetch_all(connection)
    .await?;
    let mut standing: HashMap<AlertId, Standing> = HashMap::new();
    for raw in raw {
        let (Some(origin), Some(id)) = (AlertId::from_bytes(&raw.origin_id), AlertId::from_bytes(&raw.id))
        else {
            continue;
        };
        if standing
            .get(&origin)
            .is_none_or(|known| known.ordinal < raw.ordinal)
        {
            standing.insert(origin, Standing::from_raw(id, raw));
        }
    }
    Ok(standing)
}

impl Standing {
    fn from_raw(id: AlertId, raw: RawStanding) -> Self {
        let base = Base {
            count: raw.base_count,
            event_ids: raw.base_event_ids,
            flow_ids: raw.base_flow_ids,
        };
        let more = |base: i32, listed: usize| base.saturating_add(i32::try_from(listed).unwrap_or(i32::MAX));
        let closed_at = raw.closed.map(|encoded| {
            // What this console wrote; if it cannot be read, the next row lists what this one did.
            let alert = Alert::decode(encoded.as_slice()).unwrap_or_default();
            Base {
                count: base.count.saturating_add(raw.count),
                event_ids: more(base.event_ids, alert.event_ids.len()),
                flow_ids: more(base.flow_ids, alert.flow_ids.len()),
            }
        });
        Self {
            id,
            ordinal: raw.ordinal,
            revision: raw.revision,
            tenant: raw.tenant,
            count: raw.count,
            first_us: raw.first_us,
            last_us: raw.last_us,
            detected_us: raw.detected_us,
            base,
            closed_at,
        }
    }
}

/// A row to be written.
struct Incoming {
    /// Place of the alert among those handed over.
    index: usize,
    id: AlertId,
    origin: AlertId,
    ordinal: i32,
    continues: Option<AlertId>,
    base: Base,
    /// As the row tells it.
    alert: Alert,
}

impl Incoming {
    /// The row that a revision changes or makes; `None` when what is at hand is as new, or another tenant's.
    fn of(origin: AlertId, index: usize, alert: &Alert, standing: Option<&Standing>) -> Option<Self> {
        let Some(standing) = standing else {
            return Some(Self {
                index,
                id: origin,
                origin,
                ordinal: 0,
                continues: None,
                base: Base::default(),
                alert: alert.clone(),
            });
        };
        if whole(alert.revision) <= standing.revision || clean(&alert.tenant) != standing.tenant {
            return None;
        }
        let count_after = |base: Base| whole(alert.count).saturating_sub(base.count);
        let goes_on = count_after(standing.base) > standing.count && alert.last_us > standing.last_us;
        let mut row = match standing.closed_at.filter(|_| goes_on) {
            Some(base) => {
                let ordinal = standing.ordinal.saturating_add(1);
                Self {
                    index,
                    id: successor_id(origin, ordinal),
                    origin,
                    ordinal,
                    continues: Some(standing.id),
                    base,
                    // When it came back, as near as the revision tells.
                    alert: Alert {
                        first_us: alert.last_us,
                        detected_us: alert.detected_us.max(alert.last_us),
                        ..alert.clone()
                    },
                }
            }
            None if standing.ordinal == 0 => Self {
                index,
                id: origin,
                origin,
                ordinal: 0,
                continues: None,
                base: standing.base,
                alert: alert.clone(),
            },
            None => Self {
                index,
                id: standing.id,
                origin,
                ordinal: standing.ordinal,
                // Kept by the row.
                continues: None,
                base: standing.base,
                alert: Alert {
                    first_us: standing.first_us,
                    detected_us: standing.detected_us,
                    ..alert.clone()
                },
            },
        };
        if row.ordinal > 0 {
            let told = |count: i32| usize::try_from(count).unwrap_or_default();
            row.alert.alert_id = row.id.to_bytes().to_vec();
            row.alert.count = u64::try_from(count_after(row.base)).unwrap_or_default();
            // The pipeline's lists only grow, so what came before stands in front.
            row.alert.event_ids = alert
                .event_ids
                .iter()
                .skip(told(row.base.event_ids))
                .cloned()
                .collect();
            row.alert.flow_ids = alert
                .flow_ids
                .iter()
                .skip(told(row.base.flow_ids))
                .copied()
                .collect();
        }
        Some(row)
    }
}

/// The id of the row that stands for a pipeline's alert after `ordinal` closings: the first 128 bits of SHA-256.
fn successor_id(origin: AlertId, ordinal: i32) -> AlertId {
    let mut hash = Sha256::new();
    hash.update(b"alert that goes on");
    hash.update(origin.to_bytes());
    hash.update(ordinal.to_be_bytes());
    let digest = hash.finalize();
    AlertId::from_bytes(digest.get(..16).unwrap_or_default()).unwrap_or(AlertId(0))
}

/// PostgreSQL's `bigint` is signed.
fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// What the list of techniques is joined by on its way to PostgreSQL: an array of arrays must not have rows of unequal length.
const LIST_SEPARATOR: char = '\u{1f}';

const TAKE: &str = "INSERT INTO alert (id, origin_id, ordinal, continues_id, base_count, base_event_ids, base_flow_ids, \
    revision, rule_id, rule_title, rule_version, rule_kind, severity, techniques, tactics, tenant, sensor, src, sport, dst, dport, \
    proto, first_us, last_us, detected_us, count, exercise_id, summary, encoded) \
    SELECT r.id, r.origin_id, r.ordinal, r.continues_id, r.base_count, r.base_event_ids, r.base_flow_ids, \
    r.revision, r.rule_id, r.rule_title, r.rule_version, r.rule_kind, r.severity, string_to_array(r.techniques, chr(31)), \
    string_to_array(r.tactics, chr(31)), r.tenant, r.sensor, r.src, r.sport, r.dst, r.dport, \
    r.proto, r.first_us, r.last_us, r.detected_us, r.count, r.exercise_id, r.summary, r.encoded \
    FROM unnest($1::bytea[], $2::bytea[], $3::integer[], $4::bytea[], $5::bigint[], $6::integer[], $7::integer[], \
    $8::bigint[], $9::text[], $10::text[], $11::text[], $12::smallint[], $13::smallint[], $14::text[], \
    $15::text[], $16::text[], $17::text[], $18::text[], $19::integer[], $20::text[], $21::integer[], \
    $22::text[], $23::bigint[], $24::bigint[], $25::bigint[], $26::bigint[], $27::bigint[], $28::text[], $29::bytea[]) \
    AS r(id, origin_id, ordinal, continues_id, base_count, base_event_ids, base_flow_ids, \
    revision, rule_id, rule_title, rule_version, rule_kind, severity, techniques, \
    tactics, tenant, sensor, src, sport, dst, dport, \
    proto, first_us, last_us, detected_us, count, exercise_id, summary, encoded) \
    ORDER BY r.id \
    ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, rule_id = excluded.rule_id, rule_title = excluded.rule_title, \
    rule_version = excluded.rule_version, rule_kind = excluded.rule_kind, severity = excluded.severity, \
    techniques = excluded.techniques, tactics = excluded.tactics, sensor = excluded.sensor, src = excluded.src, \
    sport = excluded.sport, dst = excluded.dst, dport = excluded.dport, proto = excluded.proto, first_us = excluded.first_us, \
    last_us = excluded.last_us, detected_us = excluded.detected_us, count = excluded.count, \
    exercise_id = excluded.exercise_id, summary = excluded.summary, encoded = excluded.encoded \
    WHERE alert.revision < excluded.revision AND alert.tenant = excluded.tenant RETURNING id";

/// Writes the rows; gives those that changed, as they now are.
async fn write(connection: &mut PgConnection, incoming: &[Incoming]) -> Result<BTreeMap<AlertId, AlertRow>> {
    if incoming.is_empty() {
        return Ok(BTreeMap::new());
    }
    let alerts = || incoming.iter().map(|row| &row.alert);
    let rules: Vec<_> = alerts()
        .map(|alert| alert.rule.clone().unwrap_or_default())
        .collect();
    let bytes = |id: AlertId| id.to_bytes().to_vec();
    let address =
        |bytes: &[u8]| parse_address(bytes).map(|address: IpAddr| address.to_canonical().to_string());
    let port = |port: u32| i32::from(u16::try_from(port).unwrap_or_default());
    let list = |list: &[String]| {
        let texts: Vec<String> = list
            .iter()
            .map(|text| clean(text).replace(LIST_SEPARATOR, "\u{fffd}"))
            .collect();
        texts.join("\u{1f}")
    };
    let changed: Vec<Vec<u8>> = sqlx::query_scalar(TAKE)
        .bind(incoming.iter().map(|row| bytes(row.id)).collect::<Vec<_>>())
        .bind(incoming.iter().map(|row| bytes(row.origin)).collect::<Vec<_>>())
        .bind(incoming.iter().map(|row| row.ordinal).collect::<Vec<_>>())
        .bind(
            incoming
                .iter()
                .map(|row| row.continues.map(bytes))
                .collect::<Vec<_>>(),
        )
        .bind(incoming.iter().map(|row| row.base.count).collect::<Vec<_>>())
        .bind(incoming.iter().map(|row| row.base.event_ids).collect::<Vec<_>>())
        .bind(incoming.iter().map(|row| row.base.flow_ids).collect::<Vec<_>>())
        .bind(alerts().map(|alert| whole(alert.revision)).collect::<Vec<_>>())
        .bind(rules.iter().map(|rule| clean(&rule.id)).collect::<Vec<_>>())
        .bind(rules.iter().map(|rule| clean(&rule.title)).collect::<Vec<_>>())
        .bind(rules.iter().map(|rule| clean(&rule.version)).collect::<Vec<_>>())
        .bind(
            rules
                .iter()
                .map(|rule| i16::try_from(rule.kind).unwrap_or_default())
                .collect::<Vec<_>>(),
        )
        .bind(
            rules
                .iter()
                .map(|rule| i16::try_from(rule.severity).unwrap_or_default())
                .collect::<Vec<_>>(),
        )
        .bind(
            rules
                .iter()
                .map(|rule| list(&rule.techniques))
                .collect::<Vec<_>>(),
        )
        .bind(rules.iter().map(|rule| list(&rule.tactics)).collect::<Vec<_>>())
        .bind(alerts().map(|alert| clean(&alert.tenant)).collect::<Vec<_>>())
        .bind(alerts().map(|alert| clean(&alert.sensor)).collect::<Vec<_>>())
        .bind(alerts().map(|alert| address(&alert.src)).collect::<Vec<_>>())
        .bind(alerts().map(|alert| port(alert.sport)).collect::<Vec<_>>())
        .bind(alerts().map(|alert| address(&alert.dst)).collect::<Vec<_>>())
        .bind(alerts().map(|alert| port(alert.dport)).collect::<Vec<_>>())
        .bind(
            alerts()
                .map(|alert| protocol_name(alert.proto))
                .collect::<Vec<_>>(),
        )
        .bind(alerts().map(|alert| alert.first_us).collect::<Vec<_>>())
        .bind(alerts().map(|alert| alert.last_us).collect::<Vec<_>>())
        .bind(alerts().map(|alert| alert.detected_us).collect::<Vec<_>>())
        .bind(alerts().map(|alert| whole(alert.count)).collect::<Vec<_>>())
        .bind(
            alerts()
                .map(|alert| i64::from(alert.exercise_id))
                .collect::<Vec<_>>(),
        )
        .bind(alerts().map(|alert| clean(&alert.summary)).collect::<Vec<_>>())
        .bind(alerts().map(Message::encode_to_vec).collect::<Vec<_>>())
        .fetch_all(&mut *connection)
        .await?;
    super::by_ids(connection, changed).await
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use vonggac_event::{Scope, Severity};

    use super::*;
    use crate::alert::{Links, Status};
    use crate::testing::{self, alert};
    use crate::work::{Action, Selection};
    use crate::{Account, DatabaseError, Verdict};

    #[tokio::test]
    async fn only_a_newer_revision_is_taken_over() {
        let Some(database) = testing::database().await else {
            return;
        };
        let first = alert(1, "moh", 5);
        let later = Alert {
            revision: 7,
            count: 9,
            ..first.clone()
        };
        let taken = database
            .take_alerts(&[first.clone(), later.clone(), first.clone()])
            .await
            .unwrap();
        assert!(
            matches!(taken.as_slice(), [Taken::Known, Taken::Changed(_), Taken::Known]),
            "{taken:?}"
        );
        let taken = database
            .take_alerts(&[later.clone(), first.clone()])
            .await
            .unwrap();
        assert_eq!(taken, [Taken::Known, Taken::Known]);
        let id = AlertId::from_bytes(&first.alert_id).unwrap();
        let row = database.alert(&testing::everyone(), id).await.unwrap();
        assert_eq!((row.revision, row.count, row.status), (7, 9, Status::Open));
        assert_eq!(
            database.alert_message(&testing::everyone(), id).await.unwrap(),
            later
        );
    }

    #[tokio::test]
    async fn work_is_kept_over_revisions() {
        let Some(database) = testing::database().await else {
            return;
        };
        let lan = testing::account(&database, "lan", "*").await;
        let first = alert(2, "moh", 1);
        database.take_alerts(std::slice::from_ref(&first)).await.unwrap();
        let id = AlertId::from_bytes(&first.alert_id).unwrap();
        let close = Action::Close {
            verdict: Verdict::BenignTruePositive,
            reason: None,
            note: None,
        };
        database
            .act(&testing::everyone(), &lan, id, &close, testing::NOW_US)
            .await
            .unwrap();
        let later = Alert {
            revision: 2,
            count: 1000,
            ..first
        };
        let taken = database.take_alerts(&[later]).await.unwrap();
        let [Taken::Changed(row)] = taken.as_slice() else {
            unreachable!("{taken:?}")
        };
        assert_eq!(
            (row.count, row.status, row.verdict),
            (1000, Status::Closed, Some(Verdict::BenignTruePositive))
        );
        assert_eq!(row.assignee.as_ref().unwrap().display_name, "lan");
    }

    #[tokio::test]
    async fn odd_bytes_from_the_wire_do_not_stop_the_queue() {
        let Some(database) = testing::database().await else {
            return;
        };
        let mut odd = alert(3, "moh", u64::MAX);
        odd.summary = "a\0b".into();
        odd.src = vec![1, 2, 3];
        odd.dport = 70_000;
        odd.count = u64::MAX;
        odd.rule = None;
        let nameless = Alert {
            alert_id: vec![1],
            ..odd.clone()
        };
        let taken = database.take_alerts(&[nameless, odd]).await.unwrap();
        let [Taken::Refused, Taken::Changed(row)] = taken.as_slice() else {
            unreachable!("{taken:?}")
        };
        assert_eq!(
            (row.summary.as_str(), row.src.as_deref(), row.dport),
            ("a\u{fffd}b", None, 0)
        );
        assert_eq!((row.count, row.severity), (i64::MAX, Severity::Unspecified));
    }

    fn id_of(alert: &Alert) -> AlertId {
        AlertId::from_bytes(&alert.alert_id).unwrap()
    }

    /// A later state of an alert: `count` events in all, the last of them `seconds` after the first.
    fn grown(first: &Alert, revision: u64, count: u64, seconds: i64) -> Alert {
        Alert {
            revision,
            count,
            last_us: first.first_us + seconds * 1_000_000,
            event_ids: (1..=count.min(100))
                .map(|number| u128::from(number).to_be_bytes().to_vec())
                .collect(),
            flow_ids: (1..=count.min(100)).collect(),
            ..first.clone()
        }
    }

    async fn close(database: &Database, lan: &Account, id: AlertId) {
        let close = Action::Close {
            verdict: Verdict::FalsePositive,
            reason: None,
            note: None,
        };
        let everyone = testing::everyone();
        let done = database.act(&everyone, lan, id, &close, testing::NOW_US);
        done.await.unwrap();
    }

    async fn take_one(database: &Database, alert: Alert) -> Option<AlertRow> {
        match database.take_alerts(&[alert]).await.unwrap().pop() {
            Some(Taken::Changed(row)) => Some(*row),
            _ => None,
        }
    }

    #[tokio::test]
    async fn an_attack_that_goes_on_after_its_alert_was_closed_comes_back() {
        let Some(database) = testing::database().await else {
            return;
        };
        let lan = testing::account(&database, "lan", "*").await;
        let first = alert(4, "moh", 1);
        let id = id_of(&first);
        take_one(&database, grown(&first, 3, 3, 10)).await.unwrap();
        close(&database, &lan, id).await;

        let back = take_one(&database, grown(&first, 5, 5, 60)).await.unwrap();
        assert_ne!(back.id, id);
        assert_eq!(
            (back.status, back.count, back.revision, back.assignee.clone()),
            (Status::Open, 2, 5, None)
        );
        let at_us = |seconds: i64| first.first_us + seconds * 1_000_000;
        assert_eq!((back.first_us, back.last_us), (at_us(60), at_us(60)));
        let message = database
            .alert_message(&testing::everyone(), back.id)
            .await
            .unwrap();
        assert_eq!(
            (
                message.count,
                message.flow_ids.as_slice(),
                message.event_ids.len()
            ),
            (2, [4, 5].as_slice(), 2)
        );
        assert_eq!(id_of(&message), back.id);

        // The closed one stays as it was closed, and both say what they have to do with each other.
        let closed = database.alert(&testing::everyone(), id).await.unwrap();
        assert_eq!(
            (closed.status, closed.count, closed.revision),
            (Status::Closed, 3, 3)
        );
        let links = |id| {
            let database = &database;
            async move { database.alert_links(&testing::everyone(), id).await.unwrap() }
        };
        assert_eq!(
            links(id).await,
            Links {
                continues: None,
                continued_by: Some(back.id)
            }
        );
        assert_eq!(
            links(back.id).await,
            Links {
                continues: Some(id),
                continued_by: None
            }
        );
        let foreign = database.alert_links(&Scope::of(["mot"]), id).await;
        assert!(matches!(foreign, Err(DatabaseError::NotFound)));

        // Kafka tells it again, and then more.
        assert_eq!(take_one(&database, grown(&first, 5, 5, 60)).await, None);
        assert_eq!(take_one(&database, grown(&first, 3, 3, 10)).await, None);
        let more = take_one(&database, grown(&first, 9, 200, 90)).await.unwrap();
        assert_eq!(
            (more.id, more.count, more.first_us, more.last_us),
            (back.id, 197, at_us(60), at_us(90))
        );
        assert_eq!(more.detected_us, back.detected_us);

        // Closed again, and it goes on again.
        close(&database, &lan, back.id).await;
        let third = take_one(&database, grown(&first, 10, 201, 91)).await.unwrap();
        assert!(![id, back.id].contains(&third.id));
        assert_eq!((third.status, third.count), (Status::Open, 1));
        assert_eq!(links(third.id).await.continues, Some(back.id));
        assert_eq!(links(back.id).await.continued_by, Some(third.id));
    }

    #[tokio::test]
    async fn what_is_no_new_activity_leaves_a_closed_alert_closed() {
        let Some(database) = testing::database().await else {
            return;
        };
        let lan = testing::account(&database, "lan", "*").await;
        let first = alert(5, "moh", 1);
        let id = id_of(&first);
        take_one(&database, grown(&first, 3, 3, 10)).await.unwrap();
        close(&database, &lan, id).await;
        // An event of before came late, and then a revision that only says it in other words.
        for (revision, count, seconds) in [(4, 4, 10), (5, 4, 20)] {
            let row = take_one(&database, grown(&first, revision, count, seconds))
                .await
                .unwrap();
            assert_eq!((row.id, row.status, row.count), (id, Status::Closed, 4));
        }
        // Opened again, it goes on itself.
        database
            .act(&testing::everyone(), &lan, id, &Action::Reopen, testing::NOW_US)
            .await
            .unwrap();
        let row = take_one(&database, grown(&first, 6, 9, 30)).await.unwrap();
        assert_eq!((row.id, row.status, row.count), (id, Status::Open, 9));
    }

    #[tokio::test]
    async fn two_consoles_at_once_make_one_of_it() {
        let Some(database) = testing::database().await else {
            return;
        };
        let lan = testing::account(&database, "lan", "*").await;
        let firsts: Vec<Alert> = (1..=20).map(|number| alert(number, "moh", 1)).collect();
        database.take_alerts(&firsts).await.unwrap();
        for first in &firsts {
            close(&database, &lan, id_of(first)).await;
        }
        let later = |revision| {
            let grow =
                move |first: &Alert| grown(first, revision, first.count + revision, 100 + revision as i64);
            firsts.iter().map(grow).collect::<Vec<Alert>>()
        };
        let (older, newer) = (later(2), later(3));
        let (one, other, third) = tokio::join!(
            database.take_alerts(&newer),
            database.take_alerts(&older),
            database.take_alerts(&newer)
        );
        for taken in [one, other, third] {
            assert_eq!(taken.unwrap().len(), 20);
        }
        let counts = database
            .count_alerts(&testing::everyone(), None, None)
            .await
            .unwrap();
        assert_eq!(
            counts.by_status,
            [
                (Status::Open, 20),
                (Status::Acknowledged, 0),
                (Status::Closed, 20)
            ]
        );
    }

    #[tokio::test]
    async fn intake_and_work_on_many_do_not_wait_for_each_other() {
        let Some(database) = testing::database().await else {
            return;
        };
        let lan = testing::account(&database, "lan", "*").await;
        let numbers = 1..=200_u32;
        let ids: Vec<AlertId> = numbers
            .clone()
            .map(|number| AlertId(u128::from(number)))
            .collect();
        let ids = Selection::Ids(ids);
        let intake = async {
            for revision in 1..=15 {
                // Kafka's order is not that of the ids.
                let alerts: Vec<Alert> = numbers.clone().rev().map(|n| alert(n, "moh", revision)).collect();
                database.take_alerts(&alerts).await.unwrap();
            }
        };
        let work = async {
            let everyone = testing::everyone();
            for _ in 0..15 {
                let comment = Action::Comment { text: "x".into() };
                let done = database.act_on_many(&everyone, &lan, &ids, &comment, testing::NOW_US);
                done.await.unwrap();
            }
        };
        tokio::join!(intake, work);
    }

    #[tokio::test]
    async fn lists_come_back_as_they_were() {
        let Some(database) = testing::database().await else {
            return;
        };
        let mut listed = Vec::new();
        for (number, techniques) in [
            (1, vec![]),
            (2, vec!["T1046".to_owned()]),
            (3, vec!["T1046".to_owned(), "\"{},\u{1f}\0".to_owned()]),
        ] {
            let mut one = alert(number, "moh", 1);
            if let Some(rule) = &mut one.rule {
                rule.techniques = techniques;
            }
            listed.push(one);
        }
        let taken = database.take_alerts(&listed).await.unwrap();
        let techniques: Vec<Vec<String>> = taken
            .into_iter()
            .map(|taken| match taken {
                Taken::Changed(row) => row.techniques,
                other => unreachable!("{other:?}"),
            })
            .collect();
        assert_eq!(
            techniques,
            [vec![], vec!["T1046"], vec!["T1046", "\"{},\u{fffd}\u{fffd}"]]
        );
    }
}
