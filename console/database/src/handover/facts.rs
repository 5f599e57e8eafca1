//! How an organisation's alerts stand when its shift changes: numbers and ids, each with whose they are, so that of a hand-over somebody is
//! shown what lies in his reach and nothing more. They are kept as JSON: what was handed over reads the same a year later.

use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder};
use vonggac_event::Scope;

use crate::alert::{AlertRow, RawAlert, SELECT};
use crate::overview::AGES_US;
use crate::queue::{push_is_set_aside, push_scope};
use crate::watch::{self, WatchItem, Watched};
use crate::{Database, DatabaseError, Result};

/// Most rows of numbers of one sort.
pub const NUMBERS_MAX: i64 = 5_000;
/// Most alerts that are named as urgent.
pub const URGENT_MAX: i64 = 50;
/// Most alerts that are named as waking.
pub const WAKING_MAX: i64 = 200;
/// Most people that are named as having alerts.
pub const HOLDERS_MAX: i64 = 500;
/// Most sensors that are named as not well.
pub const SENSORS_MAX: usize = 100;

/// What the audit log says that the next lead should know of, as numbers.
const NOTABLE: [&str; 16] = [
    "account.invite",
    "account.reset",
    "account.disable",
    "account.enable",
    "factor.remove",
    "membership.create",
    "membership.approve",
    "membership.end",
    "organisation.add",
    "organisation.change",
    "organisation.end",
    "audit.export",
    "exception.add",
    "exception.extend",
    "exception.approve",
    "exception.end",
];

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// When it was so.
    pub at_us: i64,
    /// Since when changes are counted.
    pub from_us: i64,
    /// Until when what wakes is named.
    pub next_to_us: i64,
    /// Alerts that are not closed.
    pub open: Vec<OpenCount>,
    /// Who has some of them.
    pub holders: Vec<HolderCount>,
    /// What became of alerts in the shift.
    pub changes: Vec<ChangeCount>,
    /// The most urgent that are not closed nor set aside, of these the oldest first.
    pub urgent: Vec<Brief>,
    /// Those set aside that wake in the next shift, the first first.
    pub waking: Vec<Brief>,
    /// What is kept an eye on.
    pub watched: Vec<Seen>,
    /// Sensors that are not well.
    pub sensors: Vec<SensorTrouble>,
    /// Changes of accounts, roles and organisations in the shift.
    pub deeds: Vec<DeedCount>,
}

/// Alerts of one organisation that have these alike, and are not closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromRow)]
pub struct OpenCount {
    /// Whose.
    pub organisation: String,
    /// From 1 to 5, the most urgent last.
    pub severity: i16,
    /// `open` or `acknowledged`.
    pub status: String,
    /// Place of their age in [`AGES_US`]: 0 is younger than its first.
    pub band: i32,
    /// How many.
    pub count: i64,
    /// Of them, those that nobody has.
    pub unassigned: i64,
    /// Of them, those set aside.
    pub set_aside: i64,
}

/// Alerts of one organisation that somebody has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromRow)]
pub struct HolderCount {
    /// Whose alerts.
    pub organisation: String,
    /// Who has them.
    pub holder_id: i64,
    /// Name.
    pub holder: String,
    /// How many.
    pub count: i64,
}

/// Alerts of one organisation that something was done with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromRow)]
pub struct ChangeCount {
    /// Whose.
    pub organisation: String,
    /// `raised`, `acknowledged`, `taken_over`, `closed` or `reopened`.
    pub change: String,
    /// How many.
    pub count: i64,
}

/// An alert, as far as a hand-over tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brief {
    /// Id, in hexadecimal.
    pub id: String,
    /// Whose.
    pub organisation: String,
    /// Title of its rule.
    pub title: String,
    /// The title in Vietnamese, where the rule says it; hand-overs of before know none.
    #[serde(default)]
    pub title_vi: Option<String>,
    /// From 1 to 5, the most urgent last.
    pub severity: i16,
    /// `open`, `acknowledged` or `closed`.
    pub status: String,
    /// Who has it.
    pub holder: Option<String>,
    /// When it was raised.
    pub detected_us: i64,
    /// Events in it.
    pub count: i64,
    /// When it wakes, when it is set aside until a time.
    pub wakes_us: Option<i64>,
}

/// Something that is kept an eye on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Who keeps it.
    pub organisation: String,
    /// The alert, when it is one.
    pub alert: Option<Brief>,
    /// Kind of the thing, when it is one.
    pub kind: Option<String>,
    /// What identifies it.
    pub value: Option<String>,
    /// Why.
    pub note: String,
    /// Who said so.
    pub by: String,
    /// When.
    pub added_us: i64,
}

/// A sensor that is not well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SensorTrouble {
    /// Whose.
    pub organisation: String,
    /// Name.
    pub sensor: String,
    /// `degraded` or `down`.
    pub state: String,
    /// When it last told something.
    pub heard_us: i64,
}

