//! Links with which people choose a password: the first one of somebody invited, or a new one.
//!
//! A link has 256 random bits, of which SHA-256 is kept. It works once, for [`LINK_US`], and not any more after a newer one, after the
//! account or who made the link is disabled, after a role of who made it ends, or after another gave the account a role: whoever made it may
//! know it, and could not have given that role. Wrong, used, too old and withdrawn are one answer. Until it is used, whatever the account
//! had before goes on.
//!
//! Invariant: nobody comes alone into an account with a role that takes a second person ([`policy::needs_second_person`]), also one that still
//! waits. A link to it *takes two*: it works only together with a code that somebody else tells the owner, who might have made the link and did not. What
//! the server's owner makes ([`Asker::console`]) takes nobody else.

use std::fmt;
use std::str::FromStr;

use sqlx::{FromRow, PgConnection, PgPool};
use vonggac_access::{Day, Membership, OrganisationId, PersonId, policy};

use crate::account::{self, NewPerson, RawAccount};
use crate::audit::{self, Asker, Deed, Origin};
use crate::factor;
use crate::membership::{self, Kept, MembershipId};
use crate::session;
use crate::throttle::{self, Attempt};
use crate::{Account, AccountId, Database, DatabaseError, Result, SessionToken, password};

/// How long a link works.
pub const LINK_US: i64 = 72 * 3600 * 1_000_000;
/// Most roles that somebody is invited with.
pub const INVITED_ROLES_MAX: usize = 20;

/// The secret of a link, or of a sensor's token. It is printed by [`LinkSecret::to_text`] alone.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkSecret(SessionToken);

impl LinkSecret {
    /// 256 bits from the system's random source.
    pub(crate) fn random() -> Self {
        Self(SessionToken::random())
    }

    /// What is kept of it.
    pub(crate) fn digest(&self) -> Vec<u8> {
        self.0.digest()
    }

    /// 64 hexadecimal digits.
    pub fn to_text(&self) -> String {
        self.0.to_cookie()
    }
}

impl fmt::Debug for LinkSecret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("LinkSecret(…)")
    }
}

impl FromStr for LinkSecret {
    type Err = DatabaseError;

    fn from_str(text: &str) -> Result<Self> {
        text.parse().map(Self)
    }
}

/// A link, told once.
#[derive(Debug, Clone)]
pub struct Link {
    /// Its secret.
    pub secret: LinkSecret,
    /// From then on it does not work.
    pub expires_us: i64,
    /// Whether it works only with a code of a second person's.
    pub takes_two: bool,
}

/// What a reset does beside letting the owner choose a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factors {
    /// The account's second factors stay.
    Kept,
    /// They are taken away once the link is used.
    Dropped,
}

impl Factors {
    /// What becomes of them, by whether they are taken away.
    pub fn dropped(are_dropped: bool) -> Self {
        if are_dropped { Self::Dropped } else { Self::Kept }
    }

    /// As in the log.
    fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Dropped => "dropped",
        }
    }
}

/// What a link is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// Whose it is.
    pub account: Account,
    /// Whether the account never had a password.
    pub is_first: bool,
    /// What becomes of its second factors.
    pub factors: Factors,
    /// From then on the link does not work.
    pub expires_us: i64,
    /// Whether it works only with a code of a second person's.
    pub takes_two: bool,
}

/// For which account a link is, and on what ground.
#[derive(Debug, Clone)]
pub struct Ground {
    /// Whose account it is for.
    pub account: AccountId,
    /// The memberships of that account which rights were asked about: what was given since was not.
    pub looked_at: Vec<MembershipId>,
}

#[derive(FromRow)]
struct Row {
    #[sqlx(flatten)]
    account: RawAccount,
    is_first: bool,
    drops_factors: bool,
    made_us: i64,
    takes_two: bool,
    code_hash: Option<Vec<u8>>,
}

