//! What is odd about a message, by the names that rules have for it (`app-layer-event:dns.…`).

use super::{Message, Section, name};

/// A message without a whole header, or whose questions or answers cannot be read.
pub(super) const MALFORMED: &str = "dns_malformed_data";

/// All kinds.
pub(super) const ALL: &[&str] = &[
    MALFORMED,
    "dns_invalid_authorities",
    "dns_invalid_additionals",
    "dns_name_too_long",
    "dns_infinite_loop",
    "dns_invalid_opcode",
    "dns_z_flag_set",
];

/// The first opcode that is not assigned (RFC 8490 has the last).
const OPCODE_UNASSIGNED: u8 = 7;
/// The bit that must be zero (RFC 6895, 2.1) among those of [`Message::z`].
const Z: u8 = 4;

/// Kinds of what is odd, each with what is wrong in words.
pub(super) fn of(message: &Message) -> impl Iterator<Item = (&'static str, &'static str)> {
    let malformed = message
        .malformed
        .map(|words| (kind(words, message.malformed_in), words));
    let opcode = (message.opcode >= OPCODE_UNASSIGNED).then_some(("dns_invalid_opcode", ""));
    let z = (message.z & Z != 0).then_some(("dns_z_flag_set", ""));
    [malformed, opcode, z].into_iter().flatten()
}

fn kind(words: &str, section: Section) -> &'static str {
    match (words, section) {
        (name::TOO_LONG, _) => "dns_name_too_long",
        (name::TOO_MANY_POINTERS, _) => "dns_infinite_loop",
        (_, Section::Answers) => MALFORMED,
        (_, Section::Authorities) => "dns_invalid_authorities",
        (_, Section::Additionals) => "dns_invalid_additionals",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::parse;
    use super::*;

    /// Flags, then how many records of each section there are said to be, then what follows.
    fn check(flags: u16, counts: [u16; 4], body: &[u8], expect: &[&str]) {
        let words = [[1, flags].as_slice(), &counts].concat();
        let mut payload: Vec<u8> = words.into_iter().flat_map(u16::to_be_bytes).collect();
        payload.extend_from_slice(body);
        let message = parse(&payload).unwrap();
        let kinds: Vec<_> = of(&message).map(|(kind, _)| kind).collect();
        assert_eq!(kinds, expect, "{payload:?}");
        assert!(kinds.iter().all(|kind| ALL.contains(kind)));
    }

    #[test]
    fn messages_are_odd_by_suricatas_names() {
        const ROOT: &[u8] = &[0, 0, 1, 0, 1];
        check(0x0100, [1, 0, 0, 0], ROOT, &[]);
        check(0x0100, [2, 0, 0, 0], ROOT, &[MALFORMED]);
        check(0x8100, [1, 0, 1, 0], ROOT, &["dns_invalid_authorities"]);
        check(0x8100, [1, 0, 0, 1], ROOT, &["dns_invalid_additionals"]);
        check(0x3900, [1, 0, 0, 0], ROOT, &["dns_invalid_opcode"]);
        check(0x0140, [1, 0, 0, 0], ROOT, &["dns_z_flag_set"]);
        check(
            0x0100,
            [1, 0, 0, 0],
            &[0xc0, 12, 0, 1, 0, 1],
            &["dns_infinite_loop"],
        );
        let long = [[&[63][..], &[b'a'; 63]].concat().repeat(4), ROOT.to_vec()].concat();
        check(0x0100, [1, 0, 0, 0], &long, &["dns_name_too_long"]);
    }
}
