//! Rules on both payload and application buffers, half of which has matched.
//!
//! Suricata asks for both halves in one inspection of one transaction. Payload and transactions come
//! to this engine by separate calls; the halves meet so:
//!
//! * a payload half waits for the transaction that its bytes belong to: the one judged next in that
//!   direction, or others judged at the same time (pipelined requests in one segment);
//! * a transaction half waits only for payload of the same time: the packet that completed it.
//!
//! Halves that wait for nothing any more are dropped, so that a payload matched in one request never
//! joins the next one's buffers.

use crate::context::Direction;
use crate::flow_state::Room;
use crate::limits::FLOW_RULES_MAX;

/// When and whence the bytes of a half came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) ts_us: i64,
    pub(crate) direction: Direction,
    /// The transaction's number within the flow, where the caller tells it.
    pub(crate) transaction: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    rule: u64,
    at: Moment,
    /// Whether an unnumbered transaction has been judged since.
    judged: bool,
}

impl Waiting {
    fn new(rule: u64, at: Moment) -> Waiting {
        Waiting {
            rule,
            at,
            judged: false,
        }
    }
}

/// The halves that wait in one flow.
#[derive(Debug, Clone, Default)]
pub(crate) struct Halves {
    payload: Vec<Waiting>,
    transaction: Vec<Waiting>,
}

impl Halves {
    /// The payload half of a rule matched; whether its transaction half waits for it.
    pub(crate) fn payload_matched(&mut self, rule: u64, at: Moment) -> (bool, Room) {
        let complete = self
            .transaction
            .iter()
            .any(|half| half.rule == rule && half.at.direction == at.direction && half.at.ts_us == at.ts_us);
        let at = Moment {
            transaction: None,
            ..at
        };
        (complete, remember(&mut self.payload, Waiting::new(rule, at)))
    }

    /// A transaction is about to be judged: drops what waited for an earlier one.
    pub(crate) fn transaction_begins(&mut self, now: Moment) {
        self.payload.retain_mut(|half| {
            if half.at.direction != now.direction {
                return true;
            }
            let is_of_another = half.at.transaction.is_some() && half.at.transaction != now.transaction;
            if (half.judged || is_of_another) && half.at.ts_us < now.ts_us {
                return false;
            }
            half.at.transaction = now.transaction;
            true
        });
        self.transaction.retain(|half| half.at.ts_us == now.ts_us);
    }

    /// The transaction half of a rule matched; whether its payload half has.
    pub(crate) fn transaction_matched(&mut self, rule: u64, at: Moment) -> (bool, Room) {
        let complete = self
            .payload
            .iter()
            .any(|half| half.rule == rule && half.at.direction == at.direction);
        (complete, remember(&mut self.transaction, Waiting::new(rule, at)))
    }

    /// A transaction was judged. One without a number is judged once: what waited for it waits no more.
    pub(crate) fn transaction_ends(&mut self, now: Moment) {
        if now.transaction.is_none() {
            let of_direction = self
                .payload
                .iter_mut()
                .filter(|half| half.at.direction == now.direction);
            of_direction.for_each(|half| half.judged = true);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.payload.is_empty() && self.transaction.is_empty()
    }
}

/// Keeps the newest half of a rule and direction; the oldest gives way when there is no room.
fn remember(halves: &mut Vec<Waiting>, half: Waiting) -> Room {
    let is_same = |known: &Waiting| known.rule == half.rule && known.at.direction == half.at.direction;
    if let Some(known) = halves.iter_mut().find(|known| is_same(known)) {
        *known = half;
        return Room::Kept;
    }
    let room = if halves.len() < FLOW_RULES_MAX {
        Room::Kept
    } else {
        halves.remove(0);
        Room::Full
    };
    halves.push(half);
    room
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ts_us: i64, transaction: Option<u64>) -> Moment {
        Moment {
            ts_us,
            direction: Direction::ToServer,
            transaction,
        }
    }

    /// Judges a transaction in which the rule's buffers match; whether the rule is complete.
    fn judge(halves: &mut Halves, now: Moment) -> bool {
        halves.transaction_begins(now);
        let (complete, _) = halves.transaction_matched(1, now);
        halves.transaction_ends(now);
        complete
    }

    #[test]
    fn payload_waits_for_its_own_transaction_only() {
        for number in [None, Some(1)] {
            let mut halves = Halves::default();
            halves.payload_matched(1, at(0, None));
            assert!(judge(&mut halves, at(5, number)), "split over two packets");
            assert!(
                !judge(&mut halves, at(9, number.map(|n| n + 1))),
                "the next request"
            );
        }
    }

    #[test]
    fn stages_of_one_transaction_share_the_payload() {
        let mut halves = Halves::default();
        halves.payload_matched(1, at(0, None));
        halves.transaction_begins(at(0, Some(7)));
        halves.transaction_ends(at(0, Some(7)));
        assert!(judge(&mut halves, at(3, Some(7))));
    }

    #[test]
    fn pipelined_requests_share_their_segment() {
        let mut halves = Halves::default();
        halves.payload_matched(1, at(4, None));
        assert!(judge(&mut halves, at(4, None)));
        assert!(judge(&mut halves, at(4, None)));
        assert!(!judge(&mut halves, at(5, None)));
    }

    #[test]
    fn a_transaction_waits_for_payload_of_its_packet_only() {
        let mut halves = Halves::default();
        assert!(!judge(&mut halves, at(4, None)));
        assert!(halves.payload_matched(1, at(4, None)).0);
        assert!(!halves.payload_matched(1, at(5, None)).0);
        let other = Moment {
            direction: Direction::ToClient,
            ..at(4, None)
        };
        assert!(!halves.payload_matched(1, other).0);
    }

    #[test]
    fn room_is_bounded() {
        let mut halves = Halves::default();
        for rule in 0..FLOW_RULES_MAX as u64 {
            assert_eq!(halves.payload_matched(rule, at(0, None)).1, Room::Kept);
        }
        assert_eq!(halves.payload_matched(999, at(0, None)).1, Room::Full);
    }
}
