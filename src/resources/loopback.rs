//! Asking what runs on this host: NGINX as a client would, over TLS, where the one certificate that will do is the
//! one that is live on disk; others on their sockets.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};

use super::{Host, certificate};
use crate::agent::{Context, Result};
use crate::protocol::Failure;

const ANSWER: Duration = Duration::from_secs(5);
const EVERY: Duration = Duration::from_millis(50);
/// After a reload, NGINX's old workers still take connections for a moment.
const TAKEN_OVER: Duration = Duration::from_secs(15);
/// Connections in a row that must meet the new ones.
const IN_A_ROW: u32 = 5;

/// Waits until NGINX presents the live certificate to every new connection.
pub(super) async fn until_served(host: &Host, name: &str) -> Result<()> {
    let client = over_tls(host, name)?;
    let url = format!("https://{name}/healthz");
    let began = Instant::now();
    let mut in_a_row = 0;
    while in_a_row < IN_A_ROW {
        // Whatever it answers: no release may be live yet.
        match client.get(&url).send().await {
            Ok(_) => in_a_row += 1,
            Err(error) if began.elapsed() > TAKEN_OVER => {
                return Err(Failure::new(format!(
                    "NGINX was reloaded, but does not serve the certificate on disk: {error:?}"
                ))
                .hint("another program may hold port 443: `ss -ltnp` on the host shows it"));
            }
            Err(_) => {
                in_a_row = 0;
                tokio::time::sleep(EVERY).await;
            }
        }
    }
    Ok(())
}

/// A client of port 443 on this host, with a new connection for each request.
pub fn over_tls(host: &Host, name: &str) -> Result<reqwest::Client> {
    reqwest::Client::builder()
        .resolve(name, ([127, 0, 0, 1], 443).into())
        .tls_backend_preconfigured(pinned(certificate::live_leaf(host)?))
        .timeout(ANSWER)
        .pool_max_idle_per_host(0)
        .build()
        .context("making an HTTPS client")
}

/// A client of a service on a Unix socket, with a new connection for each request.
pub fn over_socket(path: &Path) -> Result<reqwest::Client> {
    // Without names to resolve or certificates to trust, but the client asks for both.
    reqwest::Client::builder()
        .unix_socket(path)
        .tls_backend_preconfigured(pinned(Vec::new()))
        .timeout(ANSWER)
        .pool_max_idle_per_host(0)
        .build()
        .context("making an HTTP client")
}

fn pinned(leaf: Vec<u8>) -> rustls::ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Arc::new(Pinned {
        leaf,
        provider: provider.clone(),
    });
    // The versions are those of the provider.
    #[expect(
        clippy::expect_used,
        reason = "ring's provider supports the default versions"
    )]
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring supports the default versions")
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth()
}

/// Accepts exactly the certificate that is live on disk, from whatever authority: here the question
/// is whether NGINX serves it, not whether a client trusts it.
#[derive(Debug)]
struct Pinned {
    leaf: Vec<u8>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        if end_entity.as_ref() == self.leaf {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::General(
                "NGINX serves another certificate than the one on disk".into(),
            ))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
