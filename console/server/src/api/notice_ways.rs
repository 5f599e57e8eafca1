//! Ways on which somebody is told besides the page: each person's own.
//!
//! Whoever may read alerts may have letters sent to an address that he proved to be his. A webhook hands alerts to a machine, as an export does: who may
//! export alerts may have some.
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vonggac_access::{action, thing};
use vonggac_database::notice::way::NewWebhook;
use vonggac_database::notice::{Way, WayId, WayKind};
use vonggac_notify::egress::Endpoint;
use vonggac_notify::mail::Address;
use vonggac_notify::signature::{SECRET_BYTES, Secret};

use crate::deliveries::{self, Message, code_words, test_body, test_words};
use crate::error::{ApiError, Failure, Result};
use crate::extract::{Body, NumberPath, Signed};
use crate::messages;
use crate::state::Console;
use crate::time;

/// What kind of way it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum NoticeWayKind {
    Email,
    Webhook,
}

/// A way on which one is told besides the page.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NoticeWay {
    id: String,
    kind: NoticeWayKind,
    /// What one calls it; empty for an address of e-mail.
    name: String,
    /// Address of e-mail, or of the webhook.
    target: String,
    /// Whether it is used: an address of e-mail only once a code that was sent there came back.
    is_confirmed: bool,
    /// Messages that wait.
    #[schema(minimum = 0)]
    waiting: i64,
    /// Messages that never arrived, in all.
    #[schema(minimum = 0)]
    lost: i64,
    #[schema(required, format = DateTime)]
    last_sent_at: Option<String>,
    /// Since when nothing arrives there.
    #[schema(required, format = DateTime)]
    failing_since: Option<String>,
    /// Why the last message did not arrive, in the reader's language; empty when it did.
    #[serde(serialize_with = "messages::told")]
    last_error: String,
    /// Since when nothing is sent there any more, because nothing arrived.
    #[schema(required, format = DateTime)]
    paused_since: Option<String>,
}

/// Ways of one's own.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NoticeWayList {
    items: Vec<NoticeWay>,
    /// Whether the console can send e-mail.
    has_mail: bool,
    /// Whether the console sends webhooks; who may export alerts may have some.
    has_webhooks: bool,
}

/// An address of one's own.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct MailWayRequest {
    address: String,
}

/// A webhook of one's own.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct WebhookRequest {
    name: String,
    url: String,
}

/// What a webhook is signed with, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WebhookMade {
    id: String,
    /// `whsec_…`, as Standard Webhooks has it.
    secret: String,
}

/// The code that was sent to an address.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct WayCodeRequest {
    code: String,
}

/// What became of a test.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SendTest {
    /// Whether it was taken.
    pub(crate) is_sent: bool,
    /// What the server answered, or what went wrong in the reader's language.
    #[serde(serialize_with = "messages::told")]
    pub(crate) answer: String,
}

impl From<std::result::Result<String, vonggac_notify::Failure>> for SendTest {
    fn from(outcome: std::result::Result<String, vonggac_notify::Failure>) -> Self {
        Self {
            is_sent: outcome.is_ok(),
            answer: outcome.unwrap_or_else(|failure| failure.said),
        }
    }
}

impl From<Way> for NoticeWay {
    fn from(way: Way) -> Self {
        Self {
            id: way.id.0.to_string(),
            kind: match way.kind {
                WayKind::Mail => NoticeWayKind::Email,
                WayKind::Webhook => NoticeWayKind::Webhook,
            },
            name: way.name,
            target: way.target,
            is_confirmed: way.is_proved,
            waiting: way.waiting,
            lost: way.dropped,
            last_sent_at: way.last_sent_us.map(time::to_text),
            failing_since: way.failing_since_us.map(time::to_text),
            last_error: way.last_error,
            paused_since: way.paused_us.map(time::to_text),
        }
    }
}

async fn list(console: &Console, signed: &Signed) -> Result<Json<NoticeWayList>> {
    let database = console.database();
    let setting = database.notification_setting().await?;
    let ways = database.notice_ways(signed.account.id).await?;
    Ok(Json(NoticeWayList {
        items: ways.into_iter().map(NoticeWay::from).collect(),
        has_mail: setting.mail.is_on,
        has_webhooks: setting.webhook.is_on && console.vault().is_some(),
    }))
}

