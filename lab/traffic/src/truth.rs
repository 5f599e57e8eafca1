//! The truth file: what the capture holds, flow by flow, and which of it is the intrusion.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Version of the truth file's layout.
pub const TRUTH_FORMAT_VERSION: u32 = 1;

/// Protocol over IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// ICMP for IPv4.
    Icmp,
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP for IPv6.
    Icmp6,
}

impl Protocol {
    /// IANA protocol number.
    pub fn number(self) -> u8 {
        match self {
            Self::Icmp => 1,
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Icmp6 => 58,
        }
    }
}

/// One step of the intrusion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Short id, referred to by flows.
    pub id: String,
    /// A line for people.
    pub name: String,
    /// ATT&CK technique, such as `T1110.001`.
    pub technique: String,
    /// ATT&CK tactic, by its short name, such as `credential-access`.
    pub tactic: String,
    /// First packet, microseconds since 1970, UTC.
    pub first_us: i64,
    /// Last packet, microseconds since 1970, UTC.
    pub last_us: i64,
}

/// One flow, seen from the side that began it. ICMP has types in place of ports, as Community ID has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    /// Community ID version 1, seed 0.
    pub community_id: String,
    /// Address of the side that began.
    pub src: IpAddr,
    /// Its port.
    pub sport: u16,
    /// Address of the other side.
    pub dst: IpAddr,
    /// Its port.
    pub dport: u16,
    /// Protocol over IP.
    pub proto: Protocol,
    /// First packet, microseconds since 1970, UTC.
    pub first_us: i64,
    /// Last packet, microseconds since 1970, UTC.
    pub last_us: i64,
    /// Packets of both directions.
    pub packets: u64,
    /// Bytes of both directions' frames, from the Ethernet header on, without FCS.
    pub bytes: u64,
    /// Id of the step it belongs to; `None` for benign traffic.
    pub step: Option<String>,
}

/// The whole truth about a capture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truth {
    /// [`TRUTH_FORMAT_VERSION`].
    pub format_version: u32,
    /// Seed the capture was made from.
    pub seed: u64,
    /// Start of the capture, microseconds since 1970, UTC.
    pub start_us: i64,
    /// Packets in the capture; every one belongs to exactly one flow.
    pub packets: u64,
    /// Packets that the generator's own bounds kept out of the capture; 0 unless a very large one was asked for.
    pub packets_cut: u64,
    /// Steps of the intrusion, in order of their start.
    pub steps: Vec<Step>,
    /// Flows, in order of their first packet.
    pub flows: Vec<Flow>,
}
