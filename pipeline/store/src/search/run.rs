//! Searches, run: a statement a class, side by side, their answers merged.

use std::collections::BTreeMap;

use clickhouse::Client;
use serde_json::Value;
use tokio::task::JoinSet;
use vonggac_event::{Class, EventId, Scope};

use super::compile::{self, Bound, Values};
use super::row::{self, signed, unsigned};
use super::{BUCKETS_MAX, Cursor, EventRow, Limits, PAGE_ROWS_MAX, Page, Request, SearchError};

/// Largest answer to one statement that is taken, in bytes.
const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;
/// How far from an alert's own time its flows' ends are looked for.
const FLOW_REACH_US: i64 = 24 * 3600 * 1_000_000;
/// Most sensors listed.
const SENSORS_MAX: u32 = 1000;
/// How long a sensor that nothing is heard of is still listed, in days.
pub const SENSOR_DAYS: u32 = 7;

/// Widths of a histogram's buckets in microseconds, up to a day; wider ones are whole days.
const WIDTHS_US: [i64; 20] = {
    const S: i64 = 1_000_000;
    [
        1_000,
        10_000,
        100_000,
        S / 2,
        S,
        2 * S,
        5 * S,
        10 * S,
        15 * S,
        30 * S,
        60 * S,
        120 * S,
        300 * S,
        600 * S,
        900 * S,
        1800 * S,
        3600 * S,
        10_800 * S,
        21_600 * S,
        43_200 * S,
    ]
};
const DAY_US: i64 = 86_400 * 1_000_000;

/// Events by time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram {
    /// Width of a bucket; 0 when there is no bucket.
    pub bucket_us: i64,
    /// The buckets in order, without a hole.
    pub buckets: Vec<HistogramBucket>,
}

/// The events of one stretch of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistogramBucket {
    /// Where it starts.
    pub start_us: i64,
    /// Events by class; a class without one is not there.
    pub counts: BTreeMap<&'static str, u64>,
}

/// A sensor as its latest counters tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SensorState {
    /// Whose it is.
    pub tenant: String,
    /// Name.
    pub sensor: String,
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
    let lines = lines(client, Limits::default(), "SELECT version()", &Values::default()).await?;
    let line: Vec<String> = parsed(lines.first().map_or("", String::as_str))?;
    line.into_iter()
        .next()
        .ok_or_else(|| SearchError::Answer("no version".to_owned()))
}

/// A page of events, the latest first.
///
/// # Errors
/// When the query does not fit the classes, costs too much, or ClickHouse fails.
pub async fn search(
    client: &Client,
    limits: Limits,
    request: &Request<'_>,
    after: Option<Cursor>,
    rows_max: u32,
) -> Result<Page, SearchError> {
    let rows_max = rows_max.clamp(1, PAGE_ROWS_MAX);
    let mut tasks = JoinSet::new();
    for (class, condition, values) in compiled(request)? {
        let client = client.clone();
        tasks.spawn(async move {
            let count = format!("SELECT count() FROM `{}` WHERE {condition}", class.name());
            let total = numbers(&client, limits, &count, &values).await?;
            let total = total
                .first()
                .and_then(|row| row.first())
                .and_then(unsigned)
                .unwrap_or(0);
            let rows = page(&client, limits, class, condition, values, after, rows_max).await?;
            Ok::<_, SearchError>((total, rows))
        });
    }
    let (mut rows, mut total) = (Vec::new(), 0_u64);
    while let Some(done) = tasks.join_next().await {
        let (count, found) = joined(done)?;
        total = total.saturating_add(count);
        rows.extend(found);
    }
    rows.sort_unstable_by_key(|row: &EventRow| std::cmp::Reverse((row.ts_us, row.id)));
    let more = rows.len() > rows_max as usize;
    rows.truncate(rows_max as usize);
    let next = rows.last().filter(|_| more).map(|row| Cursor {
        ts_us: row.ts_us,
        id: row.id,
    });
    Ok(Page { rows, next, total })
}

