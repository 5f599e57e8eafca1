//! Keywords about what the caller knows beside packets and buffers.

use std::sync::Arc;

use crate::capture::VariableScope;
use crate::condition::Condition;
use crate::error::{Complaint, combination, unsupported};
use crate::event_test::EventTest;
use crate::file_test::FileTest;
use crate::flow_test::FlowSizeTest;
use crate::variable_test::VariableTest;

use super::draft::Draft;

impl Draft {
    /// Takes the keyword if it is one of these.
    pub(super) fn condition_keyword(&mut self, name: &str, text: &str) -> Option<Result<(), Complaint>> {
        let condition = match name {
            "app-layer-event" => return Some(self.app_event(text)),
            "flowvar" => VariableTest::parse(VariableScope::Flow, text).map(Condition::Variable),
            "pktvar" => VariableTest::parse(VariableScope::Packet, text).map(Condition::Variable),
            _ if name.starts_with("file") => return self.file_keyword(name, text),
            _ => FlowSizeTest::parse(name, text)?.map(Condition::FlowSize),
        };
        Some(condition.map(|condition| self.rule.conditions.push(condition)))
    }

    fn file_keyword(&mut self, name: &str, text: &str) -> Option<Result<(), Complaint>> {
        let files = Arc::clone(&self.resources.files);
        let test = FileTest::parse(name, text, &*files, &self.rule.info.file)?;
        Some(test.map(|test| self.rule.file_tests.push(test)))
    }

    /// An event of a protocol belongs to its transactions: the rule is one for that protocol.
    fn app_event(&mut self, text: &str) -> Result<(), Complaint> {
        let test = EventTest::parse(text)?;
        if let Some(protocol) = test.protocol() {
            let apps = self.vocabulary.protocol(protocol);
            let apps =
                apps.ok_or_else(|| unsupported(format!("events of {protocol:?} are not supported")))?;
            let named = *self.rule.app.get_or_insert(apps);
            // Nobody knows which of the protocols that are not read is named.
            if !named.is_empty() && !named.intersects(apps) {
                return Err(combination(format!(
                    "the protocol that this rule names has no events of {protocol}"
                )));
            }
        }
        self.rule.conditions.push(Condition::AppEvent(test));
        Ok(())
    }
}
