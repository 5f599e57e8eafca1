//! An alert that is open: it grows until its window has passed.

use sha2::{Digest, Sha256};
use vonggac_event::limits::ALERT_EVENTS_MAX;
use vonggac_event::proto::Field;
use vonggac_event::{Alert, AlertId, Match, RuleCard, parse_address};

use crate::window::Held;

/// An open alert.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Session {
    /// The alert as it stands; its rule is the table's, its summary the last match's.
    pub(crate) alert: Alert,
    /// End of the last window that held; for a direct alert, the start of its window.
    pub(crate) held_us: i64,
    /// The count, sum or mean of that window.
    pub(crate) metric: f64,
    /// Whether its last revision has not gone out.
    pub(crate) is_dirty: bool,
    /// The source of the match that it took in last: while matches of that may come, it is open.
    pub(crate) source: u64,
    /// When that came, in arrival time.
    pub(crate) touched_us: i64,
}

/// Memory of an open alert beside its texts and lists, in bytes, about.
const SESSION_BYTES: usize = 512;
/// Memory of an event id in its list.
const EVENT_ID_BYTES: usize = 40;

impl Session {
    /// An alert without matches yet, whose window starts at `start_us`.
    pub(crate) fn open(item: &Match, rule_id: &str, version: &str, start_us: i64, detected_us: i64) -> Self {
        let id = alert_id(item, rule_id, version, start_us);
        Self {
            alert: Alert {
                alert_id: id.to_bytes().to_vec(),
                tenant: item.tenant.clone(),
                exercise_id: item.exercise_id,
                group: item.group.clone(),
                window_start_us: start_us,
                first_us: start_us,
                last_us: start_us,
                detected_us,
                ..Alert::default()
            },
            held_us: start_us,
            metric: 0.0,
            is_dirty: false,
            source: 0,
            touched_us: 0,
        }
    }

    /// Its memory, about.
    pub(crate) fn bytes(&self) -> usize {
        let alert = &self.alert;
        let texts = alert.tenant.len() + alert.sensor.len() + alert.summary.len();
        let fields = alert
            .group
            .iter()
            .map(|field| field.name.len() + field.value.len());
        let lists = alert.event_ids.len() * EVENT_ID_BYTES + alert.flow_ids.len() * 8;
        SESSION_BYTES + texts + fields.sum::<usize>() + lists
    }

    pub(crate) fn start_us(&self) -> i64 {
        self.alert.window_start_us
    }

    /// Counts an event and lists it while there is room.
    pub(crate) fn count(&mut self, ts_us: i64, event_id: u128, flow_id: u64) {
        let alert = &mut self.alert;
        alert.count = alert.count.saturating_add(1);
        alert.first_us = alert.first_us.min(ts_us);
        alert.last_us = alert.last_us.max(ts_us);
        if alert.event_ids.len() < ALERT_EVENTS_MAX {
            let bytes = event_id.to_be_bytes();
            if !alert.event_ids.iter().any(|known| known.as_slice() == bytes) {
                alert.event_ids.push(bytes.to_vec());
            }
        }
        if flow_id != 0 && alert.flow_ids.len() < ALERT_EVENTS_MAX && !alert.flow_ids.contains(&flow_id) {
            alert.flow_ids.push(flow_id);
        }
    }

    /// The alert goes on with windows that hold.
    pub(crate) fn hold(&mut self, held: Option<Held>) {
        if let Some(held) = held
            && held.ends.last_us >= self.held_us
        {
            self.held_us = held.ends.last_us;
            self.metric = held.metric;
        }
    }

    /// Takes over from a match what an alert shows of its latest one, and makes a revision.
    pub(crate) fn describe(&mut self, item: &Match) {
        let alert = &mut self.alert;
        alert.revision = alert.revision.saturating_add(1);
        alert.sensor.clone_from(&item.sensor);
        alert.src = address_of(&item.group, "src").unwrap_or_else(|| item.src.clone());
        alert.dst = address_of(&item.group, "dst").unwrap_or_else(|| item.dst.clone());
        (alert.sport, alert.dport, alert.proto) = (item.sport, item.dport, item.proto);
        alert.summary.clone_from(&item.summary);
        self.is_dirty = true;
    }

    /// The alert as it goes out.
    pub(crate) fn emit(&mut self, card: &RuleCard, summary: Option<String>) -> Alert {
        self.is_dirty = false;
        let mut alert = self.alert.clone();
        alert.rule = Some(card.clone());
        if let Some(summary) = summary {
            alert.summary = summary;
        }
        alert
    }
}

fn address_of(group: &[Field], name: &str) -> Option<Vec<u8>> {
    let field = group.iter().find(|field| field.name == name)?;
    field.value.parse().ok().map(vonggac_event::address_bytes)
}

/// The first 128 bits of SHA-256 over rule, version, tenant, exercise, group and window start; each text with its length, so
/// that no two alerts share a text.
fn alert_id(item: &Match, rule_id: &str, version: &str, start_us: i64) -> AlertId {
    let mut hash = Sha256::new();
    let mut text = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    };
    text(rule_id);
    text(version);
    text(&item.tenant);
    for field in &item.group {
        text(&field.name);
        text(&field.value);
    }
    hash.update(item.exercise_id.to_be_bytes());
    hash.update(start_us.to_be_bytes());
    let digest = hash.finalize();
    AlertId::from_bytes(digest.get(..16).unwrap_or_default()).unwrap_or(AlertId(0))
}

/// Whether an event's address bytes have a length that an address may have.
pub(crate) fn is_address_or_empty(bytes: &[u8]) -> bool {
    bytes.is_empty() || parse_address(bytes).is_some()
}
