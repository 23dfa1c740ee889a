//! Clients of what runs on this host: of NGINX over TLS, where one certificate will do, and of services on Unix sockets.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};

use ocrctl_protocol::{Context, Result};

const ANSWER: Duration = Duration::from_secs(5);
/// A client of port 443 on this host, with a new connection for each request. Only the certificate `leaf` (DER) will do.
pub fn over_tls(leaf: Vec<u8>, name: &str) -> Result<reqwest::Client> {
    reqwest::Client::builder()
        .resolve(name, ([127, 0, 0, 1], 443).into())
        .tls_backend_preconfigured(pinned(leaf))
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

/// Accepts exactly one certificate, from whatever authority: the question is whether NGINX serves it, not whether a
/// client trusts it.
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
