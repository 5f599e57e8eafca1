//! What pipelines are still to be told of sensors.
//!
//! Each change that pipelines have to know counts a sensor's `version` up in its own transaction, so it cannot be forgotten; `told` follows
//! once Kafka has it. Of several consoles one tells at a time, and it tells what the row says after it got its turn: a later word is never
//! followed by an earlier one. Who ends between telling and noting tells the same again.

use sqlx::{PgConnection, Postgres, Transaction};
use vonggac_enrolment::Enrolled;
use vonggac_event::Stage;

use super::enrol::read_id;
use super::{Held, Step};
use crate::audit::Asker;
use crate::organisation::parsed;
use crate::{Database, Result};

/// Most sensors that are told of at once.
pub const UNTOLD_MAX: i64 = 200;
/// Number of the lock that whoever tells holds; no other use of advisory locks has it.
const TURN: i64 = 0x7365_6e73_6f72;

/// Sensors as they stand, of which pipelines do not know. Nobody else tells of sensors until it is gone.
#[derive(Debug)]
pub struct Untold {
    transaction: Transaction<'static, Postgres>,
    words: Vec<Enrolled>,
    versions: Vec<i64>,
}

impl Untold {
    /// How they stand.
    pub fn words(&self) -> &[Enrolled] {
        &self.words
    }

    /// Notes that Kafka has them. Without it, they are told again.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn told(mut self) -> Result<()> {
        let ids: Vec<Vec<u8>> = self.words.iter().map(|word| word.id.0.to_vec()).collect();
        sqlx::query(
            "UPDATE sensor s SET told = u.version FROM unnest($1::bytea[], $2::bigint[]) AS u (id, version) \
             WHERE s.id = u.id",
        )
        .bind(ids)
        .bind(self.versions)
        .execute(&mut *self.transaction)
        .await?;
        Ok(self.transaction.commit().await?)
    }
}

type Row = (Vec<u8>, i32, String, String, Option<i32>, bool, i64);

impl Database {
    /// Sensors that pipelines are to be told of, at most [`UNTOLD_MAX`]; none when they know all. Waits while another console tells.
    ///
    /// # Errors
    /// When PostgreSQL fails, or the other takes longer than a statement may.
    pub async fn untold_sensors(&self) -> Result<Option<Untold>> {
        // Most often there is nothing, and no turn is wanted.
        let any: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT FROM sensor WHERE told <> version AND generation > 0)")
                .fetch_one(&self.pool)
                .await?;
        if !any {
            return Ok(None);
        }
        let mut transaction = self.pool.begin().await?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(TURN)
            .execute(&mut *transaction)
            .await?;
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT id, generation, name, organisation, exercise_id, revoked_us IS NOT NULL, version FROM sensor \
             WHERE told <> version AND generation > 0 ORDER BY id LIMIT $1",
        )
        .bind(UNTOLD_MAX)
        .fetch_all(&mut *transaction)
        .await?;
        if rows.is_empty() {
            return Ok(None);
        }
        let mut untold = Untold {
            transaction,
            words: Vec::with_capacity(rows.len()),
            versions: Vec::with_capacity(rows.len()),
        };
        for (id, generation, name, organisation, exercise_id, is_revoked, version) in rows {
            untold.words.push(Enrolled {
                id: read_id(&id)?,
                generation: generation.unsigned_abs(),
                name,
                organisation,
                exercise_id: super::stage(exercise_id).exercise_id(),
                is_revoked,
            });
            untold.versions.push(version);
        }
        Ok(Some(untold))
    }

    /// Takes in sensors that Kafka has and this database does not: those that the owner of the deployment's key runs himself. How many there were. One of an
    /// organisation that nobody has entered, or whose name another sensor has, is left out.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn adopt_sensors(&self, own: &[Enrolled], now_us: i64) -> Result<u64> {
        let mut transaction = self.pool.begin().await?;
        let mut adopted = 0;
        for word in own {
            adopted += u64::from(adopt(&mut transaction, word, now_us).await?);
        }
        transaction.commit().await?;
        Ok(adopted)
    }

    /// Whether there is a sensor that pipelines are to know.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn has_enrolled_sensors(&self) -> Result<bool> {
        Ok(
            sqlx::query_scalar("SELECT EXISTS (SELECT FROM sensor WHERE generation > 0)")
                .fetch_one(&self.pool)
                .await?,
        )
    }

    /// Sees to it that each sensor is told again of which Kafka says something else than what is here, or nothing. How many are.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn tell_sensors_again(&self, known: &[Enrolled]) -> Result<u64> {
        let ids: Vec<Vec<u8>> = known.iter().map(|word| word.id.0.to_vec()).collect();
        let generations: Vec<i64> = known.iter().map(|word| i64::from(word.generation)).collect();
        let names: Vec<String> = known.iter().map(|word| crate::clean(&word.name)).collect();
        let organisations: Vec<String> = known
            .iter()
            .map(|word| crate::clean(&word.organisation))
            .collect();
        let exercises: Vec<i64> = known.iter().map(|word| i64::from(word.exercise_id)).collect();
        let revoked: Vec<bool> = known.iter().map(|word| word.is_revoked).collect();
        let done = sqlx::query(
            "UPDATE sensor s SET told = -1 WHERE s.generation > 0 AND s.told = s.version AND NOT EXISTS (SELECT FROM \
             unnest($1::bytea[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::boolean[]) \
             AS k (id, generation, name, organisation, exercise_id, is_revoked) WHERE k.id = s.id AND k.generation = s.generation \
             AND k.name = s.name AND k.organisation = s.organisation \
             AND k.exercise_id = coalesce(s.exercise_id, 0) AND k.is_revoked = (s.revoked_us IS NOT NULL))",
        )
        .bind(ids)
        .bind(generations)
        .bind(names)
        .bind(organisations)
        .bind(exercises)
        .bind(revoked)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }
}

/// Whether the sensor was taken in.
async fn adopt(connection: &mut PgConnection, word: &Enrolled, now_us: i64) -> Result<bool> {
    let Ok(generation) = i32::try_from(word.generation) else {
        return Ok(false);
    };
    // Those that whoever holds the key runs himself are for real work.
    if super::check_name(&word.name).is_err() || generation == 0 || word.exercise_id != 0 {
        return Ok(false);
    }
    let taken = sqlx::query(
        "INSERT INTO sensor (id, organisation, name, generation, prepared_us, enrolled_us, revoked_us) \
         SELECT $1, code, $3, $4, $5, $5, CASE WHEN $6 THEN $5 END FROM organisation WHERE code = $2 ON CONFLICT DO NOTHING",
    )
    .bind(&word.id.0[..])
    .bind(crate::clean(&word.organisation))
    .bind(&word.name)
    .bind(generation)
    .bind(now_us)
    .bind(word.is_revoked)
    .execute(&mut *connection)
    .await?;
    if taken.rows_affected() == 0 {
        return Ok(false);
    }
    let held = Held {
        id: word.id,
        organisation: parsed(&word.organisation)?,
        name: word.name.clone(),
        generation,
        stage: Stage::Live,
        is_revoked: word.is_revoked,
    };
    super::write_down(connection, &Asker::console(), &held, Step::Enrol, now_us).await?;
    Ok(true)
}
