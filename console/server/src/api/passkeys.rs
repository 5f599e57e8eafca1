//! Passkeys: one's own, and signing in with one.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vonggac_database::passkey::{self, NewPasskey, PasskeyAnswer, Purpose};
use vonggac_passkey::Assertion;
use vonggac_passkey::key::ALGORITHMS;

use super::factors::no_vault;
use super::session::{Entry, strongly_signed_in};
use super::shapes::Account;
use crate::error::{ApiError, Failure, Result};
use crate::extract::{Arriving, Body, Client, InSession};
use crate::state::Console;
use crate::time;

/// How long a browser waits for its user, in milliseconds.
const TIMEOUT_MS: u32 = 120_000;

/// A passkey of the account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Passkey {
    id: String,
    name: String,
    /// Whether it is synchronised between devices.
    is_synchronised: bool,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
}

/// What a browser needs to make a passkey; bytes are in base64url.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PasskeyOffer {
    challenge: String,
    /// Id of the site.
    site: String,
    /// What the passkey is kept under.
    user_handle: String,
    user_name: String,
    display_name: String,
    /// COSE's numbers of the kinds of keys, the best first.
    algorithms: Vec<i64>,
    /// Credentials that the account has, which are not to be made again.
    known: Vec<String>,
    timeout_ms: u32,
}

/// A new passkey; bytes are in base64url.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct PasskeyRequest {
    /// What its owner calls it.
    name: String,
    client_data: String,
    attestation_object: String,
}

/// Recovery codes, when it is the account's first second factor.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PasskeyAdded {
    /// Told this once.
    codes: Option<Vec<String>>,
}

/// What a browser needs to ask for a passkey; bytes are in base64url.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PasskeyChallenge {
    challenge: String,
    /// Id of the site.
    site: String,
    timeout_ms: u32,
}

/// What a passkey answered; bytes are in base64url.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct PasskeyAnswerRequest {
    credential_id: String,
    client_data: String,
    authenticator_data: String,
    signature: String,
}

fn bytes(field: &'static str, text: &str) -> Result<Vec<u8>> {
    BASE64URL_NOPAD
        .decode(text.as_bytes())
        .map_err(|_| Failure::invalid(field, format!("{field} is not base64url")))
}

/// An answer's bytes.
pub(super) struct Answer {
    credential_id: Vec<u8>,
    client_data: Vec<u8>,
    authenticator_data: Vec<u8>,
    signature: Vec<u8>,
}

impl Answer {
    pub(super) fn read(request: &PasskeyAnswerRequest) -> Result<Self> {
        Ok(Self {
            credential_id: bytes("credential_id", &request.credential_id)?,
            client_data: bytes("client_data", &request.client_data)?,
            authenticator_data: bytes("authenticator_data", &request.authenticator_data)?,
            signature: bytes("signature", &request.signature)?,
        })
    }

    pub(super) fn as_answer(&self) -> PasskeyAnswer<'_> {
        PasskeyAnswer {
            credential_id: &self.credential_id,
            assertion: Assertion {
                client_data: &self.client_data,
                authenticator_data: &self.authenticator_data,
                signature: &self.signature,
            },
        }
    }
}

/// Who needs a passkey and has one uses that: another would let in who has found out the rest.
async fn may_add(console: &Console, signed: &InSession) -> Result<()> {
    let has_one = || console.database().passkeys(signed.account.id);
    if signed.needs_passkey && !has_one().await?.is_empty() {
        return Err(Failure::passkey_first());
    }
    Ok(())
}

/// The account's passkeys
#[utoipa::path(get, path = "/api/v1/account/passkeys", operation_id = "listPasskeys", tag = "session",
    responses(
        (status = 200, description = "The oldest first", body = Vec<Passkey>),
        (status = 401, description = "Nobody is signed in", body = ApiError)))]
pub(super) async fn list_passkeys(
    State(console): State<Console>,
    Arriving(signed): Arriving,
) -> Result<Json<Vec<Passkey>>> {
    let passkeys = console.database().passkeys(signed.account.id).await?;
    let view = |one: passkey::PasskeyView| Passkey {
        id: one.id.to_string(),
        name: one.name,
        is_synchronised: one.is_backed_up,
        created_at: time::to_text(one.created_us),
        last_used_at: one.last_used_us.map(time::to_text),
    };
    Ok(Json(passkeys.into_iter().map(view).collect()))
}

/// Begin with a passkey
#[utoipa::path(post, path = "/api/v1/account/passkeys/offer", operation_id = "offerPasskey", tag = "session",
    responses(
        (status = 200, description = "What the browser needs", body = PasskeyOffer),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 409, description = "The console keeps no secrets", body = ApiError)))]
