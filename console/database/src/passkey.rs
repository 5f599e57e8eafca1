//! Passkeys: adding, naming and removing them, and signing in with one.
//!
//! A challenge is not kept but signed: random bytes, the time, and the console's signature over both and what it is for. So nobody fills the
//! database by asking for challenges; that one was answered is kept until it is too old.
//!
//! ```text
//!  16 random bytes │ 8 bytes: microseconds since 1970, big-endian │ 32 bytes: signature
//! ```

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};
use sqlx::{FromRow, PgConnection, PgPool};
use vonggac_passkey::{Assertion, PasskeyError, Site};

use crate::account::{RawAccount, check_display_name};
use crate::audit::{self, Asker, Deed, Origin};
use crate::factor::{self, Factor, Owner};
use crate::session::{self, Seen, Strength};
use crate::throttle::{self, Attempt};
use crate::vault::Vault;
use crate::{Account, AccountId, Database, DatabaseError, Result, SessionToken};

/// How long a challenge may be answered.
pub const CHALLENGE_US: i64 = 5 * 60 * 1_000_000;
/// Passkeys of one account.
pub const PASSKEYS_MAX: i64 = 20;

/// A passkey, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct PasskeyView {
    /// Id.
    pub id: i64,
    /// What its owner calls it.
    pub name: String,
    /// Id of the credential, for the browser.
    pub credential_id: Vec<u8>,
    /// Whether it is synchronised.
    pub is_backed_up: bool,
    /// When it was added.
    pub created_us: i64,
    /// When somebody last signed in with it.
    pub last_used_us: Option<i64>,
}

/// A new passkey, as the browser sends it.
#[derive(Debug, Clone, Copy)]
pub struct NewPasskey<'a> {
    /// What its owner calls it: 1 to 64 characters.
    pub name: &'a str,
    /// `clientDataJSON`.
    pub client_data: &'a [u8],
    /// `attestationObject`.
    pub attestation_object: &'a [u8],
}

/// What a passkey answered, as the browser sends it.
#[derive(Debug, Clone, Copy)]
pub struct PasskeyAnswer<'a> {
    /// Id of the credential.
    pub credential_id: &'a [u8],
    /// What is signed, and the signature.
    pub assertion: Assertion<'a>,
}

/// What a challenge is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Signing in, or confirming who sits there.
    Answer,
    /// Adding a passkey to an account.
    Register(AccountId),
}

impl Purpose {
    fn signed_text(self, random: &[u8], made: &[u8]) -> String {
        let bytes = BASE64URL_NOPAD.encode(&[random, made].concat());
        match self {
            Self::Answer => format!("challenge answer {bytes}"),
            Self::Register(account) => format!("challenge register {} {bytes}", account.0),
        }
    }
}

/// A challenge to give out, in base64url.
pub fn challenge(vault: &Vault, purpose: Purpose, now_us: i64) -> String {
    let random: [u8; 16] = rand::random();
    let made = now_us.to_be_bytes();
    let signature = vault.sign(&purpose.signed_text(&random, &made));
    BASE64URL_NOPAD.encode(&[random.as_slice(), &made, &signature].concat())
}

/// What the browser is to keep an account's passkeys under: says nothing of the account, and is the same each time.
pub fn user_handle(vault: &Vault, account: AccountId) -> Vec<u8> {
    vault.sign(&format!("passkey of {}", account.0))
}

/// The challenge that an answer is to, when it is one of ours for that purpose and not too old.
fn own_challenge(vault: &Vault, purpose: Purpose, client_data: &[u8], now_us: i64) -> Result<String> {
    let bytes = vonggac_passkey::challenge_of(client_data).map_err(refused)?;
    let parts = bytes
        .split_first_chunk::<16>()
        .and_then(|(random, rest)| Some((random, rest.split_first_chunk::<8>()?)));
    let (random, (made, signature)) = parts.ok_or(refused(PasskeyError::Question))?;
    let age_us = now_us.saturating_sub(i64::from_be_bytes(*made));
    let is_own = vault.is_signed(&purpose.signed_text(random, made), signature);
    if !is_own || !(0..CHALLENGE_US).contains(&age_us) {
        return Err(refused(PasskeyError::Question));
    }
    Ok(BASE64URL_NOPAD.encode(&bytes))
}

fn refused(error: PasskeyError) -> DatabaseError {
    DatabaseError::Passkey(error)
}

/// Uses a challenge up.
async fn use_challenge(connection: &mut PgConnection, challenge: &str, now_us: i64) -> Result<()> {
    let done = sqlx::query(
        "INSERT INTO used_challenge (challenge_hash, used_us) VALUES ($1, $2) ON CONFLICT DO NOTHING",
    )
    .bind(Sha256::digest(challenge.as_bytes()).to_vec())
    .bind(now_us)
    .execute(connection)
    .await?;
    if done.rows_affected() == 0 {
        return Err(refused(PasskeyError::Question));
    }
    Ok(())
}

