//! From a draft whose options are all read to the rule: lists become conditions on buffers.

use crate::condition::Condition;
use crate::context::App;
use crate::error::{Complaint, combination};
use crate::rule::{PayloadFrom, PayloadScope, Rule, Source, Target};
use crate::verify::{Step, StepList};

use super::Sources;
use super::draft::{Draft, LooksInto};

impl Draft {
    pub(super) fn finish(mut self, sources: &mut Sources) -> Result<Rule, Complaint> {
        self.nest_base64()?;
        let mut rule = self.rule;
        for list in self.lists {
            match list.looks_into {
                LooksInto::Payload if list.steps.is_empty() => {}
                LooksInto::Payload => {
                    rule.payload_scope = scope(&rule, &list.steps);
                    rule.payload = Some(StepList::new(list.steps));
                }
                LooksInto::Base64 => {}
                LooksInto::Address(side) => {
                    let steps = StepList::new(list.steps);
                    rule.conditions.push(Condition::Address(side, steps));
                }
                LooksInto::Source(source) => {
                    check_app(&rule, &source)?;
                    rule.targets.push(Target {
                        source: sources.number(source),
                        presence: list.presence,
                        steps: StepList::new(list.steps),
                    });
                }
            }
        }
        if !rule.packet_tests.is_empty() && rule.judges_transactions() {
            return Err(combination(
                "conditions on one packet and on an application buffer cannot both be met",
            ));
        }
        Ok(rule)
    }

    /// Moves the conditions on `base64_data` into the step that decodes.
    fn nest_base64(&mut self) -> Result<(), Complaint> {
        let Some(position) = self
            .lists
            .iter()
            .position(|list| list.looks_into == LooksInto::Base64)
        else {
            return Ok(());
        };
        let steps = self
            .lists
            .get_mut(position)
            .map(|list| std::mem::take(&mut list.steps))
            .unwrap_or_default();
        let decoder = self
            .lists
            .iter_mut()
            .flat_map(|list| list.steps.iter_mut())
            .rev()
            .find_map(|step| match step {
                Step::Base64(_, within) => Some(within),
                _ => None,
            });
        match decoder {
            Some(within) => *within = StepList::new(steps),
            None => return Err(combination("base64_data without base64_decode")),
        }
        Ok(())
    }
}

/// Where a rule's payload conditions look. As in Suricata, TCP payload is looked for in the stream,
/// and also in single packets if a condition speaks of the start of the payload.
fn scope(rule: &Rule, steps: &[Step]) -> PayloadScope {
    let anchored = steps.iter().any(|step| match step {
        Step::Content(content) => content.offset.is_some() || content.depth.is_some() || content.starts,
        _ => false,
    });
    match rule.flow.only {
        Some(PayloadFrom::Packets) => PayloadScope::Packet,
        Some(PayloadFrom::Stream) => PayloadScope::Stream,
        None if !rule.packet_tests.is_empty() => PayloadScope::Packet,
        None if anchored => PayloadScope::PacketAndStream,
        None => PayloadScope::Stream,
    }
}

fn check_app(rule: &Rule, source: &Source) -> Result<(), Complaint> {
    match (rule.app, source.buffer.app()) {
        (Some(named), Some(owner)) if named != owner && (named, owner) != (App::Quic, App::Tls) => {
            Err(combination(format!(
                "a rule for {named:?} never sees the buffer {:?}",
                source.buffer
            )))
        }
        _ => Ok(()),
    }
}
