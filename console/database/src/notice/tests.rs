#![allow(clippy::unwrap_used)]

use vonggac_access::Role;
use vonggac_event::Severity;

use super::making::Told;
use super::*;
use crate::testing::{self, NOW_US, alert, everyone, member};
use crate::watch::NewWatched;
use crate::work::{Action, Selection};
use crate::{Account, DatabaseError};

fn rule(about: About) -> NewRule {
    NewRule {
        name: about.name().into(),
        about,
        severity: Severity::Unspecified,
        organisation: None,
        words: String::new(),
        is_on: true,
        ways: Vec::new(),
    }
}

async fn add(database: &Database, who: &Account, new: NewRule) -> RuleId {
    database
        .add_notice_rule(&everyone(), who.into(), &new, NOW_US)
        .await
        .unwrap()
}

async fn make(database: &Database, now_us: i64) -> Told {
    let tree = database.organisations().await.unwrap();
    database.make_notices(&tree, now_us).await.unwrap()
}

async fn told(database: &Database, who: &Account) -> Vec<Notice> {
    let all = everyone();
    let sight = Sight {
        alerts: &all,
        handovers: &all,
    };
    database.notices(who.id, sight, 200).await.unwrap()
}

/// Numbers of the alerts that somebody is told of, the smallest first.
async fn numbers(database: &Database, who: &Account) -> Vec<u128> {
    let mut numbers: Vec<u128> = told(database, who)
        .await
        .into_iter()
        .filter_map(|notice| match notice.subject {
            Subject::Alert(_, row) => Some(row.id.0),
            Subject::Handover(_) | Subject::More => None,
        })
        .collect();
    numbers.sort_unstable();
    numbers
}

#[tokio::test]
async fn a_new_alert_is_told_to_whom_a_rule_and_rights_let_know() {
    let Some(database) = testing::database().await else {
        return;
    };
    let lan = member(&database, "lan", "moh", &[Role::Analyst]).await;
    let hoa = member(&database, "hoa", "moh", &[Role::Analyst]).await;
    let minh = member(&database, "minh", "mot", &[Role::Analyst]).await;
    let admin = member(&database, "admin", "vn", &[Role::SystemAdministrator]).await;
    let early = [alert(50, "moh", 1)];
    database.take_alerts(&early).await.unwrap();
    add(
        &database,
        &lan,
        NewRule {
            severity: Severity::High,
            ..rule(About::Alert)
        },
    )
    .await;
    add(
        &database,
        &hoa,
        NewRule {
            organisation: Some("moh-it".parse().unwrap()),
            words: "t1110".into(),
            ..rule(About::Alert)
        },
    )
    .await;
    add(
        &database,
        &minh,
        NewRule {
            words: "tunnel".into(),
            ..rule(About::Alert)
        },
    )
    .await;
    // Who may see no alerts is told of none, whatever he wrote.
    add(&database, &admin, rule(About::Alert)).await;
    // 3 and 13 are high, 4 is critical.
    let alerts = [
        alert(1, "moh", 1),
        alert(3, "moh", 1),
        alert(4, "moh-it", 1),
        alert(13, "mot", 1),
    ];
    database.take_alerts(&alerts).await.unwrap();
    let done = make(&database, NOW_US).await;
    assert_eq!((done.taken, done.notices), (4, 3));
    assert_eq!(
        numbers(&database, &lan).await,
        [3, 4],
        "not what came before there was a rule"
    );
    assert_eq!(numbers(&database, &hoa).await, [4]);
    assert_eq!(numbers(&database, &minh).await, [], "its words do not fit");
    assert_eq!(numbers(&database, &admin).await, []);
    assert_eq!(make(&database, NOW_US).await, Told::default(), "once");

    // The same alert again is no news.
    let mut again = alert(3, "moh", 2);
    again.count = 100;
    database.take_alerts(&[again]).await.unwrap();
    assert_eq!(make(&database, NOW_US).await, Told::default());
    let shown = told(&database, &lan).await;
    let counts: Vec<i64> = shown
        .iter()
        .filter_map(|notice| match &notice.subject {
            Subject::Alert(_, row) if row.id == AlertId(3) => Some(row.count),
            _ => None,
        })
        .collect();
    assert_eq!(counts, [100], "the notice shows the alert as it stands");
}

