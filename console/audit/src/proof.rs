//! That an entry stands in a tree, and that a tree is the beginning of a larger one (RFC 6962, sections 2.1.1 and 2.1.2).
//!
//! A proof is made from hashes of full subtrees, which whoever keeps the log looks up by [`Node`]; it is checked with nothing but
//! the proof and the roots.

use crate::tree::{Hash, Node, node_hash};

/// Most hashes in a proof: one for each level of the largest tree, and one more for the root of the smaller.
pub const HASHES_MAX: usize = 65;

/// The entries from `from` to before `to` as full subtrees, from the left. `from` is a multiple of the largest of them.
fn cover(from: u64, to: u64) -> Vec<Node> {
    let shifted = |node: Node| Node {
        index: node.index + (from >> node.level),
        ..node
    };
    Node::of_size(to - from).into_iter().map(shifted).collect()
}

/// Where the tree over `count` entries (2 or more) parts: the largest power of two below.
fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

fn fold<E>(nodes: &[Node], read: &mut impl FnMut(Node) -> Result<Hash, E>) -> Result<Hash, E> {
    let mut hashes = Vec::with_capacity(nodes.len());
    for node in nodes {
        hashes.push(read(*node)?);
    }
    let folded = hashes
        .into_iter()
        .rev()
        .reduce(|right, left| node_hash(&left, &right));
    Ok(folded.unwrap_or_else(crate::tree::empty_root))
}

/// What must be looked up for the proof that entry `index` stands in a tree of `size`: for each hash of the proof, from the leaf's
/// side, the full subtrees that it is made of. None when there is no such entry.
pub fn inclusion_nodes(index: u64, size: u64) -> Option<Vec<Vec<Node>>> {
    if index >= size {
        return None;
    }
    let (mut from, mut to) = (0, size);
    let mut path = Vec::new();
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            path.push(cover(middle, to));
            to = middle;
        } else {
            path.push(cover(from, middle));
            from = middle;
        }
    }
    path.reverse();
    Some(path)
}

/// What must be looked up for the proof that the tree of `old` is the beginning of that of `new`. None when `old` is 0 or larger.
pub fn consistency_nodes(old: u64, new: u64) -> Option<Vec<Vec<Node>>> {
    if old == 0 || old > new {
        return None;
    }
    let (mut from, mut to) = (0, new);
    let mut path = Vec::new();
    // The old root itself is known to whoever checks, so a subtree that is the whole old tree is left out.
    let mut is_old_root = true;
    while old != to {
        let middle = from + split(to - from);
        if old <= middle {
            path.push(cover(middle, to));
            to = middle;
        } else {
            path.push(cover(from, middle));
            from = middle;
            is_old_root = false;
        }
    }
    if !is_old_root {
        path.push(cover(from, to));
    }
    path.reverse();
    Some(path)
}

/// The hashes of a proof, from what `read` says of each full subtree.
///
/// # Errors
/// What `read` fails with.
pub fn hashes<E>(path: &[Vec<Node>], mut read: impl FnMut(Node) -> Result<Hash, E>) -> Result<Vec<Hash>, E> {
    path.iter().map(|nodes| fold(nodes, &mut read)).collect()
}

/// Whether `leaf` is entry `index` of the tree of `size` with `root` (RFC 9162, section 2.1.3.2).
pub fn is_included(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for beside in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(beside, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, beside);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// A tree: how many entries, and its root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Entries.
    pub size: u64,
    /// Root.
    pub root: Hash,
}

