//! Things that events name, and what is known of each.
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vonggac_access::{action, thing};
use vonggac_database::audit::Deed;
use vonggac_store::search::{FieldValues, Known, Subject};

use super::filter::time_us;
use crate::error::{ApiError, Failure, Result};
use crate::extract::{Anyone, Parameters, Staged};
use crate::state::Console;
use crate::time;

/// Which thing, and when.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ThingQuery {
    /// What identifies it: an address, a name, a fingerprint, a hash, …
    value: String,
    /// Then or later; from the earliest event when left out
    #[param(format = DateTime)]
    from: Option<String>,
    /// Before; to the latest event when left out
    #[param(format = DateTime)]
    to: Option<String>,
}

/// Which thing.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ElsewhereQuery {
    /// As events have it
    value: String,
}

/// How many days back others are asked about.
const ELSEWHERE_DAYS: u32 = 30;
const DAY_US: i64 = 86_400_000_000;

/// A value and how often it occurs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ValueCount {
    value: String,
    count: u64,
}

/// The values of a field.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventValues {
    field: String,
    /// The most frequent first.
    values: Vec<ValueCount>,
    /// How often the field has a value.
    total: u64,
    /// How many different values there are.
    distinct: u64,
}

impl From<FieldValues> for EventValues {
    fn from(found: FieldValues) -> Self {
        let value = |(value, count)| ValueCount { value, count };
        Self {
            field: found.field,
            values: found.values.into_iter().map(value).collect(),
            total: found.total,
            distinct: found.distinct,
        }
    }
}

/// Two addresses that talked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Pair {
    /// The side that opened.
    src: String,
    dst: String,
    events: u64,
}

/// What is known of a thing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Thing {
    /// `address`, `host`, `domain`, `ja4`, `certificate`, `file`, `user-agent`, `sensor`.
    kind: &'static str,
    /// As events have it.
    value: String,
    /// The query that finds its events.
    query: String,
    /// The classes whose events may name it.
    classes: Vec<&'static str>,
    /// When it was first seen in the time.
    #[schema(required, format = DateTime)]
    first_seen: Option<String>,
    /// When it was last seen in the time.
    #[schema(required, format = DateTime)]
    last_seen: Option<String>,
    total: u64,
    /// A class without an event is not there.
    by_class: BTreeMap<&'static str, u64>,
    /// Who talked to whom, the most first; at most 40.
    pairs: Vec<Pair>,
    pairs_total: u64,
    /// Values of fields that occur with it, field by field.
    beside: Vec<EventValues>,
}

/// How many others saw a thing.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Elsewhere {
    /// Other organisations that saw it in the days; none where it were fewer than three, and for what is not the same thing everywhere,
    /// such as a private address
    #[schema(required)]
    organisations: Option<u64>,
    /// How many days back it was looked.
    days: u32,
}

/// How many other organisations saw a thing that events name: never which
#[utoipa::path(get, path = "/api/v1/entities/{kind}/elsewhere", operation_id = "entityElsewhere", tag = "events",
    params(("kind" = String, Path, description = "As of the thing"), ElsewhereQuery),
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "How many, of real events alone", body = Elsewhere),
        (status = 400, description = "The value cannot be one of that kind", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is no such kind", body = ApiError),
        (status = 422, description = "It would cost too much", body = ApiError),
        (status = 429, description = "Too many searches of this account wait", body = ApiError),
        (status = 503, description = "The event store is away, or other searches took too long", body = ApiError)))]
pub(super) async fn entity_elsewhere(
    State(console): State<Console>,
    Anyone(signed): Anyone,
    Path(kind): Path<String>,
    Parameters(wanted): Parameters<ElsewhereQuery>,
) -> Result<Json<Elsewhere>> {
    let subject = subject(&kind, &wanted.value)?;
    let scope = signed.reach::<thing::EventSearch, action::Read>(&console).await?;
    let deed = Deed::done("entity.elsewhere", subject.kind, &subject.value);
    signed.note(&console, deed).await?;
    let since_us = console
        .now_us()
        .saturating_sub(i64::from(ELSEWHERE_DAYS) * DAY_US);
    let organisations = console
        .events()
        .elsewhere(signed.asker(), &scope, &subject, since_us)
        .await?;
    Ok(Json(Elsewhere {
        organisations,
        days: ELSEWHERE_DAYS,
    }))
}

/// What the path and the value name.
fn subject(kind: &str, value: &str) -> Result<Subject> {
    Subject::of(kind, value)
        .map_err(|why| Failure::invalid("value", why.to_string()))?
        .ok_or_else(Failure::not_found)
}

/// What is known of a thing that events name
#[utoipa::path(get, path = "/api/v1/entities/{kind}", operation_id = "getEntity", tag = "events",
    params(("kind" = String, Path, description = "`address`, `host`, `domain`, `ja4`, `certificate`, `file`, `user-agent` or `sensor`"), ThingQuery),
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "When it was seen, with whom, and what occurs with it", body = Thing),
        (status = 400, description = "The value cannot be one of that kind", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is no such kind", body = ApiError),
        (status = 422, description = "It would cost too much", body = ApiError),
        (status = 429, description = "Too many searches of this account wait", body = ApiError),
        (status = 503, description = "The event store is away, or other searches took too long", body = ApiError)))]
pub(super) async fn get_entity(
    State(console): State<Console>,
    Staged(signed): Staged,
    Path(kind): Path<String>,
    Parameters(wanted): Parameters<ThingQuery>,
) -> Result<Json<Thing>> {
    let subject = subject(&kind, &wanted.value)?;
    let from_us = time_us("from", wanted.from.as_deref())?;
    let to_us = time_us("to", wanted.to.as_deref())?;
    let scope = signed.reach::<thing::EventSearch, action::Read>(&console).await?;
    let deed = Deed::done("entity.read", subject.kind, &subject.value);
    signed.note(&console, deed).await?;
    let known = console
        .events()
        .known(signed.asker(), &scope, &subject, from_us, to_us)
        .await?;
    Ok(Json(thing(subject, known)))
}

fn thing(subject: Subject, known: Known) -> Thing {
    let pair = |pair: vonggac_store::search::Pair| Pair {
        src: pair.src,
        dst: pair.dst,
        events: pair.events,
    };
    Thing {
        kind: subject.kind,
        classes: subject.classes().iter().map(|class| class.name()).collect(),
        value: subject.value,
        query: subject.text,
        first_seen: known.seen_us.map(|(first_us, _)| time::to_text(first_us)),
        last_seen: known.seen_us.map(|(_, last_us)| time::to_text(last_us)),
        total: known.by_class.iter().map(|(_, count)| count).sum(),
        by_class: known
            .by_class
            .into_iter()
            .map(|(class, count)| (class.name(), count))
            .collect(),
        pairs: known.pairs.into_iter().map(pair).collect(),
        pairs_total: known.pairs_total,
        beside: known.beside.into_iter().map(EventValues::from).collect(),
    }
}
