//! The second step of signing in, confirming who sits there, and one's own second factors.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use qrcode::QrCode;
use qrcode::render::svg;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vonggac_database::DatabaseError;
use vonggac_database::entry::Confirmation;
use vonggac_database::session::FRESH_US;

use super::openid::{OfferedProvider, shown};
use super::session::{Entry, strongly_signed_in};
use super::shapes::Account;
use crate::error::{ApiError, Failure, Result};
use crate::extract::{Arriving, Body, Client, Half, InSession};
use crate::state::Console;
use crate::time;

/// Smallest side of a QR code's picture, in pixels.
const QR_PIXELS: u32 = 200;

/// What signing in still needs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SecondStep {
    /// Whether a code of an app, or a recovery code, is needed; always true.
    pub(crate) code_needed: bool,
    /// Whether a passkey will do instead.
    pub(crate) has_passkey: bool,
}

/// A code of an app, or a recovery code.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CodeRequest {
    code: String,
}

/// What shows that it is still the same person: the password, or for an account with a second factor a code.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ConfirmRequest {
    password: Option<String>,
    code: Option<String>,
}

/// How an account signs in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Security {
    /// Whether this console can keep second factors.
    can_have_factors: bool,
    /// Since when the account has an app for one-time codes.
    #[schema(format = DateTime)]
    totp_since: Option<String>,
    /// How many passkeys the account has.
    passkeys: i64,
    /// Recovery codes that were not used.
    recovery_codes_left: i64,
    /// Whether the account has a password to confirm with.
    has_password: bool,
    /// Providers to confirm at, which the account is linked to.
    providers: Vec<OfferedProvider>,
    /// Whether this session has seen a second factor.
    is_strong: bool,
    /// Until when factors can be changed without confirming again; absent when it must be confirmed first.
    #[schema(format = DateTime)]
    confirmed_until: Option<String>,
}

/// What an app is to be told.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TotpOffer {
    /// In base 32, for typing in.
    secret: String,
    /// The same as an `otpauth:` address.
    uri: String,
    /// The same as a QR code: an SVG picture.
    qr_svg: String,
}

/// Recovery codes, told this once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecoveryCodes {
    codes: Vec<String>,
}

/// Sign in: the second step
#[utoipa::path(post, path = "/api/v1/session/factor", operation_id = "signInFactor", tag = "session", request_body = CodeRequest,
    security(()),
    responses(
        (status = 200, description = "Signed in", body = Account),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "The first step is missing, too long ago, or used up", body = ApiError),
        (status = 403, description = "The code is wrong or was used", body = ApiError),
        (status = 429, description = "Too many attempts", body = ApiError)))]
pub(super) async fn sign_in_factor(
    State(console): State<Console>,
    half: Half,
    client: Client,
    Body(request): Body<CodeRequest>,
) -> Result<impl IntoResponse> {
    let now_us = console.now_us();
    let finished = console
        .database()
        .finish_sign_in(console.vault(), &half.0, &request.code, &client.origin, now_us)
        .await;
    let (account, token) = match finished {
        Err(DatabaseError::NotFound) => return Err(Failure::unauthenticated()),
        finished => finished?,
    };
    strongly_signed_in(&console, account, &token, &client, Entry::SecondFactor).await
}

/// Confirm that it is still you
#[utoipa::path(post, path = "/api/v1/session/confirm", operation_id = "confirmSession", tag = "session", request_body = ConfirmRequest,
    responses(
        (status = 204, description = "Confirmed for five minutes"),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "The password or the code is wrong", body = ApiError),
        (status = 429, description = "Too many attempts", body = ApiError)))]
pub(super) async fn confirm_session(
    State(console): State<Console>,
    Arriving(signed): Arriving,
    Body(request): Body<ConfirmRequest>,
) -> Result<StatusCode> {
    let with = match (request.code, request.password) {
        (Some(code), _) => Confirmation::Code(code),
        (None, Some(password)) => Confirmation::Password(password),
        (None, None) => return Err(Failure::invalid("code", "a code or a password is needed")),
    };
    let confirmed = console
        .database()
        .confirm_session(console.vault(), &signed.owner(), with, console.now_us())
        .await;
    match confirmed {
        Err(DatabaseError::WrongCredentials) => Err(Failure::wrong_password("password")),
        confirmed => Ok(confirmed.map(|()| StatusCode::NO_CONTENT)?),
    }
}

