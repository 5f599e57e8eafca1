//! `flowint`, `xbits`, `hostbits`: numbers kept for a flow, bits kept for hosts.

use crate::error::{Complaint, unsupported, value};
use crate::rule::{CounterTest, Effect, HostBit, Operand, StateTest, TrackHost};

use super::draft::{Draft, small};
use super::key;
use super::state_keywords::comparison;

/// How long a bit set by `xbits` lasts unless the rule says otherwise.
const HOST_BIT_EXPIRE_S_DEFAULT: u32 = 30;
/// How long one set by `hostbits` lasts.
const HOST_BIT_OF_ONE_EXPIRE_S_DEFAULT: u32 = 300;

impl Draft {
    pub(super) fn flow_counter(&mut self, text: &str) -> Result<(), Complaint> {
        let words: Vec<&str> = text.split(',').map(str::trim).collect();
        let (name, operator, operand) = match words.as_slice() {
            [name, operator] => (key("counter", name), *operator, ""),
            [name, operator, operand] => (key("counter", name), *operator, *operand),
            _ => return Err(value("needs name, operator, value")),
        };
        let test = |test| StateTest::Counter { name, test };
        match operator {
            "isset" => self.rule.state_tests.push(test(CounterTest::IsSet)),
            "notset" | "isnotset" => self.rule.state_tests.push(test(CounterTest::IsUnset)),
            "+" => self.rule.effects.push(Effect::AddCounter {
                name,
                by: counter_operand(operand)?,
            }),
            "-" => self.rule.effects.push(Effect::SubtractCounter {
                name,
                by: counter_operand(operand)?,
            }),
            "=" => self.rule.effects.push(Effect::SetCounter {
                name,
                value: counter_operand(operand)?,
            }),
            _ => {
                // Checks the operator; the counter's value takes the place of the number.
                let compare = match counter_operand(operand)? {
                    Operand::Number(_) => CounterTest::Compare(comparison(operator, operand)?),
                    Operand::Counter(other) => CounterTest::CompareWith(comparison(operator, "0")?, other),
                };
                self.rule.state_tests.push(test(compare));
            }
        }
        Ok(())
    }

    pub(super) fn host_bits(&mut self, text: &str) -> Result<(), Complaint> {
        if text.trim() == "noalert" {
            self.rule.silent = true;
            return Ok(());
        }
        let mut words = text.split(',').map(str::trim);
        let command = words.next().unwrap_or("");
        let name = words
            .next()
            .filter(|name| !name.is_empty())
            .ok_or_else(|| value("the bit's name is missing"))?;
        let (mut track, mut expire_s) = (None, HOST_BIT_EXPIRE_S_DEFAULT);
        for word in words {
            let mut parts = word.split_whitespace();
            match (parts.next(), parts.next()) {
                (Some("track"), Some("ip_src")) => track = Some(TrackHost::Source),
                (Some("track"), Some("ip_dst")) => track = Some(TrackHost::Destination),
                (Some("track"), Some("ip_pair")) => track = Some(TrackHost::Pair),
                (Some("expire"), Some(seconds)) => expire_s = small(seconds)?,
                _ => return Err(value(format!("unknown words {word:?}"))),
            }
        }
        let track = track.ok_or_else(|| value("track is missing"))?;
        self.host_bit(command, name, track, expire_s)
    }

    /// `hostbits:command,name[,src|dst[,seconds]]`: the same bits as `xbits` has for one host.
    pub(super) fn host_bits_of_one(&mut self, text: &str) -> Result<(), Complaint> {
        let words: Vec<&str> = text.split(',').map(str::trim).collect();
        let (command, name, rest) = match words.as_slice() {
            ["noalert"] => {
                self.rule.silent = true;
                return Ok(());
            }
            [command, name, rest @ ..] if !name.is_empty() => (*command, *name, rest),
            _ => return Err(value("needs command, name")),
        };
        let track = match rest.first() {
            None | Some(&"src") => TrackHost::Source,
            Some(&"dst") => TrackHost::Destination,
            Some(&"both") => return Err(unsupported("hostbits with \"both\" is not supported")),
            Some(other) => return Err(value(format!("unknown word {other:?}"))),
        };
        let expire_s = match rest {
            [] | [_] => HOST_BIT_OF_ONE_EXPIRE_S_DEFAULT,
            [_, seconds] => small(seconds)?,
            _ => return Err(value("words too many")),
        };
        self.host_bit(command, name, track, expire_s)
    }

    fn host_bit(
        &mut self,
        command: &str,
        name: &str,
        track: TrackHost,
        expire_s: u32,
    ) -> Result<(), Complaint> {
        let bit = HostBit {
            name: key("host bit", name),
            track,
        };
        match command {
            "set" => self.rule.effects.push(Effect::SetHostBit { bit, expire_s }),
            "unset" => self.rule.effects.push(Effect::UnsetHostBit(bit)),
            "toggle" => self.rule.effects.push(Effect::ToggleHostBit { bit, expire_s }),
            "isset" => self.rule.state_tests.push(StateTest::HostBit { bit, set: true }),
            "isnotset" => self.rule.state_tests.push(StateTest::HostBit { bit, set: false }),
            other => return Err(value(format!("unknown command {other:?}"))),
        }
        Ok(())
    }
}

/// A number, or the name of another counter.
fn counter_operand(text: &str) -> Result<Operand, Complaint> {
    if text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Ok(Operand::Counter(key("counter", text)));
    }
    small(text).map(Operand::Number)
}