#[tokio::test]
async fn what_is_given_and_watched_is_told_but_not_to_who_did_it() {
    let Some(database) = testing::database().await else {
        return;
    };
    let lead = member(&database, "lead", "moh", &[Role::ShiftLead]).await;
    let lan = member(&database, "lan", "moh", &[Role::Analyst]).await;
    for who in [&lead, &lan] {
        for about in [About::Assigned, About::Watched] {
            add(&database, who, rule(about)).await;
        }
    }
    let scope = testing::scope_of(&lan);
    database.take_alerts(&[alert(1, "moh", 1)]).await.unwrap();
    let act = async |who: &Account, action: Action| {
        database
            .act(&scope, who, AlertId(1), &action, NOW_US)
            .await
            .unwrap();
    };
    let to = |who: &Account| Action::Assign {
        to: Some(who.id),
        note: None,
    };
    act(&lead, to(&lan)).await;
    make(&database, NOW_US).await;
    let [given] = &told(&database, &lan).await[..] else {
        unreachable!("told once")
    };
    assert!(
        matches!(&given.subject, Subject::Alert(About::Assigned, _)),
        "{given:?}"
    );
    assert!(told(&database, &lead).await.is_empty());
    act(&lan, to(&lan)).await;
    make(&database, NOW_US).await;
    assert_eq!(told(&database, &lan).await.len(), 1, "one's own doing is no news");

    // Work on what is watched, and a new alert that names what is watched.
    let watched = [
        NewWatched::Alert(AlertId(1)),
        NewWatched::Thing {
            organisation: "moh".into(),
            kind: "address".into(),
            value: "10.0.0.7".into(),
        },
    ];
    for new in &watched {
        database
            .watch(&scope, (&lead).into(), new, "", NOW_US)
            .await
            .unwrap();
    }
    act(&lan, Action::Comment { text: "hm".into() }).await;
    database
        .take_alerts(&[alert(7, "moh-it", 1), alert(8, "moh", 1)])
        .await
        .unwrap();
    let mut elsewhere = alert(9, "mot", 1);
    elsewhere.src = vec![10, 0, 0, 7];
    database.take_alerts(&[elsewhere]).await.unwrap();
    make(&database, NOW_US + 1).await;
    assert_eq!(numbers(&database, &lead).await, [1, 7]);
    assert_eq!(
        numbers(&database, &lan).await,
        [1, 7],
        "1 was given, 7 is watched"
    );
}

#[tokio::test]
async fn a_hand_over_is_told_to_who_can_take_over() {
    let Some(database) = testing::database().await else {
        return;
    };
    let [lan, hoa] = [
        member(&database, "lan", "moh", &[Role::ShiftLead]).await,
        member(&database, "hoa", "moh", &[Role::ShiftLead]).await,
    ];
    let analyst = member(&database, "analyst", "moh", &[Role::Analyst]).await;
    let other = member(&database, "other", "mot", &[Role::ShiftLead]).await;
    for who in [&lan, &hoa, &analyst, &other] {
        add(&database, who, rule(About::Handover)).await;
    }
    let scope = testing::scope_of(&analyst);
    let moh = "moh".parse().unwrap();
    let id = database
        .begin_handover((&lan).into(), &moh, NOW_US)
        .await
        .unwrap();
    assert_eq!(
        make(&database, NOW_US).await,
        Told::default(),
        "a draft waits for nobody"
    );
    let facts = database.handover_facts(&scope, 0, NOW_US, NOW_US).await.unwrap();
    database
        .hand_over(&scope, (&lan).into(), id, 1, &facts, NOW_US)
        .await
        .unwrap();
    make(&database, NOW_US).await;
    let of_hoa = told(&database, &hoa).await;
    assert_eq!(
        of_hoa.iter().map(|one| &one.subject).collect::<Vec<_>>(),
        [&Subject::Handover(id)]
    );
    for who in [&lan, &analyst, &other] {
        assert!(told(&database, who).await.is_empty(), "{}", who.user_name);
    }
}

