//! Exceptions, from what comes in to what is in the queue.
#![allow(clippy::unwrap_used)]

use vonggac_access::{Day, Role};
use vonggac_event::proto::Field;
use vonggac_event::{Alert, AlertId, Scope, Severity};

use super::*;
use crate::alert::{AlertRow, Status};
use crate::queue::{Filter, Sort, Suppressed};
use crate::testing::{self, NOW_US, alert, everyone};
use crate::work::{Action, Selection};
use crate::{Account, Database};

/// Alert `number` of the rule at high severity, from 10.0.0.7.
fn raised(number: u32, tenant: &str, revision: u64) -> Alert {
    let mut alert = alert(number, tenant, revision);
    alert.src = vec![10, 0, 0, 7];
    alert.group = vec![Field {
        name: "query".into(),
        value: "a.Scan.example.com".into(),
    }];
    if let Some(rule) = &mut alert.rule {
        rule.severity = Severity::High.into();
    }
    alert.detected_us = NOW_US - i64::from(number) * 3_600_000_000;
    alert
}

fn condition(on: &str, value: &str) -> Condition {
    Condition::read(on, "query", value).unwrap()
}

fn of(number: u128, organisation: &str, conditions: Vec<Condition>) -> NewException {
    NewException {
        reach: Reach {
            alert: AlertId(number),
            organisation: organisation.parse().unwrap(),
            with_beneath: false,
            conditions: Conditions::of(conditions).unwrap(),
        },
        effect: Effect::Hide,
        reason: Reason::SecurityTest,
        note: "a scan that was ordered".into(),
        expires_us: NOW_US + DEFAULT_DAYS * DAY_US,
    }
}

async fn covered_by(database: &Database, new: &NewException) -> Scope {
    let tree = database.organisations().await.unwrap();
    let day = Day::of_us(NOW_US).unwrap();
    covered(&tree, &new.reach.organisation, new.reach.with_beneath, day)
}

async fn add(database: &Database, by: &Account, new: &NewException) -> Result<ExceptionId> {
    let covered = covered_by(database, new).await;
    database
        .add_exception(&everyone(), &covered, by.into(), new, NOW_US)
        .await
}

async fn row(database: &Database, number: u128) -> AlertRow {
    database.alert(&everyone(), AlertId(number)).await.unwrap()
}

async fn queued(database: &Database, suppressed: Suppressed) -> Vec<u128> {
    let filter = Filter {
        suppressed,
        ..Filter::default()
    };
    let page = database
        .list_alerts(&everyone(), &filter, Sort::default(), None, 100)
        .await
        .unwrap();
    let mut ids: Vec<u128> = page.rows.iter().map(|row| row.id.0).collect();
    ids.sort_unstable();
    ids
}

async fn exception(database: &Database, id: ExceptionId) -> Exception {
    database.exception(&everyone(), id, NOW_US).await.unwrap()
}

