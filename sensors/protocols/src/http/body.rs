//! Content codings undone, with a limit on what may come out.
//!
//! gzip and deflate (with and without zlib's wrapper) are undone, up to [`LAYERS_MAX`] of them on top of each other;
//! `br`, `zstd` and others pass through as they are. What claims a coding and is not in it passes through too, as
//! browsers treat it.

use std::io::Write;

use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// Most codings undone on one body; more pass through undone.
pub const LAYERS_MAX: usize = 2;
/// Bytes fed to a decoder at once; deflate makes at most 1032 of one, so this bounds what a step may add.
const STEP_BYTES: usize = 512;
/// Input kept until the first output, to pass it through if it turns out not to be compressed.
const UNPROVEN_BYTES_MAX: usize = 4 * 1024;

/// How decoding goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// All is well.
    Going,
    /// The limit on output is reached; the rest of the body is dropped.
    OverLimit,
    /// The body is damaged; what came out before stays good, the rest is dropped.
    Damaged,
}

/// Undoes the content coding of one body.
#[derive(Debug)]
pub struct Decoder {
    /// Outermost first.
    layers: Vec<Layer>,
    output_left_bytes: u64,
    progress: Progress,
    is_coded: bool,
}

impl Decoder {
    /// A decoder for a body with this Content-Encoding header (empty for none) that gives at most
    /// `output_bytes_max` bytes.
    pub fn new(content_encoding: &[u8], output_bytes_max: u64) -> Self {
        let mut layers = Vec::new();
        let mut is_coded = false;
        // The coding applied last is named last, and comes off first.
        for token in content_encoding.split(|byte| *byte == b',').rev() {
            let token = token.trim_ascii().to_ascii_lowercase();
            let coding = match token.as_slice() {
                b"gzip" | b"x-gzip" => Coding::Gzip,
                b"deflate" | b"x-deflate" => Coding::Deflate,
                b"" | b"identity" | b"none" => continue,
                _ => {
                    is_coded = true;
                    break;
                }
            };
            if layers.len() >= LAYERS_MAX {
                is_coded = true;
                break;
            }
            layers.push(Layer::Unknown {
                coding,
                head: Vec::new(),
            });
        }
        Self {
            layers,
            output_left_bytes: output_bytes_max,
            progress: Progress::Going,
            is_coded,
        }
    }

    /// Whether a coding that is not undone here stays on the body.
    pub fn is_coded(&self) -> bool {
        self.is_coded
    }

    /// How it goes so far.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// Decodes the next bytes of the body, appending to `output`.
    pub fn decode(&mut self, chunk: &[u8], output: &mut Vec<u8>) -> Progress {
        for step in chunk.chunks(STEP_BYTES) {
            if self.progress != Progress::Going {
                break;
            }
            self.step(step, output);
        }
        self.progress
    }

    /// Ends the body: gives what was held back to find out what it is.
    pub fn finish(&mut self, output: &mut Vec<u8>) -> Progress {
        let mut carried = Vec::new();
        for index in 0..self.layers.len() {
            let Some(layer) = self.layers.get_mut(index) else {
                break;
            };
            let mut out = Vec::new();
            let is_broken = layer.push(&carried, &mut out).is_err() || layer.finish(&mut out).is_err();
            if is_broken && self.progress == Progress::Going {
                self.progress = Progress::Damaged;
            }
            carried = out;
        }
        if !self.layers.is_empty() {
            self.give(&carried, output);
        }
        self.progress
    }

    fn step(&mut self, step: &[u8], output: &mut Vec<u8>) {
        let mut carried = step.to_vec();
        for layer in &mut self.layers {
            let mut out = Vec::new();
            for piece in carried.chunks(STEP_BYTES) {
                if layer.push(piece, &mut out).is_err() {
                    self.progress = Progress::Damaged;
                    break;
                }
                // An inner layer's output is bounded like the body's own.
                if u64::try_from(out.len()).unwrap_or(u64::MAX) > self.output_left_bytes {
                    break;
                }
            }
            carried = out;
        }
        self.give(&carried, output);
    }

