//! What an alert must be like for an exception to be about it.
//!
//! Here conditions are read, checked and written; whether an alert meets them PostgreSQL says alone (`exception_fits`, migration 0093),
//! so that what is hidden, what is shown beforehand and what is closed are the same alerts.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde_json::{Value, json};
use vonggac_event::{Alert, parse_address};

use crate::{DatabaseError, Result, clean};

/// Most conditions of an exception.
pub const CONDITIONS_MAX: usize = 8;
/// Longest value of one, in characters.
const VALUE_CHARACTERS_MAX: usize = 300;
/// The widest networks: what is wider is nearly the whole rule, and is to be called so.
const IPV4_PREFIX_MIN: u8 = 8;
const IPV6_PREFIX_MIN: u8 = 16;

/// A network, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// One thing that an alert must be like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// The side that began lies there.
    Source(Network),
    /// The other side does.
    Destination(Network),
    /// Either side does.
    Address(Network),
    /// The sensor.
    Sensor(String),
    /// The port of the side that was met.
    Port(u16),
    /// What its events are grouped by has just this value.
    Field {
        /// Name of the column.
        name: String,
        /// Its value.
        value: String,
    },
    /// What its events are grouped by is this domain or one beneath it.
    Domain {
        /// Name of the column.
        name: String,
        /// In lower case, without a dot at either end.
        value: String,
    },
}

/// All of an exception's; with none it is about the whole rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions(Vec<Condition>);

fn invalid<T>(problem: &'static str) -> Result<T> {
    Err(DatabaseError::Invalid {
        field: "conditions",
        problem,
    })
}

impl Network {
    fn of(address: IpAddr) -> Self {
        let address = address.to_canonical();
        let prefix = if address.is_ipv4() { 32 } else { 128 };
        Self { address, prefix }
    }

    /// The same without the bits that the prefix leaves open.
    fn masked(self) -> Self {
        let shift = |length: u8| u32::from(length.saturating_sub(self.prefix));
        let address = match self.address {
            IpAddr::V4(address) => {
                let kept = u32::MAX.checked_shl(shift(32)).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & kept))
            }
            IpAddr::V6(address) => {
                let kept = u128::MAX.checked_shl(shift(128)).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & kept))
            }
        };
        Self { address, ..self }
    }

    fn is_too_wide(self) -> bool {
        let least = if self.address.is_ipv4() {
            IPV4_PREFIX_MIN
        } else {
            IPV6_PREFIX_MIN
        };
        self.prefix < least
    }
}

impl FromStr for Network {
    type Err = DatabaseError;

    fn from_str(text: &str) -> Result<Self> {
        const PROBLEM: &str = "have no network such as 10.0.0.0/8 or 2001:db8::/32";
        let (address, prefix) = match text.trim().split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text.trim(), None),
        };
        let Ok(address) = address.parse::<IpAddr>() else {
            return invalid(PROBLEM);
        };
        let whole = Self::of(address);
        let Some(prefix) = prefix else { return Ok(whole) };
        match prefix.parse::<u8>() {
            Ok(prefix) if prefix <= whole.prefix => Ok(Self { prefix, ..whole }.masked()),
            _ => invalid(PROBLEM),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = Self::of(self.address).prefix;
        if self.prefix == whole {
            return write!(out, "{}", self.address);
        }
        write!(out, "{}/{}", self.address, self.prefix)
    }
}

/// A domain as it is compared: `.Example.COM.` is `example.com`.
fn domain(text: &str) -> Result<String> {
    let domain = clean(text.trim().trim_matches('.')).to_lowercase();
    // A top level alone would be nearly everything.
    if !domain.contains('.') || domain.contains(char::is_whitespace) {
        return invalid("have no domain such as example.com");
    }
    Ok(domain)
}

fn text(value: &str) -> Result<String> {
    let value = clean(value);
    if value.is_empty() || value.chars().count() > VALUE_CHARACTERS_MAX {
        return invalid("have values of 1 to 300 characters");
    }
    Ok(value)
}

fn network(value: &str) -> Result<Network> {
    let network: Network = value.parse()?;
    if network.is_too_wide() {
        return invalid("have a network wider than /8 (IPv6: /16); leave it out instead");
    }
    Ok(network)
}

impl Condition {
    /// Reads one: `on` is `src`, `dst`, `address`, `sensor`, `port`, `field` or `domain`; the last two have the name of a column.
    ///
    /// # Errors
    /// [`DatabaseError::Invalid`] when it is none.
    pub fn read(on: &str, name: &str, value: &str) -> Result<Self> {
        let named = |name: &str| match text(name) {
            Ok(name) => Ok(name),
            Err(_) => invalid("lack the name of a field"),
        };
        Ok(match on {
            "src" => Self::Source(network(value)?),
            "dst" => Self::Destination(network(value)?),
            "address" => Self::Address(network(value)?),
            "sensor" => Self::Sensor(text(value)?),
            "port" => match value.trim().parse() {
                Ok(port) if port > 0 => Self::Port(port),
                _ => return invalid("have no port from 1 to 65535"),
            },
            "field" => Self::Field {
                name: named(name)?,
                value: text(value)?,
            },
            "domain" => Self::Domain {
                name: named(name)?,
                value: domain(&text(value)?)?,
            },
            _ => return invalid("are on src, dst, address, sensor, port, field or domain"),
        })
    }

