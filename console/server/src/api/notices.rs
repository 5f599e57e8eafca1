//! Notices, and the rules by which somebody is told. Both are each person's own; what a notice is about is shown as far as his rights go now.
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vonggac_access::handover::Handover as Held;
use vonggac_access::{OrganisationId, action, thing};
use vonggac_database::notice::{
    About as Concern, NewRule, Notice as Told, NoticeId, Rule, RuleId, Sight, Subject, WayId, Which,
};
use vonggac_event::Scope;

use super::shapes::{Alert, Severity};
use crate::error::{ApiError, Failure, Result};
use crate::extract::{Body, NumberPath, Parameters, Signed};
use crate::state::Console;
use crate::time;

/// Notices in a list when nothing is said.
const LIST_ROWS: u32 = 50;
/// Most notices that are named at once.
const IDS_MAX: usize = 1_000;

/// What somebody is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum About {
    /// A new alert.
    Alert,
    /// That another gave one an alert.
    Assigned,
    /// What is on the watch list.
    Watched,
    /// A hand-over that waits.
    Handover,
}

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum NoticeKind {
    Alert,
    Assigned,
    Watched,
    Handover,
    /// More happened than is told one by one.
    More,
}

/// How many.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct NoticeQuery {
    /// At most so many
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// Something that one is told.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Notice {
    id: String,
    kind: NoticeKind,
    /// Code of the organisation that it is of.
    organisation: String,
    /// The alert as it stands.
    #[schema(required)]
    alert: Option<Alert>,
    /// Id of the hand-over.
    #[schema(required)]
    handover: Option<String>,
    /// Name of the rule that wanted it.
    rule: String,
    /// How often; of `more` how many were left out.
    #[schema(minimum = 1)]
    times: i64,
    #[schema(format = DateTime)]
    first_at: String,
    #[schema(format = DateTime)]
    at: String,
    is_read: bool,
}

/// What one is told.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NoticeList {
    /// The latest first.
    items: Vec<Notice>,
    /// How many of all are not read.
    #[schema(minimum = 0)]
    unread: i64,
}

/// What was read.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ReadRequest {
    /// These; all when left out.
    ids: Option<Vec<String>>,
}

/// What one wants to be told of.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct NoticeRuleRequest {
    name: String,
    about: About,
    /// Of alerts, those at least so urgent; any when left out.
    severity: Option<Severity>,
    /// Code of an organisation: of it and what stands beneath it; all that one sees when left out.
    organisation: Option<String>,
    /// In the title (in either language) or id of an alert's rule, or the beginning of a technique.
    #[serde(default)]
    words: String,
    is_on: bool,
    /// Ids of ways of one's own on which one is told besides the page.
    #[serde(default)]
    ways: Vec<String>,
}

/// A rule of one's own.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NoticeRule {
    id: String,
    name: String,
    about: About,
    #[schema(required)]
    severity: Option<Severity>,
    #[schema(required)]
    organisation: Option<String>,
    words: String,
    is_on: bool,
    /// Ids of the ways on which one is told besides the page.
    ways: Vec<String>,
}

/// Rules of one's own.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NoticeRuleList {
    items: Vec<NoticeRule>,
}

impl From<About> for Concern {
    fn from(about: About) -> Self {
        match about {
            About::Alert => Self::Alert,
            About::Assigned => Self::Assigned,
            About::Watched => Self::Watched,
            About::Handover => Self::Handover,
        }
    }
}

impl From<Concern> for About {
    fn from(about: Concern) -> Self {
        match about {
            Concern::Alert => Self::Alert,
            Concern::Assigned => Self::Assigned,
            Concern::Watched => Self::Watched,
            Concern::Handover => Self::Handover,
        }
    }
}

