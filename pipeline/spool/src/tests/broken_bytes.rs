//! Every length and every flipped bit of a 64 KiB segment.

use std::fs;

use tempfile::TempDir;

use super::{fill, open, read_all, segments};
use crate::cursor::{Cursor, Loss, Step};
use crate::segment::HEADER_BYTES;
use crate::{Limits, Record, Spool, record};

const INCARNATION: u64 = 0x0123_4567_89ab_cdef;
const SEGMENT_BYTES: usize = 64 * 1024;

/// A segment's records and where each begins; the last place is the end.
struct Whole {
    bytes: Vec<u8>,
    places: Vec<usize>,
    records: Vec<Record>,
}

/// 64 KiB of records of many lengths, among them empty ones, and values that look like records to whoever does not know the incarnation.
fn whole() -> Whole {
    let mut segment = Whole {
        bytes: b"VGSPOOL2".to_vec(),
        places: Vec::new(),
        records: Vec::new(),
    };
    let mut decoy = Vec::new();
    record::put(7, 1, b"k", b"decoy", &mut decoy);
    for sequence in 1.. {
        let place = segment.bytes.len();
        let length = (sequence as usize * 379) % 1500;
        let mut value: Vec<u8> = (0..length)
            .map(|at| (at * 31 + sequence as usize) as u8)
            .collect();
        if sequence % 3 == 0 {
            value.extend_from_slice(&decoy);
        }
        let room = SEGMENT_BYTES - place;
        let key = b"tenant";
        let rest = room.saturating_sub(record::EXTRA_BYTES + key.len());
        let is_last = rest < value.len() + 2 * (record::EXTRA_BYTES + key.len());
        if is_last {
            value.resize(rest, 9);
        }
        assert!(record::put(
            INCARNATION,
            sequence,
            key,
            &value,
            &mut segment.bytes
        ));
        segment.places.push(place);
        segment.records.push(Record {
            incarnation: INCARNATION,
            sequence,
            key: key.to_vec(),
            value,
        });
        if is_last {
            break;
        }
    }
    segment.places.push(segment.bytes.len());
    assert_eq!(segment.bytes.len(), SEGMENT_BYTES);
    segment
}

fn cursor(bytes: &[u8], offset: usize) -> Cursor<&[u8]> {
    Cursor::new(&bytes[offset..], INCARNATION, offset as u64)
}

/// Reads from record `from` on and sees that of the next ones just `broken` is lost. What a cursor finds from a place on depends on nothing
/// before it, so reading stops two whole records later: the rest is as ever.
fn loses_only(segment: &Whole, bytes: &[u8], from: usize, broken: usize, what: &str) {
    let mut cursor = cursor(bytes, segment.places[from]);
    let end = segment.records.len();
    let mut lost = 0;
    let mut at = from;
    while at < (broken + 3).min(end) {
        if at == broken {
            at += 1;
            continue;
        }
        match cursor.next(u64::MAX).unwrap() {
            Step::Record(record) => assert!(record == segment.records[at], "{what}: another record {at}"),
            Step::Lost(loss) => {
                lost += loss.bytes;
                continue;
            }
            Step::End => panic!("{what}: ends before record {at}"),
        }
        at += 1;
        assert_eq!(cursor.offset, segment.places[at] as u64, "{what}");
    }
    if broken + 1 == end {
        let Step::Lost(loss) = cursor.next(u64::MAX).unwrap() else {
            panic!("{what}: the loss is not told")
        };
        lost += loss.bytes;
        assert!(matches!(cursor.next(u64::MAX).unwrap(), Step::End), "{what}");
    }
    let expect = segment.places[broken + 1] - segment.places[broken];
    assert_eq!(lost, expect as u64, "{what}");
}

#[test]
fn every_flipped_bit_costs_its_record_alone() {
    let segment = whole();
    let mut bytes = segment.bytes.clone();
    for broken in 0..segment.records.len() {
        for byte in segment.places[broken]..segment.places[broken + 1] {
            for bit in 0..8 {
                bytes[byte] ^= 1 << bit;
                loses_only(
                    &segment,
                    &bytes,
                    broken,
                    broken,
                    &format!("byte {byte} bit {bit}"),
                );
                bytes[byte] ^= 1 << bit;
            }
        }
        // Once for each record from the very start.
        bytes[segment.places[broken]] ^= 1;
        loses_only(&segment, &bytes, 0, broken, &format!("record {broken}"));
        bytes[segment.places[broken]] ^= 1;
    }
}

