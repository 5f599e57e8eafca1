//! Searches that people keep, and what is asked about fields and things.

use serde_json::{Value, json};

use super::Harness;

#[tokio::test]
async fn a_shared_search_is_read_by_others_and_changed_by_its_owner() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let lan = harness.signed_in("lan", "moh").await;
    let hoa = harness.signed_in("hoa", "moh").await;
    let mai = harness.signed_in("mai", "mot").await;
    let body = json!({ "name": "Đoán mật khẩu", "organisation": "moh",
        "parameters": { "q": "dport:22", "range": "7d", "columns": "src,dst" } });
    let saved = harness.call("POST", "/api/v1/searches", &lan, body.clone()).await;
    assert_eq!(saved.status, 201, "{saved:?}");
    let again = harness.call("POST", "/api/v1/searches", &lan, body.clone()).await;
    assert_eq!((again.status.as_u16(), again.code().as_str()), (409, "conflict"));
    let list = async |cookie: &str| harness.get("/api/v1/searches", cookie).await.json();
    let of_hoa = list(&hoa).await;
    assert_eq!(
        (&of_hoa[0]["own"], &of_hoa[0]["parameters"]["q"]),
        (&json!(false), &json!("dport:22"))
    );
    assert_eq!(list(&mai).await, json!([]));

    let path = format!("/api/v1/searches/{}", saved.json()["id"].as_str().unwrap());
    let own = json!({ "name": "Riêng", "parameters": {} });
    let absent = "/api/v1/searches/999999";
    for cookie in [&hoa, &mai] {
        for method in ["PUT", "DELETE"] {
            let sent = if method == "PUT" { own.clone() } else { Value::Null };
            let theirs = harness.call(method, &path, cookie, sent.clone()).await;
            let nobodys = harness.call(method, absent, cookie, sent).await;
            assert_eq!(
                (theirs.status.as_u16(), &theirs.text),
                (404, &nobodys.text),
                "{method}"
            );
        }
    }
    let changed = harness.call("PUT", &path, &lan, own).await;
    assert_eq!(
        (changed.status.as_u16(), &changed.json()["organisation"]),
        (200, &Value::Null)
    );
    assert_eq!(list(&hoa).await, json!([]));
    let foreign = json!({ "name": "X", "organisation": "mot", "parameters": {} });
    let refused = harness.call("PUT", &path, &lan, foreign).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["error"]["field"]),
        (400, &json!("organisation"))
    );
    assert_eq!(harness.call("DELETE", &path, &lan, Value::Null).await.status, 204);
    assert_eq!(list(&lan).await, json!([]));
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_before_the_event_store_is() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let cookie = harness.signed_in("lan", "moh").await;
    for (path, status, field) in [
        ("entities/planet?value=mars", 404, Value::Null),
        ("entities/address?value=10.0.0.0/8", 400, json!("value")),
        ("entities/address", 400, Value::Null),
        ("entities/file?value=xyz", 400, json!("value")),
        ("events/values?field=nothing", 400, json!("field")),
        ("events/values?field=ts", 400, json!("field")),
        ("events/values?field=dport&q=(", 400, json!("q")),
        // Nothing listens where the harness says that ClickHouse is.
        ("entities/address?value=10.0.0.1", 503, Value::Null),
        ("events/values?field=dport", 503, Value::Null),
    ] {
        let answer = harness.get(&format!("/api/v1/{path}"), &cookie).await;
        let told = (answer.status.as_u16(), answer.json()["error"]["field"].clone());
        assert_eq!(told, (status, field), "{path}: {answer:?}");
    }
}
