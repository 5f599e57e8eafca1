//! Webhooks as a receiver sees them, one that means well or one that does not.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::process::Command;
use std::time::{Duration, Instant};

use vonggac_notify::egress::{Egress, Endpoint};
use vonggac_notify::signature::Secret;
use vonggac_notify::testing::{Behaviour, HOST, Names, Pki, Receiver, notifier};
use vonggac_notify::webhook::Post;
use vonggac_notify::{Culprit, Failure, Outlook};

const OK: &str = "HTTP/1.1 204 No Content\r\n\r\n";

/// To the test's host, on any of these ports; loopback is allowed.
fn egress(ports: &[u16], allows_http: bool) -> Egress {
    let hosts = ports.iter().map(|port| format!("{HOST}:{port}").parse().unwrap());
    Egress::new(
        hosts.collect(),
        allows_http,
        Box::new(|address| address.is_loopback()),
    )
}

fn secret() -> Secret {
    Secret::from_bytes(&[7; 32]).unwrap()
}

struct Try {
    pki: Pki,
    names: std::sync::Arc<Names>,
}

impl Try {
    fn new() -> Self {
        Self {
            pki: Pki::new(),
            names: Names::of(&[(HOST, &[&["127.0.0.1"]])]),
        }
    }

    async fn post(&self, egress: &Egress, url: &str) -> Result<u16, Failure> {
        let endpoint: Endpoint = url.parse().unwrap();
        let post = Post {
            endpoint: &endpoint,
            secret: &secret(),
            id: "msg_1",
            at_s: 1_767_225_600,
            body: r#"{"type":"test","title":"Dò mật khẩu"}"#,
        };
        notifier(&self.pki, self.names.clone()).post(egress, post).await
    }

    /// What becomes of a post to a receiver of that behaviour.
    async fn against(&self, behaviour: Behaviour) -> (Result<u16, Failure>, Duration) {
        let receiver = Receiver::start(Some(self.pki.acceptor()), behaviour).await;
        let port = receiver.address.port();
        let start = Instant::now();
        let outcome = self
            .post(&egress(&[port], false), &format!("https://{HOST}:{port}/x"))
            .await;
        assert_eq!(receiver.received().len(), 1);
        (outcome, start.elapsed())
    }
}

#[tokio::test]
async fn a_post_is_json_signed_so_that_openssl_agrees() {
    let attempt = Try::new();
    let receiver = Receiver::start(Some(attempt.pki.acceptor()), Behaviour::says(OK)).await;
    let port = receiver.address.port();
    let url = format!("https://{HOST}:{port}/hooks?team=1");
    assert_eq!(attempt.post(&egress(&[port], false), &url).await, Ok(204));
    let received = receiver.received().remove(0);
    assert!(
        received.head.starts_with("POST /hooks?team=1 HTTP/1.1\r\n"),
        "{received:?}"
    );
    assert_eq!(received.header("host"), format!("{HOST}:{port}"));
    assert_eq!(received.header("content-type"), "application/json");
    assert_eq!(received.header("webhook-id"), "msg_1");
    assert_eq!(received.header("webhook-timestamp"), "1767225600");
    // Another implementation, as a receiver would write it, from what arrived alone.
    let script = "import base64, hashlib, hmac, sys\n\
        secret, signed = base64.b64decode(sys.argv[1].removeprefix('whsec_')), sys.argv[2].encode()\n\
        print('v1,' + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode())";
    let signed = format!(
        "{}.{}.{}",
        received.header("webhook-id"),
        received.header("webhook-timestamp"),
        received.body
    );
    let python = Command::new("python3")
        .args(["-c", script, &secret().to_text(), &signed])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&python.stdout).trim(),
        received.header("webhook-signature"),
        "{python:?}"
    );
}

#[tokio::test]
async fn redirects_are_a_failure_and_not_followed() {
    let attempt = Try::new();
    let inner = Receiver::start(None, Behaviour::says(OK)).await;
    for code in [301, 302, 303, 307, 308] {
        let answer = format!(
            "HTTP/1.1 {code} Moved\r\nLocation: http://127.0.0.1:{}/\r\n\r\n",
            inner.address.port()
        );
        let (outcome, _) = attempt.against(Behaviour::says(&answer)).await;
        let failure = outcome.unwrap_err();
        assert_eq!(
            (failure.culprit, failure.outlook),
            (Culprit::Destination, Outlook::Never)
        );
        assert!(failure.said.contains("redirects are not followed"), "{failure}");
    }
    assert_eq!(inner.received().len(), 0);
}

