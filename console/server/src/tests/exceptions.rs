//! Exceptions over the API: looked at, made, told at the alert, approved, extended, ended.

use serde_json::{Value, json};
use vonggac_access::Role;
use vonggac_database::testing::{NOW_US, alert};
use vonggac_event::{Alert, Severity};

use super::Harness;

const EXCEPTIONS: &str = "/api/v1/exceptions";

fn raised(number: u32, tenant: &str, severity: Severity) -> Alert {
    let mut alert = alert(number, tenant, 1);
    alert.src = vec![10, 0, 0, 7];
    alert.detected_us = NOW_US - i64::from(number) * 60_000_000;
    if let Some(rule) = &mut alert.rule {
        rule.severity = severity.into();
    }
    alert
}

fn of(number: u32, conditions: Value) -> Value {
    json!({ "alert": format!("{number:032x}"), "organisation": "moh", "conditions": conditions, "effect": "hide",
        "reason": "security_test", "note": "A scan that was ordered", "expires_at": "2026-01-31T00:00:00Z" })
}

async fn queue(harness: &Harness, cookie: &str, more: &str) -> Vec<String> {
    let page = harness
        .get(&format!("/api/v1/alerts?sort=detected_at{more}"), cookie)
        .await
        .json();
    let items = page["items"].as_array().unwrap();
    let mut ids: Vec<String> = items
        .iter()
        .map(|one| one["id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort_unstable();
    ids.iter()
        .map(|id| id.trim_start_matches('0').to_owned())
        .collect()
}

#[tokio::test]
async fn an_exception_is_looked_at_made_and_told_at_the_alert() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let mai = harness.strong("mai", "moh", &[Role::SeniorAnalyst]).await;
    let lan = harness.strong("lan", "moh", &[Role::Analyst]).await;
    let far = harness.strong("far", "mot", &[Role::SeniorAnalyst]).await;
    let some = [
        raised(1, "moh", Severity::High),
        raised(2, "moh", Severity::High),
        raised(3, "mot", Severity::High),
    ];
    harness.database.take_alerts(&some).await.unwrap();

    let detail = harness
        .get(&format!("/api/v1/alerts/{:032x}", 1), &mai)
        .await
        .json();
    let offered = detail["offered"].as_array().unwrap();
    assert_eq!(
        offered[0],
        json!({ "on": "src", "name": null, "value": "10.0.0.7" }),
        "{detail}"
    );
    assert!(offered.contains(&json!({ "on": "port", "name": null, "value": "22" })));

    let new = of(1, json!([{ "on": "src", "value": "10.0.0.99/24" }]));
    let preview = format!("{EXCEPTIONS}/preview");
    let seen = harness.call("POST", &preview, &mai, new.clone()).await.json();
    assert_eq!(
        (&seen["alerts"], &seen["caught"], &seen["open"]),
        (&json!(2), &json!(2), &json!(2)),
        "{seen}"
    );
    assert_eq!(
        (seen["days"].as_array().unwrap().len(), &seen["days"][6]["caught"]),
        (7, &json!(2))
    );
    for (cookie, body) in [(&lan, new.clone()), (&far, new.clone()), (&mai, of(3, json!([])))] {
        for path in [preview.as_str(), EXCEPTIONS] {
            let answer = harness.call("POST", path, cookie, body.clone()).await;
            assert_eq!(answer.code(), "not_found", "{path} {body}");
        }
    }
    for wrong in [
        of(1, json!([{ "on": "src", "value": "10.9.0.0/16" }])),
        of(1, json!([{ "on": "src", "value": "0.0.0.0/0" }])),
        of(1, json!([{ "on": "weather", "value": "rain" }])),
    ] {
        assert_eq!(
            harness.call("POST", &preview, &mai, wrong.clone()).await.status,
            400,
            "{wrong}"
        );
    }

    let mut closing = new.clone();
    closing["close_open"] = json!(true);
    let made = harness.call("POST", EXCEPTIONS, &mai, closing).await;
    assert_eq!(made.status, 201, "{made:?}");
    let made = made.json();
    assert_eq!(
        (&made["closed"], &made["exception"]["state"]),
        (&json!(2), &json!("active"))
    );
    assert_eq!(made["exception"]["conditions"][0]["value"], "10.0.0.0/24");
    harness
        .database
        .take_alerts(&[raised(4, "moh", Severity::High)])
        .await
        .unwrap();
    assert_eq!(queue(&harness, &mai, "&status=open").await, Vec::<String>::new());
    assert_eq!(queue(&harness, &mai, "&suppressed=only").await, ["4"]);
    assert_eq!(queue(&harness, &mai, "&suppressed=with").await, ["1", "2", "4"]);
    let id = made["exception"]["id"].as_str().unwrap();
    assert_eq!(
        queue(&harness, &mai, &format!("&suppressed=with&exception={id}")).await,
        ["4"]
    );
    assert_eq!(
        harness
            .get("/api/v1/alerts?suppressed=perhaps", &mai)
            .await
            .status,
        400
    );
    let closed = harness
        .get(&format!("/api/v1/alerts/{:032x}", 1), &lan)
        .await
        .json();
    assert_eq!(
        (&closed["verdict"], &closed["reason"]),
        (&json!("benign_true_positive"), &json!("security_test"))
    );
    assert_eq!(
        (&closed["exceptions"][0]["did"], &closed["is_suppressed"]),
        (&json!(false), &json!(false))
    );
    let hidden = harness
        .get(&format!("/api/v1/alerts/{:032x}", 4), &lan)
        .await
        .json();
    assert_eq!(
        (&hidden["exceptions"][0]["did"], &hidden["is_suppressed"]),
        (&json!(true), &json!(true))
    );

    let list = harness.get(EXCEPTIONS, &lan).await.json();
    assert_eq!(
        (&list["items"][0]["hits"], &list["items"][0]["actions"]),
        (&json!(1), &json!([]))
    );
    assert_eq!(harness.get(EXCEPTIONS, &far).await.json()["items"], json!([]));
    let end = format!("{EXCEPTIONS}/{id}/end");
    for cookie in [&lan, &far] {
        assert_eq!(
            harness
                .call("POST", &end, cookie, json!({ "note": "x" }))
                .await
                .code(),
            "not_found"
        );
    }
    let ended = harness
        .call("POST", &end, &mai, json!({ "note": "The scan is over" }))
        .await
        .json();
    assert_eq!(
        (&ended["state"], &ended["ended"]["note"]),
        (&json!("ended"), &json!("The scan is over"))
    );
    harness
        .database
        .take_alerts(&[raised(5, "moh", Severity::High)])
        .await
        .unwrap();
    assert_eq!(queue(&harness, &mai, "&status=open").await, ["5"]);
}

#[tokio::test]
async fn a_critical_rule_as_a_whole_waits_for_another_person() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let mai = harness.strong("mai", "moh", &[Role::ShiftLead]).await;
    let hoa = harness.strong("hoa", "moh", &[Role::ShiftLead]).await;
    harness
        .database
        .take_alerts(&[raised(1, "moh", Severity::Critical)])
        .await
        .unwrap();
    let mut new = of(1, json!([]));
    new["close_open"] = json!(true);
    let seen = harness
        .call("POST", &format!("{EXCEPTIONS}/preview"), &mai, new.clone())
        .await
        .json();
    assert_eq!(
        (&seen["is_whole"], &seen["needs_approval"]),
        (&json!(true), &json!(true))
    );
    let made = harness.call("POST", EXCEPTIONS, &mai, new).await.json();
    assert_eq!(
        (&made["exception"]["state"], &made["closed"]),
        (&json!("waiting"), &json!(0))
    );
    assert_eq!(made["exception"]["actions"], json!(["end"]));
    let id = made["exception"]["id"].as_str().unwrap();
    let approve = format!("{EXCEPTIONS}/{id}/approve");
    assert_eq!(
        harness.call("POST", &approve, &mai, Value::Null).await.code(),
        "not_found"
    );
    let list = harness.get(EXCEPTIONS, &hoa).await.json();
    assert_eq!(list["items"][0]["actions"], json!(["end", "approve"]));
    let agreed = harness.call("POST", &approve, &hoa, Value::Null).await.json();
    assert_eq!(agreed["state"], "active", "{agreed}");
    harness
        .database
        .take_alerts(&[raised(2, "moh", Severity::Critical)])
        .await
        .unwrap();
    assert_eq!(queue(&harness, &mai, "").await, ["1"]);

    let extend = format!("{EXCEPTIONS}/{id}/extend");
    let longer = json!({ "expires_at": "2026-03-31T00:00:00Z", "note": "still needed" });
    let asked = harness.call("POST", &extend, &mai, longer).await.json();
    assert_eq!(
        asked["extension"]["expires_at"], "2026-03-31T00:00:00Z",
        "{asked}"
    );
    let forever = json!({ "expires_at": "2036-03-31T00:00:00Z", "note": "for ever" });
    assert_eq!(harness.call("POST", &extend, &mai, forever).await.status, 400);
    let agreed = harness.call("POST", &approve, &hoa, Value::Null).await.json();
    assert_eq!(
        (&agreed["extension"], &agreed["expires_at"]),
        (&Value::Null, &json!("2026-03-31T00:00:00Z"))
    );
    assert_eq!(
        harness.call("POST", &approve, &hoa, Value::Null).await.status,
        409
    );
}

