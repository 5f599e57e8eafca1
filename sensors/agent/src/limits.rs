//! How much memory and time flows, streams, bodies and rules may take.

use clap::builder::TypedValueParser as _;
use vonggac_inspect::Config;

/// Most seconds of a time-out: a year.
const SECONDS_MAX: i64 = 366 * 86_400;

/// How much memory and time flows, streams, bodies and rules may take. Bytes are written as in `4096`, `512KiB`, `64MiB` or `1GiB`; workers share
/// those that hold for everything together.
#[derive(Debug, Clone, clap::Args)]
pub struct LimitSettings {
    /// Most flows at once; beyond, those least worth keeping end early.
    #[arg(long, value_name = "N", default_value_t = 262_144, value_parser = count())]
    pub flows_max: u64,
    /// Most bytes of all flows that wait for a segment that is missing; beyond, the flow that waits longest gives its hole up.
    #[arg(long, value_name = "BYTES", default_value = "64MiB", value_parser = bytes)]
    pub reassembly_bytes_max: u64,
    /// The same of one flow.
    #[arg(long, value_name = "BYTES", default_value = "256KiB", value_parser = bytes)]
    pub reassembly_flow_bytes_max: u64,
    /// Most bytes of all flows kept until they are acknowledged, to be compared with what comes in their place.
    #[arg(long, value_name = "BYTES", default_value = "64MiB", value_parser = bytes)]
    pub unacked_bytes_max: u64,
    /// Bytes of each direction of a TCP connection that are followed; 0 for all.
    #[arg(long, value_name = "BYTES", default_value = "0", value_parser = bytes)]
    pub reassembly_depth: u64,
    /// Most bytes of all bodies and files under way.
    #[arg(long, value_name = "BYTES", default_value = "256MiB", value_parser = bytes)]
    pub bodies_bytes_max: u64,
    /// Most bytes of all streams kept for rules that look at them again with what comes next.
    #[arg(long, value_name = "BYTES", default_value = "256MiB", value_parser = bytes)]
    pub windows_bytes_max: u64,
    /// Bytes of each direction of a TCP connection that rules on streams see.
    #[arg(long, value_name = "BYTES", default_value = "1MiB", value_parser = bytes)]
    pub rule_stream_bytes_max: u64,
    /// Most bytes of a file that YARA sees.
    #[arg(long, value_name = "BYTES", default_value = "1MiB", value_parser = bytes)]
    pub file_scan_bytes_max: u64,
    /// Most bytes of a body that rules see.
    #[arg(long, value_name = "BYTES", default_value = "100KiB", value_parser = bytes)]
    pub rule_body_bytes_max: u64,
    /// Most bytes that one body may decompress to.
    #[arg(long, value_name = "BYTES", default_value = "1GiB", value_parser = bytes)]
    pub body_decoded_bytes_max: u64,
    /// Most transactions under way in one flow.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = count())]
    pub transactions_max: u64,
    /// Most alerts of one packet, chunk of a stream or stage of a transaction.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = count())]
    pub alerts_per_packet: u64,
    /// Flows a minute that nobody answers, from one network (/24, /48) to one port of one host, that are told one by one; further ones are told in sums.
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = count())]
    pub unanswered_alike_max: u64,
    /// The same of all flows that nobody answers.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = count())]
    pub unanswered_told_max: u64,
    /// Seconds that an answer is waited for.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = seconds())]
    pub timeout_answer: i64,
    /// Seconds without a packet after which a TCP flow ends whose handshake is not complete.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = seconds())]
    pub timeout_tcp_new: i64,
    /// The same of a TCP flow under way.
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = seconds())]
    pub timeout_tcp_established: i64,
    /// The same of a TCP flow that one side has finished.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = seconds())]
    pub timeout_tcp_closing: i64,
    /// The same of a TCP flow that both sides have finished, or one has reset.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = seconds())]
    pub timeout_tcp_closed: i64,
    /// The same of a UDP flow of which one side has spoken.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = seconds())]
    pub timeout_udp_new: i64,
    /// The same of a UDP flow of which both sides have spoken.
    #[arg(long, value_name = "SECONDS", default_value_t = 180, value_parser = seconds())]
    pub timeout_udp_established: i64,
    /// The same of an ICMP flow.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = seconds())]
    pub timeout_icmp: i64,
    /// The same of a flow of any other protocol.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = seconds())]
    pub timeout_other: i64,
}

