//! One thing that events name, and what is known of it: an address, a name, a fingerprint, a hash.
//!
//! Which fields name it is said by the schema alone ([`vonggac_event::Entity`]). A thing is looked for by a query in the language that
//! people write, so that the search behind its page finds just what the page tells of.

use std::net::IpAddr;

use serde_json::Value;
use vonggac_event::{Class, Entity, Scope};

use super::ask::{Statement, union};
use super::compile::{self, Values};
use super::row::{signed, unsigned};
use super::values::{FieldValues, address};
use super::{Query, Request, SearchError, classes};

/// The kind of a domain: the names of hosts that end in it.
pub const DOMAIN: &str = "domain";
/// Longest value, in bytes.
pub(super) const VALUE_BYTES_MAX: usize = 1_024;
/// Most pairs of addresses that are told.
pub(super) const PAIRS_MAX: u32 = 40;
/// Most values of a field beside it.
pub(super) const BESIDE_MAX: u32 = 8;

/// A thing to be looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// `address`, `host`, `domain`, `ja4`, …
    pub kind: &'static str,
    /// As events have it.
    pub value: String,
    /// The query that finds it.
    pub text: String,
    entity: Entity,
    query: Query,
    classes: Vec<Class>,
}

impl Subject {
    /// The thing of that kind and value; `None` when there is no such kind.
    ///
    /// # Errors
    /// [`SearchError::Field`] when the value cannot be one of that kind.
    pub fn of(kind: &str, value: &str) -> Result<Option<Self>, SearchError> {
        let is_domain = kind == DOMAIN;
        let entity = if is_domain {
            Some(Entity::Host)
        } else {
            Entity::from_name(kind)
        };
        let Some(entity) = entity else {
            return Ok(None);
        };
        let value = read(entity, value)?;
        let tests = if is_domain {
            vec![quoted(&value), suffix(&value)?]
        } else {
            vec![quoted(&value)]
        };
        let terms: Vec<String> = fields(entity)
            .iter()
            .flat_map(|field| tests.iter().map(move |test| format!("{field}:{test}")))
            .collect();
        let text = terms.join(" OR ");
        Ok(Some(Self {
            kind: if is_domain { DOMAIN } else { entity.name() },
            query: Query::parse(&text)?,
            value,
            text,
            entity,
            classes: classes_with(entity),
        }))
    }

    /// The classes whose events may name it.
    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// What to ask for its events.
    pub(super) fn request<'a>(
        &'a self,
        scope: &'a Scope,
        from_us: Option<i64>,
        to_us: Option<i64>,
    ) -> Request<'a> {
        Request {
            scope,
            query: &self.query,
            classes: &self.classes,
            from_us,
            to_us,
        }
    }

    /// Whether it is the same thing wherever it is seen, and nobody's own: not a private address, nor the name of a machine or a sensor.
    pub fn is_common(&self) -> bool {
        match self.entity {
            Entity::Sensor => false,
            Entity::Host => self.value.contains('.'),
            Entity::Address => self.value.parse().is_ok_and(|address| !is_local(address)),
            _ => true,
        }
    }

    /// Whose two ends are its peers: flows, where everything that has addresses is a flow too.
    pub(super) fn pair_classes(&self) -> &[Class] {
        match self.entity {
            Entity::Address | Entity::Sensor => &[Class::Flow],
            _ => &self.classes,
        }
    }

    /// The fields whose values say most of it: the port, and what else names things.
    pub(super) fn beside(&self) -> Vec<&'static str> {
        let mut beside = vec!["dport"];
        for entity in Entity::ALL {
            if entity != self.entity && entity != Entity::Address {
                beside.extend(fields(entity));
            }
        }
        beside.retain(|field| self.classes.iter().any(|class| class.column(field).is_some()));
        beside
    }
}

/// What is known of a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// First and last time it was seen; `None` for never.
    pub seen_us: Option<(i64, i64)>,
    /// Events by class, the most first; a class without one is not there.
    pub by_class: Vec<(Class, u64)>,
    /// Who talked to whom, the most first.
    pub pairs: Vec<Pair>,
    /// How many pairs there are.
    pub pairs_total: u64,
    /// Values beside it, field by field; those without one are left out.
    pub beside: Vec<FieldValues>,
}

impl Known {
    pub(super) const NOTHING: Self = Self {
        seen_us: None,
        by_class: Vec::new(),
        pairs: Vec::new(),
        pairs_total: 0,
        beside: Vec::new(),
    };
}

/// Two addresses that talked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The side that opened.
    pub src: String,
    /// The other side.
    pub dst: String,
    /// Events between them.
    pub events: u64,
}

/// The statement for when a thing was seen, and how often, class by class.
pub(super) fn seen_statement(request: &Request<'_>) -> Result<Option<Statement>, SearchError> {
    Ok(union(request, &classes(request)?, |class, condition, _| {
        let name = class.name();
        format!(
            "SELECT '{name}', toUnixTimestamp64Micro(min(ts)), toUnixTimestamp64Micro(max(ts)), count() FROM `{name}` WHERE {condition}"
        )
    }))
}

