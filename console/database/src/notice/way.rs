//! Ways on which somebody is told besides the page: addresses of e-mail, which count once a code that was sent there came back, and webhooks.

use sqlx::{FromRow, PgConnection};

use crate::audit::{self, Asker, Deed};
use crate::factor::{digest, plain};
use crate::throttle::{self, Attempt};
use crate::vault::Vault;
use crate::{AccountId, Database, DatabaseError, Result, clean};

/// Most ways of one account.
pub const WAYS_MAX: i64 = 10;
/// Longest name of a way, in characters.
pub const NAME_CHARACTERS_MAX: usize = 80;
/// Longest address of one, in bytes.
pub const TARGET_BYTES_MAX: usize = 500;
/// How long a code is good for, in microseconds: an hour.
pub const CODE_LIFE_US: i64 = 3_600 * 1_000_000;
/// How often a code may be tried.
pub const CODE_TRIES_MAX: i32 = 5;
/// Digits of a code.
const CODE_DIGITS: usize = 8;

/// Id of a way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WayId(pub i64);

/// What kind of way it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WayKind {
    /// E-mail.
    Mail,
    /// A webhook.
    Webhook,
}

impl WayKind {
    /// `email`, `webhook`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mail => "email",
            Self::Webhook => "webhook",
        }
    }

    pub(super) fn from_name(name: &str) -> Self {
        if name == "email" {
            Self::Mail
        } else {
            Self::Webhook
        }
    }
}

/// A way, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// Id.
    pub id: WayId,
    /// What kind.
    pub kind: WayKind,
    /// What its owner calls it; empty for an address of e-mail.
    pub name: String,
    /// Address of e-mail, or of the webhook.
    pub target: String,
    /// Whether it was proved to be the owner's, so that it is used.
    pub is_proved: bool,
    /// Since when nothing arrives there.
    pub failing_since_us: Option<i64>,
    /// Why; empty when it does.
    pub last_error: String,
    /// When something last arrived.
    pub last_sent_us: Option<i64>,
    /// Messages that never arrived, in all.
    pub dropped: i64,
    /// Messages that wait.
    pub waiting: i64,
    /// Since when nothing is sent there any more.
    pub paused_us: Option<i64>,
}

#[derive(FromRow)]
struct Row {
    id: i64,
    kind: String,
    name: String,
    target: String,
    is_proved: bool,
    failing_since_us: Option<i64>,
    last_error: String,
    last_sent_us: Option<i64>,
    dropped: i64,
    waiting: i64,
    paused_us: Option<i64>,
}

impl From<Row> for Way {
    fn from(row: Row) -> Self {
        Self {
            id: WayId(row.id),
            kind: WayKind::from_name(&row.kind),
            name: row.name,
            target: row.target,
            is_proved: row.is_proved,
            failing_since_us: row.failing_since_us,
            last_error: row.last_error,
            last_sent_us: row.last_sent_us,
            dropped: row.dropped,
            waiting: row.waiting,
            paused_us: row.paused_us,
        }
    }
}

/// How the ways of all stand, for the health page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Trouble {
    /// To which nothing has arrived for an hour, those that are paused aside.
    pub failing: i64,
    /// That are paused.
    pub paused: i64,
}

/// A webhook that is made.
#[derive(Debug, Clone, Copy)]
pub struct NewWebhook<'a> {
    /// What its owner calls it.
    pub name: &'a str,
    /// Its address, which was checked.
    pub url: &'a str,
    /// What it is signed with.
    pub secret: &'a [u8],
}

fn purpose(way: i64) -> String {
    format!("notice way {way}")
}

