//! The columns of every class of event, in one table.
//!
//! A class has the [`COMMON`] columns and its own. A column says its name (short, Zeek-like), its [`Kind`], the names other
//! languages use for it, and how to read it from an event. Stored columns are ClickHouse columns in this order; the others are
//! derived (`uri_query` from `uri`) and exist for rules alone.
//!
//! Invariant: stored columns are only ever appended to a class, and never change their kind.

mod columns;
mod value;

pub use columns::COMMON;
pub use value::{Kind, Value};

use crate::proto::{Event, event::Body};

/// A class of event; each is a ClickHouse table of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// A flow that ended.
    Flow,
    /// A DNS question and its answer.
    Dns,
    /// An HTTP transaction.
    Http,
    /// A TLS handshake.
    Tls,
    /// A file carried by a protocol.
    File,
    /// A signature's hit.
    Signature,
    /// A YARA rule's match on a file.
    Yara,
    /// Traffic that breaks its protocol's rules.
    Anomaly,
    /// A sensor's counters.
    Stats,
}

/// One column of a class.
pub struct Column {
    /// Name in ClickHouse, in searches and in rules.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// Whether ClickHouse has it; a derived column exists for rules alone.
    pub stored: bool,
    /// Names in Zeek's logs, Sigma's taxonomies and Suricata's EVE.
    pub aliases: &'static [&'static str],
    /// Reads it from an event; [`Value::Null`] when the event has none.
    pub read: fn(&Event) -> Value<'_>,
}

impl std::fmt::Debug for Column {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Column({}: {:?})", self.name, self.kind)
    }
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 9] = [
        Self::Flow,
        Self::Dns,
        Self::Http,
        Self::Tls,
        Self::File,
        Self::Signature,
        Self::Yara,
        Self::Anomaly,
        Self::Stats,
    ];

    /// The class of an event; `None` when it has no body.
    pub fn of(event: &Event) -> Option<Self> {
        Some(match event.body.as_ref()? {
            Body::Flow(_) => Self::Flow,
            Body::Dns(_) => Self::Dns,
            Body::Http(_) => Self::Http,
            Body::Tls(_) => Self::Tls,
            Body::File(_) => Self::File,
            Body::Signature(_) => Self::Signature,
            Body::Yara(_) => Self::Yara,
            Body::Anomaly(_) => Self::Anomaly,
            Body::Stats(_) => Self::Stats,
        })
    }

    /// Name of the class and of its table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flow => "flow",
            Self::Dns => "dns",
            Self::Http => "http",
            Self::Tls => "tls",
            Self::File => "file",
            Self::Signature => "signature",
            Self::Yara => "yara",
            Self::Anomaly => "anomaly",
            Self::Stats => "stats",
        }
    }

    /// The class of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// OCSF 1.8 `class_uid`: Network Activity, HTTP Activity, DNS Activity, Network File Activity, Detection Finding; 0 for
    /// the sensor's own counters.
    pub fn ocsf_class_uid(self) -> u32 {
        match self {
            Self::Flow | Self::Tls | Self::Anomaly => 4001,
            Self::Http => 4002,
            Self::Dns => 4003,
            Self::File => 4010,
            Self::Signature | Self::Yara => 2004,
            Self::Stats => 0,
        }
    }

    /// The columns of this class alone.
    pub fn own_columns(self) -> &'static [Column] {
        columns::of(self)
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
    use crate::proto::Http;
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
    fn derived_columns_read_what_they_derive_from() {
        let http = Http {
            host: "a.example".into(),
            uri: "/p/x.php?q=1".into(),
            ..Http::default()
        };
        let event = Event {
            body: Some(Body::Http(http)),
            ..Event::default()
        };
        let check = |name: &str, expect: &str| {
            let column = Class::Http.column(name).unwrap();
            assert_eq!((column.read)(&event).to_text().as_deref(), Some(expect), "{name}");
        };
        check("url", "http://a.example/p/x.php?q=1");
        check("uri_stem", "/p/x.php");
        check("uri_query", "q=1");
        check("uri_extension", "php");
    }

    #[test]
    fn an_event_of_another_class_reads_as_null() {
        let event = Event::default();
        for column in Class::Tls.own_columns() {
            assert!(matches!((column.read)(&event), Value::Null), "{}", column.name);
        }
    }
}
