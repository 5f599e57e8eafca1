//! Users who browse: lookups, then clear-text HTTP or TLS.

use crate::content::{page, picture, sentence, style_sheet};
use crate::der::KeyKind;
use crate::http::{Request, Response, exchange, page_wrapping};
use crate::packet::Station;
use crate::random::Random;
use crate::stage::{Call, Stage};
use crate::tcp::{Side, Stack};
use crate::tls::{BROWSER, Client, DESKTOP_SERVICE, OTHER_BROWSER, Service, Session, TOOL};
use crate::world::{PLAIN_SITES, Site, TLS_SITES, workstation, workstation_v6};

/// Programs people browse with.
pub(crate) const AGENTS: [&str; 3] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
];

struct User {
    v4: Station,
    v6: Station,
    agent: &'static str,
    client: Client,
    stack: Stack,
}

fn habits(number: u8) -> User {
    let (agent, client) = match number % 3 {
        0 => (AGENTS[1], OTHER_BROWSER),
        1 => (AGENTS[0], BROWSER),
        _ => (AGENTS[2], OTHER_BROWSER),
    };
    let stack = if number.is_multiple_of(3) {
        Stack::Unix
    } else {
        Stack::Desktop
    };
    User {
        v4: workstation(number),
        v6: workstation_v6(number),
        agent,
        client,
        stack,
    }
}

/// A day at one desk.
pub(crate) fn user(stage: &mut Stage, number: u8) {
    let mut random = stage.random("web user", u64::from(number));
    let user = habits(number);
    let mut now_us = stage.start_us() + random.between(200_000, 9_000_000);
    while now_us < stage.end_us() {
        if random.chance(360) {
            let site = PLAIN_SITES[random.below(PLAIN_SITES.len() as u64) as usize];
            let ready_us = stage.resolve(user.v4, &mut random, &site, now_us);
            plain_visit(stage, &user, &site, &mut random, ready_us + 300);
        } else {
            let site = TLS_SITES[random.below(TLS_SITES.len() as u64) as usize];
            let ready_us = stage.resolve(user.v4, &mut random, &site, now_us);
            let connections = random.size(1, 2);
            for index in 0..connections {
                tls_visit(
                    stage,
                    &user,
                    &site,
                    &mut random,
                    ready_us + 200 + index as i64 * 1500,
                );
            }
        }
        // Pages come in bouts, with reading in between.
        now_us += if random.chance(600) {
            random.between(2_000_000, 9_000_000)
        } else {
            random.between(9_000_000, 36_000_000)
        };
    }
}

fn call(user: &User, site: &Site, port: u16, random: &mut Random) -> Call {
    let (client, server) = match site.station_v6() {
        Some(v6) if random.chance(450) => (user.v6, v6),
        _ => (user.v4, site.station()),
    };
    Call {
        client,
        server,
        port,
        stack: user.stack,
        step: None,
    }
}

fn plain_visit(stage: &mut Stage, user: &User, site: &Site, random: &mut Random, start_us: i64) {
    let call = call(user, site, 80, random);
    let mut connection = stage.connect(&call, random, start_us);
    let article = format!("/tin/{}.html", random.hex(8));
    if random.chance(150) {
        let request = Request::get(site.name, "/", user.agent);
        exchange(
            &mut connection,
            &request,
            &Response::redirect(301, &format!("http://{}{article}", site.name)),
        );
        connection.pause(20_000);
    }
    let title = sentence(random, 3);
    let size = random.size(3000, 20_000);
    let html = Response::new(200, "text/html; charset=utf-8", page(random, &title, size))
        .wrapped(page_wrapping(random));
    let fields = [
        "Accept-Language: vi-VN,vi;q=0.9,en;q=0.5",
        "Accept-Encoding: gzip",
        "Connection: keep-alive",
    ];
    exchange(
        &mut connection,
        &Request {
            fields: &fields,
            ..Request::get(site.name, &article, user.agent)
        },
        &html,
    );
    for _ in 0..random.size(0, 4) {
        let pause_us = random.between(3000, 120_000);
        connection.pause(pause_us);
        let (target, response) = resource(random);
        exchange(
            &mut connection,
            &Request {
                fields: &fields,
                ..Request::get(site.name, &target, user.agent)
            },
            &response,
        );
    }
    if random.chance(180) {
        search(&mut connection, user, site, random);
    }
    match random.below(10) {
        0 => connection.reset(Side::Client),
        1..=3 => {
            connection.pause(5_000_000);
            connection.close(Side::Server);
        }
        _ => connection.close(Side::Client),
    }
}

/// Something a page refers to.
fn resource(random: &mut Random) -> (String, Response) {
    match random.below(20) {
        0 => (
            "/favicon.ico".to_owned(),
            Response::new(404, "text/html", "<h1>404</h1>\n"),
        ),
        1 => (
            "/static/logo.png".to_owned(),
            Response::new(304, "image/png", "").with("ETag: \"5f2c\""),
        ),
        2..=6 => {
            let size = random.size(1500, 12_000);
            let css = style_sheet(random, size);
            (
                "/static/site.css".to_owned(),
                Response::new(200, "text/css", css).wrapped(page_wrapping(random)),
            )
        }
        _ => {
            let size = random.size(1500, 18_000);
            let target = format!("/anh/{}.png?w=640&x=..%20{}", random.hex(10), random.below(9));
            (target, Response::new(200, "image/png", picture(random, size)))
        }
    }
}

/// A form sent to a site.
fn search(connection: &mut crate::tcp::Connection<'_>, user: &User, site: &Site, random: &mut Random) {
    let body = format!(
        "q=thu+tuc+{}&cmd=tim&trang={}",
        random.below(900),
        random.below(5)
    );
    let referrer = format!("Referer: http://{}/", site.name);
    let fields = [
        "Content-Type: application/x-www-form-urlencoded",
        referrer.as_str(),
    ];
    let request = Request {
        method: "POST",
        fields: &fields,
        body: body.as_bytes(),
        ..Request::get(site.name, "/tim-kiem", user.agent)
    };
    let size = random.size(2000, 9000);
    let html = page(random, "Kết quả", size);
    exchange(
        connection,
        &request,
        &Response::new(200, "text/html; charset=utf-8", html).wrapped(page_wrapping(random)),
    );
}

/// How a site's server is set up; the same each time.
pub(crate) fn service_of(site: &Site) -> Service<'static> {
    let key = if site.host.is_multiple_of(2) {
        KeyKind::Ec
    } else {
        KeyKind::Rsa
    };
    Service {
        name: site.name,
        organisation: "Đơn vị thử nghiệm",
        key,
        only_12: site.host.is_multiple_of(10),
        self_signed: false,
    }
}

fn tls_visit(stage: &mut Stage, user: &User, site: &Site, random: &mut Random, start_us: i64) {
    // The system's own services and tools talk beside the browser.
    let client = match random.below(10) {
        0 if user.stack == Stack::Desktop => DESKTOP_SERVICE,
        1 if user.stack == Stack::Unix => TOOL,
        _ => user.client,
    };
    let call = call(user, site, 443, random);
    let day_us = stage.start_us();
    let mut connection = stage.connect(&call, random, start_us);
    let mut session = Session::open(&mut connection, &client, &service_of(site), day_us);
    for _ in 0..random.size(1, 4) {
        session.send(Side::Client, random.size(180, 1400));
        session.think(2000, 60_000);
        let size = if random.chance(50) {
            random.size(30_000, 90_000)
        } else {
            random.size(600, 11_000)
        };
        session.send(Side::Server, size);
        session.think(5000, 400_000);
    }
    session.close(site.host.is_multiple_of(10));
}
