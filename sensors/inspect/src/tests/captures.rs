//! Every capture of the corpus goes through without panic, and each packet is accounted for.

use super::{Kept, check_sums};
use crate::{Config, Inspector, LinkType};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use vonggac_signature::Engine;

struct Frame<'a> {
    ts_us: i64,
    link: LinkType,
    bytes: &'a [u8],
}

struct Reader<'a> {
    bytes: &'a [u8],
    is_big: bool,
}

impl<'a> Reader<'a> {
    fn word(&self, at: usize) -> Option<u32> {
        let octets = *self.bytes.get(at..)?.first_chunk::<4>()?;
        Some(match self.is_big {
            true => u32::from_be_bytes(octets),
            false => u32::from_le_bytes(octets),
        })
    }

    fn half(&self, at: usize) -> Option<u16> {
        let octets = *self.bytes.get(at..)?.first_chunk::<2>()?;
        Some(match self.is_big {
            true => u16::from_be_bytes(octets),
            false => u16::from_le_bytes(octets),
        })
    }

    fn slice(&self, at: usize, len: u32) -> Option<&'a [u8]> {
        self.bytes.get(at..)?.get(..len as usize)
    }

    /// Classic capture: a 24-byte header, then 16 bytes before each frame.
    fn classic(&self, ticks_per_us: i64, frames: &mut Vec<Frame<'a>>) -> Option<()> {
        let link = LinkType::from_dlt(self.word(20)? & 0xffff);
        let mut at = 24;
        loop {
            let len = self.word(at + 8)?;
            let ts_us = i64::from(self.word(at)?) * 1_000_000 + i64::from(self.word(at + 4)?) / ticks_per_us;
            let bytes = self.slice(at + 16, len)?;
            frames.push(Frame { ts_us, link, bytes });
            at += 16 + len as usize;
        }
    }

    /// Next-generation capture: interface blocks and enhanced packet blocks, time in microseconds.
    fn blocks(&self, frames: &mut Vec<Frame<'a>>) -> Option<()> {
        let mut links = Vec::new();
        let mut at = 0;
        loop {
            let len = self.word(at + 4)?;
            match self.word(at)? {
                1 => links.push(LinkType::from_dlt(u32::from(self.half(at + 8)?))),
                6 => {
                    let link = *links.get(self.word(at + 8)? as usize)?;
                    let ticks = u64::from(self.word(at + 12)?) << 32 | u64::from(self.word(at + 16)?);
                    let bytes = self.slice(at + 28, self.word(at + 20)?)?;
                    frames.push(Frame {
                        ts_us: ticks as i64,
                        link,
                        bytes,
                    });
                }
                _ => {}
            }
            at += (len as usize).max(12);
        }
    }
}

fn frames(bytes: &[u8]) -> Vec<Frame<'_>> {
    let mut frames = Vec::new();
    let reader = |is_big| Reader { bytes, is_big };
    match bytes.first_chunk::<4>() {
        Some([0xd4, 0xc3, 0xb2, 0xa1]) => reader(false).classic(1, &mut frames),
        Some([0xa1, 0xb2, 0xc3, 0xd4]) => reader(true).classic(1, &mut frames),
        Some([0x4d, 0x3c, 0xb2, 0xa1]) => reader(false).classic(1000, &mut frames),
        Some([0x0a, 0x0d, 0x0d, 0x0a]) => {
            let is_big = bytes.get(8) == Some(&0x1a);
            reader(is_big).blocks(&mut frames)
        }
        _ => None,
    };
    frames
}

fn captures(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if path.is_dir() {
            captures(&path, found);
        } else if matches!(extension, Some("pcap" | "pcapng" | "trace")) {
            found.push(path);
        }
    }
}

fn corpus() -> PathBuf {
    match std::env::var_os("VONGGAC_CORPUS") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"),
    }
}

#[test]
fn every_capture_goes_through() {
    let mut paths = Vec::new();
    for folder in ["zeek", "arkime", "pcaps"] {
        captures(&corpus().join(folder), &mut paths);
    }
    if paths.is_empty() {
        println!("skipped: no corpus");
        return;
    }
    paths.sort();
    let mut totals = std::collections::BTreeMap::new();
    for path in &paths {
        let bytes = std::fs::read(path).unwrap();
        let mut inspector = Inspector::new(Config::default(), Arc::new(Engine::empty()));
        let mut kept = Kept::default();
        let frames = frames(&bytes);
        for frame in &frames {
            inspector.packet(frame.ts_us, frame.link, frame.bytes, &mut kept);
        }
        inspector.finish(&mut kept);
        check_sums(&inspector);
        let counters = inspector.counters();
        assert_eq!(counters.packets_received, frames.len() as u64);
        assert_eq!(counters.events, kept.events.len() as u64, "{}", path.display());
        for (name, count) in counters.list() {
            *totals.entry(name).or_insert(0) += count;
        }
    }
    println!("{} captures: {totals:#?}", paths.len());
    for name in [
        "events_dns",
        "events_http",
        "events_tls",
        "events_file",
        "events_flow",
    ] {
        assert!(totals.get(name).is_some_and(|count| *count > 50), "{name}");
    }
}
