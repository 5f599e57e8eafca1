//! Making, extending, approving and ending exceptions.

use sqlx::PgConnection;
use vonggac_event::Scope;

use super::{
    DAY_US, Effect, Exception, ExceptionId, NewException, OF_ORGANISATION_MAX, OF_RULE_MAX, Reach, State,
    check_expiry, checked_note, verdict_of,
};
use crate::alert::{self, AlertRow};
use crate::audit::{self, Asker, Deed};
use crate::{Account, Database, DatabaseError, Result, clean};

/// The advisory lock of whoever makes an exception, so that their number is counted by one after the other.
const MAKING_LOCK: i64 = 0x566f_6e67_4761_6303;

impl Database {
    /// Makes an exception from an alert in `sight`, which must be of an organisation in `covered`: those that the exception is about.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is no such alert in sight; [`DatabaseError::Invalid`] when it does not do;
    /// [`DatabaseError::Conflict`] when there are as many as there may be.
    pub async fn add_exception(
        &self,
        sight: &Scope,
        covered: &Scope,
        by: Asker<'_>,
        new: &NewException,
        now_us: i64,
    ) -> Result<ExceptionId> {
        let account = by.somebody()?;
        let note = checked_note(&new.note)?;
        check_expiry(new.expires_us, now_us)?;
        new.effect.check()?;
        if verdict_of(new.reason).is_none() {
            return Err(DatabaseError::Invalid {
                field: "reason",
                problem: "is none of a benign or a false positive",
            });
        }
        let mut transaction = self.change(&both(sight, covered)).await?;
        let row = ground(&mut transaction, sight, covered, &new.reach).await?;
        check_room(&mut transaction, new, &row.rule_id, now_us).await?;
        let needs_approval = needs_approval(&mut transaction, covered, new, &row, now_us).await?;
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO exception (organisation, with_beneath, rule_id, rule_title, alert_id, conditions, is_whole, effect, \
             severity, reason, note, made_us, made_by, expires_us, needs_approval) \
             VALUES ($1, $2, $3, $4, $5, $6::text::jsonb, $7, $8, $9, $10, $11, $12, $13, $14, $15) RETURNING id",
        )
        .bind(new.reach.organisation.as_str())
        .bind(new.reach.with_beneath)
        .bind(&row.rule_id)
        .bind(&row.rule_title)
        .bind(row.id.to_bytes().to_vec())
        .bind(new.reach.conditions.json())
        .bind(new.reach.conditions.is_whole())
        .bind(new.effect.name())
        .bind(new.effect.severity())
        .bind(new.reason.name())
        .bind(&note)
        .bind(now_us)
        .bind(account.id.0)
        .bind(new.expires_us)
        .bind(needs_approval)
        .fetch_one(&mut *transaction)
        .await?;
        let mut deed = deed("exception.add", id, new.reach.organisation.as_str(), &row.rule_id)
            .with("beneath", new.reach.with_beneath)
            .with("conditions", &new.reach.conditions)
            .with("effect", new.effect.name())
            .with("why", new.reason.name())
            .with("note", &note)
            .with("expires_us", new.expires_us)
            .with("alert", row.id);
        if let Effect::Lower { to } = new.effect {
            deed = deed.with("severity", to.name());
        }
        if needs_approval {
            deed = deed.with("waits", true);
        }
        audit::append(&mut transaction, &by, vec![deed], now_us).await?;
        transaction.commit().await?;
        Ok(ExceptionId(id))
    }

    /// Lets an exception hold longer. One that takes a second person asks that person first, and holds as long as it did till then.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is none in the scope; [`DatabaseError::Conflict`] when it is over, or waits;
    /// [`DatabaseError::Invalid`] when the time or the note does not do.
    pub async fn extend_exception(
        &self,
        scope: &Scope,
        by: Asker<'_>,
        id: ExceptionId,
        expires_us: i64,
        note: &str,
        now_us: i64,
    ) -> Result<()> {
        let account = by.somebody()?;
        let note = checked_note(note)?;
        check_expiry(expires_us, now_us)?;
        let mut transaction = self.change(scope).await?;
        let old = locked(&mut transaction, scope, id, now_us).await?;
        if old.state != State::Active {
            return Err(DatabaseError::Conflict("the exception is not in force"));
        }
        if expires_us <= old.expires_us {
            return Err(DatabaseError::Invalid {
                field: "expires_at",
                problem: "is later than it is now",
            });
        }
        sqlx::query(
            "UPDATE exception SET extended_us = $2, extended_by = $3, extended_to_us = $4, extension_note = $5, \
             expires_us = CASE WHEN needs_approval THEN expires_us ELSE $4 END WHERE id = $1",
        )
        .bind(id.0)
        .bind(now_us)
        .bind(account.id.0)
        .bind(expires_us)
        .bind(&note)
        .execute(&mut *transaction)
        .await?;
        let mut deed = of_old("exception.extend", &old)
            .with("from_us", old.expires_us)
            .with("expires_us", expires_us)
            .with("note", &note);
        if old.needs_approval {
            deed = deed.with("waits", true);
        }
        audit::append(&mut transaction, &by, vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }

    /// Agrees, as the second person, to an exception that waits or to its extension.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is none in the scope, or it is one's own; [`DatabaseError::Conflict`] when nothing waits.
    pub async fn approve_exception(
        &self,
        scope: &Scope,
        by: Asker<'_>,
        id: ExceptionId,
        now_us: i64,
    ) -> Result<()> {
        let account = by.somebody()?;
        let mut transaction = self.change(scope).await?;
        let old = locked(&mut transaction, scope, id, now_us).await?;
        if is_own(&old, account) {
            return Err(DatabaseError::NotFound);
        }
        let expires_us = match (&old.state, &old.extension) {
            (State::Waiting, _) => old.expires_us,
            (State::Active, Some(extension)) => extension.to_us,
            _ => return Err(DatabaseError::Conflict("nothing waits here")),
        };
        sqlx::query("UPDATE exception SET approved_us = $2, approved_by = $3, expires_us = $4 WHERE id = $1")
            .bind(id.0)
            .bind(now_us)
            .bind(account.id.0)
            .bind(expires_us)
            .execute(&mut *transaction)
            .await?;
        let deed = of_old("exception.approve", &old).with("expires_us", expires_us);
        audit::append(&mut transaction, &by, vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }

    /// Ends an exception: alerts that come from now on are in the queue again.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is none in the scope; [`DatabaseError::Conflict`] when it is over;
    /// [`DatabaseError::Invalid`] when the note does not do.
    pub async fn end_exception(
        &self,
        scope: &Scope,
        by: Asker<'_>,
        id: ExceptionId,
        note: &str,
        now_us: i64,
    ) -> Result<()> {
        let account = by.somebody()?;
        let note = checked_note(note)?;
        let mut transaction = self.change(scope).await?;
        let old = locked(&mut transaction, scope, id, now_us).await?;
        if matches!(old.state, State::Ended | State::Expired) {
            return Err(DatabaseError::Conflict("the exception is over"));
        }
        sqlx::query("UPDATE exception SET ended_us = $2, ended_by = $3, end_note = $4 WHERE id = $1")
            .bind(id.0)
            .bind(now_us)
            .bind(account.id.0)
            .bind(&note)
            .execute(&mut *transaction)
            .await?;
        let deed = of_old("exception.end", &old).with("note", &note);
        audit::append(&mut transaction, &by, vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }
}

/// The alert that an exception is made from.
pub(super) async fn ground(
    connection: &mut PgConnection,
    sight: &Scope,
    covered: &Scope,
    reach: &Reach,
) -> Result<AlertRow> {
    let row = alert::row(connection, sight, reach.alert).await?;
    if !covered.covers(&row.tenant) {
        return Err(DatabaseError::Invalid {
            field: "organisation",
            problem: "is not the alert's, nor one above it with all beneath",
        });
    }
    let fits: bool = sqlx::query_scalar(
        "SELECT exception_fits($2::text::jsonb, a.sensor, a.src, a.dst, a.dport, a.fields) FROM alert a WHERE a.id = $1",
    )
    .bind(row.id.to_bytes().to_vec())
    .bind(reach.conditions.json())
    .fetch_one(connection)
    .await?;
    if !fits {
        return Err(DatabaseError::Invalid {
            field: "conditions",
            problem: "are not met by the alert itself",
        });
    }
    Ok(row)
}

async fn check_room(
    connection: &mut PgConnection,
    new: &NewException,
    rule_id: &str,
    now_us: i64,
) -> Result<()> {
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(MAKING_LOCK)
        .execute(&mut *connection)
        .await?;
    let (all, of_rule): (i64, i64) = sqlx::query_as(
        "SELECT count(*), count(*) FILTER (WHERE rule_id = $2) FROM exception \
         WHERE organisation = $1 AND ended_us IS NULL AND expires_us > $3",
    )
    .bind(new.reach.organisation.as_str())
    .bind(rule_id)
    .bind(now_us)
    .fetch_one(connection)
    .await?;
    if all >= OF_ORGANISATION_MAX {
        return Err(DatabaseError::Conflict(
            "there are 500 exceptions already; end some",
        ));
    }
    if of_rule >= OF_RULE_MAX {
        return Err(DatabaseError::Conflict(
            "there are 50 exceptions for this rule already; end some, or have the rule changed",
        ));
    }
    Ok(())
}

/// What is seen, and what an exception is about.
pub(super) fn both(sight: &Scope, covered: &Scope) -> Scope {
    Scope::of(sight.codes().chain(covered.codes()))
}

/// Whether the whole of a rule that is critical, or was within a week, would be hidden.
pub(super) async fn needs_approval(
    connection: &mut PgConnection,
    covered: &Scope,
    new: &NewException,
    ground: &AlertRow,
    now_us: i64,
) -> Result<bool> {
    if new.effect != Effect::Hide || !new.reach.conditions.is_whole() {
        return Ok(false);
    }
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM alert a WHERE a.rule_id = $1 AND a.tenant = ANY($2) \
         AND coalesce(a.raised_severity, a.severity) = 5 AND (a.detected_us >= $3 OR a.id = $4))",
    )
    .bind(&ground.rule_id)
    .bind(covered.to_codes())
    .bind(now_us.saturating_sub(super::PREVIEW_DAYS * DAY_US))
    .bind(ground.id.to_bytes().to_vec())
    .fetch_one(connection)
    .await?)
}

fn is_own(old: &Exception, account: &Account) -> bool {
    let extender = old.extension.as_ref().map(|extension| extension.asked.by.id);
    old.made.by.id == account.id || extender == Some(account.id)
}

/// The exception as it stands, which nobody else changes until the transaction ends.
async fn locked(
    connection: &mut PgConnection,
    scope: &Scope,
    id: ExceptionId,
    now_us: i64,
) -> Result<Exception> {
    sqlx::query("SELECT FROM exception WHERE id = $1 AND organisation = ANY($2) FOR UPDATE")
        .bind(id.0)
        .bind(scope.to_codes())
        .execute(&mut *connection)
        .await?;
    super::list::one(connection, scope, id, now_us).await
}

fn deed(action: &'static str, id: i64, organisation: &str, rule_id: &str) -> Deed {
    Deed::done(action, "exception", id)
        .with("organisation", organisation)
        .with("rule", clean(rule_id))
}

fn of_old(action: &'static str, old: &Exception) -> Deed {
    deed(action, old.id.0, old.organisation.as_str(), &old.rule_id)
}
