//! Set-up, sign-in, sessions, and requests from elsewhere.

use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use vonggac_database::testing::{self, PASSWORD};

use super::{CODE, Harness, options};

fn administrator(code: &str) -> Value {
    json!({ "code": code, "user_name": "admin", "display_name": "Quản trị", "password": PASSWORD })
}

#[tokio::test]
async fn the_code_makes_one_administrator() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    assert_eq!(
        harness.get("/api/v1/setup", "").await.json(),
        json!({ "needed": true })
    );
    let wrong = harness
        .call("POST", "/api/v1/setup", "", administrator("AAAA"))
        .await;
    assert_eq!(
        (wrong.status.as_u16(), wrong.code().as_str()),
        (403, "wrong_code")
    );
    let mut weak = administrator(CODE);
    weak["password"] = json!("short");
    let refused = harness.call("POST", "/api/v1/setup", "", weak).await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json().pointer("/error/field"), Some(&json!("password")));

    let made = harness
        .call("POST", "/api/v1/setup", "", administrator(CODE))
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    let expect = made.json();
    for (field, value) in [
        ("user_name", json!("admin")),
        ("display_name", json!("Quản trị")),
        (
            "organisation",
            json!({ "code": "vn", "vi": "Việt Nam", "en": "Viet Nam" }),
        ),
        ("roles", json!(["shift-lead", "organisation-manager"])),
        ("language", json!("vi")),
    ] {
        assert_eq!(expect[field], value, "{field}");
    }
    let abilities: Vec<&str> = expect["abilities"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    for (ability, has) in [
        ("alert:work", true),
        ("membership:create", true),
        ("audit-log:read", false),
    ] {
        assert_eq!(abilities.contains(&ability), has, "{ability}");
    }
    assert_eq!(
        harness.get("/api/v1/session", &made.cookie()).await.json(),
        expect
    );

    let again = harness
        .call("POST", "/api/v1/setup", "", administrator(CODE))
        .await;
    assert_eq!(
        (again.status.as_u16(), again.code().as_str()),
        (409, "already_set_up")
    );
    assert_eq!(
        harness.get("/api/v1/setup", "").await.json(),
        json!({ "needed": false })
    );
}

#[tokio::test]
async fn guessing_the_code_is_throttled() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    for _ in 0..10 {
        assert_eq!(
            harness
                .call("POST", "/api/v1/setup", "", administrator("AAAA"))
                .await
                .status,
            403
        );
    }
    let right = harness
        .call("POST", "/api/v1/setup", "", administrator(CODE))
        .await;
    assert_eq!(right.status, 429);
    assert_eq!(right.headers.get("retry-after").unwrap(), "900");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_get_the_same_answer() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    testing::account(&harness.database, "lan", "moh").await;
    let attempt = |user: &'static str| {
        let body = json!({ "user_name": user, "password": "wrong" });
        async { harness.call("POST", "/api/v1/session", "", body).await }
    };
    let (known, unknown) = (attempt("lan").await, attempt("ghost").await);
    assert_eq!((known.status.as_u16(), &known.text), (401, &unknown.text));
    assert_eq!(known.status, unknown.status);
    assert!(!known.headers.contains_key("set-cookie") && !unknown.headers.contains_key("set-cookie"));
    for _ in 0..4 {
        attempt("lan").await;
        attempt("ghost").await;
    }
    let (known, unknown) = (attempt("lan").await, attempt("ghost").await);
    assert_eq!((known.status.as_u16(), &known.text), (429, &unknown.text));
}

#[tokio::test]
async fn a_session_ends_when_it_should() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let here = harness.signed_in("lan", "moh").await;
    let body = json!({ "user_name": "lan", "password": PASSWORD });
    let there = harness.call("POST", "/api/v1/session", "", body).await.cookie();

    let sessions = harness.get("/api/v1/sessions", &here).await.json();
    let current: Vec<bool> = sessions
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["current"].as_bool().unwrap())
        .collect();
    assert_eq!(current, [false, true]);
    let id = sessions[0]["id"].as_str().unwrap();
    let ended = harness
        .call("DELETE", &format!("/api/v1/sessions/{id}"), &here, Value::Null)
        .await;
    assert_eq!(ended.status, 204);
    assert_eq!(harness.get("/api/v1/session", &there).await.status, 401);
    for other in ["0", "x", id] {
        let missing = harness
            .call("DELETE", &format!("/api/v1/sessions/{other}"), &here, Value::Null)
            .await;
        assert_eq!(missing.status, 404, "{other}");
    }

    assert_eq!(harness.get("/api/v1/session", &here).await.status, 200);
    let out = harness
        .call("DELETE", "/api/v1/session", &here, Value::Null)
        .await;
    assert_eq!(out.status, 204);
    assert_eq!(out.headers.get("clear-site-data").unwrap(), "\"cache\"");
    assert!(
        out.headers
            .get("set-cookie")
            .unwrap()
            .to_str()
            .unwrap()
            .contains("Max-Age=0")
    );
    assert_eq!(
        harness.get("/api/v1/session", &here).await.status,
        401,
        "a replayed cookie is worth nothing"
    );

    let idle = harness.signed_in("minh", "moh").await;
    harness.now_us.fetch_add(31 * 60 * 1_000_000, Ordering::Relaxed);
    assert_eq!(harness.get("/api/v1/session", &idle).await.status, 401);
}

