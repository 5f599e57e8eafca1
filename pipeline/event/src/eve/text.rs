//! Values in the form in which Suricata writes them: times, addresses, protocols, payloads.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::tz::Offset;

use super::json::{self, Object};

/// `2026-11-25T08:00:00.123456+0000`; microseconds as a number when they are out of the calendar's range.
pub(super) fn timestamp(object: &mut Object<'_>, name: &str, us: i64) {
    object.plain(name, |out| {
        if date(us, out) {
            out.push(b'.');
            digits(us.rem_euclid(1_000_000) as u32, 6, out);
            out.extend_from_slice(b"+0000");
        }
    });
}

/// `2026-11-25T08:00:00`.
pub(super) fn second(object: &mut Object<'_>, name: &str, us: i64) {
    object.plain(name, |out| {
        date(us, out);
    });
}

/// Date and time to the second, or else the number; says which.
fn date(us: i64, out: &mut Vec<u8>) -> bool {
    let Ok(time) = Timestamp::from_microsecond(us) else {
        out.extend_from_slice(us.to_string().as_bytes());
        return false;
    };
    let time = Offset::UTC.to_datetime(time);
    if time.year() < 0 {
        out.push(b'-');
    }
    digits(u32::from(time.year().unsigned_abs()), 4, out);
    for (separator, part) in [
        (b'-', time.month()),
        (b'-', time.day()),
        (b'T', time.hour()),
        (b':', time.minute()),
        (b':', time.second()),
    ] {
        out.push(separator);
        digits(u32::from(part.unsigned_abs()), 2, out);
    }
    true
}

/// A number with leading zeros; `width` is at most 9.
fn digits(value: u32, width: usize, out: &mut Vec<u8>) {
    let mut digits = [b'0'; 9];
    let mut rest = value;
    for digit in digits.iter_mut().take(width).rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(digits.get(..width).unwrap_or(&digits));
}

/// An address: IPv4 with dots, IPv6 with all its digits and no `::`.
pub(super) fn address(object: &mut Object<'_>, name: &str, address: IpAddr) {
    object.plain(name, |out| push_address(address, out));
}

pub(super) fn push_address(address: IpAddr, out: &mut Vec<u8>) {
    match address {
        IpAddr::V4(v4) => {
            for (place, octet) in v4.octets().into_iter().enumerate() {
                if place > 0 {
                    out.push(b'.');
                }
                out.extend_from_slice(itoa::Buffer::new().format(octet).as_bytes());
            }
        }
        IpAddr::V6(v6) => {
            for (place, octet) in v6.octets().into_iter().enumerate() {
                if place > 0 && place % 2 == 0 {
                    out.push(b':');
                }
                json::hex(octet, out);
            }
        }
    }
}

/// The name of an IANA protocol number; three digits for one that has none here.
pub(super) fn protocol(object: &mut Object<'_>, name: &str, number: u32) {
    let known = match number {
        58 => "IPv6-ICMP",
        number => crate::protocol_name(number),
    };
    object.plain(name, |out| match known {
        "" => digits(number, 3, out),
        "IPv6-ICMP" => out.extend_from_slice(known.as_bytes()),
        known => out.extend(known.bytes().map(|byte| byte.to_ascii_uppercase())),
    });
}

/// Bytes in base 64 (RFC 4648 section 4).
pub(super) fn base64(object: &mut Object<'_>, name: &str, bytes: &[u8]) {
    object.plain(name, |out| out.extend(STANDARD.encode(bytes).into_bytes()));
}

/// Bytes as text: what is neither printable ASCII nor a line end is a dot.
pub(super) fn printable(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|&byte| match byte {
            b' '..=b'~' | b'\n' | b'\r' => char::from(byte),
            _ => '.',
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn written(fill: impl FnOnce(&mut Object<'_>)) -> String {
        let mut out = Vec::new();
        Object::write(&mut out, fill);
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        value.get("x").and_then(|text| text.as_str()).unwrap().to_owned()
    }

    #[test]
    fn times_are_written_to_the_microsecond() {
        let check = |us, expect: &str| assert_eq!(written(|o| timestamp(o, "x", us)), expect);
        check(1_700_000_000_123_456, "2023-11-14T22:13:20.123456+0000");
        check(-1, "1969-12-31T23:59:59.999999+0000");
        check(i64::MAX, "9223372036854775807");
        assert_eq!(written(|o| second(o, "x", 0)), "1970-01-01T00:00:00");
    }

    #[test]
    fn addresses_are_written_out() {
        let check = |text: &str, expect: &str| {
            assert_eq!(written(|o| address(o, "x", text.parse().unwrap())), expect)
        };
        check("10.0.200.1", "10.0.200.1");
        check("2001:db8::1", "2001:0db8:0000:0000:0000:0000:0000:0001");
    }

    #[test]
    fn protocols_have_their_names() {
        let check = |number, expect: &str| assert_eq!(written(|o| protocol(o, "x", number)), expect);
        check(6, "TCP");
        check(58, "IPv6-ICMP");
        check(4, "004");
    }

    #[test]
    fn bytes_are_written_in_base_64() {
        // RFC 4648 section 10.
        let check = |bytes: &[u8], expect: &str| assert_eq!(written(|o| base64(o, "x", bytes)), expect);
        check(b"", "");
        check(b"f", "Zg==");
        check(b"fo", "Zm8=");
        check(b"foo", "Zm9v");
        check(b"foob", "Zm9vYg==");
        check(&[0xff, 0xef, 0xbe], "/+++");
    }

    #[test]
    fn payloads_are_readable() {
        assert_eq!(printable(b"GET /\r\n\0\xff~"), "GET /\r\n..~");
    }
}
