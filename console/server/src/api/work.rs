//! Work on alerts.
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vonggac_access::{action, thing};
use vonggac_database::work::{Action, BulkOutcome, OperationId, Selection};
use vonggac_database::{AlertRow, Snooze};
use vonggac_event::{AlertId, Scope};

use super::filter::{AlertFilter, account, time_us};
use super::shapes::{AGAIN, Activity, Alert, Person, Reason, Verdict};
use crate::error::{ApiError, Failure, Result};
use crate::extract::{AlertPath, Body, NumberPath, Parameters, Signed, Staged};
use crate::messages;
use crate::state::Console;

/// Taking an alert.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct AcknowledgeRequest {
    note: Option<String>,
    /// Also when somebody else has it.
    #[serde(default)]
    take_over: bool,
}

/// Closing an alert.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct CloseRequest {
    verdict: Verdict,
    /// One of the verdict's.
    reason: Option<Reason>,
    note: Option<String>,
}

/// A comment.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct CommentRequest {
    text: String,
}

/// What to do to many alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum BulkAction {
    Acknowledge,
    Assign,
    Close,
    Reopen,
    Snooze,
    Wake,
    Tag,
}

/// One action on alerts that are named, or on all that match.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct BulkRequest {
    /// At most 2,000. These or `filter`.
    ids: Option<Vec<String>>,
    /// All that match, at most 10,000.
    filter: Option<AlertFilter>,
    /// `seen_at` of the page looked at: what came later is left alone. Needed with `filter`.
    #[schema(format = DateTime)]
    seen_at: Option<String>,
    action: BulkAction,
    note: Option<String>,
    /// To acknowledge also what somebody else has.
    #[serde(default)]
    take_over: bool,
    /// To assign: to whom; nobody when left out.
    assignee: Option<String>,
    /// Needed to close.
    verdict: Option<Verdict>,
    /// To close: one of the verdict's.
    reason: Option<Reason>,
    /// Needed to snooze: a time, or `again` for until it happens again.
    until: Option<String>,
    /// To tag: with these.
    #[serde(default)]
    add: Vec<String>,
    /// To tag: no longer with these.
    #[serde(default)]
    remove: Vec<String>,
}

/// What became of them.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BulkResult {
    updated: u64,
    /// By which it can be undone for a day.
    #[schema(required)]
    operation: Option<String>,
    failed: Vec<BulkFailure>,
}

/// An alert that refused.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BulkFailure {
    id: String,
    /// Why, in the reader's language.
    #[serde(serialize_with = "messages::told")]
    message: String,
}

/// What became of an operation's alerts.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UndoResult {
    /// As they were.
    restored: u64,
    /// Left alone, because somebody has changed them since.
    #[schema(minimum = 0)]
    left: i64,
}

/// Whose name.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PeopleQuery {
    /// Part of it
    q: Option<String>,
}

/// Some people.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PeopleList {
    items: Vec<Person>,
}

/// Whose alerts it may be done to. To give them to another is to assign; to take them or give them back is work.
async fn reach_of(console: &Console, signed: &Signed, action: &Action) -> Result<Scope> {
    match action {
        Action::Assign { to: Some(to), .. } if *to != signed.account.id => {
            signed.reach::<thing::Alert, action::Assign>(console).await
        }
        _ => signed.reach::<thing::Alert, action::Work>(console).await,
    }
}

async fn act(
    console: &Console,
    signed: &Signed,
    id: AlertId,
    action: &Action,
) -> Result<(AlertRow, Activity)> {
    let (scope, now_us) = (reach_of(console, signed, action).await?, console.now_us());
    let (row, activity) = console
        .database()
        .act(&scope, signed.by(), id, action, now_us)
        .await?;
    Ok((row, activity.into()))
}

/// Take an alert
#[utoipa::path(post, path = "/api/v1/alerts/{id}/acknowledge", operation_id = "acknowledgeAlert", tag = "alerts",
    params(("id" = String, Path, description = "Id of the alert")), request_body = AcknowledgeRequest,
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "The alert as it now is", body = Alert),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is none", body = ApiError),
        (status = 409, description = "It is closed, or somebody else has it", body = ApiError)))]
