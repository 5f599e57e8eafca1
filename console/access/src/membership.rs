//! Who has which role, where and when.

use crate::day::{Day, Span};
use crate::organisation::OrganisationId;
use crate::role::Role;

/// A person: the number of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonId(pub i64);

/// A person has a role at an organisation for some days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Who.
    pub person: PersonId,
    /// Where; once it is merged, at its successor.
    pub organisation: OrganisationId,
    /// What.
    pub role: Role,
    /// When.
    pub span: Span,
}

impl Membership {
    /// Whether it counts on `day`.
    pub fn holds(&self, day: Day) -> bool {
        self.span.holds(day)
    }

    /// Whether one person cannot have both: the roles exclude each other on some day.
    pub fn conflicts_with(&self, other: &Self) -> bool {
        self.person == other.person && self.span.meets(&other.span) && !self.role.goes_with(other.role)
    }
}
