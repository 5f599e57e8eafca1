//! Second factors: one-time codes of an app (RFC 6238), and the recovery codes for when the app is lost.
//!
//! An app counts once its first code has come back. With it come ten recovery codes, told once; each works once. Adding or removing a
//! factor needs a session whose owner was seen just now ([`Assured`]), and ends the account's other sessions.
//!
//! Invariant: a code of an app counts once, also when it comes twice at the same moment: the row is locked while it is looked at.

use data_encoding::BASE32_NOPAD;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use crate::audit::{self, Asker, Deed, Origin};
use crate::session::{self, Assured, Seen};
use crate::totp::{DIGITS, Secret};
use crate::vault::Vault;
use crate::{Account, AccountId, Database, DatabaseError, Result, SessionId};

/// Recovery codes that are made at once.
pub const RECOVERY_CODES: usize = 10;
/// Random bytes of a recovery code: 24 characters, 120 bits.
const RECOVERY_BYTES: usize = 15;

/// The factors of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Factors {
    /// Since when it has an app for one-time codes.
    pub totp_since_us: Option<i64>,
    /// How many passkeys it has.
    pub passkeys: i64,
    /// Recovery codes that were not used.
    pub recovery_codes_left: i64,
}

impl Factors {
    /// Whether it has a second factor.
    pub fn is_any(&self) -> bool {
        self.totp_since_us.is_some() || self.passkeys > 0
    }
}

/// Which second factor was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factor {
    /// A code of an app.
    Totp,
    /// A recovery code.
    RecoveryCode,
    /// A passkey.
    Passkey,
    /// What a provider saw, where an administrator takes its word for two factors.
    Provider,
}

impl Factor {
    /// `totp`, `recovery_code`, `passkey` or `provider`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::RecoveryCode => "recovery_code",
            Self::Passkey => "passkey",
            Self::Provider => "provider",
        }
    }
}

/// What an app is to be told.
#[derive(Clone)]
pub struct TotpOffer {
    /// The secret, in base 32.
    pub secret: String,
    /// The same as an `otpauth:` address, for a QR code.
    pub uri: String,
}

/// Whose sessions it is, who asks for a change of its factors.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// The account.
    pub account: &'a Account,
    /// The session that asks.
    pub session: SessionId,
    /// How sure it is who sits there.
    pub assured: Assured,
    /// Where from.
    pub origin: &'a Origin,
}

impl<'a> Owner<'a> {
    pub(crate) fn by(&self) -> Asker<'a> {
        Asker::person(self.account, self.origin)
    }

    /// The owner must have been seen just now; who has a second factor, with that.
    pub(crate) fn demand_fresh(&self, factors: &Factors, now_us: i64) -> Result<()> {
        if self.assured.is_fresh(now_us) && (self.assured.is_strong || !factors.is_any()) {
            return Ok(());
        }
        Err(DatabaseError::NotConfirmed)
    }
}

