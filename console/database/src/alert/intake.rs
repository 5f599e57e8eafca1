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

use prost::Message;
use sha2::{Digest, Sha256};
use sqlx::{FromRow, PgConnection};
use vonggac_event::{Alert, AlertId};

use super::Taken;
use super::write::{whole, write};
use crate::{Database, Result, clean};

impl Database {
    /// Takes alerts over, all or none; when this returns, PostgreSQL has committed them. The answers stand in the order given. Of
    /// several revisions of one alert the newest is taken, and the others are known. Exceptions in force at `now_us` hide or lower them.
    ///
    /// # Errors
    /// When PostgreSQL fails; nothing was taken over then.
    pub async fn take_alerts_at(&self, alerts: &[Alert], now_us: i64) -> Result<Vec<Taken>> {
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
        let mut rows = write(&mut transaction, &incoming, now_us).await?;
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
pub(super) struct Base {
    pub(super) count: i64,
    pub(super) event_ids: i32,
    pub(super) flow_ids: i32,
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
    /// How exceptions stand to it now.
    before: Before,
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
    exception: Option<i64>,
    is_suppressed: bool,
}

/// Locks the rows of these alerts of the pipeline; gives the last of each.
async fn standing(
    connection: &mut PgConnection,
    ids: impl Iterator<Item = &AlertId>,
) -> Result<HashMap<AlertId, Standing>> {
    let ids: Vec<Vec<u8>> = ids.map(|id| id.to_bytes().to_vec()).collect();
    let raw: Vec<RawStanding> = sqlx::query_as(
        "SELECT id, origin_id, ordinal, revision, tenant, count, first_us, last_us, detected_us, \
         base_count, base_event_ids, base_flow_ids, CASE WHEN status = 'closed' THEN encoded END AS closed, \
         CASE WHEN is_suppressed OR raised_severity IS NOT NULL THEN exception_id END AS exception, is_suppressed \
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
            before: match raw.exception {
                None => Before::Free,
                Some(exception) if raw.is_suppressed => Before::Hidden(exception),
                Some(exception) => Before::Lowered(exception),
            },
        }
    }
}

/// How the exceptions of its rule stand to a row before it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// It is new: they are held against it.
    New,
    /// This one hides it: they are held against it again.
    Hidden(i64),
    /// It is in the queue and stays there, and this one lowers it: those that lower are held against it again.
    Lowered(i64),
    /// It is in the queue already, and stays there.
    Free,
}

impl Before {
    /// Whether an exception may keep it out of the queue.
    pub(super) fn may_be_hidden(self) -> bool {
        matches!(self, Self::New | Self::Hidden(_))
    }
}

/// A row to be written.
pub(super) struct Incoming {
    /// Place of the alert among those handed over.
    index: usize,
    pub(super) id: AlertId,
    pub(super) origin: AlertId,
    pub(super) ordinal: i32,
    pub(super) continues: Option<AlertId>,
    pub(super) base: Base,
    /// As the row tells it.
    pub(super) alert: Alert,
    pub(super) before: Before,
    /// Events that the row did not tell before.
    pub(super) growth: i64,
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
                before: Before::New,
                growth: whole(alert.count),
            });
        };
        if whole(alert.revision) <= standing.revision || clean(&alert.tenant) != standing.tenant {
            return None;
        }
        let count_after = |base: Base| whole(alert.count).saturating_sub(base.count);
        let goes_on = count_after(standing.base) > standing.count && alert.last_us > standing.last_us;
        let before = standing.before;
        let growth = count_after(standing.base).saturating_sub(standing.count).max(0);
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
                    before: Before::New,
                    growth,
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
                before,
                growth,
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
                before,
                growth,
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use vonggac_event::{Scope, Severity};

    use super::*;
    use crate::alert::{AlertRow, Links, Status};
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
