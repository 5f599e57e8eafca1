//! What people do with alerts, on a real PostgreSQL.
#![allow(clippy::unwrap_used)]

use sqlx::PgConnection;

use super::*;
use crate::Account;
use crate::alert::Status;
use crate::queue::SetAside;
use crate::testing::{self, NOW_US, alert};

fn id(number: u32) -> AlertId {
    AlertId::from_bytes(&alert(number, "", 1).alert_id).unwrap()
}

fn take() -> Action {
    Action::Acknowledge {
        note: None,
        take_over: false,
    }
}

fn close() -> Action {
    Action::Close {
        verdict: Verdict::TruePositive,
        reason: Some(Reason::Attempt),
        note: Some("seen \"it\"\0".into()),
    }
}

#[tokio::test]
async fn an_alert_goes_its_way_and_every_step_is_written_down() {
    let Some(database) = testing::database().await else {
        return;
    };
    let lan = testing::account(&database, "lan", "moh").await;
    let minh = testing::account(&database, "minh", "moh").await;
    database.take_alerts(&[alert(1, "moh", 1)]).await.unwrap();
    let scope = testing::scope_of(&lan);
    let act = async |actor: &Account, action: &Action| {
        database
            .act(&scope, actor, id(1), action, NOW_US)
            .await
            .map(|(row, _)| row)
    };
    let conflict = async |actor: &Account, action: &Action| {
        let error = act(actor, action).await.unwrap_err();
        assert!(matches!(error, DatabaseError::Conflict(_)), "{action:?}: {error}");
    };
    conflict(&lan, &Action::Reopen).await;
    assert_eq!(act(&lan, &take()).await.unwrap().assignee.unwrap().id, lan.id);
    conflict(&minh, &take()).await;
    let closed = act(&minh, &close()).await.unwrap();
    assert_eq!(
        (closed.status, closed.assignee.unwrap().id),
        (Status::Closed, lan.id)
    );
    conflict(&lan, &close()).await;
    conflict(&lan, &take()).await;
    let open = act(&lan, &Action::Reopen).await.unwrap();
    assert_eq!(
        (open.status, open.assignee, open.verdict),
        (Status::Open, None, None)
    );
    act(&minh, &Action::Comment { text: "hm".into() }).await.unwrap();

    let activity = database.activity(&scope, id(1)).await.unwrap();
    let told: Vec<_> = activity
        .iter()
        .map(|line| (line.actor.display_name.as_str(), line.action.as_str()))
        .collect();
    let expect = [
        ("lan", "acknowledged"),
        ("minh", "closed"),
        ("lan", "reopened"),
        ("minh", "commented"),
    ];
    assert_eq!(told, expect);
    let detail = serde_json::to_string(&activity.get(1).unwrap().detail).unwrap();
    assert_eq!(
        detail,
        "{\"note\":\"seen \\\"it\\\"\u{fffd}\",\"reason\":\"attempt\",\"verdict\":\"true_positive\"}"
    );
}

#[tokio::test]
async fn a_foreign_alert_is_not_waited_for() {
    let Some(database) = testing::database().await else {
        return;
    };
    let lan = testing::account(&database, "lan", "moh").await;
    database.take_alerts(&[alert(1, "mot", 1)]).await.unwrap();
    let mut holder = database.pool.begin().await.unwrap();
    sqlx::query("SELECT FROM alert FOR UPDATE")
        .execute(&mut *holder)
        .await
        .unwrap();
    let scope = testing::scope_of(&lan);
    let refused = database.act(&scope, &lan, id(1), &close(), NOW_US).await;
    assert!(matches!(refused, Err(DatabaseError::NotFound)), "{refused:?}");
    let outcome = database
        .act_on_many(&scope, &lan, &Selection::Ids(vec![id(1)]), &close(), NOW_US)
        .await
        .unwrap();
    assert_eq!(outcome.failed.len(), 1);
}

