//! Exceptions as the API shows them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vonggac_access::{Tree, action};
use vonggac_database::exception::{
    Condition as Needed, Effect as Outcome, Exception as Kept, Preview as Found, PreviewDay as Day, State,
    verdict_of,
};
use vonggac_event::AlertId;

use super::held;
use crate::api::shapes::{Alert, OrganisationName, Person, Reason, Severity, Verdict};
use crate::authority;
use crate::error::Result;
use crate::extract::Signed;
use crate::state::Console;
use crate::time;

/// Alerts of a week from which on more and more of them are worth saying.
const GROWING_MIN: i64 = 10;
/// From which on an exception that caught nothing is worth saying.
const UNUSED_US: i64 = 7 * 86_400_000_000;
/// So long before its end it is said that it ends soon.
const EXPIRING_US: i64 = 3 * 86_400_000_000;

/// What a condition looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ConditionOn {
    /// The side that began: an address or a network.
    Src,
    /// The other side.
    Dst,
    /// Either side.
    Address,
    /// The sensor.
    Sensor,
    /// The port of the side that was met.
    Port,
    /// What the alert's events are grouped by.
    Field,
    /// The same, as a domain with those beneath it.
    Domain,
}

/// What becomes of alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Effect {
    /// They are kept out of the queue, stored and counted.
    Hide,
    /// Those that are more urgent are less so.
    Lower,
}

impl ConditionOn {
    /// As conditions are read by.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Src => "src",
            Self::Dst => "dst",
            Self::Address => "address",
            Self::Sensor => "sensor",
            Self::Port => "port",
            Self::Field => "field",
            Self::Domain => "domain",
        }
    }

    fn of(needed: &Needed) -> Self {
        match needed {
            Needed::Source(_) => Self::Src,
            Needed::Destination(_) => Self::Dst,
            Needed::Address(_) => Self::Address,
            Needed::Sensor(_) => Self::Sensor,
            Needed::Port(_) => Self::Port,
            Needed::Field { .. } => Self::Field,
            Needed::Domain { .. } => Self::Domain,
        }
    }
}

/// How an exception stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ExceptionState {
    /// For a second person; it catches nothing.
    Waiting,
    Active,
    Expired,
    Ended,
}

/// What is to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ExceptionSign {
    /// It catches more than twice as much as in the week before.
    Growing,
    /// It has caught nothing in a week or more.
    Unused,
    /// It ends within three days.
    Expiring,
}

/// What one may do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ExceptionAction {
    Extend,
    End,
    Approve,
}

/// One thing that alerts must be like.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Condition {
    on: ConditionOn,
    /// Of a field or a domain: the name of the column.
    #[schema(required)]
    name: Option<String>,
    value: String,
}

/// Somebody did something.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExceptionDone {
    by: Person,
    #[schema(format = DateTime)]
    at: String,
    note: String,
}

/// An extension that waits for a second person.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExceptionExtension {
    by: Person,
    #[schema(format = DateTime)]
    at: String,
    note: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

/// An exception.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Exception {
    pub(super) id: String,
    organisation: OrganisationName,
    /// Whether it is also about what stands beneath the organisation.
    with_beneath: bool,
    pub(super) rule_id: String,
    rule_title: String,
    /// The title in Vietnamese, where the rule says it.
    #[schema(required)]
    rule_title_vi: Option<String>,
    /// Id of the alert that it was made from.
    #[schema(required)]
    alert: Option<String>,
    /// All of them; with none it is about the whole rule.
    conditions: Vec<Condition>,
    effect: Effect,
    /// What it lowers alerts to.
    #[schema(required)]
    severity: Option<Severity>,
    reason: Reason,
    /// The verdict that the reason belongs to.
    #[schema(required)]
    verdict: Option<Verdict>,
    made: ExceptionDone,
    #[schema(format = DateTime)]
    expires_at: String,
    state: ExceptionState,
    /// Whether it takes a second person.
    needs_approval: bool,
    #[schema(required)]
    approved: Option<ExceptionDone>,
    #[schema(required)]
    extension: Option<ExceptionExtension>,
    #[schema(required)]
    ended: Option<ExceptionDone>,
    /// Alerts that it caught.
    #[schema(minimum = 0)]
    hits: i64,
    /// Their events.
    #[schema(minimum = 0)]
    events: i64,
    #[schema(required, format = DateTime)]
    last_hit_at: Option<String>,
    /// Alerts of the last seven days.
    #[schema(minimum = 0)]
    hits_week: i64,
    /// Alerts of the seven days before.
    #[schema(minimum = 0)]
    hits_week_before: i64,
    signs: Vec<ExceptionSign>,
    actions: Vec<ExceptionAction>,
}

