//! The lock of a session: whether it is on, locking, and unlocking.
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vonggac_database::DatabaseError;
use vonggac_database::audit::Origin;
use vonggac_database::factor::Owner;
use vonggac_database::openid::attempt::Errand;
use vonggac_database::session::lock::LockedBy;

use super::factors::no_vault;
use super::openid::{OfferedProvider, ProviderAddress, ProviderRequest, Way, own_path, shown};
use super::passkeys::{Answer, PasskeyAnswerRequest};
use crate::error::{ApiError, Failure, Result};
use crate::extract::{AtLock, Body, Client, InSession};
use crate::state::Console;
use crate::time;

/// The lock of the session that asks: whose it is, and what opens it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionLock {
    is_locked: bool,
    /// Whose session it is: the name to sign in with …
    user_name: String,
    /// … and the one that others see.
    display_name: String,
    /// `vi` or `en`.
    language: String,
    /// Whether the account's password unlocks it.
    has_password: bool,
    /// Whether a passkey does.
    has_passkey: bool,
    /// Providers at which it can be unlocked.
    providers: Vec<OfferedProvider>,
    /// When it locks by itself; absent while it is locked.
    setting: Option<LockSetting>,
}

/// When one's own sessions lock by themselves.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LockSetting {
    /// What one has chosen, in minutes; 0: never.
    own_minutes: i32,
    /// The most that may be chosen here, in minutes; absent: each may choose.
    minutes_max: Option<i32>,
    /// After how many minutes without a key or pointer the page locks the session; absent: never.
    after_minutes: Option<i32>,
    /// When the session's owner was last let in: signed in, or unlocked it.
    #[schema(format = DateTime)]
    entered_at: String,
}

/// Who locks the session.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct LockRequest {
    /// Whether it is the page, which nobody has touched for a while.
    #[serde(default)]
    by_itself: bool,
}

/// What unlocks the session.
#[derive(Deserialize, ToSchema)]
pub(super) struct UnlockRequest {
    password: String,
}

/// When one's own sessions are to lock by themselves.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct LockSettingRequest {
    /// 5, 10, 15 or 30 minutes without a key or pointer; 0: never.
    minutes: i32,
}

async fn setting(console: &Console, signed: &InSession) -> Result<LockSetting> {
    let setting = console.database().lock_setting(&signed.account).await?;
    Ok(LockSetting {
        own_minutes: setting.own_minutes,
        minutes_max: setting.minutes_max,
        after_minutes: setting.after_minutes(),
        entered_at: time::to_text(signed.entered_us),
    })
}

/// Whether the session is locked
#[utoipa::path(get, path = "/api/v1/session/lock", operation_id = "sessionLock", tag = "session",
    responses(
        (status = 200, description = "Whether it is, whose it is, and what unlocks it", body = SessionLock),
        (status = 401, description = "Nobody is signed in", body = ApiError)))]
pub(super) async fn session_lock(State(console): State<Console>, at: AtLock) -> Result<Json<SessionLock>> {
    let is_locked = at.is_locked();
    let AtLock(signed) = at;
    let (store, id) = (console.database(), signed.account.id);
    let setting = match is_locked {
        true => None,
        false => Some(setting(&console, &signed).await?),
    };
    Ok(Json(SessionLock {
        is_locked,
        has_password: store.has_password(id).await?,
        has_passkey: store.factors(id).await?.passkeys > 0,
        providers: shown(store.own_providers(id).await?),
        language: signed.account.language.code().to_owned(),
        user_name: signed.account.user_name.clone(),
        display_name: signed.account.display_name.clone(),
        setting,
    }))
}

/// Lock the session
#[utoipa::path(post, path = "/api/v1/session/lock", operation_id = "lockSession", tag = "session", request_body = LockRequest,
    responses(
        (status = 204, description = "Locked: it serves nothing but what unlocks or ends it, and its live streams end"),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError)))]
