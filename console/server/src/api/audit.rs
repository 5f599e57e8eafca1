//! The audit log: searching it, taking it away, and proving an entry.
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

use std::collections::BTreeMap;
use std::collections::VecDeque;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vonggac_access::{action, thing};
use vonggac_audit::checkpoint::{Checkpoint, InclusionProof};
use vonggac_audit::entry::Entry;
use vonggac_audit::export::{checkpoint_line, entry_line, header_line};
use vonggac_database::audit::log::{Filter, Kept, Signed as SignedHead};
use vonggac_database::audit::{Deed, Outcome};
use vonggac_database::{Database, DatabaseError};

use super::filter::time_us;
use crate::error::{ApiError, Failure, Result};
use crate::extract::{Auditor, Parameters, Signed};
use crate::state::Console;
use crate::time;

/// Entries on a page when the request does not say.
const PAGE_ENTRIES: u32 = 100;
/// Most entries on a page.
const PAGE_ENTRIES_MAX: u32 = 500;

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditQuery {
    /// User name
    actor: Option<String>,
    /// An action, or its beginning up to the dot, as in `alert.close` and `alert`
    action: Option<String>,
    /// Kind and id of what it was done to, with a colon between
    object: Option<String>,
    /// Code of the organisation of whoever did it
    organisation: Option<String>,
    /// `done`, `refused`, `failed`
    result: Option<String>,
    /// Id of the request
    request: Option<String>,
    /// A text that stands anywhere in the entry
    q: Option<String>,
    /// Then or later
    #[param(format = DateTime)]
    from: Option<String>,
    /// Before
    #[param(format = DateTime)]
    to: Option<String>,
    /// `next_cursor` of the page before
    cursor: Option<String>,
    /// Most entries, up to 500
    limit: Option<u32>,
}

/// Who did something.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditActor {
    /// Id of the account, if there is one.
    account: Option<String>,
    /// User name.
    name: String,
    /// `person`, `nobody` or `console`.
    kind: String,
}

/// An entry of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditEntry {
    /// Its number.
    seq: u64,
    #[schema(format = DateTime)]
    at: String,
    actor: AuditActor,
    /// The organisation of whoever did it; empty for who has no account.
    organisation: String,
    address: String,
    user_agent: String,
    action: String,
    object_kind: String,
    object_id: String,
    /// `done`, `refused` or `failed`.
    result: String,
    detail: BTreeMap<String, String>,
    /// Id of the request.
    request: String,
}

/// A page of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditPage {
    /// The newest first.
    items: Vec<AuditEntry>,
    /// For the next page.
    next_cursor: Option<String>,
}

/// What proves an entry.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditProof {
    /// The entry's bytes.
    entry: String,
    /// C2SP's `tlog-proof`: the way to the root and the signed checkpoint.
    proof: String,
    /// Public key of the console that answers, as `name+id+base64`, when it signs. To be compared with the one that was kept.
    key: Option<String>,
}

impl From<Entry> for AuditEntry {
    fn from(entry: Entry) -> Self {
        let word = |value| match serde_json::to_value(value) {
            Ok(serde_json::Value::String(word)) => word,
            _ => String::new(),
        };
        Self {
            seq: entry.seq,
            at: time::to_text(entry.at_us),
            actor: AuditActor {
                account: entry.actor.account.map(|id| id.to_string()),
                name: entry.actor.name,
                kind: word(entry.actor.kind),
            },
            organisation: entry.organisation,
            address: entry.address,
            user_agent: entry.user_agent,
            action: entry.action,
            object_kind: entry.object.kind,
            object_id: entry.object.id,
            result: entry.result.name().to_owned(),
            detail: entry.detail,
            request: entry.request,
        }
    }
}

