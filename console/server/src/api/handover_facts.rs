//! What a hand-over tells of how things stand, as it goes over the wire.

use serde::Serialize;
use utoipa::ToSchema;
use vonggac_database::handover::facts::{self, Facts};
use vonggac_database::overview::AGES_US;

use super::shapes::{AlertStatus, PartState, Severity};
use crate::time;

/// Alerts of one organisation that have these alike, and are not closed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OpenCount {
    organisation: String,
    severity: Severity,
    status: AlertStatus,
    /// At least so old, in seconds.
    #[schema(minimum = 0)]
    age_from_s: i64,
    /// Younger than this, in seconds.
    #[schema(required, minimum = 0)]
    age_to_s: Option<i64>,
    #[schema(minimum = 0)]
    count: i64,
    /// Of them, those that nobody has.
    #[schema(minimum = 0)]
    unassigned: i64,
    /// Of them, those set aside.
    #[schema(minimum = 0)]
    set_aside: i64,
}

/// Alerts of one organisation that somebody has.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HolderCount {
    organisation: String,
    holder_id: String,
    holder: String,
    #[schema(minimum = 0)]
    count: i64,
}

/// Alerts of one organisation that something was done with in the shift.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChangeCount {
    organisation: String,
    /// `raised`, `acknowledged`, `taken_over`, `closed` or `reopened`.
    change: String,
    #[schema(minimum = 0)]
    count: i64,
}

/// An alert, as far as a hand-over tells of it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HandoverAlert {
    id: String,
    organisation: String,
    title: String,
    /// The title in Vietnamese, where the rule says it.
    #[schema(required)]
    title_vi: Option<String>,
    severity: Severity,
    status: AlertStatus,
    #[schema(required)]
    holder: Option<String>,
    #[schema(format = DateTime)]
    detected_at: String,
    #[schema(minimum = 0)]
    count: i64,
    /// When it wakes, when it is set aside until a time.
    #[schema(required, format = DateTime)]
    wakes_at: Option<String>,
}

/// Something that is kept an eye on.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HandoverWatched {
    organisation: String,
    /// The alert, when it is one.
    #[schema(required)]
    alert: Option<HandoverAlert>,
    /// The kind of thing, when it is one.
    #[schema(required)]
    kind: Option<String>,
    #[schema(required)]
    value: Option<String>,
    note: String,
    by: String,
    #[schema(format = DateTime)]
    added_at: String,
}

/// A sensor that is not well.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SensorTrouble {
    organisation: String,
    sensor: String,
    state: PartState,
    #[schema(format = DateTime)]
    heard: String,
}

/// What people of one organisation did, as a number.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeedCount {
    organisation: String,
    /// As in the audit log: `membership.create`.
    action: String,
    #[schema(minimum = 0)]
    count: i64,
}

/// How things stand, or stood when it was handed over; what lies outside the asker's reach is left out.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HandoverFacts {
    #[schema(format = DateTime)]
    at: String,
    /// Since when changes are counted.
    #[schema(format = DateTime)]
    from: String,
    /// Until when what wakes is named.
    #[schema(format = DateTime)]
    next_to: String,
    open: Vec<OpenCount>,
    holders: Vec<HolderCount>,
    changes: Vec<ChangeCount>,
    /// The most urgent, of these the oldest first; at most 50.
    urgent: Vec<HandoverAlert>,
    /// Those set aside that wake in the next shift; at most 200.
    waking: Vec<HandoverAlert>,
    watched: Vec<HandoverWatched>,
    sensors: Vec<SensorTrouble>,
    deeds: Vec<DeedCount>,
}

/// The severity of a number as the case store keeps it.
fn severity(number: i16) -> Severity {
    let severity = vonggac_event::Severity::try_from(i32::from(number));
    severity.unwrap_or_default().into()
}

/// The status of a word as the case store keeps it.
fn status(word: &str) -> AlertStatus {
    let status = vonggac_database::Status::from_name(word);
    status.unwrap_or(vonggac_database::Status::Open).into()
}

/// Where an age band begins and ends, in seconds.
fn band(place: i32) -> (i64, Option<i64>) {
    let end_s = |place: i32| {
        let us = usize::try_from(place).ok().and_then(|place| AGES_US.get(place));
        us.map(|us| us / 1_000_000)
    };
    (end_s(place - 1).unwrap_or(0), end_s(place))
}

impl From<facts::OpenCount> for OpenCount {
    fn from(one: facts::OpenCount) -> Self {
        let (age_from_s, age_to_s) = band(one.band);
        Self {
            organisation: one.organisation,
            severity: severity(one.severity),
            status: status(&one.status),
            age_from_s,
            age_to_s,
            count: one.count,
            unassigned: one.unassigned,
            set_aside: one.set_aside,
        }
    }
}

impl From<facts::Brief> for HandoverAlert {
    fn from(one: facts::Brief) -> Self {
        Self {
            id: one.id,
            organisation: one.organisation,
            title: one.title,
            title_vi: one.title_vi,
            severity: severity(one.severity),
            status: status(&one.status),
            holder: one.holder,
            detected_at: time::to_text(one.detected_us),
            count: one.count,
            wakes_at: one.wakes_us.map(time::to_text),
        }
    }
}

impl From<facts::Seen> for HandoverWatched {
    fn from(one: facts::Seen) -> Self {
        Self {
            organisation: one.organisation,
            alert: one.alert.map(HandoverAlert::from),
            kind: one.kind,
            value: one.value,
            note: one.note,
            by: one.by,
            added_at: time::to_text(one.added_us),
        }
    }
}

impl From<facts::SensorTrouble> for SensorTrouble {
    fn from(one: facts::SensorTrouble) -> Self {
        Self {
            organisation: one.organisation,
            sensor: one.sensor,
            state: match one.state.as_str() {
                "down" => PartState::Down,
                _ => PartState::Degraded,
            },
            heard: time::to_text(one.heard_us),
        }
    }
}

impl From<Facts> for HandoverFacts {
    fn from(facts: Facts) -> Self {
        let holder = |one: facts::HolderCount| HolderCount {
            organisation: one.organisation,
            holder_id: one.holder_id.to_string(),
            holder: one.holder,
            count: one.count,
        };
        let change = |one: facts::ChangeCount| ChangeCount {
            organisation: one.organisation,
            change: one.change,
            count: one.count,
        };
        let deed = |one: facts::DeedCount| DeedCount {
            organisation: one.organisation,
            action: one.action,
            count: one.count,
        };
        Self {
            at: time::to_text(facts.at_us),
            from: time::to_text(facts.from_us),
            next_to: time::to_text(facts.next_to_us),
            open: facts.open.into_iter().map(OpenCount::from).collect(),
            holders: facts.holders.into_iter().map(holder).collect(),
            changes: facts.changes.into_iter().map(change).collect(),
            urgent: facts.urgent.into_iter().map(HandoverAlert::from).collect(),
            waking: facts.waking.into_iter().map(HandoverAlert::from).collect(),
            watched: facts.watched.into_iter().map(HandoverWatched::from).collect(),
            sensors: facts.sensors.into_iter().map(SensorTrouble::from).collect(),
            deeds: facts.deeds.into_iter().map(deed).collect(),
        }
    }
}
