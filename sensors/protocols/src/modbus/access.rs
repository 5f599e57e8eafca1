//! What a request reads and writes.

use super::Message;

/// The four tables of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Bits that can be written.
    Coils,
    /// Bits that cannot.
    Discretes,
    /// Registers that cannot.
    Input,
    /// Registers that can be written.
    Holding,
}

/// What is read: a range of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reads {
    /// Of which table.
    pub table: Table,
    /// Its first address, from 0.
    pub address: u16,
    /// How many.
    pub quantity: u16,
}

/// What is written: a range of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writes {
    /// Of which table: coils or holding registers.
    pub table: Table,
    /// Its first address, from 0.
    pub address: u16,
    /// The values in order; 0 or 1 for coils. Empty where only some bits of a register change.
    pub values: Vec<u16>,
    /// How many.
    pub quantity: u16,
}

/// What a request does to the tables; neither for most functions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// What it reads.
    pub reads: Option<Reads>,
    /// What it writes.
    pub writes: Option<Writes>,
}

/// What is wrong with a message, by the names that Suricata's rules have for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is not as long as its function asks.
    Length,
    /// A number is not allowed.
    Value,
}

const BITS_READ_MAX: u16 = 2000;
const REGISTERS_READ_MAX: u16 = 125;
const BITS_WRITTEN_MAX: u16 = 1968;
const REGISTERS_WRITTEN_MAX: u16 = 123;
const REGISTERS_EXCHANGED_MAX: u16 = 121;

/// Reads what a request asks for.
pub(super) fn of(request: &Message) -> Result<Access, Fault> {
    let data = request.data.as_slice();
    match request.function {
        1 => reads(Table::Coils, data, BITS_READ_MAX),
        2 => reads(Table::Discretes, data, BITS_READ_MAX),
        3 => reads(Table::Holding, data, REGISTERS_READ_MAX),
        4 => reads(Table::Input, data, REGISTERS_READ_MAX),
        5 => write_coil(data),
        6 => write_register(data),
        7 | 11 | 12 | 17 => match data {
            [] => Ok(Access::default()),
            _ => Err(Fault::Length),
        },
        8 if data.len() < 4 || !data.len().is_multiple_of(2) => Err(Fault::Length),
        15 => write_coils(data),
        16 => write_registers(data),
        20 | 21 => match data {
            [count, rest @ ..] if usize::from(*count) == rest.len() => Ok(Access::default()),
            _ => Err(Fault::Length),
        },
        22 => mask_write(data),
        23 => exchange(data),
        24 if data.len() != 2 => Err(Fault::Length),
        _ => Ok(Access::default()),
    }
}

fn reads(table: Table, data: &[u8], quantity_max: u16) -> Result<Access, Fault> {
    let [a0, a1, q0, q1] = *data else {
        return Err(Fault::Length);
    };
    let quantity = quantity(q0, q1, quantity_max)?;
    Ok(Access {
        reads: Some(Reads {
            table,
            address: u16::from_be_bytes([a0, a1]),
            quantity,
        }),
        writes: None,
    })
}

fn quantity(high: u8, low: u8, max: u16) -> Result<u16, Fault> {
    let quantity = u16::from_be_bytes([high, low]);
    match (1..=max).contains(&quantity) {
        true => Ok(quantity),
        false => Err(Fault::Value),
    }
}

fn writes(table: Table, address: [u8; 2], values: Vec<u16>, quantity: u16) -> Access {
    Access {
        reads: None,
        writes: Some(Writes {
            table,
            address: u16::from_be_bytes(address),
            values,
            quantity,
        }),
    }
}

fn write_coil(data: &[u8]) -> Result<Access, Fault> {
    let [a0, a1, value, zero] = *data else {
        return Err(Fault::Length);
    };
    match (value, zero) {
        (0x00 | 0xff, 0) => Ok(writes(Table::Coils, [a0, a1], vec![u16::from(value & 1)], 1)),
        _ => Err(Fault::Value),
    }
}

