//! A log of 1,000 entries: any byte changed, any entry taken out, put in or moved, the file cut at any length, is found, and the entry
//! it happened to is named.
//!
//! `VONGGAC_AUDIT_STEP` is every how-manieth entry is tried (25); with 1, as `make audit` does, each.
#![allow(clippy::unwrap_used, clippy::panic)]

use vonggac_audit::checkpoint::Checkpoint;
use vonggac_audit::entry::{Actor, ActorKind, Entry, Object, Outcome, VERSION};
use vonggac_audit::export::{checkpoint_line, entry_line, header_line};
use vonggac_audit::note::PrivateKey;
use vonggac_audit::proof::Head;
use vonggac_audit::tree::{Frontier, leaf_hash};
use vonggac_audit::verify::{Bad, Place, Verified, Verifier};

const ENTRIES: u64 = 1_000;
/// Entries between two checkpoints.
const EVERY: u64 = 60;

fn entry(seq: u64) -> Entry {
    Entry {
        v: VERSION,
        seq,
        at_us: 1_767_225_600_000_000 + i64::try_from(seq).unwrap(),
        actor: Actor {
            account: Some(3),
            name: "lan".into(),
            kind: ActorKind::Person,
        },
        organisation: "moh".into(),
        address: "10.0.0.7".into(),
        user_agent: "Mozilla/5.0 (X11; Linux x86_64)".into(),
        action: "alert.close".into(),
        object: Object {
            kind: "alert".into(),
            id: format!("{seq:032x}"),
        },
        result: Outcome::Done,
        detail: [("note".to_owned(), "đã xem \"nó\"\n".to_owned())].into(),
        request: format!("{seq:016x}"),
    }
}

/// A line, and which entry's it is.
type Line = (Vec<u8>, Option<u64>);

/// The log: its lines, each with a verifier that has taken those before it.
struct Log {
    lines: Vec<Line>,
    before: Vec<Verifier>,
}

fn log() -> Log {
    let key = PrivateKey::new("log.example", [7; 32]).unwrap();
    let (mut frontier, mut lines) = (Frontier::default(), Vec::new());
    for seq in 0..ENTRIES {
        let content = entry(seq).encode();
        frontier.push(leaf_hash(&content), |_, _| ());
        lines.push((
            entry_line(&content, &leaf_hash(&content), &frontier.root()),
            Some(seq),
        ));
        let size = seq + 1;
        if size % EVERY == 0 || size == ENTRIES {
            let head = Head {
                size,
                root: frontier.root(),
            };
            lines.push((checkpoint_line(&Checkpoint::sign(&head, &key)).into_bytes(), None));
        }
    }
    let checkpoints = u64::try_from(lines.len()).unwrap() - ENTRIES;
    lines.insert(0, (header_line(ENTRIES, checkpoints).into_bytes(), None));
    let mut verifier = Verifier::new(vec![key.public().clone()], &[]).unwrap();
    let mut before = vec![verifier.clone()];
    for (line, _) in &lines {
        verifier.line(line).unwrap();
        before.push(verifier.clone());
    }
    Log { lines, before }
}

impl Log {
    /// What a verifier says of the first `place` lines as they are and then of `rest`.
    fn check<'a>(&self, place: usize, rest: impl IntoIterator<Item = &'a [u8]>) -> Result<Verified, Bad> {
        let mut verifier = self.before[place].clone();
        for line in rest {
            verifier.line(line)?;
        }
        verifier.finish()
    }

    fn from(&self, place: usize) -> impl Iterator<Item = &[u8]> {
        self.lines.iter().skip(place).map(|(line, _)| line.as_slice())
    }

    /// The entries that are tried, each with the place of its line.
    fn tried(&self) -> impl Iterator<Item = (usize, u64)> {
        let places = self.lines.iter().enumerate();
        places
            .filter_map(|(place, (_, seq))| Some((place, (*seq)?)))
            .step_by(step())
    }
}

fn step() -> usize {
    std::env::var("VONGGAC_AUDIT_STEP")
        .ok()
        .map_or(25, |text| text.parse().unwrap())
}

#[test]
fn any_byte_that_changes_is_found_in_its_entry() {
    let log = log();
    assert_eq!(log.check(0, log.from(0)).unwrap().signed, ENTRIES);
    let mut tried = 0_u64;
    for (place, seq) in log.tried() {
        let line = &log.lines[place].0;
        for at in 0..line.len() {
            for flip in [1, 0x20, 0x80] {
                let mut changed = line.clone();
                changed[at] ^= flip;
                let bad = log
                    .check(place, changed.split_inclusive(|byte| *byte == b'\n'))
                    .unwrap_err();
                assert_eq!(bad.place, Place::Entry(seq), "byte {at}: {bad}");
                tried += 1;
            }
        }
    }
    println!("{tried} changes found");
}

#[test]
fn any_byte_of_a_checkpoint_or_of_the_first_line_that_changes_is_found() {
    let log = log();
    for (place, (line, _)) in log.lines.iter().enumerate().filter(|(_, (_, seq))| seq.is_none()) {
        for at in 0..line.len() {
            let mut changed = line.clone();
            changed[at] ^= 1;
            let rest = changed
                .split_inclusive(|byte| *byte == b'\n')
                .chain(log.from(place + 1));
            assert!(log.check(place, rest).is_err(), "line {place}, byte {at}");
        }
    }
}

#[test]
fn any_entry_taken_out_put_in_or_moved_is_named() {
    let log = log();
    let entries: Vec<usize> = (0..log.lines.len())
        .filter(|place| log.lines[*place].1.is_some())
        .collect();
    for (place, seq) in log.tried() {
        let named = |rest: Result<Verified, Bad>| rest.unwrap_err().place;
        assert_eq!(named(log.check(place, log.from(place + 1))), Place::Entry(seq));
        for away in [1, 2, 59, 60, 500, 999] {
            let other = entries[usize::try_from((seq + away) % ENTRIES).unwrap()];
            let line = log.lines[other].0.as_slice();
            assert_eq!(
                named(log.check(place, [line].into_iter().chain(log.from(place)))),
                Place::Entry(seq)
            );
            let (first, second) = (place.min(other), place.max(other));
            let mut swapped: Vec<&[u8]> = log.from(first).collect();
            swapped.swap(0, second - first);
            assert_eq!(
                named(log.check(first, swapped)),
                Place::Entry(log.lines[first].1.unwrap())
            );
        }
    }
}

#[test]
fn a_file_cut_at_any_length_is_found_where_it_ends() {
    let log = log();
    for (place, (line, seq)) in log.lines.iter().enumerate() {
        if seq.is_some_and(|seq| !(seq as usize).is_multiple_of(step())) {
            continue;
        }
        for length in 0..line.len() {
            let bad = log.check(place, line[..length].chunks(line.len())).unwrap_err();
            if let Some(seq) = seq {
                assert_eq!(bad.place, Place::Entry(*seq), "{length}: {bad}");
            }
        }
    }
}
