//! Conditions on what the caller knows beside the packet and the buffers: the flow's size, odd things found.

use std::net::IpAddr;

use crate::bytes::ByteVariables;
use crate::context::Context;
use crate::event_test::EventTest;
use crate::flow_test::FlowSizeTest;
use crate::limits::VERIFY_STEPS_MAX;
use crate::reputation::ScoreTest;
use crate::variable_test::VariableTest;
use crate::verify::{Budget, StepList, holds};

/// One such condition; it is asked of packets, chunks and transactions alike.
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    FlowSize(FlowSizeTest),
    AppEvent(EventTest),
    /// What was captured before.
    Variable(VariableTest),
    /// Scores of the addresses.
    Score(ScoreTest),
    /// Conditions on the bytes of an address.
    Address(AddressSide, StepList),
}

impl Condition {
    /// The event that it waits for.
    pub(crate) fn event(&self) -> Option<&EventTest> {
        match self {
            Condition::AppEvent(test) => Some(test),
            Condition::FlowSize(_)
            | Condition::Score(_)
            | Condition::Address(..)
            | Condition::Variable(_) => None,
        }
    }

    pub(crate) fn holds(&self, cx: &Context<'_>) -> bool {
        match self {
            Condition::FlowSize(test) => cx.flow_facts.is_some_and(|flow| test.holds(flow)),
            Condition::AppEvent(test) => test.holds(cx.app_events),
            Condition::Score(test) => test.holds(cx),
            Condition::Variable(test) => test.holds(cx.flow.as_deref()),
            Condition::Address(side, steps) => address_holds(*side, steps, cx),
        }
    }

    /// Whether the condition is on addresses alone, so that asking once per flow and direction is enough.
    pub(crate) fn is_of_addresses(&self) -> bool {
        matches!(self, Condition::Score(_))
    }
}

/// Whose address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddressSide {
    Source,
    Destination,
}

fn address_holds(side: AddressSide, steps: &StepList, cx: &Context<'_>) -> bool {
    let address = match side {
        AddressSide::Source => cx.src,
        AddressSide::Destination => cx.dst,
    };
    // Four or sixteen bytes do not use a budget up.
    let mut budget = Budget::new(VERIFY_STEPS_MAX);
    let mut variables = ByteVariables::default();
    match address {
        IpAddr::V4(address) => holds(steps, &address.octets(), &mut variables, &mut budget),
        IpAddr::V6(address) => holds(steps, &address.octets(), &mut variables, &mut budget),
    }
}
