//! Sends what is to go to people's ways: e-mail and webhooks, until it is taken or given up.
//!
//! ```text
//!  delivery (PostgreSQL) ─ take, rights asked anew ─▶ words ─▶ vonggac_notify ─▶ settle
//! ```
//! All consoles share the work, [`WORKERS`] messages at a time each. What the mail server is at fault for holds up letters alone, and for all of them at once.

mod words;

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use vonggac_database::notice::WayKind;
use vonggac_database::notice::delivery::{Next, Outcome, Taken};
use vonggac_database::notification::{MailSecurity, NotificationSetting};
use vonggac_database::{AccountId, DatabaseError};
use vonggac_metrics::{Problem, Registry};
use vonggac_notify::egress::{Egress, Endpoint};
use vonggac_notify::mail::{Address, Letter, Login, Relay, Security};
use vonggac_notify::signature::Secret;
use vonggac_notify::webhook::Post;
use vonggac_notify::{Culprit, Failure, Outlook};

use crate::authority;
use crate::live::Happening;
use crate::network::{self, Network};
use crate::state::Console;

pub(crate) use words::{Words, code_words, test_body, test_words};

/// Messages that one console sends at once.
const WORKERS: usize = 4;
/// How often is looked, whatever is heard.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Key of what the health page says of people's ways.
pub(crate) const WAYS_REMARK: &str = "notice_ways";
/// First and longest wait after the mail server was at fault.
const RELAY_WAIT_MIN_US: i64 = 15 * 1_000_000;
const RELAY_WAIT_MAX_US: i64 = 10 * 60 * 1_000_000;

/// How the ways out of this console are.
pub(crate) struct Outbox {
    relay: Problem,
    ways: Problem,
    /// Until then no letter is tried, and how often in a row the mail server was at fault.
    relay_wait_until_us: AtomicI64,
    relay_faults: AtomicU32,
}

impl Outbox {
    pub(crate) fn new(registry: &Registry) -> Self {
        Self {
            relay: registry.problem("mail_server"),
            // People's own ways are no fault of the console's: one that is broken must not make it seem unwell to who shares the load.
            ways: registry.remark(WAYS_REMARK),
            relay_wait_until_us: AtomicI64::new(0),
            relay_faults: AtomicU32::new(0),
        }
    }

    /// Which ways are tried now.
    fn open(&self, setting: &NotificationSetting, now_us: i64) -> Vec<WayKind> {
        let is_waiting = now_us < self.relay_wait_until_us.load(Ordering::Relaxed);
        let mail = (setting.mail.is_on && !is_waiting).then_some(WayKind::Mail);
        let webhook = setting.webhook.is_on.then_some(WayKind::Webhook);
        mail.into_iter().chain(webhook).collect()
    }

    fn relay_works(&self) {
        self.relay_faults.store(0, Ordering::Relaxed);
        self.relay.clear();
    }

    fn relay_fails(&self, failure: &Failure, now_us: i64) {
        let faults = self.relay_faults.fetch_add(1, Ordering::Relaxed).min(10);
        let wait_us = RELAY_WAIT_MIN_US
            .saturating_mul(1 << faults)
            .min(RELAY_WAIT_MAX_US);
        self.relay_wait_until_us
            .store(now_us.saturating_add(wait_us), Ordering::Relaxed);
        self.relay.set(format!("no e-mail can be sent: {failure}"));
    }
}

