//! Exceptions: made from an alert, looked at beforehand, extended, agreed to by a second person, ended.
//!
//! They change what a rule raises, so the rows for rules in the table of rights hold.
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

mod shown;
mod wanted;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vonggac_access::exception::Exception as Held;
use vonggac_access::{PersonId, action, thing};
use vonggac_database::exception::{Exception as Kept, ExceptionId, NewException, covered, verdict_of};
use vonggac_database::queue::{Filter, Holders};
use vonggac_database::work::{Action, Selection};
use vonggac_database::{DatabaseError, Status};
use vonggac_event::Scope;

pub(super) use shown::of_alert;
pub(crate) use shown::{AlertException, Condition};

use self::shown::{Exception, Preview};
use self::wanted::ExceptionRequest;
use super::filter::time_us;
use super::memberships::today;
use crate::authority;
use crate::error::{ApiError, Failure, Result};
use crate::extract::{Body, NumberPath, Signed};
use crate::state::Console;

/// Exceptions.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ExceptionList {
    /// Those that are not over, the next to expire first; then the others, the last first. At most 1,000.
    items: Vec<Exception>,
}

/// An exception that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ExceptionMade {
    exception: Exception,
    /// Open alerts that were closed with it; none when there were too many to close at once.
    #[schema(required, minimum = 0)]
    closed: Option<u64>,
    /// By which closing them can be undone for a day.
    #[schema(required)]
    operation: Option<String>,
}

/// Until when, and why.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ExtensionRequest {
    /// At most a year away.
    #[schema(format = DateTime)]
    expires_at: String,
    note: String,
}

/// Why.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct EndRequest {
    note: String,
}

/// What an exception is as a thing of rights.
fn held(kept: &Kept) -> Held {
    Held {
        owner: kept.organisation.clone(),
        author: Some(PersonId(kept.asker().id.0)),
    }
}

/// That one may make it; whose alerts it is about, and which of them one sees.
async fn reach(console: &Console, signed: &Signed, new: &NewException) -> Result<(Scope, Scope)> {
    let organisation = &new.reach.organisation;
    let thing = Held {
        owner: organisation.clone(),
        author: None,
    };
    signed
        .permit::<_, action::Create>(console, thing, organisation.as_str())
        .await?;
    let sight = signed.reach::<thing::Alert, action::Read>(console).await?;
    let tree = authority::organisations(console).await?;
    let covered = covered(&tree, organisation, new.reach.with_beneath, today(console)?);
    Ok((sight, covered))
}

/// An exception that one may see.
async fn find(console: &Console, signed: &Signed, id: i64) -> Result<(Scope, Kept)> {
    let scope = signed.reach::<Held, action::Read>(console).await?;
    let kept = console
        .database()
        .exception(&scope, ExceptionId(id), console.now_us())
        .await?;
    Ok((scope, kept))
}

async fn show(console: &Console, signed: &Signed, scope: &Scope, id: ExceptionId) -> Result<Exception> {
    let now_us = console.now_us();
    let kept = console.database().exception(scope, id, now_us).await?;
    let tree = authority::organisations(console).await?;
    Ok(Exception::of(signed, &tree, kept, now_us))
}

/// Exceptions
#[utoipa::path(get, path = "/api/v1/exceptions", operation_id = "listExceptions", tag = "exceptions",
    responses(
        (status = 200, description = "Those of one's organisations", body = ExceptionList),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "This account sees no rules", body = ApiError),
        (status = 422, description = "The list would cost too much", body = ApiError)))]
pub(super) async fn list_exceptions(
    State(console): State<Console>,
    signed: Signed,
) -> Result<Json<ExceptionList>> {
    let scope = signed.reach::<Held, action::Read>(&console).await?;
    let now_us = console.now_us();
    let found = console.database().exceptions(&scope, now_us).await?;
    let tree = authority::organisations(&console).await?;
    let items = found
        .into_iter()
        .map(|kept| Exception::of(&signed, &tree, kept, now_us));
    Ok(Json(ExceptionList {
        items: items.collect(),
    }))
}

/// Look at what an exception would catch
#[utoipa::path(post, path = "/api/v1/exceptions/preview", operation_id = "previewException", tag = "exceptions",
    request_body = ExceptionRequest,
    responses(
        (status = 200, description = "What it would have caught over seven days; nothing is changed", body = Preview),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "A second factor is wanted", body = ApiError),
        (status = 404, description = "There is no such alert or organisation for this one", body = ApiError),
        (status = 422, description = "It would cost too much", body = ApiError)))]
pub(super) async fn preview_exception(
    State(console): State<Console>,
    signed: Signed,
    Body(request): Body<ExceptionRequest>,
) -> Result<Json<Preview>> {
    let new = request.read()?;
    let (sight, covered) = reach(&console, &signed, &new).await?;
    let preview = console
        .database()
        .preview_exception(&sight, &covered, &new, console.now_us())
        .await?;
    Ok(Json(preview.into()))
}

/// Make an exception
#[utoipa::path(post, path = "/api/v1/exceptions", operation_id = "addException", tag = "exceptions",
    request_body = ExceptionRequest,
    responses(
        (status = 201, description = "Made; it may wait for a second person", body = ExceptionMade),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "A second factor is wanted", body = ApiError),
        (status = 404, description = "There is no such alert or organisation for this one", body = ApiError),
        (status = 409, description = "There are too many", body = ApiError)))]
