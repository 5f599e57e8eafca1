//! Kills the console while people change things: each change that was acknowledged is in the audit log once, and none is there twice.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use vonggac_e2e::{Console, Platform, Settings, run, wait_for};
use vonggac_faults::{Random, seed, told};

/// Kills when nothing is told; the long form has 200.
const KILLS: u64 = 6;
/// Changes acknowledged between two kills, at least.
const CHANGES: u64 = 20;
/// People at once, each with the same session.
const HANDS: u64 = 4;
/// For a killed console to take changes again.
const RESTART_LIMIT: Duration = Duration::from_secs(90);
/// For a look into the database.
const LOOK_LIMIT: Duration = Duration::from_secs(60);

/// The names that a person was given, with whether the console said that it was done.
type Changes = Mutex<BTreeMap<String, bool>>;

#[test]
fn a_change_is_in_the_log_once_however_often_the_console_dies() {
    let mut random = Random::new(seed());
    let kills = told("VONGGAC_FAULTS_KILLS").unwrap_or(KILLS);
    let Some(platform) = Platform::start(&Settings::default()).unwrap() else {
        return;
    };
    let console = platform.console().unwrap();
    let code = platform.setup_code().context("no setup code").unwrap();
    console.set_up(&code).unwrap();

    let changes = Changes::default();
    let (done, over) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        for hand in 0..HANDS {
            let (console, changes, done, over) = (&console, &changes, &done, &over);
            scope.spawn(move || change(console, hand, changes, done, over));
        }
        let outcome = kill_often(&platform, kills, &done, &mut random);
        over.store(true, Ordering::Relaxed);
        outcome.unwrap();
    });
    let logged = logged(&platform).unwrap();
    let changes = changes.into_inner().unwrap();
    let acknowledged = changes.values().filter(|&&acknowledged| acknowledged).count();
    println!(
        "{kills} kills: {acknowledged} of {} changes acknowledged, {} in the log",
        changes.len(),
        logged.len()
    );
    assert!(acknowledged as u64 >= kills * CHANGES && acknowledged < changes.len());
    for (name, acknowledged) in &changes {
        let times = logged.get(name).copied().unwrap_or_default();
        let wanted = if *acknowledged { 1..=1 } else { 0..=1 };
        assert!(
            wanted.contains(&times),
            "{name}, acknowledged: {acknowledged}: {times} entries"
        );
    }
    for name in logged.keys() {
        assert!(changes.contains_key(name), "nobody was called {name}");
    }
    is_whole(&platform).unwrap();
}

/// Gives the account one name after the other.
fn change(console: &Console, hand: u64, changes: &Changes, done: &AtomicU64, over: &AtomicBool) {
    for number in 0_u64.. {
        if over.load(Ordering::Relaxed) {
            return;
        }
        let name = format!("Hand {hand} name {number}");
        let body = json!({ "display_name": name });
        let is_done = console.patch("/api/v1/account", &body).is_ok();
        changes.lock().unwrap().insert(name, is_done);
        if is_done {
            done.fetch_add(1, Ordering::Relaxed);
        } else {
            thread::sleep(Duration::from_millis(100));
        }
    }
}

fn kill_often(platform: &Platform, kills: u64, done: &AtomicU64, random: &mut Random) -> anyhow::Result<()> {
    for kill in 0..=kills {
        let before = done.load(Ordering::Relaxed);
        wait_for("changes", RESTART_LIMIT, || {
            let since = done.load(Ordering::Relaxed) - before;
            ensure!(since >= CHANGES, "{since} after {kill} kills");
            Ok(())
        })?;
        if kill < kills {
            // In the midst of one, wherever.
            thread::sleep(Duration::from_micros(random.below(20_000)));
            platform.kill("console")?;
        }
    }
    Ok(())
}

fn ask(platform: &Platform, statement: &str) -> anyhow::Result<String> {
    let password = fs::read_to_string(platform.password_file("postgres"))?;
    let mut psql = Command::new("psql");
    // Row-level security shows nothing to who does not say so.
    psql.env("PGOPTIONS", "-c vonggac.reach=*")
        .env("PGPASSWORD", password.trim())
        .args([
            "--no-psqlrc",
            "--tuples-only",
            "--no-align",
            "--set=ON_ERROR_STOP=1",
        ])
        .args(["--command", statement, &platform.postgres_url()]);
    let ended = run(&mut psql, LOOK_LIMIT)?;
    ensure!(ended.status.success(), "{}", ended.err);
    Ok(ended.out)
}

/// How often each name is in the log.
fn logged(platform: &Platform) -> anyhow::Result<BTreeMap<String, u64>> {
    let lines = ask(
        platform,
        "SELECT convert_from(content, 'UTF8') FROM audit_entry WHERE action = 'account.update' ORDER BY seq",
    )?;
    let mut names = BTreeMap::new();
    for line in lines.lines().filter(|line| !line.is_empty()) {
        let entry: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
        let name = entry["detail"]["display_name"].as_str().context("no name")?;
        *names.entry(name.to_owned()).or_default() += 1;
    }
    Ok(names)
}

/// The log has no hole, and the account has the name of its last entry.
fn is_whole(platform: &Platform) -> anyhow::Result<()> {
    let holes = ask(platform, "SELECT max(seq) + 1 - count(*) FROM audit_entry")?;
    ensure!(holes.trim() == "0", "{holes} entries are missing");
    let last = ask(
        platform,
        "SELECT a.display_name = (SELECT convert_from(content, 'UTF8')::json->'detail'->>'display_name' \
         FROM audit_entry WHERE action = 'account.update' ORDER BY seq DESC LIMIT 1) FROM account a",
    )?;
    ensure!(
        last.trim() == "t",
        "the account's name is not that of the last entry"
    );
    Ok(())
}
