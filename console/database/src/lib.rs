//! The case store: accounts, sessions and people's work on alerts, in PostgreSQL.
//!
//! - [`account`]: who may sign in; passwords as argon2id.
//! - [`welcome`]: links with which people choose a password; [`administration`]: what others do with an account; [`roster`]: accounts for
//!   those who look after people.
//! - [`service`]: accounts of programs; [`api_token`]: what they ask with.
//! - [`session`]: 256-bit tokens, kept as their SHA-256; they end idle and at a certain age.
//! - [`factor`]: second factors; [`passkey`]: those that need no password; [`entry`]: signing in with them, and confirming later who sits there; [`vault`]: the console's own secret.
//! - [`sign_in_policy`]: which roles take a passkey; [`openid`]: signing in at somebody else's.
//! - [`throttle`]: how often somebody may try to sign in; [`device`]: what a browser remembers, so that strangers lock nobody out.
//! - [`alert`]: alerts as the pipeline says they stand, taken over only when the revision is newer; what goes on after an alert
//!   was closed is a new one.
//! - [`queue`]: listing and counting them.
//! - [`work`]: what people do with alerts, one or all that match, and undo; each leaves a line in `activity`.
//! - [`verdict`]: what closed alerts turned out to be; [`people`]: who may be given alerts; [`view`]: saved views of the queue.
//! - [`overview`]: what was raised, waits and took how long, for a shift lead.
//! - [`handover`]: what one shift leaves the next; [`watch`]: what an organisation keeps an eye on.
//! - [`exception`]: which alerts an organisation wants out of its queue, or less urgent, until when and why.
//! - [`notice`]: what people are told of, by rules of their own, and on which ways; [`notification`]: how those leave the console.
//! - [`saved_search`]: searches kept under a name; [`export`]: searches written to files.
//! - [`sensor`]: sensors, their one-time tokens, and what pipelines are to be told of them.
//! - [`organisation`]: organisations, taken in from a file; [`membership`]: who has which role at which.
//! - [`audit`]: who did what, was refused what, and looked at what, written in the transaction it tells of.
//! - `fence`: PostgreSQL's own row-level security, behind the scopes.
//! - [`news`]: what happened to alerts, rights and sensors, whichever console did it.
//!
//! Invariant: every function that reads or changes alerts or sensors takes a [`Scope`](vonggac_event::Scope); what lies outside it is
//! [`DatabaseError::NotFound`], the same as what does not exist. Invariant: `activity` and the audit log are append-only, and PostgreSQL refuses anything else; no change of a person's commits without its entry in the log. Invariant: a
//! revision of an alert never touches what people made of it. The clock is an argument (`now_us`, microseconds since
//! 1970, UTC); tokens and salts come from the system's random source.

pub mod account;
pub mod administration;
pub mod alert;
pub mod api_token;
pub mod audit;
mod connection;
pub mod device;
pub mod entry;
pub mod exception;
pub mod exercise;
pub mod export;
pub mod factor;
mod fence;
pub mod handover;
pub mod membership;
pub mod name_cursor;
pub mod news;
pub mod notice;
pub mod notification;
pub mod openid;
pub mod organisation;
pub mod overview;
pub mod passkey;
mod password;
pub mod people;
pub mod queue;
pub mod roster;
pub mod saved_search;
pub mod sensor;
pub mod service;
pub mod session;
pub mod sign_in_policy;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod throttle;
mod totp;
pub mod vault;
pub mod verdict;
pub mod view;
pub mod watch;
pub mod welcome;
pub mod work;

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use thiserror::Error;
use tokio::sync::Semaphore;
use vonggac_link::{PostgresSecurity, SettingError};

pub use account::{Account, AccountId, Language, NewAccount, NewPerson, Proven};
pub use alert::{AlertRow, Person, Snooze, Status};
pub use api_token::TokenId;
pub use exercise::ExerciseId;
pub use membership::MembershipId;
pub use organisation::{Imported, scope_of};
pub use people::PEOPLE_MAX;
pub use session::{SessionId, SessionLimits, SessionToken, SessionView};
pub use vault::Vault;
pub use verdict::{Reason, Verdict};

/// Most connections to PostgreSQL; one of them listens to the news.
pub const CONNECTIONS_MAX: u32 = 13;

