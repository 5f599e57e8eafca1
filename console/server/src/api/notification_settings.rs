//! How notifications leave the console: the mail server, and where webhooks may go. The nation's, as the console is.
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vonggac_access::action;
use vonggac_database::audit::Deed;
use vonggac_database::notification::{MailSecurity as Way, MailSetting, NotificationSetting, WebhookSetting};
use vonggac_notify::mail::Address;

use super::notice_ways::SendTest;
use super::settings::{check_hosts, check_networks, lines, may_change, permit_national};
use crate::deliveries::{self, Message, test_words};
use crate::error::{ApiError, Failure, Result};
use crate::extract::{Body, Signed};
use crate::network;
use crate::state::Console;
use crate::time;

/// How the way to the mail server is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum MailSecurity {
    /// TLS from the first byte.
    Implicit,
    /// TLS after STARTTLS, or nothing is sent.
    Starttls,
    /// None.
    Plain,
}

/// The mail server.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct MailServer {
    is_on: bool,
    host: String,
    #[schema(minimum = 1, maximum = 65535)]
    port: u16,
    security: MailSecurity,
    /// Who signs in there; empty for nobody.
    user: String,
    /// Address that letters come from.
    from: String,
    /// Name that they come from.
    from_name: String,
}

/// Where webhooks may go.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct WebhookEgress {
    is_on: bool,
    /// Hosts: `hooks.example`, `*.example`, or with a port, `hooks.example:8443`.
    hosts: Vec<String>,
    /// Networks that are allowed though they are not public, as `10.1.0.0/16`.
    networks: Vec<String>,
    /// Whether plain HTTP is allowed.
    allows_http: bool,
}

/// How notifications leave the console.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NotificationSettings {
    mail: MailServer,
    /// Whether a password is kept; it is never shown.
    has_password: bool,
    /// Whether one can be kept: the console has the key for it.
    can_keep_password: bool,
    webhooks: WebhookEgress,
    /// Whether letters and webhooks can link to the console: it knows the address that people reach it at.
    has_links: bool,
    #[schema(required, format = DateTime)]
    changed_at: Option<String>,
    /// Whether one may change it.
    may_change: bool,
}

/// How notifications are to leave the console.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct NotificationSettingsRequest {
    mail: MailServer,
    /// The password; empty for none, left out to keep the one there is.
    password: Option<String>,
    webhooks: WebhookEgress,
}

/// Where a test goes.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct MailTestRequest {
    address: String,
}

impl From<Way> for MailSecurity {
    fn from(way: Way) -> Self {
        match way {
            Way::Implicit => Self::Implicit,
            Way::StartTls => Self::Starttls,
            Way::Plain => Self::Plain,
        }
    }
}

impl From<MailSecurity> for Way {
    fn from(way: MailSecurity) -> Self {
        match way {
            MailSecurity::Implicit => Self::Implicit,
            MailSecurity::Starttls => Self::StartTls,
            MailSecurity::Plain => Self::Plain,
        }
    }
}

impl NotificationSettingsRequest {
    /// What is to be kept, each part of which was read once.
    fn read(&self) -> Result<NotificationSetting> {
        let (mail, webhooks) = (&self.mail, &self.webhooks);
        if !mail.from.trim().is_empty() {
            let read: std::result::Result<Address, _> = mail.from.trim().parse();
            read.map_err(|error| Failure::invalid("from", format!("from {error}")))?;
        }
        check_plain(mail)?;
        let each = |list: &[String]| -> Vec<String> {
            let lines = lines(list).into_iter();
            lines.map(|one| one.to_lowercase()).collect()
        };
        let (hosts, networks) = (each(&webhooks.hosts), each(&webhooks.networks));
        check_hosts(&hosts)?;
        check_networks(&networks)?;
        Ok(NotificationSetting {
            mail: MailSetting {
                is_on: mail.is_on,
                host: mail.host.trim().to_owned(),
                port: mail.port,
                security: mail.security.into(),
                user: mail.user.trim().to_owned(),
                from: mail.from.trim().to_owned(),
                from_name: mail.from_name.trim().to_owned(),
            },
            has_password: false,
            webhook: WebhookSetting {
                is_on: webhooks.is_on,
                hosts,
                networks,
                allows_http: webhooks.allows_http,
            },
            changed_us: 0,
        })
    }
}

