//! What becomes of somebody whom a provider has vouched for: a session, half of one, a link, a confirmation, or a refusal that says why.
//!
//! ```text
//!  provider, subject ──▶ linked account ──▶ no second factor, or the provider saw two ──▶ session
//!                   │                  └──▶ second factor ──▶ half session ──▶ session, strong
//!                   └──▶ nobody's ──▶ refused
//! ```
//! What a provider says counts as one factor, as a password does, unless an administrator has said by which of its words it counts as two.

use sqlx::{FromRow, PgConnection};

use super::attempt::{Attempt, Errand, Taken};
use super::{Provider, link};
use crate::account::RawAccount;
use crate::audit::{self, Asker, Deed, Origin};
use crate::factor::{self, Factor, Factors};
use crate::session::{self, Strength};
use crate::{Account, AccountId, Database, DatabaseError, Result, SessionId, SessionToken, entry, welcome};

/// Whom a provider has vouched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouched {
    /// Whom it means.
    pub subject: String,
    /// Whether it saw two factors, as far as an administrator takes its word.
    pub is_strong: bool,
}

/// Why somebody is not let in whom the provider knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No account is linked.
    Unknown,
    /// The account is disabled.
    Disabled,
    /// It is somebody else than whose account it is about.
    Another,
    /// The subject is linked to another account, or the account to another subject.
    Taken,
    /// The session has ended meanwhile.
    NoSession,
    /// The account has a second factor, and the provider saw none.
    FactorNeeded,
    /// The invitation does not work any more.
    NoInvitation,
}

impl Refusal {
    /// As in the address of the page that tells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Disabled => "disabled",
            Self::Another => "another",
            Self::Taken => "taken",
            Self::NoSession => "no_session",
            Self::FactorNeeded => "factor_needed",
            Self::NoInvitation => "no_invitation",
        }
    }

    /// As in the log.
    fn reason(self) -> &'static str {
        match self {
            Self::Unknown => "no account is linked to whom the provider means",
            Self::Disabled => "the account is disabled",
            Self::Another => "the provider means somebody else",
            Self::Taken => "the subject or the account is linked already",
            Self::NoSession => "the session has ended",
            Self::FactorNeeded => "the account has a second factor, and the provider saw none",
            Self::NoInvitation => "the link is wrong, used, too old or withdrawn",
        }
    }
}

/// What came of it.
#[derive(Debug, Clone)]
pub enum Entered {
    /// A session was opened.
    Session(Account, SessionToken),
    /// A second factor is owed.
    Half(Account, SessionToken, Factors),
    /// The account is linked.
    Linked,
    /// The session's owner was seen.
    Confirmed,
    /// The session is locked no more.
    Unlocked,
    /// Nothing, and why.
    Refused(Refusal),
}

#[derive(FromRow)]
struct Linked {
    #[sqlx(flatten)]
    account: RawAccount,
    link_id: i64,
    is_disabled: bool,
}

#[derive(FromRow)]
struct Sitting {
    #[sqlx(flatten)]
    account: RawAccount,
    is_locked: bool,
}

