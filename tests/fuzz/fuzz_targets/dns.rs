//! One DNS message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vonggac_protocols::dns;

fuzz_target!(|payload: &[u8]| {
    let _ = dns::looks_like_dns(payload);
    if let Ok(message) = dns::parse(payload) {
        let records = message.answers.len() + message.authorities.len() + message.additionals.len();
        assert!(message.questions.len() + records <= dns::RECORDS_MAX);
        for question in &message.questions {
            // Each byte of a name may become four characters.
            assert!(question.name.len() <= 4 * dns::NAME_BYTES_MAX);
        }
    }
});
