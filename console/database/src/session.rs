//! Sessions: a random token in the browser's cookie, its SHA-256 here.
//!
//! A session ends without a request and at a certain age ([`SessionLimits`]), when its owner ends it, or when the
//! owner opens more than [`SESSIONS_MAX`]. Rights are read with it at each request, never kept in it. It knows how sure it is who sits
//! there ([`Assured`]), and whether it is locked ([`lock`]).

pub mod lock;

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use sqlx::{FromRow, PgConnection, PgPool};
use vonggac_access::Assurance;

use crate::account::{Proven, RawAccount};
use crate::audit::{self, Asker, Deed, Origin};
use crate::factor::Factor;
use crate::{Account, AccountId, Database, DatabaseError, Result, clean};

/// How long sessions live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// Without a request, in microseconds.
    pub idle_us: i64,
    /// In all, in microseconds.
    pub absolute_us: i64,
}

impl Default for SessionLimits {
    /// Half an hour, and twelve hours.
    fn default() -> Self {
        Self {
            idle_us: 30 * 60 * 1_000_000,
            absolute_us: 12 * 3600 * 1_000_000,
        }
    }
}

impl SessionLimits {
    /// A session that was not used since the first, or made before the second, has ended.
    pub(crate) fn bounds(&self, now_us: i64) -> (i64, i64) {
        (
            now_us.saturating_sub(self.idle_us),
            now_us.saturating_sub(self.absolute_us),
        )
    }
}

/// Most sessions of one account; the oldest makes room.
pub const SESSIONS_MAX: i64 = 20;
/// Longest browser name kept, in bytes.
pub const USER_AGENT_BYTES_MAX: usize = 256;
/// How long it counts as just now that the owner was seen.
pub const FRESH_US: i64 = 5 * 60 * 1_000_000;
/// `last_seen_us` is written at most this often.
const TOUCH_US: i64 = 30 * 1_000_000;

/// Id of a session, as its owner sees it; worth nothing without an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionId(pub i64);

/// The secret of a session. It is printed by [`SessionToken::to_cookie`] alone.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken([u8; 32]);

impl SessionToken {
    pub(crate) fn random() -> Self {
        Self(rand::random())
    }

    pub(crate) fn digest(&self) -> Vec<u8> {
        Sha256::digest(self.0).to_vec()
    }

    /// 64 hexadecimal digits.
    pub fn to_cookie(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SessionToken(…)")
    }
}

impl FromStr for SessionToken {
    type Err = DatabaseError;

    fn from_str(text: &str) -> Result<Self> {
        let digit = |byte: &u8| {
            char::from(*byte)
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        };
        let mut token = [0; 32];
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != token.len() || !rest.is_empty() {
            return Err(DatabaseError::NotFound);
        }
        for (slot, [high, low]) in token.iter_mut().zip(pairs) {
            let (Some(high), Some(low)) = (digit(high), digit(low)) else {
                return Err(DatabaseError::NotFound);
            };
            *slot = high << 4 | low;
        }
        Ok(Self(token))
    }
}

/// A session, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct SessionView {
    /// Id.
    pub id: i64,
    /// When it was opened.
    pub created_us: i64,
    /// When it was last used, to half a minute.
    pub last_seen_us: i64,
    /// What the browser calls itself.
    pub user_agent: String,
    /// Where it was opened from.
    pub address: String,
    /// At which provider its owner signed in; `None` for here.
    pub provider: Option<String>,
}

/// Whether looking a session up counts as using it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// A person's request: the idle time starts anew.
    Active,
    /// A background check.
    Passive,
}

/// What a session is opened with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strength {
    /// A password alone, or a provider's word.
    Single,
    /// A second factor.
    Strong(Factor),
}

/// How sure it is who sits there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assured {
    /// Whether a second factor was seen in this session.
    pub is_strong: bool,
    /// When its owner was last seen: at sign-in, or confirmed since.
    pub confirmed_us: i64,
    /// Whether a passkey was seen in this session, or its account's first one was made in it.
    pub by_passkey: bool,
}

/// What was seen of a session's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The password, or a provider's word.
    Password,
    /// A second factor that is no passkey.
    Factor,
    /// A passkey.
    Passkey,
}