impl Row {
    fn read(self) -> Result<Found> {
        let welcome = Welcome {
            account: self.account.read()?,
            is_first: self.is_first,
            factors: Factors::dropped(self.drops_factors),
            expires_us: self.made_us.saturating_add(LINK_US),
            takes_two: self.takes_two,
        };
        Ok(Found {
            welcome,
            code_hash: self.code_hash,
        })
    }
}

/// A link that works, and what its second person's code must come to.
struct Found {
    welcome: Welcome,
    code_hash: Option<Vec<u8>>,
}

impl Found {
    fn is_opened_by(&self, code: &str) -> bool {
        !self.welcome.takes_two || self.code_hash == Some(factor::digest(&factor::plain(code)))
    }
}

/// An account that nobody can sign in to yet, with its first roles.
pub(crate) struct Opening<'a> {
    pub(crate) person: &'a NewPerson,
    pub(crate) organisation: &'a OrganisationId,
    /// The people in them are not looked at: they are the new account's.
    pub(crate) memberships: &'a [Membership],
    pub(crate) is_service: bool,
}

impl Opening<'_> {
    pub(crate) fn check(&self) -> Result<()> {
        if self.memberships.len() > INVITED_ROLES_MAX {
            return Err(DatabaseError::Invalid {
                field: "memberships",
                problem: "are more than 20",
            });
        }
        self.person.check()
    }

    /// Makes the account and gives it its roles; with what the audit log is to be told.
    pub(crate) async fn write(
        &self,
        connection: &mut PgConnection,
        by: &Asker<'_>,
        now_us: i64,
    ) -> Result<(Account, Vec<Deed>)> {
        let account = account::insert(connection, self.person, self.organisation, None, now_us).await?;
        let mut action = "account.invite";
        if self.is_service {
            // Before its roles, of which a service may not have all.
            action = "service.open";
            sqlx::query("UPDATE account SET is_service = true WHERE id = $1")
                .bind(account.id.0)
                .execute(&mut *connection)
                .await?;
        }
        let mut deeds = vec![
            Deed::done(action, "account", account.id.0)
                .with("user_name", &account.user_name)
                .with("organisation", account.organisation.as_str()),
        ];
        for membership in self.memberships {
            let membership = Membership {
                person: PersonId(account.id.0),
                ..membership.clone()
            };
            let (_, deed) = membership::insert(connection, by, &membership).await?;
            deeds.push(deed);
        }
        Ok((account, deeds))
    }
}

impl Database {
    /// Makes an account without a password, gives it roles, and makes the link for its owner. All of it, or nothing. The people in
    /// `memberships` are not looked at: they are the new account's.
    ///
    /// # Errors
    /// [`DatabaseError::Conflict`] when the user name is taken or roles exclude each other; [`DatabaseError::Invalid`] for what does not do;
    /// [`DatabaseError::NotFound`] when there is no such organisation.
    pub async fn invite(
        &self,
        by: &Asker<'_>,
        person: &NewPerson,
        organisation: &OrganisationId,
        memberships: &[Membership],
        now_us: i64,
    ) -> Result<(Account, Link)> {
        let opening = Opening {
            person,
            organisation,
            memberships,
            is_service: false,
        };
        opening.check()?;
        let mut transaction = self.pool.begin().await?;
        let (account, deeds) = opening.write(&mut transaction, by, now_us).await?;
        lock(&mut transaction, by, account.id).await?;
        let roles = membership::to_come(&mut transaction, account.id, now_us).await?;
        let link = insert(&mut transaction, by, account.id, &roles, Factors::Kept, now_us).await?;
        audit::append(&mut transaction, by, deeds, now_us).await?;
        transaction.commit().await?;
        Ok((account, link))
    }

