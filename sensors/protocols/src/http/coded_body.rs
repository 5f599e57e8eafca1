//! The body of a message, its codings undone.

use super::coding::{Bounds, Decoder, FREE_BYTES_MAX, Progress};
use super::multipart::{FilePart, Form};
use super::odd::Odd;
use super::{Header, values};
use vonggac_protocol::{End, FileBody, Host, Side};

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
    /// The files in it, when it is a form.
    form: Option<Form>,
}

impl CodedBody {
    /// Says with which headers it comes, and from whom: forms are sent by clients; and how many bytes it may decode to at most that its length
    /// has not earned. Says what is odd about its codings.
    pub(super) fn begin(
        &mut self,
        host: &dyn Host,
        side: Side,
        headers: &[Header],
        unearned_bytes_max: u64,
    ) -> Option<Odd> {
        self.form = match side {
            Side::Client => Form::new(headers),
            Side::Server => None,
        };
        let limits = host.limits();
        let bounds = Bounds {
            bytes_max: limits.body_decoded_bytes_max,
            ratio_max: limits.body_decoded_ratio_max,
            free_bytes: unearned_bytes_max.min(FREE_BYTES_MAX),
            layers_max: limits.body_codings_max,
        };
        // What is coded for the way was coded last.
        let encodings = values(headers, "content-encoding").chain(values(headers, "transfer-encoding"));
        let decoder = Decoder::new(encodings, bounds);
        if decoder.is_coded() {
            self.file.is_not_all();
        }
        let odd = decoder.has_too_many().then_some(Odd::TOO_MANY_CODINGS);
        self.decoder = (!decoder.is_idle()).then_some(decoder);
        odd
    }

    /// Takes the next bytes; says what is wrong with it the first time that it shows.
    pub(super) fn add(&mut self, host: &mut dyn Host, bytes: &[u8]) -> Option<Odd> {
        let Some(decoder) = &mut self.decoder else {
            if !self.is_given_up {
                take(host, &mut self.file, &mut self.form, bytes);
            }
            return None;
        };
        let before = decoder.progress();
        let (file, form) = (&mut self.file, &mut self.form);
        let mut progress = decoder.decode(bytes, &mut |piece| take(host, file, form, piece));
        if progress == Progress::Going && !self.reserve(host) {
            progress = Progress::OverLimit;
            self.decoder = None;
            self.is_given_up = true;
        }
        self.note(host, before, progress)
    }

    /// Bytes that it decoded to, so far, that its length has not earned.
    pub(super) fn unearned_bytes(&self) -> u64 {
        self.decoder.as_ref().map_or(0, Decoder::unearned_bytes)
    }

    /// The next `bytes` were not seen. What is coded cannot be read on behind them.
    pub(super) fn miss(&mut self, host: &mut dyn Host, bytes: u64) {
        if let Some(mut decoder) = self.decoder.take() {
            let (file, form) = (&mut self.file, &mut self.form);
            decoder.finish(&mut |piece| take(host, file, form, piece));
            self.is_given_up = true;
        }
        if let Some(form) = &mut self.form {
            form.miss(host, bytes);
        }
        self.file.miss(bytes);
    }

    /// Ends it; says what is wrong with it if that did not show before.
    pub(super) fn finish(&mut self, host: &mut dyn Host, end: End) -> Option<Odd> {
        let mut odd = None;
        if let Some(mut decoder) = self.decoder.take() {
            let before = decoder.progress();
            let (file, form) = (&mut self.file, &mut self.form);
            let progress = decoder.finish(&mut |piece| take(host, file, form, piece));
            odd = self.note(host, before, progress);
        }
        if let Some(form) = &mut self.form {
            form.finish(host);
        }
        host.release(std::mem::take(&mut self.reserved));
        self.file.finish(end);
        odd
    }

    /// Gives memory back: what is kept, and when that is nothing, the windows of its codings.
    pub(super) fn shed(&mut self, host: &mut dyn Host) {
        let mut has_shed = self.file.shed(host);
        if let Some(form) = &mut self.form {
            has_shed |= form.shed(host);
        }
        if !has_shed && self.reserved > 0 {
            self.decoder = None;
            self.is_given_up = true;
            self.file.is_not_all();
            host.count("body_decoded_limit", 1);
            host.release(std::mem::take(&mut self.reserved));
        }
    }

    /// The form that it is, if it has the delimiters of one.
    pub(super) fn form(&self) -> Option<&Form> {
        self.form.as_ref().filter(|form| form.is_form())
    }

    /// Gives up the files of the form, if it is one.
    pub(super) fn take_form(&mut self) -> Option<Vec<FilePart>> {
        let form = self.form.as_mut().filter(|form| form.is_form())?;
        Some(form.take_files())
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

    fn note(&mut self, host: &mut dyn Host, before: Progress, now: Progress) -> Option<Odd> {
        if now != Progress::Going {
            self.file.is_not_all();
        }
        if before == now {
            return None;
        }
        match now {
            Progress::OverLimit => {
                host.count("body_decoded_limit", 1);
                Some(Odd::BOMB)
            }
            Progress::Damaged => {
                host.count("body_damaged", 1);
                Some(Odd::CODING_DAMAGED)
            }
            Progress::Going => None,
        }
    }
}

/// Takes bytes as decoded.
fn take(host: &mut dyn Host, file: &mut FileBody, form: &mut Option<Form>, bytes: &[u8]) {
    file.add(host, bytes);
    if let Some(form) = form {
        form.add(host, bytes);
    }
}
