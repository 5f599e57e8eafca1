//! A capture file: pcap, pcapng, either compressed.
#![no_main]

use std::io::Cursor;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use vonggac_capture::{FRAME_BYTES_MAX, FileSource};

fuzz_target!(|input: &[u8]| {
    let Ok(mut source) = FileSource::new(Box::new(Cursor::new(input.to_vec())), Path::new("fuzz")) else { return };
    // A small compressed file may hold very many frames; the reader's own bounds are per frame.
    for _ in 0..10_000 {
        match source.next_frame() {
            Ok(Some(frame)) => assert!(frame.data.len() <= FRAME_BYTES_MAX + 65_536),
            Ok(None) | Err(_) => break,
        }
    }
});
