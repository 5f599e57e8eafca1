//! How everything is.
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

use axum::Json;
use axum::extract::State;
use vonggac_access::{action, thing};

use super::shapes::Health;
use crate::error::ApiError;
use crate::extract::Signed;
use crate::health::{self, Viewer};
use crate::state::Console;

/// How the parts and the sensors are
#[utoipa::path(get, path = "/api/v1/health", operation_id = "health", tag = "health",
    responses(
        (status = 200, description = "The parts, and each sensor's latest counters", body = Health),
        (status = 401, description = "Nobody is signed in", body = ApiError)))]
pub(super) async fn health(State(console): State<Console>, signed: Signed) -> Json<Health> {
    let viewer = Viewer {
        scope: signed.part::<thing::Sensor, action::Read>(),
        sees_insides: signed.context.reach::<thing::Health, action::Read>().is_ok(),
    };
    Json(health::health(&console, &viewer).await)
}
