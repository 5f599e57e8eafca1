//! Services and tokens over HTTP: what a program gets with one, what it never gets, and that a revoked one is out at once.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use vonggac_access::Role;
use vonggac_database::audit::Asker;
use vonggac_database::testing::{self, alert};
use vonggac_database::{Account, TokenId};

use super::{Answer, Harness, document};

const PATH: &str = "/api/v1/services";
const DAY_US: i64 = 24 * 3600 * 1_000_000;

/// A request as a program sends it: no browser's headers, and no cookie.
fn by_token(method: &str, path: &str, token: &str, body: &Value) -> Request<Body> {
    let builder = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "soc.example")
        .header("authorization", format!("Bearer {token}"));
    if body.is_null() {
        return builder.body(Body::empty()).unwrap();
    }
    let text = body.to_string();
    builder
        .header("content-type", "application/json")
        .header("content-length", text.len())
        .body(Body::from(text))
        .unwrap()
}

async fn call(harness: &Harness, method: &str, path: &str, token: &str, body: Value) -> Answer {
    harness.send(by_token(method, path, token, &body)).await
}

async fn get(harness: &Harness, path: &str, token: &str) -> Answer {
    call(harness, "GET", path, token, Value::Null).await
}

fn outcome(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.code())
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

fn text(answer: &Answer, pointer: &str) -> String {
    let json = answer.json();
    let found = json.pointer(pointer).and_then(Value::as_str);
    found
        .unwrap_or_else(|| panic!("{pointer} of {answer:?}"))
        .to_owned()
}

/// A service of the ministry of health whose token has that scope.
async fn siem(harness: &Harness, roles: &[Role], scope: &[&str]) -> (Account, TokenId, String) {
    let database = &harness.database;
    let alerts = [alert(1, "moh", 1), alert(2, "moh-it", 1), alert(3, "mot", 1)];
    database.take_alerts(&alerts).await.unwrap();
    let maker = testing::account(database, "maker", "*").await;
    let siem = testing::service(database, "siem", "moh", roles).await;
    let (id, token) = testing::token(database, &siem, &maker, scope).await;
    (siem, id, token)
}

/// The newest entries of the audit log, as an auditor sees them.
async fn log(harness: &Harness) -> Vec<Value> {
    let auditor = harness.strong("auditor", "vn", &[Role::Auditor]).await;
    let page = harness
        .get("/api/v1/audit?actor=siem&limit=200", &auditor)
        .await
        .json();
    page["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_manager_opens_a_service_and_its_program_reads_alerts() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let manager = harness
        .strong("manager", "moh", &[Role::OrganisationManager])
        .await;
    harness
        .database
        .take_alerts(&[alert(1, "moh", 1), alert(2, "mot", 1)])
        .await
        .unwrap();
    let places = harness.get(&format!("{PATH}/places"), &manager).await.json();
    let gifts = places.pointer("/items/0/gifts").unwrap().to_string();
    assert!(
        gifts.contains("senior-analyst") && !gifts.contains("shift-lead"),
        "{gifts}"
    );
    let open = async |role: &str| {
        let body = json!({ "user_name": "siem", "display_name": "Sổ cái SIEM", "organisation": "moh",
            "memberships": [{ "role": role, "organisation": "moh" }] });
        harness.call("POST", PATH, &manager, body).await
    };
    assert_eq!(
        outcome(&open("shift-lead").await),
        refused(400, "invalid"),
        "it would decide"
    );
    let opened = open("analyst").await;
    assert_eq!(opened.status, 201, "{opened:?}");
    let path = format!("{PATH}/{}", text(&opened, "/id"));
    let abilities = opened.json()["abilities"].to_string();
    assert!(
        abilities.contains("alert:work") && !abilities.contains("alert:export"),
        "{abilities}"
    );
    let body = json!({ "name": "Splunk", "scope": ["alert:read"], "networks": [] });
    let made = harness
        .call("POST", &format!("{path}/tokens"), &manager, body)
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    let token = text(&made, "/token");
    let queue = get(&harness, "/api/v1/alerts", &token).await;
    assert_eq!(queue.json().pointer("/total"), Some(&json!(1)), "{queue:?}");
    let shown = harness.get(&path, &manager).await;
    assert!(!shown.text.contains(&token), "a token is told once");
    assert_eq!(text(&shown, "/tokens/0/state"), "working");
    let days = 90 * DAY_US + testing::NOW_US;
    assert_eq!(text(&shown, "/tokens/0/expires_at"), crate::time::to_text(days));
    let people = harness.get("/api/v1/accounts", &manager).await;
    assert!(!people.text.contains("siem"), "a service is no person");
    for (body, field) in [
        (json!({ "name": "x", "scope": ["audit-log:read"] }), "scope"),
        (json!({ "name": "x", "scope": [] }), "scope"),
        (
            json!({ "name": "x", "scope": ["alert:read"], "days": 366 }),
            "days",
        ),
        (
            json!({ "name": "x", "scope": ["alert:read"], "networks": ["here"] }),
            "networks",
        ),
    ] {
        let answer = harness
            .call("POST", &format!("{path}/tokens"), &manager, body)
            .await;
        assert_eq!(
            (answer.status.as_u16(), text(&answer, "/error/field").as_str()),
            (400, field)
        );
    }
}

#[tokio::test]
async fn a_token_does_what_its_scope_and_the_services_roles_give_and_no_more() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let (_, _, token) = siem(
        &harness,
        &[Role::Analyst],
        &["alert:read", "alert:work", "rule:read"],
    )
    .await;
    let one = "/api/v1/alerts/00000000000000000000000000000001";
    assert_eq!(get(&harness, one, &token).await.status, 200);
    let foreign = get(
        &harness,
        "/api/v1/alerts/00000000000000000000000000000003",
        &token,
    )
    .await;
    let absent = get(
        &harness,
        "/api/v1/alerts/00000000000000000000000000009999",
        &token,
    )
    .await;
    assert_eq!(
        (outcome(&foreign), &foreign.text),
        (refused(404, "not_found"), &absent.text)
    );
    let comment = call(
        &harness,
        "POST",
        &format!("{one}/comments"),
        &token,
        json!({ "text": "seen" }),
    )
    .await;
    assert!(comment.status.is_success(), "{comment:?}");
    let out = get(&harness, "/api/v1/events", &token).await;
    assert_eq!(
        outcome(&out),
        refused(403, "scope"),
        "an analyst's role has it, the token does not"
    );
    assert!(out.text.contains("event-search:read"), "{}", out.text);
    let challenge = out.headers.get("www-authenticate").unwrap();
    assert_eq!(challenge, "Bearer error=\"insufficient_scope\"");
    let who = get(&harness, "/api/v1/session", &token).await.json();
    assert_eq!(who["abilities"], json!(["alert:read", "alert:work", "rule:read"]));
    assert!(
        get(&harness, one, &token)
            .await
            .headers
            .get("set-cookie")
            .is_none()
    );
    let log = log(&harness).await;
    let comment = log
        .iter()
        .find(|entry| entry["action"] == "alert.comment")
        .unwrap();
    assert_eq!(comment.pointer("/actor/kind"), Some(&json!("service")));
    let denied = log
        .iter()
        .filter(|entry| entry["action"] == "access.refuse")
        .count();
    assert_eq!(denied, 1, "what was out of scope");
}

