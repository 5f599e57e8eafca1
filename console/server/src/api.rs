//! The API: its routes and its OpenAPI document, which come from one place.

mod alerts;
mod audit;
mod entities;
pub(crate) mod events;
mod exports;
mod health;
mod overview;
mod searches;
mod session;
pub(crate) mod shapes;
mod stream;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Console;
use crate::{front, guard, meter};

#[derive(OpenApi)]
#[openapi(
    info(title = "Vọng Gác console", license(name = "Apache-2.0", identifier = "Apache-2.0")),
    // Told over the stream, which OpenAPI has no words for.
    components(schemas(shapes::AlertStatusChange))
)]
struct Document;

fn router() -> OpenApiRouter<Console> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(session::setup_state, session::setup))
        .routes(routes!(
            session::sign_in,
            session::current_session,
            session::sign_out
        ))
        .routes(routes!(session::list_sessions))
        .routes(routes!(session::end_session))
        .routes(routes!(session::update_account))
        .routes(routes!(alerts::list_alerts))
        .routes(routes!(alerts::alert_counts))
        .routes(routes!(stream::alert_stream))
        .routes(routes!(alerts::bulk_alerts))
        .routes(routes!(alerts::get_alert))
        .routes(routes!(events::alert_events))
        .routes(routes!(alerts::acknowledge_alert))
        .routes(routes!(alerts::close_alert))
        .routes(routes!(alerts::reopen_alert))
        .routes(routes!(alerts::comment_alert))
        .routes(routes!(events::list_events))
        .routes(routes!(events::event_histogram))
        .routes(routes!(events::event_fields))
        .routes(routes!(events::event_values))
        .routes(routes!(entities::get_entity))
        .routes(routes!(searches::list_searches, searches::save_search))
        .routes(routes!(searches::change_search, searches::remove_search))
        .routes(routes!(exports::list_exports, exports::start_export))
        .routes(routes!(exports::cancel_export))
        .routes(routes!(exports::download_export))
        .routes(routes!(audit::list_audit))
        .routes(routes!(audit::export_audit))
        .routes(routes!(audit::prove_audit))
        .routes(routes!(health::health))
        .routes(routes!(overview::overview))
}

/// The OpenAPI document of the API, as JSON.
pub fn openapi() -> String {
    let document = router().into_openapi();
    let mut text = document.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// The whole console: API, front end, and what guards them.
pub(crate) fn app(console: Console) -> Router {
    let (api, _) = router().split_for_parts();
    api.fallback(front::serve)
        .with_state(console.clone())
        .layer(DefaultBodyLimit::max(guard::BODY_BYTES_MAX))
        .layer(axum::middleware::from_fn(guard::guard))
        .layer(axum::middleware::from_fn_with_state(console, meter::count))
}
