//! What an inspector counts.

use vonggac_decode::{DefragmentCounters, DropReason};
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
    /// Flow events.
    events_flow,
    /// DNS events.
    events_dns,
    /// HTTP events.
    events_http,
    /// TLS events.
    events_tls,
    /// File events.
    events_file,
    /// Signature events.
    events_signature,
    /// Anomaly events.
    events_anomaly,
    /// Anomalies over their limit, of which there is no event.
    anomalies_suppressed,
    /// Oddities of HTTP messages over the limit of one direction, which are not told.
    http_anomalies_suppressed,
    /// DNS queries that no answer came to in time.
    dns_unanswered,
    /// DNS queries that went unwatched because too many were under way in their flow.
    dns_queries_limit,
    /// Payloads that looked like DNS and could not be read.
    dns_malformed,
    /// HTTP transactions that went unwatched because too many were under way in their flow.
    http_transactions_limit,
    /// Bodies of which fewer bytes were kept because all bodies together were at their limit.
    body_memory_limit,
    /// Bodies that decode to more than the limit.
    body_decoded_limit,
    /// Bodies whose content coding is damaged.
    body_damaged,
    /// Chunks that signatures saw without earlier bytes because all those were at their limit.
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

    /// Each counter with its name, drops as `dropped_…`.
    pub fn list(&self) -> Vec<(&'static str, u64)> {
        let mut list = self.own();
        list.extend(DropReason::ALL.into_iter().map(dropped_name).zip(self.dropped));
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
        ]);
        list
    }
}

fn dropped_name(reason: DropReason) -> &'static str {
    match reason {
        DropReason::UnsupportedLink => "dropped_unsupported_link",
        DropReason::MalformedLink => "dropped_malformed_link",
        DropReason::MalformedIp => "dropped_malformed_ip",
        DropReason::MalformedTransport => "dropped_malformed_transport",
        DropReason::Truncated => "dropped_truncated",
        DropReason::MalformedFragment => "dropped_malformed_fragment",
        DropReason::FragmentLimit => "dropped_fragment_limit",
        DropReason::BadChecksum => "dropped_bad_checksum",
    }
}
