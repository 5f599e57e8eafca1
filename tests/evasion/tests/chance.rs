//! Combinations of techniques by chance: none of them is a silent miss.
//!
//! `VONGGAC_SEED` sets the first seed, `VONGGAC_COMBINATIONS` how many there are; a miss names the seed that finds it alone again.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::env;
use std::thread;

use vonggac_evasion::{is_known_miss, look};
use vonggac_inspect::Policy;
use vonggac_traffic::evasion::draw;

/// How many are tried where nothing else is said.
const COMBINATIONS: u64 = 5000;

/// Techniques by which a sensor cannot read the frames at all, which it says of each frame and not of the flow.
const UNREADABLE: [&str; 3] = ["ip6_chain_of_20", "tunnel_ip_in_ip_5_deep", "vlan_4"];

fn setting(name: &str, default: u64) -> u64 {
    match env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name}: {text} is no number")),
        Err(_) => default,
    }
}

/// Draws and plays every `step`-th combination from `first` on; gives back the misses and how many raised the alert.
fn play(first: u64, count: u64, step: u64) -> (BTreeMap<u64, String>, u64) {
    let (mut misses, mut alerts) = (BTreeMap::new(), 0);
    for seed in (first..first + count).step_by(step as usize) {
        let case = draw(seed, |technique| !UNREADABLE.contains(&technique.name));
        let policy = Policy::NAMES[seed as usize % Policy::NAMES.len()].1;
        let told = look(&case, policy).unwrap();
        alerts += u64::from(told.alert);
        if told.is_silent() && !is_known_miss(&case) {
            misses.insert(seed, case.name());
        }
    }
    (misses, alerts)
}

#[test]
fn no_combination_is_missed_in_silence() {
    let (first, count) = (
        setting("VONGGAC_SEED", 1),
        setting("VONGGAC_COMBINATIONS", COMBINATIONS),
    );
    let workers = thread::available_parallelism().map_or(2, |cores| cores.get() as u64);
    println!("VONGGAC_SEED={first} VONGGAC_COMBINATIONS={count}");
    let results: Vec<_> = thread::scope(|scope| {
        let begin = |worker| scope.spawn(move || play(first + worker, count.saturating_sub(worker), workers));
        let begun: Vec<_> = (0..workers).map(begin).collect();
        begun.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let alerts: u64 = results.iter().map(|(_, alerts)| alerts).sum();
    let misses: BTreeMap<u64, String> = results.into_iter().flat_map(|(misses, _)| misses).collect();
    println!(
        "{count} combinations: {alerts} alerts, {} silent misses",
        misses.len()
    );
    let lines: Vec<String> = misses
        .iter()
        .map(|(seed, name)| format!("VONGGAC_SEED={seed} {name}"))
        .collect();
    assert!(misses.is_empty(), "silent misses:\n{}", lines.join("\n"));
    // Most techniques hide nothing from a sensor that works.
    assert!(alerts * 2 > count, "only {alerts} of {count} raised the alert");
}
