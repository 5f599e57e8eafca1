//! Work on many alerts at once, and taking it back.

use serde_json::{Value, json};
use vonggac_access::Role;
use vonggac_database::testing::alert;

use super::Harness;

fn id(number: u32) -> String {
    format!("{number:032x}")
}

async fn filled() -> Option<(Harness, String)> {
    let harness = Harness::start(&[]).await?;
    let alerts: Vec<_> = (1..=6)
        .map(|n| alert(n, if n % 2 == 0 { "moh" } else { "mot" }, 1))
        .collect();
    harness.database.take_alerts(&alerts).await.unwrap();
    let cookie = harness.signed_in_as("lan", "moh", &[Role::ShiftLead]).await;
    Some((harness, cookie))
}

#[tokio::test]
async fn all_that_match_are_closed_and_brought_back_by_the_operation() {
    let Some((harness, cookie)) = filled().await else {
        return;
    };
    let bulk = async |body: Value| harness.call("POST", "/api/v1/alerts/bulk", &cookie, body).await;
    let total = async |query: &str| {
        let page = harness.get(&format!("/api/v1/alerts?{query}"), &cookie).await;
        page.json()["total"].clone()
    };
    let page = harness.get("/api/v1/alerts", &cookie).await.json();
    harness.database.take_alerts(&[alert(8, "moh", 1)]).await.unwrap();
    let close = json!({ "filter": { "status": "open", "technique": "T1110" }, "seen_at": page["seen_at"],
        "action": "close", "verdict": "false_positive", "reason": "rule_logic", "note": "scanner" });
    let closed = bulk(close).await.json();
    assert_eq!((&closed["updated"], &closed["failed"]), (&json!(3), &json!([])));
    assert_eq!(
        total("verdict=false_positive&reason=rule_logic,malware").await,
        json!(3)
    );
    assert_eq!(total("status=open").await, json!(1));

    let undo = format!(
        "/api/v1/operations/{}/undo",
        closed["operation"].as_str().unwrap()
    );
    let foreign = harness.signed_in("minh", "mot").await;
    for path in [&undo, "/api/v1/operations/999/undo", "/api/v1/operations/x/undo"] {
        let refused = harness.call("POST", path, &foreign, json!({})).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code().as_str()),
            (404, "not_found")
        );
    }
    let undone = harness.call("POST", &undo, &cookie, json!({})).await.json();
    assert_eq!(undone, json!({ "restored": 3, "left": 0 }));
    assert_eq!(total("status=open").await, json!(4));
    assert_eq!(harness.call("POST", &undo, &cookie, json!({})).await.status, 409);
}

