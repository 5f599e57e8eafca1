//! Request targets in the form that signatures look at.

/// The target's path and query, percent-encoding undone once and dot segments of the path resolved.
///
/// Scheme and authority of an absolute target are left out. Every other byte stays,
/// backslashes, plus signs, repeated slashes and broken escapes included. The query is decoded but not resolved.
pub fn normalize(raw: &[u8]) -> Vec<u8> {
    let target = without_authority(raw);
    let query_start = memchr::memchr(b'?', target).unwrap_or(target.len());
    let (path, query) = target.split_at(query_start);
    let mut normal = resolve_dots(&decode(path));
    normal.extend_from_slice(&decode(query));
    normal
}

/// Undoes percent-encoding once; an escape that is none stays as it is.
pub fn decode(encoded: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    loop {
        rest = match rest {
            [] => return decoded,
            [b'%', high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                decoded.push(nibble(*high) << 4 | nibble(*low));
                tail
            }
            [byte, tail @ ..] => {
                decoded.push(*byte);
                tail
            }
        };
    }
}

fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => 0,
    }
}

/// What follows `scheme://authority`, or all of it when it does not begin so.
fn without_authority(target: &[u8]) -> &[u8] {
    let scheme = target
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte))
        .count();
    let Some(rest) = target.get(scheme..).and_then(|rest| rest.strip_prefix(b"://")) else {
        return target;
    };
    if scheme == 0 {
        return target;
    }
    let authority = rest
        .iter()
        .position(|byte| matches!(byte, b'/' | b'?'))
        .unwrap_or(rest.len());
    match rest.get(authority..) {
        Some([]) | None => b"/",
        Some(path) => path,
    }
}

/// Resolves `.` and `..` segments (RFC 3986, 5.2.4); what would climb over the root stays at it. A path that does not
/// begin with a slash is left as it is.
fn resolve_dots(path: &[u8]) -> Vec<u8> {
    let Some(relative) = path.strip_prefix(b"/") else {
        return path.to_vec();
    };
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut segments = relative.split(|byte| *byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            b"." | b".." => {
                if segment == b".." {
                    kept.pop();
                }
                if is_last {
                    kept.push(b"");
                }
            }
            _ => kept.push(segment),
        }
    }
    let mut resolved = Vec::with_capacity(path.len());
    for segment in kept {
        resolved.push(b'/');
        resolved.extend_from_slice(segment);
    }
    if resolved.is_empty() {
        resolved.push(b'/');
    }
    resolved
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn targets() {
        let check = |raw: &[u8], expect: &[u8]| {
            assert_eq!(
                String::from_utf8_lossy(&normalize(raw)),
                String::from_utf8_lossy(expect)
            );
        };
        check(b"/", b"/");
        check(b"", b"");
        check(b"*", b"*");
        check(b"/a%20b?c=%41%2f", b"/a b?c=A/");
        check(b"/a%2520b", b"/a%20b");
        check(b"/a%zz%4", b"/a%zz%4");
        check(b"/a/./b/../c", b"/a/c");
        check(b"/a/%2e%2E/b", b"/b");
        check(b"/../../x/..", b"/");
        check(b"/a/.", b"/a/");
        check(b"/a//b", b"/a//b");
        check(b"/a\\..\\b", b"/a\\..\\b");
        check(b"/x?f=/../y", b"/x?f=/../y");
        check(b"http://host:80/p?q", b"/p?q");
        check(b"http://host", b"/");
        check(b"host:443", b"host:443");
        check(b"/go?u=http://x/", b"/go?u=http://x/");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn never_longer(raw in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert!(normalize(&raw).len() <= raw.len().max(1));
        }
    }
}
