//! Conformance: captures go through an inspector in this process, and what comes out is compared with what is expected.
//!
//! [`case`] runs a case of Suricata's suite: [`yaml`] and [`settings`] read it, [`check`] asks what it asks of the events, and [`why`] says what they lack; [`reasons`] are those of cases
//! that do not pass. [`corpus`] says where public captures are, which are never copied into the project; [`replay`] plays frames and files.

pub mod case;
pub mod check;
pub mod corpus;
pub mod reasons;
pub mod replay;
pub mod settings;
pub mod why;
pub mod yaml;
