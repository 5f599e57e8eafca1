//! An exception from a rule, as a thing that rights are about: it changes what the rule raises.

use crate::membership::PersonId;
use crate::organisation::OrganisationId;
use crate::resource::{Kind, Resource};

/// An exception from a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Whose alerts it is about.
    pub owner: OrganisationId,
    /// Who asks for what is to be approved.
    pub author: Option<PersonId>,
}

impl Resource for Exception {
    const KIND: Kind = Kind::Rule;

    fn owner(&self) -> &OrganisationId {
        &self.owner
    }

    fn author(&self) -> Option<PersonId> {
        self.author
    }
}
