//! Rules on both sides of one transaction (`=>`), whose request side has matched.
//!
//! The request of a transaction is judged before its answer. Which answer belongs to which request is told
//! by the transaction's number; without numbers the next answer belongs to the request before it.

use crate::flow_state::Room;
use crate::limits::FLOW_RULES_MAX;

/// The requests in one flow that matched and wait for their answers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Exchanges {
    waiting: Vec<Request>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Request {
    rule: u64,
    transaction: Option<u64>,
}

impl Exchanges {
    /// The request side of a rule matched. The oldest gives way when there is no room.
    pub(crate) fn request_matched(&mut self, rule: u64, transaction: Option<u64>) -> Room {
        let request = Request { rule, transaction };
        if self.waiting.contains(&request) {
            return Room::Kept;
        }
        let room = if self.waiting.len() < FLOW_RULES_MAX {
            Room::Kept
        } else {
            self.waiting.remove(0);
            Room::Full
        };
        self.waiting.push(request);
        room
    }

    /// The answer side of a rule matched; whether the request side did. It reports once.
    pub(crate) fn answer_matched(&mut self, rule: u64, transaction: Option<u64>) -> bool {
        let request = Request { rule, transaction };
        let place = self.waiting.iter().position(|waiting| *waiting == request);
        if let Some(place) = place {
            self.waiting.remove(place);
        }
        place.is_some()
    }

    /// An answer was judged: without a number it answers all that was asked before.
    pub(crate) fn answer_ends(&mut self, transaction: Option<u64>) {
        if transaction.is_none() {
            self.waiting.retain(|request| request.transaction.is_some());
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_find_their_requests() {
        let mut exchanges = Exchanges::default();
        exchanges.request_matched(1, Some(7));
        assert!(!exchanges.answer_matched(1, Some(6)));
        assert!(!exchanges.answer_matched(2, Some(7)));
        assert!(exchanges.answer_matched(1, Some(7)));
        assert!(!exchanges.answer_matched(1, Some(7)), "once");
    }

    #[test]
    fn without_numbers_the_next_answer_counts() {
        let mut exchanges = Exchanges::default();
        exchanges.request_matched(1, None);
        exchanges.request_matched(1, Some(3));
        exchanges.answer_ends(None);
        assert!(!exchanges.answer_matched(1, None));
        assert!(exchanges.answer_matched(1, Some(3)));
        assert!(exchanges.is_empty());
    }

    #[test]
    fn room_is_bounded() {
        let mut exchanges = Exchanges::default();
        for rule in 0..FLOW_RULES_MAX as u64 {
            assert_eq!(exchanges.request_matched(rule, None), Room::Kept);
        }
        assert_eq!(exchanges.request_matched(999, None), Room::Full);
        assert!(!exchanges.answer_matched(0, None));
    }
}
