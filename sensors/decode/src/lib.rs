//! Link to transport: one captured frame becomes typed headers and a payload.
//!
//! ```text
//! frame ─▶ link (Ethernet, SLL, raw …) ─▶ tags (VLAN ×3, MPLS, PPPoE) ─▶ IP ─▶ [defragment] ─▶ TCP, UDP, ICMP, other
//!                                                  ▲                              │
//!                                                  └── tunnels (≤ 4 deep) ◀───────┘
//! ```
//!
//! Payloads are cut by the IP length, so Ethernet padding never reaches a parser, and frames that a snap length cut short
//! give what is there and say how much is missing. Nothing is copied except reassembled datagrams. Checksums are summed up when
//! somebody asks ([`Packet::checksum_faults`]), since whether a wrong one was dropped depends on where the tap is.
//!
//! Invariant: each frame ends as exactly one [`Decoded`]; only [`Decoded::Dropped`] is a loss, and it names its reason.

mod checksum;
mod defragment;
mod diagnosis;
mod fragment_policy;
mod hosts;
mod link;
mod network;
mod packet;
mod spread;
mod transport;
mod tunnel;
mod vlans;

use tunnel::Tunnels;

pub use checksum::ChecksumFaults;
pub use defragment::{
    DATAGRAM_RANGES_MAX, DATAGRAMS_MAX, DefragmentCounters, Defragmenter, FRAGMENT_BYTES_MAX,
    FRAGMENT_OVERHEAD_BYTES, FRAGMENT_TIMEOUT_US, FragmentPolicies,
};
pub use diagnosis::{Diagnosis, diagnose};
pub use fragment_policy::FragmentPolicy;
pub use hosts::ByHost;
pub use link::{LinkType, TAGS_MAX};
pub use network::{EXTENSION_HEADERS_MAX, TUNNEL_DEPTH_MAX};
pub use packet::{Assembly, Decoded, DropReason, Icmp, Packet, Tcp, TcpOptions, Transport, Udp, flag};
pub use spread::hosts;
pub use vlans::Vlans;

/// Takes one frame apart; a datagram that its last fragment completed lives in `defragmenter` until the next call.
pub fn decode<'a>(
    link: LinkType,
    frame: &'a [u8],
    defragmenter: &'a mut Defragmenter,
    ts_us: i64,
) -> Decoded<'a> {
    let mut decoded = match link::strip(link, frame) {
        Ok(layer) => network::decode(layer, ts_us, Tunnels::default(), Some(defragmenter)),
        Err(reason) => return Decoded::Dropped(reason),
    };
    if let Decoded::Packet(packet) = &mut decoded {
        packet.frame_bytes = match packet.tunnel_depth {
            0 => u32::try_from(frame.len()).unwrap_or(u32::MAX),
            _ => packet.ip_len,
        };
    }
    decoded
}

#[cfg(test)]
mod tests;