/// An exception that an alert has to do with.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AlertException {
    #[serde(flatten)]
    exception: Exception,
    /// Whether it hid or lowered the alert last; otherwise it would if the alert came now.
    did: bool,
}

/// A day of a look back.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreviewDay {
    /// When it begins; the last ends now.
    #[schema(format = DateTime)]
    from: String,
    /// Alerts of the rule.
    #[schema(minimum = 0)]
    alerts: i64,
    /// Of them, those that it would have caught.
    #[schema(minimum = 0)]
    caught: i64,
    /// Their events.
    #[schema(minimum = 0)]
    events: i64,
}

/// What an exception would have caught over seven days.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Preview {
    /// Whether the whole rule is meant.
    is_whole: bool,
    /// Whether it would wait for a second person.
    needs_approval: bool,
    days: Vec<PreviewDay>,
    /// Alerts of the rule.
    #[schema(minimum = 0)]
    alerts: i64,
    /// Of them, those that it would have caught.
    #[schema(minimum = 0)]
    caught: i64,
    /// Their events.
    #[schema(minimum = 0)]
    events: i64,
    /// How many of them turned out to be what.
    verdicts: BTreeMap<&'static str, i64>,
    /// Open alerts that it is about and that nobody works on, of whatever age.
    #[schema(minimum = 0)]
    open: i64,
    /// The latest, at most 10.
    items: Vec<Alert>,
    /// Whether there are more alerts than were looked at.
    is_more: bool,
}

impl From<&Needed> for Condition {
    fn from(needed: &Needed) -> Self {
        Self {
            on: ConditionOn::of(needed),
            name: needed.name().map(str::to_owned),
            value: needed.value(),
        }
    }
}

impl From<vonggac_database::exception::Done> for ExceptionDone {
    fn from(done: vonggac_database::exception::Done) -> Self {
        Self {
            by: done.by.into(),
            at: time::to_text(done.at_us),
            note: done.note,
        }
    }
}

impl From<State> for ExceptionState {
    fn from(state: State) -> Self {
        match state {
            State::Waiting => Self::Waiting,
            State::Active => Self::Active,
            State::Expired => Self::Expired,
            State::Ended => Self::Ended,
        }
    }
}

fn signs(kept: &Kept, now_us: i64) -> Vec<ExceptionSign> {
    if kept.state != State::Active {
        return Vec::new();
    }
    let is_growing =
        kept.hits_week >= GROWING_MIN && kept.hits_week > kept.hits_week_before.saturating_mul(2);
    // In its first week there is no week before it.
    let is_old = now_us.saturating_sub(kept.made.at_us) >= UNUSED_US;
    let all = [
        (is_growing && is_old, ExceptionSign::Growing),
        (kept.hits == 0 && is_old, ExceptionSign::Unused),
        (
            kept.expires_us.saturating_sub(now_us) <= EXPIRING_US,
            ExceptionSign::Expiring,
        ),
    ];
    all.into_iter()
        .filter(|(is, _)| *is)
        .map(|(_, sign)| sign)
        .collect()
}

