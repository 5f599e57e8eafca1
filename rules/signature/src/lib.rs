//! Suricata's rule language: parser with positions, compiler and matcher.
//!
//! Pure and synchronous: files are read by the caller, time is an argument. Rules go through three
//! steps, each of which says of every rule either what it became or what is wrong and where:
//!
//! ```text
//! text ──parse──▶ ParsedRule ──Engine::compile──▶ Engine (shared) ──▶ Matcher (one per worker)
//! ```
//!
//! # What looks where
//! * Rules on what protocols have (`http.uri`, `dns.query`, `tls.version`, …) are judged by
//!   [`Matcher::transaction`], once for each side of a transaction, at the stage at which all is there that they
//!   ask for. What there is, protocols' cards declare; rules on protocols without a card load and never match.
//! * Payload conditions of TCP rules look into the reassembled stream ([`Matcher::stream`]); also into
//!   single packets if a content says `offset`, `depth` or `startswith`; only into single packets
//!   ([`Matcher::packet`]) for `tcp-pkt`, `flow:no_stream`, and rules with conditions on headers or `dsize`.
//!   A TCP packet without a flow is judged by all of them.
//! * Payload conditions of other protocols look into single packets.
//! * A rule with conditions on both payload and application buffers matches if both halves match in one
//!   transaction: the payload that came with it, in its direction.
//! * `http`, `dns`, `tls` … as protocol ask that the sensor recognised that protocol.
//!
//! # What reports how often
//! A rule found in a stream reports once per direction of a flow, as do rules on addresses alone. Those
//! that count (`threshold` other than `limit`, `detection_filter`) count every packet, or chunk of the
//! stream, that shows the pattern anew;
//! others report each time, within their `threshold`. Thresholds and host bits are those of all matchers that share a [`Memory`].
//!
//! # How far `pass` reaches
//! A `pass` rule on addresses alone, on an application protocol or its buffers, or found in a stream frees
//! the rest of the flow; one found in a packet frees what that packet brought: its own call and those of
//! the chunks and transactions before the flow's next packet.
//!
//! # What it does not do
//! No Lua, `asn1`, `ftpbounce`, frames, buffers of packet headers (`tcp.hdr`), DCE/RPC byte order, JSON in
//! datasets. Rules that need these are refused with an error that says so. `tag` says nothing here.
//!
//! # What rules name that lies outside of them
//! Lists in files and sets of values come from [`Resources`]; what is known of packets, flows and files
//! beside their bytes from the fields of [`Context`], each of which says who fills it. Where nobody does, a
//! condition on it never holds.
//!
//! # Invariants
//! * No rule is tried unless its pattern is in the data or its addresses name the packet's, or it is one
//!   of the few that have neither; of ET Open an everyday request meets 13 rules of 15,000.
//! * A verification takes at most [`limits::VERIFY_STEPS_MAX`] tries; what stops is counted.

mod app_test;
mod base64;
mod bit_test;
mod bounded_map;
mod bytes;
mod capture;
mod check;
mod checksum_test;
mod classification;
mod compile;
mod condition;
mod content;
mod context;
mod dataset;
mod engine;
mod error;
mod event_test;
mod exchange;
mod file_test;
mod filter;
mod flow_state;
mod flow_test;
mod halves;
mod headers;
mod hexadecimal;
mod ip_test;
pub mod limits;
mod matcher;
mod number;
mod packet_test;
mod parse;
mod pattern;
mod payload_groups;
mod prefilter;
mod range_index;
mod ranges;
mod reputation;
mod resources;
mod rule;
mod stages;
mod threshold;
mod transform;
mod unread;
mod variable_test;
mod variables;
mod verify;
mod vlan_test;
mod vocabulary;
mod warning;
mod whole_test;

pub use capture::{Variable, VariableScope};
pub use classification::classtype_priority;
pub use context::{
    Checksums, Context, Direction, FileFacts, FlowFacts, Fragment, IcmpFacts, PacketFacts, TcpFacts,
};
pub use dataset::{Dataset, DatasetKind, DatasetRequest, DatasetStore, MemoryDatasets};
pub use engine::Engine;
pub use error::{ErrorKind, RuleError};
pub use flow_state::FlowState;
pub use matcher::{Counters, Hit, Matcher, Memory, Stage};
pub use parse::{ParsedRule, parse};
pub use reputation::ReputationLists;
pub use resources::{NoFiles, Resources, RuleFiles};
pub use rule::{Action, RuleIndex, RuleInfo};
pub use threshold::ThresholdConfig;
pub use variables::Variables;
pub use vocabulary::App;
pub use warning::{RuleWarning, WarningKind};
