//! Accounts: the first administrator, signing in, and an account's own settings.

use sqlx::{FromRow, PgConnection};
use vonggac_access::{Day, Membership, OrganisationId, PersonId, Role, Span};

use crate::administration::AccountChange;
use crate::audit::{self, Asker, Deed, Origin};
use crate::factor::Owner;
use crate::organisation::{self, parsed};
use crate::throttle::{self, Attempt};
use crate::{Database, DatabaseError, Result, clean, membership, password, session};

/// What the first account is at the nation's organisation: it runs people and sensors, and works on alerts. Who looks after the console itself
/// and who reads the audit log are others, whom the server's owner names (`vonggac membership grant`).
pub const FOUNDER_ROLES: [Role; 2] = [Role::OrganisationManager, Role::ShiftLead];

/// Longest user name and display name, in characters.
pub const NAME_CHARACTERS_MAX: usize = 64;

/// Id of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AccountId(pub i64);

/// Language of an account's console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Vietnamese.
    Vietnamese,
    /// English.
    English,
}

impl Language {
    /// `vi` or `en`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Vietnamese => "vi",
            Self::English => "en",
        }
    }
}

/// An account, without its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Id.
    pub id: AccountId,
    /// Name it signs in with.
    pub user_name: String,
    /// Name others see.
    pub display_name: String,
    /// What it belongs to; what it may do, its memberships say.
    pub organisation: OrganisationId,
    /// Language of its console.
    pub language: Language,
}

/// What a new account is made from.
#[derive(Clone)]
pub struct NewAccount {
    /// Name to sign in with: letters, digits, `.`, `_`, `-`, `@`.
    pub user_name: String,
    /// Name others see.
    pub display_name: String,
    /// Password, at least 12 characters.
    pub password: String,
    /// Language of its console.
    pub language: Language,
}

/// Who an account is made for.
#[derive(Debug, Clone)]
pub struct NewPerson {
    /// Name to sign in with: letters, digits, `.`, `_`, `-`, `@`.
    pub user_name: String,
    /// Name others see.
    pub display_name: String,
    /// Language of the account's console.
    pub language: Language,
}

impl NewPerson {
    pub(crate) fn check(&self) -> Result<()> {
        check_user_name(&self.user_name)?;
        check_display_name(&self.display_name)
    }
}

impl NewAccount {
    fn person(&self) -> NewPerson {
        NewPerson {
            user_name: self.user_name.clone(),
            display_name: self.display_name.clone(),
            language: self.language,
        }
    }
}

#[derive(FromRow)]
pub(crate) struct RawAccount {
    id: i64,
    user_name: String,
    display_name: String,
    organisation: String,
    language: String,
}

impl RawAccount {
    pub(crate) fn id(&self) -> AccountId {
        AccountId(self.id)
    }

    pub(crate) fn read(self) -> Result<Account> {
        Ok(Account {
            id: AccountId(self.id),
            user_name: self.user_name,
            display_name: self.display_name,
            organisation: parsed(&self.organisation)?,
            language: if self.language == "en" {
                Language::English
            } else {
                Language::Vietnamese
            },
        })
    }
}

/// Somebody whose password was right, as long as it is the account's: nothing opens a session for him after it was changed.
#[derive(Clone)]
pub struct Proven {
    /// Whose it was.
    pub account: Account,
    hash: String,
}

impl Proven {
    /// Locks the account, whose password may not have been changed meanwhile; until the transaction ends nobody changes it.
    pub(crate) async fn hold(&self, connection: &mut PgConnection) -> Result<()> {
        let held: Option<bool> = sqlx::query_scalar(
            "SELECT true FROM account WHERE id = $1 AND password_hash = $2 FOR NO KEY UPDATE",
        )
        .bind(self.account.id.0)
        .bind(&self.hash)
        .fetch_optional(connection)
        .await?;
        held.map(|_| ()).ok_or(DatabaseError::WrongCredentials)
    }
}

impl std::fmt::Debug for Proven {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_tuple("Proven").field(&self.account.id).finish()
    }
}

#[derive(FromRow)]
struct WithHash {
    #[sqlx(flatten)]
    account: RawAccount,
    password_hash: Option<String>,
    is_disabled: bool,
    has_factor: bool,
}

