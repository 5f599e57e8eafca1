//! Numbers and their comparisons, with what is wrong about them as a complaint.

pub(crate) use vonggac_protocol::{Dash, NumberTest};

use crate::error::{Complaint, value};

/// A comparison: see [`NumberTest::parse`].
pub(crate) fn number_test(text: &str, dash: Dash) -> Result<NumberTest, Complaint> {
    NumberTest::parse(text, dash).map_err(value)
}

/// A comparison of sizes: see [`NumberTest::parse_size`].
pub(crate) fn size_test(text: &str) -> Result<NumberTest, Complaint> {
    NumberTest::parse_size(text).map_err(value)
}

/// A decimal number, or hexadecimal after `0x`.
pub(crate) fn number(text: &str) -> Result<u64, Complaint> {
    vonggac_protocol::number(text).map_err(value)
}
