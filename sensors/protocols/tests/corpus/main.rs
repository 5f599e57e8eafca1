//! The parsers on public captures, against what Suricata's own test suite expects of them.
//!
//! The captures are outside the project (`VONGGAC_CORPUS`, or beside it); without them the tests say that they skip.
#![allow(clippy::unwrap_used, clippy::panic)]

mod capture;
mod http_evader;
#[path = "../http/recorder.rs"]
mod recorder;

use std::path::{Path, PathBuf};

use capture::{Capture, Transport};
use vonggac_protocols::http::{Direction, Event, Parser, looks_like_request, looks_like_response, uri};
use vonggac_protocols::tls::{
    ClientHello, Event as TlsEvent, ServerHello, Stream, looks_like_tls, version_name,
};
use vonggac_protocols::{certificate, dns, fingerprint};

/// The corpus, if it is here.
fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let root = std::env::var_os("VONGGAC_CORPUS").map_or(beside, PathBuf::from);
    if !root.is_dir() {
        println!("skipped: no corpus at {}", root.display());
        return None;
    }
    Some(root)
}

/// What the TLS streams of a capture said, both directions.
fn tls(path: &Path) -> Vec<TlsEvent> {
    let capture = Capture::read(path).unwrap_or_else(|| panic!("{} is no capture", path.display()));
    let mut events = Vec::new();
    for bytes in capture.streams().iter().filter(|bytes| looks_like_tls(bytes)) {
        let whole = run_tls(&[bytes]);
        let pieces: Vec<&[u8]> = bytes.chunks(7).collect();
        assert!(whole == run_tls(&pieces), "chunking changed {}", path.display());
        events.extend(whole);
    }
    events
}

fn run_tls(pieces: &[&[u8]]) -> Vec<TlsEvent> {
    let mut stream = Stream::new();
    let mut events = Vec::new();
    for piece in pieces {
        let mut input = *piece;
        while let Some(event) = stream.next(&mut input) {
            events.push(event);
        }
    }
    events
}

fn client_hellos(events: &[TlsEvent]) -> Vec<&ClientHello> {
    events
        .iter()
        .filter_map(|event| {
            if let TlsEvent::ClientHello(hello) = event {
                Some(&**hello)
            } else {
                None
            }
        })
        .collect()
}

fn server_hellos(events: &[TlsEvent]) -> Vec<&ServerHello> {
    events
        .iter()
        .filter_map(|event| {
            if let TlsEvent::ServerHello(hello) = event {
                Some(&**hello)
            } else {
                None
            }
        })
        .collect()
}

fn leaf(events: &[TlsEvent]) -> certificate::Certificate {
    let chain = events.iter().find_map(|event| {
        if let TlsEvent::Certificates(chain) = event {
            Some(chain)
        } else {
            None
        }
    });
    let (summary, error) = certificate::summarise(chain.unwrap().first().unwrap());
    assert_eq!(error, None);
    summary
}

#[test]
fn client_fingerprints() {
    let Some(root) = corpus() else { return };
    let verify = root.join("suricata-verify");

    let ja4_of = |name: &str| -> Vec<String> {
        let events = tls(&verify.join(name));
        client_hellos(&events)
            .into_iter()
            .map(|hello| fingerprint::ja4(hello, 't'))
            .collect()
    };
    assert_eq!(
        ja4_of("ja4-tls/input.pcap"),
        ["t12i1810s1_27d4652c4487_06a4338d0495"]
    );
    assert!(ja4_of("ja4-tls-quic/input.pcap").contains(&"t13d1516h2_8daaf6152771_e5627efa2ab1".to_owned()));

    let events = tls(&verify.join("ja4-cl-handshake/input.pcap"));
    let hello = *client_hellos(&events).first().unwrap();
    assert_eq!(
        hello.ciphers,
        [
            49196, 49200, 159, 52393, 52392, 52394, 49195, 49199, 158, 49188, 49192, 107, 49187, 49191, 103,
            49162, 49172, 57, 49161, 49171, 51, 157, 156, 61, 60, 53, 47, 255
        ]
    );
    let kinds: Vec<u16> = hello.extensions.iter().map(|extension| extension.kind).collect();
    assert_eq!(kinds, [0, 11, 10, 35, 22, 23, 13]);
    assert_eq!(hello.signature_algorithms.first(), Some(&1027));
    assert_eq!(hello.signature_algorithms.len(), 23);

    let events = tls(&verify.join("tls-duplicate-hello/input.pcap"));
    let expect = "771,4866-4867-4865-4868-49196-52393-49325-49162-49195-49324-49161-49200-52392-49172-49199-49171-157-\
                  49309-53-156-49308-47-159-52394-49311-57-158-49310-51,5-10-11-13-22-23-35-51-43-65281-0-45,23,0";
    assert!(
        client_hellos(&events)
            .into_iter()
            .any(|hello| fingerprint::ja3(hello).0 == expect)
    );
}

