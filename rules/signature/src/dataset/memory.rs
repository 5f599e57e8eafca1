//! Sets in memory, each with a limit on the bytes it takes.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base64::{decode_strictly, encode};
use crate::limits::{DATASET_BYTES_MAX, DATASET_VALUE_BYTES_MAX, DATASETS_MAX};
use crate::resources::RuleFiles;

use super::{Dataset, DatasetKind, DatasetRequest, DatasetStore};

/// What a value takes beside its own bytes, roughly.
const VALUE_OVERHEAD_BYTES: u64 = 64;

/// Sets in memory.
#[derive(Debug)]
pub struct MemoryDatasets {
    files: Arc<dyn RuleFiles>,
    sets: Mutex<BTreeMap<String, Arc<MemoryDataset>>>,
}

/// A file that the values of a set are to be written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetFile {
    /// Its name as the rule has it; where it lies is the caller's to decide.
    pub name: String,
    /// One value a line.
    pub text: String,
}

impl MemoryDatasets {
    /// No sets yet; files of values are read through `files`.
    pub fn new(files: Arc<dyn RuleFiles>) -> MemoryDatasets {
        MemoryDatasets {
            files,
            sets: Mutex::default(),
        }
    }

    /// The sets for rules that are loaded anew: those that only come from a file are read again when a rule asks for them; what rules
    /// put in the others, they find again. Engines of before keep theirs.
    pub fn reloaded(&self) -> MemoryDatasets {
        let sets = lock(&self.sets);
        let kept = sets.iter().filter(|(_, set)| !set.comes_from_file_alone);
        let kept = kept.map(|(name, set)| (name.clone(), Arc::clone(set)));
        MemoryDatasets {
            files: Arc::clone(&self.files),
            sets: Mutex::new(kept.collect()),
        }
    }

    /// The files of all sets that rules want saved, as they are now.
    pub fn to_save(&self) -> Vec<DatasetFile> {
        let sets = lock(&self.sets);
        let wanted = sets.values().filter_map(|set| Some((set.save_to.clone()?, set)));
        wanted
            .map(|(name, set)| DatasetFile {
                name,
                text: set.text(),
            })
            .collect()
    }

    fn fill(&self, set: &MemoryDataset, request: &DatasetRequest<'_>) -> Result<(), String> {
        let text = match (request.load, request.state) {
            (Some(_), Some(_)) => return Err("load and state cannot stand together".to_owned()),
            (Some(name), None) => self.files.read(request.rule_file, name)?,
            // Nothing may have been saved yet.
            (None, Some(name)) => self.files.read(request.rule_file, name).unwrap_or_default(),
            (None, None) => return Ok(()),
        };
        for (line, number) in text.lines().zip(1u32..) {
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            set.load(line, request.has_reputation)
                .map_err(|fault| format!("line {number}: {fault}"))?;
        }
        Ok(())
    }
}

impl DatasetStore for MemoryDatasets {
    fn open(&self, request: &DatasetRequest<'_>) -> Result<Arc<dyn Dataset>, String> {
        if let Some(known) = lock(&self.sets).get(request.name) {
            return match request.kind {
                Some(kind) if kind != known.kind => Err(format!("{} has another type", request.name)),
                _ => Ok(Arc::clone(known) as Arc<dyn Dataset>),
            };
        }
        let kind = request.kind.ok_or("the set is not known and no type is given")?;
        let set = MemoryDataset {
            kind,
            save_to: request.save.or(request.state).map(str::to_owned),
            comes_from_file_alone: request.load.is_some() && request.save.is_none(),
            bytes_max: request
                .bytes_max
                .unwrap_or(DATASET_BYTES_MAX)
                .min(DATASET_BYTES_MAX),
            content: Mutex::default(),
        };
        self.fill(&set, request)?;
        let mut sets = lock(&self.sets);
        if sets.len() >= DATASETS_MAX {
            return Err(format!("more than {DATASETS_MAX} sets"));
        }
        let set = Arc::new(set);
        sets.insert(request.name.to_owned(), Arc::clone(&set));
        Ok(set)
    }
}

#[derive(Debug)]
struct MemoryDataset {
    kind: DatasetKind,
    save_to: Option<String>,
    /// It is loaded and never saved.
    comes_from_file_alone: bool,
    bytes_max: u64,
    content: Mutex<Content>,
}

#[derive(Debug, Default)]
struct Content {
    values: HashMap<Box<[u8]>, u16>,
    bytes: u64,
}

