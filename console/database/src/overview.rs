//! What a shift lead looks at first: what was raised in a stretch of time, what waits now, and how long work took.
//!
//! Alerts that an exception hides count nowhere here. All is within a [`Scope`] and its stage, by statements that go by the indexes of migration 0030.

use std::collections::BTreeMap;

use sqlx::{Postgres, QueryBuilder};
use vonggac_event::{Scope, Severity};

use crate::queue::push_scope;
use crate::{Database, DatabaseError, Result, Status};

/// Most organisations that are told one by one.
pub const ORGANISATIONS_MAX: usize = 20;
/// Most pairs of tactic and technique that are told.
pub const TECHNIQUES_MAX: usize = 500;
/// About how many stretches the time is cut into.
pub const BUCKETS: i64 = 48;
/// Most different lists of tactics and techniques that are read: each rule has one.
const RULE_KINDS_MAX: i64 = 5_000;

const SECOND_US: i64 = 1_000_000;
const HOUR_US: i64 = 3_600 * SECOND_US;
const DAY_US: i64 = 24 * HOUR_US;

/// Where one band of age ends and the next begins, in microseconds.
pub const AGES_US: [i64; 5] = [HOUR_US, 4 * HOUR_US, DAY_US, 3 * DAY_US, 7 * DAY_US];

/// Widths of the stretches of time that alerts are counted in, in microseconds; wider ones are whole weeks.
const WIDTHS_US: [i64; 11] = [
    10 * SECOND_US,
    30 * SECOND_US,
    60 * SECOND_US,
    300 * SECOND_US,
    900 * SECOND_US,
    1_800 * SECOND_US,
    HOUR_US,
    3 * HOUR_US,
    6 * HOUR_US,
    12 * HOUR_US,
    DAY_US,
];

/// How many alerts there are, by where work on them stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ByStatus {
    /// Nobody has them.
    pub open: i64,
    /// Somebody works on them.
    pub acknowledged: i64,
    /// They are done.
    pub closed: i64,
}

impl ByStatus {
    fn add(&mut self, status: Status, count: i64) {
        match status {
            Status::Open => self.open += count,
            Status::Acknowledged => self.acknowledged += count,
            Status::Closed => self.closed += count,
        }
    }

    /// All of them.
    pub fn total(&self) -> i64 {
        self.open + self.acknowledged + self.closed
    }
}

/// Alerts of one technique under one tactic. A rule of several tactics counts under each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TechniqueCount {
    /// ATT&CK tactic, as in `credential-access`.
    pub tactic: String,
    /// ATT&CK technique; empty for rules that name none.
    pub technique: String,
    /// How many.
    pub alerts: ByStatus,
}

/// Alerts of one age that are not closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgeBand {
    /// At least so old.
    pub from_us: i64,
    /// Younger than this; `None` for the oldest band.
    pub to_us: Option<i64>,
    /// How many, the most urgent first.
    pub by_severity: Vec<(Severity, i64)>,
}

/// What waits now, whenever it was raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Alerts that are not closed.
    pub count: i64,
    /// Of them, those that nobody has.
    pub unassigned: i64,
    /// When the oldest of them was raised.
    pub oldest_us: Option<i64>,
    /// The youngest first.
    pub ages: Vec<AgeBand>,
}

/// Alerts that were raised in one stretch of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Where it starts.
    pub start_us: i64,
    /// How many; a severity without one is not there.
    pub by_severity: BTreeMap<&'static str, i64>,
}

/// How long something took, counted from when the alert was raised.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Took {
    /// Alerts for which it was done.
    pub count: i64,
    /// The median, in microseconds.
    pub median_us: f64,
    /// Nine of ten took no longer, in microseconds.
    pub p90_us: f64,
}

/// All of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    /// The time that was asked about: from here …
    pub from_us: i64,
    /// … to before here.
    pub to_us: i64,
    /// Alerts raised in it, the most urgent first.
    pub by_severity: Vec<(Severity, ByStatus)>,
    /// The organisations with most of them, the most first.
    pub organisations: Vec<(String, ByStatus)>,
    /// How many organisations have some.
    pub organisations_total: usize,
    /// By technique, the most first.
    pub techniques: Vec<TechniqueCount>,
    /// Width of [`Self::buckets`].
    pub bucket_us: i64,
    /// In order, without a hole.
    pub buckets: Vec<Bucket>,
    /// What waits now.
    pub waiting: Waiting,
    /// Until somebody took it or closed it, of what was first taken or closed in the time.
    pub acknowledge: Took,
    /// Until it was closed, of what was first closed in the time.
    pub close: Took,
}

