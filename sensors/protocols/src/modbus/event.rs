//! What is told of Modbus.

use super::flow::Transaction;
use super::{Table, access, exception_name, function_name};
use vonggac_event::{limits, proto};

/// The event of a transaction as far as it is known.
pub(super) fn describe(transaction: &Transaction) -> proto::Modbus {
    let Some(message) = transaction.request.as_ref().or(transaction.response.as_ref()) else {
        return proto::Modbus::default();
    };
    let mut body = proto::Modbus {
        trans_id: u32::from(message.transaction),
        unit_id: u32::from(message.unit),
        function_code: u32::from(message.function),
        function: function_name(message.function).into(),
        subfunction: message
            .subfunction()
            .map(|number| number.to_string())
            .unwrap_or_default(),
        answered: transaction.response.is_some(),
        rtt_us: transaction.rtt_us,
        ..proto::Modbus::default()
    };
    let access = transaction
        .request
        .as_ref()
        .and_then(|request| access::of(request).ok());
    let access = access.unwrap_or_default();
    if let Some(reads) = &access.reads {
        body.read_table = table_name(reads.table).into();
        body.read_address = from_one(reads.address);
        body.read_quantity = u32::from(reads.quantity);
    }
    if let Some(writes) = access.writes {
        body.write_table = table_name(writes.table).into();
        body.write_address = from_one(writes.address);
        body.write_quantity = u32::from(writes.quantity);
        let values = writes.values.into_iter().take(limits::LIST_ITEMS_MAX);
        body.written = values.map(u32::from).collect();
    }
    if let Some(response) = transaction
        .response
        .as_ref()
        .filter(|response| response.is_exception)
    {
        let code = response.data.first().copied().unwrap_or(0);
        body.exception_code = u32::from(code);
        body.exception = exception_name(code).unwrap_or("UNKNOWN").into();
    }
    body
}

/// An address as people count.
fn from_one(address: u16) -> u32 {
    u32::from(address) + 1
}

fn table_name(table: Table) -> &'static str {
    match table {
        Table::Coils => "coils",
        Table::Discretes => "discretes",
        Table::Input => "input",
        Table::Holding => "holding",
    }
}