/// Reads the answer to [`seen_statement`].
pub(super) fn seen(rows: &[Vec<Value>]) -> Result<Known, SearchError> {
    let mut known = Known::NOTHING;
    for row in rows {
        let parts = || {
            let [class, first, last, count] = row.as_slice() else {
                return None;
            };
            let class = Class::from_name(class.as_str()?)?;
            Some((class, signed(first)?, signed(last)?, unsigned(count)?))
        };
        let (class, first, last, count) =
            parts().ok_or_else(|| SearchError::Answer("no count of a class".to_owned()))?;
        if count == 0 {
            continue;
        }
        known.by_class.push((class, count));
        let (from, to) = known.seen_us.unwrap_or((first, last));
        known.seen_us = Some((from.min(first), to.max(last)));
    }
    known
        .by_class
        .sort_by_key(|(class, count)| (std::cmp::Reverse(*count), class.name()));
    Ok(known)
}

/// The statement for how many organisations besides those of the request's scope a thing was seen at.
pub(super) fn elsewhere_statement(request: &Request<'_>) -> Result<Option<Statement>, SearchError> {
    let mut values = Values::default();
    let mut parts = Vec::new();
    for class in classes(request)? {
        if let Some(condition) = compile::conditions_beyond(request, class, &mut values) {
            parts.push(format!(
                "SELECT DISTINCT tenant FROM `{}` WHERE {condition}",
                class.name()
            ));
        }
    }
    let sql = format!("SELECT uniqExact(tenant) FROM ({})", parts.join(" UNION ALL "));
    Ok((!parts.is_empty()).then(|| Statement::beyond(request.scope, sql, values)))
}

/// The statement for who talked to whom.
pub(super) fn pairs_statement(request: &Request<'_>) -> Result<Option<Statement>, SearchError> {
    let (src, dst) = (address("`src`"), address("`dst`"));
    let inner = union(request, &classes(request)?, |class, condition, _| {
        format!(
            "SELECT {src} AS one_end, {dst} AS other_end, count() AS times FROM `{}` WHERE {condition} GROUP BY one_end, other_end",
            class.name()
        )
    });
    let summed = |inner: &str, _: &mut _| {
        format!(
            "SELECT one_end, other_end, sum(times) AS all_times, count() OVER () FROM ({inner}) \
             WHERE notEmpty(one_end) AND notEmpty(other_end) GROUP BY one_end, other_end \
             ORDER BY all_times DESC, one_end, other_end LIMIT {PAIRS_MAX}"
        )
    };
    Ok(inner.map(|inner| inner.around(summed)))
}

/// Reads the answer to [`pairs_statement`]: the pairs, and how many there are.
pub(super) fn pairs(rows: &[Vec<Value>]) -> Result<(Vec<Pair>, u64), SearchError> {
    let one = |row: &Vec<Value>| {
        let [src, dst, events, total] = row.as_slice() else {
            return None;
        };
        let pair = Pair {
            src: src.as_str()?.to_owned(),
            dst: dst.as_str()?.to_owned(),
            events: unsigned(events)?,
        };
        Some((pair, unsigned(total)?))
    };
    let (mut pairs, mut total) = (Vec::new(), 0);
    for row in rows {
        let (pair, all) = one(row).ok_or_else(|| SearchError::Answer("no pair of addresses".to_owned()))?;
        pairs.push(pair);
        total = all;
    }
    Ok((pairs, total))
}

/// Whether an address is of a machine or a network of one's own (RFC 1918, 3927, 4193, 4291, 6598), or of none.
fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let is_shared = first == 100 && (64..128).contains(&second);
            let is_no_host = v4.is_unspecified() || v4.is_broadcast() || v4.is_multicast() || first == 0;
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || is_shared || is_no_host
        }
        IpAddr::V6(v6) => {
            let [first, ..] = v6.segments();
            let is_own = first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80;
            is_own || v6.is_loopback() || v6.is_unspecified() || v6.is_multicast()
        }
    }
}

/// The names of the fields whose values name such a thing, each once.
pub(super) fn fields(entity: Entity) -> Vec<&'static str> {
    let mut names = Vec::new();
    for class in classes_with(entity) {
        for column in class.columns().filter(|column| column.entity == Some(entity)) {
            if !names.contains(&column.name) {
                names.push(column.name);
            }
        }
    }
    names
}

fn classes_with(entity: Entity) -> Vec<Class> {
    let has = |class: &Class| class.columns().any(|column| column.entity == Some(entity));
    let events = Class::ALL.into_iter().filter(|class| *class != Class::Stats);
    events.filter(has).collect()
}