#[test]
fn every_length_costs_its_last_record_alone() {
    let segment = whole();
    for length in HEADER_BYTES as usize..=segment.bytes.len() {
        let whole_records = segment.places.iter().filter(|&&place| place <= length).count() - 1;
        let first = whole_records.saturating_sub(1);
        let mut cursor = cursor(&segment.bytes[..length], segment.places[first]);
        for at in first..whole_records {
            let Step::Record(record) = cursor.next(u64::MAX).unwrap() else {
                panic!("length {length}: record {at} is not there")
            };
            assert!(record == segment.records[at], "length {length}");
        }
        let torn = (length - segment.places[whole_records]) as u64;
        if torn > 0 {
            let Step::Lost(loss) = cursor.next(u64::MAX).unwrap() else {
                panic!("length {length}: the torn end is not told")
            };
            assert_eq!(
                loss,
                Loss {
                    bytes: torn,
                    is_torn_end: true
                },
                "length {length}"
            );
        }
        assert!(
            matches!(cursor.next(u64::MAX).unwrap(), Step::End),
            "length {length}"
        );
    }
}

/// The same through the files: whole records after a broken one in the last segment survive a start, and the loss is counted.
#[test]
fn a_broken_record_in_a_file_is_counted_and_passed_over() {
    let segment = whole();
    let count = segment.records.len() as u64;
    let name = format!("0000000000000001-{INCARNATION:016x}.spool");
    let check = |byte: usize, lost: Option<u64>, counted: (u64, u64, u64)| {
        let directory = TempDir::new().unwrap();
        let mut bytes = segment.bytes.clone();
        bytes[byte] ^= 0x10;
        fs::write(directory.path().join(&name), bytes).unwrap();
        let mut spool = Spool::open(directory.path(), "", Limits::default()).unwrap();
        let expect: Vec<u64> = (1..=count).filter(|&sequence| Some(sequence) != lost).collect();
        assert_eq!(read_all(&mut spool), expect, "byte {byte}");
        let counters = spool.status.counters();
        let found = (counters.broken, counters.lost_bytes, counters.lost_records);
        assert_eq!(found, counted, "byte {byte}");
    };
    for byte in 0..HEADER_BYTES as usize {
        check(byte, None, (1, HEADER_BYTES, 0));
    }
    for at in [1, 5, segment.records.len() - 2] {
        let bytes = (segment.places[at + 1] - segment.places[at]) as u64;
        for inside in [0, 5, 9, 13, 25] {
            check(segment.places[at] + inside, Some(at as u64 + 1), (1, bytes, 1));
        }
    }
    // Of the very last one nothing that follows could tell that it is missing.
    let last = segment.records.len() - 1;
    let bytes = (segment.places[last + 1] - segment.places[last]) as u64;
    check(segment.places[last] + 25, Some(count), (1, bytes, 0));
}

#[test]
fn a_gap_of_several_records_and_a_missing_segment_are_counted() {
    let directory = TempDir::new().unwrap();
    let mut spool = open(&directory, "");
    fill(&mut spool, 1..=30);
    drop(spool);
    let paths = segments(directory.path());
    let gone = &paths[1];
    let records = fs::metadata(gone).unwrap().len() / 30;
    fs::remove_file(gone).unwrap();
    let mut again = open(&directory, "");
    let read = read_all(&mut again).len() as u64;
    assert!(records > 1 && read < 30);
    assert_eq!(again.status.counters().lost_records, 30 - read);
}

/// A tap that was cut off leaves a torn end: those bytes were never accepted, and are no loss.
#[test]
fn a_torn_end_is_no_loss() {
    let directory = TempDir::new().unwrap();
    fill(&mut open(&directory, ""), 1..=5);
    let path = segments(directory.path()).pop().unwrap();
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
    let mut again = open(&directory, "");
    fill(&mut again, 1..=2);
    assert_eq!(read_all(&mut again), [1, 2, 3, 4, 1, 2]);
    let counters = again.status.counters();
    assert_eq!((counters.broken, counters.lost_records), (0, 0));
    assert!(counters.torn_bytes > 0);
}

#[test]
fn zeros_after_the_end_of_a_file_are_no_records() {
    let directory = TempDir::new().unwrap();
    fill(&mut open(&directory, ""), 1..=2);
    let path = segments(directory.path()).pop().unwrap();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(file.metadata().unwrap().len() + 4096).unwrap();
    assert_eq!(read_all(&mut open(&directory, "")), [1, 2]);
}

/// Each slot of the mark may break; then some records come again, and none is passed over.
#[test]
fn a_broken_mark_sends_again_and_loses_nothing() {
    let directory = TempDir::new().unwrap();
    let mut spool = open(&directory, "");
    fill(&mut spool, 1..=3);
    for _ in 0..2 {
        let (_, after) = spool.reader.next_record().unwrap().unwrap();
        spool.acknowledger.acknowledge(after).unwrap();
    }
    drop(spool);
    let path = directory.path().join("mark");
    let bytes = fs::read(&path).unwrap();
    for (slots, first) in [(vec![0], 2), (vec![1], 3), (vec![0, 1], 1)] {
        let mut broken = bytes.clone();
        for slot in slots {
            broken[slot * 512 + 20] ^= 4;
        }
        fs::write(&path, broken).unwrap();
        let read = read_all(&mut open(&directory, ""));
        assert_eq!(read, (first..=3).collect::<Vec<_>>());
    }
}