impl From<Option<Factor>> for Seen {
    fn from(factor: Option<Factor>) -> Self {
        match factor {
            None => Self::Password,
            Some(Factor::Passkey) => Self::Passkey,
            Some(Factor::Totp | Factor::RecoveryCode | Factor::Provider) => Self::Factor,
        }
    }
}

impl Assured {
    /// Whether the owner was seen just now, with a second factor or without.
    pub fn is_fresh(&self, now_us: i64) -> bool {
        now_us.saturating_sub(self.confirmed_us) < FRESH_US
    }

    /// What it counts for the table of rights: fresh is only who showed a second factor.
    pub fn level(&self, now_us: i64) -> Assurance {
        match (self.is_strong, self.is_fresh(now_us)) {
            (true, true) => Assurance::Fresh,
            (true, false) => Assurance::Strong,
            (false, _) => Assurance::Single,
        }
    }
}

/// A session that is alive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Living {
    /// Whose it is, as that account is now.
    pub account: Account,
    /// Its id.
    pub id: SessionId,
    /// How sure it is who sits there.
    pub assured: Assured,
    /// Whether it is locked: it serves nothing but what unlocks or ends it.
    pub is_locked: bool,
    /// When its owner was last let in: signed in, or unlocked it.
    pub entered_us: i64,
}

#[derive(FromRow)]
struct Found {
    #[sqlx(flatten)]
    account: RawAccount,
    session_id: i64,
    last_seen_us: i64,
    is_strong: bool,
    confirmed_us: i64,
    by_passkey: bool,
    is_locked: bool,
    entered_us: i64,
}

impl Database {
    /// Opens a session.
    ///
    /// # Errors
    /// [`DatabaseError::Conflict`] for a password alone where the account has a second factor.
    pub async fn open_session(
        &self,
        account: &Account,
        origin: &Origin,
        strength: Strength,
        now_us: i64,
    ) -> Result<SessionToken> {
        let mut transaction = self.pool.begin().await?;
        let token = open(&mut transaction, account, origin, strength, now_us).await?;
        transaction.commit().await?;
        Ok(token)
    }

    /// Opens a session for somebody whose password was right, and who has no second factor.
    ///
    /// # Errors
    /// [`DatabaseError::WrongCredentials`] when the password was changed meanwhile, and as [`Self::open_session`].
    pub async fn open_session_of(
        &self,
        proven: &Proven,
        origin: &Origin,
        now_us: i64,
    ) -> Result<SessionToken> {
        let mut transaction = self.pool.begin().await?;
        proven.hold(&mut transaction).await?;
        let token = open(
            &mut transaction,
            &proven.account,
            origin,
            Strength::Single,
            now_us,
        )
        .await?;
        transaction.commit().await?;
        Ok(token)
    }