impl Database {
    /// The factors of an account.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn factors(&self, account: AccountId) -> Result<Factors> {
        read(&mut *self.pool.acquire().await?, account).await
    }

    /// Sees that `owner` may change how the account signs in now.
    ///
    /// # Errors
    /// [`DatabaseError::NotConfirmed`] when it must be confirmed first who sits there.
    pub async fn demand_fresh(&self, owner: &Owner<'_>, now_us: i64) -> Result<()> {
        owner.demand_fresh(&self.factors(owner.account.id).await?, now_us)
    }

    /// Makes a secret for an app; it counts once [`Self::confirm_totp`] has seen a code of it. A new one replaces one that never counted.
    ///
    /// # Errors
    /// [`DatabaseError::NotConfirmed`], or [`DatabaseError::Conflict`] when there is an app already.
    pub async fn offer_totp(&self, vault: &Vault, owner: &Owner<'_>, now_us: i64) -> Result<TotpOffer> {
        let account = owner.account;
        owner.demand_fresh(&self.factors(account.id).await?, now_us)?;
        let secret = Secret::random();
        let sealed = vault.seal(&purpose(account.id), secret.bytes())?;
        let mut transaction = self.pool.begin().await?;
        let done = sqlx::query(
            "INSERT INTO totp AS t (account_id, secret, last_step, created_us) VALUES ($1, $2, 0, $3) \
             ON CONFLICT (account_id) DO UPDATE SET secret = EXCLUDED.secret, last_step = 0, created_us = EXCLUDED.created_us \
             WHERE t.confirmed_us IS NULL",
        )
        .bind(account.id.0)
        .bind(sealed)
        .bind(now_us)
        .execute(&mut *transaction)
        .await?;
        if done.rows_affected() == 0 {
            return Err(DatabaseError::Conflict(
                "the account has an app already; remove it first",
            ));
        }
        let deed = Deed::done("factor.offer", "account", account.id.0).with("factor", Factor::Totp.name());
        audit::append(&mut transaction, &owner.by(), vec![deed], now_us).await?;
        transaction.commit().await?;
        let secret = secret.to_text();
        let uri = uri(&account.user_name, &secret);
        Ok(TotpOffer { secret, uri })
    }

    /// Makes the app that was offered count, having seen a code of it; its recovery codes. The session is a strong one from now on, the
    /// account's others end.
    ///
    /// # Errors
    /// [`DatabaseError::NotConfirmed`], [`DatabaseError::WrongCode`], [`DatabaseError::Throttled`] or [`DatabaseError::NotFound`] when
    /// nothing was offered.
    pub async fn confirm_totp(
        &self,
        vault: &Vault,
        owner: &Owner<'_>,
        code: &str,
        now_us: i64,
    ) -> Result<Vec<String>> {
        let account = owner.account;
        owner.demand_fresh(&self.factors(account.id).await?, now_us)?;
        self.count_confirmation(account, owner.origin, now_us).await?;
        let mut transaction = self.pool.begin().await?;
        let offered: Option<Vec<u8>> = sqlx::query_scalar(
            "SELECT secret FROM totp WHERE account_id = $1 AND confirmed_us IS NULL FOR UPDATE",
        )
        .bind(account.id.0)
        .fetch_optional(&mut *transaction)
        .await?;
        let sealed = offered.ok_or(DatabaseError::NotFound)?;
        let secret = Secret::from_bytes(vault.open(&purpose(account.id), &sealed)?);
        let step = secret
            .step_of(code.trim(), 0, now_us)
            .ok_or(DatabaseError::WrongCode)?;
        sqlx::query("UPDATE totp SET confirmed_us = $2, last_step = $3 WHERE account_id = $1")
            .bind(account.id.0)
            .bind(now_us)
            .bind(step)
            .execute(&mut *transaction)
            .await?;
        let codes = replace_recovery_codes(&mut transaction, account.id).await?;
        session::confirm(&mut transaction, owner.session, Seen::Factor, now_us).await?;
        let ended = session::end_others(&mut transaction, account.id, Some(owner.session)).await?;
        let deed = Deed::done("factor.add", "account", account.id.0)
            .with("factor", Factor::Totp.name())
            .with("sessions_ended", ended);
        audit::append(&mut transaction, &owner.by(), vec![deed], now_us).await?;
        transaction.commit().await?;
        Ok(codes)
    }

    /// Removes the account's app, and its recovery codes when it has no other second factor; ends its other sessions.
    ///
    /// # Errors
    /// [`DatabaseError::NotConfirmed`], or [`DatabaseError::NotFound`] when there is none.
    pub async fn remove_totp(&self, owner: &Owner<'_>, now_us: i64) -> Result<()> {
        let account = owner.account;
        let mut transaction = self.pool.begin().await?;
        owner.demand_fresh(&read(&mut transaction, account.id).await?, now_us)?;
        let done = sqlx::query("DELETE FROM totp WHERE account_id = $1 AND confirmed_us IS NOT NULL")
            .bind(account.id.0)
            .execute(&mut *transaction)
            .await?;
        if done.rows_affected() == 0 {
            return Err(DatabaseError::NotFound);
        }
        end_recovery_codes_of_none(&mut transaction, account.id).await?;
        let ended = session::end_others(&mut transaction, account.id, Some(owner.session)).await?;
        let deed = Deed::done("factor.remove", "account", account.id.0)
            .with("factor", Factor::Totp.name())
            .with("sessions_ended", ended);
        audit::append(&mut transaction, &owner.by(), vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }

    /// New recovery codes in place of the old.
    ///
    /// # Errors
    /// [`DatabaseError::NotConfirmed`], or [`DatabaseError::NotFound`] for an account without a second factor.
    pub async fn renew_recovery_codes(&self, owner: &Owner<'_>, now_us: i64) -> Result<Vec<String>> {
        let account = owner.account;
        let mut transaction = self.pool.begin().await?;
        let factors = read(&mut transaction, account.id).await?;
        owner.demand_fresh(&factors, now_us)?;
        if !factors.is_any() {
            return Err(DatabaseError::NotFound);
        }
        let codes = replace_recovery_codes(&mut transaction, account.id).await?;
        let deed =
            Deed::done("factor.renew", "account", account.id.0).with("factor", Factor::RecoveryCode.name());
        audit::append(&mut transaction, &owner.by(), vec![deed], now_us).await?;
        transaction.commit().await?;
        Ok(codes)
    }
}

