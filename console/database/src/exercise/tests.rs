use vonggac_access::{Day, Grants, PersonId, Role, Verb, action};
use vonggac_enrolment::Enrolled;
use vonggac_event::{AlertId, Scope};

use super::*;
use crate::audit::Origin;
use crate::queue::groups::GroupBy;
use crate::queue::{Filter, Sort};
use crate::sensor::NewSensor;
use crate::sensor::list::{Heard, SensorFilter};
use crate::testing::{self, NOW_US, alert};
use crate::work::{Action, Selection};
use crate::{Account, Status, Verdict};

async fn director(database: &Database, organisation: &str) -> Account {
    testing::member(database, "director", organisation, &[Role::ExerciseDirector]).await
}

fn about(name: &str) -> About {
    About {
        name: name.into(),
        note: "Tống tiền ở một bệnh viện".into(),
    }
}

/// An exercise of `vn` with `moh` in it that runs.
async fn running(database: &Database, by: &Account) -> Exercise {
    let (by, vn) = (Asker::from(by), "vn".parse().unwrap());
    let made = database
        .make_exercise(&by, &vn, &about("Diễn tập"), NOW_US)
        .await
        .unwrap();
    let moh = "moh".parse().unwrap();
    database
        .share_exercise(&by, made.id, &moh, true, NOW_US)
        .await
        .unwrap();
    database.start_exercise(&by, made.id, NOW_US + 1).await.unwrap()
}

/// What somebody's memberships give, as rights have it.
async fn reach(database: &Database, account: &Account) -> Reach {
    let day = Day::of_us(NOW_US).unwrap();
    let rights = database.rights_of(account.id, day).await.unwrap();
    let tree = database.organisations().await.unwrap();
    Grants::of(&tree, &rights.memberships, PersonId(account.id.0), day)
        .reach::<exercise::Exercise, action::Read>()
}

/// Alert `number` of `tenant` in an exercise.
fn drilled(number: u32, tenant: &str, exercise: u32) -> vonggac_event::Alert {
    vonggac_event::Alert {
        exercise_id: exercise,
        ..alert(number, tenant, 1)
    }
}

#[tokio::test]
async fn an_exercise_is_seen_by_who_takes_part_from_its_start_and_by_nobody_else() {
    let Some(database) = testing::database().await else {
        return;
    };
    let director = director(&database, "vn").await;
    let (lan, minh) = (
        testing::account(&database, "lan", "moh").await,
        testing::account(&database, "minh", "mot").await,
    );
    let by = Asker::from(&director);
    let seen = async |account: &Account| {
        let page = database
            .exercises(&reach(&database, account).await, None, 10)
            .await
            .unwrap();
        page.items.iter().map(|one| one.id).collect::<Vec<_>>()
    };
    let vn = "vn".parse().unwrap();
    let made = database
        .make_exercise(&by, &vn, &about(" Diễn tập 1 "), NOW_US)
        .await
        .unwrap();
    assert_eq!(
        (made.name.as_str(), made.progress),
        ("Diễn tập 1", Progress::Preparing)
    );
    let moh = "moh".parse().unwrap();
    database
        .share_exercise(&by, made.id, &moh, true, NOW_US)
        .await
        .unwrap();
    assert_eq!((seen(&director).await, seen(&lan).await), (vec![made.id], vec![]));
    // Nor by its number.
    assert!(
        database
            .exercise(made.id)
            .await
            .unwrap()
            .thing()
            .shares
            .is_empty()
    );

    database.start_exercise(&by, made.id, NOW_US + 5).await.unwrap();
    assert_eq!((seen(&lan).await, seen(&minh).await), (vec![made.id], vec![]));
    database
        .share_exercise(&by, made.id, &moh, false, NOW_US)
        .await
        .unwrap();
    assert_eq!(seen(&lan).await, []);
}

