//! What goes over the wire.

mod groups;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use vonggac_database::{self as database, AlertRow};
use vonggac_event as event;
use vonggac_store::search;

pub(crate) use groups::{AlertGroup, AlertGroups, TagCount, TagList};

use super::exceptions::{AlertException, Condition};
use crate::health::UnknownOrganisation;
use crate::time;

/// Instead of a time: until it happens again.
pub(crate) const AGAIN: &str = "again";

macro_rules! word_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub(crate) enum $name { $($(#[$variant_doc])* $variant),* }
    };
}

macro_rules! roles {
    ($($variant:ident),+) => {
        /// What a person is in an organisation; `docs/rights.md` says what that allows.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "kebab-case")]
        pub(crate) enum Role { $($variant),+ }

        impl From<vonggac_access::Role> for Role {
            fn from(role: vonggac_access::Role) -> Self {
                match role { $(vonggac_access::Role::$variant => Self::$variant),+ }
            }
        }

        impl From<Role> for vonggac_access::Role {
            fn from(role: Role) -> Self {
                match role { $(Role::$variant => Self::$variant),+ }
            }
        }
    };
}

roles!(
    Viewer,
    Analyst,
    SeniorAnalyst,
    ShiftLead,
    ResponseCoordinator,
    OrganisationManager,
    Assessor,
    ExerciseDirector,
    Auditor,
    SystemAdministrator
);

word_enum!(
    /// How urgent an alert is.
    Severity { Critical, High, Medium, Low, Informational }
);
word_enum!(
    /// Where work on an alert stands.
    AlertStatus { Open, Acknowledged, Closed }
);
word_enum!(
    /// What a closed alert turned out to be.
    Verdict { TruePositive, BenignTruePositive, FalsePositive, Duplicate, Undetermined }
);
word_enum!(
    /// Why a verdict is what it is; each belongs to one verdict, in this order.
    Reason {
        Intrusion, Attempt, Malware, Phishing, CompromisedAccount, DataTheft, PolicyViolation,
        SecurityTest, Maintenance, ExpectedApplication, ConfirmedByUser,
        RuleLogic, WrongData, OutdatedIndicator,
        SameActivity, OtherSensor,
        NotEnoughData, NoAnswer,
    }
);
word_enum!(
    /// Language of a rule.
    RuleKind { Signature, Sigma, Correlation, Yara }
);
word_enum!(
    /// How a part is.
    PartState { Up, Degraded, Down }
);
word_enum!(
    /// What a part is.
    PartKind { Console, Postgresql, Clickhouse, Kafka, AlertIntake, Pipeline }
);
word_enum!(
    /// What is said of a part or a sensor.
    RemarkCode {
        /// It does not answer.
        NoAnswer,
        /// It answers, slowly.
        Slow,
        /// Alerts cannot be taken over.
        IntakeFailing,
        /// The pipelines cannot be told which sensors there are.
        RegisterFailing,
        /// No e-mail can be sent.
        MailFailing,
        /// Some people are not told on ways of theirs.
        NoticeWaysFailing,
        UnmadeExercises,
        /// Alerts come late.
        AlertsBehind,
        /// Nothing is heard of a pipeline.
        PipelineSilent,
        /// Nothing is heard of another console.
        ConsoleSilent,
        /// No pipeline has told anything for a day.
        NoPipeline,
        /// What it tells cannot be read while ClickHouse is away.
        Unknown,
        /// ClickHouse does not take what it stores.
        StoreRefuses,
        /// Kafka does not take or give its messages.
        KafkaRefuses,
        /// PostgreSQL does not serve it.
        DatabaseRefuses,
        /// Something else, in its own words.
        OtherProblem,
        /// Nothing is heard of a sensor.
        SensorSilent,
        /// A sensor's events come late.
        SensorBehind,
    }
);
word_enum!(
    /// What somebody did.
    ActivityAction {
        Acknowledged, TakenOver, Closed, Reopened, Assigned, Commented, Snoozed, Woken, Tagged, Undone,
    }
);

/// Somebody.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) display_name: String,
}

/// Whether the first administrator is still to be made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SetupState {
    pub(crate) needed: bool,
}

/// The first administrator.
#[derive(Deserialize, ToSchema)]
pub(crate) struct SetupRequest {
    pub(crate) code: String,
    pub(crate) user_name: String,
    pub(crate) display_name: String,
    pub(crate) password: String,
}

/// Who signs in.
#[derive(Deserialize, ToSchema)]
pub(crate) struct SignInRequest {
    pub(crate) user_name: String,
    pub(crate) password: String,
}