pub(super) async fn lock_session(
    State(console): State<Console>,
    AtLock(signed): AtLock,
    Body(request): Body<LockRequest>,
) -> Result<StatusCode> {
    let by = match request.by_itself {
        true => LockedBy::Itself,
        false => LockedBy::Owner,
    };
    let (store, now_us) = (console.database(), console.now_us());
    store.lock_session(&signed.owner(), by, now_us).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is answered to who tried to unlock a session.
fn unlocked(outcome: std::result::Result<(), DatabaseError>) -> Result<StatusCode> {
    match outcome {
        Err(DatabaseError::WrongCredentials) => Err(Failure::wrong_password("password")),
        Err(DatabaseError::NotFound) => Err(Failure::unauthenticated()),
        outcome => Ok(outcome.map(|()| StatusCode::NO_CONTENT)?),
    }
}

/// Whoever says to be the owner, in a browser that may know the account.
fn owner<'a>(signed: &'a InSession, origin: &'a Origin) -> Owner<'a> {
    Owner {
        origin,
        ..signed.owner()
    }
}

/// Unlock the session with the password
#[utoipa::path(post, path = "/api/v1/session/unlock", operation_id = "unlockSession", tag = "session", request_body = UnlockRequest,
    responses(
        (status = 204, description = "Unlocked; it is as strong as before, and it is not confirmed by that who sits there"),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in: the session has ended, as it does with the fifth wrong password", body = ApiError),
        (status = 403, description = "The password is wrong", body = ApiError),
        (status = 429, description = "Too many attempts", body = ApiError)))]
pub(super) async fn unlock_session(
    State(console): State<Console>,
    AtLock(signed): AtLock,
    client: Client,
    Body(request): Body<UnlockRequest>,
) -> Result<StatusCode> {
    let origin = client.origin_for(&console, &signed.account.user_name);
    let owner = owner(&signed, &origin);
    let (store, now_us) = (console.database(), console.now_us());
    unlocked(store.unlock_with_password(&owner, request.password, now_us).await)
}

/// Unlock the session with a passkey
#[utoipa::path(post, path = "/api/v1/session/unlock/passkey", operation_id = "unlockPasskey", tag = "session",
    request_body = PasskeyAnswerRequest,
    responses(
        (status = 204, description = "Unlocked; it is as strong as before, and it is not confirmed by that who sits there"),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "The answer does not count", body = ApiError),
        (status = 409, description = "The console keeps no secrets", body = ApiError),
        (status = 429, description = "Too many attempts", body = ApiError)))]
pub(super) async fn unlock_passkey(
    State(console): State<Console>,
    AtLock(signed): AtLock,
    Body(request): Body<PasskeyAnswerRequest>,
) -> Result<StatusCode> {
    let vault = console.vault().ok_or_else(no_vault)?;
    let answer = Answer::read(&request)?;
    let (site, now_us) = (console.options().site(), console.now_us());
    let outcome = console
        .database()
        .unlock_with_passkey(vault, &site, &signed.owner(), &answer.as_answer(), now_us)
        .await;
    unlocked(outcome)
}

/// Begin to unlock the session at a provider
#[utoipa::path(post, path = "/api/v1/openid/unlock", operation_id = "openidUnlock", tag = "session",
    request_body = ProviderRequest,
    responses(
        (status = 200, description = "Where to go, to show there anew who one is", body = ProviderAddress),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is no such provider, or it is off", body = ApiError),
        (status = 429, description = "Too many attempts", body = ApiError),
        (status = 503, description = "The provider cannot be used now", body = ApiError)))]
pub(super) async fn openid_unlock(
    State(console): State<Console>,
    AtLock(signed): AtLock,
    Body(request): Body<ProviderRequest>,
) -> Result<Response> {
    let way = Way::to(&console, &request.provider, &signed.origin).await?;
    let (path, errand) = (own_path(&request.return_path), Errand::Unlock(signed.session));
    way.begin(&console, errand, path).await
}

/// Choose when one's own sessions lock by themselves
#[utoipa::path(put, path = "/api/v1/account/lock", operation_id = "setLock", tag = "session", request_body = LockSettingRequest,
    responses(
        (status = 200, description = "As it now is", body = LockSetting),
        (status = 400, description = "It cannot be chosen, or is more than may be chosen here", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError)))]
pub(super) async fn set_lock(
    State(console): State<Console>,
    signed: InSession,
    Body(request): Body<LockSettingRequest>,
) -> Result<Json<LockSetting>> {
    let (store, now_us) = (console.database(), console.now_us());
    store
        .choose_lock(&signed.by(), &signed.account, request.minutes, now_us)
        .await?;
    Ok(Json(setting(&console, &signed).await?))
}
