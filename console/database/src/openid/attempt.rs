//! Sign-ins that have begun: a state that goes around by the provider, and a secret that the browser keeps.
//!
//! ```text
//!  begin ─▶ secret (the browser's cookie), state (goes around) ─▶ … ─▶ take: once, within ten minutes, by both
//! ```

use sqlx::{FromRow, PgPool};

use super::{Offered, Provider, ProviderId};
use crate::audit::{Asker, Deed, Origin};
use crate::factor::Owner;
use crate::throttle::Attempt as Count;
use crate::{Database, DatabaseError, Result, SessionId, SessionToken};

/// How long it may take from beginning to end.
pub const ATTEMPT_US: i64 = 10 * 60 * 1_000_000;
/// Longest path that one returns to, in bytes.
pub const RETURN_BYTES_MAX: usize = 2_048;

/// What somebody goes to the provider for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Errand {
    /// To sign in.
    SignIn,
    /// To link the account of a session.
    Link(SessionId),
    /// To confirm that it is still the owner of a session.
    Confirm(SessionId),
    /// To unlock a session.
    Unlock(SessionId),
    /// To take an invitation up.
    Welcome(Taken),
}

/// An invitation that was shown, by what is kept of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    pub(crate) secret_hash: Vec<u8>,
    pub(crate) code_hash: Option<Vec<u8>>,
}

impl Errand {
    fn name(&self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Link(_) => "link",
            Self::Confirm(_) => "confirm",
            Self::Unlock(_) => "unlock",
            Self::Welcome(_) => "welcome",
        }
    }

    /// What the audit log calls it.
    pub(crate) fn action(&self) -> &'static str {
        match self {
            Self::SignIn => "session.open",
            Self::Link(_) => "openid_link.add",
            Self::Confirm(_) => "session.confirm",
            Self::Unlock(_) => "session.unlock",
            Self::Welcome(_) => "account.welcome",
        }
    }

    /// Whether the person must show anew at the provider who he is.
    pub fn is_fresh(&self) -> bool {
        matches!(self, Self::Confirm(_) | Self::Unlock(_))
    }
}

/// What begins.
#[derive(Clone)]
pub struct Begun {
    /// What the browser keeps.
    pub secret: SessionToken,
    /// What goes around.
    pub state: SessionToken,
}

/// One that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Where it was.
    pub provider: Provider,
    /// For what.
    pub errand: Errand,
    /// Where to go then.
    pub return_path: String,
    /// When it began.
    pub begun_us: i64,
}

#[derive(FromRow)]
struct Row {
    provider_id: i64,
    errand: String,
    session_id: Option<i64>,
    welcome_hash: Option<Vec<u8>>,
    code_hash: Option<Vec<u8>>,
    return_path: String,
    begun_us: i64,
}

impl Row {
    fn errand(&self) -> Option<Errand> {
        let session = self.session_id.map(SessionId);
        match self.errand.as_str() {
            "sign_in" => Some(Errand::SignIn),
            "link" => session.map(Errand::Link),
            "confirm" => session.map(Errand::Confirm),
            "unlock" => session.map(Errand::Unlock),
            "welcome" => Some(Errand::Welcome(Taken {
                secret_hash: self.welcome_hash.clone()?,
                code_hash: self.code_hash.clone(),
            })),
            _ => None,
        }
    }
}

fn counted(origin: &Origin) -> Count<'_> {
    Count::OpenId {
        address: &origin.address,
    }
}

impl Database {
    /// A provider that somebody wants to go to, which is counted by network: on the way it may be asked what it says of itself.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is none, or it is off; [`DatabaseError::Throttled`] when too many want to from there.
    pub async fn way_to_provider(&self, id: ProviderId, origin: &Origin, now_us: i64) -> Result<Provider> {
        let begins = Count::OpenIdBegun {
            address: &origin.address,
        };
        let deed = Deed::done("session.open", "openid_provider", id.0);
        self.count_attempt(&begins, &Asker::nobody("", origin), deed, now_us)
            .await?;
        self.open_provider(id).await
    }

    /// A provider with which one may sign in.
    async fn open_provider(&self, id: ProviderId) -> Result<Provider> {
        let provider = self.openid_provider(id).await?;
        provider
            .setting
            .is_on
            .then_some(provider)
            .ok_or(DatabaseError::NotFound)
    }

    /// Begins to link the account of who asks, who must have been seen just now.
    ///
    /// # Errors
    /// [`DatabaseError::NotConfirmed`].
    pub async fn begin_openid_link(
        &self,
        owner: &Owner<'_>,
        provider: ProviderId,
        return_path: &str,
        now_us: i64,
    ) -> Result<Begun> {
        self.demand_fresh(owner, now_us).await?;
        let errand = Errand::Link(owner.session);
        self.begin_openid(provider, errand, return_path, now_us).await
    }

