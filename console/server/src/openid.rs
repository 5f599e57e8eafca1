//! The way to providers of OpenID Connect: what they say of themselves, their keys, and whom they vouch for.
//!
//! ```text
//!  provider (PostgreSQL) ─▶ metadata (kept 10 minutes) ─▶ code for a token ─▶ keys (kept an hour; anew for an unknown one, once a minute) ─▶ whom
//! ```
//! Every question goes to the issuer's own host or to one that an administrator has listed, to an address that is public or lies in a network
//! that he has listed, over https; plain http is for this machine's own loopback alone. Nothing leads on, and what an answer may weigh and take is
//! bounded (`vonggac-notify`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use vonggac_database::DatabaseError;
use vonggac_database::openid::attempt::Attempt;
use vonggac_database::openid::entering::Vouched;
use vonggac_database::openid::{Provider, ProviderId};
use vonggac_notify::Failure;
use vonggac_notify::egress::{Egress, Endpoint};
use vonggac_notify::fetch::{Ask, Certificates, Fetched};
use vonggac_openid::request::{Client, token_request};
use vonggac_openid::token::id_token_of;
use vonggac_openid::{Answer, Expected, Handshake, IdToken, KeySet, Metadata, OpenIdError, metadata};

use crate::network::{self, Network};
use crate::state::Console;

/// How long what a provider says of itself is kept.
const METADATA_US: i64 = 10 * 60 * 1_000_000;
/// How long its keys are.
const KEYS_US: i64 = 60 * 60 * 1_000_000;
/// How often its keys are fetched anew for one that is not known.
const REFETCH_US: i64 = 60 * 1_000_000;

/// Why nobody was vouched for.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// What an administrator entered does not do.
    Setting(String),
    /// The provider does not answer, or may not be asked.
    Away(Failure),
    /// What it answers does not count.
    Wrong(OpenIdError),
    /// The database failed, or a secret cannot be read.
    Database(DatabaseError),
}

impl Trouble {
    /// As in the address of the page that tells it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Setting(_) | Self::Database(_) => "setting",
            Self::Away(_) => "away",
            Self::Wrong(OpenIdError::Refused(word)) if word == "access_denied" => "denied",
            Self::Wrong(OpenIdError::Refused(_)) => "provider",
            Self::Wrong(OpenIdError::NotFresh) => "not_fresh",
            Self::Wrong(_) => "answer",
        }
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Setting(why) => out.write_str(why),
            Self::Away(failure) => write!(out, "the provider was not reached: {failure}"),
            Self::Wrong(error) => error.fmt(out),
            Self::Database(error) => error.fmt(out),
        }
    }
}

impl From<OpenIdError> for Trouble {
    fn from(error: OpenIdError) -> Self {
        Self::Wrong(error)
    }
}

impl From<DatabaseError> for Trouble {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

/// What is known of a provider as it is set now.
struct Known {
    changed_us: i64,
    metadata: Arc<Metadata>,
    read_us: i64,
    keys: Option<Arc<KeySet>>,
    /// When they came.
    keys_us: i64,
    /// When keys were last asked for.
    asked_us: i64,
}

/// What is known of providers.
#[derive(Default)]
pub(crate) struct Providers(Mutex<HashMap<ProviderId, Known>>);

impl Providers {
    fn of<T>(&self, provider: &Provider, look: impl FnOnce(&mut Known) -> Option<T>) -> Option<T> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.get_mut(&provider.id)?;
        if known.changed_us != provider.changed_us {
            return None;
        }
        look(known)
    }

    fn metadata(&self, provider: &Provider, now_us: i64) -> Option<Arc<Metadata>> {
        self.of(provider, |known| {
            let age_us = now_us.saturating_sub(known.read_us);
            (0..METADATA_US)
                .contains(&age_us)
                .then(|| Arc::clone(&known.metadata))
        })
    }

