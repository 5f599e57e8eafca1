//! `flowvar` and `pktvar`: what an earlier capture found.

use crate::capture::VariableScope;
use crate::content::{Pattern, parse_content};
use crate::error::{Complaint, value};
use crate::flow_state::FlowState;

/// Bytes that must be in the value of a variable; without a value it does not hold.
#[derive(Debug, Clone)]
pub(crate) struct VariableTest {
    scope: VariableScope,
    name: Box<str>,
    negated: bool,
    pattern: Pattern,
}

impl VariableTest {
    /// Reads `name,"bytes"`.
    pub(crate) fn parse(scope: VariableScope, text: &str) -> Result<VariableTest, Complaint> {
        let (name, bytes) = text.split_once(',').ok_or_else(|| value("needs name, value"))?;
        let (negated, bytes) = parse_content(bytes.trim())?;
        let name = name.trim();
        if name.is_empty() {
            return Err(value("the name is missing"));
        }
        Ok(VariableTest {
            scope,
            name: name.into(),
            negated,
            pattern: Pattern::new(bytes),
        })
    }

    pub(crate) fn holds(&self, flow: Option<&FlowState>) -> bool {
        let known = flow.and_then(|flow| flow.variable(self.scope, &self.name));
        known.is_some_and(|known| self.pattern.find(known).is_some() != self.negated)
    }
}
