//! Keywords about the flow, about what earlier rules left behind, and about how often to report.

use crate::app_test::AppTest;
use crate::context::Direction;
use crate::error::{Complaint, over_limit, unsupported, value};
use crate::limits::FLOWBIT_ALTERNATIVES_MAX;
use crate::number::{Dash, NumberTest, number, number_test};
use crate::rule::{Action, Effect, PayloadFrom, StateTest, StreamSide, StreamSizeTest};

use super::draft::Draft;
use super::key;

impl Draft {
    /// Takes the keyword if it is one of these.
    pub(super) fn state_keyword(&mut self, name: &str, text: &str) -> Option<Result<(), Complaint>> {
        Some(match name {
            "flow" => self.flow(text),
            "flowbits" => self.flow_bits(text),
            "flowint" => self.flow_counter(text),
            "xbits" => self.host_bits(text),
            "hostbits" => self.host_bits_of_one(text),
            "noalert" => {
                self.rule.silent = true;
                Ok(())
            }
            "alert" => self.alert(),
            "threshold" => self.threshold(text),
            "detection_filter" => self.detection_filter(text),
            "stream_size" => stream_size(text).map(|test| self.rule.stream_sizes.push(test)),
            "app-layer-protocol" => {
                AppTest::parse(text, &self.vocabulary).map(|test| self.rule.app_tests.push(test))
            }
            _ => return None,
        })
    }

    /// `alert`: reports, as rules do by themselves unless they pass.
    fn alert(&mut self) -> Result<(), Complaint> {
        if self.rule.info.action == Action::Pass {
            return Err(unsupported("a rule that passes cannot report"));
        }
        self.rule.silent = false;
        Ok(())
    }

    fn flow(&mut self, text: &str) -> Result<(), Complaint> {
        let flow = &mut self.rule.flow;
        for word in text.split(',').map(str::trim) {
            match word.to_ascii_lowercase().as_str() {
                "established" => flow.established = Some(true),
                "not_established" => flow.established = Some(false),
                "stateless" => {}
                "to_server" | "from_client" => flow.direction = Some(Direction::ToServer),
                "to_client" | "from_server" => flow.direction = Some(Direction::ToClient),
                "only_stream" => flow.only = Some(PayloadFrom::Stream),
                "no_stream" => flow.only = Some(PayloadFrom::Packets),
                "no_frag" | "only_frag" => return Err(unsupported(format!("flow:{word} is not supported"))),
                _ => return Err(value(format!("unknown word {word:?}"))),
            }
        }
        Ok(())
    }

    fn flow_bits(&mut self, text: &str) -> Result<(), Complaint> {
        let (command, names) = text.split_once(',').unwrap_or((text, ""));
        let command = command.trim();
        if command == "noalert" {
            self.rule.silent = true;
            return Ok(());
        }
        let bits: Vec<u64> = names
            .split('|')
            .map(str::trim)
            .filter(|n| !n.is_empty())
            .map(|name| key("bit", name))
            .collect();
        if bits.len() > FLOWBIT_ALTERNATIVES_MAX {
            return Err(over_limit(format!(
                "more than {FLOWBIT_ALTERNATIVES_MAX} flow bits at once"
            )));
        }
        let Some(first) = bits.first().copied() else {
            return Err(value("the bit's name is missing"));
        };
        match command {
            "isset" => self.rule.state_tests.push(StateTest::AnyBit(bits)),
            "isnotset" => self.rule.state_tests.push(StateTest::AnyBitUnset(bits)),
            _ if bits.len() > 1 => return Err(value("only isset and isnotset take several bits")),
            "set" => self.rule.effects.push(Effect::SetBit(first)),
            "unset" => self.rule.effects.push(Effect::UnsetBit(first)),
            "toggle" => self.rule.effects.push(Effect::ToggleBit(first)),
            other => return Err(value(format!("unknown command {other:?}"))),
        }
        if matches!(command, "set" | "toggle") {
            self.rule.bit_names.push((first, names.trim().into()));
        }
        Ok(())
    }
}

/// An operator and a number that stand apart, as in `stream_size:client,<,5`.
pub(super) fn comparison(operator: &str, operand: &str) -> Result<NumberTest, Complaint> {
    let operand = number(operand)?;
    Ok(match operator {
        "=" | "==" => NumberTest::Equal(operand),
        "!" | "!=" => NumberTest::NotEqual(operand),
        "<" => NumberTest::Less(operand),
        "<=" => NumberTest::LessOrEqual(operand),
        ">" => NumberTest::Greater(operand),
        ">=" => NumberTest::GreaterOrEqual(operand),
        other => return Err(value(format!("unknown operator {other:?}"))),
    })
}

fn stream_size(text: &str) -> Result<StreamSizeTest, Complaint> {
    let (side, rest) = text
        .split_once(',')
        .ok_or_else(|| value("needs side, operator, size"))?;
    let side = match side.trim() {
        "client" => StreamSide::Client,
        "server" => StreamSide::Server,
        "both" => StreamSide::Both,
        "either" => StreamSide::Either,
        other => return Err(value(format!("unknown side {other:?}"))),
    };
    let test = match rest.split_once(',') {
        Some((operator, operand)) => comparison(operator.trim(), operand)?,
        None => number_test(rest, Dash::Excluded)?,
    };
    Ok(StreamSizeTest { side, test })
}
