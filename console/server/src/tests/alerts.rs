//! The queue, work on alerts, and what one agency may know of another's.

use axum::body::Body;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use vonggac_database::testing::{alert, alert_in_vietnamese};
use vonggac_database::{Database, STATEMENT_LIMIT};
use vonggac_event::AlertId;

use super::{Harness, request};

fn id(number: u32) -> String {
    format!("{number:032x}")
}

async fn filled() -> Option<Harness> {
    let harness = Harness::start(&[]).await?;
    let alerts: Vec<_> = (1..=6)
        .map(|n| alert(n, if n % 2 == 0 { "moh" } else { "mot" }, 1))
        .collect();
    harness.database.take_alerts(&alerts).await.unwrap();
    Some(harness)
}

#[tokio::test]
async fn the_queue_has_pages_and_filters() {
    let Some(harness) = filled().await else { return };
    let cookie = harness.signed_in("lan", "*").await;
    let (mut path, mut seen) = ("/api/v1/alerts?limit=4".to_owned(), Vec::new());
    loop {
        let page = harness.get(&path, &cookie).await.json();
        assert_eq!(page["total"], json!(6));
        seen.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["id"].clone()),
        );
        let Some(next) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/api/v1/alerts?limit=4&cursor={next}");
    }
    assert_eq!(seen, (1..=6).rev().map(|n| json!(id(n))).collect::<Vec<_>>());
    let one = harness
        .get(
            "/api/v1/alerts?q=10.0.0.3&status=open,closed&severity=high",
            &cookie,
        )
        .await
        .json();
    let expect = json!({ "id": id(3), "rule_id": "guessing", "rule_title": "Password guessing", "rule_title_vi": null,
        "rule_kind": "correlation", "rule_version": "1", "severity": "high", "techniques": ["T1110.001"],
        "tactics": ["credential-access"], "tenant": "mot", "sensor": "tap-1", "src": "10.0.0.3", "sport": null,
        "dst": "192.0.2.1", "dport": 22, "proto": "tcp", "first_seen": "2026-01-01T00:00:03Z",
        "last_seen": "2026-01-01T00:00:03Z", "detected_at": "2026-01-01T00:00:03Z", "count": 3, "status": "open",
        "assignee": null, "verdict": null, "reason": null, "snoozed_until": null, "tags": [], "exercise_id": 0, "summary": "3 failures",
        "arrived_at": one["items"][0]["arrived_at"], "is_suppressed": false, "exception": null, "raised_severity": null,
        "similar": { "alerts": 0, "is_more": false, "verdicts": {} } });
    assert_eq!(one["items"], json!([expect]));
    for bad in [
        "status=new",
        "severity=urgent",
        "from=today",
        "sort=tenant",
        "cursor=x",
        "limit=x",
    ] {
        assert_eq!(
            harness
                .get(&format!("/api/v1/alerts?{bad}"), &cookie)
                .await
                .status,
            400,
            "{bad}"
        );
    }
    let counts = harness.get("/api/v1/alerts/counts", &cookie).await.json();
    assert_eq!(
        counts["by_status"],
        json!({ "open": 6, "acknowledged": 0, "closed": 0 })
    );
}

#[tokio::test]
async fn an_alert_says_its_rule_in_both_languages() {
    let Some(harness) = filled().await else { return };
    let cookie = harness.signed_in("lan", "*").await;
    let said = alert_in_vietnamese(9, "moh", 1);
    harness.database.take_alerts(&[said]).await.unwrap();
    let listed = harness
        .get("/api/v1/alerts?q=D%C3%B2%20m%E1%BA%ADt", &cookie)
        .await
        .json();
    assert_eq!(
        (&listed["total"], &listed["items"][0]["rule_title_vi"]),
        (&json!(1), &json!("Dò mật khẩu"))
    );
    let groups = harness.get("/api/v1/alerts/groups?by=rule", &cookie).await.json();
    assert_eq!(
        (&groups["items"][0]["title"], &groups["items"][0]["title_vi"]),
        (&json!("Password guessing"), &json!("Dò mật khẩu"))
    );
    let detail = async |number: u32| {
        let path = format!("/api/v1/alerts/{}", id(number));
        let detail = harness.get(&path, &cookie).await.json();
        ["rule_title_vi", "rule_description", "rule_description_vi"].map(|name| detail[name].clone())
    };
    assert_eq!(
        json!(detail(9).await),
        json!(["Dò mật khẩu", "Many were refused.", "Nhiều lần bị từ chối."])
    );
    assert_eq!(json!(detail(2).await), json!([null, null, null]));
}

