//! Organisations that data comes from and nobody has entered: their events and alerts are kept and shown to nobody.
//!
//! Alerts are looked up in PostgreSQL; of events only the senders are known, by what their sensors told of late.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use vonggac_access::OrganisationId;
use vonggac_database::organisation::tally::STRANGER_ALERTS_MAX;
use vonggac_store::search::SensorState;

use crate::authority;
use crate::state::Console;

/// Most of them that are told.
const STRANGERS_MAX: u32 = 50;

/// An organisation that nobody has entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct UnknownOrganisation {
    /// As its events and alerts have it.
    pub(crate) code: String,
    /// Alerts of it.
    #[schema(minimum = 0)]
    pub(crate) alerts: i64,
    /// Whether there are more alerts than were counted.
    pub(crate) has_more: bool,
    /// Sensors that send for it.
    #[schema(minimum = 0)]
    pub(crate) sensors: usize,
    /// Whether an organisation can have that code; otherwise the sensor is set up wrongly.
    pub(crate) is_code: bool,
}

/// Those there are, by code; nothing when it cannot be found out now.
pub(super) async fn find(console: &Console, sensors: &[SensorState]) -> Option<Vec<UnknownOrganisation>> {
    let tree = authority::organisations(console).await.ok()?;
    let alerts = console.database().strangers(STRANGERS_MAX).await.ok()?;
    let mut found: BTreeMap<String, UnknownOrganisation> = BTreeMap::new();
    for stranger in alerts {
        one(&mut found, &stranger.code).alerts = stranger.alerts;
    }
    let is_known = |code: &str| {
        code.parse()
            .is_ok_and(|id: OrganisationId| tree.get(&id).is_some())
    };
    for sensor in sensors.iter().filter(|sensor| !is_known(&sensor.tenant)) {
        one(&mut found, &sensor.tenant).sensors += 1;
    }
    let most = found.into_values().take(STRANGERS_MAX as usize);
    Some(
        most.map(|one| UnknownOrganisation {
            has_more: one.alerts >= STRANGER_ALERTS_MAX,
            ..one
        })
        .collect(),
    )
}

fn one<'a>(found: &'a mut BTreeMap<String, UnknownOrganisation>, code: &str) -> &'a mut UnknownOrganisation {
    found
        .entry(code.to_owned())
        .or_insert_with(|| UnknownOrganisation {
            code: code.to_owned(),
            alerts: 0,
            has_more: false,
            sensors: 0,
            is_code: code.parse::<OrganisationId>().is_ok(),
        })
}