/// Whether the tree `old` is the beginning of `new` (RFC 9162, section 2.1.4.2). An empty tree is the beginning of every one.
pub fn is_consistent(old: &Head, new: &Head, proof: &[Hash]) -> bool {
    if old.size == 0 {
        return proof.is_empty() && old.root == crate::tree::empty_root();
    }
    if old.size >= new.size {
        return proof.is_empty() && old == new;
    }
    let (mut node, mut last) = (old.size - 1, new.size - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let mut rest = proof.iter();
    let start = if old.size.is_power_of_two() {
        old.root
    } else {
        let Some(first) = rest.next() else { return false };
        *first
    };
    let (mut of_old, mut of_new) = (start, start);
    for beside in rest {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            of_old = node_hash(beside, &of_old);
            of_new = node_hash(beside, &of_new);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            of_new = node_hash(&of_new, beside);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && of_old == old.root && of_new == new.root
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::HashMap;
    use std::convert::Infallible;

    use super::*;
    use crate::tree::{Frontier, leaf_hash, tests::INPUTS};

    /// Every tree of up to `count` entries, and the hashes of all full subtrees.
    fn grown(count: u64) -> (Vec<Head>, HashMap<Node, Hash>) {
        let (mut frontier, mut nodes) = (Frontier::default(), HashMap::new());
        let mut heads = vec![Head {
            size: 0,
            root: frontier.root(),
        }];
        for index in 0..count {
            let leaf = leaf_hash(&index.to_be_bytes());
            nodes.insert(Node { level: 0, index }, leaf);
            frontier.push(leaf, |node, hash| {
                nodes.insert(node, hash);
            });
            heads.push(Head {
                size: index + 1,
                root: frontier.root(),
            });
        }
        (heads, nodes)
    }

    fn prove(path: &[Vec<Node>], nodes: &HashMap<Node, Hash>) -> Vec<Hash> {
        hashes(path, |node| Ok::<_, Infallible>(nodes[&node])).unwrap()
    }

    #[test]
    fn every_entry_of_every_tree_is_proved_and_no_other() {
        let (heads, nodes) = grown(33);
        for head in &heads {
            assert_eq!(inclusion_nodes(head.size, head.size), None);
            for index in 0..head.size {
                let proof = prove(&inclusion_nodes(index, head.size).unwrap(), &nodes);
                let leaf = nodes[&Node { level: 0, index }];
                assert!(is_included(&leaf, index, head.size, &proof, &head.root));
                assert!(!is_included(&leaf, index + 1, head.size, &proof, &head.root));
                let mut longer = proof.clone();
                longer.push(leaf);
                assert!(!is_included(&leaf, index, head.size, &longer, &head.root));
                for place in 0..proof.len() {
                    let mut wrong = proof.clone();
                    wrong[place].0[0] ^= 1;
                    assert!(!is_included(&leaf, index, head.size, &wrong, &head.root));
                }
                if head.size > 1 {
                    assert!(!is_included(&leaf, index, head.size, &proof[1..], &head.root));
                }
            }
        }
    }

    #[test]
    fn every_tree_is_the_beginning_of_every_larger_one() {
        let (heads, nodes) = grown(33);
        for old in &heads[1..] {
            for new in heads.iter().filter(|new| new.size >= old.size) {
                let proof = prove(&consistency_nodes(old.size, new.size).unwrap(), &nodes);
                assert!(is_consistent(old, new, &proof), "{} {}", old.size, new.size);
                let forged = Head {
                    root: leaf_hash(b"forged"),
                    ..*old
                };
                assert!(!is_consistent(&forged, new, &proof));
                let mut longer = proof.clone();
                longer.push(new.root);
                assert!(!is_consistent(old, new, &longer));
                if !proof.is_empty() {
                    assert!(!is_consistent(old, new, &proof[1..]));
                }
            }
        }
        assert!(is_consistent(&heads[0], &heads[5], &[]));
        assert_eq!(consistency_nodes(0, 4), None);
        assert_eq!(consistency_nodes(5, 4), None);
    }

    #[test]
    fn a_proof_is_that_of_certificate_transparency() {
        let mut nodes = HashMap::new();
        let mut frontier = Frontier::default();
        for (index, input) in INPUTS.iter().enumerate() {
            nodes.insert(
                Node {
                    level: 0,
                    index: index as u64,
                },
                leaf_hash(input),
            );
            frontier.push(leaf_hash(input), |node, hash| {
                nodes.insert(node, hash);
            });
        }
        // The reference's path of the sixth of eight leaves.
        let proof = prove(&inclusion_nodes(5, 8).unwrap(), &nodes);
        let expect = [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ];
        assert_eq!(proof.iter().map(Hash::to_string).collect::<Vec<_>>(), expect);
    }
}
