//! Judging packets, chunks of streams and transactions by the rules.

mod judge;
mod state;

use std::sync::Arc;

use crate::bounded_map::BoundedMap;
use crate::buffer::Buffer;
use crate::context::Context;
use crate::engine::{Class, Engine};
use crate::limits::HOST_BITS_MAX;
use crate::ranges::address_number;
use crate::rule::{Action, RuleIndex};
use crate::threshold::ThresholdTable;
use crate::transform;

use judge::{Evidence, Judge};
use state::HostBitKey;

/// A rule that matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// The rule, for [`Engine::rule`].
    pub rule: RuleIndex,
    /// What it wants done; never `pass`.
    pub action: Action,
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
}

/// Judges by the rules of one engine; one per worker, with its own scratch space and thresholds.
#[derive(Debug)]
pub struct Matcher {
    engine: Arc<Engine>,
    marks: Marks,
    tables: Tables,
}

/// What outlives a call.
#[derive(Debug)]
struct Tables {
    thresholds: ThresholdTable,
    /// Until when each host bit is set, microseconds.
    host_bits: BoundedMap<HostBitKey, i64>,
    counters: Counters,
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

    fn add(&mut self, rule: RuleIndex) {
        if let Some(last) = self.last_call.get_mut(rule.index())
            && *last != self.call
        {
            *last = self.call;
            self.candidates.push(rule);
        }
    }

    fn add_all(&mut self, rules: &[RuleIndex]) {
        rules.iter().for_each(|rule| self.add(*rule));
    }
}

impl Matcher {
    /// A matcher with nothing counted yet.
    pub fn new(engine: Arc<Engine>) -> Matcher {
        let marks = Marks {
            candidates: Vec::new(),
            last_call: vec![0; engine.len()],
            call: 0,
        };
        let tables = Tables {
            thresholds: ThresholdTable::new(),
            host_bits: BoundedMap::new(HOST_BITS_MAX),
            counters: Counters::default(),
        };
        Matcher {
            engine,
            marks,
            tables,
        }
    }

    /// Takes other rules, keeping thresholds and counters.
    pub fn replace_engine(&mut self, engine: Arc<Engine>) {
        self.marks = Marks {
            candidates: Vec::new(),
            last_call: vec![0; engine.len()],
            call: 0,
        };
        self.engine = engine;
    }

    /// The rules.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// What was done so far.
    pub fn counters(&self) -> Counters {
        Counters {
            threshold_evicted: self.tables.thresholds.evicted(),
            host_bits_evicted: self.tables.host_bits.evicted(),
            ..self.tables.counters
        }
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
        let (source, destination) = (address_number(cx.src), address_number(cx.dst));
        if let Some(rules) = engine.every_packet.get(class as usize) {
            self.marks.add_all(rules);
        }
        self.marks.add_all(engine.by_address.source.rules(source));
        self.marks
            .add_all(engine.by_address.destination.rules(destination));
        let direction = cx.direction;
        if cx
            .flow
            .as_deref_mut()
            .is_none_or(|flow| flow.begin_address_rules(direction))
        {
            self.marks.add_all(engine.by_address_once.source.rules(source));
            self.marks
                .add_all(engine.by_address_once.destination.rules(destination));
            self.marks.add_all(&engine.every_flow);
        }
        if !payload.is_empty() {
            let marks = &mut self.marks;
            if let Some(group) = engine
                .packet
                .get(class as usize)
                .and_then(|g| g.get(direction.index()))
            {
                group.candidates(payload, |rule| marks.add(rule));
            }
            // Without a flow there will be no stream: this is the only look at these bytes.
            if class == Class::Tcp
                && cx.flow.is_none()
                && let Some(group) = engine.stream.get(direction.index())
            {
                group.candidates(payload, |rule| marks.add(rule));
            }
        }
        self.judge(cx, Evidence::Packet(payload), out);
    }

    /// Judges a chunk of the reassembled TCP stream. Chunks may overlap: a rule reports once per
    /// direction of a flow.
    pub fn stream(&mut self, cx: &mut Context<'_>, data: &[u8], out: &mut Vec<Hit>) {
        if data.is_empty() || cx.flow.as_ref().is_some_and(|flow| flow.is_silenced()) {
            return;
        }
        let engine = Arc::clone(&self.engine);
        self.marks.begin();
        if let Some(group) = engine.stream.get(cx.direction.index()) {
            group.candidates(data, |rule| self.marks.add(rule));
        }
        self.judge(cx, Evidence::Stream(data), out);
    }

    /// Judges one side of one transaction, given all its buffers; buffers may repeat.
    pub fn transaction(&mut self, cx: &mut Context<'_>, buffers: &[(Buffer, &[u8])], out: &mut Vec<Hit>) {
        if cx.flow.as_ref().is_some_and(|flow| flow.is_silenced()) {
            return;
        }
        let engine = Arc::clone(&self.engine);
        self.marks.begin();
        self.marks.add_all(&engine.every_transaction);
        for (buffer, data) in buffers {
            for number in engine
                .sources_of_buffer
                .get(*buffer as usize)
                .into_iter()
                .flatten()
            {
                let number = *number as usize;
                let (Some(source), Some(group)) = (engine.sources.get(number), engine.by_source.get(number))
                else {
                    continue;
                };
                let Some(view) = transform::apply(&source.transforms, data) else {
                    continue;
                };
                group.candidates(&view, |rule| self.marks.add(rule));
            }
        }
        self.judge(cx, Evidence::Transaction(buffers), out);
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