/// An organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct OrganisationName {
    pub(crate) code: String,
    /// Its name in Vietnamese.
    pub(crate) vi: String,
    /// Its name in English.
    pub(crate) en: String,
}

/// An account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) user_name: String,
    pub(crate) display_name: String,
    /// What it belongs to.
    pub(crate) organisation: OrganisationName,
    /// Its roles today, wherever it has them.
    pub(crate) roles: Vec<Role>,
    /// What it may do with something, somewhere, as in `alert:work`; asked anew with each request.
    pub(crate) abilities: Vec<String>,
    /// Whether it may nothing until a passkey was registered or used, because one of its roles takes one.
    pub(crate) passkey_needed: bool,
    /// `vi` or `en`.
    pub(crate) language: String,
}

/// A change of one's own password.
#[derive(Deserialize, ToSchema)]
pub(crate) struct PasswordRequest {
    pub(crate) old_password: String,
    /// The new one: at least 12 characters, and hard to guess.
    pub(crate) password: String,
}

/// An account's own settings; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct AccountPatch {
    pub(crate) language: Option<String>,
    pub(crate) display_name: Option<String>,
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionView {
    pub(crate) id: String,
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
    #[schema(format = DateTime)]
    pub(crate) last_seen_at: String,
    pub(crate) user_agent: String,
    pub(crate) address: String,
    /// Whether it is the one that asks.
    pub(crate) current: bool,
    /// At which provider its owner signed in; absent for here.
    pub(crate) provider: Option<String>,
}

/// An alert, as the queue shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Alert {
    /// 32 hexadecimal digits.
    pub(crate) id: String,
    pub(crate) rule_id: String,
    pub(crate) rule_title: String,
    /// The title in Vietnamese, where the rule says it.
    #[schema(required)]
    pub(crate) rule_title_vi: Option<String>,
    pub(crate) rule_kind: RuleKind,
    pub(crate) rule_version: String,
    pub(crate) severity: Severity,
    pub(crate) techniques: Vec<String>,
    pub(crate) tactics: Vec<String>,
    pub(crate) tenant: String,
    pub(crate) sensor: String,
    #[schema(required)]
    pub(crate) src: Option<String>,
    #[schema(required)]
    pub(crate) sport: Option<u16>,
    #[schema(required)]
    pub(crate) dst: Option<String>,
    #[schema(required)]
    pub(crate) dport: Option<u16>,
    #[schema(required)]
    pub(crate) proto: Option<String>,
    #[schema(format = DateTime)]
    pub(crate) first_seen: String,
    #[schema(format = DateTime)]
    pub(crate) last_seen: String,
    #[schema(format = DateTime)]
    pub(crate) detected_at: String,
    #[schema(minimum = 0)]
    pub(crate) count: i64,
    #[serde(flatten)]
    pub(crate) work: Work,
    #[schema(minimum = 0)]
    pub(crate) exercise_id: i64,
    pub(crate) summary: String,
    /// When the console took it over, or an exception that hid it was over and it came back.
    #[schema(format = DateTime)]
    pub(crate) arrived_at: String,
    /// Whether an exception keeps it out of the queue.
    pub(crate) is_suppressed: bool,
    /// Id of the exception that hid or lowered it last.
    #[schema(required)]
    pub(crate) exception: Option<String>,
    /// How urgent its rule is, where an exception lowered it.
    #[schema(required)]
    pub(crate) raised_severity: Option<Severity>,
    /// Others of the same rule about the same entity; only in pages of the queue.
    #[schema(required)]
    pub(crate) similar: Option<Similar>,
}

/// Alerts like one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Similar {
    #[schema(minimum = 0)]
    pub(crate) alerts: i64,
    /// Whether there are more than were looked at.
    pub(crate) is_more: bool,
    /// How many of them turned out to be what.
    pub(crate) verdicts: BTreeMap<&'static str, i64>,
}

/// What people made of an alert.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Work {
    pub(crate) status: AlertStatus,
    #[schema(required)]
    pub(crate) assignee: Option<Person>,
    #[schema(required)]
    pub(crate) verdict: Option<Verdict>,
    #[schema(required)]
    pub(crate) reason: Option<Reason>,
    /// Until when it is set aside: a time, which may have passed, or `again` for until it happens again.
    #[schema(required)]
    pub(crate) snoozed_until: Option<String>,
    pub(crate) tags: Vec<String>,
}

