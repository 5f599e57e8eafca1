//! Encodings of bodies, both ways: HTTP's (`gzip`, `deflate`, `lz4`, `zstd`) outside, ClickHouse's frames inside.

use std::io::{self, Read, Write};

use flate2::Compression;

use crate::exception::{Exception, code};
use crate::frames::{FrameReader, FrameWriter};

/// An HTTP `Content-Encoding`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// As it is.
    #[default]
    Identity,
    /// gzip, RFC 1952.
    Gzip,
    /// zlib, RFC 1950.
    Deflate,
    /// LZ4's own frame format.
    Lz4,
    /// Zstandard, RFC 8878.
    Zstd,
}

/// Largest window of a Zstandard body, as a power of two of bytes: 128 MiB, what its own command line takes.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;
/// Zstandard's fastest ordinary level.
const ZSTD_LEVEL: i32 = 1;

/// Whether ClickHouse's frames are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Packing {
    /// As it is.
    #[default]
    None,
    /// In ClickHouse's frames.
    Frames,
}

impl From<bool> for Packing {
    fn from(on: bool) -> Self {
        match on {
            true => Self::Frames,
            false => Self::None,
        }
    }
}

impl Encoding {
    /// Reads a `Content-Encoding`.
    pub(crate) fn parse(value: &str) -> Result<Self, Exception> {
        match value.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "deflate" => Ok(Self::Deflate),
            "lz4" => Ok(Self::Lz4),
            "zstd" => Ok(Self::Zstd),
            other => Err(Exception::new(
                code::UNKNOWN_COMPRESSION_METHOD,
                "UNKNOWN_COMPRESSION_METHOD",
                format_args!(
                    "Unknown Content-Encoding '{other}': this server reads gzip, deflate, lz4 and zstd."
                ),
            )),
        }
    }

    /// Chooses the cheapest of those that an `Accept-Encoding` allows.
    pub(crate) fn choose(accepted: &str) -> Self {
        let accepts = |wanted: &str| {
            accepted.split(',').any(|entry| {
                let (name, weight) = entry.split_once(';').unwrap_or((entry, ""));
                let never = matches!(
                    weight.trim().strip_prefix("q=").map(str::trim),
                    Some("0" | "0.0" | "0.00" | "0.000")
                );
                name.trim().eq_ignore_ascii_case(wanted) && !never
            })
        };
        [
            ("lz4", Self::Lz4),
            ("zstd", Self::Zstd),
            ("gzip", Self::Gzip),
            ("deflate", Self::Deflate),
        ]
        .into_iter()
        .find(|(name, _)| accepts(name))
        .map_or(Self::Identity, |(_, encoding)| encoding)
    }

    /// The header's value, if one is needed.
    pub(crate) fn header(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Deflate => Some("deflate"),
            Self::Lz4 => Some("lz4"),
            Self::Zstd => Some("zstd"),
        }
    }
}

/// Undoes a body's encodings.
///
/// # Errors
/// The system's, if there is no memory for a decoder.
pub(crate) fn decoder(
    body: impl Read + 'static,
    encoding: Encoding,
    packing: Packing,
) -> io::Result<Box<dyn Read>> {
    let plain: Box<dyn Read> = match encoding {
        Encoding::Identity => Box::new(body),
        Encoding::Gzip => Box::new(flate2::read::MultiGzDecoder::new(body)),
        Encoding::Deflate => Box::new(flate2::read::ZlibDecoder::new(body)),
        Encoding::Lz4 => Box::new(lz4_flex::frame::FrameDecoder::new(body)),
        Encoding::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::new(body)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
            Box::new(decoder)
        }
    };
    Ok(match packing {
        Packing::None => plain,
        Packing::Frames => Box::new(FrameReader::new(plain)),
    })
}

/// Does a reply's encodings.
pub(crate) enum Encoder<W: Write> {
    Plain(Http<W>),
    Frames(FrameWriter<Http<W>>),
}

