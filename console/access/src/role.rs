//! The ten roles.

use std::str::FromStr;

/// What a person is in an organisation; [`policy`](crate::policy) says what that allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Looks on.
    Viewer,
    /// Works on alerts and cases.
    Analyst,
    /// The same, with events of persons, evidence and rules.
    SeniorAnalyst,
    /// Assigns the shift's work, and approves.
    ShiftLead,
    /// Leads the response across organisations.
    ResponseCoordinator,
    /// Runs an organisation: units, people, sensors.
    OrganisationManager,
    /// Assesses how secure an organisation is; from outside its work.
    Assessor,
    /// Prepares and runs exercises, and nothing else.
    ExerciseDirector,
    /// Reads the audit log and who has which rights; changes nothing.
    Auditor,
    /// Runs the console; sees nobody's alerts.
    SystemAdministrator,
}

impl Role {
    /// All, in the order of the table.
    pub const ALL: [Self; 10] = [
        Self::Viewer,
        Self::Analyst,
        Self::SeniorAnalyst,
        Self::ShiftLead,
        Self::ResponseCoordinator,
        Self::OrganisationManager,
        Self::Assessor,
        Self::ExerciseDirector,
        Self::Auditor,
        Self::SystemAdministrator,
    ];

    /// Its word in the database and the API, as in `shift-lead`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Analyst => "analyst",
            Self::SeniorAnalyst => "senior-analyst",
            Self::ShiftLead => "shift-lead",
            Self::ResponseCoordinator => "response-coordinator",
            Self::OrganisationManager => "organisation-manager",
            Self::Assessor => "assessor",
            Self::ExerciseDirector => "exercise-director",
            Self::Auditor => "auditor",
            Self::SystemAdministrator => "system-administrator",
        }
    }

    /// Whether the role at an organisation counts for what stands beneath it, too. A viewer's does not: who only looks on is shown one
    /// organisation.
    pub const fn reaches_subtree(self) -> bool {
        match self {
            Self::Viewer => false,
            Self::Analyst
            | Self::SeniorAnalyst
            | Self::ShiftLead
            | Self::ResponseCoordinator
            | Self::OrganisationManager
            | Self::Assessor
            | Self::ExerciseDirector
            | Self::Auditor
            | Self::SystemAdministrator => true,
        }
    }

    /// Whether one person may have both at a time, wherever. Who checks must not be checked by himself: an auditor and an assessor have
    /// no other role but a viewer's, and who runs the console does no work on alerts with it.
    pub const fn goes_with(self, other: Self) -> bool {
        if self as u8 == other as u8 {
            return true;
        }
        match (self, other) {
            (Self::Auditor | Self::Assessor, Self::Viewer)
            | (Self::Viewer, Self::Auditor | Self::Assessor) => true,
            (Self::Auditor | Self::Assessor, _) | (_, Self::Auditor | Self::Assessor) => false,
            (Self::SystemAdministrator, Self::Viewer | Self::OrganisationManager)
            | (Self::Viewer | Self::OrganisationManager, Self::SystemAdministrator) => true,
            (Self::SystemAdministrator, _) | (_, Self::SystemAdministrator) => false,
            _ => true,
        }
    }
}

/// What is not the word of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a role")]
pub struct NotARole;

impl FromStr for Role {
    type Err = NotARole;

    fn from_str(text: &str) -> Result<Self, NotARole> {
        Self::ALL
            .into_iter()
            .find(|role| role.name() == text)
            .ok_or(NotARole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_read_as_it_is_written() {
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(role));
        }
        assert!("administrator".parse::<Role>().is_err());
    }

    #[test]
    fn who_checks_does_not_do_the_work() {
        for (one, other) in Role::ALL
            .into_iter()
            .flat_map(|one| Role::ALL.map(|other| (one, other)))
        {
            assert_eq!(one.goes_with(other), other.goes_with(one), "{one:?} {other:?}");
        }
        assert!(!Role::Auditor.goes_with(Role::SystemAdministrator));
        assert!(!Role::Assessor.goes_with(Role::Analyst));
        assert!(!Role::SystemAdministrator.goes_with(Role::Analyst));
        assert!(Role::ShiftLead.goes_with(Role::Analyst) && Role::Auditor.goes_with(Role::Viewer));
    }
}
