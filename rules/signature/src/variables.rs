//! Address and port groups of a rule's header, and the variables they may name.
//!
//! `any`, `10.0.0.0/8`, `10.0.0.1-10.0.0.9`, `$HOME_NET`, `!x`, `[a,b,!c]`, nested at will. A list is
//! the union of its members less the union of its negated ones; with only negated ones, all else.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::error::{Complaint, ErrorKind, over_limit};
use crate::limits::{GROUP_NESTING_MAX, GROUP_RANGES_MAX};
use crate::ranges::{IPV4_BASE, Number, RangeSet, address_number};

/// Addresses that a rule speaks of, IPv4 mapped into IPv6.
pub(crate) type AddressSet = RangeSet<u128>;
/// Ports that a rule speaks of.
pub(crate) type PortSet = RangeSet<u16>;

/// Names for groups of addresses and ports, as `$NAME` in rules.
#[derive(Debug, Clone)]
pub struct Variables {
    addresses: BTreeMap<String, String>,
    ports: BTreeMap<String, String>,
}

impl Default for Variables {
    /// Suricata's own defaults: private ranges are home, all else is outside.
    fn default() -> Variables {
        let addresses = [
            ("HOME_NET", "[192.168.0.0/16,10.0.0.0/8,172.16.0.0/12]"),
            ("EXTERNAL_NET", "!$HOME_NET"),
            ("HTTP_SERVERS", "$HOME_NET"),
            ("SMTP_SERVERS", "$HOME_NET"),
            ("SQL_SERVERS", "$HOME_NET"),
            ("DNS_SERVERS", "$HOME_NET"),
            ("TELNET_SERVERS", "$HOME_NET"),
            ("AIM_SERVERS", "$EXTERNAL_NET"),
            ("DC_SERVERS", "$HOME_NET"),
            ("DNP3_SERVER", "$HOME_NET"),
            ("DNP3_CLIENT", "$HOME_NET"),
            ("MODBUS_CLIENT", "$HOME_NET"),
            ("MODBUS_SERVER", "$HOME_NET"),
            ("ENIP_CLIENT", "$HOME_NET"),
            ("ENIP_SERVER", "$HOME_NET"),
        ];
        let ports = [
            ("HTTP_PORTS", "80"),
            ("SHELLCODE_PORTS", "!80"),
            ("ORACLE_PORTS", "1521"),
            ("SSH_PORTS", "22"),
            ("DNP3_PORTS", "20000"),
            ("MODBUS_PORTS", "502"),
            ("FILE_DATA_PORTS", "[$HTTP_PORTS,110,143]"),
            ("FTP_PORTS", "21"),
            ("GENEVE_PORTS", "6081"),
            ("VXLAN_PORTS", "4789"),
            ("TEREDO_PORTS", "3544"),
            ("SIP_PORTS", "[5060,5061]"),
        ];
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Variables {
            addresses: addresses.iter().map(owned).collect(),
            ports: ports.iter().map(owned).collect(),
        }
    }
}

impl Variables {
    /// Names a group of addresses. A wrong value is reported by [`crate::Engine::compile`].
    pub fn set_address(&mut self, name: &str, value: &str) {
        self.addresses.insert(name.to_owned(), value.to_owned());
    }

    /// Names a group of ports. A wrong value is reported by [`crate::Engine::compile`].
    pub fn set_port(&mut self, name: &str, value: &str) {
        self.ports.insert(name.to_owned(), value.to_owned());
    }

    /// The usual variables, and `NAME=VALUE` each. A name that ends in `PORT` or `PORTS` is of ports, others are of addresses.
    ///
    /// # Errors
    /// What has no `=`, in words. A wrong value is reported by [`crate::Engine::compile`].
    pub fn assigned(texts: &[String]) -> Result<Variables, String> {
        let mut variables = Variables::default();
        for text in texts {
            let (name, value) = text
                .split_once('=')
                .ok_or_else(|| format!("{text} is not NAME=VALUE"))?;
            match name.ends_with("PORT") || name.ends_with("PORTS") {
                true => variables.set_port(name, value),
                false => variables.set_address(name, value),
            }
        }
        Ok(variables)
    }