/// Removes challenges that are too old to be answered again.
pub(crate) async fn purge(pool: &PgPool, now_us: i64) -> Result<()> {
    sqlx::query("DELETE FROM used_challenge WHERE used_us <= $1")
        .bind(now_us.saturating_sub(2 * CHALLENGE_US))
        .execute(pool)
        .await?;
    Ok(())
}

#[derive(FromRow)]
struct Kept {
    #[sqlx(flatten)]
    account: RawAccount,
    passkey_id: i64,
    public_key: Vec<u8>,
    sign_count: i64,
}

impl Database {
    /// The passkeys of an account, the oldest first.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn passkeys(&self, account: AccountId) -> Result<Vec<PasskeyView>> {
        Ok(sqlx::query_as(
            "SELECT id, name, credential_id, is_backed_up, created_us, last_used_us FROM passkey \
             WHERE account_id = $1 ORDER BY id",
        )
        .bind(account.0)
        .fetch_all(&self.pool)
        .await?)
    }

    /// Adds a passkey; recovery codes when it is the account's first second factor. The session is a strong one from now on, the account's
    /// others end.
    ///
    /// # Errors
    /// [`DatabaseError::NotConfirmed`], [`DatabaseError::Passkey`], [`DatabaseError::Invalid`] for a name that does not do, or
    /// [`DatabaseError::Conflict`] for one that there is already, or one too many.
    pub async fn add_passkey(
        &self,
        vault: &Vault,
        site: &Site,
        owner: &Owner<'_>,
        new: &NewPasskey<'_>,
        now_us: i64,
    ) -> Result<Option<Vec<String>>> {
        let account = owner.account;
        check_display_name(new.name)?;
        let challenge = own_challenge(vault, Purpose::Register(account.id), new.client_data, now_us)?;
        let made = vonggac_passkey::register(site, &challenge, new.client_data, new.attestation_object)
            .map_err(refused)?;
        let mut transaction = self.pool.begin().await?;
        let factors = factor::read(&mut transaction, account.id).await?;
        owner.demand_fresh(&factors, now_us)?;
        use_challenge(&mut transaction, &challenge, now_us).await?;
        let id: Option<i64> = sqlx::query_scalar(
            "INSERT INTO passkey (credential_id, account_id, name, public_key, sign_count, is_backed_up, created_us) \
             SELECT $1, $2, $3, $4, $5, $6, $7 WHERE (SELECT count(*) FROM passkey WHERE account_id = $2) < $8 \
             ON CONFLICT (credential_id) DO NOTHING RETURNING id",
        )
        .bind(&made.id)
        .bind(account.id.0)
        .bind(new.name.trim())
        .bind(&made.public_key)
        .bind(i64::from(made.sign_count))
        .bind(made.is_backed_up)
        .bind(now_us)
        .bind(PASSKEYS_MAX)
        .fetch_optional(&mut *transaction)
        .await?;
        let id = id.ok_or(DatabaseError::Conflict(
            "the passkey is known already, or the account has too many",
        ))?;
        let codes = if factors.is_any() {
            None
        } else {
            Some(factor::replace_recovery_codes(&mut transaction, account.id).await?)
        };
        // Another one proves nothing of those that the account has.
        let seen = if factors.passkeys == 0 {
            Seen::Passkey
        } else {
            Seen::Factor
        };
        session::confirm(&mut transaction, owner.session, seen, now_us).await?;
        let ended = session::end_others(&mut transaction, account.id, Some(owner.session)).await?;
        let deed = Deed::done("factor.add", "account", account.id.0)
            .with("factor", Factor::Passkey.name())
            .with("passkey", id)
            .with("name", new.name.trim())
            .with("sessions_ended", ended);
        audit::append(&mut transaction, &owner.by(), vec![deed], now_us).await?;
        transaction.commit().await?;
        Ok(codes)
    }

    /// Removes a passkey; with the last second factor the recovery codes go too.
    ///
    /// # Errors
    /// [`DatabaseError::NotConfirmed`], or [`DatabaseError::NotFound`] when the account has no such passkey.
    pub async fn remove_passkey(&self, owner: &Owner<'_>, passkey: i64, now_us: i64) -> Result<()> {
        let account = owner.account;
        let mut transaction = self.pool.begin().await?;
        owner.demand_fresh(&factor::read(&mut transaction, account.id).await?, now_us)?;
        let name: Option<String> =
            sqlx::query_scalar("DELETE FROM passkey WHERE id = $1 AND account_id = $2 RETURNING name")
                .bind(passkey)
                .bind(account.id.0)
                .fetch_optional(&mut *transaction)
                .await?;
        let name = name.ok_or(DatabaseError::NotFound)?;
        factor::end_recovery_codes_of_none(&mut transaction, account.id).await?;
        let ended = session::end_others(&mut transaction, account.id, Some(owner.session)).await?;
        let deed = Deed::done("factor.remove", "account", account.id.0)
            .with("factor", Factor::Passkey.name())
            .with("passkey", passkey)
            .with("name", name)
            .with("sessions_ended", ended);
        audit::append(&mut transaction, &owner.by(), vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }

    /// Signs in with a passkey, which says itself whose it is. Attempts are counted by network alone: a signature is not guessed, and so
    /// nobody's failures stand in its way.
    ///
    /// # Errors
    /// [`DatabaseError::Passkey`], the same for a passkey that is not known, or [`DatabaseError::Throttled`].
    pub async fn sign_in_with_passkey(
        &self,
        vault: &Vault,
        site: &Site,
        answer: &PasskeyAnswer<'_>,
        origin: &Origin,
        now_us: i64,
    ) -> Result<(Account, SessionToken)> {
        let attempt = Attempt::Passkey {
            address: &origin.address,
        };
        let by = Asker::nobody("", origin);
        let deed = || Deed::done("session.open", "account", "").with("step", "passkey");
        self.count_attempt(&attempt, &by, deed(), now_us).await?;
        let mut transaction = self.pool.begin().await?;
        let seen = self.see(&mut transaction, vault, site, answer, now_us).await;
        let account = match seen {
            Err(error @ DatabaseError::Passkey(_)) => {
                drop(transaction);
                self.note(&by, deed().refused(&error), now_us).await?;
                return Err(error);
            }
            seen => seen?,
        };
        let strength = Strength::Strong(Factor::Passkey);
        let token = session::open(&mut transaction, &account, origin, strength, now_us).await?;
        transaction.commit().await?;
        throttle::forgive(&self.pool, &attempt).await?;
        Ok((account, token))
    }

    /// Confirms with a passkey that it is still the owner who sits there.
    ///
    /// # Errors
    /// [`DatabaseError::Passkey`], also for a passkey of somebody else.
    pub async fn confirm_with_passkey(
        &self,
        vault: &Vault,
        site: &Site,
        owner: &Owner<'_>,
        answer: &PasskeyAnswer<'_>,
        now_us: i64,
    ) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        let seen = self.see_own(&mut transaction, vault, site, owner, answer, now_us);
        if let Err(error) = seen.await {
            drop(transaction);
            let deed = Deed::done("session.confirm", "session", owner.session.0).refused(&error);
            self.note(&owner.by(), deed, now_us).await?;
            return Err(error);
        }
        session::confirm(&mut transaction, owner.session, Seen::Passkey, now_us).await?;
        let deed =
            Deed::done("session.confirm", "session", owner.session.0).with("with", Factor::Passkey.name());
        audit::append(&mut transaction, &owner.by(), vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }

    /// That a passkey of the owner's answered, the answer and its challenge being good.
    pub(crate) async fn see_own(
        &self,
        connection: &mut PgConnection,
        vault: &Vault,
        site: &Site,
        owner: &Owner<'_>,
        answer: &PasskeyAnswer<'_>,
        now_us: i64,
    ) -> Result<()> {
        let seen = self.see(connection, vault, site, answer, now_us).await?;
        if seen.id != owner.account.id {
            return Err(refused(PasskeyError::Signature));
        }
        Ok(())
    }

    /// Whose passkey answered, the answer and its challenge being good.
    async fn see(
        &self,
        connection: &mut PgConnection,
        vault: &Vault,
        site: &Site,
        answer: &PasskeyAnswer<'_>,
        now_us: i64,
    ) -> Result<Account> {
        let challenge = own_challenge(vault, Purpose::Answer, answer.assertion.client_data, now_us)?;
        let kept: Option<Kept> = sqlx::query_as(
            "SELECT a.id, a.user_name, a.display_name, a.organisation, a.language, \
             p.id AS passkey_id, p.public_key, p.sign_count \
             FROM passkey p JOIN account a ON a.id = p.account_id WHERE p.credential_id = $1 FOR UPDATE OF p",
        )
        .bind(answer.credential_id)
        .fetch_optional(&mut *connection)
        .await?;
        let kept = kept.ok_or(refused(PasskeyError::Signature))?;
        let seen =
            vonggac_passkey::check(site, &challenge, &kept.public_key, &answer.assertion).map_err(refused)?;
        // One that counts and does not go on was copied (WebAuthn, section 7.2, step 21).
        let count = i64::from(seen.sign_count);
        if (count > 0 || kept.sign_count > 0) && count <= kept.sign_count {
            return Err(refused(PasskeyError::Signature));
        }
        use_challenge(connection, &challenge, now_us).await?;
        sqlx::query("UPDATE passkey SET sign_count = $2, is_backed_up = $3, last_used_us = $4 WHERE id = $1")
            .bind(kept.passkey_id)
            .bind(count)
            .bind(seen.is_backed_up)
            .bind(now_us)
            .execute(connection)
            .await?;
        kept.account.read()
    }
}