fn key_of(user_name: &str) -> String {
    user_name.to_lowercase()
}

fn check_user_name(name: &str) -> Result<()> {
    let invalid = |problem| {
        Err(DatabaseError::Invalid {
            field: "user_name",
            problem,
        })
    };
    if name.is_empty() || name.chars().count() > NAME_CHARACTERS_MAX {
        return invalid("must have 1 to 64 characters");
    }
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '@');
    if !name.chars().all(plain) {
        return invalid("may have letters, digits and . _ - @ only");
    }
    Ok(())
}

pub(crate) fn check_display_name(name: &str) -> Result<()> {
    check_name("display_name", name)
}

/// That what stands in `field` does as a name that people see.
pub(crate) fn check_name(field: &'static str, name: &str) -> Result<()> {
    let invalid = |problem| Err(DatabaseError::Invalid { field, problem });
    if name.trim().is_empty() || name.chars().count() > NAME_CHARACTERS_MAX {
        return invalid("must have 1 to 64 characters");
    }
    if name.chars().any(char::is_control) {
        return invalid("must not have control characters");
    }
    Ok(())
}

impl Database {
    /// Whether there is no account yet.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn setup_needed(&self) -> Result<bool> {
        let some: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM account)")
            .fetch_one(&self.pool)
            .await?;
        Ok(!some)
    }

    /// The account of that user name; case does not matter.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is none.
    pub async fn account_named(&self, user_name: &str) -> Result<Account> {
        let row: Option<RawAccount> = sqlx::query_as(
            "SELECT id, user_name, display_name, organisation, language FROM account WHERE user_key = $1",
        )
        .bind(clean(&key_of(user_name)))
        .fetch_optional(&self.pool)
        .await?;
        row.ok_or(DatabaseError::NotFound)?.read()
    }

    /// Makes the first account, the nation's, with [`FOUNDER_ROLES`] from this day on. Of two at once, one wins.
    ///
    /// # Errors
    /// [`DatabaseError::AlreadySetUp`] when there is an account; [`DatabaseError::Invalid`] for what does not do;
    /// [`DatabaseError::NotFound`] before there are organisations.
    pub async fn create_first_account(
        &self,
        new: NewAccount,
        origin: &Origin,
        now_us: i64,
    ) -> Result<Account> {
        let hash = self.checked_hash(&new).await?;
        let mut transaction = self.pool.begin().await?;
        sqlx::query("LOCK TABLE account IN SHARE ROW EXCLUSIVE MODE")
            .execute(&mut *transaction)
            .await?;
        let some: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM account)")
            .fetch_one(&mut *transaction)
            .await?;
        if some {
            return Err(DatabaseError::AlreadySetUp);
        }
        let nation = organisation::nation(&mut transaction).await?;
        let account = insert(&mut transaction, &new.person(), &nation, Some(&hash), now_us).await?;
        let by = Asker::person(&account, origin);
        let mut deeds = vec![created(&account)];
        for role in FOUNDER_ROLES {
            let membership = Membership {
                person: PersonId(account.id.0),
                organisation: nation.clone(),
                role,
                span: Span {
                    from: Day::of_us(now_us),
                    until: None,
                },
            };
            // By the console: nobody gives himself roles.
            let (_, deed) = membership::insert(&mut transaction, &Asker::console(), &membership).await?;
            deeds.push(deed);
        }
        audit::append(&mut transaction, &by, deeds, now_us).await?;
        transaction.commit().await?;
        Ok(account)
    }

    /// Makes an account; the log says that the console did.
    ///
    /// # Errors
    /// [`DatabaseError::Conflict`] when the user name is taken; [`DatabaseError::Invalid`] for what does not do;
    /// [`DatabaseError::NotFound`] when there is no such organisation.
    pub async fn create_account(
        &self,
        new: NewAccount,
        organisation: &OrganisationId,
        now_us: i64,
    ) -> Result<Account> {
        let hash = self.checked_hash(&new).await?;
        let mut transaction = self.pool.begin().await?;
        let account = insert(&mut transaction, &new.person(), organisation, Some(&hash), now_us).await?;
        audit::append(
            &mut transaction,
            &Asker::console(),
            vec![created(&account)],
            now_us,
        )
        .await?;
        transaction.commit().await?;
        Ok(account)
    }

    async fn checked_hash(&self, new: &NewAccount) -> Result<String> {
        new.person().check()?;
        password::check(new.password.clone(), [&new.user_name, &new.display_name]).await?;
        password::hash(&self.hashing, new.password.clone()).await
    }

    /// The account that `user_name` and `password` belong to; it may owe a second factor ([`Self::factors`]). Counts the attempt before it
    /// looks, so that many at once gain nothing; an unknown name costs the time of a known one. A refusal is written down; of those that were throttled, the first.
    ///
    /// # Errors
    /// [`DatabaseError::Throttled`] or [`DatabaseError::WrongCredentials`].
    pub async fn sign_in(
        &self,
        user_name: &str,
        password: String,
        origin: &Origin,
        now_us: i64,
    ) -> Result<Proven> {
        let refused = self
            .sign_in_unless_refused(user_name, password, origin, now_us)
            .await?;
        let (error, is_told) = match refused {
            Ok(proven) => return Ok(proven),
            Err(refused) => refused,
        };
        if is_told {
            // What cannot be a user name may be a password in the wrong place.
            let name = check_user_name(user_name).map_or("", |()| user_name);
            let deed = Deed::done("session.open", "account", "").refused(&error);
            self.note(&Asker::nobody(name, origin), deed, now_us).await?;
        }
        Err(error)
    }

    /// Whose password it was, or why not and whether that is to be written down.
    async fn sign_in_unless_refused(
        &self,
        user_name: &str,
        password: String,
        origin: &Origin,
        now_us: i64,
    ) -> Result<std::result::Result<Proven, (DatabaseError, bool)>> {
        if user_name.chars().count() > NAME_CHARACTERS_MAX || user_name.contains('\0') {
            return Ok(Err((DatabaseError::WrongCredentials, false)));
        }
        let key = key_of(user_name);
        let attempt = Attempt::SignIn {
            user_key: &key,
            origin,
        };
        if let Some(refused) = throttle::count(&self.pool, &attempt, now_us).await? {
            return Ok(Err((refused.into(), refused.is_first)));
        }
        let found: Option<WithHash> = sqlx::query_as(
            "SELECT id, user_name, display_name, organisation, language, password_hash, \
             disabled_us IS NOT NULL AS is_disabled, \
             EXISTS (SELECT FROM totp t WHERE t.account_id = account.id AND t.confirmed_us IS NOT NULL) \
             OR EXISTS (SELECT FROM passkey p WHERE p.account_id = account.id) AS has_factor \
             FROM account WHERE user_key = $1",
        )
        .bind(&key)
        .fetch_optional(&self.pool)
        .await?;
        let hash = found.as_ref().and_then(|row| row.password_hash.clone());
        let right = password::verify(&self.hashing, password, hash.clone()).await?;
        match found.zip(hash) {
            Some((row, hash)) if right && !row.is_disabled => {
                // With a second factor it is no success yet.
                if !row.has_factor {
                    throttle::forgive(&self.pool, &attempt).await?;
                }
                let account = row.account.read()?;
                Ok(Ok(Proven { account, hash }))
            }
            _ => Ok(Err((DatabaseError::WrongCredentials, true))),
        }
    }

    /// Counts an attempt to use the set-up code.
    ///
    /// # Errors
    /// [`DatabaseError::Throttled`] when there were too many.
    pub async fn count_setup_attempt(&self, origin: &Origin, now_us: i64) -> Result<()> {
        let attempt = Attempt::Setup {
            address: &origin.address,
        };
        let deed = Deed::done("account.create", "account", "");
        self.count_attempt(&attempt, &Asker::nobody("", origin), deed, now_us)
            .await
    }

    /// Changes an account's own settings; `None` leaves one as it is.
    ///
    /// # Errors
    /// [`DatabaseError::Invalid`] for a name that does not do.
    pub async fn update_account(
        &self,
        account: &Account,
        origin: &Origin,
        language: Option<Language>,
        display_name: Option<&str>,
        now_us: i64,
    ) -> Result<Account> {
        if let Some(name) = display_name {
            check_display_name(name)?;
        }
        let mut transaction = self.pool.begin().await?;
        let change = AccountChange {
            display_name: display_name.map(ToOwned::to_owned),
            language,
            organisation: None,
        };
        let changed = update(&mut transaction, account.id, &change).await?;
        let deed = Deed::done("account.update", "account", account.id.0)
            .with("language", changed.language.code())
            .with("display_name", &changed.display_name);
        audit::append(
            &mut transaction,
            &Asker::person(account, origin),
            vec![deed],
            now_us,
        )
        .await?;
        transaction.commit().await?;
        Ok(changed)
    }

    /// Changes one's own password; the account's other sessions end.
    ///
    /// # Errors
    /// [`DatabaseError::WrongCredentials`] when `old` is not the password, [`DatabaseError::Throttled`], or [`DatabaseError::Invalid`]
    /// for a new one that does not do.
    pub async fn change_password(
        &self,
        owner: &Owner<'_>,
        old: String,
        new: String,
        now_us: i64,
    ) -> Result<()> {
        let account = owner.account;
        self.count_confirmation(account, owner.origin, now_us).await?;
        let is_same = old == new;
        let proven = match self.prove_password(account, old).await {
            Ok(proven) => proven,
            Err(error) => {
                let deed = Deed::done("password.change", "account", account.id.0).refused(&error);
                self.note(&owner.by(), deed, now_us).await?;
                return Err(error);
            }
        };
        throttle::forgive(&self.pool, &Attempt::Confirmation { account: account.id }).await?;
        if is_same {
            return Err(DatabaseError::Invalid {
                field: "password",
                problem: "must not be the old one",
            });
        }
        password::check(new.clone(), [&account.user_name, &account.display_name]).await?;
        let hash = password::hash(&self.hashing, new).await?;
        let mut transaction = self.pool.begin().await?;
        proven.hold(&mut transaction).await?;
        sqlx::query("UPDATE account SET password_hash = $2 WHERE id = $1")
            .bind(account.id.0)
            .bind(hash)
            .execute(&mut *transaction)
            .await?;
        let ended = session::end_others(&mut transaction, account.id, Some(owner.session)).await?;
        let deed = Deed::done("password.change", "account", account.id.0).with("sessions_ended", ended);
        audit::append(&mut transaction, &owner.by(), vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }

    /// That `password` is the account's.
    ///
    /// # Errors
    /// [`DatabaseError::WrongCredentials`] when it is not.
    pub(crate) async fn prove_password(&self, account: &Account, password: String) -> Result<Proven> {
        let hash: Option<Option<String>> =
            sqlx::query_scalar("SELECT password_hash FROM account WHERE id = $1")
                .bind(account.id.0)
                .fetch_optional(&self.pool)
                .await?;
        let hash = hash.flatten();
        let is_right = password::verify(&self.hashing, password, hash.clone()).await?;
        let proven = hash.filter(|_| is_right).map(|hash| Proven {
            account: account.clone(),
            hash,
        });
        proven.ok_or(DatabaseError::WrongCredentials)
    }

    /// Makes ready for the first sign-in.
    pub async fn warm_up(&self) {
        password::warm_up().await;
    }
}

