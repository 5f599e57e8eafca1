//! What is asked about the store itself: whether it answers, and how its sensors are.

use std::collections::BTreeMap;

use clickhouse::Client;
use serde_json::Value;
use vonggac_event::Stage;

use super::ask::{Statement, lines, numbers, parsed};
use super::row::{signed, unsigned};
use super::{Limits, SearchError};

/// Most sensors listed.
const SENSORS_MAX: u32 = 1000;
/// How long a sensor that nothing is heard of is still listed, in days.
pub const SENSOR_DAYS: u32 = 7;

/// A sensor as its latest counters tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SensorState {
    /// Whose it is.
    pub tenant: String,
    /// Name.
    pub sensor: String,
    /// Real work, or the exercise that it is for.
    pub stage: Stage,
    /// When its latest counters were stored, by ClickHouse's clock.
    pub heard_us: i64,
    /// When the counters were sent, by the packets' clock: years ago for a sensor that reads an old capture.
    pub last_seen_us: i64,
    /// How long it has run by then, by the same clock.
    pub uptime_us: u64,
    /// Packets received since it started.
    pub packets_received: u64,
    /// Packets it worked on.
    pub packets_processed: u64,
    /// Packets dropped, by reason.
    pub packets_dropped: BTreeMap<String, u64>,
    /// Events it wrote.
    pub events: u64,
    /// Whatever else it counts.
    pub counters: BTreeMap<String, u64>,
}

/// Asks ClickHouse for its version.
///
/// # Errors
/// When it does not answer.
pub async fn ping(client: &Client) -> Result<String, SearchError> {
    let lines = lines(client, Limits::default(), &Statement::own("SELECT version()")).await?;
    let line: Vec<String> = parsed(lines.first().map_or("", String::as_str))?;
    line.into_iter()
        .next()
        .ok_or_else(|| SearchError::Answer("no version".to_owned()))
}

/// Each sensor's latest counters, of those heard of within [`SENSOR_DAYS`], whoever's they are: for whoever watches over the platform, and
/// to be restricted before it is shown.
///
/// # Errors
/// When ClickHouse fails.
pub async fn sensors(client: &Client, limits: Limits) -> Result<Vec<SensorState>, SearchError> {
    let latest = [
        "ts",
        "uptime_us",
        "packets_received",
        "packets_processed",
        "dropped",
        "events",
        "counters",
    ]
    .map(|column| {
        let time = if column == "ts" {
            "toUnixTimestamp64Micro(ts)"
        } else {
            column
        };
        format!("argMax({time}, (heard, ts))")
    });
    let sql = format!(
        "SELECT tenant, sensor, exercise_id, toUnixTimestamp64Milli(max(heard)), {} FROM sensor_latest \
         WHERE heard > now() - INTERVAL {SENSOR_DAYS} DAY GROUP BY tenant, sensor, exercise_id \
         ORDER BY sensor, tenant, exercise_id LIMIT {SENSORS_MAX}",
        latest.join(", "),
    );
    let rows = numbers(client, limits, &Statement::own(sql)).await?;
    rows.iter()
        .map(|row| sensor(row).ok_or_else(|| SearchError::Answer("a row of sensor_latest".to_owned())))
        .collect()
}

fn sensor(row: &[Value]) -> Option<SensorState> {
    let [
        tenant,
        sensor,
        exercise_id,
        heard_ms,
        seen,
        uptime,
        received,
        processed,
        dropped,
        events,
        counters,
    ] = row
    else {
        return None;
    };
    Some(SensorState {
        tenant: tenant.as_str()?.to_owned(),
        sensor: sensor.as_str()?.to_owned(),
        stage: Stage::of(u32::try_from(unsigned(exercise_id)?).ok()?),
        heard_us: signed(heard_ms)?.checked_mul(1000)?,
        last_seen_us: signed(seen)?,
        uptime_us: unsigned(uptime)?,
        packets_received: unsigned(received)?,
        packets_processed: unsigned(processed)?,
        packets_dropped: counted(dropped)?,
        events: unsigned(events)?,
        counters: counted(counters)?,
    })
}

fn counted(counters: &Value) -> Option<BTreeMap<String, u64>> {
    counters
        .as_object()?
        .iter()
        .map(|(name, count)| Some((name.clone(), unsigned(count)?)))
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_counters_becomes_a_sensor() {
        let row: Vec<Value> = parsed(r#"["moh","tap",3,8,7,5,10,"9",{"kernel":1},3,{"files":2}]"#).unwrap();
        let state = sensor(&row).unwrap();
        assert_eq!(
            (state.packets_processed, state.packets_dropped.get("kernel")),
            (9, Some(&1))
        );
        assert_eq!(
            (state.heard_us, state.last_seen_us, state.uptime_us),
            (8_000, 7, 5)
        );
        assert_eq!(state.counters.get("files"), Some(&2));
        assert_eq!(sensor(row.get(..3).unwrap()), None);
    }
}
