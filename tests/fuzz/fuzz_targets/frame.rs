//! Frames through the whole packet path, with the shipped signatures.
//!
//! Input: a link type, then frames, each with its length in two bytes.
#![no_main]

use std::sync::{Arc, OnceLock};

use libfuzzer_sys::fuzz_target;
use vonggac_decode::LinkType;
use vonggac_event::Event;
use vonggac_inspect::{Config, Inspector, Sink};
use vonggac_signature::{Engine, Variables};

struct Discard;

impl Sink for Discard {
    fn event(&mut self, event: Event) {
        assert!(event.body.is_some());
    }

    fn file(&mut self, _event: Event, data: Vec<u8>) {
        assert!(data.len() <= Config::default().protocol.file_scan_bytes_max);
    }
}

fn engine() -> Arc<Engine> {
    static ENGINE: OnceLock<Arc<Engine>> = OnceLock::new();
    let compile = || {
        let text = include_str!("../../../rules/content/signatures/web-attack.rules");
        Arc::new(Engine::compile(vonggac_signature::parse("web-attack.rules", text).0, &Variables::default(), vonggac_protocols::REGISTRY).0)
    };
    ENGINE.get_or_init(compile).clone()
}

fuzz_target!(|input: &[u8]| {
    let Some((&link, mut rest)) = input.split_first() else { return };
    let mut inspector = Inspector::new(Config::default(), engine());
    let mut ts_us = 0;
    while let Some((&[high, low], after)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes([high, low])).min(after.len());
        let (frame, next) = after.split_at(length);
        ts_us += 1_000;
        inspector.packet(ts_us, LinkType::from_dlt(u32::from(link)), frame, &mut Discard);
        rest = next;
    }
    inspector.finish(&mut Discard);
    let counters = inspector.counters();
    let dropped: u64 = counters.dropped().map(|(_, count)| count).sum();
    assert_eq!(counters.packets_received, counters.packets_processed + dropped);
});
