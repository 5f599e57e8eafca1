//! What one shift leaves the next, as a thing that rights are about.

use crate::membership::PersonId;
use crate::organisation::OrganisationId;
use crate::resource::{Kind, Resource};

/// A hand-over of an organisation's shift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    /// Whose shift it is.
    pub owner: OrganisationId,
    /// Who handed over; `None` while nobody has.
    pub author: Option<PersonId>,
}

impl Resource for Handover {
    const KIND: Kind = Kind::Handover;

    fn owner(&self) -> &OrganisationId {
        &self.owner
    }

    fn author(&self) -> Option<PersonId> {
        self.author
    }
}