#[tokio::test]
async fn alerts_are_given_set_aside_and_marked() {
    let Some((harness, cookie)) = filled().await else {
        return;
    };
    harness.signed_in("hoa", "moh").await;
    harness.signed_in("minh", "mot").await;
    let people = harness.get("/api/v1/people?q=", &cookie).await.json();
    let names: Vec<_> = people["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|person| person["display_name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["hoa", "lan"]);
    let hoa = people["items"][0]["id"].clone();

    let bulk = async |mut body: Value, more: Value| {
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let answer = harness.call("POST", "/api/v1/alerts/bulk", &cookie, body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["updated"].clone()
    };
    let one = json!({ "ids": [id(2)] });
    let total = async |query: &str| {
        let page = harness.get(&format!("/api/v1/alerts?{query}"), &cookie).await;
        page.json()["total"].clone()
    };
    assert_eq!(
        bulk(one.clone(), json!({ "action": "assign", "assignee": hoa })).await,
        1
    );
    assert_eq!(
        bulk(json!({ "ids": [id(4)] }), json!({ "action": "acknowledge" })).await,
        1
    );
    let hers = hoa.as_str().unwrap();
    for (query, expect) in [
        ("assignee=me", 1),
        ("assignee=nobody", 1),
        (&format!("assignee={hers}"), 1),
        (&format!("assignee=me,nobody,{hers}"), 3),
    ] {
        assert_eq!(total(query).await, expect, "{query}");
    }
    assert_eq!(
        bulk(one.clone(), json!({ "action": "snooze", "until": "again" })).await,
        1
    );
    let until = json!({ "action": "snooze", "until": "2026-01-01T01:00:00Z" });
    assert_eq!(bulk(json!({ "ids": [id(4)] }), until).await, 1);
    assert_eq!(total("snoozed=only").await, 2);
    assert_eq!(total("snoozed=without").await, 1);
    assert_eq!(
        bulk(
            one.clone(),
            json!({ "action": "tag", "add": ["vpn", "máy quét"] })
        )
        .await,
        1
    );
    assert_eq!(total("tag=vpn,m%C3%A1y%20qu%C3%A9t").await, 1);
    let detail = harness
        .get(&format!("/api/v1/alerts/{}", id(2)), &cookie)
        .await
        .json();
    assert_eq!(
        (
            &detail["snoozed_until"],
            &detail["tags"],
            &detail["assignee"]["display_name"]
        ),
        (&json!("again"), &json!(["máy quét", "vpn"]), &json!("hoa"))
    );
    let detail = harness
        .get(&format!("/api/v1/alerts/{}", id(4)), &cookie)
        .await
        .json();
    assert_eq!(
        detail["activity"][1]["detail"],
        json!({ "until": "2026-01-01T01:00:00Z" })
    );
}

#[tokio::test]
async fn what_a_bulk_request_lacks_is_named() {
    let Some((harness, cookie)) = filled().await else {
        return;
    };
    for (body, field) in [
        (json!({ "action": "reopen" }), "ids"),
        (json!({ "ids": [], "filter": {}, "action": "reopen" }), "ids"),
        (json!({ "filter": {}, "action": "reopen" }), "seen_at"),
        (
            json!({ "filter": {}, "seen_at": "now", "action": "reopen" }),
            "seen_at",
        ),
        (
            json!({ "filter": { "status": "x" }, "seen_at": "2026-01-01T01:00:00Z", "action": "reopen" }),
            "status",
        ),
        (json!({ "ids": [], "action": "close" }), "verdict"),
        (
            json!({ "ids": [], "action": "close", "verdict": "duplicate", "reason": "malware" }),
            "reason",
        ),
        (json!({ "ids": [], "action": "snooze" }), "until"),
        (json!({ "ids": [], "action": "snooze", "until": "soon" }), "until"),
        (
            json!({ "ids": [], "action": "assign", "assignee": "hoa" }),
            "assignee",
        ),
        (
            json!({ "ids": [], "action": "assign", "assignee": "999" }),
            "assignee",
        ),
        (json!({ "ids": [], "action": "tag" }), "tags"),
    ] {
        let answer = harness
            .call("POST", "/api/v1/alerts/bulk", &cookie, body.clone())
            .await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]["field"]),
            (400, &json!(field)),
            "{body}: {}",
            answer.text
        );
    }
    for query in ["assignee=x", "verdict=benign", "reason=x", "snoozed=yes"] {
        let answer = harness.get(&format!("/api/v1/alerts?{query}"), &cookie).await;
        assert_eq!(answer.status, 400, "{query}");
    }
}

#[tokio::test]
async fn the_queue_is_grouped_and_its_views_are_kept() {
    let Some((harness, cookie)) = filled().await else {
        return;
    };
    let groups = harness
        .get("/api/v1/alerts/groups?by=technique&status=open", &cookie)
        .await
        .json();
    let technique = json!([{ "key": "T1110", "title": "Password guessing", "title_vi": null, "alerts": 3, "open": 3, "rules": 1,
        "severity": "critical", "last_seen": "2026-01-01T00:00:06Z" }]);
    assert_eq!(
        (&groups["items"], &groups["is_more"]),
        (&technique, &json!(false))
    );
    assert_eq!(
        harness.get("/api/v1/alerts/groups?by=x", &cookie).await.status,
        400
    );
    let tag = json!({ "ids": [id(2), id(4)], "action": "tag", "add": ["vpn"] });
    harness.call("POST", "/api/v1/alerts/bulk", &cookie, tag).await;
    let tags = harness.get("/api/v1/alerts/tags", &cookie).await.json();
    assert_eq!(tags["items"], json!([{ "tag": "vpn", "alerts": 2 }]));

    let view = json!({ "name": "Ca đêm", "shared": true, "search": { "status": "open", "columns": "severity,title" } });
    let saved = harness
        .call("POST", "/api/v1/views", &cookie, view.clone())
        .await
        .json();
    assert_eq!(saved["items"][0]["search"], view["search"]);
    let hoa = harness.signed_in("hoa", "moh").await;
    let minh = harness.signed_in("minh", "mot").await;
    let seen = harness.get("/api/v1/views", &hoa).await.json();
    assert_eq!(seen["items"][0]["owner"]["display_name"], json!("lan"));
    assert_eq!(
        harness.get("/api/v1/views", &minh).await.json()["items"],
        json!([])
    );
    let path = format!("/api/v1/views/{}", saved["items"][0]["id"].as_str().unwrap());
    for cookie in [&hoa, &minh] {
        assert_eq!(
            harness.call("DELETE", &path, cookie, Value::Null).await.status,
            404
        );
    }
    assert_eq!(
        harness.call("DELETE", &path, &cookie, Value::Null).await.status,
        204
    );
    let unknown = json!({ "name": "x", "search": { "tenant": "mot" } });
    assert_eq!(
        harness
            .call("POST", "/api/v1/views", &cookie, unknown)
            .await
            .status,
        400
    );
}
