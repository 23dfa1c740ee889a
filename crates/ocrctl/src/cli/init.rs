//! `ocrctl init`.

use std::path::PathBuf;

use clap::Args;

use super::Login;

pub(super) const EXAMPLES: &str = "\
Examples:
  ocrctl init
  ocrctl init --name ocr.example.org --host deploy@192.0.2.10 \\
      --image registry.example.org/example-org/ocr-service:1.0.0 --certificate ocr@example.org \\
      --registry-username ocr-pull --registry-password env:OCR_REGISTRY_PASSWORD
  ocrctl init --inventory staging.yaml --environment staging";

#[derive(Debug, Args)]
pub struct Init {
    /// Name of the environment
    #[arg(long, value_name = "ENV", default_value = "prod")]
    pub environment: String,

    /// DNS name that clients use; may be given several times
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub name: Vec<String>,

    /// The server, as ssh takes it
    #[arg(long, value_name = "USER@ADDRESS[:PORT]")]
    pub host: Option<String>,

    /// The service's image
    #[arg(long, value_name = "REGISTRY/ORG/NAME:TAG")]
    pub image: Option<String>,

    /// From Let's Encrypt: `acme`, or the e-mail address that it may write to; else `self_signed`
    #[arg(long, value_name = "ISSUER")]
    pub certificate: Option<String>,

    /// User who pulls the image
    #[arg(long, value_name = "USER", requires = "registry_password")]
    registry_username: Option<String>,

    /// Where that user's password is: env:NAME, file:PATH or command:WORDS
    #[arg(long, value_name = "REFERENCE", requires = "registry_username")]
    registry_password: Option<String>,

    /// Instead of both: Docker's config.json, with what `docker login` or a credential helper has
    #[arg(long, value_name = "FILE", conflicts_with = "registry_username")]
    registry_docker_config: Option<PathBuf>,
}

impl Init {
    pub fn login(&self) -> Login<'_> {
        Login {
            prefix: "registry",
            username: self.registry_username.as_deref(),
            password: self.registry_password.as_deref(),
            docker_config: self.registry_docker_config.as_ref(),
            ca: None,
        }
    }
}
