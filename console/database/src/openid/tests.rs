//! Providers and links as they are kept; whole sign-ins are tried on the console.
#![allow(clippy::unwrap_used)]

use super::attempt::{ATTEMPT_US, Attempt, Errand};
use super::entering::{Entered, Refusal, Vouched};
use super::*;
use crate::factor::Owner;
use crate::session::lock::LockedBy;
use crate::session::{Living, Strength, Use};
use crate::testing::{self, NOW_US, from};
use crate::vault::KEY_BYTES;
use crate::{Account, SessionToken};

const ISSUER: &str = "https://id.example/realms/soc";

fn setting() -> ProviderSetting {
    ProviderSetting {
        name: "Cổng định danh".into(),
        client_id: "vonggac".into(),
        scopes: vec!["openid".into(), "email".into()],
        is_on: true,
        ..ProviderSetting::default()
    }
}

async fn add(database: &Database, vault: &Vault) -> Provider {
    let by = Asker::console();
    let secret = NewPassword::Set("rất bí mật");
    let id = database
        .add_openid_provider(&by, Some(vault), ISSUER, &setting(), secret, NOW_US)
        .await
        .unwrap();
    database.openid_provider(id).await.unwrap()
}

fn vouched(subject: &str) -> Vouched {
    Vouched {
        subject: subject.into(),
        is_strong: false,
    }
}

async fn enter(database: &Database, provider: &Provider, errand: Errand, subject: &str) -> Entered {
    let attempt = Attempt {
        provider: provider.clone(),
        errand,
        return_path: "/".into(),
        begun_us: NOW_US,
    };
    database
        .enter_by_openid(&attempt, &vouched(subject), &from("10.0.0.1"), NOW_US)
        .await
        .unwrap()
}

async fn living(database: &Database, token: &SessionToken) -> Option<Living> {
    database.find_session(token, Use::Passive, NOW_US).await.unwrap()
}

async fn opened(database: &Database, account: &Account) -> Living {
    let origin = from("10.0.0.1");
    let opened = database.open_session(account, &origin, Strength::Single, NOW_US);
    living(database, &opened.await.unwrap()).await.unwrap()
}

fn refusal(entered: &Entered) -> Option<Refusal> {
    match entered {
        Entered::Refused(refusal) => Some(*refusal),
        _ => None,
    }
}

#[tokio::test]
async fn a_secret_is_sealed_and_does_not_go_elsewhere() {
    let Some(database) = testing::database().await else {
        return;
    };
    let vault = Vault::new(&[7; KEY_BYTES]).unwrap();
    let by = Asker::console();
    let provider = add(&database, &vault).await;
    let kept: Vec<u8> = sqlx::query_scalar("SELECT client_secret FROM openid_provider")
        .fetch_one(&database.pool)
        .await
        .unwrap();
    assert!(
        !kept
            .windows(3)
            .any(|part| part == "mật".as_bytes().get(..3).unwrap())
    );
    let opened = database.openid_secret(Some(&vault), &provider).await.unwrap();
    assert_eq!(opened.as_deref(), Some("rất bí mật"));
    let other = Vault::new(&[8; KEY_BYTES]).unwrap();
    assert!(database.openid_secret(Some(&other), &provider).await.is_err());
    assert!(database.openid_secret(None, &provider).await.is_err());

    let mut elsewhere = setting();
    elsewhere.hosts = vec!["evil.example".into()];
    let change = async |setting: &ProviderSetting, secret: NewPassword<'static>| {
        let changed =
            database.change_openid_provider(&by, Some(&vault), provider.id, setting, secret, NOW_US);
        changed.await
    };
    let refused = change(&elsewhere, NewPassword::Kept).await;
    assert!(
        matches!(
            refused,
            Err(DatabaseError::Invalid {
                field: "client_secret",
                ..
            })
        ),
        "{refused:?}"
    );
    change(&elsewhere, NewPassword::Set("another")).await.unwrap();
    let mut renamed = elsewhere.clone();
    renamed.name = "Bộ Y tế".into();
    change(&renamed, NewPassword::Kept).await.unwrap();
    let now = database.openid_provider(provider.id).await.unwrap();
    let secret = database.openid_secret(Some(&vault), &now).await.unwrap();
    assert_eq!(
        (now.setting.name.as_str(), secret.as_deref()),
        ("Bộ Y tế", Some("another"))
    );
    assert!(now.changed_us > provider.changed_us);
    let moved = sqlx::query("UPDATE openid_provider SET issuer = 'https://evil.example'")
        .execute(&database.pool)
        .await;
    assert!(moved.is_err(), "another issuer is another provider");
    let twice = database
        .add_openid_provider(&by, None, ISSUER, &setting(), NewPassword::Removed, NOW_US)
        .await;
    assert!(matches!(twice, Err(DatabaseError::Conflict(_))), "{twice:?}");
}

