//! What one shift of an organisation leaves the next.
//!
//! ```text
//!  begin ─▶ draft ── hand over ─▶ handed ── acknowledge ─▶ acknowledged
//!             └─ discard ─▶ gone            by another person
//! ```
//! An organisation has one draft at most. A draft fills itself: its [`Facts`] are made anew at each look, and kept as they were when it is
//! handed over; from then on PostgreSQL refuses to change it. Only whoever hands over and whoever takes over add words.

pub mod facts;
#[cfg(test)]
mod tests;

use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder};
use vonggac_access::OrganisationId;
use vonggac_event::Scope;

use crate::alert::Person;
use crate::audit::{self, Asker, Deed};
use crate::organisation::parsed;
use crate::{AccountId, Database, DatabaseError, Result, clean};

pub use facts::Facts;

/// Longest text of a lead, in characters.
pub const NOTE_CHARACTERS_MAX: usize = 20_000;
/// Longest remarks of the lead who takes over, in characters.
pub const REMARKS_CHARACTERS_MAX: usize = 10_000;
/// Most hand-overs on a page of the list.
pub const PAGE_ROWS_MAX: u32 = 100;
/// How long a shift is when nothing else is known, in microseconds.
pub const SHIFT_US: i64 = 8 * HOUR_US;
/// A shift is no longer than this, in microseconds.
pub const SHIFT_MAX_US: i64 = 7 * 24 * HOUR_US;

const HOUR_US: i64 = 3_600 * 1_000_000;

/// Id of a hand-over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HandoverId(pub i64);

/// Where a hand-over stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is being written.
    Draft,
    /// It waits for the next lead.
    Handed,
    /// The next lead has taken over.
    Acknowledged,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Draft, Self::Handed, Self::Acknowledged];

    /// `draft`, `handed`, `acknowledged`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Handed => "handed",
            Self::Acknowledged => "acknowledged",
        }
    }
}

/// From when until when, and when the next one ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shift {
    /// When it began.
    pub from_us: i64,
    /// When it ends, and the next begins.
    pub to_us: i64,
    /// When the next ends.
    pub next_to_us: i64,
}

impl Shift {
    /// The shift that goes on now, when the one before was handed over at `last_us`.
    fn now(last_us: Option<i64>, now_us: i64) -> Self {
        let from_us = last_us
            .unwrap_or(now_us.saturating_sub(SHIFT_US))
            .clamp(now_us.saturating_sub(SHIFT_MAX_US), now_us.saturating_sub(1));
        let to_us = from_us.saturating_add(SHIFT_US).max(now_us);
        Self {
            from_us,
            to_us,
            next_to_us: to_us.saturating_add(SHIFT_US),
        }
    }

    fn check(self) -> Result<Self> {
        let fits =
            |from_us: i64, to_us: i64| from_us < to_us && to_us.saturating_sub(from_us) <= SHIFT_MAX_US;
        let invalid = |field| DatabaseError::Invalid {
            field,
            problem: "must be later than what is before it, by seven days at most",
        };
        if !fits(self.from_us, self.to_us) {
            return Err(invalid("to"));
        }
        if !fits(self.to_us, self.next_to_us) {
            return Err(invalid("next_to"));
        }
        Ok(self)
    }
}

/// What is to be another in a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change<'a> {
    /// As which the draft was read.
    pub version: i64,
    /// Which shift.
    pub shift: Shift,
    /// What the lead writes.
    pub note: &'a str,
}

/// That the next lead has taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    /// Who.
    pub by: Person,
    /// When.
    pub at_us: i64,
    /// What he says to it.
    pub remarks: String,
}

/// A hand-over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    /// Id.
    pub id: HandoverId,
    /// Whose shift.
    pub organisation: OrganisationId,
    /// Where it stands.
    pub state: State,
    /// Which shift.
    pub shift: Shift,
    /// What the lead writes.
    pub note: String,
    /// Grows with each change of a draft.
    pub version: i64,
    /// When it was begun.
    pub begun_us: i64,
    /// Who began it; once it is handed over, who did that.
    pub author: Person,
    /// When it was handed over.
    pub handed_us: Option<i64>,
    /// How things stood then; `None` for a draft, and in lists.
    pub facts: Option<Facts>,
    /// Who took over.
    pub acknowledged: Option<Acknowledgement>,
}

