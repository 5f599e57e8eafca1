//! Rules: what somebody wants to be told of.

use sqlx::{FromRow, PgConnection};
use vonggac_access::OrganisationId;
use vonggac_event::{Scope, Severity};

use super::way::{WAYS_MAX, WayId};
use crate::alert::AlertRow;
use crate::audit::{self, Asker, Deed};
use crate::{AccountId, Database, DatabaseError, Result, clean};

/// Most rules of one account.
pub const RULES_MAX: i64 = 20;
/// Longest name, in characters.
pub const NAME_CHARACTERS_MAX: usize = 80;
/// Longest words, in characters.
pub const WORDS_CHARACTERS_MAX: usize = 200;

/// Id of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RuleId(pub i64);

/// What a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// That an alert was given to the person by another.
    Assigned,
    /// What is on the watch list: an alert about a thing, or another's work on an alert.
    Watched,
    /// A new alert.
    Alert,
    /// A hand-over that waits for the person to take over.
    Handover,
}

impl About {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Assigned, Self::Watched, Self::Alert, Self::Handover];

    /// `assigned`, `watched`, `alert`, `handover`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Assigned => "assigned",
            Self::Watched => "watched",
            Self::Alert => "alert",
            Self::Handover => "handover",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|about| about.name() == name)
    }
}

/// What somebody wants to be told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRule {
    /// What its owner calls it.
    pub name: String,
    /// What it is about.
    pub about: About,
    /// Of alerts, those at least so urgent; unspecified for any.
    pub severity: Severity,
    /// Of this organisation and what stands beneath it; `None` for all that its owner sees.
    pub organisation: Option<OrganisationId>,
    /// What an alert's rule has in its title (English or Vietnamese) or id, or a technique of it; empty for anything.
    pub words: String,
    /// Whether it counts.
    pub is_on: bool,
    /// On which ways its owner is told besides the page.
    pub ways: Vec<WayId>,
}

/// A rule of somebody's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Id.
    pub id: RuleId,
    /// Whose it is.
    pub account: AccountId,
    /// What it wants.
    pub wants: NewRule,
}

impl NewRule {
    /// Whether an alert is one that is wanted, its organisation aside.
    pub fn fits(&self, alert: &AlertRow) -> bool {
        let words = self.words.to_lowercase();
        let has = |text: &str| text.to_lowercase().contains(&words);
        let is_technique = || {
            let mut techniques = alert.techniques.iter();
            techniques.any(|one| one.to_lowercase().starts_with(&words))
        };
        let is_called = || {
            let titles = [Some(&alert.rule_title), alert.rule_title_vi.as_ref()];
            titles.into_iter().flatten().any(|title| has(title))
        };
        alert.severity as i32 >= self.severity as i32
            && (words.is_empty() || is_called() || has(&alert.rule_id) || is_technique())
    }

    fn checked(&self, scope: &Scope) -> Result<Self> {
        let invalid = |field, problem| Err(DatabaseError::Invalid { field, problem });
        let name = clean(self.name.trim());
        if name.is_empty() || name.chars().count() > NAME_CHARACTERS_MAX {
            return invalid("name", "has 1 to 80 characters");
        }
        let words = clean(self.words.trim());
        if words.chars().count() > WORDS_CHARACTERS_MAX {
            return invalid("words", "must not be longer than 200 characters");
        }
        if let Some(organisation) = &self.organisation
            && !scope.covers(organisation.as_str())
        {
            return invalid("organisation", "is none that you see");
        }
        Ok(Self {
            name,
            words,
            ..self.clone()
        })
    }
}

#[derive(FromRow)]
pub(super) struct Row {
    id: i64,
    account_id: i64,
    name: String,
    about: String,
    severity: i16,
    organisation: Option<String>,
    words: String,
    is_on: bool,
    ways: Vec<i64>,
}

impl Row {
    pub(super) fn read(self) -> Option<Rule> {
        Some(Rule {
            id: RuleId(self.id),
            account: AccountId(self.account_id),
            wants: NewRule {
                name: self.name,
                about: About::from_name(&self.about)?,
                severity: Severity::try_from(i32::from(self.severity)).unwrap_or_default(),
                organisation: match self.organisation {
                    // One that cannot be read must not become all of them.
                    Some(code) => Some(code.parse().ok()?),
                    None => None,
                },
                words: self.words,
                is_on: self.is_on,
                ways: self.ways.into_iter().map(WayId).collect(),
            },
        })
    }
}

/// The columns of a [`Row`].
pub(super) const SELECT: &str = "SELECT r.id, r.account_id, r.name, r.about, r.severity, r.organisation, r.words, r.is_on, \
     ARRAY(SELECT w.way_id FROM notice_rule_way w WHERE w.rule_id = r.id ORDER BY w.way_id) AS ways FROM notice_rule r";

