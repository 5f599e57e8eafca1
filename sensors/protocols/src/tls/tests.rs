#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;

use super::*;

fn vector_u16(bytes: &[u8]) -> Vec<u8> {
    [
        u16::try_from(bytes.len()).unwrap().to_be_bytes().as_slice(),
        bytes,
    ]
    .concat()
}

fn extension(kind: u16, bytes: &[u8]) -> Vec<u8> {
    [kind.to_be_bytes().to_vec(), vector_u16(bytes)].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(body.len()).unwrap().to_be_bytes();
    [[kind, a, b, c].as_slice(), body].concat()
}

fn record(kind: u8, fragment: &[u8]) -> Vec<u8> {
    [[kind, 3, 1].as_slice(), &vector_u16(fragment)].concat()
}

fn client_hello() -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([2, 0xaa, 0xbb]);
    body.extend(vector_u16(&[0x0a, 0x0a, 0x13, 0x01, 0xc0, 0x2f]));
    body.extend([1, 0]);
    let name = [[0].as_slice(), &vector_u16(b"Example.com")].concat();
    let extensions = [
        extension(0, &vector_u16(&name)),
        extension(10, &vector_u16(&[0x1a, 0x1a, 0, 0x1d])),
        extension(11, &[1, 0]),
        extension(13, &vector_u16(&[4, 3, 8, 4])),
        extension(16, &vector_u16(b"\x02h2\x08http/1.1")),
        extension(43, &[6, 0x2a, 0x2a, 3, 4, 3, 3]),
    ];
    body.extend(vector_u16(&extensions.concat()));
    body
}

fn server_hello(extensions: &[u8]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([9; 32]);
    body.extend([0, 0xc0, 0x2f, 0]);
    body.extend(vector_u16(extensions));
    body
}

fn run(pieces: &[&[u8]]) -> (Vec<Event>, bool) {
    let mut stream = Stream::new();
    let mut events = Vec::new();
    for piece in pieces {
        let mut input = *piece;
        while let Some(event) = stream.next(&mut input) {
            events.push(event);
        }
        assert!(input.is_empty());
    }
    (events, stream.is_encrypted())
}

#[test]
fn client_hello_fields() {
    let hello = parse_client_hello(&client_hello()).unwrap();
    assert_eq!((hello.legacy_version, hello.version()), (0x0303, 0x0304));
    assert_eq!(hello.session_id, [0xaa, 0xbb]);
    assert_eq!(hello.ciphers, [0x0a0a, 0x1301, 0xc02f]);
    assert_eq!(hello.sni.as_deref(), Some("Example.com"));
    assert_eq!(hello.alpn, [b"h2".to_vec(), b"http/1.1".to_vec()]);
    assert_eq!(hello.groups, [0x1a1a, 0x1d]);
    assert_eq!(hello.point_formats, [0]);
    assert_eq!(hello.signature_algorithms, [0x0403, 0x0804]);
    assert_eq!(hello.malformed, None);
    let (text, hash) = crate::fingerprint::ja3(&hello);
    assert_eq!(text, "771,4865-49199,0-10-11-13-16-43,29,0");
    assert_eq!(hash.len(), 32);
    assert_eq!(
        crate::fingerprint::ja4(&hello, 't').split('_').next(),
        Some("t13d0206h2")
    );
}

#[test]
fn hellos_that_are_cut() {
    let body = client_hello();
    assert_eq!(
        parse_client_hello(&body[..40]),
        Err(TlsError::ClientHello("truncated"))
    );
    let cut = parse_client_hello(&body[..body.len() - 3]).unwrap();
    assert_eq!(cut.malformed, Some("extensions truncated"));
    assert_eq!(cut.sni.as_deref(), Some("Example.com"));
    assert_eq!(
        parse_server_hello(&[3, 3]),
        Err(TlsError::ServerHello("truncated"))
    );
    assert_eq!(
        parse_certificates(&[0, 0, 3, 0, 0, 9]),
        Err(TlsError::Certificates("truncated"))
    );
}

#[test]
fn server_hello_versions() {
    let old = parse_server_hello(&server_hello(&extension(16, &vector_u16(b"\x02h2")))).unwrap();
    assert_eq!(
        (old.version(), old.cipher, old.alpn.as_deref()),
        (0x0303, 0xc02f, Some(b"h2".as_slice()))
    );
    let new = parse_server_hello(&server_hello(&extension(43, &[3, 4]))).unwrap();
    assert_eq!(new.version(), 0x0304);
    let draft = [[0x7f, 0x12].as_slice(), &[0; 32], &[0x13, 0x01, 0, 0]].concat();
    let draft = parse_server_hello(&draft).unwrap();
    assert_eq!((draft.version(), draft.cipher), (0x7f12, 0x1301));
    assert_eq!(crate::fingerprint::ja3s(&new).0, "771,49199,43");
}

