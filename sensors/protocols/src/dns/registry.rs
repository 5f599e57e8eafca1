//! Names that IANA's DNS parameters registry gives to numbers.

use std::borrow::Cow;

/// Mnemonics of record types, and their numbers.
pub(super) const TYPES: &[(&str, u64)] = &[
    ("A", 1),
    ("NS", 2),
    ("MD", 3),
    ("MF", 4),
    ("CNAME", 5),
    ("SOA", 6),
    ("MB", 7),
    ("MG", 8),
    ("MR", 9),
    ("NULL", 10),
    ("WKS", 11),
    ("PTR", 12),
    ("HINFO", 13),
    ("MINFO", 14),
    ("MX", 15),
    ("TXT", 16),
    ("RP", 17),
    ("AFSDB", 18),
    ("X25", 19),
    ("ISDN", 20),
    ("RT", 21),
    ("NSAP", 22),
    ("SIG", 24),
    ("KEY", 25),
    ("PX", 26),
    ("AAAA", 28),
    ("LOC", 29),
    ("NXT", 30),
    ("SRV", 33),
    ("NAPTR", 35),
    ("KX", 36),
    ("CERT", 37),
    ("A6", 38),
    ("DNAME", 39),
    ("OPT", 41),
    ("APL", 42),
    ("DS", 43),
    ("SSHFP", 44),
    ("IPSECKEY", 45),
    ("RRSIG", 46),
    ("NSEC", 47),
    ("DNSKEY", 48),
    ("DHCID", 49),
    ("NSEC3", 50),
    ("NSEC3PARAM", 51),
    ("TLSA", 52),
    ("SMIMEA", 53),
    ("HIP", 55),
    ("CDS", 59),
    ("CDNSKEY", 60),
    ("OPENPGPKEY", 61),
    ("CSYNC", 62),
    ("ZONEMD", 63),
    ("SVCB", 64),
    ("HTTPS", 65),
    ("SPF", 99),
    ("EUI48", 108),
    ("EUI64", 109),
    ("TKEY", 249),
    ("TSIG", 250),
    ("IXFR", 251),
    ("AXFR", 252),
    ("MAILB", 253),
    ("MAILA", 254),
    ("ANY", 255),
    ("URI", 256),
    ("CAA", 257),
    ("TA", 32768),
    ("DLV", 32769),
];

/// Mnemonics of response codes, and their numbers.
pub(super) const RCODES: &[(&str, u64)] = &[
    ("NOERROR", 0),
    ("FORMERR", 1),
    ("SERVFAIL", 2),
    ("NXDOMAIN", 3),
    ("NOTIMP", 4),
    ("REFUSED", 5),
    ("YXDOMAIN", 6),
    ("YXRRSET", 7),
    ("NXRRSET", 8),
    ("NOTAUTH", 9),
    ("NOTZONE", 10),
    ("DSOTYPENI", 11),
    ("BADVERS", 16),
    ("BADKEY", 17),
    ("BADTIME", 18),
    ("BADMODE", 19),
    ("BADNAME", 20),
    ("BADALG", 21),
    ("BADTRUNC", 22),
    ("BADCOOKIE", 23),
];

/// The mnemonic of a record type, `TYPE1234` (RFC 3597) when it has none here.
pub fn type_name(rtype: u16) -> Cow<'static, str> {
    match name_of(TYPES, rtype.into()) {
        Some(name) => Cow::Borrowed(name),
        None => Cow::Owned(format!("TYPE{rtype}")),
    }
}

/// The mnemonic of a response code, its number when it has none.
pub fn rcode_name(rcode: u8) -> Cow<'static, str> {
    match name_of(RCODES, rcode.into()) {
        Some(name) => Cow::Borrowed(name),
        None => Cow::Owned(rcode.to_string()),
    }
}

/// The name of a number in a list that is in order of the numbers.
fn name_of(list: &[(&'static str, u64)], number: u64) -> Option<&'static str> {
    let place = list.binary_search_by_key(&number, |(_, number)| *number).ok()?;
    list.get(place).map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::{RCODES, TYPES};

    #[test]
    fn lists_are_in_order() {
        assert!(TYPES.is_sorted_by_key(|(_, number)| number));
        assert!(RCODES.is_sorted_by_key(|(_, number)| number));
    }
}
