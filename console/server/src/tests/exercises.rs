//! Exercises over HTTP: who takes part works in a room of its own, and nothing of it is where real work is.

use axum::http::StatusCode;
use serde_json::{Value, json};
use vonggac_access::Role;
use vonggac_database::testing;
use vonggac_enrolment::Credential;
use vonggac_event::Alert;

use super::factors::start;
use super::{Answer, Harness, document};

const PATH: &str = "/api/v1/exercises";

/// An exercise of the nation's, in which `moh` takes part, with the cookies of its director and of an analyst of each ministry.
struct Room {
    harness: Harness,
    director: String,
    lan: String,
    minh: String,
    id: String,
    _keys: tempfile::TempDir,
}

impl Room {
    async fn open() -> Option<Self> {
        let (harness, keys) = start().await?;
        let director = harness.strong("director", "vn", &[Role::ExerciseDirector]).await;
        let body = json!({ "organisation": "vn", "name": "Diễn tập 60", "note": "Tống tiền" });
        let made = harness.call("POST", PATH, &director, body).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        let id = made.json()["id"].as_str().unwrap().to_owned();
        let room = Self {
            lan: harness.strong("lan", "moh", &[Role::Analyst]).await,
            minh: harness.strong("minh", "mot", &[Role::Analyst]).await,
            harness,
            director,
            id,
            _keys: keys,
        };
        let shared = room.step(
            "participants",
            json!({ "organisation": "moh", "takes_part": true }),
        );
        assert_eq!(shared.await.status, 200);
        Some(room)
    }

    /// The director does something with it.
    async fn step(&self, what: &str, body: Value) -> Answer {
        let path = format!("{PATH}/{}/{what}", self.id);
        self.harness.call("POST", &path, &self.director, body).await
    }

    /// What is asked within it.
    async fn within(&self, method: &str, path: &str, cookie: &str, body: Value) -> Answer {
        let sign = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{sign}exercise={}", self.id);
        self.harness.call(method, &path, cookie, body).await
    }

    async fn total(&self, cookie: &str) -> Value {
        let page = self.within("GET", "/api/v1/alerts", cookie, Value::Null).await;
        page.json()["total"].clone()
    }

    fn drilled(&self, number: u32) -> Alert {
        Alert {
            exercise_id: self.id.parse().unwrap(),
            ..testing::alert(number, "vn", 1)
        }
    }
}

#[tokio::test]
async fn who_takes_part_works_in_a_queue_of_its_own_from_the_start_to_the_end() {
    let Some(room) = Room::open().await else { return };
    let (harness, lan) = (&room.harness, room.lan.as_str());
    let alerts = [room.drilled(1), testing::alert(2, "moh", 1)];
    harness.database.take_alerts(&alerts).await.unwrap();

    // Before the start it is not there, as one that does not exist.
    let (early, absent) = (
        room.within("GET", "/api/v1/alerts", lan, Value::Null).await,
        harness.get("/api/v1/alerts?exercise=4999", lan).await,
    );
    assert_eq!((early.status, &early.text), (StatusCode::NOT_FOUND, &absent.text));
    assert_eq!(harness.get(PATH, lan).await.json()["items"], json!([]));
    assert_eq!(room.step("start", Value::Null).await.json()["state"], "running");

    let listed = harness.get(PATH, lan).await.json();
    assert_eq!(listed["items"][0]["name"], "Diễn tập 60");
    assert_eq!(listed["items"][0]["actions"], json!(["work"]));
    assert_eq!(
        listed["items"][0]["participants"],
        Value::Null,
        "the owner's affair"
    );
    assert_eq!(room.total(lan).await, 1);
    assert_eq!(harness.get("/api/v1/alerts", lan).await.json()["total"], 1);
    let drill = format!("/api/v1/alerts/{:032x}", 1);
    assert_eq!(harness.get(&drill, lan).await.status, 404);
    let own = format!("/api/v1/alerts/{:032x}", 2);
    assert_eq!(room.within("GET", &own, lan, Value::Null).await.status, 404);

    let note = json!({ "note": "Tôi xem" });
    let taken = room
        .within("POST", &format!("{drill}/acknowledge"), lan, note.clone())
        .await;
    assert_eq!(
        (taken.status.as_u16(), &taken.json()["assignee"]["display_name"]),
        (200, &json!("lan"))
    );
    let counts = harness.get("/api/v1/alerts/counts", lan).await.json();
    assert_eq!(
        counts["by_status"],
        json!({ "open": 1, "acknowledged": 0, "closed": 0 })
    );
    let overview = room.within("GET", "/api/v1/overview", lan, Value::Null).await;
    assert_eq!(overview.status, 200, "{overview:?}");

    // Who does not take part finds nothing by its number.
    for path in [
        "/api/v1/alerts".to_owned(),
        drill.clone(),
        "/api/v1/overview".to_owned(),
    ] {
        let foreign = room.within("GET", &path, &room.minh, Value::Null).await;
        assert_eq!(
            (foreign.status, &foreign.text),
            (StatusCode::NOT_FOUND, &absent.text),
            "{path}"
        );
    }
    assert_eq!(room.step("end", Value::Null).await.json()["state"], "ended");
    let late = room
        .within(
            "POST",
            &format!("{drill}/comments"),
            lan,
            json!({ "text": "Muộn" }),
        )
        .await;
    assert_eq!(
        (late.status.as_u16(), late.code().as_str()),
        (409, "exercise_over")
    );
    assert_eq!(room.total(lan).await, 1, "it is looked at");
    let out = harness.get(&format!("{PATH}/{}", room.id), lan).await.json();
    assert_eq!(out["actions"], json!([]));
}