impl MemoryDataset {
    /// A value as it is kept: addresses in one form; `None` if it cannot be of this type.
    fn key(&self, value: &[u8]) -> Option<Box<[u8]>> {
        let fits = match self.kind {
            DatasetKind::String => !value.is_empty() && value.len() <= DATASET_VALUE_BYTES_MAX,
            DatasetKind::Md5 => value.len() == 16,
            DatasetKind::Sha256 => value.len() == 32,
            DatasetKind::Ipv4 => value.len() == 4,
            DatasetKind::Ip => {
                let mapped = match *value {
                    [a, b, c, d] => Ipv4Addr::new(a, b, c, d).to_ipv6_mapped().octets(),
                    _ => value.try_into().ok()?,
                };
                return Some(mapped.into());
            }
        };
        fits.then(|| value.into())
    }

    fn load(&self, line: &str, has_reputation: bool) -> Result<(), String> {
        let (text, rest) = line.split_once(',').unwrap_or((line, ""));
        let value = parse_value(self.kind, text.trim()).ok_or_else(|| format!("{text:?} is no value"))?;
        let reputation = match has_reputation {
            true => rest
                .trim()
                .parse()
                .map_err(|_| format!("{rest:?} is no number"))?,
            false => 0,
        };
        let key = self.key(&value).ok_or_else(|| format!("{text:?} is no value"))?;
        match lock(&self.content).insert(key, reputation, self.bytes_max) {
            Inserted::New | Inserted::Old => Ok(()),
            Inserted::NoRoom => Err(format!("more than {} bytes of values", self.bytes_max)),
        }
    }

    /// All values, one a line, sorted.
    fn text(&self) -> String {
        let content = lock(&self.content);
        let mut lines: Vec<String> = content
            .values
            .keys()
            .map(|value| write_value(self.kind, value))
            .collect();
        lines.sort_unstable();
        lines.iter().flat_map(|line| [line, "\n"]).collect()
    }
}

impl Dataset for MemoryDataset {
    fn contains(&self, value: &[u8]) -> bool {
        self.reputation(value).is_some()
    }

    fn reputation(&self, value: &[u8]) -> Option<u16> {
        let key = self.key(value)?;
        lock(&self.content).values.get(&key).copied()
    }

    fn insert(&self, value: &[u8]) -> bool {
        let inserted = |key| lock(&self.content).insert(key, 0, self.bytes_max);
        self.key(value).is_some_and(|key| inserted(key) == Inserted::New)
    }

