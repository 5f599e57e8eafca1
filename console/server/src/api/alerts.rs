//! The alert queue and work on alerts.
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;
use vonggac_database::audit::Deed;
use vonggac_database::queue::{Filter, Sort};
use vonggac_database::work::Action;
use vonggac_database::{AlertRow, DatabaseError, Status};
use vonggac_event::{AlertId, EventId, Severity};

use super::shapes::{
    AcknowledgeRequest, Activity, Alert, AlertCounts, AlertDetail, AlertPage, BulkAction, BulkFailure,
    BulkRequest, BulkResult, CloseRequest, CommentRequest,
};
use crate::error::{ApiError, Failure, Result};
use crate::extract::{AlertPath, Body, Parameters, Signed};
use crate::state::Console;
use crate::time;

/// Alerts on a page when the request does not say.
const PAGE_ROWS: u32 = 100;

/// Which alerts.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AlertQuery {
    /// `open`, `acknowledged`, `closed`; several with commas
    status: Option<String>,
    /// `critical` to `informational`; several with commas
    severity: Option<String>,
    /// Text in title, rule, summary, address, sensor or technique
    q: Option<String>,
    /// ATT&CK technique; its sub-techniques count
    technique: Option<String>,
    /// ATT&CK tactic, as in `credential-access`
    tactic: Option<String>,
    /// Whose network
    organisation: Option<String>,
    /// Which sensor
    sensor: Option<String>,
    /// Address on either side
    address: Option<String>,
    /// Raised then or later
    #[param(format = DateTime)]
    detected_from: Option<String>,
    /// Raised before
    #[param(format = DateTime)]
    detected_to: Option<String>,
    /// Last seen then or later
    #[param(format = DateTime)]
    from: Option<String>,
    /// First seen before
    #[param(format = DateTime)]
    to: Option<String>,
    /// `last_seen`, `first_seen`, `detected_at`, `severity` or `count`; with `-` in front, the largest first; `-last_seen` when left out
    sort: Option<String>,
    /// `next_cursor` of the page before
    cursor: Option<String>,
    /// Most alerts, up to 500
    limit: Option<u32>,
}

/// When.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SpanQuery {
    /// Then or later
    #[param(format = DateTime)]
    from: Option<String>,
    /// Before
    #[param(format = DateTime)]
    to: Option<String>,
}

/// Microseconds of an optional time.
pub(super) fn time_us(field: &'static str, text: Option<&str>) -> Result<Option<i64>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let invalid = || {
        Failure::invalid(
            field,
            format!("{field} is not a time such as 2026-01-31T09:30:00Z"),
        )
    };
    time::from_text(text).map(Some).ok_or_else(invalid)
}

/// The words of a list with commas.
pub(super) fn words<T>(
    field: &'static str,
    text: Option<&str>,
    read: fn(&str) -> Option<T>,
) -> Result<Vec<T>> {
    let one = |word: &str| {
        read(word).ok_or_else(|| Failure::invalid(field, format!("{field}: {word} is not known")))
    };
    text.unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(one)
        .collect()
}

impl AlertQuery {
    fn filter(&self) -> Result<Filter> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        Ok(Filter {
            statuses: words("status", self.status.as_deref(), Status::from_name)?,
            severities: words("severity", self.severity.as_deref(), Severity::from_name)?,
            text: self.q.clone(),
            technique: given(&self.technique),
            tactic: given(&self.tactic),
            organisation: given(&self.organisation),
            sensor: given(&self.sensor),
            address: given(&self.address),
            detected_from_us: time_us("detected_from", self.detected_from.as_deref())?,
            detected_to_us: time_us("detected_to", self.detected_to.as_deref())?,
            from_us: time_us("from", self.from.as_deref())?,
            to_us: time_us("to", self.to.as_deref())?,
        })
    }
}

/// The queue
#[utoipa::path(get, path = "/api/v1/alerts", operation_id = "listAlerts", tag = "alerts", params(AlertQuery),
    responses(
        (status = 200, description = "A page of alerts", body = AlertPage),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 422, description = "The search would cost too much", body = ApiError)))]
