//! Flows and TCP reassembly.
//!
//! A [`FlowTable`] belongs to one worker. Each packet goes to its flow (both directions of one 5-tuple and VLAN), is
//! counted there, and TCP payload is handed to a [`Handler`] in the order of the stream, each byte at most once:
//!
//! ```text
//! packet ─▶ key ─▶ flow ─▶ Handler::packet ─▶ [reassembly] ─▶ Handler::data | gap ─▶ Handler::end_of_stream
//!                    └─ timed out, evicted, shut down ─▶ what waited, with gaps ─▶ Handler::end
//! ```
//!
//! - Only segments count that the receiving host would take, see `tcp.rs`; the others are told as a [`StreamAnomaly`].
//! - Data is delivered as soon as it is in order, not when it is acknowledged. Where segments overlap that wait behind a hole, the
//!   receiver's [`Policy`] says whose bytes count; what was delivered stays. Delivered bytes are kept until they are acknowledged, within
//!   limits, and a segment that says something else in their place is told ([`Handler::conflict`]).
//! - A hole is given up (a gap) when the receiver acknowledged beyond it, or when too much waits behind it.
//! - A stream ends when its FIN is acknowledged, or with the flow.
//! - Time is packet time: the table never reads a clock, and times out nothing while no packets come unless told by
//!   [`FlowTable::advance`].
//!
//! Invariants: at most [`Config::flows_max`] flows; out-of-order data of one flow is at most
//! [`Config::waiting_bytes_flow_max`], of all flows [`Config::waiting_bytes_max`], each segment charged
//! [`SEGMENT_OVERHEAD_BYTES`] more; beyond the latter, the flow whose hole is open longest gives it up, since an honest one is filled
//! within a round trip. What is kept until it is acknowledged is at most [`Config::unacked_bytes_max`]; beyond, the flow that is longest
//! without an acknowledgement is compared no more. Where the table is full, who has not proved to be two hosts in talk makes room first.
//! No packet costs more than its own length and its due expirations.

mod config;
mod delivery;
mod entry;
mod flow;
mod half;
mod key;
mod order;
mod policy;
mod table;
mod tcp;

pub use config::{Checksums, Config, Counters, Keys, Timeouts, UrgentData, VlanKey};
pub use flow::{
    CONFLICT_NAME, CONFLICTS_FLOW_MAX, Direction, EndReason, Endpoint, Flow, Handler, Interest, StreamAnomaly,
};
pub use half::SEGMENT_OVERHEAD_BYTES;
pub use order::Order;
pub use policy::{HostPolicies, Policy};
pub use table::{FlowRef, FlowTable};

#[cfg(test)]
mod tests;