#[derive(FromRow)]
struct Row {
    id: i64,
    organisation: String,
    state: String,
    from_us: i64,
    to_us: i64,
    next_to_us: i64,
    note: String,
    version: i64,
    begun_us: i64,
    author_id: i64,
    author_name: String,
    handed_us: Option<i64>,
    facts: Option<String>,
    acknowledged_us: Option<i64>,
    acknowledged_by: Option<i64>,
    acknowledged_name: Option<String>,
    remarks: String,
}

impl Row {
    fn read(self) -> Result<Handover> {
        let unreadable = |error| DatabaseError::Server(sqlx::Error::Decode(Box::new(error)));
        let facts = self.facts.as_deref().map(serde_json::from_str).transpose();
        let by = self.acknowledged_by.zip(self.acknowledged_name);
        let acknowledged = by
            .zip(self.acknowledged_us)
            .map(|((id, name), at_us)| Acknowledgement {
                by: person(id, name),
                at_us,
                remarks: self.remarks,
            });
        Ok(Handover {
            id: HandoverId(self.id),
            organisation: parsed(&self.organisation)?,
            // The table's check holds the words.
            state: State::ALL
                .into_iter()
                .find(|state| state.name() == self.state)
                .unwrap_or(State::Acknowledged),
            shift: Shift {
                from_us: self.from_us,
                to_us: self.to_us,
                next_to_us: self.next_to_us,
            },
            note: self.note,
            version: self.version,
            begun_us: self.begun_us,
            author: person(self.author_id, self.author_name),
            handed_us: self.handed_us,
            facts: facts.map_err(unreadable)?,
            acknowledged,
        })
    }
}

fn person(id: i64, display_name: String) -> Person {
    Person {
        id: AccountId(id),
        display_name,
    }
}

/// The columns of a [`Row`], with the facts or without.
macro_rules! select {
    ($facts:literal) => {
        concat!(
            "SELECT h.id, h.organisation, h.state, h.from_us, h.to_us, h.next_to_us, h.note, h.version, h.begun_us, h.author_id, \
             p.display_name AS author_name, h.handed_us, ",
            $facts,
            " AS facts, h.acknowledged_us, h.acknowledged_by, q.display_name AS acknowledged_name, h.remarks \
             FROM handover h JOIN account p ON p.id = h.author_id LEFT JOIN account q ON q.id = h.acknowledged_by \
             WHERE h.organisation = ANY("
        )
    };
}

const LISTED: &str = select!("NULL::text");
const WHOLE: &str = select!("h.facts::text");

