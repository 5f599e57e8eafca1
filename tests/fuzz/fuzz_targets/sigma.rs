//! A Sigma file: parsed and compiled.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vonggac_sigma::{RuleSet, parse};

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (documents, _) = parse("fuzz.yml", text);
    let _ = RuleSet::compile(documents);
});
