//! Saved views of the queue.
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vonggac_access::{action, thing};
use vonggac_database::view::{NewView, ViewId};

use super::shapes::Person;
use crate::error::{ApiError, Failure, Result};
use crate::extract::{Body, NumberPath, Signed};
use crate::state::Console;

/// What the address of the queue's page may have.
const PARAMETERS: [&str; 19] = [
    "status",
    "severity",
    "q",
    "technique",
    "assignee",
    "verdict",
    "reason",
    "tag",
    "rule",
    "src",
    "dst",
    "snoozed",
    "range",
    "from",
    "to",
    "sort",
    "group",
    "columns",
    "density",
];

/// A view to be saved.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ViewRequest {
    name: String,
    /// Whether others who see the organisation's alerts see it.
    #[serde(default)]
    shared: bool,
    /// The address of the queue's page, by parameter.
    search: BTreeMap<String, String>,
}

/// A saved view.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct View {
    id: String,
    name: String,
    owner: Person,
    shared: bool,
    /// The address of the queue's page, by parameter.
    search: BTreeMap<String, String>,
}

/// Saved views.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ViewList {
    items: Vec<View>,
}

async fn views(console: &Console, signed: &Signed) -> Result<ViewList> {
    let views = console.database().views(&signed.account).await?;
    let items = views.into_iter().map(|view| View {
        id: view.id.0.to_string(),
        name: view.name,
        owner: view.owner.into(),
        shared: view.is_shared,
        search: view.search,
    });
    Ok(ViewList {
        items: items.collect(),
    })
}

/// Saved views of the queue
#[utoipa::path(get, path = "/api/v1/views", operation_id = "listViews", tag = "alerts",
    responses(
        (status = 200, description = "One's own, then those that others share", body = ViewList),
        (status = 401, description = "Nobody is signed in", body = ApiError)))]
pub(super) async fn list_views(State(console): State<Console>, signed: Signed) -> Result<Json<ViewList>> {
    signed.reach::<thing::Alert, action::Read>(&console).await?;
    Ok(Json(views(&console, &signed).await?))
}

/// Save a view of the queue
#[utoipa::path(post, path = "/api/v1/views", operation_id = "saveView", tag = "alerts", request_body = ViewRequest,
    responses(
        (status = 200, description = "All views; one of the same name has been replaced", body = ViewList),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 409, description = "There are too many", body = ApiError)))]
pub(super) async fn save_view(
    State(console): State<Console>,
    signed: Signed,
    Body(request): Body<ViewRequest>,
) -> Result<Json<ViewList>> {
    signed.reach::<thing::Alert, action::Read>(&console).await?;
    if let Some(unknown) = request
        .search
        .keys()
        .find(|key| !PARAMETERS.contains(&key.as_str()))
    {
        return Err(Failure::invalid(
            "search",
            format!("search: {unknown} is not known"),
        ));
    }
    let new = NewView {
        name: request.name,
        is_shared: request.shared,
        search: request.search,
    };
    console
        .database()
        .save_view(signed.by(), &new, console.now_us())
        .await?;
    Ok(Json(views(&console, &signed).await?))
}

/// Remove a view of one's own
#[utoipa::path(delete, path = "/api/v1/views/{id}", operation_id = "removeView", tag = "alerts",
    params(("id" = String, Path, description = "Id of the view")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "One has none of that id", body = ApiError)))]
pub(super) async fn remove_view(
    State(console): State<Console>,
    signed: Signed,
    NumberPath(id): NumberPath,
) -> Result<StatusCode> {
    signed.reach::<thing::Alert, action::Read>(&console).await?;
    console
        .database()
        .remove_view(signed.by(), ViewId(id), console.now_us())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