#[tokio::test]
async fn an_alert_is_worked_on() {
    let Some(harness) = filled().await else { return };
    let cookie = harness.signed_in("lan", "moh").await;
    let path = format!("/api/v1/alerts/{}", id(2));
    let post = async |what: &str, body: Value| {
        harness
            .call("POST", &format!("{path}/{what}"), &cookie, body)
            .await
    };
    let taken = post("acknowledge", json!({ "note": "mine" })).await.json();
    assert_eq!(
        (&taken["status"], &taken["assignee"]["display_name"]),
        (&json!("acknowledged"), &json!("lan"))
    );
    assert_eq!(post("close", json!({})).await.status, 400);
    assert_eq!(post("close", json!({ "verdict": "boring" })).await.status, 400);
    let closed = post("close", json!({ "verdict": "benign_true_positive" }))
        .await
        .json();
    assert_eq!(
        (&closed["status"], &closed["verdict"]),
        (&json!("closed"), &json!("benign_true_positive"))
    );
    assert_eq!(
        post("close", json!({ "verdict": "benign_true_positive" }))
            .await
            .status,
        409
    );
    assert_eq!(post("reopen", json!({})).await.json()["status"], json!("open"));
    assert_eq!(post("reopen", Value::Null).await.status, 409);
    let comment = post("comments", json!({ "text": "xin chào" })).await;
    assert_eq!(
        (comment.status.as_u16(), &comment.json()["detail"]),
        (201, &json!({ "text": "xin chào" }))
    );

    let detail = harness.get(&path, &cookie).await.json();
    assert_eq!(detail["rule_text"], json!("title: Password guessing"));
    assert_eq!(detail["group"], json!({ "src": "10.0.0.2" }));
    assert_eq!(detail["event_ids"], json!(["07".repeat(16)]));
    assert_eq!(detail["flow_ids"], json!(["18446744073709551615"]));
    let actions: Vec<&str> = detail["activity"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["acknowledged", "closed", "reopened", "commented"]);
    assert_eq!(detail["activity"][0]["detail"], json!({ "note": "mine" }));
    assert_eq!(
        (&detail["continues"], &detail["continued_by"]),
        (&Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn what_goes_on_after_closing_is_in_the_queue_and_says_from_what() {
    let Some(harness) = filled().await else { return };
    let cookie = harness.signed_in("lan", "moh").await;
    let path = format!("/api/v1/alerts/{}", id(2));
    let close = json!({ "verdict": "benign_true_positive" });
    harness
        .call("POST", &format!("{path}/close"), &cookie, close)
        .await;
    let mut grown = alert(2, "moh", 7);
    (grown.count, grown.last_us) = (12, grown.last_us + 5_000_000);
    harness.database.take_alerts(&[grown]).await.unwrap();

    let queue = "/api/v1/alerts?q=10.0.0.2&status=open";
    let page = harness.get(queue, &cookie).await.json();
    let item = &page["items"][0];
    assert_eq!(
        (&page["total"], &item["count"], &item["status"]),
        (&json!(1), &json!(10), &json!("open"))
    );
    let next = item["id"].as_str().unwrap();
    let detail = harness
        .get(&format!("/api/v1/alerts/{next}"), &cookie)
        .await
        .json();
    assert_eq!(detail["continues"], json!(id(2)));
    let closed = harness.get(&path, &cookie).await.json();
    assert_eq!(
        (&closed["status"], &closed["count"], &closed["continued_by"]),
        (&json!("closed"), &json!(2), &json!(next))
    );
}

#[tokio::test]
async fn another_agencys_alert_is_answered_as_one_that_does_not_exist() {
    let Some(harness) = filled().await else { return };
    let cookie = harness.signed_in("lan", "moh").await;
    let close = json!({ "verdict": "benign_true_positive" });
    for (method, what, body) in [
        ("GET", "", Value::Null),
        ("GET", "/events", Value::Null),
        ("POST", "/acknowledge", json!({})),
        ("POST", "/close", close.clone()),
        ("POST", "/reopen", json!({})),
        ("POST", "/comments", json!({ "text": "x" })),
    ] {
        let mut answers = Vec::new();
        for alert in [id(1), id(99), "x".to_owned()] {
            let path = format!("/api/v1/alerts/{alert}{what}");
            answers.push(harness.call(method, &path, &cookie, body.clone()).await);
        }
        for answer in &answers {
            assert_eq!(
                (answer.status.as_u16(), &answer.text),
                (404, &answers[0].text),
                "{method} {what}"
            );
        }
    }
    let bulk =
        json!({ "ids": [id(1), id(2), id(99), "x"], "action": "close", "verdict": "benign_true_positive" });
    let result = harness
        .call("POST", "/api/v1/alerts/bulk", &cookie, bulk)
        .await
        .json();
    assert_eq!(result["updated"], json!(1));
    let failed = result["failed"].as_array().unwrap();
    assert_eq!(failed.len(), 3);
    assert!(
        failed.iter().all(|one| one["message"] == json!("not found")),
        "{failed:?}"
    );
    let page = harness.get("/api/v1/alerts", &cookie).await.json();
    assert_eq!(page["total"], json!(3));
    let page = harness.get("/api/v1/alerts?q=10.0.0.1", &cookie).await.json();
    assert_eq!(page["total"], json!(0));
    let counts = harness.get("/api/v1/alerts/counts", &cookie).await.json();
    assert_eq!(
        counts["by_status"],
        json!({ "open": 2, "acknowledged": 0, "closed": 1 })
    );
    let foreign = harness.signed_in("minh", "mot").await;
    let untouched = harness
        .get(&format!("/api/v1/alerts/{}", id(1)), &foreign)
        .await
        .json();
    assert_eq!(
        (&untouched["status"], &untouched["activity"]),
        (&json!("open"), &json!([]))
    );
}

#[tokio::test]
async fn closing_many_needs_a_verdict_and_has_a_limit() {
    let Some(harness) = filled().await else { return };
    let cookie = harness.signed_in("lan", "*").await;
    let bulk = async |body: Value| harness.call("POST", "/api/v1/alerts/bulk", &cookie, body).await;
    let without = bulk(json!({ "ids": [id(1)], "action": "close" })).await;
    assert_eq!(
        (without.status.as_u16(), &without.json()["error"]["field"]),
        (400, &json!("verdict"))
    );
    let many: Vec<String> = (0..2001).map(id).collect();
    assert_eq!(
        bulk(json!({ "ids": many, "action": "acknowledge" })).await.status,
        400
    );
    let all: Vec<String> = (1..=6).map(id).collect();
    assert_eq!(
        bulk(json!({ "ids": all, "action": "acknowledge" })).await.json()["updated"],
        json!(6)
    );
}

#[tokio::test]
async fn the_stream_tells_what_happens_within_the_scope_and_ends_with_the_console() {
    let Some(harness) = filled().await else { return };
    let cookie = harness.signed_in("lan", "moh").await;
    let minh = harness.signed_in("minh", "*").await;
    let open = request("GET", "/api/v1/alerts/stream", &cookie, &Value::Null);
    let response = harness.app.clone().oneshot(open).await.unwrap();
    assert_eq!(
        response.headers().get("content-type").unwrap(),
        "text/event-stream"
    );
    let mut stream = Body::into_data_stream(response.into_body());
    let mut next = async || {
        let bytes = stream.next().await?.unwrap();
        Some(String::from_utf8(bytes.to_vec()).unwrap())
    };
    assert!(next().await.unwrap().starts_with(": open"));
    for number in [1, 2] {
        let path = format!("/api/v1/alerts/{}/acknowledge", id(number));
        assert_eq!(harness.call("POST", &path, &minh, json!({})).await.status, 200);
    }
    let told = next().await.unwrap();
    assert!(
        told.starts_with("event: status\ndata: {") && told.contains(&id(2)),
        "{told}"
    );
    assert!(
        told.contains("\"status\":\"acknowledged\"") && told.contains("\"minh\""),
        "{told}"
    );
    for number in 0..=crate::live::HAPPENINGS_MAX {
        let mut row = harness
            .database
            .alert(&vonggac_database::testing::everyone(), AlertId(2))
            .await
            .unwrap();
        row.count = i64::try_from(number).unwrap();
        harness
            .console
            .live()
            .tell(crate::live::Happening::Told(std::sync::Arc::new(row)));
    }
    assert_eq!(next().await.unwrap(), "event: resync\ndata: {}\n\n");
    assert!(next().await.unwrap().starts_with("event: alert\ndata: {"));
    harness.stop.send(true).unwrap();
    let mut left = 0;
    while next().await.is_some() {
        left += 1;
    }
    assert!(left <= crate::live::HAPPENINGS_MAX, "{left}");
}

#[tokio::test]
async fn browsers_of_another_console_hear_of_it_too() {
    let Some(harness) = filled().await else { return };
    let url = vonggac_database::testing::url_of(&harness.database).unwrap();
    let other = Harness::on(
        Database::connect(&url, &vonggac_link::PostgresSecurity::default(), STATEMENT_LIMIT)
            .await
            .unwrap(),
        &[],
    )
    .await;
    let cookie = harness.signed_in("lan", "moh").await;
    let open = request("GET", "/api/v1/alerts/stream", &cookie, &Value::Null);
    let response = other.app.clone().oneshot(open).await.unwrap();
    let mut stream = Body::into_data_stream(response.into_body());
    let mut next = async || String::from_utf8(stream.next().await.unwrap().unwrap().to_vec()).unwrap();
    assert!(next().await.starts_with(": open"));
    let path = format!("/api/v1/alerts/{}/acknowledge", id(2));
    assert_eq!(harness.call("POST", &path, &cookie, json!({})).await.status, 200);
    let told = next().await;
    assert!(
        told.starts_with("event: status\ndata: {") && told.contains(&id(2)),
        "{told}"
    );
    harness.database.take_alerts(&[alert(8, "moh", 1)]).await.unwrap();
    let told = next().await;
    assert!(
        told.starts_with("event: alert\ndata: {") && told.contains(&id(8)),
        "{told}"
    );
}

#[tokio::test]
async fn one_account_leaves_streams_for_others() {
    let Some(harness) = filled().await else { return };
    let cookie = harness.signed_in("lan", "moh").await;
    let minh = harness.signed_in("minh", "moh").await;
    let open = async |cookie: &str| {
        let open = request("GET", "/api/v1/alerts/stream", cookie, &Value::Null);
        harness.app.clone().oneshot(open).await.unwrap()
    };
    let mut held = Vec::new();
    let elsewhere = harness.sign_in("lan").await;
    for session in [&cookie, &elsewhere] {
        for _ in 0..crate::streams::STREAMS_PER_SESSION_MAX {
            let response = open(session).await;
            assert_eq!(response.status(), 200);
            held.push(response);
        }
        assert_eq!(open(session).await.status(), 429);
    }
    let third = harness.sign_in("lan").await;
    assert_eq!(open(&third).await.status(), 429);
    assert_eq!(open(&minh).await.status(), 200);
    held.clear();
    assert_eq!(open(&cookie).await.status(), 200);
}

#[tokio::test]
async fn mistakes_in_a_search_are_told_and_a_store_that_is_away_is_too() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let cookie = harness.signed_in("lan", "moh").await;
    let wrong = harness.get("/api/v1/events?q=dport:443%20nope:1", &cookie).await;
    assert_eq!(
        (wrong.status.as_u16(), wrong.code().as_str()),
        (400, "invalid_query")
    );
    let error = wrong.json()["error"].clone();
    assert_eq!((&error["field"], &error["column"]), (&json!("q"), &json!(11)));
    for bad in ["class=smtp", "from=x", "cursor=x", "q=(a"] {
        assert_eq!(
            harness
                .get(&format!("/api/v1/events?{bad}"), &cookie)
                .await
                .status,
            400,
            "{bad}"
        );
    }
    let away = harness.get("/api/v1/events?q=dport:443", &cookie).await;
    assert_eq!((away.status.as_u16(), away.code().as_str()), (503, "event_store"));
    let away = harness.get("/api/v1/events/histogram?q=dport:443", &cookie).await;
    assert_eq!(away.status, 503);
    let fields = harness.get("/api/v1/events/fields", &cookie).await.json();
    let field = json!({ "class": "dns", "name": "query", "kind": "text" });
    assert!(fields.as_array().unwrap().contains(&field));
    let health = harness.get("/api/v1/health", &cookie).await.json();
    let states: Vec<(&str, &str)> = health["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| (part["part"].as_str().unwrap(), part["state"].as_str().unwrap()))
        .collect();
    let expect = [
        ("console", "up"),
        ("postgresql", "up"),
        ("clickhouse", "down"),
        ("kafka", "down"),
        ("alert_intake", "up"),
        ("pipeline", "degraded"),
    ];
    assert_eq!(states, expect);
}
