//! How grave a rule is by its class type.

/// The priority of a rule whose class type is missing or unknown.
pub(crate) const PRIORITY_DEFAULT: u8 = 3;

pub use vonggac_event::classtype::priority as classtype_priority;
