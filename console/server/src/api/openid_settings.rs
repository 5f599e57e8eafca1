//! Providers of OpenID Connect, as who runs the console enters them: settings of the console, so the nation's.
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vonggac_access::action;
use vonggac_database::audit::Deed;
use vonggac_database::notification::NewPassword;
use vonggac_database::openid::{Provider, ProviderId, ProviderSetting};
use vonggac_notify::fetch::Certificates;

use super::settings::{check_hosts, check_networks, lines, may_change, permit_national};
use crate::error::{ApiError, Failure, Result};
use crate::extract::{Body, NumberPath, Signed};
use crate::messages;
use crate::openid;
use crate::state::Console;
use crate::time;

/// A provider, but for the client's secret.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OpenIdProvider {
    id: String,
    issuer: String,
    /// What its button says.
    name: String,
    client_id: String,
    /// Whether a secret is kept; it is never shown.
    has_secret: bool,
    scopes: Vec<String>,
    is_on: bool,
    /// Values of `acr` or `amr` with one of which it counts as two factors.
    strong_values: Vec<String>,
    /// Hosts of its endpoints, where they are not the issuer's.
    hosts: Vec<String>,
    /// Networks that its addresses may be in though they are not public.
    networks: Vec<String>,
    /// Certificates of authorities that are trusted beside the machine's, in PEM.
    certificates: String,
    /// How many accounts are linked.
    #[schema(minimum = 0)]
    links: i64,
    #[schema(format = DateTime)]
    changed_at: String,
}

/// The providers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OpenIdProviders {
    providers: Vec<OpenIdProvider>,
    /// What providers are told to send browsers back to.
    redirect_uri: String,
    /// Whether a client's secret can be kept: the console has the key for it.
    can_keep_secret: bool,
    /// Whether who asks may change them.
    may_change: bool,
}

/// What of a provider may be changed.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct OpenIdProviderRequest {
    name: String,
    client_id: String,
    /// The secret; empty for none, left out to keep the one there is.
    client_secret: Option<String>,
    scopes: Vec<String>,
    is_on: bool,
    #[serde(default)]
    strong_values: Vec<String>,
    #[serde(default)]
    hosts: Vec<String>,
    #[serde(default)]
    networks: Vec<String>,
    #[serde(default)]
    certificates: String,
}

/// A new provider.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct NewOpenIdProvider {
    /// Its issuer, for good, as in `https://id.example/realms/soc`.
    issuer: String,
    #[serde(flatten)]
    setting: OpenIdProviderRequest,
}

/// What a provider was found to be.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OpenIdProviderTest {
    /// Whether one could sign in with it, as far as this can be seen without.
    is_good: bool,
    /// What is wrong, in the reader's language.
    #[serde(serialize_with = "messages::told_if_any")]
    #[schema(required)]
    problem: Option<String>,
    /// What it says of itself.
    #[schema(required)]
    found: Option<OpenIdProviderFound>,
}

/// What a provider says of itself.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OpenIdProviderFound {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    /// What it may sign with, of what is accepted.
    algorithms: Vec<&'static str>,
    /// How many of its keys can be used.
    #[schema(minimum = 0)]
    keys: usize,
    /// Whether it says that it takes PKCE with S256.
    says_pkce: bool,
    /// Whether it names itself in its answers (RFC 9207).
    names_itself: bool,
}

impl OpenIdProviderRequest {
    /// What is to be kept, each part of which was read once.
    fn read(&self) -> Result<ProviderSetting> {
        let (hosts, networks) = (lines(&self.hosts), lines(&self.networks));
        check_hosts(&hosts)?;
        check_networks(&networks)?;
        let read: std::result::Result<Certificates, _> = self.certificates.parse();
        read.map_err(|error| Failure::invalid("certificates", format!("certificates {error}")))?;
        Ok(ProviderSetting {
            name: self.name.trim().to_owned(),
            client_id: self.client_id.trim().to_owned(),
            scopes: lines(&self.scopes),
            is_on: self.is_on,
            strong_values: lines(&self.strong_values),
            hosts,
            networks,
            certificates: self.certificates.trim().to_owned(),
        })
    }

    fn secret(&self) -> NewPassword<'_> {
        self.client_secret.as_deref().into()
    }
}

fn view(provider: Provider) -> OpenIdProvider {
    let setting = provider.setting;
    OpenIdProvider {
        id: provider.id.0.to_string(),
        issuer: provider.issuer,
        name: setting.name,
        client_id: setting.client_id,
        has_secret: provider.has_secret,
        scopes: setting.scopes,
        is_on: setting.is_on,
        strong_values: setting.strong_values,
        hosts: setting.hosts,
        networks: setting.networks,
        certificates: setting.certificates,
        links: provider.links,
        changed_at: time::to_text(provider.changed_us),
    }
}

async fn shown(console: &Console, signed: &Signed) -> Result<Json<OpenIdProviders>> {
    let providers = console.database().openid_providers().await?;
    Ok(Json(OpenIdProviders {
        providers: providers.into_iter().map(view).collect(),
        redirect_uri: openid::redirect_uri(console),
        can_keep_secret: console.vault().is_some(),
        may_change: may_change(console, signed).await?,
    }))
}

/// The providers of OpenID Connect
#[utoipa::path(get, path = "/api/v1/settings/openid", operation_id = "openidSettings", tag = "settings",
    responses(
        (status = 200, description = "By name, but for the clients' secrets", body = OpenIdProviders),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "This takes a second factor", body = ApiError),
        (status = 404, description = "This account sees no settings", body = ApiError)))]
