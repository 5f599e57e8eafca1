//! Exercises: made, shared with who takes part, started, ended.
//!
//! ```text
//!  make ─▶ preparing ── start ──▶ running ── end ──▶ ended
//!          the owner's alone      who takes part is in   looked at, worked on no more; its sensors are revoked
//! ```
//! What sensors of an exercise see is its owner's and on its own stage ([`vonggac_event::Stage`]), which the second fence knows; who may do
//! what in it is said by [`vonggac_access::exercise`].

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder};
use vonggac_access::{OrganisationId, Part, Reach, Share, Span, Tlp, exercise};
use vonggac_event::Stage;

use crate::alert::Person;
use crate::audit::{self, Asker, Deed};
use crate::organisation::{self, parsed};
use crate::sensor;
use crate::{AccountId, Database, DatabaseError, Result, clean};

/// Most exercises on a page.
pub const PAGE_EXERCISES_MAX: u32 = 200;
/// Longest name, in characters.
pub const NAME_CHARACTERS_MAX: usize = 200;
/// Longest note, in characters.
pub const NOTE_CHARACTERS_MAX: usize = 2_000;
/// Most organisations that take part in one.
pub const PARTICIPANTS_MAX: i64 = 500;
/// Most exercises of an organisation that have not ended.
pub const OPEN_MAX: i64 = 100;

/// Number of an exercise, in its events and alerts too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExerciseId(NonZeroU32);

impl ExerciseId {
    /// The stage of its events and alerts.
    pub fn stage(self) -> Stage {
        Stage::Exercise(self.0)
    }

    /// As PostgreSQL counts; what it cannot count is an exercise that does not exist.
    fn number(self) -> i32 {
        sensor::number(self.stage())
    }

    fn read(number: i32) -> Result<Self> {
        let number = u32::try_from(number).ok().and_then(NonZeroU32::new);
        number.map(Self).ok_or(DatabaseError::NotFound)
    }
}

impl fmt::Display for ExerciseId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl FromStr for ExerciseId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// How far an exercise is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Its owner's alone yet.
    Preparing,
    /// Since when, in microseconds.
    Running {
        /// When it was started.
        started_us: i64,
    },
    /// From when to when.
    Ended {
        /// When it was started.
        started_us: i64,
        /// When it was ended.
        ended_us: i64,
    },
}

/// An exercise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exercise {
    /// Its number.
    pub id: ExerciseId,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// What it is called.
    pub name: String,
    /// What it is about.
    pub note: String,
    /// When it was made.
    pub made_us: i64,
    /// By whom.
    pub made_by: Person,
    /// How far it is.
    pub progress: Progress,
    /// Who takes part, by code.
    pub participants: Vec<OrganisationId>,
}

impl Exercise {
    /// As rights are about it: those who take part are in from when it starts.
    pub fn thing(&self) -> exercise::Exercise {
        let share = |organisation: &OrganisationId| Share {
            with: organisation.clone(),
            part: Part::Work,
            tlp: Tlp::Amber,
            span: Span {
                from: None,
                until: None,
            },
        };
        exercise::Exercise {
            owner: self.organisation.clone(),
            shares: match self.progress {
                Progress::Preparing => Vec::new(),
                Progress::Running { .. } | Progress::Ended { .. } => {
                    self.participants.iter().map(share).collect()
                }
            },
            is_over: matches!(self.progress, Progress::Ended { .. }),
        }
    }

    fn deed(&self, action: &'static str) -> Deed {
        Deed::done(action, "exercise", self.id)
            .with("name", &self.name)
            .with("organisation", self.organisation.as_str())
    }

    fn not_over(self) -> Result<Self> {
        match self.progress {
            Progress::Ended { .. } => Err(DatabaseError::Conflict("the exercise has ended")),
            Progress::Preparing | Progress::Running { .. } => Ok(self),
        }
    }
}

/// What an exercise is called and about.
#[derive(Debug, Clone)]
pub struct About {
    /// What it is called.
    pub name: String,
    /// What it is about.
    pub note: String,
}