async fn reads(console: &Console, signed: &Signed) -> Result<()> {
    signed
        .reach::<thing::Alert, action::Read>(console)
        .await
        .map(|_| ())
}

/// The asker's way of that id.
async fn own(console: &Console, signed: &Signed, id: i64) -> Result<Way> {
    let ways = console.database().notice_ways(signed.account.id).await?;
    let found = ways.into_iter().find(|way| way.id == WayId(id));
    found.ok_or_else(Failure::not_found)
}

fn conflict(message: &str) -> Failure {
    Failure::new(StatusCode::CONFLICT, "conflict", message)
}

/// The ways on which one is told besides the page
#[utoipa::path(get, path = "/api/v1/notice-ways", operation_id = "listNoticeWays", tag = "notices",
    responses(
        (status = 200, description = "One's own", body = NoticeWayList),
        (status = 401, description = "Nobody is signed in", body = ApiError)))]
pub(super) async fn list_notice_ways(
    State(console): State<Console>,
    signed: Signed,
) -> Result<Json<NoticeWayList>> {
    reads(&console, &signed).await?;
    list(&console, &signed).await
}

/// Add an address of e-mail, to which a code is sent
#[utoipa::path(post, path = "/api/v1/notice-ways/mail", operation_id = "addMailWay", tag = "notices", request_body = MailWayRequest,
    responses(
        (status = 201, description = "All ways of one's own; the code is on its way", body = NoticeWayList),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 409, description = "There are too many, it is one's own already, or no mail server is set", body = ApiError),
        (status = 429, description = "Too many codes were sent", body = ApiError),
        (status = 502, description = "The mail server did not take it; what it answered is the message", body = ApiError)))]
pub(super) async fn add_mail_way(
    State(console): State<Console>,
    signed: Signed,
    Body(request): Body<MailWayRequest>,
) -> Result<(StatusCode, Json<NoticeWayList>)> {
    reads(&console, &signed).await?;
    let address: Address = request
        .address
        .trim()
        .parse()
        .map_err(|error| Failure::invalid("address", format!("address {error}")))?;
    let database = console.database();
    let setting = database.notification_setting().await?;
    if !setting.mail.is_on {
        return Err(conflict("no mail server is set"));
    }
    let target = address.to_string();
    let (id, code) = database
        .add_mail_way(signed.by(), &target, console.now_us())
        .await?;
    let language = signed.account.language.code();
    let words = code_words(language, &code, &signed.account.user_name);
    let message = Message {
        to: &target,
        id: &format!("code-{}-{}", id.0, console.now_us()),
        thread: None,
        words: &words,
        language,
    };
    if let Err(failure) = deliveries::send_letter(&console, &setting, message).await {
        return Err(Failure::new(StatusCode::BAD_GATEWAY, "not_sent", failure.said));
    }
    Ok((StatusCode::CREATED, list(&console, &signed).await?))
}

/// Add a webhook
#[utoipa::path(post, path = "/api/v1/notice-ways/webhooks", operation_id = "addWebhook", tag = "notices", request_body = WebhookRequest,
    responses(
        (status = 201, description = "Its secret, which is shown this once", body = WebhookMade),
        (status = 400, description = "The request is not valid, or the host is not on the list", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 409, description = "There are too many, or the console sends none", body = ApiError)))]
pub(super) async fn add_webhook(
    State(console): State<Console>,
    signed: Signed,
    Body(request): Body<WebhookRequest>,
) -> Result<(StatusCode, Json<WebhookMade>)> {
    signed.reach::<thing::Alert, action::Export>(&console).await?;
    let database = console.database();
    let setting = database.notification_setting().await?;
    let Some(vault) = console.vault().filter(|_| setting.webhook.is_on) else {
        return Err(conflict("webhooks are not sent by this console"));
    };
    let url = request.url.trim();
    let endpoint: Endpoint = url
        .parse()
        .map_err(|error| Failure::invalid("url", format!("url {error}")))?;
    deliveries::egress(&setting)
        .check(&endpoint)
        .map_err(|failure| Failure::invalid("url", failure.said))?;
    let bytes: [u8; SECRET_BYTES] = rand::random();
    let secret = Secret::from_bytes(&bytes).ok_or_else(Failure::not_found)?;
    let new = NewWebhook {
        name: &request.name,
        url,
        secret: &bytes,
    };
    let id = database
        .add_webhook(signed.by(), vault, new, console.now_us())
        .await?;
    let made = WebhookMade {
        id: id.0.to_string(),
        secret: secret.to_text(),
    };
    Ok((StatusCode::CREATED, Json(made)))
}

