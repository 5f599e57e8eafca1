//! What every request passes.
//!
//! - A request that changes something must come from the console's own pages: browsers say where from in `Sec-Fetch-Site` or
//!   `Origin`, and a page elsewhere cannot make them say otherwise. A client that says neither is no browser; it gets through on
//!   its cookie alone, which browsers send from our pages only (`SameSite=Strict`). A body must be JSON, which a page elsewhere
//!   cannot send unasked.
//! - A program with a token of the API ([`crate::extract`]) needs none of that: no browser sends an `Authorization` that a page did not make,
//!   and a page elsewhere may not make one (its preflight is not answered).
//! - Answers carry strict headers; those of the API are not stored anywhere.
//! - Each has an id, told in `X-Request-Id` and written into the audit log.
//! - Bodies end at [`BODY_BYTES_MAX`], requests at [`REQUEST_LIMIT`] (the live stream excepted).

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::error::Failure;
use crate::extract;
use crate::state::Console;

/// The id of a request: 32 hexadecimal digits.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// Largest body of a request, in bytes: 2,000 ids fit.
pub(crate) const BODY_BYTES_MAX: usize = 256 * 1024;
/// Longest a request may take.
pub(crate) const REQUEST_LIMIT: Duration = Duration::from_secs(30);
/// Longest address of a request, in bytes.
const URI_BYTES_MAX: usize = 16 * 1024;

/// What an answer may do in a browser, but for the style sheets of a page. Attributes of style that scripts set need no leave.
macro_rules! policy {
    ($style:literal) => {
        concat!(
            "default-src 'none'; script-src 'self'; style-src 'self'", $style, "; img-src 'self' data:; font-src 'self'; ",
            "connect-src 'self'; manifest-src 'self'; worker-src 'self'; object-src 'none'; frame-src 'none'; ",
            "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
        )
    };
}

/// The policy of a page whose style sheets have that nonce.
pub(crate) fn policy_with(nonce: &str) -> HeaderValue {
    let text = format!(policy!(" 'nonce-{}'"), nonce);
    HeaderValue::try_from(text).unwrap_or(POLICY)
}

const POLICY: HeaderValue = HeaderValue::from_static(policy!(""));

const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-embedder-policy"),
        HeaderValue::from_static("require-corp"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(
            "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), microphone=(), midi=(), payment=(), \
             serial=(), usb=()",
        ),
    ),
];

/// How browsers are told to come back by https alone: for a year, to what stands beneath the name too (RFC 6797).
const HTTPS_FOR_GOOD: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");

pub(crate) async fn guard(State(console): State<Console>, mut request: Request, next: Next) -> Response {
    let id = format!("{:032x}", rand::random::<u128>());
    request.extensions_mut().insert(RequestId(id.clone()));
    let is_api = request.uri().path().starts_with("/api/");
    let is_stream = request.uri().path().ends_with("/stream");
    let is_https_for_good = console.options().is_https() && is_named(request.headers());
    let mut response = match check(&request) {
        Err(failure) => failure.into_response(),
        Ok(()) if is_stream => next.run(request).await,
        Ok(()) => match tokio::time::timeout(REQUEST_LIMIT, next.run(request)).await {
            Ok(response) => response,
            Err(_) => Failure::new(
                StatusCode::GATEWAY_TIMEOUT,
                "timeout",
                "the request took too long",
            )
            .into_response(),
        },
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(POLICY);
    if is_https_for_good {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HTTPS_FOR_GOOD);
    }
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert("x-request-id", id);
    }
    if is_api {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// Whether the console was asked for by a name of its own. What a browser hears of `localhost` would hold for every port of that machine.
fn is_named(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    host.is_some_and(|host| {
        let name = host.split_once(':').map_or(host, |(name, _)| name);
        !name.eq_ignore_ascii_case("localhost")
    })
}

fn check(request: &Request) -> Result<(), Failure> {
    let long = request
        .uri()
        .path_and_query()
        .is_some_and(|whole| whole.as_str().len() > URI_BYTES_MAX);
    if long {
        return Err(Failure::new(
            StatusCode::URI_TOO_LONG,
            "uri_too_long",
            "the address is too long",
        ));
    }
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(());
    }
    let headers = request.headers();
    if extract::bearer(headers).is_none() && !is_own_page(headers) {
        let message = "the request does not come from the console's own pages";
        return Err(Failure::new(StatusCode::FORBIDDEN, "cross_site", message));
    }
    if has_body(headers) && !is_json(headers) {
        let message = "the body must be application/json";
        return Err(Failure::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "media_type",
            message,
        ));
    }
    Ok(())
}

fn text(headers: &HeaderMap, name: impl header::AsHeaderName) -> Option<&str> {
    // A header that is no text is there all the same, and says nothing good.
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

fn is_own_page(headers: &HeaderMap) -> bool {
    if text(headers, "sec-fetch-site").is_some_and(|site| site != "same-origin") {
        return false;
    }
    let Some(origin) = text(headers, header::ORIGIN) else {
        return true;
    };
    let authority = origin
        .strip_prefix("https://")
        .or_else(|| origin.strip_prefix("http://"));
    authority.is_some() && authority == text(headers, header::HOST)
}

fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(header::TRANSFER_ENCODING)
        || text(headers, header::CONTENT_LENGTH).is_some_and(|length| length != "0")
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = text(headers, header::CONTENT_TYPE).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_the_consoles_own_pages_change_things() {
        let check = |headers: &[(&str, &str)], expect: Option<&str>| {
            let mut builder = Request::builder().method("POST").uri("/api/v1/alerts/bulk");
            for (name, value) in headers {
                builder = builder.header(*name, *value);
            }
            let request = builder.body(axum::body::Body::empty()).unwrap();
            let code = check(&request)
                .err()
                .map(|failure| failure.into_response().status().to_string());
            assert_eq!(code.as_deref(), expect, "{headers:?}");
        };
        let host = ("host", "soc.example:8080");
        check(
            &[
                host,
                ("origin", "http://soc.example:8080"),
                ("sec-fetch-site", "same-origin"),
            ],
            None,
        );
        check(&[host, ("origin", "https://soc.example:8080")], None);
        check(&[host, ("sec-fetch-site", "same-origin")], None);
        check(&[host], None);
        let forbidden = Some("403 Forbidden");
        check(&[host, ("origin", "http://soc.example")], forbidden);
        check(&[host, ("origin", "http://evil.example")], forbidden);
        check(&[host, ("origin", "null")], forbidden);
        check(&[("origin", "http://soc.example:8080")], forbidden);
        check(&[host, ("sec-fetch-site", "cross-site")], forbidden);
        check(
            &[
                host,
                ("sec-fetch-site", "same-site"),
                ("origin", "http://soc.example:8080"),
            ],
            forbidden,
        );
        check(&[host, ("sec-fetch-site", "none")], forbidden);
        let token = ("authorization", "Bearer vgt_x");
        check(&[host, ("origin", "https://scripts.example"), token], None);
        check(
            &[
                host,
                ("origin", "http://evil.example"),
                ("authorization", "Basic x"),
            ],
            forbidden,
        );
        let media = Some("415 Unsupported Media Type");
        check(
            &[host, ("content-length", "2"), ("content-type", "text/plain")],
            media,
        );
        check(&[host, ("content-length", "2")], media);
        check(
            &[
                host,
                ("transfer-encoding", "chunked"),
                ("content-type", "application/jsonx"),
            ],
            media,
        );
        check(
            &[
                host,
                ("content-length", "2"),
                ("content-type", "Application/JSON; charset=utf-8"),
            ],
            None,
        );
    }
}
