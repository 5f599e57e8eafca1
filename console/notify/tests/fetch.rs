//! Questions as who is asked sees them, and what comes back.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use vonggac_notify::Failure;
use vonggac_notify::egress::{Egress, Endpoint};
use vonggac_notify::fetch::{Ask, Certificates, Fetched};
use vonggac_notify::testing::{Behaviour, HOST, Names, Pki, Receiver, notifier};

/// What becomes of a question to one of that behaviour, with that form.
async fn ask(behaviour: Behaviour, form: Option<&str>) -> (Result<Fetched, Failure>, Receiver) {
    let pki = Pki::new();
    let receiver = Receiver::start(Some(pki.acceptor()), behaviour).await;
    let endpoint: Endpoint = format!("https://{HOST}:{}/token?a=b", receiver.address.port())
        .parse()
        .unwrap();
    let egress = Egress::new(
        vec![endpoint.rule()],
        false,
        Box::new(|address| address.is_loopback()),
    );
    let names = Names::of(&[(HOST, &[&["127.0.0.1"]])]);
    let ask = Ask {
        endpoint: &endpoint,
        form,
        authorization: form.map(|_| "Basic eDp5"),
        trusted: &Certificates::default(),
    };
    (notifier(&pki, names).fetch(&egress, ask).await, receiver)
}

#[tokio::test]
async fn a_question_is_asked_and_its_whole_answer_comes_back() {
    let body = "x".repeat(70_000);
    let answer = format!("HTTP/1.1 400 Bad Request\r\ncontent-length: 70000\r\n\r\n{body}");
    let (fetched, receiver) = ask(Behaviour::says(&answer), Some("a=b&c=d")).await;
    let fetched = fetched.unwrap();
    assert_eq!((fetched.status, fetched.body), (400, body.into_bytes()));
    let received = receiver.received();
    let asked = received.first().unwrap();
    assert!(
        asked.head.starts_with("POST /token?a=b HTTP/1.1\r\n"),
        "{}",
        asked.head
    );
    assert_eq!(asked.header("content-type"), "application/x-www-form-urlencoded");
    assert_eq!(
        (asked.header("authorization").as_str(), asked.body.as_str()),
        ("Basic eDp5", "a=b&c=d")
    );

    let (fetched, receiver) = ask(
        Behaviour::says("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"),
        None,
    )
    .await;
    assert_eq!(fetched.unwrap().body, b"{}");
    let received = receiver.received();
    let asked = received.first().unwrap();
    assert!(
        asked.head.starts_with("GET /token?a=b HTTP/1.1\r\n"),
        "{}",
        asked.head
    );
    assert_eq!(asked.header("authorization"), "");
}

#[tokio::test]
async fn where_it_leads_on_is_not_followed() {
    let answer = "HTTP/1.1 307 Temporary Redirect\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n";
    let (fetched, receiver) = ask(Behaviour::says(answer), Some("secret=x")).await;
    assert_eq!(fetched.unwrap().status, 307);
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn an_endless_or_slow_answer_ends() {
    for (endless, pause) in [(vec![b' '; 4096], 0), (vec![b' '], 50)] {
        let behaviour = Behaviour {
            endless,
            pause: Duration::from_millis(pause),
            ..Behaviour::says("HTTP/1.1 200 OK\r\n\r\n{")
        };
        let start = Instant::now();
        let (fetched, _) = ask(behaviour, None).await;
        assert!(fetched.is_err(), "{fetched:?}");
        assert!(start.elapsed() < Duration::from_secs(8));
    }
}

#[test]
fn certificates_are_read_whole_or_not_at_all() {
    let pem = Pki::new().leaf_pem;
    assert!(pem.parse::<Certificates>().is_ok() && "".parse::<Certificates>().is_ok());
    let many = pem.repeat(17);
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
    for wrong in ["x", broken, &format!("{pem}{broken}"), &many] {
        assert!(wrong.parse::<Certificates>().is_err(), "{wrong}");
    }
}
