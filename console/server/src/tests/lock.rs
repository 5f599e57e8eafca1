//! Locked sessions: nothing is got by one but what unlocks or ends it.

use std::time::Duration;

use axum::body::Body;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use vonggac_access::Role;
use vonggac_database::testing::{self, PASSWORD};
use vonggac_passkey::testing::SoftKey;

use super::factors::start;
use super::{Answer, Harness, document, request};

const LOCK: &str = "/api/v1/session/lock";
const UNLOCK: &str = "/api/v1/session/unlock";

impl Harness {
    pub(super) async fn lock(&self, cookie: &str) {
        let locked = self.call("POST", LOCK, cookie, json!({})).await;
        assert_eq!(locked.status, 204, "{locked:?}");
    }

    async fn unlock(&self, cookie: &str, password: &str) -> Answer {
        let body = json!({ "password": password });
        self.call("POST", UNLOCK, cookie, body).await
    }
}

fn outcome(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.code())
}

fn locked() -> (u16, String) {
    (423, "locked".to_owned())
}

#[tokio::test]
async fn every_operation_refuses_a_locked_session_but_what_unlocks_or_ends_it() {
    let Some((harness, _keys)) = start().await else {
        return;
    };
    let cookie = harness.strong("lan", "vn", &[Role::SystemAdministrator]).await;
    harness.lock(&cookie).await;
    let mut open: Vec<&str> = Vec::new();
    for operation in document::operations().iter().filter(|one| one.takes_session) {
        if matches!(operation.name.as_str(), "signOut" | "signInFactor") {
            continue;
        }
        let filled = |part: &str| match part {
            "{kind}" => "address".to_owned(),
            part if part.starts_with('{') => "1".to_owned(),
            part => part.to_owned(),
        };
        let parts: Vec<String> = operation.path.split('/').map(filled).collect();
        let path = parts.join("/");
        let answer = harness
            .begin(request(&operation.method, &path, &cookie, &json!({})))
            .await;
        if outcome(&answer) != locked() {
            open.push(&operation.name);
        }
    }
    open.sort_unstable();
    let expect = [
        "lockSession",
        "openidUnlock",
        "sessionLock",
        "unlockPasskey",
        "unlockSession",
    ];
    assert_eq!(open, expect);
    let out = harness
        .call("DELETE", "/api/v1/session", &cookie, Value::Null)
        .await;
    assert_eq!(out.status, 204, "one may leave");
    assert_eq!(harness.get(LOCK, &cookie).await.status, 401);
}

#[tokio::test]
async fn a_locked_session_says_whose_it_is_and_goes_on_after_the_password() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let cookie = harness.signed_in("lan", "moh").await;
    let other = harness.signed_in("minh", "moh").await;
    let open = harness.get(LOCK, &cookie).await.json();
    assert_eq!(open["is_locked"], json!(false));
    assert_eq!(open["setting"]["after_minutes"], json!(15));
    harness.lock(&cookie).await;
    harness.lock(&cookie).await;
    let shut = harness.get(LOCK, &cookie).await.json();
    let keys: Vec<&String> = shut.as_object().unwrap().keys().collect();
    let expect = [
        "is_locked",
        "user_name",
        "display_name",
        "language",
        "has_password",
        "has_passkey",
        "providers",
        "setting",
    ];
    assert_eq!(keys, expect, "who it is, and what unlocks it; nothing else");
    assert_eq!(
        (&shut["is_locked"], &shut["user_name"], &shut["setting"]),
        (&json!(true), &json!("lan"), &Value::Null)
    );
    assert_eq!(outcome(&harness.get("/api/v1/session", &cookie).await), locked());
    assert_eq!(
        harness.get("/api/v1/alerts", &other).await.status,
        200,
        "another's"
    );
    let wrong = harness.unlock(&cookie, "not the password").await;
    assert_eq!(outcome(&wrong), (403, "wrong_password".to_owned()));
    assert_eq!(outcome(&harness.get("/api/v1/alerts", &cookie).await), locked());
    assert_eq!(harness.unlock(&cookie, PASSWORD).await.status, 204);
    assert_eq!(harness.get("/api/v1/alerts", &cookie).await.status, 200);

    harness.lock(&cookie).await;
    for failure in 1..5 {
        let wrong = harness.unlock(&cookie, "not the password").await;
        assert_eq!(
            outcome(&wrong),
            (403, "wrong_password".to_owned()),
            "{failure}: {wrong:?}"
        );
    }
    let last = harness.unlock(&cookie, "not the password").await;
    assert!(matches!(last.status.as_u16(), 401 | 429), "{last:?}");
}

