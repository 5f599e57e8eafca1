//! The body of a message, its codings undone.

use super::coding::{Bounds, Decoder, Progress};
use super::{Header, values};
use vonggac_protocol::{End, FileBody, Host};

/// A body under way.
#[derive(Default)]
pub(super) struct CodedBody {
    /// `None` when no coding is on it.
    decoder: Option<Decoder>,
    /// It cannot be decoded further: the rest is dropped.
    is_given_up: bool,
    /// How many bytes of the core's budget the decoder's windows take.
    reserved: usize,
    /// As decoded.
    pub(super) file: FileBody,
}

impl CodedBody {
    /// Says with which headers it comes.
    pub(super) fn begin(&mut self, host: &dyn Host, headers: &[Header]) {
        let limits = host.limits();
        let bounds = Bounds {
            bytes_max: limits.body_decoded_bytes_max,
            ratio_max: limits.body_decoded_ratio_max,
            layers_max: limits.body_codings_max,
        };
        // What is coded for the way was coded last.
        let encodings = values(headers, "content-encoding").chain(values(headers, "transfer-encoding"));
        let decoder = Decoder::new(encodings, bounds);
        if decoder.is_coded() {
            self.file.is_not_all();
        }
        self.decoder = (!decoder.is_idle()).then_some(decoder);
    }

    /// Takes the next bytes; says what is wrong with it the first time that it shows.
    pub(super) fn add(&mut self, host: &mut dyn Host, bytes: &[u8]) -> Option<&'static str> {
        let Some(decoder) = &mut self.decoder else {
            if !self.is_given_up {
                self.file.add(host, bytes);
            }
            return None;
        };
        let before = decoder.progress();
        let file = &mut self.file;
        let mut progress = decoder.decode(bytes, &mut |piece| file.add(host, piece));
        if progress == Progress::Going && !self.reserve(host) {
            progress = Progress::OverLimit;
            self.decoder = None;
            self.is_given_up = true;
        }
        self.note(host, before, progress)
    }

    /// The next `bytes` were not seen. What is coded cannot be read on behind them.
    pub(super) fn miss(&mut self, host: &mut dyn Host, bytes: u64) {
        if let Some(mut decoder) = self.decoder.take() {
            let file = &mut self.file;
            decoder.finish(&mut |piece| file.add(host, piece));
            self.is_given_up = true;
        }
        self.file.miss(bytes);
    }

    /// Ends it; says what is wrong with it if that did not show before.
    pub(super) fn finish(&mut self, host: &mut dyn Host, end: End) -> Option<&'static str> {
        let mut odd = None;
        if let Some(mut decoder) = self.decoder.take() {
            let before = decoder.progress();
            let file = &mut self.file;
            let progress = decoder.finish(&mut |piece| file.add(host, piece));
            odd = self.note(host, before, progress);
        }
        host.release(std::mem::take(&mut self.reserved));
        self.file.finish(end);
        odd
    }

    /// Takes what the windows have grown by out of the core's budget; whether it had so much.
    fn reserve(&mut self, host: &mut dyn Host) -> bool {
        let needed = self.decoder.as_ref().map_or(0, Decoder::memory_bytes);
        let more = needed.saturating_sub(self.reserved);
        let granted = match more {
            0 => 0,
            more => host.reserve(more),
        };
        self.reserved = self.reserved.saturating_add(granted);
        granted == more
    }

    fn note(&mut self, host: &mut dyn Host, before: Progress, now: Progress) -> Option<&'static str> {
        if now != Progress::Going {
            self.file.is_not_all();
        }
        if before == now {
            return None;
        }
        match now {
            Progress::OverLimit => {
                host.count("body_decoded_limit", 1);
                Some("body decodes to more than the limit")
            }
            Progress::Damaged => {
                host.count("body_damaged", 1);
                None
            }
            Progress::Going => None,
        }
    }
}