#[tokio::test]
async fn a_storm_is_a_number() {
    let Some(database) = testing::database().await else {
        return;
    };
    let lan = member(&database, "lan", "moh", &[Role::Analyst]).await;
    add(&database, &lan, rule(About::Alert)).await;
    let storm = async |from: u32, to: u32, now_us: i64| {
        let alerts: Vec<_> = (from..to).map(|n| alert(n, "moh", 1)).collect();
        database.take_alerts(&alerts).await.unwrap();
        while make(&database, now_us).await.taken > 0 {}
    };
    let more = async || -> i64 {
        let all = told(&database, &lan).await;
        let numbers = all.iter().filter(|one| one.subject == Subject::More);
        numbers.map(|one| one.times).sum()
    };
    storm(1000, 1250, NOW_US).await;
    assert_eq!(
        (numbers(&database, &lan).await.len(), more().await),
        (50, 200),
        "and 200 more"
    );
    storm(2000, 2010, NOW_US + 1).await;
    assert_eq!((numbers(&database, &lan).await.len(), more().await), (50, 210));
    // What was given to the person comes before what is merely new, and is paced, too.
    add(&database, &lan, rule(About::Assigned)).await;
    let lead = member(&database, "lead", "moh", &[Role::ShiftLead]).await;
    let alerts: Vec<_> = (4000..4060).map(|n| alert(n, "moh", 1)).collect();
    database.take_alerts(&alerts).await.unwrap();
    let given = Action::Assign {
        to: Some(lan.id),
        note: None,
    };
    let ids = (4000..4060).map(AlertId).collect();
    let scope = testing::scope_of(&lan);
    database
        .act_on_many(&scope, &lead, &Selection::Ids(ids), &given, NOW_US)
        .await
        .unwrap();
    let later_us = NOW_US + 2 * PACE_US;
    make(&database, later_us).await;
    let all = told(&database, &lan).await;
    let of_it = all
        .iter()
        .filter(|one| matches!(one.subject, Subject::Alert(About::Assigned, _)));
    assert_eq!((of_it.count(), more().await), (50, 210 + 10 + 60));
}

#[tokio::test]
async fn after_a_storm_there_is_room_again() {
    let Some(database) = testing::database().await else {
        return;
    };
    let lan = member(&database, "lan", "moh", &[Role::Analyst]).await;
    add(&database, &lan, rule(About::Alert)).await;
    let storm = async |from: u32, to: u32, now_us: i64| {
        let alerts: Vec<_> = (from..to).map(|n| alert(n, "moh", 1)).collect();
        database.take_alerts(&alerts).await.unwrap();
        make(&database, now_us).await;
    };
    storm(1000, 1060, NOW_US).await;
    assert_eq!(numbers(&database, &lan).await.len(), 50);
    // Later there is room again.
    storm(3000, 3003, NOW_US + PACE_US + 2).await;
    assert_eq!(numbers(&database, &lan).await.len(), 53);
    assert_eq!(told(&database, &lan).await.len(), 54, "one line for the number");
}

