//! One direction of a TLS connection, whole and cut in two.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vonggac_protocols::tls::{Event, Stream};
use vonggac_protocols::{certificate, fingerprint};

fn run(pieces: &[&[u8]]) -> Vec<Event> {
    let mut stream = Stream::new();
    let mut events = Vec::new();
    for piece in pieces {
        let mut input = *piece;
        while let Some(event) = stream.next(&mut input) {
            events.push(event);
        }
        assert!(input.is_empty());
    }
    events
}

fuzz_target!(|data: &[u8]| {
    let Some((cut, bytes)) = data.split_first() else {
        return;
    };
    let (head, tail) = bytes.split_at(usize::from(*cut).min(bytes.len()));
    let events = run(&[bytes]);
    assert_eq!(events, run(&[head, tail]));
    for event in &events {
        match event {
            Event::ClientHello(hello) => {
                let _ = fingerprint::ja3(hello);
                let _ = fingerprint::ja4(hello, 't');
            }
            Event::ServerHello(hello) => {
                let _ = fingerprint::ja3s(hello);
            }
            Event::Certificates(chain) => {
                for der in chain {
                    let _ = certificate::summarise(der);
                }
            }
            _ => {}
        }
    }
});
