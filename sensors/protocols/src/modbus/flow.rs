//! The Modbus of one flow: requests are tied to their responses.

use super::access::{self, Fault};
use super::card::MESSAGE;
use super::{Category, Message, Read, can_begin, category, event, exception_name, read};
use std::any::Any;
use std::borrow::Cow;
use std::collections::VecDeque;
use vonggac_event::Body;
use vonggac_protocol::{Host, Instances, Next, Protocol, Side, Source};

/// The Modbus of one flow.
#[derive(Default)]
pub(crate) struct ModbusFlow {
    /// The start of a message, by side.
    partial: [Vec<u8>; 2],
    /// Where the next message begins is not known, by side.
    is_lost: [bool; 2],
    /// Unanswered requests, oldest first.
    waiting: VecDeque<Transaction>,
    /// Transactions so far.
    begun: u64,
    /// Whether the core was asked to wake us.
    is_watched: bool,
}

/// A request, its response, or both.
#[derive(Default)]
pub(super) struct Transaction {
    number: u64,
    ts_us: i64,
    pub(super) request: Option<Message>,
    pub(super) response: Option<Message>,
    /// From request to response; 0 without one of them.
    pub(super) rtt_us: u64,
}

impl ModbusFlow {
    fn take(&mut self, host: &mut dyn Host, side: Side, message: Message) {
        if message.protocol != 0 {
            host.anomaly(side, "modbus_invalid_protocol_id", "");
        }
        match side {
            Side::Client => self.request(host, message),
            Side::Server => self.response(host, message),
        }
    }

    fn request(&mut self, host: &mut dyn Host, message: Message) {
        if category(message.function) != Category::Assigned || message.is_exception {
            host.anomaly(
                Side::Client,
                "modbus_invalid_function_code",
                &message.function.to_string(),
            );
        }
        if let Err(fault) = access::of(&message) {
            host.anomaly(Side::Client, anomaly(fault), "");
        }
        self.make_room(host);
        let transaction = Transaction {
            request: Some(message),
            ..self.begin(host)
        };
        host.judge(Side::Client, MESSAGE, &transaction);
        self.waiting.push_back(transaction);
        if !self.is_watched {
            let timeout_us = host.limits().answer_timeout_us;
            self.is_watched = host.wake(host.now_us().saturating_add(timeout_us));
        }
    }

    fn response(&mut self, host: &mut dyn Host, message: Message) {
        let asked = self.waiting.iter().position(|waiting| {
            let request = waiting.request.as_ref();
            request.is_some_and(|request| message.answers(request))
        });
        let mut transaction = match asked.and_then(|place| self.waiting.remove(place)) {
            Some(transaction) => transaction,
            None => {
                host.anomaly(Side::Server, "modbus_unsolicited_response", "");
                self.begin(host)
            }
        };
        check_response(host, &message, transaction.request.as_ref());
        if transaction.request.is_some() {
            let rtt_us = host.now_us().saturating_sub(transaction.ts_us);
            transaction.rtt_us = u64::try_from(rtt_us).unwrap_or(0);
        }
        transaction.response = Some(message);
        host.judge(Side::Server, MESSAGE, &transaction);
        transaction.tell(host);
    }

    fn begin(&mut self, host: &mut dyn Host) -> Transaction {
        let number = self.begun;
        self.begun += 1;
        Transaction {
            number,
            ts_us: host.now_us(),
            ..Transaction::default()
        }
    }

    fn make_room(&mut self, host: &mut dyn Host) {
        if self.waiting.len() >= host.limits().transactions_max.max(1)
            && let Some(oldest) = self.waiting.pop_front()
        {
            host.count("modbus_flooded", 1);
            host.anomaly(Side::Client, "modbus_flooded", "");
            oldest.unanswered(host);
        }
    }

    /// Reads what messages `held` has. Gives how many of its bytes are done with.
    fn read(&mut self, host: &mut dyn Host, side: Side, held: &[u8]) -> usize {
        let mut rest = held;
        while !rest.is_empty() {
            if *side.of(&self.is_lost) {
                if !can_begin(rest) {
                    host.count("modbus_skipped_bytes", 1);
                    rest = rest.get(1..).unwrap_or_default();
                    continue;
                }
                if let Read::Partial = read(rest) {
                    break;
                }
                *side.of_mut(&mut self.is_lost) = false;
            }
            match read(rest) {
                Read::Partial => break,
                Read::Message(message, behind) => {
                    self.take(host, side, message);
                    rest = behind;
                }
                Read::Broken => {
                    host.anomaly(side, "modbus_invalid_length", "");
                    *side.of_mut(&mut self.is_lost) = true;
                }
            }
        }
        held.len() - rest.len()
    }
}

fn check_response(host: &mut dyn Host, response: &Message, request: Option<&Message>) {
    if response.is_exception {
        let code = response.data.first().copied().unwrap_or(0);
        if exception_name(code).is_none() {
            host.anomaly(Side::Server, "modbus_invalid_exception_code", &code.to_string());
        }
        return;
    }
    match access::check_response(response, request) {
        Ok(()) => {}
        Err(Fault::Length) => host.anomaly(Side::Server, "modbus_invalid_length", ""),
        Err(Fault::Value) => host.anomaly(Side::Server, "modbus_value_mismatch", ""),
    }
}

fn anomaly(fault: Fault) -> &'static str {
    match fault {
        Fault::Length => "modbus_invalid_length",
        Fault::Value => "modbus_invalid_value",
    }
}

impl Transaction {
    fn tell(&self, host: &mut dyn Host) {
        host.event(self.number, self.ts_us, Body::Modbus(event::describe(self)));
    }

    fn unanswered(&self, host: &mut dyn Host) {
        host.count("modbus_unanswered", 1);
        self.tell(host);
    }
}

impl Protocol for ModbusFlow {
    fn data(&mut self, host: &mut dyn Host, side: Side, bytes: &[u8]) -> Next {
        let mut held = std::mem::take(side.of_mut(&mut self.partial));
        held.extend_from_slice(bytes);
        let done = self.read(host, side, &held);
        held.drain(..done);
        *side.of_mut(&mut self.partial) = held;
        Next::More
    }

    fn gap(&mut self, _: &mut dyn Host, side: Side, _: u64) -> Next {
        *side.of_mut(&mut self.is_lost) = true;
        side.of_mut(&mut self.partial).clear();
        Next::More
    }

    fn overdue(&mut self, host: &mut dyn Host) {
        let timeout_us = host.limits().answer_timeout_us;
        let limit_us = host.now_us().saturating_sub(timeout_us);
        while let Some(oldest) = self.waiting.pop_front_if(|oldest| oldest.ts_us <= limit_us) {
            oldest.unanswered(host);
        }
        self.is_watched = match self.waiting.front() {
            Some(oldest) => host.wake(oldest.ts_us.saturating_add(timeout_us)),
            None => false,
        };
    }

    fn finish(&mut self, host: &mut dyn Host) {
        for transaction in std::mem::take(&mut self.waiting) {
            transaction.unanswered(host);
        }
    }
}

impl Source for Transaction {
    fn transaction(&self) -> u64 {
        self.number
    }

    fn read<'a>(&'a self, _: Side, _: usize, _: &mut Instances<'a>) {}

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }

    fn excerpt(&self, side: Side) -> Cow<'_, [u8]> {
        let message = match side {
            Side::Client => &self.request,
            Side::Server => &self.response,
        };
        Cow::Borrowed(message.as_ref().map_or(&[][..], |message| &message.data))
    }

    fn event(&self) -> Option<Body> {
        Some(Body::Modbus(event::describe(self)))
    }
}