impl About {
    /// As it is kept.
    fn checked(&self) -> Result<Self> {
        let invalid = |field, problem| Err(DatabaseError::Invalid { field, problem });
        let (name, note) = (clean(self.name.trim()), clean(self.note.trim()));
        if name.is_empty() {
            return invalid("name", "is empty");
        }
        if name.chars().count() > NAME_CHARACTERS_MAX {
            return invalid("name", "is longer than 200 characters");
        }
        if note.chars().count() > NOTE_CHARACTERS_MAX {
            return invalid("note", "is longer than 2,000 characters");
        }
        Ok(Self { name, note })
    }
}

/// A page of exercises, the newest first.
#[derive(Debug, Clone)]
pub struct ExercisePage {
    /// The exercises.
    pub items: Vec<Exercise>,
    /// Before which the next page begins; `None` at the end.
    pub next: Option<ExerciseId>,
}

#[derive(FromRow)]
struct Row {
    id: i32,
    organisation: String,
    name: String,
    note: String,
    made_us: i64,
    made_by: i64,
    made_name: String,
    started_us: Option<i64>,
    ended_us: Option<i64>,
    participants: Vec<String>,
}

impl Row {
    fn read(self) -> Result<Exercise> {
        Ok(Exercise {
            id: ExerciseId::read(self.id)?,
            organisation: parsed(&self.organisation)?,
            name: self.name,
            note: self.note,
            made_us: self.made_us,
            made_by: Person {
                id: AccountId(self.made_by),
                display_name: self.made_name,
            },
            progress: match (self.started_us, self.ended_us) {
                (None, _) => Progress::Preparing,
                (Some(started_us), None) => Progress::Running { started_us },
                (Some(started_us), Some(ended_us)) => Progress::Ended { started_us, ended_us },
            },
            participants: self
                .participants
                .iter()
                .map(|code| parsed(code))
                .collect::<Result<_>>()?,
        })
    }
}

const SELECT: &str = "SELECT e.id, e.organisation, e.name, e.note, e.made_us, e.made_by, p.display_name AS made_name, e.started_us, \
    e.ended_us, ARRAY(SELECT s.organisation FROM exercise_share s WHERE s.exercise_id = e.id ORDER BY 1) AS participants \
    FROM exercise e JOIN account p ON p.id = e.made_by";

impl Database {
    /// An exercise, whosesoever: the caller asks for the right to it.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is none of that number.
    pub async fn exercise(&self, id: ExerciseId) -> Result<Exercise> {
        let mut connection = self.pool.acquire().await?;
        find(&mut connection, id, "").await
    }

    /// The exercise of a stage, as rights are about it; none of real work.
    ///
    /// # Errors
    /// As [`Self::exercise`].
    pub async fn exercise_on(&self, stage: Stage) -> Result<Option<exercise::Exercise>> {
        match stage {
            Stage::Live => Ok(None),
            Stage::Exercise(number) => Ok(Some(self.exercise(ExerciseId(number)).await?.thing())),
        }
    }