pub(super) async fn list_alerts(
    State(console): State<Console>,
    signed: Signed,
    Parameters(query): Parameters<AlertQuery>,
) -> Result<Json<AlertPage>> {
    let filter = query.filter()?;
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let sort = given(&query.sort).map_or(Ok(Sort::default()), |text| text.parse())?;
    let cursor = given(&query.cursor).map(|text| text.parse()).transpose()?;
    let rows_max = query.limit.unwrap_or(PAGE_ROWS);
    let page = console
        .database()
        .list_alerts(&signed.scope(), &filter, sort, cursor, rows_max)
        .await?;
    Ok(Json(AlertPage {
        items: page.rows.into_iter().map(Alert::from).collect(),
        next_cursor: page.next.map(|cursor| cursor.to_string()),
        total: page.total,
    }))
}

/// How many alerts there are
#[utoipa::path(get, path = "/api/v1/alerts/counts", operation_id = "alertCounts", tag = "alerts", params(SpanQuery),
    responses(
        (status = 200, description = "By severity (without the closed ones) and by status", body = AlertCounts),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError)))]
pub(super) async fn alert_counts(
    State(console): State<Console>,
    signed: Signed,
    Parameters(span): Parameters<SpanQuery>,
) -> Result<Json<AlertCounts>> {
    let (from_us, to_us) = (
        time_us("from", span.from.as_deref())?,
        time_us("to", span.to.as_deref())?,
    );
    let counts = console
        .database()
        .count_alerts(&signed.scope(), from_us, to_us)
        .await?;
    Ok(Json(AlertCounts {
        by_severity: counts
            .by_severity
            .iter()
            .map(|(key, count)| (key.name().to_owned(), *count))
            .collect(),
        by_status: counts
            .by_status
            .iter()
            .map(|(key, count)| (key.name().to_owned(), *count))
            .collect(),
    }))
}

/// An alert
#[utoipa::path(get, path = "/api/v1/alerts/{id}", operation_id = "getAlert", tag = "alerts",
    params(("id" = String, Path, description = "Id of the alert")),
    responses(
        (status = 200, description = "The alert", body = AlertDetail),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is none", body = ApiError)))]
pub(super) async fn get_alert(
    State(console): State<Console>,
    signed: Signed,
    AlertPath(id): AlertPath,
) -> Result<Json<AlertDetail>> {
    let scope = signed.scope();
    let row = console.database().alert(&scope, id).await;
    if let Err(why @ DatabaseError::NotFound) = &row {
        signed
            .note(&console, Deed::done("alert.read", "alert", id).refused(why))
            .await?;
    }
    let row = row?;
    let message = console.database().alert_message(&scope, id).await?;
    let links = console.database().alert_links(&scope, id).await?;
    let activity = console.database().activity(&scope, id).await?;
    let ids = message.event_ids.iter().filter_map(|id| EventId::from_bytes(id));
    Ok(Json(AlertDetail {
        alert: row.into(),
        rule_text: message.rule.map(|rule| rule.text).unwrap_or_default(),
        group: message
            .group
            .into_iter()
            .map(|field| (field.name, field.value))
            .collect(),
        event_ids: ids.map(|id| id.to_string()).collect(),
        flow_ids: message.flow_ids.iter().map(u64::to_string).collect(),
        continues: links.continues.map(|id| id.to_string()),
        continued_by: links.continued_by.map(|id| id.to_string()),
        activity: activity.into_iter().map(Activity::from).collect(),
    }))
}

async fn act(
    console: &Console,
    signed: &Signed,
    id: AlertId,
    action: &Action,
) -> Result<(AlertRow, Activity)> {
    let (scope, now_us) = (signed.scope(), console.now_us());
    let (row, activity) = console
        .database()
        .act(&scope, signed.by(), id, action, now_us)
        .await?;
    Ok((row, activity.into()))
}

/// Take an alert
#[utoipa::path(post, path = "/api/v1/alerts/{id}/acknowledge", operation_id = "acknowledgeAlert", tag = "alerts",
    params(("id" = String, Path, description = "Id of the alert")), request_body = AcknowledgeRequest,
    responses(
        (status = 200, description = "The alert as it now is", body = Alert),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is none", body = ApiError),
        (status = 409, description = "It is closed, or somebody else has it", body = ApiError)))]