#[tokio::test]
async fn what_does_not_do_is_refused() {
    let Some(database) = testing::database().await else {
        return;
    };
    let by = Asker::console();
    let check = async |issuer: &str, change: fn(&mut ProviderSetting), field: &str| {
        let mut setting = setting();
        change(&mut setting);
        let added = database.add_openid_provider(&by, None, issuer, &setting, NewPassword::Removed, NOW_US);
        let problem = added.await.unwrap_err();
        assert!(problem.to_string().starts_with(field), "{field}: {problem}");
    };
    check("https://a b", |_| {}, "issuer").await;
    check("https://u@id.example", |_| {}, "issuer").await;
    check("https://id.example/?x", |_| {}, "issuer").await;
    check(ISSUER, |one| one.name.clear(), "name").await;
    check(ISSUER, |one| one.client_id = "a b".into(), "client_id").await;
    check(ISSUER, |one| one.scopes = vec!["email".into()], "scopes").await;
    check(ISSUER, |one| one.hosts = vec!["a".into(); 51], "hosts").await;
    check(
        ISSUER,
        |one| one.strong_values = vec![String::new()],
        "strong_values",
    )
    .await;
    check(
        ISSUER,
        |one| one.certificates = "x".repeat(65 << 10),
        "certificates",
    )
    .await;
}

#[tokio::test]
async fn an_attempt_counts_once_in_its_browser_and_in_time() {
    let Some(database) = testing::database().await else {
        return;
    };
    let vault = Vault::new(&[7; KEY_BYTES]).unwrap();
    let provider = add(&database, &vault).await;
    let origin = from("10.0.0.1");
    let begin = async || {
        let begun = database.begin_openid(provider.id, Errand::SignIn, "/alerts", NOW_US);
        begun.await.unwrap()
    };
    let take = async |state: &str, secret: Option<&SessionToken>, now_us: i64| {
        database.take_openid(state, secret, &origin, now_us).await.ok()
    };
    let (one, other) = (begin().await, begin().await);
    let state = one.state.to_cookie();
    assert!(take(&state, None, NOW_US).await.is_none(), "without its cookie");
    assert!(
        take(&state, Some(&other.secret), NOW_US).await.is_none(),
        "another browser's"
    );
    assert!(take("x", Some(&one.secret), NOW_US).await.is_none());
    assert!(
        take(&state, Some(&one.secret), NOW_US + ATTEMPT_US)
            .await
            .is_none(),
        "too old"
    );
    let taken = take(&state, Some(&one.secret), NOW_US + ATTEMPT_US - 1)
        .await
        .unwrap();
    assert_eq!(
        (taken.return_path.as_str(), &taken.errand),
        ("/alerts", &Errand::SignIn)
    );
    assert!(
        take(&state, Some(&one.secret), NOW_US).await.is_none(),
        "a second time"
    );
    let mut off = setting();
    off.is_on = false;
    let last = begin().await;
    database
        .change_openid_provider(
            &Asker::console(),
            Some(&vault),
            provider.id,
            &off,
            NewPassword::Kept,
            NOW_US,
        )
        .await
        .unwrap();
    assert!(
        take(&last.state.to_cookie(), Some(&last.secret), NOW_US)
            .await
            .is_none(),
        "it is off"
    );
}

