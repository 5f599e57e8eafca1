//! Conformance: captures go through an inspector in this process, and what comes out is compared with what is expected.
//!
//! [`corpus`] says where public captures are, which are never copied into the project; [`replay`] plays frames and files.

pub mod corpus;
pub mod replay;
