//! The packet path: decode, flows, streams, protocols and signatures make events.
//!
//! ```text
//! frame ─▶ decode ─▶ flow table ─┬▶ signatures on the packet
//!                                ├▶ datagram ─────────────────┐
//!                                └▶ stream ─┬▶ signatures     ├▶ protocol ─▶ signatures, events, files
//!                                           └─────────────────┘
//! ```
//!
//! One [`Inspector`] belongs to one worker thread and shares nothing but what rules remember across flows ([`RuleMemory`]). It does no I/O and reads no clock: time is that of
//! the packets. Events leave through a [`Sink`], without the ids that the sensor gives them (event, sensor, tenant,
//! exercise), and oriented from originator to responder. In a flow that was met amid its way the first to be seen may be the server; once
//! the protocol shows it, its events and what rules are told are turned round.
//!
//! What is spoken in a flow is told by its content on any port: each protocol of [`vonggac_protocols::REGISTRY`] is shown the beginning. Nothing
//! here knows one protocol from another. What a protocol leaves to another (tunnels, upgrades) is told anew, from its first byte.
//!
//! Invariants: packets received = packets processed + the sum of drops by reason. Memory is bounded by the flow table's
//! limits and the named limits of [`Config`]; reaching one is counted, see [`Counters::list`]. Where a budget of all flows together is
//! spent, those give back who hold most or longest, and who comes next finds room.

mod anomaly;
mod application;
mod budget;
mod config;
mod conversation;
mod counters;
mod flow_events;
mod frames;
mod inspector;
mod memory;
mod protocol_host;
mod protocols;
mod signatures;
mod unanswered;
mod windows;
mod worker;

pub use config::Config;
pub use counters::Counters;
pub use inspector::{Inspector, Sink};
pub use memory::{FLOW_BYTES, Memory};
pub use unanswered::UnansweredLimits;
pub use vonggac_decode::{FragmentPolicies, FragmentPolicy, LinkType};
pub use vonggac_protocol::Limits;
pub use vonggac_signature::Memory as RuleMemory;
pub use vonggac_stream::{
    Checksums, Config as StreamConfig, HostPolicies, Keys, Policy, UrgentData, VlanKey,
};

#[cfg(test)]
mod tests;
