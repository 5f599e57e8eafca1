//! Services and their tokens, as those see them who run them and as programs use them.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::api_token::{NewToken, REFUSALS_TOLD_MAX, TOKENS_MAX, TokenId, TokenSecret};
use crate::audit::Origin;
use crate::audit::log::Filter;
use crate::session::Strength;
use crate::testing::{self, NOW_US, from};
use crate::throttle::NETWORK_ATTEMPTS_MAX;
use crate::welcome::{Factors, Ground};
use vonggac_access::{Grasp, PersonId, TokenScope};
use vonggac_audit::entry::{ActorKind, Entry};

const DAY_US: i64 = 24 * 3600 * 1_000_000;

async fn ground(database: &Database, service: &Account) -> Ground {
    let kept = database.memberships_of(service.id).await.unwrap();
    Ground {
        account: service.id,
        looked_at: kept.iter().map(|kept| kept.id).collect(),
    }
}

fn new_token() -> NewToken {
    NewToken {
        name: "SIEM".into(),
        days: 90,
        scope: Grasp::all().take(1).collect(),
        networks: Vec::new(),
    }
}

/// Entries of that action, the oldest first.
async fn told(database: &Database, action: &str) -> Vec<Entry> {
    let scope = Scope::of(["vn", "moh", "moh-it", "mot", ""]);
    let page = database
        .audit_page(&scope, &Filter::default(), None, 1_000)
        .await
        .unwrap();
    let entries = page.iter().rev().map(|content| Entry::decode(content).unwrap());
    entries.filter(|entry| entry.action == action).collect()
}

fn is_bad<T: std::fmt::Debug>(outcome: &Result<T>) -> bool {
    matches!(outcome, Err(DatabaseError::BadToken))
}

#[tokio::test]
async fn a_token_works_until_it_expires_is_revoked_or_its_service_ends() {
    let Some(database) = testing::database().await else {
        return;
    };
    let boss = testing::account(&database, "boss", "*").await;
    let by = Asker::from(&boss);
    let siem = testing::service(&database, "siem", "moh", &[Role::Analyst]).await;
    let (first, one) = testing::token(&database, &siem, &boss, &["alert:read"]).await;
    let (_, two) = testing::token(&database, &siem, &boss, &["alert:work"]).await;
    let origin = from("192.0.2.7");
    let used = database.use_token(&one, &origin, NOW_US).await.unwrap();
    assert_eq!((used.account.id, used.token), (siem.id, first));
    assert_eq!(used.scope.words(), ["alert:read"]);
    let expired = database.use_token(&one, &origin, NOW_US + 30 * DAY_US).await;
    assert!(is_bad(&expired), "{expired:?}");
    assert!(
        database
            .use_token(&one, &origin, NOW_US + 30 * DAY_US - 1)
            .await
            .is_ok()
    );

    let foreign = database.revoke_token(&by, boss.id, first, NOW_US).await;
    assert!(matches!(foreign, Err(DatabaseError::NotFound)), "{foreign:?}");
    database.revoke_token(&by, siem.id, first, NOW_US).await.unwrap();
    let again = database.revoke_token(&by, siem.id, first, NOW_US).await;
    assert!(matches!(again, Err(DatabaseError::Conflict(_))), "{again:?}");
    assert!(is_bad(&database.use_token(&one, &origin, NOW_US).await));
    assert!(
        database
            .find_token(first, &origin, NOW_US)
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        database.use_token(&two, &origin, NOW_US).await.is_ok(),
        "the other one"
    );

    database.end_service(&by, siem.id, NOW_US).await.unwrap();
    assert!(is_bad(&database.use_token(&two, &origin, NOW_US).await));
    let ground = ground(&database, &siem).await;
    let late = database.make_token(&by, &ground, &new_token(), 365, NOW_US).await;
    assert!(matches!(late, Err(DatabaseError::Conflict(_))), "{late:?}");
    let again = database.end_service(&by, siem.id, NOW_US).await;
    assert!(matches!(again, Err(DatabaseError::Conflict(_))), "{again:?}");
    let person = database.end_service(&by, boss.id, NOW_US).await;
    assert!(person.is_err(), "a person's account is none");
    let whys: Vec<String> = told(&database, "token.use")
        .await
        .into_iter()
        .map(|entry| format!("{:?} {}", entry.actor.kind, entry.detail.get("reason").unwrap()))
        .collect();
    let expect = ["has expired", "is revoked", "is revoked"].map(|why| format!("Service the token {why}"));
    assert_eq!(whys, expect, "and nothing of those that worked");
}

