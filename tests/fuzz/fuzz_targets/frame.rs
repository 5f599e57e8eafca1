//! Frames through the whole packet path, with shipped signatures and with rules that have each frame diagnosed and each file digested.
//!
//! Input: a link type, then frames, each with its length in two bytes.
#![no_main]

use std::sync::{Arc, OnceLock};

use libfuzzer_sys::fuzz_target;
use vonggac_decode::LinkType;
use vonggac_event::Event;
use vonggac_inspect::{Config, Inspector, Sink};
use vonggac_signature::{Engine, Variables};

/// What is done only when a rule asks for it.
const ASKING: &str = r#"
alert pkthdr any any -> any any (decode-event:ipv4.opt_invalid; sid:1;)
alert tcp any any -> any any (content:"x"; stream-event:urgent_data; sid:2;)
alert tcp any any -> any any (content:"ab"; content:"cd"; distance:1; within:9; sid:3;)
alert http any any -> any any (filesize:3; sid:4;)
alert http any any -> any any (pcre:"/(\w+)=(\d+)/, flow:key, flow:value"; flowbits:set,x; sid:5;)
"#;

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
        let shipped = include_str!("../../../rules/content/signatures/web-attack.rules");
        let (mut rules, _) = vonggac_signature::parse("web-attack.rules", shipped);
        let (asking, errors) = vonggac_signature::parse("asking.rules", ASKING);
        rules.extend(asking);
        let (engine, broken) = Engine::compile(rules, &Variables::default(), vonggac_protocols::REGISTRY);
        assert!(errors.is_empty() && broken.is_empty(), "{errors:?} {broken:?}");
        Arc::new(engine)
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
