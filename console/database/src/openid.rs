//! Providers at which people may sign in by OpenID Connect, as an administrator has entered them.
//!
//! - this file: the providers; [`attempt`]: sign-ins that have begun; [`entering`]: what becomes of one whose answer was good; [`link`]: whose
//!   account a subject is.
//!
//! What a provider answers is checked elsewhere (`vonggac-openid`); here it is known who it is, by provider and subject.
//!
//! Invariant: whose account it is goes by issuer and subject, never by a name or an address that the provider says. The issuer of a provider
//! never changes (`0087_openid.sql`). Invariant: nothing that a provider says gives or takes a role.

pub mod attempt;
pub mod entering;
pub mod link;
#[cfg(test)]
mod tests;

use sqlx::{FromRow, PgConnection};

use crate::account::check_name;
use crate::audit::{self, Asker, Deed};
use crate::notification::{NO_KEY, NewPassword};
use crate::vault::Vault;
use crate::{Database, DatabaseError, Result};

/// Most providers.
pub const PROVIDERS_MAX: i64 = 20;
/// Longest issuer, in bytes: its discovery document's address has still to do.
pub const ISSUER_BYTES_MAX: usize = 400;
/// Most entries of a list, and longest entry, in bytes.
pub const LISTED_MAX: usize = 50;
/// Longest entry of a list, and longest id of a client, in bytes.
pub const ENTRY_BYTES_MAX: usize = 253;
/// Longest text of certificates, in bytes.
pub const CERTIFICATES_BYTES_MAX: usize = 64 << 10;
/// Longest secret of a client, in bytes.
pub const SECRET_BYTES_MAX: usize = 1_024;

/// Id of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProviderId(pub i64);

/// What an administrator says of a provider and may change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProviderSetting {
    /// What its button says.
    pub name: String,
    /// Who the console is there.
    pub client_id: String,
    /// What is asked for; `openid` among it.
    pub scopes: Vec<String>,
    /// Whether one may sign in with it.
    pub is_on: bool,
    /// Values of `acr` or `amr` with one of which it counts as two factors.
    pub strong_values: Vec<String>,
    /// Hosts of its endpoints, where they are not the issuer's.
    pub hosts: Vec<String>,
    /// Networks that its addresses may be in though they are not public.
    pub networks: Vec<String>,
    /// Certificates of authorities that are trusted beside the machine's, in PEM.
    pub certificates: String,
}

/// A provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Id.
    pub id: ProviderId,
    /// Who it is, for good.
    pub issuer: String,
    /// What may be changed.
    pub setting: ProviderSetting,
    /// Whether a client's secret is kept.
    pub has_secret: bool,
    /// How many accounts are linked.
    pub links: i64,
    /// When it was last changed.
    pub changed_us: i64,
}

/// A provider, as whoever wants to sign in sees it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Offered {
    /// Id.
    pub id: i64,
    /// What its button says.
    pub name: String,
}

#[derive(FromRow)]
struct Row {
    id: i64,
    name: String,
    issuer: String,
    client_id: String,
    has_secret: bool,
    scopes: Vec<String>,
    is_on: bool,
    strong_values: Vec<String>,
    hosts: Vec<String>,
    networks: Vec<String>,
    certificates: String,
    changed_us: i64,
    links: i64,
}

impl Row {
    fn read(self) -> Provider {
        Provider {
            id: ProviderId(self.id),
            issuer: self.issuer,
            setting: ProviderSetting {
                name: self.name,
                client_id: self.client_id,
                scopes: self.scopes,
                is_on: self.is_on,
                strong_values: self.strong_values,
                hosts: self.hosts,
                networks: self.networks,
                certificates: self.certificates,
            },
            has_secret: self.has_secret,
            links: self.links,
            changed_us: self.changed_us,
        }
    }
}

const SELECT: &str = "SELECT p.id, p.name, p.issuer, p.client_id, p.client_secret IS NOT NULL AS has_secret, p.scopes, p.is_on, p.strong_values, \
     p.hosts, p.networks, p.certificates, p.changed_us, (SELECT count(*) FROM openid_link l WHERE l.provider_id = p.id) AS links \
     FROM openid_provider p";

impl ProviderSetting {
    fn check(&self) -> Result<()> {
        let invalid = |field, problem| Err(DatabaseError::Invalid { field, problem });
        check_name("name", &self.name)?;
        let is_line = |text: &str| {
            (1..=ENTRY_BYTES_MAX).contains(&text.len())
                && !text.chars().any(|c| c.is_control() || c.is_whitespace())
        };
        if !is_line(&self.client_id) {
            return invalid("client_id", "is one word of at most 253 bytes");
        }
        for (field, list) in [
            ("scopes", &self.scopes),
            ("strong_values", &self.strong_values),
            ("hosts", &self.hosts),
            ("networks", &self.networks),
        ] {
            if list.len() > LISTED_MAX || !list.iter().all(|one| is_line(one)) {
                return invalid(field, "has at most 50 words of at most 253 bytes");
            }
        }
        if !self.scopes.iter().any(|one| one == "openid") {
            return invalid("scopes", "must have openid among them");
        }
        if self.certificates.len() > CERTIFICATES_BYTES_MAX || self.certificates.contains('\0') {
            return invalid("certificates", "must not be longer than 64 KiB");
        }
        Ok(())
    }

