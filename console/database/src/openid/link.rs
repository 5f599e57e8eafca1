//! Whose account a subject of a provider is: linked by its owner, or with an invitation.

use sqlx::{FromRow, PgConnection};

use super::ProviderId;
use crate::audit::{self, Asker, Deed};
use crate::factor::Owner;
use crate::session;
use crate::{AccountId, Database, DatabaseError, Result, factor, welcome};

/// A link, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct LinkView {
    /// Id.
    pub id: i64,
    /// To which provider.
    pub provider_id: i64,
    /// What that is called.
    pub name: String,
    /// Whether one may sign in there.
    pub is_on: bool,
    /// Since when.
    pub linked_us: i64,
    /// When somebody last signed in with it.
    pub last_used_us: Option<i64>,
}

impl Database {
    /// The links of an account, by the names of their providers.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn openid_links(&self, account: AccountId) -> Result<Vec<LinkView>> {
        Ok(sqlx::query_as(
            "SELECT l.id, l.provider_id, p.name, p.is_on, l.linked_us, l.last_used_us FROM openid_link l \
             JOIN openid_provider p ON p.id = l.provider_id WHERE l.account_id = $1 ORDER BY lower(p.name), l.id",
        )
        .bind(account.0)
        .fetch_all(&self.pool)
        .await?)
    }

    /// Whether an account has a password.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn has_password(&self, account: AccountId) -> Result<bool> {
        let has: Option<bool> =
            sqlx::query_scalar("SELECT password_hash IS NOT NULL FROM account WHERE id = $1")
                .bind(account.0)
                .fetch_optional(&self.pool)
                .await?;
        Ok(has.unwrap_or_default())
    }

    /// Takes a link away; the account's other sessions end.
    ///
    /// # Errors
    /// [`DatabaseError::NotConfirmed`], [`DatabaseError::NotFound`] when the account has no such link, or [`DatabaseError::Conflict`] for its
    /// only way in.
    pub async fn unlink_openid(&self, owner: &Owner<'_>, link: i64, now_us: i64) -> Result<()> {
        let account = owner.account.id;
        let mut transaction = self.pool.begin().await?;
        owner.demand_fresh(&factor::read(&mut transaction, account).await?, now_us)?;
        // Of two at once, one sees what the other left.
        welcome::lock(&mut transaction, &Asker::console(), account).await?;
        let provider: Option<(i64, String)> = sqlx::query_as(
            "DELETE FROM openid_link l USING openid_provider p WHERE l.id = $1 AND l.account_id = $2 AND p.id = l.provider_id \
             RETURNING p.id, p.issuer",
        )
        .bind(link)
        .bind(account.0)
        .fetch_optional(&mut *transaction)
        .await?;
        let (provider, issuer) = provider.ok_or(DatabaseError::NotFound)?;
        if !has_way_in(&mut transaction, account).await? {
            return Err(DatabaseError::Conflict("it is the account's only way to sign in"));
        }
        let ended = session::end_others(&mut transaction, account, Some(owner.session)).await?;
        let deed = Deed::done("openid_link.remove", "account", account.0)
            .with("provider", provider)
            .with("issuer", issuer)
            .with("sessions_ended", ended);
        audit::append(&mut transaction, &owner.by(), vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }
}

/// Whether somebody can still sign in to the account.
async fn has_way_in(connection: &mut PgConnection, account: AccountId) -> Result<bool> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM account WHERE id = $1 AND password_hash IS NOT NULL) \
         OR EXISTS (SELECT FROM passkey WHERE account_id = $1) \
         OR EXISTS (SELECT FROM openid_link l JOIN openid_provider p ON p.id = l.provider_id WHERE l.account_id = $1 AND p.is_on)",
    )
    .bind(account.0)
    .fetch_one(connection)
    .await?)
}

/// Links a subject; `None` when it is another's, or the account has another of that provider.
pub(super) async fn insert(
    connection: &mut PgConnection,
    account: AccountId,
    provider: ProviderId,
    subject: &str,
    now_us: i64,
) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar(
        "INSERT INTO openid_link (provider_id, subject, account_id, linked_us) VALUES ($1, $2, $3, $4) \
         ON CONFLICT DO NOTHING RETURNING id",
    )
    .bind(provider.0)
    .bind(subject)
    .bind(account.0)
    .bind(now_us)
    .fetch_optional(connection)
    .await?)
}
