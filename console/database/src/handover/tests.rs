#![allow(clippy::unwrap_used)]

use vonggac_access::Role;
use vonggac_audit::entry::Entry;
use vonggac_event::AlertId;

use super::*;
use crate::Snooze;
use crate::Verdict;
use crate::testing::{self, NOW_US, alert, everyone, member};
use crate::work::Action;

const MOH: [&str; 2] = ["moh", "moh-it"];

fn moh() -> OrganisationId {
    "moh".parse().unwrap()
}

async fn leads() -> Option<(Database, crate::Account, crate::Account)> {
    let database = testing::database().await?;
    let lan = member(&database, "lan", "moh", &[Role::ShiftLead]).await;
    let hoa = member(&database, "hoa", "moh", &[Role::ShiftLead]).await;
    Some((database, lan, hoa))
}

async fn deeds(database: &Database) -> Vec<String> {
    let filter = audit::log::Filter::default();
    let log = database
        .audit_page(&everyone(), &filter, None, 100)
        .await
        .unwrap();
    let actions = log
        .iter()
        .rev()
        .map(|content| Entry::decode(content).unwrap().action);
    actions.filter(|action| action.starts_with("handover.")).collect()
}

#[tokio::test]
async fn a_draft_is_handed_over_and_another_takes_over() {
    let Some((database, lan, hoa)) = leads().await else {
        return;
    };
    let scope = Scope::of(MOH);
    let begin = async |now_us| database.begin_handover((&lan).into(), &moh(), now_us).await;
    let id = begin(NOW_US).await.unwrap();
    assert!(
        matches!(begin(NOW_US).await, Err(DatabaseError::Conflict(_))),
        "one draft"
    );
    let nowhere: OrganisationId = "nowhere".parse().unwrap();
    let nothing = database.begin_handover((&lan).into(), &nowhere, NOW_US).await;
    assert!(matches!(nothing, Err(DatabaseError::NotFound)));

    let draft = database.handover(&scope, id).await.unwrap();
    assert_eq!(draft.shift.to_us - draft.shift.from_us, SHIFT_US);
    let change = async |who: &crate::Account, version, note: &str, shift: Shift| {
        let change = Change { version, shift, note };
        database
            .change_handover(&scope, who.into(), id, change, NOW_US + 1)
            .await
    };
    change(&lan, 1, " Chú ý VPN ", draft.shift).await.unwrap();
    // The other lead read it before that.
    let late = change(&hoa, 1, "x", draft.shift).await;
    assert!(matches!(late, Err(DatabaseError::Conflict(_))), "{late:?}");
    let backwards = Shift {
        to_us: draft.shift.from_us,
        ..draft.shift
    };
    let long = Shift {
        next_to_us: draft.shift.to_us + SHIFT_MAX_US + 1,
        ..draft.shift
    };
    for wrong in [backwards, long] {
        let refused = change(&lan, 2, "", wrong).await;
        assert!(
            matches!(refused, Err(DatabaseError::Invalid { .. })),
            "{refused:?}"
        );
    }
    let unready = database
        .acknowledge_handover(&scope, (&hoa).into(), id, "", NOW_US)
        .await;
    assert!(
        matches!(unready, Err(DatabaseError::Conflict(_))),
        "a draft waits for nobody"
    );

    let facts = database
        .handover_facts(&scope, draft.shift.from_us, draft.shift.next_to_us, NOW_US + 2)
        .await
        .unwrap();
    database
        .hand_over(&scope, (&lan).into(), id, 2, &facts, NOW_US + 2)
        .await
        .unwrap();
    let take = async |who: &crate::Account, scope: &Scope| {
        database
            .acknowledge_handover(scope, who.into(), id, "Đã nhận", NOW_US + 3)
            .await
    };
    assert!(
        matches!(take(&lan, &scope).await, Err(DatabaseError::Conflict(_))),
        "not one's own"
    );
    let foreign = take(&hoa, &Scope::of(["mot"])).await;
    assert!(matches!(foreign, Err(DatabaseError::NotFound)));
    take(&hoa, &scope).await.unwrap();
    assert!(
        matches!(take(&hoa, &scope).await, Err(DatabaseError::Conflict(_))),
        "once"
    );
    let done = database.handover(&scope, id).await.unwrap();
    assert_eq!(
        (done.state, done.note.as_str()),
        (State::Acknowledged, "Chú ý VPN")
    );
    assert_eq!(done.facts, Some(facts));
    let taken = done.acknowledged.unwrap();
    assert_eq!((taken.by.id, taken.remarks.as_str()), (hoa.id, "Đã nhận"));
    let discarded = database.discard_handover(&scope, (&lan).into(), id, NOW_US).await;
    assert!(matches!(discarded, Err(DatabaseError::Conflict(_))));
    for statement in [
        "UPDATE handover SET note = 'other'",
        "UPDATE handover SET facts = '{}'",
        "DELETE FROM handover",
        "TRUNCATE handover",
    ] {
        assert!(
            sqlx::query(statement).execute(&database.pool).await.is_err(),
            "{statement}"
        );
    }

    // The next one begins where this was handed over.
    let next = begin(NOW_US + 10).await.unwrap();
    let draft = database.handover(&scope, next).await.unwrap();
    assert_eq!(draft.shift.from_us, NOW_US + 2);
    database
        .discard_handover(&scope, (&hoa).into(), next, NOW_US + 11)
        .await
        .unwrap();
    let listed = database.handovers(&scope, Some("moh"), None, 10).await.unwrap();
    assert_eq!(listed.iter().map(|one| one.id).collect::<Vec<_>>(), [id]);
    assert_eq!(database.handovers(&scope, None, Some(id), 10).await.unwrap(), []);
    assert_eq!(
        database
            .handovers(&Scope::of(["mot"]), None, None, 10)
            .await
            .unwrap(),
        []
    );
    assert_eq!(
        deeds(&database).await,
        [
            "handover.begin",
            "handover.change",
            "handover.hand",
            "handover.acknowledge",
            "handover.begin",
            "handover.discard"
        ]
    );
}

