//! Conditions on how long a flow lives and how much it has carried: `flow.age`, `flow.pkts`, `flow.bytes`.

use crate::context::FlowFacts;
use crate::error::{Complaint, value};
use crate::number::{Dash, NumberTest, number_test};

/// A condition on the flow as it is when the rule is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlowSizeTest {
    /// Whole seconds since the first packet.
    Age(NumberTest),
    Packets(Sides, NumberTest),
    Bytes(Sides, NumberTest),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sides {
    ToServer,
    ToClient,
    Either,
    Both,
}

impl FlowSizeTest {
    /// The condition that the keyword with that value asks for; `None` if the keyword is another's.
    pub(crate) fn parse(keyword: &str, text: &str) -> Option<Result<FlowSizeTest, Complaint>> {
        let number = || number_test(text, Dash::Excluded);
        Some(match keyword {
            "flow.age" => number().map(FlowSizeTest::Age),
            "flow.pkts" => sided(text).map(|(sides, test)| FlowSizeTest::Packets(sides, test)),
            "flow.bytes" => sided(text).map(|(sides, test)| FlowSizeTest::Bytes(sides, test)),
            "flow.pkts_toserver" => number().map(|test| FlowSizeTest::Packets(Sides::ToServer, test)),
            "flow.pkts_toclient" => number().map(|test| FlowSizeTest::Packets(Sides::ToClient, test)),
            "flow.bytes_toserver" => number().map(|test| FlowSizeTest::Bytes(Sides::ToServer, test)),
            "flow.bytes_toclient" => number().map(|test| FlowSizeTest::Bytes(Sides::ToClient, test)),
            _ => return None,
        })
    }

    pub(crate) fn holds(self, flow: FlowFacts) -> bool {
        match self {
            FlowSizeTest::Age(test) => test.holds(flow.age_s),
            FlowSizeTest::Packets(sides, test) => sides.hold(test, flow.packets),
            FlowSizeTest::Bytes(sides, test) => sides.hold(test, flow.bytes),
        }
    }
}

impl Sides {
    fn hold(self, test: NumberTest, [to_server, to_client]: [u64; 2]) -> bool {
        match self {
            Sides::ToServer => test.holds(to_server),
            Sides::ToClient => test.holds(to_client),
            Sides::Either => test.holds(to_server) || test.holds(to_client),
            Sides::Both => test.holds(to_server) && test.holds(to_client),
        }
    }
}

/// Reads `toserver,>3`.
fn sided(text: &str) -> Result<(Sides, NumberTest), Complaint> {
    let (side, number) = text
        .split_once(',')
        .ok_or_else(|| value("needs direction, number"))?;
    let sides = match side.trim() {
        "toserver" => Sides::ToServer,
        "toclient" => Sides::ToClient,
        "either" => Sides::Either,
        "both" => Sides::Both,
        other => return Err(value(format!("unknown direction {other:?}"))),
    };
    Ok((sides, number_test(number, Dash::Excluded)?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn sizes() {
        let flow = FlowFacts {
            age_s: 21,
            packets: [10, 3],
            bytes: [2999, 8001],
        };
        let table = [
            ("flow.age", ">20", true),
            ("flow.age", "20", false),
            ("flow.pkts", "toserver,=10", true),
            ("flow.pkts", "either,3", true),
            ("flow.pkts", "both,>3", false),
            ("flow.pkts", "both,>=3", true),
            ("flow.pkts_toclient", "10", false),
            ("flow.bytes", "toserver,<3000", true),
            ("flow.bytes_toclient", ">8000", true),
            ("flow.bytes_toserver", "1-3000", true),
        ];
        for (keyword, text, expected) in table {
            let test = FlowSizeTest::parse(keyword, text).unwrap().unwrap();
            assert_eq!(test.holds(flow), expected, "{keyword}:{text}");
        }
        for text in ["10", "up,10", "toserver,"] {
            assert!(FlowSizeTest::parse("flow.pkts", text).unwrap().is_err(), "{text}");
        }
    }
}
