use vonggac_access::{Day, Membership, PersonId, Span};
use vonggac_enrolment::Enrolled;

use super::list::{Heard, SensorFilter, Standing};
use super::*;
use crate::Account;
use crate::account::FOUNDER_ROLES;
use crate::testing::{self, NOW_US, everyone, from, member};

const HOUR_US: i64 = 3_600_000_000;

async fn manager(database: &Database) -> Account {
    member(database, "manager", "moh", &[Role::OrganisationManager]).await
}

fn new(name: &str, organisation: &str) -> NewSensor {
    NewSensor {
        name: name.into(),
        organisation: organisation.parse().unwrap(),
        note: " Phòng máy 2 ".into(),
        stage: Stage::Live,
    }
}

async fn prepared(database: &Database, by: &Account, name: &str) -> (SensorId, Token) {
    let prepared = database
        .prepare_sensor(&Asker::from(by), &new(name, "moh"), NOW_US)
        .await;
    prepared.unwrap()
}

async fn enrol(database: &Database, token: &Token, now_us: i64) -> Result<Enrolled> {
    let origin = from("10.0.0.9");
    database
        .enrol_sensor(&token.secret.to_text(), &origin, now_us)
        .await
}

/// What pipelines are told now: generation, and whether it is revoked.
async fn told(database: &Database) -> Vec<(u32, bool)> {
    let Some(untold) = database.untold_sensors().await.unwrap() else {
        return Vec::new();
    };
    let words = untold
        .words()
        .iter()
        .map(|word| (word.generation, word.is_revoked));
    let words = words.collect();
    untold.told().await.unwrap();
    words
}

#[tokio::test]
async fn each_token_gives_the_next_generation_once_and_pipelines_are_told() {
    let Some(database) = testing::database().await else {
        return;
    };
    let boss = manager(&database).await;
    let (id, first) = prepared(&database, &boss, "tap-1").await;
    assert_eq!(told(&database).await, [], "it has no credential yet");
    let enrolled = enrol(&database, &first, NOW_US).await.unwrap();
    assert_eq!((enrolled.id, enrolled.generation), (id, 1));
    assert!(matches!(
        enrol(&database, &first, NOW_US).await,
        Err(DatabaseError::NotFound)
    ));
    assert_eq!(told(&database).await, [(1, false)]);
    assert_eq!(told(&database).await, []);
    let renew = async || {
        database
            .renew_sensor(&everyone(), &Asker::from(&boss), id, NOW_US)
            .await
    };
    let (lost, second) = (renew().await.unwrap(), renew().await.unwrap());
    assert_eq!(told(&database).await, [], "the credential of before counts");
    enrol(&database, &lost, NOW_US).await.unwrap_err();
    assert_eq!(enrol(&database, &second, NOW_US).await.unwrap().generation, 2);
    let late = renew().await.unwrap();
    database
        .revoke_sensor(&everyone(), &Asker::from(&boss), id, NOW_US)
        .await
        .unwrap();
    // Of two changes the last is told.
    assert_eq!(told(&database).await, [(2, true)]);
    enrol(&database, &late, NOW_US).await.unwrap_err();
    assert!(matches!(renew().await, Err(DatabaseError::Conflict(_))));
}

#[tokio::test]
async fn what_was_not_noted_as_told_is_told_again_as_it_is_then() {
    let Some(database) = testing::database().await else {
        return;
    };
    let boss = manager(&database).await;
    let (id, token) = prepared(&database, &boss, "tap-1").await;
    enrol(&database, &token, NOW_US).await.unwrap();
    let untold = database.untold_sensors().await.unwrap().unwrap();
    assert_eq!(untold.words().len(), 1);
    // Revoked while Kafka takes what was read before; then the console is killed.
    database
        .revoke_sensor(&everyone(), &Asker::from(&boss), id, NOW_US)
        .await
        .unwrap();
    drop(untold);
    assert_eq!(told(&database).await, [(1, true)]);
    assert_eq!(told(&database).await, []);
}

#[tokio::test]
async fn what_is_changed_while_it_is_told_is_told_after_it() {
    let Some(database) = testing::database().await else {
        return;
    };
    let boss = manager(&database).await;
    let (id, token) = prepared(&database, &boss, "tap-1").await;
    enrol(&database, &token, NOW_US).await.unwrap();
    let untold = database.untold_sensors().await.unwrap().unwrap();
    database
        .revoke_sensor(&everyone(), &Asker::from(&boss), id, NOW_US)
        .await
        .unwrap();
    let other = database.clone();
    let waiting = tokio::spawn(async move { told(&other).await });
    untold.told().await.unwrap();
    assert_eq!(waiting.await.unwrap(), [(1, true)]);
}

