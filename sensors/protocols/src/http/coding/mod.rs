//! Content codings undone, with limits on what may come out.
//!
//! ```text
//!  body ──▶ layer (coding named last) ──▶ … ──▶ layer (named first) ──▶ file
//! ```
//!
//! Codings are taken off one by one, up to [`Bounds::layers_max`] of them. A coding's name is a claim only: gzip is known by its magic
//! number whatever it is called, a coding that does not show in the first bytes is passed over, as browsers do, and so is junk around the
//! names. What a layer makes is handed on in pieces, so that no bomb stands in memory; it ends when the layer has made more than
//! [`Bounds::bytes_max`], or more than it has earned: [`Bounds::ratio_max`] times what the body brought, and [`Bounds::free_bytes`] at least.
//! Windows are not larger than that either, whatever a header asks for.

mod brotli;
mod deflate;
mod gzip;
mod layer;
mod lzma;
mod zstd;

use super::start_line::is_token;
use layer::Layer;

/// Bytes of output that no ratio is reckoned for: small bodies may grow much. As many as rules read.
pub const FREE_BYTES_MAX: u64 = 100 * 1024;
/// Most codings read of a header; more than any message has a use for.
const NAMES_MAX: usize = 64;

/// Codings that some client knows, and that stay on.
const LEFT_ON: [&[u8]; 10] = [
    b"compress",
    b"x-compress",
    b"bzip2",
    b"xz",
    b"exi",
    b"pack200-gzip",
    b"aes128gcm",
    b"dcb",
    b"dcz",
    b"sdch",
];

/// How decoding goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// All is well.
    Going,
    /// A limit on output is reached; the rest of the body is dropped.
    OverLimit,
    /// The body is damaged; what came out before stays good, the rest is dropped.
    Damaged,
}

/// What may come out of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Most bytes of any layer.
    pub bytes_max: u64,
    /// Most bytes of any layer for each byte of the body, once there are more than `free_bytes`.
    pub ratio_max: u64,
    /// Bytes of any layer that need not be earned by the body's length.
    pub free_bytes: u64,
    /// Most codings undone; more stay on.
    pub layers_max: usize,
}

/// Undoes the content codings of one body.
#[derive(Debug)]
pub struct Decoder {
    /// Outermost first.
    layers: Vec<Layer>,
    budget: Budget,
    progress: Progress,
    is_coded: bool,
    has_too_many: bool,
}

/// A coding that can be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
    Lzma,
}

/// Why a layer gives no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// The bytes are not what the coding says, or no longer.
    Broken,
    OverLimit,
}

/// Takes what a layer makes.
type Sink<'s> = dyn FnMut(&[u8]) -> Result<(), Stop> + 's;

