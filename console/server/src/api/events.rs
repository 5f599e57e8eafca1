//! Search over events, and an alert's events.
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use vonggac_access::{action, thing};
use vonggac_database::DatabaseError;
use vonggac_database::audit::Deed;
use vonggac_event::{Class, Kind, Scope};
use vonggac_store::search;

use super::entities::EventValues;
use super::filter::{time_us, words};
use super::shapes::{EventField, EventList, EventPage, EventRow, Histogram, HistogramBucket};
use crate::error::{ApiError, Failure, Result};
use crate::extract::{AlertPath, Anyone, Parameters, Signed, Staged};
use crate::state::Console;
use crate::time;

/// Events on a page when the request does not say.
const PAGE_ROWS: u32 = 100;
/// Values of a field when the request does not say.
const VALUES: u32 = 10;
/// Buckets of a histogram when the request does not say.
const BUCKETS: u32 = 60;

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Selection {
    /// The query, such as `dport:443 NOT src:10.0.0.0/8`
    pub(super) q: Option<String>,
    /// Classes, several with commas; every one but `stats` when left out
    pub(super) class: Option<String>,
    /// Then or later; from the earliest event when left out
    #[param(format = DateTime)]
    pub(super) from: Option<String>,
    /// Before; to the latest event when left out
    #[param(format = DateTime)]
    pub(super) to: Option<String>,
}

impl Selection {
    /// What the audit log says of a search for it.
    fn deed(&self) -> Deed {
        let said = [
            ("query", &self.q),
            ("class", &self.class),
            ("from", &self.from),
            ("to", &self.to),
        ];
        let deed = Deed::done("events.search", "events", "");
        said.into_iter()
            .filter_map(|(name, text)| Some((name, text.as_deref()?)))
            .fold(deed, |deed, (name, text)| deed.with(name, text))
    }

    /// It in one line.
    pub(super) fn words(&self) -> String {
        let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let mut words: Vec<String> = some(&self.q).into_iter().collect();
        for (name, text) in [("class", &self.class), ("from", &self.from), ("to", &self.to)] {
            words.extend(some(text).map(|text| format!("[{name} {text}]")));
        }
        words.join(" ")
    }
}

/// Which page of them.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Paging {
    /// `next_cursor` of the page before
    cursor: Option<String>,
    /// Most events, up to 500
    limit: Option<u32>,
}

/// How finely.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Grain {
    /// About how many buckets, up to 500
    buckets: Option<u32>,
}

/// Which values.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ValueQuery {
    /// Name of the field, or an alias
    field: String,
    /// How the values begin; case does not matter
    prefix: Option<String>,
    /// Most values, up to 100
    limit: Option<u32>,
}

/// What to look for, owned.
pub(crate) struct Wanted {
    pub(super) scope: Scope,
    query: search::Query,
    pub(crate) classes: Vec<Class>,
    from_us: Option<i64>,
    pub(crate) to_us: Option<i64>,
}

impl Wanted {
    pub(super) async fn of(console: &Console, signed: &Signed, selection: &Selection) -> Result<Self> {
        let mut classes = words("class", selection.class.as_deref(), Class::from_name)?;
        classes.sort_unstable();
        classes.dedup();
        Ok(Self {
            scope: signed.reach::<thing::EventSearch, action::Read>(console).await?,
            query: search::Query::parse(selection.q.as_deref().unwrap_or_default())?,
            classes,
            from_us: time_us("from", selection.from.as_deref())?,
            to_us: time_us("to", selection.to.as_deref())?,
        })
    }

    /// The organisations whose events are wanted.
    pub(crate) fn codes(&self) -> impl Iterator<Item = &str> {
        self.scope.codes()
    }

    /// Whether its query fits its classes.
    pub(super) fn check(&self) -> Result<()> {
        Ok(search::check(&self.request())?)
    }

    pub(crate) fn request(&self) -> search::Request<'_> {
        search::Request {
            scope: &self.scope,
            query: &self.query,
            classes: &self.classes,
            from_us: self.from_us,
            to_us: self.to_us,
        }
    }
}

/// Events, the latest first
#[utoipa::path(get, path = "/api/v1/events", operation_id = "listEvents", tag = "events", params(Selection, Paging),
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "A page of events", body = EventPage),
        (status = 400, description = "The request or its query is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 422, description = "The search would cost too much", body = ApiError),
        (status = 429, description = "Too many searches of this account wait", body = ApiError),
        (status = 503, description = "The event store is away, or other searches took too long", body = ApiError)))]
pub(super) async fn list_events(
    State(console): State<Console>,
    Staged(signed): Staged,
    Parameters(selection): Parameters<Selection>,
    Parameters(paging): Parameters<Paging>,
) -> Result<Json<EventPage>> {
    let wanted = Wanted::of(&console, &signed, &selection).await?;
    let cursor = paging
        .cursor
        .filter(|text| !text.is_empty())
        .map(|text| text.parse())
        .transpose()?;
    let rows_max = paging.limit.unwrap_or(PAGE_ROWS);
    // A search is told once, not with each of its pages.
    if cursor.is_none() {
        signed.note(&console, selection.deed()).await?;
    }
    let page = console
        .events()
        .search(signed.asker(), &wanted.request(), cursor, rows_max)
        .await?;
    Ok(Json(EventPage {
        items: page.rows.into_iter().map(EventRow::from).collect(),
        next_cursor: page.next.map(|cursor| cursor.to_string()),
        total: page.total,
    }))
}

