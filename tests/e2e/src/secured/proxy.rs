//! A proxy that speaks TLS for a server that does not.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use anyhow::Context as _;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::certificate::Issued;

/// Runs until dropped.
#[derive(Debug)]
pub(super) struct Proxy {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Takes TLS on `port` and hands it on to `behind`, both on loopback.
    pub(super) fn start(port: u16, issued: &Issued, behind: u16) -> anyhow::Result<Self> {
        let chain = CertificateDer::pem_file_iter(&issued.certificate)?.collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_file(&issued.key)?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let listener = runtime
            .block_on(TcpListener::bind(("127.0.0.1", port)))
            .with_context(|| format!("port {port}"))?;
        let (stop, mut stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            runtime.block_on(async {
                loop {
                    let stream = tokio::select! {
                        _ = &mut stopped => return,
                        accepted = listener.accept() => accepted.map(|(stream, _)| stream),
                    };
                    if let Ok(stream) = stream {
                        tokio::spawn(carry(acceptor.clone(), stream, behind));
                    }
                }
            });
        });
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

/// One connection. How it ends is the business of those at its ends.
async fn carry(acceptor: TlsAcceptor, stream: TcpStream, behind: u16) {
    let Ok(mut outside) = acceptor.accept(stream).await else {
        return;
    };
    if let Ok(mut inside) = TcpStream::connect(("127.0.0.1", behind)).await {
        let _ = copy_bidirectional(&mut outside, &mut inside).await;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
