//! Sample traffic and its truth.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::BufWriter;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use vonggac_traffic::{Flow, Options, Truth, generate, pcap};

/// A capture and what is in it.
#[derive(Debug)]
pub struct Sample {
    /// The capture.
    pub capture: PathBuf,
    /// What is in it.
    pub truth: Truth,
}

/// Now, in microseconds.
pub fn now_us() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |age| age.as_micros() as i64)
}

impl Sample {
    /// Makes one in `directory`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn generate(directory: &Path, seed: u64, start_us: i64) -> anyhow::Result<Self> {
        let options = Options {
            seed,
            start_us,
            ..Options::default()
        };
        Self::write(directory.join("sample.pcap"), &options)
    }

    /// Makes one of its own kind.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(capture: PathBuf, options: &Options) -> anyhow::Result<Self> {
        let mut writer = pcap::Writer::new(BufWriter::new(File::create(&capture)?))?;
        let truth = generate(options, &mut writer)?;
        writer.finish()?;
        Ok(Self { capture, truth })
    }

    /// The one in `directory`, as `vonggac up --sample` leaves it.
    ///
    /// # Errors
    /// When it is not there.
    pub fn load(directory: &Path) -> anyhow::Result<Self> {
        let truth = serde_json::from_slice(&fs::read(directory.join("truth.json"))?)?;
        Ok(Self {
            capture: directory.join("sample.pcap"),
            truth,
        })
    }

    /// Hosts of a step's flows.
    pub fn hosts(&self, step: &str) -> BTreeSet<IpAddr> {
        let own = self
            .truth
            .flows
            .iter()
            .filter(|flow| flow.step.as_deref() == Some(step));
        own.flat_map(|flow| [flow.src, flow.dst]).collect()
    }

    /// Flows by Community ID.
    pub fn flows(&self) -> BTreeMap<&str, Vec<&Flow>> {
        let mut flows: BTreeMap<&str, Vec<&Flow>> = BTreeMap::new();
        for flow in &self.truth.flows {
            flows.entry(flow.community_id.as_str()).or_default().push(flow);
        }
        flows
    }

    /// Whether every flow of a Community ID is benign. `None` when the capture holds no such flow.
    pub fn is_benign(&self, community_id: &str) -> Option<bool> {
        let mut own = self
            .truth
            .flows
            .iter()
            .filter(|flow| flow.community_id == community_id)
            .peekable();
        own.peek()?;
        Some(own.all(|flow| flow.step.is_none()))
    }
}