/// A page of alerts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AlertPage {
    pub(crate) items: Vec<Alert>,
    #[schema(required)]
    pub(crate) next_cursor: Option<String>,
    #[schema(minimum = 0)]
    pub(crate) total: i64,
    /// Whether there are more than `total`: a search by text counts as far as 10,000
    pub(crate) total_has_more: bool,
    /// What came later was not looked at; for `seen_at` of work on all that match.
    #[schema(format = DateTime)]
    pub(crate) seen_at: String,
}

/// An alert, as its page shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AlertDetail {
    #[serde(flatten)]
    pub(crate) alert: Alert,
    pub(crate) rule_text: String,
    /// What the rule says of itself, where it does.
    #[schema(required)]
    pub(crate) rule_description: Option<String>,
    /// The same in Vietnamese.
    #[schema(required)]
    pub(crate) rule_description_vi: Option<String>,
    /// What the alert's events share.
    pub(crate) group: BTreeMap<String, String>,
    pub(crate) event_ids: Vec<String>,
    pub(crate) flow_ids: Vec<String>,
    /// The closed alert that this one goes on from.
    #[schema(required)]
    pub(crate) continues: Option<String>,
    /// The alert that goes on from this one.
    #[schema(required)]
    pub(crate) continued_by: Option<String>,
    pub(crate) activity: Vec<Activity>,
    /// Exceptions that hid or lowered it, or would if it came now.
    pub(crate) exceptions: Vec<AlertException>,
    /// What it has to make an exception of.
    pub(crate) offered: Vec<Condition>,
}

/// A line of activity.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Activity {
    #[schema(format = DateTime)]
    pub(crate) at: String,
    pub(crate) actor: Person,
    pub(crate) action: ActivityAction,
    /// `note`, `verdict`, `reason`, `text`, `from`, `to`, `until`, `added`, `removed`, `action`, as far as the action has them.
    #[schema(value_type = BTreeMap<String, Value>)]
    pub(crate) detail: Map<String, Value>,
}

/// Work on an alert, told over the stream.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AlertStatusChange {
    pub(crate) id: String,
    #[serde(flatten)]
    pub(crate) work: Work,
}

/// How many alerts there are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AlertCounts {
    /// By severity, without the closed ones.
    pub(crate) by_severity: BTreeMap<String, i64>,
    pub(crate) by_status: BTreeMap<String, i64>,
    /// When the next of those set aside comes back by time.
    #[schema(required, format = DateTime)]
    pub(crate) wakes_at: Option<String>,
}

/// A stored event.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventRow {
    /// 32 hexadecimal digits.
    pub(crate) event_id: String,
    pub(crate) class: &'static str,
    #[schema(format = DateTime)]
    pub(crate) ts: String,
    pub(crate) sensor: String,
    pub(crate) tenant: String,
    /// Decimal; `0` for none.
    pub(crate) flow_id: String,
    pub(crate) community_id: String,
    #[schema(required)]
    pub(crate) src: Option<String>,
    #[schema(required)]
    pub(crate) sport: Option<u16>,
    #[schema(required)]
    pub(crate) dst: Option<String>,
    #[schema(required)]
    pub(crate) dport: Option<u16>,
    #[schema(required)]
    pub(crate) proto: Option<String>,
    pub(crate) exercise_id: u32,
    /// The class's own columns that have a value.
    #[schema(value_type = BTreeMap<String, Value>)]
    pub(crate) fields: Map<String, Value>,
}

/// Some events.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventList {
    pub(crate) items: Vec<EventRow>,
}

/// A page of events.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventPage {
    pub(crate) items: Vec<EventRow>,
    #[schema(required)]
    pub(crate) next_cursor: Option<String>,
    pub(crate) total: u64,
}

/// Events by time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Histogram {
    /// Width of a bucket in microseconds; 0 when there is none.
    #[schema(minimum = 0)]
    pub(crate) bucket_us: i64,
    pub(crate) buckets: Vec<HistogramBucket>,
}

/// Events of one stretch of time, by class.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HistogramBucket {
    #[schema(format = DateTime)]
    pub(crate) start: String,
    pub(crate) counts: BTreeMap<&'static str, u64>,
}

/// A field that can be searched.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventField {
    pub(crate) class: &'static str,
    pub(crate) name: &'static str,
    pub(crate) kind: &'static str,
}

