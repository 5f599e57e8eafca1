//! The topics on Kafka and the keys of their messages.

use crate::proto::{Event, Match};

/// What sensors saw.
pub const EVENTS: &str = "events";
/// What rules want counted, re-keyed by correlation group.
pub const MATCHES: &str = "matches";
/// Alerts as they now stand.
pub const ALERTS: &str = "alerts";
/// Orders to sensors.
pub const COMMANDS: &str = "commands";
/// The register of sensors: key, a sensor's id; value, what it may send as. Compacted: the last word about each is kept.
pub const SENSORS: &str = "sensors";
/// Messages that could not be read, or came from whom nobody enrolled: reason in the header `reason`, original bytes as they came.
pub const DEAD_LETTER: &str = "dead-letter";

/// Every topic.
pub const ALL: [&str; 6] = [EVENTS, MATCHES, ALERTS, COMMANDS, SENSORS, DEAD_LETTER];

/// Key of an event: tenant and host pair, the same for both directions, so that a pair of hosts keeps its order.
pub fn event_key(event: &Event) -> Vec<u8> {
    let (low, high) = if event.src <= event.dst {
        (&event.src, &event.dst)
    } else {
        (&event.dst, &event.src)
    };
    let mut key = Vec::with_capacity(event.tenant.len() + low.len() + high.len() + 2);
    key.extend_from_slice(event.tenant.as_bytes());
    key.push(0);
    key.extend_from_slice(low);
    key.push(0);
    key.extend_from_slice(high);
    key
}

/// Key of a match: target rule, tenant, exercise and group, so that one group's state lives in one partition.
pub fn match_key(item: &Match) -> Vec<u8> {
    let mut key = Vec::with_capacity(64);
    key.extend_from_slice(item.target_id.as_bytes());
    key.push(0);
    key.extend_from_slice(item.tenant.as_bytes());
    key.push(0);
    key.extend_from_slice(&item.exercise_id.to_be_bytes());
    for field in &item.group {
        key.push(0);
        key.extend_from_slice(field.name.as_bytes());
        key.push(1);
        key.extend_from_slice(field.value.as_bytes());
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_share_a_key() {
        let one = Event {
            src: vec![10, 0, 0, 1],
            dst: vec![10, 0, 0, 2],
            ..Event::default()
        };
        let other = Event {
            src: one.dst.clone(),
            dst: one.src.clone(),
            ..Event::default()
        };
        assert_eq!(event_key(&one), event_key(&other));
    }
}
