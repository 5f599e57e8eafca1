//! Sizes that contradict each other or the patterns that must fit in.

use crate::content::{Amount, Content};
use crate::number::NumberTest;
use crate::packet_test::PacketTest;
use crate::rule::{Check, Rule};
use crate::verify::{Step, StepList};
use crate::warning::WarningKind;

use super::Finding;

/// The sizes that are allowed, both ends included.
#[derive(Debug, Clone, Copy)]
struct Allowed {
    low: u64,
    high: u64,
}

impl Allowed {
    const ANY: Allowed = Allowed {
        low: 0,
        high: u64::MAX,
    };

    fn and(self, test: NumberTest) -> Allowed {
        let (low, high) = test.bounds();
        Allowed {
            low: self.low.max(low),
            high: self.high.min(high),
        }
    }

    fn is_empty(self) -> bool {
        self.low > self.high
    }
}

pub(super) fn check(rule: &Rule) -> Option<Finding> {
    let payload = rule.packet_tests.iter().filter_map(|test| match test {
        PacketTest::PayloadSize(test) => Some(*test),
        _ => None,
    });
    let payload = payload.fold(Allowed::ANY, Allowed::and);
    if payload.is_empty() {
        return Some(impossible("its conditions on dsize contradict each other"));
    }
    let payload = rule.payload.as_ref().and_then(|steps| of_list(steps, payload));
    payload.or_else(|| {
        let lists = rule.targets.iter().filter_map(|target| match &target.check {
            Check::Buffer { steps, .. } => Some(steps),
            Check::Number(_) | Check::Own(_) => None,
        });
        lists.filter_map(|steps| of_list(steps, Allowed::ANY)).next()
    })
}

fn impossible(message: impl Into<String>) -> Finding {
    Finding::new(WarningKind::ImpossibleSize, message)
}

/// `allowed`: what is known of the data's size beside the list.
fn of_list(list: &StepList, allowed: Allowed) -> Option<Finding> {
    let allowed = list.steps().iter().fold(allowed, |allowed, step| match step {
        Step::Size(test) => allowed.and(*test),
        Step::DataAt(at) if !at.relative => match (at.position, at.negated) {
            (Amount::Number(position), false) => allowed.and(NumberTest::Greater(unsigned(position))),
            (Amount::Number(position), true) => allowed.and(NumberTest::LessOrEqual(unsigned(position))),
            _ => allowed,
        },
        _ => allowed,
    });
    if allowed.is_empty() {
        return Some(impossible(
            "its conditions on the size of one buffer contradict each other",
        ));
    }
    // The least place where what was last found can end.
    let mut cursor = 0u64;
    for step in list.steps() {
        match step {
            Step::Content(content) if !content.negated => {
                if content.starts && content.offset.is_some_and(is_positive) {
                    return Some(impossible("a content with startswith cannot have an offset"));
                }
                cursor = least_end(content, cursor);
                if cursor > allowed.high {
                    let pattern = String::from_utf8_lossy(content.pattern.bytes()).into_owned();
                    let message = format!(
                        "the content {pattern:?} ends at byte {cursor} at least, but at most {} are allowed",
                        allowed.high
                    );
                    return Some(impossible(message));
                }
            }
            Step::Regex(_) | Step::Jump(_) | Step::Extract(_) => cursor = 0,
            _ => {}
        }
    }
    None
}

fn is_positive(amount: Amount) -> bool {
    matches!(amount, Amount::Number(number) if number > 0)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// The least place where the content can end, `cursor` being where the one before can.
fn least_end(content: &Content, cursor: u64) -> u64 {
    let number = |amount: Option<Amount>| match amount {
        Some(Amount::Number(number)) => number,
        // A variable may be anything; what it is at least is not known.
        Some(Amount::Variable(_)) => i64::MIN,
        None => 0,
    };
    let mut start = unsigned(number(content.offset));
    if content.is_relative() {
        let from = i64::try_from(cursor).unwrap_or(i64::MAX);
        start = start.max(unsigned(from.saturating_add(number(content.distance))));
    }
    start.saturating_add(content.pattern.len() as u64)
}