    /// Makes a link with which the owner of an account chooses another password; one that there was works no more.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is no such account; [`DatabaseError::Conflict`] when it is disabled, when it was given a role
    /// that rights were not asked about, or when who asks was disabled meanwhile.
    pub async fn reset_account(
        &self,
        by: &Asker<'_>,
        ground: &Ground,
        factors: Factors,
        now_us: i64,
    ) -> Result<Link> {
        let mut transaction = self.pool.begin().await?;
        let id = ground.account;
        if lock(&mut transaction, by, id).await? == Standing::Disabled {
            return Err(DatabaseError::Conflict("the account is disabled"));
        }
        let roles = ground.roles(&mut transaction, now_us).await?;
        let link = insert(&mut transaction, by, id, &roles, factors, now_us).await?;
        let deed = Deed::done("account.reset", "account", id.0)
            .with("factors", factors.name())
            .with("takes_two", link.takes_two);
        audit::append(&mut transaction, by, vec![deed], now_us).await?;
        transaction.commit().await?;
        Ok(link)
    }

    /// The code with which a link that takes two works, for the second person to tell the owner. Another one before works no more.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when no link waits for one; [`DatabaseError::Conflict`] for whoever made it or it is for, and as
    /// [`Self::reset_account`].
    pub async fn second_link(&self, by: &Asker<'_>, ground: &Ground, now_us: i64) -> Result<String> {
        let mut transaction = self.pool.begin().await?;
        let id = ground.account;
        lock(&mut transaction, by, id).await?;
        ground.roles(&mut transaction, now_us).await?;
        let person = by.somebody()?.id;
        let made_by: Option<Option<i64>> = sqlx::query_scalar(
            "SELECT made_by FROM welcome WHERE account_id = $1 AND takes_two AND made_us > $2 FOR NO KEY UPDATE",
        )
        .bind(id.0)
        .bind(now_us.saturating_sub(LINK_US))
        .fetch_optional(&mut *transaction)
        .await?;
        let made_by = made_by.ok_or(DatabaseError::NotFound)?;
        if made_by == Some(person.0) || id == person {
            return Err(DatabaseError::Conflict(
                "this takes another person than who made the link and whom it is for",
            ));
        }
        let code = factor::random_code();
        sqlx::query("UPDATE welcome SET code_hash = $2, code_by = $3 WHERE account_id = $1")
            .bind(id.0)
            .bind(factor::digest(&code))
            .bind(person.0)
            .execute(&mut *transaction)
            .await?;
        let deed = Deed::done("account.second", "account", id.0);
        audit::append(&mut transaction, by, vec![deed], now_us).await?;
        transaction.commit().await?;
        Ok(factor::in_groups(&code))
    }

    /// What a link is for.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] for one that does not work, or [`DatabaseError::Throttled`].
    pub async fn welcome(&self, secret: &str, origin: &Origin, now_us: i64) -> Result<Welcome> {
        Ok(self.found(secret, origin, now_us).await?.welcome)
    }

    /// What is kept of a link and its second person's code, for who goes to a provider with it before it is used up.
    ///
    /// # Errors
    /// As [`Self::accept_welcome`].
    pub async fn take_welcome(
        &self,
        secret: &str,
        code: &str,
        origin: &Origin,
        now_us: i64,
    ) -> Result<crate::openid::attempt::Taken> {
        let found = self.opened(secret, code, origin, now_us).await?;
        let secret: LinkSecret = secret.parse()?;
        Ok(crate::openid::attempt::Taken {
            secret_hash: secret.digest(),
            code_hash: found.code_hash,
        })
    }

    /// A link that works, with the second person's code where it takes two.
    async fn opened(&self, secret: &str, code: &str, origin: &Origin, now_us: i64) -> Result<Found> {
        let found = self.found(secret, origin, now_us).await?;
        if !found.is_opened_by(code) {
            self.count_attempt(&attempt(origin), &Asker::nobody("", origin), used(), now_us)
                .await?;
            let error = DatabaseError::Invalid {
                field: "code",
                problem: "is not the second person's",
            };
            return Err(self.link_refused(origin, error, now_us).await?);
        }
        Ok(found)
    }

    async fn found(&self, secret: &str, origin: &Origin, now_us: i64) -> Result<Found> {
        let (by, attempt) = (Asker::nobody("", origin), attempt(origin));
        self.count_attempt(&attempt, &by, used(), now_us).await?;
        let found = match secret.parse::<LinkSecret>() {
            Ok(secret) => find(&self.pool, &secret, now_us).await?,
            Err(_) => None,
        };
        let Some(found) = found else {
            return Err(self.link_refused(origin, DatabaseError::NotFound, now_us).await?);
        };
        throttle::forgive(&self.pool, &attempt).await?;
        Ok(found)
    }