/// Events by time and class
#[utoipa::path(get, path = "/api/v1/events/histogram", operation_id = "eventHistogram", tag = "events",
    params(Selection, Grain),
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "Buckets in order, without a hole", body = Histogram),
        (status = 400, description = "The request or its query is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 422, description = "The search would cost too much", body = ApiError),
        (status = 429, description = "Too many searches of this account wait", body = ApiError),
        (status = 503, description = "The event store is away, or other searches took too long", body = ApiError)))]
pub(super) async fn event_histogram(
    State(console): State<Console>,
    Staged(signed): Staged,
    Parameters(selection): Parameters<Selection>,
    Parameters(grain): Parameters<Grain>,
) -> Result<Json<Histogram>> {
    let wanted = Wanted::of(&console, &signed, &selection).await?;
    let buckets = grain.buckets.unwrap_or(BUCKETS);
    let histogram = console
        .events()
        .histogram(signed.asker(), &wanted.request(), buckets)
        .await?;
    let bucket = |bucket: search::HistogramBucket| HistogramBucket {
        start: time::to_text(bucket.start_us),
        counts: bucket.counts,
    };
    Ok(Json(Histogram {
        bucket_us: histogram.bucket_us,
        buckets: histogram.buckets.into_iter().map(bucket).collect(),
    }))
}

/// The values of a field, and how often each occurs
#[utoipa::path(get, path = "/api/v1/events/values", operation_id = "eventValues", tag = "events",
    params(Selection, ValueQuery),
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "The most frequent first", body = EventValues),
        (status = 400, description = "The request or its query is not valid, or the field has no values to count", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 422, description = "The search would cost too much", body = ApiError),
        (status = 429, description = "Too many searches of this account wait", body = ApiError),
        (status = 503, description = "The event store is away, or other searches took too long", body = ApiError)))]
pub(super) async fn event_values(
    State(console): State<Console>,
    Staged(signed): Staged,
    Parameters(selection): Parameters<Selection>,
    Parameters(values): Parameters<ValueQuery>,
) -> Result<Json<EventValues>> {
    let wanted = Wanted::of(&console, &signed, &selection).await?;
    let prefix = values.prefix.unwrap_or_default();
    let deed = Deed {
        action: "events.values",
        ..selection.deed()
    };
    let deed = deed.with("field", &values.field).with("prefix", &prefix);
    signed.note(&console, deed).await?;
    let limit = values.limit.unwrap_or(VALUES);
    let found = console
        .events()
        .values(
            signed.asker(),
            &wanted.request(),
            &[&values.field],
            &prefix,
            limit,
        )
        .await?;
    let found = found.into_iter().next().ok_or_else(Failure::not_found)?;
    Ok(Json(found.into()))
}

/// The fields that can be searched
#[utoipa::path(get, path = "/api/v1/events/fields", operation_id = "eventFields", tag = "events",
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "Class by class", body = Vec<EventField>),
        (status = 401, description = "Nobody is signed in", body = ApiError)))]
pub(super) async fn event_fields(_: Anyone) -> Json<Vec<EventField>> {
    let of = |class: Class| {
        class.columns().map(move |column| EventField {
            class: class.name(),
            name: column.name,
            kind: kind_name(column.kind),
        })
    };
    Json(Class::ALL.into_iter().flat_map(of).collect())
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::LowText => "text",
        Kind::U8 | Kind::U16 | Kind::U32 | Kind::U64 => "number",
        Kind::Bool => "boolean",
        Kind::Address => "address",
        Kind::Time => "time",
        Kind::Id => "id",
        Kind::TextList => "text_list",
        Kind::U32List => "number_list",
        Kind::Counters => "counters",
    }
}

/// An alert's events and the ends of its flows, of a signature's also what these carried
#[utoipa::path(get, path = "/api/v1/alerts/{id}/events", operation_id = "alertEvents", tag = "alerts",
    params(("id" = String, Path, description = "Id of the alert")),
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "The earliest first", body = EventList),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is none", body = ApiError),
        (status = 422, description = "It would cost too much", body = ApiError),
        (status = 429, description = "Too many searches of this account wait", body = ApiError),
        (status = 503, description = "The event store is away, or other searches took too long", body = ApiError)))]
pub(super) async fn alert_events(
    State(console): State<Console>,
    Staged(signed): Staged,
    AlertPath(id): AlertPath,
) -> Result<Json<EventList>> {
    let (alerts, events) = (
        signed.reach::<thing::Alert, action::Read>(&console).await?,
        signed.reach::<thing::EventSearch, action::Read>(&console).await?,
    );
    let alert = console.database().alert_message(&alerts, id).await;
    let deed = Deed::done("alert.events", "alert", id);
    match &alert {
        Ok(_) => signed.note(&console, deed).await?,
        Err(why @ DatabaseError::NotFound) => signed.note(&console, deed.refused(why)).await?,
        Err(_) => {}
    }
    let alert = alert?;
    let rows = console
        .events()
        .alert_events(signed.asker(), &events, &alert)
        .await?;
    Ok(Json(EventList {
        items: rows.into_iter().map(EventRow::from).collect(),
    }))
}
