//! For tests: a certificate authority, names, and servers on loopback that mean well or do not.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, SocketAddr};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::mail::{Login, Relay, Security};
use crate::{Addresses, Limits, Notifier, Resolve};

/// The name that receivers have a certificate for.
pub const HOST: &str = "hooks.test";

/// A certificate of [`HOST`] and its authority's.
#[derive(Debug)]
pub struct Pki {
    pub root: CertificateDer<'static>,
    pub leaf: CertificateDer<'static>,
    pub leaf_pem: String,
    pub key_pem: String,
    key: Vec<u8>,
}

impl Default for Pki {
    fn default() -> Self {
        Self::new()
    }
}

impl Pki {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![HOST.to_owned()]).unwrap();
        let leaf = params.signed_by(&key, &authority).unwrap();
        Self {
            root: authority.der().clone(),
            leaf: leaf.der().clone(),
            leaf_pem: leaf.pem(),
            key_pem: key.serialize_pem(),
            key: key.serialize_der(),
        }
    }

    pub fn acceptor(&self) -> TlsAcceptor {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()));
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.leaf.clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// Names as a test wants them; each answer is taken off the front but the last, so that a name can change.
#[derive(Debug, Default)]
pub struct Names(Mutex<HashMap<String, Vec<Vec<IpAddr>>>>);

impl Names {
    pub fn of(names: &[(&str, &[&[&str]])]) -> Arc<Self> {
        let read = |answers: &&[&[&str]]| {
            let answer = |addresses: &&[&str]| addresses.iter().map(|text| text.parse().unwrap()).collect();
            answers.iter().map(answer).collect()
        };
        let all = names
            .iter()
            .map(|(name, answers)| ((*name).to_owned(), read(answers)));
        Arc::new(Self(Mutex::new(all.collect())))
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, host: &'a str) -> Addresses<'a> {
        let mut all = self.0.lock().unwrap();
        let answer = match all.get_mut(host) {
            Some(answers) if answers.len() > 1 => Ok(answers.remove(0)),
            Some(answers) => Ok(answers.first().cloned().unwrap_or_default()),
            None => Err(std::io::Error::other("no such name")),
        };
        Box::pin(std::future::ready(answer))
    }
}

/// What delivers to servers of that authority, by these names, and has little patience.
pub fn notifier(pki: &Pki, names: Arc<Names>) -> Notifier {
    let limits = Limits {
        webhook: Duration::from_millis(1_500),
        mail: Duration::from_secs(10),
        answer_bytes_max: 128 << 10,
    };
    Notifier::with(vec![pki.root.clone()], names, limits).unwrap()
}

/// What a receiver was sent.
#[derive(Debug, Clone, Default)]
pub struct Received {
    pub head: String,
    pub body: String,
}

impl Received {
    pub fn header(&self, name: &str) -> String {
        let lines = self.head.lines();
        let found = lines
            .filter_map(|line| line.split_once(": "))
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_owned()).unwrap_or_default()
    }
}

/// A receiver that answers each request with `answer`, again and again where it is to be endless.
#[derive(Debug)]
pub struct Receiver {
    pub address: SocketAddr,
    pub received: Arc<Mutex<Vec<Received>>>,
}

/// How a receiver answers.
#[derive(Debug, Clone)]
pub struct Behaviour {
    pub answer: Vec<u8>,
    /// Sent after it until the other end has enough.
    pub endless: Vec<u8>,
    /// Between pieces of the endless part.
    pub pause: Duration,
}

impl Behaviour {
    pub fn says(answer: &str) -> Self {
        Self {
            answer: answer.into(),
            endless: Vec::new(),
            pause: Duration::ZERO,
        }
    }
}

impl Receiver {
    pub async fn start(tls: Option<TlsAcceptor>, behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let kept = Arc::clone(&received);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, behaviour, kept) = (tls.clone(), behaviour.clone(), Arc::clone(&kept));
                tokio::spawn(async move { receive(stream, tls, behaviour, kept).await });
            }
        });
        Self { address, received }
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