    /// Whether a rule may name that variable: one that is not among the usual names is likely misspelt.
    pub fn knows(&self, name: &str) -> bool {
        self.addresses.contains_key(name) || self.ports.contains_key(name)
    }

    /// Every variable that cannot be understood: its name and why. Of those that name a faulty one only that
    /// one is told.
    pub(crate) fn faults(&self) -> Vec<(String, Complaint)> {
        let all = self.all_faults();
        let is_faulty = |name: &str| all.iter().any(|(faulty, _)| faulty == name);
        let blames_other = |name: &str| {
            let value = self.addresses.get(name).or_else(|| self.ports.get(name));
            value.is_some_and(|value| named(value).any(|other| other != name && is_faulty(other)))
        };
        let roots: Vec<_> = all
            .iter()
            .filter(|(name, _)| !blames_other(name))
            .cloned()
            .collect();
        // Those that name each other in a circle have no root.
        if roots.is_empty() { all } else { roots }
    }

    fn all_faults(&self) -> Vec<(String, Complaint)> {
        let addresses = self.addresses.iter().filter_map(|(name, value)| {
            let fault = group(&Addresses(self), value, 0).err()?;
            Some((name.clone(), fault))
        });
        let ports = self.ports.iter().filter_map(|(name, value)| {
            let fault = group(&Ports(self), value, 0).err()?;
            Some((name.clone(), fault))
        });
        addresses.chain(ports).collect()
    }
}

/// The variables that a value names.
fn named(value: &str) -> impl Iterator<Item = &str> {
    let words = value.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '$')));
    words.filter_map(|word| word.strip_prefix('$'))
}

/// Resolves groups, each spelling once: thousands of rules share a few groups.
pub(crate) struct Resolver<'v> {
    variables: &'v Variables,
    addresses: BTreeMap<String, Arc<AddressSet>>,
    ports: BTreeMap<String, Arc<PortSet>>,
}

impl<'v> Resolver<'v> {
    pub(crate) fn new(variables: &'v Variables) -> Resolver<'v> {
        Resolver {
            variables,
            addresses: BTreeMap::new(),
            ports: BTreeMap::new(),
        }
    }

    pub(crate) fn addresses(&mut self, text: &str) -> Result<Arc<AddressSet>, Complaint> {
        if let Some(known) = self.addresses.get(text) {
            return Ok(Arc::clone(known));
        }
        let set = Arc::new(non_empty(group(&Addresses(self.variables), text, 0)?)?);
        self.addresses.insert(text.to_owned(), Arc::clone(&set));
        Ok(set)
    }

    pub(crate) fn ports(&mut self, text: &str) -> Result<Arc<PortSet>, Complaint> {
        if let Some(known) = self.ports.get(text) {
            return Ok(Arc::clone(known));
        }
        let set = Arc::new(non_empty(group(&Ports(self.variables), text, 0)?)?);
        self.ports.insert(text.to_owned(), Arc::clone(&set));
        Ok(set)
    }
}

fn non_empty<N: Number>(set: RangeSet<N>) -> Result<RangeSet<N>, Complaint> {
    if set.is_empty() {
        Err(header("the group holds nothing"))
    } else {
        Ok(set)
    }
}

fn header(message: impl Into<String>) -> Complaint {
    Complaint {
        kind: ErrorKind::Header,
        message: message.into(),
    }
}

/// What differs between groups of addresses and of ports.
trait Vocabulary {
    type Number: Number;
    fn variable(&self, name: &str) -> Option<&str>;
    fn item(&self, text: &str) -> Result<RangeSet<Self::Number>, Complaint>;
}

struct Addresses<'v>(&'v Variables);
struct Ports<'v>(&'v Variables);

impl Vocabulary for Addresses<'_> {
    type Number = u128;

    fn variable(&self, name: &str) -> Option<&str> {
        self.0.addresses.get(name).map(String::as_str)
    }

    fn item(&self, text: &str) -> Result<AddressSet, Complaint> {
        let wrong = || header(format!("{text:?} is no address"));
        if let Some((address, prefix)) = text.split_once('/') {
            let address: IpAddr = address.parse().map_err(|_| wrong())?;
            return network(address, prefix).ok_or_else(wrong);
        }
        if let Ok(address) = text.parse() {
            let number = address_number(address);
            return Ok(RangeSet::range(number, number));
        }
        let (low, high) = text.split_once('-').ok_or_else(wrong)?;
        let (low, high): (IpAddr, IpAddr) = (
            low.parse().map_err(|_| wrong())?,
            high.parse().map_err(|_| wrong())?,
        );
        if low.is_ipv4() != high.is_ipv4() || low > high {
            return Err(wrong());
        }
        Ok(RangeSet::range(address_number(low), address_number(high)))
    }
}

