#![allow(clippy::unwrap_used)]

use super::super::{Living, SessionToken, Strength, Use};
use super::*;
use crate::audit::Origin;
use crate::audit::log::Filter;
use crate::factor::Factor;
use crate::testing::{self, NOW_US, PASSWORD, from};

const MINUTE_US: i64 = 60 * 1_000_000;

/// A session of an account, with a second factor.
struct Desk {
    database: Database,
    account: Account,
    token: SessionToken,
    origin: Origin,
}

impl Desk {
    async fn start() -> Option<Self> {
        let database = testing::database().await?;
        let account = testing::account(&database, "lan", "moh").await;
        let origin = from("10.0.0.1");
        let strength = Strength::Strong(Factor::Totp);
        let opened = database.open_session(&account, &origin, strength, NOW_US);
        let token = opened.await.unwrap();
        Some(Self {
            database,
            account,
            token,
            origin,
        })
    }

    async fn living(&self, how: Use, now_us: i64) -> Option<Living> {
        self.database
            .find_session(&self.token, how, now_us)
            .await
            .unwrap()
    }

    async fn owner(&self) -> Owner<'_> {
        let living = self.living(Use::Passive, NOW_US).await.unwrap();
        Owner {
            account: &self.account,
            session: living.id,
            assured: living.assured,
            origin: &self.origin,
        }
    }

    async fn lock(&self, now_us: i64) {
        let owner = self.owner().await;
        self.database
            .lock_session(&owner, LockedBy::Owner, now_us)
            .await
            .unwrap();
    }

    async fn unlock(&self, password: &str, now_us: i64) -> Result<()> {
        let owner = self.owner().await;
        self.database
            .unlock_with_password(&owner, password.into(), now_us)
            .await
    }

    /// What the log says of an action, the newest first.
    async fn told(&self, action: &str) -> Vec<String> {
        let filter = Filter {
            action: Some(action.to_owned()),
            ..Filter::default()
        };
        let everybody = testing::everyone();
        let page = self.database.audit_page(&everybody, &filter, None, 50).await;
        let text = |content: Vec<u8>| String::from_utf8(content).unwrap();
        page.unwrap().into_iter().map(text).collect()
    }
}

#[test]
fn the_nearer_of_ones_own_choice_and_the_rule_holds() {
    let after = |own_minutes, minutes_max| {
        LockSetting {
            own_minutes,
            minutes_max,
        }
        .after_minutes()
    };
    assert_eq!(after(0, None), None, "switched off");
    assert_eq!(after(15, None), Some(15));
    assert_eq!(after(0, Some(10)), Some(10), "the rule does not ask");
    assert_eq!(after(30, Some(10)), Some(10));
    assert_eq!(after(5, Some(10)), Some(5));
}

