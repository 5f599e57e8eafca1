//! Judging packets, chunks of streams and transactions by the rules.

mod judge;
mod readings;
mod state;

use std::sync::Arc;

use vonggac_protocol::{Side, Source};

use crate::bounded_map::SharedMap;
use crate::context::Context;
use crate::engine::{Class, Engine};
use crate::flow_state::{EngineNumber, Look, Waiting};
use crate::limits::{FLOW_WAITING_MAX, HITS_PER_CALL_MAX, HOST_BITS_MAX};
use crate::rule::{Action, RuleIndex};
use crate::threshold::ThresholdTable;
use crate::transform;

use judge::{Evidence, Judge};
use readings::Readings;
use state::HostBitKey;

/// A rule that matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// The rule, for [`Engine::rule`].
    pub rule: RuleIndex,
    /// What it wants done; never `pass`.
    pub action: Action,
}

/// A stage of one side of a transaction, see [`vonggac_protocol::Card::stages`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// Whose messages.
    pub side: Side,
    /// The stage's place.
    pub number: u8,
}

/// What a matcher has done and what its limits cut, since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Rules that the prefilter let through.
    pub candidates: u64,
    /// Hits reported.
    pub hits: u64,
    /// Hits not reported because one call had too many.
    pub hits_dropped: u64,
    /// Matches not reported because of a threshold.
    pub suppressed: u64,
    /// Verifications stopped at the step limit.
    pub step_limit: u64,
    /// Regular expressions stopped at PCRE2's limits.
    pub regex_limit: u64,
    /// Flow bits, counters or reports that a flow's memory had no room for.
    pub flow_memory_full: u64,
    /// Rows of the threshold table that gave way.
    pub threshold_evicted: u64,
    /// Host bits that gave way.
    pub host_bits_evicted: u64,
    /// Rules that waited for more of a stream, and gave way.
    pub waiting_dropped: u64,
}

/// Judges by the rules of one engine; one per worker, with its own scratch space.
#[derive(Debug)]
pub struct Matcher {
    engine: Arc<Engine>,
    engine_number: EngineNumber,
    marks: Marks,
    tables: Tables,
}

/// What outlives a call.
#[derive(Debug)]
struct Tables {
    hits_per_call_max: usize,
    memory: Memory,
    counters: Counters,
}

/// What rules remember across flows: thresholds and host bits. Clones are one, for workers that are to share it.
#[derive(Debug, Clone)]
pub struct Memory(Arc<Remembered>);

#[derive(Debug)]
struct Remembered {
    thresholds: ThresholdTable,
    /// Until when each host bit is set, microseconds.
    host_bits: SharedMap<HostBitKey, i64>,
}

/// Locks for each worker, so that two seldom want the same.
const SHARDS_PER_WORKER: usize = 8;

impl Memory {
    /// Nothing remembered yet, to be shared by so many workers.
    pub fn for_workers(workers: usize) -> Memory {
        let shards = match workers {
            0 | 1 => 1,
            more => more.saturating_mul(SHARDS_PER_WORKER).min(HOST_BITS_MAX),
        };
        Memory(Arc::new(Remembered {
            thresholds: ThresholdTable::new(shards),
            host_bits: SharedMap::new(HOST_BITS_MAX, shards),
        }))
    }
}

/// The candidates of one call, each once.
#[derive(Debug)]
struct Marks {
    candidates: Vec<RuleIndex>,
    /// For each rule the last call that it was a candidate of.
    last_call: Vec<u32>,
    call: u32,
}

impl Marks {
    fn begin(&mut self) {
        self.candidates.clear();
        self.call = self.call.wrapping_add(1);
        if self.call == 0 {
            self.last_call.fill(0);
            self.call = 1;
        }
    }

    /// Adds a rule; `false` when it was there.
    fn add(&mut self, rule: RuleIndex) -> bool {
        let is_new = match self.last_call.get_mut(rule.index()) {
            Some(last) => std::mem::replace(last, self.call) != self.call,
            None => false,
        };
        if is_new {
            self.candidates.push(rule);
        }
        is_new
    }

    fn add_all(&mut self, rules: &[RuleIndex]) {
        for rule in rules {
            self.add(*rule);
        }
    }
}

