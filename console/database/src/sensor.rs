//! Sensors: prepared by a person, enrolled with a one-time token, renewed, revoked.
//!
//! ```text
//!  prepare ─▶ waiting ─▶ enrol (token) ─▶ generation 1 ─▶ renew, enrol (token) ─▶ generation 2 ─▶ … ─▶ revoke
//! ```
//! - [`enrol`]: using a token; [`list`]: looking at them; [`outbox`]: what pipelines are still to be told.
//!
//! A token has 256 random bits, of which SHA-256 is kept. It works once, for [`TOKEN_US`], and not any more after a newer one of the same
//! sensor, after the sensor is revoked, after its maker is disabled or after a role of its maker ends with which tokens are made. Until it
//! is used, the credential of before counts. Revoked is for good: the same name again is another sensor.

pub mod enrol;
pub mod list;
pub mod outbox;

use sqlx::PgConnection;
use vonggac_access::{OrganisationId, ResourceKind, Role, Verb, policy};
use vonggac_enrolment::SensorId;
use vonggac_event::{Scope, Stage};

use crate::audit::{self, Asker, Deed};
use crate::organisation::{self, parsed};
use crate::welcome::LinkSecret;
use crate::{AccountId, Database, DatabaseError, Result, clean, exercise};

/// How long a token works.
pub const TOKEN_US: i64 = 24 * 3600 * 1_000_000;
/// Longest name, in characters.
pub const NAME_CHARACTERS_MAX: usize = 64;
/// Longest note, in bytes.
pub const NOTE_BYTES_MAX: usize = 2_000;
/// Most sensors of one organisation that are not revoked.
pub const LIVING_MAX: i64 = 1_000;

/// A sensor that is to be.
#[derive(Debug, Clone)]
pub struct NewSensor {
    /// Its name, in every event: letters, digits, and `. - _` after the first.
    pub name: String,
    /// Whose its events are.
    pub organisation: OrganisationId,
    /// Where it stands and what it sees, for people.
    pub note: String,
    /// Whether it is for real work or for an exercise, as long as it lives.
    pub stage: Stage,
}

/// A token, told once.
#[derive(Debug, Clone)]
pub struct Token {
    /// Its secret.
    pub secret: LinkSecret,
    /// From then on it does not work.
    pub expires_us: i64,
}

/// What happened to a sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Somebody prepared it.
    Prepare,
    /// It used a token.
    Enrol,
    /// Somebody made a token for another credential.
    Renew,
    /// Somebody changed its note.
    Change,
    /// Somebody revoked it.
    Revoke,
}

impl Step {
    const ALL: [Self; 5] = [
        Self::Prepare,
        Self::Enrol,
        Self::Renew,
        Self::Change,
        Self::Revoke,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Enrol => "enrol",
            Self::Renew => "renew",
            Self::Change => "change",
            Self::Revoke => "revoke",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.name() == name)
    }

    fn action(self) -> &'static str {
        match self {
            Self::Prepare => "sensor.prepare",
            Self::Enrol => "sensor.enrol",
            Self::Renew => "sensor.renew",
            Self::Change => "sensor.change",
            Self::Revoke => "sensor.revoke",
        }
    }
}

/// A sensor's row, held until the transaction ends.
struct Held {
    id: SensorId,
    organisation: OrganisationId,
    name: String,
    generation: i32,
    stage: Stage,
    is_revoked: bool,
}

impl Held {
    fn living(self) -> Result<Self> {
        if self.is_revoked {
            return Err(DatabaseError::Conflict("the sensor is revoked"));
        }
        Ok(self)
    }

    fn deed(&self, step: Step) -> Deed {
        Deed::done(step.action(), "sensor", self.id)
            .with("name", &self.name)
            .with("organisation", self.organisation.as_str())
            .with("generation", self.generation)
            .with("exercise", self.stage.exercise_id())
    }
}

