//! Conditions on the presence of a buffer's bytes in a set.

use std::sync::Arc;

use crate::number::NumberTest;

use super::Dataset;

/// `dataset`: asks or changes a set.
#[derive(Debug, Clone)]
pub(crate) struct DatasetTest {
    pub(crate) command: DatasetCommand,
    pub(crate) set: Arc<dyn Dataset>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DatasetCommand {
    IsSet,
    IsNotSet,
    /// Holds if the value is new.
    Set,
    /// Holds if the value was there.
    Unset,
}

impl DatasetTest {
    pub(crate) fn holds(&self, value: &[u8]) -> bool {
        match self.command {
            DatasetCommand::IsSet => self.set.contains(value),
            DatasetCommand::IsNotSet => !self.set.contains(value),
            DatasetCommand::Set => self.set.insert(value),
            DatasetCommand::Unset => self.set.remove(value),
        }
    }
}

/// `datarep`: compares the number beside a value; one that is not in the set never matches.
#[derive(Debug, Clone)]
pub(crate) struct ReputationTest {
    pub(crate) test: NumberTest,
    pub(crate) set: Arc<dyn Dataset>,
}

impl ReputationTest {
    pub(crate) fn holds(&self, value: &[u8]) -> bool {
        let reputation = self.set.reputation(value);
        reputation.is_some_and(|reputation| self.test.holds(reputation.into()))
    }
}
