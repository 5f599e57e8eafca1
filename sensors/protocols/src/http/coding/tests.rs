#![allow(clippy::unwrap_used)]

use super::*;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::prelude::*;
use std::io::Write;

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

fn bounds(bytes_max: u64) -> Bounds {
    Bounds {
        bytes_max,
        ratio_max: 2048,
        free_bytes: FREE_BYTES_MAX,
        layers_max: 4,
    }
}

/// Decodes in pieces of `piece` bytes.
fn decode(encodings: &[&[u8]], body: &[u8], bounds: Bounds, piece: usize) -> (Vec<u8>, Progress) {
    let mut decoder = Decoder::new(encodings.iter().copied(), bounds);
    let mut output = Vec::new();
    for chunk in body.chunks(piece) {
        decoder.decode(chunk, &mut |made| output.extend_from_slice(made));
    }
    let progress = decoder.finish(&mut |made| output.extend_from_slice(made));
    (output, progress)
}

/// Decodes to `text`, whichever way it is cut.
fn check(encodings: &[&[u8]], body: &[u8], text: &[u8]) {
    for piece in [1, 7, 100_000] {
        let (output, progress) = decode(encodings, body, bounds(1 << 20), piece);
        let shown: Vec<_> = encodings
            .iter()
            .map(|name| name.escape_ascii().to_string())
            .collect();
        assert!(output == text, "{shown:?} in {piece}");
        assert_eq!(progress, Progress::Going, "{shown:?} in {piece}");
    }
}

fn sample() -> Vec<u8> {
    b"the quick brown fox jumps over the lazy dog".repeat(100)
}

#[test]
fn codings() {
    let text = sample();
    check(&[], &text, &text);
    check(&[b"identity"], &text, &text);
    check(&[b"gzip"], &gzip(&text), &text);
    check(&[b"deflate"], &zlib(&text), &text);
    check(&[b"deflate"], &deflate(&text), &text);
    check(&[b"gzip, deflate"], &zlib(&gzip(&text)), &text);
    check(&[b"gzip", b"deflate", b"gzip"], &gzip(&zlib(&gzip(&text))), &text);
    check(
        &[b"gzip"],
        &[gzip(&text[..50]), gzip(&text[50..])].concat(),
        &text,
    );
    check(&[b"gzip"], &[gzip(&text), b"junk".to_vec()].concat(), &text);
}

/// `sample`'s sentence twenty times, by the encoders of the codings' authors.
const BROTLI: &str = "1b5b03889c09364ea87737bc263363a3d32067787af20d2dac41cae6f2c2061c382490b709dfa0d30a671f1e274a2938c2adab0f52";
const ZSTD: &str = "28b52ffd0468a50100b40274686520717569636b2062726f776e20666f78206a756d7073206f76657220746865206c617a7920646f67010073e92a5506f9959997";
const LZMA: &str = "5d00008000ffffffffffffffff003a1a08ce76c7e5e9d60734c3d10ebfce55e1aabde0e48f9801dd8de507549e65255f273a6a7eb4d34929b8ae462ba58b6e65bffffc9d8000";
/// Four mebibytes of zeros.
const BROTLI_BOMB: &str = "9bffff3ff82700e2b14020f7fe07";

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits = hexadecimal.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn newer_and_older_codings() {
    let text = b"the quick brown fox jumps over the lazy dog".repeat(20);
    for (name, coded) in [("br", BROTLI), ("zstd", ZSTD), ("lzma", LZMA)] {
        let coded = bytes(coded);
        check(&[name.as_bytes()], &coded, &text);
        check(&[name.as_bytes(), b"gzip"], &gzip(&coded), &text);
        // Claimed, and not so.
        check(&[name.as_bytes()], &text, &text);
    }
    let zstd = bytes(ZSTD);
    let lzma = bytes(LZMA);
    let (output, progress) = decode(&[b"lzma"], &lzma[..lzma.len() - 12], bounds(1 << 20), 7);
    assert_eq!(progress, Progress::Damaged);
    assert!(
        output.len() > 20 && text.starts_with(&output),
        "what came before the cut is shown"
    );
    let skippable = b"\x5f\x2a\x4d\x18\x03\0\0\0abc";
    let twice = [&skippable[..], &zstd, &zstd].concat();
    check(&[b"zstd"], &twice, &text.repeat(2));
}