#[tokio::test]
async fn what_fits_is_stored_and_counted_and_not_in_the_queue() {
    let Some(database) = testing::database().await else {
        return;
    };
    let mai = testing::member(&database, "mai", "moh", &[Role::SeniorAnalyst]).await;
    database.take_alerts(&[raised(1, "moh", 1)]).await.unwrap();
    let id = add(
        &database,
        &mai,
        &of(1, "moh", vec![condition("src", "10.0.0.0/24")]),
    )
    .await;
    let id = id.unwrap();
    let mut elsewhere = raised(3, "moh", 1);
    elsewhere.src = vec![10, 0, 1, 7];
    let mut drill = raised(4, "moh", 1);
    drill.exercise_id = 9;
    let mut other_rule = raised(5, "moh", 1);
    if let Some(rule) = &mut other_rule.rule {
        rule.id = "another".into();
    }
    let all = [
        raised(2, "moh", 1),
        elsewhere,
        drill,
        other_rule,
        raised(6, "moh-it", 1),
        raised(7, "mot", 1),
    ];
    database.take_alerts(&all).await.unwrap();

    // The first came before the exception; 6 is of an organisation beneath, which was not meant.
    assert_eq!(queued(&database, Suppressed::Without).await, [1, 3, 5, 6, 7]);
    assert_eq!(queued(&database, Suppressed::Only).await, [2]);
    assert_eq!(queued(&database, Suppressed::With).await.len(), 6);
    let hidden = row(&database, 2).await;
    assert_eq!((hidden.status, hidden.exception), (Status::Open, Some(id)));
    let counts = database.count_alerts(&everyone(), None, None).await.unwrap();
    assert_eq!(counts.by_status.first(), Some(&(Status::Open, 5)));
    // The drill stands on its own stage, and is never hidden.
    let stage = everyone().on(vonggac_event::Stage::of(9));
    let counts = database.count_alerts(&stage, None, None).await.unwrap();
    assert_eq!(counts.by_status.first(), Some(&(Status::Open, 1)));

    // It goes on: the events count, the alert does not count again. What repeats changes nothing.
    let more = Alert {
        count: 10,
        last_us: NOW_US + 60_000_000,
        ..raised(2, "moh", 2)
    };
    for _ in 0..2 {
        database.take_alerts(std::slice::from_ref(&more)).await.unwrap();
    }
    let counted = exception(&database, id).await;
    assert_eq!(
        (counted.hits, counted.events, counted.last_hit_us),
        (1, 10, Some(NOW_US))
    );
    assert_eq!((counted.hits_week, counted.hits_week_before), (1, 0));
}

#[tokio::test]
async fn what_goes_on_after_the_exception_comes_back_and_says_so() {
    let Some(database) = testing::database().await else {
        return;
    };
    let mai = testing::member(&database, "mai", "moh", &[Role::SeniorAnalyst]).await;
    database.take_alerts(&[raised(1, "moh", 1)]).await.unwrap();
    let id = add(&database, &mai, &of(1, "moh", vec![condition("src", "10.0.0.7")]))
        .await
        .unwrap();
    database
        .take_alerts(&[raised(2, "moh", 1), raised(3, "moh", 1)])
        .await
        .unwrap();
    let before = row(&database, 2).await;
    assert!(before.is_suppressed);
    // In force to the last microsecond, and not at its end.
    let last_us = NOW_US + DEFAULT_DAYS * DAY_US;
    database
        .take_alerts_at(&[raised(2, "moh", 2)], last_us - 1)
        .await
        .unwrap();
    assert!(row(&database, 2).await.is_suppressed);
    database
        .take_alerts_at(&[raised(2, "moh", 3)], last_us)
        .await
        .unwrap();
    let back = row(&database, 2).await;
    assert_eq!((back.is_suppressed, back.exception), (false, Some(id)));
    assert!(back.arrived_us > before.arrived_us, "it is new in the queue");

    let scope = Scope::of(["moh"]);
    database
        .end_exception(&scope, (&mai).into(), id, "over", NOW_US)
        .await
        .unwrap();
    database
        .take_alerts(&[raised(3, "moh", 2), raised(4, "moh", 1)])
        .await
        .unwrap();
    assert_eq!(queued(&database, Suppressed::Without).await, [1, 2, 3, 4]);
    let told = database
        .exceptions_of_alert(&everyone(), AlertId(3), NOW_US)
        .await
        .unwrap();
    assert_eq!((told.len(), told[0].0.state, told[0].1), (1, State::Ended, true));
    assert_eq!(
        database
            .exceptions_of_alert(&everyone(), AlertId(4), NOW_US)
            .await
            .unwrap(),
        []
    );
    let foreign = database
        .exceptions_of_alert(&Scope::of(["mot"]), AlertId(3), NOW_US)
        .await;
    assert!(matches!(foreign, Err(DatabaseError::NotFound)));
}

