//! A script of what both sides say, and what came of it.

use crate::recorder::Recorder;
use vonggac_event::{Body, proto};
use vonggac_protocol::Side;
use vonggac_protocols::http::CARD;

/// A step of an exchange.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step<'s> {
    Client(&'s [u8]),
    Server(&'s [u8]),
    /// So many bytes of the server's were not seen.
    ServerGap(u64),
    /// So many bytes of the client's were not seen.
    ClientGap(u64),
}

/// Plays an exchange to its end.
pub(crate) fn play(steps: &[Step<'_>]) -> Recorder {
    play_to(Recorder::new(&CARD), steps)
}

/// Plays an exchange to its end, to a core that is prepared.
pub(crate) fn play_to(mut recorder: Recorder, steps: &[Step<'_>]) -> Recorder {
    let mut flow = recorder.begin();
    for step in steps {
        match step {
            Step::Client(bytes) => flow.data(&mut recorder, Side::Client, bytes),
            Step::Server(bytes) => flow.data(&mut recorder, Side::Server, bytes),
            Step::ServerGap(bytes) => flow.gap(&mut recorder, Side::Server, *bytes),
            Step::ClientGap(bytes) => flow.gap(&mut recorder, Side::Client, *bytes),
        };
    }
    for side in Side::BOTH {
        flow.end(&mut recorder, side);
    }
    flow.finish(&mut recorder);
    assert_eq!(recorder.reserved, 0, "all memory is given back");
    recorder
}

/// Target and status of each transaction.
pub(crate) fn transactions(recorder: &Recorder) -> Vec<(String, u32)> {
    let https = recorder.events.iter().filter_map(|event| match event {
        Body::Http(http) => Some(http),
        _ => None,
    });
    https
        .map(|http: &proto::Http| (http.uri.clone(), http.status_code))
        .collect()
}