impl LimitSettings {
    /// Sets them, for all workers together.
    pub(crate) fn apply(&self, config: &mut Config) {
        let stream = &mut config.stream;
        stream.flows_max = size(self.flows_max);
        stream.waiting_bytes_max = size(self.reassembly_bytes_max);
        stream.waiting_bytes_flow_max = size(self.reassembly_flow_bytes_max);
        stream.unacked_bytes_max = size(self.unacked_bytes_max);
        stream.depth_bytes = self.reassembly_depth;
        let timeouts = &mut stream.timeouts;
        for (timeout_us, seconds) in [
            (&mut timeouts.tcp_new_us, self.timeout_tcp_new),
            (&mut timeouts.tcp_established_us, self.timeout_tcp_established),
            (&mut timeouts.tcp_closing_us, self.timeout_tcp_closing),
            (&mut timeouts.tcp_closed_us, self.timeout_tcp_closed),
            (&mut timeouts.udp_new_us, self.timeout_udp_new),
            (&mut timeouts.udp_established_us, self.timeout_udp_established),
            (&mut timeouts.icmp_us, self.timeout_icmp),
            (&mut timeouts.other_us, self.timeout_other),
            (&mut config.protocol.answer_timeout_us, self.timeout_answer),
        ] {
            *timeout_us = seconds * 1_000_000;
        }
        config.protocol.file_scan_bytes_max = size(self.file_scan_bytes_max);
        config.protocol.rule_body_bytes_max = size(self.rule_body_bytes_max);
        config.protocol.body_decoded_bytes_max = self.body_decoded_bytes_max;
        config.protocol.transactions_max = size(self.transactions_max);
        config.body_bytes_max = size(self.bodies_bytes_max);
        config.rule_overlap_bytes_max = size(self.windows_bytes_max);
        config.rule_stream_bytes_max = self.rule_stream_bytes_max;
        config.hits_per_call_max = size(self.alerts_per_packet);
        config.unanswered.alike_max = u32::try_from(self.unanswered_alike_max).unwrap_or(u32::MAX);
        config.unanswered.told_max = u32::try_from(self.unanswered_told_max).unwrap_or(u32::MAX);
    }
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn count() -> impl clap::builder::TypedValueParser<Value = u64> {
    clap::value_parser!(u64)
        .range(1..=u64::from(u32::MAX))
        .map(|count| count)
}

fn seconds() -> impl clap::builder::TypedValueParser<Value = i64> {
    clap::value_parser!(i64)
        .range(1..=SECONDS_MAX)
        .map(|seconds| seconds)
}

/// Reads a number of bytes.
fn bytes(text: &str) -> Result<u64, String> {
    let digits = text
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim_start() {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        other => return Err(format!("{other:?} is none of B, KiB, MiB, GiB, TiB")),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "does not begin with a number of bytes".to_owned())?;
    number
        .checked_mul(1 << shift)
        .filter(|bytes| *bytes <= i64::MAX as u64)
        .ok_or_else(|| "is more than there are".to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        limits: LimitSettings,
    }

    #[test]
    fn the_defaults_are_those_of_the_inspector() {
        let mut config = Config::default();
        Line::parse_from(["sensor"]).limits.apply(&mut config);
        assert_eq!(config, Config::default());
    }

    #[test]
    fn bytes_have_units() {
        for (text, expected) in [
            ("0", Ok(0)),
            ("4096", Ok(4096)),
            ("512KiB", Ok(512 << 10)),
            ("64 MiB", Ok(64 << 20)),
            ("1GiB", Ok(1 << 30)),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
        for text in [
            "",
            "MiB",
            "-1",
            "1.5GiB",
            "64mb",
            "99999999999999999999",
            "9999999TiB",
        ] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_no_sensor_can_live_with_is_refused() {
        for flag in [
            "--flows-max=0",
            "--timeout-udp-new=0",
            "--timeout-icmp=99999999999",
            "--alerts-per-packet=0",
        ] {
            let error = Line::try_parse_from(["sensor", flag]).unwrap_err().to_string();
            let name = flag.split('=').next().unwrap();
            assert!(error.contains(name), "{error}");
        }
    }
}
