//! The OpenAPI document, and what it promises of every operation.

use std::sync::LazyLock;

use serde_json::Value;

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

/// An operation, as the document has it.
pub(super) struct Operation {
    pub(super) name: String,
    /// In capitals.
    pub(super) method: String,
    /// With its places in braces.
    pub(super) path: String,
    /// Whether one is to be signed in, by a session …
    pub(super) takes_session: bool,
    /// … or by a token of the API.
    pub(super) takes_token: bool,
}

pub(super) fn operations() -> &'static [Operation] {
    static ALL: LazyLock<Vec<Operation>> = LazyLock::new(read);
    &ALL
}

fn read() -> Vec<Operation> {
    let document: Value = serde_json::from_str(&crate::openapi()).unwrap();
    let paths = document.get("paths").and_then(Value::as_object).unwrap();
    let mut all = Vec::new();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap() {
            let name = operation.get("operationId").and_then(Value::as_str).unwrap();
            let ways = operation
                .get("security")
                .or_else(|| document.get("security"))
                .unwrap()
                .to_string();
            all.push(Operation {
                takes_session: ways.contains("session"),
                takes_token: ways.contains("token"),
                name: name.to_owned(),
                method: method.to_uppercase(),
                path: path.clone(),
            });
        }
    }
    all
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let mut names: Vec<&String> = operations().iter().map(|operation| &operation.name).collect();
    assert!(
        names
            .iter()
            .all(|name| name.chars().all(|c| c.is_ascii_alphanumeric())),
        "{names:?}"
    );
    names.sort();
    let count = names.len();
    names.dedup();
    assert_eq!((names.len(), count), (161, 161));
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
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.split("; ").any(|one| one == part), "{path}: {part}");
        }
        assert_eq!(header("access-control-allow-origin"), None, "{path}");
        let kind = header("content-type").unwrap();
        let is_text = kind.starts_with("text/");
        assert!(!is_text || kind.ends_with("; charset=utf-8"), "{path}: {kind}");
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

#[tokio::test]
async fn pages_are_read_and_nothing_is_echoed() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    for method in ["TRACE", "POST", "PUT", "DELETE", "OPTIONS", "CONNECT"] {
        for path in ["/", "/alerts", "/assets/"] {
            let answer = harness.call(method, path, "", Value::Null).await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert!(!answer.text.contains("soc.example"), "{method} {path}");
        }
    }
    let listing = harness.get("/assets/", "").await;
    assert!(!listing.text.contains(".js\">"), "no list of what lies there");
    let traced = harness.call("TRACE", "/api/v1/session", "", Value::Null).await;
    assert_eq!(traced.status, 405);
}
