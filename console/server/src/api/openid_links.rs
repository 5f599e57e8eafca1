//! To whom at providers one's own account is linked.
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use vonggac_database::openid::link::LinkView;

use super::openid::{ProviderAddress, ProviderRequest, Way};
use crate::error::{ApiError, Result};
use crate::extract::{Body, InSession, NumberPath};
use crate::state::Console;
use crate::time;

/// To whom at a provider the account is linked.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OpenIdLink {
    id: String,
    /// Id of the provider.
    provider: String,
    /// What that is called.
    name: String,
    /// Whether one may sign in there now.
    is_on: bool,
    #[schema(format = DateTime)]
    linked_at: String,
    /// When somebody last signed in with it.
    #[schema(required, format = DateTime)]
    last_used_at: Option<String>,
}

impl From<LinkView> for OpenIdLink {
    fn from(link: LinkView) -> Self {
        Self {
            id: link.id.to_string(),
            provider: link.provider_id.to_string(),
            name: link.name,
            is_on: link.is_on,
            linked_at: time::to_text(link.linked_us),
            last_used_at: link.last_used_us.map(time::to_text),
        }
    }
}

/// The account's links to providers
#[utoipa::path(get, path = "/api/v1/account/openid", operation_id = "openidLinks", tag = "session",
    responses(
        (status = 200, description = "By the names of the providers", body = Vec<OpenIdLink>),
        (status = 401, description = "Nobody is signed in", body = ApiError)))]
pub(super) async fn openid_links(
    State(console): State<Console>,
    signed: InSession,
) -> Result<Json<Vec<OpenIdLink>>> {
    let links = console.database().openid_links(signed.account.id).await?;
    Ok(Json(links.into_iter().map(OpenIdLink::from).collect()))
}

/// Begin to link the account to whom a provider means
#[utoipa::path(post, path = "/api/v1/account/openid", operation_id = "openidLink", tag = "session",
    request_body = ProviderRequest,
    responses(
        (status = 200, description = "Where to go; one is linked once one is back", body = ProviderAddress),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "There is no such provider, or it is off", body = ApiError),
        (status = 429, description = "Too many attempts", body = ApiError),
        (status = 503, description = "The provider cannot be used now", body = ApiError)))]
pub(super) async fn openid_link(
    State(console): State<Console>,
    signed: InSession,
    Body(request): Body<ProviderRequest>,
) -> Result<Response> {
    let way = Way::to(&console, &request.provider, &signed.origin).await?;
    let begun = console
        .database()
        .begin_openid_link(&signed.owner(), way.provider.id, "/account", console.now_us())
        .await?;
    way.send(&console, &begun, false)
}

/// Take a link to a provider away
#[utoipa::path(delete, path = "/api/v1/account/openid/{id}", operation_id = "removeOpenidLink", tag = "session",
    params(("id" = String, Path, description = "Id of the link")),
    responses(
        (status = 204, description = "Taken away; the account's other sessions have ended"),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "The account has no such link", body = ApiError),
        (status = 409, description = "It is the account's only way to sign in", body = ApiError)))]
pub(super) async fn remove_openid_link(
    State(console): State<Console>,
    signed: InSession,
    NumberPath(id): NumberPath,
) -> Result<StatusCode> {
    console
        .database()
        .unlink_openid(&signed.owner(), id, console.now_us())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