#[tokio::test]
async fn its_sensors_are_its_directors_and_their_credentials_name_it() {
    let Some(room) = Room::open().await else { return };
    room.step("start", Value::Null).await;
    let body = json!({ "name": "range-1", "organisation": "vn", "note": "" });
    let path = "/api/v1/sensors";
    let refused = room.within("POST", path, &room.lan, body.clone()).await;
    assert_eq!(refused.status, 404, "{refused:?}");
    let real = room
        .harness
        .call("POST", path, &room.director, body.clone())
        .await;
    assert_eq!(real.status, 404, "a director has none outside of an exercise");
    let prepared = room.within("POST", path, &room.director, body).await;
    assert_eq!(prepared.status, 201, "{prepared:?}");
    let token = prepared.json()["token"]["token"].clone();
    let enrolled = room
        .harness
        .call("POST", "/api/v1/sensors/enrol", "", json!({ "token": token }))
        .await;
    assert_eq!(enrolled.status, 201, "{enrolled:?}");
    let credential = Credential::read(&enrolled.text).unwrap();
    assert_eq!(
        (credential.name.as_str(), credential.exercise_id.to_string()),
        ("range-1", room.id.clone())
    );

    let within = room.within("GET", path, &room.director, Value::Null).await.json();
    assert_eq!(
        (&within["total"], &within["items"][0]["name"]),
        (&json!(1), &json!("range-1"))
    );
    assert_eq!(room.within("GET", path, &room.lan, Value::Null).await.status, 404);
    let manager = room
        .harness
        .strong("manager", "vn", &[Role::OrganisationManager])
        .await;
    assert_eq!(
        room.harness.get(path, &manager).await.json()["total"],
        0,
        "among real ones there is none"
    );
}

#[tokio::test]
async fn nothing_is_added_to_one_that_has_ended() {
    let Some(room) = Room::open().await else { return };
    room.step("start", Value::Null).await;
    assert_eq!(room.step("end", Value::Null).await.status, 200);
    let body = json!({ "name": "range-1", "organisation": "vn", "note": "" });
    let late = room.within("POST", "/api/v1/sensors", &room.director, body).await;
    assert_eq!(late.status, StatusCode::CONFLICT, "{late:?}");
    let path = format!("{PATH}/{}", room.id);
    let ended = room.harness.get(&path, &room.director).await.json();
    assert_eq!(ended["actions"], json!([]));
}

/// Whoever means an exercise does nothing real: what is of no exercise refuses the word.
#[tokio::test]
async fn every_operation_takes_an_exercise_or_refuses_it() {
    let Some(room) = Room::open().await else { return };
    room.step("start", Value::Null).await;
    let described: Value = serde_json::from_str(&crate::openapi()).unwrap();
    let (mut staged, mut live) = (0, 0);
    for operation in document::operations().iter().filter(|one| one.takes_session) {
        let path = operation.path.replace("{kind}", "address");
        let path: String = path
            .split('/')
            .map(|part| if part.starts_with('{') { "1" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        let method = operation.method.to_lowercase();
        let parameters = &described["paths"][&operation.path][&method]["parameters"];
        let takes = parameters
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one["name"] == "exercise"));
        // The stream has no end.
        if operation.name == "alertStream" {
            assert!(takes);
            continue;
        }
        let answer = room.within(&operation.method, &path, &room.lan, json!({})).await;
        let refuses = answer.status == 400 && answer.json()["error"]["field"] == "exercise";
        if answer.status == 401 {
            // Half a session is asked for.
            continue;
        }
        assert_eq!(refuses, !takes, "{}: {answer:?}", operation.name);
        if takes { staged += 1 } else { live += 1 }
    }
    assert!(staged > 20 && live > 80, "{staged} {live}");
}
