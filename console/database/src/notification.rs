//! How e-mail leaves the console, and where webhooks may go: one row, which an administrator sets.
//!
//! The password of the mail server is sealed; it is never read back by who set it, and never written down in the audit log.

use sqlx::{FromRow, PgConnection};

use crate::audit::{self, Asker, Deed};
use crate::vault::Vault;
use crate::{Database, DatabaseError, Result, clean};

/// Most hosts, and most networks, that are listed.
pub const LISTED_MAX: usize = 100;
/// Longest text of a setting, in characters.
pub const TEXT_CHARACTERS_MAX: usize = 253;
/// What the password is sealed for.
const PURPOSE: &str = "notification mail";

/// How the way to the mail server is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MailSecurity {
    /// TLS from the first byte.
    Implicit,
    /// TLS after STARTTLS, or nothing is sent.
    #[default]
    StartTls,
    /// None.
    Plain,
}

impl MailSecurity {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Implicit, Self::StartTls, Self::Plain];

    /// `implicit`, `starttls`, `plain`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Implicit => "implicit",
            Self::StartTls => "starttls",
            Self::Plain => "plain",
        }
    }
}

/// The mail server, its password aside.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MailSetting {
    /// Whether letters are sent.
    pub is_on: bool,
    /// Name or address of the server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way there is secured.
    pub security: MailSecurity,
    /// Who signs in there; empty for nobody.
    pub user: String,
    /// Address that letters come from.
    pub from: String,
    /// Name that they come from.
    pub from_name: String,
}

/// Where webhooks may go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WebhookSetting {
    /// Whether any are sent.
    pub is_on: bool,
    /// Hosts, as they were written.
    pub hosts: Vec<String>,
    /// Networks that are allowed though they are not public.
    pub networks: Vec<String>,
    /// Whether plain HTTP is allowed.
    pub allows_http: bool,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NotificationSetting {
    /// The mail server.
    pub mail: MailSetting,
    /// Whether it has a password.
    pub has_password: bool,
    /// Webhooks.
    pub webhook: WebhookSetting,
    /// When it was last changed; 0 for never.
    pub changed_us: i64,
}

/// What becomes of a secret that a setting has: the password of the mail server, the secret of a provider's client.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum NewPassword<'a> {
    /// It stays.
    Kept,
    /// There is none any more.
    Removed,
    /// It is this.
    Set(&'a str),
}

impl<'a> From<Option<&'a str>> for NewPassword<'a> {
    /// What a request says of it: nothing, an empty text, or the secret.
    fn from(said: Option<&'a str>) -> Self {
        match said {
            None => Self::Kept,
            Some("") => Self::Removed,
            Some(text) => Self::Set(text),
        }
    }
}

#[derive(FromRow)]
struct Row {
    mail_is_on: bool,
    mail_host: String,
    mail_port: i32,
    mail_security: String,
    mail_user: String,
    mail_password: Option<Vec<u8>>,
    mail_from: String,
    mail_from_name: String,
    webhook_is_on: bool,
    webhook_hosts: Vec<String>,
    webhook_networks: Vec<String>,
    webhook_http: bool,
    changed_us: i64,
}

impl Row {
    fn read(self) -> NotificationSetting {
        let mut ways = MailSecurity::ALL.into_iter();
        NotificationSetting {
            mail: MailSetting {
                is_on: self.mail_is_on,
                host: self.mail_host,
                port: u16::try_from(self.mail_port).unwrap_or_default(),
                // The table's check holds the words.
                security: ways
                    .find(|one| one.name() == self.mail_security)
                    .unwrap_or_default(),
                user: self.mail_user,
                from: self.mail_from,
                from_name: self.mail_from_name,
            },
            has_password: self.mail_password.is_some(),
            webhook: WebhookSetting {
                is_on: self.webhook_is_on,
                hosts: self.webhook_hosts,
                networks: self.webhook_networks,
                allows_http: self.webhook_http,
            },
            changed_us: self.changed_us,
        }
    }
}

const SELECT: &str = "SELECT mail_is_on, mail_host, mail_port, mail_security, mail_user, mail_password, mail_from, mail_from_name, webhook_is_on, \
     webhook_hosts, webhook_networks, webhook_http, changed_us FROM notification_setting";

impl NotificationSetting {
    fn check(&self) -> Result<()> {
        let invalid = |field, problem| Err(DatabaseError::Invalid { field, problem });
        let mail = &self.mail;
        for (field, text) in [
            ("host", &mail.host),
            ("user", &mail.user),
            ("from", &mail.from),
            ("from_name", &mail.from_name),
        ] {
            if text.chars().count() > TEXT_CHARACTERS_MAX || text.chars().any(char::is_control) {
                return invalid(field, "is one line of at most 253 characters");
            }
        }
        if mail.is_on && mail.host.is_empty() {
            return invalid("host", "is missing");
        }
        if mail.is_on && mail.from.is_empty() {
            return invalid("from", "is missing");
        }
        if mail.port == 0 {
            return invalid("port", "is a number from 1 to 65535");
        }
        for (field, list) in [
            ("hosts", &self.webhook.hosts),
            ("networks", &self.webhook.networks),
        ] {
            if list.len() > LISTED_MAX || list.iter().any(|one| one.len() > TEXT_CHARACTERS_MAX) {
                return invalid(field, "has at most 100 entries of at most 253 bytes");
            }
        }
        Ok(())
    }
}

