//! Laws that hold whatever is sent.

use crate::exchange::{Step, play_to};
use crate::recorder::Recorder;
use Step::{Client, ClientGap, Server, ServerGap};
use proptest::prelude::*;
use vonggac_protocols::http::CARD;

const SAID: [&[u8]; 30] = [
    b"GET /a HTTP/1.1\r\n",
    b"HEAD /b HTTP/1.1\r\n",
    b"POST /c HTTP/1.1\r\n",
    b"CONNECT d:1 HTTP/1.1\r\n",
    b"Expect: 100-continue\r\n",
    b"Upgrade: x\r\n",
    b"Content-Type: multipart/form-data; boundary=X\r\n",
    b"--X\r\nContent-Disposition: form-data; filename=f\r\n\r\ndata\r\n",
    b"--X--\r\n",
    b"HTTP/1.1 200 ok\r\n",
    b"HTTP/1.1 100 ok\r\n",
    b"HTTP/1.1 101 ok\r\n",
    b"HTTP/1.1 204 ok\r\n",
    b"HTTP/1.1 206 ok\r\n",
    b"HTTP/1.1 401 ok\r\n",
    b"Content-Range: bytes 1-2/3\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: 5, 90\r\n",
    b"Content-Length: 500\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Encoding: br\r\n",
    b"Content-Encoding: gzip, lzma\r\n",
    b"Content-Encoding: zstd\r\n",
    b"\x28\xb5\x2f\xfd\0\x58\x53\0\0x",
    b"\x1f\x8b\x08\0\0\0\0\0\0\0",
    b"\x9b\xff\xff\x3f\xf8\x27\0\xe2\xb1\x40\x20\xf7\xfe\x07",
    b"\r\n",
    b"3\r\nabc\r\n",
    b"0\r\n\r\n",
    b"hello",
];

fn steps() -> impl Strategy<Value = Vec<Step<'static>>> {
    let said = || (0..SAID.len()).prop_map(|place| SAID.get(place).copied().unwrap_or_default());
    let step = prop_oneof![
        10 => said().prop_map(Client),
        10 => said().prop_map(Server),
        1 => (1_u64..90).prop_map(ClientGap),
        1 => (1_u64..90).prop_map(ServerGap),
    ];
    proptest::collection::vec(step, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_exchange_panics_or_keeps_memory(steps in steps(), budget in prop_oneof![Just(0_usize), 1_usize..9000, Just(usize::MAX)]) {
        let mut recorder = Recorder::new(&CARD);
        recorder.budget = budget;
        let recorder = play_to(recorder, &steps);
        for (_, file, data) in &recorder.files {
            prop_assert!(data.len() as u64 <= file.size);
            prop_assert!(!file.complete || file.sha256.len() == 64);
        }
    }
}
