//! Tokens of the API: what a program asks with, for a service ([`crate::service`]).
//!
//! ```text
//!  vgt_ │ base 32, lower case: 32 random bytes │ 4 bytes: the first of SHA-256("vgt_", random bytes)
//! ```
//! The checksum lets a scanner tell a leaked token from chance without asking anybody, and lets the console refuse a mistyped one without
//! asking PostgreSQL. Only the SHA-256 of the random bytes is kept. A token works until it expires or is revoked, its service ends, or it
//! comes from another network than it was made for; each request looks anew, so that the end of one is at once.
//!
//! Uses that are refused are written down, within a bound: of a token that is known [`REFUSALS_TOLD_MAX`] in a quarter of an hour, of
//! unknown ones as many as the throttle lets a network try.

mod secret;

use std::net::IpAddr;

use sqlx::{FromRow, PgConnection};
use vonggac_access::{Day, Grasp, TokenScope};

pub use self::secret::TokenSecret;
use crate::account::{RawAccount, check_name};
use crate::alert::Person;
use crate::audit::{self, Asker, Deed, Origin};
use crate::membership::{Kept, MembershipId, Rights};
use crate::throttle::{self, Attempt};
use crate::welcome::{self, Ground};
use crate::{Account, AccountId, Database, DatabaseError, Result, clean};

/// Days for which a token is good when nothing is said.
pub const DAYS: u32 = 90;
/// Most tokens of a service that work.
pub const TOKENS_MAX: i64 = 20;
/// Most tokens of a service, those that work no more too.
const TOKENS_EVER_MAX: i64 = 1_000;
/// Most networks of a token.
pub const NETWORKS_MAX: usize = 20;
/// Refused uses of one token that are written down in a window of the throttle.
pub const REFUSALS_TOLD_MAX: i32 = 5;
/// Refusals of what a token may not do that are written down in a window.
pub const DENIALS_TOLD_MAX: i32 = 50;
/// When it was last used is written at most this often.
const TOUCH_US: i64 = 60 * 1_000_000;
const DAY_US: i64 = 24 * 3600 * 1_000_000;

/// Id of a token; worth nothing without its secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenId(pub i64);

/// What a token is made from.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What it is called: what uses it.
    pub name: String,
    /// For how many days it is good, from 1 on.
    pub days: u32,
    /// What it may be used for.
    pub scope: TokenScope,
    /// Networks that it may be used from, as in `10.0.0.0/8`; none: anywhere.
    pub networks: Vec<String>,
}

/// A token, as those see it who look after the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenView {
    /// Id.
    pub id: TokenId,
    /// What it is called.
    pub name: String,
    /// Words of its scope.
    pub scope: Vec<String>,
    /// Networks that it may be used from; none: anywhere.
    pub networks: Vec<String>,
    /// When it was made.
    pub made_us: i64,
    /// Who made it.
    pub made_by: Person,
    /// From when on it works no more.
    pub expires_us: i64,
    /// When it was revoked.
    pub revoked_us: Option<i64>,
    /// When it was last used, to a minute.
    pub last_used_us: Option<i64>,
    /// The address that it was then used from.
    pub last_used_from: Option<String>,
}

/// A service whose token works.
#[derive(Debug, Clone)]
pub struct Bearer {
    /// The service.
    pub account: Account,
    /// Which of its tokens.
    pub token: TokenId,
    /// What the token was made for.
    pub scope: TokenScope,
    /// Which of the service's roles are the token's.
    roles: TokenRoles,
}

/// Which of a service's roles are a token's: those that it had when the token was made, whose giving the maker was asked about, and those
/// that the maker gave it later himself. What somebody else gives it is for another token.
#[derive(Debug, Clone, Copy)]
struct TokenRoles {
    maker: AccountId,
    upto: MembershipId,
}

impl TokenRoles {
    fn has(self, kept: &Kept) -> bool {
        kept.id.0 <= self.upto.0 || kept.granted_by == Some(self.maker)
    }
}

#[derive(FromRow)]
struct ViewRow {
    id: i64,
    name: String,
    scope: Vec<String>,
    networks: Vec<String>,
    made_us: i64,
    maker_id: i64,
    maker_name: String,
    expires_us: i64,
    revoked_us: Option<i64>,
    last_used_us: Option<i64>,
    last_used_from: Option<String>,
}