    /// The exercises of a reach: its own, and those that have started in which it takes part; the newest first.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn exercises(
        &self,
        reach: &Reach,
        before: Option<ExerciseId>,
        limit: u32,
    ) -> Result<ExercisePage> {
        let limit = limit.clamp(1, PAGE_EXERCISES_MAX);
        let own: Vec<&str> = reach.codes().map(OrganisationId::as_str).collect();
        let names: Vec<&str> = reach.shared_with().map(|(id, _)| id.as_str()).collect();
        let mut query = QueryBuilder::<Postgres>::new(SELECT);
        query.push(" WHERE (e.organisation = ANY(").push_bind(own);
        query
            .push(") OR e.started_us IS NOT NULL AND EXISTS (SELECT FROM exercise_share s WHERE s.exercise_id = e.id AND s.organisation = ANY(")
            .push_bind(names)
            .push(")))");
        if let Some(before) = before {
            query.push(" AND e.id < ").push_bind(before.number());
        }
        query
            .push(" ORDER BY e.id DESC LIMIT ")
            .push_bind(i64::from(limit) + 1);
        let rows: Vec<Row> = query.build_query_as().fetch_all(&self.pool).await?;
        let mut items: Vec<Exercise> = rows.into_iter().map(Row::read).collect::<Result<_>>()?;
        let is_more = items.len() > limit as usize;
        items.truncate(limit as usize);
        Ok(ExercisePage {
            next: items.last().filter(|_| is_more).map(|last| last.id),
            items,
        })
    }

    /// Makes an exercise of an organisation.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is no such organisation; [`DatabaseError::Invalid`] for a name or note that does not do;
    /// [`DatabaseError::Conflict`] when the organisation has [`OPEN_MAX`] that have not ended.
    pub async fn make_exercise(
        &self,
        by: &Asker<'_>,
        organisation: &OrganisationId,
        about: &About,
        now_us: i64,
    ) -> Result<Exercise> {
        let about = about.checked()?;
        let mut transaction = self.pool.begin().await?;
        // One at a time, so that none is counted too late.
        sqlx::query("SELECT FROM organisation WHERE code = $1 FOR NO KEY UPDATE")
            .bind(organisation.as_str())
            .fetch_optional(&mut *transaction)
            .await?
            .ok_or(DatabaseError::NotFound)?;
        let open: i64 =
            sqlx::query_scalar("SELECT count(*) FROM exercise WHERE organisation = $1 AND ended_us IS NULL")
                .bind(organisation.as_str())
                .fetch_one(&mut *transaction)
                .await?;
        if open >= OPEN_MAX {
            return Err(DatabaseError::Conflict(
                "the organisation has too many exercises that have not ended",
            ));
        }
        let number: i32 = sqlx::query_scalar(
            "INSERT INTO exercise (organisation, name, note, made_us, made_by) VALUES ($1, $2, $3, $4, $5) RETURNING id",
        )
        .bind(organisation.as_str())
        .bind(about.name)
        .bind(about.note)
        .bind(now_us)
        .bind(by.somebody()?.id.0)
        .fetch_one(&mut *transaction)
        .await?;
        let made = find(&mut transaction, ExerciseId::read(number)?, "").await?;
        audit::append(&mut transaction, by, vec![made.deed("exercise.create")], now_us).await?;
        transaction.commit().await?;
        Ok(made)
    }

    /// Gives an exercise another name and note.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is none of that number; [`DatabaseError::Invalid`] for what does not do;
    /// [`DatabaseError::Conflict`] when it has ended.
    pub async fn change_exercise(
        &self,
        by: &Asker<'_>,
        id: ExerciseId,
        about: &About,
        now_us: i64,
    ) -> Result<Exercise> {
        let about = about.checked()?;
        let mut transaction = self.pool.begin().await?;
        hold(&mut transaction, id).await?.not_over()?;
        sqlx::query("UPDATE exercise SET name = $2, note = $3 WHERE id = $1")
            .bind(id.number())
            .bind(about.name)
            .bind(about.note)
            .execute(&mut *transaction)
            .await?;
        let changed = find(&mut transaction, id, "").await?;
        audit::append(
            &mut transaction,
            by,
            vec![changed.deed("exercise.change")],
            now_us,
        )
        .await?;
        transaction.commit().await?;
        Ok(changed)
    }

    /// Lets an organisation take part, or takes it out.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is no such exercise or organisation; [`DatabaseError::Conflict`] when it has ended, when the
    /// organisation is as wanted already, or when too many take part.
    pub async fn share_exercise(
        &self,
        by: &Asker<'_>,
        id: ExerciseId,
        organisation: &OrganisationId,
        takes_part: bool,
        now_us: i64,
    ) -> Result<Exercise> {
        let mut transaction = self.pool.begin().await?;
        let held = hold(&mut transaction, id).await?.not_over()?;
        if !organisation::exists(&mut transaction, organisation).await? {
            return Err(DatabaseError::NotFound);
        }
        let many = i64::try_from(held.participants.len()).unwrap_or(i64::MAX);
        if takes_part && many >= PARTICIPANTS_MAX {
            return Err(DatabaseError::Conflict("too many organisations take part"));
        }
        let statement = if takes_part {
            "INSERT INTO exercise_share (exercise_id, organisation, shared_us) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
        } else {
            "DELETE FROM exercise_share WHERE exercise_id = $1 AND organisation = $2 AND $3::bigint > 0"
        };
        let done = sqlx::query(statement)
            .bind(id.number())
            .bind(organisation.as_str())
            .bind(now_us)
            .execute(&mut *transaction)
            .await?;
        if done.rows_affected() == 0 {
            return Err(DatabaseError::Conflict(if takes_part {
                "the organisation takes part already"
            } else {
                "the organisation does not take part"
            }));
        }
        let action = if takes_part {
            "exercise.share"
        } else {
            "exercise.unshare"
        };
        let deed = held.deed(action).with("participant", organisation.as_str());
        let changed = find(&mut transaction, id, "").await?;
        audit::append(&mut transaction, by, vec![deed], now_us).await?;
        transaction.commit().await?;
        Ok(changed)
    }

    /// Starts an exercise: who takes part is in from now on.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is none of that number; [`DatabaseError::Conflict`] when it was started already.
    pub async fn start_exercise(&self, by: &Asker<'_>, id: ExerciseId, now_us: i64) -> Result<Exercise> {
        let mut transaction = self.pool.begin().await?;
        let held = hold(&mut transaction, id).await?;
        if held.progress != Progress::Preparing {
            return Err(DatabaseError::Conflict("the exercise was started already"));
        }
        sqlx::query("UPDATE exercise SET started_us = $2 WHERE id = $1")
            .bind(id.number())
            .bind(now_us)
            .execute(&mut *transaction)
            .await?;
        let started = find(&mut transaction, id, "").await?;
        audit::append(&mut transaction, by, vec![started.deed("exercise.start")], now_us).await?;
        transaction.commit().await?;
        Ok(started)
    }

    /// Ends an exercise for good: it is looked at from now on, and worked on no more; its sensors are revoked. From one that was not started
    /// nobody who was to take part ever sees anything.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is none of that number; [`DatabaseError::Conflict`] when it has ended already.
    pub async fn end_exercise(&self, by: &Asker<'_>, id: ExerciseId, now_us: i64) -> Result<Exercise> {
        let mut transaction = self.pool.begin().await?;
        let held = hold(&mut transaction, id).await?.not_over()?;
        if held.progress == Progress::Preparing {
            sqlx::query("DELETE FROM exercise_share WHERE exercise_id = $1")
                .bind(id.number())
                .execute(&mut *transaction)
                .await?;
        }
        sqlx::query(
            "UPDATE exercise SET started_us = coalesce(started_us, $2), ended_us = greatest($2, started_us) \
             WHERE id = $1",
        )
        .bind(id.number())
        .bind(now_us)
        .execute(&mut *transaction)
        .await?;
        let ended = find(&mut transaction, id, "").await?;
        let mut deeds = vec![ended.deed("exercise.end")];
        deeds.extend(sensor::revoke_all(&mut transaction, by, id.stage(), now_us).await?);
        audit::append(&mut transaction, by, deeds, now_us).await?;
        transaction.commit().await?;
        Ok(ended)
    }

    /// How many alerts are of exercises that nobody has made, at most [`UNMADE_MAX`]: those of sensors that no pipeline asks who they are.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn alerts_of_unmade_exercises(&self) -> Result<i64> {
        let count = "SELECT count(*) FROM (SELECT FROM alert a WHERE a.exercise_id <> 0 AND NOT EXISTS \
             (SELECT FROM exercise e WHERE e.id = a.exercise_id) LIMIT $1) found";
        Ok(sqlx::query_scalar(count)
            .bind(UNMADE_MAX)
            .fetch_one(&self.pool)
            .await?)
    }
}

/// That what is done on a stage is not done in an exercise that has ended; it does not end before the transaction does.
pub(crate) async fn not_ended(connection: &mut PgConnection, stage: Stage) -> Result<()> {
    match stage {
        Stage::Live => Ok(()),
        Stage::Exercise(number) => {
            let held = find(connection, ExerciseId(number), " FOR SHARE OF e").await?;
            held.not_over().map(|_| ())
        }
    }
}

/// Most alerts of exercises that nobody has made that are counted.
pub const UNMADE_MAX: i64 = 1_000;

/// Finds an exercise and lets nobody else change it until the transaction ends.
async fn hold(connection: &mut PgConnection, id: ExerciseId) -> Result<Exercise> {
    find(connection, id, " FOR UPDATE OF e").await
}

async fn find(connection: &mut PgConnection, id: ExerciseId, lock: &str) -> Result<Exercise> {
    let mut query = QueryBuilder::<Postgres>::new(SELECT);
    query.push(" WHERE e.id = ").push_bind(id.number()).push(lock);
    let row: Option<Row> = query.build_query_as().fetch_optional(connection).await?;
    row.ok_or(DatabaseError::NotFound)?.read()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