/// A stretch of time, cut into buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    from_us: i64,
    to_us: i64,
    width_us: i64,
}

impl Span {
    fn of(from_us: i64, to_us: i64) -> Self {
        let to_us = to_us.max(from_us);
        let least_us = to_us.saturating_sub(from_us) / BUCKETS;
        let weeks = || (least_us / (7 * DAY_US) + 1).saturating_mul(7 * DAY_US);
        Self {
            from_us,
            to_us,
            width_us: WIDTHS_US
                .into_iter()
                .find(|width| *width >= least_us)
                .unwrap_or_else(weeks),
        }
    }

    /// Where the first bucket starts: at a round time.
    fn start_us(&self) -> i64 {
        self.from_us
            .saturating_sub(self.from_us.rem_euclid(self.width_us))
    }

    fn empty_buckets(&self) -> Vec<Bucket> {
        let start_us = self.start_us();
        let count = self.to_us.saturating_sub(start_us).saturating_sub(1) / self.width_us + 1;
        (0..count)
            .map(|index| Bucket {
                start_us: start_us.saturating_add(self.width_us.saturating_mul(index)),
                by_severity: BTreeMap::new(),
            })
            .collect()
    }
}

impl Database {
    /// The overview of `from_us` to before `to_us`; without a beginning, from the first alert on.
    ///
    /// # Errors
    /// [`DatabaseError::TooExpensive`] when it takes too long, and when PostgreSQL fails.
    pub async fn overview(
        &self,
        scope: &Scope,
        from_us: Option<i64>,
        to_us: i64,
        now_us: i64,
    ) -> Result<Overview> {
        let from_us = match from_us {
            Some(from_us) => from_us,
            None => self.first_detected(scope).await?.unwrap_or(to_us),
        };
        let span = Span::of(from_us, to_us);
        let (groups, techniques, buckets, waiting, took) = tokio::try_join!(
            self.raised(scope, span),
            self.techniques(scope, span),
            self.timeline(scope, span),
            self.waiting(scope, now_us),
            self.took(scope, span),
        )?;
        let (organisations, organisations_total) = by_organisation(&groups);
        Ok(Overview {
            from_us: span.from_us,
            to_us: span.to_us,
            by_severity: by_severity(&groups),
            organisations,
            organisations_total,
            techniques,
            bucket_us: span.width_us,
            buckets,
            waiting,
            acknowledge: took.0,
            close: took.1,
        })
    }

    async fn first_detected(&self, scope: &Scope) -> Result<Option<i64>> {
        let mut query =
            QueryBuilder::<Postgres>::new("SELECT min(a.detected_us) FROM alert a WHERE NOT a.is_suppressed");
        push_scope(&mut query, scope);
        let mut look = self.look(scope).await?;
        query
            .build_query_scalar()
            .fetch_one(&mut *look)
            .await
            .map_err(DatabaseError::of_list)
    }

    async fn raised(&self, scope: &Scope, span: Span) -> Result<Vec<Group>> {
        let mut query =
            QueryBuilder::<Postgres>::new("SELECT a.tenant, a.severity, a.status, count(*) FROM alert a");
        push_raised(&mut query, scope, span);
        query.push(" GROUP BY a.tenant, a.severity, a.status");
        let mut look = self.look(scope).await?;
        let rows: Vec<(String, i16, String, i64)> = query
            .build_query_as()
            .fetch_all(&mut *look)
            .await
            .map_err(DatabaseError::of_list)?;
        let group = |(organisation, severity, status, count): (String, i16, String, i64)| Group {
            organisation,
            severity: severity_of(severity),
            status: status_of(&status),
            count,
        };
        Ok(rows.into_iter().map(group).collect())
    }

    async fn techniques(&self, scope: &Scope, span: Span) -> Result<Vec<TechniqueCount>> {
        let mut query =
            QueryBuilder::<Postgres>::new("SELECT a.tactics, a.techniques, a.status, count(*) FROM alert a");
        push_raised(&mut query, scope, span);
        query.push(" AND a.tactics <> '{}' GROUP BY a.tactics, a.techniques, a.status LIMIT ");
        query.push_bind(RULE_KINDS_MAX);
        let mut look = self.look(scope).await?;
        let rows: Vec<(Vec<String>, Vec<String>, String, i64)> = query
            .build_query_as()
            .fetch_all(&mut *look)
            .await
            .map_err(DatabaseError::of_list)?;
        let mut cells: BTreeMap<(String, String), ByStatus> = BTreeMap::new();
        for (tactics, mut techniques, status, count) in rows {
            if techniques.is_empty() {
                techniques.push(String::new());
            }
            for tactic in tactics {
                for technique in &techniques {
                    let cell = cells.entry((tactic.clone(), technique.clone())).or_default();
                    cell.add(status_of(&status), count);
                }
            }
        }
        let mut cells: Vec<TechniqueCount> = cells
            .into_iter()
            .map(|((tactic, technique), alerts)| TechniqueCount {
                tactic,
                technique,
                alerts,
            })
            .collect();
        cells.sort_by_key(|cell| std::cmp::Reverse(cell.alerts.total()));
        cells.truncate(TECHNIQUES_MAX);
        Ok(cells)
    }

