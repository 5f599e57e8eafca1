//! The alert queue: which alerts, in which order, and how many.
//!
//! Pages go by the sort value and id of the last row seen, so a row that arrives meanwhile neither repeats nor hides another. The
//! first page counts all rows, of a search by text as far as [`FOUND_MAX`]; the cursor carries that number to the others.

pub mod groups;
pub mod related;
pub mod similar;
pub mod since;

use std::fmt;
use std::str::FromStr;

use sqlx::{PgConnection, Postgres, QueryBuilder};
use vonggac_event::{AlertId, Scope, Severity};

use crate::alert::{AlertRow, RawAlert, SELECT, Status};
use crate::exception::{Conditions, ExceptionId};
use crate::work::MATCHING_ALERTS_MAX;
use crate::{AccountId, Database, DatabaseError, Reason, Result, Verdict, clean, like_literal};

/// How far a search by text counts: as many as one deed may be done to at once.
pub const FOUND_MAX: i64 = MATCHING_ALERTS_MAX as i64;
/// Most alerts on a page.
pub const PAGE_ROWS_MAX: u32 = 500;

/// Which alerts; what is empty or `None` restricts nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Any of these.
    pub statuses: Vec<Status>,
    /// Any of these.
    pub severities: Vec<Severity>,
    /// Text in title (English or Vietnamese), rule id, summary, address, sensor or technique; case does not matter.
    pub text: Option<String>,
    /// ATT&CK technique; its sub-techniques count.
    pub technique: Option<String>,
    /// Any of these.
    pub verdicts: Vec<Verdict>,
    /// Any of these.
    pub reasons: Vec<Reason>,
    /// Whose.
    pub holders: Holders,
    /// All of these.
    pub tags: Vec<String>,
    /// Id of the rule.
    pub rule: Option<String>,
    /// Address of the side that opened the flow.
    pub src: Option<String>,
    /// Address of the other side.
    pub dst: Option<String>,
    /// Whether it is set aside.
    pub set_aside: Option<SetAside>,
    /// Came then or earlier, by PostgreSQL's clock ([`AlertRow::arrived_us`]).
    pub arrived_by_us: Option<i64>,
    /// ATT&CK tactic.
    pub tactic: Option<String>,
    /// Whose network.
    pub organisation: Option<String>,
    /// Which sensor.
    pub sensor: Option<String>,
    /// On either side.
    pub address: Option<String>,
    /// Came, was seen again or was worked on then or later.
    pub changed_from_us: Option<i64>,
    /// Raised then or later.
    pub detected_from_us: Option<i64>,
    /// Raised before.
    pub detected_to_us: Option<i64>,
    /// Last seen then or later.
    pub from_us: Option<i64>,
    /// First seen before.
    pub to_us: Option<i64>,
    /// Whether exceptions hide it.
    pub suppressed: Suppressed,
    /// What an exception would be about.
    pub conditions: Option<Conditions>,
    /// Hidden or lowered by it last.
    pub exception: Option<ExceptionId>,
}

/// Whether alerts are looked at that an exception hides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Suppressed {
    /// Only the others: the queue.
    #[default]
    Without,
    /// Only those.
    Only,
    /// Both.
    With,
}

/// Whose alerts; nobody named means everybody's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holders {
    /// Theirs.
    pub people: Vec<AccountId>,
    /// And those that nobody has.
    pub nobody: bool,
}

/// Whether alerts are set aside at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetAside {
    /// Those that are, or those that are not.
    pub is: bool,
    /// Microseconds since 1970, UTC.
    pub at_us: i64,
}

/// What alerts are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKey {
    /// Time of the last event.
    LastSeen,
    /// Time of the first event.
    FirstSeen,
    /// When it was raised.
    Detected,
    /// How urgent.
    Severity,
    /// Events in it.
    Count,
}

/// Which end comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The smallest.
    Ascending,
    /// The largest.
    Descending,
}

/// An order of alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub key: SortKey,
    /// From which end.
    pub direction: Direction,
}

impl Default for Sort {
    fn default() -> Self {
        Self {
            key: SortKey::LastSeen,
            direction: Direction::Descending,
        }
    }
}

impl FromStr for Sort {
    type Err = DatabaseError;

    /// Reads `last_seen`, or `-last_seen` for the largest first.
    fn from_str(text: &str) -> Result<Self> {
        let (name, direction) = match text.strip_prefix('-') {
            Some(name) => (name, Direction::Descending),
            None => (text, Direction::Ascending),
        };
        let key = match name {
            "last_seen" => SortKey::LastSeen,
            "first_seen" => SortKey::FirstSeen,
            "detected_at" => SortKey::Detected,
            "severity" => SortKey::Severity,
            "count" => SortKey::Count,
            _ => {
                let problem = "is one of last_seen, first_seen, detected_at, severity, count; with - in front, the largest first";
                return Err(DatabaseError::Invalid {
                    field: "sort",
                    problem,
                });
            }
        };
        Ok(Self { key, direction })
    }
}

