//! What is asked about the store itself: whether it answers, and how its sensors are.

use std::collections::BTreeMap;

use clickhouse::Client;
use serde_json::Value;
use vonggac_event::Scope;

use super::ask::{lines, numbers, parsed};
use super::compile::{self, Values};
use super::row::{signed, unsigned};
use super::{Limits, SearchError};

/// Most sensors listed.
const SENSORS_MAX: u32 = 1000;

/// A sensor as its latest counters tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SensorState {
    /// Name.
    pub sensor: String,
    /// When the counters were sent.
    pub last_seen_us: i64,
    /// Packets received since it started.
    pub packets_received: u64,
    /// Packets it worked on.
    pub packets_processed: u64,
    /// Packets dropped, by reason.
    pub packets_dropped: BTreeMap<String, u64>,
    /// Events it wrote.
    pub events: u64,
}

/// Asks ClickHouse for its version.
///
/// # Errors
/// When it does not answer.
pub async fn ping(client: &Client) -> Result<String, SearchError> {
    let lines = lines(client, Limits::default(), "SELECT version()", &Values::default()).await?;
    let line: Vec<String> = parsed(lines.first().map_or("", String::as_str))?;
    line.into_iter()
        .next()
        .ok_or_else(|| SearchError::Answer("no version".to_owned()))
}

/// Each sensor's latest counters.
///
/// # Errors
/// When ClickHouse fails.
pub async fn sensors(
    client: &Client,
    limits: Limits,
    scope: &Scope,
) -> Result<Vec<SensorState>, SearchError> {
    let mut values = Values::default();
    let mut all = compile::scope_conditions(scope, &mut values);
    all.push("1".to_owned());
    let sql = format!(
        "SELECT sensor, toUnixTimestamp64Micro(max(ts)), argMax(packets_received, ts), argMax(packets_processed, ts), \
         argMax(dropped, ts), argMax(events, ts) FROM `stats` WHERE {} GROUP BY sensor ORDER BY sensor LIMIT {SENSORS_MAX}",
        all.join(" AND "),
    );
    let rows = numbers(client, limits, &sql, &values).await?;
    rows.iter()
        .map(|row| sensor(row).ok_or_else(|| SearchError::Answer("a row of stats".to_owned())))
        .collect()
}

fn sensor(row: &[Value]) -> Option<SensorState> {
    let [sensor, seen, received, processed, dropped, events] = row else {
        return None;
    };
    let counters = dropped.as_object()?;
    Some(SensorState {
        sensor: sensor.as_str()?.to_owned(),
        last_seen_us: signed(seen)?,
        packets_received: unsigned(received)?,
        packets_processed: unsigned(processed)?,
        packets_dropped: counters
            .iter()
            .map(|(name, count)| Some((name.clone(), unsigned(count)?)))
            .collect::<Option<_>>()?,
        events: unsigned(events)?,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_counters_becomes_a_sensor() {
        let row: Vec<Value> = parsed(r#"["tap",7,10,"9",{"kernel":1},3]"#).unwrap();
        let state = sensor(&row).unwrap();
        assert_eq!(
            (state.packets_processed, state.packets_dropped.get("kernel")),
            (9, Some(&1))
        );
        assert_eq!(sensor(row.get(..3).unwrap()), None);
    }
}