/// How everything is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// How far alerts are behind, in seconds.
    pub(crate) alerts_behind_s: f64,
    pub(crate) parts: Vec<PartHealth>,
    pub(crate) sensors: Vec<SensorHealth>,
    /// Data of these is kept and shown to nobody; only for who may enter them.
    pub(crate) unknown_organisations: Vec<UnknownOrganisation>,
}

/// How a part is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct PartHealth {
    pub(crate) part: PartKind,
    /// Which of several; only for administrators.
    #[schema(required)]
    pub(crate) name: Option<String>,
    pub(crate) state: PartState,
    /// Where it is; only for administrators.
    #[schema(required)]
    pub(crate) address: Option<String>,
    /// Its version; of Kafka, how many brokers there are.
    #[schema(required)]
    pub(crate) version: Option<String>,
    /// How far it is behind, in seconds.
    #[schema(required)]
    pub(crate) lag_s: Option<f64>,
    /// When it last told something; of the intake, when it last took an alert over.
    #[schema(required, format = DateTime)]
    pub(crate) heard: Option<String>,
    pub(crate) remarks: Vec<Remark>,
}

/// Something said of a part or a sensor.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Remark {
    pub(crate) code: RemarkCode,
    /// Since when.
    #[schema(required, format = DateTime)]
    pub(crate) since: Option<String>,
    /// How long, or how far behind.
    #[schema(required)]
    pub(crate) seconds: Option<f64>,
    /// What others say of it, in their words; only for administrators.
    #[schema(required)]
    pub(crate) detail: Option<String>,
}

/// How a sensor is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SensorHealth {
    pub(crate) tenant: String,
    pub(crate) sensor: String,
    pub(crate) state: PartState,
    /// When it last told something.
    #[schema(format = DateTime)]
    pub(crate) heard: String,
    /// The time of its latest packets.
    #[schema(format = DateTime)]
    pub(crate) last_seen: String,
    pub(crate) packets_received: u64,
    pub(crate) packets_processed: u64,
    /// By reason.
    pub(crate) packets_dropped: BTreeMap<String, u64>,
    pub(crate) events: u64,
    /// Whatever else it counts.
    pub(crate) counters: BTreeMap<String, u64>,
    pub(crate) remarks: Vec<Remark>,
}

fn port(port: u16) -> Option<u16> {
    (port != 0).then_some(port)
}