impl From<ViewRow> for TokenView {
    fn from(row: ViewRow) -> Self {
        Self {
            id: TokenId(row.id),
            name: row.name,
            scope: row.scope,
            networks: row.networks,
            made_us: row.made_us,
            made_by: Person {
                id: AccountId(row.maker_id),
                display_name: row.maker_name,
            },
            expires_us: row.expires_us,
            revoked_us: row.revoked_us,
            last_used_us: row.last_used_us,
            last_used_from: row.last_used_from,
        }
    }
}

#[derive(FromRow)]
struct Found {
    #[sqlx(flatten)]
    account: RawAccount,
    token_id: i64,
    scope: Vec<String>,
    made_by: i64,
    roles_upto: i64,
    expires_us: i64,
    is_revoked: bool,
    is_ended: bool,
    is_from_here: bool,
    last_used_us: Option<i64>,
}

impl Found {
    /// Why it does not work; `None`: it does.
    fn problem(&self, now_us: i64) -> Option<&'static str> {
        if self.is_revoked {
            Some("the token is revoked")
        } else if self.is_ended {
            Some("the service has ended")
        } else if self.expires_us <= now_us {
            Some("the token has expired")
        } else if !self.is_from_here {
            Some("the token is not for this network")
        } else {
            None
        }
    }

    /// What is no word of a scope any more counts for nothing.
    fn read(self) -> Result<Bearer> {
        let words = self.scope.iter().filter_map(|word| word.parse::<Grasp>().ok());
        Ok(Bearer {
            scope: words.collect(),
            token: TokenId(self.token_id),
            account: self.account.read()?,
            roles: TokenRoles {
                maker: AccountId(self.made_by),
                upto: MembershipId(self.roles_upto),
            },
        })
    }
}

/// The columns of a [`Found`]; `$2` is the address that asks.
macro_rules! select_found {
    ($rest:literal) => {
        concat!(
            "SELECT a.id, a.user_name, a.display_name, a.organisation, a.language, t.id AS token_id, t.scope, t.made_by, t.roles_upto, t.expires_us, \
             t.revoked_us IS NOT NULL AS is_revoked, a.disabled_us IS NOT NULL AS is_ended, t.last_used_us, \
             cardinality(t.networks) = 0 OR coalesce($2::text::inet <<= ANY(t.networks), false) AS is_from_here \
             FROM api_token t JOIN account a ON a.id = t.account_id WHERE ",
            $rest
        )
    };
}

impl NewToken {
    fn check(&self, days_max: u32) -> Result<()> {
        let invalid = |field, problem| Err(DatabaseError::Invalid { field, problem });
        check_name("name", &self.name)?;
        if !(1..=days_max).contains(&self.days) {
            return invalid("days", "must be 1 or more, and not more than the console allows");
        }
        if self.scope.is_empty() {
            return invalid("scope", "must have something");
        }
        if self.networks.len() > NETWORKS_MAX {
            return invalid("networks", "are more than 20");
        }
        Ok(())
    }
}

/// That a token was used.
fn used(id: impl ToString) -> Deed {
    Deed::done("token.use", "api-token", id)
}

/// The address as PostgreSQL reads it; none for what is no address, which lies in no network.
fn inet(origin: &Origin) -> Option<String> {
    let address: IpAddr = origin.address.parse().ok()?;
    Some(address.to_canonical().to_string())
}

