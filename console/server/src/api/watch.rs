//! The watch list: alerts and things that an organisation keeps an eye on. It follows the rights to its alerts.
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vonggac_access::{action, thing};
use vonggac_database::watch::{NewWatched, WatchId, WatchItem, Watched};
use vonggac_event::Scope;

use super::shapes::{Alert, Person};
use crate::error::{ApiError, Failure, Result};
use crate::extract::{Anyone, Body, NumberPath, Signed};
use crate::state::Console;
use crate::time;

/// What is to be watched: an alert, or a thing of an organisation.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct WatchRequest {
    /// Id of the alert.
    alert: Option<String>,
    /// Code of the organisation that keeps an eye on the thing.
    organisation: Option<String>,
    /// `address`, `host`, `domain`, `ja4`, `certificate`, `file`, `user-agent` or `sensor`.
    kind: Option<String>,
    /// What identifies the thing.
    value: Option<String>,
    /// Why.
    #[serde(default)]
    note: String,
}

/// Something that is watched.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WatchEntry {
    id: String,
    /// Code of the organisation that keeps it.
    organisation: String,
    /// The alert as it stands, when it is one.
    #[schema(required)]
    alert: Option<Alert>,
    /// The kind of thing, when it is one.
    #[schema(required)]
    kind: Option<String>,
    #[schema(required)]
    value: Option<String>,
    note: String,
    added_by: Person,
    #[schema(format = DateTime)]
    added_at: String,
    /// Whether who asks may take it off.
    can_remove: bool,
}

/// The watch list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WatchList {
    items: Vec<WatchEntry>,
}

fn shown(item: WatchItem, works_on: &Scope) -> WatchEntry {
    let (kind, value) = match item.watched {
        Watched::Alert(_) => (None, None),
        Watched::Thing { kind, value } => (Some(kind), Some(value)),
    };
    WatchEntry {
        id: item.id.0.to_string(),
        can_remove: works_on.covers(&item.organisation),
        organisation: item.organisation,
        alert: item.alert.map(|row| Alert::from(*row)),
        kind,
        value,
        note: item.note,
        added_by: item.added_by.into(),
        added_at: time::to_text(item.added_us),
    }
}

async fn list(console: &Console, signed: &Signed, reads: &Scope) -> Result<Json<WatchList>> {
    let works_on = signed.part::<thing::Alert, action::Work>();
    let items = console.database().watch_items(reads).await?;
    let items = items.into_iter().map(|item| shown(item, &works_on));
    Ok(Json(WatchList {
        items: items.collect(),
    }))
}

/// What is watched
#[utoipa::path(get, path = "/api/v1/watch", operation_id = "listWatched", tag = "alerts",
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "The latest first, at most 500", body = WatchList),
        (status = 401, description = "Nobody is signed in", body = ApiError)))]
pub(super) async fn list_watched(
    State(console): State<Console>,
    Anyone(signed): Anyone,
) -> Result<Json<WatchList>> {
    let reads = signed.reach::<thing::Alert, action::Read>(&console).await?;
    list(&console, &signed, &reads).await
}

/// Watch something
#[utoipa::path(post, path = "/api/v1/watch", operation_id = "watch", tag = "alerts", request_body = WatchRequest,
    security(("session" = []), ("token" = [])),
    responses(
        (status = 201, description = "The watch list", body = WatchList),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is no such alert or organisation", body = ApiError),
        (status = 409, description = "It is watched already, or the list is full", body = ApiError)))]
pub(super) async fn watch(
    State(console): State<Console>,
    Anyone(signed): Anyone,
    Body(request): Body<WatchRequest>,
) -> Result<(StatusCode, Json<WatchList>)> {
    let works_on = signed.reach::<thing::Alert, action::Work>(&console).await?;
    let new = request.read()?;
    console
        .database()
        .watch(&works_on, signed.by(), &new, &request.note, console.now_us())
        .await?;
    let reads = signed.part::<thing::Alert, action::Read>();
    Ok((StatusCode::CREATED, list(&console, &signed, &reads).await?))
}

impl WatchRequest {
    fn read(&self) -> Result<NewWatched> {
        let thing = (&self.organisation, &self.kind, &self.value);
        match (&self.alert, thing) {
            (Some(id), (None, None, None)) => {
                let id = id.parse().map_err(|_| Failure::not_found())?;
                Ok(NewWatched::Alert(id))
            }
            (None, (Some(organisation), Some(kind), Some(value))) => Ok(NewWatched::Thing {
                organisation: organisation.clone(),
                kind: kind.clone(),
                value: value.clone(),
            }),
            _ => Err(Failure::invalid(
                "alert",
                "either alert, or organisation, kind and value",
            )),
        }
    }
}

/// Watch something no more
#[utoipa::path(delete, path = "/api/v1/watch/{id}", operation_id = "unwatch", tag = "alerts",
    params(("id" = String, Path, description = "Id of the entry")),
    security(("session" = []), ("token" = [])),
    responses(
        (status = 204, description = "It is gone"),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is none, or it is not one's to take off", body = ApiError)))]
pub(super) async fn unwatch(
    State(console): State<Console>,
    Anyone(signed): Anyone,
    NumberPath(id): NumberPath,
) -> Result<StatusCode> {
    let works_on = signed.reach::<thing::Alert, action::Work>(&console).await?;
    console
        .database()
        .unwatch(&works_on, signed.by(), WatchId(id), console.now_us())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
