//! DNS messages (RFC 1035 and its successors), as carried in UDP or after the two-byte length of TCP.
//!
//! ```text
//!  0      2      4        6        8        10       12
//!  +------+------+--------+--------+--------+--------+-----------+---------+-----------+------------+
//!  | id   | flags| QDCOUNT| ANCOUNT| NSCOUNT| ARCOUNT| questions | answers | authority | additional |
//!  +------+------+--------+--------+--------+--------+-----------+---------+-----------+------------+
//! ```
//!
//! [`parse`] reads as far as the message makes sense and says in [`Message::malformed`] what stopped it; only a
//! message without a whole header is an error. It does not follow TCP framing, validate DNSSEC or keep state.
//!
//! Invariants: a name is at most [`NAME_BYTES_MAX`] bytes on the wire and is reached over at most
//! [`POINTERS_MAX`] compression pointers; a message gives at most [`RECORDS_MAX`] questions and records together.

mod card;
mod event;
mod flow;
mod name;
mod odd;
mod rdata;
mod registry;

use nom::Parser;
use nom::bytes::complete::take;
use nom::number::complete::{be_u16, be_u32};

use crate::wire::{Parsed, reason};

pub use card::CARD;
pub use registry::{rcode_name, type_name};

/// Bytes of a DNS message header.
pub const HEADER_BYTES: usize = 12;
/// Longest name on the wire, length bytes and the root included (RFC 1035, 2.3.4).
pub const NAME_BYTES_MAX: usize = 255;
/// Most compression pointers followed for one name.
pub const POINTERS_MAX: usize = 32;
/// Most questions and records read from one message.
pub const RECORDS_MAX: usize = 512;

/// Why there is no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DnsError {
    /// The sender's payload ends inside the header.
    #[error("a DNS header needs {needed} bytes, the payload has {have}")]
    Truncated {
        /// Bytes a header takes.
        needed: usize,
        /// Bytes there were.
        have: usize,
    },
}

/// One DNS message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// Transaction id.
    pub id: u16,
    /// QR: set in responses.
    pub is_response: bool,
    /// Kind of query: 0 query, 4 notify, 5 update.
    pub opcode: u8,
    /// AA.
    pub authoritative: bool,
    /// TC.
    pub truncated: bool,
    /// RD.
    pub recursion_desired: bool,
    /// RA.
    pub recursion_available: bool,
    /// The three bits between RA and RCODE: Z, AD, CD (4, 2, 1).
    pub z: u8,
    /// Response code, see [`rcode_name`].
    pub rcode: u8,
    /// Question section.
    pub questions: Vec<Question>,
    /// Answer section.
    pub answers: Vec<Record>,
    /// Authority section.
    pub authorities: Vec<Record>,
    /// Additional section, EDNS included.
    pub additionals: Vec<Record>,
    /// What stopped the reading or was wrong on the way, if anything was.
    pub malformed: Option<&'static str>,
    /// Where that was.
    pub malformed_in: Section,
}

/// A section of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Section {
    /// Header, questions and answers: without them the message says nothing.
    #[default]
    Answers,
    /// Authorities.
    Authorities,
    /// Additional records.
    Additionals,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Name in the case it was sent in, without the final dot; see [`Record::name`].
    pub name: String,
    /// Type asked for, see [`type_name`].
    pub qtype: u16,
    /// Class asked for, 1 for the Internet; mDNS uses the top bit.
    pub qclass: u16,
}

/// One resource record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Owner name in the case it was sent in, without the final dot, empty for the root. Bytes that are not
    /// printable ASCII, backslashes and dots inside a label are written as `\DDD`.
    pub name: String,
    /// Type, see [`type_name`].
    pub rtype: u16,
    /// Class; for OPT the sender's UDP payload size.
    pub rclass: u16,
    /// Seconds the record may be cached.
    pub ttl: u32,
    /// The record's data as text: addresses, names and strings for the types that have them, else hex.
    pub data: String,
    /// Of a text record its strings one by one, which `data` has joined by spaces; else empty.
    pub strings: Vec<String>,
}

/// Reads one DNS message.
///
/// # Errors
/// [`DnsError::Truncated`] when the payload is shorter than a header.
pub fn parse(payload: &[u8]) -> Result<Message, DnsError> {
    let Ok((rest, (mut message, counts))) = header(payload) else {
        return Err(DnsError::Truncated {
            needed: HEADER_BYTES,
            have: payload.len(),
        });
    };
    if let Err(error) = sections(payload, rest, counts, &mut message) {
        message.malformed = message.malformed.or(Some(reason(error)));
    }
    Ok(message)
}

