//! The built front end, embedded in the binary.
//!
//! Files whose names carry a hash never change and may be kept for good; `index.html` is asked for each time, and has a nonce of its own
//! each time, without which a page's style sheets do not count (`guard`). A path that is no file is a page of the front end, which reads
//! the path itself.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use crate::error::Failure;
use crate::guard;

#[derive(RustEmbed)]
#[folder = "../web/dist"]
struct Dist;

/// What stands for the nonce in the built `index.html`; `vite.config.ts` has the same.
const NONCE: &str = "NONCE-OF-THIS-PAGE";

const NOT_BUILT: &str = "The console runs, but its front end was not built. In console/web: npm ci && npm run build, then build again.\n";

/// Serves a file, a page of the front end, or says that there is none. Pages are read; nothing else can be done with them.
pub(crate) async fn serve(method: Method, uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    if path == "api" || path.starts_with("api/") {
        return Failure::not_found().into_response();
    }
    if !matches!(method, Method::GET | Method::HEAD) {
        let failure = Failure::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "pages are read alone",
        );
        return ([(header::ALLOW, "GET, HEAD")], failure).into_response();
    }
    if let Some(file) = Dist::get(path).filter(|_| !path.is_empty() && path != "index.html") {
        return answer(path, file.data);
    }
    // A missing file is missing; only pages fall back, and they have no extension. What an entity's page is about may have dots.
    let is_file = path != "index.html"
        && !path.starts_with("entity/")
        && path.rsplit('/').next().is_some_and(|name| name.contains('.'));
    match Dist::get("index.html") {
        Some(_) if is_file => Failure::not_found().into_response(),
        Some(file) => page(&file.data),
        None => (
            StatusCode::NOT_FOUND,
            [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
            NOT_BUILT,
        )
            .into_response(),
    }
}

fn page(html: &[u8]) -> Response {
    let nonce = format!("{:032x}", rand::random::<u128>());
    let html = String::from_utf8_lossy(html).replace(NONCE, &nonce);
    (
        [
            (
                header::CONTENT_TYPE,
                HeaderValue::from_static("text/html; charset=utf-8"),
            ),
            // The nonce is for one load of the page.
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (header::CONTENT_SECURITY_POLICY, guard::policy_with(&nonce)),
        ],
        html,
    )
        .into_response()
}

fn answer(path: &str, data: Cow<'static, [u8]>) -> Response {
    let body = match data {
        Cow::Borrowed(embedded) => Body::from(embedded),
        Cow::Owned(read) => Body::from(read),
    };
    let cache = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    (
        [
            (header::CONTENT_TYPE, media_type(path)),
            (header::CACHE_CONTROL, cache),
        ],
        body,
    )
        .into_response()
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "woff" => "font/woff",
        "txt" => "text/plain; charset=utf-8",
        "webmanifest" => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_the_api_does_not_have_is_no_page() {
        for path in ["/api", "/api/v1/nothing", "/api/v2"] {
            let response = serve(Method::GET, Uri::from_static(path)).await;
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
            let kind = response.headers().get(header::CONTENT_TYPE).cloned();
            assert_eq!(kind, Some(HeaderValue::from_static("application/json")), "{path}");
        }
    }

    #[tokio::test]
    async fn each_load_of_a_page_has_a_nonce_of_its_own() {
        let html = format!("<meta property=\"csp-nonce\" nonce=\"{NONCE}\">");
        let mut nonces = Vec::new();
        for _ in 0..2 {
            let response = page(html.as_bytes());
            let policy = response.headers()[header::CONTENT_SECURITY_POLICY].clone();
            let policy = policy.to_str().unwrap_or_default().to_owned();
            let bytes = axum::body::to_bytes(response.into_body(), 1024)
                .await
                .unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let nonce = text.split('"').rev().nth(1).unwrap_or_default().to_owned();
            assert!(nonce.len() == 32 && nonce != NONCE, "{text}");
            assert!(
                policy.contains(&format!("style-src 'self' 'nonce-{nonce}';")),
                "{policy}"
            );
            assert!(!policy.contains("unsafe"), "{policy}");
            nonces.push(nonce);
        }
        nonces.dedup();
        assert_eq!(nonces.len(), 2);
    }

    #[tokio::test]
    async fn a_missing_file_is_missing() {
        for path in ["/assets/none.js", "/../Cargo.toml", "/..%2f..%2fCargo.toml"] {
            assert_eq!(
                serve(Method::GET, Uri::from_static(path)).await.status(),
                StatusCode::NOT_FOUND,
                "{path}"
            );
        }
    }
}
