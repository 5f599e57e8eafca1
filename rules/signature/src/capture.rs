//! What groups of an expression found, kept by name: `pcre:"/uid=(\d+)/, flow:uid"`, `(?P<pkt_user>…)`.
//!
//! Values are kept for the flow or for the packet that they came with, so that the sensor can tell them with
//! an alert; rules ask those of the flow (`flowvar`) and of the packet (`pktvar`). A value longer than
//! [`VARIABLE_BYTES_MAX`] is cut, and the oldest name gives way when there are too many.

use pcre2::bytes::Regex;

use crate::error::{Complaint, over_limit, value};
use crate::limits::{CAPTURES_PER_EXPRESSION_MAX, VARIABLE_BYTES_MAX, VARIABLES_PER_FLOW_MAX};

/// How long a captured value is kept, and for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VariableScope {
    /// As long as the flow.
    Flow,
    /// Until the flow's next packet.
    Packet,
    /// Until the flow's next packet, to be told with the alert only.
    Alert,
}

/// A named value that a rule captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// How long it is kept.
    pub scope: VariableScope,
    /// Its name, without scope.
    pub name: Box<str>,
    /// The bytes that the group found.
    pub value: Box<[u8]>,
}

/// Which group of an expression is kept by which name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Capture {
    group: usize,
    scope: VariableScope,
    name: Box<str>,
}

impl Capture {
    /// The captures of an expression: those whose names stand after its flags (`flow:a, pkt:b`), for its
    /// groups in order, and those whose groups have names with a scope.
    pub(crate) fn read(regex: &Regex, after_flags: &str) -> Result<Vec<Capture>, Complaint> {
        let listed = after_flags
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty());
        let mut captures = Vec::new();
        for (group, word) in (1..).zip(listed) {
            let (scope, name) = word
                .split_once(':')
                .ok_or_else(|| value(format!("{word:?} is no capture")))?;
            let scope = scope_of(scope).ok_or_else(|| value(format!("unknown scope {scope:?}")))?;
            captures.push(Capture::new(group, scope, name)?);
        }
        if captures.len() >= regex.captures_len() {
            return Err(value("more captures than groups"));
        }
        for (group, name) in regex.capture_names().iter().enumerate() {
            let scoped = name.as_deref().and_then(|name| name.split_once('_'));
            if let Some((scope, name)) = scoped
                && let Some(scope) = scope_of(scope)
            {
                captures.push(Capture::new(group, scope, name)?);
            }
        }
        if captures.len() > CAPTURES_PER_EXPRESSION_MAX {
            return Err(over_limit(format!(
                "more than {CAPTURES_PER_EXPRESSION_MAX} captures"
            )));
        }
        Ok(captures)
    }

    fn new(group: usize, scope: VariableScope, name: &str) -> Result<Capture, Complaint> {
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if name.is_empty() || !name.chars().all(valid) {
            return Err(value(format!("{name:?} is no name for a capture")));
        }
        Ok(Capture {
            group,
            scope,
            name: name.into(),
        })
    }

    /// What the groups found where the expression matches first from `start` on.
    pub(crate) fn take(captures: &[Capture], regex: &Regex, subject: &[u8], start: usize) -> Vec<Variable> {
        let mut places = regex.capture_locations();
        if start > subject.len()
            || !matches!(regex.captures_read_at(&mut places, subject, start), Ok(Some(_)))
        {
            return Vec::new();
        }
        let found = captures.iter().filter_map(|capture| {
            let (from, to) = places.get(capture.group)?;
            let value = subject.get(from..to.min(from.saturating_add(VARIABLE_BYTES_MAX)))?;
            Some(Variable {
                scope: capture.scope,
                name: capture.name.clone(),
                value: value.into(),
            })
        });
        found.collect()
    }
}

fn scope_of(word: &str) -> Option<VariableScope> {
    Some(match word {
        "flow" => VariableScope::Flow,
        "pkt" => VariableScope::Packet,
        "alert" => VariableScope::Alert,
        _ => return None,
    })
}

/// The variables of one flow and of its present packet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Captured {
    variables: Vec<Variable>,
}

impl Captured {
    /// Keeps a value; one of the same name and scope gives way, else the oldest when there is no room.
    pub(crate) fn keep(&mut self, variable: Variable) {
        let is_same = |known: &Variable| known.scope == variable.scope && known.name == variable.name;
        if let Some(known) = self.variables.iter_mut().find(|known| is_same(known)) {
            *known = variable;
            return;
        }
        if self.variables.len() >= VARIABLES_PER_FLOW_MAX {
            self.variables.remove(0);
        }
        self.variables.push(variable);
    }

    /// Forgets what belongs to the packet before.
    pub(crate) fn begin_packet(&mut self) {
        self.variables
            .retain(|variable| variable.scope == VariableScope::Flow);
    }

    pub(crate) fn all(&self) -> &[Variable] {
        &self.variables
    }

    pub(crate) fn get(&self, scope: VariableScope, name: &str) -> Option<&[u8]> {
        let found = self
            .variables
            .iter()
            .find(|known| known.scope == scope && *known.name == *name);
        found.map(|variable| &*variable.value)
    }
}