#[tokio::test]
async fn an_exercise_goes_one_way() {
    let Some(database) = testing::database().await else {
        return;
    };
    let director = director(&database, "vn").await;
    let by = Asker::from(&director);
    let vn: OrganisationId = "vn".parse().unwrap();
    for (name, note, field) in [
        ("", "", "name"),
        (" \n", "", "name"),
        (&"đ".repeat(201), "", "name"),
    ]
    .into_iter()
    .chain([("x", "y".repeat(2_001).as_str(), "note")])
    {
        let about = About {
            name: name.into(),
            note: note.into(),
        };
        let refused = database
            .make_exercise(&by, &vn, &about, NOW_US)
            .await
            .unwrap_err();
        assert!(
            matches!(refused, DatabaseError::Invalid { field: found, .. } if found == field),
            "{refused}"
        );
    }
    let made = database
        .make_exercise(&by, &vn, &about(&"đ".repeat(200)), NOW_US)
        .await
        .unwrap();
    let conflict = |outcome: Result<Exercise>| match outcome {
        Err(DatabaseError::Conflict(why)) => why,
        other => panic!("{other:?}"),
    };
    let accented = database
        .make_exercise(&by, &vn, &about(&"ế".repeat(200)), NOW_US)
        .await;
    assert_eq!(accented.unwrap().name.chars().count(), 200);
    let end = async || database.end_exercise(&by, made.id, NOW_US).await;
    database.start_exercise(&by, made.id, NOW_US).await.unwrap();
    let start = database.start_exercise(&by, made.id, NOW_US).await;
    assert_eq!(conflict(start), "the exercise was started already");
    let changed = database
        .change_exercise(&by, made.id, &about("Khác"), NOW_US)
        .await
        .unwrap();
    assert_eq!(changed.name, "Khác");
    // A clock that went back makes no time before the start.
    let ended = database.end_exercise(&by, made.id, NOW_US - 9).await.unwrap();
    let expect = Progress::Ended {
        started_us: NOW_US,
        ended_us: NOW_US,
    };
    assert_eq!(ended.progress, expect);
    for outcome in [
        end().await,
        database.change_exercise(&by, made.id, &about("x"), NOW_US).await,
        database.share_exercise(&by, made.id, &vn, true, NOW_US).await,
    ] {
        assert_eq!(conflict(outcome), "the exercise has ended");
    }
    let unknown = "4000000000".parse().unwrap();
    assert!(matches!(
        database.exercise(unknown).await,
        Err(DatabaseError::NotFound)
    ));
}

#[tokio::test]
async fn one_that_was_not_started_ends_unseen_and_makes_room() {
    let Some(database) = testing::database().await else {
        return;
    };
    let director = director(&database, "vn").await;
    let lan = testing::member(&database, "lan", "moh", &[Role::Analyst]).await;
    let by = Asker::from(&director);
    let (vn, moh) = ("vn".parse().unwrap(), "moh".parse().unwrap());
    let mut made = Vec::new();
    for _ in 0..OPEN_MAX {
        made.push(
            database
                .make_exercise(&by, &vn, &about("x"), NOW_US)
                .await
                .unwrap(),
        );
    }
    let more = database.make_exercise(&by, &vn, &about("x"), NOW_US).await;
    assert!(matches!(more, Err(DatabaseError::Conflict(_))), "{more:?}");

    let id = made[0].id;
    database
        .share_exercise(&by, id, &moh, true, NOW_US)
        .await
        .unwrap();
    let new = NewSensor {
        name: "range".into(),
        organisation: "vn".parse().unwrap(),
        note: String::new(),
        stage: id.stage(),
    };
    database.prepare_sensor(&by, &new, NOW_US).await.unwrap();
    let ended = database.end_exercise(&by, id, NOW_US).await.unwrap();
    assert!(matches!(ended.progress, Progress::Ended { .. }), "{ended:?}");
    let seen = reach(&database, &lan).await;
    let page = database.exercises(&seen, None, 10).await.unwrap();
    assert_eq!(page.items, [], "who was to take part sees nothing");
    let living: i64 = sqlx::query_scalar("SELECT count(*) FROM sensor WHERE revoked_us IS NULL")
        .fetch_one(&database.pool)
        .await
        .unwrap();
    assert_eq!(living, 0);
    let late = database.prepare_sensor(&by, &new, NOW_US).await;
    assert!(matches!(late, Err(DatabaseError::Conflict(_))), "{late:?}");
    database
        .make_exercise(&by, &vn, &about("x"), NOW_US)
        .await
        .unwrap();
}

