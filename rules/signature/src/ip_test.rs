//! `ip_proto` and `ipopts`: protocols over IP and options of IPv4 by name.

use crate::error::{Complaint, unsupported};
use crate::number::{Dash, NumberTest, number_test};

pub(crate) fn parse_ip_protocol(text: &str) -> Result<NumberTest, Complaint> {
    let text = text.trim();
    let (sign, name) = match text.strip_prefix('!') {
        Some(rest) => ("!", rest.trim()),
        None => ("", text),
    };
    let number = match name.to_ascii_lowercase().as_str() {
        "icmp" => 1,
        "igmp" => 2,
        "ipip" => 4,
        "tcp" => 6,
        "udp" => 17,
        "ipv6" => 41,
        "gre" => 47,
        "esp" => 50,
        "ah" => 51,
        "ipv6-icmp" | "icmpv6" => 58,
        "ospf" => 89,
        "pim" => 103,
        "sctp" => 132,
        _ => return number_test(text, Dash::Included),
    };
    Ok(if sign.is_empty() {
        NumberTest::Equal(number)
    } else {
        NumberTest::NotEqual(number)
    })
}

pub(crate) fn parse_ip_option(text: &str) -> Result<Option<u8>, Complaint> {
    Ok(Some(match text.trim() {
        "any" => return Ok(None),
        "rr" => 7,
        "lsrr" => 131,
        "ssrr" => 137,
        "satid" => 136,
        "ts" => 68,
        "sec" => 130,
        "esec" => 133,
        "cipso" => 134,
        "rtralt" => 148,
        "qs" => 25,
        "nop" => 1,
        "eol" => 0,
        other => return Err(unsupported(format!("ipopts {other:?} is not supported"))),
    }))
}

pub(crate) fn has_ip_option(options: &[u8], wanted: Option<u8>) -> bool {
    let mut rest = options;
    while let [kind, tail @ ..] = rest {
        if wanted.is_none_or(|wanted| wanted == *kind) {
            return true;
        }
        rest = match kind {
            0 => return false,
            1 => tail,
            _ => match tail.first() {
                Some(length @ 2..) => rest.get(usize::from(*length)..).unwrap_or_default(),
                _ => return false,
            },
        };
    }
    false
}