pub(super) async fn acknowledge_alert(
    State(console): State<Console>,
    signed: Signed,
    AlertPath(id): AlertPath,
    Body(request): Body<AcknowledgeRequest>,
) -> Result<Json<Alert>> {
    let (row, _) = act(&console, &signed, id, &Action::Acknowledge { note: request.note }).await?;
    Ok(Json(row.into()))
}

/// Close an alert
#[utoipa::path(post, path = "/api/v1/alerts/{id}/close", operation_id = "closeAlert", tag = "alerts",
    params(("id" = String, Path, description = "Id of the alert")), request_body = CloseRequest,
    responses(
        (status = 200, description = "The alert as it now is", body = Alert),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is none", body = ApiError),
        (status = 409, description = "It is closed", body = ApiError)))]
pub(super) async fn close_alert(
    State(console): State<Console>,
    signed: Signed,
    AlertPath(id): AlertPath,
    Body(request): Body<CloseRequest>,
) -> Result<Json<Alert>> {
    let action = Action::Close {
        resolution: request.resolution.into(),
        note: request.note,
    };
    let (row, _) = act(&console, &signed, id, &action).await?;
    Ok(Json(row.into()))
}

/// Give an alert back to the queue
#[utoipa::path(post, path = "/api/v1/alerts/{id}/reopen", operation_id = "reopenAlert", tag = "alerts",
    params(("id" = String, Path, description = "Id of the alert")),
    responses(
        (status = 200, description = "The alert as it now is", body = Alert),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is none", body = ApiError),
        (status = 409, description = "It is open", body = ApiError)))]
pub(super) async fn reopen_alert(
    State(console): State<Console>,
    signed: Signed,
    AlertPath(id): AlertPath,
) -> Result<Json<Alert>> {
    let (row, _) = act(&console, &signed, id, &Action::Reopen).await?;
    Ok(Json(row.into()))
}

/// Say something about an alert
#[utoipa::path(post, path = "/api/v1/alerts/{id}/comments", operation_id = "commentAlert", tag = "alerts",
    params(("id" = String, Path, description = "Id of the alert")), request_body = CommentRequest,
    responses(
        (status = 201, description = "The comment", body = Activity),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is none", body = ApiError)))]
pub(super) async fn comment_alert(
    State(console): State<Console>,
    signed: Signed,
    AlertPath(id): AlertPath,
    Body(request): Body<CommentRequest>,
) -> Result<(StatusCode, Json<Activity>)> {
    let (_, activity) = act(&console, &signed, id, &Action::Comment { text: request.text }).await?;
    Ok((StatusCode::CREATED, Json(activity)))
}

/// Do one thing to many alerts
#[utoipa::path(post, path = "/api/v1/alerts/bulk", operation_id = "bulkAlerts", tag = "alerts",
    request_body = BulkRequest,
    responses(
        (status = 200, description = "How many changed, and which did not", body = BulkResult),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError)))]
pub(super) async fn bulk_alerts(
    State(console): State<Console>,
    signed: Signed,
    Body(request): Body<BulkRequest>,
) -> Result<Json<BulkResult>> {
    let action = match (request.action, request.resolution) {
        (BulkAction::Acknowledge, _) => Action::Acknowledge { note: request.note },
        (BulkAction::Close, Some(resolution)) => Action::Close {
            resolution: resolution.into(),
            note: request.note,
        },
        (BulkAction::Close, None) => {
            return Err(Failure::invalid("resolution", "closing needs a resolution"));
        }
    };
    let (mut ids, mut failed): (Vec<AlertId>, Vec<BulkFailure>) = (Vec::new(), Vec::new());
    for id in request.ids {
        match id.parse() {
            Ok(id) => ids.push(id),
            Err(_) => failed.push(BulkFailure {
                id,
                message: "not found".to_owned(),
            }),
        }
    }
    let (scope, now_us) = (signed.scope(), console.now_us());
    let outcome = console
        .database()
        .act_on_many(&scope, signed.by(), &ids, &action, now_us)
        .await?;
    let updated = u64::try_from(outcome.changed.len()).unwrap_or(u64::MAX);
    let refused = outcome.failed.into_iter();
    failed.extend(refused.map(|(id, why)| BulkFailure {
        id: id.to_string(),
        message: why.to_string(),
    }));
    Ok(Json(BulkResult { updated, failed }))
}