#[tokio::test]
async fn a_subject_is_one_accounts_and_an_account_one_subjects() {
    let Some(database) = testing::database().await else {
        return;
    };
    let vault = Vault::new(&[7; KEY_BYTES]).unwrap();
    let provider = add(&database, &vault).await;
    let lan = testing::account(&database, "lan", "moh").await;
    let minh = testing::account(&database, "minh", "moh").await;
    let (of_lan, of_minh) = (opened(&database, &lan).await, opened(&database, &minh).await);

    // Named like an account, and nobody's all the same.
    let unknown = enter(&database, &provider, Errand::SignIn, "lan").await;
    assert_eq!(refusal(&unknown), Some(Refusal::Unknown));
    let linked = enter(&database, &provider, Errand::Link(of_lan.id), "S-1").await;
    assert!(matches!(linked, Entered::Linked), "{linked:?}");
    let taken = enter(&database, &provider, Errand::Link(of_minh.id), "S-1").await;
    assert_eq!(refusal(&taken), Some(Refusal::Taken));
    let second = enter(&database, &provider, Errand::Link(of_lan.id), "S-2").await;
    assert_eq!(refusal(&second), Some(Refusal::Taken));

    let Entered::Session(account, token) = enter(&database, &provider, Errand::SignIn, "S-1").await else {
        panic!("no session");
    };
    assert_eq!(account.id, lan.id);
    let session = living(&database, &token).await.unwrap();
    assert!(!session.assured.is_strong && !session.assured.by_passkey);
    let sessions = database.list_sessions(lan.id, NOW_US).await.unwrap();
    assert_eq!(
        sessions.first().unwrap().provider.as_deref(),
        Some("Cổng định danh")
    );
    for wrong in ["s-1", "S-1 ", "S-10", "S-2"] {
        let entered = enter(&database, &provider, Errand::SignIn, wrong).await;
        assert_eq!(refusal(&entered), Some(Refusal::Unknown), "{wrong}");
    }

    let another = enter(&database, &provider, Errand::Confirm(of_minh.id), "S-1").await;
    assert_eq!(refusal(&another), Some(Refusal::Another));
    let confirmed = enter(&database, &provider, Errand::Confirm(session.id), "S-1").await;
    assert!(matches!(confirmed, Entered::Confirmed), "{confirmed:?}");

    let origin = from("10.0.0.1");
    let owner = Owner {
        account: &lan,
        session: session.id,
        assured: session.assured,
        origin: &origin,
    };
    let locking = database.lock_session(&owner, LockedBy::Owner, NOW_US);
    locking.await.unwrap();
    for errand in [Errand::Confirm(session.id), Errand::Link(session.id)] {
        let entered = enter(&database, &provider, errand.clone(), "S-1").await;
        assert_eq!(
            refusal(&entered),
            Some(Refusal::NoSession),
            "{errand:?} of a locked session"
        );
    }
    let another = enter(&database, &provider, Errand::Unlock(session.id), "S-9").await;
    assert_eq!(refusal(&another), Some(Refusal::Another));
    let unlocked = enter(&database, &provider, Errand::Unlock(session.id), "S-1").await;
    assert!(matches!(unlocked, Entered::Unlocked), "{unlocked:?}");
    let session = living(&database, &token).await.unwrap();
    assert!(
        !session.is_locked && !session.assured.is_fresh(NOW_US),
        "{session:?}"
    );
    let way = database.begin_openid(provider.id, Errand::Unlock(session.id), "/alerts", NOW_US);
    way.await.unwrap();

    let by = Asker::console();
    database.disable_account(&by, lan.id, NOW_US).await.unwrap();
    let disabled = enter(&database, &provider, Errand::SignIn, "S-1").await;
    assert_eq!(refusal(&disabled), Some(Refusal::Disabled));
    let ended = enter(&database, &provider, Errand::Confirm(session.id), "S-1").await;
    assert_eq!(refusal(&ended), Some(Refusal::NoSession));
}

