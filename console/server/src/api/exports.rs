//! Searches written to files.
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

use axum::Json;
use axum::body::{Body as ResponseBody, Bytes};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vonggac_access::{action, thing};
use vonggac_database::audit::{Asker, Deed};
use vonggac_database::export::{self, ExportId, ExportState};
use vonggac_database::{AccountId, Database, DatabaseError};

use super::events::{Selection, Wanted};
use crate::error::{ApiError, Failure, Result};
use crate::exports::{Format, Job, ROWS_MAX, Sheet};
use crate::extract::{Body, InSession, Signed};
use crate::messages;
use crate::state::Console;
use crate::time;

/// Most columns that one may ask for.
const COLUMNS_MAX: usize = crate::exports::COLUMNS_MAX;
/// Longest name of a column, in bytes.
const COLUMN_BYTES_MAX: usize = 64;

/// Format of a file.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ExportFormat {
    /// Comma-separated values, RFC 4180; cells that a spreadsheet would take for formulas begin with `'`.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

/// How a job is.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum JobState {
    Running,
    Done,
    Failed,
    Cancelled,
}

/// What is to be written to a file.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ExportRequest {
    format: ExportFormat,
    /// The query; everything when left out.
    q: Option<String>,
    /// Classes, several with commas; every one but `stats` when left out.
    class: Option<String>,
    /// Then or later.
    #[schema(format = DateTime)]
    from: Option<String>,
    /// Before; until now when left out.
    #[schema(format = DateTime)]
    to: Option<String>,
    /// Columns of CSV; all when left out.
    columns: Option<Vec<String>>,
}

/// A job that writes a file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Export {
    id: String,
    /// `csv` or `jsonl`.
    format: String,
    /// What is searched for.
    query: String,
    state: JobState,
    /// Events that the search finds; 0 while that is not known.
    #[schema(minimum = 0)]
    rows_found: i64,
    /// Events in the file; no file has more than `rows_max`.
    #[schema(minimum = 0)]
    rows_done: i64,
    rows_max: u64,
    #[schema(minimum = 0)]
    bytes: i64,
    /// Why it failed, in the reader's language; empty when it did not.
    #[serde(serialize_with = "messages::told")]
    problem: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(required, format = DateTime)]
    finished_at: Option<String>,
    /// When the file is removed.
    #[schema(format = DateTime)]
    kept_until: String,
}

impl From<export::Export> for Export {
    fn from(export: export::Export) -> Self {
        Self {
            id: export.id.0.to_string(),
            format: export.format,
            query: export.query,
            state: match export.state {
                ExportState::Running => JobState::Running,
                ExportState::Done => JobState::Done,
                ExportState::Failed => JobState::Failed,
                ExportState::Cancelled => JobState::Cancelled,
            },
            rows_found: export.rows_found,
            rows_done: export.rows_done,
            rows_max: ROWS_MAX,
            bytes: export.bytes,
            problem: export.problem,
            created_at: time::to_text(export.created_us),
            finished_at: export.finished_us.map(time::to_text),
            kept_until: time::to_text(export.created_us.saturating_add(export::KEPT_US)),
        }
    }
}

/// Writes a search to a file, in the background
#[utoipa::path(post, path = "/api/v1/exports", operation_id = "startExport", tag = "exports", request_body = ExportRequest,
    responses(
        (status = 202, description = "It has begun", body = Export),
        (status = 400, description = "The request or its query is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 409, description = "One is running already, or there are too many", body = ApiError)))]
pub(super) async fn start_export(
    State(console): State<Console>,
    signed: InSession,
    Body(request): Body<ExportRequest>,
) -> Result<(StatusCode, Json<Export>)> {
    let selection = Selection {
        q: request.q,
        class: request.class,
        from: request.from,
        to: request.to,
    };
    let mut wanted = Wanted::of(&console, &signed, &selection).await?;
    wanted.scope = signed
        .reach::<thing::EventSearch, action::Export>(&console)
        .await?;
    // A wrong query is told now, not by the job.
    wanted.check()?;
    // What comes in while the file is written is not in it.
    wanted.to_us.get_or_insert(console.now_us());
    let columns = columns(request.columns)?;
    let format = match request.format {
        ExportFormat::Csv => Format::Csv,
        ExportFormat::Jsonl => Format::JsonLines,
    };
    let sheet = Sheet::new(format, columns, &wanted.classes);
    let export = console
        .database()
        .start_export(
            signed.by(),
            signed.account.id,
            format.name(),
            &selection.words(),
            wanted.scope.to_codes(),
            console.now_us(),
        )
        .await?;
    let token = signed.token.clone();
    let signed = signed.into_signed();
    let job = Job {
        id: export.id,
        account: signed.account,
        origin: signed.origin,
        token,
        wanted,
        sheet,
    };
    if let Err(job) = console.exports().begin(job) {
        let why = "as many exports run as may; try again later";
        let by = Asker::person(&job.account, &job.origin);
        console
            .database()
            .finish_export(by, job.id, Some(why), console.now_us())
            .await?;
        return Err(Failure::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too_many_exports",
            why,
        ));
    }
    Ok((StatusCode::ACCEPTED, Json(export.into())))
}

fn columns(columns: Option<Vec<String>>) -> Result<Vec<String>> {
    let columns = columns.unwrap_or_default();
    let is_name = |name: &String| {
        (1..=COLUMN_BYTES_MAX).contains(&name.len())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if columns.len() > COLUMNS_MAX || !columns.iter().all(is_name) {
        return Err(Failure::invalid(
            "columns",
            format!("columns are at most {COLUMNS_MAX} names of fields"),
        ));
    }
    Ok(columns)
}

/// The account's exports of the last day, the latest first
#[utoipa::path(get, path = "/api/v1/exports", operation_id = "listExports", tag = "exports",
    responses(
        (status = 200, description = "The jobs", body = Vec<Export>),
        (status = 401, description = "Nobody is signed in", body = ApiError)))]
