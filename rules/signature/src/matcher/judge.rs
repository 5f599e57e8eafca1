//! Judging the candidates of one call, in order.

use crate::buffer::Buffer;
use crate::bytes::ByteVariables;
use crate::capture::Variable;
use crate::context::{Context, Direction};
use crate::engine::Engine;
use crate::flow_state::{FlowState, Room};
use crate::halves::{Halves, Moment};
use crate::limits::{HITS_PER_CALL_MAX, VERIFY_STEPS_MAX};
use crate::packet_test::Surroundings;
use crate::ranges::address_number;
use crate::rule::{Action, Family, PayloadScope, Presence, Rule, RuleIndex, Target, Track};
use crate::threshold::Occurrence;
use crate::transform;
use crate::verify::{Budget, holds};

use super::{Hit, Tables};

/// What the rules are judged on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Evidence<'e> {
    Packet(&'e [u8]),
    Stream(&'e [u8]),
    Transaction(&'e [(Buffer, &'e [u8])]),
}

/// The two halves of a rule on both payload and application buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Payload,
    Transaction,
}

pub(super) struct Judge<'j> {
    pub(super) engine: &'j Engine,
    pub(super) evidence: Evidence<'j>,
    pub(super) tables: &'j mut Tables,
    /// What the rule being judged captured so far.
    pub(super) captured: Vec<Variable>,
}