#[tokio::test]
async fn a_program_is_never_a_person() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let all = ["alert:read", "alert:work", "event-search:read", "sensor:read"];
    let (_, _, token) = siem(&harness, &[Role::SeniorAnalyst], &all).await;
    let mut wrong = Vec::new();
    for operation in document::operations() {
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
        let request = by_token(&operation.method, &path, &token, &json!({}));
        let answer = harness.begin(request).await;
        let seen = match (operation.takes_session, operation.takes_token) {
            (false, _) => outcome(&answer) != refused(403, "person_only"),
            (true, true) => outcome(&answer) != refused(403, "person_only") && answer.status != 401,
            (true, false) => outcome(&answer) == refused(403, "person_only"),
        };
        if !seen && operation.name != "signInFactor" {
            wrong.push(format!("{}: {answer:?}", operation.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let log = log(&harness).await;
    let told = log
        .iter()
        .filter(|entry| entry["action"] == "access.refuse")
        .count();
    assert!(
        (1..=51).contains(&told),
        "refusals are told within a bound: {told}"
    );
}

#[tokio::test]
async fn a_request_is_by_a_session_or_by_a_token() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let (_, _, token) = siem(&harness, &[Role::Analyst], &["alert:read", "alert:work"]).await;
    let lan = harness.signed_in("lan", "moh").await;
    let send = async |headers: &[(&str, &str)]| {
        let mut request = by_token(
            "POST",
            "/api/v1/alerts/bulk",
            &token,
            &json!({ "ids": [], "action": "tag", "add": ["a"] }),
        );
        for (name, value) in headers {
            let name = axum::http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        outcome(&harness.send(request).await)
    };
    let alone = send(&[]).await;
    assert_ne!(alone.0, 403, "{alone:?}");
    assert_eq!(send(&[("cookie", &lan)]).await, refused(400, "two_credentials"));
    assert_eq!(
        send(&[("cookie", "other=1")]).await,
        alone,
        "another's cookie says nothing"
    );
    // No page made it: browsers send no token by themselves.
    assert_eq!(
        send(&[
            ("origin", "https://tools.example"),
            ("sec-fetch-site", "cross-site")
        ])
        .await,
        alone
    );
    for wrong in ["Bearer", "Bearer x", "bearer vgt_x", "Bearer é"] {
        let answer = send(&[("authorization", wrong)]).await;
        assert!(matches!(answer.0, 401 | 403), "{wrong}: {answer:?}");
    }
    let lower = send(&[("authorization", &format!("bearer {token}"))]).await;
    assert_eq!(lower, alone, "schemes have no case");
    let bad = get(&harness, "/api/v1/alerts", "vgt_x").await;
    assert_eq!(outcome(&bad), refused(401, "bad_token"));
    assert_eq!(
        bad.headers.get("www-authenticate").unwrap(),
        "Bearer error=\"invalid_token\""
    );
}

#[tokio::test]
async fn a_revoked_token_is_out_within_a_second_on_every_console() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let (siem, id, token) = siem(&harness, &[Role::Analyst], &["alert:read"]).await;
    let other = Harness::on(harness.database.clone(), &[]).await;
    let open = by_token("GET", "/api/v1/alerts/stream", &token, &Value::Null);
    let response = other.app.clone().oneshot(open).await.unwrap();
    let mut stream = Body::into_data_stream(response.into_body());
    stream.next().await.unwrap().unwrap();
    let manager = harness
        .strong("manager", "moh", &[Role::OrganisationManager])
        .await;
    let path = format!("{PATH}/{}", siem.id.0);
    let revoke = async || {
        let path = format!("{path}/tokens/{}", id.0);
        harness
            .call("DELETE", &path, &manager, Value::Null)
            .await
            .status
            .as_u16()
    };
    assert_eq!(revoke().await, 204);
    let end = tokio::time::timeout(Duration::from_secs(1), stream.next()).await;
    assert!(end.unwrap().is_none(), "the stream has ended");
    for console in [&harness, &other] {
        assert_eq!(
            outcome(&get(console, "/api/v1/alerts", &token).await),
            refused(401, "bad_token")
        );
    }
    assert_eq!(revoke().await, 409);
    let end = harness
        .call("POST", &format!("{path}/end"), &manager, json!({}))
        .await;
    assert_eq!(end.status, 204);
    assert!(
        harness.get(&path, &manager).await.json()["actions"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    let list = harness.get(PATH, &manager).await.json();
    assert_eq!(list["total"], 0);
    let list = harness.get(&format!("{PATH}?ended=yes"), &manager).await.json();
    assert_eq!(list["total"], 1);
}

#[tokio::test]
async fn a_token_is_made_by_who_may_give_what_it_can_do() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let database = &harness.database;
    let siem = testing::service(database, "siem", "moh", &[]).await;
    let at_mot = vonggac_access::Membership {
        person: vonggac_access::PersonId(siem.id.0),
        organisation: "mot".parse().unwrap(),
        role: Role::Analyst,
        span: vonggac_access::Span {
            from: vonggac_access::Day::of_us(testing::NOW_US),
            until: None,
        },
    };
    let by = Asker::console();
    database
        .grant_membership(&by, &at_mot, testing::NOW_US)
        .await
        .unwrap();
    let path = format!("{PATH}/{}/tokens", siem.id.0);
    let make = async |cookie: &str| {
        let body = json!({ "name": "x", "scope": ["alert:read"] });
        outcome(&harness.call("POST", &path, cookie, body).await)
    };
    let moh = harness.strong("moh", "moh", &[Role::OrganisationManager]).await;
    assert_eq!(
        make(&moh).await,
        refused(404, "not_found"),
        "it reads another ministry's alerts"
    );
    let nation = harness.strong("nation", "vn", &[Role::OrganisationManager]).await;
    assert_eq!(make(&nation).await.0, 201);
    let weak = harness
        .signed_in_as("weak", "vn", &[Role::OrganisationManager])
        .await;
    assert_eq!(make(&weak).await, refused(403, "factor_first"));
    let administrator = harness.strong("admin", "vn", &[Role::SystemAdministrator]).await;
    assert_eq!(
        make(&administrator).await,
        refused(404, "not_found"),
        "who runs the console revokes them alone"
    );
}

#[tokio::test]
async fn a_token_has_no_role_that_another_gave_its_service_later() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let (service, _, token) = siem(&harness, &[Role::Analyst], &["alert:read"]).await;
    let total = async || get(&harness, "/api/v1/alerts", &token).await.json()["total"].clone();
    let own = total().await;
    let analyst = |organisation: &str| vonggac_access::Membership {
        person: vonggac_access::PersonId(service.id.0),
        organisation: organisation.parse().unwrap(),
        role: Role::Analyst,
        span: vonggac_access::Span {
            from: vonggac_access::Day::of_us(testing::NOW_US),
            until: None,
        },
    };
    let database = &harness.database;
    let give = async |by: Asker<'_>, organisation| {
        database
            .grant_membership(&by, &analyst(organisation), testing::NOW_US)
            .await
            .unwrap();
    };
    give(Asker::console(), "vn").await;
    assert_eq!(total().await, own, "who made it could not have given that");
    let maker = database.account_named("maker").await.unwrap();
    give(Asker::from(&maker), "mot").await;
    assert_eq!(total().await, 3, "its maker gave that one");
}