impl Database {
    /// Makes a sensor that waits for its enrolment, and its token.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is no such organisation; [`DatabaseError::Invalid`] for a name or note that does not do;
    /// [`DatabaseError::Conflict`] when a sensor of the organisation on that stage that is not revoked has the name, when there are
    /// too many, or when the exercise has ended.
    pub async fn prepare_sensor(
        &self,
        by: &Asker<'_>,
        new: &NewSensor,
        now_us: i64,
    ) -> Result<(SensorId, Token)> {
        check_name(&new.name)?;
        let note = checked_note(&new.note)?;
        let id = SensorId(rand::random());
        let mut transaction = self.pool.begin().await?;
        if !organisation::exists(&mut transaction, &new.organisation).await? {
            return Err(DatabaseError::NotFound);
        }
        exercise::not_ended(&mut transaction, new.stage).await?;
        let living: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM sensor WHERE organisation = $1 AND coalesce(exercise_id, 0) = $2 AND revoked_us IS NULL",
        )
        .bind(new.organisation.as_str())
        .bind(number(new.stage))
        .fetch_one(&mut *transaction)
        .await?;
        if living >= LIVING_MAX {
            return Err(DatabaseError::Conflict("the organisation has too many sensors"));
        }
        let made = sqlx::query(
            "INSERT INTO sensor (id, organisation, name, note, prepared_us, exercise_id) VALUES ($1, $2, $3, $4, $5, nullif($6::integer, 0)) \
             ON CONFLICT (organisation, coalesce(exercise_id, 0), lower(name)) WHERE revoked_us IS NULL DO NOTHING",
        )
        .bind(&id.0[..])
        .bind(new.organisation.as_str())
        .bind(&new.name)
        .bind(note)
        .bind(now_us)
        .bind(number(new.stage))
        .execute(&mut *transaction)
        .await?;
        if made.rows_affected() == 0 {
            return Err(DatabaseError::Conflict(
                "the organisation has a sensor of that name already",
            ));
        }
        let token = insert_token(&mut transaction, by, id, now_us).await?;
        let held = Held {
            id,
            organisation: new.organisation.clone(),
            name: new.name.clone(),
            generation: 0,
            stage: new.stage,
            is_revoked: false,
        };
        write_down(&mut transaction, by, &held, Step::Prepare, now_us).await?;
        transaction.commit().await?;
        Ok((id, token))
    }

    /// Makes another token for a sensor of the scope, with which it gets its first credential or its next; one that there was works no more.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is no such sensor; [`DatabaseError::Conflict`] when it is revoked.
    pub async fn renew_sensor(
        &self,
        scope: &Scope,
        by: &Asker<'_>,
        id: SensorId,
        now_us: i64,
    ) -> Result<Token> {
        let mut transaction = self.change(scope).await?;
        let held = hold(&mut transaction, scope, id).await?.living()?;
        let token = insert_token(&mut transaction, by, id, now_us).await?;
        write_down(&mut transaction, by, &held, Step::Renew, now_us).await?;
        transaction.commit().await?;
        Ok(token)
    }

    /// Revokes a sensor of the scope, for good: what it sends from then on does not count, and its token works no more.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is no such sensor; [`DatabaseError::Conflict`] when it is revoked already.
    pub async fn revoke_sensor(
        &self,
        scope: &Scope,
        by: &Asker<'_>,
        id: SensorId,
        now_us: i64,
    ) -> Result<()> {
        let mut transaction = self.change(scope).await?;
        let held = hold(&mut transaction, scope, id).await?.living()?;
        revoke(&mut transaction, id, now_us).await?;
        write_down(&mut transaction, by, &held, Step::Revoke, now_us).await?;
        Ok(transaction.commit().await?)
    }

    /// Gives a sensor of the scope another note.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is no such sensor; [`DatabaseError::Invalid`] for a note that does not do.
    pub async fn change_sensor(
        &self,
        scope: &Scope,
        by: &Asker<'_>,
        id: SensorId,
        note: &str,
        now_us: i64,
    ) -> Result<()> {
        let note = checked_note(note)?;
        let mut transaction = self.change(scope).await?;
        let held = hold(&mut transaction, scope, id).await?;
        sqlx::query("UPDATE sensor SET note = $2 WHERE id = $1")
            .bind(&id.0[..])
            .bind(note)
            .execute(&mut *transaction)
            .await?;
        write_down(&mut transaction, by, &held, Step::Change, now_us).await?;
        Ok(transaction.commit().await?)
    }
}

