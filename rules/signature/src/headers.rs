//! Rules on headers, by what finds them: an address or a port that few packets have, else nothing.

use std::sync::Arc;

use crate::context::Context;
use crate::engine::Class;
use crate::packet_test::PacketTest;
use crate::range_index::RangeIndex;
use crate::ranges::{IPV4_BASE, Number, RangeSet, address_number};
use crate::rule::{Rule, RuleIndex};
use crate::variables::{AddressSet, PortSet};

/// Rules that need no payload.
#[derive(Debug, Default)]
pub(crate) struct HeaderRules {
    by_address: Ends<u128>,
    by_port: Ends<u16>,
    every_packet: [Vec<RuleIndex>; Class::COUNT],
    /// Rules on addresses alone, once per flow and direction.
    once_by_address: Ends<u128>,
    once: Vec<RuleIndex>,
}

/// Two indexes, by sender and by receiver.
#[derive(Debug, Default)]
struct Ends<N> {
    source: RangeIndex<N>,
    destination: RangeIndex<N>,
}

impl HeaderRules {
    /// The rules to be judged on a packet.
    pub(crate) fn of_packet(&self, cx: &Context<'_>) -> impl Iterator<Item = &[RuleIndex]> {
        let class = self.every_packet.get(Class::of(cx.protocol) as usize);
        let by_address = self
            .by_address
            .rules(address_number(cx.src), address_number(cx.dst));
        let by_port = self.by_port.rules(cx.sport, cx.dport);
        let lists = by_address.into_iter().chain(by_port);
        lists.chain(class.map(Vec::as_slice))
    }

    /// The rules to be judged on the first packet of a flow in either direction.
    pub(crate) fn of_flow(&self, cx: &Context<'_>) -> impl Iterator<Item = &[RuleIndex]> {
        let (source, destination) = (address_number(cx.src), address_number(cx.dst));
        let by_address = self.once_by_address.rules(source, destination);
        by_address.into_iter().chain([&*self.once])
    }
}

impl<N: Number> Ends<N> {
    fn rules(&self, source: N, destination: N) -> [&[RuleIndex]; 2] {
        [self.source.rules(source), self.destination.rules(destination)]
    }
}

/// Rules on headers while they are put into their places.
#[derive(Debug, Default)]
pub(crate) struct HeaderRulesBuilder {
    by_address: EndsBuilder<u128>,
    by_port: EndsBuilder<u16>,
    every_packet: [Vec<RuleIndex>; Class::COUNT],
    once_by_address: EndsBuilder<u128>,
    once: Vec<RuleIndex>,
}

#[derive(Debug, Default)]
struct EndsBuilder<N> {
    source: Vec<(RuleIndex, Arc<RangeSet<N>>)>,
    destination: Vec<(RuleIndex, Arc<RangeSet<N>>)>,
}

impl HeaderRulesBuilder {
    pub(crate) fn place(&mut self, index: RuleIndex, rule: &Rule) {
        let header = &rule.header;
        let ends = [narrowness(&header.source), narrowness(&header.destination)];
        let addresses = match rule.is_address_only() {
            true => &mut self.once_by_address,
            false => &mut self.by_address,
        };
        if addresses.place(
            index,
            ends,
            [&header.source, &header.destination],
            header.both_ways,
        ) {
            return;
        }
        if rule.is_address_only() {
            return self.once.push(index);
        }
        let ports = [&header.source_ports, &header.destination_ports];
        let ends = ports.map(|ports| port_count(ports));
        if self.by_port.place(index, ends, ports, header.both_ways) {
            return;
        }
        for (class, list) in Class::ALL.iter().zip(&mut self.every_packet) {
            if class.admitted_by(header.transport) && has_protocol(rule, *class) {
                list.push(index);
            }
        }
    }

    pub(crate) fn build(self) -> HeaderRules {
        HeaderRules {
            by_address: self.by_address.build(),
            by_port: self.by_port.build(),
            every_packet: self.every_packet,
            once_by_address: self.once_by_address.build(),
            once: self.once,
        }
    }
}

impl<N: Number> EndsBuilder<N> {
    /// Puts the rule where the narrower of its two ends finds it; `false` if neither is narrow (`None`). Where the rule is for both ways, that end may
    /// be the packet's sender or receiver.
    fn place(
        &mut self,
        index: RuleIndex,
        narrowness: [Option<u128>; 2],
        [source, destination]: [&Arc<RangeSet<N>>; 2],
        both_ways: bool,
    ) -> bool {
        let (set, by_source) = match narrowness {
            [None, None] => return false,
            [Some(of_source), Some(of_destination)] if of_destination < of_source => (destination, false),
            [Some(_), _] => (source, true),
            [None, Some(_)] => (destination, false),
        };
        if by_source || both_ways {
            self.source.push((index, Arc::clone(set)));
        }
        if !by_source || both_ways {
            self.destination.push((index, Arc::clone(set)));
        }
        true
    }

    fn build(self) -> Ends<N> {
        let index = |rules: Vec<(RuleIndex, Arc<RangeSet<N>>)>| {
            RangeIndex::build(rules.iter().map(|(index, set)| (*index, &**set)))
        };
        Ends {
            source: index(self.source),
            destination: index(self.destination),
        }
    }
}

/// A group of more IPv4 addresses than this is too common to be found by.
const NARROW_IPV4_MAX: u128 = 1 << 22;
/// Likewise for IPv6.
const NARROW_IPV6_MAX: u128 = 1 << 100;
/// Likewise for ports.
const NARROW_PORTS_MAX: u128 = 1 << 10;

/// How many addresses a group holds; `None` if too many to be found by.
fn narrowness(set: &AddressSet) -> Option<u128> {
    let (mut v4, mut v6) = (0u128, 0u128);
    for (low, high) in set.ranges() {
        let count = high.saturating_sub(*low).saturating_add(1);
        if *low >= IPV4_BASE && *high <= IPV4_BASE + u128::from(u32::MAX) {
            v4 = v4.saturating_add(count);
        } else {
            v6 = v6.saturating_add(count);
        }
    }
    (v4 <= NARROW_IPV4_MAX && v6 <= NARROW_IPV6_MAX).then(|| v4.saturating_add(v6))
}

/// How many ports a group holds; `None` if too many to be found by.
fn port_count(set: &PortSet) -> Option<u128> {
    Some(u128::from(set.count())).filter(|count| *count <= NARROW_PORTS_MAX)
}

/// Whether packets of this class may be of the protocol that the rule asks for by number.
fn has_protocol(rule: &Rule, class: Class) -> bool {
    rule.packet_tests.iter().all(|test| match test {
        PacketTest::IpProtocol(test) => (0..=u8::MAX).any(|n| Class::of(n) == class && test.holds(n.into())),
        _ => true,
    })
}
