//! Administration of people: who may, what is answered to others, and that shut accounts are out at once.

use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use vonggac_access::Role;
use vonggac_database::testing;

use super::{Answer, Harness, request};

const CHOSEN: &str = "another long test phrase";

fn invitation(user_name: &str, organisation: &str, roles: &[(&str, &str)]) -> Value {
    let memberships: Vec<Value> = roles
        .iter()
        .map(|(role, at)| json!({ "role": role, "organisation": at }))
        .collect();
    json!({ "user_name": user_name, "display_name": user_name, "language": "vi",
        "organisation": organisation, "memberships": memberships })
}

async fn invite(harness: &Harness, cookie: &str, body: Value) -> Answer {
    harness.call("POST", "/api/v1/accounts", cookie, body).await
}

async fn id_of(harness: &Harness, user_name: &str) -> i64 {
    harness.database.account_named(user_name).await.unwrap().id.0
}

fn secret_of(link: &Value) -> String {
    let path = link.get("path").and_then(Value::as_str).unwrap();
    path.strip_prefix("/welcome#").unwrap().to_owned()
}

#[tokio::test]
async fn an_invited_analyst_signs_in_and_sees_one_organisation_alone() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let alerts = [testing::alert(1, "moh", 1), testing::alert(2, "mot", 1)];
    harness.database.take_alerts(&alerts).await.unwrap();
    let boss = harness.strong("boss", "vn", &[Role::OrganisationManager]).await;
    let made = invite(&harness, &boss, invitation("lan", "moh", &[("analyst", "moh")])).await;
    assert_eq!(made.status, 201, "{made:?}");
    let made = made.json();
    assert_eq!(made.pointer("/account/state"), Some(&json!("invited")));
    let secret = secret_of(made.get("link").unwrap());
    let asked = harness
        .call("POST", "/api/v1/welcome", "", json!({ "secret": secret }))
        .await;
    assert_eq!(asked.json().get("user_name"), Some(&json!("lan")));
    let body = json!({ "secret": secret, "password": CHOSEN });
    let accept = async || {
        harness
            .call("POST", "/api/v1/welcome/password", "", body.clone())
            .await
    };
    assert_eq!(accept().await.status, 200);
    let used = accept().await;
    let wrong = json!({ "secret": "0".repeat(64), "password": CHOSEN });
    let wrong = harness.call("POST", "/api/v1/welcome/password", "", wrong).await;
    assert_eq!((used.status, &used.text), (StatusCode::NOT_FOUND, &wrong.text));

    let body = json!({ "user_name": "lan", "password": CHOSEN });
    let lan = harness.call("POST", "/api/v1/session", "", body).await.cookie();
    let queue = harness.get("/api/v1/alerts", &lan).await.json();
    assert_eq!(queue.pointer("/total"), Some(&json!(1)));
    assert_eq!(queue.pointer("/items/0/tenant"), Some(&json!("moh")));
    assert_eq!(harness.get("/api/v1/accounts", &lan).await.status, 404);
}

