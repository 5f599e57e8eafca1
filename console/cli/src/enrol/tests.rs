//! The exchange with a console that is played here.
#![allow(clippy::unwrap_used)]

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use vonggac_enrolment::MasterKey;

use super::*;

/// A console that answers one request, and what it was asked.
fn console(status: &str, body: &str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = answer(status, body);
    let asked = thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut request = vec![0; 4096];
        let count = client.read(&mut request).unwrap();
        client.write_all(answer.as_bytes()).unwrap();
        String::from_utf8(request[..count].to_vec()).unwrap()
    });
    (url, asked)
}

fn answer(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}")
}

struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("token"), "a-token\n").unwrap();
        Self { directory }
    }

    fn options(&self, console: &str) -> EnrolOptions {
        EnrolOptions {
            console: console.to_owned(),
            token_file: self.directory.path().join("token"),
            credential: self.directory.path().join("credential"),
            ca: None,
            replace: false,
        }
    }

    /// Names of the files that are there.
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn credential(generation: u32) -> String {
    let master = MasterKey::new([1; 32]);
    let own = Credential::own(&master, "tap-1", "moh");
    Credential { generation, ..own }.to_text()
}

fn refusal(options: &EnrolOptions) -> String {
    format!("{:#}", enrol(options).unwrap_err())
}

#[test]
fn a_token_becomes_a_credential_that_only_its_user_reads() {
    let place = Place::new();
    let text = credential(1);
    let (url, asked) = console("201 Created", &text);
    let options = place.options(&url);
    assert_eq!(enrol(&options).unwrap().name, "tap-1");
    let asked = asked.join().unwrap();
    assert!(
        asked.starts_with("POST /api/v1/sensors/enrol HTTP/1.1\r\n"),
        "{asked}"
    );
    assert!(asked.ends_with("\r\n\r\n{\"token\":\"a-token\"}"), "{asked}");
    assert_eq!(fs::read_to_string(&options.credential).unwrap(), text);
    let mode = fs::metadata(&options.credential).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(place.files(), ["credential", "token"]);
}

#[test]
fn a_credential_that_is_there_is_replaced_only_when_told_so() {
    let place = Place::new();
    let mut options = place.options("http://127.0.0.1:1");
    fs::write(&options.credential, "before").unwrap();
    // Nobody is asked, so the token is still good.
    assert!(refusal(&options).contains("--replace"));
    let (url, _asked) = console("201 Created", &credential(2));
    options.console = url;
    options.replace = true;
    assert_eq!(enrol(&options).unwrap().generation, 2);
    let mode = fs::metadata(&options.credential).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(place.files(), ["credential", "token"]);
}

#[test]
fn what_goes_wrong_is_said_and_leaves_nothing() {
    let place = Place::new();
    let check = |status: &str, body: &str, words: &str| {
        let (url, _asked) = console(status, body);
        let error = refusal(&place.options(&url));
        assert!(error.contains(words) && error.contains(&url), "{error}");
        assert!(!error.contains("a-token"), "{error}");
        assert_eq!(place.files(), ["token"]);
    };
    check("404 Not Found", "{}", "wrong, was used already, or is too old");
    check("429 Too Many Requests", "{}", "too many attempts");
    check("302 Found", "", "is not at");
    check("503 Service Unavailable", "{}", "status 503");
    check("201 Created", "{}", "no credential");
    let away = refusal(&place.options("http://127.0.0.1:1"));
    assert!(
        away.contains("cannot be reached") && away.contains("refused"),
        "{away}"
    );
    let mut options = place.options("http://127.0.0.1:1");
    options.token_file = place.directory.path().join("nothing");
    assert!(refusal(&options).contains("--token-file"));
    options.credential = PathBuf::from("/nonexistent/credential");
    assert!(refusal(&options).contains("--credential /nonexistent/credential"));
    assert_eq!(place.files(), ["token"]);
}

/// A console behind TLS with a certificate of its own; gives that too, as PEM.
fn console_by_tls(name: &str, body: &str) -> (String, String, JoinHandle<()>) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let pem = made.cert.pem();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let answer = answer("201 Created", body);
    let asked = thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        let connection = ServerConnection::new(Arc::new(config)).unwrap();
        let mut client = StreamOwned::new(connection, client);
        let mut request = vec![0; 4096];
        // A client that does not accept the certificate hangs up.
        if client.read(&mut request).is_ok() {
            client.write_all(answer.as_bytes()).unwrap();
        }
    });
    (url, pem, asked)
}

#[test]
fn a_certificate_counts_by_the_authority_that_is_given() {
    let place = Place::new();
    let authority = place.directory.path().join("token.pem");
    let enrol_by_tls = |name: &str, is_given: bool| {
        let (url, pem, asked) = console_by_tls(name, &credential(1));
        fs::write(&authority, pem).unwrap();
        let options = EnrolOptions {
            ca: is_given.then(|| authority.clone()),
            replace: true,
            ..place.options(&url)
        };
        let outcome = enrol(&options).map_err(|error| format!("{error:#}"));
        asked.join().unwrap();
        outcome
    };
    assert_eq!(enrol_by_tls("localhost", true).unwrap().name, "tap-1");
    let unknown = enrol_by_tls("localhost", false).unwrap_err();
    assert!(
        unknown.contains("--ca FILE") && unknown.contains("certificate"),
        "{unknown}"
    );
    let other = enrol_by_tls("elsewhere.test", true).unwrap_err();
    assert!(other.contains("is not accepted by the authority in"), "{other}");
    let mut options = place.options("https://localhost:1");
    options.ca = Some(place.directory.path().join("token"));
    options.replace = true;
    assert!(refusal(&options).contains("there is no certificate in it"));
}
