#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;

use super::*;

/// A message with the given flags and counts, then `body`.
fn message(flags: u16, counts: [u16; 4], body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x12, 0x34];
    bytes.extend(flags.to_be_bytes());
    for count in counts {
        bytes.extend(count.to_be_bytes());
    }
    bytes.extend(body);
    bytes
}

const QUESTION: &[u8] = b"\x03wWw\x07example\x03com\x00\x00\x01\x00\x01";

/// A record owned by the question's name (a pointer to 12), of `rtype` with `data`.
fn answer(rtype: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xc0, 12];
    bytes.extend(rtype.to_be_bytes());
    bytes.extend([0, 1, 0, 0, 1, 0x2c]);
    bytes.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
    bytes.extend(data);
    bytes
}

#[test]
fn header_and_question() {
    let parsed = parse(&message(0x85b3, [1, 0, 0, 0], QUESTION)).unwrap();
    assert_eq!(parsed.id, 0x1234);
    assert!(
        parsed.is_response && parsed.authoritative && parsed.recursion_desired && parsed.recursion_available
    );
    assert!(!parsed.truncated);
    assert_eq!((parsed.opcode, parsed.z, parsed.rcode), (0, 3, 3));
    assert_eq!(
        parsed.questions,
        [Question {
            name: "wWw.example.com".into(),
            qtype: 1,
            qclass: 1
        }]
    );
    assert_eq!(parsed.malformed, None);
}

#[test]
fn record_data_has_a_text_form() {
    let check = |rtype: u16, data: &[u8], expect: &str| {
        let mut body = QUESTION.to_vec();
        body.extend(answer(rtype, data));
        let parsed = parse(&message(0x8180, [1, 1, 0, 0], &body)).unwrap();
        assert_eq!(parsed.malformed, None, "type {rtype}");
        let [record] = parsed.answers.as_slice() else {
            panic!("one answer")
        };
        assert_eq!(
            (record.name.as_str(), record.ttl, record.rtype),
            ("wWw.example.com", 300, rtype)
        );
        assert_eq!(record.data, expect, "type {rtype}");
    };
    check(1, &[192, 0, 2, 1], "192.0.2.1");
    check(
        28,
        &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        "2001:db8::1",
    );
    check(5, b"\x01a\xc0\x10", "a.example.com");
    check(2, b"\x02ns\xc0\x10", "ns.example.com");
    check(12, b"\x03a.b\x02\x00\xff\x00", "a\\046b.\\000\\255");
    check(15, b"\x00\x0a\x02mx\xc0\x10", "10 mx.example.com");
    check(16, b"\x05hello\x03\"x\x01", "hello \\034x\\001");
    check(
        6,
        b"\x02ns\xc0\x10\x04root\xc0\x10\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x05",
        "ns.example.com root.example.com 1 2 3 4 5",
    );
    check(
        33,
        b"\x00\x01\x00\x02\x13\xc4\x03sip\xc0\x10",
        "1 2 5060 sip.example.com",
    );
    check(
        65,
        b"\x00\x01\x00\x00\x01\x00\x06\x02h2\x02h3\x00\x03\x00\x02\x20\xfb\x00\x04\x00\x04\xc0\x00\x02\x01",
        "1 . alpn=h2,h3 port=8443 ipv4hint=192.0.2.1",
    );
    check(257, b"\x00\x05issueca.example", "0 issue \"ca.example\"");
    check(48, &[1, 2, 0xff], "0102ff");
    check(10, &[7; 65], &("07".repeat(64) + "..."));
}

#[test]
fn what_is_wrong_is_said_and_the_rest_kept() {
    let check = |counts: [u16; 4], body: &[u8], expect: &'static str| {
        let parsed = parse(&message(0x0100, counts, body)).unwrap();
        assert_eq!(parsed.malformed, Some(expect));
        parsed
    };
    check([1, 0, 0, 0], b"", "truncated");
    check(
        [1, 0, 0, 0],
        b"\xc0\x0c\0\x01\0\x01",
        "too many compression pointers",
    );
    check(
        [1, 0, 0, 0],
        b"\x01a\xc0\x0c\0\x01\0\x01",
        "too many compression pointers",
    );
    check(
        [1, 0, 0, 0],
        b"\xff\xff\0\x01\0\x01",
        "compression pointer past the end",
    );
    check([1, 0, 0, 0], b"\x41a\0\0\x01\0\x01", "reserved label type");
    let long = [b"\x3f".as_slice(), &[b'a'; 63]].concat().repeat(4);
    check(
        [1, 0, 0, 0],
        &[long.as_slice(), b"\0\0\x01\0\x01"].concat(),
        "name over 255 bytes",
    );
    check(
        [1, 0, 0, 0],
        &[QUESTION, b"x"].concat(),
        "bytes after the last record",
    );
    check(
        [u16::MAX, 0, 0, 0],
        &[0, 0, 1, 0, 1].repeat(RECORDS_MAX + 1),
        "too many records",
    );
    let kept = check(
        [1, 1, 0, 0],
        &[QUESTION, &answer(1, &[1, 2, 3])].concat(),
        "record data does not fit its type",
    );
    assert_eq!(kept.answers.first().unwrap().data, "010203");
    let cut = check(
        [1, 2, 0, 0],
        &[QUESTION, &answer(1, &[1, 2, 3, 4])].concat(),
        "truncated",
    );
    assert_eq!((cut.questions.len(), cut.answers.len()), (1, 1));
    assert_eq!(parse(&[0; 11]), Err(DnsError::Truncated { needed: 12, have: 11 }));
}

#[test]
fn detection() {
    assert!(looks_like_dns(&message(0x0100, [1, 0, 0, 1], QUESTION)));
    assert!(looks_like_dns(&message(0x8183, [1, 0, 1, 0], QUESTION)));
    assert!(!looks_like_dns(&message(0x0100, [1, 1, 0, 0], QUESTION)));
    assert!(!looks_like_dns(&message(0x0100, [9, 0, 0, 0], QUESTION)));
    assert!(!looks_like_dns(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert!(!looks_like_dns(&[0; 64]));
}

#[test]
fn numbers_have_names() {
    assert_eq!(type_name(16), "TXT");
    assert_eq!(type_name(1234), "TYPE1234");
    assert_eq!(rcode_name(3), "NXDOMAIN");
    assert_eq!(rcode_name(15), "15");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn never_panics(mut bytes in proptest::collection::vec(any::<u8>(), 0..600), small_counts in any::<bool>()) {
        if small_counts {
            for index in [4, 6, 8, 10] {
                if let Some(high) = bytes.get_mut(index) {
                    *high = 0;
                }
            }
        }
        let _ = looks_like_dns(&bytes);
        if let Ok(message) = parse(&bytes) {
            let total = message.questions.len() + message.answers.len()
                + message.authorities.len() + message.additionals.len();
            prop_assert!(total <= RECORDS_MAX);
        }
    }
}