async fn page(
    client: &Client,
    limits: Limits,
    class: Class,
    condition: String,
    mut values: Values,
    after: Option<Cursor>,
    rows_max: u32,
) -> Result<Vec<EventRow>, SearchError> {
    let beyond = match after {
        Some(cursor) => format!(" AND {}", compile::after(cursor.ts_us, cursor.id.0, &mut values)),
        None => String::new(),
    };
    let sql = format!(
        "SELECT {} FROM `{}` WHERE {condition}{beyond} ORDER BY ts DESC, event_id DESC LIMIT {}",
        row::selection(class),
        class.name(),
        rows_max + 1,
    );
    events(client, limits, class, &sql, &values).await
}

/// Events by time and class. Without both bounds, the missing one is that of the events found.
///
/// # Errors
/// As [`search`].
pub async fn histogram(
    client: &Client,
    limits: Limits,
    request: &Request<'_>,
    buckets: u32,
) -> Result<Histogram, SearchError> {
    let empty = Histogram {
        bucket_us: 0,
        buckets: Vec::new(),
    };
    let (from_us, to_us) = match (request.from_us, request.to_us) {
        (Some(from_us), Some(to_us)) => (from_us, to_us),
        (from_us, to_us) => match extent(client, limits, request).await? {
            Some((first_us, last_us)) => (
                from_us.unwrap_or(first_us),
                to_us.unwrap_or(last_us.saturating_add(1)),
            ),
            None => return Ok(empty),
        },
    };
    let Some(shape) = Shape::of(from_us, to_us, buckets) else {
        return Ok(empty);
    };
    let mut tasks = JoinSet::new();
    for (class, condition, mut values) in compiled(request)? {
        let client = client.clone();
        let start = values.bind(Bound::Signed(shape.start_us));
        let width = values.bind(Bound::Signed(shape.width_us));
        let sql = format!(
            "SELECT intDiv(toUnixTimestamp64Micro(ts) - {start}, {width}) AS bucket, count() FROM `{}` \
             WHERE {condition} GROUP BY bucket",
            class.name(),
        );
        tasks.spawn(async move { Ok((class, numbers(&client, limits, &sql, &values).await?)) });
    }
    let mut filled = shape.empty_buckets();
    while let Some(done) = tasks.join_next().await {
        let (class, rows) = joined(done)?;
        for row in rows {
            let (bucket, count) = (row.first().and_then(signed), row.get(1).and_then(unsigned));
            let slot = bucket.and_then(|bucket| filled.get_mut(usize::try_from(bucket).ok()?));
            if let (Some(slot), Some(count)) = (slot, count) {
                slot.counts.insert(class.name(), count);
            }
        }
    }
    Ok(Histogram {
        bucket_us: shape.width_us,
        buckets: filled,
    })
}

/// First and last time of what a request finds.
async fn extent(
    client: &Client,
    limits: Limits,
    request: &Request<'_>,
) -> Result<Option<(i64, i64)>, SearchError> {
    let mut tasks = JoinSet::new();
    for (class, condition, values) in compiled(request)? {
        let client = client.clone();
        let sql = format!(
            "SELECT toUnixTimestamp64Micro(min(ts)), toUnixTimestamp64Micro(max(ts)), count() FROM `{}` WHERE {condition}",
            class.name(),
        );
        tasks.spawn(async move { numbers(&client, limits, &sql, &values).await });
    }
    let mut extent: Option<(i64, i64)> = None;
    while let Some(done) = tasks.join_next().await {
        for row in joined(done)? {
            let [first, last, count] = row.as_slice() else {
                continue;
            };
            let (Some(first), Some(last)) = (signed(first), signed(last)) else {
                continue;
            };
            if unsigned(count).unwrap_or(0) > 0 {
                let (low, high) = extent.unwrap_or((first, last));
                extent = Some((low.min(first), high.max(last)));
            }
        }
    }
    Ok(extent)
}

struct Shape {
    start_us: i64,
    width_us: i64,
    count: usize,
}

impl Shape {
    /// The narrowest round width that needs no more than `buckets` (and one, for the round start).
    fn of(from_us: i64, to_us: i64, buckets: u32) -> Option<Self> {
        let span_us = to_us.checked_sub(from_us).filter(|span| *span > 0)?;
        let wanted = i64::from(buckets.clamp(1, BUCKETS_MAX));
        let least_us = span_us / wanted + i64::from(span_us % wanted != 0);
        let width_us = WIDTHS_US
            .into_iter()
            .find(|width| *width >= least_us)
            .unwrap_or_else(|| {
                (least_us / DAY_US + i64::from(least_us % DAY_US != 0)).saturating_mul(DAY_US)
            });
        let start_us = from_us.checked_sub(from_us.rem_euclid(width_us))?;
        let count = to_us.checked_sub(1)?.checked_sub(start_us)? / width_us + 1;
        Some(Self {
            start_us,
            width_us,
            count: usize::try_from(count).ok()?,
        })
    }

