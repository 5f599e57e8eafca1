//! Searches written to files.

use std::time::Duration;

use serde_json::{Value, json};
use vonggac_access::{Day, Membership, Role};
use vonggac_database::audit::Asker;
use vonggac_database::export::{ExportId, Part};
use vonggac_database::testing::NOW_US;

use super::Harness;

/// The first of the account's exports, once it no longer runs.
async fn ended(harness: &Harness, cookie: &str) -> Value {
    loop {
        let list = harness.get("/api/v1/exports", cookie).await.json();
        if list[0]["state"] != "running" {
            return list[0].clone();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_file_goes_to_whoever_asked_alone_and_is_written_down() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let lan = harness.strong("lan", "moh", &[Role::SeniorAnalyst]).await;
    let hoa = harness.strong("hoa", "moh", &[Role::SeniorAnalyst]).await;
    // No task takes the job over, so that it is written here.
    let body = json!({ "format": "csv", "q": "dport:22", "class": "dns" });
    let started = harness.call("POST", "/api/v1/exports", &lan, body.clone()).await;
    assert_eq!(
        (started.status.as_u16(), &started.json()["state"]),
        (202, &json!("running"))
    );
    let second = harness.call("POST", "/api/v1/exports", &lan, body).await;
    assert_eq!(second.status, 409, "{second:?}");
    let id = started.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/exports/{id}/file");
    assert_eq!(harness.get(&path, &lan).await.status, 404);

    let number = ExportId(id.parse().unwrap());
    for (part, content) in [(0, "a,b\r\n"), (1, "1,2\r\n")] {
        let part = Part {
            number: part,
            content: content.into(),
            rows: 1,
            rows_found: 2,
        };
        harness
            .database
            .add_export_part(number, &part, NOW_US)
            .await
            .unwrap();
    }
    let by = Asker::console();
    harness
        .database
        .finish_export(by, number, None, NOW_US)
        .await
        .unwrap();
    let file = harness.get(&path, &lan).await;
    assert_eq!(
        (file.status.as_u16(), file.text.as_str()),
        (200, "a,b\r\n1,2\r\n")
    );
    let header = |name: &str| file.headers.get(name).unwrap().to_str().unwrap().to_owned();
    assert!(header("content-type").starts_with("text/csv"));
    assert_eq!(
        header("content-disposition"),
        format!("attachment; filename=\"vonggac-events-{id}.csv\"")
    );
    let (theirs, nobodys) = (
        harness.get(&path, &hoa).await,
        harness.get("/api/v1/exports/999999/file", &hoa).await,
    );
    assert_eq!((theirs.status.as_u16(), &theirs.text), (404, &nobodys.text));
    assert_eq!(harness.get("/api/v1/exports", &hoa).await.json(), json!([]));

    // With the right to what is in it, it is gone, though she may export elsewhere.
    let account = harness.database.account_named("lan").await.unwrap();
    let roles = harness.database.memberships_of(account.id).await.unwrap();
    let at_mot = Membership {
        organisation: "mot".parse().unwrap(),
        ..roles[0].membership.clone()
    };
    let store = &harness.database;
    let given = store.grant_membership(&by, &at_mot, NOW_US).await;
    assert!(given.is_ok(), "{given:?}");
    let today = Day::of_us(NOW_US).unwrap();
    store
        .end_membership(&by, roles[0].id, today, NOW_US)
        .await
        .unwrap();
    assert_eq!(harness.get(&path, &lan).await.status, 404);

    let again = harness
        .call("POST", "/api/v1/exports", &lan, json!({ "format": "jsonl" }))
        .await;
    let cancel = format!("/api/v1/exports/{}/cancel", again.json()["id"].as_str().unwrap());
    assert_eq!(harness.call("POST", &cancel, &hoa, json!({})).await.status, 404);
    let cancelled = harness.call("POST", &cancel, &lan, json!({})).await;
    assert_eq!(
        (cancelled.status.as_u16(), &cancelled.json()["state"]),
        (200, &json!("cancelled"))
    );

    let auditor = harness.strong("an", "vn", &[Role::Auditor]).await;
    let log = harness.get("/api/v1/audit?action=export", &auditor).await.text;
    for action in ["export.start", "export.end", "export.download", "export.cancel"] {
        assert!(log.contains(action), "{action}: {log}");
    }
    assert!(
        log.contains("\"rows\":\"2\"") && log.contains("dport:22"),
        "{log}"
    );
}

#[tokio::test]
async fn a_job_that_cannot_go_on_says_why_and_makes_room() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let lan = harness.strong("lan", "moh", &[Role::SeniorAnalyst]).await;
    let console = harness.console.clone();
    let task = tokio::spawn(crate::exports::run(console));
    let start = async || {
        let body = json!({ "format": "jsonl" });
        harness.call("POST", "/api/v1/exports", &lan, body).await
    };
    // Nothing listens where the harness says that ClickHouse is.
    assert_eq!(start().await.status, 202);
    let failed = ended(&harness, &lan).await;
    assert_eq!(
        (&failed["state"], &failed["problem"]),
        (&json!("failed"), &json!("the event store does not answer"))
    );
    let id = failed["id"].as_str().unwrap();
    let cancel = format!("/api/v1/exports/{id}/cancel");
    assert_eq!(harness.call("POST", &cancel, &lan, json!({})).await.status, 409);
    harness.stop.send_replace(true);
    task.await.unwrap();
    // A console that stops takes no more jobs.
    assert_eq!(start().await.status, 503);
    assert_eq!(ended(&harness, &lan).await["state"], json!("failed"));
}

#[tokio::test]
async fn a_job_ends_with_the_right_that_it_stands_on() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let lan = harness.strong("lan", "moh", &[Role::SeniorAnalyst]).await;
    let body = json!({ "format": "jsonl" });
    let started = harness.call("POST", "/api/v1/exports", &lan, body).await;
    assert_eq!(started.status, 202);
    let account = harness.database.account_named("lan").await.unwrap();
    let roles = harness.database.memberships_of(account.id).await.unwrap();
    let today = Day::of_us(NOW_US).unwrap();
    harness
        .database
        .end_membership(&Asker::console(), roles[0].id, today, NOW_US)
        .await
        .unwrap();
    // Another role, with which the list of one's exports is seen.
    let lead = Membership {
        role: Role::ShiftLead,
        organisation: "mot".parse().unwrap(),
        ..roles[0].membership.clone()
    };
    harness
        .database
        .grant_membership(&Asker::console(), &lead, NOW_US)
        .await
        .unwrap();
    let task = tokio::spawn(crate::exports::run(harness.console.clone()));
    let failed = ended(&harness, &lan).await;
    assert_eq!(
        (&failed["state"], &failed["problem"]),
        (
            &json!("failed"),
            &json!("the right to what it is about has ended")
        )
    );
    harness.stop.send_replace(true);
    task.await.unwrap();
}

#[tokio::test]
async fn what_is_wrong_with_a_search_is_told_before_the_job_begins() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let lan = harness.strong("lan", "moh", &[Role::SeniorAnalyst]).await;
    for (body, field) in [
        (json!({ "format": "csv", "q": "dport:22 AND (" }), json!("q")),
        (json!({ "format": "csv", "q": "nothing:1" }), json!("q")),
        (json!({ "format": "csv", "class": "planet" }), json!("class")),
        (json!({ "format": "csv", "from": "yesterday" }), json!("from")),
        (json!({ "format": "csv", "columns": ["=1"] }), json!("columns")),
        (json!({ "format": "xlsx" }), Value::Null),
    ] {
        let refused = harness.call("POST", "/api/v1/exports", &lan, body.clone()).await;
        let told = (refused.status.as_u16(), refused.json()["error"]["field"].clone());
        assert_eq!(told, (400, field), "{body}: {refused:?}");
    }
    assert_eq!(harness.get("/api/v1/exports", &lan).await.json(), json!([]));
}
