//! ClickHouse's exceptions: their text, their codes, and the HTTP status each code gets.

use axum::http::StatusCode;

/// Codes of the exceptions that this server raises by itself; the names are ClickHouse's.
pub(crate) mod code {
    pub(crate) const BAD_ARGUMENTS: u32 = 36;
    pub(crate) const TOO_LARGE_SIZE_COMPRESSED: u32 = 39;
    pub(crate) const CHECKSUM_DOESNT_MATCH: u32 = 40;
    pub(crate) const SYNTAX_ERROR: u32 = 62;
    pub(crate) const UNKNOWN_TYPE_OF_QUERY: u32 = 78;
    pub(crate) const UNKNOWN_COMPRESSION_METHOD: u32 = 89;
    pub(crate) const UNKNOWN_SETTING: u32 = 115;
    pub(crate) const READONLY: u32 = 164;
    pub(crate) const TOO_MANY_SIMULTANEOUS_QUERIES: u32 = 202;
    pub(crate) const SOCKET_TIMEOUT: u32 = 209;
    pub(crate) const QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING: u32 = 216;
    pub(crate) const QUERY_IS_TOO_LARGE: u32 = 229;
    pub(crate) const ABORTED: u32 = 236;
    pub(crate) const CANNOT_DECOMPRESS: u32 = 271;
    pub(crate) const INTO_OUTFILE_NOT_ALLOWED: u32 = 348;
    pub(crate) const SESSION_NOT_FOUND: u32 = 372;
    pub(crate) const SESSION_IS_LOCKED: u32 = 373;
    pub(crate) const INVALID_SESSION_TIMEOUT: u32 = 374;
    pub(crate) const AUTHENTICATION_FAILED: u32 = 516;
    pub(crate) const USER_SESSION_LIMIT_EXCEEDED: u32 = 700;
    /// What the engine did not number.
    pub(crate) const UNKNOWN_EXCEPTION: u32 = 1002;
}

/// An exception as a client sees it: `Code: N. DB::Exception: …`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub(crate) struct Exception {
    /// ClickHouse's error code.
    pub(crate) code: u32,
    /// The whole line, without the server's version.
    text: String,
}

impl Exception {
    /// One of ours, in ClickHouse's words.
    pub(crate) fn new(code: u32, name: &str, message: impl std::fmt::Display) -> Self {
        Self {
            code,
            text: format!("Code: {code}. DB::Exception: {message} ({name})"),
        }
    }

    /// One of the engine's, from its text.
    pub(crate) fn from_engine(text: &str) -> Self {
        match parse_code(text) {
            Some(code) => Self {
                code,
                text: text.trim_end().to_owned(),
            },
            None => Self::new(code::UNKNOWN_EXCEPTION, "UNKNOWN_EXCEPTION", text.trim_end()),
        }
    }

    /// The line with the server's version at its end, where ClickHouse puts it and clients look for it.
    pub(crate) fn line(&self, version: &str) -> String {
        match self.text.ends_with(')') && self.text.contains("(version ") {
            true => self.text.clone(),
            false => format!("{} (version {version} (official build))", self.text),
        }
    }

    /// The status that ClickHouse answers with.
    pub(crate) fn status(&self) -> StatusCode {
        status(self.code)
    }
}

fn parse_code(text: &str) -> Option<u32> {
    let rest = text.split_once("Code: ")?.1;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    rest.get(..digits)?.parse().ok()
}

/// `exceptionCodeToHTTPStatus` of ClickHouse's HTTP handler.
fn status(code: u32) -> StatusCode {
    match code {
        194 => StatusCode::UNAUTHORIZED,
        192 | 193 | 512 | 516 => StatusCode::FORBIDDEN,
        // Statements and data that cannot be read.
        6
        | 8
        | 15
        | 25..=27
        | 36..=38
        | 41
        | 44
        | 53
        | 62
        | 72
        | 117
        | 123
        | 167
        | 168
        | 223
        | 321
        | 376
        | 427
        | 441
        | 675
        | 676
        | 691 => StatusCode::BAD_REQUEST,
        // Names that mean nothing here.
        46 | 47 | 50 | 56 | 60 | 63 | 73 | 78 | 81 | 115 | 152 | 336 | 511 => StatusCode::NOT_FOUND,
        159 => StatusCode::REQUEST_TIMEOUT,
        229 => StatusCode::PAYLOAD_TOO_LARGE,
        381 => StatusCode::LENGTH_REQUIRED,
        48 => StatusCode::NOT_IMPLEMENTED,
        76 | 209 | 439 => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The block that ClickHouse (25.11 and later) puts at the end of a body that fails after it began; the tag is
/// the one announced by `X-ClickHouse-Exception-Tag`, so that no data can look like it.
///
/// ```text
/// \r\n__exception__\r\n TAG \r\n MESSAGE \n LENGTH ' ' TAG \r\n__exception__\r\n
/// ```
/// LENGTH counts MESSAGE and its line feed.
pub(crate) fn block_in_body(message: &str, tag: &str) -> String {
    let length = message.len().saturating_add(1);
    format!("\r\n__exception__\r\n{tag}\r\n{message}\n{length} {tag}\r\n__exception__\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_statuses() {
        for (text, code, status) in [
            (
                "Code: 60. DB::Exception: Table x does not exist. (UNKNOWN_TABLE)",
                60,
                404,
            ),
            ("Code: 62. DB::Exception: Syntax error (SYNTAX_ERROR)", 62, 400),
            (
                "Code: 241. DB::Exception: Code: 241. DB::Exception: Memory limit (X)",
                241,
                500,
            ),
            ("Code: 516. DB::Exception: no", 516, 403),
            ("something else", 1002, 500),
            ("Code: ", 1002, 500),
            ("Code: 99999999999999. DB", 1002, 500),
        ] {
            let exception = Exception::from_engine(text);
            assert_eq!(
                (exception.code, exception.status().as_u16()),
                (code, status),
                "{text}"
            );
            assert!(exception.line("26.7").starts_with("Code: "), "{exception}");
        }
    }

    #[test]
    fn the_version_is_said_once() {
        let plain = Exception::new(62, "SYNTAX_ERROR", "Empty query.");
        let line = plain.line("26.7.2.1");
        assert_eq!(
            line,
            "Code: 62. DB::Exception: Empty query. (SYNTAX_ERROR) (version 26.7.2.1 (official build))"
        );
        assert_eq!(Exception::from_engine(&line).line("1"), line);
    }

    #[test]
    fn the_block_counts_its_line_feed() {
        let block = block_in_body("Code: 1", "abc");
        assert_eq!(
            block,
            "\r\n__exception__\r\nabc\r\nCode: 1\n8 abc\r\n__exception__\r\n"
        );
    }
}
