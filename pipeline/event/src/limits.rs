//! Bounds that more than one part keeps to. A bound that only one part knows stands in that part.

/// Largest value of a message on Kafka that a sensor or the pipeline makes, version byte included, in bytes. A larger event is cut before
/// it is spooled (see [`crate::cut`]), so what the spool takes, Kafka and the pipeline take.
pub const MESSAGE_BYTES_MAX: usize = 900 * 1024;

/// Bytes that a sensor's seal adds to the value of a message (see `vonggac_enrolment`).
pub const SEAL_BYTES: usize = 37;

/// Longest key of a message, in bytes.
pub const KEY_BYTES_MAX: usize = 4 * 1024;

/// Longest name of a sensor or a tenant, in bytes; both are refused beyond it, never cut.
pub const NAME_BYTES_MAX: usize = 256;

/// Most bytes of the headers of a message in `dead-letter` (`reason`, `from`), names and values together.
pub const HEADERS_BYTES_MAX: usize = 8 * 1024;

/// Room for what Kafka adds to one message: 61 bytes of a batch's head, some 30 of a record's, and a coding that makes a message longer.
const ENVELOPE_BYTES: usize = 4 * 1024;

/// What Kafka must take: the topics' `max.message.bytes` and the producers' `message.max.bytes` are this or more. Both bound a whole batch
/// of one message, hence seal, key, headers and envelope beside the value; it holds for `dead-letter` too, which carries a value with headers.
pub const KAFKA_MESSAGE_BYTES_MAX: usize =
    MESSAGE_BYTES_MAX + SEAL_BYTES + KEY_BYTES_MAX + HEADERS_BYTES_MAX + ENVELOPE_BYTES;

/// Longest text kept in one field of an event, in bytes.
pub const TEXT_BYTES_MAX: usize = 8 * 1024;

/// Most items kept in one list field of an event.
pub const LIST_ITEMS_MAX: usize = 64;

/// Most event ids an alert lists; its `count` goes on beyond it.
pub const ALERT_EVENTS_MAX: usize = 100;

/// Longest excerpt of payload kept with a signature's hit, in bytes.
pub const PAYLOAD_EXCERPT_BYTES_MAX: usize = 512;

/// Longest rule text carried by an event or an alert, in bytes.
pub const RULE_TEXT_BYTES_MAX: usize = 8 * 1024;

/// Longest title of a rule carried by an alert, in bytes; in each language.
pub const RULE_TITLE_BYTES_MAX: usize = 1024;

/// Longest description of a rule carried by an alert, in bytes; in each language.
pub const RULE_DESCRIPTION_BYTES_MAX: usize = 4 * 1024;

/// Bytes of the wire as text of at most [`TEXT_BYTES_MAX`] bytes; what is no UTF-8 becomes U+FFFD.
pub fn text(bytes: &[u8]) -> String {
    cut(String::from_utf8_lossy(bytes).into_owned(), TEXT_BYTES_MAX)
}

/// Cuts `text` to at most `bytes_max` bytes at a character boundary.
pub fn cut(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        let end = text.floor_char_boundary(bytes_max);
        text.truncate(end);
    }
    text
}