#[test]
fn versions_and_server_fingerprints() {
    let Some(root) = corpus() else { return };
    let folder = root.join("suricata-verify/tls");

    let events = tls(&folder.join("tls13-draft22/tls13_draft22.pcap"));
    let hello = *client_hellos(&events).first().unwrap();
    assert_eq!(hello.sni.as_deref(), Some("localhost"));
    let (text, hash) = fingerprint::ja3(hello);
    assert_eq!(text, "771,4865-4867,0-43-13-10-40,23,");
    assert_eq!(hash, "786468211b4d23f9b725987b0de9d090");
    let server = *server_hellos(&events).first().unwrap();
    assert_eq!(version_name(server.version()), "TLS 1.3 draft-22");

    let events = tls(&folder.join("tls-certs-alert/input.pcap"));
    let hashes: Vec<String> = server_hellos(&events)
        .into_iter()
        .map(|hello| fingerprint::ja3s(hello).1)
        .collect();
    assert!(
        hashes.contains(&"5d79edf64e03689ff559a54e9d9487bc".to_owned()),
        "{hashes:?}"
    );
}

#[test]
fn certificates() {
    let Some(root) = corpus() else { return };
    let verify = root.join("suricata-verify");

    let stamus = leaf(&tls(&verify.join("ja4-tls/input.pcap")));
    assert_eq!(stamus.subject, "C=FR, ST=IDF, L=Paris, O=Stamus, CN=SELKS");
    assert_eq!(stamus.issuer, stamus.subject);
    assert_eq!(stamus.serial, "00:97:E6:47:09:8E:EA:C9:B4");
    assert_eq!(
        stamus.sha1,
        "3a:0b:3b:23:15:2c:44:5c:27:ac:6a:0c:41:d6:fa:74:af:b4:09:5b"
    );
    assert_eq!(stamus.not_before_us, 1_423_764_447_000_000);

    let glupteba = leaf(&tls(&verify.join("tls/tls-glupteba/input.pcap")));
    assert_eq!(glupteba.issuer, "C=US, O=Let's Encrypt, CN=R3");
    assert_eq!(
        glupteba.serial,
        "03:DE:23:89:7E:97:FB:86:8E:7C:C5:53:09:FE:AE:D0:AE:20"
    );
    assert_eq!(glupteba.san_dns.len(), 17);
    assert_eq!(glupteba.san_dns.first().unwrap(), "server1.xn--j1ahhq.xn--p1ai");

    let old = leaf(&tls(&verify.join("tls/tls-pre-1970/input.pcap")));
    assert_eq!(
        old.issuer,
        "C=KR, ST=Kyunggido, L=Suwon, O=Samsung Electronics, OU=SW2 SISC, CN=ROOT CA SISC FKP2_PLUS"
    );
    assert_eq!(old.serial, "32");
    assert_eq!(old.not_before_us, -86_400_000_000);
    assert_eq!(old.not_after_us, 2_177_367_003_000_000);

    let zero = leaf(&tls(&verify.join("tls/tls-issuer-zero/input.pcap")));
    assert_eq!(
        zero.issuer,
        "C=US, O=Microsoft Corporation, CN=Microsoft RSA TL\0 CA 01"
    );
}

#[test]
fn every_tls_trace_gives_hellos() {
    let Some(root) = corpus() else { return };
    let mut counts = (0, 0, 0, 0);
    for path in captures(&root.join("zeek/testing/btest/Traces/tls")) {
        for event in tls(&path) {
            match event {
                TlsEvent::ClientHello(hello) => {
                    counts.0 += 1;
                    assert_eq!(hello.malformed, None, "{}", path.display());
                }
                TlsEvent::ServerHello(_) => counts.1 += 1,
                TlsEvent::Certificates(chain) => {
                    counts.2 += 1;
                    for der in chain {
                        let (_, error) = certificate::summarise(&der);
                        assert_eq!(error, None, "{}", path.display());
                    }
                }
                TlsEvent::Anomaly(what) => {
                    println!("{}: {what}", path.display());
                    counts.3 += 1;
                }
                _ => {}
            }
        }
    }
    println!("client hellos, server hellos, chains, anomalies: {counts:?}");
    assert!(
        counts.0 >= 25 && counts.1 >= 25 && counts.2 >= 20 && counts.3 <= 10,
        "{counts:?}"
    );
}

