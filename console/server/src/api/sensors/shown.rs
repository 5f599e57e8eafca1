//! Sensors as the page shows them: what the case store knows, and what they told of late.

use std::collections::HashMap;

use serde::Serialize;
use utoipa::ToSchema;
use vonggac_access::{OrganisationId, Tree, action};
use vonggac_database::sensor::list::{self, Heard, PastStep, SensorEntry, Standing};
use vonggac_database::sensor::{self, Token};
use vonggac_enrolment::SensorId;
use vonggac_event::{Scope, Stage};
use vonggac_store::search::SensorState;

use super::super::shapes::{OrganisationName, Person};
use super::owned;
use crate::error::Result;
use crate::extract::Signed;
use crate::state::Console;
use crate::{authority, health, time};

/// How a sensor stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum SensorStanding {
    /// It has not used a token yet.
    Waiting,
    /// It is enrolled and heard of.
    Active,
    /// It is enrolled and not heard of.
    Silent,
    /// What it sends does not count.
    Revoked,
}

impl From<Standing> for SensorStanding {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Waiting => Self::Waiting,
            Standing::Active => Self::Active,
            Standing::Silent => Self::Silent,
            Standing::Revoked => Self::Revoked,
        }
    }
}

/// What happened to a sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum SensorStepKind {
    /// Somebody prepared it.
    Prepare,
    /// It used a token.
    Enrol,
    /// Somebody made a token for another credential.
    Renew,
    /// Somebody changed its note.
    Change,
    /// Somebody revoked it.
    Revoke,
}

impl From<sensor::Step> for SensorStepKind {
    fn from(step: sensor::Step) -> Self {
        match step {
            sensor::Step::Prepare => Self::Prepare,
            sensor::Step::Enrol => Self::Enrol,
            sensor::Step::Renew => Self::Renew,
            sensor::Step::Change => Self::Change,
            sensor::Step::Revoke => Self::Revoke,
        }
    }
}

/// What one may do with a sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum SensorAction {
    Change,
    Renew,
    Revoke,
}

/// A sensor, as the list shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Sensor {
    id: String,
    name: String,
    organisation: OrganisationName,
    note: String,
    state: SensorStanding,
    /// Of the credential that counts; 0 when it has none yet.
    generation: u32,
    #[schema(format = DateTime)]
    prepared_at: String,
    /// When it got the credential that counts.
    #[schema(required, format = DateTime)]
    enrolled_at: Option<String>,
    #[schema(required, format = DateTime)]
    revoked_at: Option<String>,
    /// Until when its token works; none: there is none that does.
    #[schema(required, format = DateTime)]
    token_expires_at: Option<String>,
    /// Whether the pipelines have been told how it stands.
    is_told: bool,
    /// What it told last; none: nothing for days, or that cannot be known now.
    #[schema(required)]
    report: Option<SensorReport>,
}

/// What a sensor told last of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(in crate::api) struct SensorReport {
    #[schema(format = DateTime)]
    heard_at: String,
    packets_received: u64,
    packets_dropped: u64,
    events: u64,
}

/// A page of sensors.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct SensorPage {
    pub(super) items: Vec<Sensor>,
    #[schema(required)]
    pub(super) next_cursor: Option<String>,
    #[schema(minimum = 0)]
    pub(super) total: i64,
    pub(super) counts: SensorCounts,
}

/// How many sensors stand how, whatever the filter.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct SensorCounts {
    #[schema(minimum = 0)]
    waiting: i64,
    #[schema(minimum = 0)]
    active: i64,
    #[schema(minimum = 0)]
    silent: i64,
    #[schema(minimum = 0)]
    revoked: i64,
}

impl From<list::SensorCounts> for SensorCounts {
    fn from(counts: list::SensorCounts) -> Self {
        Self {
            waiting: counts.waiting,
            active: counts.active,
            silent: counts.silent,
            revoked: counts.revoked,
        }
    }
}

/// A step of a sensor's history.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct SensorStep {
    #[schema(format = DateTime)]
    at: String,
    step: SensorStepKind,
    /// The generation of its credential then.
    generation: u32,
    /// Who did it; none: nobody who was signed in.
    #[schema(required)]
    by: Option<Person>,
    /// From which address it was enrolled.
    #[schema(required)]
    address: Option<String>,
}

/// A sensor, as its panel shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct SensorDetail {
    #[serde(flatten)]
    sensor: Sensor,
    /// The newest first, at most 50 steps.
    history: Vec<SensorStep>,
    /// What who asks may do with it.
    actions: Vec<SensorAction>,
}

/// A one-time token, told this once.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct EnrolmentToken {
    /// 64 hexadecimal digits.
    token: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

impl From<&Token> for EnrolmentToken {
    fn from(token: &Token) -> Self {
        Self {
            token: token.secret.to_text(),
            expires_at: time::to_text(token.expires_us),
        }
    }
}

/// A sensor that was prepared.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct PreparedSensor {
    pub(super) sensor: SensorDetail,
    pub(super) token: EnrolmentToken,
}

/// An organisation whose sensors one sees.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct SensorPlace {
    pub(super) organisation: OrganisationName,
    /// Whether one may add sensors to it.
    pub(super) can_add: bool,
}

/// Organisations.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct SensorPlaceList {
    pub(super) items: Vec<SensorPlace>,
    /// Whether the console has the key that it takes to enrol sensors.
    pub(super) can_enrol: bool,
}

/// What sensors of a stage told of late, by organisation and name.
pub(super) struct Reports {
    reports: HashMap<(String, String), SensorReport>,
    living: Heard,
}

impl Reports {
    pub(super) async fn of(console: &Console, stage: Stage) -> Self {
        Self::from_states(&health::sensors(console).await, stage, console.now_us())
    }

