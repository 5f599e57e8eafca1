//! A transaction as rules read it.

use crate::Side;
use std::any::Any;
use std::borrow::Cow;
use std::ops::Range;
use vonggac_event::{Body, proto};

/// What a buffer holds: nothing, or an item for each of its occurrences.
pub type Instances<'a> = Vec<Cow<'a, [u8]>>;

/// A transaction that rules read, buffer by buffer and only those that some rule asks for.
pub trait Source {
    /// Its number in the flow, from 0.
    fn transaction(&self) -> u64;

    /// Adds what a buffer of `side` holds by now; `buffer` is its place in [`crate::Card::buffers`].
    fn read<'a>(&'a self, side: Side, buffer: usize, into: &mut Instances<'a>);

    /// Adds the values that a number of `side` has by now; `number` is its place in [`crate::Card::numbers`].
    fn numbers(&self, _side: Side, _number: usize, _into: &mut Vec<u64>) {}

    /// Itself, for the conditions of the protocol's own keywords.
    fn as_any(&self) -> Option<&dyn Any> {
        None
    }

    /// What is shown of `side` to who reads an alert: the beginning, or its most telling part.
    fn excerpt(&self, side: Side) -> Cow<'_, [u8]>;

    /// The event of the transaction as far as it is known, for alerts; `None` before there is anything to tell.
    fn event(&self) -> Option<Body>;

    /// The files that `side` sends in it, as far as they are known.
    fn files(&self, _side: Side) -> Vec<proto::File> {
        Vec::new()
    }
}

/// How far rules have judged a transaction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Judged {
    /// By side, how many stages were judged.
    stages: [u8; 2],
}

impl Judged {
    /// Takes a stage and those before it as judged. Gives those that were not, for [`crate::Host::judge`].
    pub fn advance(&mut self, side: Side, stage: u8) -> Range<u8> {
        let judged = side.of_mut(&mut self.stages);
        let before = *judged;
        *judged = before.max(stage.saturating_add(1));
        before..*judged
    }
}

#[cfg(test)]
mod tests {
    use super::{Judged, Side};

    #[test]
    fn each_stage_of_a_side_is_judged_once_and_in_order() {
        let mut judged = Judged::default();
        let mut check = |side, stage, expect| assert_eq!(judged.advance(side, stage), expect);
        check(Side::Client, 0, 0..1);
        check(Side::Client, 0, 1..1);
        check(Side::Client, 2, 1..3);
        check(Side::Client, 1, 3..3);
        check(Side::Server, 0, 0..1);
    }
}