#[tokio::test]
async fn five_wrong_passwords_in_a_browser_that_is_known_end_the_session() {
    let Some((harness, _keys)) = start().await else {
        return;
    };
    testing::member(&harness.database, "lan", "moh", &[Role::Analyst]).await;
    let body = json!({ "user_name": "lan", "password": PASSWORD });
    let entered = harness.call("POST", "/api/v1/session", "", body).await;
    let cookies: Vec<String> = entered
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|value| value.to_str().unwrap().split(';').next().unwrap().to_owned())
        .collect();
    let cookie = cookies.join("; ");
    harness.lock(&cookie).await;
    for failure in 1..5 {
        let wrong = harness.unlock(&cookie, "not the password").await;
        assert_eq!(wrong.status, 403, "{failure}: {wrong:?}");
    }
    let last = harness.unlock(&cookie, "not the password").await;
    assert_eq!(outcome(&last), (401, "unauthenticated".to_owned()));
    let late = harness.unlock(&cookie, PASSWORD).await;
    assert_eq!(late.status, 401, "it has ended: {late:?}");
}

#[tokio::test]
async fn a_live_stream_ends_with_the_lock_and_none_is_opened() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let cookie = harness.signed_in("lan", "moh").await;
    let open = || request("GET", "/api/v1/alerts/stream", &cookie, &Value::Null);
    let response = harness.app.clone().oneshot(open()).await.unwrap();
    let mut stream = Body::into_data_stream(response.into_body());
    stream.next().await.unwrap().unwrap();
    harness.lock(&cookie).await;
    let end = tokio::time::timeout(Duration::from_secs(1), stream.next()).await;
    assert!(end.unwrap().is_none(), "it tells nothing more");
    assert_eq!(outcome(&harness.send(open()).await), locked());
}

#[tokio::test]
async fn a_passkey_of_ones_own_unlocks_and_confirms_nothing() {
    let Some((harness, _keys)) = start().await else {
        return;
    };
    let (key, others) = (SoftKey::default(), SoftKey::default());
    let cookie = harness.signed_in("lan", "moh").await;
    assert_eq!(harness.add(&key, &cookie, "Laptop").await.status, 201);
    let other = harness.signed_in("minh", "moh").await;
    assert_eq!(harness.add(&others, &other, "Laptop").await.status, 201);
    harness.lock(&cookie).await;
    let path = "/api/v1/session/unlock/passkey";
    let wrong = harness.answer(&others).await;
    let refused = harness.call("POST", path, &cookie, wrong).await;
    assert_eq!(outcome(&refused), (403, "passkey".to_owned()));
    let answer = harness.answer(&key).await;
    let unlocked = harness.call("POST", path, &cookie, answer.clone()).await;
    assert_eq!(unlocked.status, 204, "{unlocked:?}");
    assert_eq!(harness.get("/api/v1/alerts", &cookie).await.status, 200);
    let removed = harness
        .call("DELETE", "/api/v1/account/totp", &cookie, Value::Null)
        .await;
    assert_eq!(outcome(&removed), (403, "confirm_first".to_owned()));
    harness.lock(&cookie).await;
    let again = harness.call("POST", path, &cookie, answer).await;
    assert_eq!(again.status, 403, "an answer counts once");
}

#[tokio::test]
async fn who_locked_is_written_down_and_the_nation_may_set_a_maximum() {
    let Some((harness, _keys)) = start().await else {
        return;
    };
    let admin = harness.strong("admin", "vn", &[Role::SystemAdministrator]).await;
    let cookie = harness.signed_in("lan", "moh").await;
    let choose = async |minutes: i32| {
        let body = json!({ "minutes": minutes });
        harness.call("PUT", "/api/v1/account/lock", &cookie, body).await
    };
    let off = choose(0).await;
    assert_eq!(
        (off.status.as_u16(), &off.json()["after_minutes"]),
        (200, &Value::Null),
        "{off:?}"
    );
    let set = async |most: Value| {
        let body = json!({ "passkey_roles": [], "lock_minutes_max": most });
        harness
            .call("PUT", "/api/v1/settings/sign-in", &admin, body)
            .await
    };
    let wrong = set(json!(7)).await;
    assert_eq!(
        (
            wrong.status.as_u16(),
            wrong.json().pointer("/error/field").cloned()
        ),
        (400, Some(json!("lock_minutes_max")))
    );
    let rules = set(json!(10)).await;
    assert_eq!(rules.json()["lock_minutes_max"], json!(10), "{rules:?}");
    let lock = harness.get(LOCK, &cookie).await.json();
    assert_eq!(
        (&lock["setting"]["after_minutes"], &lock["setting"]["own_minutes"]),
        (&json!(10), &json!(0))
    );
    assert_eq!(choose(15).await.status, 400);
    let by_itself = json!({ "by_itself": true });
    assert_eq!(harness.call("POST", LOCK, &cookie, by_itself).await.status, 204);
    let auditor = harness.strong("auditor", "vn", &[Role::Auditor]).await;
    let log = harness
        .get("/api/v1/audit?action=session.lock", &auditor)
        .await
        .json();
    assert_eq!(log.pointer("/items/0/detail/by"), Some(&json!("itself")), "{log}");
}
