//! The buffers of HTTP that rules look into, normalised as Suricata does.

use super::{Header, RequestHead, values};
use std::borrow::Cow;
use std::collections::HashMap;

/// The hosts as sent: the authority of an absolute target, and each `Host` header that says another, for servers differ in which they take.
pub(super) fn raw_hosts(head: &RequestHead) -> impl Iterator<Item = &[u8]> {
    let authority = authority(&head.uri);
    let headers = values(&head.headers, "host").filter(move |host| Some(*host) != authority);
    authority.into_iter().chain(headers)
}

/// The host as sent; all of them when there are more.
pub(super) fn raw_host(head: &RequestHead) -> Option<Cow<'_, [u8]>> {
    match authority(&head.uri) {
        Some(authority) => Some(Cow::Borrowed(authority)),
        None => named(&head.headers, "host"),
    }
}

fn authority(target: &[u8]) -> Option<&[u8]> {
    let scheme_end = target.windows(3).position(|window| window == b"://")?;
    if target.first() == Some(&b'/') {
        return None;
    }
    let behind = target.get(scheme_end + 3..)?;
    behind.split(|byte| matches!(byte, b'/' | b'?' | b'#')).next()
}

/// A host in lower case, without user and port.
pub(super) fn host_name(raw: &[u8]) -> Vec<u8> {
    let (name, _) = name_and_port(raw);
    name.to_ascii_lowercase()
}

/// The port that a host is given with.
pub(super) fn port(raw: &[u8]) -> Option<u16> {
    let (_, port) = name_and_port(raw);
    std::str::from_utf8(port?).ok()?.parse().ok()
}

fn name_and_port(raw: &[u8]) -> (&[u8], Option<&[u8]>) {
    let behind_user = raw.rsplit(|byte| *byte == b'@').next().unwrap_or(raw);
    let colon = behind_user.iter().rposition(|byte| *byte == b':');
    match colon.and_then(|colon| behind_user.split_at_checked(colon)) {
        // A colon within brackets belongs to an IPv6 address.
        Some((name, port)) if !port.contains(&b']') => (name, port.get(1..)),
        _ => (behind_user, None),
    }
}

/// First line and headers as sent.
pub(super) fn start(line: &[u8], raw_headers: &[u8]) -> Vec<u8> {
    [line, b"\r\n", raw_headers].concat()
}

fn is_cookie(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"cookie") || name.eq_ignore_ascii_case(b"set-cookie")
}

/// Headers so many that their names are looked up: a few are faster compared.
const MANY_HEADERS: usize = 32;

/// Headers of one name become one, their values joined, at the place of the first.
fn merged(headers: &[Header]) -> Vec<(&[u8], Cow<'_, [u8]>)> {
    let mut merged: Vec<(&[u8], Cow<'_, [u8]>)> = Vec::with_capacity(headers.len());
    let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
    for header in headers {
        let next = merged.len();
        let place = match headers.len() >= MANY_HEADERS {
            _ if header.name.is_empty() => next,
            true => *places.entry(header.name.to_ascii_lowercase()).or_insert(next),
            false => {
                let mut names = merged.iter();
                let known = names.position(|(name, _)| name.eq_ignore_ascii_case(&header.name));
                known.unwrap_or(next)
            }
        };
        match merged.get_mut(place) {
            Some((_, value)) => join(value, &header.value),
            None => merged.push((&header.name, Cow::Borrowed(&header.value))),
        }
    }
    merged
}

fn join(value: &mut Cow<'_, [u8]>, more: &[u8]) {
    let value = value.to_mut();
    value.extend_from_slice(b", ");
    value.extend_from_slice(more);
}

/// Each header as `name: value`.
pub(super) fn lines(headers: &[Header]) -> Vec<Vec<u8>> {
    let merged = merged(headers).into_iter();
    merged
        .map(|(name, value)| [name, b": ", &value].concat())
        .collect()
}

/// All headers but cookies as `name: value`, each ended by CR LF.
pub(super) fn header(headers: &[Header]) -> Vec<u8> {
    let mut all = Vec::new();
    for (name, value) in merged(headers).iter().filter(|(name, _)| !is_cookie(name)) {
        for part in [name, &b": "[..], value, b"\r\n"] {
            all.extend_from_slice(part);
        }
    }
    all
}

/// CR LF, the name of each header with CR LF, CR LF.
pub(super) fn header_names(headers: &[Header]) -> Vec<u8> {
    let mut all = b"\r\n".to_vec();
    for (name, _) in merged(headers) {
        all.extend_from_slice(name);
        all.extend_from_slice(b"\r\n");
    }
    all.extend_from_slice(b"\r\n");
    all
}

/// The value of the headers of that name, joined; `None` without any.
pub(super) fn named<'a>(headers: &'a [Header], name: &str) -> Option<Cow<'a, [u8]>> {
    let mut values = headers
        .iter()
        .filter(|header| header.is(name))
        .map(|header| header.value.as_slice());
    let mut joined = Cow::Borrowed(values.next()?);
    values.for_each(|value| join(&mut joined, value));
    Some(joined)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_one_name_are_joined_where_the_first_stands() {
        let headers: Vec<_> = (0..2 * MANY_HEADERS)
            .map(|number| Header {
                name: [&b"A"[..], b"b", b"a", b""][number % 4].into(),
                value: number.to_string().into(),
            })
            .collect();
        let check = |headers: &[Header], expect: &[&str]| {
            let lines = lines(headers);
            let lines: Vec<_> = lines.iter().map(|line| String::from_utf8_lossy(line)).collect();
            assert_eq!(lines, expect);
        };
        check(&headers[..8], &["A: 0, 2, 4, 6", "b: 1, 5", ": 3", ": 7"]);
        let few = header_names(&headers[..8]).len();
        // Each header without a name stays one of its own.
        assert_eq!(header_names(&headers).len(), few + (2 * MANY_HEADERS / 4 - 2) * 2);
        assert!(lines(&headers)[0].starts_with(b"A: 0, 2, 4, 6, 8, 10"));
    }

    #[test]
    fn hosts_lose_user_and_port() {
        let check = |raw: &str, name: &str, expect| {
            assert_eq!(host_name(raw.as_bytes()), name.as_bytes());
            assert_eq!(port(raw.as_bytes()), expect, "{raw}");
        };
        check("Example.com", "example.com", None);
        check("u:p@example.com:80", "example.com", Some(80));
        check("example.com:", "example.com", None);
        check("example.com:99999", "example.com", None);
        check("[2001:DB8::1]", "[2001:db8::1]", None);
        check("[2001:db8::1]:443", "[2001:db8::1]", Some(443));
    }
}