#[tokio::test]
async fn a_token_ends_with_its_day_its_maker_and_the_makers_role() {
    let Some(database) = testing::database().await else {
        return;
    };
    let (boss, nation) = (
        manager(&database).await,
        member(&database, "nation", "vn", &FOUNDER_ROLES).await,
    );
    let refused = async |token: &Token, now_us| enrol(&database, token, now_us).await.is_err();
    let (_, token) = prepared(&database, &boss, "tap-1").await;
    assert!(refused(&token, NOW_US + 24 * HOUR_US).await);

    let (_, token) = prepared(&database, &boss, "tap-2").await;
    let kept = database.memberships_of(boss.id).await.unwrap();
    let today = Day::of_us(NOW_US).unwrap();
    let by = Asker::from(&nation);
    database
        .end_membership(&by, kept[0].id, today, NOW_US)
        .await
        .unwrap();
    assert!(refused(&token, NOW_US).await);

    let another = member(&database, "another", "moh", &[Role::SystemAdministrator]).await;
    let (_, token) = prepared(&database, &another, "tap-3").await;
    let viewer = Membership {
        person: PersonId(another.id.0),
        organisation: "moh".parse().unwrap(),
        role: Role::Viewer,
        span: Span {
            from: Some(today),
            until: None,
        },
    };
    if let Ok(id) = database
        .grant_membership(&Asker::console(), &viewer, NOW_US)
        .await
    {
        database.end_membership(&by, id, today, NOW_US).await.unwrap();
    }
    assert!(!refused(&token, NOW_US).await, "a role that makes no tokens");
    let (_, token) = prepared(&database, &another, "tap-4").await;
    database.disable_account(&by, another.id, NOW_US).await.unwrap();
    assert!(refused(&token, NOW_US).await);
}

#[tokio::test]
async fn names_are_one_organisations_and_those_of_revoked_sensors_are_free() {
    let Some(database) = testing::database().await else {
        return;
    };
    let boss = manager(&database).await;
    let by = Asker::from(&boss);
    let prepare = async |name: &str, at: &str| {
        let made = database.prepare_sensor(&by, &new(name, at), NOW_US).await;
        made.map(|(id, _)| id)
    };
    let first = prepare("tap-1", "moh").await.unwrap();
    prepare("tap-1", "mot").await.unwrap();
    let taken = prepare("Tap-1", "moh").await;
    assert!(matches!(taken, Err(DatabaseError::Conflict(_))), "{taken:?}");
    database
        .revoke_sensor(&everyone(), &by, first, NOW_US)
        .await
        .unwrap();
    prepare("tap-1", "moh").await.unwrap();
    let nowhere = prepare("tap-1", "nowhere").await;
    assert!(matches!(nowhere, Err(DatabaseError::NotFound)), "{nowhere:?}");
    for name in ["", "-a", "a b", "é", "a/b", &"a".repeat(65)] {
        let refused = prepare(name, "moh").await;
        assert!(
            matches!(refused, Err(DatabaseError::Invalid { field: "name", .. })),
            "{name}: {refused:?}"
        );
    }
    prepare(&"a".repeat(64), "moh").await.unwrap();
}

