//! Machines that work by themselves: monitoring, time, mail, updates.

use crate::community::FlowKey;
use crate::content::{health, package, sentence};
use crate::http::{Request, Response, exchange};
use crate::packet::{Echo, Station, icmp, udp};
use crate::random::Random;
use crate::stage::{Call, Stage};
use crate::tcp::{Side, Stack};
use crate::truth::Protocol;
use crate::world::{PLAIN_SITES, Server, outside_v4, workstation, workstation_v6};

/// How often the poller looks, in microseconds.
const POLL_US: i64 = 10_000_000;

/// The internal poller: the same three questions every ten seconds, as regular as any beacon.
pub(crate) fn poller(stage: &mut Stage) {
    let mut random = stage.random("poller", 0);
    for (index, server) in [Server::Portal, Server::Documents, Server::Intranet]
        .into_iter()
        .enumerate()
    {
        let mut now_us = stage.start_us() + 1_000_000 + index as i64 * 700_000;
        while now_us < stage.end_us() {
            let client = Server::Monitor.station();
            let call = Call {
                client,
                server: server.station(),
                port: 80,
                stack: Stack::Unix,
                step: None,
            };
            let mut connection = stage.connect(&call, &mut random, now_us);
            let host = server.name();
            let request = Request::get(&host, "/healthz", "GiamSat/1.4 (noi bo)");
            let response = Response::new(200, "application/json", health(&mut random));
            exchange(&mut connection, &request, &response);
            connection.close(Side::Client);
            now_us += POLL_US + random.between(-2000, 2000);
        }
    }
}

/// An NTP packet (RFC 5905) of the given mode, with one timestamp everywhere.
fn ntp(mode: u8, stratum: u8, timestamp_us: i64) -> Vec<u8> {
    // NTP counts from 1900.
    let seconds = (timestamp_us.div_euclid(1_000_000) + 2_208_988_800) as u32;
    let fraction = ((timestamp_us.rem_euclid(1_000_000) << 32) / 1_000_000) as u32;
    let mut out = vec![
        0x20 | mode,
        stratum,
        6,
        0xec,
        0,
        0,
        2,
        0,
        0,
        0,
        1,
        0,
        10,
        20,
        1,
        123,
    ];
    for _ in 0..4 {
        out.extend_from_slice(&seconds.to_be_bytes());
        out.extend_from_slice(&fraction.to_be_bytes());
    }
    out
}

/// Desks that ask the agency's clock for the time.
pub(crate) fn clocks(stage: &mut Stage, users: u8) {
    let server = Server::Clock.station();
    for number in 1..=users {
        let mut random = stage.random("clock", u64::from(number));
        let client = workstation(number);
        let mut now_us = stage.start_us() + random.between(1_000_000, 60_000_000);
        while now_us < stage.end_us() {
            let port = stage.ports.next(&client, &mut random);
            let key = FlowKey {
                src: client.address,
                sport: port,
                dst: server.address,
                dport: 123,
                proto: Protocol::Udp,
            };
            let flow = stage.timeline.flow(key, None);
            let question = udp(
                &client,
                &server,
                random.next() as u16,
                (port, 123),
                &ntp(3, 0, now_us),
            );
            stage.timeline.push(flow, now_us, &question);
            let answered_us = now_us + random.between(200, 900);
            let answer = udp(
                &server,
                &client,
                random.next() as u16,
                (123, port),
                &ntp(4, 2, answered_us),
            );
            stage.timeline.push(flow, answered_us, &answer);
            now_us += random.between(60_000_000, 70_000_000);
        }
    }
}

fn ping(stage: &mut Stage, from: Station, to: Station, random: &mut Random, start_us: i64, count: u16) {
    let (request, reply, proto) = if from.address.is_ipv6() {
        (128, 129, Protocol::Icmp6)
    } else {
        (8, 0, Protocol::Icmp)
    };
    let key = FlowKey {
        src: from.address,
        sport: u16::from(request),
        dst: to.address,
        dport: u16::from(reply),
        proto,
    };
    let flow = stage.timeline.flow(key, None);
    let identifier = random.next() as u16;
    let payload: Vec<u8> = (0x10..0x40).collect();
    for sequence in 1..=count {
        let sent_us = start_us + i64::from(sequence) * 1_000_000;
        let echo = Echo { identifier, sequence };
        stage.timeline.push(
            flow,
            sent_us,
            &icmp(&from, &to, random.next() as u16, request, echo, &payload),
        );
        let back_us = sent_us + random.between(200, 30_000);
        stage.timeline.push(
            flow,
            back_us,
            &icmp(&to, &from, random.next() as u16, reply, echo, &payload),
        );
    }
}

