//! Signing in at providers of OpenID Connect: a real one in a process of its own (`real`), and one that signs what a test wants (`hostile`).

mod hostile;
mod real;
mod settings;

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use vonggac_access::Role;
use vonggac_database::testing;
use vonggac_notify::{Limits, Notifier, SystemResolver};

use super::{Answer, Harness};

const SETTINGS: &str = "/api/v1/settings/openid";
const SIGN_IN: &str = "/api/v1/openid/sign-in";
const OWN: &str = "/api/v1/account/openid";
const SECOND_US: i64 = 1_000_000;

/// A console that asks providers with little patience, and who runs it.
struct Stage {
    harness: Harness,
    admin: String,
    _directory: tempfile::TempDir,
}

impl Stage {
    async fn start() -> Option<Self> {
        let limits = Limits {
            webhook: std::time::Duration::from_millis(1_500),
            ..Limits::default()
        };
        let notifier = Notifier::with(Vec::new(), std::sync::Arc::new(SystemResolver), limits);
        Self::with(notifier.unwrap()).await
    }

    async fn with(notifier: Notifier) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("key").display().to_string();
        let database = testing::database().await?;
        let harness = Harness::telling(database, &["--secrets-key", &key], notifier).await;
        let admin = harness
            .strong("quan-tri", "vn", &[Role::SystemAdministrator])
            .await;
        Some(Self {
            harness,
            admin,
            _directory: directory,
        })
    }

    /// Enters a provider, whose addresses may be this machine's; its id.
    async fn add(&self, issuer: &str, client_id: &str, more: Value) -> String {
        let mut body = json!({ "issuer": issuer, "name": format!("Cổng {client_id}"), "client_id": client_id,
            "client_secret": format!("the secret of {client_id}: 100%"), "scopes": ["openid"], "is_on": true,
            "networks": ["127.0.0.0/8", "::1"] });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let added = self.harness.call("POST", SETTINGS, &self.admin, body).await;
        assert_eq!(added.status, 201, "{added:?}");
        let all = added.json()["providers"].clone();
        let found = all
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["issuer"] == json!(issuer));
        found.unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// Begins; the address at the provider, and the cookie that ties it to the browser.
    async fn begin(&self, path: &str, cookie: &str, body: Value) -> (String, String) {
        let begun = self.harness.call("POST", path, cookie, body).await;
        assert_eq!(begun.status, 200, "{begun:?}");
        let whole = begun.headers["set-cookie"].to_str().unwrap();
        assert!(
            whole.starts_with("vonggac-provider=")
                && whole.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=600"),
            "{whole}"
        );
        (begun.json()["url"].as_str().unwrap().to_owned(), begun.cookie())
    }

    async fn begin_sign_in(&self, provider: &str) -> (String, String) {
        let body = json!({ "provider": provider, "return": "/alerts?status=open" });
        self.begin(SIGN_IN, "", body).await
    }

    /// Comes back to the console with that query.
    async fn come_back(&self, query: &str, cookie: &str) -> Answer {
        let path = format!("/api/v1/openid/callback?{query}");
        self.harness.get(&path, cookie).await
    }

    /// What the audit log says last of that action: how it went, and what else.
    async fn last(&self, action: &str) -> (String, Value) {
        let database = &self.harness.database;
        let auditor = match database.account_named("kiem-toan").await {
            Ok(account) => account,
            Err(_) => testing::member(database, "kiem-toan", "vn", &[Role::Auditor]).await,
        };
        let strength = vonggac_database::session::Strength::Strong(vonggac_database::factor::Factor::Passkey);
        let cookie = self.harness.cookie(&auditor, strength).await;
        let listed = self.harness.get("/api/v1/audit?limit=100", &cookie).await;
        let entries = listed.json()["items"].clone();
        let is_it = |one: &&Value| one["action"] == json!(action) && !one.to_string().contains("kiem-toan");
        let entry = entries.as_array().unwrap().iter().find(is_it);
        let entry = entry.unwrap_or_else(|| panic!("no {action} in {listed:?}"));
        (
            entry["result"].as_str().unwrap().to_owned(),
            entry["detail"].clone(),
        )
    }
}

/// Where an answer leads to.
fn location(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{answer:?}");
    answer.headers["location"].to_str().unwrap().to_owned()
}

/// A cookie that an answer sets, as `name=value`.
fn set(answer: &Answer, name: &str) -> Option<String> {
    let all = answer.headers.get_all("set-cookie").iter();
    let pairs = all.filter_map(|value| value.to_str().unwrap().split(';').next());
    let start = format!("{name}=");
    let mut found = pairs.filter(|pair| pair.starts_with(&start) && *pair != start);
    found.next().map(str::to_owned)
}

/// A parameter of an address, as it is written.
fn parameter(url: &str, name: &str) -> String {
    let query = url.split_once('?').unwrap().1;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let found = pairs.find(|(key, _)| *key == name);
    found.unwrap_or_else(|| panic!("no {name} in {url}")).1.to_owned()
}

/// What a server on this machine said: its status, its head and its body.
struct Said {
    status: u16,
    head: String,
    body: String,
}

impl Said {
    fn header(&self, name: &str) -> Option<&str> {
        let pairs = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut found = pairs.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value)
    }
}

/// Asks a server on this machine as a browser would, without following.
async fn ask(address: SocketAddr, method: &str, path: &str, cookies: &str, form: &str) -> Said {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = form.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost:{}\r\ncookie: {cookies}\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n{form}",
        address.port()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    Said {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}
