//! The tables and how they come to be.
//!
//! Version 1 makes a table per class of event from the event crate's columns, `alerts` and `checkpoint`. Columns that were appended
//! since are added at start, so only changes of another kind need a version of their own.

use clickhouse::{Client, Row};
use serde::Deserialize;
use vonggac_event::{Class, Column, Kind};

use crate::{StoreError, health};

/// Newest schema version of this build.
const VERSION: u32 = 1;

/// How many inserts back a repeated one is recognised.
const DEDUPLICATION_WINDOW: u32 = 10_000;

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

/// Creates the database and whatever is missing in it.
pub(crate) async fn migrate(client: &Client, database: &str) -> Result<(), StoreError> {
    let outside = client.clone().with_database("default");
    run(&outside, &format!("CREATE DATABASE IF NOT EXISTS {database}")).await?;
    run(
        client,
        "CREATE TABLE IF NOT EXISTS schema_version (version UInt32) ENGINE = MergeTree ORDER BY version",
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
        run(client, &class_table(class)).await?;
        add_missing_columns(client, class).await?;
    }
    run(client, &alerts_table()).await?;
    run(client, CHECKPOINT_TABLE).await?;
    health::create(client, &health::Frame::default()).await?;
    if found < VERSION {
        run(client, &format!("INSERT INTO schema_version VALUES ({VERSION})")).await?;
    }
    Ok(())
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

async fn add_missing_columns(client: &Client, class: Class) -> Result<(), StoreError> {
    let there: Vec<ColumnName> = client
        .query("SELECT name FROM system.columns WHERE database = currentDatabase() AND table = ?")
        .bind(class.name())
        .fetch_all()
        .await
        .map_err(StoreError::new("read system.columns"))?;
    for column in class
        .stored_columns()
        .filter(|column| !there.iter().any(|row| row.name == column.name))
    {
        run(
            client,
            &format!("ALTER TABLE {} ADD COLUMN {}", class.name(), definition(column)),
        )
        .await?;
    }
    Ok(())
}

fn class_table(class: Class) -> String {
    let columns: Vec<String> = class.stored_columns().map(definition).collect();
    format!(
        "CREATE TABLE IF NOT EXISTS {} ({}, \
         INDEX by_event event_id TYPE bloom_filter(0.01) GRANULARITY 4, \
         INDEX by_flow flow_id TYPE bloom_filter(0.01) GRANULARITY 4, \
         INDEX by_community community_id TYPE bloom_filter(0.01) GRANULARITY 4) \
         ENGINE = MergeTree PARTITION BY toDate(ts) \
         ORDER BY (tenant, toStartOfHour(ts), src, dst, dport, ts) \
         SETTINGS non_replicated_deduplication_window = {DEDUPLICATION_WINDOW}, ttl_only_drop_parts = 1",
        class.name(),
        columns.join(", "),
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

fn alerts_table() -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS alerts (\
         alert_id UInt128, revision UInt64, rule_id String, rule_title String, rule_version String, \
         rule_kind LowCardinality(String), severity UInt8, techniques Array(LowCardinality(String)), \
         tactics Array(LowCardinality(String)), rule_text String CODEC(ZSTD(1)), sensor LowCardinality(String), \
         tenant LowCardinality(String), exercise_id UInt32, group Map(String, String), \
         src IPv6, sport UInt16, dst IPv6, dport UInt16, proto LowCardinality(String), \
         window_start DateTime64(6, 'UTC'), first_seen DateTime64(6, 'UTC'), last_seen DateTime64(6, 'UTC'), \
         detected_at DateTime64(6, 'UTC'), count UInt64, event_ids Array(UInt128), flow_ids Array(UInt64), summary String) \
         ENGINE = ReplacingMergeTree(revision) PARTITION BY toYYYYMM(window_start) ORDER BY (tenant, alert_id) \
         SETTINGS non_replicated_deduplication_window = {DEDUPLICATION_WINDOW}"
    )
}

const CHECKPOINT_TABLE: &str = "CREATE TABLE IF NOT EXISTS checkpoint (\
     topic LowCardinality(String), partition Int32, version UInt64, next_offset Int64, planned_end Int64, state String CODEC(ZSTD(1))) \
     ENGINE = ReplacingMergeTree(version) ORDER BY (topic, partition)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_a_table_of_its_stored_columns() {
        for class in Class::ALL {
            let sql = class_table(class);
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