/// What people of one organisation did that another lead should know of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromRow)]
pub struct DeedCount {
    /// Whose people.
    pub organisation: String,
    /// What, as in `membership.create`.
    pub action: String,
    /// How often.
    pub count: i64,
}

impl Facts {
    /// What of it lies in a scope.
    #[must_use]
    pub fn within(mut self, scope: &Scope) -> Self {
        self.open.retain(|one| scope.covers(&one.organisation));
        self.holders.retain(|one| scope.covers(&one.organisation));
        self.changes.retain(|one| scope.covers(&one.organisation));
        self.urgent.retain(|one| scope.covers(&one.organisation));
        self.waking.retain(|one| scope.covers(&one.organisation));
        self.watched.retain(|one| scope.covers(&one.organisation));
        self.sensors.retain(|one| scope.covers(&one.organisation));
        self.deeds.retain(|one| scope.covers(&one.organisation));
        self
    }
}

impl From<AlertRow> for Brief {
    fn from(row: AlertRow) -> Self {
        let wakes_us = match row.snooze {
            Some(crate::Snooze::Until { us }) => Some(us),
            Some(crate::Snooze::UntilAgain) | None => None,
        };
        Self {
            id: row.id.to_string(),
            organisation: row.tenant,
            title: row.rule_title,
            title_vi: row.rule_title_vi,
            severity: row.severity as i16,
            status: row.status.name().to_owned(),
            holder: row.assignee.map(|person| person.display_name),
            detected_us: row.detected_us,
            count: row.count,
            wakes_us,
        }
    }
}

impl From<WatchItem> for Seen {
    fn from(item: WatchItem) -> Self {
        let (kind, value) = match item.watched {
            Watched::Alert(_) => (None, None),
            Watched::Thing { kind, value } => (Some(kind), Some(value)),
        };
        Self {
            organisation: item.organisation,
            alert: item.alert.map(|row| Brief::from(*row)),
            kind,
            value,
            note: item.note,
            by: item.added_by.display_name,
            added_us: item.added_us,
        }
    }
}

impl Database {
    /// How a scope stands now, as one look sees it, without its sensors; changes count from `from_us` on. Alerts of exercises and those that an exception hides are left out.
    ///
    /// # Errors
    /// [`DatabaseError::TooExpensive`] when it takes too long, and when PostgreSQL fails.
    pub async fn handover_facts(
        &self,
        scope: &Scope,
        from_us: i64,
        next_to_us: i64,
        now_us: i64,
    ) -> Result<Facts> {
        let mut look = self.look_once(scope).await?;
        let span = Span {
            from_us,
            now_us,
            next_to_us,
        };
        let facts = span.facts(&mut look, scope).await?;
        look.commit().await?;
        Ok(facts)
    }
}

/// The times that facts are about.
struct Span {
    from_us: i64,
    now_us: i64,
    next_to_us: i64,
}

impl Span {
    async fn facts(&self, look: &mut PgConnection, scope: &Scope) -> Result<Facts> {
        let mut changes = self.raised(look, scope).await?;
        changes.extend(self.worked(look, scope).await?);
        Ok(Facts {
            at_us: self.now_us,
            from_us: self.from_us,
            next_to_us: self.next_to_us,
            open: self.open(look, scope).await?,
            holders: self.holders(look, scope).await?,
            changes,
            urgent: self.urgent(look, scope).await?,
            waking: self.waking(look, scope).await?,
            watched: watch::list(look, scope)
                .await?
                .into_iter()
                .map(Seen::from)
                .collect(),
            sensors: Vec::new(),
            deeds: self.deeds(look, scope).await?,
        })
    }

    async fn open(&self, look: &mut PgConnection, scope: &Scope) -> Result<Vec<OpenCount>> {
        let mut query = QueryBuilder::<Postgres>::new(
            "SELECT a.tenant AS organisation, a.severity, a.status, width_bucket(",
        );
        query.push_bind(self.now_us).push(" - a.detected_us, ");
        query.push_bind(AGES_US.to_vec());
        query.push(") AS band, count(*) AS count, count(*) FILTER (WHERE a.assignee_id IS NULL) AS unassigned, count(*) FILTER (WHERE ");
        push_is_set_aside(&mut query, self.now_us);
        query.push(") AS set_aside");
        push_open(&mut query, scope);
        query.push(" GROUP BY 1, 2, 3, 4 ORDER BY 2 DESC, 1, 3, 4 LIMIT ");
        query.push_bind(NUMBERS_MAX);
        rows(look, query).await
    }

