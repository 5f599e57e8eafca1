//! The OpenAPI document, and what it promises of every operation.

use serde_json::{Value, json};

use super::Harness;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

#[test]
fn the_document_beside_the_manifest_is_the_generated_one() {
    let generated = crate::openapi();
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(FILE, &generated).unwrap();
    }
    let kept = std::fs::read_to_string(FILE).unwrap_or_default();
    assert!(
        kept == generated,
        "openapi.json is not what the code says; run the tests with UPDATE_OPENAPI=1 and `npm run generate` in console/web"
    );
}

fn operations() -> Vec<(String, String, Value)> {
    let document: Value = serde_json::from_str(&crate::openapi()).unwrap();
    let paths = document.get("paths").and_then(Value::as_object).unwrap();
    let mut all = Vec::new();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap() {
            all.push((method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    all
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let mut names: Vec<String> = operations()
        .iter()
        .map(|(_, _, operation)| {
            operation
                .get("operationId")
                .and_then(Value::as_str)
                .unwrap()
                .to_owned()
        })
        .collect();
    assert!(
        names
            .iter()
            .all(|name| name.chars().all(|c| c.is_ascii_alphanumeric())),
        "{names:?}"
    );
    names.sort();
    let count = names.len();
    names.dedup();
    assert_eq!((names.len(), count), (75, 75));
}

#[tokio::test]
async fn nothing_but_setup_and_sign_in_answers_without_a_session() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let open = [
        "GET /api/v1/setup",
        "POST /api/v1/setup",
        "POST /api/v1/session",
        "POST /api/v1/session/passkey/challenge",
        "POST /api/v1/session/passkey",
        "POST /api/v1/welcome",
        "POST /api/v1/welcome/password",
    ];
    let stale = format!("vonggac={}", "0".repeat(64));
    for (method, path, _) in operations() {
        if open.contains(&format!("{method} {path}").as_str()) {
            continue;
        }
        let path = path
            .replace("{id}", "00000000000000000000000000000001")
            .replace("{kind}", "address")
            .replace("{membership}", "1")
            .replace("{session}", "1");
        for cookie in ["", "vonggac=x", &stale, "__Host-vonggac=x"] {
            let body = if method == "GET" || method == "DELETE" {
                Value::Null
            } else {
                json!({})
            };
            let answer = harness.call(&method, &path, cookie, body).await;
            assert_eq!(
                (answer.status.as_u16(), answer.code().as_str()),
                (401, "unauthenticated"),
                "{method} {path}"
            );
        }
    }
}

#[tokio::test]
async fn every_answer_carries_the_strict_headers() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    for path in [
        "/",
        "/alerts",
        "/assets/none.js",
        "/api/v1/setup",
        "/api/v1/nothing",
        "/api/v1/session",
    ] {
        let answer = harness.get(path, "").await;
        let header = |name: &str| {
            answer
                .headers
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        let policy = header("content-security-policy").unwrap();
        assert!(
            policy.contains("frame-ancestors 'none'") && policy.contains("script-src 'self'"),
            "{path}"
        );
        assert_eq!(
            header("x-content-type-options").as_deref(),
            Some("nosniff"),
            "{path}"
        );
        assert_eq!(
            header("referrer-policy").as_deref(),
            Some("no-referrer"),
            "{path}"
        );
        assert_eq!(
            header("cross-origin-opener-policy").as_deref(),
            Some("same-origin"),
            "{path}"
        );
        if path.starts_with("/api") {
            assert_eq!(header("cache-control").as_deref(), Some("no-store"), "{path}");
        }
    }
}
