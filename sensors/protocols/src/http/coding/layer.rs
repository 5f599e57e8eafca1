//! One coding on a body, which has yet to show that it is there.

use super::brotli::Unbrotli;
use super::deflate::Inflater;
use super::gzip::Gunzip;
use super::lzma::Unlzma;
use super::zstd::{self, Unzstd};
use super::{Coding, Sink, Stop, Undo};

/// Input kept until the first output, to pass it through if it turns out not to be coded.
const UNPROVEN_BYTES_MAX: usize = 4 * 1024;

/// A layer. A decoder proves itself by its first output; until then its input is kept.
#[derive(Debug)]
pub(super) enum Layer {
    /// Too few bytes seen.
    Unknown { coding: Coding, head: Vec<u8> },
    /// Being undone.
    Coded {
        undo: Box<dyn Undo>,
        unproven: Option<Vec<u8>>,
    },
    /// Not coded after all.
    Plain,
}

impl Layer {
    pub(super) fn new(coding: Coding) -> Self {
        Self::Unknown {
            coding,
            head: Vec::new(),
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        match self {
            Self::Coded { undo, .. } => undo.memory_bytes(),
            _ => 0,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8], earned_bytes: u64, sink: &mut Sink<'_>) -> Result<(), Stop> {
        match self {
            Self::Plain => sink(bytes),
            Self::Unknown { coding, head } => {
                head.extend_from_slice(bytes);
                if head.len() < coding.head_bytes() {
                    return Ok(());
                }
                let head = std::mem::take(head);
                *self = match coding.undo(&head) {
                    Some(undo) => Self::Coded {
                        undo,
                        unproven: Some(Vec::new()),
                    },
                    None => Self::Plain,
                };
                self.push(&head, earned_bytes, sink)
            }
            Self::Coded { undo, unproven } => {
                let Some(held) = unproven else {
                    return undo.push(bytes, earned_bytes, sink);
                };
                let mut has_made = false;
                let result = undo.push(bytes, earned_bytes, &mut |made| {
                    has_made |= !made.is_empty();
                    sink(made)
                });
                // What goes beyond a limit is no plain text either.
                if has_made || held.len() > UNPROVEN_BYTES_MAX || result == Err(Stop::OverLimit) {
                    *unproven = None;
                    return result;
                }
                held.extend_from_slice(bytes);
                match result {
                    Err(Stop::Broken) => self.pass_held(sink),
                    result => result,
                }
            }
        }
    }

    pub(super) fn finish(&mut self, sink: &mut Sink<'_>) -> Result<(), Stop> {
        match self {
            Self::Plain => Ok(()),
            Self::Unknown { head, .. } => sink(&std::mem::take(head)),
            Self::Coded { undo, unproven } => {
                let mut has_made = unproven.is_none();
                let result = undo.finish(&mut |made| {
                    has_made |= !made.is_empty();
                    sink(made)
                });
                match result {
                    Err(Stop::Broken) if !has_made => self.pass_held(sink),
                    result => result,
                }
            }
        }
    }

    /// It was not coded: what was kept passes through as it is.
    fn pass_held(&mut self, sink: &mut Sink<'_>) -> Result<(), Stop> {
        let held = match self {
            Self::Coded { unproven, .. } => unproven.take().unwrap_or_default(),
            _ => Vec::new(),
        };
        *self = Self::Plain;
        sink(&held)
    }
}

impl Coding {
    /// Bytes that it takes to tell which decoder to use.
    fn head_bytes(self) -> usize {
        match self {
            Self::Gzip | Self::Deflate => 2,
            Self::Zstd => 4,
            Self::Brotli | Self::Lzma => 1,
        }
    }

    /// The decoder that the first bytes ask for; the coding's name alone is often wrong.
    fn undo(self, head: &[u8]) -> Option<Box<dyn Undo>> {
        match self {
            Self::Gzip | Self::Deflate => {
                let [first, second, ..] = *head else { return None };
                let is_zlib = first & 0x0f == 8 && u16::from_be_bytes([first, second]).is_multiple_of(31);
                match (first, second) {
                    (0x1f, 0x8b) => Some(Box::new(Gunzip::default())),
                    _ if is_zlib => Some(Box::new(Inflater::zlib())),
                    _ if self == Self::Deflate => Some(Box::new(Inflater::raw())),
                    _ => None,
                }
            }
            Self::Brotli => Some(Box::new(Unbrotli::default())),
            Self::Zstd => zstd::is_frame(head).then(|| Box::new(Unzstd::default()) as Box<dyn Undo>),
            Self::Lzma => Some(Box::new(Unlzma::default())),
        }
    }
}
