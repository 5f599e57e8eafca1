//! Passkeys, with an authenticator in software.

use serde_json::{Value, json};
use vonggac_database::testing::PASSWORD;
use vonggac_passkey::Site;
use vonggac_passkey::testing::{SoftKey, client_data, to_text};

use super::factors::start;
use super::{Answer, Harness};

const PASSKEYS: &str = "/api/v1/account/passkeys";
const SIGN_IN: &str = "/api/v1/session/passkey";

fn site() -> Site {
    Site {
        id: "localhost".into(),
        origin: "http://localhost:0".into(),
    }
}

impl Harness {
    pub(super) async fn add(&self, key: &SoftKey, cookie: &str, name: &str) -> Answer {
        let offer = self
            .call("POST", "/api/v1/account/passkeys/offer", cookie, Value::Null)
            .await;
        if offer.status != 200 {
            return offer;
        }
        let offer = offer.json();
        assert_eq!(offer["site"], json!("localhost"));
        let challenge = offer["challenge"].as_str().unwrap();
        let body = json!({
            "name": name,
            "client_data": to_text(&client_data("webauthn.create", challenge, &site().origin)),
            "attestation_object": to_text(&key.attestation_object(&site())),
        });
        self.call("POST", PASSKEYS, cookie, body).await
    }

    pub(super) async fn answer(&self, key: &SoftKey) -> Value {
        let asked = self
            .call("POST", "/api/v1/session/passkey/challenge", "", Value::Null)
            .await
            .json();
        let answer = key.answer(&site(), asked["challenge"].as_str().unwrap());
        json!({
            "credential_id": to_text(&key.id),
            "client_data": to_text(&answer.client_data),
            "authenticator_data": to_text(&answer.authenticator_data),
            "signature": to_text(&answer.signature),
        })
    }

    pub(super) async fn enter(&self, body: Value) -> Answer {
        self.call("POST", SIGN_IN, "", body).await
    }
}

#[tokio::test]
async fn a_passkey_signs_in_by_itself_and_makes_the_password_half() {
    let Some((harness, _directory)) = start().await else {
        return;
    };
    let cookie = harness.signed_in("lan", "moh").await;
    let key = SoftKey::default();
    let added = harness.add(&key, &cookie, "Laptop").await;
    assert_eq!(added.status, 201, "{added:?}");
    let codes = added.json()["codes"].as_array().map(Vec::len);
    assert_eq!(
        codes,
        Some(10),
        "with the first second factor come recovery codes"
    );
    assert_eq!(
        harness.add(&key, &cookie, "Again").await.status,
        409,
        "the same passkey twice"
    );
    let second = harness.add(&SoftKey::default(), &cookie, "Phone").await;
    assert_eq!(
        (second.status.as_u16(), &second.json()["codes"]),
        (201, &Value::Null)
    );

    let body = json!({ "user_name": "lan", "password": PASSWORD });
    let half = harness.call("POST", "/api/v1/session", "", body).await;
    assert_eq!(
        (half.status.as_u16(), half.json()),
        (202, json!({ "code_needed": true, "has_passkey": true }))
    );
    let answer = harness.answer(&key).await;
    let signed = harness.enter(answer.clone()).await;
    assert_eq!(signed.status, 200, "{signed:?}");
    assert_eq!(signed.json()["user_name"], json!("lan"));
    let security = harness
        .get("/api/v1/account/security", &signed.cookie())
        .await
        .json();
    assert_eq!(
        (&security["is_strong"], &security["passkeys"]),
        (&json!(true), &json!(2))
    );
    assert_eq!(harness.enter(answer).await.status, 403, "an answer counts once");

    let listed = harness.get(PASSKEYS, &signed.cookie()).await.json();
    assert_eq!(
        (&listed[0]["name"], &listed[1]["name"]),
        (&json!("Laptop"), &json!("Phone"))
    );
    assert!(listed[0]["last_used_at"].is_string() && listed[1]["last_used_at"].is_null());
    for index in [0, 1] {
        let id = listed[index]["id"].as_str().unwrap();
        let path = format!("{PASSKEYS}/{id}");
        let removed = harness.call("DELETE", &path, &signed.cookie(), Value::Null).await;
        assert_eq!(removed.status, 204);
    }
    let late = harness.answer(&key).await;
    assert_eq!(
        harness.enter(late).await.status,
        403,
        "a removed passkey is worth nothing"
    );
    let body = json!({ "user_name": "lan", "password": PASSWORD });
    assert_eq!(
        harness.call("POST", "/api/v1/session", "", body).await.status,
        200
    );
}

#[tokio::test]
async fn answers_that_do_not_count_say_nothing_of_accounts() {
    let Some((harness, _directory)) = start().await else {
        return;
    };
    let cookie = harness.signed_in("lan", "moh").await;
    let mut key = SoftKey::default();
    harness.add(&key, &cookie, "Laptop").await;
    let unknown = harness.answer(&SoftKey::default()).await;
    let mut foreign = harness.answer(&SoftKey::default()).await;
    foreign["credential_id"] = json!(to_text(&key.id));
    let (unknown, foreign) = (harness.enter(unknown).await, harness.enter(foreign).await);
    assert_eq!(
        (unknown.status.as_u16(), &unknown.text),
        (403, &foreign.text),
        "of nobody, and of somebody with a wrong signature"
    );
    key.flags = 0x01;
    let unverified = harness.answer(&key).await;
    assert_eq!(harness.enter(unverified).await.status, 403, "no PIN, no finger");
    key.flags = 0x05;

    let mut old = harness.answer(&key).await;
    let forged = to_text(&client_data("webauthn.get", &to_text(&[0; 56]), &site().origin));
    old["client_data"] = json!(forged);
    assert_eq!(
        harness.enter(old).await.status,
        403,
        "a challenge of somebody else's"
    );
    let late = harness.answer(&key).await;
    harness.pass(5 * 60_000_000);
    assert_eq!(harness.enter(late).await.status, 403, "too late");

    key.sign_count = 5;
    let counts = harness.answer(&key).await;
    assert_eq!(harness.enter(counts).await.status, 200);
    let copied = harness.answer(&key).await;
    assert_eq!(
        harness.enter(copied).await.status,
        403,
        "a count that stands still"
    );
    let broken =
        json!({ "credential_id": "!", "client_data": "", "authenticator_data": "", "signature": "" });
    assert_eq!(harness.enter(broken).await.status, 400);
}

#[tokio::test]
async fn a_passkey_confirms_its_owner_alone() {
    let Some((harness, _directory)) = start().await else {
        return;
    };
    let lan = harness.signed_in("lan", "moh").await;
    let minh = harness.signed_in("minh", "moh").await;
    let (lans, minhs) = (SoftKey::default(), SoftKey::default());
    harness.add(&lans, &lan, "Laptop").await;
    harness.add(&minhs, &minh, "Laptop").await;
    harness.pass(6 * 60_000_000);
    let stale = harness.add(&SoftKey::default(), &lan, "Phone").await;
    assert_eq!(
        (stale.status.as_u16(), stale.code().as_str()),
        (403, "confirm_first")
    );
    let confirm = async |key: &SoftKey| {
        let body = harness.answer(key).await;
        let path = "/api/v1/session/confirm/passkey";
        harness.call("POST", path, &lan, body).await.status.as_u16()
    };
    assert_eq!(confirm(&minhs).await, 403);
    assert_eq!(harness.add(&SoftKey::default(), &lan, "Phone").await.status, 403);
    assert_eq!(confirm(&lans).await, 204);
    assert_eq!(harness.add(&SoftKey::default(), &lan, "Phone").await.status, 201);
}
