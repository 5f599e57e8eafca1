//! Captures in memory.

use std::io::Cursor;
use std::path::Path;

use vonggac_capture::FileSource;
use vonggac_inspect::LinkType;

/// A captured frame.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Time, microseconds since 1970.
    pub ts_us: i64,
    /// What it begins with.
    pub link: LinkType,
    /// As captured.
    pub bytes: Vec<u8>,
}

/// The frames of a capture up to where it breaks off; none of what is no capture.
pub fn frames(capture: Vec<u8>) -> Vec<Frame> {
    let mut frames = Vec::new();
    let Ok(mut source) = FileSource::new(Box::new(Cursor::new(capture)), Path::new("in memory")) else {
        return frames;
    };
    while let Ok(Some(frame)) = source.next_frame() {
        frames.push(Frame {
            ts_us: frame.ts_us,
            link: LinkType::from_dlt(frame.link),
            bytes: frame.data.to_vec(),
        });
    }
    frames
}