#[test]
fn http_traces() {
    let Some(root) = corpus() else { return };
    let mut counts = (0, 0, 0);
    let folders = ["zeek/testing/btest/Traces/http", "suricata-verify/http-evader"];
    for path in folders.iter().flat_map(|folder| captures(&root.join(folder))) {
        let Some(capture) = Capture::read(&path) else {
            continue;
        };
        for bytes in capture.streams() {
            let direction = if looks_like_request(&bytes) {
                Direction::Request
            } else if looks_like_response(&bytes) {
                Direction::Response
            } else {
                continue;
            };
            let whole = run_http(direction, &[&bytes]);
            let pieces: Vec<&[u8]> = bytes.chunks(11).collect();
            assert!(
                whole == run_http(direction, &pieces),
                "chunking changed {}",
                path.display()
            );
            counts.0 += whole.iter().filter(|said| said.starts_with("request")).count();
            counts.1 += whole.iter().filter(|said| said.starts_with("response")).count();
            counts.2 += whole.iter().filter(|said| said.starts_with("anomaly")).count();
        }
    }
    println!("requests, responses, anomalies: {counts:?}");
    assert!(counts.0 > 100 && counts.1 > 100, "{counts:?}");
}

fn run_http(direction: Direction, pieces: &[&[u8]]) -> Vec<String> {
    let mut parser = Parser::new(direction);
    let mut said = Vec::new();
    let mut body = Vec::new();
    let mut take = |event: Event<'_>| {
        if let Event::Body(bytes) = &event {
            body.extend_from_slice(bytes);
            return;
        }
        if !body.is_empty() {
            said.push(format!("body {} {:?}", body.len(), body.first()));
            body.clear();
        }
        said.push(match event {
            Event::Request(head) => format!("request {:?} {:?}", head.headers, uri::normalize(&head.uri)),
            Event::Response(head) => format!("response {} {:?}", head.status, head.headers),
            Event::Anomaly(what) => format!("anomaly {what}"),
            other => format!("{other:?}"),
        });
    };
    for piece in pieces {
        let mut input = *piece;
        while let Some(event) = parser.next(&mut input) {
            take(event);
        }
    }
    parser.finish();
    let mut input: &[u8] = &[];
    while let Some(event) = parser.next(&mut input) {
        take(event);
    }
    said
}

#[test]
fn dns_traces() {
    let Some(root) = corpus() else { return };
    let (mut messages, mut recognised, mut malformed) = (0, 0, 0);
    for path in captures(&root.join("suricata-verify/dns")) {
        let Some(capture) = Capture::read(&path) else {
            continue;
        };
        for packet in capture.packets() {
            if packet.transport != Transport::Udp
                || (packet.source_port != 53 && packet.destination_port != 53)
            {
                continue;
            }
            let Ok(message) = dns::parse(packet.payload) else {
                continue;
            };
            messages += 1;
            recognised += usize::from(dns::looks_like_dns(packet.payload));
            if let Some(what) = message.malformed {
                println!("{}: {what}", path.display());
                malformed += 1;
            }
        }
    }
    println!("messages {messages}, recognised {recognised}, malformed {malformed}");
    assert!(
        messages > 50 && recognised * 10 > messages * 8,
        "{recognised} of {messages}"
    );

    let path = root.join("suricata-verify/dns/dns-udp-eve-txt/input.pcap");
    let capture = Capture::read(&path).unwrap();
    let answers: Vec<dns::Record> = capture
        .packets()
        .filter_map(|packet| dns::parse(packet.payload).ok())
        .flat_map(|m| m.answers)
        .collect();
    assert!(
        answers
            .iter()
            .any(|record| dns::type_name(record.rtype) == "TXT" && record.data.contains("v=spf1"))
    );
}

/// All captures under a folder, in order.
fn captures(folder: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "pcap") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    paths
}
