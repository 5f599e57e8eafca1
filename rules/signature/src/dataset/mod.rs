//! Sets of values that rules ask and change: `dataset` and `datarep`.
//!
//! A set has a name and a type and is shared by all rules and workers. Which sets there are and where they
//! come from is the business of a [`DatasetStore`]; [`MemoryDatasets`] is the one that keeps them in memory,
//! bounded, filled from files that the caller reads; those that rules want saved, the caller writes.
//!
//! A set is changed when the keyword is judged, whether or not the rest of the rule matches, as in Suricata.

mod memory;
mod test;

use std::fmt;
use std::sync::Arc;

pub use memory::MemoryDatasets;
pub(crate) use test::{DatasetCommand, DatasetTest, ReputationTest};

/// What the values of a set are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DatasetKind {
    /// Any bytes; base64 in files.
    String,
    /// 16 bytes; hexadecimal in files.
    Md5,
    /// 32 bytes; hexadecimal in files.
    Sha256,
    /// An IPv4 address.
    Ipv4,
    /// An IPv4 or IPv6 address.
    Ip,
}

impl DatasetKind {
    pub(crate) fn from_name(name: &str) -> Option<DatasetKind> {
        Some(match name {
            "string" => DatasetKind::String,
            "md5" => DatasetKind::Md5,
            "sha256" => DatasetKind::Sha256,
            "ipv4" => DatasetKind::Ipv4,
            "ip" => DatasetKind::Ip,
            _ => return None,
        })
    }
}

/// What a rule says of the set it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetRequest<'r> {
    /// Name of the set.
    pub name: &'r str,
    /// Its type; `None` if the rule leaves that to another.
    pub kind: Option<DatasetKind>,
    /// File with its first values. It must be there.
    pub load: Option<&'r str>,
    /// File that the values come from, if it is there, and go to.
    pub state: Option<&'r str>,
    /// File that the values go to.
    pub save: Option<&'r str>,
    /// Bytes that the set may take; `None`: as many as the store allows.
    pub bytes_max: Option<u64>,
    /// File of the rule, which files of values are named relative to.
    pub rule_file: &'r str,
    /// Whether each value has a number beside it (`datarep`).
    pub has_reputation: bool,
}

/// A set of values. Values are raw: bytes of a digest, 4 or 16 bytes of an address.
pub trait Dataset: fmt::Debug + Send + Sync {
    /// Whether the value is in the set.
    fn contains(&self, value: &[u8]) -> bool;
    /// The number beside the value, if it is in the set.
    fn reputation(&self, value: &[u8]) -> Option<u16>;
    /// Puts the value into the set; whether it is new there. Where there is no room it is not.
    fn insert(&self, value: &[u8]) -> bool;
    /// Takes the value out; whether it was there.
    fn remove(&self, value: &[u8]) -> bool;
}

/// Where rules get their sets from.
pub trait DatasetStore: fmt::Debug + Send + Sync {
    /// The set of that name, made and filled if it is not there yet.
    ///
    /// # Errors
    /// In words, why there is no such set: its type is another, a file cannot be read or understood.
    fn open(&self, request: &DatasetRequest<'_>) -> Result<Arc<dyn Dataset>, String>;
}
