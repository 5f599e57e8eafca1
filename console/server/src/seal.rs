//! Signs the audit log: a checkpoint each minute in which there is something new, and one when the console stops.
//!
//! The key lies in a file, not in the database, and what was signed last is remembered here and, where one is given, in the witness
//! file. Before it signs, the console sees for itself that the log goes on from there: that the old root is still that of the old
//! entries, and that the new root follows from the new entries' bytes. It never signs a log that was changed or cut back; it says so
//! on its health page instead.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tokio::sync::Mutex;
use vonggac_audit::checkpoint::Checkpoint;
use vonggac_audit::entry::Entry;
use vonggac_audit::export::{checkpoint_line, read_checkpoint_line};
use vonggac_audit::note::{NOTE_BYTES_MAX, PrivateKey, PublicKey};
use vonggac_audit::proof::Head;
use vonggac_audit::tree::{empty_root, leaf_hash};
use vonggac_database::{Database, DatabaseError};

use crate::options::Options;
use crate::state::Console;

/// How often.
const EVERY: Duration = Duration::from_secs(60);
/// How long the last one may take.
const LAST_LIMIT: Duration = Duration::from_secs(5);

/// A key, and what it has signed.
pub(crate) struct Seal {
    key: PrivateKey,
    witness: Option<PathBuf>,
    signed: Mutex<Head>,
}

impl Seal {
    /// The seal of the options; none when they name no key. Makes the key when there is none.
    ///
    /// # Errors
    /// When a file cannot be read or written, or holds something else.
    pub(crate) async fn open(database: &Database, options: &Options) -> anyhow::Result<Option<Self>> {
        let Some(path) = &options.audit_key else {
            tracing::warn!("the audit log is not signed: give --audit-key FILE");
            return Ok(None);
        };
        let key = read_key(path).with_context(|| format!("the audit log's key {}", path.display()))?;
        let mut signed = Head {
            size: 0,
            root: empty_root(),
        };
        let origin = key.public().name();
        let own = [key.public().clone()];
        let kept = database.newest_checkpoint(Some(origin)).await?;
        let mut notes: Vec<String> = kept.into_iter().map(|kept| kept.note).collect();
        if let Some(path) = &options.audit_witness_file {
            let read = last_note(path, origin);
            notes.extend(read.with_context(|| format!("the witness file {}", path.display()))?);
        }
        for note in notes {
            let head = Checkpoint::open(&note, &own)
                .context("a checkpoint of the audit log")?
                .head;
            if head.size >= signed.size {
                signed = head;
            }
        }
        Ok(Some(Self {
            key,
            witness: options.audit_witness_file.clone(),
            signed: Mutex::new(signed),
        }))
    }

    /// What its signatures are checked with.
    pub(crate) fn public(&self) -> &PublicKey {
        self.key.public()
    }

    /// Name of the key, which is the origin of its checkpoints.
    pub(crate) fn origin(&self) -> &str {
        self.key.public().name()
    }

    /// Signs the log as it stands, when it has grown.
    ///
    /// # Errors
    /// When a store fails, or the log does not go on from what was signed.
    pub(crate) async fn sign(&self, database: &Database, now_us: i64) -> anyhow::Result<()> {
        let mut signed = self.signed.lock().await;
        let head = database.audit_head().await?;
        check_growth(database, &signed, &head).await?;
        if head.size == signed.size {
            return Ok(());
        }
        let note = Checkpoint::sign(&head, &self.key);
        if let Some(path) = &self.witness {
            append(path, &checkpoint_line(&note))
                .with_context(|| format!("the witness file {}", path.display()))?;
        }
        database
            .keep_checkpoint(head.size, self.origin(), &note, now_us)
            .await?;
        *signed = head;
        Ok(())
    }
}

