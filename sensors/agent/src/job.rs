//! By what the spool knows the work.
//!
//! On a tap, and where what is read cannot be read again, there is no job. Reading files, it is a hash of everything that decides which
//! events come and in which order: this program, the captures, the contents of all rule files, and the settings. Captures may be huge and
//! are not read through for it: of each its size, its time and both its ends count.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

use crate::Options;

/// How much of each end of a capture counts, in bytes.
const END_BYTES: u64 = 64 * 1024;

/// The name of the work, 32 hexadecimal digits; `None` when it cannot be done again.
///
/// # Errors
/// When a rule path or a capture cannot be read.
pub(crate) fn name(options: &Options) -> anyhow::Result<Option<String>> {
    if !options.interface.is_empty() {
        return Ok(None);
    }
    let mut facts = Facts(Sha256::new());
    facts.put(env!("CARGO_PKG_VERSION").as_bytes());
    if let Some(program) = std::env::current_exe()
        .ok()
        .and_then(|path| fs::metadata(path).ok())
    {
        facts.put_metadata(&program);
    }
    for path in &options.read {
        let is_file = fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
        if !is_file {
            // Standard input, a pipe, or nothing at all: it will not be there again.
            return Ok(None);
        }
        facts
            .put_capture(path)
            .with_context(|| path.display().to_string())?;
    }
    facts.put_rules(&options.rules, vonggac_files::SIGNATURES)?;
    facts.put_rules(&options.yara, vonggac_files::YARA)?;
    let lists = options.thresholds.iter();
    for path in lists
        .chain(&options.reputation_categories)
        .chain(&options.reputation)
    {
        facts.put(vonggac_files::read_text(path)?.as_bytes());
    }
    // All their fields, by name.
    facts.put(format!("{:?} {:?} {:?}", options.tcp, options.limits, options.bpf).as_bytes());
    facts.put(options.vlan_tracking.as_bytes());
    facts.put(&[u8::from(options.tunnel_tracking)]);
    facts.put(&options.community_id_seed.to_le_bytes());
    facts.put_list(options.variables.iter().map(String::as_bytes));
    facts.put(options.name.as_bytes());
    facts.put(options.tenant.as_bytes());
    facts.put(&options.exercise_id.to_le_bytes());
    facts.put(&options.stats_seconds.to_le_bytes());
    let hash = facts.0.finalize();
    Ok(Some(
        hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect(),
    ))
}

/// The incarnation of a sensor that has no spool and reads a job: the same each time, so that its output is.
pub(crate) fn incarnation(name: &str) -> Option<u64> {
    let number = u64::from_str_radix(name.get(..16)?, 16).ok()?;
    (number != 0).then_some(number)
}

/// What is hashed, each with its length before it, so that no two lists of facts look alike.
struct Facts(Sha256);

impl Facts {
    fn put(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn put_list<'a>(&mut self, items: impl ExactSizeIterator<Item = &'a [u8]>) {
        self.0.update((items.len() as u64).to_le_bytes());
        items.for_each(|item| self.put(item));
    }

    fn put_metadata(&mut self, metadata: &Metadata) {
        let modified = metadata.modified().ok();
        let age = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        self.put(&metadata.len().to_le_bytes());
        self.put(&age.unwrap_or_default().as_nanos().to_le_bytes());
    }

    fn put_capture(&mut self, path: &Path) -> io::Result<()> {
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        self.put(path.as_os_str().as_encoded_bytes());
        self.put_metadata(&metadata);
        let mut end = Vec::new();
        for start in [0, metadata.len().saturating_sub(END_BYTES)] {
            end.clear();
            file.seek(SeekFrom::Start(start))?;
            (&mut file).take(END_BYTES).read_to_end(&mut end)?;
            self.put(&end);
        }
        Ok(())
    }

    fn put_rules(&mut self, paths: &[PathBuf], extensions: &[&str]) -> anyhow::Result<()> {
        let files = vonggac_files::read(paths, extensions)?;
        self.put(&(files.len() as u64).to_le_bytes());
        for file in files {
            self.put(file.name.as_bytes());
            self.put(file.text.as_bytes());
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn job(directory: &Path, more: &[&str]) -> Option<String> {
        let (capture, rules) = (directory.join("a.pcap"), directory.join("rules"));
        let fixed = [
            "sensor",
            "--read",
            capture.to_str().unwrap(),
            "--rules",
            rules.to_str().unwrap(),
        ];
        let line = Line::try_parse_from(fixed.iter().chain(more)).unwrap();
        name(&line.options).unwrap()
    }

    /// A changed rule in a directory makes other events: it is another job.
    #[test]
    fn whatever_changes_the_events_changes_the_job() {
        let place = tempfile::tempdir().unwrap();
        let rules = place.path().join("rules");
        fs::create_dir(&rules).unwrap();
        fs::write(place.path().join("a.pcap"), b"one").unwrap();
        fs::write(rules.join("a.rules"), "alert one").unwrap();
        let before = job(place.path(), &[]);
        assert!(before.is_some());
        assert_eq!(job(place.path(), &[]), before);
        assert_ne!(job(place.path(), &["--var", "HOME_NET=10.0.0.0/8"]), before);
        assert_ne!(job(place.path(), &["--name", "a b\nc"]), before);
        assert_ne!(job(place.path(), &["--exercise-id", "1"]), before);
        assert_ne!(job(place.path(), &["--midstream", "false"]), before);
        assert_ne!(job(place.path(), &["--flows-max", "1000"]), before);
        assert_ne!(job(place.path(), &["--community-id-seed", "1"]), before);
        assert_ne!(
            job(place.path(), &["--var", "A=1", "--name", "B=2"]),
            job(place.path(), &["--var", "A=1", "--var", "B=2"])
        );
        fs::write(rules.join("a.rules"), "alert two").unwrap();
        assert_ne!(job(place.path(), &[]), before);
    }

    #[test]
    fn what_cannot_be_read_again_is_no_job() {
        let line = Line::try_parse_from(["sensor", "--read", "-"]).unwrap();
        assert_eq!(name(&line.options).unwrap(), None);
        let line = Line::try_parse_from(["sensor", "--interface", "lo"]).unwrap();
        assert_eq!(name(&line.options).unwrap(), None);
    }

    #[test]
    fn a_job_without_a_spool_always_has_the_same_incarnation() {
        assert_eq!(incarnation("00000000000000ff0000000000000000"), Some(255));
        assert_eq!(incarnation("00000000000000000000000000000000"), None);
        assert_eq!(incarnation("short"), None);
    }
}
