//! What rules remember about one flow: bits, counters, and which rules were reported.
//!
//! Everything is keyed by hashes of names and by signature numbers, never by positions in an
//! engine, so that a flow keeps its memory when the rules are loaded anew. What does depend on an engine
//! (rules that wait, what was looked at) carries the engine's number. An idle flow costs 16 bytes.

use crate::capture::{Captured, Variable, VariableScope};
use crate::context::Direction;
use crate::exchange::Exchanges;
use crate::halves::Halves;
use crate::limits::{FLOW_BITS_MAX, FLOW_COUNTERS_MAX, FLOW_RULES_MAX};
use crate::rule::{Effect, Operand, RuleIndex};
use crate::threshold::FlowWindows;
use crate::vocabulary::App;
use std::num::NonZeroU8;

/// Memory of one flow, owned by the caller and handed in through [`crate::Context`].
#[derive(Debug, Clone, Default)]
pub struct FlowState {
    memory: Option<Box<Memory>>,
    /// By direction: the engine whose rules on addresses alone were judged last.
    addresses_judged: [Option<EngineNumber>; 2],
    /// By direction: by what the stream was searched last; the waiting rules are of its engine.
    stream_looks: [Option<Look>; 2],
    passed: bool,
    packet_passed: bool,
}

#[derive(Debug, Clone, Default)]
struct Memory {
    bits: Vec<u64>,
    counters: Vec<(u64, u32)>,
    reported: Ring,
    halves: Halves,
    counted: Vec<Counted>,
    windows: FlowWindows,
    exchanges: Exchanges,
    captured: Captured,
    /// By direction.
    waiting: [Vec<Waiting>; 2],
}

/// Which of a matcher's engines, counted from 1 and round again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EngineNumber(NonZeroU8);

impl EngineNumber {
    pub(crate) const FIRST: EngineNumber = EngineNumber(NonZeroU8::MIN);

    /// That of the engine after this one.
    pub(crate) fn next(self) -> EngineNumber {
        EngineNumber(self.0.checked_add(1).unwrap_or(NonZeroU8::MIN))
    }
}

/// What a stream is searched by: the rules of one engine on one protocol, or on none yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) engine: EngineNumber,
    pub(crate) app: Option<App>,
}

/// A rule whose pattern was found in a stream, and that may match with what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) rule: RuleIndex,
    /// Bytes that came since.
    pub(crate) age: usize,
}

impl Waiting {
    /// A rule whose pattern was just found.
    pub(crate) fn new(rule: RuleIndex) -> Waiting {
        Waiting { rule, age: 0 }
    }

    /// The same, `bytes` later.
    pub(crate) fn older(self, bytes: usize) -> Waiting {
        Waiting {
            age: self.age.saturating_add(bytes),
            ..self
        }
    }
}

/// When a rule last counted something.
#[derive(Debug, Clone, Copy)]
struct Counted {
    rule: u64,
    ts_us: i64,
}

/// A bounded set; when full the oldest member gives way.
#[derive(Debug, Clone, Default)]
struct Ring {
    members: Vec<u64>,
    next: usize,
}

impl Ring {
    fn insert(&mut self, member: u64) -> Room {
        if self.members.contains(&member) {
            return Room::Kept;
        }
        if self.members.len() < FLOW_RULES_MAX {
            self.members.push(member);
            return Room::Kept;
        }
        if let Some(slot) = self.members.get_mut(self.next) {
            *slot = member;
        }
        self.next = (self.next + 1) % FLOW_RULES_MAX;
        Room::Full
    }
}

/// Whether something could be kept without losing anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    Kept,
    Full,
}

impl FlowState {
    fn memory(&mut self) -> &mut Memory {
        self.memory.get_or_insert_default()
    }