impl Judge<'_> {
    pub(super) fn all(mut self, candidates: &[RuleIndex], cx: &mut Context<'_>, out: &mut Vec<Hit>) {
        let is_transaction = matches!(self.evidence, Evidence::Transaction(_));
        let now = moment(cx);
        if is_transaction && let Some(halves) = waiting_halves(cx) {
            halves.transaction_begins(now);
        }
        self.each(candidates, cx, out);
        if is_transaction && let Some(halves) = waiting_halves(cx) {
            halves.transaction_ends(now);
        }
        if is_transaction
            && now.direction == Direction::ToClient
            && let Some(exchanges) = cx.flow.as_deref_mut().and_then(FlowState::waiting_exchanges)
        {
            exchanges.answer_ends(now.transaction);
        }
    }

    fn each(&mut self, candidates: &[RuleIndex], cx: &mut Context<'_>, out: &mut Vec<Hit>) {
        let before = out.len();
        for index in candidates {
            let Some(rule) = self.engine.full_rule(*index) else {
                continue;
            };
            self.captured.clear();
            if !self.matches(rule, cx) {
                continue;
            }
            self.keep_captured(cx);
            self.apply_effects(rule, cx);
            if rule.info.action == Action::Pass {
                self.pass(rule, cx);
                return;
            }
            let reported = match self.counts_anew(rule, cx) {
                true => self.may_report(rule, cx),
                false => None,
            };
            let Some(action) = reported else {
                self.tables.counters.suppressed += 1;
                continue;
            };
            if self.reports_once(rule, cx)
                && let Some(flow) = cx.flow.as_deref_mut()
            {
                let room = flow.remember_reported(rule.identity(), cx.direction);
                self.count_room(room);
            }
            if rule.silent {
                continue;
            }
            if out.len() - before >= HITS_PER_CALL_MAX {
                self.tables.counters.hits_dropped += 1;
                continue;
            }
            self.tables.counters.hits += 1;
            out.push(Hit { rule: *index, action });
        }
    }

    /// As in Suricata what a rule captured is kept though a threshold silences it.
    fn keep_captured(&mut self, cx: &mut Context<'_>) {
        if let Some(flow) = cx.flow.as_deref_mut() {
            self.captured
                .drain(..)
                .for_each(|variable| flow.keep_variable(variable));
        }
    }

    fn pass(&self, rule: &Rule, cx: &mut Context<'_>) {
        let Some(flow) = cx.flow.as_deref_mut() else {
            return;
        };
        match self.evidence {
            Evidence::Packet(_) if !rule.passes_flow() => flow.set_packet_passed(),
            _ => flow.set_passed(),
        }
    }

    pub(super) fn count_room(&mut self, room: Room) {
        if room == Room::Full {
            self.tables.counters.flow_memory_full += 1;
        }
    }

    /// Cheapest questions first; the data last.
    fn matches(&mut self, rule: &Rule, cx: &mut Context<'_>) -> bool {
        if !suits(rule, cx) || !header_admits(rule, cx) || !self.packet_holds(rule, cx) {
            return false;
        }
        let already = self.reports_once(rule, cx)
            && cx
                .flow
                .as_ref()
                .is_some_and(|flow| flow.was_reported(rule.identity(), cx.direction));
        if already || !self.state_holds(rule, cx) {
            return false;
        }
        let (half, matched) = match self.evidence {
            Evidence::Packet(data) | Evidence::Stream(data) => {
                (Half::Payload, self.payload_holds(rule, data))
            }
            Evidence::Transaction(buffers) if rule.is_exchange => {
                return self.exchange_holds(rule, buffers, cx);
            }
            Evidence::Transaction(buffers) => {
                let matched = files_hold(rule, cx) && self.targets_hold(rule, None, buffers);
                (Half::Transaction, matched)
            }
        };
        matched && (!rule.has_two_halves() || self.completes(rule, half, cx))
    }

    /// Whether the rule is silent in a direction of a flow once it has reported there.
    fn reports_once(&self, rule: &Rule, cx: &Context<'_>) -> bool {
        match self.evidence {
            // Every match is needed where matches are counted.
            _ if rule.counts() => false,
            Evidence::Stream(_) => true,
            // The same bytes come once more in the stream.
            Evidence::Packet(_) => {
                cx.protocol == TCP
                    && rule.payload.is_some()
                    && rule.payload_scope == PayloadScope::PacketAndStream
            }
            Evidence::Transaction(_) => false,
        }
    }

    fn packet_holds(&self, rule: &Rule, cx: &Context<'_>) -> bool {
        if rule.packet_tests.is_empty() {
            return true;
        }
        let (Evidence::Packet(payload), Some(packet)) = (self.evidence, &cx.packet) else {
            return false;
        };
        let around = Surroundings {
            payload_bytes: payload.len(),
            same_address: cx.src == cx.dst,
            ipv4: cx.src.is_ipv4(),
        };
        rule.packet_tests.iter().all(|test| test.holds(packet, around))
    }

    fn payload_holds(&mut self, rule: &Rule, data: &[u8]) -> bool {
        let Some(steps) = &rule.payload else { return true };
        let mut budget = Budget::new(VERIFY_STEPS_MAX);
        let matched = holds(steps, data, &mut ByteVariables::default(), &mut budget);
        self.account(&mut budget);
        matched
    }

    /// One side of a transaction: whether it is the answer to a request that matched, too.
    fn exchange_holds(&mut self, rule: &Rule, buffers: &[(Buffer, &[u8])], cx: &mut Context<'_>) -> bool {
        let (identity, transaction) = (rule.identity(), cx.transaction);
        if !self.targets_hold(rule, Some(cx.direction), buffers) {
            return false;
        }
        let Some(flow) = cx.flow.as_deref_mut() else {
            return false;
        };
        match cx.direction {
            Direction::ToServer => {
                let room = flow.exchanges().request_matched(identity, transaction);
                self.count_room(room);
                false
            }
            Direction::ToClient => flow
                .waiting_exchanges()
                .is_some_and(|exchanges| exchanges.answer_matched(identity, transaction)),
        }
    }

    fn targets_hold(&mut self, rule: &Rule, side: Option<Direction>, buffers: &[(Buffer, &[u8])]) -> bool {
        let mut variables = ByteVariables::default();
        rule.targets_of(side)
            .all(|target| self.target_holds(target, buffers, &mut variables))
    }

    /// Whether any instance of the buffer meets the conditions.
    fn target_holds(
        &mut self,
        target: &Target,
        buffers: &[(Buffer, &[u8])],
        variables: &mut ByteVariables,
    ) -> bool {
        let Some(source) = self.engine.sources.get(target.source as usize) else {
            return false;
        };
        let mut present = false;
        for (_, data) in buffers.iter().filter(|(buffer, _)| *buffer == source.buffer) {
            present = true;
            if target.presence == Presence::Absent {
                return false;
            }
            let Some(view) = transform::apply(&source.transforms, data) else {
                continue;
            };
            let mut budget = Budget::new(VERIFY_STEPS_MAX);
            let matched = holds(&target.steps, &view, variables, &mut budget);
            self.account(&mut budget);
            if matched {
                return true;
            }
        }
        !present && target.presence != Presence::Required
    }

    fn account(&mut self, budget: &mut Budget) {
        self.captured.append(&mut budget.captured);
        self.tables.counters.step_limit += u64::from(budget.exhausted);
        self.tables.counters.regex_limit += u64::from(budget.regex_failures);
    }

    /// Notes that this half matched; whether the other one has.
    fn completes(&mut self, rule: &Rule, half: Half, cx: &mut Context<'_>) -> bool {
        let now = moment(cx);
        let Some(flow) = cx.flow.as_deref_mut() else {
            return false;
        };
        let (complete, room) = match half {
            Half::Payload => flow.halves().payload_matched(rule.identity(), now),
            Half::Transaction => flow.halves().transaction_matched(rule.identity(), now),
        };
        self.count_room(room);
        complete
    }

    /// Whether a rule that counts has not counted these bytes before: chunks of a stream overlap, and
    /// packets come once more in the stream.
    fn counts_anew(&mut self, rule: &Rule, cx: &mut Context<'_>) -> bool {
        if !rule.counts() || rule.payload.is_none() {
            return true;
        }
        if let Evidence::Stream(data) = self.evidence
            && let Some((seen, new)) = data.split_at_checked(cx.seen_before)
            && !seen.is_empty()
            && self.payload_holds(rule, seen)
            && !self.payload_holds(rule, new)
        {
            return false;
        }
        let is_in_both = cx.protocol == TCP && rule.payload_scope == PayloadScope::PacketAndStream;
        match cx.flow.as_deref_mut() {
            Some(flow) if is_in_both => flow.counts_now(rule.identity(), cx.direction, cx.ts_us),
            _ => true,
        }
    }

    /// What the rule wants done about this match; `None` if it is not to be reported.
    fn may_report(&mut self, rule: &Rule, cx: &mut Context<'_>) -> Option<Action> {
        let occurrence = Occurrence {
            rule: rule.identity(),
            source: address_number(cx.src),
            destination: address_number(cx.dst),
            source_port: cx.sport,
            destination_port: cx.dport,
            ts_us: cx.ts_us,
        };
        if rule
            .suppressions
            .iter()
            .any(|suppression| suppression.covers(occurrence))
        {
            return None;
        }
        let thresholds = &mut self.tables.thresholds;
        let mut limits = rule.detection_filter.iter().chain(&rule.threshold);
        let admitted = limits.all(|limit| {
            let by_flow = limit.track == Track::Flow;
            let flow = cx.flow.as_deref_mut().filter(|_| by_flow);
            thresholds.admits(limit, occurrence, flow.map(FlowState::windows))
        });
        if !admitted {
            return None;
        }
        let mut action = rule.info.action;
        for filter in &rule.rate_filters {
            if thresholds.exceeds(filter, occurrence) {
                action = filter.action;
            }
        }
        (action != Action::Pass).then_some(action)
    }
}