impl Database {
    /// The ways of an account, in the order in which it made them.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn notice_ways(&self, account: AccountId) -> Result<Vec<Way>> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT w.id, w.kind, w.name, w.target, w.proved_us IS NOT NULL AS is_proved, w.failing_since_us, w.last_error, w.last_sent_us, \
             w.dropped, (SELECT count(*) FROM delivery d WHERE d.way_id = w.id) AS waiting, w.paused_us \
             FROM notice_way w WHERE w.account_id = $1 ORDER BY w.id",
        )
        .bind(account.0)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(Way::from).collect())
    }

    /// Adds an address of the asker's; the code that is to be sent there. One that was added before and not proved gets another code.
    ///
    /// # Errors
    /// [`DatabaseError::Conflict`] when it is proved already or there are too many; [`DatabaseError::Throttled`] when too many codes were sent.
    pub async fn add_mail_way(&self, by: Asker<'_>, address: &str, now_us: i64) -> Result<(WayId, String)> {
        let account = by.somebody()?;
        let target = checked(address, "address")?;
        let attempt = Attempt::Letter {
            account: account.id,
            address: &target,
        };
        let deed = Deed::done("notice_way.add", "notice_way", "").with("kind", "email");
        self.count_attempt(&attempt, &by, deed.clone(), now_us).await?;
        let code = random_digits();
        let mut transaction = self.pool.begin().await?;
        check_room(&mut transaction, account.id, &target).await?;
        let id: Option<i64> = sqlx::query_scalar(
            "INSERT INTO notice_way (account_id, kind, target, code_hash, code_until_us, created_us) VALUES ($1, 'email', $2, $3, $4, $5) \
             ON CONFLICT (account_id, kind, target) DO UPDATE SET code_hash = excluded.code_hash, code_until_us = excluded.code_until_us, \
             code_tries = 0 WHERE notice_way.proved_us IS NULL RETURNING id",
        )
        .bind(account.id.0)
        .bind(&target)
        .bind(digest(&code))
        .bind(now_us.saturating_add(CODE_LIFE_US))
        .bind(now_us)
        .fetch_optional(&mut *transaction)
        .await?;
        let id = id.ok_or(DatabaseError::Conflict("this address is one of yours already"))?;
        let deed = Deed {
            id: id.to_string(),
            ..deed
        };
        audit::append(&mut transaction, &by, vec![deed], now_us).await?;
        transaction.commit().await?;
        Ok((WayId(id), code))
    }

    /// Takes back the code that was sent to an address of the asker's: from then on it counts.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when he has none of that id; [`DatabaseError::Conflict`] when it counts already;
    /// [`DatabaseError::WrongCode`] when the code is wrong, too old, or was tried too often.
    pub async fn prove_mail_way(&self, by: Asker<'_>, id: WayId, code: &str, now_us: i64) -> Result<()> {
        /// When it was proved, the code's hash, until when that is good, and how often it was tried.
        type Kept = (Option<i64>, Option<Vec<u8>>, i64, i32);
        let account = by.somebody()?;
        let mut transaction = self.pool.begin().await?;
        let kept: Option<Kept> = sqlx::query_as(
            "SELECT proved_us, code_hash, code_until_us, code_tries FROM notice_way WHERE id = $1 AND account_id = $2 FOR UPDATE",
        )
        .bind(id.0)
        .bind(account.id.0)
        .fetch_optional(&mut *transaction)
        .await?;
        let (proved_us, hash, until_us, tries) = kept.ok_or(DatabaseError::NotFound)?;
        if proved_us.is_some() {
            return Err(DatabaseError::Conflict("it is confirmed already"));
        }
        let is_right = tries < CODE_TRIES_MAX && now_us < until_us && hash == Some(digest(&plain(code)));
        let deed = Deed::done("notice_way.confirm", "notice_way", id.0);
        let statement = if is_right {
            "UPDATE notice_way SET proved_us = $2, code_hash = NULL WHERE id = $1"
        } else {
            "UPDATE notice_way SET code_tries = code_tries + 1 WHERE id = $1 AND $2 IS NOT NULL"
        };
        sqlx::query(statement)
            .bind(id.0)
            .bind(now_us)
            .execute(&mut *transaction)
            .await?;
        let deed = if is_right {
            deed
        } else {
            deed.refused(DatabaseError::WrongCode)
        };
        audit::append(&mut transaction, &by, vec![deed], now_us).await?;
        transaction.commit().await?;
        if is_right {
            Ok(())
        } else {
            Err(DatabaseError::WrongCode)
        }
    }

    /// Adds a webhook of the asker's.
    ///
    /// # Errors
    /// [`DatabaseError::Invalid`] when it does not do; [`DatabaseError::Conflict`] when there is one of that address or there are too many.
    pub async fn add_webhook(
        &self,
        by: Asker<'_>,
        vault: &Vault,
        new: NewWebhook<'_>,
        now_us: i64,
    ) -> Result<WayId> {
        let account = by.somebody()?;
        let target = checked(new.url, "url")?;
        let name = clean(new.name.trim());
        if name.is_empty() || name.chars().count() > NAME_CHARACTERS_MAX {
            return Err(DatabaseError::Invalid {
                field: "name",
                problem: "has 1 to 80 characters",
            });
        }
        let mut transaction = self.pool.begin().await?;
        check_room(&mut transaction, account.id, &target).await?;
        let id: Option<i64> = sqlx::query_scalar(
            "INSERT INTO notice_way (account_id, kind, name, target, proved_us, created_us) VALUES ($1, 'webhook', $2, $3, $4, $4) \
             ON CONFLICT DO NOTHING RETURNING id",
        )
        .bind(account.id.0)
        .bind(&name)
        .bind(&target)
        .bind(now_us)
        .fetch_optional(&mut *transaction)
        .await?;
        let id = id.ok_or(DatabaseError::Conflict(
            "there is a webhook of that address already",
        ))?;
        sqlx::query("UPDATE notice_way SET secret = $2 WHERE id = $1")
            .bind(id)
            .bind(vault.seal(&purpose(id), new.secret)?)
            .execute(&mut *transaction)
            .await?;
        let deed = Deed::done("notice_way.add", "notice_way", id)
            .with("kind", "webhook")
            .with("name", &name)
            .with("host", host_of(&target));
        audit::append(&mut transaction, &by, vec![deed], now_us).await?;
        transaction.commit().await?;
        Ok(WayId(id))
    }

    /// What a webhook is signed with.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is no such webhook; [`DatabaseError::Vault`] when it cannot be opened.
    pub async fn webhook_secret(&self, vault: Option<&Vault>, id: WayId) -> Result<Vec<u8>> {
        let sealed: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT secret FROM notice_way WHERE id = $1 AND secret IS NOT NULL")
                .bind(id.0)
                .fetch_optional(&self.pool)
                .await?;
        let sealed = sealed.ok_or(DatabaseError::NotFound)?;
        let vault = vault.ok_or(DatabaseError::Vault("the console was started without its key"))?;
        vault.open(&purpose(id.0), &sealed)
    }

    /// Sends to a way of the asker's again, which was paused.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when he has none of that id; [`DatabaseError::Conflict`] when it is not paused.
    pub async fn resume_notice_way(&self, by: Asker<'_>, id: WayId, now_us: i64) -> Result<()> {
        let account = by.somebody()?;
        let mut transaction = self.pool.begin().await?;
        let paused: Option<Option<i64>> = sqlx::query_scalar(
            "SELECT paused_us FROM notice_way WHERE id = $1 AND account_id = $2 FOR UPDATE",
        )
        .bind(id.0)
        .bind(account.id.0)
        .fetch_optional(&mut *transaction)
        .await?;
        if paused.ok_or(DatabaseError::NotFound)?.is_none() {
            return Err(DatabaseError::Conflict("it is not paused"));
        }
        sqlx::query(
            "UPDATE notice_way SET paused_us = NULL, failing_since_us = NULL, given_up = 0, last_error = '', lease_us = 0 WHERE id = $1",
        )
        .bind(id.0)
        .execute(&mut *transaction)
        .await?;
        let deed = Deed::done("notice_way.resume", "notice_way", id.0);
        audit::append(&mut transaction, &by, vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }

    /// Removes a way of the asker's, and what waits for it.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when he has none of that id.
    pub async fn remove_notice_way(&self, by: Asker<'_>, id: WayId, now_us: i64) -> Result<()> {
        let account = by.somebody()?;
        let mut transaction = self.pool.begin().await?;
        let kind: Option<String> =
            sqlx::query_scalar("DELETE FROM notice_way WHERE id = $1 AND account_id = $2 RETURNING kind")
                .bind(id.0)
                .bind(account.id.0)
                .fetch_optional(&mut *transaction)
                .await?;
        let kind = kind.ok_or(DatabaseError::NotFound)?;
        let deed = Deed::done("notice_way.remove", "notice_way", id.0).with("kind", kind);
        audit::append(&mut transaction, &by, vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }

    /// How the ways of all stand.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn notice_way_trouble(&self, now_us: i64) -> Result<Trouble> {
        let (failing, paused): (i64, i64) = sqlx::query_as(
            "SELECT count(*) FILTER (WHERE paused_us IS NULL AND failing_since_us < $1), count(*) FILTER (WHERE paused_us IS NOT NULL) \
             FROM notice_way",
        )
        .bind(now_us.saturating_sub(3_600 * 1_000_000))
        .fetch_one(&self.pool)
        .await?;
        Ok(Trouble { failing, paused })
    }
}

