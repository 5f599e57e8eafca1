//! What says that a loaded rule can never report.
//!
//! Every check errs on the side of silence: it speaks only of what cannot happen whatever is on the wire.
//! The rules stay loaded.

mod directions;
mod letters;
mod sizes;
mod state;

use crate::resources::Resources;
use crate::rule::{Rule, Source};
use crate::sides::Sides;
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
pub(crate) fn warnings(rules: &[Rule], sources: &[Source], resources: &Resources) -> Vec<RuleWarning> {
    let sides = Sides::new();
    let letters = letters::Letters::new();
    let own: Vec<Vec<Finding>> = rules
        .iter()
        .map(|rule| {
            let findings = [
                sizes::check(rule),
                directions::check(rule, sources, &sides),
                letters.check(rule, sources),
                unread(rule, sources, resources),
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
fn unread(rule: &Rule, sources: &[Source], resources: &Resources) -> Option<Finding> {
    if let (Some(read), Some(app)) = (&resources.apps_read, rule.app)
        && !read.contains(&app)
    {
        let message = format!("the protocol {app:?} is not read by this sensor");
        return Some(Finding::new(WarningKind::UnreadProtocol, message));
    }
    let read = resources.buffers_read.as_ref()?;
    let required = required_sources(rule, sources).find(|source| !read.contains(&source.buffer))?;
    let message = format!("the buffer {:?} is not read by this sensor", required.buffer);
    Some(Finding::new(WarningKind::UnreadBuffer, message))
}

/// The buffers that must be there for the rule to match.
fn required_sources<'s>(rule: &'s Rule, sources: &'s [Source]) -> impl Iterator<Item = &'s Source> {
    use crate::rule::Presence;
    let required = rule
        .targets
        .iter()
        .filter(|target| target.presence == Presence::Required);
    required.filter_map(|target| sources.get(target.source as usize))
}
