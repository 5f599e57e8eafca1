#![allow(clippy::unwrap_used)]

use vonggac_access::{Role, Span, file};

use super::*;
use crate::Account;
use crate::testing::{self, NOW_US, alert, member};

fn id(code: &str) -> OrganisationId {
    code.parse().unwrap()
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// A unit of that name beneath `parent`.
fn unit(code: &str, parent: &str) -> Organisation {
    Organisation {
        id: id(code),
        kind: OrganisationKind::Unit,
        name_vi: "Đơn vị".into(),
        name_en: "Unit".into(),
        parent: Some(id(parent)),
        span: Span::default(),
        predecessors: Vec::new(),
        citation: "Decision 1".into(),
    }
}

struct Desk {
    database: Database,
    boss: Account,
}

impl Desk {
    /// With somebody who runs the nation's organisation.
    async fn open() -> Option<Self> {
        let database = testing::database().await?;
        let boss = member(&database, "boss", "vn", &[Role::OrganisationManager]).await;
        Some(Self { database, boss })
    }

    async fn edit_as(&self, by: &Account, edit: Edit) -> Result<Imported> {
        let basis = Basis {
            version: self.database.organisations_version().await.unwrap(),
            claim: Claim::Any,
        };
        let by = Asker::from(by);
        self.database.edit_organisations(&by, basis, &edit, NOW_US).await
    }

    async fn edit(&self, edit: Edit) -> Result<Imported> {
        self.edit_as(&self.boss, edit).await
    }

    async fn tree(&self) -> Tree {
        self.database.organisations().await.unwrap()
    }

    async fn refused(&self, edit: Edit, expect: &str) {
        let before = file::write(&self.tree().await);
        let logged = self.database.audit_head().await.unwrap().size;
        let error = self.edit(edit).await.unwrap_err();
        assert_eq!(error.to_string(), expect);
        assert_eq!(file::write(&self.tree().await), before);
        assert_eq!(self.database.audit_head().await.unwrap().size, logged);
    }
}

fn succession(ended: &[&str], until: &str, successor: Successor) -> Edit {
    Edit::Succeed(Succession {
        ended: ended.iter().map(|code| id(code)).collect(),
        until: day(until),
        successor,
    })
}

#[tokio::test]
async fn one_is_entered_and_changed_and_the_log_has_both() {
    let Some(desk) = Desk::open().await else {
        return;
    };
    let size = desk.database.audit_head().await.unwrap().size;
    let added = desk.edit(Edit::Add(unit("moh-lab", "moh"))).await.unwrap();
    assert_eq!(added.added, [id("moh-lab")]);
    let wanted = Change {
        name_vi: Some("Phòng thí nghiệm".into()),
        citation: Some("Decision 2".into()),
        ..Change::default()
    };
    let changed = desk.edit(Edit::Change(id("moh-lab"), wanted)).await.unwrap();
    assert_eq!(changed.changed, [(id("moh-lab"), vec!["vi", "citation"])]);
    let tree = desk.tree().await;
    let kept = tree.get(&id("moh-lab")).unwrap();
    assert_eq!(
        (kept.name_vi.as_str(), kept.name_en.as_str()),
        ("Phòng thí nghiệm", "Unit")
    );
    assert_eq!(desk.database.audit_head().await.unwrap().size, size + 2);
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_nothing_is_changed() {
    let Some(desk) = Desk::open().await else {
        return;
    };
    desk.refused(Edit::Add(unit("moh", "vn")), "the code is taken")
        .await;
    let lost = unit("moh-lab", "nowhere");
    desk.refused(
        Edit::Add(lost),
        "moh-lab: `parent` names `nowhere`, which does not exist",
    )
    .await;
    let nameless = Change {
        name_en: Some(String::new()),
        ..Change::default()
    };
    desk.refused(Edit::Change(id("moh"), nameless), "moh: `en` is empty")
        .await;
    let second = Change {
        kind: Some(OrganisationKind::Nation),
        ..Change::default()
    };
    desk.refused(
        Edit::Change(id("moh"), second),
        "moh: `parent` is not for a nation, the root",
    )
    .await;
    desk.refused(
        Edit::End(id("moh"), day("2027-01-01")),
        "moh-it: `parent` names `moh`, which ends on 2027-01-01 without a successor, while this goes on",
    )
    .await;
    desk.refused(
        Edit::End(id("moh-it"), day("2025-12-31")),
        "until is over already",
    )
    .await;
    desk.refused(Edit::KeepOn(id("moh-it")), "no end of it is planned")
        .await;
    let begun = Change {
        from: Some(day("2027-01-01")),
        ..Change::default()
    };
    desk.refused(Edit::Change(id("moh"), begun), "the organisation has begun")
        .await;
    desk.refused(Edit::End(id("nowhere"), day("2027-01-01")), "not found")
        .await;
    let itself = succession(&["moh-it"], "2027-01-01", Successor::Existing(id("moh-it")));
    desk.refused(itself, "into is one of those that end").await;
}

#[tokio::test]
async fn a_change_of_what_has_changed_since_is_refused() {
    let Some(desk) = Desk::open().await else {
        return;
    };
    let seen = Basis {
        version: desk.database.organisations_version().await.unwrap(),
        claim: Claim::Any,
    };
    let by = Asker::from(&desk.boss);
    let edit = async |code: &str| {
        let edit = Edit::Add(unit(code, "moh"));
        desk.database.edit_organisations(&by, seen, &edit, NOW_US).await
    };
    let (one, other) = tokio::join!(edit("moh-aa"), edit("moh-bb"));
    assert!(one.is_ok() ^ other.is_ok(), "{one:?} {other:?}");
    let refused = one.and(other).unwrap_err();
    assert_eq!(refused.to_string(), "the organisations have been changed since");
}

#[tokio::test]
async fn a_merger_ends_both_and_their_roles_go_on() {
    let Some(desk) = Desk::open().await else {
        return;
    };
    let merger = succession(&["moh", "mot"], "2031-01-01", Successor::New(unit("mht", "vn")));
    let done = desk.edit(merger).await.unwrap();
    assert_eq!((done.added.len(), done.ended.len()), (1, 2));
    let tree = desk.tree().await;
    let (eve, first) = (day("2030-12-31"), day("2031-01-01"));
    assert_eq!(tree.current_of(&id("moh"), eve), Some(&id("moh")));
    assert_eq!(tree.current_of(&id("moh"), first), Some(&id("mht")));
    assert_eq!(tree.parent_at(&id("moh-it"), first), Some(&id("mht")));
    assert_eq!(tree.get(&id("mht")).unwrap().span.from, Some(first));
    // It is planned, so it can be taken back; what was entered for it stays.
    let again = Edit::End(id("moh"), day("2030-01-01"));
    desk.refused(again, "it is to go on as another already; take that back first")
        .await;
    let back = desk.edit(Edit::KeepOn(id("moh"))).await.unwrap();
    let expect = [(id("moh"), vec!["until"]), (id("mht"), vec!["predecessors"])];
    assert!(expect.iter().all(|one| back.changed.contains(one)), "{back:?}");
    let tree = desk.tree().await;
    assert_eq!(tree.current_of(&id("moh"), first), Some(&id("moh")));
    assert_eq!(tree.get(&id("mht")).unwrap().predecessors, [id("mot")]);
}

#[tokio::test]
async fn a_unit_moves_by_ending_and_going_on_elsewhere() {
    let Some(desk) = Desk::open().await else {
        return;
    };
    member(&desk.database, "lan", "moh-it", &[Role::OrganisationManager]).await;
    let moved = succession(&["moh-it"], "2026-02-01", Successor::New(unit("mot-it", "mot")));
    desk.edit(moved).await.unwrap();
    let tree = desk.tree().await;
    let (eve, first) = (day("2026-01-31"), day("2026-02-01"));
    assert_eq!(tree.ancestors_at(&id("moh-it"), eve), [&id("moh"), &id("vn")]);
    assert_eq!(tree.ancestors_at(&id("mot-it"), first), [&id("mot"), &id("vn")]);
    assert_eq!(tree.keeper_of(&id("moh-it"), first), Some(&id("mot-it")));
    let over = Edit::End(id("moh-it"), first);
    desk.refused(over, "it is to go on as another already; take that back first")
        .await;
}

#[tokio::test]
async fn what_has_ended_stays_ended() {
    let Some(desk) = Desk::open().await else {
        return;
    };
    let today = Day::of_us(NOW_US).unwrap();
    desk.edit(Edit::End(id("moh-it"), today)).await.unwrap();
    desk.refused(Edit::KeepOn(id("moh-it")), "the organisation has ended")
        .await;
    desk.refused(
        Edit::End(id("moh-it"), day("2027-01-01")),
        "the organisation has ended",
    )
    .await;
    let later = succession(&["moh-it"], "2027-01-01", Successor::Existing(id("mot")));
    desk.refused(later, "the organisation has ended").await;
}

#[tokio::test]
async fn nobody_gets_more_by_his_own_change() {
    let Some(desk) = Desk::open().await else {
        return;
    };
    let roles = [Role::SystemAdministrator];
    let admin = member(&desk.database, "admin", "vn", &roles).await;
    let looks_on = vonggac_access::Membership {
        person: vonggac_access::PersonId(admin.id.0),
        organisation: id("moh"),
        role: Role::Viewer,
        span: Span {
            from: Day::of_us(NOW_US),
            until: None,
        },
    };
    desk.database
        .grant_membership(&Asker::console(), &looks_on, NOW_US)
        .await
        .unwrap();
    let own = "a role of one's own would reach further; somebody else must do it";
    let taken_over = || succession(&["mot"], "2026-02-01", Successor::Existing(id("moh")));
    for edit in [taken_over(), Edit::End(id("moh-it"), day("2026-02-01"))] {
        let refused = desk.edit_as(&admin, edit).await.unwrap_err();
        assert_eq!(refused.to_string(), own);
    }
    // It gives him nothing, or another does it.
    desk.edit_as(&admin, Edit::Add(unit("moh-lab", "moh")))
        .await
        .unwrap();
    desk.edit(taken_over()).await.unwrap();
}

#[tokio::test]
async fn a_role_that_takes_two_reaches_no_further_without_a_second_person() {
    let Some(desk) = Desk::open().await else {
        return;
    };
    let lan = member(&desk.database, "lan", "moh-it", &[Role::OrganisationManager]).await;
    member(&desk.database, "mai", "moh-it", &[Role::Analyst]).await;
    let taken_over = || succession(&["moh-it"], "2026-02-01", Successor::Existing(id("mot")));
    desk.refused(
        taken_over(),
        "roles that take two people would reach further: end them by that day, and give them anew at the successor",
    )
    .await;
    let kept = desk.database.memberships_of(lan.id).await.unwrap();
    let by = Asker::from(&desk.boss);
    let (first, end) = (kept.first().unwrap().id, day("2026-02-01"));
    desk.database
        .end_membership(&by, first, end, NOW_US)
        .await
        .unwrap();
    desk.edit(taken_over()).await.unwrap();
}

#[tokio::test]
async fn a_code_with_alerts_is_for_those_alone_who_may_claim_it() {
    let Some(desk) = Desk::open().await else {
        return;
    };
    desk.database.take_alerts(&[alert(1, "moh-x", 1)]).await.unwrap();
    let edit = async |code: &str, claim| {
        let basis = Basis {
            version: desk.database.organisations_version().await.unwrap(),
            claim,
        };
        let edit = Edit::Add(unit(code, "moh"));
        let by = Asker::from(&desk.boss);
        desk.database.edit_organisations(&by, basis, &edit, NOW_US).await
    };
    let refused = edit("moh-x", Claim::Unused).await.unwrap_err();
    assert_eq!(refused.to_string(), "the code is taken");
    edit("moh-y", Claim::Unused).await.unwrap();
    edit("moh-x", Claim::Any).await.unwrap();
}
