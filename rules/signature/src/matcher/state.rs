//! What earlier rules left behind, read and changed: flow bits, counters, host bits.

use crate::context::Context;
use crate::flow_state::FlowState;
use crate::ranges::address_number;
use crate::rule::{CounterTest, Effect, HostBit, Rule, StateTest, TrackHost};

use super::judge::Judge;

/// A host bit of one address or pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct HostBitKey {
    name: u64,
    first: u128,
    second: u128,
}

impl HostBitKey {
    fn new(bit: HostBit, cx: &Context<'_>) -> HostBitKey {
        let (source, destination) = (address_number(cx.src), address_number(cx.dst));
        let (first, second) = match bit.track {
            TrackHost::Source => (source, 0),
            TrackHost::Destination => (destination, 0),
            TrackHost::Pair => (source.min(destination), source.max(destination)),
        };
        HostBitKey {
            name: bit.name,
            first,
            second,
        }
    }
}

impl Judge<'_> {
    pub(super) fn state_holds(&self, rule: &Rule, cx: &Context<'_>) -> bool {
        rule.state_tests.iter().all(|test| match test {
            StateTest::HostBit { bit, set } => self.host_bit(HostBitKey::new(*bit, cx), cx.ts_us) == *set,
            _ => flow_holds(test, cx.flow.as_deref()),
        })
    }

    fn host_bit(&self, key: HostBitKey, ts_us: i64) -> bool {
        let until_us = self.tables.memory.0.host_bits.get(&key);
        until_us.is_some_and(|until_us| ts_us < until_us)
    }

    fn set_host_bit(&mut self, key: HostBitKey, until_us: i64) {
        let evicted = &mut self.tables.counters.host_bits_evicted;
        let bits = &self.tables.memory.0.host_bits;
        bits.with(key, || until_us, evicted, |until, _| *until = until_us);
    }

    /// Sets the bit until then, or takes it away if it is set.
    fn toggle_host_bit(&mut self, key: HostBitKey, ts_us: i64, until_us: i64) {
        let evicted = &mut self.tables.counters.host_bits_evicted;
        let bits = &self.tables.memory.0.host_bits;
        bits.with(
            key,
            || i64::MIN,
            evicted,
            |until, _| {
                *until = if ts_us < *until { i64::MIN } else { until_us };
            },
        );
    }

    pub(super) fn apply_effects(&mut self, rule: &Rule, cx: &mut Context<'_>) {
        for effect in &rule.effects {
            match effect {
                Effect::SetHostBit { bit, expire_s } => {
                    let until_us = cx.ts_us.saturating_add(i64::from(*expire_s) * 1_000_000);
                    self.set_host_bit(HostBitKey::new(*bit, cx), until_us);
                }
                Effect::UnsetHostBit(bit) => self.set_host_bit(HostBitKey::new(*bit, cx), i64::MIN),
                Effect::ToggleHostBit { bit, expire_s } => {
                    let until_us = cx.ts_us.saturating_add(i64::from(*expire_s) * 1_000_000);
                    self.toggle_host_bit(HostBitKey::new(*bit, cx), cx.ts_us, until_us);
                }
                _ => {
                    if let Some(flow) = cx.flow.as_deref_mut() {
                        self.apply_to_flow(effect, flow);
                    }
                }
            }
        }
    }

    fn apply_to_flow(&mut self, effect: &Effect, flow: &mut FlowState) {
        let room = match effect {
            Effect::SetBit(bit) => flow.set_bit(*bit),
            Effect::ToggleBit(bit) if !flow.bit(*bit) => flow.set_bit(*bit),
            Effect::UnsetBit(bit) | Effect::ToggleBit(bit) => {
                flow.unset_bit(*bit);
                return;
            }
            Effect::SetCounter { .. } | Effect::AddCounter { .. } | Effect::SubtractCounter { .. } => {
                flow.change_counter(effect)
            }
            Effect::SetHostBit { .. } | Effect::UnsetHostBit(_) | Effect::ToggleHostBit { .. } => return,
        };
        self.count_room(room);
    }
}

/// Without a flow nothing is set.
fn flow_holds(test: &StateTest, flow: Option<&FlowState>) -> bool {
    let is_set = |bit: &u64| flow.is_some_and(|flow| flow.bit(*bit));
    match test {
        StateTest::AnyBit(bits) => bits.iter().any(is_set),
        StateTest::AnyBitUnset(bits) => !bits.iter().all(is_set),
        StateTest::Counter { name, test } => {
            let count = flow.and_then(|flow| flow.counter(*name));
            match test {
                CounterTest::IsSet => count.is_some(),
                CounterTest::IsUnset => count.is_none(),
                CounterTest::Compare(compare) => count.is_some_and(|count| compare.holds(count.into())),
                CounterTest::CompareWith(compare, other) => {
                    let other = flow.and_then(|flow| flow.counter(*other));
                    count
                        .zip(other)
                        .is_some_and(|(count, other)| compare.with(other.into()).holds(count.into()))
                }
            }
        }
        StateTest::HostBit { .. } => false,
    }
}
