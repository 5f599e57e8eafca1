//! Filters: programs of the classic Berkeley Packet Filter, as tcpdump compiles them.
//!
//! ```text
//! tcpdump -ddd -y EN10MB 'not port 22' | tr '\n' ','      12,40 0 0 12,21 0 8 34525,…      length, then `code jt jf k` of each instruction
//! ```
//! The kernel runs a program for an interface; for files it is run here. Jumps go forward only, so that a program ends after as many steps as
//! it has instructions; what it reads beyond a frame's end makes it refuse the frame, as in the kernel.
//!
//! Source: McCanne & Jacobson, "The BSD Packet Filter", 1993; Linux, Documentation/networking/filter.rst.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Most instructions of a program, as in the kernel.
pub const INSTRUCTIONS_MAX: usize = 4096;
/// Cells of the scratch memory.
const CELLS: usize = 16;

/// A program that says of a frame whether it is wanted.
#[derive(Clone, PartialEq, Eq)]
pub struct Filter {
    instructions: Vec<Instruction>,
}

/// One instruction: operation, jumps when true and when false, operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Instruction {
    pub(crate) code: u16,
    pub(crate) if_true: u8,
    pub(crate) if_false: u8,
    pub(crate) operand: u32,
}

/// Why a text is no program.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum FilterError {
    /// It is not written as `tcpdump -ddd` writes programs.
    #[error("is no program as `tcpdump -ddd` writes it: {0}")]
    Malformed(String),
    /// It cannot be run.
    #[error("instruction {place}: {problem}")]
    Instruction {
        /// Which, from 0.
        place: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl fmt::Debug for Filter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.instructions.len())?;
        self.instructions.iter().try_for_each(|it| {
            let Instruction {
                code,
                if_true,
                if_false,
                operand,
            } = it;
            write!(out, ",{code} {if_true} {if_false} {operand}")
        })
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        let malformed = |what: &str| FilterError::Malformed(what.to_owned());
        let mut lines = text
            .split([',', '\n'])
            .map(str::trim)
            .filter(|line| !line.is_empty());
        let count: usize = lines
            .next()
            .and_then(|line| line.parse().ok())
            .ok_or_else(|| malformed("it begins with the number of its instructions"))?;
        if count == 0 || count > INSTRUCTIONS_MAX {
            return Err(malformed("it has 1 to 4096 instructions"));
        }
        let instructions = lines.map(|line| instruction(line).ok_or_else(|| malformed(line)));
        let instructions: Vec<Instruction> = instructions.take(count + 1).collect::<Result<_, _>>()?;
        if instructions.len() != count {
            return Err(malformed("it has another number of instructions than it says"));
        }
        for (place, it) in instructions.iter().enumerate() {
            check(*it, count - place - 1).map_err(|problem| FilterError::Instruction { place, problem })?;
        }
        if instructions
            .last()
            .is_none_or(|last| last.code & 7 != class::RETURN)
        {
            let (place, problem) = (count - 1, "a program ends with a return");
            return Err(FilterError::Instruction { place, problem });
        }
        Ok(Self { instructions })
    }
}

fn instruction(line: &str) -> Option<Instruction> {
    let mut words = line.split_whitespace();
    let instruction = Instruction {
        code: words.next()?.parse().ok()?,
        if_true: words.next()?.parse().ok()?,
        if_false: words.next()?.parse().ok()?,
        operand: words.next()?.parse().ok()?,
    };
    words.next().is_none().then_some(instruction)
}

/// The lower three bits of an operation.
mod class {
    pub(super) const LOAD: u16 = 0;
    pub(super) const LOAD_X: u16 = 1;
    pub(super) const STORE: u16 = 2;
    pub(super) const STORE_X: u16 = 3;
    pub(super) const ARITHMETIC: u16 = 4;
    pub(super) const JUMP: u16 = 5;
    pub(super) const RETURN: u16 = 6;
    pub(super) const OTHER: u16 = 7;
}

