//! YARA on carved files.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use vonggac_event::limits::{LIST_ITEMS_MAX, RULE_TEXT_BYTES_MAX, cut};
use vonggac_event::{Body, Event, proto};
use vonggac_yara::{Limits, Rules, ScanError, Scanner, YaraMatch};

use crate::budget::Reservation;
use crate::in_force::{InForce, Reader};
use crate::load::Yara;
use crate::queue::{Batch, ItemSender};
use crate::tallies::{Tallies, add};

/// Files that wait for their scan on a tap.
const QUEUE_FILES: usize = 64;

/// Where files are scanned.
#[derive(Clone)]
pub(crate) enum Scanning {
    /// Nowhere: there are no rules, and bodies are not kept for it.
    Off,
    /// By the writer, in order.
    Inline,
    /// By a thread of its own; a file for which there is no room goes on unscanned.
    Aside(SyncSender<WaitingFile>),
}

/// A file that waits for its scan.
pub(crate) struct WaitingFile {
    pub(crate) event: Box<Event>,
    pub(crate) data: Vec<u8>,
    pub(crate) room: Reservation,
}

/// Scans files and says what came of it in their events.
pub(crate) struct FileScanner {
    rules: Arc<Rules>,
    newer: Reader<Yara>,
    scanner: Scanner,
    tallies: Arc<Tallies>,
}

impl FileScanner {
    /// A scanner by the rules in force; `None` when the settings name none.
    pub(crate) fn new(rules: &InForce<Yara>, tallies: &Arc<Tallies>) -> Option<Self> {
        let (rules, newer) = rules.reader();
        let rules = rules?;
        Some(Self {
            scanner: Scanner::new(rules.clone(), Limits::default()),
            rules,
            newer,
            tallies: tallies.clone(),
        })
    }

    fn take_newer(&mut self) {
        if let Some(rules) = self.newer.newer().flatten() {
            self.scanner = Scanner::new(rules.clone(), Limits::default());
            self.rules = rules;
        }
    }

    /// Scans `data`, fills in the file event's `scan` and `yara_rules`, and makes an event of each match.
    pub(crate) fn scan(&mut self, event: &mut Event, data: &[u8]) -> Vec<Event> {
        self.take_newer();
        // A crash in an engine of many parsers costs the scan of one file, not the sensor.
        let outcome = catch_unwind(AssertUnwindSafe(|| self.scanner.scan(data)));
        let Some(Body::File(file)) = event.body.as_mut() else {
            return Vec::new();
        };
        let Ok(outcome) = outcome else {
            self.scanner = Scanner::new(self.rules.clone(), Limits::default());
            let crashes = add(&self.tallies.files_scan_crashed, 1);
            if crashes.is_power_of_two() {
                tracing::error!(sha256 = file.sha256, crashes, "the scan of a file crashed");
            }
            "error".clone_into(&mut file.scan);
            return Vec::new();
        };
        let is_whole = file.complete && file.size == data.len() as u64;
        let matches = match outcome {
            Ok(matches) => matches,
            Err(error) => {
                file.scan = outcome_of(&error).to_owned();
                return Vec::new();
            }
        };
        file.scan = match (matches.is_empty(), is_whole) {
            (false, _) => "match",
            (true, true) => "clean",
            (true, false) => "partial",
        }
        .to_owned();
        file.yara_rules = matches
            .iter()
            .take(LIST_ITEMS_MAX)
            .map(|found| found.rule.clone())
            .collect();
        let file = file.clone();
        matches
            .into_iter()
            .take(LIST_ITEMS_MAX)
            .map(|found| yara_event(event, &file, found))
            .collect()
    }
}

fn outcome_of(error: &ScanError) -> &'static str {
    match error {
        ScanError::Timeout { .. } => "timeout",
        ScanError::TooLarge { .. } => "skipped",
        _ => "error",
    }
}

fn yara_event(of: &Event, file: &proto::File, found: YaraMatch) -> Event {
    let metadata = found
        .metadata
        .into_iter()
        .take(LIST_ITEMS_MAX)
        .map(|(key, value)| format!("{key} {value}"));
    Event {
        body: Some(Body::Yara(proto::Yara {
            rule: found.rule,
            namespace: found.namespace,
            tags: found.tags.into_iter().take(LIST_ITEMS_MAX).collect(),
            metadata: metadata.collect(),
            sha256: file.sha256.clone(),
            size: file.size,
            source: file.source.clone(),
            name: file.name.clone(),
            text: cut(found.text, RULE_TEXT_BYTES_MAX),
        })),
        ..of.clone()
    }
}

/// Starts a thread that scans beside the packets. It ends when the packets' end of the channel closes, or the writer is gone.
pub(crate) fn aside(
    mut scanner: FileScanner,
    items: ItemSender,
) -> std::io::Result<(Scanning, JoinHandle<()>)> {
    let (files, waiting) = sync_channel::<WaitingFile>(QUEUE_FILES);
    let thread = thread::Builder::new().name("files".into()).spawn(move || {
        for WaitingFile {
            mut event,
            data,
            room,
        } in waiting
        {
            let found = scanner.scan(&mut event, &data);
            drop((data, room));
            items.send_waiting(Batch::of(std::iter::once(*event).chain(found)));
        }
    })?;
    Ok((Scanning::Aside(files), thread))
}
