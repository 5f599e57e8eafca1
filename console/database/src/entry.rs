//! Signing in by two steps, and confirming later who sits there.
//!
//! ```text
//!  password right, or known to a provider (`openid`) ──▶ no second factor ──▶ session
//!                └──▶ second factor ──▶ half session (5 minutes, 5 codes) ──▶ session, strong
//! ```
//! A half session is a token of its own kind: nothing takes it but the second step. Wrong codes are counted by half session and by account,
//! and what the password's attempt was counted is taken back only when both steps are done, so that a known password buys no more codes.

use sqlx::{FromRow, PgConnection};

use crate::account::{Proven, RawAccount};
use crate::audit::{self, Asker, Deed, Origin};
use crate::factor::{self, Factor, Owner};
use crate::session::{self, Strength};
use crate::throttle::{self, Attempt};
use crate::vault::Vault;
use crate::{Account, AccountId, Database, DatabaseError, Result, SessionToken};

/// How long a half session lives.
pub const HALF_US: i64 = 5 * 60 * 1_000_000;
/// Codes that a half session may try.
pub const HALF_ATTEMPTS_MAX: i32 = 5;

/// What shows that it is still the same person.
#[derive(Clone)]
pub enum Confirmation {
    /// The password; enough for an account without a second factor.
    Password(String),
    /// A code of the app, or a recovery code.
    Code(String),
}

#[derive(FromRow)]
struct HalfRow {
    #[sqlx(flatten)]
    account: RawAccount,
    device: Option<String>,
    openid_provider_id: Option<i64>,
}

/// A half session that is being used.
struct Halfway {
    account: Account,
    /// The browser that the account knows.
    device: Option<String>,
    /// At which provider the first step was; `None` for a password.
    provider: Option<i64>,
}

impl Database {
    /// Opens a half session for somebody whose password was right.
    ///
    /// # Errors
    /// [`DatabaseError::WrongCredentials`] when the password was changed meanwhile.
    pub async fn open_half_session(
        &self,
        proven: &Proven,
        origin: &Origin,
        now_us: i64,
    ) -> Result<SessionToken> {
        let mut transaction = self.pool.begin().await?;
        proven.hold(&mut transaction).await?;
        let token = open_half(&mut transaction, proven.account.id, None, origin, now_us).await?;
        transaction.commit().await?;
        Ok(token)
    }

    /// The second step: a session for a half session and a code.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when the half session is not alive, [`DatabaseError::WrongCode`], or [`DatabaseError::Throttled`].
    pub async fn finish_sign_in(
        &self,
        vault: Option<&Vault>,
        half: &SessionToken,
        code: &str,
        origin: &Origin,
        now_us: i64,
    ) -> Result<(Account, SessionToken)> {
        let halfway = self.use_half_session(half, now_us).await?;
        let origin = &Origin {
            device: halfway.device.clone(),
            ..origin.clone()
        };
        let outcome = self.finish(vault, half, &halfway, code, origin, now_us).await;
        let account = halfway.account;
        let Err(error) = outcome else {
            return outcome.map(|token| (account, token));
        };
        if matches!(error, DatabaseError::WrongCode) {
            let deed = Deed::done("session.open", "account", account.id.0)
                .refused(&error)
                .with("step", "second factor");
            self.note(&Asker::nobody(&account.user_name, origin), deed, now_us)
                .await?;
        }
        Err(error)
    }

    async fn finish(
        &self,
        vault: Option<&Vault>,
        half: &SessionToken,
        halfway: &Halfway,
        code: &str,
        origin: &Origin,
        now_us: i64,
    ) -> Result<SessionToken> {
        let account = &halfway.account;
        let attempt = Attempt::Factor {
            account: account.id,
            origin,
        };
        self.count_by(&attempt, account, origin, now_us).await?;
        let mut transaction = self.pool.begin().await?;
        let factor = factor::prove(&mut transaction, vault, account.id, code, now_us).await?;
        end_half_session(&mut transaction, half).await?;
        let strength = Strength::Strong(factor);
        let token = session::open(&mut transaction, account, origin, strength, now_us).await?;
        if let Some(provider) = halfway.provider {
            session::was_by_provider(&mut transaction, &token, provider).await?;
        }
        transaction.commit().await?;
        if halfway.provider.is_none() {
            let key = account.user_name.to_lowercase();
            let first = Attempt::SignIn {
                user_key: &key,
                origin,
            };
            throttle::forgive(&self.pool, &first).await?;
        }
        throttle::forgive(&self.pool, &attempt).await?;
        Ok(token)
    }