fn check_name(name: &str) -> Result<()> {
    let problem = |problem| {
        Err(DatabaseError::Invalid {
            field: "name",
            problem,
        })
    };
    let is_plain = |character: char| character.is_ascii_alphanumeric();
    let Some(first) = name.chars().next() else {
        return problem("is empty");
    };
    if name.chars().count() > NAME_CHARACTERS_MAX {
        return problem("is longer than 64 characters");
    }
    let rest = |character: char| is_plain(character) || matches!(character, '.' | '-' | '_');
    if !is_plain(first) || !name.chars().all(rest) {
        return problem("takes letters without marks, digits, and . - _ after the first");
    }
    Ok(())
}

/// A note as it is kept.
fn checked_note(note: &str) -> Result<String> {
    let note = clean(note.trim());
    if note.len() > NOTE_BYTES_MAX {
        return Err(DatabaseError::Invalid {
            field: "note",
            problem: "is longer than 2,000 bytes",
        });
    }
    Ok(note)
}

/// Finds a sensor of the scope and lets nobody else change it until the transaction ends. Whoever takes its token as well does so after this.
async fn hold(connection: &mut PgConnection, scope: &Scope, id: SensorId) -> Result<Held> {
    let row: Option<(String, String, i32, bool)> = sqlx::query_as(
        "SELECT organisation, name, generation, revoked_us IS NOT NULL FROM sensor \
         WHERE id = $1 AND organisation = ANY($2) AND coalesce(exercise_id, 0) = $3 FOR UPDATE",
    )
    .bind(&id.0[..])
    .bind(scope.to_codes())
    .bind(number(scope.stage()))
    .fetch_optional(connection)
    .await?;
    let (organisation, name, generation, is_revoked) = row.ok_or(DatabaseError::NotFound)?;
    Ok(Held {
        id,
        organisation: parsed(&organisation)?,
        name,
        generation,
        stage: scope.stage(),
        is_revoked,
    })
}

/// The exercise of a stage as PostgreSQL counts; 0 is real work. What it cannot count is no exercise.
pub(crate) fn number(stage: Stage) -> i32 {
    i32::try_from(stage.exercise_id()).unwrap_or(-1)
}

/// The stage of a column.
fn stage(exercise_id: Option<i32>) -> Stage {
    Stage::of(exercise_id.unwrap_or_default().unsigned_abs())
}

