//! One certificate in DER.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vonggac_protocols::certificate;

fuzz_target!(|der: &[u8]| {
    if let Ok(certificate) = certificate::summarise(der) {
        assert!(certificate.san_dns.len() <= certificate::ALTERNATIVE_NAMES_MAX);
    }
});
