//! Exceptions held against alerts that come, in the transaction that takes them over.
//!
//! ```text
//!  a new row             ─▶ hidden or lowered, when an exception in force fits
//!  a row that is hidden  ─▶ held against them again with each revision: one whose exception is over comes back
//!  any other row         ─▶ stays as it is: an exception is for what comes after it
//! ```
//! The exceptions of a batch's rules are read once; most batches have none, and then that is all. Each alert is held against those of its
//! rule whose organisation it is of, at most [`super::OF_RULE_MAX`] for each organisation above it. Who hides goes before who lowers, and
//! the older before the younger. A critical alert is hidden by nothing that is about the whole rule, unless a second person agreed.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{FromRow, PgConnection};
use vonggac_access::{Day, OrganisationId};
use vonggac_event::{AlertId, Scope};

use super::covered;
use super::list::day_of;
use crate::{DatabaseError, Result, organisation};

/// What exceptions look at, one array for each column; alerts stand at the same place in each.
#[derive(Debug, Default)]
pub(crate) struct Sighted {
    pub(crate) rules: Vec<String>,
    pub(crate) tenants: Vec<String>,
    pub(crate) sensors: Vec<String>,
    pub(crate) sources: Vec<Option<String>>,
    pub(crate) destinations: Vec<Option<String>>,
    pub(crate) ports: Vec<i32>,
    /// JSON objects.
    pub(crate) fields: Vec<String>,
    pub(crate) severities: Vec<i16>,
    /// Whether they are held against exceptions at all.
    pub(crate) judged: Vec<bool>,
    /// Whether one may hide them; what is in the queue stays there.
    pub(crate) may_hide: Vec<bool>,
}

/// What an exception makes of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) exception: i64,
    /// What it lowers the severity to; `None`: it hides the alert.
    pub(crate) severity: Option<i16>,
}

/// What was caught, to be counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caught {
    pub(crate) exception: i64,
    pub(crate) alerts: i64,
    pub(crate) events: i64,
}

#[derive(FromRow)]
struct InForce {
    id: i64,
    organisation: String,
    with_beneath: bool,
}

/// Which of the exceptions in force of these rules are about which of these organisations.
#[derive(Debug, Default)]
struct Pairs {
    exceptions: Vec<i64>,
    tenants: Vec<String>,
}

/// That the exception `e` is in force at the time that follows.
macro_rules! in_force {
    () => {
        "e.ended_us IS NULL AND (NOT e.needs_approval OR e.approved_us IS NOT NULL) AND e.expires_us > "
    };
}
pub(crate) use in_force;

async fn pairs(
    connection: &mut PgConnection,
    rules: &BTreeSet<&str>,
    tenants: &BTreeSet<&str>,
    now_us: i64,
) -> Result<Pairs> {
    let mut pairs = Pairs::default();
    let rules: Vec<&str> = rules.iter().copied().collect();
    let in_force: Vec<InForce> = sqlx::query_as(concat!(
        "SELECT e.id, e.organisation, e.with_beneath FROM exception e WHERE e.rule_id = ANY($1) AND ",
        in_force!(),
        "$2 ORDER BY e.id"
    ))
    .bind(rules)
    .bind(now_us)
    .fetch_all(&mut *connection)
    .await?;
    if in_force.is_empty() {
        return Ok(pairs);
    }
    let tree = organisation::tree(connection).await?;
    let day = Day::of_us(now_us).ok_or(DatabaseError::NotFound)?;
    let mut known: BTreeMap<(String, bool), Scope> = BTreeMap::new();
    for one in in_force {
        let id: OrganisationId = organisation::parsed(&one.organisation)?;
        let scope = known
            .entry((one.organisation, one.with_beneath))
            .or_insert_with(|| covered(&tree, &id, one.with_beneath, day));
        for tenant in tenants.iter().filter(|tenant| scope.covers(tenant)) {
            pairs.exceptions.push(one.id);
            pairs.tenants.push((*tenant).to_owned());
        }
    }
    Ok(pairs)
}

/// That the exception `e` is about the alert `r`.
macro_rules! fits {
    () => {
        "e.rule_id = r.rule_id AND exception_fits(e.conditions, r.sensor, r.src, r.dst, r.dport, r.fields) \
         AND (e.effect <> 'hide' OR NOT e.is_whole OR r.severity < 5 OR e.approved_us IS NOT NULL) \
         AND (e.effect <> 'lower' OR e.severity < r.severity)"
    };
}

const JUDGE: &str = concat!(
    "SELECT DISTINCT ON (r.place) r.place, e.id AS exception, e.severity FROM (SELECT u.place, u.rule_id, u.tenant, u.sensor, u.src, \
     u.dst, u.dport, u.fields::jsonb AS fields, u.severity, u.may_hide FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], \
     $6::text[], $7::integer[], $8::text[], $9::smallint[], $10::boolean[], $11::boolean[]) \
     AS u(place, rule_id, tenant, sensor, src, dst, dport, fields, severity, is_judged, may_hide) WHERE u.is_judged) AS r \
     JOIN unnest($12::bigint[], $13::text[]) AS p(id, tenant) ON p.tenant = r.tenant JOIN exception e ON e.id = p.id WHERE ",
    fits!(),
    " AND (e.effect <> 'hide' OR r.may_hide) ORDER BY r.place, e.effect, e.severity, e.id"
);

