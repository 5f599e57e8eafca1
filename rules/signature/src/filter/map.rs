//! The table that says where windows may stand.

/// Bytes of a window of a pattern that has as many.
pub(super) const WINDOW_MAX: usize = 5;

/// Places looked up at once.
pub(super) const BLOCK: usize = 8;
/// Their bytes, and the second one of the last pair.
pub(super) type Block = [u8; BLOCK + 1];

/// How many pairs of a window are looked up: in the bytes of the table's words.
const LOOKS: usize = 4;
/// How many places behind its start a window is told.
pub(super) const LATE: usize = LOOKS - 1;

/// The buckets of windows of four bytes and more.
pub(super) const LONG_BUCKETS: u8 = !0b11;
/// Windows of two, three and four bytes have a bucket each; these are for those of five.
const BUCKETS_OF_FIVE: std::ops::Range<usize> = 3..8;

/// Two to five bytes of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Window {
    size: usize,
    bytes: [u8; WINDOW_MAX + 1],
}

impl Window {
    /// The first bytes of these, as many as a window has; there are two at least.
    pub(super) fn new(of: &[u8]) -> Window {
        let mut bytes = [0; WINDOW_MAX + 1];
        let size = of.len().min(WINDOW_MAX);
        bytes
            .iter_mut()
            .zip(of)
            .take(size)
            .for_each(|(to, from)| *to = *from);
        Window { size, bytes }
    }
}

/// For each index, the first byte of a pair and a few low bits of the second, a word of four bytes: for the four pairs of a window, from the last to the
/// first, in which buckets *no* window has such a pair there, in either case. `SIZE` is a power of two, 256 at least.
#[derive(Debug)]
pub(super) struct Map<const SIZE: usize>(Box<[u32; SIZE]>);

/// What the pairs of earlier blocks say of windows that reach into the next one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Misses(u64);

impl Misses {
    /// None does.
    pub(super) const BEFORE_THE_FIRST: Misses = Misses((1 << (8 * LATE)) - 1);
}

impl<const SIZE: usize> Map<SIZE> {
    pub(super) fn new(mut windows: Vec<Window>) -> Map<SIZE> {
        // Like with like, so that each bucket has few different pairs.
        windows.sort_unstable();
        let mut map = Map(Box::new([u32::MAX; SIZE]));
        let of_five = windows.partition_point(|window| window.size < WINDOW_MAX);
        let (others, fives) = windows.split_at(of_five);
        others.iter().for_each(|window| map.add(window, window.size - 2));
        let share = fives.len().div_ceil(BUCKETS_OF_FIVE.len()).max(1);
        for (bucket, windows) in BUCKETS_OF_FIVE.zip(fives.chunks(share)) {
            windows.iter().for_each(|window| map.add(window, bucket));
        }
        map
    }

    fn add(&mut self, window: &Window, bucket: usize) {
        let mut bytes = window.bytes.iter().take(window.size).copied();
        let (mut first, mut second) = (bytes.next(), bytes.next());
        for look in 0..LOOKS {
            let bit = 1 << (8 * (LATE - look) + bucket);
            for index in indexes::<SIZE>(first, second) {
                self.0.get_mut(index).into_iter().for_each(|word| *word &= !bit);
            }
            (first, second) = (second, bytes.next());
        }
    }

    #[inline(always)]
    fn index(bytes: u64) -> usize {
        bytes as usize & (SIZE - 1)
    }

    /// The buckets with a window that may begin, [`LATE`] places earlier, at each place of a block; the first place lowest. And what the next block has
    /// to know.
    #[inline(always)]
    pub(super) fn hits(&self, block: &Block, earlier: Misses) -> (u64, Misses) {
        let eight = |bytes: Option<&[u8; 8]>| bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let (first, last) = (eight(block.first_chunk()), eight(block.last_chunk()));
        let word = |pair: u64| u64::from(self.0.get(Self::index(pair)).copied().unwrap_or(0));
        let [a, b, c, d] = [first, first >> 8, first >> 16, first >> 24].map(word);
        let [e, f, g, h] = [first >> 32, first >> 40, first >> 48, last >> 48].map(word);
        let misses = a | b << 8 | c << 16 | d << 24 | e << 32 | f << 40 | g << 48 | h << 56;
        (!(misses | earlier.0), Misses(f >> 24 | g >> 16 | h >> 8))
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of_val(&*self.0)
    }
}

/// The indexes of a pair of bytes in either case; `None`, behind a short window, is any byte.
fn indexes<const SIZE: usize>(first: Option<u8>, second: Option<u8>) -> impl Iterator<Item = usize> {
    let seconds = SIZE >> 8;
    // The case of a letter is not among the low bits.
    let seconds = second.map_or(0..seconds, |byte| {
        let low_bits = usize::from(byte) & (seconds - 1);
        low_bits..low_bits + 1
    });
    let firsts = first.map_or(0..=u8::MAX, |byte| byte..=byte);
    let firsts = firsts.flat_map(|byte| [byte, byte.to_ascii_uppercase()]);
    firsts.flat_map(move |first| {
        seconds
            .clone()
            .map(move |low_bits| low_bits << 8 | usize::from(first))
    })
}
