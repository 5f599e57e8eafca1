//! Administration of organisations: who sees which, who changes what, and what people learn of it.

use serde_json::{Value, json};
use vonggac_access::Role;
use vonggac_database::testing;

use super::{Answer, Harness};

const ALL: &str = "/api/v1/organisations";

async fn one(harness: &Harness, cookie: &str, code: &str) -> Value {
    harness.get(&format!("{ALL}/{code}"), cookie).await.json()
}

async fn version(harness: &Harness) -> i64 {
    harness.database.organisations_version().await.unwrap()
}

/// Sends a change that has seen the organisations as they are.
async fn send(harness: &Harness, method: &str, path: &str, cookie: &str, mut body: Value) -> Answer {
    body["version"] = json!(version(harness).await);
    harness.call(method, &format!("{ALL}{path}"), cookie, body).await
}

fn unit(code: &str, parent: &str) -> Value {
    json!({ "code": code, "kind": "unit", "vi": "Đơn vị mới", "en": "New unit", "parent": parent, "citation": "Decision 1" })
}

fn codes(list: &Value) -> Vec<(String, Option<String>)> {
    let items = list["items"].as_array().unwrap();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut codes: Vec<_> = items
        .iter()
        .map(|one| (text(&one["code"]).unwrap(), text(&one["parent"])))
        .collect();
    codes.sort();
    codes
}

fn told(answer: &Answer) -> (u16, String, Value) {
    (
        answer.status.as_u16(),
        answer.code(),
        answer.json()["error"]["field"].clone(),
    )
}

#[tokio::test]
async fn each_sees_his_own_part_of_the_tree() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let admin = harness.strong("admin", "vn", &[Role::SystemAdministrator]).await;
    let manager = harness
        .strong("manager", "moh", &[Role::OrganisationManager])
        .await;
    let viewer = harness.signed_in_as("viewer", "moh", &[Role::Viewer]).await;
    let list =
        async |cookie: &str, query: &str| codes(&harness.get(&format!("{ALL}{query}"), cookie).await.json());
    let pair = |code: &str, parent: &str| {
        let parent = (!parent.is_empty()).then(|| parent.to_owned());
        (code.to_owned(), parent)
    };
    let all = [
        pair("moh", "vn"),
        pair("moh-it", "moh"),
        pair("mot", "vn"),
        pair("vn", ""),
    ];
    assert_eq!(list(&admin, "").await, all);
    assert_eq!(list(&manager, "").await, [pair("moh", ""), pair("moh-it", "moh")]);
    assert_eq!(list(&viewer, "").await, [pair("moh", "")]);
    // By a name without its marks; what stands above comes with it, and is no match.
    let found = harness
        .get(&format!("{ALL}?q=thong%20tin%20y%20te"), &admin)
        .await
        .json();
    assert_eq!((codes(&found).len(), &found["total"]), (3, &json!(1)));
    assert_eq!(list(&admin, "?kind=unit&q=nothing").await, []);
    let wrong = harness.get(&format!("{ALL}?on=yesterday"), &admin).await;
    assert_eq!(told(&wrong), (400, "invalid".into(), json!("on")));

    let (foreign, absent) = (
        one(&harness, &manager, "mot").await,
        one(&harness, &manager, "nowhere").await,
    );
    assert_eq!(
        (&foreign, foreign.pointer("/error/code")),
        (&absent, Some(&json!("not_found")))
    );
    let unit = one(&harness, &manager, "moh-it").await;
    let above: Vec<_> = unit["above"].as_array().unwrap().iter().collect();
    assert_eq!(
        (&above[0]["code"], &above[0]["is_seen"]),
        (&json!("vn"), &json!(false))
    );
    assert_eq!(
        (&above[1]["code"], &above[1]["is_seen"]),
        (&json!("moh"), &json!(true))
    );
}

#[tokio::test]
async fn what_is_at_one_is_counted_for_who_sees_it() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let manager = harness
        .strong("manager", "moh", &[Role::OrganisationManager])
        .await;
    let analyst = harness.signed_in("lan", "moh").await;
    let seen = one(&harness, &manager, "moh").await;
    let counts = |one: &Value| {
        [
            one["accounts"].clone(),
            one["roles"].clone(),
            one["roles_of_two"].clone(),
        ]
    };
    assert_eq!(counts(&seen), [json!(2), json!(2), json!(1)]);
    assert_eq!(
        (&seen["beneath"], &seen["actions"]),
        (&json!(1), &json!(["add_beneath", "change"]))
    );
    let seen = one(&harness, &analyst, "moh").await;
    assert_eq!(counts(&seen), [Value::Null, Value::Null, Value::Null]);
    assert_eq!(seen["actions"], json!([]));
}

