//! What somebody types in the search box: parsed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vonggac_store::search::Query;

fuzz_target!(|input: &[u8]| {
    if let Ok(text) = std::str::from_utf8(input) {
        let _ = Query::parse(text);
    }
});
