//! Links with which people choose a password. Nobody is signed in here.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vonggac_database::welcome::{Chosen, Factors};

use super::shapes::OrganisationName;
use crate::authority;
use crate::error::{ApiError, Result};
use crate::extract::{Body, Client};
use crate::state::Console;
use crate::time;

/// The secret of a link.
#[derive(Deserialize, ToSchema)]
pub(super) struct WelcomeRequest {
    secret: String,
}

/// The secret of a link, and the password to be.
#[derive(Deserialize, ToSchema)]
pub(super) struct WelcomePasswordRequest {
    secret: String,
    /// At least 12 characters, and hard to guess.
    password: String,
    /// What the second person told, where the link takes two.
    #[serde(default)]
    code: String,
}

/// What a link is for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Welcome {
    user_name: String,
    display_name: String,
    organisation: OrganisationName,
    /// `vi` or `en`.
    language: String,
    /// Whether the account never had a password.
    is_first: bool,
    /// Whether the account's second factors are taken away with it.
    drops_factors: bool,
    /// Whether it works only with the code of a second person.
    takes_two: bool,
    #[schema(format = DateTime)]
    expires_at: String,
}

/// For whom a password was chosen.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Welcomed {
    user_name: String,
}

/// What a link is for
#[utoipa::path(post, path = "/api/v1/welcome", operation_id = "welcome", tag = "session", request_body = WelcomeRequest,
    security(()),
    responses(
        (status = 200, description = "Whose password can be chosen with it", body = Welcome),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 404, description = "The link is wrong, used, too old or withdrawn", body = ApiError),
        (status = 429, description = "Too many attempts", body = ApiError)))]
pub(super) async fn welcome(
    State(console): State<Console>,
    client: Client,
    Body(request): Body<WelcomeRequest>,
) -> Result<Json<Welcome>> {
    let found = console
        .database()
        .welcome(&request.secret, &client.origin, console.now_us())
        .await?;
    let tree = authority::organisations(&console).await?;
    Ok(Json(Welcome {
        organisation: authority::name_of(&tree, &found.account.organisation),
        language: found.account.language.code().to_owned(),
        user_name: found.account.user_name,
        display_name: found.account.display_name,
        is_first: found.is_first,
        drops_factors: found.factors == Factors::Dropped,
        takes_two: found.takes_two,
        expires_at: time::to_text(found.expires_us),
    }))
}

/// Choose a password with a link
#[utoipa::path(post, path = "/api/v1/welcome/password", operation_id = "acceptWelcome", tag = "session",
    request_body = WelcomePasswordRequest,
    security(()),
    responses(
        (status = 200, description = "The account has that password; its sessions have ended, and the link is used", body = Welcomed),
        (status = 400, description = "The password does not do, or the code is not the second person's; the link still works", body = ApiError),
        (status = 404, description = "The link is wrong, used, too old or withdrawn", body = ApiError),
        (status = 429, description = "Too many attempts", body = ApiError)))]
pub(super) async fn accept_welcome(
    State(console): State<Console>,
    client: Client,
    Body(request): Body<WelcomePasswordRequest>,
) -> Result<Json<Welcomed>> {
    let account = console
        .database()
        .accept_welcome(
            &request.secret,
            Chosen {
                password: request.password,
                code: request.code,
            },
            &client.origin,
            console.now_us(),
        )
        .await?;
    tracing::info!(user_name = account.user_name, "a password was chosen with a link");
    Ok(Json(Welcomed {
        user_name: account.user_name,
    }))
}