/// Whether an instruction can be run that `after` others follow.
fn check(it: Instruction, after: usize) -> Result<(), &'static str> {
    const ONLY_IN_KERNELS: u32 = 0xffff_f000;
    let is_cell = (it.operand as usize) < CELLS;
    match it.code {
        // Absolute loads; the kernel's own ones (tags, interfaces) stand at the end of the numbers.
        0x20 | 0x28 | 0x30 if it.operand >= ONLY_IN_KERNELS => Err("only a kernel can run it"),
        0x20 | 0x28 | 0x30 | 0x40 | 0x48 | 0x50 | 0x80 | 0x00 | 0x01 | 0x81 | 0xb1 => Ok(()),
        0x60 | 0x61 | 0x02 | 0x03 if is_cell => Ok(()),
        0x60 | 0x61 | 0x02 | 0x03 => Err("there is no such cell"),
        0x34 | 0x94 if it.operand == 0 => Err("divides by 0"),
        0x64 | 0x74 if it.operand >= 32 => Err("shifts by more than 31"),
        0x04 | 0x14 | 0x24 | 0x34 | 0x44 | 0x54 | 0x64 | 0x74 | 0x84 | 0x94 | 0xa4 => Ok(()),
        0x0c | 0x1c | 0x2c | 0x3c | 0x4c | 0x5c | 0x6c | 0x7c | 0x9c | 0xac => Ok(()),
        0x05 if (it.operand as usize) < after => Ok(()),
        0x15 | 0x25 | 0x35 | 0x45 | 0x1d | 0x2d | 0x3d | 0x4d
            if usize::from(it.if_true.max(it.if_false)) < after =>
        {
            Ok(())
        }
        code if code & 7 == class::JUMP => Err("jumps out of the program"),
        0x06 | 0x16 | 0x07 | 0x87 => Ok(()),
        _ => Err("is unknown"),
    }
}

impl Filter {
    pub(crate) fn instructions(&self) -> &[Instruction] {
        &self.instructions
    }

    /// Whether a frame of these bytes, of that length on the wire, is wanted.
    pub fn wants(&self, frame: &[u8], wire_bytes: u32) -> bool {
        self.run(frame, wire_bytes).unwrap_or(0) > 0
    }

    /// What the program returns; `None` when it reads beyond the frame.
    fn run(&self, frame: &[u8], wire_bytes: u32) -> Option<u32> {
        let (mut a, mut x, mut cells) = (0_u32, 0_u32, [0_u32; CELLS]);
        let mut place = 0;
        loop {
            let it = *self.instructions.get(place)?;
            let (code, k) = (it.code, it.operand);
            place += 1;
            match code & 7 {
                class::LOAD | class::LOAD_X => {
                    let value = match code & 0xe0 {
                        0x00 => k,
                        0x20 => load(frame, k, code)?,
                        0x40 => load(frame, x.checked_add(k)?, code)?,
                        0x60 => *cells.get(k as usize)?,
                        0x80 => wire_bytes,
                        // Four times the low half of a byte: the length of an IPv4 header.
                        _ => u32::from(frame.get(k as usize)? & 15) * 4,
                    };
                    *(if code & 7 == class::LOAD { &mut a } else { &mut x }) = value;
                }
                class::STORE => *cells.get_mut(k as usize)? = a,
                class::STORE_X => *cells.get_mut(k as usize)? = x,
                class::ARITHMETIC => a = arithmetic(code, a, if code & 8 == 0 { k } else { x })?,
                class::JUMP if code == 0x05 => place += k as usize,
                class::JUMP => {
                    let other = if code & 8 == 0 { k } else { x };
                    let is_true = match code & 0xf0 {
                        0x10 => a == other,
                        0x20 => a > other,
                        0x30 => a >= other,
                        _ => a & other != 0,
                    };
                    place += usize::from(if is_true { it.if_true } else { it.if_false });
                }
                class::RETURN => return Some(if code == 0x16 { a } else { k }),
                class::OTHER if code == 0x07 => x = a,
                _ => a = x,
            }
        }
    }
}

/// A number of the frame, of 4, 2 or 1 bytes as the operation says.
fn load(frame: &[u8], offset: u32, code: u16) -> Option<u32> {
    let rest = frame.get(offset as usize..)?;
    Some(match code & 0x18 {
        0x00 => u32::from_be_bytes(*rest.first_chunk()?),
        0x08 => u32::from(u16::from_be_bytes(*rest.first_chunk()?)),
        _ => u32::from(*rest.first()?),
    })
}

