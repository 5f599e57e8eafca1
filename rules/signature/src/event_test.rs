//! `decode-event`, `stream-event`, `app-layer-event`: what the sensor found odd.
//!
//! Names are those of Suricata's rules: `decode-event:ipv4.pkt_too_small`, `stream-event:pkt_invalid_ack`,
//! `app-layer-event:http.unknown_error`. The sensor gives the names of what it found; a name that it never
//! gives never matches.

use crate::error::{Complaint, value};

/// Longest name of an event.
const NAME_BYTES_MAX: usize = 128;

/// The name of an event that must have happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventTest {
    name: Box<str>,
}

impl EventTest {
    pub(crate) fn parse(text: &str) -> Result<EventTest, Complaint> {
        let name = text.trim();
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(valid) {
            return Err(value(format!("{name:?} is no name of an event")));
        }
        Ok(EventTest { name: name.into() })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn holds(&self, events: &[&str]) -> bool {
        events.contains(&&*self.name)
    }

    /// The protocol that has the event: what stands before the dot of `smtp.invalid_reply`. Events of the
    /// recognition itself (`applayer_…`) have none.
    pub(crate) fn protocol(&self) -> Option<&str> {
        self.name.split_once('.').map(|(protocol, _)| protocol)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names() {
        let test = EventTest::parse("http.unknown_error").unwrap();
        assert_eq!(test.protocol(), Some("http"));
        assert!(test.holds(&["http.x", "http.unknown_error"]));
        assert!(!test.holds(&["http.unknown"]));
        let detection = EventTest::parse("applayer_detect_protocol_only_one_direction").unwrap();
        assert_eq!(detection.protocol(), None);
        for text in ["", "a b", "!x", "a,b"] {
            assert!(EventTest::parse(text).is_err(), "{text}");
        }
    }
}