/// Whether `payload` is very likely a DNS message; cheap enough to ask of any UDP payload.
///
/// Asks for a sane header, one readable question and a known class, so that other protocols on odd ports are
/// rarely taken for DNS.
pub fn looks_like_dns(payload: &[u8]) -> bool {
    let Ok((rest, (message, counts))) = header(payload) else {
        return false;
    };
    let records = u32::from(counts.answers) + u32::from(counts.authorities) + u32::from(counts.additionals);
    let header_is_sane = message.opcode <= 5
        && message.opcode != 3
        && message.z & 0b100 == 0
        && message.rcode <= 10
        && counts.questions == 1
        && (message.is_response || (counts.answers == 0 && message.rcode == 0))
        && records <= 128;
    if !header_is_sane {
        return false;
    }
    question(payload, rest).is_ok_and(|(_, question)| {
        question.qtype != 0 && matches!(question.qclass & 0x7fff, 1 | 3 | 4 | 254 | 255)
    })
}

impl Message {
    /// Whether an answer is one to this query: it may leave the question out; if it has one it must be the one asked.
    fn is_answered_by(&self, answer: &Self) -> bool {
        let is_same_question = match (self.questions.first(), answer.questions.first()) {
            (Some(asked), Some(told)) => {
                asked.qtype == told.qtype && asked.name.eq_ignore_ascii_case(&told.name)
            }
            _ => true,
        };
        self.id == answer.id && is_same_question
    }
}

/// What the header says the sections hold.
#[derive(Debug, Clone, Copy)]
struct Counts {
    questions: u16,
    answers: u16,
    authorities: u16,
    additionals: u16,
}

fn header(input: &[u8]) -> Parsed<'_, (Message, Counts)> {
    let (rest, (id, flags)) = (be_u16, be_u16).parse(input)?;
    let (rest, (questions, answers, authorities, additionals)) =
        (be_u16, be_u16, be_u16, be_u16).parse(rest)?;
    let bits = |shift: u16, mask: u16| u8::try_from((flags >> shift) & mask).unwrap_or(0);
    let message = Message {
        id,
        is_response: flags & 0x8000 != 0,
        opcode: bits(11, 0xf),
        authoritative: flags & 0x0400 != 0,
        truncated: flags & 0x0200 != 0,
        recursion_desired: flags & 0x0100 != 0,
        recursion_available: flags & 0x0080 != 0,
        z: bits(4, 0x7),
        rcode: bits(0, 0xf),
        ..Message::default()
    };
    Ok((
        rest,
        (
            message,
            Counts {
                questions,
                answers,
                authorities,
                additionals,
            },
        ),
    ))
}

fn sections<'a>(
    payload: &'a [u8],
    input: &'a [u8],
    counts: Counts,
    message: &mut Message,
) -> Result<(), nom::Err<crate::wire::Malformed>> {
    let mut budget = RECORDS_MAX;
    let mut rest = input;
    for _ in 0..counts.questions {
        if budget == 0 {
            message.malformed = Some("too many records");
            return Ok(());
        }
        budget -= 1;
        let (after, question) = question(payload, rest)?;
        message.questions.push(question);
        rest = after;
    }
    let Message {
        answers,
        authorities,
        additionals,
        malformed,
        malformed_in,
        ..
    } = message;
    let lists = [
        (counts.answers, answers, Section::Answers),
        (counts.authorities, authorities, Section::Authorities),
        (counts.additionals, additionals, Section::Additionals),
    ];
    for (count, list, section) in lists {
        if malformed.is_none() {
            *malformed_in = section;
        }
        for _ in 0..count {
            if budget == 0 {
                *malformed = Some("too many records");
                return Ok(());
            }
            budget -= 1;
            let (after, (record, data_fault)) = record(payload, rest)?;
            *malformed = malformed.or(data_fault);
            list.push(record);
            rest = after;
        }
    }
    if !rest.is_empty() {
        *malformed = malformed.or(Some("bytes after the last record"));
    }
    Ok(())
}

fn question<'a>(message: &'a [u8], input: &'a [u8]) -> Parsed<'a, Question> {
    let (rest, name) = name::name(message, input)?;
    let (rest, (qtype, qclass)) = (be_u16, be_u16).parse(rest)?;
    Ok((rest, Question { name, qtype, qclass }))
}

/// One record, and what is wrong with its data if that is not what its type says.
fn record<'a>(message: &'a [u8], input: &'a [u8]) -> Parsed<'a, (Record, Option<&'static str>)> {
    let (rest, name) = name::name(message, input)?;
    let (rest, (rtype, rclass, ttl, length)) = (be_u16, be_u16, be_u32, be_u16).parse(rest)?;
    let (rest, bytes) = take(length).parse(rest)?;
    let strings = rdata::strings_of(bytes, rtype);
    let (data, fault) = match rdata::text(message, bytes, rtype) {
        Some(text) => (text, None),
        // Updates (RFC 2136) carry records with types and no data on purpose.
        None if bytes.is_empty() => (String::new(), None),
        None => (
            rdata::hex_bounded(bytes),
            Some("record data does not fit its type"),
        ),
    };
    Ok((
        rest,
        (
            Record {
                name,
                rtype,
                rclass,
                ttl,
                data,
                strings,
            },
            fault,
        ),
    ))
}

#[cfg(test)]
mod tests;
