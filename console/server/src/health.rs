//! How the parts that the console leans on are, and how roles and sensors say they are.
//!
//! ```text
//!  PostgreSQL, ClickHouse, Kafka, intake ─┐
//!  role_health, sensor_latest ────────────┴─▶ facts (at most 3 s old) ─▶ judge ─▶ health page, by viewer
//!                                                   └─▶ problems ─▶ /health, role_health
//! ```
//! Whoever asks gets the same facts: many open pages ask the parts once. What was told through ClickHouse stays known while that is
//! away.

mod judge;
mod strangers;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use vonggac_event::Scope;
use vonggac_metrics::{Gauge, Problem, Registry};
use vonggac_store::health::{Condition, Instance, REPORT_EVERY, Reporter, RoleReport};
use vonggac_store::search::{self, Limits, SensorState};

use crate::api::shapes::{Health, PartState};
use crate::deliveries::WAYS_REMARK;
use crate::state::Console;

pub(crate) use judge::{Viewer, is_silent};
pub(crate) use strangers::UnknownOrganisation;

/// How long facts are good for.
const FRESH: Duration = Duration::from_secs(3);
/// How long a part may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);
/// From here on an answer is slow.
const SLOW: Duration = Duration::from_millis(1000);
/// Longest text of an error that is shown, in bytes.
const ERROR_BYTES_MAX: usize = 200;
/// How long the last word of a console that stops may take.
const GOODBYE_LIMIT: Duration = Duration::from_secs(2);

/// What is known of health, and where it is kept.
pub(crate) struct Watch {
    own: Instance,
    checked: Mutex<Option<Checked>>,
    told: Mutex<Option<Told>>,
    postgres: Problem,
    clickhouse: Problem,
    kafka: Problem,
    intake: Problem,
    unmade: Problem,
    intake_lag: Gauge,
    sessions: Gauge,
}

struct Checked {
    at: Instant,
    facts: Arc<Facts>,
}

/// What sensors told.
struct Told {
    at: Instant,
    sensors: Arc<Vec<SensorState>>,
}

/// What was found out.
pub(crate) struct Facts {
    at_us: i64,
    own: Instance,
    own_address: String,
    /// Of this console, but for what the parts below say: key, since when, words.
    own_problems: Vec<(String, i64, String)>,
    postgres: Asked,
    clickhouse: Asked,
    kafka: Asked,
    intake: IntakeFacts,
    roles: Vec<RoleReport>,
    sensors: Arc<Vec<SensorState>>,
    strangers: Vec<UnknownOrganisation>,
}

/// A server that was asked how it is.
struct Asked {
    address: String,
    /// Its version or size, or what is wrong.
    answer: Result<String, String>,
    failing_since_us: Option<i64>,
    took_s: f64,
    is_slow: bool,
}

#[derive(Default)]
struct IntakeFacts {
    failing_since_us: Option<i64>,
    /// When an alert was last taken over; 0 for never.
    last_us: i64,
    trouble: Option<String>,
}

impl Watch {
    pub(crate) fn new(registry: &Registry, own: Instance) -> Self {
        Self {
            own,
            checked: Mutex::new(None),
            told: Mutex::new(None),
            postgres: registry.problem("postgresql"),
            clickhouse: registry.problem("clickhouse"),
            kafka: registry.problem("kafka"),
            intake: registry.problem("alert_intake"),
            unmade: registry.remark(UNMADE_REMARK),
            intake_lag: registry.gauge(
                "console_intake_lag_seconds",
                "How long alerts could not be taken over; 0 when they can.",
                &[],
            ),
            sessions: registry.gauge("console_sessions", "Sessions that are open.", &[]),
        }
    }
}

/// What `viewer` may know of everything's health.
pub(crate) async fn health(console: &Console, viewer: &Viewer) -> Health {
    judge::judge(&*facts(console).await, viewer)
}