const MATCHING: &str = concat!(
    "SELECT e.id FROM exception e CROSS JOIN (SELECT a.rule_id, a.sensor, a.src, a.dst, a.dport, a.fields, \
     coalesce(a.raised_severity, a.severity) AS severity FROM alert a WHERE a.id = $1) AS r WHERE e.id = ANY($2) AND ",
    fits!(),
    " ORDER BY e.id"
);

#[derive(FromRow)]
struct Found {
    place: i64,
    exception: i64,
    severity: Option<i16>,
}

/// What the exceptions in force at `now_us` make of alerts, by their place.
pub(crate) async fn judge(
    connection: &mut PgConnection,
    sighted: &Sighted,
    now_us: i64,
) -> Result<BTreeMap<usize, Judged>> {
    let judged = |all: &'_ [String]| -> BTreeSet<String> {
        let with = all.iter().zip(&sighted.judged);
        with.filter(|(_, is)| **is).map(|(one, _)| one.clone()).collect()
    };
    let (rules, tenants) = (judged(&sighted.rules), judged(&sighted.tenants));
    if rules.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rules: BTreeSet<&str> = rules.iter().map(String::as_str).collect();
    let tenants: BTreeSet<&str> = tenants.iter().map(String::as_str).collect();
    let pairs = pairs(connection, &rules, &tenants, now_us).await?;
    if pairs.exceptions.is_empty() {
        return Ok(BTreeMap::new());
    }
    let places = 0..i64::try_from(sighted.rules.len()).unwrap_or(i64::MAX);
    let found: Vec<Found> = sqlx::query_as(JUDGE)
        .bind(places.collect::<Vec<_>>())
        .bind(&sighted.rules)
        .bind(&sighted.tenants)
        .bind(&sighted.sensors)
        .bind(&sighted.sources)
        .bind(&sighted.destinations)
        .bind(&sighted.ports)
        .bind(&sighted.fields)
        .bind(&sighted.severities)
        .bind(&sighted.judged)
        .bind(&sighted.may_hide)
        .bind(&pairs.exceptions)
        .bind(&pairs.tenants)
        .fetch_all(connection)
        .await?;
    let read = |one: Found| {
        let judged = Judged {
            exception: one.exception,
            severity: one.severity,
        };
        Some((usize::try_from(one.place).ok()?, judged))
    };
    Ok(found.into_iter().filter_map(read).collect())
}

/// The exceptions in force that would hide or lower an alert if it came now.
pub(super) async fn matching(connection: &mut PgConnection, id: AlertId, now_us: i64) -> Result<Vec<i64>> {
    let key = id.to_bytes().to_vec();
    let (rule, tenant): (String, String) =
        sqlx::query_as("SELECT rule_id, tenant FROM alert WHERE id = $1 AND exercise_id = 0")
            .bind(&key)
            .fetch_optional(&mut *connection)
            .await?
            .unwrap_or_default();
    let (rules, tenants) = (BTreeSet::from([rule.as_str()]), BTreeSet::from([tenant.as_str()]));
    let pairs = pairs(connection, &rules, &tenants, now_us).await?;
    if pairs.exceptions.is_empty() {
        return Ok(Vec::new());
    }
    Ok(sqlx::query_scalar(MATCHING)
        .bind(&key)
        .bind(&pairs.exceptions)
        .fetch_all(connection)
        .await?)
}

/// Counts what was caught on its exceptions, in the transaction in which it was.
pub(crate) async fn count(connection: &mut PgConnection, caught: &[Caught], now_us: i64) -> Result<()> {
    let mut sums: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for one in caught {
        let sum = sums.entry(one.exception).or_default();
        sum.0 = sum.0.saturating_add(one.alerts);
        sum.1 = sum.1.saturating_add(one.events);
    }
    // One after the other, in the order of ids, as everybody locks them.
    for (exception, (alerts, events)) in sums {
        sqlx::query(
            "UPDATE exception SET hits = hits + $2, events = events + $3, last_hit_us = $4 WHERE id = $1",
        )
        .bind(exception)
        .bind(alerts)
        .bind(events)
        .bind(now_us)
        .execute(&mut *connection)
        .await?;
        sqlx::query(
            "INSERT INTO exception_day (exception_id, day, hits) VALUES ($1, $2, $3) \
             ON CONFLICT (exception_id, day) DO UPDATE SET hits = exception_day.hits + excluded.hits",
        )
        .bind(exception)
        .bind(day_of(now_us))
        .bind(alerts)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