pub(super) async fn openid_settings(
    State(console): State<Console>,
    signed: Signed,
) -> Result<Json<OpenIdProviders>> {
    permit_national::<action::Read>(&console, &signed).await?;
    shown(&console, &signed).await
}

/// Enter a provider of OpenID Connect
#[utoipa::path(post, path = "/api/v1/settings/openid", operation_id = "addOpenidProvider", tag = "settings",
    request_body = NewOpenIdProvider,
    responses(
        (status = 201, description = "The providers as they are now", body = OpenIdProviders),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "This account changes no settings", body = ApiError),
        (status = 409, description = "The issuer is there already, or there are too many", body = ApiError),
        (status = 503, description = "The console has no key to keep a secret with", body = ApiError)))]
pub(super) async fn add_openid_provider(
    State(console): State<Console>,
    signed: Signed,
    Body(request): Body<NewOpenIdProvider>,
) -> Result<(StatusCode, Json<OpenIdProviders>)> {
    permit_national::<action::Change>(&console, &signed).await?;
    let issuer = request.issuer.trim();
    openid::endpoint(issuer).map_err(|trouble| Failure::invalid("issuer", trouble.to_string()))?;
    let setting = request.setting.read()?;
    let secret = request.setting.secret();
    console
        .database()
        .add_openid_provider(
            &signed.by(),
            console.vault(),
            issuer,
            &setting,
            secret,
            console.now_us(),
        )
        .await?;
    Ok((StatusCode::CREATED, shown(&console, &signed).await?))
}

/// Change a provider of OpenID Connect
#[utoipa::path(put, path = "/api/v1/settings/openid/{id}", operation_id = "changeOpenidProvider", tag = "settings",
    params(("id" = String, Path, description = "Id of the provider")),
    request_body = OpenIdProviderRequest,
    responses(
        (status = 200, description = "The providers as they are now; one that is off has taken its sessions with it", body = OpenIdProviders),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "There is no such provider, or this account changes no settings", body = ApiError),
        (status = 503, description = "The console has no key to keep a secret with", body = ApiError)))]
pub(super) async fn change_openid_provider(
    State(console): State<Console>,
    signed: Signed,
    NumberPath(id): NumberPath,
    Body(request): Body<OpenIdProviderRequest>,
) -> Result<Json<OpenIdProviders>> {
    permit_national::<action::Change>(&console, &signed).await?;
    let (setting, secret) = (request.read()?, request.secret());
    let (database, now_us) = (console.database(), console.now_us());
    database
        .change_openid_provider(
            &signed.by(),
            console.vault(),
            ProviderId(id),
            &setting,
            secret,
            now_us,
        )
        .await?;
    shown(&console, &signed).await
}

/// Remove a provider of OpenID Connect
#[utoipa::path(delete, path = "/api/v1/settings/openid/{id}", operation_id = "removeOpenidProvider", tag = "settings",
    params(("id" = String, Path, description = "Id of the provider")),
    responses(
        (status = 204, description = "Removed, with the links to it and the sessions by it"),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "There is no such provider, or this account changes no settings", body = ApiError)))]
pub(super) async fn remove_openid_provider(
    State(console): State<Console>,
    signed: Signed,
    NumberPath(id): NumberPath,
) -> Result<StatusCode> {
    permit_national::<action::Change>(&console, &signed).await?;
    let (database, now_us) = (console.database(), console.now_us());
    database
        .remove_openid_provider(&signed.by(), ProviderId(id), now_us)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ask a provider of OpenID Connect what it says of itself, by the settings as they are kept
#[utoipa::path(post, path = "/api/v1/settings/openid/{id}/test", operation_id = "testOpenidProvider", tag = "settings",
    params(("id" = String, Path, description = "Id of the provider")),
    responses(
        (status = 200, description = "What was found", body = OpenIdProviderTest),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "There is no such provider, or this account changes no settings", body = ApiError),
        (status = 429, description = "Too many tests were made", body = ApiError)))]
pub(super) async fn test_openid_provider(
    State(console): State<Console>,
    signed: Signed,
    NumberPath(id): NumberPath,
) -> Result<Json<OpenIdProviderTest>> {
    permit_national::<action::Change>(&console, &signed).await?;
    let provider = console.database().openid_provider(ProviderId(id)).await?;
    crate::deliveries::count_test(&console, signed.account.id, &provider.issuer).await?;
    let outcome = openid::try_out(&console, &provider).await;
    let deed = Deed::done("openid_provider.test", "openid_provider", id).with("is_good", outcome.is_ok());
    signed.note(&console, deed).await?;
    Ok(Json(match outcome {
        Err(trouble) => OpenIdProviderTest {
            is_good: false,
            problem: Some(trouble.to_string()),
            found: None,
        },
        Ok((metadata, keys)) => OpenIdProviderTest {
            is_good: true,
            problem: None,
            found: Some(OpenIdProviderFound {
                issuer: metadata.issuer,
                authorization_endpoint: metadata.authorization_endpoint,
                token_endpoint: metadata.token_endpoint,
                jwks_uri: metadata.jwks_uri,
                algorithms: metadata.algorithms.into_iter().map(|one| one.name()).collect(),
                keys,
                says_pkce: metadata.says_pkce,
                names_itself: metadata.names_itself,
            }),
        },
    }))
}
