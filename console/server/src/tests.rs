//! The console over HTTP, on a real PostgreSQL.
#![allow(clippy::unwrap_used, clippy::panic)]

mod alerts;
mod audit;
mod authorisation;
mod deliveries;
mod document;
mod door;
mod exceptions;
mod exercises;
mod exports;
mod factors;
mod handover;
mod health;
mod intake;
mod lock;
mod messages;
mod notices;
mod openid;
mod organisations;
mod overview;
mod passkeys;
mod passwords;
mod people;
mod searches;
mod sensors;
mod services;
mod session;
mod sign_in_rules;
mod work;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::response::Response;
use clap::Parser;
use serde_json::Value;
use tokio::sync::watch;
use tower::ServiceExt;
use vonggac_access::Role;
use vonggac_database::factor::Factor;
use vonggac_database::session::Strength;
use vonggac_database::testing::{self, NOW_US, PASSWORD};
use vonggac_database::{Account, Database};
use vonggac_notify::{Notifier, SystemResolver};
use vonggac_store::Store;

use crate::options::Options;
use crate::setup::Gate;
use crate::state::{Console, Parts};

/// The code that the harness's gate wants.
pub(crate) const CODE: &str = "ABCD-EFGH-JKLM-NPQR-STUV";

#[derive(Parser)]
struct CommandLine {
    #[command(flatten)]
    options: Options,
}

/// Options with nothing behind their addresses.
pub(crate) fn options(more: &[&str]) -> Options {
    let nobody = [
        "console",
        "--postgres",
        "postgres://nobody@127.0.0.1:1/x",
        "--clickhouse",
        "http://127.0.0.1:1",
    ];
    let nowhere = ["--kafka", "127.0.0.1:1", "--listen", "127.0.0.1:0"];
    let all = nobody.iter().chain(&nowhere).chain(more);
    CommandLine::try_parse_from(all).unwrap().options
}

/// A console without its sockets.
pub(crate) struct Harness {
    pub(crate) app: Router,
    pub(crate) console: Console,
    pub(crate) database: Database,
    pub(crate) now_us: Arc<AtomicI64>,
    pub(crate) stop: watch::Sender<bool>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    pub(crate) fn code(&self) -> String {
        let json = self.json();
        json.pointer("/error/code")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    }

    /// `name=value` of the cookie that was set first.
    pub(crate) fn cookie(&self) -> String {
        let whole = self.headers.get(header::SET_COOKIE).unwrap().to_str().unwrap();
        whole.split(';').next().unwrap().to_owned()
    }
}

impl Harness {
    pub(crate) async fn start(more: &[&str]) -> Option<Self> {
        Some(Self::on(testing::database().await?, more).await)
    }

    /// A console on a database that there is already.
    pub(crate) async fn on(database: Database, more: &[&str]) -> Self {
        // It trusts nobody's certificate.
        let limits = vonggac_notify::Limits::default();
        let notifier = Notifier::with(Vec::new(), Arc::new(SystemResolver), limits).unwrap();
        Self::telling(database, more, notifier).await
    }

    /// The same that delivers e-mail and webhooks so.
    pub(crate) async fn telling(database: Database, more: &[&str], notifier: Notifier) -> Self {
        let options = options(more);
        let database = database.with_session_limits(options.session_limits());
        let (stop, stopped) = watch::channel(false);
        let now_us = Arc::new(AtomicI64::new(NOW_US));
        let clock = Arc::clone(&now_us);
        let parts = Parts {
            database: database.clone(),
            store: Store::new(&options.store).unwrap(),
            setup: Gate::for_code(CODE, None),
            seal: crate::seal::Seal::open(&database, &options).await.unwrap(),
            vault: crate::secrets::open(&options).unwrap(),
            sensor_key: crate::register::open_key(&options).unwrap(),
            notifier,
            options,
            stopped,
        };
        let console = Console::with_clock(parts, Box::new(move || clock.load(Ordering::Relaxed)));
        let news = database.news().await.unwrap();
        let hearing = console.clone();
        tokio::spawn(async move { crate::news::hear(&hearing, news).await });
        let app = crate::api::app(console.clone());
        Self {
            app,
            console,
            database,
            now_us,
            stop,
        }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        read(self.app.clone().oneshot(request).await.unwrap()).await
    }

    /// The same for an answer that has no end when it is granted; then only its head counts.
    pub(crate) async fn begin(&self, request: Request<Body>) -> Answer {
        let response = self.app.clone().oneshot(request).await.unwrap();
        if !response.status().is_success() {
            return read(response).await;
        }
        let (parts, _) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::new(),
        }
    }

    /// As a browser on our own page would; a `null` body is none.
    pub(crate) async fn call(&self, method: &str, path: &str, cookie: &str, body: Value) -> Answer {
        self.send(request(method, path, cookie, &body)).await
    }

    pub(crate) async fn get(&self, path: &str, cookie: &str) -> Answer {
        self.call("GET", path, cookie, Value::Null).await
    }

    /// Makes somebody with these roles at that organisation, who signs in with a second factor.
    pub(crate) async fn strong(&self, user_name: &str, organisation: &str, roles: &[Role]) -> String {
        let account = testing::member(&self.database, user_name, organisation, roles).await;
        self.cookie(&account, Strength::Strong(Factor::Passkey)).await
    }

    /// The cookie of a new session of the account.
    pub(crate) async fn cookie(&self, account: &Account, strength: Strength) -> String {
        let now_us = self.now_us.load(Ordering::Relaxed);
        let origin = testing::from("::1");
        let opened = self.database.open_session(account, &origin, strength, now_us);
        format!("vonggac={}", opened.await.unwrap().to_cookie())
    }

    /// Makes an account and signs it in: an analyst's or, for `*`, that of who runs the nation's organisation.
    pub(crate) async fn signed_in(&self, user_name: &str, organisation: &str) -> String {
        testing::account(&self.database, user_name, organisation).await;
        self.sign_in(user_name).await
    }

    /// Makes somebody with these roles at that organisation, who signs in with the password alone.
    pub(crate) async fn signed_in_as(&self, user_name: &str, organisation: &str, roles: &[Role]) -> String {
        testing::member(&self.database, user_name, organisation, roles).await;
        self.sign_in(user_name).await
    }

    async fn sign_in(&self, user_name: &str) -> String {
        let body = serde_json::json!({ "user_name": user_name, "password": PASSWORD });
        let answer = self.call("POST", "/api/v1/session", "", body).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.cookie()
    }
}

async fn read(response: Response) -> Answer {
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, 1 << 20).await.unwrap();
    Answer {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

/// A request by whom `proof` names: `name=value` of a session's cookie, `Bearer …`, or nobody.
pub(crate) fn request(method: &str, path: &str, proof: &str, body: &Value) -> Request<Body> {
    let mut builder = Request::builder()
        .method(Method::from_bytes(method.as_bytes()).unwrap())
        .uri(path);
    builder = builder
        .header("host", "soc.example")
        .header("sec-fetch-site", "same-origin");
    if method != "GET" {
        builder = builder.header("origin", "http://soc.example");
    }
    if proof.starts_with("Bearer ") {
        builder = builder.header("authorization", proof);
    } else if !proof.is_empty() {
        builder = builder.header("cookie", format!("other=1; {proof}"));
    }
    if body.is_null() {
        return builder.body(Body::empty()).unwrap();
    }
    let text = body.to_string();
    let builder = builder
        .header("content-type", "application/json")
        .header("content-length", text.len());
    builder.body(Body::from(text)).unwrap()
}