/// Confirm an address of e-mail with the code that was sent there
#[utoipa::path(post, path = "/api/v1/notice-ways/{id}/confirm", operation_id = "confirmNoticeWay", tag = "notices",
    params(("id" = String, Path, description = "Id of the way")), request_body = WayCodeRequest,
    responses(
        (status = 200, description = "All ways of one's own", body = NoticeWayList),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "The code is wrong, too old, or was tried too often", body = ApiError),
        (status = 404, description = "One has none of that id", body = ApiError),
        (status = 409, description = "It is confirmed already", body = ApiError)))]
pub(super) async fn confirm_notice_way(
    State(console): State<Console>,
    signed: Signed,
    NumberPath(id): NumberPath,
    Body(request): Body<WayCodeRequest>,
) -> Result<Json<NoticeWayList>> {
    reads(&console, &signed).await?;
    console
        .database()
        .prove_mail_way(signed.by(), WayId(id), &request.code, console.now_us())
        .await?;
    list(&console, &signed).await
}

/// Send a test on a way of one's own
#[utoipa::path(post, path = "/api/v1/notice-ways/{id}/test", operation_id = "testNoticeWay", tag = "notices",
    params(("id" = String, Path, description = "Id of the way")),
    responses(
        (status = 200, description = "What became of it", body = SendTest),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "One has none of that id", body = ApiError),
        (status = 409, description = "It is not confirmed", body = ApiError),
        (status = 429, description = "Too many tests were sent", body = ApiError)))]
pub(super) async fn test_notice_way(
    State(console): State<Console>,
    signed: Signed,
    NumberPath(id): NumberPath,
) -> Result<Json<SendTest>> {
    reads(&console, &signed).await?;
    let way = own(&console, &signed, id).await?;
    if !way.is_proved {
        return Err(conflict("it is not confirmed"));
    }
    deliveries::count_test(&console, signed.account.id, &way.target).await?;
    let database = console.database();
    let setting = database.notification_setting().await?;
    let (now_us, language) = (console.now_us(), signed.account.language.code());
    let test_id = format!("test-{}-{now_us}", way.id.0);
    let outcome = match way.kind {
        WayKind::Mail => {
            let words = test_words(language);
            let message = Message {
                to: &way.target,
                id: &test_id,
                thread: None,
                words: &words,
                language,
            };
            deliveries::send_letter(&console, &setting, message).await
        }
        WayKind::Webhook => {
            signed.reach::<thing::Alert, action::Export>(&console).await?;
            let secret = database.webhook_secret(console.vault(), way.id).await?;
            let body = test_body(now_us);
            let sent = deliveries::post(&console, &setting, &way.target, &secret, &test_id, &body).await;
            sent.map(|status| status.to_string())
        }
    };
    Ok(Json(outcome.into()))
}

/// Send to a way of one's own again that was paused
#[utoipa::path(post, path = "/api/v1/notice-ways/{id}/resume", operation_id = "resumeNoticeWay", tag = "notices",
    params(("id" = String, Path, description = "Id of the way")),
    responses(
        (status = 200, description = "All ways of one's own", body = NoticeWayList),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "One has none of that id", body = ApiError),
        (status = 409, description = "It is not paused", body = ApiError)))]
pub(super) async fn resume_notice_way(
    State(console): State<Console>,
    signed: Signed,
    NumberPath(id): NumberPath,
) -> Result<Json<NoticeWayList>> {
    reads(&console, &signed).await?;
    console
        .database()
        .resume_notice_way(signed.by(), WayId(id), console.now_us())
        .await?;
    list(&console, &signed).await
}

/// Remove a way of one's own
#[utoipa::path(delete, path = "/api/v1/notice-ways/{id}", operation_id = "removeNoticeWay", tag = "notices",
    params(("id" = String, Path, description = "Id of the way")),
    responses(
        (status = 204, description = "It is gone, and what waited for it"),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "One has none of that id", body = ApiError)))]
pub(super) async fn remove_notice_way(
    State(console): State<Console>,
    signed: Signed,
    NumberPath(id): NumberPath,
) -> Result<StatusCode> {
    reads(&console, &signed).await?;
    console
        .database()
        .remove_notice_way(signed.by(), WayId(id), console.now_us())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
