//! A message from Kafka: decoded, written as EVE, read column by column.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vonggac_event::{Class, eve, wire};

fuzz_target!(|input: &[u8]| {
    let Ok(event) = wire::decode_event(input) else { return };
    let mut lines = Vec::new();
    eve::write(&event, &eve::Options::default(), &mut lines);
    // A question and its answer are two.
    assert!(matches!(lines.iter().filter(|&&byte| byte == b'\n').count(), 1 | 2));
    for column in Class::of(&event).into_iter().flat_map(Class::columns) {
        let _ = (column.read)(&event).to_text();
    }
    assert_eq!(wire::decode_event(&wire::to_bytes(&event)).as_ref(), Ok(&event));
});
