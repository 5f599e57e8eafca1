//! HTTP Evader's responses, each bent in a way that some browser puts up with: the file has to come out of every one.
//!
//! What is expected is what `test.yaml` of each case says that Suricata gives: both halves of EICAR's test file in `file.data`, and a file
//! of that name.

use crate::capture::Capture;
use crate::recorder::{Recorder, contains};
use std::path::Path;
use vonggac_protocol::Side;
use vonggac_protocols::http::{CARD, looks_like_request};

const CASES: usize = 502;
const EXPECTED: [&[u8]; 2] = [b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE", b"X5O!P%@AP[4"];

#[test]
fn every_response_of_http_evader_gives_its_file() {
    let Some(root) = crate::corpus() else { return };
    let paths = crate::captures(&root.join("suricata-verify/http-evader"));
    let mut missed = Vec::new();
    for path in &paths {
        for piece in [usize::MAX, 1] {
            if let Err(why) = check(path, piece) {
                missed.push(format!("{}: {why}", path.display()));
            }
        }
    }
    println!("{} cases, {} misses", paths.len(), missed.len());
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    assert_eq!(paths.len(), CASES);
}

/// Plays a capture, cut into pieces of so many bytes.
fn check(path: &Path, piece: usize) -> Result<(), String> {
    let capture = Capture::read(path).ok_or("no capture")?;
    let mut recorder = Recorder::new(&CARD);
    let mut flow = recorder.begin();
    let mut streams = capture.streams();
    streams.sort_by_key(|stream| !looks_like_request(stream));
    for (side, stream) in Side::BOTH.into_iter().zip(&streams) {
        for bytes in stream.chunks(piece) {
            flow.data(&mut recorder, side, bytes);
        }
    }
    for side in Side::BOTH {
        flow.end(&mut recorder, side);
    }
    flow.finish(&mut recorder);
    expect(&recorder, file_name(path)?.as_deref())
}

fn expect(recorder: &Recorder, name: Option<&str>) -> Result<(), String> {
    let mut files = recorder.files.iter().filter(|(side, ..)| *side == Side::Server);
    let Some((_, file, data)) = files.next() else {
        return Err(format!("no file; {:?}", recorder.anomalies));
    };
    if files.next().is_some() {
        return Err("more than one file".into());
    }
    let text = String::from_utf8_lossy(data);
    for part in EXPECTED {
        if !contains(data, part) || !recorder.could_read("file.data", part) {
            return Err(format!("not decoded: {text:?}; {:?}", recorder.anomalies));
        }
    }
    if name.is_some_and(|name| file.name != name) {
        return Err(format!("called {:?} instead of {name:?}", file.name));
    }
    let http = file.http.as_ref().ok_or("no request")?;
    if (http.method.as_str(), http.host.as_str()) != ("GET", "evader.example.com") {
        return Err(format!("not the request's: {http:?}"));
    }
    Ok(())
}

/// The name that the case's `test.yaml` expects, if it does.
fn file_name(path: &Path) -> Result<Option<String>, String> {
    let text =
        std::fs::read_to_string(path.with_file_name("test.yaml")).map_err(|error| error.to_string())?;
    let mut lines = text.lines().map(str::trim);
    Ok(lines
        .find_map(|line| line.strip_prefix("fileinfo.filename: "))
        .map(str::to_owned))
}