#[tokio::test]
async fn what_is_not_ones_to_give_or_to_see_is_not_there() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let manager = harness
        .strong("manager", "moh", &[Role::OrganisationManager])
        .await;
    let lead = harness.strong("lead", "moh", &[Role::ShiftLead]).await;
    let weak = harness
        .signed_in_as("weak", "moh", &[Role::OrganisationManager])
        .await;
    for (user_name, at) in [("own", "moh"), ("unit", "moh-it"), ("foreign", "mot")] {
        testing::account(&harness.database, user_name, at).await;
    }
    let auditor = testing::member(&harness.database, "checks", "moh", &[Role::Auditor]).await;
    let nobody = async |cookie: &str, body: Value| {
        let refused = invite(&harness, cookie, body).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code().as_str()),
            (404, "not_found")
        );
    };
    nobody(&lead, invitation("x", "moh", &[])).await;
    nobody(&manager, invitation("x", "mot", &[])).await;
    nobody(&manager, invitation("x", "moh", &[("analyst", "mot")])).await;
    nobody(&manager, invitation("x", "moh", &[("auditor", "moh")])).await;
    let weakly = invite(&harness, &weak, invitation("x", "moh", &[])).await;
    assert_eq!(
        (weakly.status.as_u16(), weakly.code().as_str()),
        (403, "factor_first")
    );

    let foreign = id_of(&harness, "foreign").await;
    let own = id_of(&harness, "own").await;
    for (method, rest, body) in [
        ("GET", "", Value::Null),
        ("PATCH", "", json!({ "display_name": "X" })),
        ("POST", "/reset", json!({})),
        ("POST", "/disable", json!({})),
        ("POST", "/enable", json!({})),
        ("GET", "/sessions", Value::Null),
        ("DELETE", "/sessions/1", Value::Null),
        ("GET", "/memberships", Value::Null),
        (
            "POST",
            "/memberships",
            json!({ "role": "viewer", "organisation": "moh" }),
        ),
        ("DELETE", "/memberships/1", Value::Null),
        ("POST", "/memberships/1/approve", json!({})),
    ] {
        let ask = async |cookie: &str, id: i64| {
            let path = format!("/api/v1/accounts/{id}{rest}");
            harness.call(method, &path, cookie, body.clone()).await
        };
        for cookie in [&manager, &lead, &weak] {
            let (one, other) = (ask(cookie, foreign).await, ask(cookie, i64::MAX).await);
            assert_eq!(one.status, 404, "{method} {rest}");
            assert_eq!(
                (one.status, &one.text),
                (other.status, &other.text),
                "{method} {rest}"
            );
            let names =
                |answer: &Answer| -> Vec<String> { answer.headers.keys().map(ToString::to_string).collect() };
            assert_eq!(names(&one), names(&other), "{method} {rest}");
        }
        let changes = method != "GET";
        if changes {
            let refused = ask(&lead, own).await;
            assert_eq!(refused.status, 404, "a lead looks on: {method} {rest}");
        }
    }
    let list = harness.get("/api/v1/accounts", &manager).await.json();
    assert_eq!(list.get("total"), Some(&json!(6)), "{list}");
    let reset = async |id: i64| {
        let path = format!("/api/v1/accounts/{id}/reset");
        harness.call("POST", &path, &manager, json!({})).await.status
    };
    assert_eq!(reset(own).await, 200);
    assert_eq!(
        reset(auditor.id.0).await,
        404,
        "an auditor's role is not a manager's to give"
    );
    let himself = id_of(&harness, "manager").await;
    assert_eq!(reset(himself).await, 404);
}

#[tokio::test]
async fn who_could_sign_in_as_somebody_must_reach_all_that_he_reaches() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let boss = harness.strong("boss", "vn", &[Role::OrganisationManager]).await;
    let manager = harness
        .strong("manager", "moh", &[Role::OrganisationManager])
        .await;
    testing::account(&harness.database, "lan", "moh").await;
    let lan = id_of(&harness, "lan").await;
    let path = format!("/api/v1/accounts/{lan}");
    let grant = json!({ "role": "analyst", "organisation": "mot" });
    let granted = harness
        .call("POST", &format!("{path}/memberships"), &boss, grant)
        .await;
    assert_eq!(granted.status, 201, "{granted:?}");
    let reset = async |cookie: &str| {
        let answer = harness
            .call("POST", &format!("{path}/reset"), cookie, json!({}))
            .await;
        answer.status.as_u16()
    };
    assert_eq!((reset(&manager).await, reset(&boss).await), (404, 200));
    let seen = harness.get(&path, &manager).await.json();
    let memberships = seen.get("memberships").and_then(Value::as_array).unwrap();
    assert_eq!(memberships.len(), 1, "what he has elsewhere is not shown");
    assert!(
        !seen.get("actions").unwrap().to_string().contains("reset"),
        "{seen}"
    );
}