fn actions(signed: &Signed, kept: &Kept) -> Vec<ExceptionAction> {
    let may_change = signed.would::<_, action::Change>(held(kept));
    let waits = kept.state == State::Waiting || kept.extension.is_some();
    let is_own = kept.made.by.id == signed.account.id;
    let all = [
        (may_change && kept.state == State::Active, ExceptionAction::Extend),
        (
            may_change && matches!(kept.state, State::Active | State::Waiting),
            ExceptionAction::End,
        ),
        (
            waits && !is_own && signed.would::<_, action::Approve>(held(kept)),
            ExceptionAction::Approve,
        ),
    ];
    all.into_iter()
        .filter(|(is, _)| *is)
        .map(|(_, action)| action)
        .collect()
}

impl Exception {
    pub(super) fn of(signed: &Signed, tree: &Tree, kept: Kept, now_us: i64) -> Self {
        let (signs, actions) = (signs(&kept, now_us), actions(signed, &kept));
        Self {
            id: kept.id.0.to_string(),
            organisation: authority::name_of(tree, &kept.organisation),
            with_beneath: kept.with_beneath,
            rule_id: kept.rule_id,
            rule_title: kept.rule_title,
            rule_title_vi: kept.rule_title_vi,
            alert: kept.alert.map(|id| id.to_string()),
            conditions: kept.conditions.iter().map(Condition::from).collect(),
            effect: match kept.effect {
                Outcome::Hide => Effect::Hide,
                Outcome::Lower { .. } => Effect::Lower,
            },
            severity: match kept.effect {
                Outcome::Hide => None,
                Outcome::Lower { to } => Some(to.into()),
            },
            reason: kept.reason.into(),
            verdict: verdict_of(kept.reason).map(Verdict::from),
            made: kept.made.into(),
            expires_at: time::to_text(kept.expires_us),
            state: kept.state.into(),
            needs_approval: kept.needs_approval,
            approved: kept.approved.map(ExceptionDone::from),
            extension: kept.extension.map(|extension| ExceptionExtension {
                by: extension.asked.by.into(),
                at: time::to_text(extension.asked.at_us),
                note: extension.asked.note,
                expires_at: time::to_text(extension.to_us),
            }),
            ended: kept.ended.map(ExceptionDone::from),
            hits: kept.hits,
            events: kept.events,
            last_hit_at: kept.last_hit_us.map(time::to_text),
            hits_week: kept.hits_week,
            hits_week_before: kept.hits_week_before,
            signs,
            actions,
        }
    }

    pub(super) fn is_in_force(&self) -> bool {
        self.state == ExceptionState::Active
    }
}

/// The exceptions that an alert which one sees has to do with.
pub(crate) async fn of_alert(
    console: &Console,
    signed: &Signed,
    sight: &vonggac_event::Scope,
    id: AlertId,
) -> Result<Vec<AlertException>> {
    let now_us = console.now_us();
    let found = console.database().exceptions_of_alert(sight, id, now_us).await?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let tree = authority::organisations(console).await?;
    let show = |(kept, did)| AlertException {
        exception: Exception::of(signed, &tree, kept, now_us),
        did,
    };
    Ok(found.into_iter().map(show).collect())
}

impl From<Found> for Preview {
    fn from(found: Found) -> Self {
        let sum = |of: fn(&Day) -> i64| found.days.iter().map(of).fold(0, i64::saturating_add);
        Self {
            is_whole: found.is_whole,
            needs_approval: found.needs_approval,
            alerts: sum(|day| day.alerts),
            caught: sum(|day| day.caught),
            events: sum(|day| day.events),
            days: found
                .days
                .iter()
                .map(|day| PreviewDay {
                    from: time::to_text(day.from_us),
                    alerts: day.alerts,
                    caught: day.caught,
                    events: day.events,
                })
                .collect(),
            verdicts: found.verdicts,
            open: found.open,
            items: found.rows.into_iter().map(Alert::from).collect(),
            is_more: found.is_more,
        }
    }
}
