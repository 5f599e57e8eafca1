//! YARA on carved files.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use vonggac_event::limits::{LIST_ITEMS_MAX, RULE_TEXT_BYTES_MAX, cut};
use vonggac_event::{Body, Event, proto};
use vonggac_yara::{Limits, ScanError, Scanner, YaraMatch};

use crate::Item;

/// Files that wait for their scan on a tap.
const QUEUE_FILES: usize = 64;

/// Where files are scanned.
pub(crate) enum Scanning {
    /// By the writer, in order.
    Inline,
    /// By a thread of its own; a file for which there is no room goes on unscanned.
    Aside(SyncSender<(Box<Event>, Vec<u8>)>),
}

/// Scans files and says what came of it in their events.
pub(crate) struct FileScanner {
    scanner: Scanner,
}

impl FileScanner {
    pub(crate) fn new(rules: Option<&Arc<vonggac_yara::Rules>>) -> Option<Self> {
        rules.map(|rules| Self {
            scanner: Scanner::new(rules.clone(), Limits::default()),
        })
    }

    /// Scans `data`, fills in the file event's `scan` and `yara_rules`, and makes an event of each match.
    pub(crate) fn scan(&mut self, event: &mut Event, data: &[u8]) -> Vec<Event> {
        let outcome = self.scanner.scan(data);
        let Some(Body::File(file)) = event.body.as_mut() else {
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

/// Starts a thread that scans beside the packets, when there is something to scan with. It ends when the packets' end of the channel
/// closes.
pub(crate) fn aside(scanner: Option<FileScanner>, items: &SyncSender<Item>) -> std::io::Result<Scanning> {
    let Some(mut scanner) = scanner else {
        return Ok(Scanning::Inline);
    };
    let (files, waiting) = sync_channel::<(Box<Event>, Vec<u8>)>(QUEUE_FILES);
    let items = items.clone();
    thread::Builder::new().name("files".into()).spawn(move || {
        for (mut event, data) in waiting {
            let found = scanner.scan(&mut event, &data);
            for event in std::iter::once(event).chain(found.into_iter().map(Box::new)) {
                // The writer only goes away when the sensor ends.
                let _ = items.send(Item::Event(event));
            }
        }
    })?;
    Ok(Scanning::Aside(files))
}
