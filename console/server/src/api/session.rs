//! Set-up, signing in and out, sessions, and one's own account.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use vonggac_database::audit::{Asker, Deed, Origin};
use vonggac_database::factor::Factors;
use vonggac_database::session::Strength;
use vonggac_database::{self as database, Language, NewAccount, Proven, SessionId, SessionToken};

use super::factors::SecondStep;
use super::shapes::{
    Account, AccountPatch, PasswordRequest, SessionView, SetupRequest, SetupState, SignInRequest,
};
use crate::authority;
use crate::error::{ApiError, Failure, Result};
use crate::extract::{
    AtLock, Body, Client, InSession, Signed, Whoever, cookie, half_cookie, no_cookie, no_half_cookie,
};
use crate::state::Console;
use crate::time;

/// Whether the first administrator is still to be made
#[utoipa::path(get, path = "/api/v1/setup", operation_id = "setupState", tag = "session",
    security(()),
    responses((status = 200, description = "Whether it is", body = SetupState)))]
pub(super) async fn setup_state(State(console): State<Console>) -> Result<Json<SetupState>> {
    Ok(Json(SetupState {
        needed: console.database().setup_needed().await?,
    }))
}

/// Make the first administrator with the one-time code
#[utoipa::path(post, path = "/api/v1/setup", operation_id = "setup", tag = "session", request_body = SetupRequest,
    security(()),
    responses(
        (status = 201, description = "Made and signed in", body = Account),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 403, description = "The code is wrong", body = ApiError),
        (status = 409, description = "There is an account already", body = ApiError),
        (status = 429, description = "Too many attempts", body = ApiError)))]
pub(super) async fn setup(
    State(console): State<Console>,
    client: Client,
    Body(request): Body<SetupRequest>,
) -> Result<Response> {
    let now_us = console.now_us();
    if !console.database().setup_needed().await? {
        return Err(database::DatabaseError::AlreadySetUp.into());
    }
    console
        .database()
        .count_setup_attempt(&client.origin, now_us)
        .await?;
    if !console.setup().admits(&request.code) {
        let deed = Deed::done("account.create", "account", "").refused("the one-time code is wrong");
        let by = Asker::nobody("", &client.origin);
        console.database().note(&by, deed, now_us).await?;
        return Err(Failure::new(
            StatusCode::FORBIDDEN,
            "wrong_code",
            "the one-time code is wrong",
        ));
    }
    let new = NewAccount {
        user_name: request.user_name,
        display_name: request.display_name,
        password: request.password,
        language: Language::Vietnamese,
    };
    let account = console
        .database()
        .create_first_account(new, &client.origin, now_us)
        .await?;
    console.setup().close();
    tracing::info!(user_name = account.user_name, "the first administrator was made");
    let token = console
        .database()
        .open_session(&account, &client.origin, Strength::Single, console.now_us())
        .await?;
    signed_in(&console, account, &token, &client, StatusCode::CREATED).await
}

/// Somebody came in with a password alone.
async fn signed_in(
    console: &Console,
    account: database::Account,
    token: &SessionToken,
    client: &Client,
    status: StatusCode,
) -> Result<Response> {
    let remembered = client.remember(console, &account.user_name)?;
    Ok((
        status,
        AppendHeaders(cookie(console, token)?),
        remembered.map(AppendHeaders),
        Json(authority::shown(console, account, false).await?),
    )
        .into_response())
}

/// What somebody came in with who needs no other step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    SecondFactor,
    Passkey,
}

/// Somebody came in with a second factor or a passkey.
pub(super) async fn strongly_signed_in(
    console: &Console,
    account: database::Account,
    token: &SessionToken,
    client: &Client,
    entry: Entry,
) -> Result<impl IntoResponse + use<>> {
    let remembered = client.remember(console, &account.user_name)?;
    let address = &client.origin.address;
    tracing::info!(user_name = account.user_name, address, "signed in with {entry:?}");
    Ok((
        AppendHeaders(cookie(console, token)?),
        AppendHeaders(no_half_cookie(console)?),
        remembered.map(AppendHeaders),
        Json(authority::shown(console, account, entry == Entry::Passkey).await?),
    ))
}

/// The password was right; a second factor is owed.
async fn half_signed_in(
    console: &Console,
    proven: &Proven,
    factors: &Factors,
    origin: &Origin,
) -> Result<Response> {
    let half = console
        .database()
        .open_half_session(proven, origin, console.now_us())
        .await?;
    Ok((
        StatusCode::ACCEPTED,
        AppendHeaders(half_cookie(console, &half)?),
        Json(SecondStep {
            code_needed: true,
            has_passkey: factors.passkeys > 0,
        }),
    )
        .into_response())
}

/// Sign in
#[utoipa::path(post, path = "/api/v1/session", operation_id = "signIn", tag = "session", request_body = SignInRequest,
    security(()),
    responses(
        (status = 200, description = "Signed in", body = Account),
        (status = 202, description = "The password is right, a second factor is owed", body = SecondStep),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "User name or password is wrong", body = ApiError),
        (status = 429, description = "Too many attempts", body = ApiError)))]
