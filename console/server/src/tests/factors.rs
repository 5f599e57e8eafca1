//! Second factors: apps, recovery codes, two steps of signing in, and confirming.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use vonggac_database::testing::{self, PASSWORD, app_code};

use super::{Answer, Harness};

const MINUTE_US: i64 = 60_000_000;

/// A console that keeps secrets and enrols sensors; the directory is its keys'.
pub(super) async fn start() -> Option<(Harness, tempfile::TempDir)> {
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("key").display().to_string();
    let sensors = directory.path().join("sensor.key").display().to_string();
    std::fs::write(&sensors, "5a".repeat(32)).unwrap();
    let harness = Harness::start(&["--secrets-key", &key, "--sensor-key", &sensors]).await?;
    Some((harness, directory))
}

impl Harness {
    pub(super) fn pass(&self, us: i64) {
        self.now_us.fetch_add(us, Ordering::Relaxed);
    }

    fn now(&self) -> i64 {
        self.now_us.load(Ordering::Relaxed)
    }

    async fn password(&self, user_name: &str, password: &str) -> Answer {
        let body = json!({ "user_name": user_name, "password": password });
        self.call("POST", "/api/v1/session", "", body).await
    }

    async fn code(&self, path: &str, cookie: &str, code: &str) -> Answer {
        self.call("POST", path, cookie, json!({ "code": code })).await
    }

    /// Gives the account of `cookie` an app: its secret and the recovery codes.
    async fn with_app(&self, cookie: &str) -> (String, Vec<String>) {
        let offer = self
            .call("POST", "/api/v1/account/totp", cookie, Value::Null)
            .await;
        assert_eq!(offer.status, 200, "{offer:?}");
        let secret = offer.json()["secret"].as_str().unwrap().to_owned();
        let code = app_code(&secret, self.now());
        let added = self.code("/api/v1/account/totp/confirm", cookie, &code).await;
        assert_eq!(added.status, 200, "{added:?}");
        let codes = added.json()["codes"].clone();
        (secret, serde_json::from_value(codes).unwrap())
    }
}

const FACTOR: &str = "/api/v1/session/factor";
const CONFIRM: &str = "/api/v1/session/confirm";

#[tokio::test]
async fn with_an_app_signing_in_takes_two_steps() {
    let Some((harness, _directory)) = start().await else {
        return;
    };
    let first = harness.signed_in("lan", "moh").await;
    let other = harness.password("lan", PASSWORD).await.cookie();
    let offer = harness
        .call("POST", "/api/v1/account/totp", &first, Value::Null)
        .await
        .json();
    let uri = offer["uri"].as_str().unwrap();
    assert!(
        uri.starts_with("otpauth://totp/V%E1%BB%8Dng%20G%C3%A1c:lan?secret="),
        "{uri}"
    );
    assert!(offer["qr_svg"].as_str().unwrap().contains("<svg"));
    assert_eq!(
        harness.password("lan", PASSWORD).await.status,
        200,
        "an app that has shown no code does not count"
    );

    let (secret, codes) = harness.with_app(&first).await;
    assert_eq!(codes.len(), 10);
    assert_eq!(harness.get("/api/v1/session", &first).await.status, 200);
    assert_eq!(
        harness.get("/api/v1/session", &other).await.status,
        401,
        "other sessions end"
    );

    let half = harness.password("lan", PASSWORD).await;
    assert_eq!(
        (half.status.as_u16(), half.json()),
        (202, json!({ "code_needed": true, "has_passkey": false }))
    );
    let half = half.cookie();
    assert!(half.starts_with("vonggac-half="), "{half}");
    let as_session = half.replace("vonggac-half=", "vonggac=");
    for cookie in [&half, &as_session] {
        assert_eq!(
            harness.get("/api/v1/session", cookie).await.status,
            401,
            "worth nothing else"
        );
    }
    let again = harness
        .code(FACTOR, &half, &app_code(&secret, harness.now()))
        .await;
    assert_eq!(
        (again.status.as_u16(), again.code().as_str()),
        (403, "wrong_code"),
        "the code that enrolled it counts once"
    );
    harness.pass(MINUTE_US);
    let code = app_code(&secret, harness.now());
    let signed = harness.code(FACTOR, &half, &code).await;
    assert_eq!(signed.status, 200, "{signed:?}");
    assert_eq!(signed.json()["user_name"], json!("lan"));
    let security = harness
        .get("/api/v1/account/security", &signed.cookie())
        .await
        .json();
    assert_eq!(security["is_strong"], json!(true));
    assert_eq!(security["recovery_codes_left"], json!(10));

    assert_eq!(
        harness.code(FACTOR, &half, &code).await.status,
        401,
        "a half session becomes one session"
    );
    let half = harness.password("lan", PASSWORD).await.cookie();
    assert_eq!(
        harness.code(FACTOR, &half, &code).await.status,
        403,
        "a code counts once"
    );
    harness.pass(5 * MINUTE_US);
    let late = harness
        .code(FACTOR, &half, &app_code(&secret, harness.now()))
        .await;
    assert_eq!(
        (late.status.as_u16(), late.code().as_str()),
        (401, "unauthenticated")
    );
}

