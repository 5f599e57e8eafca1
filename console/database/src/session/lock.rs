//! Locked sessions: they live on, and serve nothing until their owner was seen again.
//!
//! ```text
//!  session ──▶ locked: by its owner, or by the page that nobody touched ──▶ password, passkey or provider ──▶ session
//!                 └──▶ five wrong passwords, or a limit of its age ──▶ ended
//! ```
//! Invariant: unlocking makes no session stronger or fresher than it was. Locking takes it back that the owner was seen just now, so that a
//! password that somebody has found out changes no factor.

use sqlx::{FromRow, PgConnection};
use vonggac_passkey::Site;

use super::FRESH_US;
use crate::audit::{self, Asker, Deed};
use crate::factor::{Factor, Owner};
use crate::passkey::PasskeyAnswer;
use crate::throttle::{self, Attempt};
use crate::vault::Vault;
use crate::{Account, Database, DatabaseError, Result, SessionId};

/// Wrong passwords with which a locked session ends.
pub const UNLOCK_FAILURES_MAX: i32 = 5;
/// After how many minutes a session may be set to lock by itself.
pub const LOCK_MINUTES: [i32; 4] = [5, 10, 15, 30];

/// Who locks a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockedBy {
    /// Its owner.
    Owner,
    /// The page that nobody has touched for a while.
    Itself,
}

/// When an account's sessions lock by themselves, in minutes without a key or pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct LockSetting {
    /// What its owner has chosen; 0: never.
    pub own_minutes: i32,
    /// The most that may be chosen here; `None`: whatever one likes.
    pub minutes_max: Option<i32>,
}

impl LockSetting {
    /// What holds; `None`: never.
    pub fn after_minutes(&self) -> Option<i32> {
        match (self.own_minutes, self.minutes_max) {
            (0, most) => most,
            (own, None) => Some(own),
            (own, Some(most)) => Some(own.min(most)),
        }
    }
}

/// Checks that a session may be set to lock by itself after so many minutes.
pub(crate) fn check_minutes(field: &'static str, minutes: i32) -> Result<()> {
    if LOCK_MINUTES.contains(&minutes) {
        return Ok(());
    }
    Err(DatabaseError::Invalid {
        field,
        problem: "is 5, 10, 15 or 30 minutes",
    })
}

