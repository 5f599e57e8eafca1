//! What is asked about: kinds of things, and with whom they are shared.

use crate::day::{Day, Span};
use crate::membership::PersonId;
use crate::organisation::OrganisationId;
use crate::role::Role;

/// A sort of thing that the table has rights for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An alert of the queue.
    Alert,
    /// A shift's hand-over to the next.
    Handover,
    /// A search over events.
    EventSearch,
    /// Events of one person: sensitive personal data (Decree 356/2025).
    PersonEvents,
    /// A sensor.
    Sensor,
    /// An organisation.
    Organisation,
    /// An account; it belongs to an organisation.
    Account,
    /// A role of a person at an organisation.
    Membership,
    /// A session of somebody else.
    Session,
    /// A token of the API.
    ApiToken,
    /// A rule.
    Rule,
    /// Entries of the audit log.
    AuditLog,
    /// A case.
    Case,
    /// Evidence of a case.
    Evidence,
    /// A report to an authority.
    Report,
    /// A request between agencies.
    Request,
    /// An exercise.
    Exercise,
    /// An assessment.
    Assessment,
    /// Settings of the console.
    SystemSetting,
    /// How the platform does.
    Health,
}

impl Kind {
    /// All, in the order of the table.
    pub const ALL: [Self; 20] = [
        Self::Alert,
        Self::Handover,
        Self::EventSearch,
        Self::PersonEvents,
        Self::Sensor,
        Self::Organisation,
        Self::Account,
        Self::Membership,
        Self::Session,
        Self::ApiToken,
        Self::Rule,
        Self::AuditLog,
        Self::Case,
        Self::Evidence,
        Self::Report,
        Self::Request,
        Self::Exercise,
        Self::Assessment,
        Self::SystemSetting,
        Self::Health,
    ];

    /// Its word in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Handover => "handover",
            Self::EventSearch => "event-search",
            Self::PersonEvents => "person-events",
            Self::Sensor => "sensor",
            Self::Organisation => "organisation",
            Self::Account => "account",
            Self::Membership => "membership",
            Self::Session => "session",
            Self::ApiToken => "api-token",
            Self::Rule => "rule",
            Self::AuditLog => "audit-log",
            Self::Case => "case",
            Self::Evidence => "evidence",
            Self::Report => "report",
            Self::Request => "request",
            Self::Exercise => "exercise",
            Self::Assessment => "assessment",
            Self::SystemSetting => "system-setting",
            Self::Health => "health",
        }
    }
}

/// Traffic Light Protocol 2.0, from what anybody may see to what only named people may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tlp {
    /// No limit.
    Clear,
    /// The community.
    Green,
    /// The organisation and those it serves.
    Amber,
    /// The organisation alone.
    AmberStrict,
    /// Named people.
    Red,
}

impl Tlp {
    /// All, the strictest last.
    pub const ALL: [Self; 5] = [
        Self::Clear,
        Self::Green,
        Self::Amber,
        Self::AmberStrict,
        Self::Red,
    ];

    /// Its label, as in `AMBER+STRICT`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clear => "CLEAR",
            Self::Green => "GREEN",
            Self::Amber => "AMBER",
            Self::AmberStrict => "AMBER+STRICT",
            Self::Red => "RED",
        }
    }
}

/// How much of a thing somebody gets; each has what those before it have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// What it is about.
    Summary,
    /// All of it.
    Whole,
    /// All of it, and work on it.
    Work,
}

/// A thing is shown to another organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// To whom; once it is merged, to its successor. Neither what is above it nor what is beneath it is meant.
    pub with: OrganisationId,
    /// How much.
    pub part: Part,
    /// Under which label.
    pub tlp: Tlp,
    /// For how long.
    pub span: Span,
}

impl Share {
    /// Whether it counts on `day`.
    pub fn holds(&self, day: Day) -> bool {
        self.span.holds(day)
    }
}

/// A thing that somebody wants to do something with. For one that is to be made, it is what it will be.
pub trait Resource {
    /// Its kind.
    const KIND: Kind;

    /// Whose it is.
    fn owner(&self) -> &OrganisationId;

    /// Whom it is shared with.
    fn shares(&self) -> &[Share] {
        &[]
    }

    /// The person it is about: of an account, a membership, a session. Nobody changes what makes his own rights.
    fn subject(&self) -> Option<PersonId> {
        None
    }

    /// Who asked for or wrote what is to be approved. Unknown counts as the same person.
    fn author(&self) -> Option<PersonId> {
        None
    }

    /// The role that a membership gives; all that the person of an account has, anywhere. Whoever changes an account could sign in as
    /// that person, so he must be one who may give those roles.
    fn roles(&self) -> &[Role] {
        &[]
    }
}
