//! Limits of inspection.

use vonggac_event::limits;
use vonggac_stream as stream;

/// Limits of inspection; the defaults suit a worker with some 2 GB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Limits of flows and reassembly, and the id of the first flow.
    pub stream: stream::Config,
    /// Most bytes of one decoded body kept for YARA.
    pub file_scan_bytes_max: usize,
    /// Most bytes kept of all bodies under way together.
    pub body_bytes_max: usize,
    /// Most bytes that one body may decode to; a decompression bomb ends there.
    pub body_decoded_bytes_max: u64,
    /// Most bytes of a body that signatures see.
    pub rule_body_bytes_max: usize,
    /// Bytes of each TCP direction that signatures on streams see.
    pub rule_stream_bytes_max: u64,
    /// Earlier bytes of a direction that signatures see again with the next ones.
    pub rule_overlap_bytes: usize,
    /// Most bytes kept of all directions for that.
    pub rule_overlap_bytes_max: usize,
    /// Most HTTP transactions under way in one flow.
    pub http_transactions_max: usize,
    /// Most DNS queries under way in one flow.
    pub dns_queries_max: usize,
    /// How long a DNS answer is waited for, in microseconds of packet time.
    pub dns_timeout_us: i64,
    /// Most anomaly events of one flow; further ones are counted.
    pub anomalies_flow_max: u32,
    /// Most anomaly events about undecodable frames in a minute of packet time; further ones are counted.
    pub anomalies_frame_minute_max: u32,
    /// Most bytes of what matched that a signature event carries.
    pub payload_excerpt_bytes_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            stream: stream::Config::default(),
            file_scan_bytes_max: MIB,
            body_bytes_max: 256 * MIB,
            body_decoded_bytes_max: 1024 * MIB as u64,
            rule_body_bytes_max: 100 * 1024,
            rule_stream_bytes_max: MIB as u64,
            rule_overlap_bytes: 2560,
            rule_overlap_bytes_max: 256 * MIB,
            http_transactions_max: 64,
            dns_queries_max: 64,
            dns_timeout_us: 10_000_000,
            anomalies_flow_max: 8,
            anomalies_frame_minute_max: 60,
            payload_excerpt_bytes_max: limits::PAYLOAD_EXCERPT_BYTES_MAX,
        }
    }
}