    fn from_states(states: &[SensorState], stage: Stage, now_us: i64) -> Self {
        let mut living = Heard::default();
        let states = || states.iter().filter(|state| state.stage == stage);
        for state in states().filter(|state| !health::is_silent(state, now_us)) {
            living.add(&state.tenant, &state.sensor);
        }
        let told = |state: &SensorState| SensorReport {
            heard_at: time::to_text(state.heard_us),
            packets_received: state.packets_received,
            packets_dropped: state
                .packets_dropped
                .values()
                .fold(0, |sum: u64, count| sum.saturating_add(*count)),
            events: state.events,
        };
        let reports = states().map(|state| ((state.tenant.clone(), state.sensor.clone()), told(state)));
        Self {
            reports: reports.collect(),
            living,
        }
    }

    /// Those that are heard of.
    pub(super) fn living(&self) -> &Heard {
        &self.living
    }

    /// A sensor of the list. A name that was given anew is the new one's.
    pub(super) fn entry(&self, tree: &Tree, entry: SensorEntry) -> Sensor {
        let told_as = (entry.organisation.as_str().to_owned(), entry.name.clone());
        let is_enrolled = matches!(entry.standing, Standing::Active | Standing::Silent);
        Sensor {
            id: entry.id.to_string(),
            organisation: authority::name_of(tree, &entry.organisation),
            name: entry.name,
            note: entry.note,
            state: entry.standing.into(),
            generation: entry.generation,
            prepared_at: time::to_text(entry.prepared_us),
            enrolled_at: entry.enrolled_us.map(time::to_text),
            revoked_at: entry.revoked_us.map(time::to_text),
            token_expires_at: entry.token_expires_us.map(time::to_text),
            is_told: entry.is_told,
            report: self.reports.get(&told_as).filter(|_| is_enrolled).cloned(),
        }
    }
}

/// Whose a sensor is, when it is seen.
pub(super) async fn owner(console: &Console, scope: &Scope, id: SensorId) -> Result<OrganisationId> {
    let now_us = console.now_us();
    let found = console
        .database()
        .sensor(scope, &Heard::default(), id, now_us)
        .await?;
    Ok(found.organisation)
}

/// A sensor with its history.
pub(super) async fn detail(
    console: &Console,
    signed: &Signed,
    scope: &Scope,
    id: SensorId,
) -> Result<SensorDetail> {
    let reports = Reports::of(console, scope.stage()).await;
    let store = console.database();
    let entry = store
        .sensor(scope, reports.living(), id, console.now_us())
        .await?;
    let history = store.sensor_history(scope, id).await?;
    let tree = authority::organisations(console).await?;
    Ok(SensorDetail {
        actions: actions(signed, &entry),
        sensor: reports.entry(&tree, entry),
        history: history.into_iter().map(step).collect(),
    })
}

fn actions(signed: &Signed, entry: &SensorEntry) -> Vec<SensorAction> {
    let thing = || owned(&entry.organisation);
    let is_living = entry.standing != Standing::Revoked;
    [
        (SensorAction::Change, signed.would::<_, action::Change>(thing())),
        (
            SensorAction::Renew,
            is_living && signed.would::<_, action::Create>(thing()),
        ),
        (
            SensorAction::Revoke,
            is_living && signed.would::<_, action::Remove>(thing()),
        ),
    ]
    .into_iter()
    .filter_map(|(action, may)| may.then_some(action))
    .collect()
}

fn step(past: PastStep) -> SensorStep {
    SensorStep {
        at: time::to_text(past.at_us),
        step: past.step.into(),
        generation: past.generation,
        by: past.by.map(|person| Person {
            id: person.id.0.to_string(),
            display_name: person.display_name,
        }),
        address: (!past.address.is_empty()).then_some(past.address),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const NOW_US: i64 = 1_767_225_600_000_000;

    fn state(sensor: &str, age_s: i64) -> SensorState {
        SensorState {
            tenant: "moh".into(),
            sensor: sensor.into(),
            stage: Stage::Live,
            heard_us: NOW_US - age_s * 1_000_000,
            last_seen_us: 0,
            uptime_us: 0,
            packets_received: 10,
            packets_processed: 7,
            packets_dropped: BTreeMap::from([("kernel".to_owned(), 1), ("memory".to_owned(), 2)]),
            events: 5,
            counters: BTreeMap::new(),
        }
    }

    fn entry(name: &str, standing: Standing) -> SensorEntry {
        SensorEntry {
            id: SensorId([1; 16]),
            organisation: "moh".parse().unwrap(),
            name: name.into(),
            note: String::new(),
            standing,
            generation: 1,
            prepared_us: 0,
            enrolled_us: Some(0),
            revoked_us: None,
            token_expires_us: None,
            is_told: true,
        }
    }

    #[test]
    fn a_sensor_is_shown_with_what_it_told_and_a_revoked_one_without() {
        let reports = Reports::from_states(&[state("tap-1", 5)], Stage::Live, NOW_US);
        let nation = "[[organisation]]\ncode = \"vn\"\nkind = \"nation\"\nvi = \"x\"\nen = \"x\"\ncitation = \"a test\"\n";
        let tree = Tree::build(vonggac_access::file::read(nation).unwrap()).unwrap();
        let report = |name: &str, standing| reports.entry(&tree, entry(name, standing)).report;
        let told = report("tap-1", Standing::Active).unwrap();
        assert_eq!(
            (told.packets_received, told.packets_dropped, told.events),
            (10, 3, 5)
        );
        assert_eq!(report("tap-2", Standing::Silent), None);
        // Another may have the name now.
        assert_eq!(report("tap-1", Standing::Revoked), None);
    }
}
