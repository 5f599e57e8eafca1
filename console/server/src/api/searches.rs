//! Searches that people keep under a name.
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vonggac_access::{action, thing};
use vonggac_database::saved_search::{self, NewSearch, SavedSearchId};

use super::shapes::Person;
use crate::error::{ApiError, Failure, Result};
use crate::extract::{Body, Signed};
use crate::state::Console;
use crate::time;

/// What is to be kept.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct SavedSearchRequest {
    name: String,
    /// Code of the organisation that sees it too; nobody else when left out.
    organisation: Option<String>,
    /// Of the search page's address: `q`, `class`, `range`, `from`, `to`, `columns`.
    parameters: BTreeMap<String, String>,
}

impl From<SavedSearchRequest> for NewSearch {
    fn from(request: SavedSearchRequest) -> Self {
        Self {
            name: request.name,
            organisation: request.organisation,
            parameters: request.parameters,
        }
    }
}

/// A search that is kept.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SavedSearch {
    id: String,
    owner: Person,
    /// Whether it is the asker's own.
    own: bool,
    name: String,
    /// Who else sees it.
    #[schema(required)]
    organisation: Option<String>,
    parameters: BTreeMap<String, String>,
    #[schema(format = DateTime)]
    changed_at: String,
}

fn told(signed: &Signed, saved: saved_search::SavedSearch) -> SavedSearch {
    SavedSearch {
        id: saved.id.0.to_string(),
        own: saved.owner.id == signed.account.id,
        owner: saved.owner.into(),
        name: saved.search.name,
        organisation: saved.search.organisation,
        parameters: saved.search.parameters,
        changed_at: time::to_text(saved.changed_us),
    }
}

/// The searches that the account keeps, and those that others share with it
#[utoipa::path(get, path = "/api/v1/searches", operation_id = "listSearches", tag = "searches",
    responses(
        (status = 200, description = "By name", body = Vec<SavedSearch>),
        (status = 401, description = "Nobody is signed in", body = ApiError)))]
pub(super) async fn list_searches(
    State(console): State<Console>,
    signed: Signed,
) -> Result<Json<Vec<SavedSearch>>> {
    let scope = signed.reach::<thing::EventSearch, action::Read>(&console).await?;
    let all = console
        .database()
        .saved_searches(&scope, signed.account.id)
        .await?;
    Ok(Json(all.into_iter().map(|saved| told(&signed, saved)).collect()))
}

/// Keeps a search
#[utoipa::path(post, path = "/api/v1/searches", operation_id = "saveSearch", tag = "searches", request_body = SavedSearchRequest,
    responses(
        (status = 201, description = "It is kept", body = SavedSearch),
        (status = 400, description = "It does not do", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 409, description = "The account keeps one of that name, or too many", body = ApiError)))]
pub(super) async fn save_search(
    State(console): State<Console>,
    signed: Signed,
    Body(request): Body<SavedSearchRequest>,
) -> Result<(StatusCode, Json<SavedSearch>)> {
    let scope = signed.reach::<thing::EventSearch, action::Read>(&console).await?;
    let account = signed.account.id;
    let saved = console
        .database()
        .save_search(&scope, signed.by(), account, &request.into(), console.now_us())
        .await?;
    Ok((StatusCode::CREATED, Json(told(&signed, saved))))
}

/// Changes a search that the account keeps
#[utoipa::path(put, path = "/api/v1/searches/{id}", operation_id = "changeSearch", tag = "searches", request_body = SavedSearchRequest,
    params(("id" = String, Path, description = "Id of the search")),
    responses(
        (status = 200, description = "As it is now", body = SavedSearch),
        (status = 400, description = "It does not do", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "The account keeps none of that id", body = ApiError),
        (status = 409, description = "The account keeps another of that name", body = ApiError)))]
pub(super) async fn change_search(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
    Body(request): Body<SavedSearchRequest>,
) -> Result<Json<SavedSearch>> {
    let (account, id) = (signed.account.id, read(&id)?);
    let scope = signed.reach::<thing::EventSearch, action::Read>(&console).await?;
    let saved = console
        .database()
        .change_search(
            &scope,
            signed.by(),
            account,
            id,
            &request.into(),
            console.now_us(),
        )
        .await?;
    Ok(Json(told(&signed, saved)))
}

/// Removes a search that the account keeps
#[utoipa::path(delete, path = "/api/v1/searches/{id}", operation_id = "removeSearch", tag = "searches",
    params(("id" = String, Path, description = "Id of the search")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "The account keeps none of that id", body = ApiError)))]
pub(super) async fn remove_search(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    signed.reach::<thing::EventSearch, action::Read>(&console).await?;
    console
        .database()
        .remove_search(signed.by(), signed.account.id, read(&id)?, console.now_us())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is no id is a search that does not exist.
fn read(id: &str) -> Result<SavedSearchId> {
    id.parse().map(SavedSearchId).map_err(|_| Failure::not_found())
}
