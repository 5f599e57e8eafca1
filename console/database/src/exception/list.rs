//! Exceptions as people are shown them.

use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder};
use vonggac_event::{AlertId, Scope, Severity};

use super::{Conditions, DAY_US, Done, Effect, Exception, ExceptionId, Extension, State};
use crate::alert::Person;
use crate::organisation::parsed;
use crate::{AccountId, Database, DatabaseError, Reason, Result};

/// Most exceptions in a list: those that wait, are in force or were last.
pub const EXCEPTIONS_LISTED_MAX: i64 = 1_000;

/// The columns of a [`Row`], to be followed by conditions; `$1` is the day, counted from 1970.
const SELECT: &str = "SELECT e.id, e.organisation, e.with_beneath, e.rule_id, e.rule_title, o.rule_title_vi, e.alert_id, \
    e.conditions::text AS conditions, e.effect, e.severity, e.reason, e.note, e.made_us, e.made_by, m.display_name AS made_name, \
    e.expires_us, e.needs_approval, e.approved_us, e.approved_by, p.display_name AS approved_name, \
    e.extended_us, e.extended_by, x.display_name AS extended_name, e.extended_to_us, e.extension_note, \
    e.ended_us, e.ended_by, n.display_name AS ended_name, e.end_note, e.hits, e.events, e.last_hit_us, w.week, w.before \
    FROM exception e JOIN account m ON m.id = e.made_by LEFT JOIN account p ON p.id = e.approved_by \
    LEFT JOIN account x ON x.id = e.extended_by LEFT JOIN account n ON n.id = e.ended_by \
    LEFT JOIN alert o ON o.id = e.alert_id \
    CROSS JOIN LATERAL (SELECT coalesce(sum(d.hits) FILTER (WHERE d.day > v.today - 7), 0)::bigint AS week, \
    coalesce(sum(d.hits) FILTER (WHERE d.day <= v.today - 7), 0)::bigint AS before \
    FROM (VALUES (";
const SELECT_REST: &str =
    "::integer)) AS v(today) JOIN exception_day d ON d.exception_id = e.id AND d.day > v.today - 14) AS w";

#[derive(FromRow)]
struct Row {
    id: i64,
    organisation: String,
    with_beneath: bool,
    rule_id: String,
    rule_title: String,
    rule_title_vi: Option<String>,
    alert_id: Option<Vec<u8>>,
    conditions: String,
    effect: String,
    severity: Option<i16>,
    reason: String,
    note: String,
    made_us: i64,
    made_by: i64,
    made_name: String,
    expires_us: i64,
    needs_approval: bool,
    approved_us: Option<i64>,
    approved_by: Option<i64>,
    approved_name: Option<String>,
    extended_us: Option<i64>,
    extended_by: Option<i64>,
    extended_name: Option<String>,
    extended_to_us: Option<i64>,
    extension_note: Option<String>,
    ended_us: Option<i64>,
    ended_by: Option<i64>,
    ended_name: Option<String>,
    end_note: Option<String>,
    hits: i64,
    events: i64,
    last_hit_us: Option<i64>,
    week: i64,
    before: i64,
}

fn done(at_us: Option<i64>, by: Option<i64>, name: Option<String>, note: Option<String>) -> Option<Done> {
    let by = Person {
        id: AccountId(by?),
        display_name: name?,
    };
    Some(Done {
        by,
        at_us: at_us?,
        note: note.unwrap_or_default(),
    })
}

impl Row {
    fn state(&self, now_us: i64) -> State {
        if self.ended_us.is_some() {
            State::Ended
        } else if self.expires_us <= now_us {
            State::Expired
        } else if self.needs_approval && self.approved_us.is_none() {
            State::Waiting
        } else {
            State::Active
        }
    }

    fn read(self, now_us: i64) -> Result<Exception> {
        let broken = || DatabaseError::Server(sqlx::Error::Protocol("an exception cannot be read".into()));
        let severity = |number: i16| Severity::try_from(i32::from(number)).unwrap_or_default();
        let state = self.state(now_us);
        let asked = done(
            self.extended_us,
            self.extended_by,
            self.extended_name,
            self.extension_note,
        );
        let later_us = self.extended_to_us.filter(|to_us| *to_us > self.expires_us);
        let made = done(
            Some(self.made_us),
            Some(self.made_by),
            Some(self.made_name),
            Some(self.note),
        );
        Ok(Exception {
            id: ExceptionId(self.id),
            organisation: parsed(&self.organisation)?,
            with_beneath: self.with_beneath,
            rule_id: self.rule_id,
            rule_title: self.rule_title,
            rule_title_vi: self.rule_title_vi,
            alert: self.alert_id.as_deref().and_then(AlertId::from_bytes),
            conditions: Conditions::kept(&self.conditions)?,
            effect: match (self.effect.as_str(), self.severity) {
                ("lower", Some(number)) => Effect::Lower { to: severity(number) },
                _ => Effect::Hide,
            },
            reason: Reason::from_name(&self.reason).ok_or_else(broken)?,
            made: made.ok_or_else(broken)?,
            expires_us: self.expires_us,
            needs_approval: self.needs_approval,
            approved: done(self.approved_us, self.approved_by, self.approved_name, None),
            extension: match (state, asked, later_us) {
                (State::Active, Some(asked), Some(to_us)) => Some(Extension { asked, to_us }),
                _ => None,
            },
            ended: done(self.ended_us, self.ended_by, self.ended_name, self.end_note),
            state,
            hits: self.hits,
            events: self.events,
            last_hit_us: self.last_hit_us,
            hits_week: self.week,
            hits_week_before: self.before,
        })
    }
}