impl AuditQuery {
    fn filter(&self) -> Result<Filter> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let outcome = |word: String| {
            Outcome::from_name(&word)
                .ok_or_else(|| Failure::invalid("result", "result is one of done, refused, failed"))
        };
        let object = |text: String| match text.split_once(':') {
            Some((kind, id)) => Ok((kind.to_owned(), id.to_owned())),
            None => Err(Failure::invalid(
                "object",
                "object is a kind and an id, with a colon between",
            )),
        };
        Ok(Filter {
            actor: given(&self.actor),
            action: given(&self.action),
            object: given(&self.object).map(object).transpose()?,
            organisation: given(&self.organisation),
            outcome: given(&self.result).map(outcome).transpose()?,
            request: given(&self.request),
            text: given(&self.q),
            from_us: time_us("from", self.from.as_deref())?,
            to_us: time_us("to", self.to.as_deref())?,
        })
    }

    fn before(&self) -> Result<Option<i64>> {
        let cursor = self.cursor.as_deref().filter(|text| !text.is_empty());
        let read = |text: &str| {
            text.parse()
                .map_err(|_| Failure::invalid("cursor", "cursor is not one of ours"))
        };
        cursor.map(read).transpose()
    }

    fn deed(&self) -> Deed {
        let said = [
            ("actor", &self.actor),
            ("action", &self.action),
            ("object", &self.object),
            ("organisation", &self.organisation),
            ("result", &self.result),
            ("request", &self.request),
            ("q", &self.q),
            ("from", &self.from),
            ("to", &self.to),
        ];
        let deed = Deed::done("audit.search", "audit", "");
        said.into_iter()
            .filter_map(|(name, text)| Some((name, text.as_deref()?)))
            .fold(deed, |deed, (name, text)| deed.with(name, text))
    }
}

fn unreadable(error: impl std::fmt::Display) -> Failure {
    tracing::error!(%error, "the audit log cannot be read");
    let message = "the audit log cannot be read";
    Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "audit_log", message)
}

/// The audit log
#[utoipa::path(get, path = "/api/v1/audit", operation_id = "listAudit", tag = "audit", params(AuditQuery),
    responses(
        (status = 200, description = "A page of entries", body = AuditPage),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is none for this account", body = ApiError),
        (status = 422, description = "The search would cost too much", body = ApiError)))]
pub(super) async fn list_audit(
    State(console): State<Console>,
    Auditor { signed, scope }: Auditor,
    Parameters(query): Parameters<AuditQuery>,
) -> Result<Json<AuditPage>> {
    let (filter, before) = (query.filter()?, query.before()?);
    // A search is told once, not with each of its pages.
    if before.is_none() {
        signed.note(&console, query.deed()).await?;
    }
    let limit = query.limit.unwrap_or(PAGE_ENTRIES).clamp(1, PAGE_ENTRIES_MAX);
    let page = console
        .database()
        .audit_page(&scope, &filter, before, limit)
        .await?;
    let entries: std::result::Result<Vec<Entry>, _> =
        page.iter().map(|content| Entry::decode(content)).collect();
    let entries = entries.map_err(unreadable)?;
    let is_full = entries.len() == limit as usize;
    let last = entries
        .last()
        .filter(|_| is_full)
        .map(|entry| entry.seq.to_string());
    Ok(Json(AuditPage {
        items: entries.into_iter().map(AuditEntry::from).collect(),
        next_cursor: last,
    }))
}

/// What is left of an export.
struct Export {
    database: Database,
    next: u64,
    end: u64,
    kept: Kept,
    header: Option<String>,
}

