//! How often somebody may try: counted in PostgreSQL, so that a restart forgets nothing and two consoles count together.
//!
//! Windows of 15 minutes. An attempt is counted before it is looked at; a success takes its own back.
//!
//! | counted by | limit |
//! |---|---|
//! | browser that signed in to the account before | 10, and nothing else |
//! | network | 50 |
//! | network and account | 5 |
//! | account | 100 |
//! | network, set-up code | 10 |
//! | network, passkey | 50 |
//! | network, return from a provider | 50 |
//! | network, way to a provider that has begun | 300 |
//! | network, link to choose a password | 50 |
//! | network, token of a sensor | 50 |
//! | network, unknown token of the API | 50 |
//! | token of the API that works no more: refusals that are written down | 5 |
//! | token of the API, what it may not do: refusals that are written down | 50 |
//! | account and browser, second factor of somebody whose password was right | 10 |
//! | account, confirmation of somebody who is signed in | 10 |
//! | account, letters and posts that it has sent at once: codes and tests | 10 |
//! | address of e-mail or webhook, the same | 5 |
//!
//! A network is an IPv4 /24 or an IPv6 /56: what one customer of a provider has. Whoever fails on purpose locks out strangers to the account,
//! never a browser that its owner has used ([`crate::device`]).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sqlx::{PgConnection, PgPool};

use crate::api_token::{DENIALS_TOLD_MAX, REFUSALS_TOLD_MAX, TokenId};
use crate::audit::{Asker, Deed, Origin};
use crate::{AccountId, Database, DatabaseError, Result};

/// How long attempts count.
pub const WINDOW_US: i64 = 15 * 60 * 1_000_000;

/// Attempts on one account from a browser that knows it, in a window.
pub const DEVICE_ATTEMPTS_MAX: i32 = 10;
/// Attempts on one account from one network in a window.
pub const PAIR_ATTEMPTS_MAX: i32 = 5;
/// Attempts from one network in a window.
pub const NETWORK_ATTEMPTS_MAX: i32 = 50;
/// Attempts on one account in a window, from wherever nobody knows it.
pub const ACCOUNT_ATTEMPTS_MAX: i32 = 100;
/// Attempts at the set-up code from one network in a window.
pub const SETUP_ATTEMPTS_MAX: i32 = 10;
/// Attempts in a window at the second factor of an account, or to confirm who one is.
pub const CONFIRMATION_ATTEMPTS_MAX: i32 = 10;
/// Ways to providers that may begin from one network in a window; who is back takes his from it.
pub const OPENID_BEGUN_MAX: i32 = 300;
/// Codes and tests that one account has sent in a window.
pub const LETTERS_MAX: i32 = 10;
/// Codes and tests that go to one address in a window, whoever has them sent.
pub const LETTERS_TO_ONE_MAX: i32 = 5;

/// What is attempted.
pub(crate) enum Attempt<'a> {
    /// A sign-in.
    SignIn {
        /// The user name in lower case.
        user_key: &'a str,
        /// Where from.
        origin: &'a Origin,
    },
    /// The set-up code.
    Setup {
        /// Where from.
        address: &'a str,
    },
    /// The second factor of somebody whose password was right.
    Factor {
        /// Whose.
        account: AccountId,
        /// Where from.
        origin: &'a Origin,
    },
    /// A passkey.
    Passkey {
        /// Where from.
        address: &'a str,
    },
    /// A return from a provider.
    OpenId {
        /// Where from.
        address: &'a str,
    },
    /// A way to a provider that begins.
    OpenIdBegun {
        /// Where from.
        address: &'a str,
    },
    /// A link with which somebody chooses a password.
    Link {
        /// Where from.
        address: &'a str,
    },
    /// A token with which a sensor is enrolled.
    Token {
        /// Where from.
        address: &'a str,
    },
    /// A token of the API that nobody knows.
    Bearer {
        /// Where from.
        address: &'a str,
    },
    /// A token of the API that works no more, or not from there.
    TokenRefused {
        /// Which.
        token: TokenId,
    },
    /// What a token of the API may not do.
    TokenDenied {
        /// Which.
        token: TokenId,
    },
    /// A second factor or the password of somebody who is signed in.
    Confirmation {
        /// Whose.
        account: AccountId,
    },
    /// A message that somebody has sent at once: a code, or a test.
    Letter {
        /// Who.
        account: AccountId,
        /// Where to.
        address: &'a str,
    },
}

