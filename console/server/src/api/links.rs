//! Links with which somebody is let in anew, as those make them who look after people.
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vonggac_database::welcome::{Factors, Ground, Link};

use super::accounts::{Sight, Whole};
use crate::error::{ApiError, Result};
use crate::extract::{Body, NumberPath, Signed};
use crate::state::Console;
use crate::time;

/// A new link for an account.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ResetRequest {
    /// Whether the account's second factors are taken away once the link is used.
    #[serde(default)]
    drop_factors: bool,
}

/// A link, told this once.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WelcomeLink {
    /// On the console's own address, as in `/welcome#…`.
    path: String,
    #[schema(format = DateTime)]
    expires_at: String,
    /// Whether it works only with a code that a second person tells the owner, because the account has a role that takes two.
    takes_two: bool,
}

/// What the second person tells the owner of a link; told this once.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LinkCode {
    /// In groups of four, as in `ABCD-EFGH-…`; case, blanks and hyphens do not matter.
    code: String,
}

pub(super) fn shown(link: &Link) -> WelcomeLink {
    WelcomeLink {
        path: format!("/welcome#{}", link.secret.to_text()),
        expires_at: time::to_text(link.expires_us),
        takes_two: link.takes_two,
    }
}

/// The account with the roles that were looked at, when who asks may change it.
async fn changeable(console: &Console, signed: &Signed, id: i64) -> Result<Ground> {
    let sight = Sight::of(console, signed).await?;
    let entry = sight.entry(console, id).await?;
    let whole = Whole::of(console, &entry.account).await?;
    whole.permit_change(console, signed).await?;
    Ok(Ground {
        account: entry.account.id,
        looked_at: whole.looked_at(),
    })
}

/// Make a new link for an account
#[utoipa::path(post, path = "/api/v1/accounts/{id}/reset", operation_id = "resetAccount", tag = "people",
    params(("id" = String, Path, description = "Id of the account")), request_body = ResetRequest,
    responses(
        (status = 200, description = "The link, told this once; an earlier one works no more", body = WelcomeLink),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "There is no such account for this one, or it is not one's to change", body = ApiError),
        (status = 409, description = "The account is disabled, or was given a role meanwhile", body = ApiError)))]
pub(super) async fn reset_account(
    State(console): State<Console>,
    signed: Signed,
    NumberPath(id): NumberPath,
    Body(request): Body<ResetRequest>,
) -> Result<Json<WelcomeLink>> {
    let ground = changeable(&console, &signed, id).await?;
    let factors = Factors::dropped(request.drop_factors);
    let link = console
        .database()
        .reset_account(&signed.by(), &ground, factors, console.now_us())
        .await?;
    Ok(Json(shown(&link)))
}

/// Be the second person of a link
#[utoipa::path(post, path = "/api/v1/accounts/{id}/reset/second", operation_id = "secondLink", tag = "people",
    params(("id" = String, Path, description = "Id of the account")),
    responses(
        (status = 200, description = "The code to tell the account's owner, told this once; an earlier one works no more", body = LinkCode),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "There is no such account for this one, it is not one's to change, or no link of it takes two", body = ApiError),
        (status = 409, description = "Who made the link cannot be its second person, or the account was given a role meanwhile", body = ApiError)))]
pub(super) async fn second_link(
    State(console): State<Console>,
    signed: Signed,
    NumberPath(id): NumberPath,
) -> Result<Json<LinkCode>> {
    let ground = changeable(&console, &signed, id).await?;
    let code = console
        .database()
        .second_link(&signed.by(), &ground, console.now_us())
        .await?;
    Ok(Json(LinkCode { code }))
}
