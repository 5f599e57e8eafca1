//! HTTP flows as the core sees them: what a protocol is fed, and what it tells.
#![allow(clippy::unwrap_used, clippy::panic)]

mod exchange;
mod files;
mod forms;
mod hostile;
mod pairing;
mod recorder;
