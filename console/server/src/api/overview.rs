//! What a shift lead looks at first, in one answer.
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vonggac_access::{action, thing};
use vonggac_database::overview::{self, ByStatus, Took};

use super::filter::time_us;
use super::shapes::{PartState, SensorHealth, Severity};
use crate::error::{ApiError, Failure, Result};
use crate::extract::{Parameters, Staged};
use crate::health::{self, Viewer};
use crate::state::Console;
use crate::time;

/// Most sensors that are told; those that something is wrong with come first.
const SENSORS_MAX: usize = 200;

/// When.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SpanQuery {
    /// Then or later; from the first alert when left out
    #[param(format = DateTime)]
    from: Option<String>,
    /// Before; until now when left out
    #[param(format = DateTime)]
    to: Option<String>,
}

/// How many alerts there are, by where work on them stands.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct StatusCounts {
    #[schema(minimum = 0)]
    open: i64,
    #[schema(minimum = 0)]
    acknowledged: i64,
    #[schema(minimum = 0)]
    closed: i64,
}

impl From<ByStatus> for StatusCounts {
    fn from(counts: ByStatus) -> Self {
        let ByStatus {
            open,
            acknowledged,
            closed,
        } = counts;
        Self {
            open,
            acknowledged,
            closed,
        }
    }
}

/// Alerts of one severity.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SeverityCount {
    severity: Severity,
    alerts: StatusCounts,
}

/// Alerts of one organisation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrganisationCount {
    organisation: String,
    alerts: StatusCounts,
}

/// Alerts of one ATT&CK technique under one tactic.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TechniqueCount {
    tactic: String,
    /// Empty for rules that name none.
    technique: String,
    alerts: StatusCounts,
}

/// Alerts of one age that are not closed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AgeBand {
    /// Raised then or later; the oldest band has no such end.
    #[schema(required, format = DateTime)]
    detected_from: Option<String>,
    /// Raised before.
    #[schema(format = DateTime)]
    detected_to: String,
    /// At least so old.
    #[schema(minimum = 0)]
    from_s: i64,
    /// Younger than this.
    #[schema(required, minimum = 0)]
    to_s: Option<i64>,
    by_severity: BTreeMap<&'static str, i64>,
}

/// Alerts that are not closed, whenever they were raised.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Waiting {
    #[schema(minimum = 0)]
    count: i64,
    /// Of them, those that nobody has.
    #[schema(minimum = 0)]
    unassigned: i64,
    /// When the oldest was raised.
    #[schema(required, format = DateTime)]
    oldest: Option<String>,
    /// The youngest first.
    ages: Vec<AgeBand>,
}

/// Alerts raised in one stretch of time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RaisedBucket {
    #[schema(format = DateTime)]
    start: String,
    by_severity: BTreeMap<&'static str, i64>,
}

/// How long something took, counted from when the alert was raised.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Duration {
    /// Alerts for which it was done in the time.
    #[schema(minimum = 0)]
    count: i64,
    /// The median, in seconds.
    #[schema(required)]
    median_s: Option<f64>,
    /// Nine of ten took no longer, in seconds.
    #[schema(required)]
    p90_s: Option<f64>,
}

impl From<Took> for Duration {
    fn from(took: Took) -> Self {
        let some = |us: f64| (took.count > 0).then_some(us / 1e6);
        Self {
            count: took.count,
            median_s: some(took.median_us),
            p90_s: some(took.p90_us),
        }
    }
}

/// A sensor, as far as the overview tells of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OverviewSensor {
    tenant: String,
    sensor: String,
    state: PartState,
    /// When it last told something.
    #[schema(format = DateTime)]
    heard: String,
    events: u64,
    packets_received: u64,
    packets_dropped: u64,
}

/// What a shift lead looks at first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Overview {
    /// When it was looked at.
    #[schema(format = DateTime)]
    at: String,
    /// The time that is told of: from here …
    #[schema(format = DateTime)]
    from: String,
    /// … to before here.
    #[schema(format = DateTime)]
    to: String,
    /// Alerts raised in it, the most urgent first.
    by_severity: Vec<SeverityCount>,
    /// The organisations with the most of them.
    organisations: Vec<OrganisationCount>,
    /// How many organisations have some.
    organisations_total: usize,
    /// By technique, the most first.
    techniques: Vec<TechniqueCount>,
    /// Width of a bucket, in microseconds.
    #[schema(minimum = 0)]
    bucket_us: i64,
    /// In order, without a hole.
    buckets: Vec<RaisedBucket>,
    waiting: Waiting,
    acknowledge: Duration,
    close: Duration,
    /// How far alerts are behind, in seconds.
    alerts_behind_s: f64,
    /// Parts of the platform that are not well.
    parts_troubled: usize,
    /// Those that something is wrong with first; at most 200.
    sensors: Vec<OverviewSensor>,
    sensors_total: usize,
    sensors_troubled: usize,
}