pub(crate) async fn read(connection: &mut PgConnection, account: AccountId) -> Result<Factors> {
    let (totp_since_us, passkeys, recovery_codes_left) = sqlx::query_as(
        "SELECT (SELECT confirmed_us FROM totp WHERE account_id = $1), \
         (SELECT count(*) FROM passkey WHERE account_id = $1), \
         (SELECT count(*) FROM recovery_code WHERE account_id = $1)",
    )
    .bind(account.0)
    .fetch_one(connection)
    .await?;
    Ok(Factors {
        totp_since_us,
        passkeys,
        recovery_codes_left,
    })
}

/// Uses a code up: six digits are of the app, anything else a recovery code.
///
/// # Errors
/// [`DatabaseError::WrongCode`] for one that is wrong or was used.
pub(crate) async fn prove(
    transaction: &mut PgConnection,
    vault: Option<&Vault>,
    account: AccountId,
    code: &str,
    now_us: i64,
) -> Result<Factor> {
    let code = plain(code);
    if code.len() != DIGITS {
        let done = sqlx::query("DELETE FROM recovery_code WHERE account_id = $1 AND code_hash = $2")
            .bind(account.0)
            .bind(digest(&code))
            .execute(transaction)
            .await?;
        let is_known = done.rows_affected() == 1;
        return is_known
            .then_some(Factor::RecoveryCode)
            .ok_or(DatabaseError::WrongCode);
    }
    let kept: Option<(Vec<u8>, i64)> = sqlx::query_as(
        "SELECT secret, last_step FROM totp WHERE account_id = $1 AND confirmed_us IS NOT NULL FOR UPDATE",
    )
    .bind(account.0)
    .fetch_optional(&mut *transaction)
    .await?;
    let (sealed, last_step) = kept.ok_or(DatabaseError::WrongCode)?;
    let vault = vault.ok_or(DatabaseError::Vault("the console was started without its key"))?;
    let secret = Secret::from_bytes(vault.open(&purpose(account), &sealed)?);
    let step = secret
        .step_of(&code, last_step, now_us)
        .ok_or(DatabaseError::WrongCode)?;
    sqlx::query("UPDATE totp SET last_step = $2 WHERE account_id = $1")
        .bind(account.0)
        .bind(step)
        .execute(transaction)
        .await?;
    Ok(Factor::Totp)
}

/// Ends the recovery codes of an account without a second factor.
pub(crate) async fn end_recovery_codes_of_none(
    transaction: &mut PgConnection,
    account: AccountId,
) -> Result<()> {
    if !read(transaction, account).await?.is_any() {
        sqlx::query("DELETE FROM recovery_code WHERE account_id = $1")
            .bind(account.0)
            .execute(transaction)
            .await?;
    }
    Ok(())
}

pub(crate) async fn replace_recovery_codes(
    transaction: &mut PgConnection,
    account: AccountId,
) -> Result<Vec<String>> {
    sqlx::query("DELETE FROM recovery_code WHERE account_id = $1")
        .bind(account.0)
        .execute(&mut *transaction)
        .await?;
    let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| random_code()).collect();
    let hashes: Vec<Vec<u8>> = codes.iter().map(|code| digest(code)).collect();
    sqlx::query("INSERT INTO recovery_code (account_id, code_hash) SELECT $1, unnest($2)")
        .bind(account.0)
        .bind(hashes)
        .execute(transaction)
        .await?;
    Ok(codes.iter().map(|code| in_groups(code)).collect())
}

/// A code that a person can copy by hand.
pub(crate) fn random_code() -> String {
    BASE32_NOPAD.encode(&rand::random::<[u8; RECOVERY_BYTES]>())
}

/// A code in groups of four.
pub(crate) fn in_groups(code: &str) -> String {
    let characters: Vec<char> = code.chars().collect();
    let groups: Vec<String> = characters.chunks(4).map(|group| group.iter().collect()).collect();
    groups.join("-")
}

/// A code without the blanks and hyphens that people put between its groups.
pub(crate) fn plain(code: &str) -> String {
    code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect()
}

/// Of a [`plain`] code, in whichever case.
pub(crate) fn digest(code: &str) -> Vec<u8> {
    Sha256::digest(code.to_uppercase().as_bytes()).to_vec()
}

/// What an account's secret is sealed for.
fn purpose(account: AccountId) -> String {
    format!("totp {}", account.0)
}

/// Key URI format, as Google Authenticator's wiki has it and every app reads it.
fn uri(user_name: &str, secret: &str) -> String {
    let mut label = String::new();
    for byte in user_name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-') {
            label.push(char::from(byte));
        } else {
            label.push_str(&format!("%{byte:02X}"));
        }
    }
    let issuer = "V%E1%BB%8Dng%20G%C3%A1c";
    format!("otpauth://totp/{issuer}:{label}?secret={secret}&issuer={issuer}")
}
