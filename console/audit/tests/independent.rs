//! A verifier in Python, written from the format's description, says the same of random logs, sound and tampered with.
//!
//! `VONGGAC_AUDIT_LOGS` is how many (25), `VONGGAC_AUDIT_SEED` where the random numbers begin.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::process::Command;

use vonggac_audit::checkpoint::Checkpoint;
use vonggac_audit::entry::{Actor, ActorKind, Entry, Object, Outcome, VERSION};
use vonggac_audit::export::{checkpoint_line, entry_line, header_line};
use vonggac_audit::note::PrivateKey;
use vonggac_audit::proof::Head;
use vonggac_audit::tree::{Frontier, leaf_hash};
use vonggac_audit::verify::{Place, Verifier, verify};

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    fn text(&mut self) -> String {
        const CHARACTERS: [char; 16] = [
            'a', 'Z', '0', ' ', '"', '\\', '/', '\n', '\u{1}', '\u{1f}', '\u{7f}', 'đ', 'ệ', '\u{2028}',
            '😀', '\u{e000}',
        ];
        (0..self.below(12))
            .map(|_| CHARACTERS[self.below(CHARACTERS.len())])
            .collect()
    }

    fn entry(&mut self, seq: u64) -> Entry {
        let detail = (0..self.below(4)).map(|_| (self.text(), self.text())).collect();
        Entry {
            v: VERSION,
            seq,
            at_us: self.next() as i64,
            actor: Actor {
                account: (self.below(3) > 0).then(|| self.next() as i64),
                name: self.text(),
                kind: [
                    ActorKind::Person,
                    ActorKind::Nobody,
                    ActorKind::Console,
                    ActorKind::Service,
                ][self.below(4)],
            },
            organisation: self.text(),
            address: self.text(),
            user_agent: self.text(),
            action: self.text(),
            object: Object {
                kind: self.text(),
                id: self.text(),
            },
            result: Outcome::ALL[self.below(3)],
            detail,
            request: self.text(),
        }
    }
}

fn key() -> PrivateKey {
    PrivateKey::new("log.example", [7; 32]).unwrap()
}

/// A log and its newest checkpoint; `forged` entries are not what was signed, and every hash after them fits.
fn log(random: &mut Random, forged: bool) -> (Vec<Vec<u8>>, String) {
    let count = random.below(40);
    let lie = if forged { random.below(count) } else { usize::MAX };
    let (mut frontier, mut signed) = (Frontier::default(), Frontier::default());
    let (mut lines, mut checkpoints) = (Vec::new(), 0);
    let mut newest = Checkpoint::sign(
        &Head {
            size: 0,
            root: signed.root(),
        },
        &key(),
    );
    for index in 0..count {
        let mut entry = random.entry(index as u64);
        signed.push(leaf_hash(&entry.encode()), |_, _| ());
        if index == lie {
            entry.action.push('!');
        }
        let content = entry.encode();
        frontier.push(leaf_hash(&content), |_, _| ());
        lines.push(entry_line(&content, &leaf_hash(&content), &frontier.root()));
        if index + 1 == count || random.below(5) == 0 {
            newest = Checkpoint::sign(
                &Head {
                    size: signed.size(),
                    root: signed.root(),
                },
                &key(),
            );
            lines.push(checkpoint_line(&newest).into_bytes());
            checkpoints += 1;
        }
    }
    lines.insert(0, header_line(frontier.size(), checkpoints).into_bytes());
    (lines, newest)
}

/// A log, perhaps with something done to it, and a checkpoint that is known of it.
fn export(random: &mut Random) -> (Vec<u8>, String) {
    let what = random.below(9);
    let (mut lines, newest) = log(random, what == 1);
    let (one, other) = (random.below(lines.len()), random.below(lines.len()));
    match what {
        2 => drop(lines.remove(one)),
        3 => lines.insert(other, lines[one].clone()),
        4 => lines.swap(one, other),
        5 => lines.truncate(one),
        6 => {
            let at = random.below(lines[one].len());
            lines[one][at] ^= 1 << random.below(8);
        }
        7 => lines[one] = log(random, false).0.swap_remove(0),
        _ => {}
    }
    let mut whole = lines.concat();
    if what == 8 {
        whole.truncate(random.below(whole.len() + 1));
    }
    (whole, newest)
}

fn verdict(export: &[u8], with_key: bool, known: &[String]) -> String {
    let keys = if with_key {
        vec![key().public().clone()]
    } else {
        Vec::new()
    };
    match verify(export, Verifier::new(keys, known).unwrap()) {
        Ok(verified) => format!("ok {} {}", verified.head.size, verified.signed),
        Err(bad) => match bad.place {
            Place::Header => "header".to_owned(),
            Place::Entry(entry) => format!("entry {entry}"),
            Place::Entries { first, last } => format!("entries {first} {last}"),
            Place::Checkpoint(size) => format!("checkpoint {size}"),
        },
    }
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name)
        .ok()
        .map_or(otherwise, |text| text.parse().unwrap())
}

#[test]
fn two_verifiers_agree() {
    if Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: python3 is not installed here");
        return;
    }
    let (count, seed) = (number("VONGGAC_AUDIT_LOGS", 25), number("VONGGAC_AUDIT_SEED", 1));
    println!("{count} logs from seed {seed}");
    let directory = tempfile::tempdir().unwrap();
    let (mut list, mut expect) = (String::new(), Vec::new());
    for index in 0..count {
        let mut random = Random(seed.wrapping_add(index).wrapping_mul(0x2545_f491_4f6c_dd1d));
        let (export, newest) = export(&mut random);
        let (with_key, is_known) = (random.below(4) > 0, random.below(2) == 0);
        let file = |name: &str| directory.path().join(format!("{index}.{name}"));
        let (path, known_path) = (file("export"), file("known"));
        fs::write(&path, &export).unwrap();
        fs::write(&known_path, checkpoint_line(&newest)).unwrap();
        let known = if is_known { vec![newest] } else { Vec::new() };
        let key = if with_key {
            key().public().to_string()
        } else {
            "-".to_owned()
        };
        let known_path = if is_known {
            known_path.display().to_string()
        } else {
            "-".to_owned()
        };
        list.push_str(&format!("{}\t{key}\t{known_path}\n", path.display()));
        expect.push(verdict(&export, with_key, &known));
    }
    let many = directory.path().join("list");
    fs::write(&many, list).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verify.py");
    let output = Command::new("python3")
        .arg(script)
        .arg("--many")
        .arg(many)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let told = String::from_utf8(output.stdout).unwrap();
    for (index, (told, expect)) in told.lines().zip(&expect).enumerate() {
        assert_eq!(told, expect, "log {index} of seed {seed}");
    }
    assert_eq!(told.lines().count(), expect.len());
    let sound = expect.iter().filter(|verdict| verdict.starts_with("ok ")).count();
    println!("{sound} sound, {} not", expect.len() - sound);
    assert!(sound > 0 && sound < expect.len());
}