#[tokio::test]
async fn a_deadlock_is_tried_again() {
    let Some(database) = testing::database().await else {
        return;
    };
    let lan = testing::account(&database, "lan", "moh").await;
    database
        .take_alerts(&[alert(1, "moh", 1), alert(2, "moh", 1)])
        .await
        .unwrap();
    let lock = async |holder: &mut PgConnection, number: u32| {
        sqlx::query("SELECT FROM alert WHERE id = $1 FOR UPDATE")
            .bind(id(number).to_bytes().to_vec())
            .execute(holder)
            .await
    };
    // Another that locks from the other end, and is not the one to be ended: its patience is longer.
    let mut holder = database.pool.begin().await.unwrap();
    sqlx::query("SET LOCAL deadlock_timeout = '1min'")
        .execute(&mut *holder)
        .await
        .unwrap();
    lock(&mut holder, 2).await.unwrap();
    let scope = testing::scope_of(&lan);
    let (ids, action) = (Selection::Ids(vec![id(1), id(2)]), close());
    let bulk = database.act_on_many(&scope, &lan, &ids, &action, NOW_US);
    let other = async {
        while sqlx::query_scalar::<_, i64>("SELECT count(*) FROM pg_locks WHERE NOT granted")
            .fetch_one(&database.pool)
            .await
            .unwrap()
            == 0
        {
            tokio::task::yield_now().await;
        }
        lock(&mut holder, 1).await.unwrap();
        holder.commit().await.unwrap();
    };
    let (outcome, ()) = tokio::join!(bulk, other);
    assert_eq!(outcome.unwrap().changed.len(), 2);
}

#[tokio::test]
async fn activity_cannot_be_changed_even_by_the_owner_of_the_database() {
    let Some(database) = testing::database().await else {
        return;
    };
    let lan = testing::account(&database, "lan", "*").await;
    database.take_alerts(&[alert(1, "moh", 1)]).await.unwrap();
    database
        .act(&testing::everyone(), &lan, id(1), &close(), NOW_US)
        .await
        .unwrap();
    for statement in [
        "UPDATE activity SET at_us = 0",
        "DELETE FROM activity",
        "TRUNCATE activity",
    ] {
        let error = sqlx::query(statement).execute(&database.pool).await.unwrap_err();
        assert!(error.to_string().contains("append-only"), "{statement}: {error}");
    }
}

#[tokio::test]
async fn many_at_once_skip_what_refuses() {
    let Some(database) = testing::database().await else {
        return;
    };
    let lan = testing::account(&database, "lan", "moh").await;
    let all = [
        alert(1, "moh", 1),
        alert(2, "mot", 1),
        alert(3, "moh", 1),
        alert(4, "moh", 1),
    ];
    database.take_alerts(&all).await.unwrap();
    let scope = testing::scope_of(&lan);
    database.act(&scope, &lan, id(4), &close(), NOW_US).await.unwrap();
    let ids = Selection::Ids(vec![id(3), id(1), id(2), id(4), id(9), id(1)]);
    let outcome = database
        .act_on_many(&scope, &lan, &ids, &close(), NOW_US)
        .await
        .unwrap();
    assert_eq!(outcome.changed, [id(1), id(3)]);
    let failed: Vec<_> = outcome
        .failed
        .iter()
        .map(|(id, why)| (*id, why.to_string()))
        .collect();
    let expect = [
        (id(2), "not found".into()),
        (id(4), "the alert is closed".into()),
        (id(9), "not found".into()),
    ];
    assert_eq!(failed, expect);
    let foreign = database.alert(&testing::everyone(), id(2)).await.unwrap();
    assert_eq!(foreign.status, Status::Open);
    let none = database.activity(&scope, id(2)).await.unwrap_err();
    assert!(matches!(none, DatabaseError::NotFound));
    let too_many = Selection::Ids(vec![id(1); BULK_ALERTS_MAX + 1]);
    assert!(
        database
            .act_on_many(&scope, &lan, &too_many, &close(), NOW_US)
            .await
            .is_err()
    );
}

fn numbers(ids: &[AlertId]) -> Vec<u128> {
    ids.iter().map(|id| id.0).collect()
}

/// Alerts 1 to `count` of the ministry of health, and two who work on them.
async fn filled(count: u32) -> Option<(Database, Account, Account)> {
    let database = testing::database().await?;
    let lan = testing::account(&database, "lan", "moh").await;
    let minh = testing::account(&database, "minh", "moh").await;
    let alerts: Vec<_> = (1..=count).map(|number| alert(number, "moh", 1)).collect();
    database.take_alerts(&alerts).await.unwrap();
    Some((database, lan, minh))
}