    async fn timeline(&self, scope: &Scope, span: Span) -> Result<Vec<Bucket>> {
        let mut query = QueryBuilder::<Postgres>::new("SELECT (a.detected_us - ");
        query.push_bind(span.start_us()).push(") / ");
        query.push_bind(span.width_us);
        query.push(" AS bucket, a.severity, count(*) FROM alert a");
        push_raised(&mut query, scope, span);
        query.push(" GROUP BY bucket, a.severity");
        let mut look = self.look(scope).await?;
        let rows: Vec<(i64, i16, i64)> = query
            .build_query_as()
            .fetch_all(&mut *look)
            .await
            .map_err(DatabaseError::of_list)?;
        let mut buckets = span.empty_buckets();
        for (bucket, severity, count) in rows {
            let slot = usize::try_from(bucket)
                .ok()
                .and_then(|bucket| buckets.get_mut(bucket));
            if let Some(slot) = slot {
                *slot.by_severity.entry(severity_of(severity).name()).or_default() += count;
            }
        }
        Ok(buckets)
    }

    async fn waiting(&self, scope: &Scope, now_us: i64) -> Result<Waiting> {
        let mut query = QueryBuilder::<Postgres>::new("SELECT width_bucket(");
        query.push_bind(now_us).push(" - a.detected_us, ");
        query.push_bind(AGES_US.to_vec());
        query.push(
            ") AS band, a.severity, count(*), count(*) FILTER (WHERE a.assignee_id IS NULL), min(a.detected_us) \
             FROM alert a WHERE NOT a.is_suppressed AND a.status IN ('open', 'acknowledged')",
        );
        push_scope(&mut query, scope);
        query.push(" GROUP BY band, a.severity");
        let mut look = self.look(scope).await?;
        let rows: Vec<(i32, i16, i64, i64, i64)> = query
            .build_query_as()
            .fetch_all(&mut *look)
            .await
            .map_err(DatabaseError::of_list)?;
        let ages = (0_usize..=AGES_US.len()).map(|band| AgeBand {
            from_us: band
                .checked_sub(1)
                .and_then(|before| AGES_US.get(before))
                .copied()
                .unwrap_or(0),
            to_us: AGES_US.get(band).copied(),
            by_severity: severities()
                .map(|severity| {
                    let of = rows.iter().filter(|row| {
                        usize::try_from(row.0).ok() == Some(band) && severity_of(row.1) == severity
                    });
                    (severity, of.map(|row| row.2).sum())
                })
                .collect(),
        });
        Ok(Waiting {
            count: rows.iter().map(|row| row.2).sum(),
            unassigned: rows.iter().map(|row| row.3).sum(),
            oldest_us: rows.iter().map(|row| row.4).min(),
            ages: ages.collect(),
        })
    }

    /// How long taking and closing took, of what was first taken and first closed in the time.
    async fn took(&self, scope: &Scope, span: Span) -> Result<(Took, Took)> {
        let mut query = QueryBuilder::<Postgres>::new(
            "WITH done AS (SELECT y.alert_id, y.at_us, y.action = 'closed' AS is_closing FROM activity y \
             WHERE y.action IN ('acknowledged', 'closed') AND y.at_us >= ",
        );
        query.push_bind(span.from_us).push(" AND y.at_us < ");
        query.push_bind(span.to_us);
        query.push(
            "), first AS (SELECT alert_id, false AS is_closing, min(at_us) AS at_us FROM done GROUP BY alert_id UNION ALL \
             SELECT alert_id, true, min(at_us) FROM done WHERE is_closing GROUP BY alert_id) \
             SELECT f.is_closing, count(*), \
             percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY greatest(f.at_us - a.detected_us, 0)) \
             FROM first f JOIN alert a ON a.id = f.alert_id WHERE NOT a.is_suppressed \
             AND NOT EXISTS (SELECT FROM activity e WHERE e.alert_id = f.alert_id AND e.at_us < ",
        );
        query.push_bind(span.from_us);
        query.push(" AND (e.action = 'closed' OR (e.action = 'acknowledged' AND NOT f.is_closing)))");
        push_scope(&mut query, scope);
        query.push(" GROUP BY f.is_closing");
        let mut look = self.look(scope).await?;
        let rows: Vec<(bool, i64, Vec<f64>)> = query
            .build_query_as()
            .fetch_all(&mut *look)
            .await
            .map_err(DatabaseError::of_list)?;
        let of = |is_closing: bool| {
            let row = rows.iter().find(|row| row.0 == is_closing);
            row.map_or_else(Took::default, |(_, count, shares)| Took {
                count: *count,
                median_us: shares.first().copied().unwrap_or(0.0),
                p90_us: shares.get(1).copied().unwrap_or(0.0),
            })
        };
        Ok((of(false), of(true)))
    }
}

