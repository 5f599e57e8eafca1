//! Fingerprints of TLS hellos: JA3, JA3S and JA4.
//!
//! JA4 here is the client fingerprint only, after FoxIO's BSD-3 specification; the other members of the JA4+ family
//! are under another licence and are not here.
//!
//! Values that RFC 8701 (GREASE) reserves for nonsense are left out everywhere.

use md5::{Digest, Md5};
use sha2::Sha256;

use crate::tls::{ClientHello, ServerHello, is_grease};
use vonggac_event::hexadecimal;

/// How many hex digits of a hash JA4 keeps.
const JA4_HASH_DIGITS: usize = 12;
const EXTENSION_SERVER_NAME: u16 = 0;
const EXTENSION_ALPN: u16 = 16;

/// JA3: the text `version,ciphers,extensions,groups,point formats`, and its MD5 in hex.
pub fn ja3(hello: &ClientHello) -> (String, String) {
    let extensions: Vec<u16> = hello.extensions.iter().map(|extension| extension.kind).collect();
    let formats: Vec<u16> = hello.point_formats.iter().copied().map(u16::from).collect();
    let text = format!(
        "{},{},{},{},{}",
        hello.legacy_version,
        decimal_list(&hello.ciphers),
        decimal_list(&extensions),
        decimal_list(&hello.groups),
        decimal_list(&formats),
    );
    let hash = hexadecimal(&Md5::digest(text.as_bytes()));
    (text, hash)
}

/// JA3S: the text `version,cipher,extensions`, and its MD5 in hex.
pub fn ja3s(hello: &ServerHello) -> (String, String) {
    let extensions: Vec<u16> = hello.extensions.iter().map(|extension| extension.kind).collect();
    let text = format!(
        "{},{},{}",
        hello.legacy_version,
        hello.cipher,
        decimal_list(&extensions)
    );
    let hash = hexadecimal(&Md5::digest(text.as_bytes()));
    (text, hash)
}

/// JA4 of a client hello. `transport` is `t` over TCP, `q` over QUIC, `d` for DTLS.
pub fn ja4(hello: &ClientHello, transport: char) -> String {
    let mut ciphers: Vec<u16> = without_grease(&hello.ciphers).collect();
    let extensions: Vec<u16> = hello
        .extensions
        .iter()
        .map(|extension| extension.kind)
        .filter(|kind| !is_grease(*kind))
        .collect();
    let server_name = if extensions.contains(&EXTENSION_SERVER_NAME) {
        'd'
    } else {
        'i'
    };
    let (first, last) = alpn_ends(hello.alpn.first().map(Vec::as_slice));
    let summary = format!(
        "{transport}{}{server_name}{:02}{:02}{first}{last}",
        ja4_version(hello.version()),
        ciphers.len().min(99),
        extensions.len().min(99),
    );

    ciphers.sort_unstable();
    let mut hashed: Vec<u16> = extensions
        .into_iter()
        .filter(|kind| *kind != EXTENSION_SERVER_NAME && *kind != EXTENSION_ALPN)
        .collect();
    hashed.sort_unstable();
    let mut second = hex_list(hashed);
    let signatures = hex_list(without_grease(&hello.signature_algorithms));
    if !signatures.is_empty() {
        second.push('_');
        second.push_str(&signatures);
    }
    format!("{summary}_{}_{}", ja4_hash(&hex_list(ciphers)), ja4_hash(&second))
}

fn without_grease(values: &[u16]) -> impl Iterator<Item = u16> + '_ {
    values.iter().copied().filter(|value| !is_grease(*value))
}

fn decimal_list(values: &[u16]) -> String {
    let texts: Vec<String> = without_grease(values).map(|value| value.to_string()).collect();
    texts.join("-")
}

fn hex_list(values: impl IntoIterator<Item = u16>) -> String {
    let texts: Vec<String> = values.into_iter().map(|value| format!("{value:04x}")).collect();
    texts.join(",")
}

/// The first digits of the text's SHA-256, zeros for an empty text.
fn ja4_hash(text: &str) -> String {
    if text.is_empty() {
        return "0".repeat(JA4_HASH_DIGITS);
    }
    let mut digits = hexadecimal(&Sha256::digest(text.as_bytes()));
    digits.truncate(JA4_HASH_DIGITS);
    digits
}

fn ja4_version(version: u16) -> &'static str {
    match version {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        0xfeff => "d1",
        0xfefd => "d2",
        0xfefc => "d3",
        _ => "00",
    }
}

/// First and last character of the first protocol offered; of its hex when either is not a letter or digit.
fn alpn_ends(protocol: Option<&[u8]>) -> (char, char) {
    let Some((&first, &last)) = protocol.and_then(|bytes| bytes.first().zip(bytes.last())) else {
        return ('0', '0');
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return (char::from(first), char::from(last));
    }
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    (digit(first >> 4), digit(last & 0xf))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::Extension;

    /// The worked example of the JA4 specification.
    #[test]
    fn ja4_of_the_specification() {
        let kinds = [
            0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b,
            0xff01, 0x000b, 0x000a, 0x0015, 0x1a1a,
        ];
        let hello = ClientHello {
            legacy_version: 0x0303,
            ciphers: vec![
                0x0a0a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013,
                0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
            ],
            extensions: kinds
                .map(|kind| Extension {
                    kind,
                    bytes: Vec::new(),
                })
                .to_vec(),
            supported_versions: vec![0x2a2a, 0x0304, 0x0303],
            signature_algorithms: vec![0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
            alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            ..ClientHello::default()
        };
        assert_eq!(ja4(&hello, 't'), "t13d1516h2_8daaf6152771_e5627efa2ab1");
        // "If there are no signature algorithms in the hello packet, then the string ends without an underscore and is hashed."
        let without = ClientHello {
            signature_algorithms: Vec::new(),
            ..hello
        };
        assert_eq!(ja4(&without, 't'), "t13d1516h2_8daaf6152771_6d807ffa2a79");
        let empty = ClientHello {
            legacy_version: 0x0301,
            ..ClientHello::default()
        };
        assert_eq!(ja4(&empty, 'q'), "q10i000000_000000000000_000000000000");
    }

    #[test]
    fn alpn_is_two_characters() {
        let check = |protocol: Option<&[u8]>, expect: (char, char)| assert_eq!(alpn_ends(protocol), expect);
        check(None, ('0', '0'));
        check(Some(b""), ('0', '0'));
        check(Some(b"h2"), ('h', '2'));
        check(Some(b"http/1.1"), ('h', '1'));
        check(Some(b"x"), ('x', 'x'));
        check(Some(&[0xab]), ('a', 'b'));
        check(Some(&[0xab, 0xcd]), ('a', 'd'));
        check(Some(&[0x30, 0xab]), ('3', 'b'));
    }
}