    fn give(&mut self, bytes: &[u8], output: &mut Vec<u8>) {
        let room = usize::try_from(self.output_left_bytes).unwrap_or(usize::MAX);
        let given = bytes.get(..room).unwrap_or(bytes);
        output.extend_from_slice(given);
        self.output_left_bytes = self
            .output_left_bytes
            .saturating_sub(u64::try_from(given.len()).unwrap_or(u64::MAX));
        if given.len() < bytes.len() {
            self.progress = Progress::OverLimit;
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
}

/// One coding. A decoder proves itself by its first output; until then its input is kept.
#[derive(Debug)]
enum Layer {
    /// Fewer than two bytes seen.
    Unknown { coding: Coding, head: Vec<u8> },
    Inflating {
        inflater: Inflater,
        unproven: Option<Vec<u8>>,
    },
    /// Not compressed after all.
    Plain,
}

#[derive(Debug)]
enum Inflater {
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    Zlib(Box<ZlibDecoder<Vec<u8>>>),
    Raw(Box<DeflateDecoder<Vec<u8>>>),
}

/// The bytes are not what the coding says, or no longer.
#[derive(Debug)]
struct Broken;

impl Layer {
    fn push(&mut self, bytes: &[u8], output: &mut Vec<u8>) -> Result<(), Broken> {
        match self {
            Self::Plain => output.extend_from_slice(bytes),
            Self::Unknown { coding, head } => {
                head.extend_from_slice(bytes);
                let &[first, second, ..] = head.as_slice() else {
                    return Ok(());
                };
                let head = std::mem::take(head);
                *self = match Inflater::choose(*coding, first, second) {
                    Some(inflater) => Self::Inflating {
                        inflater,
                        unproven: Some(Vec::new()),
                    },
                    None => Self::Plain,
                };
                return self.push(&head, output);
            }
            Self::Inflating { inflater, unproven } => {
                let before = output.len();
                let result = inflater.push(bytes, output);
                let Some(held) = unproven else { return result };
                held.extend_from_slice(bytes);
                if result.is_err() && output.len() == before {
                    output.extend_from_slice(held);
                    *self = Self::Plain;
                    return Ok(());
                }
                if output.len() > before || held.len() > UNPROVEN_BYTES_MAX {
                    *unproven = None;
                }
                return result;
            }
        }
        Ok(())
    }

    fn finish(&mut self, output: &mut Vec<u8>) -> Result<(), Broken> {
        match self {
            Self::Plain => Ok(()),
            Self::Unknown { head, .. } => {
                output.append(head);
                Ok(())
            }
            Self::Inflating { inflater, .. } => inflater.finish(output),
        }
    }
}

impl Inflater {
    /// The decoder that the first two bytes ask for; the coding's name alone is often wrong.
    fn choose(coding: Coding, first: u8, second: u8) -> Option<Self> {
        let zlib = first & 0x0f == 8 && u16::from_be_bytes([first, second]).is_multiple_of(31);
        match (first, second, coding) {
            (0x1f, 0x8b, _) => Some(Self::Gzip(Box::new(MultiGzDecoder::new(Vec::new())))),
            _ if zlib => Some(Self::Zlib(Box::new(ZlibDecoder::new(Vec::new())))),
            (_, _, Coding::Deflate) => Some(Self::Raw(Box::new(DeflateDecoder::new(Vec::new())))),
            (_, _, Coding::Gzip) => None,
        }
    }

    fn push(&mut self, bytes: &[u8], output: &mut Vec<u8>) -> Result<(), Broken> {
        let result = match self {
            Self::Gzip(inner) => write(inner, bytes),
            Self::Zlib(inner) => write(inner, bytes),
            Self::Raw(inner) => write(inner, bytes),
        };
        self.collect(output);
        result
    }

    fn finish(&mut self, output: &mut Vec<u8>) -> Result<(), Broken> {
        let result = match self {
            Self::Gzip(inner) => inner.try_finish(),
            Self::Zlib(inner) => inner.try_finish(),
            Self::Raw(inner) => inner.try_finish(),
        };
        self.collect(output);
        result.map_err(|_| Broken)
    }

    fn collect(&mut self, output: &mut Vec<u8>) {
        output.append(match self {
            Self::Gzip(inner) => inner.get_mut(),
            Self::Zlib(inner) => inner.get_mut(),
            Self::Raw(inner) => inner.get_mut(),
        });
    }
}

/// Writes until all is taken or the stream is over; what follows its end is dropped.
fn write(inner: &mut impl Write, bytes: &[u8]) -> Result<(), Broken> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match inner.write(rest) {
            Ok(0) => return Ok(()),
            Ok(taken) => rest = rest.get(taken..).unwrap_or_default(),
            Err(_) => {
                // What was good before the fault still comes out.
                let _ = flush(inner);
                return Err(Broken);
            }
        }
    }
    flush(inner)
}