impl Export {
    /// The next lines; none at the end.
    async fn lines(&mut self) -> std::result::Result<Option<Bytes>, DatabaseError> {
        if let Some(header) = self.header.take() {
            return Ok(Some(header.into()));
        }
        if self.next >= self.end {
            return Ok(None);
        }
        let range = self.database.audit_range(self.next, self.end).await?;
        let to = self.next + range.len() as u64;
        let checkpoints = self.database.checkpoints(self.next, to, self.kept).await?;
        let mut checkpoints: VecDeque<SignedHead> = checkpoints.into();
        if range.is_empty() {
            return Err(DatabaseError::NotFound);
        }
        let mut lines = Vec::new();
        for stored in range {
            lines.extend(entry_line(&stored.content, &stored.leaf, &stored.root));
            self.next += 1;
            while let Some(signed) =
                checkpoints.pop_front_if(|signed| signed.size.cast_unsigned() == self.next)
            {
                lines.extend(checkpoint_line(&signed.note).into_bytes());
            }
        }
        Ok(Some(lines.into()))
    }
}

/// The whole audit log, for `vonggac audit verify`
#[utoipa::path(get, path = "/api/v1/audit/export", operation_id = "exportAudit", tag = "audit",
    responses(
        (status = 200, description = "JSON lines: entries, and the checkpoints after what they cover", body = String,
            content_type = "application/jsonl"),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is none for this account", body = ApiError)))]
pub(super) async fn export_audit(State(console): State<Console>, signed: Signed) -> Result<Response> {
    let scope = signed.reach::<thing::AuditLog, action::Export>(&console).await?;
    // It proves itself as a whole only, and the whole has everybody's entries.
    if !console.database().is_national(&scope).await? {
        return Err(Failure::not_found());
    }
    signed
        .note(&console, Deed::done("audit.export", "audit", ""))
        .await?;
    sign(&console).await;
    let database = console.database().clone();
    let head = database.audit_head().await?;
    let kept = database.count_checkpoints(head.size).await?;
    let export = Export {
        header: Some(header_line(head.size, kept.count.cast_unsigned())),
        database,
        next: 0,
        end: head.size,
        kept,
    };
    let body = stream::try_unfold(export, async |mut export| {
        let lines = export.lines().await?;
        Ok::<_, DatabaseError>(lines.map(|lines| (lines, export)))
    });
    let headers = [
        (header::CONTENT_TYPE, "application/jsonl"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"vonggac-audit.jsonl\"",
        ),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// Signs what is new; where that fails, the health page says so within a minute, and older checkpoints serve.
async fn sign(console: &Console) {
    let Some(seal) = console.seal() else { return };
    if let Err(error) = seal.sign(console.database(), console.now_us()).await {
        tracing::error!("the audit log is not signed: {error:#}");
    }
}

/// Prove an entry
#[utoipa::path(get, path = "/api/v1/audit/{id}/proof", operation_id = "proveAudit", tag = "audit",
    params(("id" = String, Path, description = "Number of the entry")),
    responses(
        (status = 200, description = "The entry and its proof", body = AuditProof),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is no such entry, or not for this account", body = ApiError),
        (status = 409, description = "No checkpoint covers it", body = ApiError)))]
pub(super) async fn prove_audit(
    State(console): State<Console>,
    Auditor { signed, scope }: Auditor,
    Path(id): Path<String>,
) -> Result<Json<AuditProof>> {
    let index: u64 = id.parse().map_err(|_| Failure::not_found())?;
    let database = console.database();
    let content = database.audit_entry(&scope, index).await?;
    signed
        .note(&console, Deed::done("audit.prove", "audit", index))
        .await?;
    sign(&console).await;
    let origin = console.seal().map(|seal| seal.origin());
    let uncovered = || DatabaseError::Conflict("no checkpoint covers the entry");
    let newest = database.newest_checkpoint(origin).await?.ok_or_else(uncovered)?;
    let size = Checkpoint::open(&newest.note, &[]).map_err(unreadable)?.head.size;
    if index >= size {
        return Err(uncovered().into());
    }
    let proof = InclusionProof {
        index,
        hashes: database.prove_inclusion(index, size).await?,
        checkpoint: newest.note,
    };
    Ok(Json(AuditProof {
        entry: String::from_utf8(content).map_err(unreadable)?,
        proof: proof.to_text(),
        key: console.seal().map(|seal| seal.public().to_string()),
    }))
}
