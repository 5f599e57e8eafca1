//! Signing in at a provider of OpenID Connect: the way there, and the way back. Nobody is signed in here yet, but who confirms or links.
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vonggac_database::DatabaseError;
use vonggac_database::audit::Origin;
use vonggac_database::openid::attempt::{Attempt, Begun, Errand, RETURN_BYTES_MAX};
use vonggac_database::openid::entering::Entered;
use vonggac_database::openid::{Provider, ProviderId};
use vonggac_openid::request::Question;
use vonggac_openid::{Answer, Handshake};

use crate::error::{ApiError, Failure, Result};
use crate::extract::{
    Arriving, Body, Client, Parameters, ProviderCookie, cookie, half_cookie, no_half_cookie,
    no_provider_cookie, provider_cookie,
};
use crate::openid::{self, Trouble};
use crate::state::Console;

/// How long the way back may take, with all that the provider is asked on it.
const RETURN_LIMIT: Duration = Duration::from_secs(20);

/// A provider with which one may sign in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OfferedProvider {
    pub(super) id: String,
    /// What its button says.
    pub(super) name: String,
}

/// To which provider, and where to be afterwards.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ProviderRequest {
    /// Id of the provider.
    pub(super) provider: String,
    /// A path of the console to be at afterwards.
    #[serde(default, rename = "return")]
    pub(super) return_path: String,
}

/// To which provider with which invitation.
#[derive(Deserialize, ToSchema)]
pub(super) struct ProviderWelcomeRequest {
    /// Id of the provider.
    provider: String,
    /// The secret of the link.
    secret: String,
    /// What the second person told, where the link takes two.
    #[serde(default)]
    code: String,
}

/// Where the browser is to go.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProviderAddress {
    /// An address of the provider, to be gone to in this browser within ten minutes.
    url: String,
}

/// What a browser came back with.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CallbackParameters {
    /// The authorisation code.
    code: Option<String>,
    /// What the browser was sent with.
    state: Option<String>,
    /// Who says that he is the issuer (RFC 9207).
    iss: Option<String>,
    /// What went wrong, in the provider's word.
    error: Option<String>,
}

/// Where one may go back to: a path of the console's own, and no operation of the API.
pub(super) fn own_path(path: &str) -> &str {
    let is_own = path.starts_with('/') && !path.starts_with("//") && !path.starts_with("/api/");
    let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_own && is_plain && path.len() <= RETURN_BYTES_MAX {
        path
    } else {
        "/"
    }
}

fn id_of(text: &str) -> Result<ProviderId> {
    text.parse().map(ProviderId).map_err(|_| Failure::not_found())
}

/// A provider that is on and answers, with the address that a browser is sent to it at.
pub(super) struct Way {
    pub(super) provider: Provider,
    metadata: std::sync::Arc<vonggac_openid::Metadata>,
}

impl Way {
    pub(super) async fn to(console: &Console, provider: &str, origin: &Origin) -> Result<Self> {
        let (database, now_us) = (console.database(), console.now_us());
        let provider = database.way_to_provider(id_of(provider)?, origin, now_us).await?;
        let metadata = match openid::metadata(console, &provider).await {
            Ok(metadata) => metadata,
            Err(trouble) => return Err(not_reached(&provider, &trouble)),
        };
        Ok(Self { provider, metadata })
    }

    /// Begins an errand there that leads back to `path`, and sends the browser off.
    pub(super) async fn begin(&self, console: &Console, errand: Errand, path: &str) -> Result<Response> {
        let is_fresh = errand.is_fresh();
        let begun = console
            .database()
            .begin_openid(self.provider.id, errand, path, console.now_us());
        self.send(console, &begun.await?, is_fresh)
    }

    /// Sends the browser there.
    pub(super) fn send(&self, console: &Console, begun: &Begun, is_fresh: bool) -> Result<Response> {
        let (secret, state) = (begun.secret.to_cookie(), begun.state.to_cookie());
        let question = Question {
            client_id: &self.provider.setting.client_id,
            redirect_uri: &openid::redirect_uri(console),
            scopes: &self.provider.setting.scopes,
            handshake: Handshake {
                secret: secret.as_bytes(),
                state: &state,
            },
            is_fresh,
        };
        let url = question.url(&self.metadata);
        Ok((
            AppendHeaders(provider_cookie(console, &begun.secret)?),
            Json(ProviderAddress { url }),
        )
            .into_response())
    }
}

fn not_reached(provider: &Provider, trouble: &Trouble) -> Failure {
    tracing::warn!(%trouble, issuer = provider.issuer, "a provider cannot be used");
    let message = "the provider cannot be used now; who runs the console can see why";
    Failure::new(StatusCode::SERVICE_UNAVAILABLE, "provider", message)
}

