//! The API: its routes and its OpenAPI document, which come from one place.

mod accounts;
mod alerts;
mod audit;
mod entities;
pub(crate) mod events;
mod exceptions;
mod exercises;
mod exports;
mod factors;
mod filter;
mod handover_facts;
mod handovers;
mod health;
mod links;
mod lock;
mod memberships;
mod notice_ways;
mod notices;
mod notification_settings;
mod openid;
mod openid_links;
mod openid_settings;
mod organisations;
mod overview;
mod passkeys;
mod searches;
mod sensors;
mod services;
mod session;
mod settings;
pub(crate) mod shapes;
mod sign_in_rules;
mod story;
mod stream;
mod tokens;
mod views;
mod watch;
mod welcome;
mod work;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Console;
use crate::{front, guard, messages, meter, places};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Vọng Gác console",
        description = "What is said to people (`message` of an error, and what went wrong in other bodies) is in the language that \
                       `Accept-Language` asks for: `vi`, or else `en`. `Content-Language` of the answer says which. `code` and `field` are the \
                       same in every language.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    // Told over the stream, which OpenAPI has no words for.
    components(schemas(shapes::AlertStatusChange)),
    modifiers(&WaysIn),
    // Where nothing else is said.
    security(("session" = []))
)]
struct Document;

/// How one proves who asks.
struct WaysIn;

