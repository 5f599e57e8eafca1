//! With servers: a whole platform of the same build as this program.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use vonggac_e2e::{CLICKHOUSE_USER, Platform, Rows, Settings, accepted, wait_for};
use vonggac_event::proto::{Anomaly, Event, event::Body};
use vonggac_event::{Class, EventId};
use vonggac_store::{Options, Rows as StoreRows, Store, event_row};

/// Rows of the store's measurement, and rows in one insert.
const STORE_ROWS: u64 = 1_000_000;
const INSERT_ROWS: u64 = 100_000;
/// How long the rows of a capture may take to arrive.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(600);
/// Clock ticks in a second, as Linux counts processes' time for user space.
const TICKS: f64 = 100.0;

/// Measures and prints.
pub(crate) fn measure(capture: &Path) -> anyhow::Result<()> {
    let platform =
        Platform::start(&Settings::default())?.context("servers are missing: run `make servers`")?;
    pipeline(&platform, capture)?;
    store(&platform)?;
    drop(platform);
    alerts()
}

/// From the sensor's start to the last row.
fn pipeline(platform: &Platform, capture: &Path) -> anyhow::Result<()> {
    let rows = platform.rows()?;
    let pid = platform
        .parts()?
        .pid("pipeline")
        .context("the pipeline does not run")?;
    let ticks_before = ticks(pid)?;
    let summary = platform.data().join("bench-summary.json");
    let begun = Instant::now();
    let status = platform
        .sensor("bench", capture)
        .args(["--log", "warn", "--summary"])
        .arg(&summary)
        .status()?;
    ensure!(status.success(), "the sensor ended with {status}");
    let read = begun.elapsed();
    let events = accepted(&summary)?;
    wait_for("all events of the sensor", ARRIVAL_LIMIT, || {
        let count = rows.count("1")?;
        ensure!(count == events, "{count} of {events} events are there");
        Ok(())
    })?;
    let whole = begun.elapsed();
    let busy = (ticks(pid)? - ticks_before) as f64 / TICKS;
    println!(
        "pipeline  {events} events: {:.0} events/s from start to last row ({:.1} s, sensor done after {:.1} s), \
         {:.0} events per second of its processor time",
        events as f64 / whole.as_secs_f64(),
        whole.as_secs_f64(),
        read.as_secs_f64(),
        events as f64 / busy.max(1.0 / TICKS),
    );
    Ok(())
}

/// Processor time of a process, user and system, in ticks.
fn ticks(pid: i32) -> anyhow::Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').context("/proc/PID/stat")?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let mut next = || {
        fields
            .next()
            .and_then(|field| field.parse::<u64>().ok())
            .context("/proc/PID/stat")
    };
    Ok(next()? + next()?)
}

/// Rows into ClickHouse alone.
fn store(platform: &Platform) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut options = Options::new(platform.clickhouse_url(), "bench");
    options.security.clickhouse_user = Some(CLICKHOUSE_USER.to_owned());
    options.security.clickhouse_password_file = Some(platform.password_file("clickhouse"));
    let store = Store::new(&options)?;
    runtime.block_on(store.migrate(&vonggac_store::TableOptions::default()))?;
    let mut time = Duration::ZERO;
    for first in (0..STORE_ROWS).step_by(INSERT_ROWS as usize) {
        let mut rows = StoreRows::default();
        (first..first + INSERT_ROWS)
            .for_each(|number| event_row(Class::Anomaly, &sample_event(number), &mut rows));
        let begun = Instant::now();
        runtime.block_on(store.insert_events(Class::Anomaly, &format!("bench-{first}"), &rows))?;
        time += begun.elapsed();
    }
    println!(
        "store     {:.0} rows/s into ClickHouse, {INSERT_ROWS} rows an insert",
        STORE_ROWS as f64 / time.as_secs_f64()
    );
    Ok(())
}

fn sample_event(number: u64) -> Event {
    Event {
        event_id: EventId::new(1, number + 1).to_bytes().to_vec(),
        ts_us: 1_795_000_000_000_000 + i64::try_from(number).unwrap_or(0) * 1_000,
        sensor: "bench".into(),
        tenant: "vn".into(),
        flow_id: number,
        community_id: format!("1:{number:027}="),
        src: vec![10, (number >> 16) as u8, (number >> 8) as u8, number as u8],
        dst: vec![192, 0, 2, (number % 250) as u8],
        sport: 1024 + (number % 60_000) as u32,
        dport: 443,
        proto: 6,
        body: Some(Body::Anomaly(Anomaly {
            layer: "stream".into(),
            kind: "gap".into(),
            ..Anomaly::default()
        })),
        ..Event::default()
    }
}

/// From packet to alert, on a virtual wire.
fn alerts() -> anyhow::Result<()> {
    let wire = ["--sample", "--sample-way", "wire"].map(str::to_owned).to_vec();
    let started = Platform::start(&Settings { arguments: wire })
        .and_then(|platform| platform.context("servers are missing: run `make servers`"));
    let platform = match started {
        Ok(platform) => platform,
        Err(error) => {
            let reason = error.to_string();
            println!(
                "alert     not measured: no virtual wire here ({})",
                reason.lines().next().unwrap_or_default()
            );
            return Ok(());
        }
    };
    let rows = platform.rows()?;
    wait_for("the play's end", Duration::from_secs(180), || {
        ensure!(
            platform.parts()?.state("play") == "done",
            "the sample is still playing"
        );
        Ok(())
    })?;
    std::thread::sleep(Duration::from_secs(3));
    println!("alert     {}", packet_to_alert(&rows, "1")?);
    Ok(())
}

/// From packet to alert, in words, of the alerts of signatures for which a condition holds. An alert of a single event is raised by the packet
/// that made the event; one of a correlation by the last of several.
pub(crate) fn packet_to_alert(rows: &Rows, condition: &str) -> anyhow::Result<String> {
    let times = rows.query(&format!(
        "SELECT count() AS n, round(quantile(0.5)(t)) AS p50, round(quantile(0.99)(t)) AS p99, round(max(t)) AS most FROM \
         (SELECT alert_id, \
         argMin((toUnixTimestamp64Micro(detected_at) - toUnixTimestamp64Micro(first_seen)) / 1000., revision) AS t \
         FROM vonggac.alerts WHERE rule_kind = 'signature' AND {condition} GROUP BY alert_id)"
    ))?;
    let value = times.first().context("no answer")?;
    Ok(format!(
        "packet to alert, {} signature alerts: p50 {} ms, p99 {} ms, slowest {} ms",
        value["n"], value["p50"], value["p99"], value["most"]
    ))
}
