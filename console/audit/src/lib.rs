//! The audit log's proof: what an entry is, the tree over all of them, signed checkpoints, and whether an export is what was written.
//!
//! - [`entry`]: an entry and its bytes.
//! - [`tree`]: the RFC 6962 tree, kept by its frontier.
//! - [`proof`]: inclusion and consistency.
//! - [`note`]: signed notes and keys, Ed25519, witnesses.
//! - [`checkpoint`]: a tree's size and root, signed; a proof that can be handed on.
//! - [`export`]: the file.
//! - [`verify`]: checks one, and says what that proves.
//!
//! No I/O, no clock, no randomness: keys, times and bytes are arguments. What is read here may come from an enemy: everything has a
//! limit, and nothing panics.

pub mod checkpoint;
pub mod entry;
pub mod export;
pub mod note;
pub mod proof;
pub mod tree;
pub mod verify;

#[cfg(test)]
mod tests;
