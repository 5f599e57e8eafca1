//! Accounts and the roles that they have, as things that rights are about.

use crate::membership::{Membership, PersonId};
use crate::organisation::OrganisationId;
use crate::resource::{Kind, Resource};
use crate::role::Role;

/// An account of an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// What it belongs to.
    pub owner: OrganisationId,
    /// Whose it is; `None` for one that is to be made.
    pub person: Option<PersonId>,
    /// All roles that the person has or will have, wherever.
    pub roles: Vec<Role>,
}

impl Resource for Account {
    const KIND: Kind = Kind::Account;

    fn owner(&self) -> &OrganisationId {
        &self.owner
    }

    fn subject(&self) -> Option<PersonId> {
        self.person
    }

    fn roles(&self) -> &[Role] {
        &self.roles
    }
}

/// One that nobody is yet to approve.
impl Resource for Membership {
    const KIND: Kind = Kind::Membership;

    fn owner(&self) -> &OrganisationId {
        &self.organisation
    }

    fn subject(&self) -> Option<PersonId> {
        Some(self.person)
    }

    fn roles(&self) -> &[Role] {
        std::slice::from_ref(&self.role)
    }
}

/// A membership that waits for a second person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// What is to count.
    pub membership: Membership,
    /// Who gave it.
    pub granted_by: Option<PersonId>,
}

impl Resource for Waiting {
    const KIND: Kind = Kind::Membership;

    fn owner(&self) -> &OrganisationId {
        &self.membership.organisation
    }

    fn subject(&self) -> Option<PersonId> {
        Some(self.membership.person)
    }

    fn author(&self) -> Option<PersonId> {
        self.granted_by
    }

    fn roles(&self) -> &[Role] {
        std::slice::from_ref(&self.membership.role)
    }
}
