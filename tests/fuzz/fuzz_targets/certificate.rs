//! One certificate in DER.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vonggac_protocols::certificate;

fuzz_target!(|der: &[u8]| {
    let (summary, _) = certificate::summarise(der);
    assert!(summary.san_dns.len() <= certificate::ALTERNATIVE_NAMES_MAX);
    assert_eq!(summary.sha256.len(), 64);
});
