//! Writes the default sample: `cargo run -p vonggac-traffic --example sample -- SEED SECONDS OUT.pcap OUT.json`.

use std::fs::File;
use std::io::{BufWriter, Error, Write};

use vonggac_traffic::{Options, generate, pcap};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [seed, seconds, capture, truth] = arguments.as_slice() else {
        return Err(Error::other("usage: sample SEED SECONDS OUT.pcap OUT.json").into());
    };
    let options = Options {
        seed: seed.parse()?,
        duration_s: seconds.parse()?,
        ..Options::default()
    };
    let mut writer = pcap::Writer::new(BufWriter::new(File::create(capture)?))?;
    let found = generate(&options, &mut writer)?;
    writer.finish()?;
    File::create(truth)?.write_all(&serde_json::to_vec(&found)?)?;
    Ok(())
}