#[test]
fn a_handshake_over_records() {
    let certificates = [0, 0, 8, 0, 0, 2, 1, 2, 0, 0, 0];
    let messages = [
        message(2, &server_hello(&[])),
        message(11, &certificates),
        message(14, &[]),
    ]
    .concat();
    let (first, second) = messages.split_at(50);
    let stream = [
        record(22, first),
        record(22, &[]),
        record(22, second),
        record(20, &[1]),
        record(22, &[0xee; 40]),
        record(23, &[0xee; 40]),
    ]
    .concat();
    let (events, encrypted) = run(&[&stream]);
    assert!(encrypted);
    let [Event::ServerHello(_), Event::Certificates(chain), rest @ ..] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(chain, &[vec![1, 2], vec![]]);
    assert_eq!(
        rest,
        [
            Event::Handshake {
                kind: 14,
                length_bytes: 0
            },
            Event::ChangeCipherSpec,
            Event::Encrypted
        ]
    );
}

#[test]
fn a_retried_hello_follows_a_change_of_keys() {
    let hello = record(22, &message(1, &client_hello()));
    let (events, encrypted) = run(&[&hello, &record(20, &[1]), &hello, &record(23, &[1])]);
    let hellos = events
        .iter()
        .filter(|event| matches!(event, Event::ClientHello(_)))
        .count();
    assert_eq!((hellos, encrypted), (2, true));
}

#[test]
fn odd_streams() {
    let check = |stream: &[u8], expect: &[Event]| assert_eq!(run(&[stream]).0, expect);
    check(&[0x80, 0x2e, 9, 0, 2, 0], &[Event::Anomaly("not a TLS record")]);
    check(&[0x80, 0x2e, 1, 0, 2, 0], &[Event::Anomaly("SSL 2.0 hello")]);
    check(b"GET / HTTP/1.1", &[Event::Anomaly("not a TLS record")]);
    check(
        &[22, 3, 1, 0xff, 0xff],
        &[Event::Anomaly("record over the limit")],
    );
    check(
        &record(21, &[2, 40]),
        &[Event::Alert {
            level: 2,
            description: 40,
        }],
    );
    check(
        &record(24, &[1, 0x40, 0]),
        &[Event::Heartbeat {
            kind: 1,
            claimed_bytes: 0x4000,
            record_bytes: 3,
        }],
    );
    let large = record(22, &[[1, 0xff, 0xff, 0xff].as_slice(), &[0; 100]].concat());
    check(&large, &[Event::Anomaly("handshake message over the limit")]);
    let many = record(22, &message(0, &[]).repeat(HANDSHAKE_MESSAGES_MAX + 1));
    assert_eq!(
        run(&[&many]).0.last(),
        Some(&Event::Anomaly("too many handshake messages"))
    );
    let mut stream = Stream::new();
    stream.gap(1);
    assert!(stream.is_failed());
}

#[test]
fn detection() {
    assert!(looks_like_tls(&record(22, &message(1, &client_hello()))));
    assert!(looks_like_tls(&[22, 3, 1, 0, 5]));
    assert!(looks_like_tls(&record(21, &[2, 40])));
    assert!(!looks_like_tls(&[22, 3, 9, 0, 5]));
    assert!(!looks_like_tls(&[0x80, 0x2e, 1, 3, 1]));
    assert!(!looks_like_tls(b"GET /"));
}

/// Records of sense and nonsense.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        Just(record(22, &message(1, &client_hello()))),
        Just(record(22, &message(2, &server_hello(&[])))),
        Just(record(22, &message(1, &client_hello())[..30])),
        Just(record(22, &message(14, &[]))),
        Just(record(20, &[1])),
        Just(record(21, &[1, 0])),
        Just(record(24, &[1, 0, 9, 9])),
        (20_u8..25, proptest::collection::vec(any::<u8>(), 0..60))
            .prop_map(|(kind, bytes)| record(kind, &bytes)),
        proptest::collection::vec(any::<u8>(), 0..10),
    ];
    proptest::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn chunking_changes_nothing(bytes in stream(), size in 1_usize..50) {
        let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
        prop_assert_eq!(run(&[&bytes]), run(&pieces));
    }

    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = run(&[&bytes]);
        let _ = looks_like_tls(&bytes);
        let _ = parse_server_hello(&bytes);
        let _ = parse_certificates(&bytes);
        if let Ok(hello) = parse_client_hello(&bytes) {
            let _ = crate::fingerprint::ja4(&hello, 't');
        }
    }
}