pub(super) async fn acknowledge_alert(
    State(console): State<Console>,
    Staged(signed): Staged,
    AlertPath(id): AlertPath,
    Body(request): Body<AcknowledgeRequest>,
) -> Result<Json<Alert>> {
    let action = Action::Acknowledge {
        note: request.note,
        take_over: request.take_over,
    };
    let (row, _) = act(&console, &signed, id, &action).await?;
    Ok(Json(row.into()))
}

/// Close an alert
#[utoipa::path(post, path = "/api/v1/alerts/{id}/close", operation_id = "closeAlert", tag = "alerts",
    params(("id" = String, Path, description = "Id of the alert")), request_body = CloseRequest,
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "The alert as it now is", body = Alert),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is none", body = ApiError),
        (status = 409, description = "It is closed", body = ApiError)))]
pub(super) async fn close_alert(
    State(console): State<Console>,
    Staged(signed): Staged,
    AlertPath(id): AlertPath,
    Body(request): Body<CloseRequest>,
) -> Result<Json<Alert>> {
    let action = Action::Close {
        verdict: request.verdict.into(),
        reason: request.reason.map(Reason::into),
        note: request.note,
    };
    let (row, _) = act(&console, &signed, id, &action).await?;
    Ok(Json(row.into()))
}

/// Give an alert back to the queue
#[utoipa::path(post, path = "/api/v1/alerts/{id}/reopen", operation_id = "reopenAlert", tag = "alerts",
    params(("id" = String, Path, description = "Id of the alert")),
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "The alert as it now is", body = Alert),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is none", body = ApiError),
        (status = 409, description = "It is open", body = ApiError)))]
pub(super) async fn reopen_alert(
    State(console): State<Console>,
    Staged(signed): Staged,
    AlertPath(id): AlertPath,
) -> Result<Json<Alert>> {
    let (row, _) = act(&console, &signed, id, &Action::Reopen).await?;
    Ok(Json(row.into()))
}

