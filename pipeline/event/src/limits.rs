//! Bounds that more than one part keeps to. A bound that only one part knows stands in that part.

/// Largest encoded message on Kafka, in bytes. A larger event is cut at its longest text before it is spooled.
pub const MESSAGE_BYTES_MAX: usize = 900 * 1024;

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

/// Cuts `text` to at most `bytes_max` bytes at a character boundary.
pub fn cut(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        let end = text.floor_char_boundary(bytes_max);
        text.truncate(end);
    }
    text
}
