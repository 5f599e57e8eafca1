#![allow(clippy::unwrap_used, clippy::panic)]

use vonggac_access::{Day, Role};
use vonggac_event::Severity;

use super::delivery::{GIVEN_UP_MAX, LEASE_US, MAIL_MAX, Matter, Next, Outcome, TRIED_US, Taken, WINDOW_US};
use super::way::{CODE_LIFE_US, CODE_TRIES_MAX, NewWebhook, Trouble, WAYS_MAX};
use super::*;
use crate::testing::{self, NOW_US, alert, everyone, member};
use crate::vault::{KEY_BYTES, Vault};
use crate::{Account, DatabaseError};

const BOTH: [WayKind; 2] = [WayKind::Mail, WayKind::Webhook];
const MINUTE_US: i64 = 60 * 1_000_000;

/// A proved address of somebody, and a rule for alerts of that severity that uses it.
async fn with_mail(database: &Database, who: &Account) -> WayId {
    let address = format!("{}@moh.example", who.user_name);
    let (way, code) = database.add_mail_way(who.into(), &address, NOW_US).await.unwrap();
    database
        .prove_mail_way(who.into(), way, &code, NOW_US)
        .await
        .unwrap();
    add_rule(database, who, vec![way]).await;
    way
}

async fn with_webhook(database: &Database, who: &Account) -> WayId {
    let new = NewWebhook {
        name: "Chat",
        url: "https://hooks.example/x?token=secret",
        secret: &[9; 32],
    };
    let vault = Vault::new(&[7; KEY_BYTES]).unwrap();
    let way = database
        .add_webhook(who.into(), &vault, new, NOW_US)
        .await
        .unwrap();
    add_rule(database, who, vec![way]).await;
    way
}

async fn add_rule(database: &Database, who: &Account, ways: Vec<WayId>) {
    let rule = NewRule {
        name: "All".into(),
        about: About::Alert,
        severity: Severity::Unspecified,
        organisation: None,
        words: String::new(),
        is_on: true,
        ways,
    };
    database
        .add_notice_rule(&everyone(), who.into(), &rule, NOW_US)
        .await
        .unwrap();
}

async fn tell(database: &Database, numbers: impl Iterator<Item = u32>, tenant: &str, now_us: i64) {
    let alerts: Vec<_> = numbers.map(|number| alert(number, tenant, 1)).collect();
    database.take_alerts(&alerts).await.unwrap();
    let tree = database.organisations().await.unwrap();
    while database.make_notices(&tree, now_us).await.unwrap().taken > 0 {}
}

/// The next message that is due, if there is one.
async fn take(database: &Database, now_us: i64) -> Option<Taken> {
    let tree = database.organisations().await.unwrap();
    loop {
        match database.take_delivery(&tree, &BOTH, now_us).await.unwrap() {
            Next::Send(taken) => return Some(*taken),
            Next::Again => {}
            Next::Nothing => return None,
        }
    }
}

async fn settle(database: &Database, taken: &Taken, outcome: Outcome, now_us: i64) {
    database
        .settle_delivery(taken, &outcome, 0.5, now_us)
        .await
        .unwrap();
}

fn number(taken: &Taken) -> u128 {
    match &taken.matter {
        Matter::Alert(_, row) => row.id.0,
        other => panic!("no alert: {other:?}"),
    }
}

fn later(is_of_way: bool) -> Outcome {
    Outcome::Later {
        why: "it answered 503".into(),
        wait_s: None,
        is_of_way,
    }
}

fn never(is_gone: bool) -> Outcome {
    Outcome::Never {
        why: "it answered 404".into(),
        is_gone,
    }
}

/// The audit log, as its entries are written.
async fn log_of(database: &Database) -> String {
    let size = database.audit_head().await.unwrap().size;
    let stored = database.audit_range(0, size).await.unwrap();
    stored
        .iter()
        .map(|one| String::from_utf8_lossy(&one.content).into_owned())
        .collect()
}

async fn the_way(database: &Database, who: &Account) -> Way {
    database.notice_ways(who.id).await.unwrap().remove(0)
}

