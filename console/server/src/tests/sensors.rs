//! Sensors over HTTP: a token becomes a credential once, what is not one's own is not there, and what is revoked stays so.

use axum::http::StatusCode;
use serde_json::{Value, json};
use vonggac_access::Role;
use vonggac_database::testing;
use vonggac_enrolment::{Credential, MasterKey, open, seal};

use super::factors::start;
use super::{Answer, Harness};

const PATH: &str = "/api/v1/sensors";
const HOUR_US: i64 = 3_600_000_000;

/// The key of [`start`].
fn master() -> MasterKey {
    MasterKey::new([0x5a; 32])
}

async fn prepare(harness: &Harness, cookie: &str, name: &str, organisation: &str) -> Answer {
    let body = json!({ "name": name, "organisation": organisation, "note": "hall 2" });
    harness.call("POST", PATH, cookie, body).await
}

async fn enrol(harness: &Harness, token: &str) -> Answer {
    let path = "/api/v1/sensors/enrol";
    harness.call("POST", path, "", json!({ "token": token })).await
}

fn text(answer: &Answer, pointer: &str) -> String {
    let json = answer.json();
    let found = json.pointer(pointer).and_then(Value::as_str);
    found
        .unwrap_or_else(|| panic!("{pointer} of {answer:?}"))
        .to_owned()
}

/// What a manager of the ministry of health prepared: the sensor's path, and its token.
async fn prepared(harness: &Harness, manager: &str, name: &str) -> (String, String) {
    let answer = prepare(harness, manager, name, "moh").await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    let path = format!("{PATH}/{}", text(&answer, "/sensor/id"));
    (path, text(&answer, "/token/token"))
}

#[tokio::test]
async fn a_token_becomes_a_credential_once_whose_seal_opens() {
    let Some((harness, _keys)) = start().await else {
        return;
    };
    let manager = harness
        .strong("manager", "moh", &[Role::OrganisationManager])
        .await;
    let (path, token) = prepared(&harness, &manager, "tap-1").await;
    let waiting = harness.get(&path, &manager).await;
    assert_eq!(text(&waiting, "/state"), "waiting");
    assert!(!waiting.text.contains(&token), "a token is told once");

    let enrolled = enrol(&harness, &token).await;
    assert_eq!(enrolled.status, StatusCode::CREATED, "{enrolled:?}");
    let credential = Credential::read(&enrolled.text).unwrap();
    assert_eq!(enrolled.text, credential.to_text());
    assert_eq!(
        (
            credential.name.as_str(),
            credential.organisation.as_str(),
            credential.generation
        ),
        ("tap-1", "moh", 1)
    );
    let sealed = seal(&credential, b"event");
    assert_eq!(open(&master(), &sealed).unwrap().message, b"event");

    let (used, wrong) = (enrol(&harness, &token).await, enrol(&harness, "no token").await);
    assert_eq!((used.status, &used.text), (StatusCode::NOT_FOUND, &wrong.text));
    let shown = harness.get(&path, &manager).await;
    assert_eq!(text(&shown, "/state"), "silent", "nobody has heard of it");
    let steps: Vec<Value> = serde_json::from_value(shown.json()["history"].clone()).unwrap();
    let steps: Vec<(&Value, &Value)> = steps
        .iter()
        .map(|step| (&step["step"], &step["by"]["display_name"]))
        .collect();
    assert_eq!(
        steps,
        [
            (&json!("enrol"), &Value::Null),
            (&json!("prepare"), &json!("manager"))
        ]
    );
}

