//! The agency's own portal at work: citizens from outside, staff from within, and one who mistypes.

use crate::content::{page, sentence};
use crate::der::KeyKind;
use crate::http::{Request, Response, exchange, page_wrapping};
use crate::packet::Station;
use crate::random::Random;
use crate::stage::{Call, Stage};
use crate::tcp::{Connection, Side, Stack};
use crate::tls::{BROWSER, OTHER_BROWSER, Service, Session};
use crate::world::{DOMAIN, Server, outside_v4, workstation};

use super::web::AGENTS;

/// How often the administrator gets the password wrong before it is right.
const MISTYPES: usize = 2;

/// Which desk that is.
const ADMINISTRATOR: u8 = 1;

/// Answers a wrong password.
pub(crate) fn login_refused() -> Response {
    Response::new(
        401,
        "text/html; charset=utf-8",
        "<p>Sai tên đăng nhập hoặc mật khẩu.</p>\n",
    )
}

/// Answers a right password.
pub(crate) fn login_accepted(random: &mut Random) -> Response {
    Response::redirect(302, "/quan-tri").with(format!("Set-Cookie: phien={}; HttpOnly", random.hex(32)))
}

/// Says a login form.
pub(crate) fn log_in(
    connection: &mut Connection<'_>,
    agent: &str,
    user: &str,
    password: &str,
    response: &Response,
) {
    let body = format!("ten={user}&mat_khau={password}");
    let host = Server::Portal.name();
    let fields = ["Content-Type: application/x-www-form-urlencoded"];
    let request = Request {
        method: "POST",
        fields: &fields,
        body: body.as_bytes(),
        ..Request::get(&host, "/login", agent)
    };
    exchange(connection, &request, response);
}

fn call(client: Station, port: u16) -> Call {
    Call {
        client,
        server: Server::Portal.station(),
        port,
        stack: Stack::Desktop,
        step: None,
    }
}

fn look_around(connection: &mut Connection<'_>, agent: &str, random: &mut Random) {
    let host = Server::Portal.name();
    for _ in 0..random.size(1, 4) {
        let target = match random.below(5) {
            0 => "/".to_owned(),
            1 => format!("/tra-cuu?ma={}&cmd=xem", random.below(1_000_000)),
            2 => format!("/thu-tuc/{}", random.below(300)),
            3 => "/huong-dan/bieu-mau..v2.html".to_owned(),
            _ => format!("/uploads/bieu-mau-{}.pdf", random.below(40)),
        };
        let title = sentence(random, 4);
        let size = random.size(2500, 16_000);
        let html = page(random, &title, size);
        let response = Response::new(200, "text/html; charset=utf-8", html).wrapped(page_wrapping(random));
        exchange(connection, &Request::get(&host, &target, agent), &response);
        let pause_us = random.between(300_000, 4_000_000);
        connection.pause(pause_us);
    }
}

/// An application with an attached picture, as a form of several parts.
fn apply(connection: &mut Connection<'_>, agent: &str, random: &mut Random) {
    let boundary = format!("----to-khai-{}", random.hex(12));
    let mut body = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"noi_dung\"\r\n\r\n{}\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"anh\"; filename=\"cccd.png\"\r\n\
         Content-Type: image/png\r\n\r\n",
        sentence(random, 30)
    )
    .into_bytes();
    let size = random.size(6000, 30_000);
    body.extend_from_slice(&crate::content::picture(random, size));
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    let kind = format!("Content-Type: multipart/form-data; boundary={boundary}");
    let host = Server::Portal.name();
    let fields = [kind.as_str()];
    let request = Request {
        method: "POST",
        fields: &fields,
        body: &body,
        ..Request::get(&host, "/nop-ho-so", agent)
    };
    exchange(
        connection,
        &request,
        &Response::redirect(302, &format!("/ho-so/{}", random.below(90_000))),
    );
}

