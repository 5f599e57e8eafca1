#![allow(clippy::unwrap_used)]

mod broken_bytes;
mod disk;
mod identity;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::{Limits, Record, Spool, SpoolError};

const SMALL: Limits = Limits {
    segment_bytes: 200,
    bytes_max: 1 << 20,
};

fn open(directory: &TempDir, job: &str) -> Spool {
    Spool::open(directory.path(), job, SMALL).unwrap()
}

fn fill(spool: &mut Spool, sequences: std::ops::RangeInclusive<u64>) {
    for sequence in sequences {
        spool
            .writer
            .append(sequence, b"key", format!("value {sequence}").as_bytes())
            .unwrap();
        spool.writer.sync().unwrap();
    }
}

fn read_all(spool: &mut Spool) -> Vec<u64> {
    std::iter::from_fn(|| spool.reader.next_record().unwrap())
        .map(|(Record { sequence, .. }, _)| sequence)
        .collect()
}

/// The files of the segments, in order.
fn segments(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "spool"))
        .collect();
    paths.sort();
    paths
}

fn copy(from: &Path) -> TempDir {
    let to = TempDir::new().unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.path().join(entry.file_name())).unwrap();
    }
    to
}

#[test]
fn what_is_synced_is_read_in_order_over_segments() {
    let directory = TempDir::new().unwrap();
    let mut spool = open(&directory, "");
    fill(&mut spool, 1..=50);
    assert!(segments(directory.path()).len() > 5);
    assert_eq!(read_all(&mut spool), (1..=50).collect::<Vec<_>>());
}

#[test]
fn what_is_not_synced_is_not_seen() {
    let directory = TempDir::new().unwrap();
    let mut spool = open(&directory, "");
    spool.writer.append(1, b"", b"x").unwrap();
    assert!(spool.reader.next_record().unwrap().is_none());
    spool.writer.sync().unwrap();
    assert!(spool.reader.next_record().unwrap().is_some());
}

#[test]
fn unacknowledged_records_come_again_and_done_segments_go() {
    let directory = TempDir::new().unwrap();
    let mut spool = open(&directory, "");
    fill(&mut spool, 1..=30);
    let before = segments(directory.path()).len();
    let mut position = None;
    for _ in 0..20 {
        position = spool.reader.next_record().unwrap().map(|(_, after)| after);
    }
    spool.acknowledger.acknowledge(position.unwrap()).unwrap();
    assert!(segments(directory.path()).len() <= before / 2);
    drop(spool);
    let mut again = open(&directory, "");
    assert_eq!(read_all(&mut again), (21..=30).collect::<Vec<_>>());
    fill(&mut again, 1..=3);
    assert_eq!(read_all(&mut again), (1..=3).collect::<Vec<_>>());
    assert_eq!(again.status.counters().lost_records, 0);
}

#[test]
fn two_sensors_cannot_share_it() {
    let directory = TempDir::new().unwrap();
    let _first = open(&directory, "");
    let second = Spool::open(directory.path(), "", SMALL);
    assert!(matches!(second.err(), Some(SpoolError::InUse { .. })));
}

#[test]
fn a_full_spool_says_so_and_takes_again_after_acknowledgement() {
    let directory = TempDir::new().unwrap();
    let limits = Limits {
        segment_bytes: 64 << 20,
        bytes_max: 400,
    };
    let mut spool = Spool::open(directory.path(), "", limits).unwrap();
    for round in 0..3 {
        let mut sequence = round * 100;
        let full = loop {
            sequence += 1;
            match spool.writer.append(sequence, b"", &[7; 20]) {
                Ok(()) => spool.writer.sync().unwrap(),
                Err(error) => break error,
            }
        };
        assert!(matches!(full, SpoolError::Full { .. }));
        assert!(spool.status.counters().held_bytes <= limits.bytes_max);
        let last = std::iter::from_fn(|| spool.reader.next_record().unwrap())
            .last()
            .unwrap()
            .1;
        spool.acknowledger.acknowledge(last).unwrap();
    }
}

#[test]
fn the_age_of_the_oldest_unsent_record_is_told() {
    let directory = TempDir::new().unwrap();
    let mut spool = open(&directory, "");
    assert_eq!(spool.status.oldest_age(), None);
    fill(&mut spool, 1..=9);
    assert!(spool.status.oldest_age().is_some());
    drop(spool);
    let mut again = open(&directory, "");
    assert!(again.status.oldest_age().is_some());
    let last = std::iter::from_fn(|| again.reader.next_record().unwrap())
        .last()
        .unwrap()
        .1;
    again.acknowledger.acknowledge(last).unwrap();
    assert_eq!(again.status.oldest_age(), None);
}

#[test]
fn what_is_over_the_limit_is_refused_before_it_is_spooled() {
    let directory = TempDir::new().unwrap();
    let mut spool = open(&directory, "");
    let value = vec![0; crate::VALUE_BYTES_MAX + 1];
    let outcome = spool.writer.append(1, b"", &value);
    assert!(matches!(outcome, Err(SpoolError::RecordTooLarge { .. })));
    assert_eq!(spool.writer.pending_bytes(), 0);
    // What fits comes back whole, though it is larger than what is read at once.
    let directory = TempDir::new().unwrap();
    let mut spool = Spool::open(directory.path(), "", Limits::default()).unwrap();
    spool
        .writer
        .append(1, b"k", &value[..crate::VALUE_BYTES_MAX])
        .unwrap();
    spool.writer.sync().unwrap();
    let (record, _) = spool.reader.next_record().unwrap().unwrap();
    assert_eq!(record.value.len(), crate::VALUE_BYTES_MAX);
}
