//! Modbus over TCP (Modbus Application Protocol 1.1b3, Messaging on TCP/IP 1.0b).
//!
//! ```text
//!  0             2          4        6      7
//!  +-------------+----------+--------+------+----------+--------+
//!  | transaction | protocol | length | unit | function | data.. |
//!  +-------------+----------+--------+------+----------+--------+
//!                  always 0  unit and what follows, at most 254
//! ```
//!
//! A [`Message`] is read whole; [`Access`] is what a request reads and writes, `flow` ties responses to their requests. Addresses are
//! those of the wire, from 0, but for rules and people, who count from 1.
//!
//! Invariants: a direction holds back less than one message of [`MESSAGE_BYTES_MAX`] bytes. After lost bytes the next message is where a
//! header can begin: a protocol of 0, a length that fits, an assigned function.

mod access;
mod card;
mod event;
mod flow;
mod function;
mod keyword;

pub use access::{Access, Reads, Table, Writes};
pub use card::CARD;
pub use function::{Category, category, exception_name, function_name};

/// Transaction, protocol and length.
const HEADER_BYTES: usize = 6;
/// Largest message: its header, the unit, and 253 bytes of function and data.
pub const MESSAGE_BYTES_MAX: usize = HEADER_BYTES + LENGTH_MAX;
const LENGTH_MIN: usize = 2;
const LENGTH_MAX: usize = 254;
/// Set in the function of a response that is an exception.
const EXCEPTION: u8 = 0x80;

/// One message of either side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Number that the response repeats.
    pub transaction: u16,
    /// 0 for Modbus.
    pub protocol: u16,
    /// The device behind the server.
    pub unit: u8,
    /// The function, without the mark of an exception.
    pub function: u8,
    /// The function bore the mark of an exception.
    pub is_exception: bool,
    /// What follows the function.
    pub data: Vec<u8>,
}

/// What stands at the beginning of some bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read<'a> {
    /// A message, and what follows it.
    Message(Message, &'a [u8]),
    /// A message whose end is still to come.
    Partial,
    /// No message can have this length.
    Broken,
}

/// Reads the message at the beginning of `bytes`.
pub fn read(bytes: &[u8]) -> Read<'_> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
        return Read::Partial;
    };
    let [t0, t1, p0, p1, l0, l1] = *header;
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    if !(LENGTH_MIN..=LENGTH_MAX).contains(&length) {
        return Read::Broken;
    }
    let Some((body, rest)) = rest.split_at_checked(length) else {
        return Read::Partial;
    };
    let [unit, function, data @ ..] = body else {
        return Read::Broken;
    };
    let message = Message {
        transaction: u16::from_be_bytes([t0, t1]),
        protocol: u16::from_be_bytes([p0, p1]),
        unit: *unit,
        function: function & !EXCEPTION,
        is_exception: function & EXCEPTION != 0,
        data: data.to_vec(),
    };
    Read::Message(message, rest)
}

/// Whether a message can begin here, as far as its header came: what is looked for after lost bytes.
fn can_begin(bytes: &[u8]) -> bool {
    let at = |place: usize| bytes.get(place).copied();
    let is_protocol = at(2).is_none_or(|byte| byte == 0) && at(3).is_none_or(|byte| byte == 0);
    let is_length = at(4).is_none_or(|byte| byte == 0)
        && at(5).is_none_or(|byte| (LENGTH_MIN..=LENGTH_MAX).contains(&usize::from(byte)));
    let is_function = at(7).is_none_or(|byte| category(byte & !EXCEPTION) == Category::Assigned);
    is_protocol && is_length && is_function
}

impl Message {
    /// The number of a diagnostic request or of a request for encapsulated data.
    pub fn subfunction(&self) -> Option<u16> {
        const DIAGNOSTICS: u8 = 8;
        match (self.function, self.data.as_slice()) {
            (DIAGNOSTICS, [high, low, ..]) => Some(u16::from_be_bytes([*high, *low])),
            _ => None,
        }
    }

    /// Whether this response is one to that request.
    fn answers(&self, request: &Message) -> bool {
        self.transaction == request.transaction
            && self.unit == request.unit
            && self.function == request.function
    }
}

#[cfg(test)]
mod tests;
