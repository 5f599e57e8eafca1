//! The packet path: decode, flows, streams, protocols and signatures make events.
//!
//! ```text
//! frame ─▶ decode ─▶ flow table ─┬▶ signatures on the packet
//!                                ├▶ UDP: DNS ──────────────────┐
//!                                └▶ TCP stream ─┬▶ signatures  ├▶ transactions ─▶ signatures, events, files
//!                                               └▶ DNS HTTP TLS┘
//! ```
//!
//! One [`Inspector`] belongs to one worker thread and shares nothing. It does no I/O and reads no clock: time is that of
//! the packets. Events leave through a [`Sink`], without the ids that the sensor gives them (event, sensor, tenant,
//! exercise), and oriented from originator to responder. In a flow that was met amid its way the first to be seen may be the server; once
//! the protocol shows it, its events and what rules are told are turned round.
//!
//! Protocols are told by content, not by port; a port decides only whether UDP that barely resembles DNS is tried as
//! such. What the HTTP/1 parser gives up on (tunnels, upgrades) goes on as a plain stream.
//!
//! Invariants: packets received = packets processed + the sum of drops by reason. Memory is bounded by the flow table's
//! limits and the named limits of [`Config`]; reaching one is counted, see [`Counters::list`].

mod anomaly;
mod application;
mod body;
mod config;
mod conversation;
mod counters;
mod dns;
mod http;
mod http_buffers;
mod http_transaction;
mod inspector;
mod magic;
mod signatures;
mod tls;
mod worker;

pub use config::Config;
pub use counters::Counters;
pub use inspector::{Inspector, Sink};
pub use vonggac_decode::LinkType;
pub use vonggac_stream::{Checksums, Config as StreamConfig, HostPolicies, Policy, UrgentData};

#[cfg(test)]
mod tests;