#[tokio::test]
async fn a_recovery_code_works_once() {
    let Some((harness, _directory)) = start().await else {
        return;
    };
    let cookie = harness.signed_in("lan", "moh").await;
    let (_, codes) = harness.with_app(&cookie).await;
    let code = codes[0].to_lowercase().replace('-', " ");
    let half = harness.password("lan", PASSWORD).await.cookie();
    let signed = harness.code(FACTOR, &half, &code).await;
    assert_eq!(signed.status, 200, "{signed:?}");
    let half = harness.password("lan", PASSWORD).await.cookie();
    assert_eq!(harness.code(FACTOR, &half, &codes[0]).await.status, 403);

    let renewed = harness
        .call(
            "POST",
            "/api/v1/account/recovery-codes",
            &signed.cookie(),
            Value::Null,
        )
        .await;
    assert_eq!(renewed.status, 200, "{renewed:?}");
    assert_eq!(
        harness.code(FACTOR, &half, &codes[1]).await.status,
        403,
        "new codes end the old"
    );
    let new = renewed.json()["codes"][9].as_str().unwrap().to_owned();
    assert_eq!(harness.code(FACTOR, &half, &new).await.status, 200);
}

#[tokio::test]
async fn wrong_codes_are_few() {
    let Some((harness, _directory)) = start().await else {
        return;
    };
    let cookie = harness.signed_in("lan", "moh").await;
    let (secret, _) = harness.with_app(&cookie).await;
    harness.pass(MINUTE_US);
    let half = harness.password("lan", PASSWORD).await.cookie();
    for _ in 0..5 {
        assert_eq!(harness.code(FACTOR, &half, "x").await.status, 403);
    }
    let right = app_code(&secret, harness.now());
    assert_eq!(
        harness.code(FACTOR, &half, &right).await.status,
        401,
        "five codes, and the half session is over"
    );
    let half = harness.password("lan", PASSWORD).await.cookie();
    for _ in 0..5 {
        assert_eq!(harness.code(FACTOR, &half, "x").await.status, 403);
    }
    let half = harness.password("lan", PASSWORD).await.cookie();
    let right = harness.code(FACTOR, &half, &right).await;
    assert_eq!(right.status, 429, "ten codes of the account, and it waits");
}

#[tokio::test]
async fn factors_change_only_for_whom_was_seen_just_now() {
    let Some((harness, _directory)) = start().await else {
        return;
    };
    let cookie = harness.signed_in("lan", "moh").await;
    harness.pass(6 * MINUTE_US);
    let offer = async || {
        harness
            .call("POST", "/api/v1/account/totp", &cookie, Value::Null)
            .await
    };
    let refused = offer().await;
    assert_eq!(
        (refused.status.as_u16(), refused.code().as_str()),
        (403, "confirm_first")
    );
    let confirm = async |body: Value| harness.call("POST", CONFIRM, &cookie, body).await;
    let wrong = confirm(json!({ "password": "wrong" })).await;
    assert_eq!(
        (wrong.status.as_u16(), wrong.code().as_str()),
        (403, "wrong_password")
    );
    assert_eq!(offer().await.status, 403);
    assert_eq!(confirm(json!({})).await.status, 400);
    assert_eq!(confirm(json!({ "password": PASSWORD })).await.status, 204);
    let (secret, _) = harness.with_app(&cookie).await;
    assert_eq!(offer().await.status, 409, "one app at a time");

    harness.pass(6 * MINUTE_US);
    let remove = async || {
        harness
            .call("DELETE", "/api/v1/account/totp", &cookie, Value::Null)
            .await
    };
    assert_eq!(remove().await.code(), "confirm_first");
    let password = confirm(json!({ "password": PASSWORD })).await;
    assert_eq!(
        password.status, 400,
        "with a second factor the password is not enough"
    );
    let code = app_code(&secret, harness.now());
    assert_eq!(confirm(json!({ "code": code })).await.status, 204);
    assert_eq!(remove().await.status, 204);
    assert_eq!(remove().await.status, 404);
    assert_eq!(harness.password("lan", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn the_database_alone_betrays_no_secret() {
    let Some((harness, directory)) = start().await else {
        return;
    };
    let cookie = harness.signed_in("lan", "moh").await;
    let (secret, codes) = harness.with_app(&cookie).await;
    harness.pass(MINUTE_US);
    std::fs::remove_file(directory.path().join("key")).unwrap();
    let key = directory.path().join("other").display().to_string();
    let stranger = Harness::on(harness.database.clone(), &["--secrets-key", &key]).await;
    stranger.pass(MINUTE_US);
    let half = stranger.password("lan", PASSWORD).await.cookie();
    let code = app_code(&secret, stranger.now());
    let unreadable = stranger.code(FACTOR, &half, &code).await;
    assert_eq!(
        (unreadable.status.as_u16(), unreadable.code().as_str()),
        (503, "secrets"),
        "with another key the secret does not open"
    );
    assert_eq!(
        stranger.code(FACTOR, &half, &codes[0]).await.status,
        200,
        "recovery codes need no key"
    );
}

#[tokio::test]
async fn without_a_key_there_is_no_app() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let cookie = harness.signed_in("lan", "moh").await;
    let security = harness.get("/api/v1/account/security", &cookie).await.json();
    assert_eq!(security["can_have_factors"], json!(false));
    let offer = harness
        .call("POST", "/api/v1/account/totp", &cookie, Value::Null)
        .await;
    assert_eq!(
        (offer.status.as_u16(), offer.code().as_str()),
        (409, "no_secrets_key")
    );
}

#[tokio::test]
async fn a_wrong_password_tells_nothing_of_factors() {
    let Some((harness, _directory)) = start().await else {
        return;
    };
    let cookie = harness.signed_in("lan", "moh").await;
    harness.with_app(&cookie).await;
    testing::account(&harness.database, "minh", "moh").await;
    let mut answers = Vec::new();
    for user in ["lan", "minh", "ghost"] {
        let answer = harness.password(user, "wrong").await;
        assert!(!answer.headers.contains_key("set-cookie"));
        answers.push((answer.status, answer.text));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}