async fn receive(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    behaviour: Behaviour,
    kept: Arc<Mutex<Vec<Received>>>,
) {
    match tls {
        None => exchange(stream, behaviour, kept).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                exchange(stream, behaviour, kept).await;
            }
        }
    }
}

async fn exchange<S>(mut stream: S, behaviour: Behaviour, kept: Arc<Mutex<Vec<Received>>>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let mut bytes = Vec::new();
    let end = loop {
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(read) if read > 0 => bytes.extend_from_slice(&piece[..read]),
            _ => return,
        }
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let mut received = Received {
        head: String::from_utf8_lossy(&bytes[..end]).into_owned(),
        body: String::new(),
    };
    let length: usize = received.header("content-length").parse().unwrap_or(0);
    while bytes.len() < end + length {
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(read) if read > 0 => bytes.extend_from_slice(&piece[..read]),
            _ => return,
        }
    }
    received.body = String::from_utf8_lossy(&bytes[end..]).into_owned();
    kept.lock().unwrap().push(received);
    let _ = stream.write_all(&behaviour.answer).await;
    let _ = stream.flush().await;
    while !behaviour.endless.is_empty() {
        tokio::time::sleep(behaviour.pause).await;
        if stream.write_all(&behaviour.endless).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
    let _ = stream.shutdown().await;
}

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/smtp_server.py");
/// Debian's own: it has the package.
const PYTHON: &str = "/usr/bin/python3";
/// Who may sign in at the mail server.
pub const LOGIN: (&str, &str) = ("soc", "mật khẩu");

/// A mail server, Debian's aiosmtpd, in a process of its own that ends with its input.
#[derive(Debug)]
pub struct MailServer {
    pub port: u16,
    directory: tempfile::TempDir,
    _child: (Child, ChildStdin),
}

impl MailServer {
    /// One of that mode: `plain`, `starttls`, `implicit`. None where it is not installed and need not be; otherwise the test fails.
    pub fn start(pki: &Pki, mode: &str) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let certificate = directory.path().join("certificate.pem");
        let key = directory.path().join("key.pem");
        std::fs::write(&certificate, &pki.leaf_pem).unwrap();
        std::fs::write(&key, &pki.key_pem).unwrap();
        let mut child = Command::new(PYTHON)
            .arg(SCRIPT)
            .args([directory.path(), mode.as_ref(), &certificate, &key])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let Ok(port) = line.trim().parse() else {
            drop(stdin);
            child.wait().unwrap();
            assert!(
                std::env::var_os("VONGGAC_TEST_SERVERS").is_none(),
                "the mail server of the tests does not start: install python3-aiosmtpd"
            );
            println!("skipped: python3-aiosmtpd is not installed here");
            return None;
        };
        Some(Self {
            port,
            directory,
            _child: (child, stdin),
        })
    }

    /// The way there, with that password of [`LOGIN`]'s user.
    pub fn relay(&self, security: Security, password: Option<&str>) -> Relay {
        Relay {
            host: HOST.to_owned(),
            port: self.port,
            security,
            login: password.map(|password| Login {
                user: LOGIN.0.into(),
                password: password.into(),
            }),
        }
    }

    /// The letters that it took, read by another implementation of mail: `is_tls`, `login`, `to`, and of the letter `subject`, `from`, `id`,
    /// `references`, `auto` and `text`.
    pub fn letters(&self) -> Vec<serde_json::Value> {
        let mut files: Vec<_> = std::fs::read_dir(self.directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == "json"))
            .collect();
        files.sort();
        let read = Command::new(PYTHON)
            .args(["-c", READER])
            .args(files)
            .output()
            .unwrap();
        assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
        serde_json::from_slice(&read.stdout).unwrap()
    }
}

const READER: &str = r#"
import email, email.policy, json, sys
read = []
for path in sys.argv[1:]:
    one = json.load(open(path, encoding="utf-8"))
    mail = email.message_from_string(one.pop("content"), policy=email.policy.default)
    text = mail.get_content().replace("\r\n", "\n")
    one |= {"subject": mail["Subject"], "from": mail["From"], "id": mail["Message-ID"], "references": mail["References"]}
    read.append(one | {"auto": mail["Auto-Submitted"], "text": text})
print(json.dumps(read))
"#;