impl Matcher {
    /// A matcher with nothing counted yet.
    pub fn new(engine: Arc<Engine>) -> Matcher {
        Matcher::sharing(engine, Memory::for_workers(1))
    }

    /// A matcher that shares what it remembers across flows with others.
    pub fn sharing(engine: Arc<Engine>, memory: Memory) -> Matcher {
        let marks = Marks {
            candidates: Vec::new(),
            last_call: vec![0; engine.len()],
            call: 0,
        };
        let tables = Tables {
            hits_per_call_max: HITS_PER_CALL_MAX,
            memory,
            counters: Counters::default(),
        };
        Matcher {
            engine,
            engine_number: EngineNumber::FIRST,
            marks,
            tables,
        }
    }

    /// Reports at most so many hits of one call; [`HITS_PER_CALL_MAX`] unless told otherwise.
    pub fn limit_hits(&mut self, per_call: usize) {
        self.tables.hits_per_call_max = per_call;
    }

    /// Takes other rules, keeping thresholds, host bits and counters, which go by signature numbers and names. In flows under way the
    /// new rules on addresses alone are judged with the next packet, and those on streams look once more at what the caller still
    /// shows of earlier bytes; no rule that reported in a direction of a flow reports there again for that.
    pub fn replace_engine(&mut self, engine: Arc<Engine>) {
        self.marks = Marks {
            candidates: Vec::new(),
            last_call: vec![0; engine.len()],
            call: 0,
        };
        self.engine = engine;
        self.engine_number = self.engine_number.next();
    }

    /// The rules.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// What was done so far.
    pub fn counters(&self) -> Counters {
        self.tables.counters
    }

    /// Judges one packet: rules on headers, and on the payload of single packets.
    pub fn packet(&mut self, cx: &mut Context<'_>, payload: &[u8], out: &mut Vec<Hit>) {
        if let Some(flow) = cx.flow.as_deref_mut() {
            flow.begin_packet();
        }
        if cx.flow.as_ref().is_some_and(|flow| flow.is_passed()) {
            return;
        }
        let engine = Arc::clone(&self.engine);
        self.marks.begin();
        let class = Class::of(cx.protocol);
        for rules in engine.headers.of_packet(cx) {
            self.marks.add_all(rules);
        }
        let direction = cx.direction;
        let flow = cx.flow.as_deref_mut();
        if flow.is_none_or(|flow| flow.begin_address_rules(direction, self.engine_number)) {
            for rules in engine.headers.of_flow(cx) {
                self.marks.add_all(rules);
            }
        }
        if !payload.is_empty() && !cx.is_encrypted {
            let in_packets = engine.packet.get(class as usize);
            // Without a flow there will be no stream: this is the only look at these bytes.
            let in_streams = (class == Class::Tcp && cx.flow.is_none()).then_some(&engine.stream);
            let groups = in_packets.into_iter().chain(in_streams);
            let groups = groups.filter_map(|groups| groups.get(direction.index()));
            let marks = &mut self.marks;
            for group in groups.filter_map(|groups| groups.group(cx.server_port(), cx.app)) {
                group.candidates(payload, |rule| {
                    marks.add(rule);
                });
            }
        }
        self.judge(cx, Evidence::Packet(payload), out);
    }