impl Modify for WaysIn {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let cookie = ApiKeyValue::with_description(
            "__Host-vonggac",
            "A person's session; over plain HTTP the cookie is called `vonggac`. While it is locked, all but what asks for it, unlocks or ends it answers 423 `locked`",
        );
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("vgt_…")
            .description(Some(
                "A service's token, which may be used for what its scope and the service's roles give",
            ));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
        components.add_security_scheme("token", SecurityScheme::Http(bearer.build()));
    }
}

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
        .routes(routes!(session::change_password))
        .routes(routes!(lock::session_lock, lock::lock_session))
        .routes(routes!(lock::unlock_session))
        .routes(routes!(lock::unlock_passkey))
        .routes(routes!(lock::openid_unlock))
        .routes(routes!(lock::set_lock))
        .routes(routes!(factors::sign_in_factor))
        .routes(routes!(factors::confirm_session))
        .routes(routes!(factors::security))
        .routes(routes!(factors::offer_totp, factors::remove_totp))
        .routes(routes!(factors::confirm_totp))
        .routes(routes!(factors::renew_recovery_codes))
        .routes(routes!(passkeys::list_passkeys, passkeys::add_passkey))
        .routes(routes!(passkeys::offer_passkey))
        .routes(routes!(passkeys::remove_passkey))
        .routes(routes!(passkeys::passkey_challenge))
        .routes(routes!(passkeys::sign_in_passkey))
        .routes(routes!(passkeys::confirm_passkey))
        .routes(routes!(openid::openid_providers))
        .routes(routes!(openid::openid_sign_in))
        .routes(routes!(openid::openid_welcome))
        .routes(routes!(openid::openid_confirm))
        .routes(routes!(openid::openid_callback))
        .routes(routes!(openid_links::openid_links, openid_links::openid_link))
        .routes(routes!(openid_links::remove_openid_link))
        .routes(routes!(alerts::list_alerts))
        .routes(routes!(alerts::alert_counts))
        .routes(routes!(alerts::alert_groups))
        .routes(routes!(alerts::alert_tags))
        .routes(routes!(alerts::since_last_here))
        .routes(routes!(watch::list_watched, watch::watch))
        .routes(routes!(watch::unwatch))
        .routes(routes!(handovers::list_handovers, handovers::begin_handover))
        .routes(routes!(
            handovers::get_handover,
            handovers::change_handover,
            handovers::discard_handover
        ))
        .routes(routes!(handovers::hand_over))
        .routes(routes!(handovers::acknowledge_handover))
        .routes(routes!(notices::list_notices))
        .routes(routes!(notices::read_notices))
        .routes(routes!(notices::list_notice_rules, notices::add_notice_rule))
        .routes(routes!(notices::change_notice_rule, notices::remove_notice_rule))
        .routes(routes!(notice_ways::list_notice_ways))
        .routes(routes!(notice_ways::add_mail_way))
        .routes(routes!(notice_ways::add_webhook))
        .routes(routes!(notice_ways::confirm_notice_way))
        .routes(routes!(notice_ways::test_notice_way))
        .routes(routes!(notice_ways::resume_notice_way))
        .routes(routes!(notice_ways::remove_notice_way))
        .routes(routes!(
            notification_settings::get_notification_settings,
            notification_settings::change_notification_settings
        ))
        .routes(routes!(notification_settings::test_notification_settings))
        .routes(routes!(views::list_views, views::save_view))
        .routes(routes!(views::remove_view))
        .routes(routes!(stream::alert_stream))
        .routes(routes!(work::bulk_alerts))
        .routes(routes!(work::undo_operation))
        .routes(routes!(work::list_people))
        .routes(routes!(alerts::get_alert))
        .routes(routes!(events::alert_events))
        .routes(routes!(story::alert_story))
        .routes(routes!(work::acknowledge_alert))
        .routes(routes!(work::close_alert))
        .routes(routes!(work::reopen_alert))
        .routes(routes!(work::comment_alert))
        .routes(routes!(exceptions::list_exceptions, exceptions::add_exception))
        .routes(routes!(exceptions::preview_exception))
        .routes(routes!(exceptions::extend_exception))
        .routes(routes!(exceptions::approve_exception))
        .routes(routes!(exceptions::end_exception))
        .routes(routes!(exercises::list_exercises, exercises::make_exercise))
        .routes(routes!(exercises::get_exercise, exercises::change_exercise))
        .routes(routes!(exercises::share_exercise))
        .routes(routes!(exercises::start_exercise))
        .routes(routes!(exercises::end_exercise))
        .routes(routes!(events::list_events))
        .routes(routes!(events::event_histogram))
        .routes(routes!(events::event_fields))
        .routes(routes!(events::event_values))
        .routes(routes!(entities::get_entity))
        .routes(routes!(entities::entity_elsewhere))
        .routes(routes!(searches::list_searches, searches::save_search))
        .routes(routes!(searches::change_search, searches::remove_search))
        .routes(routes!(exports::list_exports, exports::start_export))
        .routes(routes!(exports::cancel_export))
        .routes(routes!(exports::download_export))
        .routes(routes!(accounts::list_accounts, accounts::invite_account))
        .routes(routes!(accounts::account_places))
        .routes(routes!(accounts::get_account, accounts::change_account))
        .routes(routes!(links::reset_account))
        .routes(routes!(links::second_link))
        .routes(routes!(accounts::disable_account))
        .routes(routes!(accounts::enable_account))
        .routes(routes!(accounts::account_sessions))
        .routes(routes!(accounts::end_account_session))
        .routes(routes!(
            memberships::account_memberships,
            memberships::grant_membership
        ))
        .routes(routes!(memberships::end_membership))
        .routes(routes!(memberships::approve_membership))
        .routes(routes!(memberships::waiting_memberships))
        .routes(routes!(
            organisations::list_organisations,
            organisations::add_organisation
        ))
        .routes(routes!(
            organisations::get_organisation,
            organisations::change_organisation
        ))
        .routes(routes!(
            organisations::end_organisation,
            organisations::keep_organisation
        ))
        .routes(routes!(organisations::succeed_organisation))
        .routes(routes!(welcome::welcome))
        .routes(routes!(welcome::accept_welcome))
        .routes(routes!(sensors::list_sensors, sensors::prepare_sensor))
        .routes(routes!(sensors::sensor_places))
        .routes(routes!(sensors::enrol_sensor))
        .routes(routes!(sensors::get_sensor, sensors::change_sensor))
        .routes(routes!(sensors::renew_sensor))
        .routes(routes!(sensors::revoke_sensor))
        .routes(routes!(services::list_services, services::open_service))
        .routes(routes!(services::service_places))
        .routes(routes!(services::get_service))
        .routes(routes!(services::end_service))
        .routes(routes!(tokens::make_token))
        .routes(routes!(tokens::revoke_token))
        .routes(routes!(
            sign_in_rules::sign_in_rules,
            sign_in_rules::set_sign_in_rules
        ))
        .routes(routes!(
            openid_settings::openid_settings,
            openid_settings::add_openid_provider
        ))
        .routes(routes!(
            openid_settings::change_openid_provider,
            openid_settings::remove_openid_provider
        ))
        .routes(routes!(openid_settings::test_openid_provider))
        .routes(routes!(audit::list_audit))
        .routes(routes!(audit::export_audit))
        .routes(routes!(audit::prove_audit))
        .routes(routes!(health::health))
        .routes(routes!(overview::overview))
}

/// The OpenAPI document of the API, as JSON.
pub fn openapi() -> String {
    let mut document = router().into_openapi();
    exercises::stage(&mut document);
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
        .layer(axum::middleware::from_fn_with_state(
            console.clone(),
            places::behind_proxies,
        ))
        .layer(axum::middleware::from_fn_with_state(
            console.clone(),
            guard::guard,
        ))
        .layer(axum::middleware::from_fn(messages::in_the_readers_language))
        .layer(axum::middleware::from_fn_with_state(console, meter::count))
}
