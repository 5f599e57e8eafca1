//! E-mail as a real mail server gets it: Debian's aiosmtpd, a process of its own.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use vonggac_notify::mail::{Letter, Relay, Security};
use vonggac_notify::testing::{HOST, LOGIN, MailServer, Names, Pki, notifier};
use vonggac_notify::{Culprit, Failure, Outlook};

fn names() -> Arc<Names> {
    Names::of(&[(HOST, &[&["127.0.0.1"]])])
}

async fn send(pki: &Pki, relay: &Relay, to: &str) -> Result<String, Failure> {
    let (from, to) = ("soc@vn.example".parse().unwrap(), to.parse().unwrap());
    let letter = Letter {
        from_name: "Vọng Gác",
        from: &from,
        to: &to,
        subject: "[Cao] Dò mật khẩu",
        text: "Dòng đầu\n.\n..\nFrom dòng cuối\n",
        id: "msg-1",
        thread: Some("alert-7"),
        language: "vi",
        at_s: 1_767_225_600,
    };
    notifier(pki, names()).mail(relay, letter).await
}

#[tokio::test]
async fn letters_arrive_whole_over_each_kind_of_tls_and_sign_in() {
    let pki = Pki::new();
    for (mode, security) in [("starttls", Security::StartTls), ("implicit", Security::Implicit)] {
        let Some(server) = MailServer::start(&pki, mode) else {
            return;
        };
        let relay = server.relay(security, Some(LOGIN.1));
        let answer = send(&pki, &relay, "lan@moh.example").await.unwrap();
        assert!(
            answer.starts_with("250 2.0.0 Ok: queued as 1"),
            "{mode}: {answer}"
        );
        let letters = server.letters();
        assert_eq!(letters.len(), 1);
        assert_eq!(
            letters[0],
            json!({
                "is_tls": true,
                "login": LOGIN.0,
                "to": ["lan@moh.example"],
                "subject": "[Cao] Dò mật khẩu",
                "from": "Vọng Gác <soc@vn.example>",
                "id": "<msg-1@vn.example>",
                "references": "<alert-7@vn.example>",
                "auto": "auto-generated",
                "text": "Dòng đầu\n.\n..\nFrom dòng cuối\n",
            }),
            "{mode}"
        );
    }
}

#[tokio::test]
async fn what_the_server_refuses_says_whose_fault_it_is_and_for_how_long() {
    let pki = Pki::new();
    let Some(server) = MailServer::start(&pki, "plain") else {
        return;
    };
    let relay = server.relay(Security::Plain, None);
    let check = async |relay: &Relay, to: &str, culprit: Culprit, outlook: Outlook, words: &str| {
        let failure = send(&pki, relay, to).await.unwrap_err();
        assert_eq!(
            (failure.culprit, failure.outlook),
            (culprit, outlook),
            "{failure}"
        );
        assert!(failure.said.contains(words), "{failure}");
    };
    check(
        &relay,
        "refused@moh.example",
        Culprit::Destination,
        Outlook::Never,
        "No such user",
    )
    .await;
    check(
        &relay,
        "later@moh.example",
        Culprit::Destination,
        Outlook::Later(None),
        "Greylisted",
    )
    .await;
    // A server that offers no STARTTLS is told nothing.
    let wants_tls = server.relay(Security::StartTls, None);
    check(
        &wants_tls,
        "lan@moh.example",
        Culprit::Relay,
        Outlook::Later(None),
        "does not offer STARTTLS",
    )
    .await;
    assert_eq!(server.letters().len(), 0);
    let Some(strict) = MailServer::start(&pki, "starttls") else {
        return;
    };
    let wrong = strict.relay(Security::StartTls, Some("sai"));
    check(
        &wrong,
        "lan@moh.example",
        Culprit::Relay,
        Outlook::Later(None),
        "does not let us sign in",
    )
    .await;
    let nowhere = Relay { port: 1, ..relay };
    check(
        &nowhere,
        "lan@moh.example",
        Culprit::Relay,
        Outlook::Later(None),
        "does not answer",
    )
    .await;
    // Whose certificate is another authority's is not told the password.
    let other = Pki::new();
    let right = strict.relay(Security::StartTls, Some(LOGIN.1));
    let failure = send(&other, &right, "lan@moh.example").await.unwrap_err();
    assert!(
        failure.said.contains("TLS with the mail server failed"),
        "{failure}"
    );
    assert_eq!(strict.letters().len(), 0);
}

#[tokio::test]
async fn a_server_that_talks_without_end_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.write_all(b"220 ").await;
                while stream.write_all(&[b'x'; 8 << 10]).await.is_ok() {}
                let _ = stream.read_u8().await;
            });
        }
    });
    let relay = Relay {
        host: HOST.into(),
        port,
        security: Security::Plain,
        login: None,
    };
    let start = std::time::Instant::now();
    let failure = send(&Pki::new(), &relay, "lan@moh.example").await.unwrap_err();
    assert_eq!(failure.culprit, Culprit::Relay);
    assert!(start.elapsed() < std::time::Duration::from_secs(5), "{failure}");
}