impl Database {
    /// When the sessions of an account lock by themselves.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn lock_setting(&self, account: &Account) -> Result<LockSetting> {
        let setting: Option<LockSetting> = sqlx::query_as(
            "SELECT a.lock_minutes AS own_minutes, p.lock_minutes_max AS minutes_max FROM account a CROSS JOIN sign_in_policy p WHERE a.id = $1",
        )
        .bind(account.id.0)
        .fetch_optional(&self.pool)
        .await?;
        setting.ok_or(DatabaseError::NotFound)
    }

    /// Chooses after how many minutes one's own sessions lock by themselves; 0: never.
    ///
    /// # Errors
    /// [`DatabaseError::Invalid`] for another number than those of [`LOCK_MINUTES`], or more than may be chosen here.
    pub async fn choose_lock(
        &self,
        by: &Asker<'_>,
        account: &Account,
        minutes: i32,
        now_us: i64,
    ) -> Result<()> {
        if minutes != 0 {
            check_minutes("minutes", minutes)?;
        }
        let most = self.lock_setting(account).await?.minutes_max;
        if most.is_some_and(|most| minutes == 0 || minutes > most) {
            return Err(DatabaseError::Invalid {
                field: "minutes",
                problem: "is more than the rules for signing in allow here",
            });
        }
        let mut transaction = self.pool.begin().await?;
        sqlx::query("UPDATE account SET lock_minutes = $2 WHERE id = $1")
            .bind(account.id.0)
            .bind(minutes)
            .execute(&mut *transaction)
            .await?;
        let deed = Deed::done("account.update", "account", account.id.0).with("lock_minutes", minutes);
        audit::append(&mut transaction, by, vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }

    /// Locks a session; one that is locked stays so, and nothing is written down.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn lock_session(&self, owner: &Owner<'_>, by: LockedBy, now_us: i64) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        let done = sqlx::query(
            "UPDATE session SET locked_us = $2, unlock_failures = 0, confirmed_us = least(confirmed_us, $3) \
             WHERE id = $1 AND locked_us IS NULL",
        )
        .bind(owner.session.0)
        .bind(now_us)
        .bind(now_us.saturating_sub(FRESH_US))
        .execute(&mut *transaction)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(());
        }
        let word = match by {
            LockedBy::Owner => "person",
            LockedBy::Itself => "itself",
        };
        let deed = Deed::done("session.lock", "session", owner.session.0).with("by", word);
        audit::append(&mut transaction, &owner.by(), vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }

    /// Unlocks a session with the account's password. Attempts are counted as those to sign in are, and with them.
    ///
    /// # Errors
    /// [`DatabaseError::WrongCredentials`], [`DatabaseError::Throttled`], or [`DatabaseError::NotFound`] when the session has ended, as it
    /// does with the wrong password number [`UNLOCK_FAILURES_MAX`].
    pub async fn unlock_with_password(&self, owner: &Owner<'_>, password: String, now_us: i64) -> Result<()> {
        let account = owner.account;
        let key = account.user_name.to_lowercase();
        let attempt = Attempt::SignIn {
            user_key: &key,
            origin: owner.origin,
        };
        let somebody = Asker::nobody(&account.user_name, owner.origin);
        let deed = Deed::done("session.unlock", "session", owner.session.0).with("with", "password");
        self.count_attempt(&attempt, &somebody, deed.clone(), now_us)
            .await?;
        let Some(failures) = self.use_unlock(owner.session).await? else {
            return throttle::take_back(&self.pool, &attempt).await;
        };
        match self.prove_password(account, password).await {
            Err(error @ DatabaseError::WrongCredentials) => {
                let deed = deed.refused(&error);
                if failures < UNLOCK_FAILURES_MAX {
                    self.note(&somebody, deed, now_us).await?;
                    return Err(error);
                }
                self.end_for_failures(owner, deed, now_us).await?;
                Err(DatabaseError::NotFound)
            }
            Err(error) => Err(error),
            Ok(proven) => {
                let mut transaction = self.pool.begin().await?;
                proven.hold(&mut transaction).await?;
                unlock(&mut transaction, owner.session, &owner.by(), deed, now_us).await?;
                transaction.commit().await?;
                throttle::take_back(&self.pool, &attempt).await
            }
        }
    }

    /// Counts an attempt before it is known whether the password is right: how many there were, so that many at once are no more guesses.
    /// `None` when the session is not locked any more.
    async fn use_unlock(&self, session: SessionId) -> Result<Option<i32>> {
        let failures: Option<i32> = sqlx::query_scalar(
            "UPDATE session SET unlock_failures = unlock_failures + 1 WHERE id = $1 AND locked_us IS NOT NULL AND unlock_failures < $2 \
             RETURNING unlock_failures",
        )
        .bind(session.0)
        .bind(UNLOCK_FAILURES_MAX)
        .fetch_optional(&self.pool)
        .await?;
        if failures.is_some() {
            return Ok(failures);
        }
        let is_open: Option<bool> = sqlx::query_scalar("SELECT locked_us IS NULL FROM session WHERE id = $1")
            .bind(session.0)
            .fetch_optional(&self.pool)
            .await?;
        match is_open {
            Some(true) => Ok(None),
            Some(false) | None => Err(DatabaseError::NotFound),
        }
    }

    /// Ends a session whose password was guessed at too often; `last` is the guess that was one too many.
    async fn end_for_failures(&self, owner: &Owner<'_>, last: Deed, now_us: i64) -> Result<()> {
        let (account, session) = (owner.account, owner.session);
        let mut transaction = self.pool.begin().await?;
        sqlx::query("DELETE FROM session WHERE id = $1")
            .bind(session.0)
            .execute(&mut *transaction)
            .await?;
        let end = Deed::done("session.end", "session", session.0)
            .with("account", account.id.0)
            .with("wrong_passwords", UNLOCK_FAILURES_MAX);
        let somebody = Asker::nobody(&account.user_name, owner.origin);
        audit::append(&mut transaction, &somebody, vec![last, end], now_us).await?;
        Ok(transaction.commit().await?)
    }

    /// Unlocks a session with a passkey of its account. Attempts are counted by network, as those to sign in with one.
    ///
    /// # Errors
    /// [`DatabaseError::Passkey`], also for a passkey of somebody else; [`DatabaseError::Throttled`], or [`DatabaseError::NotFound`] when the
    /// session has ended.
    pub async fn unlock_with_passkey(
        &self,
        vault: &Vault,
        site: &Site,
        owner: &Owner<'_>,
        answer: &PasskeyAnswer<'_>,
        now_us: i64,
    ) -> Result<()> {
        let attempt = Attempt::Passkey {
            address: &owner.origin.address,
        };
        let somebody = Asker::nobody(&owner.account.user_name, owner.origin);
        let deed =
            Deed::done("session.unlock", "session", owner.session.0).with("with", Factor::Passkey.name());
        self.count_attempt(&attempt, &somebody, deed.clone(), now_us)
            .await?;
        let mut transaction = self.pool.begin().await?;
        let seen = self
            .see_own(&mut transaction, vault, site, owner, answer, now_us)
            .await;
        if let Err(error) = seen {
            drop(transaction);
            self.note(&somebody, deed.refused(&error), now_us).await?;
            return Err(error);
        }
        unlock(&mut transaction, owner.session, &owner.by(), deed, now_us).await?;
        transaction.commit().await?;
        throttle::forgive(&self.pool, &attempt).await
    }
}

/// Unlocks a session whose owner was seen, as `deed` says; one that is not locked any more stays so.
///
/// # Errors
/// [`DatabaseError::NotFound`] when it has ended.
pub(crate) async fn unlock(
    connection: &mut PgConnection,
    session: SessionId,
    by: &Asker<'_>,
    deed: Deed,
    now_us: i64,
) -> Result<()> {
    let was_locked: Option<bool> =
        sqlx::query_scalar("SELECT locked_us IS NOT NULL FROM session WHERE id = $1 FOR UPDATE")
            .bind(session.0)
            .fetch_optional(&mut *connection)
            .await?;
    if !was_locked.ok_or(DatabaseError::NotFound)? {
        return Ok(());
    }
    sqlx::query(
        "UPDATE session SET locked_us = NULL, unlock_failures = 0, unlocked_us = $2, last_seen_us = greatest(last_seen_us, $2) \
         WHERE id = $1",
    )
    .bind(session.0)
    .bind(now_us)
    .execute(&mut *connection)
    .await?;
    audit::append(connection, by, vec![deed], now_us).await
}

#[cfg(test)]
#[path = "lock_tests.rs"]
mod tests;