/// Alerts that have these alike.
struct Group {
    organisation: String,
    severity: Severity,
    status: Status,
    count: i64,
}

fn push_raised(query: &mut QueryBuilder<Postgres>, scope: &Scope, span: Span) {
    query.push(" WHERE NOT a.is_suppressed AND a.detected_us >= ");
    query.push_bind(span.from_us).push(" AND a.detected_us < ");
    query.push_bind(span.to_us);
    push_scope(query, scope);
}

/// The most urgent first.
fn severities() -> impl Iterator<Item = Severity> {
    (1..=5).rev().map(severity_of)
}

fn severity_of(number: i16) -> Severity {
    match Severity::try_from(i32::from(number)) {
        Ok(Severity::Unspecified) | Err(_) => Severity::Informational,
        Ok(severity) => severity,
    }
}

fn status_of(name: &str) -> Status {
    Status::from_name(name).unwrap_or(Status::Open)
}

fn by_severity(groups: &[Group]) -> Vec<(Severity, ByStatus)> {
    let of = |severity: Severity| {
        let mut counts = ByStatus::default();
        for group in groups.iter().filter(|group| group.severity == severity) {
            counts.add(group.status, group.count);
        }
        (severity, counts)
    };
    severities().map(of).collect()
}

/// The organisations with the most, and how many there are.
fn by_organisation(groups: &[Group]) -> (Vec<(String, ByStatus)>, usize) {
    let mut all: BTreeMap<&str, ByStatus> = BTreeMap::new();
    for group in groups {
        all.entry(&group.organisation)
            .or_default()
            .add(group.status, group.count);
    }
    let total = all.len();
    let mut most: Vec<(String, ByStatus)> = all
        .into_iter()
        .map(|(organisation, counts)| (organisation.to_owned(), counts))
        .collect();
    most.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.total()));
    most.truncate(ORGANISATIONS_MAX);
    (most, total)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use vonggac_event::AlertId;

    use super::*;
    use crate::Verdict;
    use crate::testing::{self, NOW_US, alert};
    use crate::work::Action;

    #[test]
    fn a_span_is_cut_at_round_times() {
        let check = |from_us: i64, to_us: i64, width_us: i64, count: usize| {
            let span = Span::of(from_us, to_us);
            let buckets = span.empty_buckets();
            assert_eq!(
                (span.width_us, buckets.len()),
                (width_us, count),
                "{from_us} {to_us}"
            );
            assert!(buckets.iter().all(|bucket| bucket.start_us % width_us == 0));
        };
        check(0, DAY_US, 1_800 * SECOND_US, 48);
        check(5, DAY_US + 5, 1_800 * SECOND_US, 49);
        check(0, 7 * DAY_US, 6 * HOUR_US, 28);
        check(0, 0, 10 * SECOND_US, 1);
        check(9, 3, 10 * SECOND_US, 1);
        check(0, 3_650 * DAY_US, 77 * DAY_US, 48);
    }

    /// Ten alerts, one a second: the first two closed after a minute, the third acknowledged after two.
    async fn worked_on() -> Option<Database> {
        let database = testing::database().await?;
        let lan = testing::account(&database, "lan", "*").await;
        let mut alerts: Vec<_> = (1..=10)
            .map(|n| alert(n, if n % 2 == 0 { "moh" } else { "mot" }, 1))
            .collect();
        alerts.push(vonggac_event::Alert {
            exercise_id: 7,
            ..alert(11, "moh", 1)
        });
        database.take_alerts(&alerts).await.unwrap();
        let close = Action::Close {
            verdict: Verdict::BenignTruePositive,
            reason: None,
            note: None,
        };
        for (number, action, after_s) in [
            (1, &close, 60),
            (2, &close, 60),
            (
                3,
                &Action::Acknowledge {
                    note: None,
                    take_over: false,
                },
                120,
            ),
        ] {
            let at_us = NOW_US + (i64::from(number) + after_s) * SECOND_US;
            database
                .act(&testing::everyone(), &lan, AlertId(number as u128), action, at_us)
                .await
                .unwrap();
        }
        Some(database)
    }

    #[tokio::test]
    async fn what_was_raised_waits_and_took_is_told_within_the_scope() {
        let Some(database) = worked_on().await else { return };
        let now_us = NOW_US + 2 * HOUR_US;
        let ask = async |scope: Scope| {
            database
                .overview(&scope, Some(NOW_US), now_us, now_us)
                .await
                .unwrap()
        };
        let all = ask(testing::everyone()).await;
        let total: i64 = all.by_severity.iter().map(|(_, counts)| counts.total()).sum();
        assert_eq!((total, all.organisations_total), (10, 2));
        let raised: i64 = all
            .buckets
            .iter()
            .flat_map(|bucket| bucket.by_severity.values())
            .sum();
        assert_eq!(raised, 10);
        assert_eq!((all.waiting.count, all.waiting.unassigned), (8, 7));
        assert_eq!(all.waiting.oldest_us, Some(NOW_US + 3 * SECOND_US));
        let bands: Vec<i64> = all
            .waiting
            .ages
            .iter()
            .map(|band| band.by_severity.iter().map(|(_, count)| count).sum())
            .collect();
        assert_eq!(bands, [0, 8, 0, 0, 0, 0]);
        let (first, count) = (all.techniques.first().unwrap(), all.techniques.len());
        assert_eq!(
            (first.tactic.as_str(), first.technique.as_str(), count),
            ("credential-access", "T1110.001", 1)
        );
        assert_eq!(
            (first.alerts.closed, first.alerts.acknowledged, first.alerts.open),
            (2, 1, 7)
        );
        assert_eq!((all.close.count, all.close.median_us), (2, 60e6));
        assert_eq!((all.acknowledge.count, all.acknowledge.median_us), (3, 60e6));
        assert!(
            (all.acknowledge.p90_us - 108e6).abs() < 1.0,
            "{:?}",
            all.acknowledge
        );

        let moh = ask(Scope::of(["moh"])).await;
        assert_eq!(
            moh.organisations,
            [(
                "moh".to_owned(),
                ByStatus {
                    open: 4,
                    acknowledged: 0,
                    closed: 1
                }
            )]
        );
        assert_eq!(
            (moh.waiting.count, moh.close.count, moh.acknowledge.count),
            (4, 1, 1)
        );
        let nobody = ask(Scope::of(["mof"])).await;
        assert_eq!(
            (
                nobody.waiting.count,
                nobody.organisations_total,
                nobody.close.count
            ),
            (0, 0, 0)
        );
    }

    #[tokio::test]
    async fn without_a_beginning_it_goes_from_the_first_alert() {
        let Some(database) = worked_on().await else { return };
        let now_us = NOW_US + HOUR_US;
        let all = database
            .overview(&testing::everyone(), None, now_us, now_us)
            .await
            .unwrap();
        assert_eq!(all.from_us, NOW_US + SECOND_US);
        let none = database
            .overview(&Scope::of(["mof"]), None, now_us, now_us)
            .await
            .unwrap();
        assert_eq!((none.from_us, none.buckets.len()), (now_us, 1));
    }

    #[tokio::test]
    async fn work_counts_when_it_was_first_done() {
        let Some(database) = worked_on().await else { return };
        let lan = testing::account(&database, "hoa", "*").await;
        let later_us = NOW_US + HOUR_US;
        let act = async |number: u128, action: Action| {
            database
                .act(&testing::everyone(), &lan, AlertId(number), &action, later_us)
                .await
                .unwrap()
        };
        // Closed after it was taken an hour ago, and closed again.
        let close = || Action::Close {
            verdict: Verdict::BenignTruePositive,
            reason: None,
            note: None,
        };
        act(3, close()).await;
        act(1, Action::Reopen).await;
        act(1, close()).await;
        let after = database
            .overview(&testing::everyone(), Some(later_us), later_us + 1, later_us + 1)
            .await
            .unwrap();
        assert_eq!((after.acknowledge.count, after.close.count), (0, 1));
    }
}