    /// Counts a use of a half session, before it is known whether the code is right.
    async fn use_half_session(&self, half: &SessionToken, now_us: i64) -> Result<Halfway> {
        let row: Option<HalfRow> = sqlx::query_as(
            "UPDATE half_session h SET attempts = h.attempts + 1 FROM account a \
             WHERE h.token_hash = $1 AND h.created_us > $2 AND h.attempts < $3 AND a.id = h.account_id \
             RETURNING a.id, a.user_name, a.display_name, a.organisation, a.language, h.device, h.openid_provider_id",
        )
        .bind(half.digest())
        .bind(now_us.saturating_sub(HALF_US))
        .bind(HALF_ATTEMPTS_MAX)
        .fetch_optional(&self.pool)
        .await?;
        let row = row.ok_or(DatabaseError::NotFound)?;
        Ok(Halfway {
            account: row.account.read()?,
            device: row.device,
            provider: row.openid_provider_id,
        })
    }

    /// Sees that it is still the owner who sits there: the session is fresh for five minutes, and strong after a second factor.
    ///
    /// # Errors
    /// [`DatabaseError::WrongCode`], [`DatabaseError::WrongCredentials`], [`DatabaseError::Throttled`], or [`DatabaseError::Invalid`] for
    /// a password where the account has a second factor.
    pub async fn confirm_session(
        &self,
        vault: Option<&Vault>,
        owner: &Owner<'_>,
        with: Confirmation,
        now_us: i64,
    ) -> Result<()> {
        let account = owner.account;
        self.count_confirmation(account, owner.origin, now_us).await?;
        match self.confirm(vault, owner, with, now_us).await {
            Err(error @ (DatabaseError::WrongCode | DatabaseError::WrongCredentials)) => {
                let deed = Deed::done("session.confirm", "session", owner.session.0).refused(&error);
                self.note(&owner.by(), deed, now_us).await?;
                return Err(error);
            }
            outcome => outcome?,
        }
        throttle::forgive(&self.pool, &Attempt::Confirmation { account: account.id }).await
    }

