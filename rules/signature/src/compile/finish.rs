//! From a draft whose options are all read to the rule: lists become conditions on buffers.

use crate::condition::Condition;
use crate::context::App;
use crate::context::Direction;
use crate::error::{Complaint, combination, unsupported};
use crate::rule::{PayloadFrom, PayloadScope, Rule, Source, Target};
use crate::verify::{Step, StepList};

use super::Sources;
use super::draft::{Draft, LooksInto, Selected};

impl Draft {
    pub(super) fn finish(mut self, sources: &mut Sources) -> Result<Rule, Complaint> {
        self.check_pending()?;
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
                LooksInto::Source(Selected { source, side }) => {
                    check_app(&rule, &source)?;
                    let side = match rule.is_exchange {
                        true => Some(side_of(&source, side, sources)?),
                        false => None,
                    };
                    rule.targets.push(Target {
                        source: sources.number(source),
                        presence: list.presence,
                        side,
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
        if rule.is_exchange {
            check_exchange(&rule, &self.variables)?;
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

/// The side of a transaction that has the buffer, by itself or by the rule's word.
fn side_of(source: &Source, named: Option<Direction>, sources: &Sources) -> Result<Direction, Complaint> {
    match (sources.sides.of(source.buffer), named) {
        (Some(only), Some(named)) if only != named => Err(combination(format!(
            "the buffer {:?} is not found on that side",
            source.buffer
        ))),
        (only, named) => only.or(named).ok_or_else(|| {
            combination(format!(
                "the buffer {:?} is found on both sides: say to_server or to_client",
                source.buffer
            ))
        }),
    }
}

/// A rule on both sides of a transaction has conditions on buffers of both, and no others.
fn check_exchange(rule: &Rule, variables: &[String]) -> Result<(), Complaint> {
    if rule.flow.direction.is_some() {
        return Err(combination("a rule with => goes both ways: flow cannot name one"));
    }
    if rule.payload.is_some() || !rule.packet_tests.is_empty() || !rule.file_tests.is_empty() {
        return Err(unsupported(
            "a rule with => on anything but application buffers is not supported",
        ));
    }
    // The sides are judged apart; values do not pass from one to the other.
    if !variables.is_empty() {
        return Err(unsupported("byte variables in a rule with => are not supported"));
    }
    match rule
        .sides()
        .iter()
        .all(|side| rule.targets_of(*side).next().is_some())
    {
        true => Ok(()),
        false => Err(combination("a rule with => needs buffers of both sides")),
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
