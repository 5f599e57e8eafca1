//! Traffic that flows for as long as it is wanted: captures that are played one after the other by one sensor.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use vonggac_e2e::{Platform, Sample, free_ports};
use vonggac_traffic::{Options, START_US_DEFAULT};

use crate::RestartedSensor;

/// Time between the starts of two captures in a row, in microseconds: longer than any window and its lateness.
const APART_US: i64 = 3 * 3600 * 1_000_000;
/// Name of the sensor that plays.
const SENSOR: &str = "fault";

/// Captures that follow from a seed, made when they are wanted.
#[derive(Debug)]
pub struct Captures {
    directory: PathBuf,
    seed: u64,
    made: Vec<PathBuf>,
}

impl Captures {
    /// Captures in `directory`.
    pub fn new(directory: &Path, seed: u64) -> Self {
        Self {
            directory: directory.to_owned(),
            seed: seed % 1_000,
            made: Vec::new(),
        }
    }

    /// The capture of a number from 0: ten minutes of twelve users and an intrusion, three hours after the one before.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn get(&mut self, number: usize) -> anyhow::Result<PathBuf> {
        while self.made.len() <= number {
            let next = self.made.len() as u64;
            let options = Options {
                seed: self.seed + next,
                start_us: START_US_DEFAULT + APART_US * next as i64,
                ..Options::default()
            };
            let path = self.directory.join(format!("capture-{next}.pcap"));
            self.made.push(Sample::write(path, &options)?.capture);
        }
        self.made.get(number).cloned().context("no such capture")
    }

    /// All that were made.
    pub fn made(&self) -> &[PathBuf] {
        &self.made
    }
}

/// A sensor that plays captures in turn.
pub struct Traffic<'a> {
    platform: &'a Platform,
    captures: &'a mut Captures,
    speed: String,
    metrics: String,
    sensor: RestartedSensor,
    played: usize,
    /// How often the sensor was killed in captures that are over.
    killed: u32,
}

impl<'a> Traffic<'a> {
    /// Starts to play, `speed` times as fast as life. Its log is `log/sensor.log` beside those of the platform.
    ///
    /// # Errors
    /// When the sensor cannot be started.
    pub fn start(platform: &'a Platform, captures: &'a mut Captures, speed: f64) -> anyhow::Result<Self> {
        let speed = speed.to_string();
        let [port] = free_ports()?;
        let metrics = format!("127.0.0.1:{port}");
        let sensor = play(platform, &captures.get(0)?, &speed, &metrics)?;
        Ok(Self {
            platform,
            captures,
            speed,
            metrics,
            sensor,
            played: 1,
            killed: 0,
        })
    }

    /// Begins the next capture when one is over.
    ///
    /// # Errors
    /// When the sensor failed.
    pub fn tend(&mut self) -> anyhow::Result<()> {
        if self.sensor.is_done()? {
            let capture = self.captures.get(self.played)?;
            self.killed += self.sensor.kills;
            self.sensor = play(self.platform, &capture, &self.speed, &self.metrics)?;
            self.played += 1;
        }
        Ok(())
    }

    /// Kills the sensor and starts it again.
    ///
    /// # Errors
    /// When the sensor failed.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.tend()?;
        self.sensor.kill()
    }

    /// Sends the sensor a signal; gives its process number.
    ///
    /// # Errors
    /// When the sensor failed.
    pub fn signal(&mut self, number: i32) -> anyhow::Result<Option<i32>> {
        self.tend()?;
        self.sensor.signal(number)
    }

    /// Where the sensor says how it is, as `host:port`.
    pub fn metrics(&self) -> &str {
        &self.metrics
    }

    /// How often the sensor was killed.
    pub fn kills(&self) -> u32 {
        self.killed + self.sensor.kills
    }

    /// Waits until the capture under way is over. [`Captures::made`] are then those that were played.
    ///
    /// # Errors
    /// When that takes longer than `limit`.
    pub fn finish(mut self, limit: Duration) -> anyhow::Result<()> {
        self.sensor.finish(limit)
    }
}

fn play(platform: &Platform, capture: &Path, speed: &str, metrics: &str) -> anyhow::Result<RestartedSensor> {
    let mut command = platform.sensor(SENSOR, capture);
    command.args(["--speed", speed, "--metrics", metrics]);
    let path = platform.data().join("log/sensor.log");
    let log = File::options().create(true).append(true).open(path)?;
    command.stdout(log.try_clone()?).stderr(log);
    RestartedSensor::start(command)
}

/// Plays captures one after the other as fast as they can be read; gives the number of events that the sensor accepted.
///
/// # Errors
/// When the sensor fails.
pub fn read_all(platform: &Platform, captures: &[PathBuf]) -> anyhow::Result<u64> {
    captures
        .iter()
        .map(|capture| read(platform, SENSOR, capture))
        .sum()
}

/// Reads a capture by a sensor of a name to its end; gives the number of events that the sensor accepted.
///
/// # Errors
/// When the sensor fails.
pub fn read(platform: &Platform, name: &str, capture: &Path) -> anyhow::Result<u64> {
    let summary = platform.scratch("summary")?.join(format!("{name}.json"));
    let mut sensor = platform.sensor(name, capture);
    sensor.arg("--summary").arg(&summary);
    let ended = vonggac_e2e::run(&mut sensor, READ_LIMIT)?;
    anyhow::ensure!(ended.code() == 0, "{}", ended.err);
    vonggac_e2e::accepted(&summary)
}

/// For reading a capture to its end.
const READ_LIMIT: Duration = Duration::from_secs(180);
