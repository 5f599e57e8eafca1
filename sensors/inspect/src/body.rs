//! The body of an HTTP message: decoded, hashed, its beginning kept.

use crate::magic;
use crate::worker::Worker;
use sha2::{Digest, Sha256};
use vonggac_protocols::http::End;
use vonggac_protocols::http::body::{Decoder, Progress};

/// Coded bytes decoded at once; deflate makes at most 1032 of one, so a step makes at most half a megabyte.
const STEP_BYTES: usize = 512;

/// A body under way.
pub(crate) struct Body {
    /// `None` when no content coding is on it.
    decoder: Option<Decoder>,
    hash: Sha256,
    /// Decoded bytes.
    pub(crate) size: u64,
    pub(crate) missed: u64,
    pub(crate) kept: Vec<u8>,
    /// How it ended; `None` while it is under way.
    pub(crate) end: Option<End>,
    is_short: bool,
    /// Fewer bytes were kept than wanted, for lack of memory.
    is_clipped: bool,
}

/// Lower-case hex.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Default for Body {
    fn default() -> Self {
        Self {
            decoder: None,
            hash: Sha256::new(),
            size: 0,
            missed: 0,
            kept: Vec::new(),
            end: None,
            is_short: false,
            is_clipped: false,
        }
    }
}

impl Body {
    /// Says what coding is on it.
    pub(crate) fn begin(&mut self, worker: &Worker<'_>, content_encoding: Option<&[u8]>) {
        self.decoder = content_encoding
            .filter(|coding| !coding.trim_ascii().is_empty())
            .map(|coding| Decoder::new(coding, worker.config.body_decoded_bytes_max));
    }

    /// Takes the next bytes.
    pub(crate) fn add(&mut self, worker: &mut Worker<'_>, chunk: &[u8]) {
        let Some(mut decoder) = self.decoder.take() else {
            return self.absorb(worker, chunk);
        };
        let mut decoded = std::mem::take(&mut worker.shared.decoded);
        for step in chunk.chunks(STEP_BYTES) {
            decoded.clear();
            let before = decoder.progress();
            let progress = decoder.decode(step, &mut decoded);
            self.absorb(worker, &decoded);
            self.note(worker, before, progress);
            if progress != Progress::Going {
                break;
            }
        }
        worker.shared.decoded = decoded;
        self.decoder = Some(decoder);
    }

    /// Ends it.
    pub(crate) fn finish(&mut self, worker: &mut Worker<'_>, end: End) {
        if self.end.is_some() {
            return;
        }
        if let Some(mut decoder) = self.decoder.take() {
            let mut decoded = Vec::new();
            let before = decoder.progress();
            let progress = decoder.finish(&mut decoded);
            self.absorb(worker, &decoded);
            self.note(worker, before, progress);
        }
        self.end = Some(end);
    }

    /// Whether every byte of it was seen and decoded.
    pub(crate) fn is_whole(&self) -> bool {
        self.end == Some(End::Whole) && self.missed == 0 && !self.is_short
    }

    /// SHA-256 in lower-case hex; empty unless it is whole.
    pub(crate) fn sha256(&self) -> String {
        if !self.is_whole() {
            return String::new();
        }
        hexadecimal(&self.hash.clone().finalize())
    }

    /// Media type by its first bytes, else by its header.
    pub(crate) fn mime(&self, content_type: Option<&[u8]>) -> String {
        let start = self.kept.get(..magic::SNIFF_BYTES).unwrap_or(&self.kept);
        if let Some(mime) = magic::sniff(start) {
            return mime.into();
        }
        let header = content_type.unwrap_or_default();
        let mime = header.split(|byte| *byte == b';').next().unwrap_or_default();
        String::from_utf8_lossy(mime.trim_ascii()).to_ascii_lowercase()
    }

    /// Gives up what was kept.
    pub(crate) fn release(&mut self, worker: &mut Worker<'_>) -> Vec<u8> {
        worker.shared.body_bytes = worker.shared.body_bytes.saturating_sub(self.kept.len());
        std::mem::take(&mut self.kept)
    }

    fn note(&mut self, worker: &mut Worker<'_>, before: Progress, now: Progress) {
        self.is_short |= now != Progress::Going;
        if before == now {
            return;
        }
        match now {
            Progress::OverLimit => worker.counters.body_decoded_limit += 1,
            Progress::Damaged => worker.counters.body_damaged += 1,
            Progress::Going => {}
        }
    }

    fn absorb(&mut self, worker: &mut Worker<'_>, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.size = self.size.saturating_add(bytes.len() as u64);
        self.hash.update(bytes);
        let config = worker.config;
        let kept_max = config.file_scan_bytes_max.max(config.rule_body_bytes_max);
        let wanted = kept_max.saturating_sub(self.kept.len()).min(bytes.len());
        let room = config.body_bytes_max.saturating_sub(worker.shared.body_bytes);
        if wanted > room && !self.is_clipped {
            self.is_clipped = true;
            worker.counters.body_memory_limit += 1;
        }
        let taken = bytes.get(..wanted.min(room)).unwrap_or_default();
        self.kept.extend_from_slice(taken);
        worker.shared.body_bytes += taken.len();
    }
}
