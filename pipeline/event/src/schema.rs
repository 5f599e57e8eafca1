//! The columns of every class of events, in one table, made from the options in `proto/vonggac/v1/event.proto`.
//!
//! A class has the [`COMMON`] columns and its own. A column says its name (short, Zeek-like), its [`Kind`], the names other
//! languages use for it, what it is in two languages, and how to read it from an event. Stored columns are ClickHouse columns in this order;
//! the others are derived (`uri_query` from `uri`).
//!
//! Invariant: stored columns are only ever appended to a class, and never change their kind (`tests/columns.rs`).

mod derived;
mod value;

pub use value::{Kind, Value};

use crate::proto::{Event, event::Body};

include!(concat!(env!("OUT_DIR"), "/classes.rs"));

/// What the schema says of a class.
#[derive(Debug)]
pub struct ClassInfo {
    /// Name of the class and of its table.
    pub name: &'static str,
    /// What people call it, in Vietnamese.
    pub vi: &'static str,
    /// What people call it, in English.
    pub en: &'static str,
    /// OCSF 1.8 `class_uid`; 0 where OCSF has none.
    pub ocsf_class_uid: u32,
    /// EVE's `event_type`, and the name of its object there.
    pub eve: &'static str,
    /// Sigma's categories that mean it, beside its name.
    pub categories: &'static [&'static str],
    /// Sigma's categories that mean it, whatever the product.
    pub categories_of_any_product: &'static [&'static str],
    /// Sigma's services without product or category that mean it.
    pub services: &'static [&'static str],
    /// Zeek's logs of it.
    pub zeek_logs: &'static [&'static str],
    /// Suricata's logs of it.
    pub suricata_logs: &'static [&'static str],
    /// Columns that say most about an event, in the order in which they are shown.
    pub key: &'static [&'static str],
    /// Number of its colour in the console's palette, from 1.
    pub colour: u32,
    /// The columns of this class alone.
    columns: &'static [Column],
}

/// What a column's values may name, of which people want to know all there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Entity {
    /// A machine, by its address.
    Address,
    /// A machine, by its name.
    Host,
    /// A client's way of speaking TLS.
    Ja4,
    /// A certificate, by a hash of it.
    Certificate,
    /// A file, by a hash of it.
    File,
    /// What a client's software calls itself.
    UserAgent,
    /// A sensor.
    Sensor,
}

impl Entity {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::Address,
        Self::Host,
        Self::Ja4,
        Self::Certificate,
        Self::File,
        Self::UserAgent,
        Self::Sensor,
    ];

    /// As the console's addresses name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Host => "host",
            Self::Ja4 => "ja4",
            Self::Certificate => "certificate",
            Self::File => "file",
            Self::UserAgent => "user-agent",
            Self::Sensor => "sensor",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|entity| entity.name() == name)
    }
}

/// One column of a class.
pub struct Column {
    /// Name in ClickHouse, in searches and in rules.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// Whether ClickHouse has it.
    pub stored: bool,
    /// Names in Zeek's logs, Suricata's EVE, Sigma's taxonomies and OCSF.
    pub aliases: &'static [&'static str],
    /// Path in EVE, such as `dns.rrname`; empty for none.
    pub eve: &'static str,
    /// What it is, in Vietnamese.
    pub vi: &'static str,
    /// What it is, in English.
    pub en: &'static str,
    /// Whether its values are long.
    pub wide: bool,
    /// What its values name.
    pub entity: Option<Entity>,
    /// Whether a stored 0 stands for "none".
    pub zero_is_none: bool,
    /// ClickHouse's expression of a derived column; empty where searches cannot ask for it, and for a stored one.
    pub sql: &'static str,
    /// Reads it from an event; [`Value::Null`] when the event has none.
    pub read: fn(&Event) -> Value<'_>,
}

impl std::fmt::Debug for Column {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Column({}: {:?})", self.name, self.kind)
    }
}

impl Class {
    /// Name of the class and of its table.
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// The class of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// The columns of this class alone.
    pub fn own_columns(self) -> &'static [Column] {
        self.info().columns
    }

    /// The common columns and then its own.
    pub fn columns(self) -> impl Iterator<Item = &'static Column> {
        COMMON.iter().chain(self.own_columns())
    }

    /// The columns that ClickHouse has, in the table's order.
    pub fn stored_columns(self) -> impl Iterator<Item = &'static Column> {
        self.columns().filter(|column| column.stored)
    }

    /// The column of that name, or of an alias; case does not matter.
    pub fn column(self, name: &str) -> Option<&'static Column> {
        let is = |other: &str| other.eq_ignore_ascii_case(name);
        self.columns().find(|column| is(column.name)).or_else(|| {
            self.columns()
                .find(|column| column.aliases.iter().any(|alias| is(alias)))
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unambiguous_in_a_class() {
        for class in Class::ALL {
            let mut seen = HashSet::new();
            for column in class.columns() {
                for name in std::iter::once(&column.name).chain(column.aliases) {
                    assert!(
                        seen.insert(name.to_lowercase()),
                        "{}: {name} stands twice",
                        class.name()
                    );
                }
            }
        }
    }

    #[test]
    fn other_languages_names_find_the_column() {
        let check = |class: Class, name: &str, expect: &str| {
            assert_eq!(
                class.column(name).map(|column| column.name),
                Some(expect),
                "{name}"
            );
        };
        check(Class::Http, "cs-uri-query", "uri_query");
        check(Class::Http, "c-useragent", "user_agent");
        check(Class::Dns, "record_type", "qtype_name");
        check(Class::Flow, "id.resp_p", "dport");
        check(Class::Signature, "alert.signature_id", "sid");
    }

    #[test]
    fn an_event_of_another_class_reads_as_null() {
        let event = Event::default();
        for column in Class::Tls.own_columns() {
            assert!(matches!((column.read)(&event), Value::Null), "{}", column.name);
        }
    }
}
