//! The event store refuses some rows for what is in them: those are put aside, each once, and all others are stored.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use vonggac_e2e::{Platform, Settings, sequences, wait_for};
use vonggac_enrolment::peel;
use vonggac_event::{EventId, wire};
use vonggac_faults::{Captures, Kafka, read, seed};

/// For everything to arrive.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(180);
/// Name of the constraint.
const CONSTRAINT: &str = "no_eighth_source_port";

#[test]
fn what_the_store_refuses_is_put_aside_once_and_the_rest_is_stored() {
    let seed = seed();
    let Some(platform) = Platform::start(&Settings::default()).unwrap() else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let mut captures = Captures::new(directory.path(), seed);
    let rows = platform.rows().unwrap();
    // About an eighth of the HTTP events, mixed with the others in every batch.
    wait_for("the table", ARRIVAL_LIMIT, || {
        rows.query(&format!(
            "ALTER TABLE http ADD CONSTRAINT {CONSTRAINT} CHECK sport % 8 != 0"
        ))
    })
    .unwrap();
    let mut accepted = 0;
    // The second run shows that the lanes went on.
    for number in 0..2 {
        accepted += read(&platform, "refused", &captures.get(number).unwrap()).unwrap();
    }
    let kafka = Kafka::of(&platform).unwrap();
    let (stored, dead) = wait_for("all events", ARRIVAL_LIMIT, || {
        let stored: usize = sequences(&rows)?.values().map(Vec::len).sum();
        let dead = kafka.read("dead-letter")?;
        ensure!(
            (stored + dead.len()) as u64 >= accepted,
            "{stored} stored and {} put aside of {accepted}",
            dead.len()
        );
        Ok((stored, dead))
    })
    .unwrap();
    println!("{accepted} events: {stored} stored, {} put aside", dead.len());

    let mut found: BTreeMap<u64, Vec<u64>> = sequences(&rows).unwrap();
    for record in &dead {
        // As it came: with the seal of its sensor.
        let event = wire::decode_event(peel(&record.payload).unwrap().message).unwrap();
        assert_eq!(event.sport % 8, 0, "only what the constraint forbids: {event:?}");
        let id = EventId::from_bytes(&event.event_id).unwrap();
        found.entry(id.incarnation()).or_default().push(id.0 as u64);
        let reason = record.header("reason").context("reason").unwrap();
        assert!(reason.contains(CONSTRAINT), "{reason}");
        let from = record.header("from").context("from").unwrap();
        let offset = from.strip_prefix("events/0/").context("place").unwrap();
        assert!(offset.parse::<u64>().is_ok(), "{from}");
    }
    for (incarnation, mut sequence) in found {
        sequence.sort_unstable();
        let is_complete = sequence.iter().zip(1..).all(|(&have, want)| have == want);
        assert!(is_complete, "incarnation {incarnation:016x} has gaps or repeats");
    }
    let left = rows
        .query("SELECT toString(count()) AS n FROM http WHERE sport % 8 = 0")
        .unwrap();
    assert_eq!(left[0]["n"], "0", "{left:?}");
    let others = rows.query("SELECT toString(count()) AS n FROM http").unwrap();
    assert_ne!(others[0]["n"], "0", "nothing of the class is stored");
    assert!(!dead.is_empty());
}
