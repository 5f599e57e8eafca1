//! Options of IPv4 (RFC 791, 3.1) and TCP (RFC 9293, 3.1), both `kind | length | value` but for two of one byte.

use super::Diagnosis;

const END: u8 = 0;
const NOTHING: u8 = 1;

/// One option after the other; the last is `Err` when a length contradicts itself.
fn each(mut bytes: &[u8]) -> impl Iterator<Item = Result<(u8, &[u8]), ()>> {
    std::iter::from_fn(move || {
        while let [NOTHING, rest @ ..] = bytes {
            bytes = rest;
        }
        let (kind, rest) = bytes.split_first()?;
        if *kind == END {
            return None;
        }
        let value = rest.split_first().and_then(|(length, behind)| {
            let length = usize::from(*length).checked_sub(2)?;
            behind.split_at_checked(length)
        });
        match value {
            Some((value, behind)) => {
                bytes = behind;
                Some(Ok((*kind, value)))
            }
            None => {
                bytes = &[];
                Some(Err(()))
            }
        }
    })
}

/// What is wrong with the options of an IPv4 header.
pub(super) fn ipv4(options: &[u8], found: &mut Diagnosis) {
    if !options.len().is_multiple_of(8) {
        found.note("ipv4.opt_pad_required");
    }
    let mut seen = Vec::new();
    for option in each(options) {
        let Ok((kind, value)) = option else {
            return found.note("ipv4.opt_invalid_len");
        };
        if seen.contains(&kind) {
            found.note("ipv4.opt_duplicate");
        }
        seen.push(kind);
        if let Some(event) = ipv4_option(kind, value) {
            found.note(event);
        }
    }
}

fn ipv4_option(kind: u8, value: &[u8]) -> Option<&'static str> {
    const RECORD_ROUTE: u8 = 7;
    const QUICK_START: u8 = 25;
    const TIMESTAMP: u8 = 68;
    const SECURITY: u8 = 130;
    const LOOSE_ROUTE: u8 = 131;
    const EXTENDED_SECURITY: u8 = 133;
    const COMMERCIAL_SECURITY: u8 = 134;
    const STREAM_ID: u8 = 136;
    const STRICT_ROUTE: u8 = 137;
    const ROUTER_ALERT: u8 = 148;
    let is_long_enough = match kind {
        RECORD_ROUTE | LOOSE_ROUTE | STRICT_ROUTE => !value.is_empty(),
        TIMESTAMP => value.len() >= 3,
        SECURITY => value.len() == 9,
        EXTENDED_SECURITY => !value.is_empty(),
        COMMERCIAL_SECURITY => value.len() >= 6,
        QUICK_START => value.len() == 6,
        STREAM_ID | ROUTER_ALERT => value.len() == 2,
        _ => return Some("ipv4.opt_invalid"),
    };
    // A pointer counts from the option's first byte, to where the next address goes.
    let pointer = usize::from(value.first().copied().unwrap_or(0));
    let option_len = value.len() + 2;
    match kind {
        _ if !is_long_enough => Some("ipv4.opt_invalid_len"),
        RECORD_ROUTE | LOOSE_ROUTE | STRICT_ROUTE
            if pointer < 4 || !pointer.is_multiple_of(4) || pointer > option_len + 1 =>
        {
            Some("ipv4.opt_malformed")
        }
        TIMESTAMP if pointer < 5 => Some("ipv4.opt_malformed"),
        _ => None,
    }
}

/// What is wrong with the options of a TCP header.
pub(super) fn tcp(options: &[u8], found: &mut Diagnosis) {
    const SEGMENT_SIZE: u8 = 2;
    const WINDOW_SCALE: u8 = 3;
    const SACK_PERMITTED: u8 = 4;
    const SACK: u8 = 5;
    const TIMESTAMP: u8 = 8;
    let mut seen = Vec::new();
    for option in each(options) {
        let Ok((kind, value)) = option else {
            return found.note("tcp.opt_invalid_len");
        };
        let is_right = match kind {
            SEGMENT_SIZE => value.len() == 2,
            WINDOW_SCALE => value.len() == 1,
            SACK_PERMITTED => value.is_empty(),
            SACK => !value.is_empty() && value.len().is_multiple_of(8) && value.len() <= 32,
            TIMESTAMP => value.len() == 8,
            _ => continue,
        };
        if !is_right {
            found.note("tcp.opt_invalid_len");
        } else if seen.contains(&kind) {
            found.note("tcp.opt_duplicate");
        }
        seen.push(kind);
    }
}