/// The poller looks whether a few hosts are there, over both versions of IP.
pub(crate) fn pings(stage: &mut Stage) {
    let mut random = stage.random("pings", 0);
    let monitor = Server::Monitor.station();
    let start_us = stage.start_us();
    for (index, target) in [Server::Portal, Server::Mail, Server::Resolver]
        .into_iter()
        .enumerate()
    {
        ping(
            stage,
            monitor,
            target.station(),
            &mut random,
            start_us + index as i64 * 9_000_000,
            5,
        );
    }
    ping(
        stage,
        workstation(1),
        outside_v4([198, 51, 100], 60),
        &mut random,
        start_us + 14_000_000,
        4,
    );
    if let Some(server) = PLAIN_SITES.iter().find_map(|site| site.station_v6()) {
        ping(
            stage,
            workstation_v6(1),
            server,
            &mut random,
            start_us + 21_000_000,
            4,
        );
    }
}

/// Mail that comes in and goes out, in clear.
pub(crate) fn mail(stage: &mut Stage) {
    let mut random = stage.random("mail", 0);
    let mut now_us = stage.start_us() + random.between(4_000_000, 12_000_000);
    while now_us < stage.end_us() {
        let peer = outside_v4([198, 51, 100], 25);
        let ours = Server::Mail.station();
        let (client, server) = if random.chance(500) {
            (ours, peer)
        } else {
            (peer, ours)
        };
        let call = Call {
            client,
            server,
            port: 25,
            stack: Stack::Unix,
            step: None,
        };
        let mut connection = stage.connect(&call, &mut random, now_us);
        let words = random.size(20, 400);
        let text = format!(
            "From: van-thu@tinh-a.example\r\nTo: van-phong@tinh-b.example\r\nSubject: Bao cao {}\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\r\n{}\r\n.\r\n",
            random.below(90),
            sentence(&mut random, words)
        );
        connection.say(Side::Server, b"220 mx.example ESMTP\r\n");
        let talk: [(&str, &str); 5] = [
            (
                "EHLO mail.example\r\n",
                "250-mx.example\r\n250-SIZE 52428800\r\n250 8BITMIME\r\n",
            ),
            ("MAIL FROM:<van-thu@tinh-a.example>\r\n", "250 2.1.0 Ok\r\n"),
            ("RCPT TO:<van-phong@tinh-b.example>\r\n", "250 2.1.5 Ok\r\n"),
            ("DATA\r\n", "354 End data with <CR><LF>.<CR><LF>\r\n"),
            (&text, "250 2.0.0 Ok: queued\r\n"),
        ];
        for (said, answer) in talk {
            connection.think(500, 4000);
            connection.say(Side::Client, said.as_bytes());
            connection.think(500, 9000);
            connection.say(Side::Server, answer.as_bytes());
        }
        connection.say(Side::Client, b"QUIT\r\n");
        connection.think(300, 1000);
        connection.say(Side::Server, b"221 2.0.0 Bye\r\n");
        connection.close(Side::Server);
        now_us += random.between(20_000_000, 60_000_000);
    }
}

/// Packages that desks fetch, in clear, one of them over and over.
pub(crate) fn updates(stage: &mut Stage, users: u8) {
    let mut random = stage.random("updates", 0);
    let site = PLAIN_SITES[3];
    let duration_us = stage.end_us() - stage.start_us();
    let agent = "GoiPhanMem/2.7 (Linux x86_64)";
    for part in 1..=3 {
        let client = workstation((part as u8 - 1) % users.max(1) + 1);
        let start_us = stage.start_us() + duration_us * part / 4;
        let ready_us = stage.resolve(client, &mut random, &site, start_us);
        let call = Call {
            client,
            server: site.station(),
            port: 80,
            stack: Stack::Unix,
            step: None,
        };
        let mut connection = stage.connect(&call, &mut random, ready_us + 400);
        let list = Response::new(200, "text/plain", "dich-vu 2.4-1\nhuong-dan 1.0-3\n");
        exchange(
            &mut connection,
            &Request::get(site.name, "/kho/danh-sach.txt", agent),
            &list,
        );
        let size = random.size(200_000, 500_000);
        let body = package(&mut random, size);
        let target = format!("/kho/dich-vu_2.4-{part}_amd64.deb");
        let response = Response::new(200, "application/octet-stream", body);
        exchange(
            &mut connection,
            &Request::get(site.name, &target, agent),
            &response,
        );
        // A lesson in the language web shells are written in, which is none.
        let lesson =
            "<?php\n// Bài 1: in lời chào ra trang.\necho htmlspecialchars($_GET['ten'] ?? 'bạn');\n";
        let response = Response::new(200, "text/plain; charset=utf-8", lesson);
        exchange(
            &mut connection,
            &Request::get(site.name, "/kho/huong-dan/bai-1.php.txt", agent),
            &response,
        );
        connection.close(Side::Client);
    }
}
