//! What a run leaves in the event store, and how two runs are compared.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::ensure;
use vonggac_e2e::{AlertFacts, Platform, Rows, Settings, alerts, sequences, wait_for};

use crate::read_all;

/// For everything to arrive, from the last fault on: sessions run out, servers recover, and the machine may be busy.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(300);
/// What arrives twice would have arrived within this time.
const AFTERMATH: Duration = Duration::from_secs(3);

/// What a run leaves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// How many events each incarnation of a spool accepted, in order of number.
    pub events: Vec<u64>,
    /// The alerts by id.
    pub alerts: BTreeMap<String, AlertFacts>,
}

/// What has to be the same for two alerts to be the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alike {
    /// The id: one partition keeps one order.
    Id,
    /// Rule, group and count. With several partitions the matches of different host pairs interleave differently in each run, so a
    /// correlation across pairs may begin at a neighbouring match (ADR 0003).
    Group,
}

impl Outcome {
    /// Number of all events.
    pub fn count(&self) -> u64 {
        self.events.iter().sum()
    }
}

/// Reads captures one after the other on a platform of its own, with nobody disturbed: the measure. `None` when the machine lacks
/// something.
///
/// # Errors
/// When anything is lost or doubled even so.
pub fn undisturbed(captures: &[PathBuf], settings: &Settings) -> anyhow::Result<Option<Outcome>> {
    let Some(platform) = Platform::start(settings)? else {
        return Ok(None);
    };
    let accepted = read_all(&platform, captures)?;
    let outcome = resting(&platform, accepted)?;
    println!(
        "undisturbed: {} captures, {} events, {} alerts",
        captures.len(),
        outcome.count(),
        outcome.alerts.len()
    );
    Ok(Some(outcome))
}

/// Waits until `count` events, each once, and an unchanging set of alerts are stored.
///
/// # Errors
/// When an event is missing, there twice, or one too many.
pub fn resting(platform: &Platform, count: u64) -> anyhow::Result<Outcome> {
    let rows = platform.rows()?;
    wait_for_events(&rows, count)?;
    let mut before = BTreeMap::new();
    wait_for("the alerts", ARRIVAL_LIMIT, || {
        thread::sleep(AFTERMATH);
        let now = alerts(&rows)?;
        let is_still = !now.is_empty() && now == before;
        before = now;
        ensure!(is_still, "still changing, {} so far", before.len());
        Ok(())
    })?;
    let outcome = Outcome {
        events: complete(&rows)?,
        alerts: before,
    };
    ensure!(
        outcome.count() == count,
        "{:?} events instead of {count}",
        outcome.events
    );
    Ok(outcome)
}

/// Waits until a platform holds what it is to hold, and sees that it stays at that: every event once, the same alerts.
///
/// # Errors
/// With all that differs.
pub fn arrives(platform: &Platform, want: &Outcome, alike: Alike) -> anyhow::Result<Outcome> {
    let rows = platform.rows()?;
    wait_for_events(&rows, want.count())?;
    let same = || -> anyhow::Result<BTreeMap<String, AlertFacts>> {
        let have = alerts(&rows)?;
        let wrong = differences(&have, &want.alerts, alike);
        ensure!(
            wrong.is_empty(),
            "other alerts than undisturbed:\n  {}",
            wrong.join("\n  ")
        );
        Ok(have)
    };
    wait_for("the alerts", ARRIVAL_LIMIT, same)?;
    thread::sleep(AFTERMATH);
    let events = complete(&rows)?;
    ensure!(
        events == want.events,
        "{events:?} events of the incarnations instead of {:?}",
        want.events
    );
    Ok(Outcome {
        events,
        alerts: same()?,
    })
}

/// Waits until `count` events are stored.
///
/// # Errors
/// When they do not come.
pub fn wait_for_events(rows: &Rows, count: u64) -> anyhow::Result<()> {
    wait_for("all events", ARRIVAL_LIMIT, || {
        let have: usize = sequences(rows)?.values().map(Vec::len).sum();
        ensure!(have as u64 >= count, "{have} of {count} events");
        Ok(())
    })
}

/// How many events each incarnation has, in order of number.
///
/// # Errors
/// When those of an incarnation are not 1 to N, each once.
pub fn complete(rows: &Rows) -> anyhow::Result<Vec<u64>> {
    let mut events = Vec::new();
    for (incarnation, sequence) in sequences(rows)? {
        let is_complete = sequence.iter().zip(1..).all(|(&have, want)| have == want);
        ensure!(
            is_complete,
            "incarnation {incarnation:016x}: {}",
            holes(&sequence)
        );
        events.push(sequence.len() as u64);
    }
    events.sort_unstable();
    Ok(events)
}

/// What is wrong with an ordered list of numbers.
fn holes(sequence: &[u64]) -> String {
    let unique: BTreeSet<u64> = sequence.iter().copied().collect();
    let last = unique.last().copied().unwrap_or_default();
    let lost: Vec<u64> = (1..=last).filter(|number| !unique.contains(number)).collect();
    let twice = sequence.len() - unique.len();
    format!(
        "1 to {last}: {} lost (first {:?}), {twice} twice",
        lost.len(),
        lost.first()
    )
}

/// What differs between two sets of alerts, one line each. Which of many matches an alert names, and in which order, depends on how the
/// partitions' events interleave; how many there were does not.
pub fn differences(
    have: &BTreeMap<String, AlertFacts>,
    want: &BTreeMap<String, AlertFacts>,
    alike: Alike,
) -> Vec<String> {
    let key = |alert: &AlertFacts| match alike {
        Alike::Id => alert.id.clone(),
        Alike::Group => format!("{} {:?}", alert.rule_id, alert.group),
    };
    // An incident may come in several alerts of one rule and group; with ids there is one.
    let gather = |alerts: &BTreeMap<String, AlertFacts>| {
        let mut gathered: BTreeMap<String, (String, Vec<(String, u64)>)> = BTreeMap::new();
        for alert in alerts.values() {
            let (_, items) = gathered
                .entry(key(alert))
                .or_insert_with(|| (shown(alert), Vec::new()));
            items.push((alert.rule_id.clone(), alert.count));
            items.sort();
        }
        gathered
    };
    let (have, want) = (gather(have), gather(want));
    let mut wrong = Vec::new();
    for (key, (title, items)) in &want {
        match have.get(key) {
            None => wrong.push(format!("{key} ({title}) is missing")),
            Some((_, found)) if found != items => {
                wrong.push(format!("{key} ({title}) is {found:?} instead of {items:?}"));
            }
            Some(_) => {}
        }
    }
    for (key, (title, _)) in have.iter().filter(|(key, _)| !want.contains_key(*key)) {
        wrong.push(format!("{key} ({title}) is one too many"));
    }
    wrong
}

fn shown(alert: &AlertFacts) -> String {
    format!(
        "{}, {:?}, {} matches from {} µs",
        alert.title, alert.hosts, alert.count, alert.start_us
    )
}