/// Sees that the log of `new` goes on from that of `old`.
async fn check_growth(database: &Database, old: &Head, new: &Head) -> anyhow::Result<()> {
    ensure!(
        new.size >= old.size,
        "the audit log was cut back: it has {} entries, and {} were signed",
        new.size,
        old.size
    );
    let mut frontier = match database.audit_frontier(old.size).await {
        Err(DatabaseError::NotFound) => bail!(
            "of the {} entries of the audit log that were signed, some are missing",
            old.size
        ),
        read => read?,
    };
    ensure!(
        frontier.root() == old.root,
        "the audit log was changed: its first {} entries are not those that were signed",
        old.size
    );
    while frontier.size() < new.size {
        let next = frontier.size();
        let range = database.audit_range(next, new.size).await?;
        ensure!(!range.is_empty(), "entry {next} of the audit log is missing");
        for stored in range {
            let seq = frontier.size();
            let entry =
                Entry::decode(&stored.content).with_context(|| format!("entry {seq} of the audit log"))?;
            frontier.push(leaf_hash(&stored.content), |_, _| ());
            ensure!(
                entry.seq == seq && frontier.root() == stored.root,
                "entry {seq} of the audit log is not what was written"
            );
        }
    }
    ensure!(
        frontier.root() == new.root,
        "the head of the audit log is not that of its entries"
    );
    Ok(())
}

/// Signs until the console stops.
pub(crate) async fn run(console: Console) {
    let mut every = tokio::time::interval(EVERY);
    let mut stopped = console.stopped();
    let problem = console.metrics().problem("audit_log");
    loop {
        tokio::select! {
            _ = every.tick() => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        let Some(seal) = console.seal() else { continue };
        match seal.sign(console.database(), console.now_us()).await {
            Ok(()) => problem.clear(),
            Err(error) => {
                tracing::error!("the audit log is not signed: {error:#}");
                problem.set(format!("the audit log is not signed: {error:#}"));
            }
        }
    }
}

/// Signs what there is when the console stops.
pub(crate) async fn last(console: &Console) {
    let Some(seal) = console.seal() else { return };
    let signing = seal.sign(console.database(), console.now_us());
    match tokio::time::timeout(LAST_LIMIT, signing).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!("the audit log's last entries are not signed: {error:#}"),
        Err(_) => tracing::error!("the audit log's last entries are not signed: it took too long"),
    }
}

fn read_key(path: &Path) -> anyhow::Result<PrivateKey> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(PrivateKey::from_secret(&text)?),
        Err(error) if error.kind() == ErrorKind::NotFound => make_key(path),
        Err(error) => Err(error.into()),
    }
}

/// Makes a key under a name of its own.
fn make_key(path: &Path) -> anyhow::Result<PrivateKey> {
    let key = PrivateKey::new(
        &format!("vonggac-audit-{:016x}", rand::random::<u64>()),
        rand::random(),
    )?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    writeln!(file, "{}", key.to_secret())?;
    file.sync_all()?;
    let mut public = path.as_os_str().to_owned();
    public.push(".pub");
    fs::write(public, format!("{}\n", key.public()))?;
    tracing::info!(key = %key.public(), "the audit log has a new key; keep its public key elsewhere");
    Ok(key)
}

fn append(path: &Path, line: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o640)
        .open(path)?;
    file.write_all(line.as_bytes())?;
    file.sync_data()
}

/// The last checkpoint of `origin` in a witness file, whose last line may have been cut off by a crash.
fn last_note(path: &Path, origin: &str) -> anyhow::Result<Option<String>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut reader = BufReader::new(file);
    let (mut last, mut line) = (None, Vec::new());
    loop {
        line.clear();
        let limit = 2 * NOTE_BYTES_MAX as u64;
        if reader.by_ref().take(limit).read_until(b'\n', &mut line)? == 0 {
            return Ok(last);
        }
        let note = line.strip_suffix(b"\n").and_then(read_checkpoint_line);
        last = note.filter(|note| note.lines().next() == Some(origin)).or(last);
    }
}