impl From<Told> for Notice {
    fn from(told: Told) -> Self {
        let (kind, alert, handover) = match told.subject {
            Subject::Alert(about, row) => {
                let kind = match about {
                    Concern::Assigned => NoticeKind::Assigned,
                    Concern::Watched => NoticeKind::Watched,
                    Concern::Alert | Concern::Handover => NoticeKind::Alert,
                };
                (kind, Some(Alert::from(*row)), None)
            }
            Subject::Handover(id) => (NoticeKind::Handover, None, Some(id.0.to_string())),
            Subject::More => (NoticeKind::More, None, None),
        };
        Self {
            id: told.id.0.to_string(),
            kind,
            organisation: told.organisation,
            alert,
            handover,
            rule: told.rule,
            times: told.times,
            first_at: time::to_text(told.first_us),
            at: time::to_text(told.at_us),
            is_read: told.is_read,
        }
    }
}

impl From<Rule> for NoticeRule {
    fn from(rule: Rule) -> Self {
        let severity = rule.wants.severity;
        Self {
            id: rule.id.0.to_string(),
            name: rule.wants.name,
            about: rule.wants.about.into(),
            severity: (severity != vonggac_event::Severity::Unspecified).then(|| severity.into()),
            organisation: rule.wants.organisation.map(|code| code.as_str().to_owned()),
            words: rule.wants.words,
            is_on: rule.wants.is_on,
            ways: rule.wants.ways.iter().map(|way| way.0.to_string()).collect(),
        }
    }
}

impl NoticeRuleRequest {
    fn read(self) -> Result<NewRule> {
        let organisation = self.organisation.filter(|code| !code.is_empty());
        let invalid = |_| Failure::invalid("organisation", "organisation is none that you see");
        let organisation: Option<OrganisationId> = organisation
            .map(|code| code.parse().map_err(invalid))
            .transpose()?;
        let foreign = |_| Failure::invalid("ways", "ways are up to ten of your own, each once");
        let ways: Vec<WayId> = self
            .ways
            .iter()
            .map(|id| id.parse().map(WayId).map_err(foreign))
            .collect::<Result<_>>()?;
        Ok(NewRule {
            name: self.name,
            about: self.about.into(),
            severity: match self.severity {
                Some(Severity::Critical) => vonggac_event::Severity::Critical,
                Some(Severity::High) => vonggac_event::Severity::High,
                Some(Severity::Medium) => vonggac_event::Severity::Medium,
                Some(Severity::Low) => vonggac_event::Severity::Low,
                Some(Severity::Informational) => vonggac_event::Severity::Informational,
                None => vonggac_event::Severity::Unspecified,
            },
            organisation,
            words: self.words,
            is_on: self.is_on,
            ways,
        })
    }
}

async fn reads(console: &Console, signed: &Signed) -> Result<Scope> {
    signed.reach::<thing::Alert, action::Read>(console).await
}

async fn notices(console: &Console, signed: &Signed, limit: Option<u32>) -> Result<Json<NoticeList>> {
    let alerts = reads(console, signed).await?;
    let handovers = signed.part::<Held, action::Read>();
    let sight = Sight {
        alerts: &alerts,
        handovers: &handovers,
    };
    let (database, account) = (console.database(), signed.account.id);
    let items = database
        .notices(account, sight, limit.unwrap_or(LIST_ROWS))
        .await?;
    Ok(Json(NoticeList {
        items: items.into_iter().map(Notice::from).collect(),
        unread: database.count_unread_notices(account, sight).await?,
    }))
}

/// What one is told
#[utoipa::path(get, path = "/api/v1/notices", operation_id = "listNotices", tag = "notices", params(NoticeQuery),
    responses(
        (status = 200, description = "One's own notices, as far as one may still see what they are about", body = NoticeList),
        (status = 401, description = "Nobody is signed in", body = ApiError)))]
pub(super) async fn list_notices(
    State(console): State<Console>,
    signed: Signed,
    Parameters(query): Parameters<NoticeQuery>,
) -> Result<Json<NoticeList>> {
    notices(&console, &signed, query.limit).await
}

/// Say what one has read
#[utoipa::path(post, path = "/api/v1/notices/read", operation_id = "readNotices", tag = "notices", request_body = ReadRequest,
    responses(
        (status = 200, description = "The list; ids of others change nothing", body = NoticeList),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError)))]
