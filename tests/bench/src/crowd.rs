//! Many searches of one account over many events, while a sensor feeds a platform at a rate: from packet to alert, and another account's
//! searches, alone and beside the crowd.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::json;
use vonggac_access::{Day, Membership, OrganisationId, PersonId, Role, Span};
use vonggac_database::audit::Asker;
use vonggac_database::{Database, Language, NewAccount};
use vonggac_e2e::{Console, Platform, Rows, Sample, Settings, accepted, now_us, run, signal, wait_for};
use vonggac_link::PostgresSecurity;
use vonggac_traffic::Options;

use crate::platform::packet_to_alert;

/// Searches of the one account at once.
const CROWD: usize = 32;
/// Events that the sensor makes in a second.
const EVENTS_PER_SECOND: f64 = 5_000.0;
/// Traffic: 150 desks for a quarter of an hour.
const USERS: u8 = 150;
const DURATION_S: u32 = 900;
/// Rows of one insert when the store is filled.
const FILL_ROWS: u64 = 500_000;
/// Pause between two searches of the other account.
const OTHER_EVERY: Duration = Duration::from_millis(500);
/// For the sensor to see the wire.
const TAP_PAUSE: Duration = Duration::from_secs(3);
/// For filling the store, and for playing.
const LONG: Duration = Duration::from_secs(900);
/// For what was played to arrive.
const ARRIVAL: Duration = Duration::from_secs(120);
/// The account of the crowd's neighbour.
const OTHER: (&str, &str) = ("ca.truc", "mot-mat-khau-khac-cung-du-dai");
/// A request of each desk every ten seconds raises an alert, or goes to the one of its two hosts.
const RULE: &str = "alert http any any -> any any (msg:\"BENCH a request\"; flow:to_server,established; content:\"GET\"; http.method; \
    threshold:type limit,track by_src,count 1,seconds 10; sid:9900001; rev:1;)\n";

/// Measures and prints.
pub(crate) fn measure(events: u64) -> anyhow::Result<()> {
    let scratch = tempfile::tempdir()?;
    let capture = Sample::write(
        scratch.path().join("crowd.pcap"),
        &Options {
            users: USERS,
            duration_s: DURATION_S,
            ..Options::default()
        },
    )?
    .capture;
    let rules = scratch.path().join("bench.rules");
    fs::write(&rules, RULE)?;
    let platform =
        Platform::start(&Settings::default())?.context("servers are missing: run `make servers`")?;
    let (crowd, other) = accounts(&platform)?;
    let speed = EVENTS_PER_SECOND / rate(&platform, &capture)?;
    let rows = platform.rows()?;
    fill(&platform, events)?;
    let wire = Wire::add(&platform)?;
    // A platform that has just started is still compiling its Java.
    for name in ["warm", "alone", "crowd"] {
        let with_crowd = name == "crowd";
        let tap = Tap::start(&platform, &wire, &rules, name)?;
        let stop = AtomicBool::new(false);
        let searches = Searches::default();
        let (mut others, mut fed) = (Vec::new(), Duration::ZERO);
        thread::scope(|scope| -> anyhow::Result<()> {
            let crowding: Vec<_> = (0..if with_crowd { CROWD } else { 0 })
                .map(|number| {
                    let (stop, searches, crowd) = (&stop, &searches, &crowd);
                    scope.spawn(move || search_on(crowd, number, stop, searches))
                })
                .collect();
            let (stopped, other) = (&stop, &other);
            let asking = scope.spawn(move || ask_now_and_then(other, stopped));
            let played = play(&platform, &wire, &capture, speed);
            stop.store(true, Ordering::Relaxed);
            fed = played?;
            others = asking.join().map_err(|_| anyhow::anyhow!("a search crashed"))??;
            for search in crowding {
                search.join().map_err(|_| anyhow::anyhow!("a search crashed"))?;
            }
            Ok(())
        })?;
        tap.stop()?;
        let made = settled(&rows, name)?;
        others.sort_unstable();
        println!(
            "{name}     {events} events stored, {:.0} events/s fed for {:.0} s, {} searches of the crowd served and {} refused: {}; another's {} searches: \
             p50 {} ms, slowest {} ms",
            made as f64 / fed.as_secs_f64(),
            fed.as_secs_f64(),
            searches.served.load(Ordering::Relaxed),
            searches.refused.load(Ordering::Relaxed),
            packet_to_alert(&rows, &format!("sensor = '{name}'"))?,
            others.len(),
            others
                .get(others.len() / 2)
                .copied()
                .unwrap_or_default()
                .as_millis(),
            others.last().copied().unwrap_or_default().as_millis(),
        );
    }
    Ok(())
}