#[tokio::test]
async fn a_notice_is_shown_and_read_by_its_owner_and_kept_for_a_while() {
    let Some(database) = testing::database().await else {
        return;
    };
    let lan = member(&database, "lan", "moh", &[Role::Analyst]).await;
    let hoa = member(&database, "hoa", "moh", &[Role::Analyst]).await;
    for who in [&lan, &hoa] {
        add(&database, who, rule(About::Alert)).await;
    }
    database
        .take_alerts(&[alert(1, "moh", 1), alert(2, "moh-it", 1)])
        .await
        .unwrap();
    make(&database, NOW_US).await;
    let unread = async |who: &Account, codes: &[&str]| {
        let scope = Scope::of(codes.iter().copied());
        let sight = Sight {
            alerts: &scope,
            handovers: &scope,
        };
        let shown = database.notices(who.id, sight, 10).await.unwrap();
        let count = database.count_unread_notices(who.id, sight).await.unwrap();
        (shown.len(), count)
    };
    assert_eq!(unread(&lan, &["moh", "moh-it"]).await, (2, 2));
    // His rights are others now: what he was told of before, he is not shown.
    assert_eq!(unread(&lan, &["moh"]).await, (1, 1));
    assert_eq!(unread(&lan, &[]).await, (0, 0));

    let ids: Vec<NoticeId> = told(&database, &lan).await.iter().map(|one| one.id).collect();
    let read = async |who: &Account, which: Which<'_>| {
        database
            .read_notices(who.into(), which, NOW_US + 1)
            .await
            .unwrap()
    };
    assert_eq!(read(&hoa, Which::Ids(&ids)).await, 0, "not another's");
    assert_eq!(read(&lan, Which::Ids(&ids[..1])).await, 1);
    assert_eq!(unread(&lan, &["moh", "moh-it"]).await, (2, 1));
    assert_eq!(read(&lan, Which::All).await, 1);
    assert_eq!(unread(&hoa, &["moh", "moh-it"]).await, (2, 2));
    database.purge(NOW_US + KEPT_US).await.unwrap();
    assert_eq!(told(&database, &lan).await.len(), 2);
    database.purge(NOW_US + KEPT_US + 1).await.unwrap();
    assert_eq!(told(&database, &lan).await, []);
}

#[tokio::test]
async fn a_rule_is_its_owners() {
    let Some(database) = testing::database().await else {
        return;
    };
    let lan = member(&database, "lan", "moh", &[Role::Analyst]).await;
    let hoa = member(&database, "hoa", "moh", &[Role::Analyst]).await;
    let scope = testing::scope_of(&lan);
    let id = add(&database, &lan, rule(About::Alert)).await;
    let change = async |who: &Account, new: NewRule| {
        database
            .change_notice_rule(&scope, who.into(), id, &new, NOW_US)
            .await
    };
    let off = NewRule {
        is_on: false,
        ..rule(About::Alert)
    };
    assert!(matches!(
        change(&hoa, off.clone()).await,
        Err(DatabaseError::NotFound)
    ));
    let foreign = NewRule {
        organisation: Some("mot".parse().unwrap()),
        ..rule(About::Alert)
    };
    let nameless = NewRule {
        name: " ".into(),
        ..rule(About::Alert)
    };
    for wrong in [foreign, nameless] {
        assert!(matches!(
            change(&lan, wrong).await,
            Err(DatabaseError::Invalid { .. })
        ));
    }
    change(&lan, off).await.unwrap();
    database.take_alerts(&[alert(1, "moh", 1)]).await.unwrap();
    assert_eq!(
        make(&database, NOW_US).await,
        Told::default(),
        "nothing is kept for nobody"
    );
    let removed = database.remove_notice_rule((&hoa).into(), id, NOW_US).await;
    assert!(matches!(removed, Err(DatabaseError::NotFound)));
    database
        .remove_notice_rule((&lan).into(), id, NOW_US)
        .await
        .unwrap();
    assert_eq!(database.notice_rules(lan.id).await.unwrap(), []);
    for _ in 0..rule::RULES_MAX {
        add(&database, &lan, rule(About::Alert)).await;
    }
    let one_more = database
        .add_notice_rule(&scope, (&lan).into(), &rule(About::Alert), NOW_US)
        .await;
    assert!(matches!(one_more, Err(DatabaseError::Conflict(_))));
}