#[tokio::test]
async fn conditions_hold_all_together_and_of_two_the_one_that_hides_goes_before() {
    let Some(database) = testing::database().await else {
        return;
    };
    let mai = testing::member(&database, "mai", "moh", &[Role::SeniorAnalyst]).await;
    database.take_alerts(&[raised(1, "moh", 1)]).await.unwrap();
    let both = vec![condition("domain", "example.com"), condition("sensor", "tap-1")];
    let lowered = NewException {
        effect: Effect::Lower { to: Severity::Low },
        ..of(1, "moh", both)
    };
    let lower = add(&database, &mai, &lowered).await.unwrap();
    database.take_alerts(&[raised(2, "moh", 1)]).await.unwrap();
    let row_2 = row(&database, 2).await;
    assert_eq!(
        (
            row_2.severity,
            row_2.raised_severity,
            row_2.is_suppressed,
            row_2.exception
        ),
        (Severity::Low, Some(Severity::High), false, Some(lower))
    );
    let mut tap_2 = raised(3, "moh", 1);
    tap_2.sensor = "tap-2".into();
    let mut similar_name = raised(4, "moh", 1);
    similar_name.group[0].value = "badexample.com".into();
    database.take_alerts(&[tap_2, similar_name]).await.unwrap();
    for number in [3, 4] {
        assert_eq!(row(&database, number).await.severity, Severity::High, "{number}");
    }
    let hide = add(
        &database,
        &mai,
        &of(1, "moh", vec![condition("address", "10.0.0.7")]),
    )
    .await
    .unwrap();
    database.take_alerts(&[raised(5, "moh", 1)]).await.unwrap();
    assert_eq!(
        (
            row(&database, 5).await.is_suppressed,
            row(&database, 5).await.exception
        ),
        (true, Some(hide))
    );
    // Once it is over, what it lowered is as urgent as its rule says.
    let scope = Scope::of(["moh"]);
    for id in [lower, hide] {
        database
            .end_exception(&scope, (&mai).into(), id, "over", NOW_US)
            .await
            .unwrap();
    }
    database.take_alerts(&[raised(2, "moh", 2)]).await.unwrap();
    assert_eq!(
        (
            row(&database, 2).await.severity,
            row(&database, 2).await.raised_severity
        ),
        (Severity::High, None)
    );
}

#[tokio::test]
async fn what_is_in_the_queue_stays_there_whatever_exception_comes_later() {
    let Some(database) = testing::database().await else {
        return;
    };
    let mai = testing::member(&database, "mai", "moh", &[Role::SeniorAnalyst]).await;
    database.take_alerts(&[raised(1, "moh", 1)]).await.unwrap();
    let lowered = NewException {
        effect: Effect::Lower { to: Severity::Low },
        ..of(1, "moh", vec![condition("domain", "example.com")])
    };
    let lower = add(&database, &mai, &lowered).await.unwrap();
    database.take_alerts(&[raised(2, "moh", 1)]).await.unwrap();
    let take = Action::Acknowledge {
        note: None,
        take_over: false,
    };
    database
        .act(&everyone(), &mai, AlertId(2), &take, NOW_US)
        .await
        .unwrap();
    add(
        &database,
        &mai,
        &of(1, "moh", vec![condition("address", "10.0.0.7")]),
    )
    .await
    .unwrap();
    database
        .take_alerts(&[raised(2, "moh", 2), raised(3, "moh", 1)])
        .await
        .unwrap();
    let standing = row(&database, 2).await;
    assert_eq!(
        (standing.is_suppressed, standing.status, standing.exception),
        (false, Status::Acknowledged, Some(lower))
    );
    assert!(row(&database, 3).await.is_suppressed);
}