/// Revokes a sensor that is held, and withdraws its token. Of one that never had a credential, pipelines know nothing.
async fn revoke(connection: &mut PgConnection, id: SensorId, now_us: i64) -> Result<()> {
    sqlx::query(
        "UPDATE sensor SET revoked_us = $2, version = version + CASE WHEN generation > 0 THEN 1 ELSE 0 END WHERE id = $1",
    )
    .bind(&id.0[..])
    .bind(now_us)
    .execute(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM sensor_token WHERE sensor_id = $1")
        .bind(&id.0[..])
        .execute(connection)
        .await?;
    Ok(())
}

/// Revokes the living sensors of an exercise that ends, in its transaction; what is to be written down.
pub(crate) async fn revoke_all(
    connection: &mut PgConnection,
    by: &Asker<'_>,
    exercise: Stage,
    now_us: i64,
) -> Result<Vec<Deed>> {
    let living: Vec<(Vec<u8>, String, String, i32)> = sqlx::query_as(
        "SELECT id, organisation, name, generation FROM sensor WHERE exercise_id = $1 AND revoked_us IS NULL \
         ORDER BY id FOR UPDATE",
    )
    .bind(number(exercise))
    .fetch_all(&mut *connection)
    .await?;
    let mut deeds = Vec::with_capacity(living.len());
    for (id, organisation, name, generation) in living {
        let held = Held {
            id: enrol::read_id(&id)?,
            organisation: parsed(&organisation)?,
            name,
            generation,
            stage: exercise,
            is_revoked: true,
        };
        revoke(connection, held.id, now_us).await?;
        note_step(connection, by, &held, Step::Revoke, now_us).await?;
        deeds.push(held.deed(Step::Revoke));
    }
    Ok(deeds)
}

async fn insert_token(
    connection: &mut PgConnection,
    by: &Asker<'_>,
    id: SensorId,
    now_us: i64,
) -> Result<Token> {
    let secret = LinkSecret::random();
    sqlx::query(
        "INSERT INTO sensor_token (sensor_id, secret_hash, made_us, made_by) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (sensor_id) DO UPDATE SET secret_hash = EXCLUDED.secret_hash, made_us = EXCLUDED.made_us, \
         made_by = EXCLUDED.made_by",
    )
    .bind(&id.0[..])
    .bind(secret.digest())
    .bind(now_us)
    .bind(by.somebody()?.id.0)
    .execute(connection)
    .await?;
    Ok(Token {
        secret,
        expires_us: now_us.saturating_add(TOKEN_US),
    })
}

/// Writes a step into the sensor's history and the audit log; the transaction is to commit soon.
async fn write_down(
    connection: &mut PgConnection,
    by: &Asker<'_>,
    held: &Held,
    step: Step,
    now_us: i64,
) -> Result<()> {
    note_step(connection, by, held, step, now_us).await?;
    audit::append(connection, by, vec![held.deed(step)], now_us).await
}

/// Writes a step into the sensor's history.
async fn note_step(
    connection: &mut PgConnection,
    by: &Asker<'_>,
    held: &Held,
    step: Step,
    now_us: i64,
) -> Result<()> {
    // Where people sit is for the audit log alone.
    let address = match step {
        Step::Enrol => by.origin.address.as_str(),
        Step::Prepare | Step::Renew | Step::Change | Step::Revoke => "",
    };
    sqlx::query(
        "INSERT INTO sensor_history (sensor_id, at_us, step, generation, account_id, address) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(&held.id.0[..])
    .bind(now_us)
    .bind(step.name())
    .bind(held.generation)
    .bind(by.account().map(|account| account.id.0))
    .bind(clean(address))
    .execute(&mut *connection)
    .await?;
    Ok(())
}

/// Withdraws the tokens that an account made.
pub(crate) async fn withdraw_made_by(connection: &mut PgConnection, maker: AccountId) -> Result<()> {
    sqlx::query("DELETE FROM sensor_token WHERE made_by = $1")
        .bind(maker.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// The same when a role of theirs ends, if it is one with which tokens are made.
pub(crate) async fn withdraw_made_with(
    connection: &mut PgConnection,
    maker: AccountId,
    role: Role,
) -> Result<()> {
    // In an exercise its director makes them.
    let rows = [
        (ResourceKind::Sensor, Verb::Create),
        (ResourceKind::Exercise, Verb::Change),
    ];
    let mut rules = rows
        .into_iter()
        .filter_map(|(kind, verb)| policy::rule(kind, verb));
    if rules.any(|rule| !rule.cell(role).is_none()) {
        withdraw_made_by(connection, maker).await?;
    }
    Ok(())
}

/// Removes tokens that are too old.
pub(crate) async fn purge(pool: &sqlx::PgPool, now_us: i64) -> Result<()> {
    sqlx::query("DELETE FROM sensor_token WHERE made_us <= $1")
        .bind(now_us.saturating_sub(TOKEN_US))
        .execute(pool)
        .await?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
