//! Links with which people choose a password: the first one of somebody invited, or a new one.
//!
//! A link has 256 random bits, of which SHA-256 is kept. It works once, for [`LINK_US`], and not any more after a newer one, after the
//! account is disabled, or after another than who made it gave the account a role: whoever made it may know it, and could not have given
//! that role. Wrong, used, too old and withdrawn are one answer. Until it is used, whatever the account had before goes on.

use std::fmt;
use std::str::FromStr;

use sqlx::{FromRow, PgConnection, PgPool};
use vonggac_access::{Membership, OrganisationId, PersonId};

use crate::account::{self, NewPerson, RawAccount};
use crate::audit::{self, Asker, Deed, Origin};
use crate::membership;
use crate::session;
use crate::throttle::{self, Attempt};
use crate::{Account, AccountId, Database, DatabaseError, Result, SessionToken, password};

/// How long a link works.
pub const LINK_US: i64 = 72 * 3600 * 1_000_000;
/// Most roles that somebody is invited with.
pub const INVITED_ROLES_MAX: usize = 20;

/// The secret of a link. It is printed by [`LinkSecret::to_text`] alone.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkSecret(SessionToken);

impl LinkSecret {
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
}

#[derive(FromRow)]
struct Row {
    #[sqlx(flatten)]
    account: RawAccount,
    is_first: bool,
    drops_factors: bool,
    made_us: i64,
}

impl Row {
    fn read(self) -> Result<Welcome> {
        Ok(Welcome {
            account: self.account.read()?,
            is_first: self.is_first,
            factors: Factors::dropped(self.drops_factors),
            expires_us: self.made_us.saturating_add(LINK_US),
        })
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
        if memberships.len() > INVITED_ROLES_MAX {
            return Err(DatabaseError::Invalid {
                field: "memberships",
                problem: "are more than 20",
            });
        }
        person.check()?;
        let mut transaction = self.pool.begin().await?;
        let account = account::insert(&mut transaction, person, organisation, None, now_us).await?;
        let mut deeds = vec![
            Deed::done("account.invite", "account", account.id.0)
                .with("user_name", &account.user_name)
                .with("organisation", account.organisation.as_str()),
        ];
        for membership in memberships {
            let membership = Membership {
                person: PersonId(account.id.0),
                ..membership.clone()
            };
            let (_, deed) = membership::insert(&mut transaction, by, &membership).await?;
            deeds.push(deed);
        }
        let link = insert(&mut transaction, by, account.id, Factors::Kept, now_us).await?;
        audit::append(&mut transaction, by, deeds, now_us).await?;
        transaction.commit().await?;
        Ok((account, link))
    }

    /// Makes a link with which the owner of an account chooses another password; one that there was works no more.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is no such account; [`DatabaseError::Conflict`] when it is disabled.
    pub async fn reset_account(
        &self,
        by: &Asker<'_>,
        id: AccountId,
        factors: Factors,
        now_us: i64,
    ) -> Result<Link> {
        let mut transaction = self.pool.begin().await?;
        let disabled: Option<bool> =
            sqlx::query_scalar("SELECT disabled_us IS NOT NULL FROM account WHERE id = $1 FOR UPDATE")
                .bind(id.0)
                .fetch_optional(&mut *transaction)
                .await?;
        if disabled.ok_or(DatabaseError::NotFound)? {
            return Err(DatabaseError::Conflict("the account is disabled"));
        }
        let link = insert(&mut transaction, by, id, factors, now_us).await?;
        let deed = Deed::done("account.reset", "account", id.0).with("factors", factors.name());
        audit::append(&mut transaction, by, vec![deed], now_us).await?;
        transaction.commit().await?;
        Ok(link)
    }

    /// What a link is for.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] for one that does not work, or [`DatabaseError::Throttled`].
    pub async fn welcome(&self, secret: &str, origin: &Origin, now_us: i64) -> Result<Welcome> {
        let attempt = Attempt::Link {
            address: &origin.address,
        };
        let refusal = Deed::done("account.welcome", "account", "");
        let by = Asker::nobody("", origin);
        if let Some(refused) = throttle::count(&self.pool, &attempt, now_us).await? {
            let error = DatabaseError::from(refused);
            if refused.is_first {
                self.note(&by, refusal.refused(&error), now_us).await?;
            }
            return Err(error);
        }
        let found = match secret.parse::<LinkSecret>() {
            Ok(secret) => find(&self.pool, &secret, now_us).await?,
            Err(_) => None,
        };
        let Some(welcome) = found else {
            let why = "the link is wrong, used, too old or withdrawn";
            self.note(&by, refusal.refused(why), now_us).await?;
            return Err(DatabaseError::NotFound);
        };
        throttle::forgive(&self.pool, &attempt).await?;
        Ok(welcome)
    }

