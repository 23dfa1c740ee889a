//! The organization's container registry, read by hosts and by the operator's machine: which digest a tag stands for,
//! manifests and blobs; and images in a file.

pub mod archive;
mod challenge;
mod error;
pub mod manifest;
pub mod repository;
#[cfg(test)]
mod test_support;
pub mod upload;

pub use error::RegistryError;
pub use manifest::INDEX;
pub use repository::Repository;

use std::time::Duration;

use oci_client::client::{Certificate, CertificateEncoding, ClientConfig};
use oci_client::errors::OciDistributionError;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};

use ocrctl_protocol::{Context, Failure, ImageRef, Registry, Result};

/// The label that says which version an image is.
pub const VERSION: &str = "org.opencontainers.image.version";
/// The label that names the languages whose models an image has.
pub const LANGUAGES: &str = "org.ocrctl.languages";

const TIMEOUT: Duration = Duration::from_secs(15);

/// `registry/name@sha256:…` for an image named by tag or digest.
pub async fn resolve(image: &ImageRef, registry: &Registry) -> Result<ImageRef> {
    if let Some(digest) = &image.digest {
        return Ok(image.pinned(digest.clone()));
    }
    let reference = reference(image);
    let ask = client(registry, TIMEOUT)?;
    let auth = auth(registry);
    let digest = in_time(image, ask.fetch_manifest_digest(&reference, &auth)).await?;
    Ok(image.pinned(digest))
}

/// In its parts: `oci-client`'s own parser is a regular expression, whose compiling took most of the
/// processor time that a deploy with nothing to do costs a host.
fn reference(image: &ImageRef) -> Reference {
    let (registry, repository) = (image.registry.clone(), image.repository.clone());
    match (&image.digest, &image.tag) {
        (Some(digest), _) => Reference::with_digest(registry, repository, digest.clone()),
        (None, tag) => Reference::with_tag(registry, repository, tag.clone().unwrap_or_default()),
    }
}

/// A registry's data of an image, for the requested platform.
#[derive(Debug, Default)]
pub struct About {
    /// Digest of its configuration: Docker's name of it, wherever it comes from.
    pub id: Option<String>,
    /// The label `org.opencontainers.image.version`.
    pub version: Option<String>,
    /// The label `org.ocrctl.languages`: Tesseract's names, separated by commas.
    pub languages: Option<String>,
}

pub async fn about(image: &ImageRef, registry: &Registry) -> Result<About> {
    let reference = reference(image);
    let ask = client(registry, TIMEOUT)?;
    let auth = auth(registry);
    let asked = ask.pull_manifest_and_config(&reference, &auth);
    let (manifest, _, config) = in_time(image, asked).await?;
    let config: serde_json::Value = serde_json::from_str(&config)
        .context(format_args!("reading the configuration of {image}"))?;
    let label = |name: &str| {
        let label = config["config"]["Labels"][name].as_str();
        label.map(str::to_owned)
    };
    Ok(About {
        id: Some(manifest.config.digest),
        version: label(VERSION),
        languages: label(LANGUAGES),
    })
}

fn auth(registry: &Registry) -> RegistryAuth {
    match &registry.credentials {
        Some(credentials) => RegistryAuth::Basic(
            credentials.username.clone(),
            credentials.password.expose().to_owned(),
        ),
        None => RegistryAuth::Anonymous,
    }
}

async fn in_time<T>(
    image: &ImageRef,
    asked: impl Future<Output = std::result::Result<T, OciDistributionError>>,
) -> Result<T> {
    match tokio::time::timeout(TIMEOUT, asked).await {
        Ok(answer) => answer.map_err(|error| failure(image, &error)),
        Err(_) => Err(Failure::new(format!(
            "asking the registry for {image}: no answer within {TIMEOUT:?}"
        ))),
    }
}

/// `silence`: how long the registry may say nothing.
fn client(registry: &Registry, silence: Duration) -> Result<Client> {
    let mut config = ClientConfig {
        connect_timeout: Some(Duration::from_secs(5)),
        read_timeout: Some(silence),
        user_agent: concat!("ocrctl/", env!("CARGO_PKG_VERSION")),
        ..ClientConfig::default()
    };
    if let Some(ca) = &registry.ca {
        // A private authority stands alone: the host may have no public ones.
        config.tls_certs_only = vec![Certificate {
            encoding: CertificateEncoding::Pem,
            data: ca.clone().into_bytes(),
        }];
    }
    Client::try_from(config).context("making a registry client")
}

fn failure(image: &ImageRef, error: &OciDistributionError) -> Failure {
    let cause = ocrctl_protocol::causes::chain(error);
    let failure = Failure::new(format!("asking the registry for {image}: {cause}"));
    match error {
        OciDistributionError::UnauthorizedError { .. }
        | OciDistributionError::AuthenticationFailure(_) => failure.hint(
            "the registry refuses these credentials: check registry.username and registry.password in the inventory",
        ),
        OciDistributionError::ImageManifestNotFoundError(_) => {
            failure.hint("check the image's name and tag, and that it was pushed")
        }
        OciDistributionError::ServerError { code: 401 | 403, .. } => failure.hint(
            "the registry refuses these credentials: check registry.username and registry.password in the inventory",
        ),
        OciDistributionError::ServerError { code: 404, .. } => {
            failure.hint("check the image's name and tag, and that it was pushed")
        }
        _ if failure.message.contains("UnknownIssuer") => failure.hint(
            "the registry's certificate is from an authority unknown to the host: name its PEM file in registry.ca",
        ),
        _ => failure.hint("the host must reach the registry: check its name, port and the network between"),
    }
}