    /// Begins an errand at a provider.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn begin_openid(
        &self,
        provider: ProviderId,
        errand: Errand,
        return_path: &str,
        now_us: i64,
    ) -> Result<Begun> {
        let begun = Begun {
            secret: SessionToken::random(),
            state: SessionToken::random(),
        };
        let (session, taken) = match &errand {
            Errand::SignIn => (None, None),
            Errand::Link(session) | Errand::Confirm(session) | Errand::Unlock(session) => {
                (Some(session.0), None)
            }
            Errand::Welcome(taken) => (None, Some(taken.clone())),
        };
        sqlx::query(
            "INSERT INTO openid_attempt (state_hash, browser_hash, provider_id, errand, session_id, welcome_hash, code_hash, return_path, begun_us) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(begun.state.digest())
        .bind(begun.secret.digest())
        .bind(provider.0)
        .bind(errand.name())
        .bind(session)
        .bind(taken.as_ref().map(|taken| taken.secret_hash.clone()))
        .bind(taken.and_then(|taken| taken.code_hash))
        .bind(return_path)
        .bind(now_us)
        .execute(&self.pool)
        .await?;
        Ok(begun)
    }

    /// Takes up one that came back, which counts once, in time, in the browser that began it, and while its provider is on. Attempts are counted
    /// by network; who gets in takes his back ([`entering`](super::entering)).
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] for any other, which is written down; [`DatabaseError::Throttled`].
    pub async fn take_openid(
        &self,
        state: &str,
        secret: Option<&SessionToken>,
        origin: &Origin,
        now_us: i64,
    ) -> Result<Attempt> {
        let by = Asker::nobody("", origin);
        let deed = || Deed::done("session.open", "account", "").with("step", "provider");
        self.count_attempt(&counted(origin), &by, deed(), now_us).await?;
        let state: Option<SessionToken> = state.parse().ok();
        let found = match (state, secret) {
            (Some(state), Some(secret)) => self.remove_attempt(&state, secret, now_us).await?,
            _ => None,
        };
        if let Some(attempt) = found {
            return Ok(attempt);
        }
        let why = "the sign-in at the provider is unknown, used, too old or another browser's";
        self.note(&by, deed().refused(why), now_us).await?;
        Err(DatabaseError::NotFound)
    }

    async fn remove_attempt(
        &self,
        state: &SessionToken,
        secret: &SessionToken,
        now_us: i64,
    ) -> Result<Option<Attempt>> {
        let row: Option<Row> = sqlx::query_as(
            "DELETE FROM openid_attempt WHERE state_hash = $1 AND browser_hash = $2 AND begun_us > $3 \
             RETURNING provider_id, errand, session_id, welcome_hash, code_hash, return_path, begun_us",
        )
        .bind(state.digest())
        .bind(secret.digest())
        .bind(now_us.saturating_sub(ATTEMPT_US))
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let provider = match self.open_provider(ProviderId(row.provider_id)).await {
            Err(DatabaseError::NotFound) => return Ok(None),
            provider => provider?,
        };
        Ok(row.errand().map(|errand| Attempt {
            provider,
            errand,
            return_path: row.return_path,
            begun_us: row.begun_us,
        }))
    }

    /// Writes down that what came back from a provider did not count, and why.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn note_openid_refused(
        &self,
        attempt: &Attempt,
        why: &str,
        origin: &Origin,
        now_us: i64,
    ) -> Result<()> {
        let deed = Deed::done(attempt.errand.action(), "openid_provider", attempt.provider.id.0)
            .with("step", "provider")
            .with("issuer", &attempt.provider.issuer)
            .refused(why);
        self.note(&Asker::nobody("", origin), deed, now_us).await
    }

    /// Takes back what a sign-in was counted.
    pub(crate) async fn forgive_openid(&self, origin: &Origin) -> Result<()> {
        let begins = Count::OpenIdBegun {
            address: &origin.address,
        };
        crate::throttle::forgive(&self.pool, &counted(origin)).await?;
        crate::throttle::forgive(&self.pool, &begins).await
    }

    /// Providers that an account is linked to and that are on, by name.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn own_providers(&self, account: crate::AccountId) -> Result<Vec<Offered>> {
        Ok(sqlx::query_as(
            "SELECT p.id, p.name FROM openid_provider p JOIN openid_link l ON l.provider_id = p.id \
             WHERE l.account_id = $1 AND p.is_on ORDER BY lower(p.name), p.id",
        )
        .bind(account.0)
        .fetch_all(&self.pool)
        .await?)
    }
}

/// Removes those that are too old.
pub(crate) async fn purge(pool: &PgPool, now_us: i64) -> Result<()> {
    sqlx::query("DELETE FROM openid_attempt WHERE begun_us <= $1")
        .bind(now_us.saturating_sub(ATTEMPT_US))
        .execute(pool)
        .await?;
    Ok(())
}