    /// Writes down that a link was not taken.
    async fn link_refused(
        &self,
        origin: &Origin,
        error: DatabaseError,
        now_us: i64,
    ) -> Result<DatabaseError> {
        let why = match &error {
            DatabaseError::NotFound => "the link is wrong, used, too old or withdrawn".to_owned(),
            other => other.to_string(),
        };
        self.note(&Asker::nobody("", origin), used().refused(why), now_us)
            .await?;
        Ok(error)
    }

    /// Uses a link: the account has that password from now on, its sessions end, and who was locked out may try again.
    ///
    /// # Errors
    /// As [`Self::welcome`], and [`DatabaseError::Invalid`] for a password that does not do, or for a code that is not the second person's where the
    /// link takes two; the link then still works.
    pub async fn accept_welcome(
        &self,
        secret: &str,
        chosen: Chosen,
        origin: &Origin,
        now_us: i64,
    ) -> Result<Account> {
        let found = self.opened(secret, &chosen.code, origin, now_us).await?;
        let known = found.welcome.account;
        password::check(chosen.password.clone(), [&known.user_name, &known.display_name]).await?;
        let hash = password::hash(&self.hashing, chosen.password).await?;
        let secret: LinkSecret = secret.parse()?;
        let mut transaction = self.pool.begin().await?;
        let code = found.code_hash.as_deref();
        let Some(used) = use_up(&mut transaction, &secret.digest(), code, now_us).await? else {
            transaction.rollback().await?;
            return Err(self.link_refused(origin, DatabaseError::NotFound, now_us).await?);
        };
        sqlx::query("UPDATE account SET password_hash = $2 WHERE id = $1")
            .bind(known.id.0)
            .bind(hash)
            .execute(&mut *transaction)
            .await?;
        let ended = session::end_others(&mut transaction, known.id, None).await?;
        let deed = Deed::done("account.welcome", "account", known.id.0)
            .with("factors", used.factors)
            .with("sessions_ended", ended);
        audit::append(
            &mut transaction,
            &Asker::person(&known, origin),
            vec![deed],
            now_us,
        )
        .await?;
        transaction.commit().await?;
        Ok(known)
    }
}

/// What is counted of somebody with a link.
fn attempt(origin: &Origin) -> Attempt<'_> {
    Attempt::Link {
        address: &origin.address,
    }
}

/// That a link was used, whosesoever.
fn used() -> Deed {
    Deed::done("account.welcome", "account", "")
}

/// What somebody with a link gives.
#[derive(Clone, Default)]
pub struct Chosen {
    /// The password to be.
    pub password: String,
    /// What the second person told, where the link takes two.
    pub code: String,
}

impl Ground {
    /// The roles to come of the account, which is locked: none that was not looked at.
    pub(crate) async fn roles(&self, connection: &mut PgConnection, now_us: i64) -> Result<Vec<Kept>> {
        let kept = membership::to_come(connection, self.account, now_us).await?;
        if kept.iter().all(|kept| self.looked_at.contains(&kept.id)) {
            return Ok(kept);
        }
        Err(DatabaseError::Conflict(
            "the account was given another role meanwhile",
        ))
    }
}

/// How an account stands that is locked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Open,
    Disabled,
}

