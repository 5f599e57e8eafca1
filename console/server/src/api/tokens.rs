//! Tokens of the API: making one for a service, and revoking it.
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vonggac_access::{Grasp, TokenScope, action};
use vonggac_database::TokenId;
use vonggac_database::api_token::{DAYS, NewToken, TokenView};
use vonggac_database::welcome::Ground;

use super::accounts::Whole;
use super::services::{ServiceDetail, Sight, find, owned};
use super::shapes::Person;
use crate::error::{ApiError, Failure, Result};
use crate::extract::{Body, NumberPath, PairPath, Signed};
use crate::state::Console;
use crate::time;

/// Whether a token works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum TokenState {
    Working,
    Expired,
    Revoked,
}

/// A token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Token {
    id: String,
    name: String,
    state: TokenState,
    /// What it may be used for, as in `alert:read`, as far as the service's roles give it.
    scope: Vec<String>,
    /// Networks that it may be used from; none: anywhere.
    networks: Vec<String>,
    #[schema(format = DateTime)]
    made_at: String,
    made_by: Person,
    #[schema(format = DateTime)]
    expires_at: String,
    #[schema(required, format = DateTime)]
    revoked_at: Option<String>,
    /// When it was last used, to a minute.
    #[schema(required, format = DateTime)]
    last_used_at: Option<String>,
    /// The address that it was then used from.
    #[schema(required)]
    last_used_from: Option<String>,
}

/// A token that is to be.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct TokenRequest {
    /// What uses it; 1 to 64 characters.
    name: String,
    /// For how many days it is good; 90 without it, or as many as the console allows.
    #[schema(minimum = 1)]
    days: Option<u32>,
    /// What it may be used for, as in `alert:read`.
    scope: Vec<String>,
    /// Networks that it may be used from, as in `10.0.0.0/8`, at most 20; none: anywhere.
    #[serde(default)]
    networks: Vec<String>,
}

/// A token, told this once.
#[derive(Serialize, ToSchema)]
pub(super) struct MadeToken {
    /// What stands after `Authorization: Bearer`.
    token: String,
    service: ServiceDetail,
}

/// Tokens as they stand now.
pub(super) fn shown(tokens: Vec<TokenView>, now_us: i64) -> Vec<Token> {
    let show = |token: TokenView| Token {
        id: token.id.0.to_string(),
        state: match token.revoked_us {
            Some(_) => TokenState::Revoked,
            None if token.expires_us <= now_us => TokenState::Expired,
            None => TokenState::Working,
        },
        name: token.name,
        scope: token.scope,
        networks: token.networks,
        made_at: time::to_text(token.made_us),
        made_by: token.made_by.into(),
        expires_at: time::to_text(token.expires_us),
        revoked_at: token.revoked_us.map(time::to_text),
        last_used_at: token.last_used_us.map(time::to_text),
        last_used_from: token.last_used_from,
    };
    tokens.into_iter().map(show).collect()
}

impl TokenRequest {
    fn read(self, days_max: u32) -> Result<NewToken> {
        let grasp = |word: &String| {
            let refused = |_| Failure::invalid("scope", format!("{word} is nothing that a service may do"));
            word.parse::<Grasp>().map_err(refused)
        };
        Ok(NewToken {
            scope: self.scope.iter().map(grasp).collect::<Result<TokenScope>>()?,
            days: self.days.unwrap_or_else(|| DAYS.min(days_max)),
            name: self.name,
            networks: self.networks,
        })
    }
}

/// Make a token for a service
#[utoipa::path(post, path = "/api/v1/services/{id}/tokens", operation_id = "makeToken", tag = "services",
    params(("id" = String, Path, description = "Id of the service's account")), request_body = TokenRequest,
    responses(
        (status = 201, description = "The token, told this once, and the service as it now is", body = MadeToken),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "There is no such service for this account, or one of its roles is not one's to give", body = ApiError),
        (status = 409, description = "The service has ended, has too many tokens, or was given a role meanwhile", body = ApiError)))]
pub(super) async fn make_token(
    State(console): State<Console>,
    signed: Signed,
    NumberPath(id): NumberPath,
    Body(request): Body<TokenRequest>,
) -> Result<(StatusCode, Json<MadeToken>)> {
    let account = find(&console, &signed, id).await?;
    let token = || owned(&account.organisation);
    let whole = Whole::of(&console, &account).await?;
    if signed.would::<_, action::Create>(token()) {
        // Who has the token does what the service's roles give.
        whole.permit_change(&console, &signed).await?;
    }
    signed.permit::<_, action::Create>(&console, token(), id).await?;
    let days_max = console.options().api_token_days_max;
    let new = request.read(days_max)?;
    let ground = Ground {
        account: account.id,
        looked_at: whole.looked_at(),
    };
    let (store, now_us) = (console.database(), console.now_us());
    let (_, secret) = store
        .make_token(&signed.by(), &ground, &new, days_max, now_us)
        .await?;
    let sight = Sight::of(&console, &signed).await?;
    let made = MadeToken {
        token: secret.to_text(),
        service: sight.detail(&console, &signed, id).await?,
    };
    Ok((StatusCode::CREATED, Json(made)))
}

/// Revoke a token of a service
#[utoipa::path(delete, path = "/api/v1/services/{id}/tokens/{token}", operation_id = "revokeToken", tag = "services",
    params(("id" = String, Path, description = "Id of the service's account"),
        ("token" = String, Path, description = "Id of the token")),
    responses(
        (status = 204, description = "It works nowhere any more, and its live streams end"),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "This takes a second factor", body = ApiError),
        (status = 404, description = "There is no such token for this account, or it is not one's to revoke", body = ApiError),
        (status = 409, description = "It is revoked already", body = ApiError)))]
pub(super) async fn revoke_token(
    State(console): State<Console>,
    signed: Signed,
    PairPath(id, token): PairPath,
) -> Result<StatusCode> {
    let account = find(&console, &signed, id).await?;
    signed
        .permit::<_, action::Remove>(&console, owned(&account.organisation), token)
        .await?;
    let (store, now_us) = (console.database(), console.now_us());
    store
        .revoke_token(&signed.by(), account.id, TokenId(token), now_us)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
