//! A conversation in any protocol of the registry: it does not panic, keeps within its budget, names only what its card names, asks for each
//! stage once and in order, and says the same, in whatever order, however its streams are cut.
//!
//! ```text
//! input: name '\n' (kind length bytes)*
//! kind: bit 0 the server speaks, bit 1 the bytes were lost, bit 2 the side ends; length: 16 bit, big endian, at most what is left
//! ```
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;
use vonggac_event::{Body, proto};
use vonggac_protocol::{Card, FileBody, Host, Limits, Next, Side, Source, Transport};
use vonggac_protocols::REGISTRY;

/// One thing that happens.
enum Step<'a> {
    Data(Side, &'a [u8]),
    Gap(Side, u64),
    End(Side),
}

fn steps(mut input: &[u8]) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    while let Some(([kind, high, low], rest)) = input.split_first_chunk::<3>() {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        let (bytes, behind) = rest.split_at(length);
        let side = if kind & 1 == 0 { Side::Client } else { Side::Server };
        steps.push(match kind & 6 {
            0 => Step::Data(side, bytes),
            2 => Step::Gap(side, 1 + length as u64),
            _ => Step::End(side),
        });
        input = behind;
    }
    steps
}

/// What a protocol says.
struct Heard {
    card: &'static Card,
    limits: Limits,
    reserved: usize,
    said: Vec<String>,
    /// By transaction and side, how many stages were judged.
    judged: BTreeMap<(u64, bool), u8>,
}

impl Host for Heard {
    fn now_us(&self) -> i64 {
        0
    }
    fn limits(&self) -> &Limits {
        &self.limits
    }
    fn packet(&self) -> u64 {
        0
    }
    fn event(&mut self, transaction: u64, _: i64, body: Body) {
        self.said.push(format!("{transaction} {body:?}"));
    }
    fn file(&mut self, transaction: u64, side: Side, file: proto::File, data: Vec<u8>) {
        self.said.push(format!("{transaction} {side:?} {file:?} {}", data.len()));
    }
    fn anomaly(&mut self, side: Side, kind: &'static str, detail: &str) {
        assert!(self.card.anomalies.contains(&kind), "{kind} is not on the card");
        self.said.push(format!("{side:?} {kind} {detail}"));
    }
    fn count(&mut self, counter: &'static str, _: u64) {
        assert!(
            self.card.counters.contains(&counter) || FileBody::COUNTERS.contains(&counter),
            "{counter} is not on the card"
        );
    }
    fn judge(&mut self, side: Side, stage: u8, source: &dyn Source) {
        assert!(usize::from(stage) < side.of(&self.card.stages).len());
        let transaction = source.transaction();
        let judged = self.judged.entry((transaction, side == Side::Client)).or_default();
        assert_eq!(stage, *judged, "stages of {transaction} are not judged once and in order");
        *judged += 1;
        let mut sizes = Vec::new();
        for (place, buffer) in self.card.buffers.iter().enumerate() {
            if buffer.sides.contain(side) && buffer.stage <= stage {
                let mut instances = Vec::new();
                source.read(side, place, &mut instances);
                sizes.extend(instances.iter().map(|instance| instance.len()));
            }
        }
        let _ = (source.excerpt(side).len(), source.event(), source.files(side));
        self.said.push(format!("{transaction} {side:?} stage {stage} {sizes:?}"));
    }
    fn wake(&mut self, _: i64) -> bool {
        true
    }
    fn reserve(&mut self, bytes: usize) -> usize {
        self.reserved += bytes;
        bytes
    }
    fn release(&mut self, bytes: usize) {
        self.reserved = self.reserved.checked_sub(bytes).expect("more given back than taken");
    }
}

/// Plays the steps, streams in pieces of at most `piece` bytes.
fn play(card: &'static Card, transport: Transport, steps: &[Step<'_>], piece: usize) -> Vec<String> {
    let mut protocol = (card.begin)(transport);
    let mut heard = Heard {
        card,
        limits: Limits::default(),
        reserved: 0,
        said: Vec::new(),
        judged: BTreeMap::new(),
    };
    'talk: for step in steps {
        match step {
            Step::Data(side, bytes) => {
                for bytes in bytes.chunks(if transport == Transport::Udp { usize::MAX } else { piece }) {
                    if protocol.data(&mut heard, *side, bytes) != Next::More {
                        break 'talk;
                    }
                }
            }
            Step::Gap(side, bytes) => {
                if protocol.gap(&mut heard, *side, *bytes) != Next::More {
                    break;
                }
            }
            Step::End(side) => {
                if protocol.end(&mut heard, *side) != Next::More {
                    break;
                }
            }
        }
    }
    protocol.overdue(&mut heard);
    protocol.finish(&mut heard);
    assert_eq!(heard.reserved, 0, "memory was not given back");
    // What one call has of several transactions comes in the order of its parts.
    heard.said.sort_unstable();
    heard.said
}

fuzz_target!(|input: &[u8]| {
    let Some(end) = input.iter().position(|byte| *byte == b'\n') else { return };
    let (name, talk) = input.split_at(end);
    let Some(card) = REGISTRY.iter().find(|card| card.name.as_bytes() == name) else { return };
    let steps = steps(&talk[1..]);
    for transport in card.transports {
        let whole = play(card, *transport, &steps, usize::MAX);
        if *transport == Transport::Tcp {
            for piece in [1, 7] {
                assert_eq!(play(card, *transport, &steps, piece), whole);
            }
        }
    }
});