#[tokio::test]
async fn what_a_console_had_taken_when_it_died_is_sent_by_another_under_the_same_id() {
    let Some(database) = testing::database().await else {
        return;
    };
    let lan = member(&database, "lan", "moh", &[Role::Analyst]).await;
    with_mail(&database, &lan).await;
    tell(&database, [3].into_iter(), "moh", NOW_US).await;
    let first = take(&database, NOW_US).await.unwrap();
    assert_eq!(
        (number(&first), first.attempts, first.target.as_str()),
        (3, 1, "lan@moh.example")
    );
    assert_eq!(take(&database, NOW_US).await, None, "one console at a time");
    assert_eq!(take(&database, NOW_US + LEASE_US - 1).await, None);
    // The console is dead, and has told nobody.
    let second = take(&database, NOW_US + LEASE_US).await.unwrap();
    assert_eq!((&second.message_id, second.attempts), (&first.message_id, 2));
    // The first was only slow: what it says in the end does not disturb the second.
    settle(&database, &first, never(false), NOW_US + LEASE_US).await;
    settle(&database, &second, Outcome::Sent, NOW_US + LEASE_US).await;
    assert_eq!(take(&database, NOW_US + TRIED_US).await, None);
    let way = the_way(&database, &lan).await;
    assert_eq!(
        (way.waiting, way.dropped, way.last_sent_us),
        (0, 0, Some(NOW_US + LEASE_US))
    );
}

#[tokio::test]
async fn consoles_share_the_work_and_take_nothing_twice() {
    let Some(database) = testing::database().await else {
        return;
    };
    for name in ["lan", "hoa", "minh", "an"] {
        let who = member(&database, name, "moh", &[Role::Analyst]).await;
        with_mail(&database, &who).await;
    }
    tell(&database, [3].into_iter(), "moh", NOW_US).await;
    let all = futures_util::future::join_all((0..8).map(|_| take(&database, NOW_US))).await;
    let mut accounts: Vec<i64> = all.into_iter().flatten().map(|taken| taken.account.0).collect();
    accounts.sort_unstable();
    let count = accounts.len();
    accounts.dedup();
    assert_eq!((count, accounts.len()), (4, 4));
}

#[tokio::test]
async fn rights_are_asked_when_it_is_sent() {
    let Some(database) = testing::database().await else {
        return;
    };
    let lan = member(&database, "lan", "moh", &[Role::Analyst]).await;
    let hoa = member(&database, "hoa", "moh", &[Role::Analyst]).await;
    let admin = member(&database, "admin", "vn", &[Role::OrganisationManager]).await;
    with_mail(&database, &lan).await;
    with_mail(&database, &hoa).await;
    tell(&database, [3, 4].into_iter(), "moh", NOW_US).await;
    let kept = database.memberships_of(lan.id).await.unwrap();
    let today = Day::of_us(NOW_US).unwrap();
    let id = kept.first().unwrap().id;
    database
        .end_membership(&Asker::console(), id, today, NOW_US)
        .await
        .unwrap();
    let change = database
        .disable_account(&Asker::from(&admin), hoa.id, NOW_US)
        .await;
    change.unwrap();
    assert_eq!(take(&database, NOW_US + MINUTE_US).await, None);
    for who in [&lan, &hoa] {
        assert_eq!(the_way(&database, who).await.waiting, 0, "{}", who.user_name);
    }
}

#[tokio::test]
async fn a_webhook_is_told_what_its_owner_may_take_out() {
    let Some(database) = testing::database().await else {
        return;
    };
    // An analyst reads alerts and exports none; somebody who lost the role of a senior has his webhook still.
    let lan = member(&database, "lan", "moh", &[Role::Analyst]).await;
    let hoa = member(&database, "hoa", "moh", &[Role::SeniorAnalyst]).await;
    with_webhook(&database, &lan).await;
    let of_hoa = with_webhook(&database, &hoa).await;
    tell(&database, [3].into_iter(), "moh", NOW_US).await;
    let taken = take(&database, NOW_US).await.unwrap();
    assert_eq!((taken.way, taken.kind), (of_hoa, WayKind::Webhook));
    settle(&database, &taken, Outcome::Sent, NOW_US).await;
    assert_eq!(take(&database, NOW_US).await, None);
    let vault = Vault::new(&[7; KEY_BYTES]).unwrap();
    let secret = database.webhook_secret(Some(&vault), of_hoa).await.unwrap();
    assert_eq!(secret, [9; 32]);
    let other = Vault::new(&[8; KEY_BYTES]).unwrap();
    assert!(database.webhook_secret(Some(&other), of_hoa).await.is_err());
    // What is written down of it names its host and not what may be a secret in its path.
    let text = log_of(&database).await;
    assert!(
        text.contains("hooks.example") && !text.contains("token=secret"),
        "{text}"
    );
}

