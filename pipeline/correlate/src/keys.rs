//! Keys of state, and the hash of counted values.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use vonggac_event::Match;

/// Key of a table, or of a group in its table.
pub(crate) type Key = Arc<[u8]>;

/// Key of a table: target, version, tenant, exercise. Lengths keep two tenants' texts from running into each other.
pub(crate) fn table_key(item: &Match, version: &str) -> Key {
    let mut key = Vec::with_capacity(96);
    for text in [item.target_id.as_str(), version, item.tenant.as_str()] {
        push_text(&mut key, text);
    }
    key.extend_from_slice(&item.exercise_id.to_be_bytes());
    key.into()
}

/// The tenant in a table's key; empty when the key is none.
pub(crate) fn tenant_of(key: &[u8]) -> String {
    let mut rest = key;
    let mut text = || {
        let (length, after) = rest.split_first_chunk::<8>()?;
        let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;
        let (text, after) = after.split_at_checked(length)?;
        rest = after;
        Some(text)
    };
    let tenant = text().and_then(|_| text()).and_then(|_| text());
    String::from_utf8_lossy(tenant.unwrap_or_default()).into_owned()
}

/// Key of a group in its table.
pub(crate) fn group_key(item: &Match) -> Vec<u8> {
    let mut key = Vec::with_capacity(48);
    for field in &item.group {
        push_text(&mut key, &field.name);
        push_text(&mut key, &field.value);
    }
    key
}

fn push_text(key: &mut Vec<u8>, text: &str) {
    key.extend_from_slice(&(text.len() as u64).to_be_bytes());
    key.extend_from_slice(text.as_bytes());
}

/// 64 bits of SHA-256: attackers choose the values, and must not be able to make two count as one.
pub(crate) fn hash_values(item: &Match) -> u64 {
    let mut hash = Sha256::new();
    for field in &item.values {
        hash.update((field.value.len() as u64).to_be_bytes());
        hash.update(field.value.as_bytes());
    }
    let digest = hash.finalize();
    digest
        .iter()
        .take(8)
        .fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}