#[tokio::test]
async fn undo_hides_again_what_an_exception_hid() {
    let Some(database) = testing::database().await else {
        return;
    };
    let mai = testing::member(&database, "mai", "moh", &[Role::SeniorAnalyst]).await;
    database.take_alerts(&[raised(1, "moh", 1)]).await.unwrap();
    let id = add(&database, &mai, &of(1, "moh", vec![condition("src", "10.0.0.7")]))
        .await
        .unwrap();
    database
        .take_alerts(&[raised(2, "moh", 1), raised(3, "moh", 1)])
        .await
        .unwrap();
    let take = Action::Acknowledge {
        note: None,
        take_over: false,
    };
    let take_up = async |number: u128| {
        let chosen = Selection::Ids(vec![AlertId(number)]);
        let outcome = database
            .act_on_many(&everyone(), &mai, &chosen, &take, NOW_US)
            .await;
        outcome.unwrap().operation.unwrap()
    };
    let (first, second) = (take_up(2).await, take_up(3).await);
    assert!(!row(&database, 2).await.is_suppressed);
    // From where it did nothing it is not there, and is not used up.
    let elsewhere = database.undo(&Scope::of(["mot"]), &mai, first, NOW_US).await;
    assert!(matches!(elsewhere, Err(DatabaseError::NotFound)), "{elsewhere:?}");
    database.undo(&everyone(), &mai, first, NOW_US).await.unwrap();
    assert!(row(&database, 2).await.is_suppressed);
    // Nothing hides it any more.
    database
        .end_exception(&everyone(), (&mai).into(), id, "over", NOW_US)
        .await
        .unwrap();
    database.undo(&everyone(), &mai, second, NOW_US).await.unwrap();
    let back = row(&database, 3).await;
    assert_eq!((back.is_suppressed, back.status), (false, Status::Open));
}

#[tokio::test]
async fn an_organisation_and_those_beneath_are_meant_when_it_is_said() {
    let Some(database) = testing::database().await else {
        return;
    };
    let mai = testing::member(&database, "mai", "moh", &[Role::SeniorAnalyst]).await;
    database
        .take_alerts(&[raised(1, "moh-it", 1), raised(2, "mot", 1)])
        .await
        .unwrap();
    let mut new = of(1, "moh", vec![condition("src", "10.0.0.7")]);
    let refused = add(&database, &mai, &new).await;
    assert!(
        matches!(
            refused,
            Err(DatabaseError::Invalid {
                field: "organisation",
                ..
            })
        ),
        "{refused:?}"
    );
    new.reach.with_beneath = true;
    add(&database, &mai, &new).await.unwrap();
    let more = [
        raised(3, "moh-it", 1),
        raised(4, "moh", 1),
        raised(5, "mot", 1),
        raised(6, "vn", 1),
    ];
    database.take_alerts(&more).await.unwrap();
    assert_eq!(queued(&database, Suppressed::Only).await, [3, 4]);
}

#[tokio::test]
async fn the_whole_of_a_critical_rule_takes_two() {
    let Some(database) = testing::database().await else {
        return;
    };
    let mai = testing::member(&database, "mai", "moh", &[Role::ShiftLead]).await;
    let hoa = testing::member(&database, "hoa", "moh", &[Role::ShiftLead]).await;
    let critical = |number: u32| {
        let mut alert = raised(number, "moh", 1);
        if let Some(rule) = &mut alert.rule {
            rule.severity = Severity::Critical.into();
        }
        alert
    };
    database.take_alerts(&[raised(1, "moh", 1)]).await.unwrap();
    // While the rule is not critical one person is enough, but nothing critical is hidden by that.
    let alone = add(&database, &mai, &of(1, "moh", Vec::new())).await.unwrap();
    assert_eq!(exception(&database, alone).await.state, State::Active);
    database
        .take_alerts(&[raised(2, "moh", 1), critical(3)])
        .await
        .unwrap();
    assert_eq!(queued(&database, Suppressed::Only).await, [2]);

    let new = of(3, "moh", vec![condition("sensor", "tap-1")]);
    let two = add(&database, &mai, &new).await.unwrap();
    assert_eq!(exception(&database, two).await.state, State::Waiting);
    database.take_alerts(&[critical(4)]).await.unwrap();
    assert_eq!(queued(&database, Suppressed::Only).await, [2]);
    let scope = Scope::of(["moh"]);
    let own = database
        .approve_exception(&scope, (&mai).into(), two, NOW_US)
        .await;
    assert!(matches!(own, Err(DatabaseError::NotFound)));
    database
        .approve_exception(&scope, (&hoa).into(), two, NOW_US)
        .await
        .unwrap();
    database.take_alerts(&[critical(5)]).await.unwrap();
    assert_eq!(queued(&database, Suppressed::Only).await, [2, 5]);
    let again = database
        .approve_exception(&scope, (&hoa).into(), two, NOW_US)
        .await;
    assert!(matches!(again, Err(DatabaseError::Conflict(_))));

    // Its extension waits as it did, and it holds meanwhile as long as before.
    let later_us = NOW_US + 60 * DAY_US;
    database
        .extend_exception(&scope, (&mai).into(), two, later_us, "still", NOW_US)
        .await
        .unwrap();
    let waiting = exception(&database, two).await;
    assert_eq!(
        (waiting.expires_us, waiting.extension.unwrap().to_us),
        (new.expires_us, later_us)
    );
    assert_eq!(waiting.state, State::Active);
    database
        .approve_exception(&scope, (&hoa).into(), two, NOW_US)
        .await
        .unwrap();
    let extended = exception(&database, two).await;
    assert_eq!((extended.expires_us, extended.extension), (later_us, None));
}