#[tokio::test]
async fn renewing_and_revoking_are_told_and_a_revoked_name_is_free() {
    let Some((harness, _keys)) = start().await else {
        return;
    };
    let manager = harness
        .strong("manager", "moh", &[Role::OrganisationManager])
        .await;
    let (path, token) = prepared(&harness, &manager, "tap-1").await;
    enrol(&harness, &token).await;
    let act = async |what: &str| {
        let path = format!("{path}/{what}");
        harness.call("POST", &path, &manager, Value::Null).await
    };
    let renewed = act("renew").await;
    assert_eq!(renewed.status, 200, "{renewed:?}");
    let before = harness.get(&path, &manager).await.json();
    assert_eq!(before["generation"], 1, "the token is not used yet");
    let second = enrol(&harness, &text(&renewed, "/token")).await;
    assert_eq!(Credential::read(&second.text).unwrap().generation, 2);

    let taken = prepare(&harness, &manager, "TAP-1", "moh").await;
    assert_eq!(taken.status, StatusCode::CONFLICT);
    let late = text(&act("renew").await, "/token");
    let revoked = act("revoke").await;
    assert_eq!(text(&revoked, "/state"), "revoked");
    assert_eq!(revoked.json()["actions"], json!(["change"]));
    assert_eq!(enrol(&harness, &late).await.status, 404);
    assert_eq!(act("renew").await.status, StatusCode::CONFLICT);
    assert_eq!(act("revoke").await.status, StatusCode::CONFLICT);
    prepared(&harness, &manager, "tap-1").await;
    let list = harness.get(PATH, &manager).await.json();
    let counts = json!({ "waiting": 1, "active": 0, "silent": 0, "revoked": 1 });
    assert_eq!((&list["total"], &list["counts"]), (&json!(2), &counts));
    let only = harness
        .get("/api/v1/sensors?state=revoked", &manager)
        .await
        .json();
    assert_eq!(only["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_token_is_good_as_long_as_its_maker_may_make_one() {
    let Some((harness, _keys)) = start().await else {
        return;
    };
    let roles = [Role::OrganisationManager];
    let manager = harness.strong("manager", "moh", &roles).await;
    let (_, old) = prepared(&harness, &manager, "tap-1").await;
    harness.pass(25 * HOUR_US);
    assert_eq!(enrol(&harness, &old).await.status, 404, "too old");

    let account = harness.database.account_named("manager").await.unwrap();
    let manager = harness
        .cookie(
            &account,
            vonggac_database::session::Strength::Strong(vonggac_database::factor::Factor::Passkey),
        )
        .await;
    let (_, token) = prepared(&harness, &manager, "tap-2").await;
    let boss = testing::account(&harness.database, "boss", "*").await;
    let by = vonggac_database::audit::Asker::from(&boss);
    let now_us = harness.console.now_us();
    harness
        .database
        .disable_account(&by, account.id, now_us)
        .await
        .unwrap();
    assert_eq!(enrol(&harness, &token).await.status, 404, "its maker is shut out");
    harness
        .database
        .enable_account(&by, account.id, now_us)
        .await
        .unwrap();
    assert_eq!(enrol(&harness, &token).await.status, 404, "for good");
}

#[tokio::test]
async fn what_is_not_ones_own_is_not_there_and_looking_is_not_changing() {
    let Some((harness, _keys)) = start().await else {
        return;
    };
    let manager = harness
        .strong("manager", "moh", &[Role::OrganisationManager])
        .await;
    let other = harness.strong("other", "mot", &[Role::OrganisationManager]).await;
    let analyst = harness.strong("analyst", "moh", &[Role::Analyst]).await;
    let administrator = harness.strong("admin", "moh", &[Role::SystemAdministrator]).await;
    let weak = harness
        .signed_in_as("weak", "moh", &[Role::OrganisationManager])
        .await;
    let (path, _) = prepared(&harness, &manager, "tap-1").await;
    let absent = format!("{PATH}/{}", "0".repeat(32));
    for (method, rest, body) in [
        ("GET", "", Value::Null),
        ("PATCH", "", json!({ "note": "x" })),
        ("POST", "/renew", Value::Null),
        ("POST", "/revoke", Value::Null),
    ] {
        let ask = async |cookie: &str, path: &str| {
            let path = format!("{path}{rest}");
            harness.call(method, &path, cookie, body.clone()).await
        };
        let (foreign, nothing) = (ask(&other, &path).await, ask(&other, &absent).await);
        assert_eq!(
            (foreign.status, &foreign.text),
            (StatusCode::NOT_FOUND, &nothing.text),
            "{method} {rest}"
        );
        if method != "GET" {
            assert_eq!(ask(&analyst, &path).await.status, 404, "{method} {rest}");
            let weakly = ask(&weak, &path).await;
            assert_eq!(weakly.code(), "factor_first", "{method} {rest}");
        }
    }
    let seen = harness.get(&path, &analyst).await;
    assert_eq!(seen.json()["actions"], json!([]));
    assert_eq!(harness.get(PATH, &other).await.json()["total"], 0);
    assert_eq!(prepare(&harness, &manager, "tap-2", "mot").await.status, 404);
    let beneath = prepare(&harness, &administrator, "tap-2", "moh-it").await;
    assert_eq!(beneath.status, StatusCode::CREATED, "{beneath:?}");
    let places = harness.get("/api/v1/sensors/places", &manager).await.json();
    let places: Vec<(&Value, &Value)> = places["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|place| (&place["organisation"]["code"], &place["can_add"]))
        .collect();
    let yes = json!(true);
    assert_eq!(places, [(&json!("moh"), &yes), (&json!("moh-it"), &yes)]);
}

#[tokio::test]
async fn without_the_key_nothing_is_enrolled_and_that_is_said() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let manager = harness
        .strong("manager", "moh", &[Role::OrganisationManager])
        .await;
    for answer in [
        prepare(&harness, &manager, "tap-1", "moh").await,
        enrol(&harness, "x").await,
    ] {
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::SERVICE_UNAVAILABLE, "no_sensor_key")
        );
    }
    let places = harness.get("/api/v1/sensors/places", &manager).await.json();
    assert_eq!(places["can_enrol"], false);
}

#[tokio::test]
async fn who_guesses_tokens_is_held_back() {
    let Some((harness, _keys)) = start().await else {
        return;
    };
    let mut last = enrol(&harness, "x").await;
    for _ in 0..50 {
        last = enrol(&harness, "x").await;
    }
    assert_eq!(last.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(last.headers.contains_key("retry-after"));
}
