//! What the health page tells whom, and what the console counts.

use serde_json::Value;

use super::Harness;

#[tokio::test]
async fn only_administrators_see_where_things_are() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let administrator = harness.signed_in("an", "*").await;
    let analyst = harness.signed_in("mai", "moh").await;
    let ask = async |cookie: &str| harness.get("/api/v1/health", cookie).await;
    let (all, some) = (ask(&administrator).await, ask(&analyst).await);
    // Nothing listens where the harness says that ClickHouse and Kafka are.
    assert!(all.text.contains("127.0.0.1:1"), "{all:?}");
    assert!(!some.text.contains("127.0.0.1"), "{some:?}");
    let parts = |answer: &super::Answer| answer.json()["parts"].as_array().unwrap().clone();
    for part in parts(&some) {
        assert_eq!((&part["address"], &part["name"]), (&Value::Null, &Value::Null));
    }
    let codes: Vec<String> = parts(&some)
        .iter()
        .flat_map(|part| part["remarks"].as_array().unwrap().clone())
        .map(|remark| remark["code"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(codes, ["no_answer", "no_answer", "unknown"]);
    // The console's own page says the same, for `vonggac doctor`.
    let keys: Vec<String> = harness
        .console
        .metrics()
        .problems()
        .into_iter()
        .map(|problem| problem.key)
        .collect();
    assert!(
        keys.contains(&"clickhouse".to_owned()) && keys.contains(&"kafka".to_owned()),
        "{keys:?}"
    );
}

#[tokio::test]
async fn requests_are_counted_by_route_and_never_by_path() {
    const ID: &str = "00000000000000000000000000000001";
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let cookie = harness.signed_in("mai", "moh").await;
    for _ in 0..2 {
        let path = format!("/api/v1/alerts/{ID}");
        assert_eq!(harness.get(&path, &cookie).await.status, 404);
    }
    harness.get("/anything/at-all", "").await;
    let page = harness.console.metrics().render();
    for line in [
        "console_requests_total{method=\"GET\",route=\"/api/v1/alerts/{id}\",status=\"404\"} 2\n",
        "console_requests_total{method=\"GET\",route=\"front end\",status=",
        "console_request_seconds_count{route=\"/api/v1/alerts/{id}\"} 2\n",
        "console_streams_open 0\n",
    ] {
        assert!(page.contains(line), "{line}{page}");
    }
    assert!(!page.contains("at-all") && !page.contains(ID), "{page}");
}
