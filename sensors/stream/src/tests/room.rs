//! What tells flows apart, and who makes room when there is none.

use super::*;
use vonggac_decode::Vlans;

/// A client of its own for each number.
fn client(number: u32) -> (IpAddr, u16) {
    let [_, a, b, c] = number.to_be_bytes();
    (IpAddr::from([10, a, b, c]), 40_000)
}

fn tcp<'a>(
    src: (IpAddr, u16),
    dst: (IpAddr, u16),
    letters: &str,
    numbers: [u32; 2],
    payload: &'a [u8],
) -> Packet<'a> {
    let tcp = Tcp {
        sport: src.1,
        dport: dst.1,
        sequence: numbers[0],
        acknowledgment: numbers[1],
        flags: flags(letters),
        window: 8192,
        urgent: 0,
        options: TcpOptions::default(),
        payload,
    };
    packet(src, dst, Transport::Tcp(tcp))
}

fn datagram(number: u32) -> Packet<'static> {
    let udp = Udp {
        sport: 1,
        dport: 2,
        payload: b"x",
    };
    packet(client(number), SERVER, Transport::Udp(udp))
}

/// Opens a connection; `steps` of the three of its handshake.
fn open(table: &mut FlowTable<()>, recorder: &mut Recorder, number: u32, steps: usize) {
    let client = client(number);
    let handshake = [
        tcp(client, SERVER, "S", [100, 0], b""),
        tcp(SERVER, client, "SA", [200, 101], b""),
        tcp(client, SERVER, "A", [101, 201], b""),
    ];
    for packet in handshake.iter().take(steps) {
        table.packet(packet, recorder);
    }
}

/// Which of flows 1 to 20, ten of them open and ten that begin to, are evicted by ten times as many others.
fn evicted_by(flood: impl Fn(u32) -> Packet<'static>) -> Vec<u64> {
    let mut table = FlowTable::new(Config {
        flows_max: 100,
        ..Config::default()
    });
    let mut recorder = Recorder::default();
    for number in 0..20 {
        open(&mut table, &mut recorder, number, if number < 10 { 3 } else { 1 });
    }
    for number in 0..1000 {
        table.packet(&flood(1000 + number), &mut recorder);
    }
    assert_eq!((table.len(), table.counters().flows_evicted), (100, 920));
    let flows = recorder.flows.iter().map(|(id, ..)| *id);
    flows.filter(|id| *id <= 20).collect()
}

#[test]
fn the_kind_that_is_flooded_makes_room() {
    assert_eq!(evicted_by(datagram), []);
    let amid = |number| tcp(client(number), SERVER, "A", [number, 1], b"data");
    assert_eq!(evicted_by(amid), []);
    // Among SYNs nobody can tell which are meant.
    let syn = |number| tcp(client(number), SERVER, "S", [number, 0], b"");
    assert_eq!(evicted_by(syn), (11..=20).collect::<Vec<_>>());
}

#[test]
fn who_is_acknowledged_is_compared_longer_than_who_hoards() {
    let mut table = FlowTable::new(Config {
        unacked_bytes_max: 8 * 1024,
        ..Config::default()
    });
    let mut recorder = Recorder::default();
    for number in 0..2 {
        open(&mut table, &mut recorder, number, 3);
    }
    let bytes = [b'x'; 1000];
    let mut at = 101;
    for _ in 0..20 {
        // The first is acknowledged, but for the last bytes; the other is not.
        table.packet(&tcp(client(0), SERVER, "A", [at, 201], &bytes), &mut recorder);
        table.packet(&tcp(SERVER, client(0), "A", [201, at], b""), &mut recorder);
        table.packet(&tcp(client(1), SERVER, "A", [at, 201], &bytes), &mut recorder);
        at += 1000;
        assert!(table.unacked_bytes() <= 8 * 1024);
    }
    assert!(table.counters().tcp_unacked_limit > 0);
    let other = [b'y'; 1000];
    table.packet(
        &tcp(client(0), SERVER, "A", [at - 1000, 201], &other),
        &mut recorder,
    );
    assert_eq!(table.counters().tcp_overlap_conflicts, 1);
}

#[test]
fn tags_and_tunnels_tell_flows_apart_where_they_are_to() {
    let vlans = |ids: &[u16]| {
        let mut vlans = Vlans::default();
        ids.iter().for_each(|id| vlans.push(*id));
        vlans
    };
    let check = |keys: Keys, expect: usize| {
        let mut table = FlowTable::new(Config {
            keys,
            ..Config::default()
        });
        let mut recorder = Recorder::default();
        for (ids, tunnel) in [(&[7, 1][..], 0), (&[8, 1], 0), (&[7, 1], 5), (&[1], 0)] {
            for reverse in [false, true] {
                let (src, dst) = if reverse {
                    (SERVER, CLIENT)
                } else {
                    (CLIENT, SERVER)
                };
                let mut packet = tcp(src, dst, "A", [1, 1], b"");
                packet.vlans = vlans(ids);
                packet.tunnel = tunnel;
                table.packet(&packet, &mut recorder);
            }
        }
        assert_eq!(table.len(), expect, "{keys:?}");
    };
    let keys = |vlans, tunnels| Keys { vlans, tunnels };
    check(keys(VlanKey::Innermost, false), 1);
    check(keys(VlanKey::All, false), 3);
    check(keys(VlanKey::Innermost, true), 2);
    check(keys(VlanKey::All, true), 4);
}
