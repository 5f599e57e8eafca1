#![allow(clippy::unwrap_used, clippy::panic)]

mod captures;
mod digests;
mod odd;
mod reload;
mod stages;
mod talk;
mod telling;

use crate::{Config, Inspector, LinkType, Sink};
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use talk::Talk;
use vonggac_event::proto::{self, event::Body};
use vonggac_event::{Class, Event};
use vonggac_protocols::REGISTRY;
use vonggac_signature::{Engine, Variables, parse};

/// Keeps what it is given.
#[derive(Default)]
struct Kept {
    events: Vec<Event>,
    files: Vec<Vec<u8>>,
}

impl Sink for Kept {
    fn event(&mut self, event: Event) {
        assert_ne!(Class::of(&event), Some(Class::File));
        self.events.push(event);
    }

    fn file(&mut self, event: Event, data: Vec<u8>) {
        assert_eq!(Class::of(&event), Some(Class::File));
        self.events.push(event);
        self.files.push(data);
    }
}

macro_rules! all_of {
    ($name:ident, $variant:ident, $message:ty) => {
        fn $name(&self) -> Vec<&$message> {
            let bodies = self.events.iter().filter_map(|event| event.body.as_ref());
            bodies
                .filter_map(|body| match body {
                    Body::$variant(body) => Some(body),
                    _ => None,
                })
                .collect()
        }
    };
}

impl Kept {
    all_of!(flows, Flow, proto::Flow);
    all_of!(dns, Dns, proto::Dns);
    all_of!(http, Http, proto::Http);
    all_of!(tls, Tls, proto::Tls);
    all_of!(file_events, File, proto::File);
    all_of!(signatures, Signature, Box<proto::Signature>);
    all_of!(anomalies, Anomaly, proto::Anomaly);

    fn sids(&self) -> Vec<u32> {
        let mut sids: Vec<u32> = self.signatures().iter().map(|signature| signature.sid).collect();
        sids.sort_unstable();
        sids
    }
}

fn engine(rules: &str) -> Arc<Engine> {
    let (rules, errors) = parse("test.rules", rules);
    assert!(errors.is_empty(), "{errors:?}");
    let (engine, errors) = Engine::compile(rules, &Variables::default(), REGISTRY);
    assert!(errors.is_empty(), "{errors:?}");
    Arc::new(engine)
}

/// Plays frames with rules and finishes.
fn play(rules: &str, frames: &[(i64, Vec<u8>)]) -> (Kept, Inspector) {
    play_with(Config::default(), rules, frames)
}

fn play_with(config: Config, rules: &str, frames: &[(i64, Vec<u8>)]) -> (Kept, Inspector) {
    let mut inspector = Inspector::new(config, engine(rules));
    let mut kept = Kept::default();
    for (ts_us, frame) in frames {
        inspector.packet(*ts_us, LinkType::Ethernet, frame, &mut kept);
    }
    inspector.finish(&mut kept);
    check_sums(&inspector);
    assert_eq!(inspector.flows(), 0);
    (kept, inspector)
}

#[track_caller]
fn check_sums(inspector: &Inspector) {
    let counters = inspector.counters();
    let dropped: u64 = counters.dropped().map(|(_, count)| count).sum();
    assert_eq!(counters.packets_received, counters.packets_processed + dropped);
}

fn web() -> Vec<(i64, Vec<u8>)> {
    let mut talk = Talk::tcp(80);
    talk.open();
    talk.client(b"GET /a/../evil.exe?q=1 HTTP/1.1\r\nHost: Bad.Example:80\r\nUser-Agent: curl\r\nAuthoriz");
    talk.client(b"ation: Basic YWxpY2U6c2VjcmV0\r\n\r\n");
    talk.server(b"HTTP/1.1 200 OK\r\nServer: nginx\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n4\r\nMZ");
    talk.server(b"ab\r\n3\r\ncde\r\n0\r\n\r\n");
    talk.client(b"POST /up HTTP/1.1\r\nHost: bad.example\r\nContent-Length: 5\r\n\r\nhello");
    talk.server(b"HTTP/1.1 204 No Content\r\n\r\n");
    talk.close();
    talk.frames
}

