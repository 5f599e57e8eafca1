//! How everything is.
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

use axum::Json;
use axum::extract::State;

use super::shapes::Health;
use crate::authority;
use crate::error::ApiError;
use crate::extract::Anyone;
use crate::health::{self, Viewer};
use crate::state::Console;

/// How the parts and the sensors are
#[utoipa::path(get, path = "/api/v1/health", operation_id = "health", tag = "health",
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "The parts, and each sensor's latest counters", body = Health),
        (status = 401, description = "Nobody is signed in", body = ApiError)))]
pub(super) async fn health(State(console): State<Console>, Anyone(signed): Anyone) -> Json<Health> {
    let tree = authority::organisations(&console).await.ok();
    let viewer = Viewer::of(&signed, tree.as_deref());
    Json(health::health(&console, &viewer).await)
}
