//! What an exception would have caught over the last week.

use std::collections::BTreeMap;

use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder};
use vonggac_event::Scope;

use super::change::{both, ground, needs_approval};
use super::{DAY_US, NewException};
use crate::alert::{self, AlertRow, RawAlert};
use crate::queue::push_scope;
use crate::{Database, DatabaseError, Result, Verdict};

/// Over how many days it is looked back.
pub const PREVIEW_DAYS: i64 = 7;
/// Most alerts shown.
const ROWS_MAX: i64 = 10;
/// Most alerts of the rule looked at: the latest.
const ALERTS_MAX: i64 = 100_000;

/// A day, from `from_us` on; the last ends with the moment of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// When it begins.
    pub from_us: i64,
    /// Alerts of the rule.
    pub alerts: i64,
    /// Of them, those that it would have caught.
    pub caught: i64,
    /// Their events.
    pub events: i64,
}

/// What it would have caught.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// Whether the whole rule is meant.
    pub is_whole: bool,
    /// Whether it would wait for a second person.
    pub needs_approval: bool,
    /// By day, the earliest first; always [`PREVIEW_DAYS`].
    pub days: Vec<Day>,
    /// What those that are closed turned out to be.
    pub verdicts: BTreeMap<&'static str, i64>,
    /// Open ones that nobody works on, of whatever age: what can be closed with it.
    pub open: i64,
    /// The latest of those it would have caught.
    pub rows: Vec<AlertRow>,
    /// Whether the rule has more alerts than were looked at.
    pub is_more: bool,
}

#[derive(FromRow)]
struct Row {
    day: i64,
    is_caught: bool,
    verdict: Option<String>,
    alerts: i64,
    events: i64,
}

/// The alerts of a rule that an exception is about, as far as they are seen.
struct Asked<'a> {
    scope: &'a Scope,
    new: &'a NewException,
    rule_id: &'a str,
    from_us: i64,
    now_us: i64,
}

impl Asked<'_> {
    fn push_fits(&self, query: &mut QueryBuilder<Postgres>) {
        query
            .push("exception_fits(")
            .push_bind(self.new.reach.conditions.json())
            .push("::text::jsonb, a.sensor, a.src, a.dst, a.dport, a.fields)");
    }

    fn push_rule(&self, query: &mut QueryBuilder<Postgres>) {
        query
            .push(" WHERE a.rule_id = ")
            .push_bind(self.rule_id.to_owned());
        push_scope(query, self.scope);
    }

    fn push_week(&self, query: &mut QueryBuilder<Postgres>) {
        query.push(" AND a.detected_us >= ").push_bind(self.from_us);
        query.push(" AND a.detected_us <= ").push_bind(self.now_us);
    }

    async fn by_day(&self, connection: &mut PgConnection) -> Result<Vec<Row>> {
        let mut query = QueryBuilder::<Postgres>::new("SELECT least((s.detected_us - ");
        query
            .push_bind(self.from_us)
            .push(") / ")
            .push_bind(DAY_US)
            .push(", ");
        query.push_bind(PREVIEW_DAYS - 1);
        query.push(
            ") AS day, s.is_caught, s.verdict, count(*) AS alerts, least(sum(s.count), 9223372036854775807)::bigint AS events \
             FROM (SELECT a.detected_us, a.verdict, a.count, ",
        );
        self.push_fits(&mut query);
        query.push(" AS is_caught FROM alert a");
        self.push_rule(&mut query);
        self.push_week(&mut query);
        query
            .push(" ORDER BY a.detected_us DESC LIMIT ")
            .push_bind(ALERTS_MAX);
        query.push(") AS s GROUP BY 1, 2, 3");
        let rows = query.build_query_as().fetch_all(connection).await;
        rows.map_err(DatabaseError::of_list)
    }

    async fn open(&self, connection: &mut PgConnection) -> Result<i64> {
        let mut query = QueryBuilder::<Postgres>::new("SELECT count(*) FROM alert a");
        self.push_rule(&mut query);
        query.push(" AND a.status = 'open' AND a.assignee_id IS NULL AND NOT a.is_suppressed AND ");
        self.push_fits(&mut query);
        let open = query.build_query_scalar().fetch_one(connection).await;
        open.map_err(DatabaseError::of_list)
    }

    async fn rows(&self, connection: &mut PgConnection) -> Result<Vec<AlertRow>> {
        let mut query = QueryBuilder::<Postgres>::new(alert::SELECT);
        self.push_rule(&mut query);
        self.push_week(&mut query);
        query.push(" AND ");
        self.push_fits(&mut query);
        query
            .push(" ORDER BY a.detected_us DESC, a.id DESC LIMIT ")
            .push_bind(ROWS_MAX);
        let rows: Vec<RawAlert> = query
            .build_query_as()
            .fetch_all(connection)
            .await
            .map_err(DatabaseError::of_list)?;
        Ok(rows.into_iter().map(AlertRow::from).collect())
    }
}

fn by_day(from_us: i64, rows: &[Row]) -> Vec<Day> {
    let day = |number: i64| {
        let of_day = || rows.iter().filter(|row| row.day == number);
        let caught = || of_day().filter(|row| row.is_caught);
        Day {
            from_us: from_us.saturating_add(number * DAY_US),
            alerts: of_day().map(|row| row.alerts).sum(),
            caught: caught().map(|row| row.alerts).sum(),
            events: caught().fold(0, |sum, row| sum.saturating_add(row.events)),
        }
    };
    (0..PREVIEW_DAYS).map(day).collect()
}

impl Database {
    /// What an exception would have caught, of the alerts in `sight`; see [`Database::add_exception`] for the arguments. Nothing is changed.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is no such alert in sight; [`DatabaseError::Invalid`] when it does not meet the conditions or
    /// is of another organisation; [`DatabaseError::TooExpensive`].
    pub async fn preview_exception(
        &self,
        sight: &Scope,
        covered: &Scope,
        new: &NewException,
        now_us: i64,
    ) -> Result<Preview> {
        // One look, so that its numbers agree.
        let mut look = self.look_once(&both(sight, covered)).await?;
        let ground = ground(&mut look, sight, covered, &new.reach).await?;
        let scope = sight.narrowed(|code| covered.covers(code));
        let asked = Asked {
            scope: &scope,
            new,
            rule_id: &ground.rule_id,
            from_us: now_us.saturating_sub(PREVIEW_DAYS * DAY_US),
            now_us,
        };
        let rows = asked.by_day(&mut look).await?;
        let mut verdicts: BTreeMap<&'static str, i64> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.is_caught) {
            if let Some(verdict) = row.verdict.as_deref().and_then(Verdict::from_name) {
                *verdicts.entry(verdict.name()).or_default() += row.alerts;
            }
        }
        Ok(Preview {
            is_whole: new.reach.conditions.is_whole(),
            needs_approval: needs_approval(&mut look, covered, new, &ground, now_us).await?,
            is_more: rows.iter().map(|row| row.alerts).sum::<i64>() >= ALERTS_MAX,
            days: by_day(asked.from_us, &rows),
            verdicts,
            open: asked.open(&mut look).await?,
            rows: asked.rows(&mut look).await?,
        })
    }
}
