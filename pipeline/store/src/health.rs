//! How roles and sensors are, as they tell it.
//!
//! ```text
//!  pipeline, console ──report_health──▶ role_health      a row each 10 s, for 7 days
//!  sensor ──▶ stats ──sensor_latest_view──▶ sensor_latest   one row a run of a sensor, for 30 days
//! ```
//! Both are small whatever the events are, so that a page that shows them costs nothing worth counting.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clickhouse::{Client, Row};
use serde::{Deserialize, Serialize};

use crate::{Store, StoreError};

/// How often a role tells how it is.
pub const REPORT_EVERY: Duration = Duration::from_secs(10);
/// Most instances of roles that are listed.
const INSTANCES_MAX: u32 = 200;
/// Most counters that go into one report.
const COUNTERS_MAX: usize = 1000;
/// How long ClickHouse may take over a report or the list of them.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// Which instance of a role tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Role: `pipeline`, `console`.
    pub role: &'static str,
    /// Name, unique among those of its role.
    pub name: String,
    /// Machine.
    pub host: String,
    /// Version of the program.
    pub version: &'static str,
    /// When it started, in microseconds.
    pub started_us: i64,
}

impl Instance {
    /// This process as an instance of `role`, started now; without a name it has the machine's.
    pub fn new(role: &'static str, name: Option<String>, version: &'static str) -> Self {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host = host.trim().to_owned();
        Self {
            role,
            name: name.unwrap_or_else(|| host.clone()),
            host,
            version,
            started_us: now_us(),
        }
    }
}

/// How an instance is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Condition {
    /// How far it is behind, in seconds.
    pub lag_s: f64,
    /// What is wrong: a key, since when in microseconds, words.
    pub problems: Vec<(String, i64, String)>,
    /// What it counted, by name and labels.
    pub counters: BTreeMap<String, f64>,
}

/// What an instance told last.
#[derive(Debug, Clone, PartialEq, Row, Serialize, Deserialize)]
pub struct RoleReport {
    /// Role.
    pub role: String,
    /// Name among those of its role.
    pub instance: String,
    /// Machine.
    pub host: String,
    /// Version of the program.
    pub version: String,
    /// When it started, in microseconds.
    pub started_us: i64,
    /// When it told, in microseconds.
    pub at_us: i64,
    /// Whether it was told to stop, and this is its last word.
    pub stopped: bool,
    /// How far it is behind, in seconds.
    pub lag_s: f64,
    /// What is wrong: a key, since when in microseconds, words.
    pub problems: Vec<(String, i64, String)>,
    /// What it counted, by name and labels.
    pub counters: Vec<(String, f64)>,
}

const REPORT_COLUMNS: &str = "role, instance, host, version, started, at, stopped, lag_s, problems, counters";

/// What all tables are made with, as the operator's options say.
pub(crate) struct Frame<'a> {
    /// ` ON CLUSTER …`, or nothing.
    pub(crate) on_cluster: &'a str,
    /// `Replicated`, or nothing: what engines' names begin with.
    pub(crate) engine_prefix: &'a str,
    /// Settings of a table, comma separated; among them how far back a repeated insert is recognised, which the view's target needs too.
    pub(crate) settings: &'a str,
}

/// The latest state of each run of a sensor: what its `stats` events said last.
const SENSOR_COLUMNS: &str = "tenant, sensor, toUInt64(bitShiftRight(event_id, 64)) AS run, ts, now64(3, 'UTC') AS heard, uptime_us, \
     packets_received, packets_processed, dropped, bytes_received, events, counters, exercise_id";