pub(crate) fn some_text(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

impl From<event::Severity> for Severity {
    fn from(severity: event::Severity) -> Self {
        match severity {
            event::Severity::Critical => Self::Critical,
            event::Severity::High => Self::High,
            event::Severity::Medium => Self::Medium,
            event::Severity::Low => Self::Low,
            event::Severity::Informational | event::Severity::Unspecified => Self::Informational,
        }
    }
}

impl From<event::RuleKind> for RuleKind {
    fn from(kind: event::RuleKind) -> Self {
        match kind {
            event::RuleKind::Signature | event::RuleKind::Unspecified => Self::Signature,
            event::RuleKind::Sigma => Self::Sigma,
            event::RuleKind::Correlation => Self::Correlation,
            event::RuleKind::Yara => Self::Yara,
        }
    }
}

/// Words that are the same here and in the database.
macro_rules! same_words {
    ($here:ident = $there:path { $($variant:ident),* $(,)? }) => {
        impl From<$there> for $here {
            fn from(there: $there) -> Self {
                match there { $(<$there>::$variant => Self::$variant),* }
            }
        }

        impl From<$here> for $there {
            fn from(here: $here) -> Self {
                match here { $($here::$variant => Self::$variant),* }
            }
        }
    };
}

same_words!(
    AlertStatus = database::Status {
        Open,
        Acknowledged,
        Closed
    }
);
same_words!(
    Verdict = database::Verdict {
        TruePositive,
        BenignTruePositive,
        FalsePositive,
        Duplicate,
        Undetermined,
    }
);
same_words!(
    Reason = database::Reason {
        Intrusion,
        Attempt,
        Malware,
        Phishing,
        CompromisedAccount,
        DataTheft,
        PolicyViolation,
        SecurityTest,
        Maintenance,
        ExpectedApplication,
        ConfirmedByUser,
        RuleLogic,
        WrongData,
        OutdatedIndicator,
        SameActivity,
        OtherSensor,
        NotEnoughData,
        NoAnswer,
    }
);

impl From<database::Person> for Person {
    fn from(person: database::Person) -> Self {
        Self {
            id: person.id.0.to_string(),
            display_name: person.display_name,
        }
    }
}

impl Work {
    fn of(row: &AlertRow) -> Self {
        let until = |snooze| match snooze {
            database::Snooze::Until { us } => time::to_text(us),
            database::Snooze::UntilAgain => AGAIN.to_owned(),
        };
        Self {
            status: row.status.into(),
            assignee: row.assignee.clone().map(Person::from),
            verdict: row.verdict.map(Verdict::from),
            reason: row.reason.map(Reason::from),
            snoozed_until: row.snooze.map(until),
            tags: row.tags.clone(),
        }
    }
}

impl From<AlertRow> for Alert {
    fn from(row: AlertRow) -> Self {
        let work = Work::of(&row);
        Self {
            id: row.id.to_string(),
            rule_id: row.rule_id,
            rule_title: row.rule_title,
            rule_title_vi: row.rule_title_vi,
            rule_kind: row.rule_kind.into(),
            rule_version: row.rule_version,
            severity: row.severity.into(),
            techniques: row.techniques,
            tactics: row.tactics,
            tenant: row.tenant,
            sensor: row.sensor,
            src: row.src,
            sport: port(row.sport),
            dst: row.dst,
            dport: port(row.dport),
            proto: some_text(row.proto),
            first_seen: time::to_text(row.first_us),
            last_seen: time::to_text(row.last_us),
            detected_at: time::to_text(row.detected_us),
            count: row.count,
            work,
            exercise_id: row.exercise_id,
            summary: row.summary,
            arrived_at: time::to_text(row.arrived_us),
            is_suppressed: row.is_suppressed,
            exception: row.exception.map(|id| id.0.to_string()),
            raised_severity: row.raised_severity.map(Severity::from),
            similar: None,
        }
    }
}

impl From<database::queue::similar::Similar> for Similar {
    fn from(similar: database::queue::similar::Similar) -> Self {
        Self {
            alerts: similar.alerts,
            is_more: similar.is_more,
            verdicts: similar.verdicts,
        }
    }
}

impl From<AlertRow> for AlertStatusChange {
    fn from(row: AlertRow) -> Self {
        Self {
            id: row.id.to_string(),
            work: Work::of(&row),
        }
    }
}

impl From<database::work::Activity> for Activity {
    fn from(line: database::work::Activity) -> Self {
        let action = match line.action.as_str() {
            "acknowledged" => ActivityAction::Acknowledged,
            "taken_over" => ActivityAction::TakenOver,
            "closed" => ActivityAction::Closed,
            "reopened" => ActivityAction::Reopened,
            "assigned" => ActivityAction::Assigned,
            "snoozed" => ActivityAction::Snoozed,
            "woken" => ActivityAction::Woken,
            "tagged" => ActivityAction::Tagged,
            "undone" => ActivityAction::Undone,
            _ => ActivityAction::Commented,
        };
        let mut detail = line.detail;
        let until_us = detail.remove("until_us");
        if let Some(us) = until_us.and_then(|us| us.as_str()?.parse().ok()) {
            detail.insert("until".to_owned(), Value::String(time::to_text(us)));
        }
        Self {
            at: time::to_text(line.at_us),
            actor: line.actor.into(),
            action,
            detail,
        }
    }
}

impl From<search::EventRow> for EventRow {
    fn from(row: search::EventRow) -> Self {
        let fields = row.fields.into_iter().map(|field| {
            let value = match (field.kind, field.value.as_i64()) {
                (event::Kind::Time, Some(us)) => Value::String(time::to_text(us)),
                _ => field.value,
            };
            (field.name.to_owned(), value)
        });
        Self {
            event_id: row.id.to_string(),
            class: row.class.name(),
            ts: time::to_text(row.ts_us),
            sensor: row.sensor,
            tenant: row.tenant,
            flow_id: row.flow_id.to_string(),
            community_id: row.community_id,
            src: row.src.map(|address| address.to_string()),
            sport: port(row.sport),
            dst: row.dst.map(|address| address.to_string()),
            dport: port(row.dport),
            proto: some_text(row.proto),
            exercise_id: row.exercise_id,
            fields: fields.collect(),
        }
    }
}

impl From<search::SensorState> for SensorHealth {
    fn from(state: search::SensorState) -> Self {
        Self {
            tenant: state.tenant,
            sensor: state.sensor,
            state: PartState::Up,
            heard: time::to_text(state.heard_us),
            last_seen: time::to_text(state.last_seen_us),
            packets_received: state.packets_received,
            packets_processed: state.packets_processed,
            packets_dropped: state.packets_dropped,
            events: state.events,
            counters: state.counters,
            remarks: Vec::new(),
        }
    }
}