fn created(account: &Account) -> Deed {
    Deed::done("account.create", "account", account.id.0)
        .with("user_name", &account.user_name)
        .with("organisation", account.organisation.as_str())
}

/// Writes what is to be another of an account.
pub(crate) async fn update(
    connection: &mut PgConnection,
    id: AccountId,
    change: &AccountChange,
) -> Result<Account> {
    let row: Option<RawAccount> = sqlx::query_as(
        "UPDATE account SET language = coalesce($2, language), display_name = coalesce($3, display_name), \
         organisation = coalesce($4, organisation) WHERE id = $1 \
         RETURNING id, user_name, display_name, organisation, language",
    )
    .bind(id.0)
    .bind(change.language.map(Language::code))
    .bind(change.display_name.as_deref().map(str::trim))
    .bind(change.organisation.as_ref().map(OrganisationId::as_str))
    .fetch_optional(connection)
    .await?;
    row.ok_or(DatabaseError::NotFound)?.read()
}

/// Writes an account; without a password nobody signs in to it yet.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    new: &NewPerson,
    organisation: &OrganisationId,
    hash: Option<&str>,
    now_us: i64,
) -> Result<Account> {
    let row: Option<RawAccount> = sqlx::query_as(
        "INSERT INTO account (user_name, user_key, display_name, password_hash, organisation, language, created_us) \
         SELECT $1, $2, $3, $4, code, $6, $7 FROM organisation WHERE code = $5 ON CONFLICT (user_key) DO NOTHING \
         RETURNING id, user_name, display_name, organisation, language",
    )
    .bind(&new.user_name)
    .bind(key_of(&new.user_name))
    .bind(new.display_name.trim())
    .bind(hash)
    .bind(organisation.as_str())
    .bind(new.language.code())
    .bind(now_us)
    .fetch_optional(&mut *connection)
    .await?;
    match row {
        Some(row) => row.read(),
        None if organisation::exists(connection, organisation).await? => {
            Err(DatabaseError::Conflict("the user name is taken"))
        }
        None => Err(DatabaseError::NotFound),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::{self, NOW_US, from};

    fn moh() -> OrganisationId {
        "moh".parse().unwrap()
    }

    fn analyst(user_name: &str) -> NewAccount {
        NewAccount {
            user_name: user_name.into(),
            display_name: "Lan".into(),
            password: "correct horse battery".into(),
            language: Language::Vietnamese,
        }
    }

    #[tokio::test]
    async fn the_first_account_is_made_once() {
        let Some(database) = testing::database().await else {
            return;
        };
        assert!(database.setup_needed().await.unwrap());
        let nowhere = from("");
        let (one, two) = tokio::join!(
            database.create_first_account(analyst("lan"), &nowhere, NOW_US),
            database.create_first_account(analyst("minh"), &nowhere, NOW_US),
        );
        assert!(one.is_ok() ^ two.is_ok());
        let refused = one.err().or(two.err()).unwrap();
        assert!(matches!(refused, DatabaseError::AlreadySetUp), "{refused}");
        assert!(!database.setup_needed().await.unwrap());
    }

    #[tokio::test]
    async fn a_wrong_password_and_an_unknown_user_look_the_same() {
        let Some(database) = testing::database().await else {
            return;
        };
        database.warm_up().await;
        database
            .create_account(analyst("Lan"), &moh(), NOW_US)
            .await
            .unwrap();
        let right = database
            .sign_in("lAN", "correct horse battery".into(), &from("::1"), NOW_US)
            .await;
        assert_eq!(right.unwrap().account.user_name, "Lan");
        for (user, password) in [("lan", "wrong"), ("nobody", "wrong"), ("lan\0", "wrong")] {
            let error = database
                .sign_in(user, password.into(), &from("::1"), NOW_US)
                .await
                .unwrap_err();
            assert!(
                matches!(error, DatabaseError::WrongCredentials),
                "{user}: {error}"
            );
        }
        let taken = database
            .create_account(analyst("LAN"), &moh(), NOW_US)
            .await
            .unwrap_err();
        assert!(matches!(taken, DatabaseError::Conflict(_)), "{taken}");
    }

    #[tokio::test]
    async fn after_five_failures_even_the_right_password_waits() {
        let Some(database) = testing::database().await else {
            return;
        };
        database
            .create_account(analyst("lan"), &moh(), NOW_US)
            .await
            .unwrap();
        let good = || "correct horse battery".to_owned();
        for user in ["lan", "ghost"] {
            for _ in 0..5 {
                let error = database
                    .sign_in(user, "wrong".into(), &from("10.0.0.1"), NOW_US)
                    .await
                    .unwrap_err();
                assert!(matches!(error, DatabaseError::WrongCredentials), "{error}");
            }
            let error = database
                .sign_in(user, good(), &from("10.0.0.1"), NOW_US)
                .await
                .unwrap_err();
            assert!(
                matches!(error, DatabaseError::Throttled { retry_after_s: 900 }),
                "{error}"
            );
        }
        assert!(
            database
                .sign_in("lan", good(), &from("10.0.1.2"), NOW_US)
                .await
                .is_ok(),
            "another network still may"
        );
        let later = NOW_US + 900_000_001;
        assert!(
            database
                .sign_in("lan", good(), &from("10.0.0.1"), later)
                .await
                .is_ok()
        );
    }

    #[tokio::test]
    async fn a_password_that_was_changed_since_it_was_right_opens_nothing() {
        let Some(database) = testing::database().await else {
            return;
        };
        let new = database.create_account(analyst("lan"), &moh(), NOW_US).await;
        let lan = new.unwrap();
        let origin = from("::1");
        let old = || "correct horse battery".to_owned();
        let proven = database.sign_in("lan", old(), &origin, NOW_US).await.unwrap();
        let session = database.open_session_of(&proven, &origin, NOW_US).await.unwrap();
        let found = database
            .find_session(&session, session::Use::Passive, NOW_US)
            .await;
        let owner = Owner {
            account: &lan,
            session: found.unwrap().unwrap().id,
            assured: session::Assured {
                is_strong: false,
                confirmed_us: NOW_US,
                by_passkey: false,
            },
            origin: &origin,
        };
        let another = || "another long test phrase".to_owned();
        database
            .change_password(&owner, old(), another(), NOW_US)
            .await
            .unwrap();
        let wrong = |error: DatabaseError| matches!(error, DatabaseError::WrongCredentials);
        let late = database.open_session_of(&proven, &origin, NOW_US).await;
        assert!(late.is_err_and(wrong));
        let late = database.open_half_session(&proven, &origin, NOW_US).await;
        assert!(late.is_err_and(wrong));
    }

    #[tokio::test]
    async fn who_was_locked_out_may_try_again_once_let_in_anew() {
        let Some(database) = testing::database().await else {
            return;
        };
        for user in ["lan", "ghost"] {
            database
                .create_account(analyst(user), &moh(), NOW_US)
                .await
                .unwrap();
        }
        let known = Origin {
            device: Some("a".repeat(32)),
            ..from("10.0.0.1")
        };
        let good = || "correct horse battery".to_owned();
        let try_all = async |user: &str, origin: &Origin, attempts: i32| {
            for _ in 0..attempts {
                let wrong = database.sign_in(user, "wrong".into(), origin, NOW_US).await;
                assert!(wrong.is_err());
            }
        };
        let is_let_in = async |user: &str, origin: &Origin| {
            let right = database.sign_in(user, good(), origin, NOW_US).await;
            !matches!(right, Err(DatabaseError::Throttled { .. }))
        };
        try_all("lan", &known, throttle::DEVICE_ATTEMPTS_MAX).await;
        for user in ["lan", "ghost"] {
            try_all(user, &from("10.0.0.1"), throttle::PAIR_ATTEMPTS_MAX).await;
            assert!(!is_let_in(user, &from("10.0.0.1")).await);
        }
        assert!(!is_let_in("lan", &known).await);
        let mut connection = database.pool.acquire().await.unwrap();
        throttle::unlock(&mut connection, "lan").await.unwrap();
        assert!(is_let_in("lan", &known).await && is_let_in("lan", &from("10.0.0.1")).await);
        assert!(!is_let_in("ghost", &from("10.0.0.1")).await, "another's");
    }

    #[tokio::test]
    async fn own_settings_change() {
        let Some(database) = testing::database().await else {
            return;
        };
        let lan = database
            .create_account(analyst("lan"), &moh(), NOW_US)
            .await
            .unwrap();
        let account = database
            .update_account(&lan, &from(""), Some(Language::English), None, NOW_US)
            .await
            .unwrap();
        assert_eq!(
            (account.language, account.display_name.as_str()),
            (Language::English, "Lan")
        );
        let account = database
            .update_account(&lan, &from(""), None, Some(" Lan Anh "), NOW_US)
            .await
            .unwrap();
        assert_eq!(
            (account.language, account.display_name.as_str()),
            (Language::English, "Lan Anh")
        );
        assert!(
            database
                .update_account(&lan, &from(""), None, Some("\u{7}"), NOW_US)
                .await
                .is_err()
        );
    }
}
