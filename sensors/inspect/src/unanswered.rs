//! Flows that nobody answered: told one by one while they are few, in sums when they are a flood.
//!
//! ```text
//! flow that ends without an answer ─┬ few like it, few in all ──▶ told as any flow
//!                                   ├ many from that network to that port of that host ──▶ sum of those
//!                                   └ many in all ──▶ sum of the kind that is the largest by now:
//!                                        to one port of one host │ from one network to one port │ from one network to one host
//! ```
//! A window is [`UnansweredLimits::window_us`] of packet time; at its end its sums are told, and counting begins anew. So a scan of
//! small rate is told flow by flow, and so are the first flows of a large one. A sum is a flow event, too, which says of how many flows it is
//! ([`vonggac_event::proto::Flow::flows`]); what is not the same in all of them is left out: ports and protocol numbers are 0, addresses
//! unspecified or cut to the network. Packets and bytes add up to those of the flows.
//!
//! Only flows of few packets are summed of which there is nothing else to tell: without alerts, anomalies or a protocol.
//!
//! Invariant: memory is [`COUNTS`] counters of four kinds and [`UnansweredLimits::sums_max`] sums. Counters of different keys may
//! fall together; then a flow is in a sum that could have been told alone, and is lost in neither case.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use vonggac_decode::Vlans;
use vonggac_event::{Body, Event, address_bytes, proto};

/// Counters of each kind: so few that all stay in the processor's cache.
const COUNTS: usize = 16 * 1024;

/// Most packets of a flow that may be part of a sum: a SYN with its repetitions.
pub(crate) const PACKETS_MAX: u64 = 8;

/// The network of a source.
const SOURCE_BITS_V4: u8 = 24;
const SOURCE_BITS_V6: u8 = 48;

/// When flows that nobody answered are told in sums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnansweredLimits {
    /// Length of a window, in microseconds of packet time.
    pub window_us: i64,
    /// Flows of a window from one network (/24, /48) to one port of one host that are told one by one.
    pub alike_max: u32,
    /// Flows of a window that are told one by one in all; [`u32::MAX`], with the same for `alike_max`, to have no sums.
    pub told_max: u32,
    /// Most sums of a window; what fits none of them goes into one for each transport protocol.
    pub sums_max: usize,
}

impl Default for UnansweredLimits {
    fn default() -> Self {
        Self {
            window_us: 60_000_000,
            alike_max: 256,
            told_max: 10_000,
            sums_max: 1024,
        }
    }
}

/// What is known of a flow that nobody answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unanswered {
    pub(crate) id: u64,
    pub(crate) src: IpAddr,
    pub(crate) dst: IpAddr,
    pub(crate) dport: u16,
    pub(crate) protocol: u8,
    pub(crate) vlans: Vlans,
    pub(crate) conn_state: &'static str,
    pub(crate) start_us: i64,
    pub(crate) end_us: i64,
    /// Originator's, then responder's.
    pub(crate) packets: [u64; 2],
    pub(crate) ip_bytes: [u64; 2],
    pub(crate) frame_bytes: [u64; 2],
    pub(crate) tcp_flags: [u8; 2],
}

/// What all flows of a sum have alike; the rest is unspecified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    src: IpAddr,
    src_bits: u8,
    dst: IpAddr,
    dport: u16,
    protocol: u8,
    vlans: Vlans,
    conn_state: &'static str,
}

#[derive(Debug)]
struct Sum {
    /// Of the first, which no other event has.
    flow_id: u64,
    flows: u64,
    start_us: i64,
    end_us: i64,
    packets: [u64; 2],
    ip_bytes: [u64; 2],
    frame_bytes: [u64; 2],
    tcp_flags: [u8; 2],
}

/// The window under way.
#[derive(Debug, Default)]
pub(crate) struct UnansweredFlows {
    /// `None` before its first flow.
    since_us: Option<i64>,
    told: u32,
    /// By network, host and port; by host and port; by network and port; by network and host.
    counts: [Vec<u32>; 4],
    sums: HashMap<Key, Sum>,
}