impl Database {
    /// How notifications leave the console.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn notification_setting(&self) -> Result<NotificationSetting> {
        let row: Row = sqlx::query_as(SELECT).fetch_one(&self.pool).await?;
        Ok(row.read())
    }

    /// The same with the password of the mail server, for who sends.
    ///
    /// # Errors
    /// When PostgreSQL fails, or there is a password and `vault` does not open it.
    pub async fn mail_password(&self, vault: Option<&Vault>) -> Result<Option<String>> {
        let sealed: Option<Vec<u8>> = sqlx::query_scalar("SELECT mail_password FROM notification_setting")
            .fetch_one(&self.pool)
            .await?;
        let Some(sealed) = sealed else { return Ok(None) };
        let vault = vault.ok_or(NO_KEY)?;
        let bytes = vault.open(PURPOSE, &sealed)?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Sets how notifications leave the console.
    ///
    /// # Errors
    /// [`DatabaseError::Invalid`] when it does not do; [`DatabaseError::Vault`] when a password cannot be sealed.
    pub async fn change_notification_setting(
        &self,
        by: Asker<'_>,
        vault: Option<&Vault>,
        new: &NotificationSetting,
        password: NewPassword<'_>,
        now_us: i64,
    ) -> Result<()> {
        new.check()?;
        let sealed = match password {
            NewPassword::Set(text) if text.len() > 1_024 => {
                return Err(DatabaseError::Invalid {
                    field: "password",
                    problem: "must not be longer than 1,024 bytes",
                });
            }
            NewPassword::Set(text) => Some(vault.ok_or(NO_KEY)?.seal(PURPOSE, text.as_bytes())?),
            NewPassword::Kept | NewPassword::Removed => None,
        };
        let mut transaction = self.pool.begin().await?;
        let before: Row = sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} FOR UPDATE")))
            .fetch_one(&mut *transaction)
            .await?;
        let before = before.read();
        // A password that was meant for one server must not be shown to another.
        let is_elsewhere = (&before.mail.host, before.mail.port, before.mail.security)
            != (&new.mail.host, new.mail.port, new.mail.security);
        if password == NewPassword::Kept && before.has_password && is_elsewhere {
            return Err(DatabaseError::Invalid {
                field: "password",
                problem: "must be given again for another server",
            });
        }
        write(
            &mut transaction,
            new,
            sealed,
            password == NewPassword::Kept,
            now_us,
        )
        .await?;
        let deed = deed(&before, new, password);
        audit::append(&mut transaction, &by, vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }
}

pub(crate) const NO_KEY: DatabaseError = DatabaseError::Vault("the console was started without its key");

async fn write(
    connection: &mut PgConnection,
    new: &NotificationSetting,
    sealed: Option<Vec<u8>>,
    keeps_password: bool,
    now_us: i64,
) -> Result<()> {
    sqlx::query(
        "UPDATE notification_setting SET mail_is_on = $1, mail_host = $2, mail_port = $3, mail_security = $4, mail_user = $5, \
         mail_password = CASE WHEN $6 THEN mail_password ELSE $7 END, mail_from = $8, mail_from_name = $9, webhook_is_on = $10, \
         webhook_hosts = $11, webhook_networks = $12, webhook_http = $13, changed_us = $14",
    )
    .bind(new.mail.is_on)
    .bind(clean(&new.mail.host))
    .bind(i32::from(new.mail.port))
    .bind(new.mail.security.name())
    .bind(clean(&new.mail.user))
    .bind(keeps_password)
    .bind(sealed)
    .bind(clean(&new.mail.from))
    .bind(clean(&new.mail.from_name))
    .bind(new.webhook.is_on)
    .bind(&new.webhook.hosts)
    .bind(&new.webhook.networks)
    .bind(new.webhook.allows_http)
    .bind(now_us)
    .execute(connection)
    .await?;
    Ok(())
}

/// What is written down of a change: what is new, and that the password is, never which.
fn deed(before: &NotificationSetting, new: &NotificationSetting, password: NewPassword<'_>) -> Deed {
    let mut deed = Deed::done("notification_setting.change", "system_setting", "notifications");
    let pairs = |setting: &NotificationSetting| {
        let (mail, webhook) = (&setting.mail, &setting.webhook);
        [
            ("mail_is_on", mail.is_on.to_string()),
            ("mail_server", format!("{}:{}", mail.host, mail.port)),
            ("mail_security", mail.security.name().to_owned()),
            ("mail_user", mail.user.clone()),
            ("mail_from", mail.from.clone()),
            ("mail_from_name", mail.from_name.clone()),
            ("webhook_is_on", webhook.is_on.to_string()),
            ("webhook_hosts", webhook.hosts.join(" ")),
            ("webhook_networks", webhook.networks.join(" ")),
            ("webhook_http", webhook.allows_http.to_string()),
        ]
    };
    for ((name, old), (_, value)) in pairs(before).into_iter().zip(pairs(new)) {
        if old != value {
            deed = deed.with(name, value);
        }
    }
    match password {
        NewPassword::Set(_) => deed.with("mail_password", "set"),
        NewPassword::Removed if before.has_password => deed.with("mail_password", "removed"),
        NewPassword::Kept | NewPassword::Removed => deed,
    }
}
