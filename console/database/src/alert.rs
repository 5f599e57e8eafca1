//! Alerts as the pipeline says they stand.
//!
//! A row has what lists show, the alert's Protobuf for its page, and beside them what people did. [`Database::take_alerts`] is the
//! only way in: it takes a revision over when it is newer than the one at hand, so that repeats and late comers change nothing.

mod intake;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod vietnamese_tests;
mod write;

use std::collections::BTreeMap;

use prost::Message;
use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder};
use vonggac_event::{Alert, AlertId, RuleKind, Scope, Severity, Stage};

use crate::exception::ExceptionId;
use crate::queue::push_scope;
use crate::verdict::{Reason, Verdict};
use crate::{AccountId, Database, DatabaseError, Result};

/// Where work on an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Nobody has it.
    Open,
    /// Somebody works on it.
    Acknowledged,
    /// It is done.
    Closed,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Open, Self::Acknowledged, Self::Closed];

    /// `open`, `acknowledged`, `closed`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Closed => "closed",
        }
    }

    /// The status of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// Somebody, as others see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Id of the account.
    pub id: AccountId,
    /// Name.
    pub display_name: String,
}

/// An alert as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRow {
    /// Id.
    pub id: AlertId,
    /// Which state of it the pipeline told last.
    pub revision: i64,
    /// Id of its rule.
    pub rule_id: String,
    /// Title of its rule.
    pub rule_title: String,
    /// The title in Vietnamese, where the rule says it.
    pub rule_title_vi: Option<String>,
    /// Version of its rule.
    pub rule_version: String,
    /// Language of its rule.
    pub rule_kind: RuleKind,
    /// How urgent.
    pub severity: Severity,
    /// ATT&CK techniques.
    pub techniques: Vec<String>,
    /// ATT&CK tactics.
    pub tactics: Vec<String>,
    /// Whose network.
    pub tenant: String,
    /// Which sensor.
    pub sensor: String,
    /// The side that opened the flow.
    pub src: Option<String>,
    /// Its port; 0 for none.
    pub sport: u16,
    /// The other side.
    pub dst: Option<String>,
    /// Its port; 0 for none.
    pub dport: u16,
    /// Transport: `tcp`, `udp`, …; empty for none.
    pub proto: String,
    /// Time of its first event.
    pub first_us: i64,
    /// Time of its last event.
    pub last_us: i64,
    /// When the pipeline first raised it.
    pub detected_us: i64,
    /// Events in it.
    pub count: i64,
    /// Drill it belongs to; 0 for none.
    pub exercise_id: i64,
    /// One line on it.
    pub summary: String,
    /// Where work on it stands.
    pub status: Status,
    /// Who has it.
    pub assignee: Option<Person>,
    /// What it turned out to be, once closed.
    pub verdict: Option<Verdict>,
    /// Why.
    pub reason: Option<Reason>,
    /// Until when it is set aside.
    pub snooze: Option<Snooze>,
    /// What people marked it with.
    pub tags: Vec<String>,
    /// When the row came, by PostgreSQL's clock, or came back into the queue.
    pub arrived_us: i64,
    /// Whether an exception keeps it out of the queue.
    pub is_suppressed: bool,
    /// The exception that hid or lowered it last.
    pub exception: Option<ExceptionId>,
    /// What the pipeline said of how urgent it is, where an exception lowered it.
    pub raised_severity: Option<Severity>,
}

/// Until when an alert is set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Snooze {
    /// Until then.
    Until {
        /// Microseconds since 1970, UTC.
        us: i64,
    },
    /// Until it has more events than now.
    UntilAgain,
}

/// What became of an alert handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It is new, or newer than what was at hand.
    Changed(Box<AlertRow>),
    /// What is at hand is as new, or a newer revision was handed over with it.
    Known,
    /// It is not an alert of ours: its id is not 16 bytes long.
    Refused,
}