impl UnansweredFlows {
    /// Whether the window is over, and its sums are to be told.
    pub(crate) fn is_over(&self, now_us: i64, limits: &UnansweredLimits) -> bool {
        self.since_us
            .is_some_and(|since_us| now_us < since_us || now_us >= since_us.saturating_add(limits.window_us))
    }

    /// Ends the window: its sums, in order of their first flows.
    pub(crate) fn end_window(&mut self) -> Vec<Event> {
        self.told = 0;
        self.since_us = None;
        for counts in &mut self.counts {
            counts.fill(0);
        }
        let mut sums: Vec<_> = self.sums.drain().collect();
        sums.sort_by_key(|(_, sum)| sum.flow_id);
        sums.iter().map(|(key, sum)| event(key, sum)).collect()
    }

    /// Takes a flow; `true` when it is part of a sum now, and not to be told.
    pub(crate) fn sum_up(&mut self, flow: &Unanswered, now_us: i64, limits: &UnansweredLimits) -> bool {
        self.since_us.get_or_insert(now_us);
        let kinds = kinds(flow);
        let counted: [u32; 4] = std::array::from_fn(|kind| self.count(kind, kinds.get(kind)));
        let [alike, ..] = counted;
        let is_told = self.told < limits.told_max;
        if alike <= limits.alike_max && is_told {
            self.told += 1;
            return false;
        }
        // Of kinds as large as one another, the last says most.
        let largest = (1..counted.len()).max_by_key(|kind| counted.get(*kind).copied());
        let kind = if alike > limits.alike_max {
            Some(0)
        } else {
            largest
        };
        let key = kind.and_then(|kind| kinds.get(kind));
        let key = key.filter(|key| self.sums.len() < limits.sums_max || self.sums.contains_key(key));
        let key = key.copied().unwrap_or_else(|| anything(flow));
        self.add(key, flow);
        true
    }

    /// Counts a flow; how many there are of its key.
    fn count(&mut self, kind: usize, key: Option<&Key>) -> u32 {
        let (Some(counts), Some(key)) = (self.counts.get_mut(kind), key) else {
            return 0;
        };
        if counts.is_empty() {
            counts.resize(COUNTS, 0);
        }
        let Some(count) = counts.get_mut(place(key)) else {
            return 0;
        };
        *count = count.saturating_add(1);
        *count
    }

    fn add(&mut self, key: Key, flow: &Unanswered) {
        let sum = self.sums.entry(key).or_insert_with(|| Sum {
            flow_id: flow.id,
            flows: 0,
            start_us: flow.start_us,
            end_us: flow.end_us,
            packets: [0; 2],
            ip_bytes: [0; 2],
            frame_bytes: [0; 2],
            tcp_flags: [0; 2],
        });
        sum.flows += 1;
        sum.start_us = sum.start_us.min(flow.start_us);
        sum.end_us = sum.end_us.max(flow.end_us);
        for (total, more) in [
            (&mut sum.packets, flow.packets),
            (&mut sum.ip_bytes, flow.ip_bytes),
            (&mut sum.frame_bytes, flow.frame_bytes),
        ] {
            for (total, more) in total.iter_mut().zip(more) {
                *total = total.saturating_add(more);
            }
        }
        for (seen, more) in sum.tcp_flags.iter_mut().zip(flow.tcp_flags) {
            *seen |= more;
        }
    }
}

/// The keys that a flow is counted by.
fn kinds(flow: &Unanswered) -> [Key; 4] {
    let any = anything(flow);
    let (src, src_bits) = network(flow.src);
    let alike = Key {
        src,
        src_bits,
        dst: flow.dst,
        dport: flow.dport,
        ..any
    };
    let from_anywhere = Key {
        dst: flow.dst,
        dport: flow.dport,
        ..any
    };
    let to_one_port = Key {
        dst: any.dst,
        ..alike
    };
    let to_one_host = Key { dport: 0, ..alike };
    [alike, from_anywhere, to_one_port, to_one_host]
}

