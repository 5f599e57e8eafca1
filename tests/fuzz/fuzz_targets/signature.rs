//! A file of signatures: parsed and compiled.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vonggac_signature::{Engine, Variables, parse};

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (rules, errors) = parse("fuzz.rules", text);
    assert!(errors.iter().all(|error| error.line >= 1));
    let count = rules.len();
    let (engine, _) = Engine::compile(rules, &Variables::default(), vonggac_protocols::REGISTRY);
    assert!(engine.len() <= count);
});