#[test]
fn a_bomb_of_any_coding_ends_at_the_ratio() {
    let bomb = bytes(BROTLI_BOMB);
    let (output, progress) = decode(&[b"br"], &bomb, bounds(1 << 30), 3);
    assert_eq!(progress, Progress::OverLimit);
    assert!(output.len() <= 1 << 20);
    // A frame of blocks that each say one byte 128 KiB times.
    let block = [&(((128 << 10) << 3 | 1 << 1) as u32).to_le_bytes()[..3], b"x"].concat();
    let bomb = [&b"\x28\xb5\x2f\xfd\0\x58"[..], &block.repeat(100)].concat();
    let (output, progress) = decode(&[b"zstd"], &bomb, bounds(1 << 30), 3);
    assert_eq!(progress, Progress::OverLimit);
    assert!(output.len() <= 1 << 20);
    // A window larger than browsers take.
    let (_, progress) = decode(&[b"zstd"], b"\x28\xb5\x2f\xfd\0\xf8\x01\0\0", bounds(1 << 30), 3);
    assert_eq!(progress, Progress::OverLimit);
}

/// `d3a1f0c99b27e4586ad1`, 300,000 times `x`, the same again, and words of brotli's dictionary; in a window of 4 MiB, by the format's authors.
const BROTLI_FAR: &str = "5b6094045e168fa12ed2300f7cd88003a7d5ef50e042fcbecc4582e5c20793d9e4271a568b9f469fc416a06a07a77dd592edd2c4486253d118";

#[test]
fn a_window_of_brotli_grows_with_what_comes_out_and_nothing_is_lost() {
    let name = "d3a1f0c99b27e4586ad1";
    let words = " international government information about the development of the United States, however";
    let text = [name, &"x".repeat(300_000), name, words].concat();
    for piece in [1, 7, 100_000] {
        // All is earned by the first byte; in time to begin small and grow; not at all, and given.
        for (ratio_max, free_bytes) in [(1 << 20, 0), (9000, 20_000), (1, 1 << 19)] {
            let bounds = Bounds {
                ratio_max,
                free_bytes,
                ..bounds(1 << 30)
            };
            let (output, progress) = decode(&[b"br"], &bytes(BROTLI_FAR), bounds, piece);
            assert!(
                output == text.as_bytes(),
                "{ratio_max} in {piece}: {}",
                output.len()
            );
            assert_eq!(progress, Progress::Going, "{ratio_max} in {piece}");
        }
    }
}

/// Headers that ask for windows of mebibytes take no memory for them before anything comes out; a body that has earned little is not decoded far.
#[test]
fn small_bodies_get_small_windows() {
    let empty = b"\x28\xb5\x2f\xfd\0\x68".to_vec();
    for (name, coded) in [("br", bytes(BROTLI_BOMB)), ("zstd", empty), ("lzma", bytes(LZMA))] {
        let bounds = Bounds {
            free_bytes: 0,
            ratio_max: 512,
            ..bounds(1 << 30)
        };
        let mut decoder = Decoder::new([name.as_bytes()], bounds);
        let mut made_bytes = 0;
        decoder.decode(&coded, &mut |made| made_bytes += made.len());
        assert!(
            decoder.memory_bytes() <= 256 << 10,
            "{name}: {}",
            decoder.memory_bytes()
        );
        assert!(made_bytes <= coded.len() * 512, "{name} made {made_bytes}");
    }
}

/// 32,760 sequences that take no bits, each a literal and three bytes copied: in 15 bytes.
#[test]
fn a_block_of_zstd_with_more_sequences_than_it_earned_is_not_decoded() {
    let block = b"\x8d\xff\x07x\xff\xf8\x00\x54\x01\x00\x00\x01";
    let header = ((block.len() as u32) << 3 | 2 << 1 | 1).to_le_bytes();
    let bomb = [&b"\x28\xb5\x2f\xfd\0\x58"[..], &header[..3], block].concat();
    let earning = |free_bytes| {
        let bounds = Bounds {
            free_bytes,
            ..bounds(1 << 30)
        };
        decode(&[b"zstd"], &bomb, bounds, 5)
    };
    let (output, progress) = earning(64 * 32_760);
    assert_eq!((output.len(), progress), (4 * 32_760, Progress::Going));
    let (output, progress) = earning(64 * 32_760 - 1);
    assert_eq!((output.len(), progress), (0, Progress::OverLimit));
}

