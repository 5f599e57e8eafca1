//! Disks that refuse.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::{fill, open, read_all, segments};
use crate::{Limits, Spool, SpoolError};

/// A file system of its own that is full after `bytes`; goes away when dropped.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// `None`, with a word about it, where this user may not mount.
    fn new(bytes: u64) -> Option<Self> {
        let directory = TempDir::new().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"])
            .arg(directory.path())
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            Some(Self(directory))
        } else {
            println!("skipped: mounting a small disk needs root");
            None
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes all the room there is.
    fn fill_up(&self) {
        let mut bytes = vec![0; 1 << 20];
        while !bytes.is_empty() {
            let at = fs::OpenOptions::new()
                .append(true)
                .create(true)
                .open(self.path().join("ballast"));
            let written = at.and_then(|mut file| std::io::Write::write_all(&mut file, &bytes));
            if written.is_err() {
                bytes.truncate(bytes.len() / 2);
            }
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.path().join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Left mounted it would only outlive the test.
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}

/// A new segment that cannot be made (here because something else bears its name) must not hide what was accepted, nor be given up.
#[test]
fn a_segment_that_cannot_be_made_is_tried_again() {
    let directory = TempDir::new().unwrap();
    let mut spool = open(&directory, "");
    let in_the_way = directory.path().join("segment.new");
    fs::create_dir(&in_the_way).unwrap();
    spool.writer.append(1, b"", b"x").unwrap();
    assert!(spool.writer.sync().is_err());
    assert!(spool.writer.sync().is_err(), "nothing was accepted yet");
    assert!(spool.reader.next_record().unwrap().is_none());
    fs::remove_dir(&in_the_way).unwrap();
    spool.writer.sync().unwrap();
    assert_eq!(read_all(&mut spool), [1]);

    // The next segment is due, and cannot be made: the current one goes on.
    fs::create_dir(&in_the_way).unwrap();
    fill(&mut spool, 2..=30);
    assert_eq!(read_all(&mut spool), (2..=30).collect::<Vec<_>>());
    assert_eq!(segments(directory.path()).len(), 1);
    assert!(spool.status.counters().segment_failures > 2);
    fs::remove_dir(&in_the_way).unwrap();
    fill(&mut spool, 31..=32);
    assert_eq!(segments(directory.path()).len(), 2);
    assert_eq!(read_all(&mut spool), [31, 32]);
}

/// The spool's own disk is smaller than a segment: it fills, Kafka takes everything, and the spool goes on by itself.
#[test]
fn a_disk_that_the_spool_fills_is_freed_by_acknowledging() {
    let Some(disk) = SmallDisk::new(2 << 20) else {
        return;
    };
    let mut spool = Spool::open(disk.path(), "", Limits::default()).unwrap();
    let value = vec![5; 10_000];
    let mut sequence = 0;
    let mut read = 0;
    for _ in 0..4 {
        let error = loop {
            if spool.writer.pending_bytes() == 0 {
                sequence += 1;
                spool.writer.append(sequence, b"", &value).unwrap();
            }
            if let Err(error) = spool.writer.sync() {
                break error;
            }
        };
        assert!(error.is_disk_full(), "{error}");
        // A call on a disk that is still full changes nothing.
        assert!(spool.writer.sync().is_err());
        let mut last = None;
        while let Some((record, after)) = spool.reader.next_record().unwrap() {
            read += 1;
            assert_eq!(record.sequence, read);
            last = Some(after);
        }
        spool.acknowledger.acknowledge(last.unwrap()).unwrap();
        spool.writer.sync().unwrap();
    }
    assert!(read > 300);
    assert_eq!(spool.status.counters().lost_records, 0);
}

/// Somebody else fills the disk: opening, reading and acknowledging work, writing goes on when there is room.
#[test]
fn a_disk_that_others_fill_stops_nothing_for_good() {
    let Some(disk) = SmallDisk::new(1 << 20) else {
        return;
    };
    let limits = Limits {
        segment_bytes: 4096,
        ..Limits::default()
    };
    let mut spool = Spool::open(disk.path(), "", limits).unwrap();
    fill(&mut spool, 1..=500);
    disk.fill_up();
    let files = segments(disk.path()).len();
    let mut last = None;
    for expect in 1..=400 {
        let (record, after) = spool.reader.next_record().unwrap().unwrap();
        assert_eq!(record.sequence, expect);
        last = Some(after);
    }
    spool.acknowledger.acknowledge(last.unwrap()).unwrap();
    assert!(segments(disk.path()).len() < files);
    disk.fill_up();
    drop(spool);

    let mut again = Spool::open(disk.path(), "", limits).unwrap();
    assert_eq!(read_all(&mut again), (401..=500).collect::<Vec<_>>());
    again.writer.append(1, b"", &[1; 9000]).unwrap();
    let error = again.writer.sync().unwrap_err();
    assert!(error.is_disk_full(), "{error}");
    assert!(again.reader.next_record().unwrap().is_none());
    disk.make_room();
    again.writer.sync().unwrap();
    assert_eq!(read_all(&mut again), [1]);

    // A job has to write down its incarnation; without room it says which file lacks it.
    disk.fill_up();
    drop(again);
    let refused = Spool::open(disk.path(), "job", limits).err().unwrap();
    assert!(
        refused.is_disk_full() && refused.to_string().contains("boot"),
        "{refused}"
    );
}

/// A mark that cannot be written is an error that passes: done segments go all the same.
#[test]
fn a_mark_that_cannot_be_written_is_tried_again() {
    let directory = TempDir::new().unwrap();
    let mark = directory.path().join("mark");
    fs::create_dir(&mark).unwrap();
    let refused = Spool::open(directory.path(), "", super::SMALL).err().unwrap();
    assert!(matches!(refused, SpoolError::Io { .. }));
    fs::remove_dir(&mark).unwrap();
    let mut spool = open(&directory, "");
    fill(&mut spool, 1..=30);
    let last = std::iter::from_fn(|| spool.reader.next_record().unwrap())
        .last()
        .unwrap()
        .1;
    spool.acknowledger.acknowledge(last).unwrap();
    assert_eq!(spool.acknowledger.position(), last);
    assert_eq!(spool.status.counters().mark_failures, 0);
    assert_eq!(segments(directory.path()).len(), 1);
}