    async fn holders(&self, look: &mut PgConnection, scope: &Scope) -> Result<Vec<HolderCount>> {
        let mut query = QueryBuilder::<Postgres>::new(
            "SELECT h.organisation, h.holder_id, p.display_name AS holder, h.count FROM \
             (SELECT a.tenant AS organisation, a.assignee_id AS holder_id, count(*) AS count",
        );
        push_open(&mut query, scope);
        query.push(
            " AND a.assignee_id IS NOT NULL GROUP BY 1, 2) h JOIN account p ON p.id = h.holder_id \
             ORDER BY h.count DESC, h.holder_id, h.organisation LIMIT ",
        );
        query.push_bind(HOLDERS_MAX);
        rows(look, query).await
    }

    async fn raised(&self, look: &mut PgConnection, scope: &Scope) -> Result<Vec<ChangeCount>> {
        let mut query = QueryBuilder::<Postgres>::new(
            "SELECT a.tenant AS organisation, 'raised' AS change, count(*) AS count FROM alert a \
             WHERE NOT a.is_suppressed AND a.detected_us >= ",
        );
        query.push_bind(self.from_us).push(" AND a.detected_us < ");
        query.push_bind(self.now_us);
        push_scope(&mut query, scope);
        query.push(" GROUP BY 1 ORDER BY 3 DESC, 1 LIMIT ");
        query.push_bind(NUMBERS_MAX);
        rows(look, query).await
    }

    async fn worked(&self, look: &mut PgConnection, scope: &Scope) -> Result<Vec<ChangeCount>> {
        let mut query = QueryBuilder::<Postgres>::new(
            "SELECT a.tenant AS organisation, y.action AS change, count(DISTINCT a.id) AS count \
             FROM activity y JOIN alert a ON a.id = y.alert_id WHERE true \
             AND y.action IN ('acknowledged', 'taken_over', 'closed', 'reopened') AND y.at_us >= ",
        );
        query.push_bind(self.from_us).push(" AND y.at_us < ");
        query.push_bind(self.now_us);
        push_scope(&mut query, scope);
        query.push(" GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT ");
        query.push_bind(NUMBERS_MAX);
        rows(look, query).await
    }

    async fn urgent(&self, look: &mut PgConnection, scope: &Scope) -> Result<Vec<Brief>> {
        let mut query = QueryBuilder::<Postgres>::new(SELECT);
        query.push(" WHERE NOT a.is_suppressed AND a.status IN ('open', 'acknowledged') AND NOT ");
        push_is_set_aside(&mut query, self.now_us);
        push_scope(&mut query, scope);
        query.push(" ORDER BY a.severity::bigint DESC, a.detected_us, a.id LIMIT ");
        query.push_bind(URGENT_MAX);
        briefs(look, query).await
    }

    async fn waking(&self, look: &mut PgConnection, scope: &Scope) -> Result<Vec<Brief>> {
        let mut query = QueryBuilder::<Postgres>::new(SELECT);
        query.push(
            " WHERE NOT a.is_suppressed AND a.status IN ('open', 'acknowledged') AND a.snoozed_until_us > ",
        );
        query.push_bind(self.now_us).push(" AND a.snoozed_until_us <= ");
        query.push_bind(self.next_to_us);
        push_scope(&mut query, scope);
        query.push(" ORDER BY a.snoozed_until_us, a.id LIMIT ");
        query.push_bind(WAKING_MAX);
        briefs(look, query).await
    }

    async fn deeds(&self, look: &mut PgConnection, scope: &Scope) -> Result<Vec<DeedCount>> {
        let mut query = QueryBuilder::<Postgres>::new(
            "SELECT e.organisation, e.action, count(*) AS count FROM audit_entry e WHERE e.result = 'done' AND e.action = ANY(",
        );
        query.push_bind(NOTABLE.to_vec()).push(") AND e.at_us >= ");
        query.push_bind(self.from_us).push(" AND e.at_us < ");
        query.push_bind(self.now_us).push(" AND e.organisation = ANY(");
        query.push_bind(scope.to_codes());
        query.push(") GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT ");
        query.push_bind(NUMBERS_MAX);
        rows(look, query).await
    }
}

/// From the alerts of the scope that are not closed.
fn push_open(query: &mut QueryBuilder<Postgres>, scope: &Scope) {
    query.push(" FROM alert a WHERE NOT a.is_suppressed AND a.status IN ('open', 'acknowledged')");
    push_scope(query, scope);
}

async fn rows<T>(look: &mut PgConnection, mut query: QueryBuilder<Postgres>) -> Result<Vec<T>>
where
    T: for<'row> FromRow<'row, sqlx::postgres::PgRow> + Send + Unpin,
{
    let found = query.build_query_as().fetch_all(look).await;
    found.map_err(DatabaseError::of_list)
}

async fn briefs(look: &mut PgConnection, query: QueryBuilder<Postgres>) -> Result<Vec<Brief>> {
    let found: Vec<RawAlert> = rows(look, query).await?;
    let briefs = found.into_iter().map(AlertRow::from).map(Brief::from);
    Ok(briefs.collect())
}
