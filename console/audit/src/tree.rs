//! The RFC 6962 tree over the entries, kept by its frontier.
//!
//! ```text
//!                root of 6           leaf  = SHA-256(0x00 ‖ entry's bytes)
//!              ┌────┴────┐           node  = SHA-256(0x01 ‖ left ‖ right)
//!         ┌────┴────┐    │           empty = SHA-256("")
//!       ┌─┴─┐     ┌─┴─┐ ┌┴┐
//!       0   1     2   3 4 5          frontier of 6: the node over 0–3, the node over 4–5
//! ```
//! A [`Frontier`] holds one hash for each one-bit of the size: adding an entry and telling the root take at most 64 hashes each.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// Bytes of a hash.
pub const HASH_BYTES: usize = 32;

/// A SHA-256 of the tree.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; HASH_BYTES]);

impl Hash {
    /// The hash that `bytes` are; none when they are not 32.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.try_into().ok()?))
    }

    /// The hash written in 64 hexadecimal digits, in lower case alone.
    pub fn from_hex(text: &[u8]) -> Option<Self> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let (pairs, rest) = text.as_chunks::<2>();
        if pairs.len() != HASH_BYTES || !rest.is_empty() {
            return None;
        }
        let mut hash = [0; HASH_BYTES];
        for (slot, [high, low]) in hash.iter_mut().zip(pairs) {
            *slot = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Self(hash))
    }
}

impl fmt::Display for Hash {
    /// 64 hexadecimal digits.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self}")
    }
}

/// The hash of a leaf (RFC 6962, section 2.1).
pub fn leaf_hash(bytes: &[u8]) -> Hash {
    Hash(
        Sha256::new()
            .chain_update([0])
            .chain_update(bytes)
            .finalize()
            .into(),
    )
}

/// The hash of a node over two others (RFC 6962, section 2.1).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let hasher = Sha256::new().chain_update([1]);
    Hash(
        hasher
            .chain_update(left.0)
            .chain_update(right.0)
            .finalize()
            .into(),
    )
}

/// The root of a tree without entries.
pub fn empty_root() -> Hash {
    Hash(Sha256::digest([]).into())
}

/// A subtree that is full: the entries from `index << level` on, `1 << level` of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node {
    /// Height; 0 for a leaf.
    pub level: u32,
    /// Which of its level, from the left.
    pub index: u64,
}

impl Node {
    /// The full subtrees that the first `size` entries are made of, from the left.
    pub fn of_size(size: u64) -> Vec<Self> {
        let mut from = 0;
        let level = (0..u64::BITS).rev().filter(|level| size >> level & 1 == 1);
        level
            .map(|level| {
                let node = Self {
                    level,
                    index: from >> level,
                };
                from += 1 << level;
                node
            })
            .collect()
    }
}

/// What must be kept of a tree to make it grow and to tell its root.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    /// The hashes of [`Node::of_size`], from the left.
    hashes: Vec<Hash>,
}

impl Frontier {
    /// The frontier of `size` entries, from the hashes of [`Node::of_size`]; none when they are not as many.
    pub fn from_parts(size: u64, hashes: Vec<Hash>) -> Option<Self> {
        (hashes.len() == size.count_ones() as usize).then_some(Self { size, hashes })
    }

    /// Entries in the tree.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hashes of [`Node::of_size`], from the left.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// Adds an entry by its leaf hash; `made` hears of each full subtree that it completes, the smallest first (the leaf is none).
    pub fn push(&mut self, leaf: Hash, mut made: impl FnMut(Node, Hash)) {
        let mut hash = leaf;
        for level in 0..self.size.trailing_ones() {
            let Some(left) = self.hashes.pop() else { break };
            hash = node_hash(&left, &hash);
            let level = level + 1;
            made(
                Node {
                    level,
                    index: self.size >> level,
                },
                hash,
            );
        }
        self.hashes.push(hash);
        self.size = self.size.saturating_add(1);
    }

    /// The root over all entries.
    pub fn root(&self) -> Hash {
        let mut from_right = self.hashes.iter().rev().copied();
        let Some(last) = from_right.next() else {
            return empty_root();
        };
        from_right.fold(last, |right, left| node_hash(&left, &right))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests {
    use super::*;

    /// The inputs and roots of Certificate Transparency's reference tests.
    pub(crate) const INPUTS: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    #[test]
    fn roots_are_those_of_certificate_transparency() {
        let mut frontier = Frontier::default();
        let mut made = Vec::new();
        for (size, root) in ROOTS.iter().enumerate() {
            assert_eq!(frontier.root().to_string(), *root, "{size}");
            assert_eq!(Hash::from_hex(root.as_bytes()), Some(frontier.root()));
            let parts = Frontier::from_parts(frontier.size(), frontier.hashes().to_vec());
            assert_eq!(parts, Some(frontier.clone()));
            if let Some(input) = INPUTS.get(size) {
                frontier.push(leaf_hash(input), |node, hash| made.push((node, hash)));
            }
        }
        // Seven nodes above eight leaves, the last over all of them.
        assert_eq!(made.len(), 7);
        let whole = Node { level: 3, index: 0 };
        assert_eq!(made.last(), Some(&(whole, frontier.root())));
        assert_eq!(Frontier::from_parts(3, vec![empty_root()]), None);
    }

    #[test]
    fn a_size_is_a_sum_of_full_subtrees() {
        let of = |size| {
            Node::of_size(size)
                .iter()
                .map(|node| (node.level, node.index))
                .collect::<Vec<_>>()
        };
        assert_eq!(of(0), []);
        assert_eq!(of(6), [(2, 0), (1, 2)]);
        assert_eq!(of(7), [(2, 0), (1, 2), (0, 6)]);
        assert_eq!(Hash::from_hex(&[b'A'; 64]), None);
    }
}