impl Database {
    /// Does what the attempt was for, for whom the provider has vouched for.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn enter_by_openid(
        &self,
        attempt: &Attempt,
        vouched: &Vouched,
        origin: &Origin,
        now_us: i64,
    ) -> Result<Entered> {
        let provider = &attempt.provider;
        let entered = match &attempt.errand {
            Errand::SignIn => self.sign_in_by_openid(provider, vouched, origin, now_us).await?,
            Errand::Link(session) => {
                self.link_openid(provider, *session, vouched, origin, now_us)
                    .await?
            }
            Errand::Confirm(session) => {
                self.confirm_by_openid(provider, *session, vouched, origin, now_us)
                    .await?
            }
            Errand::Unlock(session) => {
                self.unlock_by_openid(provider, *session, vouched, origin, now_us)
                    .await?
            }
            Errand::Welcome(taken) => {
                self.welcome_by_openid(provider, taken, vouched, origin, now_us)
                    .await?
            }
        };
        let Entered::Refused(refusal) = entered else {
            self.forgive_openid(origin).await?;
            return Ok(entered);
        };
        let deed = Deed::done(attempt.errand.action(), "openid_provider", provider.id.0)
            .with("issuer", &provider.issuer)
            .with("subject", &vouched.subject)
            .refused(refusal.reason());
        self.note(&Asker::nobody("", origin), deed, now_us).await?;
        Ok(entered)
    }

    async fn sign_in_by_openid(
        &self,
        provider: &Provider,
        vouched: &Vouched,
        origin: &Origin,
        now_us: i64,
    ) -> Result<Entered> {
        let mut transaction = self.pool.begin().await?;
        let Some(linked) = find(&mut transaction, provider, &vouched.subject).await? else {
            return Ok(Entered::Refused(Refusal::Unknown));
        };
        if linked.is_disabled {
            return Ok(Entered::Refused(Refusal::Disabled));
        }
        if !is_still_linked(&mut transaction, &linked, now_us).await? {
            return Ok(Entered::Refused(Refusal::Unknown));
        }
        let account = linked.account.read()?;
        let entered = open(&mut transaction, provider, account, vouched, origin, now_us).await?;
        transaction.commit().await?;
        Ok(entered)
    }

    async fn link_openid(
        &self,
        provider: &Provider,
        session: SessionId,
        vouched: &Vouched,
        origin: &Origin,
        now_us: i64,
    ) -> Result<Entered> {
        let mut transaction = self.pool.begin().await?;
        // Whoever takes the account's ways in away does so before, or sees this one: the account first, and then its sessions.
        if let Some(owner) = owner_of(&mut transaction, session).await? {
            welcome::lock(&mut transaction, &Asker::console(), owner).await?;
        }
        let Some(account) = self.sitting(&mut transaction, session, now_us).await? else {
            return Ok(Entered::Refused(Refusal::NoSession));
        };
        let made = link::insert(
            &mut transaction,
            account.id,
            provider.id,
            &vouched.subject,
            now_us,
        )
        .await?;
        if made.is_none() {
            return Ok(Entered::Refused(Refusal::Taken));
        }
        let ended = session::end_others(&mut transaction, account.id, Some(session)).await?;
        let deed = Deed::done("openid_link.add", "account", account.id.0)
            .with("provider", provider.id.0)
            .with("issuer", &provider.issuer)
            .with("subject", &vouched.subject)
            .with("sessions_ended", ended);
        audit::append(
            &mut transaction,
            &Asker::person(&account, origin),
            vec![deed],
            now_us,
        )
        .await?;
        transaction.commit().await?;
        Ok(Entered::Linked)
    }

    async fn confirm_by_openid(
        &self,
        provider: &Provider,
        session: SessionId,
        vouched: &Vouched,
        origin: &Origin,
        now_us: i64,
    ) -> Result<Entered> {
        let mut transaction = self.pool.begin().await?;
        let Some(account) = self.sitting(&mut transaction, session, now_us).await? else {
            return Ok(Entered::Refused(Refusal::NoSession));
        };
        let linked = find(&mut transaction, provider, &vouched.subject).await?;
        if linked.is_none_or(|linked| linked.account.id() != account.id) {
            return Ok(Entered::Refused(Refusal::Another));
        }
        if !vouched.is_strong && factor::read(&mut transaction, account.id).await?.is_any() {
            return Ok(Entered::Refused(Refusal::FactorNeeded));
        }
        let seen = vouched.is_strong.then_some(Factor::Provider).into();
        session::confirm(&mut transaction, session, seen, now_us).await?;
        let deed = Deed::done("session.confirm", "session", session.0)
            .with("with", Factor::Provider.name())
            .with("issuer", &provider.issuer);
        audit::append(
            &mut transaction,
            &Asker::person(&account, origin),
            vec![deed],
            now_us,
        )
        .await?;
        transaction.commit().await?;
        Ok(Entered::Confirmed)
    }

    /// Unlocks a session whose owner has signed in anew at a provider; it is no stronger or fresher by that.
    async fn unlock_by_openid(
        &self,
        provider: &Provider,
        session: SessionId,
        vouched: &Vouched,
        origin: &Origin,
        now_us: i64,
    ) -> Result<Entered> {
        let mut transaction = self.pool.begin().await?;
        let Some(sitting) = self.seat(&mut transaction, session, now_us).await? else {
            return Ok(Entered::Refused(Refusal::NoSession));
        };
        let account = sitting.account.read()?;
        let linked = find(&mut transaction, provider, &vouched.subject).await?;
        if linked.is_none_or(|linked| linked.account.id() != account.id) {
            return Ok(Entered::Refused(Refusal::Another));
        }
        let deed = Deed::done("session.unlock", "session", session.0)
            .with("with", Factor::Provider.name())
            .with("issuer", &provider.issuer);
        let by = Asker::person(&account, origin);
        session::lock::unlock(&mut transaction, session, &by, deed, now_us).await?;
        transaction.commit().await?;
        Ok(Entered::Unlocked)
    }

    /// Takes an invitation up with whom the provider means instead of a password: a password that there was is gone.
    async fn welcome_by_openid(
        &self,
        provider: &Provider,
        taken: &Taken,
        vouched: &Vouched,
        origin: &Origin,
        now_us: i64,
    ) -> Result<Entered> {
        let mut transaction = self.pool.begin().await?;
        let used = welcome::use_up(
            &mut transaction,
            &taken.secret_hash,
            taken.code_hash.as_deref(),
            now_us,
        )
        .await?;
        let Some(used) = used else {
            return Ok(Entered::Refused(Refusal::NoInvitation));
        };
        let account = used.account;
        // Whoever was linked there before is not who takes it up now.
        sqlx::query("DELETE FROM openid_link WHERE account_id = $1 AND provider_id = $2")
            .bind(account.id.0)
            .bind(provider.id.0)
            .execute(&mut *transaction)
            .await?;
        let made = link::insert(
            &mut transaction,
            account.id,
            provider.id,
            &vouched.subject,
            now_us,
        )
        .await?;
        if made.is_none() {
            // The invitation still works, for a password or for somebody else at the provider.
            return Ok(Entered::Refused(Refusal::Taken));
        }
        sqlx::query("UPDATE account SET password_hash = NULL WHERE id = $1")
            .bind(account.id.0)
            .execute(&mut *transaction)
            .await?;
        let ended = session::end_others(&mut transaction, account.id, None).await?;
        let deed = Deed::done("account.welcome", "account", account.id.0)
            .with("factors", used.factors)
            .with("issuer", &provider.issuer)
            .with("subject", &vouched.subject)
            .with("sessions_ended", ended);
        audit::append(
            &mut transaction,
            &Asker::person(&account, origin),
            vec![deed],
            now_us,
        )
        .await?;
        let entered = open(&mut transaction, provider, account, vouched, origin, now_us).await?;
        transaction.commit().await?;
        Ok(entered)
    }

    /// Whose a living session is that its owner has not locked; its row is held until the transaction ends.
    async fn sitting(
        &self,
        connection: &mut PgConnection,
        session: SessionId,
        now_us: i64,
    ) -> Result<Option<Account>> {
        let found = self.seat(connection, session, now_us).await?;
        let open = found.filter(|found| !found.is_locked);
        open.map(|found| found.account.read()).transpose()
    }

    /// The same though it be locked.
    async fn seat(
        &self,
        connection: &mut PgConnection,
        session: SessionId,
        now_us: i64,
    ) -> Result<Option<Sitting>> {
        let (used_us, made_us) = self.session_limits.bounds(now_us);
        Ok(sqlx::query_as(
            "SELECT a.id, a.user_name, a.display_name, a.organisation, a.language, s.locked_us IS NOT NULL AS is_locked FROM session s JOIN account a ON a.id = s.account_id \
             WHERE s.id = $1 AND s.last_seen_us > $2 AND s.created_us > $3 AND a.disabled_us IS NULL FOR UPDATE OF s",
        )
        .bind(session.0)
        .bind(used_us)
        .bind(made_us)
        .fetch_optional(connection)
        .await?)
    }
}