/// With which providers one may sign in
#[utoipa::path(get, path = "/api/v1/openid/providers", operation_id = "openidProviders", tag = "session",
    security(()),
    responses((status = 200, description = "Those that are on, by name", body = Vec<OfferedProvider>)))]
pub(super) async fn openid_providers(State(console): State<Console>) -> Result<Json<Vec<OfferedProvider>>> {
    Ok(Json(shown(console.database().offered_providers().await?)))
}

pub(super) fn shown(offered: Vec<vonggac_database::openid::Offered>) -> Vec<OfferedProvider> {
    let show = |one: vonggac_database::openid::Offered| OfferedProvider {
        id: one.id.to_string(),
        name: one.name,
    };
    offered.into_iter().map(show).collect()
}

/// Begin to sign in at a provider
#[utoipa::path(post, path = "/api/v1/openid/sign-in", operation_id = "openidSignIn", tag = "session",
    request_body = ProviderRequest,
    security(()),
    responses(
        (status = 200, description = "Where to go; a cookie ties it to this browser", body = ProviderAddress),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 404, description = "There is no such provider, or it is off", body = ApiError),
        (status = 429, description = "Too many attempts", body = ApiError),
        (status = 503, description = "The provider cannot be used now", body = ApiError)))]
pub(super) async fn openid_sign_in(
    State(console): State<Console>,
    client: Client,
    Body(request): Body<ProviderRequest>,
) -> Result<Response> {
    let way = Way::to(&console, &request.provider, &client.origin).await?;
    let path = own_path(&request.return_path);
    way.begin(&console, Errand::SignIn, path).await
}

/// Begin to take an invitation up with a provider instead of a password
#[utoipa::path(post, path = "/api/v1/openid/welcome", operation_id = "openidWelcome", tag = "session",
    request_body = ProviderWelcomeRequest,
    security(()),
    responses(
        (status = 200, description = "Where to go; the link is used once one is back", body = ProviderAddress),
        (status = 400, description = "The request is not valid, or the code is not the second person's", body = ApiError),
        (status = 404, description = "There is no such provider, or the link is wrong, used, too old or withdrawn", body = ApiError),
        (status = 429, description = "Too many attempts", body = ApiError),
        (status = 503, description = "The provider cannot be used now", body = ApiError)))]
pub(super) async fn openid_welcome(
    State(console): State<Console>,
    client: Client,
    Body(request): Body<ProviderWelcomeRequest>,
) -> Result<Response> {
    let (database, now_us) = (console.database(), console.now_us());
    let taken = database.take_welcome(&request.secret, &request.code, &client.origin, now_us);
    let errand = Errand::Welcome(taken.await?);
    let way = Way::to(&console, &request.provider, &client.origin).await?;
    way.begin(&console, errand, "/").await
}

/// Begin to confirm at a provider that it is still you
#[utoipa::path(post, path = "/api/v1/openid/confirm", operation_id = "openidConfirm", tag = "session",
    request_body = ProviderRequest,
    responses(
        (status = 200, description = "Where to go, to show there anew who one is", body = ProviderAddress),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is no such provider, or it is off", body = ApiError),
        (status = 429, description = "Too many attempts", body = ApiError),
        (status = 503, description = "The provider cannot be used now", body = ApiError)))]
pub(super) async fn openid_confirm(
    State(console): State<Console>,
    Arriving(signed): Arriving,
    Body(request): Body<ProviderRequest>,
) -> Result<Response> {
    let way = Way::to(&console, &request.provider, &signed.origin).await?;
    let (path, errand) = (own_path(&request.return_path), Errand::Confirm(signed.session));
    way.begin(&console, errand, path).await
}

/// Come back from a provider
#[utoipa::path(get, path = "/api/v1/openid/callback", operation_id = "openidCallback", tag = "session",
    security(()),
    params(CallbackParameters),
    responses(
        (status = 303, description = "To where one wanted to be, or to where it is told why not"),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 429, description = "Too many attempts", body = ApiError)))]