impl Database {
    /// The hand-overs of a scope, the latest first, of an organisation when one is named; those before `before` when it is given.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn handovers(
        &self,
        scope: &Scope,
        organisation: Option<&str>,
        before: Option<HandoverId>,
        rows_max: u32,
    ) -> Result<Vec<Handover>> {
        let mut query = QueryBuilder::<Postgres>::new(LISTED);
        query.push_bind(scope.to_codes()).push(")");
        if let Some(organisation) = organisation {
            query
                .push(" AND h.organisation = ")
                .push_bind(clean(organisation));
        }
        if let Some(before) = before {
            query.push(" AND h.id < ").push_bind(before.0);
        }
        query
            .push(" ORDER BY h.id DESC LIMIT ")
            .push_bind(i64::from(rows_max.clamp(1, PAGE_ROWS_MAX)));
        let mut look = self.look(scope).await?;
        let rows: Vec<Row> = query.build_query_as().fetch_all(&mut *look).await?;
        rows.into_iter().map(Row::read).collect()
    }

    /// One of them, whole.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is none in the scope.
    pub async fn handover(&self, scope: &Scope, id: HandoverId) -> Result<Handover> {
        let mut connection = self.look(scope).await?;
        one(&mut connection, scope, id, "").await
    }

    /// Begins the draft of an organisation's shift.
    ///
    /// # Errors
    /// [`DatabaseError::Conflict`] when there is one; [`DatabaseError::NotFound`] for an organisation that there is not.
    pub async fn begin_handover(
        &self,
        by: Asker<'_>,
        organisation: &OrganisationId,
        now_us: i64,
    ) -> Result<HandoverId> {
        let account = by.somebody()?;
        let mut transaction = self.pool.begin().await?;
        let last_us: Option<i64> =
            sqlx::query_scalar("SELECT max(handed_us) FROM handover WHERE organisation = $1")
                .bind(organisation.as_str())
                .fetch_one(&mut *transaction)
                .await?;
        let shift = Shift::now(last_us, now_us);
        let id: Option<i64> = sqlx::query_scalar(
            "INSERT INTO handover (organisation, from_us, to_us, next_to_us, begun_us, author_id) \
             SELECT code, $2, $3, $4, $5, $6 FROM organisation WHERE code = $1 \
             ON CONFLICT (organisation) WHERE state = 'draft' DO NOTHING RETURNING id",
        )
        .bind(organisation.as_str())
        .bind(shift.from_us)
        .bind(shift.to_us)
        .bind(shift.next_to_us)
        .bind(now_us)
        .bind(account.id.0)
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(id) = id else {
            let there = crate::organisation::exists(&mut transaction, organisation).await?;
            return Err(match there {
                true => DatabaseError::Conflict("the organisation has a draft already"),
                false => DatabaseError::NotFound,
            });
        };
        let deed = Deed::done("handover.begin", "handover", id).with("organisation", organisation);
        audit::append(&mut transaction, &by, vec![deed], now_us).await?;
        transaction.commit().await?;
        Ok(HandoverId(id))
    }

    /// Changes the words and the times of a draft.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is none in the scope; [`DatabaseError::Invalid`] for what does not do;
    /// [`DatabaseError::Conflict`] when it is no draft any more, or somebody has changed it since.
    pub async fn change_handover(
        &self,
        scope: &Scope,
        by: Asker<'_>,
        id: HandoverId,
        change: Change<'_>,
        now_us: i64,
    ) -> Result<()> {
        let shift = change.shift.check()?;
        let note = checked("note", change.note, NOTE_CHARACTERS_MAX)?;
        let mut transaction = self.change(scope).await?;
        let draft = draft_at(&mut transaction, scope, id, change.version).await?;
        sqlx::query(
            "UPDATE handover SET from_us = $2, to_us = $3, next_to_us = $4, note = $5, version = version + 1 WHERE id = $1",
        )
        .bind(id.0)
        .bind(shift.from_us)
        .bind(shift.to_us)
        .bind(shift.next_to_us)
        .bind(note)
        .execute(&mut *transaction)
        .await?;
        let deed = told("handover.change", &draft);
        audit::append(&mut transaction, &by, vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }

    /// Hands a draft over, as it was at `version`; `facts` is how things stand.
    ///
    /// # Errors
    /// As [`Self::change_handover`].
    pub async fn hand_over(
        &self,
        scope: &Scope,
        by: Asker<'_>,
        id: HandoverId,
        version: i64,
        facts: &Facts,
        now_us: i64,
    ) -> Result<()> {
        let account = by.somebody()?;
        let unwritable = |error| DatabaseError::Server(sqlx::Error::Encode(Box::new(error)));
        let facts = serde_json::to_string(facts).map_err(unwritable)?;
        let mut transaction = self.change(scope).await?;
        let draft = draft_at(&mut transaction, scope, id, version).await?;
        sqlx::query(
            "UPDATE handover SET state = 'handed', handed_us = $2, author_id = $3, facts = $4::text::jsonb WHERE id = $1",
        )
        .bind(id.0)
        .bind(now_us)
        .bind(account.id.0)
        // A NUL, which JSON may have and PostgreSQL's may not.
        .bind(facts.replace("\\u0000", "\\ufffd"))
        .execute(&mut *transaction)
        .await?;
        let deed = told("handover.hand", &draft);
        audit::append(&mut transaction, &by, vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }

    /// Takes over what another handed over.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is none in the scope; [`DatabaseError::Invalid`] for remarks that are too long;
    /// [`DatabaseError::Conflict`] when it waits for nobody, or for another than who handed over.
    pub async fn acknowledge_handover(
        &self,
        scope: &Scope,
        by: Asker<'_>,
        id: HandoverId,
        remarks: &str,
        now_us: i64,
    ) -> Result<()> {
        let account = by.somebody()?;
        let remarks = checked("remarks", remarks, REMARKS_CHARACTERS_MAX)?;
        let mut transaction = self.change(scope).await?;
        let handed = one(&mut transaction, scope, id, " FOR UPDATE OF h").await?;
        if handed.state != State::Handed {
            return Err(DatabaseError::Conflict("it does not wait for anybody"));
        }
        if handed.author.id == account.id {
            return Err(DatabaseError::Conflict(
                "this takes another person than who handed over",
            ));
        }
        sqlx::query(
            "UPDATE handover SET state = 'acknowledged', acknowledged_us = $2, acknowledged_by = $3, remarks = $4 WHERE id = $1",
        )
        .bind(id.0)
        .bind(now_us)
        .bind(account.id.0)
        .bind(remarks)
        .execute(&mut *transaction)
        .await?;
        let deed = told("handover.acknowledge", &handed).with("from", handed.author.id.0);
        audit::append(&mut transaction, &by, vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }

    /// Throws a draft away.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is none in the scope; [`DatabaseError::Conflict`] when it is no draft any more.
    pub async fn discard_handover(
        &self,
        scope: &Scope,
        by: Asker<'_>,
        id: HandoverId,
        now_us: i64,
    ) -> Result<()> {
        let mut transaction = self.change(scope).await?;
        let draft = draft(&mut transaction, scope, id).await?;
        sqlx::query("DELETE FROM handover WHERE id = $1")
            .bind(id.0)
            .execute(&mut *transaction)
            .await?;
        let deed = told("handover.discard", &draft);
        audit::append(&mut transaction, &by, vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }
}

async fn one(
    connection: &mut PgConnection,
    scope: &Scope,
    id: HandoverId,
    lock: &'static str,
) -> Result<Handover> {
    let mut query = QueryBuilder::<Postgres>::new(WHOLE);
    query.push_bind(scope.to_codes()).push(") AND h.id = ");
    query.push_bind(id.0).push(lock);
    let row: Option<Row> = query.build_query_as().fetch_optional(connection).await?;
    row.ok_or(DatabaseError::NotFound)?.read()
}

/// The draft, locked.
async fn draft(connection: &mut PgConnection, scope: &Scope, id: HandoverId) -> Result<Handover> {
    let found = one(connection, scope, id, " FOR UPDATE OF h").await?;
    if found.state != State::Draft {
        return Err(DatabaseError::Conflict("it has been handed over"));
    }
    Ok(found)
}

/// The draft, locked, when nobody has changed it since `version`.
async fn draft_at(
    connection: &mut PgConnection,
    scope: &Scope,
    id: HandoverId,
    version: i64,
) -> Result<Handover> {
    let found = draft(connection, scope, id).await?;
    if found.version != version {
        return Err(DatabaseError::Conflict("somebody else has changed the draft"));
    }
    Ok(found)
}

fn checked(field: &'static str, text: &str, characters_max: usize) -> Result<String> {
    if text.chars().count() > characters_max {
        return Err(DatabaseError::Invalid {
            field,
            problem: "is too long",
        });
    }
    Ok(clean(text.trim()))
}

fn told(action: &'static str, handover: &Handover) -> Deed {
    Deed::done(action, "handover", handover.id.0).with("organisation", &handover.organisation)
}