#[tokio::test]
async fn a_manager_enters_units_under_codes_of_his_own() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let manager = harness
        .strong("manager", "moh", &[Role::OrganisationManager])
        .await;
    let boss = harness.strong("boss", "vn", &[Role::OrganisationManager]).await;
    let weak = harness
        .signed_in_as("weak", "moh", &[Role::OrganisationManager])
        .await;
    harness
        .database
        .take_alerts(&[testing::alert(1, "moh-x", 1), testing::alert(2, "elsewhere", 1)])
        .await
        .unwrap();
    let add = async |cookie: &str, body: Value| send(&harness, "POST", "", cookie, body).await;
    let made = add(&manager, unit("moh-lab", "moh")).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(
        made.json()["actions"],
        json!(["add_beneath", "change", "end", "succeed"])
    );
    let refused = add(&manager, unit("elsewhere", "moh")).await;
    assert_eq!(told(&refused), (400, "invalid".into(), json!("code")));
    // What is taken by alerts reads as what is taken by an organisation.
    let (kept, there) = (
        add(&manager, unit("moh-x", "moh")).await,
        add(&manager, unit("moh-lab", "moh")).await,
    );
    assert_eq!((kept.status, kept.json()), (there.status, there.json()));
    assert_eq!(told(&kept), (409, "conflict".into(), Value::Null));
    assert_eq!(add(&manager, unit("moh-y", "mot")).await.status, 404);
    assert_eq!(told(&add(&weak, unit("moh-y", "moh")).await).1, "factor_first");
    let mut wrong = unit("Moh Y", "moh");
    assert_eq!(told(&add(&manager, wrong.clone()).await).2, json!("code"));
    wrong["code"] = json!("moh-y");
    wrong["vi"] = json!(" ");
    assert_eq!(told(&add(&manager, wrong).await).2, json!("vi"));

    let analyst = harness.signed_in("lan", "moh").await;
    assert_eq!(
        harness.get("/api/v1/alerts", &analyst).await.json()["total"],
        json!(0)
    );
    let made = add(&boss, unit("elsewhere", "moh")).await;
    assert_eq!(made.status, 201, "{made:?}");
    // The alerts of what nobody had entered are shown from now on.
    assert_eq!(
        harness.get("/api/v1/alerts", &analyst).await.json()["total"],
        json!(1)
    );
}

#[tokio::test]
async fn a_change_of_what_has_changed_since_is_refused() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let boss = harness.strong("boss", "vn", &[Role::OrganisationManager]).await;
    let seen = one(&harness, &boss, "moh").await["version"].clone();
    let change = async |name: &str| {
        let body = json!({ "en": name, "version": seen });
        harness.call("PATCH", &format!("{ALL}/moh"), &boss, body).await
    };
    let first = change("Health").await;
    assert_eq!(
        (first.status.as_u16(), &first.json()["en"]),
        (200, &json!("Health"))
    );
    assert_eq!(
        told(&change("Wealth").await),
        (409, "conflict".into(), Value::Null)
    );
    let nameless = send(&harness, "PATCH", "/moh", &boss, json!({ "en": "" })).await;
    assert_eq!(told(&nameless), (400, "invalid".into(), json!("en")));
    assert_eq!(one(&harness, &boss, "moh").await["en"], json!("Health"));
    // Another console has it at the next request.
    let other = Harness::on(harness.database.clone(), &[]).await;
    assert_eq!(one(&other, &boss, "moh").await["en"], json!("Health"));
    let more = send(&harness, "PATCH", "/moh", &boss, json!({ "en": "Care" })).await;
    assert_eq!(more.status, 200, "{more:?}");
    assert_eq!(one(&other, &boss, "moh").await["en"], json!("Care"));
}