impl SortKey {
    /// As `bigint`, so that a cursor's value has one type.
    fn column(self) -> &'static str {
        match self {
            Self::LastSeen => "a.last_us",
            Self::FirstSeen => "a.first_us",
            Self::Detected => "a.detected_us",
            Self::Severity => "a.severity::bigint",
            Self::Count => "a.count",
        }
    }

    fn value(self, row: &AlertRow) -> i64 {
        match self {
            Self::LastSeen => row.last_us,
            Self::FirstSeen => row.first_us,
            Self::Detected => row.detected_us,
            Self::Severity => row.severity as i64,
            Self::Count => row.count,
        }
    }
}

/// The last row of a page, for the page after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    value: i64,
    id: AlertId,
    total: Total,
    seen_us: i64,
}

/// Rows on all pages, as the first one counted them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// How many.
    pub count: i64,
    /// Whether there are more than that, and counting was left off.
    pub has_more: bool,
}

impl fmt::Display for Total {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.has_more { "+" } else { "" };
        write!(out, "{}{sign}", self.count)
    }
}

impl Total {
    fn read(text: &str) -> Option<Self> {
        let count = text.strip_suffix('+');
        Some(Self {
            count: count.unwrap_or(text).parse().ok()?,
            has_more: count.is_some(),
        })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}.{}.{}", self.value, self.id, self.total, self.seen_us)
    }
}

impl FromStr for Cursor {
    type Err = DatabaseError;

    fn from_str(text: &str) -> Result<Self> {
        let parse = || {
            let (value, rest) = text.split_once('.')?;
            let (id, rest) = rest.split_once('.')?;
            let (total, seen_us) = rest.split_once('.')?;
            Some(Self {
                value: value.parse().ok()?,
                id: id.parse().ok()?,
                total: Total::read(total)?,
                seen_us: seen_us.parse().ok()?,
            })
        };
        parse().ok_or(DatabaseError::Invalid {
            field: "cursor",
            problem: "is not one that this server gave",
        })
    }
}

/// A page of alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The rows.
    pub rows: Vec<AlertRow>,
    /// Where the next page starts; `None` on the last.
    pub next: Option<Cursor>,
    /// Rows on all pages.
    pub total: Total,
    /// When the latest alert of the scope had come before the first page was read: what came later was not looked at.
    pub seen_us: i64,
}

/// How many alerts there are of each sort.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// By severity, without the closed ones.
    pub by_severity: Vec<(Severity, i64)>,
    /// By status.
    pub by_status: Vec<(Status, i64)>,
}

