//! `byte_test`, `byte_jump`, `byte_extract`, `byte_math`, `base64_decode`.

use crate::base64::Base64Range;
use crate::bytes::{
    BINARY_BYTES_MAX, ByteExtract, ByteJump, ByteTest, Comparison, Encoding, Field, JumpFrom, Operator,
};
use crate::content::Amount;
use crate::error::{Complaint, over_limit, unsupported, value};
use crate::limits::VARIABLES_MAX;
use crate::number::number;
use crate::verify::{Step, StepList};

use super::draft::Draft;

impl Draft {
    /// Takes the keyword if it is one of these.
    pub(super) fn byte_keyword(&mut self, name: &str, text: &str) -> Option<Result<(), Complaint>> {
        let step = match name {
            "byte_test" => self.byte_test(text),
            "byte_jump" => self.byte_jump(text),
            "byte_extract" => self.byte_extract(text),
            "byte_math" => self.byte_math(text),
            "base64_decode" => base64_decode(text),
            _ => return None,
        };
        Some(step.and_then(|step| {
            let list = self.list_of_condition(step.is_relative());
            self.push(list, step).map(|_| ())
        }))
    }

    /// A number, or the name of a byte variable.
    pub(super) fn amount(&self, text: &str) -> Result<Amount, Complaint> {
        let text = text.trim();
        if text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+')) {
            let (sign, digits) = match text.strip_prefix('-') {
                Some(digits) => (-1, digits),
                None => (1, text.strip_prefix('+').unwrap_or(text)),
            };
            let magnitude = number(digits)?;
            if sign < 0 {
                let magnitude = i64::try_from(magnitude).map_err(|_| value("too large"))?;
                return Ok(Amount::Number(-magnitude));
            }
            return Ok(Amount::Number(magnitude.cast_signed()));
        }
        let index = self.variables.iter().position(|name| name == text);
        let index = index.ok_or_else(|| value(format!("{text:?} is neither number nor byte variable")))?;
        Ok(Amount::Variable(u8::try_from(index).unwrap_or(u8::MAX)))
    }

    fn declare(&mut self, name: &str) -> Result<u8, Complaint> {
        let first = |c: char| c.is_ascii_alphabetic() || c == '_';
        if !name.starts_with(first) {
            return Err(value(format!("{name:?} is no name for a variable")));
        }
        let index = match self.variables.iter().position(|known| known == name) {
            Some(index) => index,
            None if self.variables.len() >= VARIABLES_MAX => {
                return Err(over_limit(format!("more than {VARIABLES_MAX} byte variables")));
            }
            None => {
                self.variables.push(name.to_owned());
                self.variables.len() - 1
            }
        };
        Ok(u8::try_from(index).unwrap_or(u8::MAX))
    }

    fn byte_test(&mut self, text: &str) -> Result<Step, Complaint> {
        let words: Vec<&str> = text.split(',').map(str::trim).collect();
        let [bytes, operator, wanted, offset, rest @ ..] = words.as_slice() else {
            return Err(value("needs bytes, operator, value, offset"));
        };
        let (negated, operator) = match operator.strip_prefix('!') {
            Some(rest) => (true, rest.trim()),
            None => (false, *operator),
        };
        let comparison = match operator {
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            "=" | "" => Comparison::Equal,
            "&" => Comparison::And,
            "^" => Comparison::Or,
            other => return Err(value(format!("unknown operator {other:?}"))),
        };
        let mut words = FieldWords::new(self.amount(bytes)?, self.amount(offset)?);
        for word in rest {
            if !words.take(word)? {
                return Err(value(format!("unknown word {word:?}")));
            }
        }
        let value = self.amount(wanted)?;
        Ok(Step::Test(ByteTest {
            field: words.field()?,
            negated,
            comparison,
            value,
        }))
    }

    fn byte_jump(&mut self, text: &str) -> Result<Step, Complaint> {
        let words: Vec<&str> = text.split(',').map(str::trim).collect();
        let [bytes, offset, rest @ ..] = words.as_slice() else {
            return Err(value("needs bytes, offset"));
        };
        let mut words = FieldWords::new(self.amount(bytes)?, self.amount(offset)?);
        let (mut multiplier, mut align, mut from) = (1, 1, JumpFrom::Here);
        let mut post_offset = Amount::Number(0);
        for word in rest {
            if words.take(word)? {
                continue;
            }
            match word.split_once(' ').map(|(key, rest)| (key, rest.trim())) {
                None if *word == "align" => align = 4,
                None if *word == "from_beginning" => from = JumpFrom::Beginning,
                None if *word == "from_end" => from = JumpFrom::End,
                Some(("multiplier", factor)) => multiplier = number(factor)?,
                Some(("post_offset", offset)) => post_offset = self.amount(offset)?,
                _ => return Err(value(format!("unknown word {word:?}"))),
            }
        }
        Ok(Step::Jump(ByteJump {
            field: words.field()?,
            multiplier,
            align,
            from,
            post_offset,
        }))
    }

    fn byte_extract(&mut self, text: &str) -> Result<Step, Complaint> {
        let words: Vec<&str> = text.split(',').map(str::trim).collect();
        let [bytes, offset, name, rest @ ..] = words.as_slice() else {
            return Err(value("needs bytes, offset, name"));
        };
        let mut words = FieldWords::new(self.amount(bytes)?, self.amount(offset)?);
        let (mut multiplier, mut align) = (1, 1);
        for word in rest {
            if words.take(word)? {
                continue;
            }
            match word.split_once(' ').map(|(key, rest)| (key, rest.trim())) {
                Some(("multiplier", factor)) => multiplier = number(factor)?,
                Some(("align", "2")) => align = 2,
                Some(("align", "4")) => align = 4,
                _ => return Err(value(format!("unknown word {word:?}"))),
            }
        }
        let variable = self.declare(name)?;
        Ok(Step::Extract(ByteExtract {
            field: words.field()?,
            multiplier,
            align,
            operation: None,
            variable,
        }))
    }

    fn byte_math(&mut self, text: &str) -> Result<Step, Complaint> {
        let (mut bytes, mut offset) = (None, None);
        let (mut operator, mut operand, mut result) = (None, None, None);
        let mut words = FieldWords::new(Amount::Number(0), Amount::Number(0));
        for word in text.split(',').map(str::trim) {
            match word.split_once(' ').map(|(key, rest)| (key, rest.trim())) {
                Some(("bytes", rest)) => bytes = Some(self.amount(rest)?),
                Some(("offset", rest)) => offset = Some(self.amount(rest)?),
                Some(("oper", rest)) => operator = Some(parse_operator(rest)?),
                Some(("rvalue", rest)) => operand = Some(self.amount(rest)?),
                Some(("result", rest)) => result = Some(rest.to_owned()),
                _ if words.take(word)? => {}
                _ => return Err(value(format!("unknown word {word:?}"))),
            }
        }
        let missing = |name: &str| value(format!("{name} is missing"));
        words.bytes = bytes.ok_or_else(|| missing("bytes"))?;
        words.offset = offset.ok_or_else(|| missing("offset"))?;
        let operator = operator.ok_or_else(|| missing("oper"))?;
        let operand = operand.ok_or_else(|| missing("rvalue"))?;
        let variable = self.declare(&result.ok_or_else(|| missing("result"))?)?;
        let operation = Some((operator, operand));
        Ok(Step::Extract(ByteExtract {
            field: words.field()?,
            multiplier: 1,
            align: 1,
            operation,
            variable,
        }))
    }
}

