//! `vonggac audit`: whether an export of the audit log is what the console wrote, and what its keys are, without the console.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use vonggac_audit::export::{LINE_BYTES_MAX, read_checkpoint_line};
use vonggac_audit::note::PublicKey;
use vonggac_audit::verify::Verifier;

/// Checks the audit log.
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum AuditCommand {
    /// Says whether an export is the log that was signed, and if not, the first entry that is bad. Needs no console and no network.
    Verify {
        /// The export, JSON lines.
        #[arg(value_name = "EXPORT")]
        export: PathBuf,
        /// File with the log's public key, a line each where there were several. Without it no signature is checked.
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// File of checkpoints kept elsewhere, as the console's --audit-witness-file: finds a log that was cut back, too.
        #[arg(long, value_name = "FILE", requires = "key")]
        checkpoints: Option<PathBuf>,
    },
    /// Prints the fingerprint of each public key in a file, to compare with the one that the console shows beside a proof.
    Key {
        /// File with the log's public key, as the console writes it beside its --audit-key.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// Runs it. The exit code is 1 when something is wrong with the log.
pub(crate) fn run(command: AuditCommand) -> anyhow::Result<ExitCode> {
    let (export, key, checkpoints) = match command {
        AuditCommand::Verify {
            export,
            key,
            checkpoints,
        } => (export, key, checkpoints),
        AuditCommand::Key { file } => return show_keys(&file),
    };
    let keys = key.as_deref().map(read_keys).transpose()?.unwrap_or_default();
    let known = checkpoints.as_deref().map(read_checkpoints).transpose()?;
    let is_signed = !keys.is_empty();
    let verifier = Verifier::new(keys, &known.unwrap_or_default()).context("a checkpoint kept elsewhere")?;
    let said = match verify(&export, verifier)? {
        Ok(verified) => {
            let size = verified.head.size;
            match (is_signed, size.checked_sub(verified.signed)) {
                (false, _) => format!("{size} entries fit; no signature was checked: give --key FILE"),
                (true, Some(1..)) => format!("{size} entries; the first {} are vouched for", verified.signed),
                (true, _) => format!("{size} entries, all vouched for"),
            }
        }
        Err(bad) => {
            writeln!(std::io::stdout(), "{}: {bad}", export.display())?;
            return Ok(ExitCode::FAILURE);
        }
    };
    writeln!(std::io::stdout(), "{}: {said}", export.display())?;
    Ok(ExitCode::SUCCESS)
}

fn show_keys(file: &Path) -> anyhow::Result<ExitCode> {
    for key in read_keys(file)? {
        writeln!(std::io::stdout(), "{}  {}", key.fingerprint(), key.name())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Checks an export that may be larger than memory.
fn verify(
    path: &Path,
    mut verifier: Verifier,
) -> anyhow::Result<Result<vonggac_audit::verify::Verified, vonggac_audit::verify::Bad>> {
    let named = || path.display().to_string();
    let mut reader = BufReader::new(File::open(path).with_context(named)?);
    let mut line = Vec::new();
    loop {
        line.clear();
        // One byte more than a line may have, so that a longer one is refused and not cut.
        let mut limited = reader.by_ref().take(LINE_BYTES_MAX as u64 + 1);
        if limited.read_until(b'\n', &mut line).with_context(named)? == 0 {
            return Ok(verifier.finish());
        }
        if let Err(bad) = verifier.line(&line) {
            return Ok(Err(bad));
        }
    }
}

fn read_keys(path: &Path) -> anyhow::Result<Vec<PublicKey>> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let lines = (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty());
    let keys: anyhow::Result<Vec<PublicKey>> = lines
        .map(|(number, line)| {
            let key = line.trim().parse::<PublicKey>();
            key.with_context(|| format!("{}:{number}", path.display()))
        })
        .collect();
    let keys = keys?;
    anyhow::ensure!(!keys.is_empty(), "{}: there is no key in it", path.display());
    Ok(keys)
}

/// The checkpoints of a witness file, whose last line may have been cut off by a crash.
fn read_checkpoints(path: &Path) -> anyhow::Result<Vec<String>> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    let mut notes = Vec::new();
    for (number, line) in (1..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
        let Some(whole) = line.strip_suffix(b"\n") else {
            break;
        };
        let note = read_checkpoint_line(whole);
        notes.push(note.with_context(|| format!("{}:{number}: this is no checkpoint", path.display()))?);
    }
    Ok(notes)
}