/// Alerts, sensors and work at a glance
#[utoipa::path(get, path = "/api/v1/overview", operation_id = "overview", tag = "overview", params(SpanQuery),
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "What was raised in the time, what waits now, how long work took, how the sensors are", body = Overview),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 422, description = "It would cost too much", body = ApiError)))]
pub(super) async fn overview(
    State(console): State<Console>,
    Staged(signed): Staged,
    Parameters(span): Parameters<SpanQuery>,
) -> Result<Json<Overview>> {
    let now_us = console.now_us();
    let from_us = time_us("from", span.from.as_deref())?;
    let to_us = time_us("to", span.to.as_deref())?.unwrap_or(now_us);
    if from_us.is_some_and(|from_us| from_us >= to_us) {
        return Err(Failure::invalid("from", "from is not before to"));
    }
    let scope = signed.reach::<thing::Alert, action::Read>(&console).await?;
    let viewer = Viewer::of(&signed, None);
    let (work, health) = tokio::join!(
        console.database().overview(&scope, from_us, to_us, now_us),
        health::health(&console, &viewer),
    );
    let mut sensors = health.sensors;
    let troubled = |sensor: &SensorHealth| sensor.state != PartState::Up;
    sensors.sort_by_key(|sensor| !troubled(sensor));
    let parts_troubled = health
        .parts
        .iter()
        .filter(|part| part.state != PartState::Up)
        .count();
    Ok(Json(Overview {
        sensors_total: sensors.len(),
        sensors_troubled: sensors.iter().filter(|sensor| troubled(sensor)).count(),
        sensors: sensors.into_iter().take(SENSORS_MAX).map(brief).collect(),
        alerts_behind_s: health.alerts_behind_s,
        parts_troubled,
        ..told(work?, now_us)
    }))
}

fn brief(sensor: SensorHealth) -> OverviewSensor {
    OverviewSensor {
        packets_dropped: sensor.packets_dropped.values().sum(),
        tenant: sensor.tenant,
        sensor: sensor.sensor,
        state: sensor.state,
        heard: sensor.heard,
        events: sensor.events,
        packets_received: sensor.packets_received,
    }
}

/// The overview of the work; nothing of the platform yet.
fn told(work: overview::Overview, now_us: i64) -> Overview {
    Overview {
        at: time::to_text(now_us),
        from: time::to_text(work.from_us),
        to: time::to_text(work.to_us),
        by_severity: work
            .by_severity
            .into_iter()
            .map(|(severity, alerts)| SeverityCount {
                severity: severity.into(),
                alerts: alerts.into(),
            })
            .collect(),
        organisations: work
            .organisations
            .into_iter()
            .map(|(organisation, alerts)| OrganisationCount {
                organisation,
                alerts: alerts.into(),
            })
            .collect(),
        organisations_total: work.organisations_total,
        techniques: work
            .techniques
            .into_iter()
            .map(|count| TechniqueCount {
                tactic: count.tactic,
                technique: count.technique,
                alerts: count.alerts.into(),
            })
            .collect(),
        bucket_us: work.bucket_us,
        buckets: work
            .buckets
            .into_iter()
            .map(|bucket| RaisedBucket {
                start: time::to_text(bucket.start_us),
                by_severity: bucket.by_severity,
            })
            .collect(),
        waiting: waiting(work.waiting, now_us),
        acknowledge: work.acknowledge.into(),
        close: work.close.into(),
        alerts_behind_s: 0.0,
        parts_troubled: 0,
        sensors: Vec::new(),
        sensors_total: 0,
        sensors_troubled: 0,
    }
}

fn waiting(waiting: overview::Waiting, now_us: i64) -> Waiting {
    let ago = |us: i64| time::to_text(now_us.saturating_sub(us));
    let band = |band: overview::AgeBand| AgeBand {
        detected_from: band.to_us.map(|to_us| ago(to_us.saturating_sub(1))),
        detected_to: ago(band.from_us.saturating_sub(1)),
        from_s: band.from_us / 1_000_000,
        to_s: band.to_us.map(|to_us| to_us / 1_000_000),
        by_severity: band
            .by_severity
            .into_iter()
            .map(|(severity, count)| (severity.name(), count))
            .collect(),
    };
    Waiting {
        count: waiting.count,
        unassigned: waiting.unassigned,
        oldest: waiting.oldest_us.map(time::to_text),
        ages: waiting.ages.into_iter().map(band).collect(),
    }
}
