//! The proof that the front end's tests check in the browser's way, as this crate makes it. Written anew with `VONGGAC_WRITE=1`.
#![allow(clippy::unwrap_used)]

use std::env;
use std::fs;

use serde::Serialize;
use vonggac_audit::checkpoint::{Checkpoint, InclusionProof};
use vonggac_audit::entry::{Actor, ActorKind, Entry, Object, Outcome, VERSION};
use vonggac_audit::note::PrivateKey;
use vonggac_audit::proof::{Head, hashes, inclusion_nodes};
use vonggac_audit::tree::{Frontier, Hash, Node, leaf_hash, node_hash};

const FIXTURE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../web/src/audit/proofs.fixture.json"
);
/// Trees of one entry, of a power of two, and with a short right side.
const SIZES: [u64; 4] = [1, 4, 7, 13];

fn entry(seq: u64) -> Vec<u8> {
    let entry = Entry {
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
        user_agent: "Firefox".into(),
        action: "alert.close".into(),
        object: Object {
            kind: "alert".into(),
            id: format!("{seq:032x}"),
        },
        result: Outcome::Done,
        detail: [("note".to_owned(), "đã xem \"nó\"\n".to_owned())].into(),
        request: format!("{seq:032x}"),
    };
    entry.encode()
}

fn subtree(node: Node) -> Hash {
    if node.level == 0 {
        return leaf_hash(&entry(node.index));
    }
    let half = |side| {
        subtree(Node {
            level: node.level - 1,
            index: 2 * node.index + side,
        })
    };
    node_hash(&half(0), &half(1))
}

#[derive(Serialize)]
struct Fixture {
    fingerprint: String,
    key: String,
    proofs: Vec<Proved>,
}

#[derive(Serialize)]
struct Proved {
    entry: String,
    index: u64,
    proof: String,
    size: u64,
}

#[test]
fn the_browser_is_given_what_this_crate_makes() {
    let key = PrivateKey::new("vonggac-audit-fixture", [7; 32]).unwrap();
    let mut proofs = Vec::new();
    for size in SIZES {
        let mut frontier = Frontier::default();
        (0..size).for_each(|seq| frontier.push(leaf_hash(&entry(seq)), |_, _| ()));
        let root = frontier.root();
        for index in 0..size {
            let path = inclusion_nodes(index, size).unwrap();
            let proof = InclusionProof {
                index,
                hashes: hashes(&path, |node| Ok::<_, ()>(subtree(node))).unwrap(),
                checkpoint: Checkpoint::sign(&Head { size, root }, &key),
            };
            proof.check(&entry(index), &[key.public().clone()]).unwrap();
            let entry = String::from_utf8(entry(index)).unwrap();
            proofs.push(Proved {
                entry,
                index,
                proof: proof.to_text(),
                size,
            });
        }
    }
    let made = Fixture {
        fingerprint: key.public().fingerprint(),
        key: key.public().to_string(),
        proofs,
    };
    let text = format!("{}\n", serde_json::to_string_pretty(&made).unwrap());
    if env::var_os("VONGGAC_WRITE").is_some() {
        fs::write(FIXTURE, &text).unwrap();
    }
    let known = fs::read_to_string(FIXTURE).unwrap_or_default();
    assert!(
        known == text,
        "{FIXTURE} is stale; VONGGAC_WRITE=1 cargo test -p vonggac-audit writes it"
    );
}
