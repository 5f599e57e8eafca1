#![allow(clippy::unwrap_used)]

use std::fs::{self, OpenOptions};

use proptest::prelude::*;
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

#[test]
fn what_is_synced_is_read_in_order_over_segments() {
    let directory = TempDir::new().unwrap();
    let mut spool = open(&directory, "");
    fill(&mut spool, 1..=50);
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
    let mut position = None;
    for _ in 0..20 {
        position = spool.reader.next_record().unwrap().map(|(_, after)| after);
    }
    spool.acknowledger.acknowledge(position.unwrap()).unwrap();
    drop(spool);
    let mut again = open(&directory, "");
    assert_eq!(read_all(&mut again), (21..=30).collect::<Vec<_>>());
    fill(&mut again, 31..=33);
    assert_eq!(read_all(&mut again), (31..=33).collect::<Vec<_>>());
}

#[test]
fn a_job_that_was_cut_off_continues_its_incarnation() {
    let directory = TempDir::new().unwrap();
    let job = "file a\nrunning 7";
    let mut spool = open(&directory, job);
    let incarnation = spool.boot.incarnation;
    fill(&mut spool, 1..=7);
    drop(spool);
    let mut again = open(&directory, job);
    assert_eq!(
        (again.boot.incarnation, again.boot.last_sequence),
        (incarnation, 7)
    );
    again.writer.finish().unwrap();
    drop(again);
    let next = open(&directory, job).boot;
    assert_ne!(next.incarnation, incarnation);
    assert_eq!(next.last_sequence, 0);
}

#[test]
fn a_tap_begins_a_new_incarnation_each_time() {
    let directory = TempDir::new().unwrap();
    let first = open(&directory, "").boot.incarnation;
    let second = open(&directory, "").boot.incarnation;
    assert_ne!(first, second);
    assert!(first != 0 && second != 0);
}

#[test]
fn the_boot_file_of_before_begins_a_new_incarnation() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("boot"), "3 17 running job\n").unwrap();
    assert_eq!(open(&directory, "job").boot.last_sequence, 0);
}

#[test]
fn a_broken_boot_file_stops_a_job_and_no_tap() {
    let directory = TempDir::new().unwrap();
    drop(open(&directory, "job"));
    let path = directory.path().join("boot");
    let mut bytes = fs::read(&path).unwrap();
    bytes[3] ^= 1;
    fs::write(&path, bytes).unwrap();
    let refused = Spool::open(directory.path(), "job", SMALL);
    assert!(matches!(refused.err(), Some(SpoolError::Broken { .. })));
    open(&directory, "");
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
        segment_bytes: 100,
        bytes_max: 400,
    };
    let mut spool = Spool::open(directory.path(), "", limits).unwrap();
    let mut sequence = 0;
    let full = loop {
        sequence += 1;
        match spool.writer.append(sequence, b"", &[7; 40]) {
            Ok(()) => spool.writer.sync().unwrap(),
            Err(error) => break error,
        }
    };
    assert!(matches!(full, SpoolError::Full { .. }));
    let last = std::iter::from_fn(|| spool.reader.next_record().unwrap())
        .last()
        .unwrap()
        .1;
    spool.acknowledger.acknowledge(last).unwrap();
    spool.writer.append(sequence, b"", &[7; 40]).unwrap();
}

/// Every length to which the only segment can be cut: whole records before the cut come back, nothing else does.
#[test]
fn every_torn_end_is_survived() {
    let directory = TempDir::new().unwrap();
    let mut spool = Spool::open(directory.path(), "", Limits::default()).unwrap();
    fill(&mut spool, 1..=5);
    drop(spool);
    let path = directory.path().join("0000000000000001.spool");
    let whole = fs::read(&path).unwrap();
    let record_bytes = (whole.len() - 8) / 5;
    for length in 8..=whole.len() {
        let copy = TempDir::new().unwrap();
        fs::write(copy.path().join("0000000000000001.spool"), &whole[..length]).unwrap();
        let mut spool = Spool::open(copy.path(), "", Limits::default()).unwrap();
        let expect = ((length - 8) / record_bytes) as u64;
        assert_eq!(
            read_all(&mut spool),
            (1..=expect).collect::<Vec<_>>(),
            "cut to {length}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A flipped bit costs at most what stands after it in its segment; what comes back is what went in.
    #[test]
    fn a_flipped_bit_never_yields_a_wrong_record(byte in 8_usize..400, bit in 0_u8..8) {
        let directory = TempDir::new().unwrap();
        let mut spool = Spool::open(directory.path(), "", Limits::default()).unwrap();
        fill(&mut spool, 1..=12);
        drop(spool);
        let path = directory.path().join("0000000000000001.spool");
        let mut bytes = fs::read(&path).unwrap();
        if let Some(place) = bytes.get_mut(byte) { *place ^= 1 << bit; }
        fs::write(&path, &bytes).unwrap();
        let mut spool = Spool::open(directory.path(), "", Limits::default()).unwrap();
        let mut expect = 1;
        while let Some((record, _)) = spool.reader.next_record().unwrap() {
            prop_assert_eq!(record.sequence, expect);
            prop_assert_eq!(record.value, format!("value {expect}").into_bytes());
            expect += 1;
        }
    }
}

#[test]
fn bytes_after_the_end_of_a_file_are_not_trusted() {
    let directory = TempDir::new().unwrap();
    let mut spool = open(&directory, "");
    fill(&mut spool, 1..=2);
    drop(spool);
    let path = directory.path().join("0000000000000001.spool");
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    let length = file.metadata().unwrap().len();
    file.set_len(length + 4096).unwrap();
    assert_eq!(read_all(&mut open(&directory, "")), [1, 2]);
}