const WEB_RULES: &str = r#"
alert http any any -> any any (msg:"uri"; flow:established,to_server; http.uri; content:"/evil.exe"; startswith; sid:1;)
alert http any any -> any any (msg:"host"; http.host; content:"bad.example"; bsize:11; sid:2; metadata:created 2026;)
alert http any any -> any any (msg:"body"; flow:established,to_client; file.data; content:"MZabcde"; sid:3;)
alert tcp any any -> any any (msg:"stream"; flow:established,to_server; content:"Authorization|3a|"; sid:4;)
alert http any any -> any any (msg:"code"; http.stat_code; content:"204"; sid:5;)
alert http any any -> any any (msg:"posted"; http.request_body; content:"hello"; sid:6;)
"#;

#[test]
fn http_becomes_transactions_files_and_hits() {
    let (kept, inspector) = play(WEB_RULES, &web());
    let http = kept.http();
    assert_eq!(http.len(), 2);
    assert_eq!(
        (http[0].method.as_str(), http[0].host.as_str()),
        ("GET", "bad.example")
    );
    assert_eq!(
        (http[0].uri.as_str(), http[0].username.as_str()),
        ("/a/../evil.exe?q=1", "alice")
    );
    assert_eq!(
        (
            http[0].status_code,
            http[0].response_body_len,
            http[0].trans_depth
        ),
        (200, 7, 1)
    );
    assert_eq!(
        (http[0].response_mime.as_str(), http[0].content_type.as_str()),
        ("application/x-dosexec", "text/plain")
    );
    assert_eq!(
        (
            http[1].method.as_str(),
            http[1].request_body_len,
            http[1].status_code
        ),
        ("POST", 5, 204)
    );
    assert_eq!(kept.files, [b"MZabcde".to_vec(), b"hello".to_vec()]);
    let file = kept.file_events()[0];
    assert!(file.complete && file.from_responder && file.scan == "none");
    let digest: String = Sha256::digest(b"MZabcde")
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(
        (file.name.as_str(), file.sha256.as_str()),
        ("/evil.exe", digest.as_str())
    );
    assert_eq!(kept.sids(), [1, 2, 2, 3, 4, 5, 6]);
    let flow = kept.flows()[0];
    assert_eq!(
        (flow.app.as_str(), flow.conn_state.as_str(), flow.signatures),
        ("http", "SF", 7)
    );
    assert_eq!(inspector.counters().events, kept.events.len() as u64);
    let uri = kept
        .signatures()
        .into_iter()
        .find(|signature| signature.sid == 1)
        .unwrap();
    assert_eq!((uri.direction.as_str(), uri.app.as_str()), ("to_server", "http"));
    assert!(uri.rule.contains("sid:1") && uri.payload.starts_with(b"GET /a/"));
}

#[test]
fn events_are_oriented_from_originator_to_responder() {
    let (kept, _) = play(WEB_RULES, &web());
    for event in &kept.events {
        assert_eq!(
            (event.src.as_slice(), event.dst.as_slice()),
            (&[10, 0, 0, 1][..], &[10, 0, 0, 2][..])
        );
        assert_eq!((event.sport, event.dport, event.proto), (40_000, 80, 6));
        assert!(event.community_id.starts_with("1:") && event.flow_id == 1);
    }
}

