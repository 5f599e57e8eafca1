//! Values as people write them: numbers, yes and no, addresses and networks, times.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address range, IPv4 mapped; both ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Network {
    pub(super) first: Ipv6Addr,
    pub(super) last: Ipv6Addr,
}

/// An address, or a network as `10.0.0.0/8`, `10.*` or `10.1.*`.
pub(super) fn network(text: &str) -> Option<Network> {
    if let Some((address, length)) = text.split_once('/') {
        let length: u32 = length.parse().ok()?;
        let (mapped, length) = match address.parse().ok()? {
            IpAddr::V4(v4) if length <= 32 => (v4.to_ipv6_mapped(), length + 96),
            IpAddr::V6(v6) if length <= 128 => (v6, length),
            _ => return None,
        };
        let host = u128::MAX.checked_shr(length).unwrap_or(0);
        let bits = u128::from(mapped);
        return Some(Network {
            first: Ipv6Addr::from(bits & !host),
            last: Ipv6Addr::from(bits | host),
        });
    }
    let address = match text.parse().ok()? {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    };
    Some(Network {
        first: address,
        last: address,
    })
}

/// The network of `10.1.*`: leading octets, then one star.
pub(super) fn network_of_prefix(text: &str) -> Option<Network> {
    let octets: Vec<u8> = text
        .strip_suffix('.')?
        .split('.')
        .map(|octet| octet.parse().ok())
        .collect::<Option<_>>()?;
    if octets.is_empty() || octets.len() > 3 {
        return None;
    }
    let end = |fill: u8| {
        let mut all = [fill; 4];
        all.iter_mut()
            .zip(&octets)
            .for_each(|(slot, octet)| *slot = *octet);
        Ipv4Addr::from(all).to_ipv6_mapped()
    };
    Some(Network {
        first: end(0),
        last: end(255),
    })
}

/// `true`, `false`, `yes`, `no`, `1`, `0`.
pub(super) fn yes_or_no(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Some(true),
        "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// Microseconds of `2026-01-02`, `2026-01-02T03:04`, `2026-01-02T03:04:05.678`, each with `Z` or an offset `+07:00` at the end or
/// without one for UTC.
pub(super) fn time_us(text: &str) -> Option<i64> {
    let (date, clock) = match text.split_once(['T', 't']) {
        Some((date, clock)) => (date, Some(clock)),
        None => (text, None),
    };
    let mut parts = date.splitn(3, '-');
    let year: i64 = digits(parts.next()?, 4)?;
    let month = digits(parts.next()?, 2)?;
    let day = digits(parts.next()?, 2)?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !(1900..=2299).contains(&year) {
        return None;
    }
    let seconds = days_since_1970(year, month, day) * 86_400;
    let clock_us = match clock {
        None => 0,
        Some(clock) => clock_us(clock)?,
    };
    seconds.checked_mul(1_000_000)?.checked_add(clock_us)
}

fn clock_us(text: &str) -> Option<i64> {
    let (clock, offset_s) = if let Some(clock) = text.strip_suffix(['Z', 'z']) {
        (clock, 0)
    } else if let Some(at) = text.rfind(['+', '-']) {
        let (clock, offset) = text.split_at_checked(at)?;
        let (hours, minutes) = offset.get(1..)?.split_once(':')?;
        let size = digits(hours, 2)? * 3600 + digits(minutes, 2)? * 60;
        (clock, if offset.starts_with('-') { -size } else { size })
    } else {
        (text, 0)
    };
    let mut parts = clock.splitn(3, ':');
    let hours = digits(parts.next()?, 2)?;
    let minutes = digits(parts.next()?, 2)?;
    let (seconds, fraction) = match parts.next() {
        None => ("00", ""),
        Some(text) => text.split_once('.').unwrap_or((text, "")),
    };
    let seconds = digits(seconds, 2)?;
    if hours > 23 || minutes > 59 || seconds > 60 || fraction.len() > 6 {
        return None;
    }
    let micros = if fraction.is_empty() {
        0
    } else {
        digits(&format!("{fraction:0<6}"), 6)?
    };
    Some((hours * 3600 + minutes * 60 + seconds - offset_s) * 1_000_000 + micros)
}

fn digits(text: &str, count: usize) -> Option<i64> {
    let plain = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// Days of a Gregorian date from 1970-01-01: years begin in March, so that the leap day is the last of one.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_their_forms() {
        let check = |text: &str, expect: Option<i64>| assert_eq!(time_us(text), expect, "{text}");
        check("1970-01-01", Some(0));
        check("2026-11-21T23:03:28Z", Some(1_795_302_208_000_000));
        check("2024-02-29T12:00", Some(1_709_208_000_000_000));
        check("1970-01-01T07:00:00.5+07:00", Some(500_000));
        check("1969-12-31T23:59:59.999999Z", Some(-1));
        for text in [
            "",
            "2026",
            "2026-13-01",
            "2026-1-1",
            "2026-01-01T",
            "2026-01-01T24:00",
            "+026-01-01",
            "2026-01-01T00:00é",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn networks_in_their_forms() {
        let check = |text: &str, expect: Option<(&str, &str)>| {
            let found = network(text).map(|net| {
                (
                    net.first.to_canonical().to_string(),
                    net.last.to_canonical().to_string(),
                )
            });
            assert_eq!(
                found.as_ref().map(|(a, b)| (a.as_str(), b.as_str())),
                expect,
                "{text}"
            );
        };
        check("10.1.2.3", Some(("10.1.2.3", "10.1.2.3")));
        check("10.1.2.3/8", Some(("10.0.0.0", "10.255.255.255")));
        check("0.0.0.0/0", Some(("0.0.0.0", "255.255.255.255")));
        check(
            "2001:db8::/32",
            Some(("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff")),
        );
        check("::1/128", Some(("::1", "::1")));
        for text in ["", "10.1.2", "10.0.0.0/33", "::/129", "10.0.0.0/", "x/8"] {
            check(text, None);
        }
        assert_eq!(network_of_prefix("10.1."), network("10.1.0.0/16"));
        assert_eq!(network_of_prefix("10.1"), None);
        assert_eq!(network_of_prefix("10.1.2.3."), None);
    }
}