/// How the account signs in
#[utoipa::path(get, path = "/api/v1/account/security", operation_id = "accountSecurity", tag = "session",
    responses(
        (status = 200, description = "Its second factors, and how sure it is who asks", body = Security),
        (status = 401, description = "Nobody is signed in", body = ApiError)))]
pub(super) async fn security(
    State(console): State<Console>,
    Arriving(signed): Arriving,
) -> Result<Json<Security>> {
    let factors = console.database().factors(signed.account.id).await?;
    let assured = signed.assured;
    let is_confirmed = assured.is_fresh(console.now_us()) && (assured.is_strong || !factors.is_any());
    Ok(Json(Security {
        can_have_factors: console.vault().is_some(),
        totp_since: factors.totp_since_us.map(time::to_text),
        passkeys: factors.passkeys,
        recovery_codes_left: factors.recovery_codes_left,
        has_password: console.database().has_password(signed.account.id).await?,
        providers: shown(console.database().own_providers(signed.account.id).await?),
        is_strong: assured.is_strong,
        confirmed_until: is_confirmed.then(|| time::to_text(assured.confirmed_us.saturating_add(FRESH_US))),
    }))
}

/// Begin with an app for one-time codes
#[utoipa::path(post, path = "/api/v1/account/totp", operation_id = "offerTotp", tag = "session",
    responses(
        (status = 200, description = "What the app is to be told", body = TotpOffer),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 409, description = "There is an app already, or the console keeps no secrets", body = ApiError)))]
pub(super) async fn offer_totp(State(console): State<Console>, signed: InSession) -> Result<Json<TotpOffer>> {
    let vault = console.vault().ok_or_else(no_vault)?;
    let offer = console
        .database()
        .offer_totp(vault, &signed.owner(), console.now_us())
        .await?;
    Ok(Json(TotpOffer {
        qr_svg: picture(&offer.uri)?,
        secret: offer.secret,
        uri: offer.uri,
    }))
}

/// Finish with the app: its first code
#[utoipa::path(post, path = "/api/v1/account/totp/confirm", operation_id = "confirmTotp", tag = "session", request_body = CodeRequest,
    responses(
        (status = 200, description = "The app counts from now on; the recovery codes, told this once", body = RecoveryCodes),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "The code is wrong, or it must be confirmed first that it is you", body = ApiError),
        (status = 404, description = "Nothing was begun", body = ApiError),
        (status = 429, description = "Too many attempts", body = ApiError)))]
pub(super) async fn confirm_totp(
    State(console): State<Console>,
    signed: InSession,
    Body(request): Body<CodeRequest>,
) -> Result<Json<RecoveryCodes>> {
    let vault = console.vault().ok_or_else(no_vault)?;
    let now_us = console.now_us();
    let codes = console
        .database()
        .confirm_totp(vault, &signed.owner(), &request.code, now_us)
        .await?;
    Ok(Json(RecoveryCodes { codes }))
}

/// Remove the app
#[utoipa::path(delete, path = "/api/v1/account/totp", operation_id = "removeTotp", tag = "session",
    responses(
        (status = 204, description = "Removed"),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "There is none", body = ApiError)))]
pub(super) async fn remove_totp(State(console): State<Console>, signed: InSession) -> Result<StatusCode> {
    console
        .database()
        .remove_totp(&signed.owner(), console.now_us())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// New recovery codes in place of the old
#[utoipa::path(post, path = "/api/v1/account/recovery-codes", operation_id = "renewRecoveryCodes", tag = "session",
    responses(
        (status = 200, description = "Told this once", body = RecoveryCodes),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "The account has no second factor", body = ApiError)))]
pub(super) async fn renew_recovery_codes(
    State(console): State<Console>,
    signed: InSession,
) -> Result<Json<RecoveryCodes>> {
    let codes = console
        .database()
        .renew_recovery_codes(&signed.owner(), console.now_us())
        .await?;
    Ok(Json(RecoveryCodes { codes }))
}

pub(super) fn no_vault() -> Failure {
    let message = "this console keeps no secrets; it must be started with --secrets-key";
    Failure::new(StatusCode::CONFLICT, "no_secrets_key", message)
}

/// Black on white in either theme: cameras want it so.
fn picture(text: &str) -> Result<String> {
    let code = QrCode::new(text).map_err(|error| {
        tracing::error!(%error, "no QR code could be made");
        Failure::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "qr",
            "no QR code could be made",
        )
    })?;
    let mut renderer = code.render::<svg::Color<'_>>();
    Ok(renderer.min_dimensions(QR_PIXELS, QR_PIXELS).build())
}