/// HTTP's encodings of a reply.
pub(crate) enum Http<W: Write> {
    Identity(W),
    Gzip(flate2::write::GzEncoder<W>),
    Deflate(flate2::write::ZlibEncoder<W>),
    Lz4(Box<lz4_flex::frame::FrameEncoder<W>>),
    Zstd(Box<zstd::stream::write::Encoder<'static, W>>),
}

impl<W: Write> Encoder<W> {
    /// Encodes into `output`.
    ///
    /// # Errors
    /// The system's, if there is no memory for an encoder.
    pub(crate) fn new(output: W, encoding: Encoding, packing: Packing) -> io::Result<Self> {
        let http = match encoding {
            Encoding::Identity => Http::Identity(output),
            Encoding::Gzip => Http::Gzip(flate2::write::GzEncoder::new(output, Compression::fast())),
            Encoding::Deflate => Http::Deflate(flate2::write::ZlibEncoder::new(output, Compression::fast())),
            Encoding::Lz4 => Http::Lz4(Box::new(lz4_flex::frame::FrameEncoder::new(output))),
            Encoding::Zstd => Http::Zstd(Box::new(zstd::stream::write::Encoder::new(output, ZSTD_LEVEL)?)),
        };
        Ok(match packing {
            Packing::None => Self::Plain(http),
            Packing::Frames => Self::Frames(FrameWriter::new(http)),
        })
    }

    /// Writes what is left and gives the output back.
    pub(crate) fn finish(self) -> io::Result<W> {
        let http = match self {
            Self::Plain(http) => http,
            Self::Frames(frames) => frames.finish()?,
        };
        match http {
            Http::Identity(output) => Ok(output),
            Http::Gzip(encoder) => encoder.finish(),
            Http::Deflate(encoder) => encoder.finish(),
            Http::Lz4(encoder) => encoder.finish().map_err(io::Error::from),
            Http::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(http) => http.write(buffer),
            Self::Frames(frames) => frames.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(http) => http.flush(),
            Self::Frames(frames) => frames.flush(),
        }
    }
}

impl<W: Write> Write for Http<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Identity(output) => output.write(buffer),
            Self::Gzip(encoder) => encoder.write(buffer),
            Self::Deflate(encoder) => encoder.write(buffer),
            Self::Lz4(encoder) => encoder.write(buffer),
            Self::Zstd(encoder) => encoder.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Identity(output) => output.flush(),
            Self::Gzip(encoder) => encoder.flush(),
            Self::Deflate(encoder) => encoder.flush(),
            Self::Lz4(encoder) => encoder.flush(),
            Self::Zstd(encoder) => encoder.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_pair_of_encodings_goes_round() {
        let data: Vec<u8> = (0..400_000_u32)
            .flat_map(|number| (number / 3).to_le_bytes())
            .collect();
        for encoding in [
            Encoding::Identity,
            Encoding::Gzip,
            Encoding::Deflate,
            Encoding::Lz4,
            Encoding::Zstd,
        ] {
            for packing in [Packing::None, Packing::Frames] {
                let mut encoder = Encoder::new(Vec::new(), encoding, packing).unwrap();
                encoder.write_all(&data).unwrap();
                let encoded = encoder.finish().unwrap();
                let mut decoded = Vec::new();
                decoder(io::Cursor::new(encoded), encoding, packing)
                    .unwrap()
                    .read_to_end(&mut decoded)
                    .unwrap();
                assert!(decoded == data, "{encoding:?} {packing:?}");
            }
        }
    }

    #[test]
    fn the_cheapest_accepted_encoding_is_chosen() {
        for (accepted, encoding) in [
            ("", Encoding::Identity),
            ("gzip, deflate, br, zstd", Encoding::Zstd),
            ("gzip, deflate, br", Encoding::Gzip),
            ("gzip;q=0, deflate;q=0.5", Encoding::Deflate),
            ("LZ4", Encoding::Lz4),
            ("br", Encoding::Identity),
        ] {
            assert_eq!(Encoding::choose(accepted), encoding, "{accepted}");
        }
    }
}