/// The queue, its counts, groups and tags, one alert and what may be done to it: real work and each exercise apart.
#[tokio::test]
async fn drills_and_real_work_never_mix() {
    let Some(database) = testing::database().await else {
        return;
    };
    let director = director(&database, "vn").await;
    let drill = running(&database, &director).await;
    let number = drill.id.stage().exercise_id();
    let lan = testing::account(&database, "lan", "moh").await;
    database
        .take_alerts(&[
            alert(1, "vn", 1),
            alert(2, "vn", 1),
            drilled(3, "vn", number),
            drilled(4, "vn", number + 1),
        ])
        .await
        .unwrap();
    let vn = Scope::of(["vn"]);
    let stages = [
        (vn.clone(), vec![1, 2]),
        (vn.clone().on(drill.id.stage()), vec![3]),
        (vn.clone().on(Stage::of(number + 1)), vec![4]),
        (Scope::of(["moh"]).on(drill.id.stage()), vec![]),
    ];
    for (scope, expect) in &stages {
        let page = database
            .list_alerts(scope, &Filter::default(), Sort::default(), None, 10)
            .await
            .unwrap();
        let mut ids: Vec<u128> = page.rows.iter().map(|row| row.id.0).collect();
        ids.sort_unstable();
        assert_eq!(&ids, expect, "{scope:?}");
        let count = i64::try_from(expect.len()).unwrap();
        let counts = database.count_alerts(scope, None, None).await.unwrap();
        assert_eq!(counts.by_status.first(), Some(&(Status::Open, count)));
        let (groups, _) = database
            .group_alerts(scope, &Filter::default(), GroupBy::Rule)
            .await
            .unwrap();
        assert_eq!(groups.iter().map(|group| group.alerts).sum::<i64>(), count);
        let overview = database.overview(scope, None, NOW_US * 2, NOW_US).await.unwrap();
        assert_eq!(overview.waiting.count, count);
        for id in 1..=4 {
            let is_there = expect.contains(&id);
            assert_eq!(
                database.alert(scope, AlertId(id)).await.is_ok(),
                is_there,
                "{scope:?} {id}"
            );
            assert_eq!(database.alert_message(scope, AlertId(id)).await.is_ok(), is_there);
            assert_eq!(database.alert_links(scope, AlertId(id)).await.is_ok(), is_there);
        }
    }
    // A statement that forgets the stage finds it all the same: the second fence knows it.
    for (scope, expect) in &stages {
        let mut look = database.look(scope).await.unwrap();
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM alert")
            .fetch_one(&mut *look)
            .await
            .unwrap();
        assert_eq!(count, i64::try_from(expect.len()).unwrap(), "{scope:?}");
    }
    // Who takes part closes all that he sees: what is real stays open.
    let close = Action::Close {
        verdict: Verdict::TruePositive,
        reason: None,
        note: None,
    };
    let (scope, all) = (
        vn.clone().on(drill.id.stage()),
        Filter {
            arrived_by_us: Some(i64::MAX),
            ..Filter::default()
        },
    );
    let closed = database
        .act_on_many(&scope, &lan, &Selection::Matching(Box::new(all)), &close, NOW_US)
        .await
        .unwrap();
    assert_eq!(closed.changed.len(), 1);
    for id in [1, 2, 4] {
        let refused = database.act(&scope, &lan, AlertId(id), &close, NOW_US).await;
        assert!(matches!(refused, Err(DatabaseError::NotFound)), "{id}");
    }
    let left = database.count_alerts(&vn, None, None).await.unwrap();
    assert_eq!(left.by_status.first(), Some(&(Status::Open, 2)));
}

#[tokio::test]
async fn alerts_of_an_exercise_are_given_to_who_takes_part() {
    let Some(database) = testing::database().await else {
        return;
    };
    let director = director(&database, "vn").await;
    let drill = running(&database, &director).await;
    let (lan, minh, an) = (
        testing::account(&database, "lan", "moh").await,
        testing::account(&database, "minh", "mot").await,
        testing::account(&database, "an", "vn").await,
    );
    database
        .take_alerts(&[drilled(1, "vn", drill.id.stage().exercise_id())])
        .await
        .unwrap();
    let scope = Scope::of(["vn"]).on(drill.id.stage());
    let people = database.people(&scope, "", NOW_US).await.unwrap();
    assert_eq!(people.iter().map(|one| one.id).collect::<Vec<_>>(), [lan.id]);
    let give = async |to: &Account| {
        let action = Action::Assign {
            to: Some(to.id),
            note: None,
        };
        database.act(&scope, &lan, AlertId(1), &action, NOW_US).await
    };
    let (row, _) = give(&lan).await.unwrap();
    assert_eq!(row.assignee.unwrap().id, lan.id);
    for other in [&minh, &an] {
        let refused = give(other).await.unwrap_err();
        assert!(
            matches!(
                refused,
                DatabaseError::Invalid {
                    field: "assignee",
                    ..
                }
            ),
            "{refused}"
        );
    }
    // In real work she is nobody there.
    let real = database.people(&Scope::of(["vn"]), "", NOW_US).await.unwrap();
    assert_eq!(real.iter().map(|one| one.id).collect::<Vec<_>>(), [an.id]);
}