/// How long a request may wait for a connection.
pub const ACQUIRE_LIMIT: Duration = Duration::from_secs(5);

/// How long one statement of a request may take when nothing else is said.
pub const STATEMENT_LIMIT: Duration = Duration::from_secs(10);

/// How long a transaction may stand still before PostgreSQL ends it, so that a console that hangs holds nobody's rows.
pub const IDLE_TRANSACTION_LIMIT: Duration = Duration::from_secs(30);

/// Most passwords hashed at once; each takes 19 MiB and a core.
pub const HASHES_MAX: usize = 4;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// What went wrong, and whose fault it is.
#[derive(Debug, Error)]
pub enum DatabaseError {
    /// The address of PostgreSQL cannot be read.
    #[error("the PostgreSQL address is not valid: {0}")]
    Address(#[source] sqlx::Error),
    /// A setting of the connection cannot be used.
    #[error("PostgreSQL: {0}")]
    Setting(#[from] SettingError),
    /// PostgreSQL failed or is away.
    #[error("PostgreSQL: {0}")]
    Server(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("PostgreSQL schema: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A password could not be hashed.
    #[error("password hashing: {0}")]
    Hashing(String),
    /// There is no such thing, or not for this account.
    #[error("not found")]
    NotFound,
    /// Organisations do not fit together.
    #[error("{0}")]
    Organisation(#[from] vonggac_access::TreeError),
    /// The thing is not in the state the action needs.
    #[error("{0}")]
    Conflict(&'static str),
    /// There is an account already, so nobody can be the first.
    #[error("the first administrator exists already")]
    AlreadySetUp,
    /// A value given by a person does not do.
    #[error("{field} {problem}")]
    Invalid {
        /// Which value.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// User name or password is wrong; which of them is not said.
    #[error("user name or password is wrong")]
    WrongCredentials,
    /// A one-time code is wrong, too old, or was used; which of them is not said.
    #[error("the code is wrong or was used already")]
    WrongCode,
    /// A token of the API does not work; why is not said.
    #[error("the token is wrong, expired, revoked, or not for this network")]
    BadToken,
    /// A passkey's answer does not count.
    #[error("passkey: {0}")]
    Passkey(#[from] vonggac_passkey::PasskeyError),
    /// What was asked for wants an owner who was seen just now.
    #[error("confirm first that it is you")]
    NotConfirmed,
    /// A secret cannot be kept or read.
    #[error("the console's own secret: {0}")]
    Vault(&'static str),
    /// The list asks for more than PostgreSQL may spend on it.
    #[error("the list takes too long; narrow the time or the search")]
    TooExpensive,
    /// Too many attempts.
    #[error("too many attempts; try again in {retry_after_s} s")]
    Throttled {
        /// When it is worth trying again.
        retry_after_s: u64,
    },
}

fn sqlstate(error: &sqlx::Error) -> Option<String> {
    let sqlx::Error::Database(error) = error else {
        return None;
    };
    error.code().map(Into::into)
}

impl DatabaseError {
    /// What an error of a list means: one that took too long can be narrowed.
    pub(crate) fn of_list(error: sqlx::Error) -> Self {
        match sqlstate(&error).as_deref() {
            // query_canceled: by statement_timeout.
            Some("57014") => Self::TooExpensive,
            _ => Self::Server(error),
        }
    }

    /// Whether PostgreSQL ended the transaction for another's sake (deadlock_detected, serialization_failure), so that the same again
    /// succeeds.
    pub(crate) fn is_about_order(&self) -> bool {
        let Self::Server(error) = self else {
            return false;
        };
        matches!(sqlstate(error).as_deref(), Some("40P01" | "40001"))
    }

    /// Whether PostgreSQL refused what it was given (SQLSTATE classes 22 and 23), so that trying again is of no use.
    pub fn is_about_data(&self) -> bool {
        let Self::Server(error) = self else {
            return false;
        };
        sqlstate(error).is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
    }
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, DatabaseError>;

/// The case store. Clones share one pool.
#[derive(Debug, Clone)]
pub struct Database {
    pool: PgPool,
    hashing: Arc<Semaphore>,
    session_limits: SessionLimits,
}

/// How many connections there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolState {
    /// Open.
    pub open: u32,
    /// Of them, not in use.
    pub idle: u32,
    /// At most.
    pub max: u32,
}

impl Database {
    /// Connects to `url` (`postgres://user:password@host:port/name`, or `?host=/socket/directory`), with what `security` adds; no
    /// statement may take longer than `statement_limit`, those of [`Self::migrate`] excepted.
    ///
    /// # Errors
    /// When the address or a setting is not valid, or no server answers.
    pub async fn connect(url: &str, security: &PostgresSecurity, statement_limit: Duration) -> Result<Self> {
        Self::connect_with(connection::options(url, security)?, statement_limit).await
    }

    /// Connects with options made elsewhere.
    ///
    /// # Errors
    /// When no server answers.
    pub async fn connect_with(options: PgConnectOptions, statement_limit: Duration) -> Result<Self> {
        let milliseconds = |limit: Duration| limit.as_millis().to_string();
        let (reach, everything) = fence::OWN_DUTIES;
        let options = options.application_name("vonggac-console").options([
            (reach, everything.to_owned()),
            ("statement_timeout", milliseconds(statement_limit)),
            (
                "idle_in_transaction_session_timeout",
                milliseconds(IDLE_TRANSACTION_LIMIT),
            ),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(ACQUIRE_LIMIT)
            .connect_with(options)
            .await?;
        Ok(Self {
            pool,
            hashing: Arc::new(Semaphore::new(HASHES_MAX)),
            session_limits: SessionLimits::default(),
        })
    }

    /// The same, whose sessions live as long as `limits` say.
    #[must_use]
    pub fn with_session_limits(self, limits: SessionLimits) -> Self {
        Self {
            session_limits: limits,
            ..self
        }
    }

    /// Brings the schema up to date. Two consoles may do it at once; one waits for the other.
    ///
    /// # Errors
    /// When PostgreSQL refuses, or the schema is newer than this build.
    pub async fn migrate(&self) -> Result<()> {
        // A connection of its own: building an index may take longer than a request's statement may.
        let options = self.pool.connect_options().as_ref().clone();
        let patient = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_LIMIT)
            .connect_with(options.options([("statement_timeout", "0")]))
            .await?;
        let outcome = MIGRATIONS.run(&patient).await;
        patient.close().await;
        Ok(outcome?)
    }

    /// Asks PostgreSQL for its version.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn version(&self) -> Result<String> {
        Ok(sqlx::query_scalar("SHOW server_version")
            .fetch_one(&self.pool)
            .await?)
    }

    /// Removes what time has made worthless: sessions that ended, counted attempts that no longer count, yesterday's files, and what can no
    /// longer be undone.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn purge(&self, now_us: i64) -> Result<()> {
        session::purge(&self.pool, self.session_limits, now_us).await?;
        entry::purge(&self.pool, now_us).await?;
        passkey::purge(&self.pool, now_us).await?;
        openid::attempt::purge(&self.pool, now_us).await?;
        work::undo::purge(&self.pool, now_us).await?;
        export::purge(&self.pool, now_us).await?;
        welcome::purge(&self.pool, now_us).await?;
        sensor::purge(&self.pool, now_us).await?;
        notice::purge(&self.pool, now_us).await?;
        throttle::purge(&self.pool, now_us).await
    }

    /// How many sessions are open.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn count_sessions(&self, now_us: i64) -> Result<i64> {
        session::count(&self.pool, self.session_limits, now_us).await
    }

    /// How the connections stand.
    pub fn pool_state(&self) -> PoolState {
        PoolState {
            open: self.pool.size(),
            idle: u32::try_from(self.pool.num_idle()).unwrap_or(u32::MAX),
            max: self.pool.options().get_max_connections(),
        }
    }

    /// Number of the organisations as they stand: another than before means that they have changed.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn organisations_version(&self) -> Result<i64> {
        let version = sqlx::query_scalar("SELECT version FROM organisation_version");
        Ok(version.fetch_one(&self.pool).await?)
    }

    /// Closes the connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// PostgreSQL's `text` has no NUL; one from a wire or a person becomes U+FFFD.
fn clean(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// `text` for a LIKE pattern, so that it stands for itself.
fn like_literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    for character in clean(text).chars() {
        if matches!(character, '%' | '_' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_stands_for_itself() {
        assert_eq!(like_literal("50%_\\\0"), "50\\%\\_\\\\\u{fffd}");
    }
}
