//! Services: what programs may that ask with a token of the API, and which part of it one token has.
//!
//! A token is one factor and never counts for more, so a row of the table that takes two, or two just now, is a person's. So is what takes
//! another person than the author, what is about people's rights, and whatever is approved or signed. A token's scope only takes away: what
//! is in it and the service's roles do not give stays forbidden.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::action::Verb;
use crate::policy::{self, Assurance, Rule};
use crate::resource::Kind;
use crate::role::Role;

impl Rule {
    /// Whether a service may ever do it.
    pub const fn is_for_services(&self) -> bool {
        matches!(self.assurance, Assurance::Single)
            && !self.needs_another
            && !self.not_on_self
            && !self.within_own_gift
            && !matches!(self.verb, Verb::Approve | Verb::Sign)
    }
}

/// Whether a service may have a role: none that approves or signs anything.
pub fn may_serve(role: Role) -> bool {
    let decides = |rule: &Rule| matches!(rule.verb, Verb::Approve | Verb::Sign) && !rule.cell(role).is_none();
    !Kind::ALL
        .into_iter()
        .any(|kind| policy::rules(kind).iter().any(decides))
}

/// One thing that a service may do with things of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grasp {
    kind: Kind,
    verb: Verb,
}

impl Grasp {
    /// All that some role of a service gives, in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        let serving = |rule: &&Rule| {
            let mut roles = Role::ALL.into_iter().filter(|&role| may_serve(role));
            rule.is_for_services() && roles.any(|role| !rule.cell(role).is_none())
        };
        let of_kind = move |kind: Kind| {
            let rules = policy::rules(kind).iter().filter(serving);
            rules.map(move |rule| Self {
                kind,
                verb: rule.verb,
            })
        };
        Kind::ALL.into_iter().flat_map(of_kind)
    }
}

impl fmt::Display for Grasp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.kind.name(), self.verb.name())
    }
}

/// What is not the word of something that a service may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is nothing that a service may do")]
pub struct NotForServices;

impl FromStr for Grasp {
    type Err = NotForServices;

    /// Reads `alert:read` and the like.
    fn from_str(text: &str) -> Result<Self, NotForServices> {
        Self::all()
            .find(|grasp| grasp.to_string() == text)
            .ok_or(NotForServices)
    }
}

/// What a token is made for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenScope(BTreeSet<Grasp>);

impl TokenScope {
    /// Whether it has something.
    pub fn has(&self, kind: Kind, verb: Verb) -> bool {
        self.0.contains(&Grasp { kind, verb })
    }

    /// Whether it has nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Its words, as in `alert:read`, in the order of the table.
    pub fn words(&self) -> Vec<String> {
        self.0.iter().map(Grasp::to_string).collect()
    }
}

impl FromIterator<Grasp> for TokenScope {
    fn from_iter<I: IntoIterator<Item = Grasp>>(all: I) -> Self {
        Self(all.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_read_as_it_is_written_and_has_nothing_that_takes_a_person() {
        for grasp in Grasp::all() {
            assert_eq!(grasp.to_string().parse(), Ok(grasp));
        }
        let refused = [
            "",
            "alert",
            "alert:",
            "alert:export",
            "alert:fly",
            "handover:approve",
            "handover:create",
            "membership:create",
            "audit-log:read",
            "report:sign",
            "api-token:read",
            "ALERT:READ",
        ];
        for text in refused {
            assert_eq!(text.parse::<Grasp>(), Err(NotForServices), "{text}");
        }
        let scope: TokenScope = ["event-search:read", "alert:read"]
            .iter()
            .filter_map(|text| text.parse().ok())
            .collect();
        assert_eq!(scope.words(), ["alert:read", "event-search:read"]);
        assert!(scope.has(Kind::Alert, Verb::Read) && !scope.has(Kind::Alert, Verb::Work));
    }

    #[test]
    fn who_decides_is_no_service() {
        let serving: Vec<&str> = Role::ALL
            .into_iter()
            .filter(|&role| may_serve(role))
            .map(Role::name)
            .collect();
        assert_eq!(
            serving,
            [
                "viewer",
                "analyst",
                "senior-analyst",
                "exercise-director",
                "auditor"
            ]
        );
    }
}
