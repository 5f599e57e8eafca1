//! The console's connections as somebody outside has them: TLS, and who takes too many or too long.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Request, StatusCode};
use axum::response::IntoResponse as _;
use axum::routing::get;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion, version};
use tower::ServiceExt as _;

use super::{Harness, options, request};
use crate::listener::{self, Counters, Door, Limits};
use crate::places::Places;
use crate::time;
use crate::tls::{Look, Tls};

const DAY_US: i64 = 86_400 * 1_000_000;

/// A console's door with one page behind it.
struct Served {
    address: SocketAddr,
    counters: Arc<Counters>,
    places: Places,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Served {
    async fn start(tls: Option<&Tls>, limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let (counters, places) = (Arc::<Counters>::default(), Places::new(512));
        let large = Bytes::from(vec![b'x'; 64 << 20]);
        let door = Door {
            app: Router::new()
                .route("/", get(|| async { "here" }))
                .route("/large", get(|| async { large })),
            tls: tls.map(Tls::acceptor),
            proxies: Vec::new(),
            places: places.clone(),
            limits,
            counters: Arc::clone(&counters),
        };
        Self {
            address,
            counters,
            places,
            stop,
            serving: tokio::spawn(listener::serve(listener, door, stopped)),
        }
    }

    /// A connection from another of this machine's addresses.
    async fn connect_from(&self, own: &str) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket
            .bind(SocketAddr::new(own.parse::<IpAddr>().unwrap(), 0))
            .unwrap();
        socket.connect(self.address).await.unwrap()
    }

    async fn end(self) {
        self.stop.send(true).unwrap();
        self.serving.await.unwrap();
    }
}

fn load(counter: &std::sync::atomic::AtomicU64) -> u64 {
    counter.load(std::sync::atomic::Ordering::Relaxed)
}