/// The day of a time, counted from 1970 in UTC.
pub(super) fn day_of(now_us: i64) -> i32 {
    i32::try_from(now_us.div_euclid(DAY_US)).unwrap_or(i32::MAX)
}

fn select(now_us: i64) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::<Postgres>::new(SELECT);
    query.push_bind(day_of(now_us)).push(SELECT_REST);
    query
}

async fn read(
    connection: &mut PgConnection,
    mut query: QueryBuilder<Postgres>,
    now_us: i64,
) -> Result<Vec<Exception>> {
    let rows: Vec<Row> = query
        .build_query_as()
        .fetch_all(connection)
        .await
        .map_err(DatabaseError::of_list)?;
    rows.into_iter().map(|row| row.read(now_us)).collect()
}

/// The exception of that id, in the scope.
pub(super) async fn one(
    connection: &mut PgConnection,
    scope: &Scope,
    id: ExceptionId,
    now_us: i64,
) -> Result<Exception> {
    let mut query = select(now_us);
    query.push(" WHERE e.id = ").push_bind(id.0);
    query
        .push(" AND e.organisation = ANY(")
        .push_bind(scope.to_codes())
        .push(")");
    let found = read(connection, query, now_us).await?.pop();
    found.ok_or(DatabaseError::NotFound)
}

impl Database {
    /// An exception.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is none in the scope.
    pub async fn exception(&self, scope: &Scope, id: ExceptionId, now_us: i64) -> Result<Exception> {
        let mut connection = self.look(scope).await?;
        one(&mut connection, scope, id, now_us).await
    }

    /// The exceptions of a scope, at most [`EXCEPTIONS_LISTED_MAX`]: those that are not over, the next to expire first, and then the
    /// others, the last first.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn exceptions(&self, scope: &Scope, now_us: i64) -> Result<Vec<Exception>> {
        let mut query = select(now_us);
        query
            .push(" WHERE e.organisation = ANY(")
            .push_bind(scope.to_codes());
        query
            .push(") ORDER BY (e.ended_us IS NULL AND e.expires_us > ")
            .push_bind(now_us);
        query
            .push(") DESC, CASE WHEN e.ended_us IS NULL AND e.expires_us > ")
            .push_bind(now_us);
        query.push(" THEN e.expires_us ELSE -least(e.ended_us, e.expires_us) END, e.id LIMIT ");
        query.push_bind(EXCEPTIONS_LISTED_MAX);
        let mut connection = self.look(scope).await?;
        read(&mut connection, query, now_us).await
    }

    /// The exceptions that an alert in `sight` has to do with: the one that hid or lowered it last, and those in force that would if it
    /// came now. The flag says whether it did.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is no such alert in sight.
    pub async fn exceptions_of_alert(
        &self,
        sight: &Scope,
        id: AlertId,
        now_us: i64,
    ) -> Result<Vec<(Exception, bool)>> {
        let mut transaction = self.look(sight).await?;
        let did: Option<Option<i64>> =
            sqlx::query_scalar("SELECT exception_id FROM alert WHERE id = $1 AND tenant = ANY($2)")
                .bind(id.to_bytes().to_vec())
                .bind(sight.to_codes())
                .fetch_optional(&mut *transaction)
                .await?;
        let did = did.ok_or(DatabaseError::NotFound)?;
        let would = super::judging::matching(&mut transaction, id, now_us).await?;
        let ids: Vec<i64> = did.into_iter().chain(would).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = select(now_us);
        query
            .push(" WHERE e.id = ANY(")
            .push_bind(ids)
            .push(") ORDER BY e.id LIMIT 20");
        let found = read(&mut transaction, query, now_us).await?;
        let flagged = found.into_iter().map(|one| {
            let is_it = did == Some(one.id.0);
            (one, is_it)
        });
        Ok(flagged.collect())
    }
}