    /// `src`, `dst`, `address`, `sensor`, `port`, `field`, `domain`.
    pub fn on(&self) -> &'static str {
        match self {
            Self::Source(_) => "src",
            Self::Destination(_) => "dst",
            Self::Address(_) => "address",
            Self::Sensor(_) => "sensor",
            Self::Port(_) => "port",
            Self::Field { .. } => "field",
            Self::Domain { .. } => "domain",
        }
    }

    /// Name of the column, where it is on one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Field { name, .. } | Self::Domain { name, .. } => Some(name),
            _ => None,
        }
    }

    /// What it must be.
    pub fn value(&self) -> String {
        match self {
            Self::Source(network) | Self::Destination(network) | Self::Address(network) => {
                network.to_string()
            }
            Self::Port(port) => port.to_string(),
            Self::Sensor(value) | Self::Field { value, .. } | Self::Domain { value, .. } => value.clone(),
        }
    }

    /// Whether it tells one peer from another, and not only where something was seen.
    fn is_about_somebody(&self) -> bool {
        !matches!(self, Self::Sensor(_) | Self::Port(_))
    }

    fn json(&self) -> Value {
        match self.name() {
            Some(name) => json!({ "on": self.on(), "name": name, "is": self.value() }),
            None => json!({ "on": self.on(), "is": self.value() }),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(out, "{} {name}={}", self.on(), self.value()),
            None => write!(out, "{}={}", self.on(), self.value()),
        }
    }
}

impl Conditions {
    /// These.
    ///
    /// # Errors
    /// [`DatabaseError::Invalid`] when there are more than [`CONDITIONS_MAX`].
    pub fn of(all: Vec<Condition>) -> Result<Self> {
        if all.len() > CONDITIONS_MAX {
            return invalid("must not be more than 8");
        }
        Ok(Self(all))
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Condition> {
        self.0.iter()
    }

    /// Whether they tell nobody apart: then it is the rule as a whole that is excepted, at some place or everywhere.
    pub fn is_whole(&self) -> bool {
        !self.0.iter().any(Condition::is_about_somebody)
    }

    /// As PostgreSQL keeps and asks them.
    pub(crate) fn json(&self) -> String {
        Value::Array(self.0.iter().map(Condition::json).collect()).to_string()
    }

    /// As they were kept. What cannot be read was not written by this program.
    pub(crate) fn kept(json: &str) -> Result<Self> {
        let broken = || DatabaseError::Server(sqlx::Error::Protocol("conditions cannot be read".into()));
        let all: Vec<Value> = serde_json::from_str(json).map_err(|_| broken())?;
        let read = |one: &Value| {
            let text = |name: &str| one.get(name).and_then(Value::as_str).unwrap_or_default();
            Condition::read(text("on"), text("name"), text("is")).map_err(|_| broken())
        };
        Ok(Self(all.iter().map(read).collect::<Result<_>>()?))
    }
}

impl fmt::Display for Conditions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.0.iter().map(Condition::to_string).collect();
        out.write_str(&all.join(" "))
    }
}

/// What an alert really has to make conditions of, the most telling first.
pub fn offered(alert: &Alert) -> Vec<Condition> {
    let side = |bytes: &[u8]| parse_address(bytes).map(Network::of);
    let mut all: Vec<Condition> = Vec::new();
    all.extend(side(&alert.src).map(Condition::Source));
    all.extend(side(&alert.dst).map(Condition::Destination));
    for field in &alert.group {
        // Those two are offered already.
        if matches!(field.name.as_str(), "src" | "dst" | "sensor") {
            continue;
        }
        all.extend(Condition::read("field", &field.name, &field.value));
    }
    let port = u16::try_from(alert.dport).ok().filter(|port| *port > 0);
    all.extend(port.map(Condition::Port));
    all.extend(Condition::read("sensor", "", &alert.sensor));
    all.truncate(CONDITIONS_MAX);
    all
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_as_they_are_kept() {
        let check = |on: &str, name: &str, value: &str, expect: &str| {
            let read = Condition::read(on, name, value).unwrap();
            assert_eq!(read.value(), expect, "{on} {value}");
            let all = Conditions::of(vec![read]).unwrap();
            assert_eq!(Conditions::kept(&all.json()).unwrap(), all);
        };
        check("src", "", "10.1.2.3", "10.1.2.3");
        check("src", "", "10.1.2.3/8", "10.0.0.0/8");
        check("dst", "", "10.1.2.3/32", "10.1.2.3");
        check("address", "", "::ffff:10.1.2.3", "10.1.2.3");
        check("address", "", "2001:db8:1::7/32", "2001:db8::/32");
        check("sensor", "", "tap-1", "tap-1");
        check("port", "", " 22 ", "22");
        check("field", "user", "\"Lan\\", "\"Lan\\");
        check("domain", "query", ".Example.COM.", "example.com");
    }

    #[test]
    fn what_is_nearly_everything_is_no_condition() {
        for (on, name, value) in [
            ("src", "", "0.0.0.0/0"),
            ("src", "", "10.0.0.0/7"),
            ("src", "", "10.0.0.0/33"),
            ("src", "", "somewhere"),
            ("dst", "", "::/0"),
            ("dst", "", "2001::/15"),
            ("domain", "query", "vn"),
            ("domain", "", "example.com"),
            ("field", "", "x"),
            ("field", "user", ""),
            ("port", "", "0"),
            ("port", "", "70000"),
            ("sensor", "", ""),
            ("weather", "", "rain"),
        ] {
            assert!(Condition::read(on, name, value).is_err(), "{on} {value}");
        }
    }

    #[test]
    fn a_place_alone_is_the_whole_rule() {
        let whole = |on: &str, value: &str| {
            let one = Condition::read(on, "user", value).unwrap();
            Conditions::of(vec![one]).unwrap().is_whole()
        };
        assert!(Conditions::default().is_whole());
        assert!(whole("sensor", "tap-1"));
        assert!(whole("port", "22"));
        assert!(!whole("src", "10.0.0.0/8"));
        assert!(!whole("field", "lan"));
    }
}
