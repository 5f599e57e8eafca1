//! Using a token: a sensor becomes one that counts, or its credential is followed by the next. Wrong, used, too old and withdrawn are one
//! answer.

use sqlx::{FromRow, PgConnection};
use vonggac_access::OrganisationId;
use vonggac_enrolment::{Enrolled, SensorId};
use vonggac_event::Stage;

use super::{Held, Step, TOKEN_US, write_down};
use crate::account::RawAccount;
use crate::audit::{Asker, Deed, Origin};
use crate::organisation::parsed;
use crate::throttle::{self, Attempt};
use crate::welcome::LinkSecret;
use crate::{Account, Database, DatabaseError, Result};

const REFUSED: &str = "the token is wrong, used, too old or withdrawn";

/// What a token is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Whose the sensor's events are.
    pub organisation: OrganisationId,
    /// Whether it is for real work or for an exercise.
    pub stage: Stage,
    /// Who made the token. It is good as long as they may make one.
    pub maker: Account,
}

#[derive(FromRow)]
struct OfferRow {
    #[sqlx(flatten)]
    maker: RawAccount,
    sensor_organisation: String,
    exercise_id: Option<i32>,
}

impl Database {
    /// What a token is for.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] for one that does not work, or [`DatabaseError::Throttled`].
    pub async fn sensor_offer(&self, secret: &str, origin: &Origin, now_us: i64) -> Result<Offer> {
        let attempt = Attempt::Token {
            address: &origin.address,
        };
        self.count_attempt(&attempt, &Asker::nobody("", origin), used(), now_us)
            .await?;
        let row: Option<OfferRow> = match secret.parse::<LinkSecret>() {
            Ok(secret) => {
                sqlx::query_as(
                    "SELECT a.id, a.user_name, a.display_name, a.organisation, a.language, \
                     s.organisation AS sensor_organisation, s.exercise_id FROM sensor_token t JOIN sensor s ON s.id = t.sensor_id \
                     JOIN account a ON a.id = t.made_by WHERE t.secret_hash = $1 AND t.made_us > $2 \
                     AND s.revoked_us IS NULL AND a.disabled_us IS NULL",
                )
                .bind(secret.digest())
                .bind(now_us.saturating_sub(TOKEN_US))
                .fetch_optional(&self.pool)
                .await?
            }
            Err(_) => None,
        };
        let Some(row) = row else {
            return Err(self.refuse_token(origin, now_us).await?);
        };
        throttle::forgive(&self.pool, &attempt).await?;
        Ok(Offer {
            organisation: parsed(&row.sensor_organisation)?,
            stage: super::stage(row.exercise_id),
            maker: row.maker.read()?,
        })
    }

    /// Uses a token: from now on the sensor's next credential counts, and none of before. What is to be told to pipelines, too.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when it does not work any more.
    pub async fn enrol_sensor(&self, secret: &str, origin: &Origin, now_us: i64) -> Result<Enrolled> {
        let Ok(secret) = secret.parse::<LinkSecret>() else {
            return Err(self.refuse_token(origin, now_us).await?);
        };
        let mut transaction = self.pool.begin().await?;
        let Some(held) = take_token(&mut transaction, &secret, now_us).await? else {
            drop(transaction);
            return Err(self.refuse_token(origin, now_us).await?);
        };
        let generation: i32 = sqlx::query_scalar(
            "UPDATE sensor SET generation = generation + 1, version = version + 1, enrolled_us = $2, enrolled_from = $3 \
             WHERE id = $1 RETURNING generation",
        )
        .bind(&held.id.0[..])
        .bind(now_us)
        .bind(crate::clean(&origin.address))
        .fetch_one(&mut *transaction)
        .await?;
        let held = Held { generation, ..held };
        let by = Asker::nobody(&held.name, origin);
        write_down(&mut transaction, &by, &held, Step::Enrol, now_us).await?;
        transaction.commit().await?;
        Ok(Enrolled {
            id: held.id,
            generation: generation.unsigned_abs(),
            name: held.name,
            organisation: held.organisation.as_str().to_owned(),
            exercise_id: held.stage.exercise_id(),
            is_revoked: false,
        })
    }

    /// Writes down that a token was refused; the one answer for whoever sent it.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn refuse_token(&self, origin: &Origin, now_us: i64) -> Result<DatabaseError> {
        self.note(&Asker::nobody("", origin), used().refused(REFUSED), now_us)
            .await?;
        Ok(DatabaseError::NotFound)
    }
}

/// That a token was used, whosesoever.
fn used() -> Deed {
    Deed::done(Step::Enrol.action(), "sensor", "")
}

/// Id, organisation, name, generation and exercise of a token's sensor.
type TokenRow = (Vec<u8>, String, String, i32, Option<i32>);

/// Takes a token away and gives its sensor, held; none when it does not work.
async fn take_token(connection: &mut PgConnection, secret: &LinkSecret, now_us: i64) -> Result<Option<Held>> {
    let row: Option<TokenRow> = sqlx::query_as(
        "SELECT s.id, s.organisation, s.name, s.generation, s.exercise_id FROM sensor s \
         JOIN sensor_token t ON t.sensor_id = s.id WHERE t.secret_hash = $1 AND s.revoked_us IS NULL FOR UPDATE OF s",
    )
    .bind(secret.digest())
    .fetch_optional(&mut *connection)
    .await?;
    let Some((id, organisation, name, generation, exercise_id)) = row else {
        return Ok(None);
    };
    // Another may have used or withdrawn it while the sensor's row was waited for.
    let taken = sqlx::query(
        "DELETE FROM sensor_token t USING account a WHERE t.secret_hash = $1 AND t.made_us > $2 \
         AND a.id = t.made_by AND a.disabled_us IS NULL",
    )
    .bind(secret.digest())
    .bind(now_us.saturating_sub(TOKEN_US))
    .execute(connection)
    .await?;
    if taken.rows_affected() == 0 {
        return Ok(None);
    }
    Ok(Some(Held {
        id: read_id(&id)?,
        organisation: parsed(&organisation)?,
        name,
        generation,
        stage: super::stage(exercise_id),
        is_revoked: false,
    }))
}

/// An id as PostgreSQL has it.
pub(super) fn read_id(bytes: &[u8]) -> Result<SensorId> {
    SensorId::try_from(bytes)
        .map_err(|problem| DatabaseError::Server(sqlx::Error::Protocol(format!("a sensor's id {problem}"))))
}
