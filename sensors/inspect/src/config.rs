//! Limits of inspection.

use crate::unanswered::UnansweredLimits;
use vonggac_decode::FragmentPolicies;
use vonggac_event::limits;
use vonggac_protocol::Limits;
use vonggac_signature::limits::HITS_PER_CALL_MAX;
use vonggac_stream as stream;

/// Limits of inspection; the defaults suit a worker with some 2 GB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Limits of flows and reassembly, and the id of the first flow.
    pub stream: stream::Config,
    /// How the hosts treat fragments of datagrams that overlap.
    pub fragment_policies: FragmentPolicies,
    /// Seed of the Community IDs.
    pub community_id_seed: u16,
    /// Most alerts of one packet, chunk of a stream or stage of a transaction; further ones are counted.
    pub hits_per_call_max: usize,
    /// Events say which packet of the capture they have their cause in: packets come from a file, from its first on.
    pub numbers_packets: bool,
    /// What protocols keep to in one flow.
    pub protocol: Limits,
    /// Most bytes kept of all bodies under way together. From seven eighths on, the flow that holds most gives back what it holds, once rules
    /// have judged it (`body_memory_shed`), so that who comes next finds room.
    pub body_bytes_max: usize,
    /// Bytes of each TCP direction that signatures on streams see.
    pub rule_stream_bytes_max: u64,
    /// Earlier bytes of a direction that signatures see again with the next ones.
    pub rule_overlap_bytes: usize,
    /// Most bytes kept of all directions for that. Beyond, flows go without that did not speak for longest: first those whose handshake was
    /// not seen, then those with long windows (`rule_overlap_limit`).
    pub rule_overlap_bytes_max: usize,
    /// Most anomaly events of one flow; further ones are counted.
    pub anomalies_flow_max: u32,
    /// Most anomaly events about undecodable frames in a minute of packet time; further ones are counted.
    pub anomalies_frame_minute_max: u32,
    /// When flows that nobody answered are told in sums.
    pub unanswered: UnansweredLimits,
    /// Most bytes of what matched that a signature event carries.
    pub payload_excerpt_bytes_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            stream: stream::Config::default(),
            fragment_policies: FragmentPolicies::default(),
            community_id_seed: 0,
            hits_per_call_max: HITS_PER_CALL_MAX,
            numbers_packets: false,
            protocol: Limits::default(),
            body_bytes_max: 256 * MIB,
            rule_stream_bytes_max: MIB as u64,
            rule_overlap_bytes: 2560,
            rule_overlap_bytes_max: 256 * MIB,
            anomalies_flow_max: 8,
            anomalies_frame_minute_max: 60,
            unanswered: UnansweredLimits::default(),
            payload_excerpt_bytes_max: limits::PAYLOAD_EXCERPT_BYTES_MAX,
        }
    }
}
