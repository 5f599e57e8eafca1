//! A checkpoint: the signed statement that a log's tree had this size and root (C2SP `tlog-checkpoint`).
//!
//! ```text
//!  vonggac-audit-5f1c…     the log's origin, which is its key's name
//!  1000                    entries
//!  CsUYapGGPo4d…=          root, in base64
//!
//!  — vonggac-audit-5f1c… …
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use crate::note::{Note, NoteError, PrivateKey, PublicKey};
use crate::proof::Head;
use crate::tree::Hash;

/// The first line of a proof of inclusion (C2SP `tlog-proof`).
const PROOF: &str = "c2sp.org/tlog-proof@v1";

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log.
    pub origin: String,
    /// Its tree.
    pub head: Head,
}

/// Why a text is no checkpoint or proof, or none that can be believed.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CheckpointError {
    /// The note, its keys or signatures.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Origin, size and root do not stand where they should.
    #[error("it does not have an origin, a size and a root")]
    Shape,
    /// The key of another log has signed it.
    #[error("it is of the log {0}, and that log's own key has not signed it")]
    Origin(String),
    /// A proof of inclusion is not written as one.
    #[error("it is not a proof of inclusion")]
    Proof,
    /// A proof of inclusion does not lead from the entry to the root.
    #[error("the entry does not stand in the log where the proof says")]
    NotIncluded,
}

impl Checkpoint {
    /// Signs `head`; the key's name is the log's origin.
    pub fn sign(head: &Head, key: &PrivateKey) -> String {
        let root = STANDARD.encode(head.root.0);
        key.sign(&format!("{}\n{}\n{root}\n", key.public().name(), head.size))
    }

    /// Reads a note as a checkpoint. With keys, the log's own must be among those that have signed; without, nothing is checked.
    ///
    /// # Errors
    /// [`CheckpointError`]
    pub fn open(note: &str, keys: &[PublicKey]) -> Result<Self, CheckpointError> {
        let note: Note = note.parse()?;
        let checkpoint = Self::parse(note.text()).ok_or(CheckpointError::Shape)?;
        if !keys.is_empty() {
            let signed = note.check(keys)?;
            if !signed.iter().any(|key| key.name() == checkpoint.origin) {
                return Err(CheckpointError::Origin(checkpoint.origin));
            }
        }
        Ok(checkpoint)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        let is_number =
            size == "0" || !size.starts_with('0') && size.bytes().all(|byte| byte.is_ascii_digit());
        if origin.is_empty() || !is_number || lines.any(str::is_empty) {
            return None;
        }
        let head = Head {
            size: size.parse().ok()?,
            root: Hash::from_bytes(&STANDARD.decode(root).ok()?)?,
        };
        Some(Self {
            origin: origin.to_owned(),
            head,
        })
    }
}

/// A proof that one entry stands in the log, to be checked without the log (C2SP `tlog-proof`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    /// The entry's place.
    pub index: u64,
    /// Hashes beside the way to the root, from the leaf up.
    pub hashes: Vec<Hash>,
    /// The signed checkpoint.
    pub checkpoint: String,
}

impl InclusionProof {
    /// The proof as text.
    pub fn to_text(&self) -> String {
        let mut text = format!("{PROOF}\nindex {}\n", self.index);
        for hash in &self.hashes {
            text.push_str(&STANDARD.encode(hash.0));
            text.push('\n');
        }
        text.push('\n');
        text + &self.checkpoint
    }

    /// Reads a proof.
    ///
    /// # Errors
    /// [`CheckpointError::Proof`]
    pub fn from_text(text: &str) -> Result<Self, CheckpointError> {
        Self::parse(text).ok_or(CheckpointError::Proof)
    }

    fn parse(text: &str) -> Option<Self> {
        let (head, checkpoint) = text.split_once("\n\n")?;
        let mut lines = head.split('\n').peekable();
        if lines.next()? != PROOF {
            return None;
        }
        lines.next_if(|line| line.starts_with("extra "));
        let index = lines.next()?.strip_prefix("index ")?.parse().ok()?;
        let hash = |line| Hash::from_bytes(&STANDARD.decode(line).ok()?);
        let hashes: Vec<Hash> = lines.map(hash).collect::<Option<_>>()?;
        (hashes.len() < crate::proof::HASHES_MAX).then(|| Self {
            index,
            hashes,
            checkpoint: checkpoint.to_owned(),
        })
    }

    /// Checks that the entry written as `entry` stands in the log of one of `keys`; gives the checkpoint that says so.
    ///
    /// # Errors
    /// [`CheckpointError`]
    pub fn check(&self, entry: &[u8], keys: &[PublicKey]) -> Result<Checkpoint, CheckpointError> {
        let checkpoint = Checkpoint::open(&self.checkpoint, keys)?;
        let Head { size, root } = checkpoint.head;
        let leaf = crate::tree::leaf_hash(entry);
        if !crate::proof::is_included(&leaf, self.index, size, &self.hashes, &root) {
            return Err(CheckpointError::NotIncluded);
        }
        Ok(checkpoint)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::tree::{leaf_hash, node_hash};

    fn key(name: &str) -> PrivateKey {
        PrivateKey::new(name, [7; 32]).unwrap()
    }

    #[test]
    fn a_checkpoint_comes_back_from_its_note() {
        let log = key("log.example");
        let head = Head {
            size: 2,
            root: leaf_hash(b"x"),
        };
        let note = Checkpoint::sign(&head, &log);
        let expect = Checkpoint {
            origin: "log.example".into(),
            head,
        };
        assert_eq!(
            Checkpoint::open(&note, &[log.public().clone()]),
            Ok(expect.clone())
        );
        assert_eq!(Checkpoint::open(&note, &[]), Ok(expect));
        let other = key("other.example");
        assert_eq!(
            Checkpoint::open(&note, &[other.public().clone()]),
            Err(NoteError::Unsigned.into())
        );
        for text in [
            "log.example\n02\nAA==\n",
            "log.example\n2\n",
            "log.example\n2\nAA==\n",
            "log.example\n+2\nAA==\n",
        ] {
            assert_eq!(
                Checkpoint::open(&log.sign(text), &[]),
                Err(CheckpointError::Shape),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_proof_holds_for_its_entry_alone() {
        let log = key("log.example");
        let (first, second) = (leaf_hash(b"first"), leaf_hash(b"second"));
        let head = Head {
            size: 2,
            root: node_hash(&first, &second),
        };
        let proof = InclusionProof {
            index: 1,
            hashes: vec![first],
            checkpoint: Checkpoint::sign(&head, &log),
        };
        let read = InclusionProof::from_text(&proof.to_text()).unwrap();
        assert_eq!(read, proof);
        let keys = [log.public().clone()];
        assert_eq!(read.check(b"second", &keys).unwrap().head, head);
        assert_eq!(read.check(b"first", &keys), Err(CheckpointError::NotIncluded));
        assert_eq!(
            InclusionProof::from_text("index 1\n\nx"),
            Err(CheckpointError::Proof)
        );
    }
}
