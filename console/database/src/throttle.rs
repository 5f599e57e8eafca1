//! How often somebody may try: counted in PostgreSQL, so that a restart forgets nothing and two consoles count together.
//!
//! Windows of 15 minutes. An attempt is counted before it is looked at; a success takes its own back.
//!
//! | counted by | limit |
//! |---|---|
//! | account and address | 5 |
//! | address | 50 |
//! | account | 100 (so that nobody can lock another out from one address) |
//! | address, set-up code | 10 |
//! | account, second factor or password of somebody whose password or session was right | 10 |

use sqlx::PgPool;

use crate::{AccountId, DatabaseError, Result};

/// How long attempts count.
pub const WINDOW_US: i64 = 15 * 60 * 1_000_000;

/// Attempts on one account from one address in a window.
pub const PAIR_ATTEMPTS_MAX: i32 = 5;
/// Attempts from one address in a window.
pub const ADDRESS_ATTEMPTS_MAX: i32 = 50;
/// Attempts on one account in a window, wherever from.
pub const ACCOUNT_ATTEMPTS_MAX: i32 = 100;
/// Attempts at the set-up code from one address in a window.
pub const SETUP_ATTEMPTS_MAX: i32 = 10;
/// Attempts in a window to confirm who one is, of an account.
pub const CONFIRMATION_ATTEMPTS_MAX: i32 = 10;

/// What is attempted.
pub(crate) enum Attempt<'a> {
    /// A sign-in.
    SignIn {
        /// The user name in lower case.
        user_key: &'a str,
        /// Where from.
        address: &'a str,
    },
    /// The set-up code.
    Setup {
        /// Where from.
        address: &'a str,
    },
    /// A second factor, or the password of somebody who is signed in.
    Confirmation {
        /// Whose.
        account: AccountId,
    },
}

impl Attempt<'_> {
    /// What it is counted by, each with its limit. The widest stands first: it bounds how many rows the narrower can make.
    fn keys(&self) -> Vec<(String, i32)> {
        match self {
            Self::SignIn { user_key, address } => vec![
                (format!("address {address}"), ADDRESS_ATTEMPTS_MAX),
                (format!("pair {address} {user_key}"), PAIR_ATTEMPTS_MAX),
                (format!("account {user_key}"), ACCOUNT_ATTEMPTS_MAX),
            ],
            Self::Setup { address } => vec![(format!("setup {address}"), SETUP_ATTEMPTS_MAX)],
            Self::Confirmation { account } => {
                vec![(format!("confirmation {}", account.0), CONFIRMATION_ATTEMPTS_MAX)]
            }
        }
    }
}

/// An attempt that is one too many.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refused {
    /// When it is worth trying again.
    pub(crate) retry_after_s: u64,
    /// Whether it is the first of its window: the others are not worth telling, and would let anybody fill the audit log.
    pub(crate) is_first: bool,
}

impl From<Refused> for DatabaseError {
    fn from(refused: Refused) -> Self {
        Self::Throttled {
            retry_after_s: refused.retry_after_s,
        }
    }
}

/// Counts an attempt; tells when one of its limits was reached before.
pub(crate) async fn count(pool: &PgPool, attempt: &Attempt<'_>, now_us: i64) -> Result<Option<Refused>> {
    for (key, limit) in attempt.keys() {
        let (attempts, window_us): (i32, i64) = sqlx::query_as(
            "INSERT INTO attempt AS a (key, attempts, window_us) VALUES ($1, 1, $2) ON CONFLICT (key) DO UPDATE SET \
             attempts = CASE WHEN a.window_us + $3 < $2 THEN 1 ELSE least(a.attempts, $4 + 1) + 1 END, \
             window_us = CASE WHEN a.window_us + $3 < $2 THEN $2 ELSE a.window_us END RETURNING attempts, window_us",
        )
        .bind(&key)
        .bind(now_us)
        .bind(WINDOW_US)
        .bind(limit)
        .fetch_one(pool)
        .await?;
        if attempts > limit {
            let left_us = window_us.saturating_add(WINDOW_US).saturating_sub(now_us);
            let retry_after_s = u64::try_from(left_us).unwrap_or(0).div_ceil(1_000_000).max(1);
            return Ok(Some(Refused {
                retry_after_s,
                is_first: attempts == limit + 1,
            }));
        }
    }
    Ok(None)
}

/// Takes back what a successful attempt was counted; the pair starts anew.
pub(crate) async fn forgive(pool: &PgPool, attempt: &Attempt<'_>) -> Result<()> {
    for (key, _) in attempt.keys() {
        let statement = if key.starts_with("pair ") {
            "DELETE FROM attempt WHERE key = $1"
        } else {
            "UPDATE attempt SET attempts = greatest(attempts - 1, 0) WHERE key = $1"
        };
        sqlx::query(statement).bind(&key).execute(pool).await?;
    }
    Ok(())
}

/// Removes what no longer counts.
pub(crate) async fn purge(pool: &PgPool, now_us: i64) -> Result<()> {
    sqlx::query("DELETE FROM attempt WHERE window_us + $1 < $2")
        .bind(WINDOW_US)
        .bind(now_us)
        .execute(pool)
        .await?;
    Ok(())
}