/// The administrator, who is the crowd, and another analyst; both signed in.
fn accounts(platform: &Platform) -> anyhow::Result<(Console, Console)> {
    let crowd = platform.console()?;
    crowd.set_up(&platform.setup_code().context("no setup code")?)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let security = PostgresSecurity {
            postgres_password_file: Some(platform.password_file("postgres")),
            ..PostgresSecurity::default()
        };
        let database =
            Database::connect(&platform.postgres_url(), &security, Duration::from_secs(30)).await?;
        let other = NewAccount {
            user_name: OTHER.0.to_owned(),
            display_name: "Ca trực".to_owned(),
            password: OTHER.1.to_owned(),
            language: Language::Vietnamese,
        };
        let nation: OrganisationId = "vn".parse()?;
        let account = database.create_account(other, &nation, now_us()).await?;
        let membership = Membership {
            person: PersonId(account.id.0),
            organisation: nation,
            role: Role::Analyst,
            span: Span {
                from: Day::of_us(now_us()),
                until: None,
            },
        };
        database
            .grant_membership(&Asker::console(), &membership, now_us())
            .await?;
        anyhow::Ok(())
    })?;
    let other = platform.console()?;
    let body = json!({ "user_name": OTHER.0, "password": OTHER.1 });
    other.post("/api/v1/session", &body)?;
    Ok((crowd, other))
}

/// Events that a capture makes in a second of its own time.
fn rate(platform: &Platform, capture: &Path) -> anyhow::Result<f64> {
    let summary = platform.scratch("summary")?.join("rate.json");
    let mut sensor = platform.command("sensor");
    sensor.arg("--read").arg(capture).args(["--eve", "/dev/null"]);
    sensor.args(["--log", "warn", "--summary"]).arg(&summary);
    let ended = run(&mut sensor, LONG)?;
    ensure!(ended.code() == 0, "{}", ended.err);
    Ok(accepted(&summary)? as f64 / f64::from(DURATION_S))
}

