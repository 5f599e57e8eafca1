//! The rest of an office: an administrator's SSH, lookups that are odd but honest, and connections that lead nowhere.

use crate::dns::{Answer, Data, RecordType};
use crate::random::Random;
use crate::stage::{Call, Stage, reverse_name};
use crate::tcp::{Connection, Side, Stack};
use crate::world::{DOMAIN, Server, workstation};

fn name_list(names: &str) -> Vec<u8> {
    [&(names.len() as u32).to_be_bytes()[..], names.as_bytes()].concat()
}

/// A KEXINIT packet (RFC 4253, 7.1).
fn key_exchange(random: &mut Random) -> Vec<u8> {
    let mut payload = vec![20];
    payload.extend_from_slice(&random.bytes(16));
    let cipher = "chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes256-ctr";
    let integrity = "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com";
    for names in [
        "sntrup761x25519-sha512@openssh.com,curve25519-sha256,ecdh-sha2-nistp256",
        "ssh-ed25519,rsa-sha2-512,rsa-sha2-256",
        cipher,
        cipher,
        integrity,
        integrity,
        "none",
        "none",
        "",
        "",
    ] {
        payload.extend_from_slice(&name_list(names));
    }
    payload.extend_from_slice(&[0; 5]);
    // The whole packet is a multiple of 8 bytes, with at least 4 of padding.
    let short = 8 - (payload.len() + 5) % 8;
    let padding = if short < 4 { short + 8 } else { short };
    let mut packet = ((payload.len() + padding + 1) as u32).to_be_bytes().to_vec();
    packet.push(padding as u8);
    packet.extend_from_slice(&payload);
    packet.extend_from_slice(&random.bytes(padding));
    packet
}

fn shell_session(connection: &mut Connection<'_>) {
    connection.say(Side::Client, b"SSH-2.0-OpenSSH_9.6\r\n");
    connection.think(2000, 6000);
    connection.say(Side::Server, b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7\r\n");
    for side in [Side::Client, Side::Server] {
        let hello = key_exchange(connection.random());
        connection.say(side, &hello);
    }
    for (side, length) in [
        (Side::Client, 1208),
        (Side::Server, 1476),
        (Side::Client, 44),
        (Side::Server, 44),
    ] {
        let secret = connection.random().bytes(length);
        connection.say(side, &secret);
        connection.think(500, 3000);
    }
    for _ in 0..40 {
        let typed = connection.random().size(1, 4) * 8 + 28;
        let secret = connection.random().bytes(typed);
        connection.say(Side::Client, &secret);
        connection.think(300, 2000);
        let shown = connection.random().size(4, 150) * 8 + 28;
        let secret = connection.random().bytes(shown);
        connection.say(Side::Server, &secret);
        let pause_us = connection.random().between(200_000, 2_500_000);
        connection.pause(pause_us);
    }
    connection.close(Side::Client);
}

/// The administrator works on the portal over SSH, now and then.
pub(crate) fn administrator(stage: &mut Stage) {
    let mut random = stage.random("administrator", 0);
    let client = workstation(1);
    let mut now_us = stage.start_us() + random.between(5_000_000, 20_000_000);
    while now_us < stage.end_us() {
        let ready_us = stage.resolve_server(client, &mut random, Server::Portal, now_us);
        let call = Call {
            client,
            server: Server::Portal.station(),
            port: 22,
            stack: Stack::Unix,
            step: None,
        };
        let mut connection = stage.connect(&call, &mut random, ready_us + 100);
        shell_session(&mut connection);
        now_us = connection.now_us() + random.between(60_000_000, 160_000_000);
    }
}

/// Lookups beside those of browsing: names that don't exist, reverse ones, mail's policies, distributors' long names.
pub(crate) fn odd_lookups(stage: &mut Stage, users: u8) {
    let mut random = stage.random("odd lookups", 0);
    let mut now_us = stage.start_us() + random.between(500_000, 3_000_000);
    while now_us < stage.end_us() {
        let client = workstation(random.between(1, i64::from(users)) as u8);
        let mail = Server::Mail.station();
        match random.below(9) {
            0 | 1 => {
                let query = format!(
                    "{}.{DOMAIN}",
                    random.pick(&["wpad", "may-in-cu", "isatap", "fs01"])
                );
                stage.ask(
                    client,
                    &mut random,
                    &query,
                    RecordType::A,
                    &Answer::NameError,
                    now_us,
                );
            }
            2 => {
                let address = workstation(random.between(1, i64::from(users)) as u8).address;
                let answer = Answer::Records(vec![Data::Ptr(format!("may-{}.{DOMAIN}", random.below(90)))]);
                stage.ask(
                    mail,
                    &mut random,
                    &reverse_name(address),
                    RecordType::Ptr,
                    &answer,
                    now_us,
                );
            }
            3 => {
                let text = "v=spf1 ip4:198.51.100.25 mx -all".to_owned();
                let answer = Answer::Records(vec![Data::Text(text)]);
                stage.ask(
                    mail,
                    &mut random,
                    "tinh-b.example",
                    RecordType::Txt,
                    &answer,
                    now_us,
                );
            }
            4 => {
                let key = Random::stream(0x5eed, "dkim", 0).hex(360);
                let answer = Answer::Records(vec![Data::Text(format!("v=DKIM1; k=rsa; p=MIIBIjANBg{key}"))]);
                stage.ask(
                    mail,
                    &mut random,
                    "s2026._domainkey.tinh-b.example",
                    RecordType::Txt,
                    &answer,
                    now_us,
                );
            }
            5 => {
                let answer = Answer::Records(vec![Data::Mx(10, "mx.tinh-b.example".to_owned())]);
                stage.ask(
                    mail,
                    &mut random,
                    "tinh-b.example",
                    RecordType::Mx,
                    &answer,
                    now_us,
                );
            }
            6 => {
                let answer = Answer::Records(vec![Data::Text("v=DMARC1; p=reject".to_owned())]);
                stage.ask(
                    mail,
                    &mut random,
                    "_dmarc.tinh-b.example",
                    RecordType::Txt,
                    &answer,
                    now_us,
                );
            }
            _ => {
                // Distributors put a hash into the name: 32 digits, well below what a tunnel needs.
                let query = format!("{}.phan-phoi.example", random.hex(32));
                let address = Data::Address(crate::world::outside_v4([198, 51, 100], 61).address);
                stage.ask(
                    client,
                    &mut random,
                    &query,
                    RecordType::A,
                    &Answer::Records(vec![address]),
                    now_us,
                );
            }
        }
        now_us += random.between(1_000_000, 6_000_000);
    }
}

/// A printer that was taken away and a port that was closed: a few attempts that fail, as everywhere.
pub(crate) fn dead_ends(stage: &mut Stage, users: u8) {
    let mut random = stage.random("dead ends", 0);
    let duration_us = stage.end_us() - stage.start_us();
    for attempt in 0..6 {
        let client = workstation(random.between(1, i64::from(users)) as u8);
        let start_us = stage.start_us() + duration_us * (attempt + 1) / 8;
        let (server, port) = match attempt % 2 {
            0 => (workstation(250), 9100),
            _ => (Server::Documents.station(), 8443),
        };
        let call = Call {
            client,
            server,
            port,
            stack: Stack::Desktop,
            step: None,
        };
        let route = stage.route(&call, &mut random);
        let chance = random.fork();
        if attempt % 2 == 0 {
            Connection::unanswered(&mut stage.timeline, chance, &route, start_us, 2);
        } else {
            Connection::refused(&mut stage.timeline, chance, &route, start_us);
        }
    }
}