/// Looks again and again, and tells the other consoles how this one is.
pub(crate) async fn run(console: Console) {
    let reporter = reporter(&console);
    let look = async {
        let mut every = tokio::time::interval(REPORT_EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            facts(&console).await;
            note_unmade(&console).await;
            if let Ok(count) = console.database().count_sessions(console.now_us()).await {
                console.watch().sessions.set(count as f64);
            }
        }
    };
    let mut stopped = console.stopped();
    tokio::select! {
        () = look => {}
        never = reporter.run() => match never {},
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
    // One that cannot be told is missed until another console of its name starts.
    let _ = tokio::time::timeout(GOODBYE_LIMIT, reporter.stop()).await;
}

/// Says so where alerts are of exercises that nobody has made: they are in no queue.
async fn note_unmade(console: &Console) {
    let unmade = &console.watch().unmade;
    match console.database().alerts_of_unmade_exercises().await {
        Ok(0) => unmade.clear(),
        Ok(count) => unmade.set(format!(
            "{count} alerts or more are of exercises that nobody has made, and in no queue: a sensor was started with --exercise-id"
        )),
        Err(error) => tracing::debug!(%error, "alerts of exercises cannot be counted"),
    }
}

fn reporter(console: &Console) -> Reporter<impl Fn() -> Condition + use<>> {
    let told = console.clone();
    let condition = move || Condition {
        lag_s: told.watch().intake_lag.get(),
        problems: told
            .metrics()
            .problems()
            .into_iter()
            .map(|trouble| (trouble.key, trouble.since_us, trouble.words))
            .collect(),
        counters: told.metrics().totals(),
    };
    Reporter::new(console.store().clone(), console.watch().own.clone(), condition)
}

/// What sensors told last, whoever's they are; what was known before while ClickHouse is away.
pub(crate) async fn sensors(console: &Console) -> Arc<Vec<SensorState>> {
    let mut told = console.watch().told.lock().await;
    if let Some(known) = told.as_ref().filter(|known| known.at.elapsed() < FRESH) {
        return Arc::clone(&known.sensors);
    }
    let before = told.as_ref().map(|known| Arc::clone(&known.sensors));
    let sensors = match ask_sensors(console).await {
        Some(sensors) => Arc::new(sensors),
        None => before.unwrap_or_default(),
    };
    *told = Some(Told {
        at: Instant::now(),
        sensors: Arc::clone(&sensors),
    });
    sensors
}

async fn ask_sensors(console: &Console) -> Option<Vec<SensorState>> {
    let limits = Limits {
        max_execution_s: Some(3),
        ..Limits::default()
    };
    let asking = search::sensors(&console.store().client, limits);
    tokio::time::timeout(ANSWER_LIMIT, asking).await.ok()?.ok()
}

async fn facts(console: &Console) -> Arc<Facts> {
    let watch = console.watch();
    let mut checked = watch.checked.lock().await;
    if let Some(known) = checked.as_ref().filter(|known| known.at.elapsed() < FRESH) {
        return Arc::clone(&known.facts);
    }
    let before = checked.take().map(|known| known.facts);
    let facts = Arc::new(look(console, before.as_deref()).await);
    *checked = Some(Checked {
        at: Instant::now(),
        facts: Arc::clone(&facts),
    });
    facts
}

async fn look(console: &Console, before: Option<&Facts>) -> Facts {
    let (postgres, clickhouse, kafka, roles, sensors) = tokio::join!(
        postgres(console),
        clickhouse(console),
        kafka(console),
        tokio::time::timeout(ANSWER_LIMIT, console.store().latest_health()),
        sensors(console),
    );
    let roles = roles.ok().and_then(Result::ok);
    let strangers = strangers::find(console, &sensors);
    let strangers = tokio::time::timeout(ANSWER_LIMIT, strangers).await.ok().flatten();
    Facts {
        at_us: console.now_us(),
        own: console.watch().own.clone(),
        own_address: console.options().listen.to_string(),
        own_problems: own_problems(console),
        postgres,
        clickhouse,
        kafka,
        intake: intake(console),
        roles: roles.unwrap_or_else(|| before.map_or_else(Vec::new, |facts| facts.roles.clone())),
        sensors,
        strangers: strangers.unwrap_or_else(|| before.map_or_else(Vec::new, |facts| facts.strangers.clone())),
    }
}

/// What is worth a word of exercises that nobody has made.
pub(crate) const UNMADE_REMARK: &str = "unmade_exercises";
/// Problems that have a part of their own on the page.
const OF_PARTS: [&str; 4] = ["postgresql", "clickhouse", "kafka", "alert_intake"];

fn own_problems(console: &Console) -> Vec<(String, i64, String)> {
    let problems = console.metrics().problems().into_iter();
    // What is worth a word to people, and is no reason to send nobody here.
    let remarks = console.metrics().remarks().into_iter();
    let remarks = remarks.filter(|remark| [WAYS_REMARK, UNMADE_REMARK].contains(&remark.key.as_str()));
    problems
        .filter(|trouble| !OF_PARTS.contains(&trouble.key.as_str()))
        .chain(remarks)
        .map(|trouble| (trouble.key, trouble.since_us, trouble.words))
        .collect()
}

/// The sensors of a scope that are not well, and how they stand.
pub(crate) async fn troubled_sensors(console: &Console, scope: &Scope) -> Vec<(SensorState, PartState)> {
    let (told, at_us) = (sensors(console).await, console.now_us());
    told.iter()
        .filter(|state| scope.shows(&state.tenant, state.stage))
        .map(|state| (state.clone(), judge::sensor(at_us, state).state))
        .filter(|(_, state)| *state != PartState::Up)
        .collect()
}

/// How many sensors of the scope were heard of these days; none when ClickHouse does not say in time.
pub(crate) async fn count_sensors(console: &Console, scope: &Scope) -> Option<usize> {
    let sensors = ask_sensors(console).await?;
    let seen = sensors
        .iter()
        .filter(|sensor| scope.shows(&sensor.tenant, sensor.stage));
    Some(seen.count())
}

async fn asked<E: std::fmt::Display>(
    address: String,
    problem: &Problem,
    question: impl Future<Output = Result<String, E>>,
) -> Asked {
    let start = Instant::now();
    let answer = match tokio::time::timeout(ANSWER_LIMIT, question).await {
        Err(_) => Err(format!("no answer after {} s", ANSWER_LIMIT.as_secs())),
        Ok(Err(error)) => Err(first_line(&error.to_string())),
        Ok(Ok(detail)) => Ok(detail),
    };
    match &answer {
        Ok(_) => problem.clear(),
        Err(error) => problem.set(error),
    }
    Asked {
        address,
        answer,
        failing_since_us: problem.since_us(),
        took_s: start.elapsed().as_secs_f64(),
        is_slow: start.elapsed() > SLOW,
    }
}

fn first_line(text: &str) -> String {
    vonggac_event::limits::cut(
        text.lines().next().unwrap_or_default().to_owned(),
        ERROR_BYTES_MAX,
    )
}

async fn postgres(console: &Console) -> Asked {
    let address = public_address(&console.options().postgres);
    asked(address, &console.watch().postgres, console.database().version()).await
}

async fn clickhouse(console: &Console) -> Asked {
    let address = public_address(&console.options().store.clickhouse);
    let question = search::ping(&console.store().client);
    asked(address, &console.watch().clickhouse, question).await
}

async fn kafka(console: &Console) -> Asked {
    let connection = console.options().kafka.clone();
    let address = connection.to_string();
    let probe = async {
        let count =
            tokio::task::spawn_blocking(move || vonggac_bus::probe(&connection, Duration::from_secs(2)));
        match count.await {
            Ok(Ok(count)) => Ok(count.to_string()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    };
    asked(address, &console.watch().kafka, probe).await
}

fn intake(console: &Console) -> IntakeFacts {
    let (intake, watch) = (console.intake(), console.watch());
    let since_us = intake.failing_since_us.load(Ordering::Relaxed);
    let failing_since_us = (since_us != 0).then_some(since_us);
    match failing_since_us {
        Some(since_us) => {
            watch.intake.set(format!(
                "alerts cannot be taken over: {}",
                first_line(&intake.trouble())
            ));
            let lag_us = console.now_us().saturating_sub(since_us).max(0);
            watch.intake_lag.set(lag_us as f64 / 1e6);
        }
        None => {
            watch.intake.clear();
            watch.intake_lag.set(0.0);
        }
    }
    IntakeFacts {
        failing_since_us,
        last_us: intake.last_us.load(Ordering::Relaxed),
        trouble: failing_since_us.map(|_| first_line(&intake.trouble())),
    }
}

/// Host and port of an address, without user and password.
fn public_address(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_without_their_secrets() {
        let check = |url: &str, expect: &str| assert_eq!(public_address(url), expect, "{url}");
        check("postgres://u:p%40@h:5432/d?password=x", "h:5432");
        check("postgres://u:p@@h/d", "h");
        check("http://127.0.0.1:8123", "127.0.0.1:8123");
        check("localhost?password=x", "localhost");
    }
}