/// What a page is answered with.
async fn page<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(mut stream: S) -> String {
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn connector(authority: &Path, versions: &[&'static SupportedProtocolVersion]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(authority).unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

/// The version that was agreed on and the serial number of what was shown, or why not.
async fn shaken(
    served: &Served,
    connector: &TlsConnector,
    name: &'static str,
) -> Result<(ProtocolVersion, Vec<u8>), String> {
    let stream = TcpStream::connect(served.address).await.unwrap();
    let name = ServerName::try_from(name).unwrap();
    let stream = connector
        .connect(name, stream)
        .await
        .map_err(|error| error.to_string())?;
    let connection = stream.get_ref().1;
    let version = connection.protocol_version().unwrap();
    let shown = connection.peer_certificates().unwrap()[0].to_vec();
    assert!(page(stream).await.ends_with("here"));
    Ok((version, shown))
}

/// A console with an authority of its own.
fn own(directory: &Path, more: &[&str], now_us: i64) -> anyhow::Result<Tls> {
    let directory = directory.to_str().unwrap();
    let all = [&["--tls-own", directory], more].concat();
    Tls::open(&options(&all), now_us).map(Option::unwrap)
}

#[tokio::test]
async fn the_consoles_own_authority_vouches_for_its_names_alone() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("tls");
    let public = ["--public-url", "https://soc.example"];
    let now_us = time::now_us();
    let tls = own(&place, &public, now_us).unwrap();
    let mode = |name: &str| fs::metadata(place.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("ca.key"), mode("ca.pem")), (0o600, 0o644));

    let served = Served::start(Some(&tls), Limits::default()).await;
    let client = connector(&place.join("ca.pem"), &[&version::TLS13]);
    for name in ["soc.example", "localhost", "127.0.0.1", "::1"] {
        let (version, _) = shaken(&served, &client, name).await.unwrap();
        assert_eq!(version, ProtocolVersion::TLSv1_3, "{name}");
    }
    let foreign = shaken(&served, &client, "bank.example").await.unwrap_err();
    assert!(foreign.contains("not valid for name"), "{foreign}");
    let old = connector(&place.join("ca.pem"), &[&version::TLS12]);
    assert!(shaken(&served, &old, "localhost").await.is_err());
    served.end().await;

    // The authority stays; it is not good for a name that it was not made for.
    let before = fs::read(place.join("ca.pem")).unwrap();
    let again = own(&place, &public, now_us).unwrap();
    assert_eq!(fs::read(place.join("ca.pem")).unwrap(), before);
    let served = Served::start(Some(&again), Limits::default()).await;
    shaken(&served, &client, "soc.example").await.unwrap();
    served.end().await;
    let moved = own(&place, &["--public-url", "https://other.example"], now_us);
    let words = format!("{:#}", moved.err().unwrap());
    assert!(words.contains("other.example"), "{words}");

    let both = own(
        &place,
        &["--public-url", "https://soc.example", "--tls-min", "1.2"],
        now_us,
    )
    .unwrap();
    let served = Served::start(Some(&both), Limits::default()).await;
    let (version, _) = shaken(&served, &old, "soc.example").await.unwrap();
    assert_eq!(version, ProtocolVersion::TLSv1_2);
    served.end().await;
}

#[tokio::test]
async fn the_consoles_own_certificate_is_renewed_before_it_ends() {
    let directory = tempfile::tempdir().unwrap();
    let now_us = time::now_us();
    let mut tls = own(directory.path(), &[], now_us).unwrap();
    let served = Served::start(Some(&tls), Limits::default()).await;
    let client = connector(&directory.path().join("ca.pem"), &[&version::TLS13]);
    let (_, first) = shaken(&served, &client, "localhost").await.unwrap();
    assert_eq!(tls.look(now_us + 50 * DAY_US).unwrap(), Look::Same);
    assert_eq!(shaken(&served, &client, "localhost").await.unwrap().1, first);
    // Begun a day ago: one that was given further on would not hold yet.
    let later_us = now_us + 59 * DAY_US;
    assert_eq!(tls.look(later_us).unwrap(), Look::Same);
    assert_eq!(tls.look(later_us + 3 * DAY_US).unwrap(), Look::Changed);
    let renewed = client_at(&directory.path().join("ca.pem"), later_us + 3 * DAY_US);
    let (_, second) = shaken(&served, &renewed, "localhost").await.unwrap();
    assert_ne!(first, second);
    served.end().await;
}

/// A client whose clock says that.
fn client_at(authority: &Path, now_us: i64) -> TlsConnector {
    use tokio_rustls::rustls::pki_types::UnixTime;
    use tokio_rustls::rustls::time_provider::TimeProvider;
    #[derive(Debug)]
    struct At(u64);
    impl TimeProvider for At {
        fn current_time(&self) -> Option<UnixTime> {
            Some(UnixTime::since_unix_epoch(Duration::from_micros(self.0)))
        }
    }
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(authority).unwrap())
        .unwrap();
    let clock = Arc::new(At(u64::try_from(now_us).unwrap()));
    let config = ClientConfig::builder_with_details(Arc::new(ring::default_provider()), clock)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

/// Writes a chain of server and authority, and a key, for `localhost`.
fn write_pair(certificate: &Path, key: &Path) {
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(certificate, issued.cert.pem()).unwrap();
    fs::write(key, issued.signing_key.serialize_pem()).unwrap();
}

#[tokio::test]
async fn another_pair_is_shown_once_it_is_whole_and_good() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    let (certificate, key) = (file("server.pem"), file("server.key"));
    write_pair(&certificate, &key);
    let (certificate_flag, key_flag) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let flags = ["--tls-certificate", certificate_flag, "--tls-key", key_flag];
    let now_us = time::now_us();
    let mut tls = Tls::open(&options(&flags), now_us).unwrap().unwrap();
    let served = Served::start(Some(&tls), Limits::default()).await;
    fs::copy(&certificate, file("first.pem")).unwrap();
    let first = connector(&certificate, &[&version::TLS13]);
    shaken(&served, &first, "localhost").await.unwrap();
    assert_eq!(tls.look(now_us).unwrap(), Look::Same);

    // The certificate comes before its key, as files do one after the other.
    write_pair(&file("next.pem"), &file("next.key"));
    fs::rename(file("next.pem"), &certificate).unwrap();
    let words = format!("{:#}", tls.look(now_us).unwrap_err());
    assert!(words.contains("keys may not be consistent"), "{words}");
    shaken(&served, &first, "localhost").await.unwrap();
    fs::rename(file("next.key"), &key).unwrap();
    assert_eq!(tls.look(now_us).unwrap(), Look::Changed);
    let second = connector(&certificate, &[&version::TLS13]);
    shaken(&served, &second, "localhost").await.unwrap();
    // Another client, as one that was here before resumes its session, where no certificate is shown.
    let stale = connector(&file("first.pem"), &[&version::TLS13]);
    assert!(shaken(&served, &stale, "localhost").await.is_err());

    for nonsense in [
        "",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "\u{0}",
    ] {
        fs::write(&certificate, nonsense).unwrap();
        assert!(tls.look(now_us).is_err(), "{nonsense:?}");
        assert!(Tls::open(&options(&flags), now_us).is_err(), "{nonsense:?}");
    }
    fs::remove_file(&certificate).unwrap();
    let words = format!("{:#}", tls.look(now_us).unwrap_err());
    assert!(words.contains("--tls-certificate"), "{words}");
    shaken(&served, &second, "localhost").await.unwrap();
    served.end().await;
}