#[tokio::test]
async fn none_is_for_ever_and_each_says_why() {
    let Some(database) = testing::database().await else {
        return;
    };
    let mai = testing::member(&database, "mai", "moh", &[Role::SeniorAnalyst]).await;
    database.take_alerts(&[raised(1, "moh", 1)]).await.unwrap();
    let good = of(1, "moh", vec![condition("src", "10.0.0.7")]);
    let check = async |field: &str, wrong: NewException| {
        let refused = add(&database, &mai, &wrong).await;
        let Err(DatabaseError::Invalid { field: of, .. }) = refused else {
            unreachable!("{wrong:?}: {refused:?}")
        };
        assert_eq!(of, field);
    };
    check(
        "expires_at",
        NewException {
            expires_us: NOW_US,
            ..good.clone()
        },
    )
    .await;
    check(
        "expires_at",
        NewException {
            expires_us: NOW_US + 366 * DAY_US,
            ..good.clone()
        },
    )
    .await;
    check(
        "note",
        NewException {
            note: "  ".into(),
            ..good.clone()
        },
    )
    .await;
    check(
        "reason",
        NewException {
            reason: Reason::Malware,
            ..good.clone()
        },
    )
    .await;
    check("conditions", of(1, "moh", vec![condition("src", "10.9.0.0/16")])).await;
    let to = Severity::Critical;
    check(
        "severity",
        NewException {
            effect: Effect::Lower { to },
            ..good.clone()
        },
    )
    .await;
    let absent = add(&database, &mai, &of(99, "moh", Vec::new())).await;
    assert!(matches!(absent, Err(DatabaseError::NotFound)));

    let id = add(&database, &mai, &good).await.unwrap();
    let scope = Scope::of(["moh"]);
    let extend = async |scope: &Scope, to_us: i64, note: &str| {
        database
            .extend_exception(scope, (&mai).into(), id, to_us, note, NOW_US)
            .await
    };
    assert!(matches!(
        extend(&scope, NOW_US + DAY_US, "less").await,
        Err(DatabaseError::Invalid { .. })
    ));
    assert!(matches!(
        extend(&scope, NOW_US + 90 * DAY_US, "").await,
        Err(DatabaseError::Invalid { .. })
    ));
    assert!(matches!(
        extend(&Scope::of(["mot"]), NOW_US + 90 * DAY_US, "x").await,
        Err(DatabaseError::NotFound)
    ));
    extend(&scope, NOW_US + 90 * DAY_US, "still").await.unwrap();
    assert_eq!(exception(&database, id).await.expires_us, NOW_US + 90 * DAY_US);
    database
        .end_exception(&scope, (&mai).into(), id, "over", NOW_US)
        .await
        .unwrap();
    assert!(matches!(
        extend(&scope, NOW_US + 99 * DAY_US, "x").await,
        Err(DatabaseError::Conflict(_))
    ));
    let removed = sqlx::query("DELETE FROM exception").execute(&database.pool).await;
    assert!(removed.unwrap_err().to_string().contains("never removed"));
    let actions: Vec<String> =
        sqlx::query_scalar("SELECT action FROM audit_entry WHERE action LIKE 'exception.%' ORDER BY seq")
            .fetch_all(&database.pool)
            .await
            .unwrap();
    assert_eq!(actions, ["exception.add", "exception.extend", "exception.end"]);
}

