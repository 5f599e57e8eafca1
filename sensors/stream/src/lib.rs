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
//! - Data is delivered as soon as it is in order, not when it is acknowledged. Where segments overlap, the byte that
//!   came first wins; a difference among bytes that still wait is an [`StreamAnomaly::OverlapConflict`]. Bytes already
//!   delivered are not kept, so a later copy of them is dropped unseen.
//! - A hole is given up (a gap) when the receiver acknowledged beyond it, or when too much waits behind it.
//! - Time is packet time: the table never reads a clock, and times out nothing while no packets come unless told by
//!   [`FlowTable::advance`].
//!
//! Invariants: at most [`Config::flows_max`] flows; out-of-order data of one flow is at most
//! [`Config::waiting_bytes_flow_max`], of all flows [`Config::waiting_bytes_max`], each segment charged
//! [`SEGMENT_OVERHEAD_BYTES`] more. No packet costs more than its own length and its due expirations.

mod config;
mod delivery;
mod entry;
mod flow;
mod half;
mod key;
mod table;
mod tcp;

pub use config::{Config, Counters, Timeouts};
pub use flow::{Direction, EndReason, Endpoint, Flow, Handler, Interest, StreamAnomaly};
pub use half::SEGMENT_OVERHEAD_BYTES;
pub use table::{FlowRef, FlowTable};

#[cfg(test)]
mod tests;
