//! Roles that take a passkey: whoever has one and signed in otherwise may register or use a passkey, and nothing else.

use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use vonggac_access::Role;
use vonggac_database::factor::Factor;
use vonggac_database::session::Strength;
use vonggac_database::testing;
use vonggac_passkey::testing::SoftKey;

use super::factors::start;
use super::{Answer, Harness, document, request};

const RULES: &str = "/api/v1/settings/sign-in";

async fn set(harness: &Harness, cookie: &str, roles: &[&str]) -> Answer {
    harness
        .call("PUT", RULES, cookie, json!({ "passkey_roles": roles }))
        .await
}

fn outcome(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.code())
}

fn owes() -> (u16, String) {
    (403, "passkey_first".to_owned())
}

async fn administrator(harness: &Harness) -> String {
    harness.strong("admin", "vn", &[Role::SystemAdministrator]).await
}

#[tokio::test]
async fn who_has_such_a_role_registers_a_passkey_first_and_then_goes_on() {
    let Some((harness, _keys)) = start().await else {
        return;
    };
    let admin = administrator(&harness).await;
    let lan = harness.signed_in("lan", "moh").await;
    let minh = harness.signed_in_as("minh", "moh", &[Role::Viewer]).await;
    let open = request("GET", "/api/v1/alerts/stream", &lan, &Value::Null);
    let response = harness.app.clone().oneshot(open).await.unwrap();
    let mut stream = Body::into_data_stream(response.into_body());
    stream.next().await.unwrap().unwrap();
    let rules = set(&harness, &admin, &["analyst"]).await;
    assert_eq!(rules.status, StatusCode::OK, "{rules:?}");
    let end = tokio::time::timeout(Duration::from_secs(1), stream.next()).await;
    assert!(end.unwrap().is_none(), "a stream that goes on has ended");

    assert_eq!(outcome(&harness.get("/api/v1/alerts", &lan).await), owes());
    let patch = json!({ "display_name": "Lan" });
    assert_eq!(
        outcome(&harness.call("PATCH", "/api/v1/account", &lan, patch).await),
        owes()
    );
    let account = harness.get("/api/v1/session", &lan).await.json();
    assert_eq!(
        (&account["passkey_needed"], &account["abilities"]),
        (&json!(true), &json!([]))
    );
    assert_eq!(account["roles"], json!(["analyst"]), "he sees why");
    assert_eq!(harness.get("/api/v1/account/security", &lan).await.status, 200);
    assert_eq!(
        harness.get("/api/v1/alerts", &minh).await.status,
        200,
        "another role"
    );

    let added = harness.add(&SoftKey::default(), &lan, "Laptop").await;
    assert_eq!(added.status, 201, "{added:?}");
    assert_eq!(harness.get("/api/v1/alerts", &lan).await.status, 200);
    let account = harness.get("/api/v1/session", &lan).await.json();
    assert_eq!(account["passkey_needed"], json!(false));
    assert_eq!(set(&harness, &admin, &[]).await.status, 200);
}

#[tokio::test]
async fn who_has_a_passkey_uses_it_and_adds_no_other_without() {
    let Some((harness, _keys)) = start().await else {
        return;
    };
    let admin = administrator(&harness).await;
    let cookie = harness.signed_in("lan", "moh").await;
    let key = SoftKey::default();
    assert_eq!(harness.add(&key, &cookie, "Laptop").await.status, 201);
    assert_eq!(set(&harness, &admin, &["analyst"]).await.status, 200);
    let lan = harness.database.account_named("lan").await.unwrap();
    for factor in [Factor::Totp, Factor::RecoveryCode] {
        let weak = harness.cookie(&lan, Strength::Strong(factor)).await;
        assert_eq!(
            outcome(&harness.get("/api/v1/alerts", &weak).await),
            owes(),
            "{factor:?}"
        );
        let another = harness.add(&SoftKey::default(), &weak, "A thief's").await;
        assert_eq!(outcome(&another), owes(), "{factor:?}");
    }
    let weak = harness.cookie(&lan, Strength::Strong(Factor::Totp)).await;
    let answer = harness.answer(&key).await;
    let confirmed = harness
        .call("POST", "/api/v1/session/confirm/passkey", &weak, answer)
        .await;
    assert_eq!(confirmed.status, 204, "{confirmed:?}");
    assert_eq!(harness.get("/api/v1/alerts", &weak).await.status, 200);
    let answer = harness.answer(&key).await;
    let signed = harness.enter(answer).await;
    assert_eq!(signed.json()["passkey_needed"], json!(false));
    assert_eq!(harness.get("/api/v1/alerts", &signed.cookie()).await.status, 200);
}