#[tokio::test]
async fn who_had_a_role_at_one_of_two_sees_both_after_the_merger() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let alerts = [testing::alert(1, "moh", 1), testing::alert(2, "mot", 1)];
    harness.database.take_alerts(&alerts).await.unwrap();
    let boss = harness.strong("boss", "vn", &[Role::OrganisationManager]).await;
    let lan = harness.signed_in("lan", "moh").await;
    let body = json!({ "until": "2026-01-01", "with": ["mot"], "new": unit("mht", "vn") });
    let logged = harness.database.audit_head().await.unwrap().size;
    let merged = send(&harness, "POST", "/moh/succession", &boss, body).await;
    assert_eq!(merged.status, 200, "{merged:?}");
    let entries = harness.database.audit_head().await.unwrap().size - logged;
    assert_eq!(entries, 3, "one is entered, two end");
    let merged = merged.json();
    assert_eq!(
        (&merged["state"], &merged["actions"]),
        (&json!("past"), &json!(["change"]))
    );
    assert_eq!(merged.pointer("/successors/0/code"), Some(&json!("mht")));
    assert_eq!(
        harness.get("/api/v1/alerts", &lan).await.json()["total"],
        json!(2)
    );
    let new = one(&harness, &boss, "mht").await;
    let before: Vec<_> = new["predecessors"].as_array().unwrap().iter().collect();
    assert_eq!(
        (&before[0]["code"], &before[0]["until"]),
        (&json!("moh"), &json!("2026-01-01"))
    );
    assert_eq!(
        (&before[1]["code"], &new["from"]),
        (&json!("mot"), &json!("2026-01-01"))
    );
    assert_eq!(new["beneath"], json!(1), "the unit of one is its");
    // The list is that of its day, and the past is there when it is asked for.
    let count = async |query: &str| {
        let list = harness.get(&format!("{ALL}{query}"), &boss).await.json();
        codes(&list)
            .into_iter()
            .map(|(code, _)| code)
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(count("").await, "mht moh-it vn");
    assert_eq!(count("?on=2025-12-31").await, "moh moh-it mot vn");
    assert_eq!(count("?others=true").await, "mht moh moh-it mot vn");
}

#[tokio::test]
async fn a_planned_end_is_taken_back_and_a_day_that_is_over_is_not_taken() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let manager = harness
        .strong("manager", "moh", &[Role::OrganisationManager])
        .await;
    let end = async |path: &str, until: &str| {
        send(&harness, "POST", path, &manager, json!({ "until": until })).await
    };
    assert_eq!(told(&end("/moh-it/end", "2025-12-31").await).2, json!("until"));
    assert_eq!(told(&end("/moh-it/end", "soon").await).2, json!("until"));
    assert_eq!(
        end("/moh/end", "2027-01-01").await.status,
        404,
        "nobody ends his own"
    );
    let ended = end("/moh-it/end", "2027-01-01").await.json();
    assert_eq!(
        (&ended["until"], &ended["state"]),
        (&json!("2027-01-01"), &json!("current"))
    );
    assert!(ended["actions"].to_string().contains("keep_on"), "{ended}");
    let path = format!("{ALL}/moh-it/end?version={}", version(&harness).await);
    let kept = harness.call("DELETE", &path, &manager, Value::Null).await;
    assert_eq!((kept.status.as_u16(), &kept.json()["until"]), (200, &Value::Null));
    let again = format!("{ALL}/moh-it/end?version={}", version(&harness).await);
    let again = harness.call("DELETE", &again, &manager, Value::Null).await;
    assert_eq!(again.status, 409);
}

#[tokio::test]
async fn what_has_not_begun_is_seen_and_changed_where_its_parent_is() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let manager = harness
        .strong("manager", "moh", &[Role::OrganisationManager])
        .await;
    let mut planned = unit("moh-lab", "moh");
    planned["from"] = json!("2027-01-01");
    let made = send(&harness, "POST", "", &manager, planned).await;
    assert_eq!(
        (made.status.as_u16(), &made.json()["state"]),
        (201, &json!("planned"))
    );
    let sooner = json!({ "from": "2026-06-01" });
    let sooner = send(&harness, "PATCH", "/moh-lab", &manager, sooner).await;
    assert_eq!(
        (sooner.status.as_u16(), &sooner.json()["from"]),
        (200, &json!("2026-06-01"))
    );
    let list = harness.get(ALL, &manager).await.json();
    assert_eq!(codes(&list).len(), 2);
    let list = harness.get(&format!("{ALL}?others=true"), &manager).await.json();
    assert_eq!(codes(&list)[2], ("moh-lab".into(), Some("moh".into())));
}

#[tokio::test]
async fn the_health_page_tells_of_organisations_that_nobody_has_entered() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let alerts = [
        testing::alert(1, "moh", 1),
        testing::alert(2, "unknown-one", 1),
        testing::alert(3, "No Code", 1),
    ];
    harness.database.take_alerts(&alerts).await.unwrap();
    let admin = harness
        .signed_in_as("admin", "vn", &[Role::SystemAdministrator])
        .await;
    let manager = harness
        .signed_in_as("manager", "moh", &[Role::OrganisationManager])
        .await;
    let lead = harness.signed_in_as("lead", "vn", &[Role::ShiftLead]).await;
    let told = async |cookie: &str| {
        let health = harness.get("/api/v1/health", cookie).await.json();
        health["unknown_organisations"].clone()
    };
    let one = |code: &str, is_code: bool| json!({ "code": code, "alerts": 1, "has_more": false, "sensors": 0, "is_code": is_code });
    assert_eq!(
        told(&admin).await,
        json!([one("No Code", false), one("unknown-one", true)])
    );
    for cookie in [&manager, &lead] {
        assert_eq!(told(cookie).await, json!([]));
    }
}
