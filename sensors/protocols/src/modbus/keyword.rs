//! The keyword `modbus` of rules, as Suricata documents it.
//!
//! ```text
//! [unit N,] function N [, subfunction N] | [unit N,] function [!]CATEGORY
//! [unit N,] access read|write [TABLE] [, address N [, value N]]
//! ```
//!
//! A number may be a comparison: `>5`, `<5`, `2<>5`. Addresses count from 1.

use super::card::MESSAGE;
use super::flow::Transaction;
use super::{Access, Category, Message, Table, Writes, access, category};
use vonggac_protocol::{Condition, Dash, KeywordCard, NumberTest, Side, Sides, Source};

/// The keyword.
pub(super) const KEYWORDS: &[KeywordCard] = &[KeywordCard {
    keyword: "modbus",
    sides: Sides::Client,
    stage: MESSAGE,
    compile: |text| Ok(Box::new(Wanted::parse(text)?)),
}];

/// What a rule asks of a request.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    unit: Option<NumberTest>,
    what: Option<What>,
}

#[derive(Debug, PartialEq, Eq)]
enum What {
    Function {
        number: u8,
        subfunction: Option<u16>,
    },
    Categories {
        list: &'static [Category],
        is_negated: bool,
    },
    Access(AccessTest),
}

#[derive(Debug, PartialEq, Eq)]
struct AccessTest {
    is_write: bool,
    table: Option<Table>,
    address: Option<NumberTest>,
    value: Option<NumberTest>,
}

impl Condition for Wanted {
    fn holds(&self, _: Side, source: &dyn Source) -> bool {
        let transaction = source.as_any().and_then(|any| any.downcast_ref::<Transaction>());
        let request = transaction.and_then(|transaction| transaction.request.as_ref());
        request.is_some_and(|request| self.admits(request))
    }
}

impl Wanted {
    fn admits(&self, request: &Message) -> bool {
        if !self.unit.is_none_or(|unit| unit.holds(request.unit.into())) {
            return false;
        }
        match &self.what {
            None => true,
            Some(What::Function { number, subfunction }) => {
                request.function == *number
                    && subfunction.is_none_or(|wanted| request.subfunction() == Some(wanted))
            }
            Some(What::Categories { list, is_negated }) => {
                list.contains(&category(request.function)) != *is_negated
            }
            Some(What::Access(test)) => access::of(request).is_ok_and(|access| test.admits(&access)),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut words = text.trim_matches('"').split(',').map(str::trim).peekable();
        let mut wanted = Self {
            unit: None,
            what: None,
        };
        if let Some(unit) = words.peek().and_then(|word| word.strip_prefix("unit ")) {
            wanted.unit = Some(comparison(unit)?);
            words.next();
        }
        if let Some(word) = words.next() {
            wanted.what = Some(match word.split_once(' ') {
                Some(("function", rest)) => function(rest.trim(), &mut words)?,
                Some(("access", rest)) => What::Access(AccessTest::parse(rest.trim(), &mut words)?),
                _ => return Err(format!("{word:?} is neither unit, function nor access")),
            });
        }
        match words.next() {
            Some(word) => Err(format!("nothing may follow: {word:?}")),
            None => Ok(wanted),
        }
    }
}

fn comparison(text: &str) -> Result<NumberTest, String> {
    NumberTest::parse(text, Dash::Excluded)
}

fn function<'a>(text: &str, words: &mut impl Iterator<Item = &'a str>) -> Result<What, String> {
    if let Ok(number) = text.parse::<u8>() {
        let subfunction = match words.next() {
            None => None,
            Some(word) => {
                let number = word
                    .strip_prefix("subfunction ")
                    .and_then(|text| text.trim().parse().ok());
                Some(number.ok_or_else(|| format!("{word:?} is no subfunction"))?)
            }
        };
        return match number {
            0 => Err("there is no function 0".into()),
            _ => Ok(What::Function { number, subfunction }),
        };
    }
    let (is_negated, name) = match text.strip_prefix('!') {
        Some(rest) => (true, rest.trim()),
        None => (false, text),
    };
    let list: &[Category] = match name {
        "assigned" => &[Category::Assigned],
        "unassigned" => &[Category::Unassigned],
        "public" => &[Category::Assigned, Category::Unassigned],
        "user" => &[Category::UserDefined],
        "reserved" => &[Category::Reserved],
        "all" => &[
            Category::Assigned,
            Category::Unassigned,
            Category::UserDefined,
            Category::Reserved,
        ],
        other => return Err(format!("{other:?} is no category of functions")),
    };
    Ok(What::Categories { list, is_negated })
}

impl AccessTest {
    fn parse<'a>(text: &str, words: &mut impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let (kind, table) = text.split_once(' ').unwrap_or((text, ""));
        let is_write = match kind {
            "read" => false,
            "write" => true,
            other => return Err(format!("{other:?} is neither read nor write")),
        };
        let table = match (table.trim(), is_write) {
            ("", _) => None,
            ("coils", _) => Some(Table::Coils),
            ("holding", _) => Some(Table::Holding),
            ("discretes", false) => Some(Table::Discretes),
            ("input", false) => Some(Table::Input),
            (table @ ("discretes" | "input"), true) => return Err(format!("{table} cannot be written")),
            (other, _) => return Err(format!("{other:?} is no table")),
        };
        let mut number = |name: &str| match words.next().map(|word| (word, word.strip_prefix(name))) {
            None => Ok(None),
            Some((_, Some(rest))) => comparison(rest).map(Some),
            Some((word, None)) => Err(format!("{word:?} where {name}may stand")),
        };
        let address = number("address ")?;
        let value = number("value ")?;
        if value.is_some() && !is_write {
            return Err("only what is written has a value".into());
        }
        if value.is_some() && !matches!(address, Some(NumberTest::Equal(_))) {
            return Err("a value is asked of one address".into());
        }
        Ok(Self {
            is_write,
            table,
            address,
            value,
        })
    }

    fn admits(&self, access: &Access) -> bool {
        let range = match self.is_write {
            true => access
                .writes
                .as_ref()
                .map(|writes| (writes.table, writes.address, writes.quantity)),
            false => access
                .reads
                .map(|reads| (reads.table, reads.address, reads.quantity)),
        };
        let Some((table, address, quantity)) = range else {
            return false;
        };
        let first = u64::from(address) + 1;
        let mut addresses = first..first + u64::from(quantity);
        self.table.is_none_or(|wanted| wanted == table)
            && self
                .address
                .is_none_or(|test| addresses.any(|address| test.holds(address)))
            && self.value.is_none_or(|test| {
                let written = access.writes.as_ref().and_then(|writes| self.written(writes));
                written.is_some_and(|value| test.holds(value.into()))
            })
    }

    /// The value written to the address that is asked for.
    fn written(&self, writes: &Writes) -> Option<u16> {
        let Some(NumberTest::Equal(address)) = self.address else {
            return None;
        };
        let place = address.checked_sub(u64::from(writes.address) + 1)?;
        writes.values.get(usize::try_from(place).ok()?).copied()
    }
}
