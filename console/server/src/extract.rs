//! What handlers take from a request, each refused in the API's own words.

use std::net::{IpAddr, SocketAddr};

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Path, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request};
use serde::de::DeserializeOwned;
use vonggac_database::audit::{Asker, Deed, Origin};
use vonggac_database::session::Use;
use vonggac_database::{Account, Role, SessionId, SessionToken};
use vonggac_event::{AlertId, Scope};
use vonggac_store::search;

use crate::error::Failure;
use crate::guard::RequestId;
use crate::state::Console;

/// How long the browser keeps the cookie; the session itself ends by the database's rules.
const COOKIE_S: u32 = 12 * 3600;

/// Who asks.
pub(crate) struct Signed {
    pub(crate) account: Account,
    pub(crate) session: SessionId,
    pub(crate) token: SessionToken,
    pub(crate) origin: Origin,
}

impl Signed {
    /// What the account may see.
    pub(crate) fn scope(&self) -> Scope {
        self.account.scope()
    }

    /// Whose turn its searches take.
    pub(crate) fn asker(&self) -> search::Asker {
        search::Asker(self.account.id.0)
    }

    /// Who the audit log says it was.
    pub(crate) fn by(&self) -> Asker<'_> {
        Asker::person(&self.account, &self.origin)
    }

    /// Writes down what it looked at or was refused.
    pub(crate) async fn note(&self, console: &Console, deed: Deed) -> Result<(), Failure> {
        Ok(console
            .database()
            .note(&self.by(), deed, console.now_us())
            .await?)
    }
}

impl FromRequestParts<Console> for Signed {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut request::Parts, console: &Console) -> Result<Self, Failure> {
        let token = token(&parts.headers, console).ok_or_else(Failure::unauthenticated)?;
        let found = console
            .database()
            .find_session(&token, Use::Active, console.now_us())
            .await?;
        let (account, session) = found.ok_or_else(Failure::unauthenticated)?;
        Ok(Self {
            account,
            session,
            token,
            origin: origin(parts, console),
        })
    }
}

/// Somebody who may read the audit log; to others it does not exist, and that they asked is written down.
pub(crate) struct Auditor(pub(crate) Signed);

impl FromRequestParts<Console> for Auditor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut request::Parts, console: &Console) -> Result<Self, Failure> {
        let signed = Signed::from_request_parts(parts, console).await?;
        if signed.account.role == Role::Administrator {
            return Ok(Self(signed));
        }
        let deed = Deed::done("audit.read", "audit", "").refused("not for this account");
        signed.note(console, deed).await?;
        Err(Failure::not_found())
    }
}

fn cookie_name(console: &Console) -> &'static str {
    if console.options().is_https() {
        "__Host-vonggac"
    } else {
        "vonggac"
    }
}

fn token(headers: &HeaderMap, console: &Console) -> Option<SessionToken> {
    let name = cookie_name(console);
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| value.parse().ok())
}

/// A header that sets the session's cookie.
pub(crate) fn cookie(
    console: &Console,
    token: &SessionToken,
) -> Result<[(HeaderName, HeaderValue); 1], Failure> {
    set_cookie(console, &token.to_cookie(), COOKIE_S)
}

/// A header that removes the session's cookie.
pub(crate) fn no_cookie(console: &Console) -> Result<[(HeaderName, HeaderValue); 1], Failure> {
    set_cookie(console, "", 0)
}

fn set_cookie(console: &Console, value: &str, age_s: u32) -> Result<[(HeaderName, HeaderValue); 1], Failure> {
    let secure = if console.options().is_https() {
        "; Secure"
    } else {
        ""
    };
    let name = cookie_name(console);
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age_s}{secure}");
    let mut header_value = HeaderValue::try_from(text).map_err(|_| {
        Failure::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "cookie",
            "no cookie could be made",
        )
    })?;
    header_value.set_sensitive(true);
    Ok([(header::SET_COOKIE, header_value)])
}

/// Where the request comes from.
pub(crate) struct Client {
    pub(crate) origin: Origin,
}

impl FromRequestParts<Console> for Client {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut request::Parts,
        console: &Console,
    ) -> Result<Self, Self::Rejection> {
        Ok(Self {
            origin: origin(parts, console),
        })
    }
}

/// Where a request comes from, as far as the connection tells. With `--public-url`, a proxy on this machine is believed on whom it
/// speaks for; nobody else is.
fn origin(parts: &request::Parts, console: &Console) -> Origin {
    let peer = parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0.ip().to_canonical());
    let is_proxy = console.options().is_https() && peer.is_some_and(|address| address.is_loopback());
    let address = if is_proxy {
        forwarded_for(&parts.headers).or(peer)
    } else {
        peer
    };
    let agent = parts
        .headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok());
    Origin {
        address: address.map_or_else(|| "unknown".to_owned(), |address| address.to_string()),
        user_agent: agent.unwrap_or_default().to_owned(),
        request: parts
            .extensions
            .get::<RequestId>()
            .map(|id| id.0.clone())
            .unwrap_or_default(),
    }
}

/// The last address of `X-Forwarded-For`: the one that the proxy itself saw.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers
        .get_all("x-forwarded-for")
        .iter()
        .next_back()?
        .to_str()
        .ok()?;
    let address: IpAddr = last.rsplit(',').next()?.trim().parse().ok()?;
    Some(address.to_canonical())
}

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Console> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, console: &Console) -> Result<Self, Failure> {
        match axum::Json::from_request(request, console).await {
            Ok(axum::Json(body)) => Ok(Self(body)),
            Err(rejection) => {
                let code = match &rejection {
                    JsonRejection::MissingJsonContentType(_) => "media_type",
                    JsonRejection::JsonDataError(_) | JsonRejection::JsonSyntaxError(_) => "invalid",
                    _ => "body",
                };
                let status = match rejection.status() {
                    StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
                    other => other,
                };
                Err(Failure::new(status, code, rejection.body_text()))
            }
        }
    }
}

/// The address's parameters.
pub(crate) struct Parameters<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Console> for Parameters<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut request::Parts, console: &Console) -> Result<Self, Failure> {
        let outcome: Result<axum::extract::Query<T>, QueryRejection> =
            axum::extract::Query::from_request_parts(parts, console).await;
        let refused = |why: QueryRejection| Failure::new(StatusCode::BAD_REQUEST, "invalid", why.body_text());
        outcome.map(|query| Self(query.0)).map_err(refused)
    }
}

/// The alert that the path names; what is no id is an alert that does not exist.
pub(crate) struct AlertPath(pub(crate) AlertId);

impl FromRequestParts<Console> for AlertPath {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut request::Parts, console: &Console) -> Result<Self, Failure> {
        let Path(text): Path<String> = Path::from_request_parts(parts, console)
            .await
            .map_err(|_| Failure::not_found())?;
        text.parse().map(Self).map_err(|_| Failure::not_found())
    }
}

/// The thing that the path names by a number; what is no number is one that does not exist.
pub(crate) struct NumberPath(pub(crate) i64);

impl FromRequestParts<Console> for NumberPath {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut request::Parts, console: &Console) -> Result<Self, Failure> {
        let Path(text): Path<String> = Path::from_request_parts(parts, console)
            .await
            .map_err(|_| Failure::not_found())?;
        text.parse().map(Self).map_err(|_| Failure::not_found())
    }
}
