//! Sensors as people look at them: a list in pages, how many stand how, and one with its history.
//!
//! Every function takes the organisations whose sensors may be seen; what lies outside is not found. Which sensors are heard of is told by the
//! caller: that is known from events, not from here.

use sqlx::{FromRow, Postgres, QueryBuilder};
use vonggac_access::OrganisationId;
use vonggac_enrolment::SensorId;
use vonggac_event::Scope;

use super::enrol::read_id;
use super::{Step, TOKEN_US};
use crate::name_cursor::{ByName, NameCursor, Rows};
use crate::organisation::parsed;
use crate::{AccountId, Database, DatabaseError, Person, Result, like_literal};

/// Most sensors on a page.
pub const PAGE_SENSORS_MAX: u32 = 200;
/// Most steps of a sensor's history that are shown.
pub const STEPS_MAX: i64 = 50;

/// How a sensor stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It has not used a token yet.
    Waiting,
    /// It is enrolled and heard of.
    Active,
    /// It is enrolled and not heard of.
    Silent,
    /// What it sends does not count.
    Revoked,
}

impl Standing {
    const ALL: [Self; 4] = [Self::Waiting, Self::Active, Self::Silent, Self::Revoked];

    /// `waiting`, `active`, `silent` or `revoked`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Active => "active",
            Self::Silent => "silent",
            Self::Revoked => "revoked",
        }
    }
}

/// The sensors that are heard of, by organisation and name.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    organisations: Vec<String>,
    names: Vec<String>,
}

impl Heard {
    /// Adds one.
    pub fn add(&mut self, organisation: &str, name: &str) {
        self.organisations.push(crate::clean(organisation));
        self.names.push(crate::clean(name));
    }
}

/// Which sensors; what is empty or `None` restricts nothing.
#[derive(Debug, Clone, Default)]
pub struct SensorFilter {
    /// Part of the name or the note; case does not matter.
    pub text: String,
    /// Those of one of these.
    pub organisations: Option<Scope>,
    /// Those that stand so.
    pub standing: Option<Standing>,
}

/// A sensor in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SensorEntry {
    /// Its id.
    pub id: SensorId,
    /// Whose its events are.
    pub organisation: OrganisationId,
    /// Its name.
    pub name: String,
    /// Where it stands, what it sees.
    pub note: String,
    /// How it stands.
    pub standing: Standing,
    /// Of the credential that counts; 0 when it has none yet.
    pub generation: u32,
    /// When it was prepared.
    pub prepared_us: i64,
    /// When it got the credential that counts.
    pub enrolled_us: Option<i64>,
    /// When it was revoked.
    pub revoked_us: Option<i64>,
    /// From when on its token does not work; `None`: there is none that does.
    pub token_expires_us: Option<i64>,
    /// Whether pipelines have been told all of it.
    pub is_told: bool,
}

#[derive(FromRow)]
struct Row {
    id: Vec<u8>,
    organisation: String,
    name: String,
    note: String,
    standing: String,
    generation: i32,
    prepared_us: i64,
    enrolled_us: Option<i64>,
    revoked_us: Option<i64>,
    token_made_us: Option<i64>,
    is_told: bool,
}

impl Row {
    fn read(self) -> Result<SensorEntry> {
        let unknown = || DatabaseError::Server(sqlx::Error::Protocol("how a sensor stands".into()));
        Ok(SensorEntry {
            id: read_id(&self.id)?,
            organisation: parsed(&self.organisation)?,
            name: self.name,
            note: self.note,
            standing: Standing::from_name(&self.standing).ok_or_else(unknown)?,
            generation: self.generation.unsigned_abs(),
            prepared_us: self.prepared_us,
            enrolled_us: self.enrolled_us,
            revoked_us: self.revoked_us,
            token_expires_us: self.token_made_us.map(|us| us.saturating_add(TOKEN_US)),
            is_told: self.is_told,
        })
    }
}

/// A step of a sensor's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastStep {
    /// When.
    pub at_us: i64,
    /// What.
    pub step: Step,
    /// The generation of its credential then.
    pub generation: u32,
    /// Who did it; `None`: nobody who was signed in.
    pub by: Option<Person>,
    /// From which address it was enrolled; else empty.
    pub address: String,
}

/// A page of the list.
#[derive(Debug, Clone)]
pub struct SensorPage {
    /// By name.
    pub entries: Vec<SensorEntry>,
    /// The next page; `None` at the end.
    pub next: Option<SensorCursor>,
    /// All that match.
    pub total: i64,
}

/// How many sensors of the scope stand how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromRow)]
pub struct SensorCounts {
    /// In [`Standing::Waiting`].
    pub waiting: i64,
    /// In [`Standing::Active`].
    pub active: i64,
    /// In [`Standing::Silent`].
    pub silent: i64,
    /// In [`Standing::Revoked`].
    pub revoked: i64,
}

/// After which sensor the next page begins.
pub type SensorCursor = NameCursor<SensorId>;