#[tokio::test]
async fn who_does_not_shake_hands_is_told_so_or_given_up() {
    let directory = tempfile::tempdir().unwrap();
    let tls = own(directory.path(), &[], time::now_us()).unwrap();
    let limits = Limits {
        handshake: Duration::from_millis(300),
        ..Limits::default()
    };
    let served = Served::start(Some(&tls), limits).await;
    let answer = page(TcpStream::connect(served.address).await.unwrap()).await;
    assert!(
        answer.starts_with("HTTP/1.1 400 ") && answer.contains("https://"),
        "{answer}"
    );
    assert_eq!(load(&served.counters.plain), 1);

    let mut odd = TcpStream::connect(served.address).await.unwrap();
    odd.write_all(&[0x16, 3, 1, 0xff, 0xff, 1, 2]).await.unwrap();
    let mut rest = Vec::new();
    let _ = odd.read_to_end(&mut rest).await;
    assert_eq!(load(&served.counters.handshakes_failed), 1);

    // Many that begin and never end shut nobody out.
    let mut halves = Vec::new();
    for _ in 0..400 {
        let mut half = served.connect_from("127.0.7.7").await;
        half.write_all(&[0x16, 3, 1]).await.unwrap();
        halves.push(half);
    }
    let client = connector(&directory.path().join("ca.pem"), &[&version::TLS13]);
    shaken(&served, &client, "localhost").await.unwrap();
    for mut half in halves {
        let _ = half.read_to_end(&mut rest).await;
    }
    assert_eq!(load(&served.counters.handshakes_slow), 400);
    served.end().await;
}

#[tokio::test]
async fn one_network_does_not_take_the_places_of_others() {
    let served = Served::start(None, Limits::default()).await;
    let mut hoard = Vec::new();
    for _ in 0..3000 {
        hoard.push(served.connect_from("127.0.7.7").await);
    }
    let other = page(served.connect_from("127.0.8.8").await).await;
    assert!(other.ends_with("here"), "{other}");
    assert_eq!(
        (served.places.refused(), load(&served.counters.open)),
        (2488, 512)
    );
    drop(hoard);
    while load(&served.counters.open) > 0 {
        tokio::task::yield_now().await;
    }
    let again = page(served.connect_from("127.0.7.7").await).await;
    assert!(again.ends_with("here"), "{again}");
    served.end().await;
}

#[tokio::test]
async fn who_is_slow_or_idle_or_takes_nothing_is_not_waited_for() {
    let limits = Limits {
        head: Duration::from_millis(200),
        write: Duration::from_millis(200),
        ..Limits::default()
    };
    let served = Served::start(None, limits).await;
    let mut rest = Vec::new();

    let mut slow = TcpStream::connect(served.address).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nx-never: ").await.unwrap();
    let _ = slow.read_to_end(&mut rest).await;

    let mut silent = TcpStream::connect(served.address).await.unwrap();
    let _ = silent.read_to_end(&mut rest).await;

    let mut idle = TcpStream::connect(served.address).await.unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    rest.clear();
    idle.read_to_end(&mut rest).await.unwrap();
    assert!(rest.ends_with(b"here"));

    let mut full = TcpStream::connect(served.address).await.unwrap();
    full.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    while load(&served.counters.untaken) == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    served.end().await;
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let never = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let request = Request::post("/api/v1/session")
        .header("content-type", "application/json")
        .header("content-length", "100")
        .body(Body::from_stream(never))
        .unwrap();
    let limit = Duration::from_millis(50);
    let read = crate::extract::read_body::<Value>(request, &harness.console, limit).await;
    let status = read.unwrap_err().into_response().status();
    assert_eq!(status, StatusCode::REQUEST_TIMEOUT);
    assert_eq!(load(&harness.console.door().bodies_slow), 1);
}

#[tokio::test]
async fn https_is_for_good_but_not_for_this_machines_own_name() {
    let directory = tempfile::tempdir().unwrap();
    let own = ["--tls-own", directory.path().to_str().unwrap()];
    let public = ["--public-url", "https://soc.example"];
    let year = Some("max-age=31536000; includeSubDomains");
    for (flags, host, expect) in [
        (vec![], "soc.example", None),
        (own.to_vec(), "localhost:8443", None),
        (own.to_vec(), "soc.example:8443", year),
        (public.to_vec(), "soc.example", year),
        (public.to_vec(), "localhost", None),
    ] {
        let Some(harness) = Harness::start(&flags).await else {
            return;
        };
        let mut asked = request("GET", "/api/v1/setup", "", &Value::Null);
        asked.headers_mut().insert("host", HeaderValue::from_static(host));
        let answer = harness.app.clone().oneshot(asked).await.unwrap();
        let told = answer.headers().get("strict-transport-security");
        let told = told.map(|value| value.to_str().unwrap());
        assert_eq!(told, expect, "{flags:?} {host}");
    }
}