const TCP: u8 = 6;

/// Whether one file meets all the rule's conditions on files.
fn files_hold(rule: &Rule, cx: &Context<'_>) -> bool {
    let meets_all = |file| rule.file_tests.iter().all(|test| test.holds(file));
    rule.file_tests.is_empty() || cx.files.iter().any(meets_all)
}

fn moment(cx: &Context<'_>) -> Moment {
    Moment {
        ts_us: cx.ts_us,
        direction: cx.direction,
        transaction: cx.transaction,
    }
}

fn waiting_halves<'c>(cx: &'c mut Context<'_>) -> Option<&'c mut Halves> {
    cx.flow.as_deref_mut()?.waiting_halves()
}

/// Application protocol, flow and stream.
fn suits(rule: &Rule, cx: &Context<'_>) -> bool {
    let flow = rule.flow;
    rule.app.is_none_or(|app| cx.app == Some(app))
        && rule.app_tests.iter().all(|test| test.holds(cx))
        && rule.conditions.iter().all(|condition| condition.holds(cx))
        && flow
            .established
            .is_none_or(|established| established == cx.established)
        && flow.direction.is_none_or(|direction| direction == cx.direction)
        && rule.stream_sizes.iter().all(|test| test.holds(cx.stream_size))
}

fn header_admits(rule: &Rule, cx: &Context<'_>) -> bool {
    let header = &rule.header;
    let family = match header.family {
        Family::Both => true,
        Family::V4 => cx.src.is_ipv4(),
        Family::V6 => cx.src.is_ipv6(),
    };
    if !family || !header.transport.admits(cx.protocol) {
        return false;
    }
    let (source, destination) = (address_number(cx.src), address_number(cx.dst));
    let admits = |from: (u128, u16), to: (u128, u16)| {
        header.source_ports.contains(from.1)
            && header.destination_ports.contains(to.1)
            && header.source.contains(from.0)
            && header.destination.contains(to.0)
    };
    let (sender, receiver) = ((source, cx.sport), (destination, cx.dport));
    // The header of a rule on both sides of a transaction speaks of client and server.
    if rule.is_exchange && cx.direction == Direction::ToClient {
        return admits(receiver, sender);
    }
    admits(sender, receiver) || (header.both_ways && admits(receiver, sender))
}