/// Whose account a subject is.
async fn find(connection: &mut PgConnection, provider: &Provider, subject: &str) -> Result<Option<Linked>> {
    Ok(sqlx::query_as(
        "SELECT a.id, a.user_name, a.display_name, a.organisation, a.language, l.id AS link_id, \
         a.disabled_us IS NOT NULL AS is_disabled FROM openid_link l JOIN account a ON a.id = l.account_id \
         WHERE l.provider_id = $1 AND l.subject = $2",
    )
    .bind(provider.id.0)
    .bind(subject)
    .fetch_optional(connection)
    .await?)
}

/// Whose a session is, whether or not it lives.
async fn owner_of(connection: &mut PgConnection, session: SessionId) -> Result<Option<AccountId>> {
    let owner: Option<i64> = sqlx::query_scalar("SELECT account_id FROM session WHERE id = $1")
        .bind(session.0)
        .fetch_optional(connection)
        .await?;
    Ok(owner.map(AccountId))
}

/// Locks the account, as whoever changes its links does, and notes that the link is used, if it is still there.
async fn is_still_linked(connection: &mut PgConnection, linked: &Linked, now_us: i64) -> Result<bool> {
    welcome::lock(connection, &Asker::console(), linked.account.id()).await?;
    let done = sqlx::query("UPDATE openid_link SET last_used_us = $2 WHERE id = $1")
        .bind(linked.link_id)
        .bind(now_us)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// A session for the account, or half of one where it has a second factor that is yet to be seen.
async fn open(
    connection: &mut PgConnection,
    provider: &Provider,
    account: Account,
    vouched: &Vouched,
    origin: &Origin,
    now_us: i64,
) -> Result<Entered> {
    let factors = factor::read(connection, account.id).await?;
    if factors.is_any() && !vouched.is_strong {
        let half = entry::open_half(connection, account.id, Some(provider.id.0), origin, now_us).await?;
        return Ok(Entered::Half(account, half, factors));
    }
    let strength = match vouched.is_strong {
        true => Strength::Strong(Factor::Provider),
        false => Strength::Single,
    };
    let opened = session::open(connection, &account, origin, strength, now_us).await;
    let token = match opened {
        // It was disabled meanwhile.
        Err(DatabaseError::WrongCredentials) => return Ok(Entered::Refused(Refusal::Disabled)),
        opened => opened?,
    };
    session::was_by_provider(connection, &token, provider.id.0).await?;
    Ok(Entered::Session(account, token))
}

#[cfg(test)]
mod kinds {
    use crate::factor::Factor;
    use crate::session::Seen;

    #[test]
    fn a_providers_word_is_one_factor_and_never_a_passkey() {
        assert_eq!(Seen::from(None), Seen::Password);
        assert_eq!(Seen::from(Some(Factor::Provider)), Seen::Factor);
    }
}
