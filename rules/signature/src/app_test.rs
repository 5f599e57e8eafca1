//! `app-layer-protocol`: what the flow's application protocol is, or is not.

use crate::context::Context;
use crate::error::{Complaint, unsupported, value};
use crate::vocabulary::{AppSet, Vocabulary};

/// A condition on the application protocol of the flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AppTest {
    Is(AppSet),
    /// Some other protocol, or none after recognition is over; not while it is unknown.
    IsNot(AppSet),
    /// Whether recognition is over without having found one.
    Failed(bool),
    /// Whether nothing is known yet.
    Unknown(bool),
}

impl AppTest {
    /// Reads `[!]name[,final]`.
    pub(crate) fn parse(text: &str, vocabulary: &Vocabulary) -> Result<AppTest, Complaint> {
        let (name, mode) = text.split_once(',').unwrap_or((text, "final"));
        if !matches!(mode.trim(), "final" | "either") {
            return Err(unsupported(format!(
                "app-layer-protocol with {:?} is not supported",
                mode.trim()
            )));
        }
        let name = name.trim().trim_matches('"');
        let (wanted, name) = match name.strip_prefix('!') {
            Some(rest) => (false, rest.trim()),
            None => (true, name),
        };
        match name {
            "" => return Err(value("the protocol's name is missing")),
            "failed" => return Ok(AppTest::Failed(wanted)),
            "unknown" => return Ok(AppTest::Unknown(wanted)),
            _ => {}
        }
        let app = vocabulary
            .protocol(name)
            .ok_or_else(|| unsupported(format!("app-layer-protocol {name:?} is not supported")))?;
        Ok(if wanted {
            AppTest::Is(app)
        } else {
            AppTest::IsNot(app)
        })
    }

    pub(crate) fn holds(self, cx: &Context<'_>) -> bool {
        let unknown = cx.app.is_none() && !cx.app_failed;
        match self {
            AppTest::Is(apps) => cx.app.is_some_and(|app| apps.contains(app)),
            AppTest::IsNot(apps) => !unknown && cx.app.is_none_or(|app| !apps.contains(app)),
            AppTest::Failed(wanted) => !unknown && cx.app.is_none() == wanted,
            AppTest::Unknown(wanted) => unknown == wanted,
        }
    }
}