pub(super) async fn list_exports(
    State(console): State<Console>,
    signed: Signed,
) -> Result<Json<Vec<Export>>> {
    signed
        .reach::<thing::EventSearch, action::Export>(&console)
        .await?;
    let all = console.database().exports(signed.account.id).await?;
    Ok(Json(all.into_iter().map(Export::from).collect()))
}

/// Ends an export, and removes its file
#[utoipa::path(post, path = "/api/v1/exports/{id}/cancel", operation_id = "cancelExport", tag = "exports",
    params(("id" = String, Path, description = "Id of the export")),
    responses(
        (status = 200, description = "It has ended", body = Export),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is none", body = ApiError),
        (status = 409, description = "It had ended before", body = ApiError)))]
pub(super) async fn cancel_export(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
) -> Result<Json<Export>> {
    signed
        .reach::<thing::EventSearch, action::Export>(&console)
        .await?;
    let export = console
        .database()
        .cancel_export(signed.by(), signed.account.id, read(&id)?, console.now_us())
        .await?;
    Ok(Json(export.into()))
}

/// The file of an export
#[utoipa::path(get, path = "/api/v1/exports/{id}/file", operation_id = "downloadExport", tag = "exports",
    params(("id" = String, Path, description = "Id of the export")),
    responses(
        (status = 200, description = "The file", body = String, content_type = "text/csv"),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is none, or it is not whole", body = ApiError)))]
pub(super) async fn download_export(
    State(console): State<Console>,
    signed: Signed,
    Path(id): Path<String>,
) -> Result<Response> {
    let scope = signed
        .reach::<thing::EventSearch, action::Export>(&console)
        .await?;
    let id = read(&id)?;
    let deed = Deed::done("export.download", "export", id.0);
    // What it is about may not be within the owner's reach any more.
    let is_within = |export: &export::Export| export.codes.iter().all(|code| scope.covers(code));
    let export = match console.database().export(signed.account.id, id).await {
        Ok(export) if is_within(&export) && matches!(export.state, ExportState::Done) => export,
        Ok(_) | Err(DatabaseError::NotFound) => {
            signed
                .note(&console, deed.refused(DatabaseError::NotFound))
                .await?;
            return Err(Failure::not_found());
        }
        Err(error) => return Err(error.into()),
    };
    let deed = deed.with("query", &export.query).with("rows", export.rows_done);
    signed.note(&console, deed).await?;
    let name = format!(
        "attachment; filename=\"vonggac-events-{}.{}\"",
        id.0, export.format
    );
    let headers = [
        (
            header::CONTENT_TYPE,
            Format::media_type(&export.format).to_owned(),
        ),
        (header::CONTENT_DISPOSITION, name),
    ];
    let body = parts(console.database().clone(), signed.account.id, id);
    Ok((headers, body).into_response())
}

/// A file's parts, one after the other.
fn parts(database: Database, owner: AccountId, id: ExportId) -> ResponseBody {
    let next = move |number: i32| {
        let database = database.clone();
        async move {
            match database.export_part(owner, id, number).await {
                Ok(Some(content)) => Some((Ok(Bytes::from(content)), number.saturating_add(1))),
                Ok(None) => None,
                Err(error) => Some((Err(std::io::Error::other(error)), i32::MAX)),
            }
        }
    };
    ResponseBody::from_stream(stream::unfold(0, next))
}

/// What is no id is an export that does not exist.
fn read(id: &str) -> Result<ExportId> {
    id.parse().map(ExportId).map_err(|_| Failure::not_found())
}
