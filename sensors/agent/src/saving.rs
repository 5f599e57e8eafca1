//! Datasets that rules fill and want kept (`state FILE`, `save FILE`), written to their files.
//!
//! On a tap once a minute those that changed, and at the end. Reading captures, at the end only: a sensor that goes on with a capture from its
//! beginning must find the sets that it found the first time.

use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::spawn_blocking;
use vonggac_signature::MemoryDatasets;

use crate::in_force::InForce;
use crate::reload::Rules;
use crate::tallies::{Tallies, add};

/// How often changed sets are written: what a sensor that is killed loses at most.
const SAVE_EVERY: Duration = Duration::from_mins(1);

/// Writes the sets; clones are one.
#[derive(Clone)]
pub(crate) struct Saving {
    datasets: InForce<Arc<MemoryDatasets>>,
    tallies: Arc<Tallies>,
    /// Held while files are written.
    turn: Arc<Mutex<()>>,
}

impl Saving {
    pub(crate) fn new(rules: &Rules, tallies: &Arc<Tallies>) -> Self {
        Self {
            datasets: rules.datasets.clone(),
            tallies: tallies.clone(),
            turn: Arc::default(),
        }
    }

    /// Saves again and again.
    ///
    /// # Errors
    /// When a save crashed.
    pub(crate) async fn run(self) -> anyhow::Result<Infallible> {
        loop {
            tokio::time::sleep(SAVE_EVERY).await;
            self.save().await?;
        }
    }

    /// Writes what has changed. What cannot be written is told, and tried again the next time.
    ///
    /// # Errors
    /// When the thread for it crashed.
    pub(crate) async fn save(&self) -> anyhow::Result<()> {
        let saving = self.clone();
        Ok(spawn_blocking(move || {
            let _turn = saving.turn.lock().unwrap_or_else(PoisonError::into_inner);
            let datasets = saving.datasets.get();
            datasets.save(|path, text| saving.write(path, text));
        })
        .await?)
    }

    fn write(&self, path: &Path, text: &str) -> bool {
        match vonggac_files::write(path, text) {
            Ok(()) => {
                add(&self.tallies.datasets_saved, 1);
                true
            }
            Err(error) => {
                let failures = add(&self.tallies.datasets_save_failed, 1);
                tracing::error!(%error, failures, "a dataset cannot be saved; it is tried again");
                false
            }
        }
    }
}
