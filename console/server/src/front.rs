//! The built front end, embedded in the binary.
//!
//! Files whose names carry a hash never change and may be kept for good; `index.html` is asked for each time. A path that is no file
//! is a page of the front end, which reads the path itself.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use crate::error::Failure;

#[derive(RustEmbed)]
#[folder = "../web/dist"]
struct Dist;

const NOT_BUILT: &str = "The console runs, but its front end was not built. In console/web: npm ci && npm run build, then build again.\n";

/// Serves a file, a page of the front end, or says that there is none.
pub(crate) async fn serve(uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    if path == "api" || path.starts_with("api/") {
        return Failure::not_found().into_response();
    }
    if let Some(file) = Dist::get(path).filter(|_| !path.is_empty()) {
        return answer(path, file.data);
    }
    // A missing file is missing; only pages fall back, and they have no extension. What an entity's page is about may have dots.
    let is_file =
        !path.starts_with("entity/") && path.rsplit('/').next().is_some_and(|name| name.contains('.'));
    match Dist::get("index.html") {
        Some(_) if is_file => Failure::not_found().into_response(),
        Some(file) => answer("index.html", file.data),
        None => (
            StatusCode::NOT_FOUND,
            [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
            NOT_BUILT,
        )
            .into_response(),
    }
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
            let response = serve(Uri::from_static(path)).await;
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
            let kind = response.headers().get(header::CONTENT_TYPE).cloned();
            assert_eq!(
                kind,
                Some(header::HeaderValue::from_static("application/json")),
                "{path}"
            );
        }
    }

    #[tokio::test]
    async fn a_missing_file_is_missing() {
        for path in ["/assets/none.js", "/../Cargo.toml", "/..%2f..%2fCargo.toml"] {
            assert_eq!(
                serve(Uri::from_static(path)).await.status(),
                StatusCode::NOT_FOUND,
                "{path}"
            );
        }
    }
}