    /// Judges a chunk of the reassembled TCP stream: bytes that an earlier chunk held ([`Context::seen_before`]), then new ones. A rule
    /// is found by a pattern that ends in the new ones; while its pattern is in the chunk, it is judged again with what came since. It
    /// reports once per direction of a flow.
    pub fn stream(&mut self, cx: &mut Context<'_>, data: &[u8], out: &mut Vec<Hit>) {
        if data.is_empty() || cx.flow.as_ref().is_some_and(|flow| flow.is_silenced()) {
            return;
        }
        let engine = Arc::clone(&self.engine);
        self.marks.begin();
        let direction = cx.direction;
        let groups = engine.stream.get(direction.index());
        let Some(group) = groups.and_then(|groups| groups.group(cx.server_port(), cx.app)) else {
            return;
        };
        let look = Look {
            engine: self.engine_number,
            app: cx.app,
        };
        let flow = cx.flow.as_deref_mut();
        let (is_searched, earlier) = flow.map_or((false, Vec::new()), |flow| flow.look(direction, look));
        let seen = cx.seen_before.min(data.len());
        // Another engine, and rules of another protocol, have seen nothing of it yet.
        let searched = if is_searched { seen } else { 0 };
        group.new_candidates(data, searched, |rule| {
            self.marks.add(rule);
        });
        let found = self.marks.candidates.iter();
        let mut waiting: Vec<Waiting> = found.map(|rule| Waiting::new(*rule)).collect();
        for earlier in earlier {
            let waits = earlier.older(data.len() - seen);
            if waits.age < data.len() && self.marks.add(waits.rule) {
                waiting.push(waits);
            }
        }
        self.marks.add_all(group.always());
        self.judge(cx, Evidence::Stream(data), out);
        waiting.retain(|waits| {
            let rule = engine.full_rule(waits.rule);
            rule.is_some_and(|rule| judge::may_match_later(rule, cx))
        });
        self.tables.counters.waiting_dropped += waiting.len().saturating_sub(FLOW_WAITING_MAX) as u64;
        waiting.truncate(FLOW_WAITING_MAX);
        if let Some(flow) = cx.flow.as_deref_mut() {
            flow.put_waiting(direction, waiting);
        }
    }

    /// Judges a stage of a transaction of the protocol that the context names. To be called once for each stage, in order.
    pub fn transaction(
        &mut self,
        cx: &mut Context<'_>,
        stage: Stage,
        source: &dyn Source,
        out: &mut Vec<Hit>,
    ) {
        let is_passed = cx.flow.as_ref().is_some_and(|flow| flow.is_silenced());
        let engine = Arc::clone(&self.engine);
        let Some(app) = cx.app.filter(|_| !is_passed) else {
            return;
        };
        let Some(rules) = engine.stage(app, stage.side, stage.number) else {
            return;
        };
        let nothing_waits = cx.flow.as_ref().is_none_or(|flow| !flow.awaits_transactions());
        if rules.is_empty() && nothing_waits {
            return;
        }
        cx.transaction = Some(source.transaction());
        self.marks.begin();
        self.marks.add_all(&rules.always);
        let mut readings = Readings::new(source, app, stage.side);
        for scan in &rules.scans {
            let transforms = engine.sources.get(scan.source as usize);
            let transforms = transforms.map_or(&[][..], |source| &source.transforms);
            // The same bytes may stand at several places.
            let mut searched: Option<(*const u8, usize)> = None;
            for place in &scan.places {
                for data in readings.buffer(*place) {
                    let bytes = Some((data.as_ptr(), data.len()));
                    if searched == bytes {
                        continue;
                    }
                    searched = bytes;
                    let Some(view) = transform::apply(transforms, data) else {
                        continue;
                    };
                    scan.group.candidates(&view, |rule| {
                        self.marks.add(rule);
                    });
                }
            }
        }
        self.judge(cx, Evidence::Transaction(readings), out);
    }

    /// Judges the rules that wait for one of the events that the context names, when it happens.
    pub fn events(&mut self, cx: &mut Context<'_>, out: &mut Vec<Hit>) {
        if self.engine.by_event.is_empty() || cx.flow.as_ref().is_some_and(|flow| flow.is_silenced()) {
            return;
        }
        self.marks.begin();
        let of_packet = cx.packet.iter();
        let of_packet = of_packet.flat_map(|packet| packet.decode_events.iter().chain(packet.stream_events));
        for name in of_packet.chain(cx.app_events) {
            if let Some(rules) = self.engine.by_event.get(*name) {
                self.marks.add_all(rules);
            }
        }
        self.judge(cx, Evidence::Packet(&[]), out);
    }

    fn judge(&mut self, cx: &mut Context<'_>, evidence: Evidence<'_>, out: &mut Vec<Hit>) {
        self.marks.candidates.sort_unstable();
        self.tables.counters.candidates += self.marks.candidates.len() as u64;
        let judge = Judge {
            engine: &self.engine,
            evidence,
            tables: &mut self.tables,
            captured: Vec::new(),
        };
        judge.all(&self.marks.candidates, cx, out);
    }
}
