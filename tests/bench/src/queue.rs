//! Pages, searches, counts and groups of a queue with many alerts: p95 of each beside its limit.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use vonggac_database::queue::groups::GroupBy;
use vonggac_database::queue::{Direction, Filter, Sort, SortKey};
use vonggac_database::testing::{self, FILLED_ORGANISATIONS, NOW_US};
use vonggac_database::{Database, Status};
use vonggac_event::{Scope, Severity};

/// What a page, a search or a count may take, in 19 of 20 cases.
const LIMIT: Duration = Duration::from_millis(300);
/// How often each is asked.
const ROUNDS: u32 = 40;
/// Rows of a page, as the console asks for them.
const ROWS: u32 = 100;
/// Pages before the deep one.
const PAGES_BEFORE: u32 = 50;
const WEEK_US: i64 = 7 * 86_400 * 1_000_000;

/// Measures and prints.
pub(crate) fn measure(alerts: u32) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let database = testing::database().await.context("PostgreSQL is missing")?;
        testing::fill_queue(&database, alerts).await;
        let code = |number: u32| format!("org-{number}");
        for (name, organisations) in [("one in seven", FILLED_ORGANISATIONS / 7), ("all", FILLED_ORGANISATIONS)] {
            println!("queue     {alerts} alerts, {name} of {FILLED_ORGANISATIONS} organisations: p95 of {ROUNDS}, and the share of {LIMIT:?}");
            let asked = Asked {
                database: &database,
                scope: Scope::of((0..organisations).map(code)),
                now_us: NOW_US + i64::from(alerts) * 1_000_000,
            };
            asked.all().await?;
        }
        Ok(())
    })
}

/// Who asks, and when.
struct Asked<'a> {
    database: &'a Database,
    scope: Scope,
    now_us: i64,
}

fn text(text: &str) -> Filter {
    Filter {
        text: Some(text.to_owned()),
        ..Filter::default()
    }
}

impl Asked<'_> {
    async fn all(&self) -> anyhow::Result<()> {
        self.pages().await?;
        for (name, filter) in [
            (
                "open, the most urgent",
                Filter {
                    statuses: vec![Status::Open],
                    severities: vec![Severity::Critical],
                    ..Filter::default()
                },
            ),
            ("text of 100 alerts", text("host4711 ")),
            ("text of 11,100 alerts", text("host47")),
            ("text of all alerts", text("et scan")),
            ("text of none", text("there is no such text")),
            (
                "technique",
                Filter {
                    technique: Some("T1042".into()),
                    ..Filter::default()
                },
            ),
            (
                "tag",
                Filter {
                    tags: vec!["vip".into()],
                    ..Filter::default()
                },
            ),
            (
                "address",
                Filter {
                    address: Some("192.168.7.7".into()),
                    ..Filter::default()
                },
            ),
        ] {
            self.page(name, &filter, Sort::default()).await?;
        }
        self.sums().await
    }

    async fn pages(&self) -> anyhow::Result<()> {
        for (name, key) in [
            ("page by time", SortKey::LastSeen),
            ("page by severity", SortKey::Severity),
            ("page by count", SortKey::Count),
        ] {
            let sort = Sort {
                key,
                direction: Direction::Descending,
            };
            self.page(name, &Filter::default(), sort).await?;
        }
        let (filter, sort) = (Filter::default(), Sort::default());
        let mut after = None;
        for _ in 0..PAGES_BEFORE {
            let page = self.database.list_alerts(&self.scope, &filter, sort, after, ROWS);
            after = page.await?.next;
        }
        print("page 51", || async {
            self.database
                .list_alerts(&self.scope, &filter, sort, after, ROWS)
                .await
        })
        .await
    }

    async fn page(&self, name: &str, filter: &Filter, sort: Sort) -> anyhow::Result<()> {
        print(name, || async {
            self.database
                .list_alerts(&self.scope, filter, sort, None, ROWS)
                .await
        })
        .await
    }

    async fn sums(&self) -> anyhow::Result<()> {
        let (database, scope) = (self.database, &self.scope);
        let week = Some(self.now_us - WEEK_US);
        print("counts, a week", || database.count_alerts(scope, week, None)).await?;
        print("counts, all", || database.count_alerts(scope, None, None)).await?;
        let filter = Filter::default();
        for (name, by) in [
            ("groups by rule", GroupBy::Rule),
            ("groups by source", GroupBy::Source),
        ] {
            print(name, || database.group_alerts(scope, &filter, by)).await?;
        }
        let page = database
            .list_alerts(scope, &filter, Sort::default(), None, ROWS)
            .await?;
        print("similar ones of a page", || {
            database.similar_alerts(scope, &page.rows)
        })
        .await?;
        print("overview, a week", || {
            database.overview(scope, week, self.now_us, self.now_us)
        })
        .await
    }
}

/// Asks again and again, and prints the p95.
async fn print<T, F>(name: &str, ask: impl Fn() -> F) -> anyhow::Result<()>
where
    F: Future<Output = vonggac_database::Result<T>>,
{
    ask().await.with_context(|| name.to_owned())?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        ask().await.with_context(|| name.to_owned())?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    let p95 = times.get(times.len() * 95 / 100).copied().unwrap_or_default();
    let share = p95.as_secs_f64() / LIMIT.as_secs_f64();
    println!("  {name:24} {:7.1} ms  {share:5.2}", p95.as_secs_f64() * 1_000.0);
    Ok(())
}