#[tokio::test]
async fn the_preview_tells_what_would_have_been_caught() {
    let Some(database) = testing::database().await else {
        return;
    };
    let mai = testing::member(&database, "mai", "moh", &[Role::SeniorAnalyst]).await;
    let mut elsewhere = raised(3, "moh", 1);
    elsewhere.src = vec![10, 9, 9, 9];
    let all = [
        raised(1, "moh", 1),
        raised(2, "moh", 1),
        elsewhere,
        raised(30, "moh", 1),
        raised(200, "moh", 1),
        raised(5, "mot", 1),
    ];
    database.take_alerts(&all).await.unwrap();
    let close = Action::Close {
        verdict: Verdict::TruePositive,
        reason: None,
        note: None,
    };
    database
        .act(&everyone(), &mai, AlertId(2), &close, NOW_US)
        .await
        .unwrap();
    let new = of(1, "moh", vec![condition("src", "10.0.0.0/24")]);
    let covered = covered_by(&database, &new).await;
    let preview = database
        .preview_exception(&everyone(), &covered, &new, NOW_US)
        .await
        .unwrap();
    // 200 hours ago is more than a week; it can be closed all the same.
    let sums: Vec<(i64, i64, i64)> = preview
        .days
        .iter()
        .map(|day| (day.alerts, day.caught, day.events))
        .collect();
    assert_eq!(
        sums,
        [
            (0, 0, 0),
            (0, 0, 0),
            (0, 0, 0),
            (0, 0, 0),
            (0, 0, 0),
            (1, 1, 30),
            (3, 2, 3)
        ]
    );
    assert_eq!(
        preview.verdicts.into_iter().collect::<Vec<_>>(),
        [("true_positive", 1)]
    );
    assert_eq!((preview.open, preview.rows.len(), preview.is_more), (3, 3, false));
    let give = Action::Assign {
        to: Some(mai.id),
        note: None,
    };
    database
        .act(&everyone(), &mai, AlertId(1), &give, NOW_US)
        .await
        .unwrap();
    let preview = database
        .preview_exception(&everyone(), &covered, &new, NOW_US)
        .await
        .unwrap();
    assert_eq!(preview.open, 2, "somebody has that one");
    assert_eq!((preview.is_whole, preview.needs_approval), (false, false));
    assert_eq!(database.exceptions(&everyone(), NOW_US).await.unwrap(), []);

    // Who does not see the alerts sees none of them here.
    let beneath = Scope::of(["moh-it"]);
    let unseen = database.preview_exception(&beneath, &covered, &new, NOW_US).await;
    assert!(matches!(unseen, Err(DatabaseError::NotFound)));
}

#[tokio::test]
async fn nobody_is_told_of_what_is_hidden_until_it_comes_back() {
    let Some(database) = testing::database().await else {
        return;
    };
    let mai = testing::member(&database, "mai", "moh", &[Role::SeniorAnalyst]).await;
    let wants = crate::notice::NewRule {
        name: "all".into(),
        about: crate::notice::About::Alert,
        severity: Severity::Unspecified,
        organisation: None,
        words: String::new(),
        is_on: true,
        ways: Vec::new(),
    };
    let scope = Scope::of(["moh", "moh-it"]);
    database
        .add_notice_rule(&scope, (&mai).into(), &wants, NOW_US)
        .await
        .unwrap();
    let kept = async || -> i64 {
        let all = sqlx::query_scalar("SELECT count(*) FROM happening").fetch_one(&database.pool);
        all.await.unwrap()
    };
    database.take_alerts(&[raised(1, "moh", 1)]).await.unwrap();
    let id = add(&database, &mai, &of(1, "moh", vec![condition("src", "10.0.0.7")]))
        .await
        .unwrap();
    database.take_alerts(&[raised(2, "moh", 1)]).await.unwrap();
    assert_eq!(kept().await, 1);
    database
        .end_exception(&scope, (&mai).into(), id, "over", NOW_US)
        .await
        .unwrap();
    database.take_alerts(&[raised(2, "moh", 2)]).await.unwrap();
    assert_eq!(kept().await, 2);
}

