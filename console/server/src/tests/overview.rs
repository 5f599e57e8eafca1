//! What a shift lead sees first, and the way from each number into the list behind it.

use serde_json::{Value, json};
use vonggac_database::testing::alert;

use super::Harness;

#[tokio::test]
async fn each_number_is_that_of_the_list_behind_it() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let alerts: Vec<_> = (1..=9)
        .map(|n| alert(n, if n % 3 == 0 { "moh" } else { "mot" }, 1))
        .collect();
    harness.database.take_alerts(&alerts).await.unwrap();
    let later_us = vonggac_database::testing::NOW_US + 2 * 3_600_000_000;
    harness
        .now_us
        .store(later_us, std::sync::atomic::Ordering::Relaxed);
    for (name, tenant, expect) in [("lan", "*", 9), ("mai", "moh", 3), ("ha", "moh-it", 0)] {
        let cookie = harness.signed_in(name, tenant).await;
        let overview = harness
            .get("/api/v1/overview?from=2026-01-01T00:00:00Z", &cookie)
            .await
            .json();
        assert_eq!(overview["waiting"]["count"], json!(expect), "{overview}");
        let total = async |path: String| {
            let list = harness.get(&format!("/api/v1/alerts?{path}"), &cookie).await;
            list.json()["total"].clone()
        };
        let whole = |alerts: &Value| {
            let of = |name: &str| alerts[name].as_i64().unwrap();
            json!(of("open") + of("acknowledged") + of("closed"))
        };
        let span = format!(
            "detected_from={}&detected_to={}",
            overview["from"].as_str().unwrap(),
            overview["to"].as_str().unwrap()
        );
        for row in overview["by_severity"].as_array().unwrap() {
            let severity = row["severity"].as_str().unwrap();
            let behind = total(format!("severity={severity}&{span}")).await;
            assert_eq!(whole(&row["alerts"]), behind, "{severity}");
        }
        for row in overview["organisations"].as_array().unwrap() {
            let organisation = row["organisation"].as_str().unwrap();
            let behind = total(format!("organisation={organisation}&{span}")).await;
            assert_eq!(whole(&row["alerts"]), behind, "{organisation}");
        }
        for row in overview["techniques"].as_array().unwrap() {
            let of = |name: &str| row[name].as_str().unwrap();
            let path = format!("tactic={}&technique={}&{span}", of("tactic"), of("technique"));
            assert_eq!(whole(&row["alerts"]), total(path).await);
        }
        for band in overview["waiting"]["ages"].as_array().unwrap() {
            let mut path = format!(
                "status=open,acknowledged&detected_to={}",
                band["detected_to"].as_str().unwrap()
            );
            if let Some(from) = band["detected_from"].as_str() {
                path = format!("{path}&detected_from={from}");
            }
            let count: i64 = band["by_severity"]
                .as_object()
                .unwrap()
                .values()
                .map(|count| count.as_i64().unwrap())
                .sum();
            assert_eq!(json!(count), total(path).await, "{band}");
        }
    }
}

#[tokio::test]
async fn a_time_that_ends_before_it_begins_is_refused() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let cookie = harness.signed_in("lan", "*").await;
    for query in [
        "from=yesterday",
        "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
        "to=x",
    ] {
        let answer = harness.get(&format!("/api/v1/overview?{query}"), &cookie).await;
        assert_eq!(answer.status, 400, "{query}: {answer:?}");
    }
}