fn write_register(data: &[u8]) -> Result<Access, Fault> {
    let [a0, a1, v0, v1] = *data else {
        return Err(Fault::Length);
    };
    let value = u16::from_be_bytes([v0, v1]);
    Ok(writes(Table::Holding, [a0, a1], vec![value], 1))
}

fn write_coils(data: &[u8]) -> Result<Access, Fault> {
    let [a0, a1, q0, q1, count, bits @ ..] = data else {
        return Err(Fault::Length);
    };
    let quantity = quantity(*q0, *q1, BITS_WRITTEN_MAX)?;
    let wanted = usize::from(quantity).div_ceil(8);
    if usize::from(*count) != wanted || bits.len() != wanted {
        return Err(Fault::Length);
    }
    let each = bits
        .iter()
        .flat_map(|byte| (0..8).map(move |bit| u16::from(byte >> bit & 1)));
    let values = each.take(usize::from(quantity)).collect();
    Ok(writes(Table::Coils, [*a0, *a1], values, quantity))
}

fn write_registers(data: &[u8]) -> Result<Access, Fault> {
    let [a0, a1, q0, q1, count, bytes @ ..] = data else {
        return Err(Fault::Length);
    };
    let quantity = quantity(*q0, *q1, REGISTERS_WRITTEN_MAX)?;
    let values = registers(quantity, *count, bytes)?;
    Ok(writes(Table::Holding, [*a0, *a1], values, quantity))
}

fn registers(quantity: u16, count: u8, bytes: &[u8]) -> Result<Vec<u16>, Fault> {
    let wanted = 2 * usize::from(quantity);
    if usize::from(count) != wanted || bytes.len() != wanted {
        return Err(Fault::Length);
    }
    let (pairs, _) = bytes.as_chunks::<2>();
    Ok(pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect())
}

/// Changes some bits of a register: an "and" mask, then an "or" mask.
fn mask_write(data: &[u8]) -> Result<Access, Fault> {
    let [a0, a1, _, _, _, _] = *data else {
        return Err(Fault::Length);
    };
    Ok(writes(Table::Holding, [a0, a1], Vec::new(), 1))
}

/// Writes registers, then reads some.
fn exchange(data: &[u8]) -> Result<Access, Fault> {
    let (read, write) = data.split_at_checked(4).ok_or(Fault::Length)?;
    let read = reads(Table::Holding, read, REGISTERS_READ_MAX)?;
    let [a0, a1, q0, q1, count, bytes @ ..] = write else {
        return Err(Fault::Length);
    };
    let quantity = quantity(*q0, *q1, REGISTERS_EXCHANGED_MAX)?;
    let values = registers(quantity, *count, bytes)?;
    let written = writes(Table::Holding, [*a0, *a1], values, quantity);
    Ok(Access {
        reads: read.reads,
        writes: written.writes,
    })
}

/// Whether a response, not an exception, is as long as its function says, and says what was asked.
pub(super) fn check_response(response: &Message, request: Option<&Message>) -> Result<(), Fault> {
    let data = response.data.as_slice();
    match response.function {
        function @ (1..=4 | 20 | 21 | 23) => {
            let [count, values @ ..] = data else {
                return Err(Fault::Length);
            };
            if usize::from(*count) != values.len() {
                return Err(Fault::Length);
            }
            let asked = request
                .and_then(|request| of(request).ok())
                .and_then(|access| access.reads);
            let wanted = asked.map(|reads| match function {
                1 | 2 => usize::from(reads.quantity).div_ceil(8),
                _ => 2 * usize::from(reads.quantity),
            });
            match wanted.is_none_or(|wanted| wanted == values.len()) {
                true => Ok(()),
                false => Err(Fault::Value),
            }
        }
        5 | 6 | 15 | 16 => {
            if data.len() != 4 {
                return Err(Fault::Length);
            }
            let asked = request.and_then(|request| request.data.get(..4));
            match asked.is_none_or(|asked| asked == data) {
                true => Ok(()),
                false => Err(Fault::Value),
            }
        }
        _ => Ok(()),
    }
}