/// What an alert has to do with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Links {
    /// The closed alert that it goes on from.
    pub continues: Option<AlertId>,
    /// The alert that goes on from it.
    pub continued_by: Option<AlertId>,
}

#[derive(FromRow)]
struct RawLinks {
    continues: Option<Vec<u8>>,
    continued_by: Option<Vec<u8>>,
}

/// The columns of [`RawAlert`], to be followed by conditions.
pub(crate) const SELECT: &str = "SELECT a.id, a.revision, a.rule_id, a.rule_title, a.rule_title_vi, a.rule_version, a.rule_kind, \
    a.severity, a.techniques, a.tactics, a.tenant, a.sensor, a.src, a.sport, a.dst, a.dport, a.proto, a.first_us, a.last_us, \
    a.detected_us, a.count, a.exercise_id, a.summary, a.status, a.assignee_id, p.display_name AS assignee_name, a.verdict, \
    a.verdict_reason, a.snoozed_until_us, a.snoozed_count, a.tags, a.arrived_us, a.is_suppressed, a.exception_id, a.raised_severity \
    FROM alert a LEFT JOIN account p ON p.id = a.assignee_id";

#[derive(FromRow)]
pub(crate) struct RawAlert {
    id: Vec<u8>,
    revision: i64,
    rule_id: String,
    rule_title: String,
    rule_title_vi: Option<String>,
    rule_version: String,
    rule_kind: i16,
    severity: i16,
    techniques: Vec<String>,
    tactics: Vec<String>,
    tenant: String,
    sensor: String,
    src: Option<String>,
    sport: i32,
    dst: Option<String>,
    dport: i32,
    proto: String,
    first_us: i64,
    last_us: i64,
    detected_us: i64,
    count: i64,
    exercise_id: i64,
    summary: String,
    status: String,
    assignee_id: Option<i64>,
    assignee_name: Option<String>,
    verdict: Option<String>,
    verdict_reason: Option<String>,
    snoozed_until_us: Option<i64>,
    snoozed_count: Option<i64>,
    tags: Vec<String>,
    arrived_us: i64,
    is_suppressed: bool,
    exception_id: Option<i64>,
    raised_severity: Option<i16>,
}

impl From<RawAlert> for AlertRow {
    // The table's checks hold the shapes; a word that this build does not know reads as the more cautious one.
    fn from(raw: RawAlert) -> Self {
        let assignee = raw.assignee_id.zip(raw.assignee_name);
        // One that has happened again since is set aside no more.
        let is_quiet = raw.snoozed_count.is_some_and(|count| raw.count <= count);
        let snooze = match raw.snoozed_until_us {
            Some(us) => Some(Snooze::Until { us }),
            None => is_quiet.then_some(Snooze::UntilAgain),
        };
        let severity = |number: i16| Severity::try_from(i32::from(number)).unwrap_or_default();
        Self {
            id: AlertId::from_bytes(&raw.id).unwrap_or(AlertId(0)),
            revision: raw.revision,
            rule_id: raw.rule_id,
            rule_title: raw.rule_title,
            rule_title_vi: raw.rule_title_vi,
            rule_version: raw.rule_version,
            rule_kind: RuleKind::try_from(i32::from(raw.rule_kind)).unwrap_or_default(),
            severity: severity(raw.severity),
            techniques: raw.techniques,
            tactics: raw.tactics,
            tenant: raw.tenant,
            sensor: raw.sensor,
            src: raw.src,
            sport: u16::try_from(raw.sport).unwrap_or_default(),
            dst: raw.dst,
            dport: u16::try_from(raw.dport).unwrap_or_default(),
            proto: raw.proto,
            first_us: raw.first_us,
            last_us: raw.last_us,
            detected_us: raw.detected_us,
            count: raw.count,
            exercise_id: raw.exercise_id,
            summary: raw.summary,
            status: Status::from_name(&raw.status).unwrap_or(Status::Open),
            assignee: assignee.map(|(id, display_name)| Person {
                id: AccountId(id),
                display_name,
            }),
            verdict: raw.verdict.as_deref().and_then(Verdict::from_name),
            reason: raw.verdict_reason.as_deref().and_then(Reason::from_name),
            snooze,
            tags: raw.tags,
            arrived_us: raw.arrived_us,
            is_suppressed: raw.is_suppressed,
            exception: raw.exception_id.map(ExceptionId),
            raised_severity: raw.raised_severity.map(severity),
        }
    }
}