#[tokio::test]
async fn beyond_the_ceiling_the_rest_is_one_summary() {
    let Some(database) = testing::database().await else {
        return;
    };
    let lan = member(&database, "lan", "moh", &[Role::Analyst]).await;
    with_mail(&database, &lan).await;
    tell(&database, 1..=40, "moh", NOW_US).await;
    let mut sent = 0;
    while let Some(taken) = take(&database, NOW_US + sent).await {
        assert!(matches!(taken.matter, Matter::Alert(..)), "{taken:?}");
        settle(&database, &taken, Outcome::Sent, NOW_US + sent).await;
        sent += 1;
    }
    assert_eq!(sent, i64::from(MAIL_MAX));
    // What comes in the meantime is of the same summary.
    tell(&database, 41..=44, "moh-it", NOW_US + MINUTE_US).await;
    assert_eq!(take(&database, NOW_US + MINUTE_US).await, None);
    let at_us = NOW_US + WINDOW_US;
    let summary = take(&database, at_us).await.unwrap();
    let more = [("moh".to_owned(), 10), ("moh-it".to_owned(), 4)];
    assert_eq!(summary.matter, Matter::More(more.into_iter().collect()));
    settle(&database, &summary, Outcome::Sent, at_us).await;
    assert_eq!(take(&database, at_us).await, None);
    assert_eq!(the_way(&database, &lan).await.waiting, 0);
}

#[tokio::test]
async fn a_way_that_fails_waits_longer_each_time_and_is_paused_in_the_end() {
    let Some(database) = testing::database().await else {
        return;
    };
    let lan = member(&database, "lan", "moh", &[Role::Analyst]).await;
    let way = with_mail(&database, &lan).await;
    tell(&database, [3].into_iter(), "moh", NOW_US).await;
    let mut now_us = NOW_US;
    let mut tries = 0;
    let mut waits = Vec::new();
    while now_us < NOW_US + 2 * TRIED_US {
        let Some(taken) = take(&database, now_us).await else {
            now_us += 10 * 1_000_000;
            continue;
        };
        waits.push(now_us);
        settle(&database, &taken, later(true), now_us).await;
        tries += 1;
    }
    let gaps: Vec<i64> = waits
        .windows(2)
        .map(|two| (two[1] - two[0]) / 1_000_000)
        .collect();
    assert_eq!(&gaps[..4], [30, 60, 120, 240]);
    assert!(gaps.iter().all(|&gap| gap <= 3_600), "{gaps:?}");
    assert!((25..=40).contains(&tries), "{tries} tries");
    let paused = the_way(&database, &lan).await;
    assert!(paused.paused_us.is_some(), "{paused:?}");
    assert_eq!(
        (paused.dropped, paused.last_error.as_str()),
        (1, "it answered 503")
    );
    assert_eq!(
        database.notice_way_trouble(now_us).await.unwrap(),
        Trouble {
            failing: 0,
            paused: 1
        }
    );
    // What happens meanwhile is counted, and its owner has it sent again.
    tell(&database, [4, 5].into_iter(), "moh", now_us).await;
    assert_eq!(take(&database, now_us).await, None);
    assert_eq!(the_way(&database, &lan).await.dropped, 3);
    database
        .resume_notice_way((&lan).into(), way, now_us)
        .await
        .unwrap();
    tell(&database, [6].into_iter(), "moh", now_us).await;
    assert_eq!(number(&take(&database, now_us).await.unwrap()), 6);
    let text = log_of(&database).await;
    assert!(
        text.contains("notice_way.pause") && text.contains("notice_way.resume"),
        "{text}"
    );
}

#[tokio::test]
async fn what_is_refused_for_good_is_given_up_at_once_and_a_mail_server_is_nobodys_fault() {
    let Some(database) = testing::database().await else {
        return;
    };
    let lan = member(&database, "lan", "moh", &[Role::Analyst]).await;
    let way = with_mail(&database, &lan).await;
    tell(&database, 1..=8, "moh", NOW_US).await;
    let first = take(&database, NOW_US).await.unwrap();
    settle(&database, &first, later(false), NOW_US).await;
    assert_eq!(the_way(&database, &lan).await.failing_since_us, None);
    for tried in 1..=GIVEN_UP_MAX {
        assert_eq!(the_way(&database, &lan).await.paused_us, None, "{tried}");
        let taken = take(&database, NOW_US).await.unwrap();
        settle(&database, &taken, never(false), NOW_US).await;
    }
    let paused = the_way(&database, &lan).await;
    assert_eq!(
        (paused.paused_us, paused.waiting, paused.dropped),
        (Some(NOW_US), 0, 8)
    );
    database
        .resume_notice_way((&lan).into(), way, NOW_US)
        .await
        .unwrap();
    tell(&database, [9].into_iter(), "moh", NOW_US).await;
    let taken = take(&database, NOW_US).await.unwrap();
    settle(&database, &taken, never(true), NOW_US).await;
    assert!(
        the_way(&database, &lan).await.paused_us.is_some(),
        "it wants nothing more"
    );
}