impl Database {
    /// Makes a token for a service; its secret is told this once.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is no such service; [`DatabaseError::Conflict`] when it has ended, has too many, or was given a
    /// role that rights were not asked about; [`DatabaseError::Invalid`] for what does not do.
    pub async fn make_token(
        &self,
        by: &Asker<'_>,
        ground: &Ground,
        new: &NewToken,
        days_max: u32,
        now_us: i64,
    ) -> Result<(TokenId, TokenSecret)> {
        new.check(days_max)?;
        let maker = by.somebody()?;
        let mut transaction = self.pool.begin().await?;
        let service = ground.account;
        if welcome::lock(&mut transaction, by, service).await? == welcome::Standing::Disabled {
            return Err(DatabaseError::Conflict("the service has ended"));
        }
        ground.roles(&mut transaction, now_us).await?;
        check_room(&mut transaction, service, now_us).await?;
        let secret = TokenSecret::random();
        let expires_us = now_us.saturating_add(i64::from(new.days).saturating_mul(DAY_US));
        let made = sqlx::query_scalar(
            "INSERT INTO api_token (account_id, name, secret_hash, scope, networks, made_us, made_by, expires_us, roles_upto) \
             SELECT $1, $2, $3, $4, ARRAY(SELECT network(n::inet)::cidr FROM unnest($5::text[]) AS n), $6, $7, $8, \
             coalesce((SELECT max(id) FROM membership WHERE account_id = $1), 0) RETURNING id",
        )
        .bind(service.0)
        .bind(new.name.trim())
        .bind(secret.digest())
        .bind(new.scope.words())
        .bind(&new.networks)
        .bind(now_us)
        .bind(maker.id.0)
        .bind(expires_us)
        .fetch_one(&mut *transaction)
        .await;
        let id: i64 = made.map_err(of_networks)?;
        let deed = Deed::done("token.create", "api-token", id)
            .with("account", service.0)
            .with("name", new.name.trim())
            .with("scope", new.scope.words().join(" "))
            .with("networks", new.networks.join(" "))
            .with("days", new.days);
        audit::append(&mut transaction, by, vec![deed], now_us).await?;
        transaction.commit().await?;
        Ok((TokenId(id), secret))
    }

    /// Revokes a token of a service: it works nowhere from now on, and its live streams end.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when the service has no such token; [`DatabaseError::Conflict`] when it is revoked already.
    pub async fn revoke_token(
        &self,
        by: &Asker<'_>,
        service: AccountId,
        token: TokenId,
        now_us: i64,
    ) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        let known: Option<bool> = sqlx::query_scalar(
            "SELECT revoked_us IS NOT NULL FROM api_token WHERE id = $1 AND account_id = $2 FOR UPDATE",
        )
        .bind(token.0)
        .bind(service.0)
        .fetch_optional(&mut *transaction)
        .await?;
        if known.ok_or(DatabaseError::NotFound)? {
            return Err(DatabaseError::Conflict("the token is revoked already"));
        }
        sqlx::query("UPDATE api_token SET revoked_us = $2, revoked_by = $3 WHERE id = $1")
            .bind(token.0)
            .bind(now_us)
            .bind(by.account().map(|account| account.id.0))
            .execute(&mut *transaction)
            .await?;
        let deed = Deed::done("token.revoke", "api-token", token.0).with("account", service.0);
        audit::append(&mut transaction, by, vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }

