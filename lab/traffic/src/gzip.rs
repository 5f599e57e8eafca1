//! gzip (RFC 1952) with the fixed codes of deflate (RFC 1951).
//!
//! ```text
//! | 1f 8b | 08 | flags 0 | mtime 0 | 0 | 255 | one fixed-code block | CRC-32 | length |
//! ```
//! Written out here so that its output never changes under a seed. It finds repeats greedily through one table of the
//! last place of each three bytes; that is enough for pages to shrink as real ones do.

const WINDOW_BYTES: usize = 32_768;
const MATCH_BYTES_MAX: usize = 258;
const TABLE_BITS: u32 = 12;

/// Length codes 257..=285: bits that follow, and the first length of each.
#[rustfmt::skip]
const LENGTHS: [(u16, u8); 29] = [
    (3, 0), (4, 0), (5, 0), (6, 0), (7, 0), (8, 0), (9, 0), (10, 0), (11, 1), (13, 1), (15, 1), (17, 1), (19, 2),
    (23, 2), (27, 2), (31, 2), (35, 3), (43, 3), (51, 3), (59, 3), (67, 4), (83, 4), (99, 4), (115, 4), (131, 5),
    (163, 5), (195, 5), (227, 5), (258, 0),
];

/// CRC-32 as gzip and PNG have it.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    pending: u64,
    count: u32,
}

impl Bits {
    /// Appends `count` bits, lowest first.
    fn put(&mut self, bits: u32, count: u32) {
        self.pending |= u64::from(bits) << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes.push(self.pending as u8);
            self.pending >>= 8;
            self.count -= 8;
        }
    }

    /// Appends a Huffman code, highest bit first.
    fn code(&mut self, code: u32, count: u32) {
        self.put(code.reverse_bits() >> (32 - count), count);
    }

    /// Appends a symbol of the fixed literal and length alphabet (RFC 1951, 3.2.6).
    fn symbol(&mut self, symbol: u32) {
        match symbol {
            0..=143 => self.code(0x30 + symbol, 8),
            144..=255 => self.code(0x190 + symbol - 144, 9),
            256..=279 => self.code(symbol - 256, 7),
            _ => self.code(0xc0 + symbol - 280, 8),
        }
    }

    fn repeat(&mut self, length: usize, distance: usize) {
        let index = LENGTHS
            .iter()
            .rposition(|(first, _)| usize::from(*first) <= length)
            .unwrap_or(0);
        let (first, extra) = LENGTHS.get(index).copied().unwrap_or((3, 0));
        self.symbol(257 + index as u32);
        self.put((length - usize::from(first)) as u32, u32::from(extra));
        let zero_based = (distance - 1) as u32;
        if zero_based < 4 {
            self.code(zero_based, 5);
        } else {
            let high = 31 - zero_based.leading_zeros();
            let extra = high - 1;
            self.code(2 * high + ((zero_based >> extra) & 1), 5);
            self.put(zero_based & ((1 << extra) - 1), extra);
        }
    }

    fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.put(0, 8 - self.count);
        }
        self.bytes
    }
}

fn slot(bytes: &[u8]) -> usize {
    let word = bytes
        .iter()
        .take(3)
        .fold(0_u32, |word, byte| (word << 8) | u32::from(*byte));
    (word.wrapping_mul(0x9e37_79b1) >> (32 - TABLE_BITS)) as usize
}

fn deflate(data: &[u8]) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.put(0b011, 3);
    let mut seen = vec![usize::MAX; 1 << TABLE_BITS];
    let mut at = 0;
    while at < data.len() {
        let rest = &data[at..];
        let mut length = 0;
        let mut distance = 0;
        if rest.len() >= 3 {
            let place = &mut seen[slot(rest)];
            if *place != usize::MAX && at - *place <= WINDOW_BYTES {
                distance = at - *place;
                length = rest
                    .iter()
                    .zip(&data[*place..])
                    .take(MATCH_BYTES_MAX)
                    .take_while(|(a, b)| a == b)
                    .count();
            }
            *place = at;
        }
        if length >= 3 {
            bits.repeat(length, distance);
            at += length;
        } else {
            bits.symbol(u32::from(rest[0]));
            at += 1;
        }
    }
    bits.symbol(256);
    bits.finish()
}

/// `data`, packed.
pub(crate) fn gzip(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    out.extend_from_slice(&deflate(data));
    out.extend_from_slice(&crc32(data).to_le_bytes());
    out.extend_from_slice(&(data.len() as u32).to_le_bytes());
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Read;

    use proptest::prelude::*;

    use super::*;

    fn check(data: &[u8]) {
        let packed = gzip(data);
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(packed.as_slice())
            .read_to_end(&mut unpacked)
            .unwrap();
        assert_eq!(unpacked, data);
    }

    #[test]
    fn known_crc() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn another_reader_gets_it_back() {
        check(b"");
        check(b"a");
        check(&[b'a'; 1000]);
        let page = "<p>Hồ sơ đã tiếp nhận</p>".repeat(500);
        check(page.as_bytes());
        assert!(gzip(page.as_bytes()).len() * 20 < page.len());
        let mut random = crate::random::Random::new(1);
        check(&random.bytes(100_000));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_bytes_come_back(data in prop::collection::vec(0_u8..8, 0..2000)) {
            check(&data);
        }
    }
}
