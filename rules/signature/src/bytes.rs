//! Numbers within payload: `byte_test`, `byte_jump`, `byte_extract`, `byte_math`, `isdataat`.

use crate::content::Amount;

/// How a number stands in the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Big,
    Little,
    /// Digits of that base.
    Digits(u32),
}

/// Where a number stands and how it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field {
    /// 0 to 8 bytes, or 0 to 23 digits; 0 digits take as many as there are.
    pub(crate) bytes: Amount,
    pub(crate) offset: Amount,
    pub(crate) relative: bool,
    pub(crate) encoding: Encoding,
    /// Applied to what was read, which is then shifted right by the mask's trailing zeros.
    pub(crate) mask: Option<u64>,
}

/// Most digits of a number written in digits.
pub(crate) const DIGITS_MAX: usize = 23;
/// Most bytes of a binary number.
pub(crate) const BINARY_BYTES_MAX: usize = 8;

/// Values of a rule's byte variables while it is verified.
pub(crate) type ByteVariables = [u64; crate::limits::VARIABLES_MAX];

pub(crate) fn resolve(amount: Amount, variables: &ByteVariables) -> i64 {
    match amount {
        Amount::Number(number) => number,
        Amount::Variable(index) => {
            let value = variables.get(usize::from(index)).copied().unwrap_or(0);
            i64::try_from(value).unwrap_or(i64::MAX)
        }
    }
}

/// A number as read, and the offset after it.
struct Reading {
    value: u64,
    end: usize,
}

impl Field {
    pub(crate) fn uses_variable(&self) -> bool {
        self.bytes.is_variable() || self.offset.is_variable()
    }

    fn start(&self, cursor: usize, variables: &ByteVariables) -> Option<usize> {
        let base = if self.relative {
            i64::try_from(cursor).ok()?
        } else {
            0
        };
        usize::try_from(base.checked_add(resolve(self.offset, variables))?).ok()
    }

    fn read(&self, data: &[u8], cursor: usize, variables: &ByteVariables) -> Option<Reading> {
        let start = self.start(cursor, variables)?;
        let rest = data.get(start..)?;
        let wanted = usize::try_from(resolve(self.bytes, variables)).ok()?;
        let (value, length) = match self.encoding {
            Encoding::Digits(base) => {
                let length = if wanted == 0 {
                    rest.len().min(DIGITS_MAX)
                } else {
                    wanted.min(DIGITS_MAX)
                };
                (read_digits(rest.get(..length)?, base)?, length)
            }
            Encoding::Big | Encoding::Little => {
                let bytes = rest
                    .get(..wanted)
                    .filter(|bytes| bytes.len() <= BINARY_BYTES_MAX)?;
                (read_binary(bytes, self.encoding), wanted)
            }
        };
        let value = match self.mask {
            Some(mask) => (value & mask).checked_shr(mask.trailing_zeros()).unwrap_or(0),
            None => value,
        };
        Some(Reading {
            value,
            end: start + length,
        })
    }
}

fn read_binary(bytes: &[u8], encoding: Encoding) -> u64 {
    let shift = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    match encoding {
        Encoding::Little => bytes.iter().rev().fold(0, shift),
        _ => bytes.iter().fold(0, shift),
    }
}

/// As C's `strtoull`: leading white space, a prefix for base 16, then digits up to the first other byte.
fn read_digits(text: &[u8], base: u32) -> Option<u64> {
    let text = text.trim_ascii_start();
    let text = match (base, text) {
        (16, [b'0', b'x' | b'X', rest @ ..]) => rest,
        _ => text,
    };
    let mut value = None;
    for byte in text {
        let Some(digit) = char::from(*byte).to_digit(base) else {
            break;
        };
        let so_far: u64 = value.unwrap_or(0);
        value = Some(
            so_far
                .checked_mul(u64::from(base))?
                .checked_add(u64::from(digit))?,
        );
    }
    value
}

/// How `byte_test` compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    And,
    Or,
}

/// `byte_test`: compares a number in the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByteTest {
    pub(crate) field: Field,
    pub(crate) negated: bool,
    pub(crate) comparison: Comparison,
    pub(crate) value: Amount,
}

impl ByteTest {
    pub(crate) fn holds(&self, data: &[u8], cursor: usize, variables: &ByteVariables) -> bool {
        let Some(reading) = self.field.read(data, cursor, variables) else {
            return false;
        };
        let read = reading.value;
        let wanted = match self.value {
            Amount::Number(number) => number.cast_unsigned(),
            Amount::Variable(index) => variables.get(usize::from(index)).copied().unwrap_or(0),
        };
        let holds = match self.comparison {
            Comparison::Less => read < wanted,
            Comparison::LessOrEqual => read <= wanted,
            Comparison::Greater => read > wanted,
            Comparison::GreaterOrEqual => read >= wanted,
            Comparison::Equal => read == wanted,
            Comparison::And => read & wanted != 0,
            Comparison::Or => read ^ wanted != 0,
        };
        holds != self.negated
    }
}

/// Where `byte_jump` counts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JumpFrom {
    /// The end of the number that was read.
    Here,
    Beginning,
    End,
}

/// `byte_jump`: moves the cursor by a number in the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByteJump {
    pub(crate) field: Field,
    pub(crate) multiplier: u64,
    /// The value is rounded up to a multiple of this; 1 leaves it.
    pub(crate) align: u64,
    pub(crate) from: JumpFrom,
    pub(crate) post_offset: Amount,
}

