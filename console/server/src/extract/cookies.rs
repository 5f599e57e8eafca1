//! The console's cookies: of a session, of half of one, of a way to a provider, and of a browser that has signed in before.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use vonggac_database::SessionToken;

use crate::error::Failure;
use crate::state::Console;

/// How long a browser keeps that of a half session.
const HALF_COOKIE_S: u32 = 5 * 60;
/// How long it keeps that of a way to a provider.
const PROVIDER_COOKIE_S: u32 = 10 * 60;

pub(super) fn cookie_name(console: &Console) -> &'static str {
    if console.options().is_https() {
        "__Host-vonggac"
    } else {
        "vonggac"
    }
}

pub(super) fn half_cookie_name(console: &Console) -> &'static str {
    if console.options().is_https() {
        "__Host-vonggac-half"
    } else {
        "vonggac-half"
    }
}

pub(super) fn provider_cookie_name(console: &Console) -> &'static str {
    if console.options().is_https() {
        "__Host-vonggac-provider"
    } else {
        "vonggac-provider"
    }
}

pub(super) fn device_cookie_name(console: &Console) -> &'static str {
    if console.options().is_https() {
        "__Host-vonggac-device"
    } else {
        "vonggac-device"
    }
}

pub(super) fn token(headers: &HeaderMap, name: &str) -> Option<SessionToken> {
    cookie_value(headers, name)?.parse().ok()
}

pub(super) fn cookie_value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// A header that sets a cookie.
pub(crate) type SetCookie = [(HeaderName, HeaderValue); 1];

/// A header that sets the session's cookie.
pub(crate) fn cookie(console: &Console, token: &SessionToken) -> Result<SetCookie, Failure> {
    // The session itself ends by the database's rules.
    let age_s = console.options().session_hours.saturating_mul(3600);
    set_cookie(console, cookie_name(console), &token.to_cookie(), age_s)
}

/// A header that removes the session's cookie.
pub(crate) fn no_cookie(console: &Console) -> Result<SetCookie, Failure> {
    set_cookie(console, cookie_name(console), "", 0)
}

/// A header that sets the cookie of a half session.
pub(crate) fn half_cookie(console: &Console, token: &SessionToken) -> Result<SetCookie, Failure> {
    set_cookie(
        console,
        half_cookie_name(console),
        &token.to_cookie(),
        HALF_COOKIE_S,
    )
}

/// A header that removes the cookie of a half session.
pub(crate) fn no_half_cookie(console: &Console) -> Result<SetCookie, Failure> {
    set_cookie(console, half_cookie_name(console), "", 0)
}

/// A header that sets the cookie that ties a way to a provider to this browser. The way back begins on the provider's pages, so that it is sent
/// along from there as well.
pub(crate) fn provider_cookie(console: &Console, secret: &SessionToken) -> Result<SetCookie, Failure> {
    let (name, value) = (provider_cookie_name(console), secret.to_cookie());
    cookie_of(console, name, &value, PROVIDER_COOKIE_S, "Lax")
}

/// A header that removes it.
pub(crate) fn no_provider_cookie(console: &Console) -> Result<SetCookie, Failure> {
    cookie_of(console, provider_cookie_name(console), "", 0, "Lax")
}

pub(super) fn set_cookie(
    console: &Console,
    name: &str,
    value: &str,
    age_s: u32,
) -> Result<SetCookie, Failure> {
    cookie_of(console, name, value, age_s, "Strict")
}

fn cookie_of(
    console: &Console,
    name: &str,
    value: &str,
    age_s: u32,
    same_site: &str,
) -> Result<SetCookie, Failure> {
    let secure = if console.options().is_https() {
        "; Secure"
    } else {
        ""
    };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite={same_site}; Max-Age={age_s}{secure}");
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