    fn keep_metadata(&self, provider: &Provider, metadata: &Arc<Metadata>, now_us: i64) {
        let is_kept = self.of(provider, |known| {
            // Keys of another place are not its keys any more.
            if known.metadata.jwks_uri != metadata.jwks_uri {
                known.keys = None;
            }
            known.metadata = Arc::clone(metadata);
            known.read_us = now_us;
            Some(())
        });
        if is_kept.is_some() {
            return;
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = Known {
            changed_us: provider.changed_us,
            metadata: Arc::clone(metadata),
            read_us: now_us,
            keys: None,
            keys_us: i64::MIN,
            asked_us: i64::MIN,
        };
        all.insert(provider.id, known);
    }

    /// The keys, unless they are too old.
    fn keys(&self, provider: &Provider, now_us: i64) -> Option<Arc<KeySet>> {
        self.of(provider, |known| {
            let age_us = now_us.saturating_sub(known.keys_us);
            known.keys.clone().filter(|_| (0..KEYS_US).contains(&age_us))
        })
    }

    /// Whether keys may be fetched for one that is not known; once a minute they may.
    fn may_refetch(&self, provider: &Provider, now_us: i64) -> bool {
        let may = self.of(provider, |known| {
            let may = now_us.saturating_sub(known.asked_us) >= REFETCH_US;
            if may {
                known.asked_us = now_us;
            }
            Some(may)
        });
        may.unwrap_or_default()
    }

    fn keep_keys(&self, provider: &Provider, keys: &Arc<KeySet>, now_us: i64) {
        self.of(provider, |known| {
            known.keys = Some(Arc::clone(keys));
            (known.keys_us, known.asked_us) = (now_us, now_us);
            Some(())
        });
    }
}

/// An address of a provider that may be asked, or that browsers may be sent to: https, but on this machine.
pub(crate) fn endpoint(text: &str) -> Result<Endpoint, Trouble> {
    let endpoint: Endpoint = text
        .parse()
        .map_err(|error: vonggac_notify::egress::EndpointError| {
            Trouble::Setting(format!("{text} {error}"))
        })?;
    if !endpoint.is_tls() && !network::is_this_machine(endpoint.host()) {
        let why = format!("{text} is plain http, which goes to this machine alone");
        return Err(Trouble::Setting(why));
    }
    Ok(endpoint)
}

/// Where a provider may be asked.
fn egress(provider: &Provider, issuer: &Endpoint) -> Egress {
    let setting = &provider.setting;
    let listed = setting.hosts.iter().filter_map(|host| host.parse().ok());
    let hosts = std::iter::once(issuer.rule()).chain(listed).collect();
    // What cannot be read allows nothing.
    let networks: Vec<Network> = setting
        .networks
        .iter()
        .filter_map(|one| one.parse().ok())
        .collect();
    let allowed = move |address| network::among(&networks, address);
    Egress::new(hosts, !issuer.is_tls(), Box::new(allowed))
}

/// Asks a provider something.
async fn fetch(
    console: &Console,
    provider: &Provider,
    url: &str,
    form: Option<&str>,
    authorization: Option<&str>,
) -> Result<Fetched, Trouble> {
    let (target, issuer) = (endpoint(url)?, endpoint(&provider.issuer)?);
    let trusted: Certificates = provider
        .setting
        .certificates
        .parse()
        .map_err(|_| Trouble::Setting("the certificates cannot be read".into()))?;
    let ask = Ask {
        endpoint: &target,
        form,
        authorization,
        trusted: &trusted,
    };
    let fetched = console.notifier().fetch(&egress(provider, &issuer), ask).await;
    fetched.map_err(Trouble::Away)
}

/// What is found at an address with nothing but the address.
async fn found(
    console: &Console,
    provider: &Provider,
    url: &str,
    is_wrong: OpenIdError,
) -> Result<Vec<u8>, Trouble> {
    let fetched = fetch(console, provider, url, None, None).await?;
    match fetched.status {
        200 => Ok(fetched.body),
        status => {
            tracing::warn!(url, status, "a provider does not answer as it should");
            Err(is_wrong.into())
        }
    }
}

/// What a provider says of itself, fetched anew.
async fn discover(console: &Console, provider: &Provider) -> Result<Metadata, Trouble> {
    let url = metadata::discovery_url(&provider.issuer);
    let missing = OpenIdError::Metadata("there is none at its address");
    let bytes = found(console, provider, &url, missing).await?;
    let metadata = Metadata::read(&bytes, &provider.issuer)?;
    for url in [
        &metadata.authorization_endpoint,
        &metadata.token_endpoint,
        &metadata.jwks_uri,
    ] {
        endpoint(url)?;
    }
    Ok(metadata)
}

/// What a provider says of itself, as far as it is known.
pub(crate) async fn metadata(console: &Console, provider: &Provider) -> Result<Arc<Metadata>, Trouble> {
    let now_us = console.now_us();
    if let Some(metadata) = console.providers().metadata(provider, now_us) {
        return Ok(metadata);
    }
    let metadata = Arc::new(discover(console, provider).await?);
    console.providers().keep_metadata(provider, &metadata, now_us);
    Ok(metadata)
}

async fn fetch_keys(
    console: &Console,
    provider: &Provider,
    metadata: &Metadata,
) -> Result<Arc<KeySet>, Trouble> {
    let bytes = found(console, provider, &metadata.jwks_uri, OpenIdError::Keys).await?;
    Ok(Arc::new(KeySet::read(&bytes)?))
}

/// What a test finds: what a provider says of itself, and how many of its keys can be used.
pub(crate) async fn try_out(console: &Console, provider: &Provider) -> Result<(Metadata, usize), Trouble> {
    let metadata = discover(console, provider).await?;
    let keys = fetch_keys(console, provider, &metadata).await?;
    if keys.is_empty() {
        return Err(OpenIdError::Keys.into());
    }
    Ok((metadata, keys.len()))
}

/// Whom a provider vouches for, by what a browser came back with.
pub(crate) async fn vouch(
    console: &Console,
    attempt: &Attempt,
    answer: &Answer,
    handshake: Handshake<'_>,
) -> Result<Vouched, Trouble> {
    let provider = &attempt.provider;
    let metadata = metadata(console, provider).await?;
    let code = answer.code(&metadata)?;
    let token = token_for(console, provider, &metadata, code, handshake).await?;
    let nonce = handshake.nonce();
    let expected = Expected {
        issuer: &provider.issuer,
        client_id: &provider.setting.client_id,
        nonce: &nonce,
        algorithms: &metadata.algorithms,
        begun_s: attempt.begun_us.div_euclid(1_000_000),
        now_s: console.now_us().div_euclid(1_000_000),
        is_fresh: attempt.errand.is_fresh(),
    };
    let read = read_token(console, provider, &metadata, &token, &expected).await?;
    Ok(Vouched {
        is_strong: read.was_by(&provider.setting.strong_values),
        subject: read.subject,
    })
}

async fn token_for(
    console: &Console,
    provider: &Provider,
    metadata: &Metadata,
    code: &str,
    handshake: Handshake<'_>,
) -> Result<String, Trouble> {
    let secret = console
        .database()
        .openid_secret(console.vault(), provider)
        .await?;
    let client = Client {
        id: &provider.setting.client_id,
        secret: secret.as_deref(),
    };
    let request = token_request(metadata, client, code, &redirect_uri(console), handshake);
    let (form, proof) = (Some(request.body.as_str()), request.authorization.as_deref());
    let fetched = fetch(console, provider, &metadata.token_endpoint, form, proof).await?;
    Ok(id_token_of(fetched.status, &fetched.body)?)
}

/// A provider signs with a new key from one moment to the next: one that is not known is asked for again.
async fn read_token(
    console: &Console,
    provider: &Provider,
    metadata: &Metadata,
    token: &str,
    expected: &Expected<'_>,
) -> Result<IdToken, Trouble> {
    let (known, now_us) = (console.providers(), console.now_us());
    if let Some(keys) = known.keys(provider, now_us) {
        match IdToken::read(token, &keys, expected) {
            Err(OpenIdError::UnknownKey) if known.may_refetch(provider, now_us) => {}
            read => return Ok(read?),
        }
    }
    let keys = fetch_keys(console, provider, metadata).await?;
    known.keep_keys(provider, &keys, now_us);
    Ok(IdToken::read(token, &keys, expected)?)
}

/// Where providers send browsers back to.
pub(crate) fn redirect_uri(console: &Console) -> String {
    format!("{}/api/v1/openid/callback", console.options().site().origin)
}