    /// Notes that a direction's stream is now searched by this. Says whether what was shown of it before was, too, and takes out the rules of that
    /// engine that wait.
    pub(crate) fn look(&mut self, direction: Direction, look: Look) -> (bool, Vec<Waiting>) {
        let memory = self.memory.as_mut();
        let waiting = memory.and_then(|memory| memory.waiting.get_mut(direction.index()));
        let waiting = waiting.map(std::mem::take).unwrap_or_default();
        let last = self.stream_looks.get_mut(direction.index());
        match last.and_then(|last| last.replace(look)) {
            Some(last) if last.engine == look.engine => (last.app == look.app, waiting),
            _ => (false, Vec::new()),
        }
    }

    /// Lets rules of the engine that took the waiting ones wait in a direction.
    pub(crate) fn put_waiting(&mut self, direction: Direction, waiting: Vec<Waiting>) {
        if waiting.is_empty() && self.memory.is_none() {
            return;
        }
        if let Some(place) = self.memory().waiting.get_mut(direction.index()) {
            *place = waiting;
        }
    }

    /// Keys of the bits that are set.
    pub(crate) fn bits(&self) -> &[u64] {
        self.memory.as_ref().map_or(&[], |memory| &memory.bits)
    }

    pub(crate) fn bit(&self, name: u64) -> bool {
        self.memory
            .as_ref()
            .is_some_and(|memory| memory.bits.contains(&name))
    }

    pub(crate) fn set_bit(&mut self, name: u64) -> Room {
        let bits = &mut self.memory().bits;
        if bits.contains(&name) {
            return Room::Kept;
        }
        if bits.len() >= FLOW_BITS_MAX {
            return Room::Full;
        }
        bits.push(name);
        Room::Kept
    }

    pub(crate) fn unset_bit(&mut self, name: u64) {
        if let Some(memory) = &mut self.memory {
            memory.bits.retain(|bit| *bit != name);
        }
    }