#[tokio::test]
async fn an_alert_is_given_to_who_may_see_it_and_taken_over_with_a_notice() {
    let Some((database, lan, minh)) = filled(1).await else {
        return;
    };
    let foreign = testing::account(&database, "foreign", "mot").await;
    let national = testing::account(&database, "national", "*").await;
    let give = |to: &Account| Action::Assign {
        to: Some(to.id),
        note: None,
    };
    let act = async |by: &Account, action: Action| {
        database
            .act(&testing::scope_of(&lan), by, id(1), &action, NOW_US)
            .await
            .map(|(row, _)| row)
    };
    for nobody in [
        &foreign,
        &Account {
            id: AccountId(99),
            ..lan.clone()
        },
    ] {
        let refused = act(&lan, give(nobody)).await.unwrap_err();
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
    // Seen by somebody of the scope, but not this alert's.
    let as_national = database
        .act(&testing::everyone(), &national, id(1), &give(&foreign), NOW_US)
        .await
        .unwrap_err();
    assert!(matches!(as_national, DatabaseError::Conflict(_)), "{as_national}");

    let given = act(&lan, give(&minh)).await.unwrap();
    assert_eq!(
        (given.status, given.assignee.unwrap().id),
        (Status::Open, minh.id)
    );
    assert!(matches!(act(&lan, take()).await, Err(DatabaseError::Conflict(_))));
    let take_over = Action::Acknowledge {
        note: Some("you are ill".into()),
        take_over: true,
    };
    let taken = act(&lan, take_over).await.unwrap();
    assert_eq!(
        (taken.status, taken.assignee.unwrap().id),
        (Status::Acknowledged, lan.id)
    );
    let back = act(&lan, Action::Assign { to: None, note: None }).await.unwrap();
    assert_eq!((back.status, back.assignee), (Status::Open, None));

    let activity = database.activity(&testing::scope_of(&lan), id(1)).await.unwrap();
    let told: Vec<_> = activity
        .iter()
        .map(|line| {
            (
                line.action.as_str(),
                Value::Object(line.detail.clone()).to_string(),
            )
        })
        .collect();
    let expect = [
        ("assigned", r#"{"to":"minh"}"#.to_owned()),
        ("taken_over", r#"{"from":"minh","note":"you are ill"}"#.to_owned()),
        ("assigned", r#"{"from":"lan"}"#.to_owned()),
    ];
    assert_eq!(told, expect);
}

#[tokio::test]
async fn a_reason_belongs_to_its_verdict() {
    let Some((database, lan, _)) = filled(1).await else {
        return;
    };
    let close = |reason| Action::Close {
        verdict: Verdict::FalsePositive,
        reason: Some(reason),
        note: None,
    };
    let wrong = database
        .act(
            &testing::scope_of(&lan),
            &lan,
            id(1),
            &close(Reason::Malware),
            NOW_US,
        )
        .await
        .unwrap_err();
    assert!(
        matches!(wrong, DatabaseError::Invalid { field: "reason", .. }),
        "{wrong}"
    );
    let (row, _) = database
        .act(
            &testing::scope_of(&lan),
            &lan,
            id(1),
            &close(Reason::RuleLogic),
            NOW_US,
        )
        .await
        .unwrap();
    assert_eq!(
        (row.verdict, row.reason),
        (Some(Verdict::FalsePositive), Some(Reason::RuleLogic))
    );
}

#[tokio::test]
async fn all_that_match_are_changed_but_for_what_came_after_the_look() {
    let Some((database, lan, _)) = filled(3).await else {
        return;
    };
    database.take_alerts(&[alert(4, "mot", 1)]).await.unwrap();
    let scope = testing::scope_of(&lan);
    let page = database
        .list_alerts(&scope, &Filter::default(), Default::default(), None, 2)
        .await
        .unwrap();
    database.take_alerts(&[alert(5, "moh", 1)]).await.unwrap();
    database.act(&scope, &lan, id(2), &close(), NOW_US).await.unwrap();
    let matching = Selection::Matching(Box::new(Filter {
        arrived_by_us: Some(page.seen_us),
        ..Filter::default()
    }));
    let outcome = database
        .act_on_many(&scope, &lan, &matching, &close(), NOW_US)
        .await
        .unwrap();
    assert_eq!(numbers(&outcome.changed), [1, 3]);
    assert!(outcome.failed.is_empty());
    let foreign = database.alert(&testing::everyone(), id(4)).await.unwrap();
    assert_eq!(foreign.status, Status::Open);
    let again = database
        .act_on_many(&scope, &lan, &matching, &close(), NOW_US)
        .await
        .unwrap();
    assert_eq!((again.operation, again.changed.len()), (None, 0));
}

#[tokio::test]
async fn undo_brings_back_what_was_unless_somebody_changed_it_since() {
    let Some((database, lan, minh)) = filled(4).await else {
        return;
    };
    let scope = testing::scope_of(&lan);
    database.act(&scope, &minh, id(1), &take(), NOW_US).await.unwrap();
    let mark = Action::Tag {
        add: vec!["vpn".into()],
        remove: Vec::new(),
    };
    database.act(&scope, &minh, id(2), &mark, NOW_US).await.unwrap();
    let aside = Action::Snooze {
        until: Snooze::UntilAgain,
        note: None,
    };
    database.act(&scope, &minh, id(3), &aside, NOW_US).await.unwrap();
    let before: Vec<_> = rows(&database, &scope).await;

    let all = Selection::Matching(Box::default());
    let outcome = database
        .act_on_many(&scope, &lan, &all, &close(), NOW_US)
        .await
        .unwrap();
    let operation = outcome.operation.unwrap();
    assert_eq!(outcome.changed.len(), 4);
    database
        .act(&scope, &minh, id(4), &Action::Reopen, NOW_US)
        .await
        .unwrap();

    let refused = database.undo(&scope, &minh, operation, NOW_US).await;
    assert!(matches!(refused, Err(DatabaseError::NotFound)), "{refused:?}");
    let undone = database.undo(&scope, &lan, operation, NOW_US).await.unwrap();
    assert_eq!((numbers(&undone.restored), undone.left), (vec![1, 2, 3], 1));
    assert_eq!(rows(&database, &scope).await, before);
    let last = database.activity(&scope, id(1)).await.unwrap().pop().unwrap();
    assert_eq!(
        (last.action.as_str(), last.detail.get("action")),
        ("undone", Some(&Value::from("closed")))
    );
    let again = database.undo(&scope, &lan, operation, NOW_US).await;
    assert!(matches!(again, Err(DatabaseError::Conflict(_))), "{again:?}");

    let late = database
        .act_on_many(&scope, &lan, &all, &close(), NOW_US)
        .await
        .unwrap()
        .operation
        .unwrap();
    let tomorrow = NOW_US + undo::UNDO_US;
    let refused = database.undo(&scope, &lan, late, tomorrow).await;
    assert!(matches!(refused, Err(DatabaseError::NotFound)), "{refused:?}");
    database.purge(tomorrow).await.unwrap();
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM operation_alert")
        .fetch_one(&database.pool)
        .await
        .unwrap();
    assert_eq!(kept, 0);
}

/// The alerts as people made them, by number.
async fn rows(database: &Database, scope: &Scope) -> Vec<AlertRow> {
    let mut rows = database
        .list_alerts(scope, &Filter::default(), Default::default(), None, 500)
        .await
        .unwrap()
        .rows;
    rows.sort_by_key(|row| row.id);
    rows
}

#[tokio::test]
async fn what_is_set_aside_comes_back_in_time_or_with_the_next_event() {
    let Some((database, lan, _)) = filled(3).await else {
        return;
    };
    let scope = testing::scope_of(&lan);
    let later = NOW_US + 3_600_000_000;
    for (number, until) in [(1, Snooze::Until { us: later }), (2, Snooze::UntilAgain)] {
        let aside = Action::Snooze { until, note: None };
        let (row, _) = database
            .act(&scope, &lan, id(number), &aside, NOW_US)
            .await
            .unwrap();
        assert_eq!(row.snooze, Some(until));
    }
    let count = async |is: bool, at_us: i64| {
        let filter = Filter {
            set_aside: Some(SetAside { is, at_us }),
            ..Filter::default()
        };
        let page = database
            .list_alerts(&scope, &filter, Default::default(), None, 9)
            .await;
        page.unwrap().total.count
    };
    assert_eq!((count(true, NOW_US).await, count(false, NOW_US).await), (2, 1));
    assert_eq!(count(true, later).await, 1);
    let mut again = alert(2, "moh", 2);
    again.count += 1;
    database.take_alerts(&[again]).await.unwrap();
    assert_eq!(count(true, NOW_US).await, 1);
    assert_eq!(database.alert(&scope, id(2)).await.unwrap().snooze, None);
    let refused = database.act(&scope, &lan, id(2), &Action::Wake, NOW_US).await;
    assert!(matches!(refused, Err(DatabaseError::Conflict(_))), "{refused:?}");
    database
        .act(&scope, &lan, id(1), &Action::Wake, NOW_US)
        .await
        .unwrap();
    assert_eq!(count(true, NOW_US).await, 0);
}

#[tokio::test]
async fn tags_are_kept_once_each_and_not_without_end() {
    let Some((database, lan, _)) = filled(2).await else {
        return;
    };
    let scope = testing::scope_of(&lan);
    let texts = |all: &[&str]| all.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    let mark = async |add: &[&str], remove: &[&str]| {
        let mark = Action::Tag {
            add: texts(add),
            remove: texts(remove),
        };
        database
            .act(&scope, &lan, id(1), &mark, NOW_US)
            .await
            .map(|(row, _)| row.tags)
    };
    assert_eq!(
        mark(&["máy quét", " vpn ", "vpn"], &[]).await.unwrap(),
        ["máy quét", "vpn"]
    );
    assert_eq!(mark(&["apt"], &["vpn"]).await.unwrap(), ["apt", "máy quét"]);
    for wrong in [&[][..], &[" "], &["a,b"], &["a\nb"], &["x".repeat(41).as_str()]] {
        let refused = mark(wrong, &[]).await;
        assert!(
            matches!(refused, Err(DatabaseError::Invalid { field: "tags", .. })),
            "{wrong:?} {refused:?}"
        );
    }
    let many: Vec<String> = (0..TAGS_MAX).map(|number| format!("t{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let refused = mark(&many, &[]).await;
    assert!(matches!(refused, Err(DatabaseError::Conflict(_))), "{refused:?}");
    let filter = Filter {
        tags: texts(&["apt"]),
        ..Filter::default()
    };
    let page = database
        .list_alerts(&scope, &filter, Default::default(), None, 9)
        .await;
    assert_eq!(page.unwrap().total.count, 1);
}

/// 1,200 alerts closed at once: 5 s at most, an entry of the audit log and a line of activity each.
#[tokio::test]
async fn twelve_hundred_are_closed_at_once() {
    let Some((database, lan, _)) = filled(1_200).await else {
        return;
    };
    let scope = testing::scope_of(&lan);
    let entries = async || database.audit_head().await.unwrap().size;
    let before = entries().await;
    let clock = std::time::Instant::now();
    let outcome = database
        .act_on_many(
            &scope,
            &lan,
            &Selection::Matching(Box::default()),
            &close(),
            NOW_US,
        )
        .await
        .unwrap();
    let closed_in = clock.elapsed();
    assert_eq!(outcome.changed.len(), 1_200);
    assert_eq!(entries().await - before, 1_200);
    let lines: i64 = sqlx::query_scalar("SELECT count(*) FROM activity WHERE action = 'closed'")
        .fetch_one(&database.pool)
        .await
        .unwrap();
    assert_eq!(lines, 1_200);
    let clock = std::time::Instant::now();
    let undone = database
        .undo(&scope, &lan, outcome.operation.unwrap(), NOW_US)
        .await
        .unwrap();
    assert_eq!((undone.restored.len(), undone.left), (1_200, 0));
    println!("closed in {closed_in:?}, undone in {:?}", clock.elapsed());
    assert!(closed_in.as_secs() < 5, "{closed_in:?}");
}