/// Citizens who come from outside, some over TLS.
pub(crate) fn citizens(stage: &mut Stage) {
    let mut random = stage.random("citizens", 0);
    let mut now_us = stage.start_us() + random.between(500_000, 5_000_000);
    while now_us < stage.end_us() {
        let client = outside_v4([198, 51, 100], 100 + random.below(100) as u8);
        let agent = random.pick(&AGENTS);
        if random.chance(550) {
            let mut connection = stage.connect(&call(client, 80), &mut random, now_us);
            look_around(&mut connection, agent, &mut random);
            if random.chance(250) {
                apply(&mut connection, agent, &mut random);
            }
            connection.close(Side::Client);
        } else {
            over_tls(stage, client, &mut random, now_us);
        }
        now_us += random.between(2_000_000, 9_000_000);
    }
}

fn over_tls(stage: &mut Stage, client: Station, random: &mut Random, start_us: i64) {
    let name = Server::Portal.name();
    let service = Service {
        name: &name,
        organisation: "Ủy ban nhân dân tỉnh A",
        key: KeyKind::Rsa,
        only_12: true,
        self_signed: false,
    };
    let profile = if random.chance(600) {
        BROWSER
    } else {
        OTHER_BROWSER
    };
    let day_us = stage.start_us();
    let mut connection = stage.connect(&call(client, 443), random, start_us);
    let mut session = Session::open(&mut connection, &profile, &service, day_us);
    for _ in 0..random.size(1, 3) {
        session.send(Side::Client, random.size(250, 1100));
        session.think(3000, 90_000);
        session.send(Side::Server, random.size(1500, 12_000));
    }
    session.close(true);
}

/// Staff who sign in and work; one of them mistypes first.
pub(crate) fn staff(stage: &mut Stage, users: u8) {
    let duration_us = stage.end_us() - stage.start_us();
    for number in 1..=users {
        let mut random = stage.random("staff", u64::from(number));
        let client = workstation(number);
        let agent = random.pick(&AGENTS);
        let start_us = stage.start_us() + random.between(duration_us / 20, duration_us * 17 / 20);
        let ready_us = stage.resolve_server(client, &mut random, Server::Portal, start_us);
        let mut connection = stage.connect(&call(client, 80), &mut random, ready_us + 200);
        let mistypes = if number == ADMINISTRATOR { MISTYPES } else { 0 };
        for _ in 0..mistypes {
            log_in(
                &mut connection,
                agent,
                "quantri",
                "Mua-Xuan-2026",
                &login_refused(),
            );
            let pause_us = random.between(3_000_000, 7_000_000);
            connection.pause(pause_us);
        }
        let accepted = login_accepted(&mut random);
        log_in(
            &mut connection,
            agent,
            &format!("canbo{number}"),
            "Mua-Xuan-2026%21",
            &accepted,
        );
        look_around(&mut connection, agent, &mut random);
        connection.close(Side::Client);
    }
    let mut random = stage.random("documents", 0);
    let mut now_us = stage.start_us() + random.between(1_000_000, 4_000_000);
    while now_us < stage.end_us() {
        documents(
            stage,
            random.between(1, i64::from(users)) as u8,
            &mut random,
            now_us,
        );
        now_us += random.between(4_000_000, 12_000_000);
    }
}

/// A look at the document server.
fn documents(stage: &mut Stage, number: u8, random: &mut Random, start_us: i64) {
    let client = workstation(number);
    let server = if random.chance(500) {
        Server::Documents
    } else {
        Server::Intranet
    };
    let ready_us = stage.resolve_server(client, random, server, start_us);
    let call = Call {
        client,
        server: server.station(),
        port: 80,
        stack: Stack::Desktop,
        step: None,
    };
    let mut connection = stage.connect(&call, random, ready_us + 150);
    let host = server.name();
    let target = format!("/van-ban/den?trang={}&don_vi={DOMAIN}", random.below(30));
    let size = random.size(4000, 20_000);
    let html = page(random, "Văn bản đến", size);
    let response = Response::new(200, "text/html; charset=utf-8", html).wrapped(page_wrapping(random));
    exchange(
        &mut connection,
        &Request::get(&host, &target, AGENTS[0]),
        &response,
    );
    connection.close(Side::Client);
}
