//! What somebody is told of by his rules, live and in a list, as far as his rights go.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use vonggac_access::{Day, Role};
use vonggac_database::audit::Asker;
use vonggac_database::testing::{NOW_US, alert};

use super::{Harness, request};

const NOTICES: &str = "/api/v1/notices";
const RULES: &str = "/api/v1/notice-rules";

#[tokio::test]
async fn a_rule_tells_of_alerts_until_rights_end() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let lan = harness.signed_in_as("lan", "moh", &[Role::Analyst]).await;
    let hoa = harness.signed_in_as("hoa", "moh", &[Role::Analyst]).await;
    let rule = json!({ "name": "Khẩn cấp", "about": "alert", "severity": "high", "is_on": true });
    let made = harness.call("POST", RULES, &lan, rule.clone()).await;
    assert_eq!(made.status, 201, "{made:?}");
    let path = format!("{RULES}/{}", made.json()["items"][0]["id"].as_str().unwrap());
    for (method, body) in [("PUT", rule.clone()), ("DELETE", Value::Null)] {
        assert_eq!(harness.call(method, &path, &hoa, body).await.code(), "not_found");
    }
    for wrong in [
        json!({ "name": "", "about": "alert", "is_on": true }),
        json!({ "name": "x", "about": "weather", "is_on": true }),
        json!({ "name": "x", "about": "alert", "organisation": "mot", "is_on": true }),
        json!({ "name": "x", "about": "alert", "organisation": "?", "is_on": true }),
    ] {
        assert_eq!(
            harness.call("POST", RULES, &lan, wrong.clone()).await.status,
            400,
            "{wrong}"
        );
    }
    harness
        .database
        .take_alerts(&[alert(3, "moh", 1), alert(1, "moh", 1), alert(13, "mot", 1)])
        .await
        .unwrap();
    let told = crate::notices::make(&harness.console).await.unwrap();
    assert_eq!((told.taken, told.notices), (3, 1));
    let list = harness.get(NOTICES, &lan).await.json();
    assert_eq!(
        (&list["unread"], &list["items"][0]["rule"]),
        (&json!(1), &json!("Khẩn cấp"))
    );
    assert_eq!(list["items"][0]["alert"]["rule_id"], "guessing", "{list}");
    assert_eq!(harness.get(NOTICES, &hoa).await.json()["items"], json!([]));

    let ids = json!({ "ids": [list["items"][0]["id"]] });
    let read = format!("{NOTICES}/read");
    assert_eq!(harness.call("POST", &read, &hoa, ids.clone()).await.status, 200);
    assert_eq!(
        harness.get(NOTICES, &lan).await.json()["unread"],
        json!(1),
        "not read by another"
    );
    let seen = harness.call("POST", &read, &lan, ids).await.json();
    assert_eq!(
        (&seen["unread"], &seen["items"][0]["is_read"]),
        (&json!(0), &json!(true))
    );
    let strange = harness.call("POST", &read, &lan, json!({ "ids": ["x"] })).await;
    assert_eq!(strange.status, 400);

    // The role ends, and with it what it told.
    let account = harness.database.account_named("lan").await.unwrap();
    let kept = harness.database.memberships_of(account.id).await.unwrap();
    let today = Day::of_us(NOW_US).unwrap();
    harness
        .database
        .end_membership(&Asker::console(), kept[0].id, today, NOW_US)
        .await
        .unwrap();
    assert_eq!(harness.get(NOTICES, &lan).await.code(), "not_found");
}

#[tokio::test]
async fn open_pages_hear_that_there_is_something_new() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let lan = harness.signed_in_as("lan", "moh", &[Role::Analyst]).await;
    let hoa = harness.signed_in_as("hoa", "moh", &[Role::Analyst]).await;
    let rule = json!({ "name": "All", "about": "alert", "is_on": true });
    assert_eq!(harness.call("POST", RULES, &lan, rule).await.status, 201);
    let open = async |cookie: &str| {
        let stream = request("GET", "/api/v1/alerts/stream", cookie, &Value::Null);
        let response = harness.app.clone().oneshot(stream).await.unwrap();
        response.into_body().into_data_stream()
    };
    let (mut of_lan, mut of_hoa) = (open(&lan).await, open(&hoa).await);
    harness.database.take_alerts(&[alert(3, "moh", 1)]).await.unwrap();
    crate::notices::make(&harness.console).await.unwrap();
    let mut text = String::new();
    while !text.contains("event: notice") {
        let next = tokio::time::timeout(Duration::from_secs(10), of_lan.next());
        let bytes = next.await.expect("a notice is told").unwrap().unwrap();
        text.push_str(&String::from_utf8_lossy(&bytes));
    }
    // Another hears of the alert, and of nobody's notices.
    harness.database.take_alerts(&[alert(4, "moh", 1)]).await.unwrap();
    let mut text = String::new();
    while text.matches("event: alert").count() < 2 {
        let next = tokio::time::timeout(Duration::from_secs(10), of_hoa.next());
        let bytes = next.await.expect("an alert is told").unwrap().unwrap();
        text.push_str(&String::from_utf8_lossy(&bytes));
    }
    assert!(!text.contains("event: notice"), "{text}");
}