/// Makes what is missing of these tables. Where sensors were not kept before, the last day's are taken over once.
pub(crate) async fn create(client: &Client, frame: &Frame<'_>) -> Result<(), StoreError> {
    let Frame {
        on_cluster,
        engine_prefix,
        settings,
    } = frame;
    run(
        client,
        "make role_health",
        &format!(
            "CREATE TABLE IF NOT EXISTS role_health{on_cluster} (\
             role LowCardinality(String), instance String, host LowCardinality(String), version LowCardinality(String), \
             started DateTime64(6, 'UTC'), at DateTime64(6, 'UTC'), stopped Bool, lag_s Float64, \
             problems Array(Tuple(key String, since DateTime64(6, 'UTC'), words String)), \
             counters Map(LowCardinality(String), Float64)) \
             ENGINE = {engine_prefix}MergeTree ORDER BY (role, instance, at) TTL toDateTime(at) + INTERVAL 7 DAY \
             SETTINGS {settings}"
        ),
    )
    .await?;
    let is_there = client
        .query(
            "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'sensor_latest'",
        )
        .fetch_one::<u64>()
        .await
        .map_err(StoreError::new("read system.tables"))?;
    run(
        client,
        "make sensor_latest",
        &format!(
            "CREATE TABLE IF NOT EXISTS sensor_latest{on_cluster} (\
             tenant LowCardinality(String), sensor LowCardinality(String), run UInt64, ts DateTime64(6, 'UTC'), \
             heard DateTime64(3, 'UTC'), uptime_us UInt64, packets_received UInt64, packets_processed UInt64, \
             dropped Map(LowCardinality(String), UInt64), bytes_received UInt64, events UInt64, \
             counters Map(LowCardinality(String), UInt64), exercise_id UInt32) \
             ENGINE = {engine_prefix}ReplacingMergeTree(ts) ORDER BY (tenant, sensor, run) \
             TTL toDateTime(heard) + INTERVAL 30 DAY SETTINGS {settings}"
        ),
    )
    .await?;
    know_exercises(client, on_cluster).await?;
    run(
        client,
        "make sensor_latest_view",
        &format!(
            "CREATE MATERIALIZED VIEW IF NOT EXISTS sensor_latest_view{on_cluster} TO sensor_latest AS \
             SELECT {SENSOR_COLUMNS} FROM stats"
        ),
    )
    .await?;
    if is_there == 0 {
        // What the view has taken meanwhile is the same row again, which the table keeps once.
        run(
            client,
            "take over the last day's sensors",
            &format!(
                "INSERT INTO sensor_latest SELECT {SENSOR_COLUMNS} FROM stats \
                 WHERE ts > now() - INTERVAL 1 DAY ORDER BY ts DESC LIMIT 1 BY tenant, sensor, run"
            ),
        )
        .await?;
    }
    Ok(())
}

/// Adds the exercise to what an older build made. Between the old view and the new one some counters are missed, which the next ones make good.
async fn know_exercises(client: &Client, on_cluster: &str) -> Result<(), StoreError> {
    let view = "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'sensor_latest_view' \
                AND position(create_table_query, 'exercise_id') = 0";
    let is_old = client.query(view).fetch_one::<u64>().await;
    if is_old.map_err(StoreError::new("read system.tables"))? == 0 {
        return Ok(());
    }
    let add = format!("ALTER TABLE sensor_latest{on_cluster} ADD COLUMN IF NOT EXISTS exercise_id UInt32");
    run(client, "add the exercise to sensor_latest", &add).await?;
    let drop = format!("DROP VIEW IF EXISTS sensor_latest_view{on_cluster} SYNC");
    run(client, "drop sensor_latest_view", &drop).await
}

async fn run(client: &Client, doing: &str, sql: &str) -> Result<(), StoreError> {
    client
        .query_raw(sql)
        .execute()
        .await
        .map_err(StoreError::new(doing))
}

impl Store {
    /// Writes down how a role is.
    ///
    /// # Errors
    /// When ClickHouse has not confirmed it.
    pub async fn report_health(&self, report: &RoleReport) -> Result<(), StoreError> {
        let failed = |source| StoreError::ClickHouse {
            doing: "report health".into(),
            source,
        };
        let sql = format!("INSERT INTO role_health ({REPORT_COLUMNS}) FORMAT RowBinary");
        let mut insert = self
            .client
            .insert_formatted_with(sql)
            .with_setting("async_insert", "0")
            .with_timeouts(Some(ANSWER_LIMIT), Some(ANSWER_LIMIT));
        insert
            .send(crate::row::report_row(report).into())
            .await
            .map_err(failed)?;
        insert.end().await.map_err(failed)
    }

    /// What each instance of a role told last, within a day, the latest first. One that went silent while another of its name tells
    /// was replaced by it, and is left out.
    ///
    /// # Errors
    /// When ClickHouse does not answer.
    pub async fn latest_health(&self) -> Result<Vec<RoleReport>, StoreError> {
        // The inner part reads the columns of the key alone.
        let sql = format!(
            "SELECT {REPORT_COLUMNS} FROM role_health WHERE (role, instance, started, at) IN (\
             SELECT role, instance, started, max(at) AS last FROM role_health WHERE at > now() - INTERVAL 1 DAY \
             GROUP BY role, instance, started ORDER BY last DESC LIMIT {INSTANCES_MAX}) \
             AND at > now() - INTERVAL 1 DAY ORDER BY at DESC, started DESC LIMIT {INSTANCES_MAX}"
        );
        let query = self.client.query_raw(&sql);
        let query = query.with_setting("max_execution_time", ANSWER_LIMIT.as_secs().to_string());
        let reports = tokio::time::timeout(ANSWER_LIMIT, query.fetch_all::<RoleReport>())
            .await
            .unwrap_or(Err(clickhouse::error::Error::TimedOut))
            .map_err(StoreError::new("read role_health"))?;
        Ok(not_replaced(reports))
    }
}

