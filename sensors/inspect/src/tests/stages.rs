//! When rules on transactions fire: as soon as what they ask for was said.

use super::{Kept, engine, talk::Talk};
use crate::{Config, Inspector, LinkType};

/// Plays frames and does not end the flow.
fn heard(rules: &str, talk: &Talk) -> Vec<u32> {
    let mut inspector = Inspector::new(Config::default(), engine(rules));
    let mut kept = Kept::default();
    for (ts_us, frame) in &talk.frames {
        inspector.packet(*ts_us, LinkType::Ethernet, frame, &mut kept);
    }
    kept.sids()
}

#[test]
fn a_request_whose_body_never_comes_is_judged_by_its_head() {
    let mut talk = Talk::tcp(80);
    talk.open();
    talk.client(b"POST /exploit HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
    let rules = r#"
alert http any any -> any any (http.uri; content:"/exploit"; sid:1;)
alert http any any -> any any (http.uri; content:"/exploit"; http.request_body; content:"hello"; sid:2;)"#;
    assert_eq!(heard(rules, &talk), [1]);
    talk.client(b"hello");
    assert_eq!(heard(rules, &talk), [1, 2]);
}

#[test]
fn what_a_request_sets_is_known_when_its_response_is_judged() {
    let rules = r#"
alert http any any -> any any (flow:to_server; http.uri; content:"/exploit"; flowbits:set,asked; noalert; sid:1;)
alert http any any -> any any (flow:to_client; flowbits:isset,asked; http.stat_code; content:"200"; sid:2;)"#;
    let mut talk = Talk::tcp(80);
    talk.open();
    // The response comes before the request's body has ended, as after `Expect`.
    talk.client(b"POST /exploit HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhel");
    talk.server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    assert_eq!(heard(rules, &talk), [2]);
}

#[test]
fn a_status_is_judged_before_the_body_ends() {
    let mut talk = Talk::tcp(80);
    talk.open();
    talk.client(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    talk.server(b"HTTP/1.1 200 OK\r\nServer: evil\r\nContent-Length: 1000\r\n\r\npart");
    let rules = r#"
alert http any any -> any any (http.server; content:"evil"; sid:1;)
alert http any any -> any any (http.server; content:"evil"; file.data; content:"part"; sid:2;)"#;
    assert_eq!(heard(rules, &talk), [1]);
}
