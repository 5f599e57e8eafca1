//! `vonggac lab generate`: the sample, as a capture and a truth file.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use vonggac_traffic::{DURATION_S, Options, START_US_DEFAULT, Truth, USERS, generate, pcap};

/// What to generate, and where to.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// Everything that is chance follows from it: same seed, same bytes.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Length of the capture, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 600,
          value_parser = clap::value_parser!(u32).range(i64::from(DURATION_S.0)..=i64::from(DURATION_S.1)))]
    pub duration: u32,
    /// Desks at the agency.
    #[arg(long, default_value_t = 12,
          value_parser = clap::value_parser!(u8).range(i64::from(USERS.0)..=i64::from(USERS.1)))]
    pub users: u8,
    /// When the capture begins: `now`, or a time such as 2026-11-21T08:00:00+07:00.
    #[arg(long, value_name = "TIME", default_value = "2026-11-21T08:00:00+07:00", value_parser = parse_start)]
    pub start: i64,
    /// Lets the capture end now instead.
    #[arg(long, conflicts_with = "start")]
    pub ending_now: bool,
    /// Leaves the intrusion out.
    #[arg(long, conflicts_with = "without_benign")]
    pub without_intrusion: bool,
    /// Leaves the benign users out.
    #[arg(long)]
    pub without_benign: bool,
    /// Capture file to write.
    #[arg(long, value_name = "PCAP")]
    pub out: PathBuf,
    /// Truth file to write, in JSON.
    #[arg(long, value_name = "JSON")]
    pub truth: Option<PathBuf>,
}

impl Arguments {
    /// The sample with its defaults, from [`START_US_DEFAULT`].
    pub fn sample(out: PathBuf, truth: Option<PathBuf>) -> Self {
        let Options {
            seed,
            duration_s,
            users,
            ..
        } = Options::default();
        Self {
            seed,
            duration: duration_s,
            users,
            start: START_US_DEFAULT,
            ending_now: false,
            without_intrusion: false,
            without_benign: false,
            out,
            truth,
        }
    }

    fn start_us(&self) -> i64 {
        if self.ending_now {
            jiff::Timestamp::now().as_microsecond() - i64::from(self.duration) * 1_000_000
        } else {
            self.start
        }
    }

    fn options(&self) -> Options {
        Options {
            seed: self.seed,
            start_us: self.start_us(),
            duration_s: self.duration,
            users: self.users,
            intrusion: !self.without_intrusion,
            benign: !self.without_benign,
        }
    }
}

fn parse_start(text: &str) -> Result<i64, String> {
    if text == "now" {
        return Ok(jiff::Timestamp::now().as_microsecond());
    }
    text.parse::<jiff::Timestamp>()
        .map(jiff::Timestamp::as_microsecond)
        .map_err(|error| error.to_string())
}

/// Writes to a file beside `path` and puts it in its place when it is whole, so that nobody reads half a file.
fn write_whole<T>(
    path: &Path,
    write: impl FnOnce(BufWriter<File>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut name = path.file_name().context("no file name")?.to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let written = File::create(&part)
        .map_err(anyhow::Error::from)
        .and_then(|file| write(BufWriter::with_capacity(256 * 1024, file)))
        .and_then(|value| {
            fs::rename(&part, path)
                .map(|()| value)
                .map_err(anyhow::Error::from)
        });
    if written.is_err() {
        // The first error is the one that matters; a part that cannot be removed either is left.
        let _ = fs::remove_file(&part);
    }
    written
}

/// Generates what is asked for and returns the truth.
///
/// # Errors
/// When a file cannot be written; the error names it. No half-written file stays behind.
pub fn write(arguments: &Arguments) -> anyhow::Result<Truth> {
    let truth = write_whole(&arguments.out, |file| {
        let mut writer = pcap::Writer::new(file)?;
        let truth = generate(&arguments.options(), &mut writer)?;
        writer.finish()?;
        Ok(truth)
    })
    .with_context(|| arguments.out.display().to_string())?;
    if let Some(path) = &arguments.truth {
        write_whole(path, |mut file| {
            serde_json::to_writer_pretty(&mut file, &truth)?;
            file.write_all(b"\n")?;
            Ok(file.flush()?)
        })
        .with_context(|| path.display().to_string())?;
    }
    Ok(truth)
}

/// Generates, and says what was made.
///
/// # Errors
/// As [`write()`].
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let truth = write(arguments)?;
    let attacks = truth.flows.iter().filter(|flow| flow.step.is_some()).count();
    tracing::info!(
        packets = truth.packets,
        packets_cut = truth.packets_cut,
        flows = truth.flows.len(),
        attack_flows = attacks,
        steps = truth.steps.len(),
        out = %arguments.out.display(),
        "generated"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn files_are_written_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let (out, truth) = (directory.path().join("a.pcap"), directory.path().join("a.json"));
        let arguments = Arguments {
            duration: 60,
            users: 1,
            ..Arguments::sample(out.clone(), Some(truth.clone()))
        };
        let made = write(&arguments).unwrap();
        let read: Truth = serde_json::from_slice(&fs::read(&truth).unwrap()).unwrap();
        assert_eq!(read, made);
        let mut reader = vonggac_capture::FileSource::open(&out).unwrap();
        let mut packets = 0;
        while reader.next_frame().unwrap().is_some() {
            packets += 1;
        }
        assert_eq!(packets, made.packets);
        let names = fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(names, 2, "no part is left");

        let nowhere = Arguments {
            out: directory.path().join("no/a.pcap"),
            ..arguments
        };
        assert!(format!("{:#}", write(&nowhere).unwrap_err()).contains("no/a.pcap"));
    }

    #[test]
    fn start_times_are_read() {
        assert_eq!(parse_start("2026-11-21T08:00:00+07:00"), Ok(START_US_DEFAULT));
        assert!(parse_start("now").unwrap() > 0);
        assert!(parse_start("yesterday").is_err());
    }
}