    pub(crate) fn counter(&self, name: u64) -> Option<u32> {
        let memory = self.memory.as_ref()?;
        memory
            .counters
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, count)| *count)
    }

    /// The value of an operand; `None` if it names a counter that is not set.
    pub(crate) fn operand(&self, operand: Operand) -> Option<u32> {
        match operand {
            Operand::Number(number) => Some(number),
            Operand::Counter(name) => self.counter(name),
        }
    }

    /// Sets, raises or lowers a counter; with an operand that is not set nothing changes.
    pub(crate) fn change_counter(&mut self, effect: &Effect) -> Room {
        let (name, changed) = match *effect {
            Effect::SetCounter { name, value } => (name, self.operand(value)),
            Effect::AddCounter { name, by } => {
                let old = self.counter(name).unwrap_or(0);
                (name, self.operand(by).map(|by| old.saturating_add(by)))
            }
            Effect::SubtractCounter { name, by } => {
                let old = self.counter(name);
                let by = self.operand(by);
                (name, old.zip(by).map(|(old, by)| old.saturating_sub(by)))
            }
            _ => return Room::Kept,
        };
        changed.map_or(Room::Kept, |value| self.set_counter(name, value))
    }

    pub(crate) fn set_counter(&mut self, name: u64, value: u32) -> Room {
        let counters = &mut self.memory().counters;
        if let Some((_, count)) = counters.iter_mut().find(|(key, _)| *key == name) {
            *count = value;
            return Room::Kept;
        }
        if counters.len() >= FLOW_COUNTERS_MAX {
            return Room::Full;
        }
        counters.push((name, value));
        Room::Kept
    }

    /// Whether the rule was reported in that direction of the flow.
    pub(crate) fn was_reported(&self, rule: u64, direction: Direction) -> bool {
        let member = directed(rule, direction);
        self.memory
            .as_ref()
            .is_some_and(|memory| memory.reported.members.contains(&member))
    }

    pub(crate) fn remember_reported(&mut self, rule: u64, direction: Direction) -> Room {
        self.memory().reported.insert(directed(rule, direction))
    }

    /// Whether the rule, which counts, may count what it found in that direction: once for each packet,
    /// whether in its payload or in the stream it continues.
    pub(crate) fn counts_now(&mut self, rule: u64, direction: Direction, ts_us: i64) -> bool {
        let counted = &mut self.memory().counted;
        let now = Counted {
            rule: directed(rule, direction),
            ts_us,
        };
        if let Some(known) = counted.iter_mut().find(|known| known.rule == now.rule) {
            return std::mem::replace(known, now).ts_us != ts_us;
        }
        if counted.len() >= FLOW_RULES_MAX {
            counted.remove(0);
        }
        counted.push(now);
        true
    }

    /// What rules count in this flow.
    pub(crate) fn windows(&mut self) -> &mut FlowWindows {
        &mut self.memory().windows
    }

    /// What rules captured in this flow and its present packet, for who tells of their hits.
    pub fn variables(&self) -> &[Variable] {
        self.memory.as_ref().map_or(&[], |memory| memory.captured.all())
    }

    pub(crate) fn variable(&self, scope: VariableScope, name: &str) -> Option<&[u8]> {
        self.memory.as_ref()?.captured.get(scope, name)
    }

    pub(crate) fn keep_variable(&mut self, variable: Variable) {
        self.memory().captured.keep(variable);
    }

    /// The requests that wait for their answers.
    pub(crate) fn exchanges(&mut self) -> &mut Exchanges {
        &mut self.memory().exchanges
    }

    /// The same, if there are any.
    pub(crate) fn waiting_exchanges(&mut self) -> Option<&mut Exchanges> {
        self.memory
            .as_mut()
            .map(|memory| &mut memory.exchanges)
            .filter(|exchanges| !exchanges.is_empty())
    }

    /// The halves of rules that wait for the other one.
    pub(crate) fn halves(&mut self) -> &mut Halves {
        &mut self.memory().halves
    }

    /// Whether a rule waits for what transactions say.
    pub(crate) fn awaits_transactions(&self) -> bool {
        let memory = self.memory.as_ref();
        memory.is_some_and(|memory| !memory.halves.is_empty() || !memory.exchanges.is_empty())
    }

    /// The waiting halves, if there are any.
    pub(crate) fn waiting_halves(&mut self) -> Option<&mut Halves> {
        self.memory
            .as_mut()
            .map(|memory| &mut memory.halves)
            .filter(|halves| !halves.is_empty())
    }

    /// True the first time in each direction, and once more for each further engine: rules on addresses alone need judging once.
    pub(crate) fn begin_address_rules(&mut self, direction: Direction, engine: EngineNumber) -> bool {
        let Some(judged) = self.addresses_judged.get_mut(direction.index()) else {
            return false;
        };
        judged.replace(engine) != Some(engine)
    }

    /// Whether a `pass` rule has freed the rest of this flow.
    pub fn is_passed(&self) -> bool {
        self.passed
    }

    pub(crate) fn set_passed(&mut self) {
        self.passed = true;
    }

    /// The next packet: what freed the last one is over.
    pub(crate) fn begin_packet(&mut self) {
        self.packet_passed = false;
        if let Some(memory) = &mut self.memory {
            memory.captured.begin_packet();
        }
    }

    /// Frees what the present packet brings.
    pub(crate) fn set_packet_passed(&mut self) {
        self.packet_passed = true;
    }

    /// Whether a `pass` rule has freed the flow or the packet that brought these bytes.
    pub(crate) fn is_silenced(&self) -> bool {
        self.passed || self.packet_passed
    }
}

fn directed(rule: u64, direction: Direction) -> u64 {
    (rule << 1) | direction.index() as u64
}

