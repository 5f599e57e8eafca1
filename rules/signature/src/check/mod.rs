//! What says that a loaded rule can never report.
//!
//! Every check errs on the side of silence: it speaks only of what cannot happen whatever is on the wire.
//! The rules stay loaded.

mod directions;
mod letters;
mod sizes;
mod state;

use crate::rule::{Check, Presence, Rule, Source};
use crate::vocabulary::{TermId, Vocabulary};
use crate::warning::{RuleWarning, WarningKind};

/// Why a rule can never report.
struct Finding {
    kind: WarningKind,
    message: String,
}

impl Finding {
    fn new(kind: WarningKind, message: impl Into<String>) -> Finding {
        Finding {
            kind,
            message: message.into(),
        }
    }
}

/// What is odd about these rules, in their order; at most one warning of each kind for a rule.
pub(crate) fn warnings(rules: &[Rule], sources: &[Source], vocabulary: &Vocabulary) -> Vec<RuleWarning> {
    let letters = letters::Letters::new(vocabulary);
    let own: Vec<Vec<Finding>> = rules
        .iter()
        .map(|rule| {
            let findings = [
                sizes::check(rule),
                directions::check(rule, vocabulary),
                letters.check(rule, sources),
                unread(rule, vocabulary),
            ];
            findings.into_iter().flatten().collect()
        })
        .collect();
    let dead: Vec<bool> = own.iter().map(|findings| !findings.is_empty()).collect();
    let of_state = state::check(rules, dead);
    let mut warnings = Vec::new();
    for ((rule, own), of_state) in rules.iter().zip(own).zip(of_state) {
        warnings.extend(own.into_iter().chain(of_state).map(|finding| RuleWarning {
            file: rule.info.file.clone(),
            line: rule.info.line,
            sid: rule.info.sid,
            kind: finding.kind,
            message: finding.message,
        }));
    }
    warnings
}

/// A protocol or a buffer that this sensor does not read.
fn unread(rule: &Rule, vocabulary: &Vocabulary) -> Option<Finding> {
    if rule.app.is_some_and(|app| app.is_empty()) {
        let message = "the protocol is not read by this sensor";
        return Some(Finding::new(WarningKind::UnreadProtocol, message));
    }
    let is_unread = |term: &TermId| vocabulary.term(*term).is_none_or(|term| term.owners.is_empty());
    let required = required(rule).find(is_unread)?;
    let message = format!(
        "the buffer {} is not read by this sensor",
        vocabulary.name(required)
    );
    Some(Finding::new(WarningKind::UnreadBuffer, message))
}

/// What must be there for the rule to match.
fn required(rule: &Rule) -> impl Iterator<Item = TermId> {
    let may_miss =
        |check: &Check| matches!(check, Check::Buffer { presence, .. } if *presence != Presence::Required);
    let required = rule.targets.iter().filter(move |target| !may_miss(&target.check));
    required.map(|target| target.term)
}