pub(super) async fn read_notices(
    State(console): State<Console>,
    signed: Signed,
    Body(request): Body<ReadRequest>,
) -> Result<Json<NoticeList>> {
    reads(&console, &signed).await?;
    let invalid = || Failure::invalid("ids", "ids are those of at most 1,000 notices");
    let ids = match &request.ids {
        None => None,
        Some(ids) if ids.len() > IDS_MAX => return Err(invalid()),
        Some(ids) => {
            let read = |id: &String| id.parse().map(NoticeId).map_err(|_| invalid());
            Some(ids.iter().map(read).collect::<Result<Vec<_>>>()?)
        }
    };
    let which = ids.as_deref().map_or(Which::All, Which::Ids);
    console
        .database()
        .read_notices(signed.by(), which, console.now_us())
        .await?;
    notices(&console, &signed, None).await
}

async fn rules(console: &Console, signed: &Signed) -> Result<Json<NoticeRuleList>> {
    let rules = console.database().notice_rules(signed.account.id).await?;
    Ok(Json(NoticeRuleList {
        items: rules.into_iter().map(NoticeRule::from).collect(),
    }))
}

/// The rules by which one is told
#[utoipa::path(get, path = "/api/v1/notice-rules", operation_id = "listNoticeRules", tag = "notices",
    responses(
        (status = 200, description = "One's own", body = NoticeRuleList),
        (status = 401, description = "Nobody is signed in", body = ApiError)))]
pub(super) async fn list_notice_rules(
    State(console): State<Console>,
    signed: Signed,
) -> Result<Json<NoticeRuleList>> {
    reads(&console, &signed).await?;
    rules(&console, &signed).await
}

/// Make a rule by which one is told
#[utoipa::path(post, path = "/api/v1/notice-rules", operation_id = "addNoticeRule", tag = "notices", request_body = NoticeRuleRequest,
    responses(
        (status = 201, description = "All rules of one's own", body = NoticeRuleList),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 409, description = "There are too many", body = ApiError)))]
pub(super) async fn add_notice_rule(
    State(console): State<Console>,
    signed: Signed,
    Body(request): Body<NoticeRuleRequest>,
) -> Result<(StatusCode, Json<NoticeRuleList>)> {
    let scope = reads(&console, &signed).await?;
    let new = request.read()?;
    console
        .database()
        .add_notice_rule(&scope, signed.by(), &new, console.now_us())
        .await?;
    Ok((StatusCode::CREATED, rules(&console, &signed).await?))
}

/// Change a rule by which one is told
#[utoipa::path(put, path = "/api/v1/notice-rules/{id}", operation_id = "changeNoticeRule", tag = "notices",
    params(("id" = String, Path, description = "Id of the rule")), request_body = NoticeRuleRequest,
    responses(
        (status = 200, description = "All rules of one's own", body = NoticeRuleList),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "One has none of that id", body = ApiError)))]
pub(super) async fn change_notice_rule(
    State(console): State<Console>,
    signed: Signed,
    NumberPath(id): NumberPath,
    Body(request): Body<NoticeRuleRequest>,
) -> Result<Json<NoticeRuleList>> {
    let scope = reads(&console, &signed).await?;
    let new = request.read()?;
    console
        .database()
        .change_notice_rule(&scope, signed.by(), RuleId(id), &new, console.now_us())
        .await?;
    rules(&console, &signed).await
}

/// Remove a rule by which one is told
#[utoipa::path(delete, path = "/api/v1/notice-rules/{id}", operation_id = "removeNoticeRule", tag = "notices",
    params(("id" = String, Path, description = "Id of the rule")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "One has none of that id", body = ApiError)))]
pub(super) async fn remove_notice_rule(
    State(console): State<Console>,
    signed: Signed,
    NumberPath(id): NumberPath,
) -> Result<StatusCode> {
    reads(&console, &signed).await?;
    console
        .database()
        .remove_notice_rule(signed.by(), RuleId(id), console.now_us())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