    fn empty_buckets(&self) -> Vec<HistogramBucket> {
        let start = |index: usize| {
            let index = i64::try_from(index).unwrap_or(i64::MAX);
            self.start_us.saturating_add(self.width_us.saturating_mul(index))
        };
        (0..self.count)
            .map(|index| HistogramBucket {
                start_us: start(index),
                counts: BTreeMap::new(),
            })
            .collect()
    }
}

/// The events an alert names, and the ends of its flows, the earliest first.
///
/// # Errors
/// When ClickHouse fails.
pub async fn alert_events(
    client: &Client,
    limits: Limits,
    scope: &Scope,
    alert: &vonggac_event::Alert,
) -> Result<Vec<EventRow>, SearchError> {
    let ids: Vec<u128> = alert
        .event_ids
        .iter()
        .filter_map(|id| EventId::from_bytes(id))
        .map(|id| id.0)
        .collect();
    let mut tasks = JoinSet::new();
    for class in Class::ALL.into_iter().filter(|class| *class != Class::Stats) {
        let mut values = Values::default();
        let mut all = compile::scope_conditions(scope, &mut values);
        let between = |values: &mut Values, reach_us: i64| {
            let from = values.bind(Bound::Signed(alert.first_us.saturating_sub(reach_us)));
            let to = values.bind(Bound::Signed(alert.last_us.saturating_add(reach_us)));
            format!(
                "ts >= fromUnixTimestamp64Micro({from}, 'UTC') AND ts <= fromUnixTimestamp64Micro({to}, 'UTC')"
            )
        };
        let near = between(&mut values, 0);
        let named = format!(
            "{near} AND has({}, event_id)",
            values.bind(Bound::Ids(ids.clone()))
        );
        if class == Class::Flow {
            let reach = between(&mut values, FLOW_REACH_US);
            let flows = values.bind(Bound::Numbers(alert.flow_ids.clone()));
            all.push(format!("(({named}) OR ({reach} AND has({flows}, flow_id)))"));
        } else {
            all.push(named);
        }
        let sql = format!(
            "SELECT {} FROM `{}` WHERE {} ORDER BY ts, event_id LIMIT {PAGE_ROWS_MAX}",
            row::selection(class),
            class.name(),
            all.join(" AND "),
        );
        let client = client.clone();
        tasks.spawn(async move { events(&client, limits, class, &sql, &values).await });
    }
    let mut rows = Vec::new();
    while let Some(done) = tasks.join_next().await {
        rows.extend(joined(done)?);
    }
    rows.sort_unstable_by_key(|row: &EventRow| (row.ts_us, row.id));
    rows.truncate(PAGE_ROWS_MAX as usize);
    Ok(rows)
}

/// Each sensor's latest counters, of those heard of within [`SENSOR_DAYS`].
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
    all.push(format!("heard > now() - INTERVAL {SENSOR_DAYS} DAY"));
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
        "SELECT tenant, sensor, toUnixTimestamp64Milli(max(heard)), {} FROM sensor_latest WHERE {} \
         GROUP BY tenant, sensor ORDER BY sensor, tenant LIMIT {SENSORS_MAX}",
        latest.join(", "),
        all.join(" AND "),
    );
    let rows = numbers(client, limits, &sql, &values).await?;
    rows.iter()
        .map(|row| sensor(row).ok_or_else(|| SearchError::Answer("a row of sensor_latest".to_owned())))
        .collect()
}

