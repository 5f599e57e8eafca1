//! A shift is handed over: who writes, who takes over, what each reader is shown, and what has changed since one was last here.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use vonggac_access::Role;
use vonggac_database::testing::{NOW_US, alert};

use super::{Answer, Harness};

const HOUR_US: i64 = 3_600_000_000;
const HANDOVERS: &str = "/api/v1/handovers";

async fn post(harness: &Harness, path: &str, cookie: &str, body: Value) -> Answer {
    harness.call("POST", path, cookie, body).await
}

fn ids(list: &Value) -> Vec<String> {
    let of = |one: &Value| one["id"].as_str().unwrap().trim_start_matches('0').to_owned();
    list.as_array().unwrap().iter().map(of).collect()
}

#[tokio::test]
async fn a_shift_is_handed_over_and_reads_the_same_afterwards() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    harness.now_us.store(NOW_US + HOUR_US, Ordering::Relaxed);
    let alerts = [alert(3, "moh", 1), alert(4, "moh-it", 1), alert(9, "mot", 1)];
    harness.database.take_alerts(&alerts).await.unwrap();
    let lead = harness.signed_in_as("lead", "moh", &[Role::ShiftLead]).await;
    let next = harness.signed_in_as("next", "moh", &[Role::ShiftLead]).await;
    let viewer = harness.signed_in_as("viewer", "moh", &[Role::Viewer]).await;
    let nation = harness.signed_in_as("nation", "vn", &[Role::Analyst]).await;
    let other = harness.signed_in_as("other", "mot", &[Role::ShiftLead]).await;

    let places = harness.get(HANDOVERS, &lead).await.json();
    assert_eq!(places["places"][0]["code"], "moh", "{places}");
    assert_eq!(harness.get(HANDOVERS, &nation).await.json()["places"], json!([]));
    let moh = json!({ "organisation": "moh" });
    for cookie in [&viewer, &nation, &other] {
        let refused = post(&harness, HANDOVERS, cookie, moh.clone()).await;
        assert_eq!(refused.code(), "not_found");
    }
    let draft = post(&harness, HANDOVERS, &lead, moh.clone()).await;
    assert_eq!(draft.status, 201, "{draft:?}");
    assert_eq!(post(&harness, HANDOVERS, &next, moh).await.code(), "conflict");
    let draft = draft.json();
    assert_eq!(draft["actions"], json!(["change", "hand", "discard"]));
    assert_eq!(ids(&draft["facts"]["urgent"]), ["4", "3"], "{draft}");
    let path = format!("{HANDOVERS}/{}", draft["id"].as_str().unwrap());
    for (cookie, shown) in [(&viewer, vec!["3"]), (&nation, vec!["4", "3"])] {
        let seen = harness.get(&path, cookie).await.json();
        assert_eq!(
            ids(&seen["facts"]["urgent"]),
            shown,
            "as far as one's rights to alerts go"
        );
        assert_eq!(seen["actions"], json!([]));
    }

    // It fills itself.
    harness.database.take_alerts(&[alert(8, "moh", 1)]).await.unwrap();
    let change = json!({ "version": 1, "note": "Để ý VPN", "from": draft["from"], "to": draft["to"],
        "next_to": draft["next_to"] });
    let changed = harness.call("PUT", &path, &next, change.clone()).await.json();
    assert_eq!(ids(&changed["facts"]["urgent"]), ["4", "3", "8"], "{changed}");
    assert_eq!(harness.call("PUT", &path, &lead, change).await.code(), "conflict");
    let hand = format!("{path}/hand");
    let early = post(&harness, &hand, &lead, json!({ "version": 1 })).await;
    assert_eq!(early.code(), "conflict", "it was changed since");
    let handed = post(&harness, &hand, &lead, json!({ "version": 2 })).await.json();
    assert_eq!(
        (&handed["state"], &handed["actions"]),
        (&json!("handed"), &json!([]))
    );

    // What happens later is another shift's.
    harness
        .database
        .take_alerts(&[alert(13, "moh", 1)])
        .await
        .unwrap();
    let acknowledge = format!("{path}/acknowledge");
    let remarks = json!({ "remarks": "Đã nhận ca" });
    for cookie in [&lead, &viewer, &nation, &other] {
        let refused = post(&harness, &acknowledge, cookie, remarks.clone()).await;
        assert_eq!(refused.code(), "not_found");
    }
    let waiting = harness.get(&path, &next).await.json();
    assert_eq!(waiting["actions"], json!(["acknowledge"]));
    let taken = post(&harness, &acknowledge, &next, remarks).await.json();
    assert_eq!(taken["acknowledged_by"]["display_name"], "next");
    let read = harness.get(&path, &lead).await.json();
    assert_eq!(
        (&read["state"], &read["remarks"], &read["note"]),
        (&json!("acknowledged"), &json!("Đã nhận ca"), &json!("Để ý VPN"))
    );
    assert_eq!(read["facts"], handed["facts"]);
    assert_eq!(
        harness.call("DELETE", &path, &lead, Value::Null).await.code(),
        "conflict"
    );
    let list = harness.get(HANDOVERS, &other).await.json();
    assert_eq!(list["items"], json!([]));
}