/// What all flows of a protocol have alike.
fn anything(flow: &Unanswered) -> Key {
    let unspecified = match flow.src {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    Key {
        src: unspecified,
        src_bits: 0,
        dst: unspecified,
        dport: 0,
        protocol: flow.protocol,
        vlans: flow.vlans,
        conn_state: flow.conn_state,
    }
}

fn network(address: IpAddr) -> (IpAddr, u8) {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX << (32 - SOURCE_BITS_V4);
            (
                IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask)),
                SOURCE_BITS_V4,
            )
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX << (128 - SOURCE_BITS_V6);
            (
                IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask)),
                SOURCE_BITS_V6,
            )
        }
    }
}

/// Where a key is counted.
fn place(key: &Key) -> usize {
    let number = |address| match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    };
    let (src, dst) = (number(key.src), number(key.dst));
    let rest = u64::from(key.dport) << 48 | u64::from(key.protocol) << 40 | u64::from(key.vlans.inner());
    let words = [
        src as u64,
        (src >> 64) as u64,
        dst as u64,
        (dst >> 64) as u64,
        rest,
    ];
    let mixed = words.into_iter().fold(0_u64, |mixed, word| {
        let mixed = (mixed ^ word ^ (word >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ (mixed >> 32)
    });
    (mixed.wrapping_mul(0x94d0_49bb_1331_11eb) >> 40) as usize % COUNTS
}

fn event(key: &Key, sum: &Sum) -> Event {
    let [orig_packets, resp_packets] = sum.packets;
    let [orig_bytes, resp_bytes] = sum.ip_bytes;
    let [orig_frame_bytes, resp_frame_bytes] = sum.frame_bytes;
    let [orig_tcp_flags, resp_tcp_flags] = sum.tcp_flags.map(u32::from);
    Event {
        ts_us: sum.end_us,
        flow_id: sum.flow_id,
        src: address_bytes(key.src),
        dst: address_bytes(key.dst),
        dport: u32::from(key.dport),
        proto: u32::from(key.protocol),
        vlan: u32::from(key.vlans.inner()),
        outer_vlan: u32::from(key.vlans.outer()),
        at_flow_end: true,
        body: Some(Body::Flow(proto::Flow {
            start_us: sum.start_us,
            end_us: sum.end_us,
            orig_packets,
            resp_packets,
            orig_bytes,
            resp_bytes,
            orig_frame_bytes,
            resp_frame_bytes,
            orig_tcp_flags,
            resp_tcp_flags,
            conn_state: key.conn_state.into(),
            end_reason: "summed".into(),
            flows: sum.flows,
            source_bits: u32::from(key.src_bits),
            ..proto::Flow::default()
        })),
        ..Event::default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    /// One SYN.
    fn flow(id: u64, src: u32, dst: u32, dport: u16) -> Unanswered {
        Unanswered {
            id,
            src: IpAddr::V4(Ipv4Addr::from_bits(src)),
            dst: IpAddr::V4(Ipv4Addr::from_bits(dst)),
            dport,
            protocol: 6,
            vlans: Vlans::default(),
            conn_state: "S0",
            start_us: id as i64,
            end_us: id as i64,
            packets: [1, 0],
            ip_bytes: [40, 0],
            frame_bytes: [54, 0],
            tcp_flags: [2, 0],
        }
    }

    /// Sums as `source/bits > destination:port × flows`, after how many were told one by one.
    fn told(limits: &UnansweredLimits, flows: impl Iterator<Item = Unanswered>) -> (usize, Vec<String>) {
        let mut window = UnansweredFlows::default();
        let (mut alone, mut packets) = (0, 0);
        for flow in flows {
            packets += flow.packets[0];
            alone += usize::from(!window.sum_up(&flow, 0, limits));
        }
        let text = |bytes: &[u8]| match bytes.first_chunk::<16>() {
            Some(octets) => Ipv6Addr::from(*octets).to_canonical().to_string(),
            None => Ipv4Addr::from(*bytes.first_chunk::<4>().unwrap()).to_string(),
        };
        let sums: Vec<_> = window.end_window();
        let mut lines = Vec::new();
        for event in &sums {
            let Some(Body::Flow(sum)) = &event.body else {
                panic!("no flow");
            };
            assert_eq!(sum.orig_packets, sum.flows);
            packets -= sum.orig_packets;
            let (src, dst) = (text(&event.src), text(&event.dst));
            lines.push(format!(
                "{src}/{} > {dst}:{} × {}",
                sum.source_bits, event.dport, sum.flows
            ));
        }
        assert_eq!(packets, alone as u64, "packets do not add up");
        (alone, lines)
    }

    fn small() -> UnansweredLimits {
        UnansweredLimits {
            alike_max: 10,
            told_max: 100,
            sums_max: 4,
            ..UnansweredLimits::default()
        }
    }

    const SOURCE: u32 = 0x0a00_0000;
    const TARGET: u32 = 0xc000_0200;

    #[test]
    fn a_small_scan_is_told_flow_by_flow() {
        let ports = (0..100).map(|port| flow(u64::from(port), SOURCE, TARGET, port + 1));
        assert_eq!(told(&small(), ports), (100, vec![]));
    }

    #[test]
    fn who_knocks_at_one_door_again_and_again_is_told_in_one_sum() {
        let knocks = (0..60).map(|id| flow(id, SOURCE + id as u32 % 250, TARGET, 80));
        assert_eq!(
            told(&small(), knocks),
            (10, vec!["10.0.0.0/24 > 192.0.2.0:80 × 50".into()])
        );
    }

    #[test]
    fn a_flood_of_made_up_sources_is_one_sum() {
        let flood = (0..5000).map(|id| flow(id, SOURCE + id as u32 * 256, TARGET, 443));
        assert_eq!(
            told(&small(), flood),
            (100, vec!["0.0.0.0/0 > 192.0.2.0:443 × 4900".into()])
        );
    }

    #[test]
    fn large_scans_are_summed_by_what_they_have_alike() {
        let hosts = (0..1000).map(|id| flow(id, SOURCE, TARGET + id as u32, 445));
        assert_eq!(
            told(&small(), hosts),
            (100, vec!["10.0.0.0/24 > 0.0.0.0:445 × 900".into()])
        );
        let ports = (0..1000).map(|id| flow(id, SOURCE, TARGET, id as u16 + 1));
        assert_eq!(
            told(&small(), ports),
            (100, vec!["10.0.0.0/24 > 192.0.2.0:0 × 900".into()])
        );
    }

    #[test]
    fn sums_are_bounded_and_lose_nothing() {
        // Nothing alike but the protocol.
        let noise = (0..1000).map(|id| flow(id, SOURCE + id as u32 * 256, TARGET + id as u32, id as u16 + 1));
        let (alone, sums) = told(&small(), noise);
        assert_eq!((alone, sums.len()), (100, 5));
        assert!(sums.contains(&"0.0.0.0/0 > 0.0.0.0:0 × 896".into()), "{sums:?}");
    }

    #[test]
    fn a_window_ends_with_its_time_and_with_a_clock_set_back() {
        let limits = small();
        let mut window = UnansweredFlows::default();
        assert!(!window.is_over(0, &limits));
        for id in 0..11 {
            window.sum_up(&flow(id, SOURCE, TARGET, 80), 5, &limits);
        }
        assert!(!window.is_over(limits.window_us + 4, &limits));
        assert!(window.is_over(limits.window_us + 5, &limits) && window.is_over(4, &limits));
        assert_eq!(window.end_window().len(), 1);
        assert!(!window.is_over(limits.window_us + 5, &limits));
        assert!(!window.sum_up(&flow(12, SOURCE, TARGET, 80), 5, &limits));
    }
}