    /// Uses a link: the account has that password from now on, its sessions end, and who was locked out may try again.
    ///
    /// # Errors
    /// As [`Self::welcome`], and [`DatabaseError::Invalid`] for a password that does not do; the link then still works.
    pub async fn accept_welcome(
        &self,
        secret: &str,
        new: String,
        origin: &Origin,
        now_us: i64,
    ) -> Result<Account> {
        let known = self.welcome(secret, origin, now_us).await?.account;
        password::check(new.clone(), [&known.user_name, &known.display_name]).await?;
        let hash = password::hash(&self.hashing, new).await?;
        let secret: LinkSecret = secret.parse()?;
        let mut transaction = self.pool.begin().await?;
        // Another may have used it meanwhile.
        let used: Option<(i64, bool)> = sqlx::query_as(
            "DELETE FROM welcome w USING account a WHERE w.secret_hash = $1 AND w.made_us > $2 \
             AND a.id = w.account_id AND a.disabled_us IS NULL RETURNING w.account_id, w.drops_factors",
        )
        .bind(secret.0.digest())
        .bind(now_us.saturating_sub(LINK_US))
        .fetch_optional(&mut *transaction)
        .await?;
        let (id, drops_factors) = used.ok_or(DatabaseError::NotFound)?;
        let user_key: String =
            sqlx::query_scalar("UPDATE account SET password_hash = $2 WHERE id = $1 RETURNING user_key")
                .bind(id)
                .bind(hash)
                .fetch_one(&mut *transaction)
                .await?;
        if drops_factors {
            drop_factors(&mut transaction, known.id).await?;
        }
        throttle::unlock(&mut transaction, &user_key).await?;
        let ended = session::end_others(&mut transaction, known.id, None).await?;
        let deed = Deed::done("account.welcome", "account", id)
            .with("factors", Factors::dropped(drops_factors).name())
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

async fn insert(
    connection: &mut PgConnection,
    by: &Asker<'_>,
    account: AccountId,
    factors: Factors,
    now_us: i64,
) -> Result<Link> {
    let secret = LinkSecret(SessionToken::random());
    sqlx::query(
        "INSERT INTO welcome AS w (account_id, secret_hash, made_us, made_by, drops_factors) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (account_id) DO UPDATE SET secret_hash = EXCLUDED.secret_hash, made_us = EXCLUDED.made_us, \
         made_by = EXCLUDED.made_by, drops_factors = EXCLUDED.drops_factors",
    )
    .bind(account.0)
    .bind(secret.0.digest())
    .bind(now_us)
    .bind(by.somebody()?.id.0)
    .bind(factors == Factors::Dropped)
    .execute(connection)
    .await?;
    Ok(Link {
        secret,
        expires_us: now_us.saturating_add(LINK_US),
    })
}

async fn find(pool: &PgPool, secret: &LinkSecret, now_us: i64) -> Result<Option<Welcome>> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT a.id, a.user_name, a.display_name, a.organisation, a.language, a.password_hash IS NULL AS is_first, \
         w.drops_factors, w.made_us FROM welcome w JOIN account a ON a.id = w.account_id \
         WHERE w.secret_hash = $1 AND w.made_us > $2 AND a.disabled_us IS NULL",
    )
    .bind(secret.0.digest())
    .bind(now_us.saturating_sub(LINK_US))
    .fetch_optional(pool)
    .await?;
    row.map(Row::read).transpose()
}