#[tokio::test]
async fn who_takes_a_hidden_alert_takes_it_out() {
    let Some(database) = testing::database().await else {
        return;
    };
    let mai = testing::member(&database, "mai", "moh", &[Role::SeniorAnalyst]).await;
    database.take_alerts(&[raised(1, "moh", 1)]).await.unwrap();
    add(&database, &mai, &of(1, "moh", vec![condition("src", "10.0.0.7")]))
        .await
        .unwrap();
    database.take_alerts(&[raised(2, "moh", 1)]).await.unwrap();
    let take = Action::Acknowledge {
        note: None,
        take_over: false,
    };
    database
        .act(&everyone(), &mai, AlertId(2), &take, NOW_US)
        .await
        .unwrap();
    database.take_alerts(&[raised(2, "moh", 2)]).await.unwrap();
    let taken = row(&database, 2).await;
    assert_eq!((taken.is_suppressed, taken.status), (false, Status::Acknowledged));
}

#[tokio::test]
async fn a_successor_of_a_closed_alert_is_new() {
    let Some(database) = testing::database().await else {
        return;
    };
    let mai = testing::member(&database, "mai", "moh", &[Role::SeniorAnalyst]).await;
    database.take_alerts(&[raised(1, "moh", 1)]).await.unwrap();
    add(&database, &mai, &of(1, "moh", vec![condition("src", "10.0.0.7")]))
        .await
        .unwrap();
    let close = Action::Close {
        verdict: Verdict::BenignTruePositive,
        reason: None,
        note: None,
    };
    database
        .act(&everyone(), &mai, AlertId(1), &close, NOW_US)
        .await
        .unwrap();
    let goes_on = Alert {
        count: 40,
        last_us: NOW_US + 60_000_000,
        ..raised(1, "moh", 2)
    };
    database.take_alerts(&[goes_on]).await.unwrap();
    assert_eq!(queued(&database, Suppressed::Without).await, [1]);
    let hidden = queued(&database, Suppressed::Only).await;
    assert_eq!(hidden.len(), 1);
    assert_eq!(row(&database, hidden[0]).await.count, 39);
}

#[tokio::test]
async fn a_batch_that_was_not_committed_counted_nothing() {
    let Some(database) = testing::database().await else {
        return;
    };
    let mai = testing::member(&database, "mai", "moh", &[Role::SeniorAnalyst]).await;
    database.take_alerts(&[raised(1, "moh", 1)]).await.unwrap();
    let id = add(&database, &mai, &of(1, "moh", vec![condition("src", "10.0.0.7")]))
        .await
        .unwrap();
    sqlx::query("ALTER TABLE exception_day ADD CHECK (hits < 2)")
        .execute(&database.pool)
        .await
        .unwrap();
    let batch = [raised(2, "moh", 1), raised(3, "moh", 1)];
    assert!(database.take_alerts(&batch).await.is_err());
    assert_eq!(
        (
            exception(&database, id).await.hits,
            queued(&database, Suppressed::With).await
        ),
        (0, vec![1])
    );
    sqlx::query("ALTER TABLE exception_day DROP CONSTRAINT exception_day_hits_check")
        .execute(&database.pool)
        .await
        .unwrap();
    database.take_alerts(&batch).await.unwrap();
    assert_eq!(exception(&database, id).await.hits, 2);
}

#[tokio::test]
async fn an_exception_is_called_as_the_alert_that_it_was_made_from() {
    let Some(database) = testing::database().await else {
        return;
    };
    let lan = testing::account(&database, "lan", "*").await;
    let mut said = raised(1, "moh", 1);
    said.rule.as_mut().unwrap().title_vi = "Dò mật khẩu".into();
    database.take_alerts(&[said, raised(2, "moh", 1)]).await.unwrap();
    for (number, expect) in [(1, Some("Dò mật khẩu")), (2, None)] {
        let new = of(number, "moh", vec![condition("src", "10.0.0.7")]);
        let id = add(&database, &lan, &new).await.unwrap();
        let kept = database.exception(&Scope::of(["moh"]), id, NOW_US).await.unwrap();
        assert_eq!(
            (kept.rule_title.as_str(), kept.rule_title_vi.as_deref()),
            ("Password guessing", expect)
        );
    }
}