impl Attempt<'_> {
    /// What it is counted by, each with its limit. The widest stands first: it bounds how many rows the narrower can make.
    fn keys(&self) -> Vec<(String, i32)> {
        match self {
            Self::SignIn { user_key, origin } => {
                if let Some(device) = &origin.device {
                    return vec![(format!("device {device} {user_key}"), DEVICE_ATTEMPTS_MAX)];
                }
                let network = network_of(&origin.address);
                vec![
                    (format!("network {network}"), NETWORK_ATTEMPTS_MAX),
                    (format!("pair {network} {user_key}"), PAIR_ATTEMPTS_MAX),
                    (format!("account {user_key}"), ACCOUNT_ATTEMPTS_MAX),
                ]
            }
            Self::Setup { address } => {
                vec![(format!("setup {}", network_of(address)), SETUP_ATTEMPTS_MAX)]
            }
            Self::Passkey { address } => {
                vec![(format!("passkey {}", network_of(address)), NETWORK_ATTEMPTS_MAX)]
            }
            Self::OpenId { address } => {
                vec![(format!("openid {}", network_of(address)), NETWORK_ATTEMPTS_MAX)]
            }
            Self::OpenIdBegun { address } => {
                vec![(format!("openid-begun {}", network_of(address)), OPENID_BEGUN_MAX)]
            }
            Self::Link { address } => {
                vec![(format!("link {}", network_of(address)), NETWORK_ATTEMPTS_MAX)]
            }
            Self::Token { address } => {
                vec![(format!("token {}", network_of(address)), NETWORK_ATTEMPTS_MAX)]
            }
            Self::Bearer { address } => {
                vec![(format!("bearer {}", network_of(address)), NETWORK_ATTEMPTS_MAX)]
            }
            Self::TokenRefused { token } => {
                vec![(format!("refused {}", token.0), REFUSALS_TOLD_MAX)]
            }
            Self::TokenDenied { token } => vec![(format!("denied {}", token.0), DENIALS_TOLD_MAX)],
            Self::Factor { account, origin } => {
                let device = origin.device.as_deref().unwrap_or("unknown");
                vec![(
                    format!("factor {} {device}", account.0),
                    CONFIRMATION_ATTEMPTS_MAX,
                )]
            }
            Self::Confirmation { account } => {
                vec![(format!("confirmation {}", account.0), CONFIRMATION_ATTEMPTS_MAX)]
            }
            Self::Letter { account, address } => vec![
                (format!("letter {}", account.0), LETTERS_MAX),
                (
                    format!("letter-to {}", address.to_lowercase()),
                    LETTERS_TO_ONE_MAX,
                ),
            ],
        }
    }
}

/// The first address of the network that an address is counted with: of IPv4 its /24, of IPv6 its /56.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() & !0xff).into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 72)).into(),
    }
}

/// The network that an address is counted with: `192.0.2.0/24`, `2001:db8:0:ff00::/56`, or what is no address as it is.
fn network_of(address: &str) -> String {
    match address.parse().map(network) {
        Ok(network @ IpAddr::V4(_)) => format!("{network}/24"),
        Ok(network @ IpAddr::V6(_)) => format!("{network}/56"),
        Err(_) => address.to_owned(),
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

impl Database {
    /// Counts an attempt. One too many is refused; the first of its window is written down as that deed of `by`.
    ///
    /// # Errors
    /// [`DatabaseError::Throttled`] when there were too many.
    pub(crate) async fn count_attempt(
        &self,
        attempt: &Attempt<'_>,
        by: &Asker<'_>,
        deed: Deed,
        now_us: i64,
    ) -> Result<()> {
        let Some(refused) = count(&self.pool, attempt, now_us).await? else {
            return Ok(());
        };
        let error = DatabaseError::from(refused);
        if refused.is_first {
            self.note(by, deed.refused(&error), now_us).await?;
        }
        Err(error)
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

/// Takes back what a successful attempt was counted; what is of one person starts anew.
pub(crate) async fn forgive(pool: &PgPool, attempt: &Attempt<'_>) -> Result<()> {
    for (key, _) in attempt.keys() {
        // These are of one person's, so that all they were counted was the same person's.
        let statement = if ["pair ", "device ", "factor ", "confirmation "]
            .iter()
            .any(|kind| key.starts_with(kind))
        {
            "DELETE FROM attempt WHERE key = $1"
        } else {
            "UPDATE attempt SET attempts = greatest(attempts - 1, 0) WHERE key = $1"
        };
        sqlx::query(statement).bind(&key).execute(pool).await?;
    }
    Ok(())
}

/// Takes back what one attempt was counted, and nothing of those before it.
pub(crate) async fn take_back(pool: &PgPool, attempt: &Attempt<'_>) -> Result<()> {
    let keys: Vec<String> = attempt.keys().into_iter().map(|(key, _)| key).collect();
    sqlx::query("UPDATE attempt SET attempts = greatest(attempts - 1, 0) WHERE key = ANY ($1)")
        .bind(keys)
        .execute(pool)
        .await?;
    Ok(())
}

/// Lets browsers try an account again that is shut to them. User names have no blanks, so the last word of a key is one.
pub(crate) async fn unlock(connection: &mut PgConnection, user_key: &str) -> Result<()> {
    sqlx::query(
        "DELETE FROM attempt WHERE key = 'account ' || $1 OR split_part(key, ' ', 3) = $1 AND (key LIKE 'pair %' OR key LIKE 'device %')",
    )
        .bind(user_key)
        .execute(connection)
        .await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_counted_by_network() {
        for (address, expect) in [
            ("192.0.2.77", "192.0.2.0/24"),
            ("::ffff:192.0.2.77", "192.0.2.0/24"),
            ("2001:db8:0:ffab:1::1", "2001:db8:0:ff00::/56"),
            ("unknown", "unknown"),
        ] {
            assert_eq!(network_of(address), expect);
        }
    }
}