impl Database {
    /// The rules of an account, in the order in which it made them.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn notice_rules(&self, account: AccountId) -> Result<Vec<Rule>> {
        let mut query = sqlx::QueryBuilder::new(SELECT);
        query.push(" WHERE r.account_id = ").push_bind(account.0);
        query.push(" ORDER BY r.id");
        let rows: Vec<Row> = query.build_query_as().fetch_all(&self.pool).await?;
        Ok(rows.into_iter().filter_map(Row::read).collect())
    }

    /// Makes a rule of the asker's.
    ///
    /// # Errors
    /// [`DatabaseError::Invalid`] when it does not do; [`DatabaseError::Conflict`] when he has as many as one may.
    pub async fn add_notice_rule(
        &self,
        scope: &Scope,
        by: Asker<'_>,
        new: &NewRule,
        now_us: i64,
    ) -> Result<RuleId> {
        let account = by.somebody()?;
        let new = new.checked(scope)?;
        let mut transaction = self.change(scope).await?;
        // Whoever makes two at once is counted once after the other.
        sqlx::query("SELECT FROM account WHERE id = $1 FOR UPDATE")
            .bind(account.id.0)
            .execute(&mut *transaction)
            .await?;
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM notice_rule WHERE account_id = $1")
            .bind(account.id.0)
            .fetch_one(&mut *transaction)
            .await?;
        if count >= RULES_MAX {
            return Err(DatabaseError::Conflict("there are 20 rules already; remove one"));
        }
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO notice_rule (account_id, name, about, severity, organisation, words, is_on, changed_us) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
        )
        .bind(account.id.0)
        .bind(&new.name)
        .bind(new.about.name())
        .bind(i16::try_from(new.severity as i32).unwrap_or_default())
        .bind(new.organisation.as_ref().map(OrganisationId::as_str))
        .bind(&new.words)
        .bind(new.is_on)
        .bind(now_us)
        .fetch_one(&mut *transaction)
        .await?;
        set_ways(&mut transaction, account.id, id, &new.ways).await?;
        note(&mut transaction, &by, "notice_rule.add", id, &new, now_us).await?;
        transaction.commit().await?;
        Ok(RuleId(id))
    }

    /// Changes a rule of the asker's.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when he has none of that id; [`DatabaseError::Invalid`] when it does not do.
    pub async fn change_notice_rule(
        &self,
        scope: &Scope,
        by: Asker<'_>,
        id: RuleId,
        new: &NewRule,
        now_us: i64,
    ) -> Result<()> {
        let account = by.somebody()?;
        let new = new.checked(scope)?;
        let mut transaction = self.change(scope).await?;
        let changed = sqlx::query(
            "UPDATE notice_rule SET name = $3, about = $4, severity = $5, organisation = $6, words = $7, is_on = $8, changed_us = $9 \
             WHERE id = $1 AND account_id = $2",
        )
        .bind(id.0)
        .bind(account.id.0)
        .bind(&new.name)
        .bind(new.about.name())
        .bind(i16::try_from(new.severity as i32).unwrap_or_default())
        .bind(new.organisation.as_ref().map(OrganisationId::as_str))
        .bind(&new.words)
        .bind(new.is_on)
        .bind(now_us)
        .execute(&mut *transaction)
        .await?;
        if changed.rows_affected() == 0 {
            return Err(DatabaseError::NotFound);
        }
        set_ways(&mut transaction, account.id, id.0, &new.ways).await?;
        note(&mut transaction, &by, "notice_rule.change", id.0, &new, now_us).await?;
        Ok(transaction.commit().await?)
    }

    /// Removes a rule of the asker's.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when he has none of that id.
    pub async fn remove_notice_rule(&self, by: Asker<'_>, id: RuleId, now_us: i64) -> Result<()> {
        let account = by.somebody()?;
        let mut transaction = self.pool.begin().await?;
        let removed: Option<String> =
            sqlx::query_scalar("DELETE FROM notice_rule WHERE id = $1 AND account_id = $2 RETURNING name")
                .bind(id.0)
                .bind(account.id.0)
                .fetch_optional(&mut *transaction)
                .await?;
        let name = removed.ok_or(DatabaseError::NotFound)?;
        let deed = Deed::done("notice_rule.remove", "notice_rule", id.0).with("name", name);
        audit::append(&mut transaction, &by, vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }
}

/// The ways of a rule are these, each one of its owner's.
async fn set_ways(
    connection: &mut PgConnection,
    account: AccountId,
    rule: i64,
    ways: &[WayId],
) -> Result<()> {
    let foreign = DatabaseError::Invalid {
        field: "ways",
        problem: "are up to ten of your own, each once",
    };
    if ways.len() > usize::try_from(WAYS_MAX).unwrap_or(0) {
        return Err(foreign);
    }
    let ids: Vec<i64> = ways.iter().map(|way| way.0).collect();
    sqlx::query("DELETE FROM notice_rule_way WHERE rule_id = $1 AND way_id <> ALL($2)")
        .bind(rule)
        .bind(&ids)
        .execute(&mut *connection)
        .await?;
    let known: i64 = sqlx::query_scalar(
        "WITH own AS (SELECT id FROM notice_way WHERE account_id = $2 AND id = ANY($3) FOR KEY SHARE), \
         set AS (INSERT INTO notice_rule_way (rule_id, way_id) SELECT $1, id FROM own ON CONFLICT DO NOTHING) SELECT count(*) FROM own",
    )
    .bind(rule)
    .bind(account.0)
    .bind(&ids)
    .fetch_one(connection)
    .await?;
    if usize::try_from(known) == Ok(ids.len()) {
        Ok(())
    } else {
        Err(foreign)
    }
}

async fn note(
    connection: &mut PgConnection,
    by: &Asker<'_>,
    action: &'static str,
    id: i64,
    rule: &NewRule,
    now_us: i64,
) -> Result<()> {
    let mut deed = Deed::done(action, "notice_rule", id)
        .with("name", &rule.name)
        .with("about", rule.about.name())
        .with("is_on", rule.is_on);
    if let Some(organisation) = &rule.organisation {
        deed = deed.with("organisation", organisation);
    }
    if !rule.ways.is_empty() {
        let ways: Vec<String> = rule.ways.iter().map(|way| way.0.to_string()).collect();
        deed = deed.with("ways", ways.join(" "));
    }
    audit::append(connection, by, vec![deed], now_us).await
}