impl AlertRow {
    /// Real work, or the exercise that it is of.
    pub fn stage(&self) -> Stage {
        Stage::of(u32::try_from(self.exercise_id).unwrap_or(u32::MAX))
    }
}

impl Database {
    /// Which alert an alert goes on from, and which goes on from it.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is none in the scope.
    pub async fn alert_links(&self, scope: &Scope, id: AlertId) -> Result<Links> {
        let mut look = self.look(scope).await?;
        let found: Option<RawLinks> = sqlx::query_as(
            "SELECT a.continues_id AS continues, \
             (SELECT s.id FROM alert s WHERE s.origin_id = a.origin_id AND s.ordinal = a.ordinal + 1) AS continued_by \
             FROM alert a WHERE a.id = $1 AND a.tenant = ANY($2) AND a.exercise_id = $3",
        )
        .bind(id.to_bytes().to_vec())
        .bind(scope.to_codes())
        .bind(i64::from(scope.stage().exercise_id()))
        .fetch_optional(&mut *look)
        .await?;
        let found = found.ok_or(DatabaseError::NotFound)?;
        let read = |bytes: Option<Vec<u8>>| bytes.and_then(|bytes| AlertId::from_bytes(&bytes));
        Ok(Links {
            continues: read(found.continues),
            continued_by: read(found.continued_by),
        })
    }

    /// An alert's row.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is none in the scope.
    pub async fn alert(&self, scope: &Scope, id: AlertId) -> Result<AlertRow> {
        let mut connection = self.look(scope).await?;
        row(&mut connection, scope, id).await
    }

    /// An alert as the pipeline last told it.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is none in the scope.
    pub async fn alert_message(&self, scope: &Scope, id: AlertId) -> Result<Alert> {
        let mut look = self.look(scope).await?;
        let encoded: Option<Vec<u8>> = sqlx::query_scalar(
            "SELECT encoded FROM alert WHERE id = $1 AND tenant = ANY($2) AND exercise_id = $3",
        )
        .bind(id.to_bytes().to_vec())
        .bind(scope.to_codes())
        .bind(i64::from(scope.stage().exercise_id()))
        .fetch_optional(&mut *look)
        .await?;
        let encoded = encoded.ok_or(DatabaseError::NotFound)?;
        Alert::decode(encoded.as_slice())
            .map_err(|error| DatabaseError::Server(sqlx::Error::Decode(Box::new(error))))
    }
}

/// The rows of these ids, by id; whose they are is not asked.
pub(crate) async fn by_ids(
    connection: &mut PgConnection,
    ids: Vec<Vec<u8>>,
) -> Result<BTreeMap<AlertId, AlertRow>> {
    let mut query = QueryBuilder::<Postgres>::new(SELECT);
    query.push(" WHERE a.id = ANY(").push_bind(ids).push(")");
    let raw: Vec<RawAlert> = query.build_query_as().fetch_all(connection).await?;
    let rows = raw.into_iter().map(AlertRow::from);
    Ok(rows.map(|row| (row.id, row)).collect())
}

/// The row of `id`, when it lies in `scope`.
pub(crate) async fn row(connection: &mut PgConnection, scope: &Scope, id: AlertId) -> Result<AlertRow> {
    let mut query = QueryBuilder::<Postgres>::new(SELECT);
    query.push(" WHERE a.id = ").push_bind(id.to_bytes().to_vec());
    push_scope(&mut query, scope);
    let raw: Option<RawAlert> = query.build_query_as().fetch_optional(connection).await?;
    raw.map(AlertRow::from).ok_or(DatabaseError::NotFound)
}