impl Database {
    /// A page of the queue.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn list_alerts(
        &self,
        scope: &Scope,
        filter: &Filter,
        sort: Sort,
        after: Option<Cursor>,
        rows_max: u32,
    ) -> Result<Page> {
        let rows_max = rows_max.clamp(1, PAGE_ROWS_MAX);
        let mut look = self.look(scope).await?;
        // Before the rows: one that comes in between is shown, and counts as not looked at.
        let seen_us = match after {
            Some(cursor) => cursor.seen_us,
            None => latest_arrival(&mut look, scope).await?,
        };
        let mut query = QueryBuilder::<Postgres>::new(SELECT);
        push_conditions(&mut query, scope, filter);
        let column = sort.key.column();
        let (order, beyond) = match sort.direction {
            Direction::Ascending => ("ASC", ">"),
            Direction::Descending => ("DESC", "<"),
        };
        if let Some(cursor) = after {
            query
                .push(format_args!(" AND ({column}, a.id) {beyond} ("))
                .push_bind(cursor.value);
            query
                .push(", ")
                .push_bind(cursor.id.to_bytes().to_vec())
                .push(")");
        }
        query.push(format_args!(" ORDER BY {column} {order}, a.id {order} LIMIT "));
        query.push_bind(i64::from(rows_max) + 1);
        let raw: Vec<RawAlert> = query
            .build_query_as()
            .fetch_all(&mut *look)
            .await
            .map_err(DatabaseError::of_list)?;

        let mut rows: Vec<AlertRow> = raw.into_iter().map(AlertRow::from).collect();
        let more = rows.len() > rows_max as usize;
        rows.truncate(rows_max as usize);
        let total = match after {
            Some(cursor) => cursor.total,
            None if more => count(&mut look, scope, filter).await?,
            None => Total {
                count: i64::try_from(rows.len()).unwrap_or(i64::MAX),
                has_more: false,
            },
        };
        let last = rows.last().filter(|_| more);
        let next = last.map(|row| Cursor {
            value: sort.key.value(row),
            id: row.id,
            total,
            seen_us,
        });
        Ok(Page {
            rows,
            next,
            total,
            seen_us,
        })
    }

    /// When the latest alert of the scope came, by PostgreSQL's clock; 0 when there is none.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn latest_arrival(&self, scope: &Scope) -> Result<i64> {
        let mut look = self.look(scope).await?;
        latest_arrival(&mut look, scope).await
    }

    /// Counts the alerts that were seen between the two times.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn count_alerts(
        &self,
        scope: &Scope,
        from_us: Option<i64>,
        to_us: Option<i64>,
    ) -> Result<Counts> {
        let filter = Filter {
            from_us,
            to_us,
            ..Filter::default()
        };
        let mut query =
            QueryBuilder::<Postgres>::new("SELECT a.status, a.severity, count(*)::bigint FROM alert a");
        push_conditions(&mut query, scope, &filter);
        query.push(" GROUP BY a.status, a.severity");
        let mut look = self.look(scope).await?;
        let groups: Vec<(String, i16, i64)> = query
            .build_query_as()
            .fetch_all(&mut *look)
            .await
            .map_err(DatabaseError::of_list)?;

        let mut counts = Counts::default();
        for status in Status::ALL {
            let sum = groups
                .iter()
                .filter(|group| group.0 == status.name())
                .map(|group| group.2)
                .sum();
            counts.by_status.push((status, sum));
        }
        for number in (1..=5).rev() {
            let live = groups
                .iter()
                .filter(|group| group.0 != Status::Closed.name() && group.1 == number);
            let severity = Severity::try_from(i32::from(number)).unwrap_or_default();
            counts
                .by_severity
                .push((severity, live.map(|group| group.2).sum()));
        }
        Ok(counts)
    }
}

async fn latest_arrival(look: &mut PgConnection, scope: &Scope) -> Result<i64> {
    let mut query = QueryBuilder::<Postgres>::new("SELECT a.arrived_us FROM alert a WHERE true");
    push_scope(&mut query, scope);
    query.push(" ORDER BY a.arrived_us DESC LIMIT 1");
    let latest: Option<i64> = query
        .build_query_scalar()
        .fetch_optional(look)
        .await
        .map_err(DatabaseError::of_list)?;
    Ok(latest.unwrap_or_default())
}

/// How many alerts there are. A text is looked for in each alert by itself, so one that most of them have is counted only so far.
async fn count(look: &mut PgConnection, scope: &Scope, filter: &Filter) -> Result<Total> {
    let mut query = QueryBuilder::<Postgres>::new("SELECT count(*) FROM (SELECT FROM alert a");
    push_conditions(&mut query, scope, filter);
    if filter.text.is_some() {
        query.push(" LIMIT ").push_bind(FOUND_MAX + 1);
    }
    query.push(") found");
    let count: i64 = query
        .build_query_scalar()
        .fetch_one(look)
        .await
        .map_err(DatabaseError::of_list)?;
    let has_more = filter.text.is_some() && count > FOUND_MAX;
    Ok(Total {
        count: if has_more { FOUND_MAX } else { count },
        has_more,
    })
}

/// The scope and the stage of the alert `a`, after other conditions.
pub(crate) fn push_scope(query: &mut QueryBuilder<Postgres>, scope: &Scope) {
    query
        .push(" AND a.tenant = ANY(")
        .push_bind(scope.to_codes())
        .push(") AND a.exercise_id = ")
        .push(scope.stage().exercise_id());
}

/// The condition, as SQL, that the alert `a` is set aside at the time pushed after the first part.
pub(crate) fn push_is_set_aside(query: &mut QueryBuilder<Postgres>, at_us: i64) {
    query
        .push("(coalesce(a.snoozed_until_us > ")
        .push_bind(at_us)
        .push(", false) OR coalesce(a.snoozed_count >= a.count, false))");
}

fn names<T: Copy>(all: &[T], name: fn(T) -> &'static str) -> Vec<String> {
    all.iter().map(|one| name(*one).to_owned()).collect()
}