#[tokio::test]
async fn locking_twice_is_locking_once() {
    let Some(desk) = Desk::start().await else {
        return;
    };
    assert!(!desk.living(Use::Passive, NOW_US).await.unwrap().is_locked);
    desk.lock(NOW_US).await;
    desk.lock(NOW_US + MINUTE_US).await;
    assert!(desk.living(Use::Passive, NOW_US).await.unwrap().is_locked);
    let told = desk.told("session.lock").await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told.first().unwrap().contains(r#""by":"person""#), "{told:?}");
}

#[tokio::test]
async fn the_password_unlocks_and_makes_nothing_stronger_or_fresher() {
    let Some(desk) = Desk::start().await else {
        return;
    };
    let before = desk.living(Use::Passive, NOW_US).await.unwrap().assured;
    assert!(before.is_strong && before.is_fresh(NOW_US));
    desk.lock(NOW_US).await;
    let wrong = desk.unlock("not the password", NOW_US).await;
    assert!(matches!(wrong, Err(DatabaseError::WrongCredentials)), "{wrong:?}");
    desk.unlock(PASSWORD, NOW_US + 1).await.unwrap();
    let living = desk.living(Use::Passive, NOW_US + 1).await.unwrap();
    assert!(!living.is_locked && living.assured.is_strong && !living.assured.by_passkey);
    assert!(
        !living.assured.is_fresh(NOW_US + 1),
        "a password shows no second factor"
    );
    assert_eq!(living.entered_us, NOW_US + 1);
    desk.unlock("whatever", NOW_US + 2).await.unwrap();
    let told = desk.told("session.unlock").await;
    assert_eq!(told.len(), 2, "what was not locked was not unlocked: {told:?}");
    assert!(told.first().unwrap().contains("done") && told.get(1).unwrap().contains("refused"));

    // Each lock begins to count anew.
    desk.lock(NOW_US + 3).await;
    for _ in 1..UNLOCK_FAILURES_MAX {
        assert!(desk.unlock("not the password", NOW_US + 4).await.is_err());
    }
    assert!(desk.living(Use::Passive, NOW_US + 4).await.is_some());
}

#[tokio::test]
async fn with_the_fifth_wrong_password_the_session_ends() {
    let Some(desk) = Desk::start().await else {
        return;
    };
    desk.lock(NOW_US).await;
    let owner = desk.owner().await;
    let tries = (0..10).map(|_| {
        desk.database
            .unlock_with_password(&owner, "not the password".into(), NOW_US)
    });
    let outcomes = futures_util::future::join_all(tries).await;
    let wrong = |outcome: &&Result<()>| matches!(outcome, Err(DatabaseError::WrongCredentials));
    assert!(
        outcomes.iter().filter(wrong).count() < UNLOCK_FAILURES_MAX as usize,
        "{outcomes:?}"
    );
    assert!(outcomes.iter().all(Result::is_err));
    assert!(desk.living(Use::Passive, NOW_US).await.is_none());
    let right = desk
        .database
        .unlock_with_password(&owner, PASSWORD.into(), NOW_US)
        .await;
    assert!(right.is_err(), "what has ended does not come back");
    assert_eq!(desk.told("session.end").await.len(), 1);
}

#[tokio::test]
async fn guesses_are_counted_with_those_at_signing_in() {
    let Some(desk) = Desk::start().await else {
        return;
    };
    desk.lock(NOW_US).await;
    for _ in 0..4 {
        let tried = desk
            .database
            .sign_in("lan", "not the password".into(), &desk.origin, NOW_US)
            .await;
        assert!(tried.is_err());
    }
    assert!(matches!(
        desk.unlock("not the password", NOW_US).await,
        Err(DatabaseError::WrongCredentials)
    ));
    let refused = desk.unlock(PASSWORD, NOW_US).await;
    assert!(
        matches!(refused, Err(DatabaseError::Throttled { .. })),
        "{refused:?}"
    );
    assert!(
        desk.living(Use::Passive, NOW_US).await.is_some(),
        "who was not heard has not failed"
    );
}

#[tokio::test]
async fn a_locked_session_grows_old_whatever_is_asked() {
    let Some(desk) = Desk::start().await else {
        return;
    };
    desk.lock(NOW_US).await;
    assert!(desk.living(Use::Active, NOW_US + 20 * MINUTE_US).await.is_some());
    assert!(desk.living(Use::Active, NOW_US + 31 * MINUTE_US).await.is_none());
}

#[tokio::test]
async fn one_chooses_within_the_rules() {
    let Some(desk) = Desk::start().await else {
        return;
    };
    let by = Asker::person(&desk.account, &desk.origin);
    let setting = async || desk.database.lock_setting(&desk.account).await.unwrap();
    assert_eq!(setting().await.after_minutes(), Some(15), "unasked");
    let choose = async |minutes| {
        desk.database
            .choose_lock(&by, &desk.account, minutes, NOW_US)
            .await
    };
    for minutes in [1, -5, 60] {
        let refused = choose(minutes).await;
        assert!(
            matches!(refused, Err(DatabaseError::Invalid { .. })),
            "{minutes}: {refused:?}"
        );
    }
    choose(0).await.unwrap();
    assert_eq!(setting().await.after_minutes(), None);
    let owner = desk.owner().await;
    let set = async |most| desk.database.set_sign_in_policy(&owner, &[], most, NOW_US).await;
    assert!(matches!(set(Some(7)).await, Err(DatabaseError::Invalid { .. })));
    set(Some(10)).await.unwrap();
    assert_eq!(
        setting().await.after_minutes(),
        Some(10),
        "at once, for everybody"
    );
    for minutes in [0, 15, 30] {
        assert!(choose(minutes).await.is_err(), "{minutes}");
    }
    choose(5).await.unwrap();
    assert_eq!(setting().await.after_minutes(), Some(5));
    set(None).await.unwrap();
    assert_eq!(desk.database.lock_minutes_max().await.unwrap(), None);
}
