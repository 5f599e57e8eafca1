//! From a draft whose options are all read to the rule: lists become conditions on buffers.

use vonggac_protocol::Side;

use crate::condition::Condition;
use crate::context::Direction;
use crate::error::{Complaint, combination, unsupported};
use crate::rule::{Check, PayloadFrom, PayloadScope, Rule, Target};
use crate::verify::{Step, StepList};
use crate::vocabulary::{TermId, Vocabulary};

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
                LooksInto::Source(Selected { source, side }) => rule.targets.push(Target {
                    term: source.buffer,
                    side,
                    check: Check::Buffer {
                        source: sources.number(source),
                        presence: list.presence,
                        steps: StepList::new(list.steps),
                    },
                }),
            }
        }
        for target in &rule.targets {
            check_app(&rule, target.term, &self.vocabulary)?;
        }
        if rule.is_exchange {
            for target in &mut rule.targets {
                target.side = Some(side_of(target.term, target.side, &self.vocabulary)?);
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
fn side_of(term: TermId, named: Option<Direction>, vocabulary: &Vocabulary) -> Result<Direction, Complaint> {
    match (vocabulary.direction(term), named) {
        (Some(only), Some(named)) if only != named => Err(combination(format!(
            "the buffer {} is not found on that side",
            vocabulary.name(term)
        ))),
        (only, named) => only.or(named).ok_or_else(|| {
            combination(format!(
                "the buffer {} is found on both sides: say to_server or to_client",
                vocabulary.name(term)
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
    let has_both = Side::BOTH
        .iter()
        .all(|side| rule.targets_at(*side).next().is_some());
    match has_both {
        true => Ok(()),
        false => Err(combination("a rule with => needs buffers of both sides")),
    }
}

/// A rule that names a protocol asks for nothing that only others have.
fn check_app(rule: &Rule, term: TermId, vocabulary: &Vocabulary) -> Result<(), Complaint> {
    let (Some(named), Some(term)) = (rule.app, vocabulary.term(term)) else {
        return Ok(());
    };
    let is_owned = term.owners.iter().any(|owner| named.contains(owner.app));
    // Nobody knows what a protocol has that is not read.
    match is_owned || named.is_empty() {
        true => Ok(()),
        false => Err(combination(format!(
            "the protocol that this rule names never has {}",
            term.keyword
        ))),
    }
}
