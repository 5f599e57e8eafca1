//! IPv6's extension headers (RFC 8200, 4).

use super::{Diagnosis, transport};
use crate::EXTENSION_HEADERS_MAX;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const NONE: u8 = 59;
const DESTINATION_OPTIONS: u8 = 60;

/// Walks up to the transport, which is looked at unless it is in fragments.
pub(super) fn walk(mut payload: &[u8], found: &mut Diagnosis) {
    let mut seen = Vec::new();
    for _ in 0..EXTENSION_HEADERS_MAX {
        let kind = found.protocol;
        let units = payload.get(1).map_or(0, |units| usize::from(*units));
        let length = match kind {
            HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS => (units + 1) * 8,
            FRAGMENT => 8,
            AUTHENTICATION => (units + 2) * 4,
            NONE if payload.is_empty() => return,
            NONE => return found.note("ipv6.data_after_none_header"),
            _ => return transport::above_ipv6(payload, found),
        };
        let Some((header, behind)) = payload.split_at_checked(length) else {
            return found.note("ipv6.trunc_exthdr");
        };
        if let Some(event) = repeated(kind, &seen).or_else(|| odd(kind, header)) {
            found.note(event);
        }
        seen.push(kind);
        found.protocol = header.first().copied().unwrap_or(NONE);
        payload = behind;
        if kind == FRAGMENT && is_fragment(header) {
            return;
        }
    }
}

fn repeated(kind: u8, seen: &[u8]) -> Option<&'static str> {
    let times = seen.iter().filter(|other| **other == kind).count();
    match (kind, times) {
        (HOP_BY_HOP, 1..) => Some("ipv6.exthdr_dupl_hh"),
        (ROUTING, 1..) => Some("ipv6.exthdr_dupl_rh"),
        (FRAGMENT, 1..) => Some("ipv6.exthdr_dupl_fh"),
        (AUTHENTICATION, 1..) => Some("ipv6.exthdr_dupl_ah"),
        // One for the hosts on the way, one for the last.
        (DESTINATION_OPTIONS, 2..) => Some("ipv6.exthdr_dupl_dh"),
        _ => None,
    }
}

fn odd(kind: u8, header: &[u8]) -> Option<&'static str> {
    let byte = |offset: usize| header.get(offset).copied().unwrap_or(0);
    match kind {
        ROUTING if byte(2) == 0 => Some("ipv6.rh_type_0"),
        FRAGMENT if byte(1) != 0 => Some("ipv6.fh_non_zero_reserved_field"),
        FRAGMENT if !is_fragment(header) => Some("ipv6.exthdr_useless_fh"),
        AUTHENTICATION if byte(2) != 0 || byte(3) != 0 => Some("ipv6.exthdr_ah_res_not_null"),
        _ => None,
    }
}

fn is_fragment(header: &[u8]) -> bool {
    const OFFSET_AND_MORE: u8 = 0xf9;
    match header {
        [_, _, high, low, ..] => *high != 0 || low & OFFSET_AND_MORE != 0,
        _ => false,
    }
}
