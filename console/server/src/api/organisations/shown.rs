//! Organisations as the API shows them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vonggac_access::{Day, Organisation, OrganisationId, Tree};

use crate::api::shapes::OrganisationName;
use crate::authority;

macro_rules! kinds {
    ($($variant:ident),+) => {
        /// What sort of organisation it is, as in the file of organisations.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "kebab-case")]
        pub(in crate::api) enum OrganisationKind { $($variant),+ }

        impl From<vonggac_access::OrganisationKind> for OrganisationKind {
            fn from(kind: vonggac_access::OrganisationKind) -> Self {
                match kind { $(vonggac_access::OrganisationKind::$variant => Self::$variant),+ }
            }
        }

        impl From<OrganisationKind> for vonggac_access::OrganisationKind {
            fn from(kind: OrganisationKind) -> Self {
                match kind { $(OrganisationKind::$variant => Self::$variant),+ }
            }
        }
    };
}

kinds!(
    Nation,
    Ministry,
    MinisterialAgency,
    GovernmentAgency,
    Province,
    NationalCentre,
    SpecialisedForce,
    Operator,
    Unit
);

/// How an organisation stands on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum OrganisationState {
    /// It is there.
    Current,
    /// It has ended.
    Past,
    /// It has not begun.
    Planned,
}

impl OrganisationState {
    pub(super) fn of(organisation: &Organisation, day: Day) -> Self {
        if organisation.span.holds(day) {
            Self::Current
        } else if organisation.span.is_over(day) {
            Self::Past
        } else {
            Self::Planned
        }
    }
}

/// What one may do with an organisation, the second factor aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum OrganisationAction {
    /// Enter another beneath it.
    AddBeneath,
    Change,
    /// Say when it ends.
    End,
    /// Take a planned end back.
    KeepOn,
    /// Let it go on as another.
    Succeed,
}

/// An organisation, as the list shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct OrganisationEntry {
    #[serde(flatten)]
    pub(super) name: OrganisationName,
    pub(super) kind: OrganisationKind,
    pub(super) state: OrganisationState,
    /// Code of what it belongs to on that day, where that is in the list.
    #[schema(required)]
    pub(super) parent: Option<String>,
    /// First day; none: since before any day that counts.
    #[schema(required, format = Date)]
    pub(super) from: Option<String>,
    /// First day on which it is no more; none: no end is known.
    #[schema(required, format = Date)]
    pub(super) until: Option<String>,
    /// Whether it is one of those asked for; the others stand above one.
    pub(super) is_match: bool,
}

/// Organisations, by kind, then by code.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct OrganisationList {
    pub(super) items: Vec<OrganisationEntry>,
    /// How many are asked for.
    #[schema(minimum = 0)]
    pub(super) total: usize,
    /// The day that the list is of.
    #[schema(format = Date)]
    pub(super) on: String,
}

/// An organisation beside another, above it or before it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct OrganisationStep {
    #[serde(flatten)]
    pub(super) name: OrganisationName,
    #[schema(required, format = Date)]
    pub(super) from: Option<String>,
    #[schema(required, format = Date)]
    pub(super) until: Option<String>,
    /// The law or decision that made it what it is.
    pub(super) citation: String,
    /// Whether one may look at it.
    pub(super) is_seen: bool,
}

/// An organisation, as its page shows it, today.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct OrganisationDetail {
    #[serde(flatten)]
    pub(super) name: OrganisationName,
    pub(super) kind: OrganisationKind,
    pub(super) state: OrganisationState,
    #[schema(required, format = Date)]
    pub(super) from: Option<String>,
    #[schema(required, format = Date)]
    pub(super) until: Option<String>,
    pub(super) citation: String,
    /// What stands above it, the nation first.
    pub(super) above: Vec<OrganisationStep>,
    /// Whose work it goes on with.
    pub(super) predecessors: Vec<OrganisationStep>,
    /// What goes on with its work, and what with that one's.
    pub(super) successors: Vec<OrganisationStep>,
    /// How many stand beneath it.
    #[schema(minimum = 0)]
    pub(super) beneath: usize,
    /// Accounts that belong to it and are not disabled; none where one sees none.
    #[schema(required, minimum = 0)]
    pub(super) accounts: Option<i64>,
    /// Roles at it that are not over, those that wait too; none where one sees none.
    #[schema(required, minimum = 0)]
    pub(super) roles: Option<i64>,
    /// Those of the roles that take a second person.
    #[schema(required, minimum = 0)]
    pub(super) roles_of_two: Option<i64>,
    /// Sensors of it that were heard of these days; none where one sees none, or they cannot be counted now.
    #[schema(required, minimum = 0)]
    pub(super) sensors: Option<usize>,
    /// Number of the organisations as they stand; a change carries it.
    pub(super) version: i64,
    /// What who asks may do with it.
    pub(super) actions: Vec<OrganisationAction>,
}

pub(super) fn day_shown(day: Option<Day>) -> Option<String> {
    day.map(|day| day.to_string())
}

pub(super) fn step(tree: &Tree, id: &OrganisationId, is_seen: bool) -> Option<OrganisationStep> {
    let organisation = tree.get(id)?;
    Some(OrganisationStep {
        name: authority::name_of(tree, id),
        from: day_shown(organisation.span.from),
        until: day_shown(organisation.span.until),
        citation: organisation.citation.clone(),
        is_seen,
    })
}
