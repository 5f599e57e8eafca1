//! Rules' titles in Vietnamese, from what the pipeline says to what is found and told.

use vonggac_event::{Alert, AlertId, Scope, Severity};

use super::AlertRow;
use crate::Database;
use crate::notice::About;
use crate::notice::rule::NewRule;
use crate::queue::Filter;
use crate::queue::groups::GroupBy;
use crate::testing::{self, NOW_US, alert, alert_in_vietnamese};

async fn shown(database: &Database, number: u128) -> AlertRow {
    database
        .alert(&testing::everyone(), AlertId(number))
        .await
        .unwrap()
}

/// The alerts of `organisation` that the queue finds by a text.
async fn found(database: &Database, organisation: &str, text: &str) -> Vec<u128> {
    let filter = Filter {
        text: Some(text.into()),
        ..Filter::default()
    };
    let scope = Scope::of([organisation]);
    let page = database
        .list_alerts(&scope, &filter, Default::default(), None, 9)
        .await;
    let mut found: Vec<u128> = page.unwrap().rows.iter().map(|row| row.id.0).collect();
    found.sort_unstable();
    found
}

#[tokio::test]
async fn the_newest_revision_says_what_its_rule_is_called() {
    let Some(database) = testing::database().await else {
        return;
    };
    let silent = alert(1, "moh", 1);
    database.take_alerts(std::slice::from_ref(&silent)).await.unwrap();
    assert_eq!(shown(&database, 1).await.rule_title_vi, None);
    assert_eq!(found(&database, "moh", "mật khẩu").await, []);

    database
        .take_alerts(&[alert_in_vietnamese(1, "moh", 2)])
        .await
        .unwrap();
    let row = shown(&database, 1).await;
    assert_eq!(
        (row.rule_title.as_str(), row.rule_title_vi.as_deref()),
        ("Password guessing", Some("Dò mật khẩu"))
    );
    assert_eq!(found(&database, "moh", "mật khẩu").await, [1]);

    let again = Alert {
        revision: 3,
        ..silent
    };
    database.take_alerts(&[again]).await.unwrap();
    assert_eq!(shown(&database, 1).await.rule_title_vi, None);
    assert_eq!(found(&database, "moh", "mật khẩu").await, []);
    assert_eq!(found(&database, "moh", "Password").await, [1]);
}

#[tokio::test]
async fn words_of_either_title_are_found_once_and_in_ones_own_alerts() {
    let Some(database) = testing::database().await else {
        return;
    };
    let mut both = alert_in_vietnamese(3, "moh", 1);
    // A word that stands in both titles.
    both.rule.as_mut().unwrap().title_vi = "Password bị dò\0".into();
    let alerts = [
        alert(1, "moh", 1),
        alert_in_vietnamese(2, "moh", 1),
        both,
        alert_in_vietnamese(4, "mot", 1),
    ];
    database.take_alerts(&alerts).await.unwrap();
    assert_eq!(found(&database, "moh", "Dò mật").await, [2]);
    assert_eq!(found(&database, "moh", "Password").await, [1, 2, 3]);
    assert_eq!(found(&database, "moh", "100%").await, []);
}

#[tokio::test]
async fn a_group_of_one_rule_is_called_as_the_rule_is() {
    let Some(database) = testing::database().await else {
        return;
    };
    let mut other = alert(3, "moh", 1);
    let rule = other.rule.as_mut().unwrap();
    (rule.id, rule.title) = ("scan".into(), "Scan".into());
    let alerts = [alert(1, "moh", 1), alert_in_vietnamese(2, "moh", 1), other];
    database.take_alerts(&alerts).await.unwrap();
    let titles = async |by: GroupBy| -> Vec<_> {
        let scope = Scope::of(["moh"]);
        let (groups, _) = database
            .group_alerts(&scope, &Filter::default(), by)
            .await
            .unwrap();
        groups
            .into_iter()
            .map(|group| (group.title, group.title_vi))
            .collect()
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        titles(GroupBy::Rule).await,
        [
            (text("Password guessing"), text("Dò mật khẩu")),
            (text("Scan"), None)
        ]
    );
    assert_eq!(titles(GroupBy::Destination).await, [(None, None)], "of two rules");
}

#[tokio::test]
async fn a_rule_for_notices_looks_at_either_title() {
    let Some(database) = testing::database().await else {
        return;
    };
    let alerts = [alert(1, "moh", 1), alert_in_vietnamese(2, "moh", 1)];
    database.take_alerts(&alerts).await.unwrap();
    let wants = |words: &str| NewRule {
        name: "mine".into(),
        about: About::Alert,
        severity: Severity::Unspecified,
        organisation: None,
        words: words.into(),
        is_on: true,
        ways: Vec::new(),
    };
    let (silent, said) = (shown(&database, 1).await, shown(&database, 2).await);
    for (words, expect) in [
        ("mật KHẨU", (false, true)),
        ("PASSWORD", (true, true)),
        ("thăm dò", (false, false)),
    ] {
        let fits = (wants(words).fits(&silent), wants(words).fits(&said));
        assert_eq!(fits, expect, "{words}");
    }
}

#[tokio::test]
async fn a_hand_over_of_before_is_still_read() {
    let Some(database) = testing::database().await else {
        return;
    };
    let alerts = [alert(1, "moh", 1), alert_in_vietnamese(4, "moh", 1)];
    database.take_alerts(&alerts).await.unwrap();
    let scope = Scope::of(["moh"]);
    let facts = database
        .handover_facts(&scope, NOW_US - 1, NOW_US + 60_000_000, NOW_US + 30_000_000)
        .await
        .unwrap();
    let told: Vec<_> = facts.urgent.iter().map(|one| one.title_vi.as_deref()).collect();
    assert_eq!(told, [Some("Dò mật khẩu"), None], "{facts:?}");
    let mut kept = serde_json::to_value(&facts.urgent).unwrap();
    for one in kept.as_array_mut().unwrap() {
        one.as_object_mut().unwrap().remove("title_vi");
    }
    let read: Vec<crate::handover::facts::Brief> = serde_json::from_value(kept).unwrap();
    assert_eq!(read.first().unwrap().title_vi, None);
}