#[tokio::test]
async fn an_address_counts_once_its_code_came_back() {
    let Some(database) = testing::database().await else {
        return;
    };
    let lan = member(&database, "lan", "moh", &[Role::Analyst]).await;
    let hoa = member(&database, "hoa", "moh", &[Role::Analyst]).await;
    let add =
        async |who: &Account, now_us| database.add_mail_way(who.into(), "lan@moh.example", now_us).await;
    let (way, code) = add(&lan, NOW_US).await.unwrap();
    assert_eq!(code.len(), 8);
    add_rule(&database, &lan, vec![way]).await;
    tell(&database, [3].into_iter(), "moh", NOW_US).await;
    assert_eq!(take(&database, NOW_US).await, None, "not proved");
    let prove = async |who: &Account, code: &str, now_us| {
        database.prove_mail_way(who.into(), way, code, now_us).await
    };
    assert!(matches!(
        prove(&hoa, &code, NOW_US).await,
        Err(DatabaseError::NotFound)
    ));
    let wrong = if code == "00000000" {
        "00000001"
    } else {
        "00000000"
    };
    for _ in 0..CODE_TRIES_MAX {
        assert!(matches!(
            prove(&lan, wrong, NOW_US).await,
            Err(DatabaseError::WrongCode)
        ));
    }
    assert!(
        matches!(prove(&lan, &code, NOW_US).await, Err(DatabaseError::WrongCode)),
        "tried too often"
    );
    let (same, code) = add(&lan, NOW_US).await.unwrap();
    assert_eq!(same, way, "another code for the same");
    assert!(matches!(
        prove(&lan, &code, NOW_US + CODE_LIFE_US).await,
        Err(DatabaseError::WrongCode)
    ));
    prove(&lan, &format!(" {code} "), NOW_US).await.unwrap();
    assert!(
        matches!(add(&lan, NOW_US).await, Err(DatabaseError::Conflict(_))),
        "proved"
    );
    // Whoever has codes sent again and again is refused, and so is who has them sent there.
    let mut sent = 0;
    while add(&hoa, NOW_US).await.is_ok() {
        sent += 1;
        assert!(sent < 20);
    }
    assert!(matches!(
        add(&hoa, NOW_US).await,
        Err(DatabaseError::Throttled { .. })
    ));
    assert!(sent < 5, "{sent}");
}

#[tokio::test]
async fn ways_are_their_owners_and_few() {
    let Some(database) = testing::database().await else {
        return;
    };
    let lan = member(&database, "lan", "moh", &[Role::Analyst]).await;
    let hoa = member(&database, "hoa", "moh", &[Role::Analyst]).await;
    let way = with_mail(&database, &lan).await;
    let foreign = NewRule {
        name: "x".into(),
        about: About::Alert,
        severity: Severity::Unspecified,
        organisation: None,
        words: String::new(),
        is_on: true,
        ways: vec![way],
    };
    let added = database
        .add_notice_rule(&everyone(), (&hoa).into(), &foreign, NOW_US)
        .await;
    assert!(
        matches!(added, Err(DatabaseError::Invalid { field: "ways", .. })),
        "{added:?}"
    );
    assert_eq!(database.notice_rules(hoa.id).await.unwrap(), []);
    let removed = database.remove_notice_way((&hoa).into(), way, NOW_US).await;
    assert!(matches!(removed, Err(DatabaseError::NotFound)));
    let resumed = database.resume_notice_way((&lan).into(), way, NOW_US).await;
    assert!(matches!(resumed, Err(DatabaseError::Conflict(_))));
    database
        .remove_notice_way((&lan).into(), way, NOW_US)
        .await
        .unwrap();
    let rules = database.notice_rules(lan.id).await.unwrap();
    assert_eq!(
        rules.first().unwrap().wants.ways,
        [],
        "the rule goes on without it"
    );
    let vault = Vault::new(&[7; KEY_BYTES]).unwrap();
    for at in 0..=WAYS_MAX {
        let url = format!("https://hooks.example/{at}");
        let new = NewWebhook {
            name: "x",
            url: &url,
            secret: &[1; 32],
        };
        let added = database.add_webhook((&hoa).into(), &vault, new, NOW_US).await;
        assert_eq!(added.is_ok(), at < WAYS_MAX, "{at}: {added:?}");
    }
}
