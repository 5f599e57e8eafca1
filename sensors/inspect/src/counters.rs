//! What an inspector counts.

use std::borrow::Cow;
use vonggac_decode::{DefragmentCounters, DropReason};
use vonggac_event::{Class, Event};
use vonggac_protocol::FileBody;
use vonggac_protocols::REGISTRY;
use vonggac_signature as signature;
use vonggac_stream as stream;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// What happened so far. `packets_received` = `packets_processed` + the sum of [`Counters::dropped`].
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)*
            pub(crate) dropped: [u64; DropReason::ALL.len()],
            pub(crate) stream: stream::Counters,
            pub(crate) defragment: DefragmentCounters,
            pub(crate) signature: signature::Counters,
            pub(crate) by_class: [u64; Class::ALL.len()],
            pub(crate) protocols: ProtocolCounters,
        }

        impl Counters {
            fn own(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name)),*]
            }
        }
    };
}

counters! {
    /// Frames given to the inspector.
    packets_received,
    /// Frames that were read: counted in a flow, kept as a fragment, or sound without IP.
    packets_processed,
    /// Bytes of all frames, as captured.
    bytes_received,
    /// Frames without IP.
    packets_not_ip,
    /// Frames that are fragments waiting for others.
    packets_fragment_pending,
    /// IP packets out of a tunnel.
    packets_tunnelled,
    /// TCP segments.
    packets_tcp,
    /// UDP datagrams.
    packets_udp,
    /// ICMP and ICMPv6 messages.
    packets_icmp,
    /// Packets of other protocols.
    packets_other,
    /// Events given to the sink, files included.
    events,
    /// Flows that nobody answered and that are told in sums.
    flows_summed,
    /// Anomalies over their limit, of which there is no event.
    anomalies_suppressed,
    /// Flows that went from protocol to protocol more often than is followed.
    upgrade_limit,
    /// Flows that had to give back what they kept of bodies because all bodies were at their limit.
    body_memory_shed,
    /// Flows of which signatures see what comes next without earlier bytes because all those were at their limit.
    rule_overlap_limit,
    /// Directions of which signatures saw no more because of the depth limit.
    rule_stream_limit,
}

impl Counters {
    /// Frames that could not be read, by reason.
    pub fn dropped(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        DropReason::ALL
            .into_iter()
            .map(DropReason::name)
            .zip(self.dropped)
    }

    pub(crate) fn drop_packet(&mut self, reason: DropReason) {
        let place = DropReason::ALL.iter().position(|other| *other == reason);
        if let Some(count) = place.and_then(|place| self.dropped.get_mut(place)) {
            *count += 1;
        }
    }

    /// Counts an event that the sink is given.
    pub(crate) fn event(&mut self, event: &Event) {
        self.events += 1;
        let count = Class::of(event).and_then(|class| self.by_class.get_mut(class as usize));
        if let Some(count) = count {
            *count += 1;
        }
    }

    /// The count of that name in [`Counters::list`]; 0 when there is none.
    pub fn get(&self, name: &str) -> u64 {
        let list = self.list();
        let found = list.iter().find(|(known, _)| known == name);
        found.map_or(0, |(_, count)| *count)
    }

    /// Each counter with its name: drops as `dropped_…`, events by class as `events_…`.
    pub fn list(&self) -> Vec<(Cow<'static, str>, u64)> {
        let by_class = Class::ALL.into_iter().zip(self.by_class);
        let by_class = by_class.map(|(class, count)| (Cow::Owned(format!("events_{}", class.name())), count));
        let dropped = self.dropped();
        let dropped = dropped.map(|(reason, count)| (Cow::Owned(format!("dropped_{reason}")), count));
        let named = self.named().into_iter();
        named
            .map(|(name, count)| (Cow::Borrowed(name), count))
            .chain(dropped)
            .chain(by_class)
            .collect()
    }

    fn named(&self) -> Vec<(&'static str, u64)> {
        let mut list = self.own();
        list.extend(&self.protocols.0);
        list.extend(self.stream.list());
        let DefragmentCounters {
            fragments,
            reassembled,
            timed_out,
            evicted,
            conflicts,
        } = self.defragment;
        list.extend([
            ("ip_fragments", fragments),
            ("ip_reassembled", reassembled),
            ("ip_fragments_timed_out", timed_out),
            ("ip_fragments_evicted", evicted),
            ("ip_fragments_conflicts", conflicts),
        ]);
        let signature::Counters {
            candidates,
            hits,
            hits_dropped,
            suppressed,
            step_limit,
            regex_limit,
            flow_memory_full,
            threshold_evicted,
            host_bits_evicted,
            waiting_dropped,
            ..
        } = self.signature;
        list.extend([
            ("signature_candidates", candidates),
            ("signature_hits", hits),
            ("signature_hits_dropped", hits_dropped),
            ("signature_hits_under_threshold", suppressed),
            ("signature_step_limit", step_limit),
            ("signature_regex_limit", regex_limit),
            ("signature_flow_memory_full", flow_memory_full),
            ("signature_threshold_evicted", threshold_evicted),
            ("signature_host_bits_evicted", host_bits_evicted),
            ("signature_waiting_dropped", waiting_dropped),
        ]);
        list
    }
}

/// What protocols count, by the names that their cards give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProtocolCounters(Vec<(&'static str, u64)>);

impl Default for ProtocolCounters {
    fn default() -> Self {
        let of_cards = REGISTRY.iter().flat_map(|card| card.counters);
        let names = of_cards.chain(FileBody::COUNTERS);
        Self(names.map(|name| (*name, 0)).collect())
    }
}

impl ProtocolCounters {
    /// Counts `by` more.
    pub(crate) fn add(&mut self, counter: &str, by: u64) {
        let known = self.0.iter_mut().find(|(name, _)| *name == counter);
        debug_assert!(known.is_some(), "no card declares {counter}");
        if let Some((_, count)) = known {
            *count = count.saturating_add(by);
        }
    }
}