#[test]
fn a_coding_is_known_by_the_body_and_not_by_the_spelling_of_its_name() {
    let text = sample();
    for name in [
        &b"X-GZip"[..],
        b"gzip;",
        b",gzip",
        b": gzip",
        b"x gzip",
        b"gz\0ip",
        b"\x0bgzip\x0c",
        b"\x7fgzip\xa0",
        b"\xef\xbb\xbfgzip",
    ] {
        check(&[name], &gzip(&text), &text);
    }
    // What is claimed and not so.
    check(&[b"gzip"], &text, &text);
    check(&[b"deflate"], &text, &text);
    check(&[b"deflate"], &gzip(&text), &text);
    check(&[b"gzip, gzip"], &gzip(&text), &text);
    check(&[b"deflate, gzip"], &deflate(&text), &text);
}

#[test]
fn gzip_is_read_with_reserved_flags_and_wrong_checksums_as_browsers_read_it() {
    let text = sample();
    let whole = gzip(&text);
    let behind_header = &whole[10..];
    for (flags, fields) in [
        (0x01, &b""[..]),
        (0x02, b"\0\0"),
        (0x04, b"\0\0"),
        (0x04, b"\x05\0Ap\x01\0\0"),
        (0x08, b"name\0"),
        (0x10, b"comment\0"),
        (0x1e, b"\x01\0xname\0comment\0\0\0"),
        (0x20, b""),
        (0x40, b""),
        (0x80, b""),
    ] {
        let header = [0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3];
        check(&[b"gzip"], &[&header, fields, behind_header].concat(), &text);
    }
    let data = &whole[..whole.len() - 8];
    check(&[b"gzip"], data, &text);
    check(&[b"gzip"], &[data, b"wrongsum"].concat(), &text);
}

#[test]
fn what_stays_coded_is_known() {
    let is_coded = |name: &[u8]| Decoder::new([name], bounds(1)).is_coded();
    assert!(is_coded(b"compress"));
    assert!(is_coded(b"gzip, gzip, gzip, gzip, gzip"));
    assert!(!is_coded(b"gzip"));
    assert!(!is_coded(b"foo"));
}

#[test]
fn limits_and_damage() {
    let bomb = gzip(&vec![0; 4 << 20]);
    let (output, progress) = decode(&[b"gzip"], &bomb, bounds(1000), 100_000);
    assert_eq!((output.len(), progress), (1000, Progress::OverLimit));
    let (output, progress) = decode(&[b"gzip, gzip"], &gzip(&bomb), bounds(100_000), 100_000);
    assert_eq!((output.len(), progress), (100_000, Progress::OverLimit));

    // Twice gzip makes more than 100,000 of one; more than a mebibyte is not taken of so little.
    let (output, progress) = decode(&[b"gzip, gzip"], &gzip(&bomb), bounds(1 << 30), 100_000);
    assert_eq!(progress, Progress::OverLimit);
    assert!(output.len() <= 1 << 20);

    let text: Vec<u8> = (0..20_000_u32)
        .flat_map(|number| number.to_string().into_bytes())
        .collect();
    let mut cut = gzip(&text);
    cut.truncate(cut.len() / 2);
    let (output, progress) = decode(&[b"gzip"], &cut, bounds(1 << 20), 1000);
    assert_eq!(progress, Progress::Damaged);
    assert!(output.len() > 1000 && text.starts_with(&output));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn never_panics_and_keeps_its_limit(
        body in proptest::collection::vec(any::<u8>(), 0..300),
        encoding in prop_oneof![Just("gzip"), Just("deflate"), Just("gzip, deflate"), Just("br"), Just("zstd"), Just("lzma")],
        magic in 0..4_usize,
        piece in 1_usize..40,
    ) {
        let mut bytes = [&b""[..], b"\x1f\x8b\x08\0\0\0\0\0\0\0", b"\x28\xb5\x2f\xfd", b"\x5d\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff\0"][magic].to_vec();
        bytes.extend(body);
        let (output, _) = decode(&[encoding.as_bytes()], &bytes, bounds(64), piece);
        prop_assert!(output.len() <= 64);
    }
}