pub(super) async fn sign_in(
    State(console): State<Console>,
    client: Client,
    Body(request): Body<SignInRequest>,
) -> Result<Response> {
    let origin = client.origin_for(&console, &request.user_name);
    let attempt = console
        .database()
        .sign_in(&request.user_name, request.password, &origin, console.now_us());
    match attempt.await {
        Ok(proven) => {
            let factors = console.database().factors(proven.account.id).await?;
            if factors.is_any() {
                return half_signed_in(&console, &proven, &factors, &origin).await;
            }
            let token = console
                .database()
                .open_session_of(&proven, &client.origin, console.now_us())
                .await?;
            tracing::info!(
                user_name = proven.account.user_name,
                address = client.origin.address,
                "signed in"
            );
            signed_in(&console, proven.account, &token, &client, StatusCode::OK).await
        }
        Err(error) => {
            tracing::warn!(%error, address = client.origin.address, "sign-in refused");
            Err(error.into())
        }
    }
}

/// Who is signed in
#[utoipa::path(get, path = "/api/v1/session", operation_id = "currentSession", tag = "session",
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "The account", body = Account),
        (status = 401, description = "Nobody is signed in", body = ApiError)))]
pub(super) async fn current_session(
    State(console): State<Console>,
    Whoever(signed): Whoever,
) -> Result<Json<Account>> {
    let abilities = authority::words(signed.context.abilities());
    let account = authority::shown(&console, signed.account, !signed.needs_passkey).await?;
    Ok(Json(Account { abilities, ..account }))
}

/// Sign out
#[utoipa::path(delete, path = "/api/v1/session", operation_id = "signOut", tag = "session",
    responses(
        (status = 204, description = "Signed out"),
        (status = 401, description = "Nobody is signed in", body = ApiError)))]
pub(super) async fn sign_out(
    State(console): State<Console>,
    AtLock(signed): AtLock,
) -> Result<impl IntoResponse> {
    console
        .database()
        .end_session(&signed.account, &signed.origin, signed.session, console.now_us())
        .await?;
    // The browser forgets what it kept of answers; what people chose of the looks of the console stays.
    let forget = [(HeaderName::from_static("clear-site-data"), "\"cache\"")];
    Ok((
        StatusCode::NO_CONTENT,
        AppendHeaders(no_cookie(&console)?),
        AppendHeaders(forget),
    ))
}

/// The account's sessions
#[utoipa::path(get, path = "/api/v1/sessions", operation_id = "listSessions", tag = "session",
    responses(
        (status = 200, description = "The living sessions, the newest first", body = Vec<SessionView>),
        (status = 401, description = "Nobody is signed in", body = ApiError)))]
pub(super) async fn list_sessions(
    State(console): State<Console>,
    signed: InSession,
) -> Result<Json<Vec<SessionView>>> {
    let sessions = console
        .database()
        .list_sessions(signed.account.id, console.now_us())
        .await?;
    Ok(Json(shown(signed.session, sessions)))
}

/// Sessions, one's own or another's, as who asks is shown them.
pub(super) fn shown(current: SessionId, sessions: Vec<database::SessionView>) -> Vec<SessionView> {
    let view = |session: database::SessionView| SessionView {
        current: session.id == current.0,
        id: session.id.to_string(),
        created_at: time::to_text(session.created_us),
        last_seen_at: time::to_text(session.last_seen_us),
        user_agent: session.user_agent,
        address: session.address,
        provider: session.provider,
    };
    sessions.into_iter().map(view).collect()
}

/// End one of the account's sessions
#[utoipa::path(delete, path = "/api/v1/sessions/{id}", operation_id = "endSession", tag = "session",
    params(("id" = String, Path, description = "Id of the session")),
    responses(
        (status = 204, description = "Ended"),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "The account has no such session", body = ApiError)))]
pub(super) async fn end_session(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    let id = id.parse().map_err(|_| Failure::not_found())?;
    console
        .database()
        .end_session(&signed.account, &signed.origin, SessionId(id), console.now_us())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Change one's own password
#[utoipa::path(post, path = "/api/v1/account/password", operation_id = "changePassword", tag = "session",
    request_body = PasswordRequest,
    responses(
        (status = 204, description = "Changed; the account's other sessions have ended"),
        (status = 400, description = "The new password does not do", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "The old password is wrong", body = ApiError),
        (status = 429, description = "Too many attempts", body = ApiError)))]
pub(super) async fn change_password(
    State(console): State<Console>,
    signed: InSession,
    Body(request): Body<PasswordRequest>,
) -> Result<StatusCode> {
    let changed = console
        .database()
        .change_password(
            &signed.owner(),
            request.old_password,
            request.password,
            console.now_us(),
        )
        .await;
    match changed {
        Err(database::DatabaseError::WrongCredentials) => Err(Failure::wrong_password("old_password")),
        changed => Ok(changed.map(|()| StatusCode::NO_CONTENT)?),
    }
}

/// The language that a request names.
pub(super) fn language(text: &str) -> Result<Language> {
    match text {
        "vi" => Ok(Language::Vietnamese),
        "en" => Ok(Language::English),
        _ => Err(Failure::invalid("language", "language is vi or en")),
    }
}

/// Change one's own settings
#[utoipa::path(patch, path = "/api/v1/account", operation_id = "updateAccount", tag = "session",
    request_body = AccountPatch,
    responses(
        (status = 200, description = "The account as it now is", body = Account),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError)))]
pub(super) async fn update_account(
    State(console): State<Console>,
    signed: Signed,
    Body(patch): Body<AccountPatch>,
) -> Result<Json<Account>> {
    let language = patch.language.as_deref().map(language).transpose()?;
    let changed = console
        .database()
        .update_account(
            &signed.account,
            &signed.origin,
            language,
            patch.display_name.as_deref(),
            console.now_us(),
        )
        .await?;
    Ok(Json(authority::shown(&console, changed, true).await?))
}
