//! A client of the deployed service: over HTTPS, with its certificate verified.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use ocr_api::answer::Answer;
use reqwest::{RequestBuilder, Response, StatusCode};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};

use super::{ProofError, wrong};
use ocrctl::probe::Place;

pub(super) const NAME: &str = "ocr.rehearsal.test";
/// A second name where people are to open the page: browsers and curl take it for this machine without being told.
pub(super) const LOCAL_NAME: &str = "ocr.localhost";
const TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug, Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    tls: rustls::ClientConfig,
    https_port: u16,
    base: String,
    plain: String,
}

impl Client {
    /// Trusts exactly the authority in `ca` (PEM), as a client of the environment does.
    pub(super) fn new(ca: &str, http_port: u16, https_port: u16) -> Result<Self, ProofError> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(ca.as_bytes()) {
            let added = certificate
                .map_err(|e| e.to_string())
                .and_then(|c| roots.add(c).map_err(|e| e.to_string()));
            if let Err(error) = added {
                return wrong(format!(
                    "the environment's authority can't be read: {error}"
                ));
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| ProofError::Wrong(e.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let http = http(&tls, https_port, KEPT)?;
        Ok(Self {
            http,
            tls,
            https_port,
            base: format!("https://{NAME}:{https_port}"),
            plain: format!("http://127.0.0.1:{http_port}"),
        })
    }

    /// The same, with a new connection for each request.
    pub(super) fn fresh(&self) -> Result<Self, ProofError> {
        Ok(Self {
            http: http(&self.tls, self.https_port, 0)?,
            ..self.clone()
        })
    }

    /// For a load of requests.
    pub(super) fn place(&self) -> Result<Place, ProofError> {
        Ok(Place {
            kept: self.http.clone(),
            fresh: http(&self.tls, self.https_port, 0)?,
            base: self.base.clone(),
        })
    }

    /// A connection of one's own, to see what becomes of it.
    pub(super) fn connection(&self) -> Result<Connection, ProofError> {
        let failed = |what: String| ProofError::Wrong(format!("connecting: {what}"));
        let name = ServerName::try_from(NAME).map_err(|e| failed(e.to_string()))?;
        let tls = rustls::ClientConnection::new(Arc::new(self.tls.clone()), name)
            .map_err(|e| failed(e.to_string()))?;
        let tcp = TcpStream::connect(("127.0.0.1", self.https_port))
            .and_then(|tcp| tcp.set_read_timeout(Some(TIMEOUT)).map(|()| tcp))
            .map_err(|e| failed(e.to_string()))?;
        Ok(Connection(rustls::StreamOwned::new(tls, tcp)))
    }

    /// Each is read anew: an answer that was kept would prove nothing of the workers.
    pub(super) fn post(&self, path: &str, body: &[u8]) -> RequestBuilder {
        self.http
            .post(format!("{}{path}", self.base))
            .header("Cache-Control", "no-store, no-cache")
            .body(body.to_vec())
    }

    pub(super) fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.base))
    }

    /// Port 80, by this Host header.
    pub(super) fn get_plain(&self, path: &str, host: &str) -> RequestBuilder {
        self.http
            .get(format!("{}{path}", self.plain))
            .header("Host", host)
    }

    /// Reads a document; anything but a whole answer is wrong.
    pub(super) async fn ocr(&self, key: &str, document: &[u8]) -> Result<Answer, ProofError> {
        let response = send(
            "POST /v1/ocr",
            self.post("/v1/ocr", document).bearer_auth(key),
        )
        .await?;
        let status = response.status();
        let text = text(response).await?;
        if status != StatusCode::OK {
            return wrong(format!("POST /v1/ocr: {status}: {text}"));
        }
        match serde_json::from_str::<Answer>(&text) {
            Ok(answer) if answer.complete => Ok(answer),
            Ok(_) => wrong(format!("the answer is not complete: {text}")),
            Err(error) => wrong(format!("the answer can't be read ({error}): {text}")),
        }
    }

    /// The release that answers.
    pub(super) async fn release(&self) -> Result<String, ProofError> {
        let response = send("GET /healthz", self.get("/healthz")).await?;
        let health: ocr_api::health::Health =
            response
                .json()
                .await
                .map_err(|source| ProofError::Request {
                    doing: "reading /healthz",
                    source,
                })?;
        Ok(health.release)
    }
}

/// One TLS connection.
pub(super) struct Connection(rustls::StreamOwned<rustls::ClientConnection, TcpStream>);

impl Connection {
    /// Sends a small request and reads the head of the answer; blocks for as long.
    pub(super) fn get(&mut self) -> std::io::Result<()> {
        let request = format!("GET /healthz HTTP/1.1\r\nHost: {NAME}\r\n\r\n");
        self.0.write_all(request.as_bytes())?;
        let mut answer = [0; 4096];
        match self.0.read(&mut answer)? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// Connections that may be kept for the next request.
const KEPT: usize = usize::MAX;

fn http(
    tls: &rustls::ClientConfig,
    https_port: u16,
    kept: usize,
) -> Result<reqwest::Client, ProofError> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .resolve(NAME, ([127, 0, 0, 1], https_port).into())
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT)
        .pool_max_idle_per_host(kept)
        .build()
        .map_err(|source| ProofError::Request {
            doing: "making a client",
            source,
        })
}

pub(super) async fn send(
    doing: &'static str,
    request: RequestBuilder,
) -> Result<Response, ProofError> {
    request
        .send()
        .await
        .map_err(|source| ProofError::Request { doing, source })
}

pub(super) async fn text(response: Response) -> Result<String, ProofError> {
    response.text().await.map_err(|source| ProofError::Request {
        doing: "reading the answer",
        source,
    })
}