pub(super) async fn openid_callback(
    State(console): State<Console>,
    client: Client,
    cookie: ProviderCookie,
    Parameters(parameters): Parameters<CallbackParameters>,
) -> Result<Response> {
    let state = parameters.state.unwrap_or_default();
    let taken = console
        .database()
        .take_openid(&state, cookie.0.as_ref(), &client.origin, console.now_us())
        .await;
    let (attempt, secret) = match (taken, cookie.0) {
        (Ok(attempt), Some(secret)) => (attempt, secret),
        (Err(DatabaseError::NotFound) | Ok(_), _) => return lead(&console, "/sign-in?problem=state"),
        (Err(error), _) => return Err(error.into()),
    };
    let answer = Answer {
        code: parameters.code,
        issuer: parameters.iss,
        error: parameters.error,
    };
    let secret = secret.to_cookie();
    let handshake = Handshake {
        secret: secret.as_bytes(),
        state: &state,
    };
    let vouching = openid::vouch(&console, &attempt, &answer, handshake);
    let vouched = match tokio::time::timeout(RETURN_LIMIT, vouching).await {
        Ok(Ok(vouched)) => vouched,
        Ok(Err(trouble)) => return refused(&console, &client, &attempt, &trouble).await,
        Err(_) => {
            let trouble = Trouble::Setting("the provider took too long".into());
            return refused(&console, &client, &attempt, &trouble).await;
        }
    };
    let entered = console
        .database()
        .enter_by_openid(&attempt, &vouched, &client.origin, console.now_us())
        .await?;
    entered_as(&console, &client, &attempt, entered)
}

/// What a provider said did not count: written down, and told in words of ours.
async fn refused(
    console: &Console,
    client: &Client,
    attempt: &Attempt,
    trouble: &Trouble,
) -> Result<Response> {
    let issuer = &attempt.provider.issuer;
    tracing::warn!(%trouble, issuer, address = client.origin.address, "a sign-in at a provider came to nothing");
    let why = trouble.to_string();
    console
        .database()
        .note_openid_refused(attempt, &why, &client.origin, console.now_us())
        .await?;
    lead(console, &page_of(attempt, trouble.name()))
}

/// The page that tells of a problem.
fn page_of(attempt: &Attempt, problem: &str) -> String {
    let provider = attempt.provider.id.0;
    match attempt.errand {
        Errand::SignIn | Errand::Welcome(_) => format!("/sign-in?problem={problem}&provider={provider}"),
        Errand::Link(_) | Errand::Confirm(_) => format!("/account?problem={problem}&provider={provider}"),
        Errand::Unlock(_) => {
            let back = in_query(own_path(&attempt.return_path));
            format!("/lock?problem={problem}&provider={provider}&return={back}")
        }
    }
}

fn entered_as(console: &Console, client: &Client, attempt: &Attempt, entered: Entered) -> Result<Response> {
    let path = own_path(&attempt.return_path);
    match entered {
        Entered::Session(account, token) => {
            let (user_name, address) = (&account.user_name, &client.origin.address);
            tracing::info!(
                user_name,
                address,
                issuer = attempt.provider.issuer,
                "signed in at a provider"
            );
            let headers = (
                AppendHeaders(cookie(console, &token)?),
                AppendHeaders(no_half_cookie(console)?),
                client.remember(console, user_name)?.map(AppendHeaders),
            );
            Ok((headers, lead(console, path)?).into_response())
        }
        Entered::Half(_, half, factors) => {
            let passkey = if factors.passkeys > 0 { "&passkey=1" } else { "" };
            let page = format!("/sign-in?step=factor{passkey}&return={}", in_query(path));
            Ok((AppendHeaders(half_cookie(console, &half)?), lead(console, &page)?).into_response())
        }
        Entered::Linked => lead(console, &format!("/account?linked={}", attempt.provider.id.0)),
        Entered::Confirmed | Entered::Unlocked => lead(console, path),
        Entered::Refused(refusal) => lead(console, &page_of(attempt, refusal.name())),
    }
}

/// A path of printable ASCII as a parameter's value.
fn in_query(path: &str) -> String {
    path.replace('%', "%25")
        .replace('&', "%26")
        .replace('+', "%2B")
        .replace('#', "%23")
}

/// To a page of the console's own; what tied the way to the browser is used up.
fn lead(console: &Console, path: &str) -> Result<Response> {
    let location = HeaderValue::try_from(path).map_err(|_| Failure::not_found())?;
    Ok((
        StatusCode::SEE_OTHER,
        AppendHeaders(no_provider_cookie(console)?),
        [(header::LOCATION, location)],
    )
        .into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_returns_to_the_consoles_own_pages_alone() {
        for path in ["/", "/alerts?status=open&q=a%26b", "/alerts/1#x"] {
            assert_eq!(own_path(path), path);
        }
        for path in [
            "",
            "alerts",
            "https://evil.example/",
            "//evil.example/",
            "/\\evil.example",
            "/\t/evil.example",
            "/a b",
            "/é",
            "/api/v1/session",
            "/a\r\nSet-Cookie: x",
        ] {
            assert_eq!(own_path(path), "/", "{path:?}");
        }
        assert_eq!(own_path(&format!("/{}", "a".repeat(RETURN_BYTES_MAX))), "/");
        assert_eq!(in_query("/a?b=%20&c=d+e#f"), "/a?b=%2520%26c=d%2Be%23f");
    }
}
