//! A transaction as rules read it.

use crate::Side;
use std::borrow::Cow;
use vonggac_event::{Body, proto};

/// What a buffer holds: nothing, or an item for each of its occurrences.
pub type Instances<'a> = Vec<Cow<'a, [u8]>>;

/// A transaction that rules read, buffer by buffer and only those that some rule asks for.
pub trait Source {
    /// Its number in the flow, from 0.
    fn transaction(&self) -> u64;

    /// Adds what a buffer of `side` holds by now; `buffer` is its place in [`crate::Card::buffers`].
    fn read<'a>(&'a self, side: Side, buffer: usize, into: &mut Instances<'a>);

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
    /// Takes a stage and those before it as judged; `false` when it was already.
    pub fn advance(&mut self, side: Side, stage: u8) -> bool {
        let judged = side.of_mut(&mut self.stages);
        let is_new = stage >= *judged;
        *judged = (*judged).max(stage.saturating_add(1));
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::{Judged, Side};

    #[test]
    fn each_stage_of_a_side_is_judged_once_and_in_order() {
        let mut judged = Judged::default();
        let mut check = |side, stage, expect| assert_eq!(judged.advance(side, stage), expect);
        check(Side::Client, 0, true);
        check(Side::Client, 0, false);
        check(Side::Client, 2, true);
        check(Side::Client, 1, false);
        check(Side::Server, 0, true);
    }
}
