//! What happens to alerts, told to the open browsers.
//!
//! A bounded ring: a browser that cannot keep up loses the oldest and is told to load anew.

use std::sync::Arc;

use tokio::sync::broadcast;
use vonggac_database::{AccountId, AlertRow};

/// Most happenings kept for the slowest browser.
pub(crate) const HAPPENINGS_MAX: usize = 1024;

/// Something that happened to an alert, with the alert as it is afterwards, or may have.
#[derive(Debug, Clone)]
pub(crate) enum Happening {
    /// The pipeline told something new of it.
    Told(Arc<AlertRow>),
    /// Somebody worked on it.
    Worked(Arc<AlertRow>),
    /// Somebody's rights or sessions have changed; `None`: everybody's may have.
    Rights(Option<AccountId>),
    /// Somebody was told something, or has read it.
    Notice(AccountId),
    /// Something may have happened that nobody told: what is shown must be loaded anew.
    Gap,
}

/// The ring.
pub(crate) struct Live {
    sender: broadcast::Sender<Happening>,
}

impl Live {
    pub(crate) fn new() -> Self {
        Self {
            sender: broadcast::Sender::new(HAPPENINGS_MAX),
        }
    }

    /// Tells every open browser; that none is open is no mistake.
    pub(crate) fn tell(&self, happening: Happening) {
        let _ = self.sender.send(happening);
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<Happening> {
        self.sender.subscribe()
    }
}
