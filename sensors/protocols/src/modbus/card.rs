//! The card of Modbus.

use super::flow::ModbusFlow;
use super::keyword::KEYWORDS;
use super::{Category, HEADER_BYTES, Message, Read, access, category, read};
use vonggac_protocol::{Card, Side, Start, Transport};

/// The port of Modbus servers.
const PORT: u16 = 502;

/// The request or the response, which come whole.
pub(super) const MESSAGE: u8 = 0;

/// Modbus over TCP.
pub static CARD: Card = Card {
    name: "modbus",
    aliases: &[],
    transports: &[Transport::Tcp],
    stages: [&["request"], &["response"]],
    buffers: &[],
    numbers: &[],
    keywords: KEYWORDS,
    anomalies: &[
        "modbus_unsolicited_response",
        "modbus_invalid_function_code",
        "modbus_invalid_length",
        "modbus_invalid_value",
        "modbus_invalid_exception_code",
        "modbus_value_mismatch",
        "modbus_flooded",
        "modbus_invalid_protocol_id",
    ],
    counters: &["modbus_unanswered", "modbus_flooded", "modbus_skipped_bytes"],
    probe,
    begin: |_| Box::<ModbusFlow>::default(),
};

/// On its port anything with a header of Modbus; elsewhere a message that is whole and makes sense.
fn probe(start: &Start<'_>) -> Option<Side> {
    let [own, other] = start.ports;
    match read(start.bytes) {
        Read::Message(message, _) if message.protocol != 0 => None,
        Read::Message(_, _) | Read::Partial if start.bytes.len() < HEADER_BYTES => None,
        Read::Message(_, _) if other == PORT => Some(Side::Client),
        Read::Message(_, _) if own == PORT => Some(Side::Server),
        Read::Message(message, []) => speaker(&message),
        Read::Message(..) | Read::Partial | Read::Broken => None,
    }
}

/// Who says such a message, where no port tells it. Requests and responses that look alike are taken for requests.
fn speaker(message: &Message) -> Option<Side> {
    if category(message.function) != Category::Assigned {
        return None;
    }
    let is_request = !message.is_exception && access::of(message).is_ok();
    let is_response = match message.is_exception {
        true => message.data.len() == 1,
        false => access::check_response(message, None).is_ok() && message.function <= 4,
    };
    match (is_request, is_response) {
        (true, _) => Some(Side::Client),
        (false, true) => Some(Side::Server),
        (false, false) => None,
    }
}
