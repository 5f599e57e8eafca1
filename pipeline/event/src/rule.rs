//! Names of rule kinds and severities, as people and tables write them.

use crate::proto::{RuleKind, Severity};

impl RuleKind {
    /// `signature`, `sigma`, `correlation`, `yara`; empty when unspecified.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "",
            Self::Signature => "signature",
            Self::Sigma => "sigma",
            Self::Correlation => "correlation",
            Self::Yara => "yara",
        }
    }
}

impl Severity {
    /// `informational` to `critical`; empty when unspecified.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "",
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The severity of that name, as Sigma's `level` writes it.
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Informational,
            Self::Low,
            Self::Medium,
            Self::High,
            Self::Critical,
        ]
        .into_iter()
        .find(|severity| severity.name() == name)
    }

    /// The severity of a Suricata priority (1 is most urgent).
    pub fn from_priority(priority: u32) -> Self {
        match priority {
            0 | 1 => Self::High,
            2 => Self::Medium,
            3 => Self::Low,
            _ => Self::Informational,
        }
    }
}