    /// What the rights of a token come from on `day`.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn rights_of_token(&self, bearer: &Bearer, day: Day) -> Result<Rights> {
        self.rights(bearer.account.id, day, |kept| bearer.roles.has(kept))
            .await
    }

    /// The tokens of a service, the newest first.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn tokens_of(&self, service: AccountId) -> Result<Vec<TokenView>> {
        let rows: Vec<ViewRow> = sqlx::query_as(
            "SELECT t.id, t.name, t.scope, t.networks::text[] AS networks, t.made_us, m.id AS maker_id, m.display_name AS maker_name, \
             t.expires_us, t.revoked_us, t.last_used_us, t.last_used_from FROM api_token t JOIN account m ON m.id = t.made_by \
             WHERE t.account_id = $1 ORDER BY t.id DESC",
        )
        .bind(service.0)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(TokenView::from).collect())
    }

    /// The service that a token stands for, as a request brings it. A secret is not guessed, so nobody's failures stand in the way of one
    /// that works.
    ///
    /// # Errors
    /// [`DatabaseError::BadToken`], one answer whatever is wrong with it, or [`DatabaseError::Throttled`] for a network that has tried too
    /// many.
    pub async fn use_token(&self, text: &str, origin: &Origin, now_us: i64) -> Result<Bearer> {
        let secret: TokenSecret = text.parse()?;
        let found: Option<Found> = sqlx::query_as(select_found!("t.secret_hash = $1"))
            .bind(secret.digest())
            .bind(inet(origin))
            .fetch_optional(&self.pool)
            .await?;
        let Some(found) = found else {
            let attempt = Attempt::Bearer {
                address: &origin.address,
            };
            let by = Asker::nobody("", origin);
            self.count_attempt(&attempt, &by, used(""), now_us).await?;
            let deed = used("").refused("there is no such token");
            self.note(&by, deed, now_us).await?;
            return Err(DatabaseError::BadToken);
        };
        let problem = found.problem(now_us);
        let last_used_us = found.last_used_us;
        let bearer = found.read()?;
        if let Some(problem) = problem {
            return Err(self.refuse(&bearer, problem, origin, now_us).await?);
        }
        if last_used_us.is_none_or(|last_us| now_us.saturating_sub(last_us) >= TOUCH_US) {
            self.touch(bearer.token, origin, now_us).await?;
        }
        Ok(bearer)
    }

    /// The same for one that was seen before: what it is now, when it works still.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn find_token(&self, token: TokenId, origin: &Origin, now_us: i64) -> Result<Option<Bearer>> {
        let found: Option<Found> = sqlx::query_as(select_found!("t.id = $1"))
            .bind(token.0)
            .bind(inet(origin))
            .fetch_optional(&self.pool)
            .await?;
        let working = found.filter(|found| found.problem(now_us).is_none());
        working.map(Found::read).transpose()
    }

    /// Writes down that a token was refused what it asked for, as long as it is not too often.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn note_denied(&self, by: &Asker<'_>, token: TokenId, deed: Deed, now_us: i64) -> Result<()> {
        self.note_within(&Attempt::TokenDenied { token }, by, deed, now_us)
            .await
    }

    async fn refuse(
        &self,
        bearer: &Bearer,
        problem: &'static str,
        origin: &Origin,
        now_us: i64,
    ) -> Result<DatabaseError> {
        let token = bearer.token;
        let by = Asker::service(&bearer.account, token, origin);
        let deed = used(token.0).refused(problem);
        self.note_within(&Attempt::TokenRefused { token }, &by, deed, now_us)
            .await?;
        Ok(DatabaseError::BadToken)
    }

    /// Writes a refusal down, unless as many were as may be; that there are more, once.
    async fn note_within(
        &self,
        attempt: &Attempt<'_>,
        by: &Asker<'_>,
        deed: Deed,
        now_us: i64,
    ) -> Result<()> {
        match throttle::count(&self.pool, attempt, now_us).await? {
            None => self.note(by, deed, now_us).await,
            Some(refused) if refused.is_first => {
                self.note(by, deed.with("more", "are not written down for a while"), now_us)
                    .await
            }
            Some(_) => Ok(()),
        }
    }

    async fn touch(&self, token: TokenId, origin: &Origin, now_us: i64) -> Result<()> {
        sqlx::query(
            "UPDATE api_token SET last_used_us = $2, last_used_from = $3 \
             WHERE id = $1 AND coalesce(last_used_us, 0) < $2",
        )
        .bind(token.0)
        .bind(now_us)
        .bind(clean(&origin.address))
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

/// What PostgreSQL cannot read as networks.
fn of_networks(error: sqlx::Error) -> DatabaseError {
    let error = DatabaseError::from(error);
    if error.is_about_data() {
        return DatabaseError::Invalid {
            field: "networks",
            problem: "must be networks such as 10.0.0.0/8 or 2001:db8::/32",
        };
    }
    error
}

/// Sees, with its account locked, that a service is one and may have another token.
async fn check_room(connection: &mut PgConnection, service: AccountId, now_us: i64) -> Result<()> {
    let (is_service, working, all): (bool, i64, i64) = sqlx::query_as(
        "SELECT a.is_service, (SELECT count(*) FROM api_token t WHERE t.account_id = a.id AND t.revoked_us IS NULL \
         AND t.expires_us > $2), (SELECT count(*) FROM api_token t WHERE t.account_id = a.id) FROM account a WHERE a.id = $1",
    )
    .bind(service.0)
    .bind(now_us)
    .fetch_one(connection)
    .await?;
    if !is_service {
        return Err(DatabaseError::NotFound);
    }
    if working >= TOKENS_MAX || all >= TOKENS_EVER_MAX {
        return Err(DatabaseError::Conflict("the service has too many tokens"));
    }
    Ok(())
}

/// Revokes all tokens of a service that still work; how many.
pub(crate) async fn revoke_all(
    connection: &mut PgConnection,
    by: &Asker<'_>,
    service: AccountId,
    now_us: i64,
) -> Result<u64> {
    let done = sqlx::query(
        "UPDATE api_token SET revoked_us = $2, revoked_by = $3 WHERE account_id = $1 AND revoked_us IS NULL",
    )
    .bind(service.0)
    .bind(now_us)
    .bind(by.account().map(|account| account.id.0))
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}