#[test]
fn an_unfinished_transaction_is_reported_when_its_flow_ends() {
    let mut talk = Talk::tcp(8080);
    talk.open();
    talk.client(b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    talk.server(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
    let (kept, _) = play("", &talk.frames);
    assert_eq!(
        (kept.http()[0].status_code, kept.http()[0].response_body_len),
        (200, 4)
    );
    let file = kept.file_events()[0];
    assert!(!file.complete && file.sha256.is_empty());
}

#[test]
fn lost_bytes_make_a_file_incomplete() {
    let mut talk = Talk::tcp(80);
    talk.open();
    talk.client(b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    talk.server(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    talk.lose_server(4);
    talk.server(b"xyz");
    talk.client(b"");
    talk.close();
    let (kept, _) = play("", &talk.frames);
    let file = kept.file_events()[0];
    assert_eq!(
        (file.missed_bytes, file.complete, kept.flows()[0].missed_bytes),
        (4, false, 4)
    );
}

fn dns_message(id: u16, response: bool) -> Vec<u8> {
    let flags: u16 = if response { 0x8180 } else { 0x0100 };
    let mut message = Vec::new();
    for word in [id, flags, 1, u16::from(response), 0, 0] {
        message.extend(word.to_be_bytes());
    }
    message.extend(b"\x03www\x04evil\x04test\0\0\x01\0\x01");
    if response {
        message.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x01\x02\x03\x04");
    }
    message
}

const DNS_RULE: &str =
    r#"alert dns any any -> any any (msg:"q"; dns.query; content:"evil.test"; endswith; sid:9;)"#;

#[test]
fn dns_answers_are_tied_to_their_questions() {
    let mut talk = Talk::udp(53);
    talk.client(&dns_message(7, false));
    talk.server(&dns_message(7, true));
    let (kept, _) = play(DNS_RULE, &talk.frames);
    let dns = kept.dns()[0];
    assert_eq!(
        (dns.query.as_str(), dns.qtype_name.as_str(), dns.rtt_us),
        ("www.evil.test", "A", 1000)
    );
    assert!(dns.answered && dns.recursion_available);
    assert_eq!(
        (&dns.answers, &dns.ttls),
        (&vec!["1.2.3.4".to_string()], &vec![60])
    );
    assert_eq!(
        (dns.query_seen, dns.query_flags, dns.flags),
        (true, 0x0100, 0x8180)
    );
    assert_eq!(
        (dns.questions.len(), dns.answer_records[0].name.as_str()),
        (1, "www.evil.test")
    );
    assert_eq!(kept.sids(), [9]);
    assert_eq!(
        (kept.flows()[0].app.as_str(), kept.flows()[0].conn_state.as_str()),
        ("dns", "SF")
    );
}

#[test]
fn a_query_without_an_answer_says_its_flags() {
    let mut talk = Talk::udp(53);
    talk.client(&dns_message(7, false));
    let (kept, _) = play("", &talk.frames);
    let dns = kept.dns()[0];
    assert_eq!(
        (dns.answered, dns.query_seen, dns.query_flags, dns.flags),
        (false, true, 0x0100, 0)
    );
}

#[test]
fn an_echo_says_that_it_is_one() {
    let mut frame = Vec::new();
    etherparse::PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
        .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
        .icmpv4_echo_request(1, 1)
        .write(&mut frame, b"ping")
        .unwrap();
    let (kept, _) = play("", &[(1_000_000, frame)]);
    assert_eq!((kept.events[0].icmp_type, kept.events[0].icmp_code), (8, 0));
}

#[test]
fn dns_over_tcp_is_read_across_segments() {
    let framed = |message: Vec<u8>| [(message.len() as u16).to_be_bytes().to_vec(), message].concat();
    let mut talk = Talk::tcp(5300);
    talk.open();
    let query = framed(dns_message(1, false));
    talk.client(&query[..9]);
    talk.client(&query[9..]);
    let answer = framed(dns_message(1, true));
    talk.server(&answer[..20]);
    talk.server(&answer[20..]);
    talk.close();
    let (kept, _) = play(DNS_RULE, &talk.frames);
    assert_eq!(kept.dns().len(), 1);
    assert!(kept.dns()[0].answered);
}

#[test]
fn a_query_without_answer_is_reported_after_ten_seconds() {
    let mut talk = Talk::udp(53);
    talk.client(&dns_message(7, false));
    let mut inspector = Inspector::new(Config::default(), Arc::new(Engine::empty()));
    let mut kept = Kept::default();
    let (ts_us, frame) = &talk.frames[0];
    inspector.packet(*ts_us, LinkType::Ethernet, frame, &mut kept);
    inspector.advance(ts_us + 9_999_999, &mut kept);
    assert!(kept.dns().is_empty());
    inspector.advance(ts_us + 10_000_000, &mut kept);
    assert_eq!((kept.dns().len(), kept.dns()[0].answered), (1, false));
    inspector.finish(&mut kept);
    assert_eq!(
        (kept.dns().len(), inspector.counters().get("dns_unanswered")),
        (1, 1)
    );
}

/// A record with one handshake message.
fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let message = [&[kind, 0, 0, body.len() as u8][..], body].concat();
    [&[22, 3, 1, 0, message.len() as u8][..], &message].concat()
}

#[test]
fn a_handshake_becomes_one_event() {
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x2f, 1, 0]);
    let name = b"www.evil.test";
    let server_name = [&[0, 0, 0, 18, 0, 16, 0, 0, 13][..], name].concat();
    hello.extend((server_name.len() as u16).to_be_bytes());
    hello.extend(server_name);
    let mut answer = vec![3, 3];
    answer.extend([8; 32]);
    answer.extend([0, 0xc0, 0x2f, 0]);
    let encrypted = [&[20, 3, 3, 0, 1, 1, 22, 3, 3, 0, 40][..], &[0xee; 40]].concat();
    let mut talk = Talk::tcp(4433);
    talk.open();
    talk.client(&handshake(1, &hello));
    talk.server(&handshake(2, &answer));
    talk.client(&encrypted);
    talk.server(&encrypted);
    talk.client(b"\x17\x03\x03\x00\x05hello");
    talk.close();
    let rules =
        r#"alert tls any any -> any any (msg:"sni"; tls.sni; content:"evil.test"; endswith; sid:11;)"#;
    let (kept, _) = play(rules, &talk.frames);
    assert_eq!((kept.tls().len(), kept.sids()), (1, vec![11]));
    let tls = kept.tls()[0];
    assert_eq!(
        (tls.server_name.as_str(), tls.version.as_str(), tls.established),
        ("www.evil.test", "TLS 1.2", true)
    );
    assert_eq!(tls.cipher, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    assert!(tls.ja4.starts_with("t12d0101") && tls.ja3.len() == 32 && tls.ja3s.len() == 32);
    assert_eq!(kept.flows()[0].app, "tls");
}

#[test]
fn rules_see_patterns_that_segments_cut() {
    let mut talk = Talk::tcp(9999);
    talk.open();
    talk.client(b"some protocol that says att");
    talk.client(b"ack now");
    talk.close();
    let rule =
        r#"alert tcp any any -> any 9999 (msg:"cut"; flow:established,to_server; content:"attack"; sid:21;)"#;
    let (kept, _) = play(rule, &talk.frames);
    assert_eq!(kept.sids(), [21]);
}

#[test]
fn anomalies_of_a_flow_are_told_once_of_a_kind_and_bounded() {
    let mut talk = Talk::tcp(80);
    talk.open();
    talk.client(b"");
    for _ in 0..50 {
        talk.stray_reset();
        talk.without_ack();
    }
    let (kept, _) = play("", &talk.frames);
    let kinds: Vec<&str> = kept
        .anomalies()
        .iter()
        .map(|anomaly| anomaly.kind.as_str())
        .collect();
    assert_eq!(kinds, ["rst_out_of_window", "pkt_without_ack"]);

    let config = Config {
        anomalies_flow_max: 1,
        ..Config::default()
    };
    let mut inspector = Inspector::new(config, Arc::new(Engine::empty()));
    let mut kept = Kept::default();
    for (ts_us, frame) in &talk.frames {
        inspector.packet(*ts_us, LinkType::Ethernet, frame, &mut kept);
    }
    assert_eq!(kept.anomalies().len(), 1);
    assert_eq!(inspector.counters().anomalies_suppressed, 1);
}

#[test]
fn a_contradiction_is_told_with_both_versions() {
    let mut talk = Talk::tcp(80);
    talk.open();
    talk.client(b"GET /one HTTP/1.1\r\n");
    talk.again(b"GET /two HTTP/1.1\r\n");
    let (kept, _) = play("", &talk.frames);
    let anomaly = kept.anomalies()[0];
    assert_eq!(
        (anomaly.layer.as_str(), anomaly.kind.as_str()),
        ("stream", "reassembly_overlap_different_data")
    );
    let sha256 = |bytes: &[u8]| -> String {
        Sha256::digest(bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    };
    let (one, two) = (sha256(b"GET /one HTTP/1.1\r\n"), sha256(b"GET /two HTTP/1.1\r\n"));
    assert_eq!(
        anomaly.detail,
        format!("19 bytes; kept sha256 {one}, other sha256 {two}")
    );
}

/// The tap was put up amid a connection, and the server is heard first.
#[test]
fn who_asks_is_shown_by_the_protocol_when_the_start_was_not_seen() {
    let mut talk = Talk::tcp(80);
    talk.server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    talk.client(b"GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
    talk.server(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    let rules = r#"
alert http any any -> any 80 (msg:"asks"; flow:to_server; http.uri; content:"/next"; sid:1;)
alert http any 80 -> any any (msg:"answers"; flow:to_client; http.stat_code; content:"404"; sid:2;)
"#;
    let (kept, _) = play(rules, &talk.frames);
    assert_eq!(kept.sids(), [1, 2]);
    let flow = kept
        .events
        .iter()
        .find(|event| matches!(event.body, Some(Body::Flow(_))))
        .unwrap();
    assert_eq!((flow.dport, kept.flows()[0].orig_packets), (80, 1));
}

/// The request's method is none that is known; the answer shows what it is.
#[test]
fn what_was_said_before_the_protocol_was_told_is_read() {
    let mut talk = Talk::tcp(8080);
    talk.open();
    talk.client(b"JEFF /shell.php?cmd=id HTTP/1.1\r\nHost: h\r\n\r\n");
    talk.server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    talk.close();
    let rules = r#"alert http any any -> any any (msg:"shell"; http.uri; content:"/shell.php"; sid:3;)"#;
    let (kept, _) = play(rules, &talk.frames);
    assert_eq!(kept.sids(), [3]);
}

#[test]
fn bodies_under_way_share_a_limit() {
    let config = Config {
        body_bytes_max: 1000,
        ..Config::default()
    };
    let mut inspector = Inspector::new(config, Arc::new(Engine::empty()));
    let mut kept = Kept::default();
    let mut talk = Talk::tcp(80);
    talk.open();
    talk.client(b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    talk.server(b"HTTP/1.1 200 OK\r\nContent-Length: 2800\r\n\r\n");
    talk.server(&[b'x'; 1400]);
    talk.server(&[b'x'; 1400]);
    for (ts_us, frame) in &talk.frames {
        inspector.packet(*ts_us, LinkType::Ethernet, frame, &mut kept);
    }
    // More than seven eighths: what it holds most of is given back, but for what shows the type.
    assert_eq!((kept.files[0].len(), kept.file_events()[0].size), (512, 2800));
    assert!(kept.file_events()[0].complete && inspector.counters().get("body_memory_limit") > 0);
}

#[test]
fn what_a_proxy_tunnels_is_told_anew() {
    let mut talk = Talk::tcp(3128);
    talk.open();
    talk.client(b"CONNECT www.evil.test:80 HTTP/1.1\r\nHost: www.evil.test\r\n\r\n");
    talk.server(b"HTTP/1.1 200 Connection established\r\n\r\n");
    talk.client(b"GET /inside HTTP/1.1\r\nHost: www.evil.test\r\n\r\n");
    talk.server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    talk.close();
    let (kept, _) = play("", &talk.frames);
    let uris: Vec<&str> = kept.http().iter().map(|http| http.uri.as_str()).collect();
    assert_eq!(uris, ["www.evil.test:80", "/inside"]);
}

#[test]
fn a_line_end_too_many_hides_no_tunnel_when_no_rule_reads_streams() {
    let mut talk = Talk::tcp(3128);
    talk.open();
    talk.client(b"CONNECT www.evil.test:80 HTTP/1.1\r\nHost: www.evil.test\r\n\r\n\n");
    talk.server(b"HTTP/1.1 200 Connection established\r\n\r\n\n");
    talk.client(b"GET /inside HTTP/1.1\r\nHost: www.evil.test\r\n\r\n");
    talk.close();
    let (kept, _) = play("", &talk.frames);
    let uris: Vec<&str> = kept.http().iter().map(|http| http.uri.as_str()).collect();
    assert_eq!(uris, ["www.evil.test:80", "/inside"]);
}

#[test]
fn what_is_said_before_the_proxy_agrees_is_told_with_the_tunnel() {
    let hello = b"GET /inside HTTP/1.1\r\nHost: www.evil.test\r\n\r\n";
    let mut talk = Talk::tcp(3128);
    talk.open();
    talk.client(
        &[
            &b"CONNECT www.evil.test:80 HTTP/1.1\r\nHost: www.evil.test\r\n\r\n"[..],
            hello,
        ]
        .concat(),
    );
    talk.server(b"HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
    talk.close();
    let (kept, _) = play("", &talk.frames);
    let told: Vec<_> = kept
        .http()
        .iter()
        .map(|http| (http.uri.as_str(), http.status_code))
        .collect();
    assert_eq!(told, [("www.evil.test:80", 200), ("/inside", 204)]);
}

#[test]
fn a_proxy_that_declines_goes_on_with_http() {
    let mut talk = Talk::tcp(3128);
    talk.open();
    talk.client(b"CONNECT a.test:443 HTTP/1.1\r\nHost: a.test\r\n\r\nGET http://b.test/ HTTP/1.1\r\n\r\n");
    talk.server(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    talk.server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    talk.close();
    let (kept, _) = play("", &talk.frames);
    let told: Vec<_> = kept
        .http()
        .iter()
        .map(|http| (http.method.as_str(), http.status_code))
        .collect();
    assert_eq!(told, [("CONNECT", 403), ("GET", 200)]);
}

#[test]
fn what_is_said_to_a_proxy_that_never_answers_is_read_and_takes_no_memory() {
    let mut talk = Talk::tcp(3128);
    talk.open();
    talk.client(b"CONNECT a.test:80 HTTP/1.1\r\nHost: a.test\r\n\r\n");
    talk.client(b"POST /inside HTTP/1.1\r\nHost: b.test\r\nContent-Length: 100000\r\n\r\n");
    for _ in 0..100 {
        talk.client(&[b'x'; 1000]);
    }
    talk.close();
    let (kept, inspector) = play("", &talk.frames);
    let told: Vec<_> = kept.http().iter().map(|http| http.uri.as_str()).collect();
    assert_eq!(told, ["a.test:80", "/inside"]);
    assert_eq!(inspector.body_bytes(), 0);
}

#[test]
fn tunnels_within_tunnels_end_somewhere() {
    let mut talk = Talk::tcp(3128);
    talk.open();
    for _ in 0..100 {
        talk.client(b"CONNECT a.test:1 HTTP/1.1\r\nHost: a.test\r\n\r\n");
        talk.server(b"HTTP/1.1 200 OK\r\n\r\n");
    }
    talk.close();
    let (_, inspector) = play("", &talk.frames);
    assert_eq!(inspector.counters().get("upgrade_limit"), 1);
}

#[test]
fn a_server_s_bytes_first_still_make_http() {
    let mut talk = Talk::tcp(80);
    talk.server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let (kept, _) = play("", &talk.frames);
    assert_eq!((kept.http().len(), kept.http()[0].status_code), (1, 200));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn cutting_the_stream_elsewhere_changes_no_event(cuts in proptest::collection::vec(1usize..40, 1..30)) {
        let request = b"POST /a?b HTTP/1.1\r\nHost: bad.example\r\nContent-Length: 5\r\n\r\nhelloGET /evil.exe HTTP/1.1\r\n\r\n";
        let response = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nMZabcdeHTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
        let play_cut = |cuts: &[usize]| {
            let mut talk = Talk::tcp(80);
            talk.open();
            let mut send = |from_client: bool, bytes: &[u8]| {
                let mut rest = bytes;
                for cut in cuts.iter().cycle() {
                    let (head, tail) = rest.split_at((*cut).min(rest.len()));
                    if from_client { talk.client(head) } else { talk.server(head) }
                    rest = tail;
                    if rest.is_empty() { break; }
                }
            };
            send(true, request);
            send(false, response);
            talk.close();
            let (kept, _) = play(WEB_RULES, &talk.frames);
            let http: Vec<proto::Http> = kept.http().into_iter().cloned().collect();
            let files: Vec<proto::File> = kept.file_events().into_iter().cloned().collect();
            (http, files, kept.sids())
        };
        prop_assert_eq!(play_cut(&cuts), play_cut(&[10_000]));
    }

    #[test]
    fn any_payload_is_survived(
        payloads in proptest::collection::vec((any::<bool>(), proptest::collection::vec(any::<u8>(), 0..60)), 1..20),
        start in prop::sample::select(vec![
            &b"GET / HTTP/1.1\r\n"[..], b"HTTP/1.1 200 OK\r\n", b"\x16\x03\x01\x00\x30\x01\x00\x00\x2c\x03\x03", b"", b"\x00\x20\x00\x01\x01\x00\x00\x01",
        ]),
    ) {
        for mut talk in [Talk::tcp(80), Talk::udp(53)] {
            talk.open();
            talk.client(start);
            for (from_client, payload) in &payloads {
                if *from_client { talk.client(payload) } else { talk.server(payload) }
            }
            talk.close();
            let (kept, _) = play(WEB_RULES, &talk.frames);
            prop_assert!(!kept.flows().is_empty());
        }
    }
}