/// `None` for a division by 0, which refuses the frame.
fn arithmetic(code: u16, a: u32, b: u32) -> Option<u32> {
    Some(match code & 0xf0 {
        0x00 => a.wrapping_add(b),
        0x10 => a.wrapping_sub(b),
        0x20 => a.wrapping_mul(b),
        0x30 => a.checked_div(b)?,
        0x40 => a | b,
        0x50 => a & b,
        0x60 => a.wrapping_shl(b),
        0x70 => a.wrapping_shr(b),
        0x80 => a.wrapping_neg(),
        0x90 => a.checked_rem(b)?,
        _ => a ^ b,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What `tcpdump -ddd -y EN10MB 'udp port 53 or ip host 10.0.0.9'` amounts to, for IPv4.
    const DNS: &str = "17,40 0 0 12,21 0 14 2048,32 0 0 26,21 11 0 167772169,32 0 0 30,21 9 0 167772169,48 0 0 23,21 0 8 17,\
        40 0 0 20,69 6 0 8191,177 0 0 14,72 0 0 14,21 2 0 53,72 0 0 16,21 0 1 53,6 0 0 262144,6 0 0 0";

    fn datagram(from: [u8; 4], to_port: u16) -> Vec<u8> {
        let mut frame = vec![0; 12];
        frame.extend([8, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0]);
        frame.extend(from);
        frame.extend([10, 0, 0, 2, 0x30, 0x39]);
        frame.extend(to_port.to_be_bytes());
        frame.extend([0, 8, 0, 0]);
        frame
    }

    #[test]
    fn a_program_wants_what_it_says() {
        let filter: Filter = DNS.parse().unwrap();
        let wants = |frame: Vec<u8>| filter.wants(&frame, frame.len() as u32);
        assert!(wants(datagram([10, 0, 0, 1], 53)));
        assert!(!wants(datagram([10, 0, 0, 1], 54)));
        assert!(wants(datagram([10, 0, 0, 9], 54)));
        let mut cut = datagram([10, 0, 0, 1], 53);
        cut.truncate(36);
        assert!(!wants(cut), "what it reads is not there");
    }

    #[test]
    fn what_is_shown_is_the_program() {
        let filter: Filter = DNS.parse().unwrap();
        assert_eq!(format!("{filter:?}").parse(), Ok(filter));
        assert_eq!("1\n6 0 0 1\n".parse::<Filter>().unwrap().run(&[], 0), Some(1));
    }

    #[test]
    fn what_cannot_be_run_is_refused() {
        for (text, problem) in [
            ("not port 22", "number of its instructions"),
            ("", "number of its instructions"),
            ("0", "1 to 4096"),
            ("2,6 0 0 1", "another number"),
            ("1,6 0 0 1,6 0 0 1", "another number"),
            ("1,6 0 0", "6 0 0"),
            ("1,40 0 0 12", "ends with a return"),
            ("2,21 1 0 5,6 0 0 1", "instruction 0: jumps out"),
            ("2,5 0 0 4294967295,6 0 0 1", "jumps out"),
            ("2,2 0 0 16,6 0 0 1", "no such cell"),
            ("2,52 0 0 0,6 0 0 1", "divides by 0"),
            ("2,48 0 0 4294963248,6 0 0 1", "only a kernel"),
            ("1,255 0 0 0", "unknown"),
        ] {
            let error = text.parse::<Filter>().unwrap_err().to_string();
            assert!(error.contains(problem), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_program_that_is_taken_ends(
            words in proptest::collection::vec((0u16..256, 0u8..6, 0u8..6, 0u32..40), 1..12),
            frame in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            let mut text = format!("{}", words.len() + 1);
            for (code, jt, jf, k) in &words {
                text += &format!(",{code} {jt} {jf} {k}");
            }
            text += ",6 0 0 1";
            if let Ok(filter) = text.parse::<Filter>() {
                filter.wants(&frame, frame.len() as u32);
            }
        }
    }
}
