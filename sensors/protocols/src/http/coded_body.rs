//! The body of a message, its content coding undone.

use super::body::{Decoder, Progress};
use vonggac_protocol::{End, FileBody, Host};

/// Coded bytes decoded at once; deflate makes at most 1032 of one, so a step makes at most half a megabyte.
const STEP_BYTES: usize = 512;

/// A body under way.
#[derive(Default)]
pub(super) struct CodedBody {
    /// `None` when no content coding is on it.
    decoder: Option<Decoder>,
    /// As decoded.
    pub(super) file: FileBody,
}

impl CodedBody {
    /// Says what coding is on it.
    pub(super) fn begin(&mut self, host: &dyn Host, content_encoding: Option<&[u8]>) {
        self.decoder = content_encoding
            .filter(|coding| !coding.trim_ascii().is_empty())
            .map(|coding| Decoder::new(coding, host.limits().body_decoded_bytes_max));
    }

    /// Takes the next bytes.
    pub(super) fn add(&mut self, host: &mut dyn Host, bytes: &[u8]) {
        let Some(decoder) = &mut self.decoder else {
            return self.file.add(host, bytes);
        };
        let mut decoded = Vec::new();
        for step in bytes.chunks(STEP_BYTES) {
            decoded.clear();
            let before = decoder.progress();
            let progress = decoder.decode(step, &mut decoded);
            self.file.add(host, &decoded);
            note(host, &mut self.file, before, progress);
            if progress != Progress::Going {
                break;
            }
        }
    }

    /// Ends it.
    pub(super) fn finish(&mut self, host: &mut dyn Host, end: End) {
        if let Some(mut decoder) = self.decoder.take() {
            let mut decoded = Vec::new();
            let before = decoder.progress();
            let progress = decoder.finish(&mut decoded);
            self.file.add(host, &decoded);
            note(host, &mut self.file, before, progress);
        }
        self.file.finish(end);
    }
}

fn note(host: &mut dyn Host, file: &mut FileBody, before: Progress, now: Progress) {
    if now != Progress::Going {
        file.is_not_all();
    }
    if before == now {
        return;
    }
    match now {
        Progress::OverLimit => host.count("body_decoded_limit", 1),
        Progress::Damaged => host.count("body_damaged", 1),
        Progress::Going => {}
    }
}