/// Say something about an alert
#[utoipa::path(post, path = "/api/v1/alerts/{id}/comments", operation_id = "commentAlert", tag = "alerts",
    params(("id" = String, Path, description = "Id of the alert")), request_body = CommentRequest,
    security(("session" = []), ("token" = [])),
    responses(
        (status = 201, description = "The comment", body = Activity),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is none", body = ApiError)))]
pub(super) async fn comment_alert(
    State(console): State<Console>,
    Staged(signed): Staged,
    AlertPath(id): AlertPath,
    Body(request): Body<CommentRequest>,
) -> Result<(StatusCode, Json<Activity>)> {
    let (_, activity) = act(&console, &signed, id, &Action::Comment { text: request.text }).await?;
    Ok((StatusCode::CREATED, Json(activity)))
}

impl BulkRequest {
    fn action(&self) -> Result<Action> {
        let note = self.note.clone();
        Ok(match self.action {
            BulkAction::Acknowledge => Action::Acknowledge {
                note,
                take_over: self.take_over,
            },
            BulkAction::Assign => Action::Assign {
                to: self.assignee.as_deref().map(account).transpose()?,
                note,
            },
            BulkAction::Close => Action::Close {
                verdict: self
                    .verdict
                    .ok_or_else(|| Failure::invalid("verdict", "closing needs a verdict"))?
                    .into(),
                reason: self.reason.map(Reason::into),
                note,
            },
            BulkAction::Reopen => Action::Reopen,
            BulkAction::Snooze => Action::Snooze {
                until: until(self.until.as_deref())?,
                note,
            },
            BulkAction::Wake => Action::Wake,
            BulkAction::Tag => Action::Tag {
                add: self.add.clone(),
                remove: self.remove.clone(),
            },
        })
    }

    /// Which alerts, and the ids that are none.
    fn selection(&self, signed: &Signed, console: &Console) -> Result<(Selection, Vec<BulkFailure>)> {
        match (&self.ids, &self.filter) {
            (Some(texts), None) => {
                let (mut ids, mut failed) = (Vec::new(), Vec::new());
                for text in texts {
                    match text.parse::<AlertId>() {
                        Ok(id) => ids.push(id),
                        Err(_) => failed.push(BulkFailure {
                            id: text.clone(),
                            message: "not found".to_owned(),
                        }),
                    }
                }
                Ok((Selection::Ids(ids), failed))
            }
            (None, Some(filter)) => {
                let mut filter = filter.read(signed, console)?;
                filter.arrived_by_us = time_us("seen_at", self.seen_at.as_deref())?;
                if filter.arrived_by_us.is_none() {
                    return Err(Failure::invalid("seen_at", "a filter needs seen_at"));
                }
                Ok((Selection::Matching(Box::new(filter)), Vec::new()))
            }
            _ => Err(Failure::invalid("ids", "either ids or filter is needed")),
        }
    }
}

fn until(text: Option<&str>) -> Result<Snooze> {
    if text == Some(AGAIN) {
        return Ok(Snooze::UntilAgain);
    }
    let us = time_us("until", text)?.ok_or_else(|| Failure::invalid("until", "until is needed"))?;
    Ok(Snooze::Until { us })
}

/// Do one thing to many alerts
#[utoipa::path(post, path = "/api/v1/alerts/bulk", operation_id = "bulkAlerts", tag = "alerts",
    request_body = BulkRequest,
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "How many changed, and which of those named did not", body = BulkResult),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 422, description = "It would take too long", body = ApiError)))]
pub(super) async fn bulk_alerts(
    State(console): State<Console>,
    Staged(signed): Staged,
    Body(request): Body<BulkRequest>,
) -> Result<Json<BulkResult>> {
    let action = request.action()?;
    let (selection, mut failed) = request.selection(&signed, &console)?;
    let (scope, now_us) = (reach_of(&console, &signed, &action).await?, console.now_us());
    let BulkOutcome {
        operation,
        changed,
        failed: refused,
    } = console
        .database()
        .act_on_many(&scope, signed.by(), &selection, &action, now_us)
        .await?;
    failed.extend(refused.into_iter().map(|(id, why)| BulkFailure {
        id: id.to_string(),
        message: why.to_string(),
    }));
    Ok(Json(BulkResult {
        updated: u64::try_from(changed.len()).unwrap_or(u64::MAX),
        operation: operation.map(|operation| operation.0.to_string()),
        failed,
    }))
}

/// Undo what one did
#[utoipa::path(post, path = "/api/v1/operations/{id}/undo", operation_id = "undoOperation", tag = "alerts",
    params(("id" = String, Path, description = "`operation` of what was done")),
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "How many alerts are as they were", body = UndoResult),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is none of this account's within a day", body = ApiError),
        (status = 409, description = "It was undone already", body = ApiError)))]
pub(super) async fn undo_operation(
    State(console): State<Console>,
    Staged(signed): Staged,
    NumberPath(id): NumberPath,
) -> Result<Json<UndoResult>> {
    let scope = signed.reach::<thing::Alert, action::Work>(&console).await?;
    let now_us = console.now_us();
    let undone = console
        .database()
        .undo(&scope, signed.by(), OperationId(id), now_us)
        .await?;
    Ok(Json(UndoResult {
        restored: u64::try_from(undone.restored.len()).unwrap_or(u64::MAX),
        left: undone.left,
    }))
}

/// Who may be given alerts
#[utoipa::path(get, path = "/api/v1/people", operation_id = "listPeople", tag = "alerts", params(PeopleQuery),
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "Those who see some of the alerts that one sees, by name, at most 50", body = PeopleList),
        (status = 401, description = "Nobody is signed in", body = ApiError)))]
pub(super) async fn list_people(
    State(console): State<Console>,
    Staged(signed): Staged,
    Parameters(query): Parameters<PeopleQuery>,
) -> Result<Json<PeopleList>> {
    let scope = signed.reach::<thing::Alert, action::Work>(&console).await?;
    let people = console
        .database()
        .people(&scope, query.q.as_deref().unwrap_or_default(), console.now_us())
        .await?;
    Ok(Json(PeopleList {
        items: people.into_iter().map(Person::from).collect(),
    }))
}