#[tokio::test]
async fn what_a_receiver_says_endlessly_is_not_listened_to() {
    let attempt = Try::new();
    // A body without end: its status is an answer, the rest is left.
    let (outcome, took) = attempt
        .against(Behaviour {
            endless: vec![b'x'; 64 << 10],
            ..Behaviour::says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n")
        })
        .await;
    assert_eq!(outcome, Ok(200));
    assert!(took < Duration::from_secs(1), "{took:?}");
    // A status line without end, and headers without end.
    for (answer, endless) in [("HTTP/1.1 200 ", "O"), ("HTTP/1.1 200 OK\r\n", "X-More: yes\r\n")] {
        let (outcome, took) = attempt
            .against(Behaviour {
                endless: endless.repeat(4_096).into_bytes(),
                ..Behaviour::says(answer)
            })
            .await;
        let failure = outcome.unwrap_err();
        assert!(failure.said.contains("broke off"), "{failure}");
        assert_eq!(failure.outlook, Outlook::Later(None));
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
    // One that trickles.
    let (outcome, took) = attempt
        .against(Behaviour {
            endless: b"X".to_vec(),
            pause: Duration::from_millis(100),
            ..Behaviour::says("HTTP/1.1 200 OK\r\nX-")
        })
        .await;
    let failure = outcome.unwrap_err();
    assert!(failure.said.contains("no answer after"), "{failure}");
    assert!(took < Duration::from_secs(4), "{took:?}");
    // One that says nothing, and one that says nonsense.
    for nonsense in ["", "220 mail.example ESMTP\r\n"] {
        let (outcome, _) = attempt.against(Behaviour::says(nonsense)).await;
        assert_eq!(outcome.unwrap_err().outlook, Outlook::Later(None));
    }
}

#[tokio::test]
async fn hosts_that_are_not_listed_and_http_are_refused_before_anything_is_asked() {
    let attempt = Try::new();
    let receiver = Receiver::start(None, Behaviour::says(OK)).await;
    let port = receiver.address.port();
    let plain = format!("http://{HOST}:{port}/");
    let failure = attempt.post(&egress(&[port], false), &plain).await.unwrap_err();
    assert!(failure.said.contains("https only"), "{failure}");
    let failure = attempt.post(&egress(&[1], true), &plain).await.unwrap_err();
    assert!(failure.said.contains("not on the list"), "{failure}");
    let bare = format!("http://127.0.0.1:{port}/");
    let failure = attempt.post(&egress(&[port], true), &bare).await.unwrap_err();
    assert!(failure.said.contains("not on the list"), "{failure}");
    assert_eq!(receiver.received().len(), 0);
    assert_eq!(
        attempt.post(&egress(&[port], true), &plain).await,
        Ok(204),
        "where it is allowed"
    );
}

#[tokio::test]
async fn a_name_of_an_inner_address_is_refused() {
    let receiver = Receiver::start(None, Behaviour::says(OK)).await;
    let port = receiver.address.port();
    let strict = |port: u16| {
        let hosts = vec![format!("{HOST}:{port}").parse().unwrap()];
        Egress::new(hosts, true, Box::new(|_| false))
    };
    let inner = [
        &["127.0.0.1"][..],
        &["::1"],
        &["::ffff:127.0.0.1"],
        &["10.0.0.8"],
        &["192.168.1.9"],
        &["169.254.169.254"],
        &["fd00::1"],
        &["fe80::1"],
        &["64:ff9b::7f00:1"],
        &["0.0.0.0"],
        // One that is good does not make the other so.
        &["1.1.1.1", "127.0.0.1"],
    ];
    for addresses in inner {
        let attempt = Try {
            pki: Pki::new(),
            names: Names::of(&[(HOST, &[addresses])]),
        };
        let failure = attempt
            .post(&strict(port), &format!("http://{HOST}:{port}/"))
            .await
            .unwrap_err();
        assert_eq!(failure.outlook, Outlook::Never, "{addresses:?}: {failure}");
        assert!(
            failure.said.contains("in no network that is allowed"),
            "{addresses:?}: {failure}"
        );
        // Whoever may name a host does not learn from it where a name leads.
        let led = addresses.iter().any(|address| failure.said.contains(address));
        assert!(!led && failure.address.is_some(), "{addresses:?}: {failure}");
    }
    // What is no single machine's is not allowed by any setting.
    for address in ["0.0.0.0", "224.0.0.1", "255.255.255.255", "ff02::1"] {
        let attempt = Try {
            pki: Pki::new(),
            names: Names::of(&[(HOST, &[&[address]])]),
        };
        let hosts = vec![format!("{HOST}:{port}").parse().unwrap()];
        let open = Egress::new(hosts, true, Box::new(|_| true));
        let failure = attempt
            .post(&open, &format!("http://{HOST}:{port}/"))
            .await
            .unwrap_err();
        assert_eq!(failure.outlook, Outlook::Never, "{address}: {failure}");
    }
    assert_eq!(receiver.received().len(), 0);
}

#[tokio::test]
async fn a_name_that_changes_between_question_and_connection_changes_nothing() {
    // The first answer is good and leads here; whoever asks twice gets another, where nobody may go.
    let attempt = Try {
        pki: Pki::new(),
        names: Names::of(&[(HOST, &[&["127.0.0.1"], &["127.0.0.2"]])]),
    };
    let receiver = Receiver::start(Some(attempt.pki.acceptor()), Behaviour::says(OK)).await;
    let port = receiver.address.port();
    let hosts = vec![format!("{HOST}:{port}").parse().unwrap()];
    let only_first = |address: std::net::IpAddr| address.to_string() == "127.0.0.1";
    let egress = Egress::new(hosts, false, Box::new(only_first));
    let url = format!("https://{HOST}:{port}/");
    assert_eq!(attempt.post(&egress, &url).await, Ok(204));
    let failure = attempt.post(&egress, &url).await.unwrap_err();
    assert_eq!(failure.address, Some("127.0.0.2".parse().unwrap()), "{failure}");
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn a_certificate_of_another_is_refused() {
    let (attempt, other) = (Try::new(), Pki::new());
    let receiver = Receiver::start(Some(other.acceptor()), Behaviour::says(OK)).await;
    let port = receiver.address.port();
    let failure = attempt
        .post(&egress(&[port], false), &format!("https://{HOST}:{port}/"))
        .await
        .unwrap_err();
    assert!(failure.said.contains("TLS failed"), "{failure}");
    assert_eq!(receiver.received().len(), 0);
}
