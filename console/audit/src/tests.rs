//! A log, and everything that can be done to it.
#![allow(clippy::unwrap_used, clippy::panic)]

use crate::checkpoint::Checkpoint;
use crate::entry::tests::entry;
use crate::export::{checkpoint_line, entry_line, header_line};
use crate::note::{PrivateKey, PublicKey};
use crate::proof::Head;
use crate::tree::{Frontier, leaf_hash};
use crate::verify::{Bad, Place, Verified, Verifier, verify};

const ENTRIES: u64 = 60;
/// Entries between two checkpoints.
const EVERY: u64 = 20;

fn key() -> PrivateKey {
    PrivateKey::new("log.example", [7; 32]).unwrap()
}

fn keys() -> Vec<PublicKey> {
    vec![key().public().clone()]
}

fn check(export: &[u8]) -> Result<Verified, Bad> {
    verify(export, Verifier::new(keys(), &[]).unwrap())
}

/// The lines of a log whose entries are `contents`, with a checkpoint after every 20 and at the end; `signed` says what those are of.
fn lines(contents: &[Vec<u8>], signed: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let (mut frontier, mut true_one) = (Frontier::default(), Frontier::default());
    let mut lines = Vec::new();
    let mut checkpoints = 0;
    for (content, signed) in contents.iter().zip(signed) {
        let leaf = leaf_hash(content);
        frontier.push(leaf, |_, _| ());
        true_one.push(leaf_hash(signed), |_, _| ());
        lines.push(entry_line(content, &leaf, &frontier.root()));
        let size = frontier.size();
        if size % EVERY == 0 || size == contents.len() as u64 {
            let head = Head {
                size,
                root: true_one.root(),
            };
            lines.push(checkpoint_line(&Checkpoint::sign(&head, &key())).into_bytes());
            checkpoints += 1;
        }
    }
    lines.insert(0, header_line(frontier.size(), checkpoints).into_bytes());
    lines
}

fn contents(count: u64) -> Vec<Vec<u8>> {
    (0..count).map(|seq| entry(seq).encode()).collect()
}

fn log(count: u64) -> Vec<Vec<u8>> {
    let contents = contents(count);
    lines(&contents, &contents)
}

/// Line of an entry: the header is line 0, and a checkpoint stands after every 20.
fn line_of(seq: u64) -> usize {
    usize::try_from(1 + seq + seq / EVERY).unwrap()
}

#[test]
fn a_log_is_what_was_written() {
    for count in [0, 1, 19, 20, 21, ENTRIES] {
        let verified = check(&log(count).concat()).unwrap();
        assert_eq!((verified.head.size, verified.signed), (count, count));
    }
}

#[test]
fn an_entry_taken_out_put_in_or_moved_is_named() {
    let log = log(ENTRIES);
    for seq in 0..ENTRIES {
        let at = line_of(seq);
        let mut without = log.clone();
        without.remove(at);
        assert_eq!(check(&without.concat()).unwrap_err().place, Place::Entry(seq));

        let mut twice = log.clone();
        twice.insert(at, log[line_of((seq + 7) % ENTRIES)].clone());
        assert_eq!(check(&twice.concat()).unwrap_err().place, Place::Entry(seq));

        let mut swapped = log.clone();
        let other = (seq + 1 + seq * 7 % (ENTRIES - 1)) % ENTRIES;
        swapped.swap(at, line_of(other));
        assert_eq!(
            check(&swapped.concat()).unwrap_err().place,
            Place::Entry(seq.min(other))
        );
    }
}

#[test]
fn a_forger_who_makes_every_hash_anew_is_found_at_the_next_checkpoint() {
    let signed = contents(ENTRIES);
    for seq in 0..ENTRIES {
        let mut forged = signed.clone();
        let mut lie = entry(seq);
        lie.actor.name = "minh".into();
        forged[usize::try_from(seq).unwrap()] = lie.encode();
        let bad = check(&lines(&forged, &signed).concat()).unwrap_err();
        let first = seq / EVERY * EVERY;
        assert_eq!(
            bad.place,
            Place::Entries {
                first,
                last: first + EVERY - 1
            }
        );
    }
}

#[test]
fn a_log_cut_back_is_found_by_who_knows_its_newest_checkpoint() {
    let newest = {
        let mut frontier = Frontier::default();
        contents(ENTRIES)
            .iter()
            .for_each(|content| frontier.push(leaf_hash(content), |_, _| ()));
        Checkpoint::sign(
            &Head {
                size: ENTRIES,
                root: frontier.root(),
            },
            &key(),
        )
    };
    let known = || Verifier::new(keys(), std::slice::from_ref(&newest)).unwrap();
    assert_eq!(verify(&log(ENTRIES).concat(), known()).unwrap().signed, ENTRIES);
    for count in 0..ENTRIES {
        let export = log(count).concat();
        assert!(check(&export).is_ok(), "whole in itself");
        assert_eq!(verify(&export, known()).unwrap_err().place, Place::Entry(count));
    }
}

#[test]
fn who_signs_with_another_key_is_not_believed() {
    let other = PrivateKey::new("log.example", [8; 32]).unwrap();
    let export = log(3).concat();
    let verifier = Verifier::new(vec![other.public().clone()], &[]).unwrap();
    assert_eq!(verify(&export, verifier).unwrap_err().place, Place::Checkpoint(3));
    let unsigned = lines(&contents(3), &contents(3));
    let mut bare = vec![header_line(3, 0).into_bytes()];
    bare.extend_from_slice(&unsigned[1..4]);
    assert_eq!(check(&bare.concat()).unwrap_err().place, Place::Checkpoint(3));
    // Without a key nothing is signed, and it says so.
    let verified = verify(&bare.concat(), Verifier::new(vec![], &[]).unwrap()).unwrap();
    assert_eq!((verified.head.size, verified.signed), (3, 0));
}