#[tokio::test]
async fn whoever_owes_a_passkey_gets_nothing_of_any_operation_but_what_leads_to_one() {
    let Some((harness, _keys)) = start().await else {
        return;
    };
    let admin = administrator(&harness).await;
    assert_eq!(set(&harness, &admin, &["shift-lead"]).await.status, 200);
    let account = testing::member(&harness.database, "lead", "moh", &[Role::ShiftLead]).await;
    let lead = harness.cookie(&account, Strength::Single).await;
    let mut open: Vec<&str> = Vec::new();
    for operation in document::operations().iter().filter(|one| one.takes_session) {
        if matches!(
            operation.name.as_str(),
            "signOut" | "signInFactor" | "lockSession"
        ) {
            continue;
        }
        let filled = |part: &str| match part {
            "{kind}" => "address".to_owned(),
            part if part.starts_with('{') => "1".to_owned(),
            part => part.to_owned(),
        };
        let path = operation
            .path
            .split('/')
            .map(filled)
            .collect::<Vec<_>>()
            .join("/");
        let answer = harness
            .begin(request(&operation.method, &path, &lead, &json!({})))
            .await;
        if outcome(&answer) != owes() {
            open.push(&operation.name);
        }
    }
    open.sort_unstable();
    let expect = [
        "accountSecurity",
        "addPasskey",
        "confirmPasskey",
        "confirmSession",
        "currentSession",
        "listPasskeys",
        "offerPasskey",
        "openidConfirm",
        "openidUnlock",
        "sessionLock",
        "unlockPasskey",
        "unlockSession",
    ];
    assert_eq!(open, expect);
}

#[tokio::test]
async fn the_rule_is_the_nations_and_made_by_who_has_shown_a_passkey() {
    let Some((harness, _keys)) = start().await else {
        return;
    };
    let admin = administrator(&harness).await;
    testing::member(&harness.database, "lan", "moh", &[Role::Analyst]).await;
    testing::service(&harness.database, "siem", "moh", &[Role::Analyst]).await;
    let other = harness.strong("other", "moh", &[Role::SystemAdministrator]).await;
    for cookie in [
        &other,
        &harness
            .strong("manager", "vn", &[Role::OrganisationManager])
            .await,
    ] {
        assert_eq!(harness.get(RULES, cookie).await.status, 404);
        assert_eq!(set(&harness, cookie, &["analyst"]).await.status, 404);
    }
    let account = harness.database.account_named("admin").await.unwrap();
    let by_app = harness.cookie(&account, Strength::Strong(Factor::Totp)).await;
    assert_eq!(
        set(&harness, &by_app, &["analyst"]).await.status,
        409,
        "nobody knows that passkeys work here"
    );
    assert_eq!(
        set(&harness, &by_app, &[]).await.status,
        200,
        "to take none back takes none"
    );
    let rules = set(&harness, &admin, &["analyst", "analyst"]).await.json();
    let roles = rules["roles"].as_array().unwrap();
    let of = |name: &str| roles.iter().find(|one| one["role"] == name).unwrap();
    let analyst = of("analyst");
    assert_eq!(
        (
            &analyst["needs_passkey"],
            &analyst["people"],
            &analyst["without_passkey"]
        ),
        (&json!(true), &json!(1), &json!(1)),
        "the service is no person"
    );
    assert_eq!(of("system-administrator")["is_proposed"], json!(true));
    assert_eq!(of("viewer")["needs_passkey"], json!(false));
    assert_eq!(rules["can_change"], json!(true));
    let auditor = harness.strong("auditor", "vn", &[Role::Auditor]).await;
    assert_eq!(
        harness.get(RULES, &auditor).await.json()["can_change"],
        json!(false)
    );
    let log = harness
        .get("/api/v1/audit?action=setting.change", &auditor)
        .await
        .json();
    assert_eq!(log.pointer("/items/0/detail/roles"), Some(&json!("analyst")));
}