pub(super) async fn offer_passkey(
    State(console): State<Console>,
    Arriving(signed): Arriving,
) -> Result<Json<PasskeyOffer>> {
    let vault = console.vault().ok_or_else(no_vault)?;
    may_add(&console, &signed).await?;
    // Before the browser makes one that nobody takes.
    console
        .database()
        .demand_fresh(&signed.owner(), console.now_us())
        .await?;
    let account = &signed.account;
    let known = console.database().passkeys(account.id).await?;
    Ok(Json(PasskeyOffer {
        challenge: passkey::challenge(vault, Purpose::Register(account.id), console.now_us()),
        site: console.options().site().id,
        user_handle: BASE64URL_NOPAD.encode(&passkey::user_handle(vault, account.id)),
        user_name: account.user_name.clone(),
        display_name: account.display_name.clone(),
        algorithms: ALGORITHMS.to_vec(),
        known: known
            .iter()
            .map(|one| BASE64URL_NOPAD.encode(&one.credential_id))
            .collect(),
        timeout_ms: TIMEOUT_MS,
    }))
}

/// Add the passkey that the browser made
#[utoipa::path(post, path = "/api/v1/account/passkeys", operation_id = "addPasskey", tag = "session", request_body = PasskeyRequest,
    responses(
        (status = 201, description = "Added", body = PasskeyAdded),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you, or the answer does not count", body = ApiError),
        (status = 409, description = "It is known already, or there are too many", body = ApiError)))]
pub(super) async fn add_passkey(
    State(console): State<Console>,
    Arriving(signed): Arriving,
    Body(request): Body<PasskeyRequest>,
) -> Result<impl IntoResponse> {
    let vault = console.vault().ok_or_else(no_vault)?;
    may_add(&console, &signed).await?;
    let (client_data, object) = (
        bytes("client_data", &request.client_data)?,
        bytes("attestation_object", &request.attestation_object)?,
    );
    let new = NewPasskey {
        name: &request.name,
        client_data: &client_data,
        attestation_object: &object,
    };
    let site = console.options().site();
    let codes = console
        .database()
        .add_passkey(vault, &site, &signed.owner(), &new, console.now_us())
        .await?;
    Ok((StatusCode::CREATED, Json(PasskeyAdded { codes })))
}

/// Remove a passkey
#[utoipa::path(delete, path = "/api/v1/account/passkeys/{id}", operation_id = "removePasskey", tag = "session",
    params(("id" = String, Path, description = "Id of the passkey")),
    responses(
        (status = 204, description = "Removed"),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "The account has no such passkey", body = ApiError)))]
pub(super) async fn remove_passkey(
    State(console): State<Console>,
    signed: InSession,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    let id = id.parse().map_err(|_| Failure::not_found())?;
    console
        .database()
        .remove_passkey(&signed.owner(), id, console.now_us())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ask for a passkey, to sign in or to confirm
#[utoipa::path(post, path = "/api/v1/session/passkey/challenge", operation_id = "passkeyChallenge", tag = "session",
    security(()),
    responses(
        (status = 200, description = "What the browser needs", body = PasskeyChallenge),
        (status = 409, description = "The console keeps no secrets", body = ApiError)))]
pub(super) async fn passkey_challenge(State(console): State<Console>) -> Result<Json<PasskeyChallenge>> {
    let vault = console.vault().ok_or_else(no_vault)?;
    Ok(Json(PasskeyChallenge {
        challenge: passkey::challenge(vault, Purpose::Answer, console.now_us()),
        site: console.options().site().id,
        timeout_ms: TIMEOUT_MS,
    }))
}

/// Sign in with a passkey
#[utoipa::path(post, path = "/api/v1/session/passkey", operation_id = "signInPasskey", tag = "session", request_body = PasskeyAnswerRequest,
    security(()),
    responses(
        (status = 200, description = "Signed in", body = Account),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 403, description = "The answer does not count, or the passkey is not known", body = ApiError),
        (status = 409, description = "The console keeps no secrets", body = ApiError),
        (status = 429, description = "Too many attempts", body = ApiError)))]
pub(super) async fn sign_in_passkey(
    State(console): State<Console>,
    client: Client,
    Body(request): Body<PasskeyAnswerRequest>,
) -> Result<impl IntoResponse> {
    let vault = console.vault().ok_or_else(no_vault)?;
    let answer = Answer::read(&request)?;
    let site = console.options().site();
    let now_us = console.now_us();
    let (account, token) = console
        .database()
        .sign_in_with_passkey(vault, &site, &answer.as_answer(), &client.origin, now_us)
        .await?;
    strongly_signed_in(&console, account, &token, &client, Entry::Passkey).await
}

/// Confirm with a passkey that it is still you
#[utoipa::path(post, path = "/api/v1/session/confirm/passkey", operation_id = "confirmPasskey", tag = "session", request_body = PasskeyAnswerRequest,
    responses(
        (status = 204, description = "Confirmed for five minutes"),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "The answer does not count", body = ApiError),
        (status = 409, description = "The console keeps no secrets", body = ApiError)))]
pub(super) async fn confirm_passkey(
    State(console): State<Console>,
    Arriving(signed): Arriving,
    Body(request): Body<PasskeyAnswerRequest>,
) -> Result<StatusCode> {
    let vault = console.vault().ok_or_else(no_vault)?;
    let answer = Answer::read(&request)?;
    let site = console.options().site();
    console
        .database()
        .confirm_with_passkey(
            vault,
            &site,
            &signed.owner(),
            &answer.as_answer(),
            console.now_us(),
        )
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
