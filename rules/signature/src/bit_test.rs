//! Conditions on sets of bits: TCP's flags, the fragmentation bits of IPv4.

use crate::context::PacketFacts;
use crate::error::{Complaint, value};

/// Conditions on a set of bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BitTest {
    mode: BitMode,
    bits: u8,
    ignored: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BitMode {
    Exactly,
    AllOf,
    AnyOf,
    NotAllOf,
}

impl BitTest {
    pub(crate) fn holds(self, bits: u8) -> bool {
        let bits = bits & !self.ignored;
        match self.mode {
            BitMode::Exactly => bits == self.bits,
            BitMode::AllOf => bits & self.bits == self.bits,
            BitMode::AnyOf => bits & self.bits != 0,
            BitMode::NotAllOf => bits & self.bits != self.bits,
        }
    }

    /// `[+*!]letters[,ignored letters]`; the sign may stand before or after the letters.
    pub(crate) fn parse(text: &str, bit: fn(char) -> Option<u8>) -> Result<BitTest, Complaint> {
        let (wanted, ignored) = text.split_once(',').unwrap_or((text, ""));
        let mut mode = BitMode::Exactly;
        let mut bits = 0;
        for letter in wanted.chars().filter(|letter| !letter.is_whitespace()) {
            match letter {
                '+' => mode = BitMode::AllOf,
                '*' => mode = BitMode::AnyOf,
                '!' => mode = BitMode::NotAllOf,
                _ => bits |= bit(letter).ok_or_else(|| value(format!("unknown flag {letter:?}")))?,
            }
        }
        let mut test = BitTest {
            mode,
            bits,
            ignored: 0,
        };
        for letter in ignored.chars().filter(|letter| !letter.is_whitespace()) {
            test.ignored |= bit(letter).ok_or_else(|| value(format!("unknown flag {letter:?}")))?;
        }
        Ok(test)
    }
}

pub(crate) fn tcp_bit(letter: char) -> Option<u8> {
    Some(match letter.to_ascii_uppercase() {
        'F' => 0x01,
        'S' => 0x02,
        'R' => 0x04,
        'P' => 0x08,
        'A' => 0x10,
        'U' => 0x20,
        'E' | '2' => 0x40,
        'C' | '1' => 0x80,
        '0' => 0,
        _ => return None,
    })
}

const RESERVED_BIT: u8 = 4;
const DONT_FRAGMENT_BIT: u8 = 2;
const MORE_FRAGMENTS_BIT: u8 = 1;

pub(crate) fn fragment_bit(letter: char) -> Option<u8> {
    Some(match letter.to_ascii_uppercase() {
        'R' => RESERVED_BIT,
        'D' => DONT_FRAGMENT_BIT,
        'M' => MORE_FRAGMENTS_BIT,
        _ => return None,
    })
}

/// The bits of a packet, as conditions on them count them.
pub(crate) fn fragment_bits(packet: &PacketFacts<'_>) -> u8 {
    let fragment = packet.fragment;
    let bit = |set: bool, bit: u8| if set { bit } else { 0 };
    bit(fragment.reserved, RESERVED_BIT)
        | bit(fragment.dont_fragment, DONT_FRAGMENT_BIT)
        | bit(fragment.more_fragments, MORE_FRAGMENTS_BIT)
}