#[tokio::test]
async fn changes_of_accounts_are_counted_for_who_sees_accounts() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    harness.now_us.store(NOW_US + HOUR_US, Ordering::Relaxed);
    let manager = harness
        .strong("manager", "moh", &[Role::OrganisationManager])
        .await;
    let invitation =
        json!({ "user_name": "moi", "display_name": "Mới", "language": "vi", "organisation": "moh" });
    assert_eq!(
        post(&harness, "/api/v1/accounts", &manager, invitation)
            .await
            .status,
        201
    );
    harness.now_us.fetch_add(1, Ordering::Relaxed);
    let lead = harness.signed_in_as("lead", "moh", &[Role::ShiftLead]).await;
    let analyst = harness.signed_in_as("analyst", "moh", &[Role::Analyst]).await;
    let draft = post(&harness, HANDOVERS, &lead, json!({ "organisation": "moh" }))
        .await
        .json();
    let told = json!([{ "organisation": "moh", "action": "account.invite", "count": 1 }]);
    assert_eq!(draft["facts"]["deeds"], told);
    let path = format!("{HANDOVERS}/{}", draft["id"].as_str().unwrap());
    assert_eq!(
        harness.get(&path, &analyst).await.json()["facts"]["deeds"],
        json!([])
    );
}

#[tokio::test]
async fn what_is_watched_stands_in_the_draft() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    harness
        .database
        .take_alerts(&[alert(3, "moh", 1), alert(9, "mot", 1)])
        .await
        .unwrap();
    let lead = harness.signed_in_as("lead", "moh", &[Role::ShiftLead]).await;
    let viewer = harness.signed_in_as("viewer", "moh", &[Role::Viewer]).await;
    let watch = async |cookie: &str, body: Value| post(&harness, "/api/v1/watch", cookie, body).await;
    let own = json!({ "alert": format!("{:032x}", 3), "note": "chờ xác nhận" });
    assert_eq!(watch(&viewer, own.clone()).await.code(), "not_found");
    assert_eq!(watch(&lead, own.clone()).await.status, 201);
    assert_eq!(watch(&lead, own).await.code(), "conflict");
    let thing =
        |organisation: &str| json!({ "organisation": organisation, "kind": "address", "value": "10.0.0.9" });
    assert_eq!(watch(&lead, thing("mot")).await.code(), "not_found");
    let list = watch(&lead, thing("moh-it")).await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    for wrong in [json!({ "note": "x" }), json!({ "alert": "x", "kind": "address" })] {
        assert_eq!(watch(&lead, wrong).await.status, 400);
    }
    let foreign = watch(&lead, json!({ "alert": format!("{:032x}", 9) })).await;
    let absent = watch(&lead, json!({ "alert": format!("{:032x}", 77) })).await;
    assert_eq!((foreign.status.as_u16(), foreign.text), (404, absent.text));

    let seen = harness.get("/api/v1/watch", &viewer).await.json();
    assert_eq!(
        seen["items"].as_array().unwrap().len(),
        1,
        "not of what is beneath"
    );
    assert_eq!(seen["items"][0]["can_remove"], json!(false));
    let draft = post(&harness, HANDOVERS, &lead, json!({ "organisation": "moh" }))
        .await
        .json();
    let watched = &draft["facts"]["watched"];
    assert_eq!(watched[0]["value"], "10.0.0.9", "{watched}");
    assert_eq!(
        (&watched[1]["alert"]["title"], &watched[1]["note"]),
        (&json!("Password guessing"), &json!("chờ xác nhận"))
    );
    let path = format!("/api/v1/watch/{}", seen["items"][0]["id"].as_str().unwrap());
    assert_eq!(
        harness.call("DELETE", &path, &viewer, Value::Null).await.code(),
        "not_found"
    );
    assert_eq!(
        harness.call("DELETE", &path, &lead, Value::Null).await.status,
        204
    );
}

#[tokio::test]
async fn one_click_shows_what_changed_since_one_was_last_here() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let first = harness.signed_in("lan", "moh").await;
    let since = async |cookie: &str| harness.get("/api/v1/alerts/since", cookie).await.json();
    let never = json!({ "since": null, "new": 0, "changed": 0 });
    assert_eq!(since(&first).await, never);
    harness
        .database
        .take_alerts(&[alert(1, "moh", 1), alert(2, "mot", 1)])
        .await
        .unwrap();
    let signed_out = harness
        .call("DELETE", "/api/v1/session", &first, Value::Null)
        .await;
    assert!(signed_out.status.is_success(), "{signed_out:?}");

    harness.now_us.store(NOW_US + 10 * HOUR_US, Ordering::Relaxed);
    let body = json!({ "user_name": "lan", "password": vonggac_database::testing::PASSWORD });
    let again = harness.call("POST", "/api/v1/session", "", body).await.cookie();
    let told = since(&again).await;
    assert_eq!(
        (&told["since"], &told["new"]),
        (&json!("2026-01-01T00:00:00Z"), &json!(1)),
        "{told}"
    );
    let queue = |from: &str| format!("/api/v1/alerts?changed_from={from}");
    let listed = harness.get(&queue("2026-01-01T00:00:00Z"), &again).await.json();
    assert_eq!(listed["total"], told["new"]);
    let later = harness.get(&queue("2999-01-01T00:00:00Z"), &again).await.json();
    assert_eq!(later["total"], json!(0));
    assert_eq!(harness.get(&queue("yesterday"), &again).await.status, 400);
}
