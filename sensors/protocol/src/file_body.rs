//! What is carried as a file: hashed, its beginning kept.

use crate::{Host, magic};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use vonggac_event::hexadecimal;

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As its framing said.
    Whole,
    /// The stream ended, or bytes were lost, before its end.
    Truncated,
}

/// Digests of a file, in lower-case hex; empty where none was reckoned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Digests {
    /// MD5, where [`crate::FileDigests`] asks for it.
    pub md5: String,
    /// SHA-1, likewise.
    pub sha1: String,
    /// SHA-256.
    pub sha256: String,
}

/// A body under way, as decoded.
#[derive(Debug, Clone, Default)]
pub struct FileBody {
    hash: Sha256,
    /// Those that were asked for when it began.
    md5: Option<Md5>,
    sha1: Option<Sha1>,
    size: u64,
    missed: u64,
    kept: Vec<u8>,
    /// What `kept` takes of the core's budget: its capacity.
    reserved: usize,
    end: Option<End>,
    is_partial: bool,
    is_clipped: bool,
}

impl FileBody {
    /// What bodies count, whatever protocol carries them.
    pub const COUNTERS: &'static [&'static str] = &["body_memory_limit"];

    /// Takes the next bytes.
    pub fn add(&mut self, host: &mut dyn Host, bytes: &[u8]) {
        if self.size == 0 {
            let asked = host.limits().file_digests;
            self.md5 = asked.md5.then(Md5::new);
            self.sha1 = asked.sha1.then(Sha1::new);
        }
        self.size = self.size.saturating_add(bytes.len() as u64);
        self.hash.update(bytes);
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
        if let Some(sha1) = &mut self.sha1 {
            sha1.update(bytes);
        }
        let room = host
            .limits()
            .body_kept_bytes_max()
            .saturating_sub(self.kept.len());
        let wanted = room.min(bytes.len());
        if wanted == 0 || self.is_clipped {
            return;
        }
        let granted = self.reserve(host, wanted);
        if granted < wanted {
            self.clip(host);
        }
        self.kept
            .extend_from_slice(bytes.get(..granted).unwrap_or_default());
    }

    /// Makes room for `wanted` more bytes, by doubling; how many of them there is room for.
    fn reserve(&mut self, host: &mut dyn Host, wanted: usize) -> usize {
        let needed = self.kept.len().saturating_add(wanted);
        if needed > self.reserved {
            let doubled = (2 * self.reserved).min(host.limits().body_kept_bytes_max());
            self.reserved += host.reserve(needed.max(doubled) - self.reserved);
            self.kept
                .reserve_exact(self.reserved.saturating_sub(self.kept.len()));
        }
        self.reserved.saturating_sub(self.kept.len()).min(wanted)
    }

    fn clip(&mut self, host: &mut dyn Host) {
        if !std::mem::replace(&mut self.is_clipped, true) {
            host.count("body_memory_limit", 1);
        }
    }

    /// Gives memory back: of what is kept stays what shows the type, or nothing where there was no more than that. Whether that was any.
    pub fn shed(&mut self, host: &mut dyn Host) -> bool {
        let stays = match self.reserved > magic::SNIFF_BYTES {
            true => magic::SNIFF_BYTES.min(self.kept.len()),
            false => 0,
        };
        let given_back = self.reserved.saturating_sub(stays);
        if given_back == 0 {
            return false;
        }
        self.kept.truncate(stays);
        self.kept.shrink_to_fit();
        self.reserved = stays;
        host.release(given_back);
        self.clip(host);
        true
    }

    /// The next `bytes` were not seen.
    pub fn miss(&mut self, bytes: u64) {
        self.missed = self.missed.saturating_add(bytes);
    }

    /// What was added is not all of it, though its framing will say so: it is damaged, too large, or part of a larger one.
    pub fn is_not_all(&mut self) {
        self.is_partial = true;
    }

    /// Ends it; the first end counts.
    pub fn finish(&mut self, end: End) {
        self.end.get_or_insert(end);
    }

    /// Bytes so far, those that were not seen left out.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Bytes that were not seen.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// Its beginning.
    pub fn beginning(&self, bytes_max: usize) -> &[u8] {
        self.kept.get(..bytes_max).unwrap_or(&self.kept)
    }

    /// Whether every byte of it was seen and decoded.
    pub fn is_whole(&self) -> bool {
        self.end == Some(End::Whole) && self.missed == 0 && !self.is_partial
    }

    /// Its digests in lower-case hex; empty unless it is whole.
    pub fn digests(&self) -> Digests {
        if !self.is_whole() {
            return Digests::default();
        }
        let hex = |digest: &[u8]| hexadecimal(digest);
        Digests {
            md5: self
                .md5
                .clone()
                .map_or_else(String::new, |md5| hex(&md5.finalize())),
            sha1: self
                .sha1
                .clone()
                .map_or_else(String::new, |sha1| hex(&sha1.finalize())),
            sha256: hex(&self.hash.clone().finalize()),
        }
    }

    /// The media type by its first bytes, else the declared one without parameters.
    pub fn media_type(&self, declared: &[u8]) -> String {
        if let Some(sniffed) = magic::sniff(self.beginning(magic::SNIFF_BYTES)) {
            return sniffed.into();
        }
        let name = declared.split(|byte| *byte == b';').next().unwrap_or_default();
        String::from_utf8_lossy(name.trim_ascii()).to_ascii_lowercase()
    }

    /// Gives up what was kept, cut for who scans files.
    pub fn take_kept(&mut self, host: &mut dyn Host) -> Vec<u8> {
        host.release(std::mem::take(&mut self.reserved));
        let mut kept = std::mem::take(&mut self.kept);
        kept.truncate(host.limits().file_scan_bytes_max);
        // It may wait in a queue: what it does not need is given back now.
        kept.shrink_to_fit();
        kept
    }
}