    /// Whether the client's secret may go elsewhere by the other.
    fn leads_elsewhere(&self, other: &Self) -> bool {
        self.hosts != other.hosts
            || self.networks != other.networks
            || self.certificates != other.certificates
    }

    fn pairs(&self) -> [(&'static str, String); 8] {
        [
            ("name", self.name.clone()),
            ("client_id", self.client_id.clone()),
            ("scopes", self.scopes.join(" ")),
            ("is_on", self.is_on.to_string()),
            ("strong_values", self.strong_values.join(" ")),
            ("hosts", self.hosts.join(" ")),
            ("networks", self.networks.join(" ")),
            ("certificates_bytes", self.certificates.len().to_string()),
        ]
    }
}

/// What the client's secret of an issuer is sealed for.
fn purpose(issuer: &str) -> String {
    format!("openid client {issuer}")
}

fn check_issuer(issuer: &str) -> Result<()> {
    let is_plain =
        issuer.bytes().all(|byte| byte.is_ascii_graphic()) && !issuer.contains(['?', '#', '@', '\\']);
    if !is_plain || issuer.len() > ISSUER_BYTES_MAX {
        return Err(DatabaseError::Invalid {
            field: "issuer",
            problem: "is an address of at most 400 bytes without a user, a query or a fragment",
        });
    }
    Ok(())
}

/// The secret that is to be kept from now on, sealed.
fn sealed(vault: Option<&Vault>, issuer: &str, secret: NewPassword<'_>) -> Result<Option<Vec<u8>>> {
    match secret {
        NewPassword::Set(text) if text.len() > SECRET_BYTES_MAX => Err(DatabaseError::Invalid {
            field: "client_secret",
            problem: "must not be longer than 1,024 bytes",
        }),
        NewPassword::Set(text) => Ok(Some(
            vault.ok_or(NO_KEY)?.seal(&purpose(issuer), text.as_bytes())?,
        )),
        NewPassword::Kept | NewPassword::Removed => Ok(None),
    }
}

impl Database {
    /// The providers, by name.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn openid_providers(&self) -> Result<Vec<Provider>> {
        let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "{SELECT} ORDER BY lower(p.name), p.id"
        )))
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(Row::read).collect())
    }

    /// Those with which one may sign in, by name.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn offered_providers(&self) -> Result<Vec<Offered>> {
        Ok(
            sqlx::query_as("SELECT id, name FROM openid_provider WHERE is_on ORDER BY lower(name), id")
                .fetch_all(&self.pool)
                .await?,
        )
    }

    /// A provider.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is none.
    pub async fn openid_provider(&self, id: ProviderId) -> Result<Provider> {
        let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} WHERE p.id = $1")))
            .bind(id.0)
            .fetch_optional(&self.pool)
            .await?;
        row.map(Row::read).ok_or(DatabaseError::NotFound)
    }

    /// The client's secret at a provider; none for a public client.
    ///
    /// # Errors
    /// [`DatabaseError::Vault`] when there is one and `vault` does not open it.
    pub async fn openid_secret(&self, vault: Option<&Vault>, provider: &Provider) -> Result<Option<String>> {
        let kept: Option<Option<Vec<u8>>> =
            sqlx::query_scalar("SELECT client_secret FROM openid_provider WHERE id = $1")
                .bind(provider.id.0)
                .fetch_optional(&self.pool)
                .await?;
        let Some(sealed) = kept.flatten() else {
            return Ok(None);
        };
        let bytes = vault.ok_or(NO_KEY)?.open(&purpose(&provider.issuer), &sealed)?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Enters a provider.
    ///
    /// # Errors
    /// [`DatabaseError::Invalid`] for what does not do, [`DatabaseError::Conflict`] when the issuer is there already or there are too many,
    /// [`DatabaseError::Vault`] when a secret cannot be sealed.
    pub async fn add_openid_provider(
        &self,
        by: &Asker<'_>,
        vault: Option<&Vault>,
        issuer: &str,
        setting: &ProviderSetting,
        secret: NewPassword<'_>,
        now_us: i64,
    ) -> Result<ProviderId> {
        check_issuer(issuer)?;
        setting.check()?;
        let secret = sealed(vault, issuer, secret)?;
        let mut transaction = self.pool.begin().await?;
        let id: Option<i64> = sqlx::query_scalar(
            "INSERT INTO openid_provider (name, issuer, client_id, client_secret, scopes, is_on, strong_values, hosts, networks, \
             certificates, changed_us) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 \
             WHERE (SELECT count(*) FROM openid_provider) < $12 ON CONFLICT (issuer) DO NOTHING RETURNING id",
        )
        .bind(setting.name.trim())
        .bind(issuer)
        .bind(&setting.client_id)
        .bind(&secret)
        .bind(&setting.scopes)
        .bind(setting.is_on)
        .bind(&setting.strong_values)
        .bind(&setting.hosts)
        .bind(&setting.networks)
        .bind(&setting.certificates)
        .bind(now_us)
        .bind(PROVIDERS_MAX)
        .fetch_optional(&mut *transaction)
        .await?;
        let id = id.ok_or(DatabaseError::Conflict(
            "a provider of that issuer is there already, or there are too many",
        ))?;
        let mut deed = Deed::done("openid_provider.add", "openid_provider", id).with("issuer", issuer);
        for (name, value) in setting.pairs() {
            deed = deed.with(name, value);
        }
        if secret.is_some() {
            deed = deed.with("client_secret", "set");
        }
        audit::append(&mut transaction, by, vec![deed], now_us).await?;
        transaction.commit().await?;
        Ok(ProviderId(id))
    }

    /// Changes a provider. One that is switched off takes the sessions with it that were opened by it.
    ///
    /// # Errors
    /// As [`Self::add_openid_provider`], and [`DatabaseError::NotFound`]. A kept secret does not go along to other hosts, networks or
    /// certificates.
    pub async fn change_openid_provider(
        &self,
        by: &Asker<'_>,
        vault: Option<&Vault>,
        id: ProviderId,
        setting: &ProviderSetting,
        secret: NewPassword<'_>,
        now_us: i64,
    ) -> Result<()> {
        setting.check()?;
        let mut transaction = self.pool.begin().await?;
        let before = locked(&mut transaction, id).await?;
        let is_kept = secret == NewPassword::Kept;
        if is_kept && before.has_secret && setting.leads_elsewhere(&before.setting) {
            return Err(DatabaseError::Invalid {
                field: "client_secret",
                problem: "must be given again for other hosts, networks or certificates",
            });
        }
        let new = sealed(vault, &before.issuer, secret)?;
        sqlx::query(
            "UPDATE openid_provider SET name = $2, client_id = $3, client_secret = CASE WHEN $4 THEN client_secret ELSE $5 END, \
             scopes = $6, is_on = $7, strong_values = $8, hosts = $9, networks = $10, certificates = $11, changed_us = $12 WHERE id = $1",
        )
        .bind(id.0)
        .bind(setting.name.trim())
        .bind(&setting.client_id)
        .bind(is_kept)
        .bind(&new)
        .bind(&setting.scopes)
        .bind(setting.is_on)
        .bind(&setting.strong_values)
        .bind(&setting.hosts)
        .bind(&setting.networks)
        .bind(&setting.certificates)
        .bind(now_us.max(before.changed_us.saturating_add(1)))
        .execute(&mut *transaction)
        .await?;
        let mut deed = Deed::done("openid_provider.change", "openid_provider", id.0);
        for ((name, old), (_, value)) in before.setting.pairs().into_iter().zip(setting.pairs()) {
            if old != value {
                deed = deed.with(name, value);
            }
        }
        if before.setting.certificates != setting.certificates {
            deed = deed.with("certificates", "changed");
        }
        deed = match secret {
            NewPassword::Set(_) => deed.with("client_secret", "set"),
            NewPassword::Removed if before.has_secret => deed.with("client_secret", "removed"),
            NewPassword::Kept | NewPassword::Removed => deed,
        };
        if !setting.is_on {
            deed = deed.with("sessions_ended", end_sessions(&mut transaction, id).await?);
        }
        audit::append(&mut transaction, by, vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }

    /// Removes a provider with its links and the sessions that were opened by it.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is none.
    pub async fn remove_openid_provider(&self, by: &Asker<'_>, id: ProviderId, now_us: i64) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        let before = locked(&mut transaction, id).await?;
        let ended = end_sessions(&mut transaction, id).await?;
        sqlx::query("DELETE FROM openid_provider WHERE id = $1")
            .bind(id.0)
            .execute(&mut *transaction)
            .await?;
        let deed = Deed::done("openid_provider.remove", "openid_provider", id.0)
            .with("issuer", before.issuer)
            .with("name", before.setting.name)
            .with("links", before.links)
            .with("sessions_ended", ended);
        audit::append(&mut transaction, by, vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }
}

async fn locked(connection: &mut PgConnection, id: ProviderId) -> Result<Provider> {
    let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "{SELECT} WHERE p.id = $1 FOR UPDATE OF p"
    )))
    .bind(id.0)
    .fetch_optional(connection)
    .await?;
    row.map(Row::read).ok_or(DatabaseError::NotFound)
}

/// Ends the sessions, and what is half-way to one, that were opened by a provider; how many.
async fn end_sessions(connection: &mut PgConnection, id: ProviderId) -> Result<u64> {
    for statement in [
        "DELETE FROM half_session WHERE openid_provider_id = $1",
        "DELETE FROM openid_attempt WHERE provider_id = $1",
    ] {
        sqlx::query(statement)
            .bind(id.0)
            .execute(&mut *connection)
            .await?;
    }
    let done = sqlx::query("DELETE FROM session WHERE openid_provider_id = $1")
        .bind(id.0)
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}