#[tokio::test]
async fn a_role_that_takes_two_waits_for_another_person() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let one = harness.strong("one", "vn", &[Role::OrganisationManager]).await;
    let two = harness.strong("two", "vn", &[Role::OrganisationManager]).await;
    testing::member(&harness.database, "lan", "moh", &[]).await;
    let path = format!("/api/v1/accounts/{}/memberships", id_of(&harness, "lan").await);
    let wanted = json!({ "role": "organisation-manager", "organisation": "moh" });
    harness.call("POST", &path, &one, wanted).await;
    let waiting = async |cookie: &str| harness.get("/api/v1/memberships/waiting", cookie).await.json();
    let (own, others) = (waiting(&one).await, waiting(&two).await);
    assert_eq!(own.pointer("/items/0/actions"), Some(&json!(["end"])));
    assert_eq!(
        others.pointer("/items/0/actions"),
        Some(&json!(["approve", "end"]))
    );
    let id = others.pointer("/items/0/id").and_then(Value::as_str).unwrap();
    let approve = async |cookie: &str| {
        let path = format!("{path}/{id}/approve");
        harness
            .call("POST", &path, cookie, json!({}))
            .await
            .status
            .as_u16()
    };
    assert_eq!(approve(&one).await, 404);
    assert_eq!(approve(&two).await, 204);
    assert_eq!(approve(&two).await, 404, "once");
    assert_eq!(waiting(&two).await, json!({ "items": [] }));
    let ended = harness
        .call(
            "DELETE",
            &format!("{path}/{id}?until=2020-01-01"),
            &two,
            Value::Null,
        )
        .await;
    assert_eq!(ended.status, 400, "the past stays as it was");
    let ended = harness
        .call("DELETE", &format!("{path}/{id}"), &two, Value::Null)
        .await;
    assert_eq!(ended.status, 204);
}

#[tokio::test]
async fn nobody_is_let_in_alone_where_a_role_takes_two() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let one = harness.strong("one", "vn", &[Role::OrganisationManager]).await;
    let two = harness.strong("two", "vn", &[Role::OrganisationManager]).await;
    let roles = [("organisation-manager", "moh")];
    let made = invite(&harness, &one, invitation("lan", "moh", &roles))
        .await
        .json();
    assert_eq!(made.pointer("/link/takes_two"), Some(&json!(true)));
    let secret = secret_of(made.get("link").unwrap());
    let choose = async |code: &str| {
        let body = json!({ "secret": secret, "password": CHOSEN, "code": code });
        harness.call("POST", "/api/v1/welcome/password", "", body).await
    };
    let alone = choose("").await;
    assert_eq!((alone.status.as_u16(), alone.code().as_str()), (400, "invalid"));
    let path = format!("/api/v1/accounts/{}", id_of(&harness, "lan").await);
    let second = async |cookie: &str| {
        let path = format!("{path}/reset/second");
        harness.call("POST", &path, cookie, json!({})).await
    };
    let offered = async |cookie: &str| {
        let account = harness.get(&path, cookie).await.json();
        account
            .get("actions")
            .unwrap()
            .to_string()
            .contains("second_link")
    };
    assert!(!offered(&one).await && offered(&two).await);
    assert_eq!(second(&one).await.status, 409);
    let code = second(&two).await.json();
    assert!(!offered(&two).await, "it waits no more");
    let asked = harness
        .call("POST", "/api/v1/welcome", "", json!({ "secret": secret }))
        .await;
    assert_eq!(asked.json().get("takes_two"), Some(&json!(true)));
    let code = code.get("code").and_then(Value::as_str).unwrap();
    assert_eq!(choose(code).await.status, 200);
}

#[tokio::test]
async fn who_is_not_sure_enough_is_not_told_of_what_is_not_his() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let weak = harness
        .signed_in_as("weak", "moh", &[Role::OrganisationManager])
        .await;
    let roles = [("analyst", "moh"), ("analyst", "mot")];
    let mixed = invite(&harness, &weak, invitation("x", "moh", &roles)).await;
    assert_eq!((mixed.status.as_u16(), mixed.code().as_str()), (404, "not_found"));
    let past = json!({ "role": "viewer", "organisation": "moh", "from": "2020-01-01" });
    let manager = harness
        .strong("manager", "moh", &[Role::OrganisationManager])
        .await;
    testing::member(&harness.database, "lan", "moh", &[]).await;
    let path = format!("/api/v1/accounts/{}/memberships", id_of(&harness, "lan").await);
    let refused = harness.call("POST", &path, &manager, past).await;
    assert_eq!(refused.status, 400, "the past stays as it was");
}