/// Undoes one coding.
trait Undo: std::fmt::Debug + Send {
    /// Takes the next coded bytes; what it makes of them goes to `sink` in pieces. More than `earned_bytes` in all will not be taken.
    fn push(&mut self, bytes: &[u8], earned_bytes: u64, sink: &mut Sink<'_>) -> Result<(), Stop>;

    /// There are no more bytes: gives what it held back. An error when the end is missing.
    fn finish(&mut self, sink: &mut Sink<'_>) -> Result<(), Stop>;

    /// Memory it takes that grows with the body: of its window as much as is filled.
    fn memory_bytes(&self) -> usize {
        0
    }
}

/// What has come in and out so far.
#[derive(Debug)]
struct Budget {
    bounds: Bounds,
    coded_bytes: u64,
    /// What each layer made.
    made_bytes: Vec<u64>,
    given_bytes: u64,
}

impl Decoder {
    /// A decoder for a body with these values of Content-Encoding and, after them, Transfer-Encoding.
    pub fn new<'h>(encodings: impl IntoIterator<Item = &'h [u8]>, bounds: Bounds) -> Self {
        let mut is_coded = false;
        let mut codings = Vec::new();
        for name in names(encodings).into_iter().rev() {
            match name.as_slice() {
                b"gzip" | b"x-gzip" => codings.push(Coding::Gzip),
                b"deflate" | b"x-deflate" => codings.push(Coding::Deflate),
                b"br" => codings.push(Coding::Brotli),
                b"zstd" => codings.push(Coding::Zstd),
                b"lzma" => codings.push(Coding::Lzma),
                name => is_coded |= LEFT_ON.contains(&name),
            }
        }
        let has_too_many = codings.len() > bounds.layers_max;
        is_coded |= has_too_many;
        codings.truncate(bounds.layers_max);
        Self {
            budget: Budget {
                bounds,
                coded_bytes: 0,
                made_bytes: vec![0; codings.len()],
                given_bytes: 0,
            },
            layers: codings.into_iter().map(Layer::new).collect(),
            progress: Progress::Going,
            is_coded,
            has_too_many,
        }
    }

    /// Whether there is nothing to undo.
    pub fn is_idle(&self) -> bool {
        self.layers.is_empty()
    }

    /// Whether a coding that is not undone here stays on the body.
    pub fn is_coded(&self) -> bool {
        self.is_coded
    }

    /// Whether there are more codings than are undone.
    pub fn has_too_many(&self) -> bool {
        self.has_too_many
    }

    /// How it goes so far.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// Memory that its windows take by now.
    pub fn memory_bytes(&self) -> usize {
        self.layers.iter().map(Layer::memory_bytes).sum()
    }

    /// Bytes that it made more than the body's length has earned so far.
    pub fn unearned_bytes(&self) -> u64 {
        let most = self.budget.made_bytes.iter().max().copied();
        most.unwrap_or(0).saturating_sub(self.budget.by_ratio())
    }

    /// Decodes the next bytes of the body; what comes out goes to `give`, piece by piece.
    pub fn decode(&mut self, chunk: &[u8], give: &mut dyn FnMut(&[u8])) -> Progress {
        if self.progress != Progress::Going {
            return self.progress;
        }
        self.budget.coded_bytes = self.budget.coded_bytes.saturating_add(chunk.len() as u64);
        let result = push(&mut self.layers, 0, &mut self.budget, chunk, give);
        self.note(result)
    }

    /// Ends the body: gives what was held back to find out what it is.
    pub fn finish(&mut self, give: &mut dyn FnMut(&[u8])) -> Progress {
        for depth in 0..self.layers.len() {
            let Some([layer, inner @ ..]) = self.layers.get_mut(depth..) else {
                break;
            };
            let budget = &mut self.budget;
            let result = layer.finish(&mut |made| {
                budget.make(depth, made)?;
                push(inner, depth + 1, budget, made, give)
            });
            self.note(result);
        }
        self.progress
    }

    fn note(&mut self, result: Result<(), Stop>) -> Progress {
        if let (Err(stop), Progress::Going) = (result, self.progress) {
            self.progress = match stop {
                Stop::Broken => Progress::Damaged,
                Stop::OverLimit => Progress::OverLimit,
            };
        }
        self.progress
    }
}

/// Takes bytes through the layers from this one inwards.
fn push(
    layers: &mut [Layer],
    depth: usize,
    budget: &mut Budget,
    bytes: &[u8],
    give: &mut dyn FnMut(&[u8]),
) -> Result<(), Stop> {
    let Some((layer, inner)) = layers.split_first_mut() else {
        return budget.give(bytes, give);
    };
    layer.push(bytes, budget.earned(), &mut |made| {
        budget.make(depth, made)?;
        push(inner, depth + 1, budget, made, give)
    })
}

impl Budget {
    /// What the body's length allows each layer to make.
    fn by_ratio(&self) -> u64 {
        self.coded_bytes.saturating_mul(self.bounds.ratio_max)
    }

    /// What each layer may make.
    fn earned(&self) -> u64 {
        self.by_ratio().max(self.bounds.free_bytes)
    }

    /// A layer made these bytes.
    fn make(&mut self, depth: usize, made: &[u8]) -> Result<(), Stop> {
        let Some(bytes) = self.made_bytes.get_mut(depth) else {
            return Ok(());
        };
        *bytes = bytes.saturating_add(made.len() as u64);
        let made_bytes = *bytes;
        match made_bytes > self.earned() {
            true => Err(Stop::OverLimit),
            false => Ok(()),
        }
    }

    /// Gives as many of the bytes as may come out.
    fn give(&mut self, bytes: &[u8], give: &mut dyn FnMut(&[u8])) -> Result<(), Stop> {
        let room = self.bounds.bytes_max.saturating_sub(self.given_bytes);
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let given = bytes.get(..room).unwrap_or(bytes);
        self.given_bytes = self.given_bytes.saturating_add(given.len() as u64);
        give(given);
        match given.len() < bytes.len() {
            true => Err(Stop::OverLimit),
            false => Ok(()),
        }
    }
}

/// The names of codings, in lower case and in order, whatever stands between them.
fn names<'h>(encodings: impl IntoIterator<Item = &'h [u8]>) -> Vec<Vec<u8>> {
    let mut names = Vec::new();
    for value in encodings {
        let text: Vec<u8> = value.iter().copied().filter(|byte| *byte != 0).collect();
        let words = text
            .split(|byte| !is_token(*byte))
            .filter(|word| !word.is_empty());
        names.extend(words.map(<[u8]>::to_ascii_lowercase).take(NAMES_MAX));
    }
    names.truncate(NAMES_MAX);
    names
}

#[cfg(test)]
mod tests;