/// `prefix` is a length, or a dotted mask for IPv4.
fn network(address: IpAddr, prefix: &str) -> Option<AddressSet> {
    let ipv4_all = RangeSet::range(IPV4_BASE, IPV4_BASE | u128::from(u32::MAX));
    match address {
        IpAddr::V4(v4) => {
            let mask = match prefix.parse::<u32>() {
                Ok(length) if length <= 32 => u32::MAX.checked_shl(32 - length).unwrap_or(0),
                Ok(_) => return None,
                Err(_) => prefix.parse::<Ipv4Addr>().ok()?.to_bits(),
            };
            if mask.leading_ones() + mask.trailing_zeros() != 32 {
                return None;
            }
            let low = v4.to_bits() & mask;
            let bounds = |n: u32| address_number(IpAddr::V4(Ipv4Addr::from_bits(n)));
            Some(RangeSet::range(bounds(low), bounds(low | !mask)))
        }
        IpAddr::V6(v6) => {
            let length = prefix.parse::<u32>().ok().filter(|length| *length <= 128)?;
            let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
            let low = Ipv6Addr::to_bits(v6) & mask;
            let all = RangeSet::range(low, low | !mask);
            // A wide IPv6 prefix is not meant to take in IPv4.
            Some(if length < 96 { all.minus(&ipv4_all) } else { all })
        }
    }
}

impl Vocabulary for Ports<'_> {
    type Number = u16;

    fn variable(&self, name: &str) -> Option<&str> {
        self.0.ports.get(name).map(String::as_str)
    }

    fn item(&self, text: &str) -> Result<PortSet, Complaint> {
        let wrong = || header(format!("{text:?} is no port"));
        let number = |text: &str| text.parse::<u16>().map_err(|_| wrong());
        let Some((low, high)) = text.split_once(':') else {
            let port = number(text)?;
            return Ok(RangeSet::range(port, port));
        };
        let low = if low.is_empty() { 0 } else { number(low)? };
        let high = if high.is_empty() { u16::MAX } else { number(high)? };
        if low > high {
            return Err(wrong());
        }
        Ok(RangeSet::range(low, high))
    }
}

fn group<V: Vocabulary>(words: &V, text: &str, depth: usize) -> Result<RangeSet<V::Number>, Complaint> {
    let text = text.trim();
    if depth > GROUP_NESTING_MAX {
        return Err(over_limit(format!(
            "groups nested deeper than {GROUP_NESTING_MAX}"
        )));
    }
    if let Some(rest) = text.strip_prefix('!') {
        return Ok(group(words, rest, depth + 1)?.complement());
    }
    if text.eq_ignore_ascii_case("any") {
        return Ok(RangeSet::all());
    }
    if let Some(name) = text.strip_prefix('$') {
        let value = words.variable(name).ok_or_else(|| Complaint {
            kind: ErrorKind::Variable,
            message: format!("unknown variable ${name}"),
        })?;
        return group(words, value, depth + 1);
    }
    let Some(inside) = text.strip_prefix('[') else {
        return words.item(text);
    };
    let inside = inside
        .strip_suffix(']')
        .ok_or_else(|| header(format!("{text:?} lacks a bracket")))?;
    let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
    for member in members(inside)? {
        match member.trim().strip_prefix('!') {
            Some(rest) => unwanted.push(group(words, rest, depth + 1)?),
            None => wanted.push(group(words, member, depth + 1)?),
        }
        if wanted.len() + unwanted.len() > GROUP_RANGES_MAX {
            return Err(over_limit(format!(
                "a group of more than {GROUP_RANGES_MAX} members"
            )));
        }
    }
    let all = if wanted.is_empty() {
        RangeSet::all()
    } else {
        RangeSet::union(wanted)
    };
    Ok(all.minus(&RangeSet::union(unwanted)))
}

