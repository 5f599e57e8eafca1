//! The vocabulary every part speaks: events, matches and alerts, their ids, their wire form and their columns.
//!
//! - [`proto`]: the messages on Kafka, generated from `proto/vonggac/v1/event.proto`.
//! - [`id`]: 128-bit event and alert ids, 64-bit flow ids.
//! - [`wire`]: the version byte and the way in and out of bytes.
//! - [`schema`]: one table that says, class by class, which columns an event has, of which kind, under which names
//!   other languages (Zeek, EVE, Sigma's taxonomies, OCSF) know them, and how to read them from an event. It is made from the options in
//!   the same file; ClickHouse tables, Sigma's log sources and fields, EVE, search and the console's lists all come from it.
//! - [`classtype`]: the standard class types of rules, their priorities and names.
//! - [`cut`]: how an event that is too large is made to fit.
//! - [`limits`]: the bounds shared by more than one part.
//! - [`eve`]: Suricata's EVE JSON form of an event.
//!
//! It does no I/O and reads no clock.

pub mod classtype;
pub mod cut;
pub mod eve;
pub mod id;
pub mod limits;
pub mod schema;
pub mod topic;
pub mod wire;

/// The messages on Kafka, generated from the Protobuf schema.
#[allow(missing_docs, clippy::doc_markdown)]
pub mod proto {
    include!(concat!(env!("OUT_DIR"), "/vonggac.v1.rs"));
    include!(concat!(env!("OUT_DIR"), "/long_fields.rs"));
}

mod address;
mod hex;
mod rule;
mod scope;

pub use address::{address_bytes, parse_address, protocol_name};
pub use hex::hexadecimal;
pub use id::{AlertId, EventId, FlowId};
pub use proto::{Alert, Event, Match, RuleCard, RuleKind, Severity, event::Body};
pub use schema::{Class, ClassInfo, Column, Entity, Kind, Value};
pub use scope::{Scope, Stage};