/// Without TLS a password would be shown to whoever listens: only this machine may be told one so.
fn check_plain(mail: &MailServer) -> Result<()> {
    let host = mail.host.trim();
    if mail.security == MailSecurity::Plain && !network::is_this_machine(host) && !mail.user.trim().is_empty()
    {
        let message = "security must be TLS or STARTTLS where somebody signs in on another machine";
        return Err(Failure::invalid("security", message));
    }
    Ok(())
}

async fn shown(console: &Console, signed: &Signed) -> Result<Json<NotificationSettings>> {
    let setting = console.database().notification_setting().await?;
    let (mail, webhook) = (setting.mail, setting.webhook);
    Ok(Json(NotificationSettings {
        mail: MailServer {
            is_on: mail.is_on,
            host: mail.host,
            port: mail.port,
            security: mail.security.into(),
            user: mail.user,
            from: mail.from,
            from_name: mail.from_name,
        },
        has_password: setting.has_password,
        can_keep_password: console.vault().is_some(),
        webhooks: WebhookEgress {
            is_on: webhook.is_on,
            hosts: webhook.hosts,
            networks: webhook.networks,
            allows_http: webhook.allows_http,
        },
        has_links: console.options().public_url.is_some(),
        changed_at: (setting.changed_us > 0).then(|| time::to_text(setting.changed_us)),
        may_change: may_change(console, signed).await?,
    }))
}

/// How notifications leave the console
#[utoipa::path(get, path = "/api/v1/notification-settings", operation_id = "getNoticeSettings", tag = "settings",
    responses(
        (status = 200, description = "The mail server, but for its password, and where webhooks may go", body = NotificationSettings),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "It takes a second factor", body = ApiError),
        (status = 404, description = "One may not see it", body = ApiError)))]
pub(super) async fn get_notification_settings(
    State(console): State<Console>,
    signed: Signed,
) -> Result<Json<NotificationSettings>> {
    permit_national::<action::Read>(&console, &signed).await?;
    shown(&console, &signed).await
}

/// Change how notifications leave the console
#[utoipa::path(put, path = "/api/v1/notification-settings", operation_id = "changeNoticeSettings", tag = "settings",
    request_body = NotificationSettingsRequest,
    responses(
        (status = 200, description = "As it is now", body = NotificationSettings),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "One may not change it", body = ApiError),
        (status = 503, description = "The console has no key to keep a password with", body = ApiError)))]
pub(super) async fn change_notification_settings(
    State(console): State<Console>,
    signed: Signed,
    Body(request): Body<NotificationSettingsRequest>,
) -> Result<Json<NotificationSettings>> {
    permit_national::<action::Change>(&console, &signed).await?;
    let new = request.read()?;
    let password = request.password.as_deref().into();
    console
        .database()
        .change_notification_setting(signed.by(), console.vault(), &new, password, console.now_us())
        .await?;
    shown(&console, &signed).await
}

/// Send a letter for a test, by the settings as they are kept
#[utoipa::path(post, path = "/api/v1/notification-settings/test", operation_id = "testNoticeSettings", tag = "settings",
    request_body = MailTestRequest,
    responses(
        (status = 200, description = "What the mail server answered", body = SendTest),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "One may not change the settings", body = ApiError),
        (status = 429, description = "Too many tests were sent", body = ApiError)))]
pub(super) async fn test_notification_settings(
    State(console): State<Console>,
    signed: Signed,
    Body(request): Body<MailTestRequest>,
) -> Result<Json<SendTest>> {
    permit_national::<action::Change>(&console, &signed).await?;
    let address: Address = request
        .address
        .trim()
        .parse()
        .map_err(|error| Failure::invalid("address", format!("address {error}")))?;
    let target = address.to_string();
    deliveries::count_test(&console, signed.account.id, &target).await?;
    let setting = console.database().notification_setting().await?;
    let language = signed.account.language.code();
    let words = test_words(language);
    let message = Message {
        to: &target,
        id: &format!("test-{}-{}", signed.account.id.0, console.now_us()),
        thread: None,
        words: &words,
        language,
    };
    let outcome = deliveries::send_letter(&console, &setting, message).await;
    let deed = Deed::done("notification_setting.test", "system_setting", "notifications");
    signed
        .note(&console, deed.with("is_sent", outcome.is_ok()))
        .await?;
    Ok(Json(outcome.into()))
}