impl ByteJump {
    /// The new cursor, if it lies within the data. As in Suricata a jump to before the data goes to its
    /// start, and one to its very end fails.
    pub(crate) fn target(&self, data: &[u8], cursor: usize, variables: &ByteVariables) -> Option<usize> {
        let reading = self.field.read(data, cursor, variables)?;
        let distance = reading
            .value
            .checked_mul(self.multiplier)?
            .checked_next_multiple_of(self.align)?;
        let base = match self.from {
            JumpFrom::Here => reading.end,
            JumpFrom::Beginning => 0,
            JumpFrom::End => data.len(),
        };
        let target = i64::try_from(base)
            .ok()?
            .checked_add(i64::try_from(distance).ok()?)?
            .checked_add(resolve(self.post_offset, variables))?;
        usize::try_from(target.max(0))
            .ok()
            .filter(|target| *target < data.len())
    }
}

/// What `byte_math` computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    ShiftLeft,
    ShiftRight,
}

/// `byte_extract` and `byte_math`: names a number in the data, perhaps after a calculation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByteExtract {
    pub(crate) field: Field,
    pub(crate) multiplier: u64,
    /// The value is rounded up to a multiple of this; 1 leaves it.
    pub(crate) align: u64,
    pub(crate) operation: Option<(Operator, Amount)>,
    pub(crate) variable: u8,
}

impl ByteExtract {
    /// Sets the variable; gives the cursor after the number.
    pub(crate) fn extract(&self, data: &[u8], cursor: usize, variables: &mut ByteVariables) -> Option<usize> {
        let reading = self.field.read(data, cursor, variables)?;
        let mut value = reading
            .value
            .checked_mul(self.multiplier)?
            .checked_next_multiple_of(self.align)?;
        if let Some((operator, operand)) = self.operation {
            let operand = resolve(operand, variables).cast_unsigned();
            let places = u32::try_from(operand).unwrap_or(u32::MAX);
            value = match operator {
                Operator::Add => value.wrapping_add(operand),
                Operator::Subtract => value.wrapping_sub(operand),
                Operator::Multiply => value.wrapping_mul(operand),
                Operator::Divide => value.checked_div(operand)?,
                Operator::ShiftLeft => value.checked_shl(places).unwrap_or(0),
                Operator::ShiftRight => value.checked_shr(places).unwrap_or(0),
            };
        }
        *variables.get_mut(usize::from(self.variable))? = value;
        Some(reading.end)
    }
}

/// `isdataat`: whether the data reaches that far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DataAt {
    pub(crate) negated: bool,
    pub(crate) position: Amount,
    pub(crate) relative: bool,
}

impl DataAt {
    pub(crate) fn holds(&self, data: &[u8], cursor: usize, variables: &ByteVariables) -> bool {
        let position = resolve(self.position, variables);
        let length = i64::try_from(data.len()).unwrap_or(i64::MAX);
        let reaches = if self.relative {
            i64::try_from(cursor).unwrap_or(i64::MAX).saturating_add(position) <= length
        } else {
            position < length
        };
        reaches != self.negated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(bytes: i64, offset: i64, encoding: Encoding) -> Field {
        Field {
            bytes: Amount::Number(bytes),
            offset: Amount::Number(offset),
            relative: false,
            encoding,
            mask: None,
        }
    }

    #[test]
    fn reads_numbers() {
        let variables = ByteVariables::default();
        let table: &[(Field, &[u8], Option<u64>)] = &[
            (field(2, 1, Encoding::Big), b"\x00\x01\x02", Some(0x0102)),
            (field(2, 1, Encoding::Little), b"\x00\x01\x02", Some(0x0201)),
            (field(2, 2, Encoding::Big), b"\x00\x01\x02", None),
            (field(3, 0, Encoding::Digits(10)), b"12a", Some(12)),
            (field(4, 0, Encoding::Digits(16)), b"0x1f", Some(0x1f)),
            (field(3, 0, Encoding::Digits(8)), b"x12", None),
            (field(0, 0, Encoding::Digits(10)), b"100001", Some(100_001)),
            (field(1, -1, Encoding::Big), b"a", None),
            (
                Field {
                    mask: Some(0xf0),
                    ..field(1, 0, Encoding::Big)
                },
                b"\x5a",
                Some(5),
            ),
        ];
        for (field, data, expected) in table {
            assert_eq!(
                field.read(data, 0, &variables).map(|r| r.value),
                *expected,
                "{field:?}"
            );
        }
    }

    #[test]
    fn jumps() {
        let variables = ByteVariables::default();
        let jump = |field, from, multiplier, align, post| ByteJump {
            field,
            multiplier,
            align,
            from,
            post_offset: Amount::Number(post),
        };
        let data = b"\x03abcdefgh";
        let one = field(1, 0, Encoding::Big);
        let table = [
            (jump(one, JumpFrom::Here, 1, 1, 0), Some(4)),
            (jump(one, JumpFrom::Here, 2, 1, 0), Some(7)),
            (jump(one, JumpFrom::Here, 1, 4, 0), Some(5)),
            (jump(one, JumpFrom::Beginning, 1, 1, 1), Some(4)),
            (jump(one, JumpFrom::Here, 9, 1, 0), None),
            (jump(one, JumpFrom::End, 1, 1, -5), Some(7)),
            (jump(one, JumpFrom::Here, 1, 1, -9), Some(0)),
            (jump(one, JumpFrom::Beginning, 3, 1, 0), None),
            (jump(one, JumpFrom::Beginning, 3, 1, -1), Some(8)),
        ];
        for (jump, expected) in table {
            assert_eq!(jump.target(data, 0, &variables), expected, "{jump:?}");
        }
    }
}
