//! The tables and how they come to be.
//!
//! Version 1 makes a table per class of event from the event crate's columns, `alerts` and `checkpoint`. Columns that were appended
//! since are added at start, so only changes of another kind need a version of their own. Retention counts from when a row was stored, not
//! from its time.

use clickhouse::{Client, Row};
use serde::Deserialize;
use vonggac_event::{Class, Column, Kind};

use crate::{StoreError, health};

/// Newest schema version of this build.
const VERSION: u32 = 1;

/// How the tables are kept.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct TableOptions {
    /// Makes replicated tables on every server of this cluster (ON CLUSTER, Replicated engines); left out, plain tables on one server.
    #[arg(long, env = "VONGGAC_CLICKHOUSE_CLUSTER", value_name = "NAME")]
    pub clickhouse_cluster: Option<String>,
    /// Days that events are kept, from when they were stored; 0 keeps them for ever.
    #[arg(long, env = "VONGGAC_EVENT_DAYS", default_value_t = 400, value_name = "DAYS")]
    pub event_days: u32,
    /// Days that the pipeline's copy of alerts is kept, from when they were last changed; 0 keeps them for ever.
    #[arg(long, env = "VONGGAC_ALERT_DAYS", default_value_t = 1100, value_name = "DAYS")]
    pub alert_days: u32,
    /// Whether ClickHouse flushes an insert to disk before it confirms it, so that a power cut costs nothing. With several copies it may be
    /// left out for speed.
    #[arg(
        long,
        env = "VONGGAC_FSYNC_INSERTS",
        default_value_t = true,
        action = clap::ArgAction::Set,
        value_name = "true|false"
    )]
    pub fsync_inserts: bool,
    /// Hours that ClickHouse recognises a repeated insert. Longer than a pipeline may be suspended in the middle of one.
    #[arg(
        long,
        env = "VONGGAC_DEDUPLICATION_HOURS",
        default_value_t = 2,
        value_name = "HOURS",
        value_parser = clap::value_parser!(u32).range(1..=168)
    )]
    pub deduplication_hours: u32,
    /// Inserts into one table that a second sees at most, of all pipelines; with the hours it makes the number of inserts that are
    /// recognised. A partition makes at most 17.
    #[arg(
        long,
        env = "VONGGAC_INSERTS_PER_SECOND",
        default_value_t = 20,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=1000)
    )]
    pub inserts_per_second: u32,
}

impl Default for TableOptions {
    fn default() -> Self {
        Self {
            clickhouse_cluster: None,
            event_days: 400,
            alert_days: 1100,
            fsync_inserts: true,
            deduplication_hours: 2,
            inserts_per_second: 20,
        }
    }
}

impl TableOptions {
    /// How many inserts back a repeated one is recognised.
    fn deduplication_window(&self) -> u64 {
        u64::from(self.deduplication_hours) * 3600 * u64::from(self.inserts_per_second)
    }

    /// ` ON CLUSTER …`, or nothing.
    fn on_cluster(&self) -> String {
        self.clickhouse_cluster
            .as_ref()
            .map(|name| format!(" ON CLUSTER {}", quoted(name)))
            .unwrap_or_default()
    }

    /// An engine of the MergeTree family with its arguments. Paths and names of replicas are the servers' own defaults.
    fn engine(&self, family: &str, arguments: &str) -> String {
        format!("{}{family}MergeTree({arguments})", self.engine_prefix())
    }

    /// What engines' names begin with.
    fn engine_prefix(&self) -> &'static str {
        match self.clickhouse_cluster {
            Some(_) => "Replicated",
            None => "",
        }
    }

    /// The settings of a table that can be changed later, as `name = value`.
    fn settings(&self) -> Vec<String> {
        let fsync = u8::from(self.fsync_inserts);
        let window = self.deduplication_window();
        let mut settings = vec![
            format!("fsync_after_insert = {fsync}"),
            format!("fsync_part_directory = {fsync}"),
        ];
        if self.clickhouse_cluster.is_some() {
            settings.push(format!("replicated_deduplication_window = {window}"));
            settings.push(format!(
                "replicated_deduplication_window_seconds = {}",
                u64::from(self.deduplication_hours) * 3600
            ));
        } else {
            settings.push(format!("non_replicated_deduplication_window = {window}"));
        }
        settings
    }
}

/// A name as ClickHouse's SQL takes it.
fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

/// The columns of `alerts`, in the order of `row::alert_row`.
pub(crate) const ALERT_COLUMNS: &str = "alert_id, revision, rule_id, rule_title, rule_version, rule_kind, severity, techniques, tactics, \
     rule_text, sensor, tenant, exercise_id, group, src, sport, dst, dport, proto, window_start, first_seen, last_seen, \
     detected_at, count, event_ids, flow_ids, summary";

