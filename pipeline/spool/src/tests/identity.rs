//! Whatever becomes of a spool's directory, no id is made twice.

use std::collections::BTreeSet;
use std::fs;

use tempfile::TempDir;

use super::{SMALL, copy, fill, open, read_all, segments};
use crate::{Spool, SpoolError};

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

/// Also when Kafka has everything and no segment is left to tell.
#[test]
fn an_acknowledged_job_still_knows_its_last_sequence() {
    let directory = TempDir::new().unwrap();
    let mut spool = open(&directory, "job");
    fill(&mut spool, 1..=40);
    let last = std::iter::from_fn(|| spool.reader.next_record().unwrap()).last();
    spool.acknowledger.acknowledge(last.unwrap().1).unwrap();
    drop(spool);
    for path in segments(directory.path()) {
        fs::remove_file(path).unwrap();
    }
    assert_eq!(open(&directory, "job").boot.last_sequence, 40);
}

/// Unsent events of another job, with higher numbers, say nothing about this one.
#[test]
fn what_another_job_left_unsent_is_not_taken_for_this_ones() {
    let directory = TempDir::new().unwrap();
    fill(&mut open(&directory, "long"), 1..=50);
    fill(&mut open(&directory, "short"), 1..=2);
    fill(&mut open(&directory, ""), 1..=30);
    let mut spool = open(&directory, "short");
    assert_eq!(spool.boot.last_sequence, 2);
    fill(&mut spool, 3..=3);
    let expect: Vec<u64> = (1..=50).chain(1..=2).chain(1..=30).chain(3..=3).collect();
    assert_eq!(read_all(&mut spool), expect);
    assert_eq!(spool.status.counters().lost_records, 0);
}

#[test]
fn no_id_is_made_twice_whatever_becomes_of_the_directory() {
    let mut ids = BTreeSet::new();
    let mut begin = |directory: &TempDir| {
        let mut spool = open(directory, "");
        fill(&mut spool, 1..=5);
        let incarnation = spool.boot.incarnation;
        assert!(
            incarnation != 0 && ids.insert(incarnation),
            "{incarnation:x} twice"
        );
        spool
    };
    let directory = TempDir::new().unwrap();
    let spool = begin(&directory);
    // Copied while it is open, and both go on.
    let twin = copy(directory.path());
    let twin_spool = begin(&twin);
    drop((spool, twin_spool));
    drop(begin(&directory));
    // Put back as it was.
    drop(begin(&copy(twin.path())));
    // Emptied of its segments.
    for path in segments(directory.path()) {
        fs::remove_file(path).unwrap();
    }
    drop(begin(&directory));
    // Renamed.
    let elsewhere = TempDir::new().unwrap();
    let renamed = elsewhere.path().join("spool");
    fs::rename(directory.path(), &renamed).unwrap();
    let spool = Spool::open(&renamed, "", SMALL).unwrap();
    assert!(ids.insert(spool.boot.incarnation));
    drop(spool);
    // Lost.
    fs::remove_dir_all(&renamed).unwrap();
    let spool = Spool::open(&renamed, "", SMALL).unwrap();
    assert!(ids.insert(spool.boot.incarnation));
}

#[test]
fn the_boot_file_of_before_begins_a_new_incarnation() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("boot"), "3 17 running job\n").unwrap();
    assert_eq!(open(&directory, "job").boot.last_sequence, 0);
}

#[test]
fn segments_of_before_are_refused_in_words() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("0000000000000001.spool"), "VGSPOOL1").unwrap();
    let error = Spool::open(directory.path(), "", SMALL).err().unwrap();
    assert!(error.to_string().contains("earlier version"), "{error}");
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