async fn drop_factors(connection: &mut PgConnection, account: AccountId) -> Result<()> {
    for statement in [
        "DELETE FROM totp WHERE account_id = $1",
        "DELETE FROM passkey WHERE account_id = $1",
        "DELETE FROM recovery_code WHERE account_id = $1",
    ] {
        sqlx::query(statement)
            .bind(account.0)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Withdraws a link; `unless_by`: not one that this account made.
pub(crate) async fn withdraw(
    connection: &mut PgConnection,
    account: AccountId,
    unless_by: Option<AccountId>,
) -> Result<()> {
    sqlx::query("DELETE FROM welcome WHERE account_id = $1 AND made_by IS DISTINCT FROM $2")
        .bind(account.0)
        .bind(unless_by.map(|account| account.0))
        .execute(connection)
        .await?;
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
mod tests {
    use vonggac_access::{Day, Role, Span};

    use super::*;
    use crate::Language;
    use crate::session::{Strength, Use};
    use crate::testing::{self, NOW_US, PASSWORD, from};

    const CHOSEN: &str = "another long test phrase";

    fn lan() -> NewPerson {
        NewPerson {
            user_name: "lan".into(),
            display_name: "Lan".into(),
            language: Language::Vietnamese,
        }
    }

    fn role(role: Role, organisation: &str) -> Membership {
        Membership {
            person: PersonId(0),
            organisation: organisation.parse().unwrap(),
            role,
            span: Span {
                from: Day::of_us(NOW_US),
                until: None,
            },
        }
    }

    async fn invited(database: &Database, boss: &Account) -> (Account, Link) {
        let moh = "moh".parse().unwrap();
        let roles = [role(Role::Analyst, "moh"), role(Role::OrganisationManager, "moh")];
        let by = Asker::from(boss);
        database.invite(&by, &lan(), &moh, &roles, NOW_US).await.unwrap()
    }

    async fn works(database: &Database, link: &Link, now_us: i64) -> bool {
        let found = database
            .welcome(&link.secret.to_text(), &from("::1"), now_us)
            .await;
        match found {
            Ok(_) => true,
            Err(DatabaseError::NotFound) => false,
            Err(other) => unreachable!("{other}"),
        }
    }

    async fn signs_in(database: &Database, password: &str) -> bool {
        let origin = from("::1");
        database
            .sign_in("lan", password.into(), &origin, NOW_US)
            .await
            .is_ok()
    }

    #[tokio::test]
    async fn who_is_invited_chooses_a_password_once_and_has_the_roles_that_wait_for_nobody() {
        let Some(database) = testing::database().await else {
            return;
        };
        let boss = testing::account(&database, "boss", "*").await;
        let (account, link) = invited(&database, &boss).await;
        assert_eq!(format!("{link:?}").matches("LinkSecret(…)").count(), 1);
        let secret = link.secret.to_text();
        assert!(!signs_in(&database, CHOSEN).await, "there is no password yet");
        let accept = async |password: &str| {
            database
                .accept_welcome(&secret, password.into(), &from("::1"), NOW_US)
                .await
        };
        let weak = accept("short").await;
        assert!(
            matches!(
                weak,
                Err(DatabaseError::Invalid {
                    field: "password",
                    ..
                })
            ),
            "{weak:?}"
        );
        let found = database.welcome(&secret, &from("::1"), NOW_US).await.unwrap();
        assert_eq!(
            (found.account.id, found.is_first, found.factors),
            (account.id, true, Factors::Kept)
        );
        let (one, two) = tokio::join!(accept(CHOSEN), accept("yet another test phrase"));
        assert!(one.is_ok() ^ two.is_ok(), "it works once: {one:?} {two:?}");
        assert!(!works(&database, &link, NOW_US).await);
        let rights = database.rights_of(account.id, Day::of_us(NOW_US).unwrap()).await;
        let roles: Vec<Role> = rights.unwrap().memberships.iter().map(|one| one.role).collect();
        assert_eq!(roles, [Role::Analyst], "the manager's waits");
    }

    #[tokio::test]
    async fn nothing_is_left_of_an_invitation_that_does_not_do() {
        let Some(database) = testing::database().await else {
            return;
        };
        let boss = testing::account(&database, "boss", "*").await;
        let by = Asker::from(&boss);
        let moh = "moh".parse().unwrap();
        let clashing = [role(Role::Analyst, "moh"), role(Role::Auditor, "moh")];
        let refused = database.invite(&by, &lan(), &moh, &clashing, NOW_US).await;
        assert!(matches!(refused, Err(DatabaseError::Conflict(_))), "{refused:?}");
        let nowhere = database
            .invite(&by, &lan(), &"nowhere".parse().unwrap(), &[], NOW_US)
            .await;
        assert!(matches!(nowhere, Err(DatabaseError::NotFound)), "{nowhere:?}");
        let gone = database.account_named("lan").await;
        assert!(matches!(gone, Err(DatabaseError::NotFound)), "{gone:?}");
        database.invite(&by, &lan(), &moh, &[], NOW_US).await.unwrap();
        let taken = NewPerson {
            user_name: "LAN".into(),
            ..lan()
        };
        let refused = database.invite(&by, &taken, &moh, &[], NOW_US).await;
        assert!(matches!(refused, Err(DatabaseError::Conflict(_))), "{refused:?}");
    }

    #[tokio::test]
    async fn a_link_ends_by_time_by_a_newer_one_by_disabling_and_by_anothers_gift() {
        let Some(database) = testing::database().await else {
            return;
        };
        let boss = testing::account(&database, "boss", "*").await;
        let other = testing::account(&database, "other", "*").await;
        let (by, another) = (Asker::from(&boss), Asker::from(&other));
        let (account, first) = invited(&database, &boss).await;
        assert!(works(&database, &first, NOW_US + LINK_US - 1).await);
        assert!(!works(&database, &first, NOW_US + LINK_US).await);
        let renew = async || {
            database
                .reset_account(&by, account.id, Factors::Kept, NOW_US)
                .await
        };
        let second = renew().await.unwrap();
        assert!(!works(&database, &first, NOW_US).await && works(&database, &second, NOW_US).await);

        let given = |role_given, organisation| Membership {
            person: PersonId(account.id.0),
            ..role(role_given, organisation)
        };
        let viewer = given(Role::Viewer, "mot");
        database.grant_membership(&by, &viewer, NOW_US).await.unwrap();
        assert!(works(&database, &second, NOW_US).await, "its maker gave the role");
        let lead = given(Role::ShiftLead, "mot");
        database.grant_membership(&another, &lead, NOW_US).await.unwrap();
        assert!(
            !works(&database, &second, NOW_US).await,
            "its maker could sign in with another's gift"
        );

        let third = renew().await.unwrap();
        database.disable_account(&by, account.id, NOW_US).await.unwrap();
        database.enable_account(&by, account.id, NOW_US).await.unwrap();
        assert!(!works(&database, &third, NOW_US).await);
        database.disable_account(&by, account.id, NOW_US).await.unwrap();
        let refused = renew().await;
        assert!(matches!(refused, Err(DatabaseError::Conflict(_))), "{refused:?}");
    }

    #[tokio::test]
    async fn a_reset_ends_sessions_when_used_and_takes_factors_only_when_asked() {
        let Some(database) = testing::database().await else {
            return;
        };
        let boss = testing::account(&database, "boss", "*").await;
        let account = testing::account(&database, "lan", "moh").await;
        let origin = from("::1");
        let passkey = "INSERT INTO passkey (credential_id, account_id, name, public_key, sign_count, is_backed_up, created_us) \
             VALUES ('\\x01', $1, 'key', '\\x02', 0, false, 0)";
        sqlx::query(passkey)
            .bind(account.id.0)
            .execute(&database.pool)
            .await
            .unwrap();
        let strength = Strength::Strong(crate::factor::Factor::Passkey);
        for (factors, passkeys) in [(Factors::Kept, 1), (Factors::Dropped, 0)] {
            let session = database
                .open_session(&account, &origin, strength, NOW_US)
                .await
                .unwrap();
            let lives = async || {
                let found = database.find_session(&session, Use::Passive, NOW_US).await;
                found.unwrap().is_some()
            };
            let link = database
                .reset_account(&Asker::from(&boss), account.id, factors, NOW_US)
                .await
                .unwrap();
            assert!(lives().await, "it changes nothing until it is used");
            assert_eq!(database.factors(account.id).await.unwrap().passkeys, 1);
            let secret = link.secret.to_text();
            let phrase = format!("{CHOSEN} {factors:?}");
            database
                .accept_welcome(&secret, phrase.clone(), &origin, NOW_US)
                .await
                .unwrap();
            assert!(!lives().await);
            assert_eq!(database.factors(account.id).await.unwrap().passkeys, passkeys);
            assert!(signs_in(&database, &phrase).await && !signs_in(&database, PASSWORD).await);
            let word = if passkeys == 0 { "dropped" } else { "kept" };
            let told: Vec<Vec<u8>> = sqlx::query_scalar(
                "SELECT content FROM audit_entry WHERE action IN ('account.reset', 'account.welcome') ORDER BY seq DESC LIMIT 2",
            )
            .fetch_all(&database.pool)
            .await
            .unwrap();
            for entry in told {
                let entry = String::from_utf8(entry).unwrap();
                assert!(entry.contains(&format!("\"factors\":\"{word}\"")), "{entry}");
                assert!(!entry.contains(&secret), "{entry}");
            }
        }
    }

    #[tokio::test]
    async fn links_are_not_guessed() {
        let Some(database) = testing::database().await else {
            return;
        };
        let boss = testing::account(&database, "boss", "*").await;
        let (_, link) = invited(&database, &boss).await;
        let ask =
            async |secret: String, address: &str| database.welcome(&secret, &from(address), NOW_US).await;
        for number in 0..throttle::NETWORK_ATTEMPTS_MAX {
            let wrong = ask(format!("{number:064x}"), "192.0.2.1").await;
            assert!(matches!(wrong, Err(DatabaseError::NotFound)), "{wrong:?}");
        }
        let right = ask(link.secret.to_text(), "192.0.2.200").await;
        assert!(matches!(right, Err(DatabaseError::Throttled { .. })), "{right:?}");
        ask(link.secret.to_text(), "198.51.100.1").await.unwrap();
    }
}