    /// The account a token stands for, as it is now; `None` when the session is not alive. One that is locked grows old whatever is asked.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn find_session(&self, token: &SessionToken, how: Use, now_us: i64) -> Result<Option<Living>> {
        let (used_us, made_us) = self.session_limits.bounds(now_us);
        let found: Option<Found> = sqlx::query_as(
            "SELECT a.id, a.user_name, a.display_name, a.organisation, a.language, s.id AS session_id, s.last_seen_us, \
             s.is_strong, s.confirmed_us, s.by_passkey, s.locked_us IS NOT NULL AS is_locked, \
             coalesce(s.unlocked_us, s.created_us) AS entered_us FROM session s JOIN account a ON a.id = s.account_id \
             WHERE s.token_hash = $1 AND s.last_seen_us > $2 AND s.created_us > $3 AND a.disabled_us IS NULL",
        )
        .bind(token.digest())
        .bind(used_us)
        .bind(made_us)
        .fetch_optional(&self.pool)
        .await?;
        let Some(found) = found else { return Ok(None) };
        let is_used = how == Use::Active && !found.is_locked;
        if is_used && now_us.saturating_sub(found.last_seen_us) > TOUCH_US {
            sqlx::query("UPDATE session SET last_seen_us = greatest(last_seen_us, $2) WHERE id = $1")
                .bind(found.session_id)
                .bind(now_us)
                .execute(&self.pool)
                .await?;
        }
        Ok(Some(Living {
            account: found.account.read()?,
            id: SessionId(found.session_id),
            is_locked: found.is_locked,
            entered_us: found.entered_us,
            assured: Assured {
                is_strong: found.is_strong,
                confirmed_us: found.confirmed_us,
                by_passkey: found.by_passkey,
            },
        }))
    }

    /// When the owner was last here before a session: the last use of any session of the account before it was opened. `None` for the first.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn last_here(&self, session: SessionId) -> Result<Option<i64>> {
        let before: Option<Option<i64>> = sqlx::query_scalar("SELECT before_us FROM session WHERE id = $1")
            .bind(session.0)
            .fetch_optional(&self.pool)
            .await?;
        Ok(before.flatten())
    }

    /// The living sessions of an account, the newest first.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn list_sessions(&self, account: AccountId, now_us: i64) -> Result<Vec<SessionView>> {
        let (used_us, made_us) = self.session_limits.bounds(now_us);
        Ok(sqlx::query_as(
            "SELECT s.id, s.created_us, s.last_seen_us, s.user_agent, s.address, p.name AS provider FROM session s \
             LEFT JOIN openid_provider p ON p.id = s.openid_provider_id \
             WHERE s.account_id = $1 AND s.last_seen_us > $2 AND s.created_us > $3 ORDER BY s.id DESC",
        )
        .bind(account.0)
        .bind(used_us)
        .bind(made_us)
        .fetch_all(&self.pool)
        .await?)
    }

    /// Ends a session of `account`.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when the account has no such session.
    pub async fn end_session(
        &self,
        account: &Account,
        origin: &Origin,
        session: SessionId,
        now_us: i64,
    ) -> Result<()> {
        self.end_session_of(&Asker::person(account, origin), account.id, session, now_us)
            .await
    }
}

/// Opens a session in the transaction of `connection`.
pub(crate) async fn open(
    connection: &mut PgConnection,
    account: &Account,
    origin: &Origin,
    strength: Strength,
    now_us: i64,
) -> Result<SessionToken> {
    let token = SessionToken::random();
    let user_agent = vonggac_event::limits::cut(clean(&origin.user_agent), USER_AGENT_BYTES_MAX);
    // Who disables the account meanwhile waits, and then ends this session too.
    let open: Option<bool> = sqlx::query_scalar(
        "UPDATE account SET last_sign_in_us = $2 WHERE id = $1 AND disabled_us IS NULL RETURNING true",
    )
    .bind(account.id.0)
    .bind(now_us)
    .fetch_optional(&mut *connection)
    .await?;
    open.ok_or(DatabaseError::WrongCredentials)?;
    // Nobody forgets the second step: the statement itself asks whether there is one.
    let opened: Option<i64> = sqlx::query_scalar(
        "INSERT INTO session (token_hash, account_id, created_us, last_seen_us, user_agent, address, is_strong, confirmed_us, by_passkey, before_us) \
         SELECT $1, $2, $3, $3, $4, $5, $6, $3, $7, greatest((SELECT max(last_seen_us) FROM session WHERE account_id = $2), \
         (SELECT at_us FROM last_active WHERE account_id = $2)) \
         WHERE $6 OR NOT EXISTS (SELECT FROM totp WHERE account_id = $2 AND confirmed_us IS NOT NULL) \
         AND NOT EXISTS (SELECT FROM passkey WHERE account_id = $2) RETURNING id",
    )
    .bind(token.digest())
    .bind(account.id.0)
    .bind(now_us)
    .bind(user_agent)
    .bind(clean(&origin.address))
    .bind(strength != Strength::Single)
    .bind(strength == Strength::Strong(Factor::Passkey))
    .fetch_optional(&mut *connection)
    .await?;
    let id = opened.ok_or(DatabaseError::Conflict("the account has a second factor"))?;
    sqlx::query(
        "DELETE FROM session WHERE account_id = $1 AND id NOT IN \
         (SELECT id FROM session WHERE account_id = $1 ORDER BY id DESC LIMIT $2)",
    )
    .bind(account.id.0)
    .bind(SESSIONS_MAX)
    .execute(&mut *connection)
    .await?;
    let mut deed = Deed::done("session.open", "session", id);
    if let Strength::Strong(factor) = strength {
        deed = deed.with("factor", factor.name());
    }
    audit::append(connection, &Asker::person(account, origin), vec![deed], now_us).await?;
    Ok(token)
}