/// Locks an account, and that of who makes a link for it, so that neither changes before the link is there or gone. Whatever locks an account and its
/// link locks the account first.
pub(crate) async fn lock(
    connection: &mut PgConnection,
    by: &Asker<'_>,
    account: AccountId,
) -> Result<Standing> {
    let maker = by.account().map(|account| account.id.0);
    let rows: Vec<(i64, bool)> = sqlx::query_as(
        "SELECT id, disabled_us IS NOT NULL FROM account WHERE id = $1 OR id = $2 ORDER BY id FOR NO KEY UPDATE",
    )
    .bind(account.0)
    .bind(maker)
    .fetch_all(connection)
    .await?;
    let is_disabled = |id: i64| rows.iter().find(|row| row.0 == id).map(|row| row.1);
    if maker.is_some_and(|maker| is_disabled(maker) != Some(false)) {
        return Err(DatabaseError::Conflict("who asks is disabled"));
    }
    match is_disabled(account.0) {
        Some(true) => Ok(Standing::Disabled),
        Some(false) => Ok(Standing::Open),
        None => Err(DatabaseError::NotFound),
    }
}

async fn insert(
    connection: &mut PgConnection,
    by: &Asker<'_>,
    account: AccountId,
    roles: &[Kept],
    factors: Factors,
    now_us: i64,
) -> Result<Link> {
    let secret = LinkSecret::random();
    let maker = by.account().map(|account| account.id.0);
    let needs_two = |kept: &Kept| policy::needs_second_person(kept.membership.role);
    let takes_two = maker.is_some() && roles.iter().any(needs_two);
    sqlx::query(
        "INSERT INTO welcome AS w (account_id, secret_hash, made_us, made_by, drops_factors, takes_two) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (account_id) DO UPDATE SET secret_hash = EXCLUDED.secret_hash, \
         made_us = EXCLUDED.made_us, made_by = EXCLUDED.made_by, drops_factors = EXCLUDED.drops_factors, \
         takes_two = EXCLUDED.takes_two, code_hash = NULL, code_by = NULL",
    )
    .bind(account.0)
    .bind(secret.digest())
    .bind(now_us)
    .bind(maker)
    .bind(factors == Factors::Dropped)
    .bind(takes_two)
    .execute(connection)
    .await?;
    Ok(Link {
        secret,
        expires_us: now_us.saturating_add(LINK_US),
        takes_two,
    })
}

/// That the link `w` works: it is young, its owner is not shut out, and no role of who made it or its code has ended since by its own date. `$2` is
/// the time before which links are too old, `$3` is today.
macro_rules! still_works {
    () => {
        "w.made_us > $2 AND a.disabled_us IS NULL AND NOT EXISTS (SELECT FROM membership m WHERE m.account_id IN (w.made_by, w.code_by) \
         AND NOT m.waits AND m.valid_until > m.valid_from AND m.valid_until <= $3::date \
         AND m.valid_until > (to_timestamp(w.made_us / 1000000) AT TIME ZONE 'UTC' + interval '7 hours')::date)"
    };
}

async fn find(pool: &PgPool, secret: &LinkSecret, now_us: i64) -> Result<Option<Found>> {
    let row: Option<Row> = sqlx::query_as(concat!(
        "SELECT a.id, a.user_name, a.display_name, a.organisation, a.language, a.password_hash IS NULL AS is_first, \
         w.drops_factors, w.made_us, w.takes_two, w.code_hash FROM welcome w JOIN account a ON a.id = w.account_id \
         WHERE w.secret_hash = $1 AND ",
        still_works!()
    ))
    .bind(secret.digest())
    .bind(now_us.saturating_sub(LINK_US))
    .bind(Day::of_us(now_us).ok_or(DatabaseError::NotFound)?.to_string())
    .fetch_optional(pool)
    .await?;
    row.map(Row::read).transpose()
}

/// A link that was used up.
pub(crate) struct Used {
    /// Whose it was.
    pub(crate) account: Account,
    /// What became of its second factors, as in the log.
    pub(crate) factors: &'static str,
}

#[derive(FromRow)]
struct UsedRow {
    #[sqlx(flatten)]
    account: RawAccount,
    drops_factors: bool,
    takes_two: bool,
    made_by: Option<i64>,
    user_key: String,
}