    async fn confirm(
        &self,
        vault: Option<&Vault>,
        owner: &Owner<'_>,
        with: Confirmation,
        now_us: i64,
    ) -> Result<()> {
        let account = owner.account;
        let code = match with {
            Confirmation::Code(code) => Some(code),
            Confirmation::Password(password) => {
                if self.factors(account.id).await?.is_any() {
                    return Err(DatabaseError::Invalid {
                        field: "code",
                        problem: "is needed: the account has a second factor",
                    });
                }
                self.prove_password(account, password).await?;
                None
            }
        };
        let mut transaction = self.pool.begin().await?;
        let factor = match &code {
            Some(code) => Some(factor::prove(&mut transaction, vault, account.id, code, now_us).await?),
            None => None,
        };
        session::confirm(&mut transaction, owner.session, factor.into(), now_us).await?;
        let deed = Deed::done("session.confirm", "session", owner.session.0)
            .with("with", factor.map_or("password", Factor::name));
        audit::append(&mut transaction, &owner.by(), vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }

    /// Counts an attempt to show who one is, of somebody who is signed in.
    pub(crate) async fn count_confirmation(
        &self,
        account: &Account,
        origin: &Origin,
        now_us: i64,
    ) -> Result<()> {
        let attempt = Attempt::Confirmation { account: account.id };
        self.count_by(&attempt, account, origin, now_us).await
    }

    async fn count_by(
        &self,
        attempt: &Attempt<'_>,
        account: &Account,
        origin: &Origin,
        now_us: i64,
    ) -> Result<()> {
        let deed = Deed::done("session.confirm", "account", account.id.0);
        let by = Asker::nobody(&account.user_name, origin);
        self.count_attempt(attempt, &by, deed, now_us).await
    }
}

/// Opens a half session for an account whose owner has taken the first step: here by a password, or at a provider.
pub(crate) async fn open_half(
    connection: &mut PgConnection,
    account: AccountId,
    provider: Option<i64>,
    origin: &Origin,
    now_us: i64,
) -> Result<SessionToken> {
    let token = SessionToken::random();
    sqlx::query(
        "INSERT INTO half_session (token_hash, account_id, created_us, attempts, device, openid_provider_id) \
         VALUES ($1, $2, $3, 0, $4, $5)",
    )
    .bind(token.digest())
    .bind(account.0)
    .bind(now_us)
    .bind(origin.device.as_deref())
    .bind(provider)
    .execute(connection)
    .await?;
    Ok(token)
}

async fn end_half_session(connection: &mut PgConnection, half: &SessionToken) -> Result<()> {
    let done = sqlx::query("DELETE FROM half_session WHERE token_hash = $1")
        .bind(half.digest())
        .execute(connection)
        .await?;
    // Of two requests with two good codes, one wins.
    if done.rows_affected() == 0 {
        return Err(DatabaseError::NotFound);
    }
    Ok(())
}

/// Removes half sessions that have ended.
pub(crate) async fn purge(pool: &sqlx::PgPool, now_us: i64) -> Result<()> {
    sqlx::query("DELETE FROM half_session WHERE created_us <= $1")
        .bind(now_us.saturating_sub(HALF_US))
        .execute(pool)
        .await?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::session::{Assured, Use};
    use crate::testing::{self, NOW_US, app_code, from};
    use crate::vault::KEY_BYTES;

    const LATER_US: i64 = NOW_US + 60_000_000;

    /// An account with an app: its secret.
    async fn with_app(database: &Database, vault: &Vault) -> (Account, String) {
        let account = testing::account(database, "lan", "*").await;
        let origin = from("10.0.0.1");
        let token = database
            .open_session(&account, &origin, Strength::Single, NOW_US)
            .await
            .unwrap();
        let living = database
            .find_session(&token, Use::Active, NOW_US)
            .await
            .unwrap()
            .unwrap();
        let owner = Owner {
            account: &account,
            session: living.id,
            assured: Assured {
                is_strong: false,
                confirmed_us: NOW_US,
                by_passkey: false,
            },
            origin: &origin,
        };
        let offer = database.offer_totp(vault, &owner, NOW_US).await.unwrap();
        let code = app_code(&offer.secret, NOW_US);
        database.confirm_totp(vault, &owner, &code, NOW_US).await.unwrap();
        (account, offer.secret)
    }

    #[tokio::test]
    async fn a_password_alone_opens_nothing_where_there_is_a_second_factor() {
        let Some(database) = testing::database().await else {
            return;
        };
        let vault = Vault::new(&[7; KEY_BYTES]).unwrap();
        let (account, _) = with_app(&database, &vault).await;
        let refused = database
            .open_session(&account, &from(""), Strength::Single, LATER_US)
            .await;
        assert!(matches!(refused, Err(DatabaseError::Conflict(_))), "{refused:?}");
    }

    #[tokio::test]
    async fn of_ten_that_come_with_the_same_code_one_gets_in() {
        let Some(database) = testing::database().await else {
            return;
        };
        let vault = Vault::new(&[7; KEY_BYTES]).unwrap();
        let (account, secret) = with_app(&database, &vault).await;
        let code = app_code(&secret, LATER_US);
        let origin = from("10.0.0.1");
        let signed_in = database
            .sign_in(&account.user_name, testing::PASSWORD.into(), &origin, LATER_US)
            .await;
        let proven = signed_in.unwrap();
        let mut halves = Vec::new();
        for _ in 0..10 {
            halves.push(
                database
                    .open_half_session(&proven, &origin, LATER_US)
                    .await
                    .unwrap(),
            );
        }
        let attempts = halves
            .iter()
            .map(|half| database.finish_sign_in(Some(&vault), half, &code, &origin, LATER_US));
        let outcomes = futures_util::future::join_all(attempts).await;
        let entered = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(entered, 1);
        let wrong = |outcome: &Result<_>| matches!(outcome, Err(DatabaseError::WrongCode));
        assert_eq!(outcomes.iter().filter(|outcome| wrong(outcome)).count(), 9);
    }
}