/// The stored columns of a class, comma separated.
pub(crate) fn column_list(class: Class) -> String {
    class
        .stored_columns()
        .map(|column| format!("`{}`", column.name))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Creates the database and whatever is missing in it, and brings the tables' settings in line with the options.
pub(crate) async fn migrate(
    client: &Client,
    database: &str,
    tables: &TableOptions,
) -> Result<(), StoreError> {
    let on_cluster = tables.on_cluster();
    let outside = client.clone().with_database("default");
    run(
        &outside,
        &format!("CREATE DATABASE IF NOT EXISTS {database}{on_cluster}"),
    )
    .await?;
    let engine = tables.engine("", "");
    run(
        client,
        &format!(
            "CREATE TABLE IF NOT EXISTS schema_version{on_cluster} (version UInt32) ENGINE = {engine} ORDER BY version"
        ),
    )
    .await?;
    let found = client
        .query("SELECT max(version) FROM schema_version")
        .fetch_one::<u32>()
        .await
        .map_err(StoreError::new("read schema_version"))?;
    if found > VERSION {
        return Err(StoreError::Newer {
            found,
            known: VERSION,
        });
    }
    for class in Class::ALL {
        let wanted: Vec<(&str, String)> = class
            .stored_columns()
            .map(|column| (column.name, definition(column)))
            .chain([(STORED_AT, STORED_AT_DEFINITION.to_owned())])
            .collect();
        keep(
            client,
            class.name(),
            &class_table(class, tables),
            &wanted,
            tables,
            tables.event_days,
        )
        .await?;
    }
    let stored_at = [(STORED_AT, STORED_AT_DEFINITION.to_owned())];
    keep(
        client,
        "alerts",
        &alerts_table(tables),
        &stored_at,
        tables,
        tables.alert_days,
    )
    .await?;
    let mark = CHECKPOINT_MARK.map(|(name, kind)| (name, format!("`{name}` {kind}")));
    keep(client, "checkpoint", &checkpoint_table(tables), &mark, tables, 0).await?;
    let settings = tables.settings().join(", ");
    let frame = health::Frame {
        on_cluster: &on_cluster,
        engine_prefix: tables.engine_prefix(),
        settings: &settings,
    };
    health::create(client, &frame).await?;
    if found < VERSION {
        run(client, &format!("INSERT INTO schema_version VALUES ({VERSION})")).await?;
    }
    Ok(())
}

/// Makes a table, adds the columns that an older build did not have, and sets what may change from start to start.
async fn keep(
    client: &Client,
    table: &str,
    create: &str,
    columns: &[(&str, String)],
    options: &TableOptions,
    days: u32,
) -> Result<(), StoreError> {
    run(client, create).await?;
    let on_cluster = options.on_cluster();
    let there: Vec<ColumnName> = client
        .query("SELECT name FROM system.columns WHERE database = currentDatabase() AND table = ?")
        .bind(table)
        .fetch_all()
        .await
        .map_err(StoreError::new("read system.columns"))?;
    for (name, definition) in columns {
        if !there.iter().any(|row| row.name == *name) {
            // Two pipelines may start at once.
            let sql = format!("ALTER TABLE {table}{on_cluster} ADD COLUMN IF NOT EXISTS {definition}");
            run(client, &sql).await?;
        }
    }
    let now = client
        .query("SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = ?")
        .bind(table)
        .fetch_one::<String>()
        .await
        .map_err(StoreError::new("read system.tables"))?;
    let missing: Vec<String> = options
        .settings()
        .into_iter()
        .filter(|setting| !now.contains(setting.as_str()))
        .collect();
    if !missing.is_empty() {
        let settings = missing.join(", ");
        run(
            client,
            &format!("ALTER TABLE {table}{on_cluster} MODIFY SETTING {settings}"),
        )
        .await?;
    }
    match (retention(days), now.contains(" TTL ")) {
        (Some(ttl), _) if !now.contains(&ttl) => {
            run(
                client,
                &format!("ALTER TABLE {table}{on_cluster} MODIFY TTL {ttl}"),
            )
            .await
        }
        (None, true) => run(client, &format!("ALTER TABLE {table}{on_cluster} REMOVE TTL")).await,
        _ => Ok(()),
    }
}

/// The rule by which rows end, as ClickHouse shows it again.
fn retention(days: u32) -> Option<String> {
    (days > 0).then(|| format!("{STORED_AT} + toIntervalDay({days})"))
}

async fn run(client: &Client, sql: &str) -> Result<(), StoreError> {
    let doing = sql.split('(').next().unwrap_or(sql).trim().to_owned();
    client
        .query_raw(sql)
        .execute()
        .await
        .map_err(StoreError::new(doing))
}

#[derive(Row, Deserialize)]
struct ColumnName {
    name: String,
}

/// When a row was stored: what retention counts from, so that reading an old capture does not delete it at once.
const STORED_AT: &str = "stored_at";
const STORED_AT_DEFINITION: &str = "`stored_at` DateTime('UTC') DEFAULT now() CODEC(Delta(4), ZSTD(1))";

fn class_table(class: Class, tables: &TableOptions) -> String {
    let columns: Vec<String> = class.stored_columns().map(definition).collect();
    let ttl = retention(tables.event_days)
        .map(|ttl| format!("TTL {ttl} "))
        .unwrap_or_default();
    format!(
        "CREATE TABLE IF NOT EXISTS {}{} ({}, {STORED_AT_DEFINITION}, \
         INDEX by_event event_id TYPE bloom_filter(0.01) GRANULARITY 4, \
         INDEX by_flow flow_id TYPE bloom_filter(0.01) GRANULARITY 4, \
         INDEX by_community community_id TYPE bloom_filter(0.01) GRANULARITY 4) \
         ENGINE = {} PARTITION BY toDate(ts) \
         ORDER BY (tenant, toStartOfHour(ts), src, dst, dport, ts) {ttl}\
         SETTINGS {}, ttl_only_drop_parts = 1",
        class.name(),
        tables.on_cluster(),
        columns.join(", "),
        tables.engine("", ""),
        tables.settings().join(", "),
    )
}

fn definition(column: &Column) -> String {
    let kind = match column.kind {
        Kind::Text => "String CODEC(ZSTD(1))",
        Kind::LowText => "LowCardinality(String)",
        Kind::U8 => "UInt8",
        Kind::U16 => "UInt16",
        Kind::U32 => "UInt32",
        Kind::U64 => "UInt64 CODEC(T64, ZSTD(1))",
        Kind::Bool => "Bool",
        Kind::Address => "IPv6 CODEC(ZSTD(1))",
        Kind::Time => "DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1))",
        Kind::Id => "UInt128 CODEC(ZSTD(1))",
        Kind::TextList => "Array(String) CODEC(ZSTD(1))",
        Kind::U32List => "Array(UInt32) CODEC(ZSTD(1))",
        Kind::Counters => "Map(LowCardinality(String), UInt64)",
    };
    format!("`{}` {kind}", column.name)
}

fn alerts_table(tables: &TableOptions) -> String {
    let ttl = retention(tables.alert_days)
        .map(|ttl| format!("TTL {ttl} "))
        .unwrap_or_default();
    format!(
        "CREATE TABLE IF NOT EXISTS alerts{} (\
         alert_id UInt128, revision UInt64, rule_id String, rule_title String, rule_version String, \
         rule_kind LowCardinality(String), severity UInt8, techniques Array(LowCardinality(String)), \
         tactics Array(LowCardinality(String)), rule_text String CODEC(ZSTD(1)), sensor LowCardinality(String), \
         tenant LowCardinality(String), exercise_id UInt32, group Map(String, String), \
         src IPv6, sport UInt16, dst IPv6, dport UInt16, proto LowCardinality(String), \
         window_start DateTime64(6, 'UTC'), first_seen DateTime64(6, 'UTC'), last_seen DateTime64(6, 'UTC'), \
         detected_at DateTime64(6, 'UTC'), count UInt64, event_ids Array(UInt128), flow_ids Array(UInt64), summary String, {STORED_AT_DEFINITION}) \
         ENGINE = {} PARTITION BY toYYYYMM(window_start) ORDER BY (tenant, alert_id) {ttl}\
         SETTINGS {}",
        tables.on_cluster(),
        tables.engine("Replacing", "revision"),
        tables.settings().join(", "),
    )
}

/// What an older `checkpoint` does not have.
const CHECKPOINT_MARK: [(&str, &str); 3] = [
    ("has_mark", "Bool"),
    ("mark_ms", "Int64"),
    ("mark_checksum", "UInt32"),
];

fn checkpoint_table(tables: &TableOptions) -> String {
    let mark = CHECKPOINT_MARK
        .map(|(name, kind)| format!("{name} {kind}"))
        .join(", ");
    format!(
        "CREATE TABLE IF NOT EXISTS checkpoint{} (\
         topic LowCardinality(String), partition Int32, version UInt64, next_offset Int64, planned_end Int64, {mark}, \
         state String CODEC(ZSTD(1))) ENGINE = {} ORDER BY (topic, partition) SETTINGS {}",
        tables.on_cluster(),
        tables.engine("Replacing", "version"),
        tables.settings().join(", "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(cluster: Option<&str>) -> TableOptions {
        TableOptions {
            clickhouse_cluster: cluster.map(str::to_owned),
            alert_days: 0,
            ..TableOptions::default()
        }
    }

    #[test]
    fn a_cluster_gets_replicated_tables_on_every_server() {
        let sql = class_table(Class::Flow, &options(Some("gov`1")));
        assert!(sql.contains("flow ON CLUSTER `gov\\`1` ("), "{sql}");
        assert!(sql.contains("ENGINE = ReplicatedMergeTree()"), "{sql}");
        assert!(
            sql.contains("replicated_deduplication_window_seconds = 7200"),
            "{sql}"
        );
        let sql = alerts_table(&options(None));
        assert!(sql.contains("ENGINE = ReplacingMergeTree(revision)"), "{sql}");
        assert!(
            sql.contains("non_replicated_deduplication_window = 144000"),
            "{sql}"
        );
        assert!(!sql.contains("TTL"), "{sql}");
    }

    #[test]
    fn every_class_has_a_table_of_its_stored_columns() {
        for class in Class::ALL {
            let sql = class_table(class, &options(None));
            for column in class.columns() {
                assert_eq!(
                    sql.contains(&format!("`{}` ", column.name)),
                    column.stored,
                    "{} {}",
                    class.name(),
                    column.name
                );
            }
        }
    }
}
