//! Checksums of IP and its transports (RFC 1071), summed up only when somebody asks.

use std::net::IpAddr;

/// Where a packet's checksums lie. Empty where they cannot be told from what was captured.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Summed<'a> {
    /// Header of an IPv4 packet.
    pub(crate) ip_header: &'a [u8],
    /// The whole of the transport's segment, header and data.
    pub(crate) segment: &'a [u8],
}

/// Which checksums are wrong. A host drops a packet with one that is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChecksumFaults {
    /// That of the IPv4 header.
    pub ip: bool,
    /// That of TCP, UDP or ICMP. One that covers the pseudo-header alone is not wrong: so the kernel leaves it for the network card to
    /// finish, and so it stands in captures made on the host that sends, or behind receive offload. Of a segment that the card is to cut
    /// up, longer than goes over a wire, the length is not yet in the sum.
    pub transport: bool,
    /// It is longer than goes over a wire: cards are to cut it up, or have put it together, and its sums say nothing about the sender's others.
    pub unfinished: bool,
}

impl ChecksumFaults {
    /// Whether any is wrong.
    pub fn any(self) -> bool {
        self.ip || self.transport
    }

    /// Whether nothing is wrong here that is right in `other`.
    pub fn within(self, other: Self) -> bool {
        (other.ip || !self.ip) && (other.transport || !self.transport)
    }
}

/// Longest segment, in bytes, that goes over a wire as it is: what IP leaves of an Ethernet frame.
const SEGMENT_BYTES_MAX: usize = 1480;

impl Summed<'_> {
    /// Which sums are wrong of a packet between these hosts.
    pub(crate) fn faults(&self, protocol: u8, src: IpAddr, dst: IpAddr) -> ChecksumFaults {
        let unfinished = self.segment.len() > SEGMENT_BYTES_MAX;
        let is_left_out = unfinished && self.ip_header.get(10..12) == Some(&[0, 0]);
        ChecksumFaults {
            ip: !is_left_out && is_header_wrong(self.ip_header),
            transport: is_segment_wrong(protocol, src, dst, self.segment),
            unfinished,
        }
    }
}

/// Whether the sum of an IPv4 header is wrong.
pub(crate) fn is_header_wrong(header: &[u8]) -> bool {
    !header.is_empty() && fold(sum(header)) != 0xffff
}

/// Whether the sum of a segment of `protocol` is wrong; `false` for protocols without one.
pub(crate) fn is_segment_wrong(protocol: u8, src: IpAddr, dst: IpAddr, segment: &[u8]) -> bool {
    const ICMP: u8 = 1;
    const TCP: u8 = 6;
    const UDP: u8 = 17;
    const ICMP_V6: u8 = 58;
    if segment.is_empty() {
        return false;
    }
    let (place, pseudo) = match protocol {
        ICMP => return fold(sum(segment)) != 0xffff,
        TCP => (16, pseudo_header(protocol, src, dst, segment.len())),
        UDP => (6, pseudo_header(protocol, src, dst, segment.len())),
        ICMP_V6 => (2, pseudo_header(protocol, src, dst, segment.len())),
        _ => return false,
    };
    let stored = segment.get(place..).and_then(|tail| tail.first_chunk::<2>());
    let stored = stored.map_or(0, |octets| u16::from_ne_bytes(*octets));
    // Zero in UDP says that the sender did not sum it up (RFC 768; RFC 6935 for IPv6).
    let is_left_out = protocol == UDP && stored == 0;
    let is_to_be_cut = protocol == TCP && segment.len() > SEGMENT_BYTES_MAX;
    let is_left_to_the_card =
        stored == fold(pseudo) || (is_to_be_cut && stored == fold(pseudo_header(protocol, src, dst, 0)));
    !is_left_out && fold(pseudo + sum(segment)) != 0xffff && !is_left_to_the_card
}

fn pseudo_header(protocol: u8, src: IpAddr, dst: IpAddr, len: usize) -> u64 {
    let addresses = match (src, dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => sum(&src.octets()) + sum(&dst.octets()),
        (IpAddr::V6(src), IpAddr::V6(dst)) => sum(&src.octets()) + sum(&dst.octets()),
        _ => 0,
    };
    addresses + sum(&(len as u32).to_be_bytes()) + sum(&[0, protocol])
}

/// Sum of 16-bit words in this machine's byte order, with carries above them; a last odd byte counts as if zero followed.
fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut sum = 0;
    for word in words {
        let word = u64::from_ne_bytes(*word);
        sum += (word >> 32) + (word & 0xffff_ffff);
    }
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    let last = u64::from_ne_bytes(last);
    sum + (last >> 32) + (last & 0xffff_ffff)
}

/// Carries added in until 16 bits are left. A sum that is right comes to `0xffff` in either byte order.
fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    sum as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of RFC 1071, word by word.
    fn slow(bytes: &[u8]) -> u16 {
        let mut sum = 0u32;
        for pair in bytes.chunks(2) {
            let low = pair.get(1).copied().unwrap_or(0);
            sum += u32::from(u16::from_be_bytes([pair[0], low]));
            sum = (sum >> 16) + (sum & 0xffff);
        }
        sum as u16
    }

    #[test]
    fn sums_agree_with_the_definition_at_every_length() {
        let bytes: Vec<u8> = (0..200u32).map(|at| (at * 151 + at / 7) as u8).collect();
        for len in 0..bytes.len() {
            let ours = u16::from_be(fold(sum(&bytes[..len])));
            assert_eq!(ours % 0xffff, slow(&bytes[..len]) % 0xffff, "{len} bytes");
        }
    }

    #[test]
    fn what_the_card_is_to_sum_up_is_not_wrong() {
        let (src, dst) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let check = |summed_len: usize, len: usize, expect: bool| {
            let mut segment = vec![7; len];
            let partial = fold(pseudo_header(6, src, dst, summed_len));
            segment[16..18].copy_from_slice(&partial.to_ne_bytes());
            assert_eq!(
                is_segment_wrong(6, src, dst, &segment),
                expect,
                "{len} bytes, {summed_len} in the sum"
            );
        };
        check(500, 500, false);
        check(0, 500, true);
        check(3000, 3000, false);
        check(0, 3000, false);
        check(1, 3000, true);
    }

    #[test]
    fn of_packets_longer_than_the_wire_takes_the_header_may_have_no_sum() {
        let (src, dst) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let check = |header_sum: u8, len: usize, ip: bool| {
            let header = [
                0x45, 0, 12, 0, 0, 1, 0, 0, 64, 6, header_sum, 0, 192, 0, 2, 1, 192, 0, 2, 2,
            ];
            let segment = vec![7; len];
            let summed = Summed {
                ip_header: &header,
                segment: &segment,
            };
            let faults = summed.faults(6, src, dst);
            assert_eq!((faults.ip, faults.unfinished), (ip, len > 1480), "{len} bytes");
        };
        check(0, 3000, false);
        check(1, 3000, true);
        check(0, 1480, true);
    }

    #[test]
    fn the_example_of_the_rfc_is_summed_up_as_there() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(u16::from_be(fold(sum(&bytes))), 0xddf2);
    }
}