#[tokio::test]
async fn a_scope_sees_its_own_sensors_by_how_they_stand() {
    let Some(database) = testing::database().await else {
        return;
    };
    let boss = manager(&database).await;
    let by = Asker::from(&boss);
    for name in ["c", "B"] {
        let (_, token) = prepared(&database, &boss, name).await;
        enrol(&database, &token, NOW_US).await.unwrap();
    }
    let (waiting, _) = prepared(&database, &boss, "a").await;
    let (revoked, _) = prepared(&database, &boss, "d").await;
    let foreign = database.prepare_sensor(&by, &new("e", "mot"), NOW_US).await;
    let (foreign, _) = foreign.unwrap();
    let scope = Scope::of(["moh"]);
    database
        .revoke_sensor(&scope, &by, revoked, NOW_US)
        .await
        .unwrap();
    let hidden = database.revoke_sensor(&scope, &by, foreign, NOW_US).await;
    assert!(matches!(hidden, Err(DatabaseError::NotFound)), "{hidden:?}");
    let mut heard = Heard::default();
    heard.add("moh", "c");
    // Another organisation's sensor of the same name.
    heard.add("mot", "B");
    let names = async |filter: &SensorFilter| {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = database
                .sensors(&scope, filter, &heard, after, 1, NOW_US)
                .await
                .unwrap();
            let entries = page.entries.into_iter();
            found.extend(entries.map(|entry| (entry.name, entry.standing)));
            after = page.next;
            if after.is_none() {
                assert_eq!(usize::try_from(page.total).unwrap(), found.len());
                return found;
            }
        }
    };
    let all = [
        ("a".to_owned(), Standing::Waiting),
        ("B".to_owned(), Standing::Silent),
        ("c".to_owned(), Standing::Active),
        ("d".to_owned(), Standing::Revoked),
    ];
    assert_eq!(names(&SensorFilter::default()).await, all);
    for one in all {
        let filter = SensorFilter {
            standing: Some(one.1),
            ..SensorFilter::default()
        };
        assert_eq!(names(&filter).await, [one]);
    }
    let counts = database.sensor_counts(&scope, &heard, NOW_US).await.unwrap();
    assert_eq!(
        (counts.waiting, counts.active, counts.silent, counts.revoked),
        (1, 1, 1, 1)
    );
    let changed = database
        .change_sensor(&scope, &by, waiting, "Tầng 3", NOW_US)
        .await;
    changed.unwrap();
    let noted = SensorFilter {
        text: "tẦNG 3".into(),
        ..SensorFilter::default()
    };
    assert_eq!(names(&noted).await.len(), 1);
    let entry = database.sensor(&scope, &heard, waiting, NOW_US).await.unwrap();
    assert_eq!(entry.note, "Tầng 3");
    assert_eq!(entry.token_expires_us, Some(NOW_US + TOKEN_US));
    let history = database.sensor_history(&scope, waiting).await.unwrap();
    let steps: Vec<Step> = history.iter().map(|past| past.step).collect();
    assert_eq!(steps, [Step::Change, Step::Prepare]);
}

#[tokio::test]
async fn what_kafka_does_not_have_is_told_again() {
    let Some(database) = testing::database().await else {
        return;
    };
    let boss = manager(&database).await;
    assert!(!database.has_enrolled_sensors().await.unwrap());
    let (_, token) = prepared(&database, &boss, "tap-1").await;
    let word = enrol(&database, &token, NOW_US).await.unwrap();
    told(&database).await;
    let again = async |known: Vec<Enrolled>| database.tell_sensors_again(&known).await.unwrap();
    assert_eq!(again(vec![word.clone()]).await, 0);
    assert_eq!(told(&database).await, []);
    assert_eq!(again(Vec::new()).await, 1);
    assert_eq!(told(&database).await, [(1, false)]);
    let foreign = Enrolled {
        organisation: "mot".into(),
        ..word
    };
    assert_eq!(again(vec![foreign]).await, 1);
    assert!(database.has_enrolled_sensors().await.unwrap());
}

#[tokio::test]
async fn every_step_is_in_the_audit_log_and_a_refused_token_too() {
    let Some(database) = testing::database().await else {
        return;
    };
    let boss = manager(&database).await;
    let by = Asker::from(&boss);
    let (id, token) = prepared(&database, &boss, "tap-1").await;
    enrol(&database, &token, NOW_US).await.unwrap();
    enrol(&database, &token, NOW_US).await.unwrap_err();
    let scope = everyone();
    database.change_sensor(&scope, &by, id, "", NOW_US).await.unwrap();
    database.renew_sensor(&scope, &by, id, NOW_US).await.unwrap();
    database.revoke_sensor(&scope, &by, id, NOW_US).await.unwrap();
    let written: Vec<(String, String)> =
        sqlx::query_as("SELECT action, result FROM audit_entry WHERE action LIKE 'sensor.%' ORDER BY seq")
            .fetch_all(&database.pool)
            .await
            .unwrap();
    let written: Vec<(&str, &str)> = written
        .iter()
        .map(|(action, result)| (action.as_str(), result.as_str()))
        .collect();
    assert_eq!(
        written,
        [
            ("sensor.prepare", "done"),
            ("sensor.enrol", "done"),
            ("sensor.enrol", "refused"),
            ("sensor.change", "done"),
            ("sensor.renew", "done"),
            ("sensor.revoke", "done"),
        ]
    );
}
