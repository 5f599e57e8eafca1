//! What happens at one organisation changes nothing that another is told: lists, counts, groups, names, completion.

use std::collections::BTreeMap;

use serde_json::json;
use vonggac_access::{Assurance, Role};
use vonggac_database::audit::{Asker, Deed};
use vonggac_database::testing::{NOW_US, alert, member};

use super::operations::{Of, Right, operations};
use super::things::{Names, People, Whose};
use super::{ask, expected};
use crate::tests::{Harness, factors};

/// The operations that read, by role; each answer whole but for its headers.
async fn answers(harness: &Harness, people: &People<'_>) -> BTreeMap<(&'static str, &'static str), String> {
    let mut all = BTreeMap::new();
    for role in Role::ALL {
        let cookie = people.cookie(people.of(role), Assurance::Fresh).await;
        for operation in operations() {
            // One's own sessions are news each time, and who asks for the log is in it.
            let is_apart = matches!(
                operation.name,
                "alertStream" | "listSessions" | "listAudit" | "exportAudit"
            );
            let reads =
                matches!(operation.right, Right::Signed | Right::Row(..)) && operation.method() == "GET";
            if !reads || is_apart || operation.of != Of::Nothing {
                continue;
            }
            let answer = ask(harness, &operation, &Names::absent(), &cookie).await;
            all.insert((operation.name, role.name()), answer.text);
        }
    }
    all
}

#[tokio::test]
async fn what_happens_elsewhere_changes_no_answer() {
    let Some((harness, _secrets)) = factors::start().await else {
        return;
    };
    let people = People::enter(&harness).await;
    // Once for nothing: each has then signed in.
    answers(&harness, &people).await;
    let before = answers(&harness, &people).await;
    let full = before.keys().filter(|(name, role)| {
        let role = Role::ALL.into_iter().find(|one| one.name() == *role).unwrap();
        let operation = operations().into_iter().find(|one| one.name == *name).unwrap();
        expected(&operation, role, Whose::NoOne, Assurance::Fresh) == super::Outcome::Done
    });
    assert!(full.count() > 60, "too little was answered to say anything");

    let minh = member(
        &harness.database,
        "minh.moi",
        "mot",
        &[Role::ShiftLead, Role::OrganisationManager],
    )
    .await;
    let cookie = people.cookie(&minh, Assurance::Fresh).await;
    let call = async |method: &str, path: &str, body| {
        let answer = harness.call(method, path, &cookie, body).await;
        assert!(answer.status.is_success(), "{path}: {answer:?}");
    };
    let alerts: Vec<_> = (100..140).map(|number| alert(number, "mot", 1)).collect();
    harness.database.take_alerts(&alerts).await.unwrap();
    let ids: Vec<String> = (100..120).map(|number| format!("{number:032x}")).collect();
    let bulk = "/api/v1/alerts/bulk";
    call(
        "POST",
        bulk,
        json!({ "ids": ids, "action": "tag", "add": ["cua-mot"] }),
    )
    .await;
    call(
        "POST",
        bulk,
        json!({ "ids": ids, "action": "close", "verdict": "false_positive", "reason": "rule_logic" }),
    )
    .await;
    call(
        "POST",
        "/api/v1/views",
        json!({ "name": "Của MOT", "shared": true, "search": {} }),
    )
    .await;
    call(
        "POST",
        "/api/v1/searches",
        json!({ "name": "Của MOT", "organisation": "mot", "parameters": {} }),
    )
    .await;
    call(
        "POST",
        "/api/v1/accounts",
        json!({ "user_name": "khach", "display_name": "Khách", "language": "vi", "organisation": "mot",
        "memberships": [{ "role": "response-coordinator", "organisation": "mot" }] }),
    )
    .await;
    call(
        "POST",
        "/api/v1/services",
        json!({ "user_name": "siem.mot", "display_name": "SIEM", "organisation": "mot" }),
    )
    .await;
    let deed = Deed::done("test.note", "test", "mot");
    harness
        .database
        .note(&Asker::from(&minh), deed, NOW_US)
        .await
        .unwrap();

    let after = answers(&harness, &people).await;
    for (key, answer) in &before {
        assert_eq!(answer, &after[key], "{key:?}");
    }
}