#[tokio::test]
async fn a_draft_fills_itself_with_what_is_there() {
    let Some((database, lan, _)) = leads().await else {
        return;
    };
    let scope = Scope::of(MOH);
    let mut alerts: Vec<_> = (1..=6).map(|n| alert(n, "moh", 1)).collect();
    alerts.extend([alert(7, "moh-it", 1), alert(8, "mot", 1), alert(9, "moh", 1)]);
    // An exercise is no work.
    alerts.last_mut().unwrap().exercise_id = 3;
    database.take_alerts(&alerts).await.unwrap();
    let now_us = NOW_US + 2 * HOUR_US;
    let act = async |id: u128, action: Action| {
        database
            .act(&everyone(), &lan, AlertId(id), &action, now_us - 1)
            .await
            .unwrap();
    };
    act(
        1,
        Action::Acknowledge {
            note: None,
            take_over: false,
        },
    )
    .await;
    act(
        2,
        Action::Close {
            verdict: Verdict::FalsePositive,
            reason: Some(crate::Reason::RuleLogic),
            note: None,
        },
    )
    .await;
    let until = |us| Action::Snooze {
        until: Snooze::Until { us },
        note: None,
    };
    act(3, until(now_us + HOUR_US)).await;
    act(4, until(now_us + 9 * HOUR_US)).await;
    let watched = crate::watch::NewWatched::Alert(AlertId(5));
    database
        .watch(&scope, (&lan).into(), &watched, "beacon?", now_us)
        .await
        .unwrap();
    member(&database, "moi", "moh", &[Role::Viewer]).await;

    let facts = database
        .handover_facts(&scope, NOW_US, now_us + SHIFT_US, now_us)
        .await
        .unwrap();
    let open: i64 = facts.open.iter().map(|one| one.count).sum();
    assert_eq!(open, 6, "{:?}", facts.open);
    let set_aside: i64 = facts.open.iter().map(|one| one.set_aside).sum();
    assert_eq!(set_aside, 2);
    assert!(
        facts.open.iter().all(|one| one.band == 1),
        "between one hour and four"
    );
    assert_eq!(facts.holders.len(), 1);
    assert_eq!(
        (facts.holders[0].holder.as_str(), facts.holders[0].count),
        ("lan", 1)
    );
    let change = |organisation: &str, name: &str| -> i64 {
        let of = |one: &&facts::ChangeCount| one.organisation == organisation && one.change == name;
        facts.changes.iter().filter(of).map(|one| one.count).sum()
    };
    assert_eq!(
        (
            change("moh", "raised"),
            change("moh-it", "raised"),
            change("mot", "raised")
        ),
        (6, 1, 0)
    );
    assert_eq!((change("moh", "acknowledged"), change("moh", "closed")), (1, 1));
    let named = |briefs: &[facts::Brief]| -> Vec<u128> {
        briefs
            .iter()
            .map(|one| u128::from_str_radix(&one.id, 16).unwrap())
            .collect()
    };
    // By severity, then the oldest: those set aside wait.
    assert_eq!(named(&facts.urgent), [7, 1, 6, 5]);
    assert_eq!(named(&facts.waking), [3], "the other sleeps on");
    assert_eq!(facts.watched.len(), 1);
    assert_eq!(
        facts.watched[0].alert.as_ref().unwrap().title,
        "Password guessing"
    );
    // Somebody was given a role by the console itself, which is no organisation's.
    assert_eq!(facts.deeds, []);

    let own = facts.clone().within(&Scope::of(["moh"]));
    assert_eq!(named(&own.urgent), [1, 6, 5]);
    let nothing = facts.within(&Scope::of(["mot"]));
    assert_eq!(
        (nothing.open.len(), nothing.urgent.len(), nothing.watched.len()),
        (0, 0, 0)
    );
}

#[test]
fn a_shift_begins_where_the_last_one_ended_and_is_not_endless() {
    let check = |last_us: Option<i64>, from_us: i64, to_us: i64| {
        let shift = Shift::now(last_us, NOW_US);
        let expect = Shift {
            from_us,
            to_us,
            next_to_us: to_us + SHIFT_US,
        };
        assert_eq!(shift, expect, "{last_us:?}");
        assert_eq!(shift.check().unwrap(), shift);
    };
    check(None, NOW_US - SHIFT_US, NOW_US);
    check(Some(NOW_US - HOUR_US), NOW_US - HOUR_US, NOW_US + 7 * HOUR_US);
    check(Some(NOW_US - 12 * HOUR_US), NOW_US - 12 * HOUR_US, NOW_US);
    check(Some(0), NOW_US - SHIFT_MAX_US, NOW_US);
    // Of a console whose clock goes ahead.
    check(Some(NOW_US + HOUR_US), NOW_US - 1, NOW_US - 1 + SHIFT_US);
}