    fn remove(&self, value: &[u8]) -> bool {
        self.key(value)
            .is_some_and(|key| lock(&self.content).remove(&key))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inserted {
    New,
    Old,
    NoRoom,
}

impl Content {
    fn insert(&mut self, key: Box<[u8]>, reputation: u16, bytes_max: u64) -> Inserted {
        if self.values.contains_key(&key) {
            return Inserted::Old;
        }
        let bytes = self.bytes.saturating_add(cost(&key));
        if bytes > bytes_max {
            return Inserted::NoRoom;
        }
        self.bytes = bytes;
        self.values.insert(key, reputation);
        Inserted::New
    }

    fn remove(&mut self, key: &[u8]) -> bool {
        let removed = self.values.remove(key).is_some();
        if removed {
            self.bytes = self.bytes.saturating_sub(cost(key));
        }
        removed
    }
}

fn cost(key: &[u8]) -> u64 {
    (key.len() as u64).saturating_add(VALUE_OVERHEAD_BYTES)
}

/// A value as files have it.
fn parse_value(kind: DatasetKind, text: &str) -> Option<Vec<u8>> {
    match kind {
        DatasetKind::String => decode_strictly(text.as_bytes()),
        DatasetKind::Md5 | DatasetKind::Sha256 => crate::hexadecimal::bytes(text),
        DatasetKind::Ipv4 => text
            .parse::<Ipv4Addr>()
            .ok()
            .map(|address| address.octets().to_vec()),
        DatasetKind::Ip => Some(match text.parse().ok()? {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        }),
    }
}

fn write_value(kind: DatasetKind, value: &[u8]) -> String {
    match (kind, value) {
        (DatasetKind::String, _) => encode(value),
        (DatasetKind::Ipv4, [a, b, c, d]) => Ipv4Addr::new(*a, *b, *c, *d).to_string(),
        (DatasetKind::Ip, _) => match <[u8; 16]>::try_from(value) {
            Ok(octets) => std::net::Ipv6Addr::from(octets).to_canonical().to_string(),
            Err(_) => String::new(),
        },
        _ => value.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// A thread that panicked while it held the lock left the set whole: every change is one insertion.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[derive(Debug)]
    struct Files;

    impl RuleFiles for Files {
        fn read(&self, _: &str, name: &str) -> Result<String, String> {
            match name {
                "names" => Ok("Z29vZ2xlLmNvbQ==\nZXZpbA==,300\n".to_owned()),
                "digests" => Ok("900150983cd24fb0d6963f7d28e17f72\n".to_owned()),
                "addresses" => Ok("10.0.0.1\n2001:db8::1\n".to_owned()),
                "broken" => Ok("10.0.0.1\nx\n".to_owned()),
                other => Err(format!("{other} cannot be read")),
            }
        }
    }

    fn request(name: &'static str, kind: DatasetKind) -> DatasetRequest<'static> {
        DatasetRequest {
            name,
            kind: Some(kind),
            load: None,
            state: None,
            save: None,
            bytes_max: None,
            rule_file: "r.rules",
            has_reputation: false,
        }
    }

    fn store() -> MemoryDatasets {
        MemoryDatasets::new(Arc::new(Files))
    }

    #[test]
    fn values_from_files() {
        let store = store();
        let open = |name, kind, file| {
            let loaded = DatasetRequest {
                load: Some(file),
                ..request(name, kind)
            };
            store.open(&loaded)
        };
        let names = open("names", DatasetKind::String, "names").unwrap();
        assert!(names.contains(b"google.com") && !names.contains(b"google"));
        let digests = open("digests", DatasetKind::Md5, "digests").unwrap();
        assert!(digests.contains(b"\x90\x01\x50\x98\x3c\xd2\x4f\xb0\xd6\x96\x3f\x7d\x28\xe1\x7f\x72"));
        let addresses = open("addresses", DatasetKind::Ip, "addresses").unwrap();
        assert!(addresses.contains(&[10, 0, 0, 1]) && !addresses.contains(&[10, 0, 0, 2]));
        assert!(
            open("x", DatasetKind::Ip, "missing")
                .unwrap_err()
                .contains("cannot be read")
        );
        assert!(
            open("x", DatasetKind::Ipv4, "broken")
                .unwrap_err()
                .contains("line 2")
        );
        assert!(
            open("names", DatasetKind::Md5, "names")
                .unwrap_err()
                .contains("another type")
        );
    }

    #[test]
    fn reputation() {
        let rated = DatasetRequest {
            load: Some("rated"),
            has_reputation: true,
            ..request("r", DatasetKind::String)
        };
        #[derive(Debug)]
        struct Rated;
        impl RuleFiles for Rated {
            fn read(&self, _: &str, _: &str) -> Result<String, String> {
                Ok("ZXZpbA==,300\n".to_owned())
            }
        }
        let set = MemoryDatasets::new(Arc::new(Rated)).open(&rated).unwrap();
        assert_eq!(
            (set.reputation(b"evil"), set.reputation(b"good")),
            (Some(300), None)
        );
    }

    #[test]
    fn changes_are_saved_and_bounded() {
        let store = store();
        let saved = DatasetRequest {
            state: Some("seen.csv"),
            bytes_max: Some(150),
            ..request("seen", DatasetKind::String)
        };
        let set = store.open(&saved).unwrap();
        assert!(set.insert(b"b") && set.insert(b"a") && !set.insert(b"a"));
        assert!(!set.insert(b"no room"), "two values fill the set");
        assert!(!set.contains(b"no room"));
        assert!(set.remove(b"b") && !set.remove(b"b"));
        assert!(set.insert(b"c"));
        let files = store.to_save();
        assert_eq!(files.first().unwrap().name, "seen.csv");
        assert_eq!(files.first().unwrap().text, "YQ==\nYw==\n");
        // Later rules need not say the type.
        let again = DatasetRequest {
            kind: None,
            ..request("seen", DatasetKind::String)
        };
        assert!(store.open(&again).unwrap().contains(b"a"));
    }
    /// What rules put into a set outlives their reload; a list that comes from a file is read again.
    #[test]
    fn a_reload_reads_lists_again_and_keeps_what_rules_set() {
        let before = store();
        let list = DatasetRequest {
            load: Some("addresses"),
            ..request("list", DatasetKind::Ip)
        };
        let kept = DatasetRequest {
            load: Some("addresses"),
            save: Some("kept.csv"),
            ..request("kept", DatasetKind::Ip)
        };
        let own = request("own", DatasetKind::String);
        for request in [&list, &kept] {
            assert!(before.open(request).unwrap().insert(&[10, 0, 0, 9]));
        }
        assert!(before.open(&own).unwrap().insert(b"a"));
        let after = before.reloaded();
        assert!(!after.open(&list).unwrap().contains(&[10, 0, 0, 9]));
        assert!(after.open(&kept).unwrap().contains(&[10, 0, 0, 9]));
        assert!(after.open(&own).unwrap().contains(b"a"));
        assert!(before.open(&list).unwrap().contains(&[10, 0, 0, 9]));
    }
}