/// The sensors that are seen, as `x`.
fn push_sensors(query: &mut QueryBuilder<Postgres>, scope: &Scope, heard: &Heard, now_us: i64) {
    query
        .push(
            "(SELECT s.id, s.organisation, s.name, s.note, s.generation, s.prepared_us, s.enrolled_us, s.revoked_us, \
             t.made_us AS token_made_us, s.told = s.version OR s.generation = 0 AS is_told, \
             CASE WHEN s.revoked_us IS NOT NULL THEN 'revoked' WHEN s.generation = 0 THEN 'waiting' \
             WHEN EXISTS (SELECT FROM unnest(",
        )
        .push_bind(heard.organisations.clone())
        .push("::text[], ")
        .push_bind(heard.names.clone())
        .push(
            "::text[]) AS h (organisation, name) WHERE h.organisation = s.organisation AND h.name = s.name) \
             THEN 'active' ELSE 'silent' END AS standing \
             FROM sensor s LEFT JOIN sensor_token t ON t.sensor_id = s.id AND t.made_us > ",
        )
        .push_bind(now_us.saturating_sub(TOKEN_US))
        .push(" WHERE s.organisation = ANY(")
        .push_bind(scope.to_codes())
        .push(") AND coalesce(s.exercise_id, 0) = ")
        .push(super::number(scope.stage()))
        .push(") AS x");
}

fn push_filter(query: &mut QueryBuilder<Postgres>, filter: &SensorFilter) {
    query.push(" WHERE true");
    let text = filter.text.trim();
    if !text.is_empty() {
        query
            .push(" AND (x.name || ' ' || x.note) ILIKE ")
            .push_bind(format!("%{}%", like_literal(text)));
    }
    if let Some(organisations) = &filter.organisations {
        query
            .push(" AND x.organisation = ANY(")
            .push_bind(organisations.to_codes())
            .push(")");
    }
    if let Some(standing) = filter.standing {
        query.push(" AND x.standing = ").push_bind(standing.name());
    }
}

impl Database {
    /// Sensors by name, in pages; the first counts all, the cursor carries that number on.
    ///
    /// # Errors
    /// When PostgreSQL fails, or it takes too long.
    pub async fn sensors(
        &self,
        scope: &Scope,
        filter: &SensorFilter,
        heard: &Heard,
        after: Option<SensorCursor>,
        limit: u32,
        now_us: i64,
    ) -> Result<SensorPage> {
        let order = ByName {
            name: "lower(x.name)",
            id: "x.id",
            rows_max: limit.clamp(1, PAGE_SENSORS_MAX),
        };
        let about = |what: &str| {
            let mut query = QueryBuilder::new("SELECT ");
            query.push(what).push(" FROM ");
            push_sensors(&mut query, scope, heard, now_us);
            push_filter(&mut query, filter);
            query
        };
        let (counting, listing) = (|| Ok(about("count(*)")), about("x.*"));
        let mut look = self.look(scope).await?;
        let key = |id: SensorId| id.0.to_vec();
        let page: Rows<Row> = order.page(&mut look, after, key, counting, listing).await?;
        Ok(SensorPage {
            // Names are ASCII.
            next: page.next(|row| Ok((read_id(&row.id)?, row.name.to_ascii_lowercase())))?,
            total: page.total,
            entries: page.rows.into_iter().map(Row::read).collect::<Result<_>>()?,
        })
    }

    /// How many sensors stand how.
    ///
    /// # Errors
    /// When PostgreSQL fails, or it takes too long.
    pub async fn sensor_counts(&self, scope: &Scope, heard: &Heard, now_us: i64) -> Result<SensorCounts> {
        let mut query = QueryBuilder::new(
            "SELECT count(*) FILTER (WHERE x.standing = 'waiting') AS waiting, \
             count(*) FILTER (WHERE x.standing = 'active') AS active, \
             count(*) FILTER (WHERE x.standing = 'silent') AS silent, \
             count(*) FILTER (WHERE x.standing = 'revoked') AS revoked FROM ",
        );
        push_sensors(&mut query, scope, heard, now_us);
        let mut look = self.look(scope).await?;
        query
            .build_query_as()
            .fetch_one(&mut *look)
            .await
            .map_err(DatabaseError::of_list)
    }

    /// One sensor.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is none that may be seen.
    pub async fn sensor(
        &self,
        scope: &Scope,
        heard: &Heard,
        id: SensorId,
        now_us: i64,
    ) -> Result<SensorEntry> {
        let mut query = QueryBuilder::new("SELECT x.* FROM ");
        push_sensors(&mut query, scope, heard, now_us);
        query.push(" WHERE x.id = ").push_bind(id.0.to_vec());
        let mut look = self.look(scope).await?;
        let row: Option<Row> = query.build_query_as().fetch_optional(&mut *look).await?;
        row.ok_or(DatabaseError::NotFound)?.read()
    }

    /// What became of a sensor of the scope, the newest first, at most [`STEPS_MAX`] steps.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn sensor_history(&self, scope: &Scope, id: SensorId) -> Result<Vec<PastStep>> {
        type Row = (i64, String, i32, Option<i64>, Option<String>, String);
        let mut look = self.look(scope).await?;
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT h.at_us, h.step, h.generation, a.id, a.display_name, h.address FROM sensor_history h \
             JOIN sensor s ON s.id = h.sensor_id LEFT JOIN account a ON a.id = h.account_id \
             WHERE h.sensor_id = $1 AND s.organisation = ANY($2) AND coalesce(s.exercise_id, 0) = $4 \
             ORDER BY h.number DESC LIMIT $3",
        )
        .bind(&id.0[..])
        .bind(scope.to_codes())
        .bind(STEPS_MAX)
        .bind(super::number(scope.stage()))
        .fetch_all(&mut *look)
        .await?;
        let read = |(at_us, step, generation, id, display_name, address): Row| {
            let by = id.zip(display_name).map(|(id, display_name)| Person {
                id: AccountId(id),
                display_name,
            });
            Some(PastStep {
                at_us,
                step: Step::from_name(&step)?,
                generation: generation.unsigned_abs(),
                by,
                address,
            })
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }
}