/// Splits at the commas that stand in no bracket.
fn members(text: &str) -> Result<Vec<&str>, Complaint> {
    let mut found = Vec::new();
    let (mut depth, mut start) = (0usize, 0);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' => depth = depth.checked_sub(1).ok_or_else(|| header("a bracket too many"))?,
            b',' if depth == 0 => {
                found.push(text.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(text.get(start..).unwrap_or_default());
    if depth == 0 {
        Ok(found)
    } else {
        Err(header("a bracket is not closed"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn addresses() {
        let table: &[(&str, &[&str], &[&str])] = &[
            ("any", &["1.2.3.4", "::1"], &[]),
            ("$HOME_NET", &["10.1.1.1", "172.31.0.1"], &["8.8.8.8", "2001::1"]),
            ("$EXTERNAL_NET", &["8.8.8.8", "2001::1"], &["10.1.1.1"]),
            (
                "[1.0.0.0/8, ![1.2.0.0/16, !1.2.3.0/24]]",
                &["1.1.1.1", "1.2.3.9"],
                &["1.2.4.1", "2.0.0.1"],
            ),
            ("[!1.2.3.4]", &["1.2.3.5"], &["1.2.3.4"]),
            ("1.2.3.4-1.2.3.6", &["1.2.3.4", "1.2.3.6"], &["1.2.3.7"]),
            ("1.2.3.0/255.255.255.0", &["1.2.3.77"], &["1.2.4.1"]),
            ("2001:db8::/32", &["2001:db8::5"], &["2001:db9::5", "1.2.3.4"]),
            ("::/0", &["2001:db8::5"], &["1.2.3.4"]),
            ("0.0.0.0/0", &["1.2.3.4"], &["2001:db8::5"]),
        ];
        let variables = Variables::default();
        let mut resolver = Resolver::new(&variables);
        for (text, inside, outside) in table {
            let set = resolver.addresses(text).unwrap();
            for address in *inside {
                assert!(
                    set.contains(address_number(address.parse().unwrap())),
                    "{text} {address}"
                );
            }
            for address in *outside {
                assert!(
                    !set.contains(address_number(address.parse().unwrap())),
                    "{text} {address}"
                );
            }
        }
    }

    #[test]
    fn ports() {
        let variables = Variables::default();
        let mut resolver = Resolver::new(&variables);
        let table: &[(&str, &[u16], &[u16])] = &[
            ("any", &[0, 65535], &[]),
            ("1024:", &[1024, 65535], &[1023]),
            ("[:80,!22]", &[0, 80], &[22, 81]),
            ("[$HTTP_PORTS,8080:8082]", &[80, 8081], &[8083]),
            ("!$SSH_PORTS", &[80], &[22]),
        ];
        for (text, inside, outside) in table {
            let set = resolver.ports(text).unwrap();
            assert!(inside.iter().all(|port| set.contains(*port)), "{text}");
            assert!(!outside.iter().any(|port| set.contains(*port)), "{text}");
        }
    }

    #[test]
    fn refused() {
        let mut variables = Variables::default();
        variables.set_address("LOOP", "[$LOOP]");
        let mut resolver = Resolver::new(&variables);
        for text in [
            "!any",
            "[1.2.3.4",
            "1.2.3.4]",
            "$NOPE",
            "1.2.3",
            "1.2.3.4/33",
            "$LOOP",
            "[1.2.3.4,!1.2.3.4]",
            "",
        ] {
            assert!(resolver.addresses(text).is_err(), "{text}");
        }
        for text in ["65536", "9:1", "http", "!any", "[80"] {
            assert!(resolver.ports(text).is_err(), "{text}");
        }
        assert_eq!(variables.faults().len(), 1);
    }

    #[test]
    fn only_the_root_of_faults_is_told() {
        let mut variables = Variables::default();
        variables.set_address("HOME_NET", "[10.0.0.0/33]");
        let names: Vec<String> = variables.faults().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["HOME_NET"]);
        variables.set_address("HOME_NET", "10.0.0.0/8");
        variables.set_address("A", "$B");
        variables.set_address("B", "$A");
        assert_eq!(variables.faults().len(), 2);
        assert!(variables.knows("HOME_NET") && !variables.knows("HOMENET"));
    }
}