/// FNV-1a, 64 bit: the key of a bit's or counter's name.
pub(crate) fn name_key(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_small_while_idle() {
        assert!(size_of::<FlowState>() <= 16);
    }

    #[test]
    fn bits_are_bounded() {
        let mut flow = FlowState::default();
        for bit in 0..FLOW_BITS_MAX as u64 {
            assert_eq!(flow.set_bit(bit), Room::Kept);
        }
        assert_eq!(flow.set_bit(9999), Room::Full);
        assert_eq!(flow.set_bit(0), Room::Kept);
        flow.unset_bit(0);
        assert!(!flow.bit(0));
        assert_eq!(flow.set_bit(9999), Room::Kept);
    }

    #[test]
    fn oldest_report_gives_way() {
        let mut flow = FlowState::default();
        for rule in 0..FLOW_RULES_MAX as u64 {
            assert_eq!(flow.remember_reported(rule, Direction::ToClient), Room::Kept);
        }
        assert_eq!(flow.remember_reported(1000, Direction::ToClient), Room::Full);
        assert!(!flow.was_reported(0, Direction::ToClient));
        assert!(flow.was_reported(1000, Direction::ToClient));
        assert!(!flow.was_reported(1000, Direction::ToServer));
    }

    #[test]
    fn address_rules_once_per_direction_and_engine() {
        let mut flow = FlowState::default();
        let first = EngineNumber::FIRST;
        assert!(flow.begin_address_rules(Direction::ToServer, first));
        assert!(!flow.begin_address_rules(Direction::ToServer, first));
        assert!(flow.begin_address_rules(Direction::ToClient, first));
        assert!(flow.begin_address_rules(Direction::ToServer, first.next()));
        assert!(!flow.begin_address_rules(Direction::ToServer, first.next()));
    }

    /// What a direction was shown by one engine says nothing of the other direction, or of another engine.
    #[test]
    fn waiting_rules_are_those_of_the_engine_that_looks() {
        let mut flow = FlowState::default();
        let looks = [EngineNumber::FIRST, EngineNumber::FIRST.next()];
        let [first, second] = looks.map(|engine| Look { engine, app: None });
        let waiting = || vec![Waiting::new(RuleIndex(7))];
        for direction in [Direction::ToServer, Direction::ToClient] {
            assert_eq!(flow.look(direction, first), (false, Vec::new()));
            flow.put_waiting(direction, waiting());
        }
        for direction in [Direction::ToServer, Direction::ToClient] {
            assert_eq!(flow.look(direction, second), (false, Vec::new()));
            assert_eq!(flow.look(direction, second), (true, Vec::new()));
        }
    }

    /// When a stream's protocol is told, its rules have yet to search what came before; those that wait go on waiting.
    #[test]
    fn another_protocol_is_another_look_of_the_same_engine() {
        let mut flow = FlowState::default();
        let engine = EngineNumber::FIRST;
        let (unknown, told) = (
            Look { engine, app: None },
            Look {
                engine,
                app: App::at(0),
            },
        );
        assert_eq!(flow.look(Direction::ToServer, unknown), (false, Vec::new()));
        flow.put_waiting(Direction::ToServer, vec![Waiting::new(RuleIndex(7))]);
        let waiting = vec![Waiting::new(RuleIndex(7))];
        assert_eq!(flow.look(Direction::ToServer, told), (false, waiting));
    }

    /// A bit that is set amid a stream, after rules were loaded anew, does not make what was seen new again.
    #[test]
    fn memory_that_comes_late_is_of_the_engine_in_force() {
        let mut flow = FlowState::default();
        let engine = EngineNumber::FIRST.next();
        let look = Look { engine, app: None };
        assert_eq!(flow.look(Direction::ToServer, look), (false, Vec::new()));
        flow.put_waiting(Direction::ToServer, Vec::new());
        flow.set_bit(1);
        assert_eq!(flow.look(Direction::ToServer, look), (true, Vec::new()));
    }

    #[test]
    fn engines_are_counted_round() {
        let round = (0..255).fold(EngineNumber::FIRST, |number, _| number.next());
        assert_eq!(round, EngineNumber::FIRST);
    }
}