fn sensor(row: &[Value]) -> Option<SensorState> {
    let [
        tenant,
        sensor,
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

/// The classes that a request concerns, each with its condition.
fn compiled(request: &Request<'_>) -> Result<Vec<(Class, String, Values)>, SearchError> {
    let every: Vec<Class> = Class::ALL
        .into_iter()
        .filter(|class| *class != Class::Stats)
        .collect();
    let classes = if request.classes.is_empty() {
        every.as_slice()
    } else {
        request.classes
    };
    compile::check(request.query, classes)?;
    let with = |class: &Class| {
        compile::conditions(request, *class).map(|(condition, values)| (*class, condition, values))
    };
    Ok(classes.iter().filter_map(with).collect())
}

fn joined<T>(done: Result<Result<T, SearchError>, tokio::task::JoinError>) -> Result<T, SearchError> {
    done.map_err(|error| SearchError::Server(error.to_string()))?
}

async fn events(
    client: &Client,
    limits: Limits,
    class: Class,
    sql: &str,
    values: &Values,
) -> Result<Vec<EventRow>, SearchError> {
    lines(client, limits, sql, values)
        .await?
        .iter()
        .map(|line| row::read(class, line))
        .collect()
}

async fn numbers(
    client: &Client,
    limits: Limits,
    sql: &str,
    values: &Values,
) -> Result<Vec<Vec<Value>>, SearchError> {
    lines(client, limits, sql, values)
        .await?
        .iter()
        .map(|line| parsed(line))
        .collect()
}

fn parsed<T: serde::de::DeserializeOwned>(line: &str) -> Result<T, SearchError> {
    serde_json::from_str(line).map_err(|error| SearchError::Answer(error.to_string()))
}

/// Runs a statement; the lines of its answer, in which bytes that are no UTF-8 stand as U+FFFD.
async fn lines(
    client: &Client,
    limits: Limits,
    sql: &str,
    values: &Values,
) -> Result<Vec<String>, SearchError> {
    let mut query = client
        .query_raw(sql)
        .with_setting("output_format_json_quote_64bit_integers", "0");
    if let Some(seconds) = limits.max_execution_s {
        query = query.with_setting("max_execution_time", seconds.to_string());
    }
    if let Some(rows) = limits.max_rows_to_read {
        query = query.with_setting("max_rows_to_read", rows.to_string());
    }
    for (index, value) in values.0.iter().enumerate() {
        query = value.give(query, &format!("p{index}"));
    }
    let mut cursor = query.fetch_bytes("JSONCompactEachRow")?;
    let mut answer = Vec::new();
    while let Some(chunk) = cursor.next().await? {
        if answer.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(SearchError::TooExpensive(format!(
                "more than {ANSWER_BYTES_MAX} bytes of answer"
            )));
        }
        answer.extend_from_slice(&chunk);
    }
    let text = String::from_utf8_lossy(&answer);
    Ok(text
        .lines()
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_round_and_cover_the_span() {
        let check = |from_us: i64, to_us: i64, buckets: u32, width_us: i64, count: usize| {
            let shape = Shape::of(from_us, to_us, buckets).unwrap();
            assert_eq!(
                (shape.width_us, shape.count),
                (width_us, count),
                "{from_us} {to_us}"
            );
            let all = shape.empty_buckets();
            assert!(all.first().unwrap().start_us <= from_us);
            assert!(all.last().unwrap().start_us + width_us >= to_us);
        };
        let hour_us = 3_600_000_000;
        check(0, hour_us, 60, 60_000_000, 60);
        check(30_000_000, hour_us + 30_000_000, 60, 60_000_000, 61);
        check(0, 24 * hour_us, 60, 1_800_000_000, 48);
        check(0, 1, 60, 1_000, 1);
        check(-1, 1, 60, 1_000, 2);
        check(0, 400 * 24 * hour_us, 60, 7 * DAY_US, 58);
        assert!(Shape::of(1, 1, 60).is_none());
        assert!(Shape::of(i64::MIN, i64::MAX, 60).is_none());
        assert!(Shape::of(0, i64::MAX, u32::MAX).is_some());
    }

    #[test]
    fn a_row_of_counters_becomes_a_sensor() {
        let row: Vec<Value> = parsed(r#"["moh","tap",8,7,5,10,"9",{"kernel":1},3,{"files":2}]"#).unwrap();
        let state = sensor(&row).unwrap();
        assert_eq!(
            (state.packets_processed, state.packets_dropped.get("kernel")),
            (9, Some(&1))
        );
        assert_eq!((state.heard_us, state.last_seen_us, state.uptime_us), (8_000, 7, 5));
        assert_eq!(state.counters.get("files"), Some(&2));
        assert_eq!(sensor(row.get(..3).unwrap()), None);
    }
}
