//! Functions and exceptions by number.

/// Who says what a function means (Application Protocol 1.1b3, 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// The specification does.
    Assigned,
    /// Nobody yet; the specification keeps it for later.
    Unassigned,
    /// The maker of the device.
    UserDefined,
    /// Makers of old devices did; it is not for public use.
    Reserved,
}

/// The category of a function, its mark of an exception left out.
pub fn category(function: u8) -> Category {
    match function {
        1..=8 | 11 | 12 | 15..=17 | 20..=24 | 43 => Category::Assigned,
        9 | 10 | 13 | 14 | 18 | 19 | 40..=42 | 90 | 91 | 125..=127 => Category::Reserved,
        65..=72 | 100..=110 => Category::UserDefined,
        _ => Category::Unassigned,
    }
}

/// The name of a function, as Zeek writes it.
pub fn function_name(function: u8) -> &'static str {
    match function {
        1 => "READ_COILS",
        2 => "READ_DISCRETE_INPUTS",
        3 => "READ_HOLDING_REGISTERS",
        4 => "READ_INPUT_REGISTERS",
        5 => "WRITE_SINGLE_COIL",
        6 => "WRITE_SINGLE_REGISTER",
        7 => "READ_EXCEPTION_STATUS",
        8 => "DIAGNOSTICS",
        11 => "GET_COMM_EVENT_COUNTER",
        12 => "GET_COMM_EVENT_LOG",
        15 => "WRITE_MULTIPLE_COILS",
        16 => "WRITE_MULTIPLE_REGISTERS",
        17 => "REPORT_SERVER_ID",
        20 => "READ_FILE_RECORD",
        21 => "WRITE_FILE_RECORD",
        22 => "MASK_WRITE_REGISTER",
        23 => "READ_WRITE_MULTIPLE_REGISTERS",
        24 => "READ_FIFO_QUEUE",
        43 => "ENCAP_INTERFACE_TRANSPORT",
        _ => "UNKNOWN",
    }
}

/// The name of an exception (section 7); `None` for a number that stands for none.
pub fn exception_name(code: u8) -> Option<&'static str> {
    Some(match code {
        1 => "ILLEGAL_FUNCTION",
        2 => "ILLEGAL_DATA_ADDRESS",
        3 => "ILLEGAL_DATA_VALUE",
        4 => "SERVER_DEVICE_FAILURE",
        5 => "ACKNOWLEDGE",
        6 => "SERVER_DEVICE_BUSY",
        8 => "MEMORY_PARITY_ERROR",
        10 => "GATEWAY_PATH_UNAVAILABLE",
        11 => "GATEWAY_TARGET_DEVICE_FAILED_TO_RESPOND",
        _ => return None,
    })
}
