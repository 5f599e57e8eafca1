//! An exercise, and what those who take part may do in it.
//!
//! An exercise is a room: it is shared with organisations, whose people work in it by the roles that they have, and all in it see all of it.
//! What sensors of an exercise see is the owner's, on the exercise's own stage; who may do what with it is said by the rows of
//! [`Kind::Exercise`], not by those of the things themselves, and with everything else nothing may be done from within.

use crate::action::Verb;
use crate::organisation::OrganisationId;
use crate::resource::{Kind, Resource, Share};

/// An exercise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exercise {
    /// Whose it is.
    pub owner: OrganisationId,
    /// Who takes part.
    pub shares: Vec<Share>,
    /// Whether it has ended: then it is looked at, and worked on no more.
    pub is_over: bool,
}

impl Resource for Exercise {
    const KIND: Kind = Kind::Exercise;

    fn owner(&self) -> &OrganisationId {
        &self.owner
    }

    fn shares(&self) -> &[Share] {
        &self.shares
    }
}

/// What somebody must be allowed to do with an exercise to do `verb` with a thing of the kind in it; `None`: nobody may.
pub const fn within(kind: Kind, verb: Verb) -> Option<Verb> {
    match (kind, verb) {
        (Kind::Alert | Kind::EventSearch, Verb::Read) => Some(Verb::Read),
        (Kind::Alert, Verb::Work | Verb::Assign) => Some(Verb::Work),
        // What it is played with is its director's.
        (Kind::Sensor, Verb::Read | Verb::Create | Verb::Change | Verb::Remove) => Some(Verb::Change),
        _ => None,
    }
}
