//! Who is to blame when ClickHouse does not take an insert.

use crate::StoreError;

/// Whose fault a failed insert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Something in the rows: trying again changes nothing.
    Data,
    /// The server, the way to it, or its tables: it passes, or a person mends it.
    Server,
    /// A table or the database is not there: bringing the schema up to date makes it.
    Schema,
}

/// Error codes of ClickHouse that speak of the rows: parsing, values out of range or too large, violated constraints, and functions that
/// a column's expression calls on a value it cannot take.
const ABOUT_DATA: &[u32] = &[
    6,   // CANNOT_PARSE_TEXT
    26,  // CANNOT_PARSE_QUOTED_STRING
    27,  // CANNOT_PARSE_INPUT_ASSERTION_FAILED
    33,  // CANNOT_READ_ALL_DATA
    38,  // CANNOT_PARSE_DATE
    41,  // CANNOT_PARSE_DATETIME
    69,  // ARGUMENT_OUT_OF_BOUND
    70,  // CANNOT_CONVERT_TYPE
    72,  // CANNOT_PARSE_NUMBER
    117, // INCORRECT_DATA
    128, // TOO_LARGE_ARRAY_SIZE
    130, // CANNOT_READ_ARRAY_FROM_TEXT
    131, // TOO_LARGE_STRING_SIZE
    153, // ILLEGAL_DIVISION
    190, // SIZES_OF_ARRAYS_DONT_MATCH
    321, // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
    349, // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
    376, // CANNOT_PARSE_UUID
    395, // FUNCTION_THROW_IF_VALUE_IS_NON_ZERO
    407, // DECIMAL_OVERFLOW
    441, // CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING
    469, // VIOLATED_CONSTRAINT
    675, // CANNOT_PARSE_IPV4
    676, // CANNOT_PARSE_IPV6
    691, // UNKNOWN_ELEMENT_OF_ENUM
];

const ABOUT_SCHEMA: &[u32] = &[
    60, // UNKNOWN_TABLE
    81, // UNKNOWN_DATABASE
];

impl StoreError {
    /// ClickHouse's error code, where it gave one.
    pub fn code(&self) -> Option<u32> {
        let Self::ClickHouse { source, .. } = self else {
            return None;
        };
        let text = source.to_string();
        let (_, rest) = text.split_once("Code: ")?;
        rest.split(|character: char| !character.is_ascii_digit())
            .next()?
            .parse()
            .ok()
    }

    /// Whose fault a failed insert is. What is not known to be the rows' is the server's: waiting loses nothing.
    pub fn reason(&self) -> Reason {
        match self.code() {
            Some(code) if ABOUT_DATA.contains(&code) => Reason::Data,
            Some(code) if ABOUT_SCHEMA.contains(&code) => Reason::Schema,
            _ => Reason::Server,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_who_is_to_blame() {
        let check = |text: &str, expect: Reason| {
            let error = StoreError::ClickHouse {
                doing: "insert".into(),
                source: clickhouse::error::Error::BadResponse(text.into()),
            };
            assert_eq!(error.reason(), expect, "{text}");
        };
        check(
            "Code: 469. DB::Exception: Constraint `c` for table x is violated. (VIOLATED_CONSTRAINT)",
            Reason::Data,
        );
        check(
            "Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space",
            Reason::Server,
        );
        check("Code: 252. DB::Exception: Too many parts (300)", Reason::Server);
        check(
            "Code: 60. DB::Exception: Table vonggac.flow does not exist",
            Reason::Schema,
        );
        check("bad gateway", Reason::Server);
    }
}
