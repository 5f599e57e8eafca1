//! The story that an alert stands in.
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use vonggac_access::{action, thing};
use vonggac_database::queue::related::Related;

use super::alerts;
use super::shapes::Alert;
use crate::error::{ApiError, Result};
use crate::extract::{AlertPath, Staged};
use crate::state::Console;

/// An alert of another's story.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RelatedAlert {
    alert: Alert,
    /// Whether one of its machines is one of the other's.
    is_of_machine: bool,
    /// Whether it is of the same rule, about the same entity.
    is_of_rule: bool,
}

/// What was raised about the machines of an alert around it, the earliest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AlertStory {
    /// The twenty nearest in time, without the alert itself.
    items: Vec<RelatedAlert>,
    /// Whether there are more, further away in time.
    is_more: bool,
}

/// What was raised about the machines of an alert within a day of it
#[utoipa::path(get, path = "/api/v1/alerts/{id}/story", operation_id = "alertStory", tag = "alerts",
    params(("id" = String, Path, description = "Id of the alert")),
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "The earliest first", body = AlertStory),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is none", body = ApiError),
        (status = 422, description = "It would cost too much", body = ApiError)))]
pub(super) async fn alert_story(
    State(console): State<Console>,
    Staged(signed): Staged,
    AlertPath(id): AlertPath,
) -> Result<Json<AlertStory>> {
    let scope = signed.reach::<thing::Alert, action::Read>(&console).await?;
    let row = alerts::found(&console, &signed, &scope, id).await?;
    let story = console.database().story_of(&scope, &row).await?;
    let told = |one: Related| RelatedAlert {
        alert: one.row.into(),
        is_of_machine: one.is_of_machine,
        is_of_rule: one.is_of_rule,
    };
    Ok(Json(AlertStory {
        items: story.alerts.into_iter().map(told).collect(),
        is_more: story.is_more,
    }))
}