fn parse_operator(text: &str) -> Result<Operator, Complaint> {
    Ok(match text {
        "+" => Operator::Add,
        "-" => Operator::Subtract,
        "*" => Operator::Multiply,
        "/" => Operator::Divide,
        "<<" => Operator::ShiftLeft,
        ">>" => Operator::ShiftRight,
        other => return Err(value(format!("unknown operator {other:?}"))),
    })
}

fn base64_decode(text: &str) -> Result<Step, Complaint> {
    let mut range = Base64Range {
        bytes: None,
        offset: 0,
        relative: false,
    };
    let size = |text: &str| number(text).and_then(|n| usize::try_from(n).map_err(|_| value("too large")));
    for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        match word.split_once(' ').map(|(key, rest)| (key, rest.trim())) {
            None if word == "relative" => range.relative = true,
            Some(("bytes", bytes)) => range.bytes = Some(size(bytes)?),
            Some(("offset", offset)) => range.offset = size(offset)?,
            _ => return Err(value(format!("unknown word {word:?}"))),
        }
    }
    Ok(Step::Base64(range, StepList::default()))
}

/// The words that say how a number stands in the data; several keywords share them.
struct FieldWords {
    bytes: Amount,
    offset: Amount,
    relative: bool,
    little: bool,
    /// Base of the digits, if the number is written in digits.
    string: bool,
    base: u32,
    mask: Option<u64>,
}

impl FieldWords {
    fn new(bytes: Amount, offset: Amount) -> FieldWords {
        FieldWords {
            bytes,
            offset,
            relative: false,
            little: false,
            string: false,
            base: 10,
            mask: None,
        }
    }

    /// Whether the word is one of these.
    fn take(&mut self, word: &str) -> Result<bool, Complaint> {
        let mut parts = word.split_whitespace();
        let (first, second) = (parts.next().unwrap_or(""), parts.next());
        match (first, second) {
            ("relative", None) => self.relative = true,
            ("little", None) | ("endian", Some("little")) => self.little = true,
            ("big", None) | ("endian", Some("big")) => self.little = false,
            ("string", None) => self.string = true,
            ("hex", None) => self.base = 16,
            ("dec", None) => self.base = 10,
            ("oct", None) => self.base = 8,
            ("string", Some(base)) => {
                self.string = true;
                return self.take(base);
            }
            ("bitmask", Some(mask)) => {
                let digits = mask.trim_start_matches("0x").trim_start_matches("0X");
                let parsed = u64::from_str_radix(digits, 16);
                self.mask = Some(parsed.map_err(|_| value(format!("{mask:?} is no mask")))?);
            }
            ("dce", None) | ("endian", Some("dce")) => {
                return Err(unsupported("byte order from DCE/RPC (dce) is not supported"));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn field(&self) -> Result<Field, Complaint> {
        let encoding = match (self.string, self.little) {
            (true, _) => Encoding::Digits(self.base),
            (false, true) => Encoding::Little,
            (false, false) => Encoding::Big,
        };
        if let Amount::Number(bytes) = self.bytes
            && (bytes < 0 || (!self.string && bytes > BINARY_BYTES_MAX as i64))
        {
            return Err(value(format!("a number of {bytes} bytes")));
        }
        Ok(Field {
            bytes: self.bytes,
            offset: self.offset,
            relative: self.relative,
            encoding,
            mask: self.mask,
        })
    }
}