pub(super) async fn add_exception(
    State(console): State<Console>,
    signed: Signed,
    Body(request): Body<ExceptionRequest>,
) -> Result<(StatusCode, Json<ExceptionMade>)> {
    let new = request.read()?;
    let (sight, covered) = reach(&console, &signed, &new).await?;
    let id = console
        .database()
        .add_exception(&sight, &covered, signed.by(), &new, console.now_us())
        .await?;
    let scope = signed.reach::<Held, action::Read>(&console).await?;
    let exception = show(&console, &signed, &scope, id).await?;
    // What waits for a second person closes nothing either.
    let (closed, operation) = if request.close_open && exception.is_in_force() {
        close_open(&console, &signed, &covered, &new, &exception).await?
    } else {
        (Some(0), None)
    };
    let made = ExceptionMade {
        exception,
        closed,
        operation,
    };
    Ok((StatusCode::CREATED, Json(made)))
}

/// Closes the open alerts that nobody works on and that the exception is about, as far as one may work on them.
async fn close_open(
    console: &Console,
    signed: &Signed,
    covered: &Scope,
    new: &NewException,
    exception: &Exception,
) -> Result<(Option<u64>, Option<String>)> {
    let Some(verdict) = verdict_of(new.reason) else {
        return Ok((Some(0), None));
    };
    let works = signed.part::<thing::Alert, action::Work>();
    let scope = works.narrowed(|code| covered.covers(code));
    let filter = Filter {
        statuses: vec![Status::Open],
        holders: Holders {
            nobody: true,
            ..Holders::default()
        },
        rule: Some(exception.rule_id.clone()),
        conditions: Some(new.reach.conditions.clone()),
        ..Filter::default()
    };
    let close = Action::Close {
        verdict,
        reason: Some(new.reason),
        note: Some(new.note.clone()),
    };
    let selection = Selection::Matching(Box::new(filter));
    let done = console
        .database()
        .act_on_many(&scope, signed.by(), &selection, &close, console.now_us())
        .await;
    match done {
        Ok(outcome) => Ok((
            Some(u64::try_from(outcome.changed.len()).unwrap_or(u64::MAX)),
            outcome.operation.map(|operation| operation.0.to_string()),
        )),
        // The exception is made; that the others are too many is said, and they stay.
        Err(DatabaseError::Invalid { .. } | DatabaseError::TooExpensive) => Ok((None, None)),
        Err(error) => Err(error.into()),
    }
}

/// Let an exception hold longer
#[utoipa::path(post, path = "/api/v1/exceptions/{id}/extend", operation_id = "extendException", tag = "exceptions",
    params(("id" = String, Path, description = "Id of the exception")), request_body = ExtensionRequest,
    responses(
        (status = 200, description = "The exception; its extension may wait for a second person", body = Exception),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "A second factor is wanted", body = ApiError),
        (status = 404, description = "There is none, or it is not one's to change", body = ApiError),
        (status = 409, description = "It is not in force", body = ApiError)))]
pub(super) async fn extend_exception(
    State(console): State<Console>,
    signed: Signed,
    NumberPath(id): NumberPath,
    Body(request): Body<ExtensionRequest>,
) -> Result<Json<Exception>> {
    let (scope, kept) = find(&console, &signed, id).await?;
    signed
        .permit::<_, action::Change>(&console, held(&kept), id)
        .await?;
    let expires_us = time_us("expires_at", Some(&request.expires_at))?
        .ok_or_else(|| Failure::invalid("expires_at", "expires_at is needed"))?;
    console
        .database()
        .extend_exception(
            &scope,
            signed.by(),
            kept.id,
            expires_us,
            &request.note,
            console.now_us(),
        )
        .await?;
    Ok(Json(show(&console, &signed, &scope, kept.id).await?))
}

/// Agree to an exception or its extension as the second person
#[utoipa::path(post, path = "/api/v1/exceptions/{id}/approve", operation_id = "approveException", tag = "exceptions",
    params(("id" = String, Path, description = "Id of the exception")),
    responses(
        (status = 200, description = "The exception, in force", body = Exception),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "A second factor is wanted", body = ApiError),
        (status = 404, description = "There is none, or it is not one's to agree to", body = ApiError),
        (status = 409, description = "Nothing waits", body = ApiError)))]
pub(super) async fn approve_exception(
    State(console): State<Console>,
    signed: Signed,
    NumberPath(id): NumberPath,
) -> Result<Json<Exception>> {
    let (scope, kept) = find(&console, &signed, id).await?;
    signed
        .permit::<_, action::Approve>(&console, held(&kept), id)
        .await?;
    console
        .database()
        .approve_exception(&scope, signed.by(), kept.id, console.now_us())
        .await?;
    Ok(Json(show(&console, &signed, &scope, kept.id).await?))
}

/// End an exception
#[utoipa::path(post, path = "/api/v1/exceptions/{id}/end", operation_id = "endException", tag = "exceptions",
    params(("id" = String, Path, description = "Id of the exception")), request_body = EndRequest,
    responses(
        (status = 200, description = "The exception; alerts that come now are in the queue again", body = Exception),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "A second factor is wanted", body = ApiError),
        (status = 404, description = "There is none, or it is not one's to change", body = ApiError),
        (status = 409, description = "It is over", body = ApiError)))]
pub(super) async fn end_exception(
    State(console): State<Console>,
    signed: Signed,
    NumberPath(id): NumberPath,
    Body(request): Body<EndRequest>,
) -> Result<Json<Exception>> {
    let (scope, kept) = find(&console, &signed, id).await?;
    signed
        .permit::<_, action::Change>(&console, held(&kept), id)
        .await?;
    console
        .database()
        .end_exception(&scope, signed.by(), kept.id, &request.note, console.now_us())
        .await?;
    Ok(Json(show(&console, &signed, &scope, kept.id).await?))
}