/// The value as events have it.
fn read(entity: Entity, value: &str) -> Result<String, SearchError> {
    let wants = |what: &str| Err(SearchError::Field(format!("the value wants to be {what}")));
    let value = value.trim();
    if value.is_empty() || value.len() > VALUE_BYTES_MAX {
        return wants("of 1 to 1,024 bytes");
    }
    match entity {
        Entity::Address => match value.parse::<IpAddr>() {
            Ok(address) => Ok(address.to_canonical().to_string()),
            Err(_) => wants("an address such as 10.0.0.1 or 2001:db8::1"),
        },
        Entity::Certificate | Entity::File => {
            let digits: String = value.chars().filter(|c| *c != ':').collect();
            let is_hash =
                [32, 40, 64].contains(&digits.len()) && digits.chars().all(|c| c.is_ascii_hexdigit());
            if is_hash {
                // Some sensors write colons between the bytes; text compares without case.
                Ok(if entity == Entity::File {
                    digits
                } else {
                    value.to_owned()
                })
            } else {
                wants("an MD5, SHA-1 or SHA-256 in hexadecimal")
            }
        }
        Entity::Host => Ok(value.trim_end_matches('.').to_owned()),
        Entity::Ja4 | Entity::UserAgent | Entity::Sensor => Ok(value.to_owned()),
    }
}

fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The pattern of the names under a domain.
fn suffix(domain: &str) -> Result<String, SearchError> {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    if domain.is_empty() || !domain.chars().all(is_name) {
        return Err(SearchError::Field(
            "the value wants to be a domain such as example.vn".to_owned(),
        ));
    }
    Ok(format!("*.{domain}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_looked_for_in_the_fields_that_name_it() {
        let check = |kind: &str, value: &str, text: &str| {
            let subject = Subject::of(kind, value).unwrap().unwrap();
            assert_eq!((subject.kind, subject.text.as_str()), (kind, text));
            let scope = Scope::of(["moh"]);
            let request = subject.request(&scope, None, None);
            assert!(seen_statement(&request).unwrap().is_some(), "{kind}");
        };
        check(
            "address",
            " ::ffff:10.0.0.1",
            r#"src:"10.0.0.1" OR dst:"10.0.0.1""#,
        );
        check("ja4", "t13d", r#"ja4:"t13d""#);
        check("user-agent", r#"a "b" \"#, r#"user_agent:"a \"b\" \\""#);
        check("sensor", "tap-1", r#"sensor:"tap-1""#);
        let host = Subject::of("host", "Example.vn.").unwrap().unwrap();
        assert!(host.text.contains(r#"query:"Example.vn" OR "#), "{}", host.text);
        assert!(!host.text.contains('*'));
        let domain = Subject::of("domain", "example.vn").unwrap().unwrap();
        assert!(
            domain.text.contains("server_name:*.example.vn"),
            "{}",
            domain.text
        );
        assert!(domain.classes().contains(&Class::Dns) && !domain.classes().contains(&Class::Flow));
    }

    #[test]
    fn what_cannot_be_is_refused_and_no_kind_is_none() {
        for (kind, value) in [
            ("address", "10.0.0.0/8"),
            ("address", ""),
            ("file", "xyz"),
            ("certificate", "12"),
            ("domain", "*"),
            ("domain", "a b"),
            ("domain", "a) OR (query:*"),
        ] {
            assert!(
                matches!(Subject::of(kind, value), Err(SearchError::Field(_))),
                "{kind} {value}"
            );
        }
        let long = "x".repeat(VALUE_BYTES_MAX + 1);
        assert!(Subject::of("host", &long).is_err());
        assert_eq!(Subject::of("planet", "mars").unwrap(), None);
    }

    #[test]
    fn what_is_of_ones_own_network_is_not_common() {
        let is_common = |kind: &str, value: &str| Subject::of(kind, value).unwrap().unwrap().is_common();
        for address in [
            "8.8.8.8",
            "172.32.0.1",
            "100.128.0.1",
            "2001:db8::1",
            "::ffff:1.1.1.1",
        ] {
            assert!(is_common("address", address), "{address}");
        }
        for address in [
            "10.1.1.1",
            "172.16.0.1",
            "192.168.0.1",
            "127.0.0.1",
            "169.254.1.1",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "::1",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(!is_common("address", address), "{address}");
        }
        assert!(
            is_common("domain", "example.vn") && is_common("host", "c2.example") && is_common("ja4", "t13d")
        );
        assert!(!is_common("host", "may-tram-7") && !is_common("sensor", "tap-1"));
    }

    #[test]
    fn no_field_stands_beside_itself() {
        let beside = |kind: &str, value: &str| Subject::of(kind, value).unwrap().unwrap().beside();
        assert!(beside("address", "10.0.0.1").contains(&"user_agent"));
        assert!(!beside("sensor", "x").contains(&"sensor"));
        assert!(!beside("ja4", "x").contains(&"ja4") && beside("ja4", "x").contains(&"server_name"));
    }
}