/// Writes down at which provider the owner of a session that was just opened has signed in.
pub(crate) async fn was_by_provider(
    connection: &mut PgConnection,
    token: &SessionToken,
    provider: i64,
) -> Result<()> {
    sqlx::query("UPDATE session SET openid_provider_id = $2 WHERE token_hash = $1")
        .bind(token.digest())
        .bind(provider)
        .execute(connection)
        .await?;
    Ok(())
}

/// Writes down that a session's owner was seen just now; a session that was strong stays so.
pub(crate) async fn confirm(
    connection: &mut PgConnection,
    session: SessionId,
    seen: Seen,
    now_us: i64,
) -> Result<()> {
    sqlx::query(
        "UPDATE session SET confirmed_us = $2, is_strong = is_strong OR $3, by_passkey = by_passkey OR $4 WHERE id = $1",
    )
    .bind(session.0)
    .bind(now_us)
    .bind(seen != Seen::Password)
    .bind(seen == Seen::Passkey)
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends an account's sessions but one, and whatever sign-in stands half-way; how many.
pub(crate) async fn end_others(
    connection: &mut PgConnection,
    account: AccountId,
    kept: Option<SessionId>,
) -> Result<u64> {
    sqlx::query("DELETE FROM half_session WHERE account_id = $1")
        .bind(account.0)
        .execute(&mut *connection)
        .await?;
    let done = sqlx::query("DELETE FROM session WHERE account_id = $1 AND id IS DISTINCT FROM $2")
        .bind(account.0)
        .bind(kept.map(|session| session.0))
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}

/// How many sessions are open.
pub(crate) async fn count(pool: &PgPool, limits: SessionLimits, now_us: i64) -> Result<i64> {
    let (used_us, made_us) = limits.bounds(now_us);
    let count =
        sqlx::query_scalar("SELECT count(*) FROM session WHERE last_seen_us > $1 AND created_us > $2")
            .bind(used_us)
            .bind(made_us)
            .fetch_one(pool)
            .await?;
    Ok(count)
}

/// Removes sessions that have ended.
pub(crate) async fn purge(pool: &PgPool, limits: SessionLimits, now_us: i64) -> Result<()> {
    let (used_us, made_us) = limits.bounds(now_us);
    sqlx::query("DELETE FROM session WHERE last_seen_us <= $1 OR created_us <= $2")
        .bind(used_us)
        .bind(made_us)
        .execute(pool)
        .await?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::{self, NOW_US, from};

    const MINUTE_US: i64 = 60 * 1_000_000;

    #[test]
    fn a_token_comes_back_from_its_cookie_and_nothing_else_does() {
        let token = SessionToken::random();
        assert_eq!(token.to_cookie().parse::<SessionToken>().unwrap(), token);
        assert_eq!(format!("{token:?}"), "SessionToken(…)");
        for text in [
            "",
            "00",
            &"g".repeat(64),
            &"0".repeat(66),
            &"é".repeat(32),
            &"0".repeat(63),
        ] {
            assert!(text.parse::<SessionToken>().is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn a_session_ends_idle_and_at_twelve_hours() {
        let Some(database) = testing::database().await else {
            return;
        };
        let account = testing::account(&database, "lan", "*").await;
        let token = database
            .open_session(
                &account,
                &Origin {
                    user_agent: "Firefox\0".into(),
                    ..from("::1")
                },
                Strength::Single,
                NOW_US,
            )
            .await
            .unwrap();
        let alive = async |how, minutes: i64| {
            database
                .find_session(&token, how, NOW_US + minutes * MINUTE_US)
                .await
                .unwrap()
                .is_some()
        };
        assert!(alive(Use::Active, 29).await);
        assert!(alive(Use::Passive, 58).await, "29 minutes after its last use");
        let open = async |minute: i64| {
            database
                .count_sessions(NOW_US + minute * MINUTE_US)
                .await
                .unwrap()
        };
        assert_eq!((open(58).await, open(60).await), (1, 0));
        assert!(!alive(Use::Passive, 60).await, "a background check is no use");
        let mut minute = 29;
        while minute + 25 < 720 {
            minute += 25;
            assert!(alive(Use::Active, minute).await, "{minute}");
        }
        assert!(!alive(Use::Active, 720).await, "twelve hours are the end");
        database.purge(NOW_US + 720 * MINUTE_US).await.unwrap();
        assert_eq!(database.list_sessions(account.id, NOW_US).await.unwrap(), []);
    }

    #[tokio::test]
    async fn sessions_are_listed_and_ended_by_their_owner_alone() {
        let Some(database) = testing::database().await else {
            return;
        };
        let lan = testing::account(&database, "lan", "*").await;
        let minh = testing::account(&database, "minh", "*").await;
        let token = database
            .open_session(&lan, &from("::1"), Strength::Single, NOW_US)
            .await
            .unwrap();
        let id = database
            .find_session(&token, Use::Active, NOW_US)
            .await
            .unwrap()
            .unwrap()
            .id;
        assert!(matches!(
            database.end_session(&minh, &from(""), id, NOW_US).await,
            Err(DatabaseError::NotFound)
        ));
        database.end_session(&lan, &from(""), id, NOW_US).await.unwrap();
        assert!(
            database
                .find_session(&token, Use::Active, NOW_US)
                .await
                .unwrap()
                .is_none()
        );
    }

    #[tokio::test]
    async fn a_session_knows_when_its_owner_was_last_here() {
        let Some(database) = testing::database().await else {
            return;
        };
        let lan = testing::account(&database, "lan", "*").await;
        let open = async |minute: i64| {
            let now_us = NOW_US + minute * MINUTE_US;
            let origin = from("");
            let opened = database.open_session(&lan, &origin, Strength::Single, now_us);
            let token = opened.await.unwrap();
            let living = database.find_session(&token, Use::Passive, now_us).await.unwrap();
            (token, living.unwrap().id)
        };
        let (token, first) = open(0).await;
        assert_eq!(database.last_here(first).await.unwrap(), None, "never before");
        database
            .find_session(&token, Use::Active, NOW_US + 20 * MINUTE_US)
            .await
            .unwrap();
        // Signed out: the row is gone, what it told is not.
        database
            .end_session(&lan, &from(""), first, NOW_US + 21 * MINUTE_US)
            .await
            .unwrap();
        let (_, second) = open(500).await;
        let seen = Some(NOW_US + 20 * MINUTE_US);
        assert_eq!(database.last_here(second).await.unwrap(), seen);
        // Another browser beside it, and the time that removes both.
        let (_, third) = open(510).await;
        assert_eq!(
            database.last_here(third).await.unwrap(),
            Some(NOW_US + 500 * MINUTE_US)
        );
        assert_eq!(
            database.last_here(second).await.unwrap(),
            seen,
            "it stays for the session"
        );
        database.purge(NOW_US + 5_000 * MINUTE_US).await.unwrap();
        let (_, fourth) = open(5_000).await;
        assert_eq!(
            database.last_here(fourth).await.unwrap(),
            Some(NOW_US + 510 * MINUTE_US)
        );
    }

    #[tokio::test]
    async fn the_oldest_session_makes_room() {
        let Some(database) = testing::database().await else {
            return;
        };
        let lan = testing::account(&database, "lan", "*").await;
        let first = database
            .open_session(&lan, &from(""), Strength::Single, NOW_US)
            .await
            .unwrap();
        for _ in 0..SESSIONS_MAX {
            database
                .open_session(&lan, &from(""), Strength::Single, NOW_US)
                .await
                .unwrap();
        }
        assert!(
            database
                .find_session(&first, Use::Active, NOW_US)
                .await
                .unwrap()
                .is_none()
        );
        assert_eq!(database.list_sessions(lan.id, NOW_US).await.unwrap().len(), 20);
    }
}