#[tokio::test]
async fn the_only_way_in_is_kept_and_a_provider_takes_its_sessions_along() {
    let Some(database) = testing::database().await else {
        return;
    };
    let vault = Vault::new(&[7; KEY_BYTES]).unwrap();
    let provider = add(&database, &vault).await;
    let lan = testing::account(&database, "lan", "moh").await;
    let link = testing::openid_link(&database, &lan, ISSUER, "S-1").await;
    let session = opened(&database, &lan).await;
    let origin = from("10.0.0.1");
    let owner = Owner {
        account: &lan,
        session: session.id,
        assured: session.assured,
        origin: &origin,
    };
    sqlx::query("UPDATE account SET password_hash = NULL WHERE id = $1")
        .bind(lan.id.0)
        .execute(&database.pool)
        .await
        .unwrap();
    let kept = database.unlink_openid(&owner, link, NOW_US).await;
    assert!(matches!(kept, Err(DatabaseError::Conflict(_))), "{kept:?}");
    let late = database
        .unlink_openid(&owner, link, NOW_US + 6 * 60 * 1_000_000)
        .await;
    assert!(matches!(late, Err(DatabaseError::NotConfirmed)), "{late:?}");

    let Entered::Session(_, token) = enter(&database, &provider, Errand::SignIn, "S-1").await else {
        panic!("no session");
    };
    let mut off = setting();
    off.is_on = false;
    let by = Asker::console();
    database
        .change_openid_provider(&by, Some(&vault), provider.id, &off, NewPassword::Kept, NOW_US)
        .await
        .unwrap();
    assert!(
        living(&database, &token).await.is_none(),
        "it was opened by a provider that is off now"
    );
    assert_eq!(database.list_sessions(lan.id, NOW_US).await.unwrap().len(), 1);
    database
        .remove_openid_provider(&by, provider.id, NOW_US)
        .await
        .unwrap();
    assert!(database.openid_links(lan.id).await.unwrap().is_empty());
}

/// As a reset does it: the account, its links, its sessions.
#[tokio::test]
async fn no_link_outlives_a_reset_that_comes_at_the_same_time() {
    let Some(database) = testing::database().await else {
        return;
    };
    let vault = Vault::new(&[7; KEY_BYTES]).unwrap();
    let provider = add(&database, &vault).await;
    let lan = testing::account(&database, "lan", "moh").await;
    let session = opened(&database, &lan).await.id;
    let mut reset = database.pool.begin().await.unwrap();
    crate::welcome::lock(&mut reset, &Asker::console(), lan.id)
        .await
        .unwrap();
    let linking = enter(&database, &provider, Errand::Link(session), "sub-1");
    let resetting = async {
        // It has begun by then, and waits.
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        for statement in [
            "DELETE FROM openid_link WHERE account_id = $1",
            "DELETE FROM session WHERE account_id = $1",
        ] {
            let done = sqlx::query(statement).bind(lan.id.0).execute(&mut *reset).await;
            assert!(done.is_ok(), "{done:?}");
        }
        reset.commit().await.unwrap();
    };
    let (entered, ()) = tokio::join!(linking, resetting);
    assert_eq!(refusal(&entered), Some(Refusal::NoSession));
    let links: i64 = sqlx::query_scalar("SELECT count(*) FROM openid_link")
        .fetch_one(&database.pool)
        .await
        .unwrap();
    assert_eq!(links, 0);
}