impl Database {
    /// Counts a test of a way or of the settings.
    ///
    /// # Errors
    /// [`DatabaseError::Throttled`] when there were too many.
    pub async fn count_notice_test(&self, account: AccountId, target: &str, now_us: i64) -> Result<()> {
        let attempt = Attempt::Letter {
            account,
            address: target,
        };
        match throttle::count(&self.pool, &attempt, now_us).await? {
            Some(refused) => Err(refused.into()),
            None => Ok(()),
        }
    }
}

fn checked(target: &str, field: &'static str) -> Result<String> {
    let target = clean(target.trim());
    if target.is_empty() || target.len() > TARGET_BYTES_MAX {
        return Err(DatabaseError::Invalid {
            field,
            problem: "has 1 to 500 bytes",
        });
    }
    Ok(target)
}

/// Whoever adds two at once is counted once after the other. One that is there already takes no more room.
async fn check_room(connection: &mut PgConnection, account: AccountId, target: &str) -> Result<()> {
    sqlx::query("SELECT FROM account WHERE id = $1 FOR UPDATE")
        .bind(account.0)
        .execute(&mut *connection)
        .await?;
    let count: i64 =
        sqlx::query_scalar("SELECT count(*) FROM notice_way WHERE account_id = $1 AND target <> $2")
            .bind(account.0)
            .bind(target)
            .fetch_one(connection)
            .await?;
    if count >= WAYS_MAX {
        return Err(DatabaseError::Conflict("there are 10 ways already; remove one"));
    }
    Ok(())
}

/// The host of a webhook: what is written down of it, since its path may be a secret.
fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned()
}

fn random_digits() -> String {
    let all = rand::random_range(0..10_u32.pow(8));
    format!("{all:0CODE_DIGITS$}")
}

/// Removes addresses that nobody proved for a day.
pub(super) async fn purge(pool: &sqlx::PgPool, now_us: i64) -> Result<()> {
    sqlx::query("DELETE FROM notice_way WHERE proved_us IS NULL AND code_until_us < $1")
        .bind(now_us.saturating_sub(24 * CODE_LIFE_US))
        .execute(pool)
        .await?;
    Ok(())
}