#[tokio::test]
async fn the_cookie_is_as_strict_as_the_connection_allows() {
    for (more, start, secure) in [
        (vec![], "vonggac=", false),
        (
            vec!["--public-url", "https://soc.example"],
            "__Host-vonggac=",
            true,
        ),
    ] {
        let Some(harness) = Harness::start(&more).await else {
            return;
        };
        testing::account(&harness.database, "lan", "moh").await;
        let body = json!({ "user_name": "lan", "password": PASSWORD });
        let answer = harness.call("POST", "/api/v1/session", "", body).await;
        let cookie = answer.headers.get("set-cookie").unwrap().to_str().unwrap();
        assert!(cookie.starts_with(start), "{cookie}");
        assert!(cookie.contains("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
        assert_eq!(cookie.contains("; Secure"), secure, "{cookie}");
        assert_eq!(harness.get("/api/v1/session", &answer.cookie()).await.status, 200);
    }
}

#[tokio::test]
async fn own_settings_change_and_others_do_not() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let cookie = harness.signed_in("lan", "moh").await;
    let patch = |body: Value| harness.call("PATCH", "/api/v1/account", &cookie, body);
    let changed = patch(json!({ "language": "vi", "organisation": "vn", "roles": ["auditor"] })).await;
    let account = changed.json();
    assert_eq!(
        (
            &account["language"],
            &account["organisation"]["code"],
            &account["roles"]
        ),
        (&json!("vi"), &json!("moh"), &json!(["analyst"]))
    );
    assert_eq!(patch(json!({ "language": "fr" })).await.status, 400);
    assert_eq!(patch(json!({ "display_name": "" })).await.status, 400);
}

#[tokio::test]
async fn a_page_elsewhere_changes_nothing() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let cookie = harness.signed_in("lan", "moh").await;
    let send = async |method: &str, headers: &[(&str, &str)], body: &'static str| {
        let mut builder = Request::builder()
            .method(method)
            .uri("/api/v1/session")
            .header("host", "soc.example");
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        let length = body.len();
        let request = builder
            .header("cookie", &cookie)
            .header("content-length", length)
            .body(Body::from(body));
        harness.send(request.unwrap()).await
    };
    let json = ("content-type", "application/json");
    let cross = send("DELETE", &[("origin", "http://evil.example")], "").await;
    assert_eq!(
        (cross.status.as_u16(), cross.code().as_str()),
        (403, "cross_site")
    );
    let cross = send("DELETE", &[("sec-fetch-site", "cross-site")], "").await;
    assert_eq!(cross.status, 403);
    let form = send("POST", &[("content-type", "text/plain")], "{}").await;
    assert_eq!((form.status.as_u16(), form.code().as_str()), (415, "media_type"));
    for (body, status) in [("{", 400), ("[]", 400), ("{\"user_name\":1}", 400)] {
        let broken = send("POST", &[json], body).await;
        assert_eq!(
            (broken.status.as_u16(), broken.code().as_str()),
            (status, "invalid"),
            "{body}"
        );
    }
    assert_eq!(
        harness.get("/api/v1/session", &cookie).await.status,
        200,
        "still signed in"
    );
}

#[tokio::test]
async fn a_body_has_an_end() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let body = json!({ "user_name": "x".repeat(300 * 1024), "password": "" });
    assert_eq!(
        harness.call("POST", "/api/v1/session", "", body).await.status,
        413
    );
    let long = format!("/api/v1/setup?{}", "x".repeat(20_000));
    assert_eq!(harness.get(&long, "").await.status, 414);
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let holder = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut options = options(&[]);
    options.listen = holder.local_addr().unwrap();
    let port = options.listen.port();
    let error = crate::run(options, std::future::pending())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(&format!("port {port}")) && error.contains("--listen"),
        "{error}"
    );
}

async fn get_raw(address: std::net::SocketAddr, path: &str) -> String {
    let mut connection = loop {
        match tokio::net::TcpStream::connect(address).await {
            Ok(connection) => break connection,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_starts_leaves_a_code_and_stops() {
    let Some(url) = testing::database_url().await else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let mut options = options(&[]);
    options.postgres = url;
    options.setup_code_file = None;
    options.listen = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let without = crate::run(options.clone(), std::future::pending())
        .await
        .unwrap_err()
        .to_string();
    assert!(without.contains("--setup-code-file"), "{without}");

    let file = directory.path().join("code");
    options.setup_code_file = Some(file.clone());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let address = options.listen;
    let console = tokio::spawn(crate::run(options, async {
        let _ = stopped.await;
    }));
    let answer = get_raw(address, "/api/v1/setup").await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("{\"needed\":true}"),
        "{answer}"
    );
    assert_eq!(
        std::fs::read_to_string(&file).unwrap().trim().len(),
        24,
        "the code is there once one can connect"
    );
    stop.send(()).unwrap();
    console.await.unwrap().unwrap();
}
