//! Judging the candidates of one call, in order.

use vonggac_event::proto::File;

use crate::bytes::ByteVariables;
use crate::capture::Variable;
use crate::context::{Context, Direction, FileFacts};
use crate::engine::Engine;
use crate::flow_state::{FlowState, Room};
use crate::halves::{Halves, Moment};
use crate::hexadecimal;
use crate::limits::VERIFY_STEPS_MAX;
use crate::packet_test::Surroundings;
use crate::ranges::address_number;
use crate::rule::{Action, Check, Family, PayloadScope, Presence, Rule, RuleIndex, Target, Track};
use crate::threshold::Occurrence;
use crate::transform;
use crate::verify::{Budget, holds};

use super::readings::Readings;
use super::{Counters, Hit, Tables};

/// What the rules are judged on.
#[derive(Debug)]
pub(super) enum Evidence<'e> {
    Packet(&'e [u8]),
    Stream(&'e [u8]),
    Transaction(Readings<'e>),
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
            if out.len() - before >= self.tables.hits_per_call_max {
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
        let mut findings = Findings {
            counters: &mut self.tables.counters,
            captured: &mut self.captured,
        };
        let (half, matched) = match &mut self.evidence {
            Evidence::Packet(data) | Evidence::Stream(data) => {
                (Half::Payload, payload_holds(rule, data, &mut findings))
            }
            Evidence::Transaction(readings) => {
                let matched =
                    files_hold(rule, readings) && targets_hold(rule, self.engine, readings, &mut findings);
                if rule.is_exchange {
                    return matched && self.exchange_holds(rule, cx);
                }
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
            // The same bytes come once more in the stream; the addresses once more with other rules.
            Evidence::Packet(_) if rule.is_address_only() => true,
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
        let (Evidence::Packet(payload), Some(packet)) = (&self.evidence, &cx.packet) else {
            return false;
        };
        let around = Surroundings {
            payload_bytes: payload.len(),
            same_address: cx.src == cx.dst,
            ipv4: cx.src.is_ipv4(),
        };
        rule.packet_tests.iter().all(|test| test.holds(packet, around))
    }

    /// One side of a transaction has matched: whether it is the answer to a request that did, too.
    fn exchange_holds(&mut self, rule: &Rule, cx: &mut Context<'_>) -> bool {
        let (identity, transaction) = (rule.identity(), cx.transaction);
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
        // What is captured here was captured before.
        let mut again = Vec::new();
        let mut findings = Findings {
            counters: &mut self.tables.counters,
            captured: &mut again,
        };
        if let Evidence::Stream(data) = self.evidence
            && let Some((seen, new)) = data.split_at_checked(cx.seen_before)
            && !seen.is_empty()
            && payload_holds(rule, seen, &mut findings)
            && !payload_holds(rule, new, &mut findings)
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
        let thresholds = &self.tables.memory.0.thresholds;
        let evicted = &mut self.tables.counters.threshold_evicted;
        let mut limits = rule.detection_filter.iter().chain(&rule.threshold);
        let admitted = limits.all(|limit| {
            let by_flow = limit.track == Track::Flow;
            let flow = cx.flow.as_deref_mut().filter(|_| by_flow);
            thresholds.admits(limit, occurrence, flow.map(FlowState::windows), evicted)
        });
        if !admitted {
            return None;
        }
        let mut action = rule.info.action;
        for filter in &rule.rate_filters {
            if thresholds.exceeds(filter, occurrence, evicted) {
                action = filter.action;
            }
        }
        (action != Action::Pass).then_some(action)
    }
}

/// What comes to light while a rule is judged.
struct Findings<'f> {
    counters: &'f mut Counters,
    captured: &'f mut Vec<Variable>,
}

fn payload_holds(rule: &Rule, data: &[u8], findings: &mut Findings<'_>) -> bool {
    let Some(steps) = &rule.payload else { return true };
    let mut budget = Budget::new(VERIFY_STEPS_MAX);
    let matched = holds(steps, data, &mut ByteVariables::default(), &mut budget);
    account(&mut budget, findings);
    matched
}

fn targets_hold(
    rule: &Rule,
    engine: &Engine,
    readings: &mut Readings<'_>,
    findings: &mut Findings<'_>,
) -> bool {
    let mut variables = ByteVariables::default();
    let mut targets = rule.targets_at(readings.side);
    targets.all(|target| target_holds(target, engine, readings, &mut variables, findings))
}

fn target_holds(
    target: &Target,
    engine: &Engine,
    readings: &mut Readings<'_>,
    variables: &mut ByteVariables,
    findings: &mut Findings<'_>,
) -> bool {
    let term = engine.vocabulary.term(target.term);
    let Some(owner) = term.and_then(|term| term.of(readings.app, readings.side)) else {
        return false;
    };
    let (source, presence, steps) = match &target.check {
        Check::Number(test) => return readings.any_number(owner.place, |number| test.holds(number)),
        Check::Own(condition) => return condition.holds(readings.side, readings.source),
        Check::Buffer {
            source,
            presence,
            steps,
        } => (*source, *presence, steps),
    };
    let Some(source) = engine.sources.get(source as usize) else {
        return false;
    };
    // Any instance of the buffer that meets the conditions will do.
    let instances = readings.buffer(owner.place);
    let mut any_holds = || {
        instances.iter().any(|data| {
            let Some(view) = transform::apply(&source.transforms, data) else {
                return false;
            };
            let mut budget = Budget::new(VERIFY_STEPS_MAX);
            let matched = holds(steps, &view, variables, &mut budget);
            account(&mut budget, findings);
            matched
        })
    };
    match presence {
        Presence::Absent => instances.is_empty(),
        Presence::AbsentOr if instances.is_empty() => true,
        Presence::AbsentOr | Presence::Required => any_holds(),
    }
}

fn account(budget: &mut Budget, findings: &mut Findings<'_>) {
    findings.captured.append(&mut budget.captured);
    findings.counters.step_limit += u64::from(budget.exhausted);
    findings.counters.regex_limit += u64::from(budget.regex_failures);
}

/// Whether a rule whose pattern was found in a stream may match with what comes next.
pub(super) fn may_match_later(rule: &Rule, cx: &Context<'_>) -> bool {
    let has_more = rule
        .payload
        .as_ref()
        .is_some_and(|payload| payload.steps().len() > 1);
    let was_reported = |flow: &FlowState| flow.was_reported(rule.identity(), cx.direction);
    has_more
        && header_admits(rule, cx)
        && rule
            .flow
            .direction
            .is_none_or(|direction| direction == cx.direction)
        && !cx.flow.as_deref().is_some_and(was_reported)
}

const TCP: u8 = 6;

/// Whether one file meets all the rule's conditions on files.
fn files_hold(rule: &Rule, readings: &mut Readings<'_>) -> bool {
    let meets_all = |file: &File| {
        let (md5, sha1) = (digest(&file.md5), digest(&file.sha1));
        let sha256 = digest(&file.sha256);
        let facts = FileFacts {
            md5: md5.as_ref(),
            sha1: sha1.as_ref(),
            sha256: sha256.as_ref(),
            ..facts(file)
        };
        rule.file_tests.iter().all(|test| test.holds(&facts))
    };
    rule.file_tests.is_empty() || readings.files().iter().any(meets_all)
}

/// The bytes of a digest that is there.
fn digest<const LEN: usize>(text: &str) -> Option<[u8; LEN]> {
    hexadecimal::bytes(text)?.try_into().ok()
}

fn facts(file: &File) -> FileFacts<'_> {
    FileFacts {
        name: (!file.name.is_empty()).then_some(file.name.as_bytes()),
        bytes: file.size,
        is_complete: file.complete,
        ..FileFacts::default()
    }
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
    rule.app
        .is_none_or(|apps| cx.app.is_some_and(|app| apps.contains(app)))
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
