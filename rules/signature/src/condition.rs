//! Conditions on what the caller knows beside the packet and the buffers: the flow's size, odd things found.

use crate::context::Context;
use crate::event_test::EventTest;
use crate::flow_test::FlowSizeTest;

/// One such condition; it is asked of packets, chunks and transactions alike.
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    FlowSize(FlowSizeTest),
    AppEvent(EventTest),
}

impl Condition {
    /// The event that it waits for.
    pub(crate) fn event(&self) -> Option<&EventTest> {
        match self {
            Condition::AppEvent(test) => Some(test),
            Condition::FlowSize(_) => None,
        }
    }

    pub(crate) fn holds(&self, cx: &Context<'_>) -> bool {
        match self {
            Condition::FlowSize(test) => cx.flow_facts.is_some_and(|flow| test.holds(flow)),
            Condition::AppEvent(test) => test.holds(cx.app_events),
        }
    }
}