#[tokio::test]
async fn a_token_is_good_from_its_networks_alone() {
    let Some(database) = testing::database().await else {
        return;
    };
    let boss = testing::account(&database, "boss", "*").await;
    let siem = testing::service(&database, "siem", "moh", &[]).await;
    let ground = ground(&database, &siem).await;
    let make = async |networks: &[&str]| {
        let new = NewToken {
            networks: networks.iter().map(ToString::to_string).collect(),
            ..new_token()
        };
        database
            .make_token(&Asker::from(&boss), &ground, &new, 365, NOW_US)
            .await
    };
    let (_, secret) = make(&["10.1.2.3/8", "2001:db8::/32", "192.0.2.1"]).await.unwrap();
    let view = database.tokens_of(siem.id).await.unwrap();
    assert_eq!(view[0].networks, ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1/32"]);
    for (address, expect) in [
        ("10.9.9.9", true),
        ("::ffff:10.9.9.9", true),
        ("11.0.0.1", false),
        ("2001:db8:1::1", true),
        ("2001:db9::1", false),
        ("192.0.2.1", true),
        ("192.0.2.2", false),
        ("unknown", false),
        ("", false),
    ] {
        let used = database
            .use_token(&secret.to_text(), &from(address), NOW_US)
            .await;
        assert_eq!(used.is_ok(), expect, "{address}: {used:?}");
    }
    for wrong in ["10.0.0.0/33", "proxy", "", "10.0.0.0/+8"] {
        let refused = make(&[wrong]).await;
        assert!(
            matches!(
                refused,
                Err(DatabaseError::Invalid {
                    field: "networks",
                    ..
                })
            ),
            "{wrong}: {refused:?}"
        );
    }
    assert!(make(&["10.0.0.0/8"; 21]).await.is_err());
}

#[tokio::test]
async fn hostile_requests_fill_nobodys_log() {
    let Some(database) = testing::database().await else {
        return;
    };
    let boss = testing::account(&database, "boss", "*").await;
    let siem = testing::service(&database, "siem", "moh", &[]).await;
    let (id, text) = testing::token(&database, &siem, &boss, &["alert:read"]).await;
    database
        .revoke_token(&(&boss).into(), siem.id, id, NOW_US)
        .await
        .unwrap();
    let origin = from("203.0.113.5");
    for _ in 0..3 * REFUSALS_TOLD_MAX {
        assert!(is_bad(&database.use_token(&text, &origin, NOW_US).await));
    }
    let known = usize::try_from(REFUSALS_TOLD_MAX).unwrap() + 1;
    assert_eq!(
        told(&database, "token.use").await.len(),
        known,
        "the last says that there are more"
    );

    for text in ["", "vgt_", "x", &text[..60], &text.to_uppercase()] {
        let refused = database.use_token(text, &origin, NOW_US).await;
        assert!(is_bad(&refused), "{text}: {refused:?}");
    }
    assert_eq!(
        told(&database, "token.use").await.len(),
        known,
        "what never was one costs nothing"
    );
    let guess = async || {
        let guess = TokenSecret::random().to_text();
        database.use_token(&guess, &origin, NOW_US).await
    };
    for _ in 0..NETWORK_ATTEMPTS_MAX {
        assert!(is_bad(&guess().await));
    }
    for _ in 0..10 {
        let refused = guess().await;
        assert!(
            matches!(refused, Err(DatabaseError::Throttled { .. })),
            "{refused:?}"
        );
    }
    let all = known + usize::try_from(NETWORK_ATTEMPTS_MAX).unwrap() + 1;
    assert_eq!(told(&database, "token.use").await.len(), all);
    let (_, good) = testing::token(&database, &siem, &boss, &["alert:read"]).await;
    assert!(
        database.use_token(&good, &origin, NOW_US).await.is_ok(),
        "others' guesses stand in nobody's way"
    );
}

#[tokio::test]
async fn a_service_has_nothing_to_sign_in_with_and_no_role_that_decides() {
    let Some(database) = testing::database().await else {
        return;
    };
    let boss = testing::account(&database, "boss", "*").await;
    let siem = testing::service(&database, "siem", "moh", &[Role::SeniorAnalyst]).await;
    let session = database
        .open_session(&siem, &Origin::default(), Strength::Single, NOW_US)
        .await;
    assert!(session.is_err(), "{session:?}");
    let link = database
        .reset_account(
            &(&boss).into(),
            &ground(&database, &siem).await,
            Factors::Kept,
            NOW_US,
        )
        .await;
    assert!(link.is_err(), "no link to choose a password with");
    let nothing = sqlx::query("UPDATE account SET password_hash = 'x' WHERE id = $1")
        .bind(siem.id.0)
        .execute(&database.pool)
        .await;
    assert!(nothing.is_err(), "PostgreSQL itself says no");
    let given = |role| Membership {
        person: PersonId(siem.id.0),
        organisation: siem.organisation.clone(),
        role,
        span: vonggac_access::Span {
            from: Day::of_us(NOW_US + DAY_US),
            until: None,
        },
    };
    for role in [
        Role::ShiftLead,
        Role::OrganisationManager,
        Role::SystemAdministrator,
    ] {
        let refused = database
            .grant_membership(&Asker::console(), &given(role), NOW_US)
            .await;
        assert!(
            matches!(refused, Err(DatabaseError::Invalid { field: "role", .. })),
            "{refused:?}"
        );
    }
    let people = database
        .people(&testing::everyone(), "siem", NOW_US)
        .await
        .unwrap();
    assert_eq!(people, [], "and it is given no alerts");
    let person = ground(&database, &boss).await;
    let token = database
        .make_token(&(&boss).into(), &person, &new_token(), 365, NOW_US)
        .await;
    assert!(
        matches!(token, Err(DatabaseError::NotFound)),
        "a person has no tokens: {token:?}"
    );
}

#[tokio::test]
async fn services_are_listed_with_how_their_tokens_stand_and_only_within_the_scope() {
    let Some(database) = testing::database().await else {
        return;
    };
    let boss = testing::account(&database, "boss", "*").await;
    let by = Asker::from(&boss);
    let siem = testing::service(&database, "siem", "moh", &[Role::Analyst]).await;
    let foreign = testing::service(&database, "other", "mot", &[]).await;
    let ended = testing::service(&database, "ended", "moh", &[]).await;
    database.end_service(&by, ended.id, NOW_US).await.unwrap();
    let (id, text) = testing::token(&database, &siem, &boss, &["alert:read"]).await;
    let (gone, _) = testing::token(&database, &siem, &boss, &["alert:read"]).await;
    database.revoke_token(&by, siem.id, gone, NOW_US).await.unwrap();
    let (moh, all) = (Scope::of(["moh"]), testing::everyone());
    let sight = Sight {
        services: &moh,
        memberships: &all,
    };
    let names = async |filter: ServiceFilter| -> Vec<String> {
        let page = database.services(sight, &filter, None, 50, NOW_US).await.unwrap();
        assert_eq!(page.total as usize, page.entries.len());
        page.entries
            .into_iter()
            .map(|entry| entry.account.user_name)
            .collect()
    };
    assert_eq!(names(ServiceFilter::default()).await, ["siem"]);
    let with_ended = ServiceFilter {
        with_ended: true,
        ..ServiceFilter::default()
    };
    assert_eq!(names(with_ended).await, ["ended", "siem"]);
    let text_filter = ServiceFilter {
        text: "oth".into(),
        ..ServiceFilter::default()
    };
    assert!(names(text_filter).await.is_empty());
    let entry = async || database.service(sight, siem.id, NOW_US).await.unwrap();
    let before = entry().await;
    assert_eq!(
        (before.tokens, before.last_used_us, before.roles),
        (1, None, vec![Role::Analyst])
    );
    assert_eq!(before.expires_us, Some(NOW_US + 30 * DAY_US));
    let origin = from("192.0.2.7");
    for seconds in [1, 2, 59] {
        database
            .use_token(&text, &origin, NOW_US + seconds * 1_000_000)
            .await
            .unwrap();
    }
    assert_eq!(
        entry().await.last_used_us,
        Some(NOW_US + 1_000_000),
        "written once a minute"
    );
    let view = database.tokens_of(siem.id).await.unwrap();
    let of = |token: TokenId| view.iter().find(|one| one.id == token).unwrap();
    assert_eq!(of(id).last_used_from.as_deref(), Some("192.0.2.7"));
    assert_eq!((of(gone).revoked_us, of(gone).last_used_us), (Some(NOW_US), None));
    let outside = database.service(sight, foreign.id, NOW_US).await;
    assert!(matches!(outside, Err(DatabaseError::NotFound)), "{outside:?}");
    let person = database.service(sight, boss.id, NOW_US).await;
    assert!(matches!(person, Err(DatabaseError::NotFound)), "{person:?}");
}

#[tokio::test]
async fn a_token_goes_by_the_roles_that_were_looked_at_and_says_what_it_is_for() {
    let Some(database) = testing::database().await else {
        return;
    };
    let boss = testing::account(&database, "boss", "*").await;
    let by = Asker::from(&boss);
    let siem = testing::service(&database, "siem", "moh", &[Role::Viewer]).await;
    let looked_at_nothing = Ground {
        account: siem.id,
        looked_at: Vec::new(),
    };
    let blind = database
        .make_token(&by, &looked_at_nothing, &new_token(), 365, NOW_US)
        .await;
    assert!(matches!(blind, Err(DatabaseError::Conflict(_))), "{blind:?}");
    let ground = ground(&database, &siem).await;
    let make = async |new: NewToken| database.make_token(&by, &ground, &new, 365, NOW_US).await;
    for (new, expect) in [
        (
            NewToken {
                days: 0,
                ..new_token()
            },
            "days",
        ),
        (
            NewToken {
                days: 366,
                ..new_token()
            },
            "days",
        ),
        (
            NewToken {
                name: " ".into(),
                ..new_token()
            },
            "name",
        ),
        (
            NewToken {
                scope: TokenScope::default(),
                ..new_token()
            },
            "scope",
        ),
    ] {
        let refused = make(new).await;
        assert!(
            matches!(refused, Err(DatabaseError::Invalid { field, .. }) if field == expect),
            "{refused:?}"
        );
    }
    let mut ids = Vec::new();
    for _ in 0..TOKENS_MAX {
        ids.push(make(new_token()).await.unwrap().0);
    }
    let full = make(new_token()).await;
    assert!(matches!(full, Err(DatabaseError::Conflict(_))), "{full:?}");
    database.revoke_token(&by, siem.id, ids[0], NOW_US).await.unwrap();
    make(new_token()).await.unwrap();
    let made = told(&database, "token.create").await;
    assert_eq!(made[0].actor.kind, ActorKind::Person);
    assert_eq!(made[0].detail["scope"], new_token().scope.words().join(" "));
    assert_eq!(made[0].detail["account"], siem.id.0.to_string());
}
