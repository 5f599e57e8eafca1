//! Sets in memory, each with a limit on the bytes it takes.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

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
        let kept = sets.iter().filter(|(_, set)| !set.comes_from_file_alone());
        let kept = kept.map(|(name, set)| (name.clone(), Arc::clone(set)));
        MemoryDatasets {
            files: Arc::clone(&self.files),
            sets: Mutex::new(kept.collect()),
        }
    }

    /// Saves the sets that rules want saved and that are not in their files as they are now: `write` takes a path and the text, one value a line,
    /// and says whether it is written. What is not, is tried again the next time.
    pub fn save(&self, mut write: impl FnMut(&Path, &str) -> bool) {
        let sets: Vec<_> = lock(&self.sets).values().cloned().collect();
        for set in sets {
            if let Some(path) = set.save_to.get()
                && let Some((text, changes)) = set.unsaved()
                && write(path, &text)
            {
                lock(&set.content).saved = Some(changes);
            }
        }
    }

    /// Fills a set, which is known by no one else yet or has no file yet.
    fn fill(&self, set: &MemoryDataset, request: &DatasetRequest<'_>) -> Result<(), String> {
        let save_to = request.save.or(request.state);
        let save_to = save_to.map(|name| self.files.saved_path(request.rule_file, name));
        let save_to = save_to.transpose()?;
        let text = match (request.load, request.state, &save_to) {
            (Some(_), Some(_), _) => return Err("load and state cannot stand together".to_owned()),
            (Some(name), None, _) => Some(self.files.read(request.rule_file, name)?),
            // Nothing may have been saved yet.
            (None, Some(_), Some(path)) => self.files.read_saved(path)?,
            _ => None,
        };
        let was_saved = text.is_some() && request.state.is_some() && lock(&set.content).changes == 0;
        set.load_all(&text.unwrap_or_default(), request.has_reputation)?;
        if was_saved {
            lock(&set.content).saved = Some(0);
        }
        if let Some(path) = save_to {
            // Of two loads at once the first has it.
            let _ = set.save_to.set(path);
        }
        Ok(())
    }

    /// A known set for a rule that may want it saved, which those before it need not have said.
    fn adopt(&self, known: &MemoryDataset, request: &DatasetRequest<'_>) -> Result<(), String> {
        let Some(name) = request.save.or(request.state) else {
            return Ok(());
        };
        match known.save_to.get() {
            None => self.fill(known, request),
            Some(path) if *path == self.files.saved_path(request.rule_file, name)? => Ok(()),
            Some(path) => Err(format!("{} is saved in {} already", request.name, path.display())),
        }
    }
}