/// Leaves out what another of the same name has replaced. `reports` are the latest first.
fn not_replaced(reports: Vec<RoleReport>) -> Vec<RoleReport> {
    let mut kept: Vec<RoleReport> = Vec::new();
    let silent_us = i64::try_from(3 * REPORT_EVERY.as_micros()).unwrap_or(i64::MAX);
    for report in reports {
        let is_replaced = kept.iter().any(|other| {
            (&other.role, &other.instance) == (&report.role, &report.instance)
                && (report.stopped || other.at_us.saturating_sub(report.at_us) > silent_us)
        });
        if !is_replaced {
            kept.push(report);
        }
    }
    kept
}

/// Tells the store how an instance is, again and again.
pub struct Reporter<F> {
    store: Store,
    instance: Instance,
    ask: F,
}

impl<F: Fn() -> Condition> Reporter<F> {
    /// For `instance`, whose condition `ask` gives.
    pub fn new(store: Store, instance: Instance, ask: F) -> Self {
        Self { store, instance, ask }
    }

    /// Tells it every [`REPORT_EVERY`], and never ends. A report that ClickHouse does not take is left: the next says more.
    pub async fn run(&self) -> Infallible {
        let mut every = tokio::time::interval(REPORT_EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut is_failing = false;
        loop {
            every.tick().await;
            match self.tell(false).await {
                Ok(()) => is_failing = false,
                Err(error) if !is_failing => {
                    is_failing = true;
                    tracing::warn!(%error, "how this role is cannot be told; trying again");
                }
                Err(_) => {}
            }
        }
    }

    /// The last word of an instance that stops.
    ///
    /// # Errors
    /// As [`Store::report_health`].
    pub async fn stop(&self) -> Result<(), StoreError> {
        self.tell(true).await
    }

    async fn tell(&self, stopped: bool) -> Result<(), StoreError> {
        let condition = (self.ask)();
        let report = RoleReport {
            role: self.instance.role.to_owned(),
            instance: self.instance.name.clone(),
            host: self.instance.host.clone(),
            version: self.instance.version.to_owned(),
            started_us: self.instance.started_us,
            at_us: now_us(),
            stopped,
            lag_s: condition.lag_s,
            problems: condition.problems,
            counters: condition.counters.into_iter().take(COUNTERS_MAX).collect(),
        };
        self.store.report_health(&report).await
    }
}

fn now_us() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |age| i64::try_from(age.as_micros()).unwrap_or(i64::MAX))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn report(instance: &str, started_s: i64, at_s: i64) -> RoleReport {
        RoleReport {
            role: "pipeline".into(),
            instance: instance.into(),
            host: "h".into(),
            version: "0".into(),
            started_us: started_s * 1_000_000,
            at_us: at_s * 1_000_000,
            stopped: false,
            lag_s: 1.5,
            problems: vec![(
                "clickhouse".into(),
                started_s * 1_000_000,
                "disk \"full\"\n".into(),
            )],
            counters: vec![("a_total{x=\"1\"}".into(), 3.0)],
        }
    }

    #[test]
    fn a_restarted_instance_replaces_its_earlier_self_and_twins_are_both_told_of() {
        let told = |reports: Vec<RoleReport>| -> Vec<i64> {
            let told = not_replaced(reports).into_iter();
            told.map(|report| report.started_us / 1_000_000).collect()
        };
        assert_eq!(told(vec![report("a", 500, 1000), report("a", 100, 490)]), [500]);
        // Two of one name at once, which is a mistake worth seeing.
        assert_eq!(
            told(vec![report("a", 500, 1000), report("a", 100, 995)]),
            [500, 100]
        );
        // Silent, and nobody in its place.
        assert_eq!(
            told(vec![report("b", 500, 1000), report("a", 100, 490)]),
            [500, 100]
        );
        let stopped = RoleReport {
            stopped: true,
            ..report("a", 100, 999)
        };
        assert_eq!(told(vec![report("a", 500, 1000), stopped]), [500]);
    }
}
