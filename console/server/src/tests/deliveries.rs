//! Notifications by e-mail and webhook: from the settings to what arrives at a real mail server and a real receiver.

use std::sync::Arc;

use serde_json::{Value, json};
use vonggac_access::{Day, Role};
use vonggac_database::audit::Asker;
use vonggac_database::testing::{self, NOW_US, alert};
use vonggac_notify::signature::Secret;
use vonggac_notify::testing::{Behaviour, HOST, LOGIN, MailServer, Names, Pki, Receiver, notifier};

use super::Harness;

const SETTINGS: &str = "/api/v1/notification-settings";
const WAYS: &str = "/api/v1/notice-ways";
const RULES: &str = "/api/v1/notice-rules";
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const HOUR_US: i64 = 3_600 * 1_000_000;

/// A console that delivers to servers of these tests.
struct Stage {
    harness: Harness,
    pki: Pki,
    admin: String,
    _directory: tempfile::TempDir,
}

impl Stage {
    async fn start() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("key").display().to_string();
        let pki = Pki::new();
        let names: Arc<Names> = Names::of(&[(HOST, &[&["127.0.0.1"]])]);
        let database = testing::database().await?;
        let more = ["--secrets-key", &key, "--public-url", "https://soc.example/"];
        let harness = Harness::telling(database, &more, notifier(&pki, names)).await;
        let admin = harness
            .strong("quan-tri", "vn", &[Role::SystemAdministrator])
            .await;
        Some(Self {
            harness,
            pki,
            admin,
            _directory: directory,
        })
    }

    /// Lets e-mail go to that port, and webhooks to this.
    async fn set(&self, mail_port: u16, webhook_port: u16) {
        let answer = self.put(settings(mail_port, webhook_port)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    async fn put(&self, body: Value) -> super::Answer {
        self.call("PUT", SETTINGS, &self.admin, body).await
    }

    /// With a public address cookies and origins are those of https.
    async fn call(&self, method: &str, path: &str, cookie: &str, body: Value) -> super::Answer {
        let cookie = cookie.replace("vonggac=", "__Host-vonggac=");
        let mut request = super::request(method, path, &cookie, &body);
        if method != "GET" {
            request
                .headers_mut()
                .insert("origin", "https://soc.example".parse().unwrap());
        }
        self.harness.send(request).await
    }

    async fn get(&self, path: &str, cookie: &str) -> Value {
        let answer = self.call("GET", path, cookie, Value::Null).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Adds an address and takes the code from the letter that came there.
    async fn add_mail(&self, server: &MailServer, cookie: &str, address: &str) -> String {
        let added = self
            .call(
                "POST",
                &format!("{WAYS}/mail"),
                cookie,
                json!({ "address": address }),
            )
            .await;
        assert_eq!(added.status, 201, "{added:?}");
        let way = added.json()["items"][0].clone();
        assert_eq!(
            (&way["target"], &way["is_confirmed"]),
            (&json!(address), &json!(false))
        );
        let letter = server.letters().pop().unwrap();
        assert_eq!(letter["to"], json!([address]));
        let text = letter["text"].as_str().unwrap();
        let code: String = text.chars().filter(char::is_ascii_digit).take(8).collect();
        let id = way["id"].as_str().unwrap().to_owned();
        let path = format!("{WAYS}/{id}/confirm");
        let confirmed = self.call("POST", &path, cookie, json!({ "code": code })).await;
        assert_eq!(
            confirmed.json()["items"][0]["is_confirmed"],
            json!(true),
            "{confirmed:?}"
        );
        id
    }

    /// Adds a webhook; its id and its secret.
    async fn add_webhook(&self, port: u16, cookie: &str) -> (String, Secret) {
        let body = json!({ "name": "Chat", "url": format!("https://{HOST}:{port}/hooks") });
        let made = self.call("POST", &format!("{WAYS}/webhooks"), cookie, body).await;
        assert_eq!(made.status, 201, "{made:?}");
        let made = made.json();
        let secret = Secret::from_text(made["secret"].as_str().unwrap()).unwrap();
        (made["id"].as_str().unwrap().to_owned(), secret)
    }

    async fn add_rule(&self, cookie: &str, ways: &[&str]) {
        let rule = json!({ "name": "All", "about": "alert", "is_on": true, "ways": ways });
        let made = self.call("POST", RULES, cookie, rule).await;
        assert_eq!(made.status, 201, "{made:?}");
    }

    /// Alerts come, and what is to be sent of them is sent; how much was taken.
    async fn happen(&self, numbers: &[u32]) -> usize {
        let alerts: Vec<_> = numbers.iter().map(|&number| alert(number, "moh", 1)).collect();
        self.harness.database.take_alerts(&alerts).await.unwrap();
        crate::notices::make(&self.harness.console).await.unwrap();
        self.send().await
    }

    async fn send(&self) -> usize {
        crate::deliveries::send(&self.harness.console).await.unwrap()
    }

    fn problem(&self, key: &str) -> Option<String> {
        let problems = self.harness.console.metrics().problems();
        let mut found = problems.into_iter().filter(|one| one.key == key);
        found.next().map(|one| one.words)
    }

    /// What the health page says of the console to who may read the platform's health.
    async fn on_health_page(&self) -> String {
        self.get("/api/v1/health", &self.admin).await.to_string()
    }
}

fn settings(mail_port: u16, webhook_port: u16) -> Value {
    json!({
        "mail": {
            "is_on": true, "host": HOST, "port": mail_port, "security": "starttls", "user": LOGIN.0,
            "from": "soc@vn.example", "from_name": "Vọng Gác",
        },
        "password": LOGIN.1,
        "webhooks": {
            "is_on": true, "hosts": [format!("{HOST}:{webhook_port}")], "networks": ["127.0.0.0/8"], "allows_http": false,
        },
    })
}

#[tokio::test]
async fn an_alert_reaches_a_mail_server_and_a_receiver_that_checks_who_sent_it() {
    let Some(stage) = Stage::start().await else { return };
    let Some(server) = MailServer::start(&stage.pki, "starttls") else {
        return;
    };
    let receiver = Receiver::start(Some(stage.pki.acceptor()), Behaviour::says(OK)).await;
    let port = receiver.address.port();
    stage.set(server.port, port).await;
    let test = format!("{SETTINGS}/test");
    let tried = stage
        .call(
            "POST",
            &test,
            &stage.admin,
            json!({ "address": "quan-tri@vn.example" }),
        )
        .await
        .json();
    assert_eq!(tried["is_sent"], json!(true), "{tried}");
    assert!(
        tried["answer"].as_str().unwrap().contains("250 2.0.0 Ok"),
        "{tried}"
    );

    let lan = stage.harness.strong("lan", "moh", &[Role::SeniorAnalyst]).await;
    let mail = stage.add_mail(&server, &lan, "lan@moh.example").await;
    let (webhook, secret) = stage.add_webhook(port, &lan).await;
    stage.add_rule(&lan, &[&mail, &webhook]).await;
    assert_eq!(stage.happen(&[3]).await, 2);

    let letter = server.letters().pop().unwrap();
    assert_eq!(
        letter["subject"],
        json!("[High] Password guessing – Ministry of Health")
    );
    let text = letter["text"].as_str().unwrap();
    for line in [
        "There is a new alert.",
        "Severity: High",
        "Rule: Password guessing",
        "Organisation: Ministry of Health",
        "Last seen: 2026-01-01 07:00 (UTC+7)",
        "Count: 3",
        "Open: https://soc.example/alerts/00000000000000000000000000000003",
    ] {
        assert!(
            text.lines().any(|one| one == line),
            "{line:?} is missing in {text}"
        );
    }
    assert!(
        !text.contains("10.0.0.") && !text.contains("192.0.2."),
        "no addresses: {text}"
    );
    assert_eq!(
        letter["references"],
        json!("<alert-00000000000000000000000000000003@vn.example>")
    );

    let received = receiver.received().pop().unwrap();
    let document: Value = serde_json::from_str(&received.body).unwrap();
    assert_eq!(
        document,
        json!({
            "type": "alert.new", "version": 1, "timestamp": "2026-01-01T00:00:00Z",
            "data": {
                "alert": "00000000000000000000000000000003", "severity": "high", "rule": "Password guessing", "rule_vi": null, "organisation": "moh",
                "last_seen": "2026-01-01T00:00:03Z", "count": 3, "times": 1,
                "url": "https://soc.example/alerts/00000000000000000000000000000003",
            },
        })
    );
    let (id, at) = (
        received.header("webhook-id"),
        received.header("webhook-timestamp"),
    );
    assert!(id.starts_with("msg_"), "{id}");
    let expected = secret.sign(&id, at.parse().unwrap(), received.body.as_bytes());
    assert_eq!(received.header("webhook-signature"), expected);
    // Nothing is told twice.
    assert_eq!(stage.send().await, 0);
    // A test of each way says what became of it.
    for (id, answer) in [(&mail, "250"), (&webhook, "200")] {
        let tried = stage
            .call("POST", &format!("{WAYS}/{id}/test"), &lan, Value::Null)
            .await
            .json();
        assert_eq!(tried["is_sent"], json!(true), "{tried}");
        assert!(tried["answer"].as_str().unwrap().starts_with(answer), "{tried}");
    }
    // Who loses his role is told nothing more, and nothing that waits.
    let account = stage.harness.database.account_named("lan").await.unwrap();
    let kept = stage.harness.database.memberships_of(account.id).await.unwrap();
    let (letters, posts) = (server.letters().len(), receiver.received().len());
    let alerts = [alert(4, "moh", 1)];
    stage.harness.database.take_alerts(&alerts).await.unwrap();
    crate::notices::make(&stage.harness.console).await.unwrap();
    let today = Day::of_us(NOW_US).unwrap();
    stage
        .harness
        .database
        .end_membership(&Asker::console(), kept[0].id, today, NOW_US)
        .await
        .unwrap();
    assert_eq!(stage.send().await, 0);
    assert_eq!(
        (server.letters().len(), receiver.received().len()),
        (letters, posts)
    );
}

#[tokio::test]
async fn letters_are_in_the_persons_language() {
    let Some(stage) = Stage::start().await else { return };
    let Some(server) = MailServer::start(&stage.pki, "starttls") else {
        return;
    };
    stage.set(server.port, 1).await;
    let lan = stage.harness.strong("lan", "moh", &[Role::Analyst]).await;
    let language = json!({ "language": "vi" });
    assert_eq!(
        stage
            .call("PATCH", "/api/v1/account", &lan, language)
            .await
            .status,
        200
    );
    let mail = stage.add_mail(&server, &lan, "lan@moh.example").await;
    stage.add_rule(&lan, &[&mail]).await;
    assert_eq!(stage.happen(&[4]).await, 1);
    let letter = server.letters().pop().unwrap();
    assert_eq!(
        letter["subject"],
        json!("[Nghiêm trọng] Password guessing – Bộ Y tế")
    );
    let text = letter["text"].as_str().unwrap();
    assert!(text.contains("Lần cuối: 07:00 ngày 01/01/2026 (UTC+7)"), "{text}");
    assert!(text.contains("Mức độ: Nghiêm trọng"), "{text}");

    // The rule too, where it says so.
    let said = testing::alert_in_vietnamese(9, "moh", 1);
    stage.harness.database.take_alerts(&[said]).await.unwrap();
    crate::notices::make(&stage.harness.console).await.unwrap();
    assert_eq!(stage.send().await, 1);
    let letter = server.letters().pop().unwrap();
    assert_eq!(letter["subject"], json!("[Nghiêm trọng] Dò mật khẩu – Bộ Y tế"));
    assert!(
        letter["text"].as_str().unwrap().contains("Quy tắc: Dò mật khẩu"),
        "{letter}"
    );
}

#[tokio::test]
async fn a_way_that_fails_is_shown_to_its_owner_and_on_the_health_page() {
    let Some(stage) = Stage::start().await else { return };
    let gone = Behaviour::says("HTTP/1.1 410 Gone\r\n\r\n");
    let receiver = Receiver::start(Some(stage.pki.acceptor()), gone).await;
    stage.set(1, receiver.address.port()).await;
    let lan = stage.harness.strong("lan", "moh", &[Role::SeniorAnalyst]).await;
    let (webhook, _) = stage.add_webhook(receiver.address.port(), &lan).await;
    stage.add_rule(&lan, &[&webhook]).await;
    assert_eq!(stage.happen(&[3]).await, 0);
    let way = stage.get(WAYS, &lan).await["items"][0].clone();
    assert_eq!(way["paused_since"], json!("2026-01-01T00:00:00Z"), "{way}");
    assert_eq!(way["last_error"], json!("it answered 410: it wants nothing more"));
    assert_eq!(way["lost"], json!(1));
    let page = stage.on_health_page().await;
    assert!(
        page.contains("notice_ways_failing") && page.contains("0 fail, 1 are paused"),
        "{page}"
    );
    assert_eq!(stage.problem("notice_ways"), None, "the console is well itself");
    let resume = format!("{WAYS}/{webhook}/resume");
    assert_eq!(stage.call("POST", &resume, &lan, Value::Null).await.status, 200);
    stage.send().await;
    assert_eq!(stage.harness.console.metrics().remarks().len(), 0);
}

#[tokio::test]
async fn while_the_mail_server_is_away_letters_wait_and_webhooks_go() {
    let Some(stage) = Stage::start().await else { return };
    let Some(server) = MailServer::start(&stage.pki, "starttls") else {
        return;
    };
    let receiver = Receiver::start(Some(stage.pki.acceptor()), Behaviour::says(OK)).await;
    stage.set(server.port, receiver.address.port()).await;
    let lan = stage.harness.strong("lan", "moh", &[Role::SeniorAnalyst]).await;
    let mail = stage.add_mail(&server, &lan, "lan@moh.example").await;
    let (webhook, _) = stage.add_webhook(receiver.address.port(), &lan).await;
    stage.add_rule(&lan, &[&mail, &webhook]).await;
    let port = server.port;
    drop(server);
    assert_eq!(stage.happen(&[1, 2, 3]).await, 3, "the webhook");
    let ways = stage.get(WAYS, &lan).await;
    assert_eq!(ways["items"][0]["waiting"], json!(3), "{ways}");
    assert_eq!(
        ways["items"][0]["failing_since"],
        Value::Null,
        "it is not the address's fault"
    );
    let words = stage.problem("mail_server").unwrap();
    assert!(words.contains("does not answer"), "{words}");
    // Another server takes over, and what waited arrives.
    let Some(server) = MailServer::start(&stage.pki, "starttls") else {
        return;
    };
    assert_ne!(server.port, port);
    stage.set(server.port, receiver.address.port()).await;
    stage
        .harness
        .now_us
        .fetch_add(HOUR_US / 4, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(stage.send().await, 3);
    assert_eq!(server.letters().len(), 3);
    assert_eq!(stage.problem("mail_server"), None);
}

#[tokio::test]
async fn settings_are_the_administrators_and_the_password_is_never_shown() {
    let Some(stage) = Stage::start().await else { return };
    let lead = stage.harness.strong("truong-ca", "vn", &[Role::ShiftLead]).await;
    for (method, path, body) in [
        ("GET", SETTINGS, Value::Null),
        ("PUT", SETTINGS, settings(1, 2)),
        (
            "POST",
            &format!("{SETTINGS}/test"),
            json!({ "address": "a@b.example" }),
        ),
    ] {
        assert_eq!(
            stage.call(method, path, &lead, body).await.code(),
            "not_found",
            "{method} {path}"
        );
    }
    stage.set(587, 443).await;
    let shown = stage.call("GET", SETTINGS, &stage.admin, Value::Null).await;
    assert_eq!(shown.json()["has_password"], json!(true));
    assert!(!shown.text.contains(LOGIN.1), "{shown:?}");
    let size = stage.harness.database.audit_head().await.unwrap().size;
    let log = stage.harness.database.audit_range(0, size).await.unwrap();
    let log: String = log
        .iter()
        .map(|one| String::from_utf8_lossy(&one.content).into_owned())
        .collect();
    assert!(
        log.contains("notification_setting.change") && !log.contains(LOGIN.1),
        "{log}"
    );
    // The password of one server is not given to another.
    let mut other = settings(587, 443);
    other["mail"]["host"] = json!("evil.example");
    other.as_object_mut().unwrap().remove("password");
    let refused = stage.put(other.clone()).await;
    assert_eq!(
        (refused.status.as_u16(), refused.json()["error"]["field"].clone()),
        (400, json!("password"))
    );
    other["password"] = json!("another");
    assert_eq!(stage.put(other).await.status, 200);
    for (pointer, value, field) in [
        ("/mail/from", json!("nobody"), "from"),
        ("/mail/host", json!(""), "host"),
        ("/mail/security", json!("plain"), "security"),
        ("/webhooks/hosts", json!(["https://hooks.example"]), "hosts"),
        ("/webhooks/networks", json!(["10.0.0.0/33"]), "networks"),
    ] {
        let mut wrong = settings(587, 443);
        *wrong.pointer_mut(pointer).unwrap() = value;
        let refused = stage.put(wrong).await;
        assert_eq!(
            (refused.status.as_u16(), refused.json()["error"]["field"].clone()),
            (400, json!(field)),
            "{pointer}"
        );
    }
}

#[tokio::test]
async fn webhooks_are_for_who_may_export_and_go_to_listed_hosts_alone() {
    let Some(stage) = Stage::start().await else { return };
    stage.set(587, 443).await;
    let analyst = stage.harness.strong("lan", "moh", &[Role::Analyst]).await;
    let senior = stage.harness.strong("hoa", "moh", &[Role::SeniorAnalyst]).await;
    let path = format!("{WAYS}/webhooks");
    let to = |url: &str| json!({ "name": "Chat", "url": url });
    let listed = format!("https://{HOST}:443/x");
    assert_eq!(
        stage.call("POST", &path, &analyst, to(&listed)).await.code(),
        "not_found"
    );
    for url in [
        "https://elsewhere.example/x",
        &format!("http://{HOST}/x"),
        "https://127.0.0.1/x",
        "x",
    ] {
        let refused = stage.call("POST", &path, &senior, to(url)).await;
        assert_eq!(
            (refused.status.as_u16(), refused.json()["error"]["field"].clone()),
            (400, json!("url")),
            "{url}"
        );
    }
    assert_eq!(stage.call("POST", &path, &senior, to(&listed)).await.status, 201);
    assert_eq!(
        stage.call("POST", &path, &senior, to(&listed)).await.status,
        409,
        "once"
    );
    // Another's way is not there.
    let way = stage.get(WAYS, &senior).await["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    for (method, end) in [("POST", "/test"), ("POST", "/resume"), ("DELETE", "")] {
        let answer = stage
            .call(method, &format!("{WAYS}/{way}{end}"), &analyst, Value::Null)
            .await;
        assert_eq!(answer.code(), "not_found", "{method} {end}");
    }
    assert_eq!(
        stage
            .call("DELETE", &format!("{WAYS}/{way}"), &senior, Value::Null)
            .await
            .status,
        204
    );
}