/// Sends until the console stops.
pub(crate) async fn run(console: Console) {
    let mut stopped = console.stopped();
    let mut happenings = console.live().listen();
    // What is under way when the console stops is finished, as far as the console waits for it.
    while !*stopped.borrow() {
        if let Err(error) = send(&console).await {
            tracing::warn!(%error, "notifications could not be sent; trying again");
        }
        tokio::select! {
            () = wait(&mut happenings) => {}
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
    }
}

/// Until somebody was told something, or it is time to look anyhow.
async fn wait(happenings: &mut broadcast::Receiver<Happening>) {
    let heard = async {
        loop {
            match happenings.recv().await {
                Ok(Happening::Notice(_) | Happening::Gap) | Err(RecvError::Lagged(_)) => return,
                Ok(_) => {}
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    };
    let _ = tokio::time::timeout(LOOK_EVERY, heard).await;
    // One look is enough for all that was heard.
    while !matches!(
        happenings.try_recv(),
        Err(TryRecvError::Empty | TryRecvError::Closed)
    ) {}
}

/// Sends all that is due; how many messages were taken by who receives them.
pub(crate) async fn send(console: &Console) -> Result<usize, DatabaseError> {
    let workers = (0..WORKERS).map(|_| work(console));
    let sent = future::try_join_all(workers).await?;
    let trouble = console.database().notice_way_trouble(console.now_us()).await?;
    match (trouble.failing, trouble.paused) {
        (0, 0) => console.outbox().ways.clear(),
        (failing, paused) => console.outbox().ways.set(format!(
            "people are not told on some of their ways: {failing} fail, {paused} are paused"
        )),
    }
    Ok(sent.into_iter().sum())
}

async fn work(console: &Console) -> Result<usize, DatabaseError> {
    let (database, stopped) = (console.database(), console.stopped());
    let mut sent = 0;
    while !*stopped.borrow() {
        let setting = database.notification_setting().await?;
        let kinds = console.outbox().open(&setting, console.now_us());
        let tree = authority::organisations(console).await?;
        match database.take_delivery(&tree, &kinds, console.now_us()).await? {
            Next::Nothing => break,
            Next::Again => {}
            Next::Send(taken) => {
                let outcome = deliver(console, &setting, &taken).await;
                sent += usize::from(outcome == Outcome::Sent);
                count(console, taken.kind, &outcome);
                database
                    .settle_delivery(&taken, &outcome, rand::random(), console.now_us())
                    .await?;
            }
        }
    }
    Ok(sent)
}

fn count(console: &Console, kind: WayKind, outcome: &Outcome) {
    let word = match outcome {
        Outcome::Sent => "sent",
        Outcome::Later { .. } => "later",
        Outcome::Never { .. } => "never",
    };
    let labels = [("way", kind.name()), ("outcome", word)];
    let help = "Notifications that were tried by e-mail and webhook, by outcome.";
    let metrics = console.metrics();
    metrics.counter("console_deliveries_total", help, &labels).inc();
}

async fn deliver(console: &Console, setting: &NotificationSetting, taken: &Taken) -> Outcome {
    let outcome = match taken.kind {
        WayKind::Mail => deliver_letter(console, setting, taken).await,
        WayKind::Webhook => deliver_post(console, setting, taken).await,
    };
    let Err(failure) = outcome else {
        return Outcome::Sent;
    };
    tracing::debug!(%failure, way = taken.way.0, attempts = taken.attempts, "a notification did not arrive");
    let is_of_way = failure.culprit == Culprit::Destination;
    match failure.outlook {
        Outlook::Never | Outlook::Gone if is_of_way => Outcome::Never {
            is_gone: failure.outlook == Outlook::Gone,
            why: failure.said,
        },
        Outlook::Later(wait_s) => Outcome::Later {
            why: failure.said,
            wait_s,
            is_of_way,
        },
        Outlook::Never | Outlook::Gone => Outcome::Later {
            why: failure.said,
            wait_s: None,
            is_of_way,
        },
    }
}

async fn deliver_letter(
    console: &Console,
    setting: &NotificationSetting,
    taken: &Taken,
) -> Result<(), Failure> {
    let tree = authority::organisations(console)
        .await
        .map_err(|error| away(&error))?;
    let link = |path: &str| link(console, path);
    let words = words::of(taken, &tree, &link);
    let thread = words::thread(&taken.matter);
    let id = taken.message_id.replace('_', "-");
    let message = Message {
        to: &taken.target,
        id: &id,
        thread: thread.as_deref(),
        words: &words,
        language: &taken.language,
    };
    send_letter(console, setting, message).await.map(|_| ())
}

async fn deliver_post(
    console: &Console,
    setting: &NotificationSetting,
    taken: &Taken,
) -> Result<(), Failure> {
    let secret = console
        .database()
        .webhook_secret(console.vault(), taken.way)
        .await
        .map_err(|error| away(&error))?;
    let link = |path: &str| link(console, path);
    let body = words::document(taken, &link);
    post(console, setting, &taken.target, &secret, &taken.message_id, &body)
        .await
        .map(|_| ())
}

/// PostgreSQL or the console's own key, which no destination is at fault for.
fn away(error: &DatabaseError) -> Failure {
    Failure::new(Culprit::Relay, Outlook::Later(None), error.to_string())
}

/// Address of a page of the console, where it is known by which people reach it.
fn link(console: &Console, path: &str) -> Option<String> {
    let url = console.options().public_url.as_deref()?;
    Some(format!("{}{path}", url.trim_end_matches('/')))
}

/// A letter as it is asked for.
pub(crate) struct Message<'a> {
    pub(crate) to: &'a str,
    pub(crate) id: &'a str,
    pub(crate) thread: Option<&'a str>,
    pub(crate) words: &'a Words,
    pub(crate) language: &'a str,
}

/// Sends a letter now; what the mail server answered.
pub(crate) async fn send_letter(
    console: &Console,
    setting: &NotificationSetting,
    message: Message<'_>,
) -> Result<String, Failure> {
    if !setting.mail.is_on {
        return Err(of_settings("no mail server is set"));
    }
    let outcome = try_letter(console, setting, message).await;
    match &outcome {
        Err(failure) if failure.culprit == Culprit::Relay => {
            console.outbox().relay_fails(failure, console.now_us());
        }
        Ok(_) | Err(_) => console.outbox().relay_works(),
    }
    outcome
}

/// What the administrator has to mend.
fn of_settings(said: &str) -> Failure {
    Failure::new(Culprit::Relay, Outlook::Later(None), said)
}

async fn try_letter(
    console: &Console,
    setting: &NotificationSetting,
    message: Message<'_>,
) -> Result<String, Failure> {
    let mail = &setting.mail;
    let from: Address = mail
        .from
        .parse()
        .map_err(|_| of_settings("the sender's address is none"))?;
    let to: Address = message
        .to
        .parse()
        .map_err(|error: vonggac_notify::mail::AddressError| {
            let said = format!("the address {error}");
            Failure::new(Culprit::Destination, Outlook::Never, said)
        })?;
    let password = console.database().mail_password(console.vault()).await;
    let password = password.map_err(|error| away(&error))?;
    let relay = Relay {
        host: mail.host.clone(),
        port: mail.port,
        security: match mail.security {
            MailSecurity::Implicit => Security::Implicit,
            MailSecurity::StartTls => Security::StartTls,
            MailSecurity::Plain => Security::Plain,
        },
        login: (!mail.user.is_empty()).then(|| Login {
            user: mail.user.clone(),
            password: password.unwrap_or_default(),
        }),
    };
    let letter = Letter {
        from_name: &mail.from_name,
        from: &from,
        to: &to,
        subject: &message.words.subject,
        text: &message.words.text,
        id: message.id,
        thread: message.thread,
        language: message.language,
        at_s: console.now_us().div_euclid(1_000_000),
    };
    console.notifier().mail(&relay, letter).await
}

/// Posts to a webhook now; the status of the answer.
pub(crate) async fn post(
    console: &Console,
    setting: &NotificationSetting,
    url: &str,
    secret: &[u8],
    id: &str,
    body: &str,
) -> Result<u16, Failure> {
    let unfit = |said: String| Failure::new(Culprit::Destination, Outlook::Never, said);
    let endpoint: Endpoint = url
        .parse()
        .map_err(|error: vonggac_notify::egress::EndpointError| unfit(format!("the address {error}")))?;
    let secret = Secret::from_bytes(secret).ok_or_else(|| unfit("its secret has the wrong length".into()))?;
    let post = Post {
        endpoint: &endpoint,
        secret: &secret,
        id,
        at_s: console.now_us().div_euclid(1_000_000),
        body,
    };
    console.notifier().post(&egress(setting), post).await
}

/// Where webhooks may go by the settings; nowhere while they are off.
pub(crate) fn egress(setting: &NotificationSetting) -> Egress {
    let webhook = &setting.webhook;
    let hosts = match webhook.is_on {
        true => webhook
            .hosts
            .iter()
            .filter_map(|host| host.parse().ok())
            .collect(),
        false => Vec::new(),
    };
    // What cannot be read allows nothing.
    let networks: Vec<Network> = webhook
        .networks
        .iter()
        .filter_map(|one| one.parse().ok())
        .collect();
    let allowed = move |address| network::among(&networks, address);
    Egress::new(hosts, webhook.allows_http, Box::new(allowed))
}

/// Counts a message that somebody has sent at once, for a test.
pub(crate) async fn count_test(
    console: &Console,
    account: AccountId,
    target: &str,
) -> Result<(), DatabaseError> {
    let database = console.database();
    database
        .count_notice_test(account, target, console.now_us())
        .await
}
