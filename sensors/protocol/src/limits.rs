//! The limits that protocols keep.

use crate::magic::SNIFF_BYTES;

/// Digests of files that are reckoned where somebody asks for them: they cost as much as SHA-256 and are worth less.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileDigests {
    /// MD5.
    pub md5: bool,
    /// SHA-1.
    pub sha1: bool,
}

/// Limits of protocols in one flow; the defaults suit a worker with some 2 GB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of one decoded body kept for YARA.
    pub file_scan_bytes_max: usize,
    /// Digests of files besides SHA-256.
    pub file_digests: FileDigests,
    /// Most bytes that one body may decode to; a decompression bomb ends there.
    pub body_decoded_bytes_max: u64,
    /// Most bytes that one body may decode to for each byte of it, once it is more than 100 KiB. Deflate makes at most 1032, and whatever is worth
    /// sending far less; so bombs cost no more than a millisecond for each kilobyte of them.
    pub body_decoded_ratio_max: u64,
    /// Most codings undone on one body, one on top of the other.
    pub body_codings_max: usize,
    /// Most bytes of a body that signatures see.
    pub rule_body_bytes_max: usize,
    /// Whether there are signatures. Without them bodies that nobody scans need not be kept.
    pub has_rules: bool,
    /// Most transactions under way in one flow.
    pub transactions_max: usize,
    /// How long an answer is waited for, in microseconds of packet time.
    pub answer_timeout_us: i64,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            file_scan_bytes_max: MIB,
            file_digests: FileDigests::default(),
            body_decoded_bytes_max: 1024 * MIB as u64,
            body_decoded_ratio_max: 512,
            body_codings_max: 4,
            rule_body_bytes_max: 100 * 1024,
            has_rules: true,
            transactions_max: 64,
            answer_timeout_us: 10_000_000,
        }
    }
}

impl Limits {
    /// Most bytes kept of the beginning of a body; its type is always told by some.
    pub fn body_kept_bytes_max(&self) -> usize {
        let by_rules = match self.has_rules {
            true => self.rule_body_bytes_max,
            false => 0,
        };
        self.file_scan_bytes_max.max(by_rules).max(SNIFF_BYTES)
    }
}