/// Fills the store with as many events of DNS and HTTP, of the 30 days before now.
fn fill(platform: &Platform, events: u64) -> anyhow::Result<()> {
    let begun = Instant::now();
    let step_us = 30 * 86_400_000_000 / (events / 2).max(1);
    let (rows, now_us) = (platform.rows()?, now_us());
    for (upper, table, column, value) in [
        (
            1,
            "dns",
            "query",
            "concat('host', toString(number % 50000), '.example.vn')",
        ),
        (2, "http", "uri", "concat('/path/page', toString(number), '.php')"),
    ] {
        for first in (0..events / 2).step_by(FILL_ROWS as usize) {
            let count = FILL_ROWS.min(events / 2 - first);
            rows.query(&format!(
                "INSERT INTO vonggac.{table} \
                 (event_id, ts, tenant, sensor, community_id, src, dst, sport, dport, `{column}`) \
                 SELECT bitShiftLeft(toUInt128({upper}), 64) + number + 1, \
                 fromUnixTimestamp64Micro({now_us} - toInt64(number) * {step_us}, 'UTC'), 'bo-y-te', 'fill', \
                 hex(cityHash64(number)), toIPv6(concat('10.0.', toString(number % 200), '.7')), toIPv6('2001:db8::53'), \
                 1024 + number % 60000, 53, {value} FROM numbers({first}, {count})"
            ))?;
        }
    }
    println!(
        "fill      {events} events in {:.0} s",
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}

/// What became of the crowd's searches.
#[derive(Default)]
struct Searches {
    served: AtomicU64,
    /// Over their budget, or not served in time.
    refused: AtomicU64,
}

/// Searches through all texts of all events until it is told to stop.
fn search_on(console: &Console, number: usize, stop: &AtomicBool, searches: &Searches) {
    let mut round = 0;
    while !stop.load(Ordering::Relaxed) {
        round += 1;
        let query = format!("host4{number}{round}.ex");
        let count = match console.get("/api/v1/events", &[("q", &query)]) {
            Ok(_) => &searches.served,
            Err(_) => &searches.refused,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// How long an analyst's searches take, one now and then.
fn ask_now_and_then(console: &Console, stop: &AtomicBool) -> anyhow::Result<Vec<Duration>> {
    let mut times = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        console.get("/api/v1/events", &[("q", "dport:53 src:10.0.7.0/24")])?;
        times.push(begun.elapsed());
        thread::sleep(OTHER_EVERY);
    }
    Ok(times)
}

/// Plays a capture into the wire; gives how long that took.
fn play(platform: &Platform, wire: &Wire, capture: &Path, speed: f64) -> anyhow::Result<Duration> {
    thread::sleep(TAP_PAUSE);
    let mut play = platform.command("lab");
    play.args(["play", "--interface", &wire.near, "--speed", &speed.to_string()]);
    play.arg("--read").arg(capture);
    let begun = Instant::now();
    let ended = run(&mut play, LONG)?;
    ensure!(ended.code() == 0, "{}", ended.err);
    Ok(begun.elapsed())
}

/// Waits until no more events of a sensor come; gives how many there are.
fn settled(rows: &Rows, sensor: &str) -> anyhow::Result<u64> {
    let mut before = None;
    wait_for("the events", ARRIVAL, || {
        thread::sleep(Duration::from_secs(2));
        let now = rows.count(&format!("sensor = '{sensor}'"))?;
        let is_still = before.replace(now) == Some(now);
        ensure!(is_still, "{now} so far");
        Ok(now)
    })
}

/// A virtual wire; taken away when dropped.
struct Wire {
    binary: PathBuf,
    near: String,
    far: String,
}

impl Wire {
    fn add(platform: &Platform) -> anyhow::Result<Self> {
        let number = std::process::id() % 100_000;
        let wire = Self {
            binary: platform.command("lab").get_program().into(),
            near: format!("vgc{number}a"),
            far: format!("vgc{number}b"),
        };
        let mut add = platform.command("lab");
        add.args(["wire", "add", &wire.near, &wire.far]);
        let ended = run(&mut add, ARRIVAL)?;
        ensure!(ended.code() == 0, "a virtual wire needs root: {}", ended.err);
        Ok(wire)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        let _ = Command::new(&self.binary)
            .args(["lab", "wire", "remove", &self.near])
            .status();
    }
}

/// A sensor on the wire; killed when dropped.
struct Tap(Child);

impl Tap {
    fn start(platform: &Platform, wire: &Wire, rules: &Path, name: &str) -> anyhow::Result<Self> {
        let mut sensor = platform.command("sensor");
        sensor.arg("--config").arg(platform.client_settings());
        sensor.args(["--name", name, "--interface", &wire.far, "--log", "warn"]);
        sensor.arg("--spool").arg(platform.scratch("spool")?.join(name));
        sensor.arg("--rules").arg(rules).stdin(Stdio::null());
        Ok(Self(sensor.spawn()?))
    }

    fn stop(mut self) -> anyhow::Result<()> {
        signal(i32::try_from(self.0.id())?, libc::SIGTERM);
        let status = self.0.wait()?;
        ensure!(status.success(), "the sensor ended with {status}");
        Ok(())
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