/// What people made of the alert `a`.
fn push_work(query: &mut QueryBuilder<Postgres>, filter: &Filter) {
    if !filter.verdicts.is_empty() {
        query
            .push(" AND a.verdict = ANY(")
            .push_bind(names(&filter.verdicts, Verdict::name))
            .push(")");
    }
    if !filter.reasons.is_empty() {
        query
            .push(" AND a.verdict_reason = ANY(")
            .push_bind(names(&filter.reasons, Reason::name))
            .push(")");
    }
    let people: Vec<i64> = filter.holders.people.iter().map(|account| account.0).collect();
    match (people.is_empty(), filter.holders.nobody) {
        (true, false) => {}
        (true, true) => {
            query.push(" AND a.assignee_id IS NULL");
        }
        (false, nobody) => {
            query
                .push(" AND (a.assignee_id = ANY(")
                .push_bind(people)
                .push(")");
            query.push(if nobody { " OR a.assignee_id IS NULL)" } else { ")" });
        }
    }
    if !filter.tags.is_empty() {
        let tags: Vec<String> = filter.tags.iter().map(|tag| clean(tag)).collect();
        // What has tags is few, and has an index; `@>` is not tried before the policy.
        query.push(" AND a.tags <> '{}' AND a.tags @> ").push_bind(tags);
    }
    if let Some(set_aside) = filter.set_aside {
        query.push(if set_aside.is { " AND " } else { " AND NOT " });
        push_is_set_aside(query, set_aside.at_us);
    }
}

/// What must be just so.
fn push_equal(query: &mut QueryBuilder<Postgres>, filter: &Filter) {
    if let Some(tactic) = &filter.tactic {
        query
            .push(" AND ")
            .push_bind(clean(tactic))
            .push(" = ANY(a.tactics)");
    }
    for (column, value) in [
        ("rule_id", &filter.rule),
        ("src", &filter.src),
        ("dst", &filter.dst),
        ("tenant", &filter.organisation),
        ("sensor", &filter.sensor),
    ] {
        if let Some(value) = value {
            query
                .push(format_args!(" AND a.{column} = "))
                .push_bind(clean(value));
        }
    }
    if let Some(address) = &filter.address {
        let address = clean(address);
        query.push(" AND (a.src = ").push_bind(address.clone());
        query.push(" OR a.dst = ").push_bind(address).push(")");
    }
    if let Some(from_us) = filter.changed_from_us {
        since::push_changed(query, from_us);
    }
    if let Some(from_us) = filter.detected_from_us {
        query.push(" AND a.detected_us >= ").push_bind(from_us);
    }
    if let Some(to_us) = filter.detected_to_us {
        query.push(" AND a.detected_us < ").push_bind(to_us);
    }
}

/// What exceptions make of the alert `a`, or would.
fn push_exceptions(query: &mut QueryBuilder<Postgres>, filter: &Filter) {
    match filter.suppressed {
        Suppressed::Without => query.push(" AND NOT a.is_suppressed"),
        Suppressed::Only => query.push(" AND a.is_suppressed"),
        Suppressed::With => query,
    };
    if let Some(exception) = filter.exception {
        query.push(" AND a.exception_id = ").push_bind(exception.0);
    }
    if let Some(conditions) = &filter.conditions {
        query
            .push(" AND exception_fits(")
            .push_bind(conditions.json())
            .push("::text::jsonb, a.sensor, a.src, a.dst, a.dport, a.fields)");
    }
}

/// Conditions on the alert `a`, from `WHERE` on.
pub(crate) fn push_conditions(query: &mut QueryBuilder<Postgres>, scope: &Scope, filter: &Filter) {
    query.push(" WHERE true");
    push_scope(query, scope);
    push_exceptions(query, filter);
    push_work(query, filter);
    push_equal(query, filter);
    if let Some(arrived_by_us) = filter.arrived_by_us {
        query.push(" AND a.arrived_us <= ").push_bind(arrived_by_us);
    }
    if !filter.statuses.is_empty() {
        query
            .push(" AND a.status = ANY(")
            .push_bind(names(&filter.statuses, Status::name))
            .push(")");
    }
    if !filter.severities.is_empty() {
        let numbers: Vec<i16> = filter
            .severities
            .iter()
            .map(|severity| *severity as i16)
            .collect();
        query.push(" AND a.severity = ANY(").push_bind(numbers).push(")");
    }
    if let Some(text) = filter
        .text
        .as_deref()
        .map(str::trim)
        .filter(|text| !text.is_empty())
    {
        query.push(" AND a.id IN (SELECT w.alert_id FROM alert_words w WHERE w.words ILIKE ");
        query.push_bind(format!("%{}%", like_literal(text))).push(")");
    }
    if let Some(technique) = &filter.technique {
        query.push(" AND a.id IN (SELECT w.alert_id FROM alert_words w WHERE w.techniques @> ");
        query
            .push_bind(vec![clean(technique).to_uppercase()])
            .push("::text[])");
    }
    if let Some(from_us) = filter.from_us {
        query.push(" AND a.last_us >= ").push_bind(from_us);
    }
    if let Some(to_us) = filter.to_us {
        query.push(" AND a.first_us < ").push_bind(to_us);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