#[tokio::test]
async fn a_sensor_of_an_exercise_is_of_no_other_stage_and_ends_with_it() {
    let Some(database) = testing::database().await else {
        return;
    };
    let director = director(&database, "vn").await;
    let drill = running(&database, &director).await;
    let (real, staged) = (Scope::of(["vn"]), Scope::of(["vn"]).on(drill.id.stage()));
    let prepare = async |name: &str, stage| {
        let new = NewSensor {
            name: name.into(),
            organisation: "vn".parse().unwrap(),
            note: String::new(),
            stage,
        };
        database
            .prepare_sensor(&(&director).into(), &new, NOW_US)
            .await
            .unwrap()
    };
    let (tap, _) = prepare("tap", Stage::Live).await;
    let (range, token) = prepare("range", drill.id.stage()).await;
    // That a name is taken on one stage tells nothing on the other.
    prepare("tap", drill.id.stage()).await;
    let names = async |scope: &Scope| {
        let page = database
            .sensors(
                scope,
                &SensorFilter::default(),
                &Heard::default(),
                None,
                10,
                NOW_US,
            )
            .await
            .unwrap();
        page.entries
            .into_iter()
            .map(|entry| entry.name)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (names(&real).await, names(&staged).await),
        (vec!["tap".to_owned()], vec!["range".to_owned(), "tap".to_owned()])
    );
    for (scope, id) in [(&real, range), (&staged, tap)] {
        let heard = Heard::default();
        let seen = database.sensor(scope, &heard, id, NOW_US).await;
        assert!(matches!(seen, Err(DatabaseError::NotFound)), "{scope:?}");
        let revoked = database
            .revoke_sensor(scope, &(&director).into(), id, NOW_US)
            .await;
        assert!(matches!(revoked, Err(DatabaseError::NotFound)), "{scope:?}");
    }
    let origin = Origin::default();
    let offer = database
        .sensor_offer(&token.secret.to_text(), &origin, NOW_US)
        .await
        .unwrap();
    assert_eq!(offer.stage, drill.id.stage());
    let enrolled = database
        .enrol_sensor(&token.secret.to_text(), &origin, NOW_US)
        .await
        .unwrap();
    assert_eq!(enrolled.exercise_id, drill.id.stage().exercise_id());
    let told = database.untold_sensors().await.unwrap().unwrap();
    assert_eq!(told.words(), std::slice::from_ref(&enrolled));
    told.told().await.unwrap();

    database
        .end_exercise(&(&director).into(), drill.id, NOW_US)
        .await
        .unwrap();
    let told = database.untold_sensors().await.unwrap().unwrap();
    let expect = Enrolled {
        is_revoked: true,
        ..enrolled
    };
    assert_eq!(told.words(), [expect]);
}

#[tokio::test]
async fn after_the_end_an_exercise_is_only_looked_at() {
    let Some(database) = testing::database().await else {
        return;
    };
    let director = director(&database, "vn").await;
    let drill = running(&database, &director).await;
    let lan = testing::account(&database, "lan", "moh").await;
    let day = Day::of_us(NOW_US).unwrap();
    let tree = database.organisations().await.unwrap();
    let rights = database.rights_of(lan.id, day).await.unwrap();
    let grants = Grants::of(&tree, &rights.memberships, PersonId(lan.id.0), day);
    assert!(grants.may_in(&drill.thing(), Verb::Read) && grants.may_in(&drill.thing(), Verb::Work));
    let ended = database
        .end_exercise(&(&director).into(), drill.id, NOW_US)
        .await
        .unwrap()
        .thing();
    assert!(ended.is_over && grants.may_in(&ended, Verb::Read));
}

#[tokio::test]
async fn alerts_of_exercises_that_nobody_made_are_counted() {
    let Some(database) = testing::database().await else {
        return;
    };
    let director = director(&database, "vn").await;
    let drill = running(&database, &director).await.id.stage().exercise_id();
    let count = async || database.alerts_of_unmade_exercises().await.unwrap();
    database
        .take_alerts(&[alert(1, "vn", 1), drilled(2, "vn", drill)])
        .await
        .unwrap();
    assert_eq!(count().await, 0);
    database
        .take_alerts(&[drilled(3, "vn", drill + 1), drilled(4, "moh", u32::MAX)])
        .await
        .unwrap();
    assert_eq!(count().await, 2);
}

#[tokio::test]
async fn every_step_of_an_exercise_is_in_the_audit_log() {
    let Some(database) = testing::database().await else {
        return;
    };
    let director = director(&database, "vn").await;
    let drill = running(&database, &director).await;
    database
        .change_exercise(&(&director).into(), drill.id, &about("x"), NOW_US)
        .await
        .unwrap();
    database
        .end_exercise(&(&director).into(), drill.id, NOW_US)
        .await
        .unwrap();
    let contents: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT content FROM audit_entry WHERE action LIKE 'exercise.%' ORDER BY seq")
            .fetch_all(&database.pool)
            .await
            .unwrap();
    let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
    let contents: Vec<String> = contents.iter().map(text).collect();
    for (content, action) in contents.iter().zip(["create", "share", "start", "change", "end"]) {
        assert!(content.contains(&format!("exercise.{action}")), "{content}");
    }
    assert_eq!(contents.len(), 5);
    assert!(contents.get(1).unwrap().contains("moh"));
}