fn flush(inner: &mut impl Write) -> Result<(), Broken> {
    inner.flush().map_err(|_| Broken)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn deflate(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// Decodes in pieces of `piece` bytes.
    fn decode(encoding: &[u8], body: &[u8], limit: u64, piece: usize) -> (Vec<u8>, Progress) {
        let mut decoder = Decoder::new(encoding, limit);
        let mut output = Vec::new();
        for chunk in body.chunks(piece) {
            decoder.decode(chunk, &mut output);
        }
        let progress = decoder.finish(&mut output);
        (output, progress)
    }

    #[test]
    fn codings() {
        let text = b"the quick brown fox jumps over the lazy dog".repeat(100);
        let check = |encoding: &[u8], body: &[u8]| {
            for piece in [1, 7, 100_000] {
                let (output, progress) = decode(encoding, body, 1 << 20, piece);
                assert!(output == text, "{} in {piece}", String::from_utf8_lossy(encoding));
                assert_eq!(progress, Progress::Going);
            }
        };
        check(b"", &text);
        check(b"identity", &text);
        check(b"gzip", &gzip(&text));
        check(b"X-GZip", &gzip(&text));
        check(b"deflate", &zlib(&text));
        check(b"deflate", &deflate(&text));
        check(b"deflate", &gzip(&text));
        check(b"gzip", &text);
        check(b"deflate", &text);
        check(b"gzip, deflate", &zlib(&gzip(&text)));
        check(b"gzip", &[gzip(&text[..50]), gzip(&text[50..])].concat());
        check(b"br", &text);
        assert!(Decoder::new(b"br", 1).is_coded());
        assert!(!Decoder::new(b"gzip", 1).is_coded());
    }

    #[test]
    fn limits_and_damage() {
        let bomb = gzip(&vec![0; 4 << 20]);
        let (output, progress) = decode(b"gzip", &bomb, 1000, 100_000);
        assert_eq!((output.len(), progress), (1000, Progress::OverLimit));
        let (output, progress) = decode(b"gzip, gzip", &gzip(&bomb), 100_000, 100_000);
        assert_eq!((output.len(), progress), (100_000, Progress::OverLimit));

        let text: Vec<u8> = (0..20_000_u32)
            .flat_map(|number| number.to_string().into_bytes())
            .collect();
        let mut cut = gzip(&text);
        cut.truncate(cut.len() / 2);
        let (output, progress) = decode(b"gzip", &cut, 1 << 20, 1000);
        assert_eq!(progress, Progress::Damaged);
        assert!(output.len() > 1000 && text.starts_with(&output));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn never_panics_and_keeps_its_limit(
            body in proptest::collection::vec(any::<u8>(), 0..300),
            encoding in prop_oneof![Just("gzip"), Just("deflate"), Just("gzip, deflate")],
            magic in any::<bool>(),
            piece in 1_usize..40,
        ) {
            let mut bytes = if magic { vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0] } else { Vec::new() };
            bytes.extend(body);
            let (output, _) = decode(encoding.as_bytes(), &bytes, 64, piece);
            prop_assert!(output.len() <= 64);
        }
    }
}
