//! Arguments that concern the registry.

use std::path::PathBuf;

use clap::Args;

use super::Operation;

pub(super) const MIGRATE_EXAMPLES: &str = "\
Examples:
  ocrctl migrate-registry prod --to ghcr.io/example-org/ocr-service --dry-run
  ocrctl migrate-registry prod --to registry.example.org:5000/example-org/ocr-service \\
      --to-username ocr-pull --to-password env:OCR_REGISTRY_PASSWORD --to-ca registry-ca.pem
  ocrctl migrate-registry prod --to ghcr.io/example-org/ocr-service --tag 1.4.0 --tag 1.5.0 \\
      --to-username robot --to-password 'command:pass show ocr/ghcr' \\
      --push-docker-config ~/.docker/config.json

A password is given as a reference, and it is the reference that the inventory gets:
  env:NAME        an environment variable
  file:PATH       a file
  command:WORDS   what a program prints; its words are split at spaces";

pub(super) const BUILD_EXAMPLES: &str = "\
Examples:
  ocrctl build                                  ocr-service:latest, on this machine only
  ocrctl build prod --push                      to prod's repository, with prod's credentials
  ocrctl build prod --release 1.5.0 --push --push-docker-config ~/.docker/config.json";

#[derive(Debug, Args)]
pub struct Build {
    /// An environment of the inventory: the image is for its repository
    #[arg(value_name = "ENV")]
    pub environment: Option<String>,

    /// Name of the release: the image's tag and label; by default the output of `git describe`
    #[arg(long, value_name = "VERSION")]
    pub release: Option<String>,

    /// The image's name on this machine, where no environment is given
    #[arg(long, value_name = "NAME:TAG", default_value = "ocr-service:latest")]
    #[arg(conflicts_with = "environment")]
    pub image: String,

    /// Push it to the environment's registry
    #[arg(long, requires = "environment")]
    pub push: bool,

    /// Build every step anew, whatever was built before
    #[arg(long)]
    pub no_cache: bool,

    /// The clone
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub source: PathBuf,

    #[command(flatten)]
    pub push_login: PushLogin,
}

#[derive(Debug, Args)]
pub struct MigrateRegistry {
    #[command(flatten)]
    pub operation: Operation,

    /// The repository to move to
    #[arg(long, value_name = "REGISTRY/ORG/NAME")]
    pub to: String,

    /// Also copy this tag; may be given several times. The image that the inventory names is always copied
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,

    /// Show what would be copied and changed, and do none of it; exits 2 if there is anything
    #[arg(long)]
    pub dry_run: bool,

    /// Only copy: leave the inventory and the hosts as they are
    #[arg(long)]
    pub copy_only: bool,

    /// Where half-sent uploads are noted; ~/.local/state/ocrctl if it is not given
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,

    #[command(flatten)]
    pub to_login: ToLogin,

    #[command(flatten)]
    pub push_login: PushLogin,
}

/// Login to the new registry, which becomes `registry` in the inventory.
#[derive(Debug, Args)]
#[command(next_help_heading = "How the new registry is reached (written to the inventory)")]
pub struct ToLogin {
    /// User of the new registry
    #[arg(long, value_name = "NAME", requires = "to_password")]
    to_username: Option<String>,

    /// Where its password is: env:NAME, file:PATH or command:WORDS
    #[arg(long, value_name = "REFERENCE", requires = "to_username")]
    to_password: Option<String>,

    /// Instead of both: Docker's config.json, with what `docker login` or a credential helper has
    #[arg(long, value_name = "FILE", conflicts_with = "to_username")]
    to_docker_config: Option<PathBuf>,

    /// PEM of the new registry's private authority
    #[arg(long, value_name = "FILE")]
    to_ca: Option<PathBuf>,
}

/// Login of the user who copies, if another one pulls.
#[derive(Debug, Args)]
#[command(next_help_heading = "Who pushes, if not the same (written nowhere)")]
pub struct PushLogin {
    /// User that may push to the new registry
    #[arg(long, value_name = "NAME", requires = "push_password")]
    push_username: Option<String>,

    /// Where that user's password is
    #[arg(long, value_name = "REFERENCE", requires = "push_username")]
    push_password: Option<String>,

    /// Instead of both: Docker's config.json
    #[arg(long, value_name = "FILE", conflicts_with = "push_username")]
    push_docker_config: Option<PathBuf>,
}

/// Credentials as flags give them.
#[derive(Debug)]
pub struct Login<'a> {
    /// Prefix of the flags.
    pub prefix: &'static str,
    pub username: Option<&'a str>,
    pub password: Option<&'a str>,
    pub docker_config: Option<&'a PathBuf>,
    pub ca: Option<&'a PathBuf>,
}

impl ToLogin {
    pub fn login(&self) -> Login<'_> {
        Login {
            prefix: "to",
            username: self.to_username.as_deref(),
            password: self.to_password.as_deref(),
            docker_config: self.to_docker_config.as_ref(),
            ca: self.to_ca.as_ref(),
        }
    }
}

impl PushLogin {
    pub fn login(&self) -> Login<'_> {
        Login {
            prefix: "push",
            username: self.push_username.as_deref(),
            password: self.push_password.as_deref(),
            docker_config: self.push_docker_config.as_ref(),
            ca: None,
        }
    }
}