#[tokio::test]
async fn what_never_hits_or_grows_or_ends_soon_is_said() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let mai = harness.strong("mai", "moh", &[Role::SeniorAnalyst]).await;
    let mut other = raised(2, "moh", Severity::High);
    if let Some(rule) = &mut other.rule {
        rule.id = "another".into();
    }
    harness
        .database
        .take_alerts(&[raised(1, "moh", Severity::High), other])
        .await
        .unwrap();
    for number in [1, 2] {
        let made = harness
            .call("POST", EXCEPTIONS, &mai, of(number, json!([])))
            .await;
        assert_eq!(made.status, 201, "{made:?}");
    }
    let day_us = 86_400_000_000;
    let take = async |from: u32, to: u32, at_us: i64| {
        let alerts: Vec<Alert> = (from..to)
            .map(|number| raised(number, "moh", Severity::High))
            .collect();
        harness.database.take_alerts_at(&alerts, at_us).await.unwrap();
    };
    take(10, 13, NOW_US + 2 * day_us).await;
    take(20, 40, NOW_US + 12 * day_us).await;
    harness
        .now_us
        .store(NOW_US + 13 * day_us, std::sync::atomic::Ordering::Relaxed);
    let mai = harness.strong("mai.2", "moh", &[Role::SeniorAnalyst]).await;
    let list = harness.get(EXCEPTIONS, &mai).await.json();
    let signs = |rule: &str| {
        let items = list["items"].as_array().unwrap();
        items.iter().find(|one| one["rule_id"] == rule).unwrap()["signs"].clone()
    };
    assert_eq!(
        (signs("guessing"), signs("another")),
        (json!(["growing"]), json!(["unused"])),
        "{list}"
    );
    harness
        .now_us
        .store(NOW_US + 28 * day_us, std::sync::atomic::Ordering::Relaxed);
    let mai = harness.strong("mai.3", "moh", &[Role::SeniorAnalyst]).await;
    let later = harness.get(EXCEPTIONS, &mai).await.json();
    assert!(
        later["items"][0]["signs"]
            .as_array()
            .unwrap()
            .contains(&json!("expiring")),
        "{later}"
    );
}