/// Uses a link up, by what is kept of it and of the second person's code: second factors go where it says so, and who was locked out may try
/// again. `None` when another has used it meanwhile, or the second person's code is another. The account is locked.
pub(crate) async fn use_up(
    connection: &mut PgConnection,
    secret_hash: &[u8],
    code_hash: Option<&[u8]>,
    now_us: i64,
) -> Result<Option<Used>> {
    let account: Option<i64> = sqlx::query_scalar("SELECT account_id FROM welcome WHERE secret_hash = $1")
        .bind(secret_hash)
        .fetch_optional(&mut *connection)
        .await?;
    let Some(account) = account else { return Ok(None) };
    lock(connection, &Asker::console(), AccountId(account)).await?;
    let used: Option<UsedRow> = sqlx::query_as(concat!(
        "DELETE FROM welcome w USING account a WHERE w.secret_hash = $1 AND a.id = w.account_id \
         AND (NOT w.takes_two OR w.code_hash = $4) AND ",
        still_works!(),
        " RETURNING a.id, a.user_name, a.display_name, a.organisation, a.language, a.user_key, w.drops_factors, w.takes_two, w.made_by"
    ))
    .bind(secret_hash)
    .bind(now_us.saturating_sub(LINK_US))
    .bind(Day::of_us(now_us).ok_or(DatabaseError::NotFound)?.to_string())
    .bind(code_hash)
    .fetch_optional(&mut *connection)
    .await?;
    let Some(used) = used else { return Ok(None) };
    let account = used.account.read()?;
    if used.drops_factors {
        drop_factors(connection, account.id).await?;
    }
    throttle::unlock(connection, &used.user_key).await?;
    // Who alone has let somebody in may be that somebody: `membership` asks when a role takes two people.
    sqlx::query("UPDATE account SET let_in_by = $2 WHERE id = $1")
        .bind(account.id.0)
        .bind(used.made_by.filter(|_| !used.takes_two))
        .execute(&mut *connection)
        .await?;
    Ok(Some(Used {
        account,
        factors: Factors::dropped(used.drops_factors).name(),
    }))
}

async fn drop_factors(connection: &mut PgConnection, account: AccountId) -> Result<()> {
    for statement in [
        "DELETE FROM totp WHERE account_id = $1",
        "DELETE FROM passkey WHERE account_id = $1",
        "DELETE FROM recovery_code WHERE account_id = $1",
        // Whoever got in there would get in again.
        "DELETE FROM openid_link WHERE account_id = $1",
    ] {
        sqlx::query(statement)
            .bind(account.0)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Withdraws the link to an account that is given a role, where it is not of `giver`, who knows it and could give that role; and one that
/// takes nobody else where the role `needs_two`.
pub(crate) async fn withdraw_before_role(
    connection: &mut PgConnection,
    account: AccountId,
    giver: Option<AccountId>,
    needs_two: bool,
) -> Result<()> {
    sqlx::query(
        "DELETE FROM welcome WHERE account_id = $1 AND (made_by IS DISTINCT FROM $2 OR $3 AND NOT takes_two)",
    )
    .bind(account.0)
    .bind(giver.map(|account| account.0))
    .bind(needs_two)
    .execute(connection)
    .await?;
    Ok(())
}

/// Withdraws the link to an account that is disabled.
pub(crate) async fn withdraw(connection: &mut PgConnection, account: AccountId) -> Result<()> {
    sqlx::query("DELETE FROM welcome WHERE account_id = $1")
        .bind(account.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// Withdraws the links that somebody made, and the codes that he was told, because he may not what he might. His account is locked.
pub(crate) async fn withdraw_made_by(connection: &mut PgConnection, maker: AccountId) -> Result<()> {
    for statement in [
        "DELETE FROM welcome WHERE made_by = $1",
        "UPDATE welcome SET code_hash = NULL, code_by = NULL WHERE code_by = $1",
    ] {
        sqlx::query(statement)
            .bind(maker.0)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Removes links that are too old.
pub(crate) async fn purge(pool: &PgPool, now_us: i64) -> Result<()> {
    sqlx::query("DELETE FROM welcome WHERE made_us <= $1")
        .bind(now_us.saturating_sub(LINK_US))
        .execute(pool)
        .await?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