#[tokio::test]
async fn a_disabled_account_is_out_within_a_second() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let boss = harness.strong("boss", "vn", &[Role::OrganisationManager]).await;
    let lan = harness.signed_in("lan", "moh").await;
    let open = request("GET", "/api/v1/alerts/stream", &lan, &Value::Null);
    let response = harness.app.clone().oneshot(open).await.unwrap();
    let mut stream = Body::into_data_stream(response.into_body());
    stream.next().await.unwrap().unwrap();
    let id = id_of(&harness, "lan").await;
    let path = format!("/api/v1/accounts/{id}");
    let sessions = harness.get(&format!("{path}/sessions"), &boss).await.json();
    assert_eq!(sessions.as_array().map(Vec::len), Some(1));
    let call = async |what: &str| {
        let path = format!("{path}/{what}");
        harness
            .call("POST", &path, &boss, json!({}))
            .await
            .status
            .as_u16()
    };
    assert_eq!(call("disable").await, 204);
    let end = tokio::time::timeout(Duration::from_secs(1), stream.next()).await;
    assert!(end.unwrap().is_none(), "the stream has ended");
    assert_eq!(harness.get("/api/v1/session", &lan).await.status, 401);
    assert_eq!((call("disable").await, call("reset").await), (409, 409));
    assert_eq!(call("enable").await, 204);
    assert_eq!(
        harness.get("/api/v1/session", &lan).await.status,
        401,
        "what ended stays ended"
    );
}

#[tokio::test]
async fn a_role_that_ends_counts_no_more_in_a_session_that_goes_on() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let boss = harness.strong("boss", "vn", &[Role::OrganisationManager]).await;
    let lan = harness
        .signed_in_as("lan", "moh", &[Role::Analyst, Role::ShiftLead])
        .await;
    assert_eq!(harness.get("/api/v1/accounts", &lan).await.status, 200);
    let path = format!("/api/v1/accounts/{}/memberships", id_of(&harness, "lan").await);
    let list = harness.get(&path, &boss).await.json();
    let items = list.get("items").and_then(Value::as_array).unwrap();
    let lead = items
        .iter()
        .find(|one| one.get("role") == Some(&json!("shift-lead")));
    let id = lead.unwrap().get("id").and_then(Value::as_str).unwrap();
    let ended = harness
        .call("DELETE", &format!("{path}/{id}"), &boss, Value::Null)
        .await;
    assert_eq!(ended.status, 204);
    assert_eq!(harness.get("/api/v1/accounts", &lan).await.status, 404);
    assert_eq!(harness.get("/api/v1/alerts", &lan).await.status, 200);
}

#[tokio::test]
async fn one_is_offered_what_one_may_give() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let manager = harness
        .strong("manager", "moh", &[Role::OrganisationManager])
        .await;
    let places = harness.get("/api/v1/accounts/places", &manager).await.json();
    let items = places.get("items").and_then(Value::as_array).unwrap();
    let codes: Vec<&Value> = items
        .iter()
        .filter_map(|one| one.pointer("/organisation/code"))
        .collect();
    assert_eq!(codes, ["moh", "moh-it"]);
    let gifts = items[0].get("gifts").unwrap().to_string();
    assert!(gifts.contains(r#"{"role":"analyst","waits":false}"#), "{gifts}");
    assert!(
        gifts.contains(r#"{"role":"organisation-manager","waits":true}"#),
        "{gifts}"
    );
    assert!(!gifts.contains("auditor"), "{gifts}");
    let lead = harness.signed_in_as("lead", "moh", &[Role::ShiftLead]).await;
    let places = harness.get("/api/v1/accounts/places", &lead).await.json();
    assert_eq!(places.pointer("/items/0/gifts"), Some(&json!([])));
    assert_eq!(places.pointer("/items/0/can_invite"), Some(&json!(false)));
}