impl DatasetStore for MemoryDatasets {
    fn open(&self, request: &DatasetRequest<'_>) -> Result<Arc<dyn Dataset>, String> {
        let known = lock(&self.sets).get(request.name).cloned();
        if let Some(known) = known {
            if request.kind.is_some_and(|kind| kind != known.kind) {
                return Err(format!("{} has another type", request.name));
            }
            self.adopt(&known, request)?;
            return Ok(known);
        }
        let kind = request.kind.ok_or("the set is not known and no type is given")?;
        let set = MemoryDataset {
            kind,
            save_to: OnceLock::new(),
            has_reputation: request.has_reputation,
            is_loaded: request.load.is_some(),
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
    save_to: OnceLock<PathBuf>,
    has_reputation: bool,
    is_loaded: bool,
    bytes_max: u64,
    content: Mutex<Content>,
}

#[derive(Debug, Default)]
struct Content {
    values: HashMap<Box<[u8]>, u16>,
    bytes: u64,
    /// How often rules changed it.
    changes: u64,
    /// What that was when it was written, or read from the file that it is written to.
    saved: Option<u64>,
}

impl MemoryDataset {
    /// It is loaded and never saved.
    fn comes_from_file_alone(&self) -> bool {
        self.is_loaded && self.save_to.get().is_none()
    }

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

    fn load_all(&self, text: &str, has_reputation: bool) -> Result<(), String> {
        for (line, number) in text.lines().zip(1u32..) {
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            self.load(line, has_reputation)
                .map_err(|fault| format!("line {number}: {fault}"))?;
        }
        Ok(())
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

    /// All values, one a line, sorted, and the changes they come from; `None` when they were saved since.
    fn unsaved(&self) -> Option<(String, u64)> {
        let (values, changes) = {
            // Packets wait for the lock: the text is made without it.
            let content = lock(&self.content);
            if content.saved == Some(content.changes) {
                return None;
            }
            let values = content.values.iter();
            let values: Vec<_> = values
                .map(|(value, reputation)| (value.clone(), *reputation))
                .collect();
            (values, content.changes)
        };
        let mut lines: Vec<String> = values
            .iter()
            .map(|(value, reputation)| self.line(value, *reputation))
            .collect();
        lines.sort_unstable();
        Some((lines.concat(), changes))
    }

    fn line(&self, value: &[u8], reputation: u16) -> String {
        let value = write_value(self.kind, value);
        match self.has_reputation {
            true => format!("{value},{reputation}\n"),
            false => format!("{value}\n"),
        }
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
        let Some(key) = self.key(value) else {
            return false;
        };
        let mut content = lock(&self.content);
        let is_new = content.insert(key, 0, self.bytes_max) == Inserted::New;
        content.changes += u64::from(is_new);
        is_new
    }

    fn remove(&self, value: &[u8]) -> bool {
        let Some(key) = self.key(value) else {
            return false;
        };
        let mut content = lock(&self.content);
        let was_there = content.remove(&key);
        content.changes += u64::from(was_there);
        was_there
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
                "rated" => Ok("10.0.0.1,7\n2001:db8::1,300\n".to_owned()),
                "broken" => Ok("10.0.0.1\nx\n".to_owned()),
                other => Err(format!("{other} cannot be read")),
            }
        }

        fn saved_path(&self, _: &str, name: &str) -> Result<PathBuf, String> {
            Ok(PathBuf::from(name))
        }

        fn read_saved(&self, path: &Path) -> Result<Option<String>, String> {
            match path.to_str() {
                Some("unreadable") => Err("unreadable: no permission".to_owned()),
                Some("kept") => Ok(Some("YQ==\n".to_owned())),
                _ => Ok(None),
            }
        }
    }

    /// What the store wants written now, taken.
    fn saved(store: &MemoryDatasets) -> Vec<(String, String)> {
        let mut files = Vec::new();
        store.save(|path, text| {
            files.push((path.display().to_string(), text.to_owned()));
            true
        });
        files
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
        let kept = DatasetRequest {
            state: Some("seen.csv"),
            bytes_max: Some(150),
            ..request("seen", DatasetKind::String)
        };
        let set = store.open(&kept).unwrap();
        assert!(set.insert(b"b") && set.insert(b"a") && !set.insert(b"a"));
        assert!(!set.insert(b"no room"), "two values fill the set");
        assert!(!set.contains(b"no room"));
        assert!(set.remove(b"b") && !set.remove(b"b"));
        assert!(set.insert(b"c"));
        store.save(|_, _| false);
        let expected = [("seen.csv".to_owned(), "YQ==\nYw==\n".to_owned())];
        assert_eq!(saved(&store), expected, "what is not written is tried again");
        assert_eq!(saved(&store), [], "nothing has changed since");
        // Later rules need not say the type.
        let again = DatasetRequest {
            kind: None,
            ..request("seen", DatasetKind::String)
        };
        assert!(store.open(&again).unwrap().contains(b"a"));
    }

    #[test]
    fn a_set_is_written_when_it_is_not_what_its_file_holds() {
        let store = store();
        let state = |name, file| DatasetRequest {
            state: Some(file),
            ..request(name, DatasetKind::String)
        };
        let old = store.open(&state("old", "kept")).unwrap();
        store.open(&state("new", "missing")).unwrap();
        // A file that is there and cannot be read is not taken for an empty one, and not written over.
        let error = store.open(&state("lost", "unreadable")).unwrap_err();
        assert_eq!(error, "unreadable: no permission");
        assert_eq!(saved(&store), [("missing".to_owned(), String::new())]);
        assert!(!old.insert(b"a") && old.insert(b"b"));
        assert_eq!(saved(&store), [("kept".to_owned(), "YQ==\nYg==\n".to_owned())]);
        assert!(old.remove(b"a"));
        assert_eq!(saved(&store), [("kept".to_owned(), "Yg==\n".to_owned())]);
    }

    #[test]
    fn any_rule_may_say_where_a_set_is_saved_and_all_say_the_same() {
        let store = store();
        let plain = request("seen", DatasetKind::String);
        let open = |file| {
            store.open(&DatasetRequest {
                state: Some(file),
                ..plain.clone()
            })
        };
        assert!(store.open(&plain).unwrap().insert(b"b"));
        let set = open("kept").unwrap();
        assert!(set.contains(b"a") && set.contains(b"b"));
        let error = open("other").unwrap_err();
        assert_eq!(error, "seen is saved in kept already");
        assert!(open("kept").is_ok() && store.open(&plain).is_ok());
        assert_eq!(saved(&store), [("kept".to_owned(), "YQ==\nYg==\n".to_owned())]);
    }

    #[test]
    fn numbers_are_saved_beside_their_values() {
        let store = store();
        let rated = DatasetRequest {
            load: Some("rated"),
            save: Some("rated.csv"),
            has_reputation: true,
            ..request("r", DatasetKind::Ip)
        };
        store.open(&rated).unwrap();
        let expected = "10.0.0.1,7\n2001:db8::1,300\n";
        assert_eq!(saved(&store), [("rated.csv".to_owned(), expected.to_owned())]);
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
