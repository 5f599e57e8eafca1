//! Providers, as who runs the console enters them.

use serde_json::{Value, json};
use vonggac_access::Role;

use super::{SETTINGS, Stage};

fn provider() -> Value {
    json!({ "issuer": "https://id.example/realms/soc", "name": "Cổng định danh", "client_id": "vonggac", "client_secret": "bí mật",
        "scopes": ["openid", "profile", "email"], "is_on": false })
}

#[tokio::test]
async fn a_provider_is_entered_changed_and_removed_and_its_secret_is_never_shown() {
    let Some(stage) = Stage::start().await else {
        return;
    };
    let call = async |method: &str, path: &str, body: Value| {
        stage.harness.call(method, path, &stage.admin, body).await
    };
    let added = call("POST", SETTINGS, provider()).await;
    assert_eq!(added.status, 201, "{added:?}");
    assert!(!added.text.contains("bí mật"));
    let (all, one) = (added.json(), added.json()["providers"][0].clone());
    assert_eq!(
        all["redirect_uri"],
        json!("http://localhost:0/api/v1/openid/callback")
    );
    assert_eq!(
        (&all["may_change"], &one["has_secret"], &one["links"]),
        (&json!(true), &json!(true), &json!(0))
    );
    let offered = stage.harness.get("/api/v1/openid/providers", "").await;
    assert_eq!(offered.json(), json!([]), "it is off");
    assert_eq!(call("POST", SETTINGS, provider()).await.status, 409);

    let path = format!("{SETTINGS}/{}", one["id"].as_str().unwrap());
    let mut changed = provider();
    changed["is_on"] = json!(true);
    changed["issuer"] = json!("https://evil.example");
    changed.as_object_mut().unwrap().remove("client_secret");
    let answer = call("PUT", &path, changed.clone()).await;
    let one = answer.json()["providers"][0].clone();
    assert_eq!(
        (&one["issuer"], &one["has_secret"], &one["is_on"]),
        (
            &json!("https://id.example/realms/soc"),
            &json!(true),
            &json!(true)
        ),
        "the issuer stays, and so does a secret that is not given"
    );
    let (result, detail) = stage.last("openid_provider.change").await;
    assert_eq!((result.as_str(), detail), ("done", json!({ "is_on": "true" })));
    changed["client_secret"] = json!("");
    let answer = call("PUT", &path, changed).await;
    assert_eq!(answer.json()["providers"][0]["has_secret"], json!(false));
    assert_eq!(call("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(call("DELETE", &path, Value::Null).await.status, 404);
    assert_eq!(
        stage.last("openid_provider.remove").await.1["issuer"],
        json!("https://id.example/realms/soc")
    );
}

#[tokio::test]
async fn what_does_not_do_is_laid_at_its_field() {
    let Some(stage) = Stage::start().await else {
        return;
    };
    for (field, value) in [
        ("issuer", json!("http://id.example")),
        ("issuer", json!("id.example")),
        ("issuer", json!("https://user@id.example")),
        ("name", json!("")),
        ("client_id", json!("a b")),
        ("scopes", json!(["email"])),
        ("hosts", json!(["https://id.example"])),
        ("networks", json!(["10.0.0.0/99"])),
        (
            "certificates",
            json!("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"),
        ),
        ("certificates", json!("x")),
    ] {
        let mut body = provider();
        body[field] = value.clone();
        let refused = stage.harness.call("POST", SETTINGS, &stage.admin, body).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["error"]["field"]),
            (400, &json!(field)),
            "{value}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn only_who_runs_the_console_enters_providers_and_only_when_seen_just_now() {
    let Some(stage) = Stage::start().await else {
        return;
    };
    let harness = &stage.harness;
    let manager = harness
        .strong("manager", "vn", &[Role::OrganisationManager])
        .await;
    let ministry = harness
        .strong("ministry", "moh", &[Role::SystemAdministrator])
        .await;
    for cookie in [&manager, &ministry] {
        assert_eq!(harness.get(SETTINGS, cookie).await.status, 404);
        assert_eq!(
            harness.call("POST", SETTINGS, cookie, provider()).await.status,
            404
        );
    }
    harness.pass(6 * 60 * super::SECOND_US);
    let late = harness.call("POST", SETTINGS, &stage.admin, provider()).await;
    assert_eq!(
        (late.status.as_u16(), late.code().as_str()),
        (403, "confirm_first")
    );
}
