//! Access to an environment's registry.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::docker_config::DockerConfig;
use super::problem::Checks;
use super::schema::{self, Spanned};
use super::secret::{SecretError, SecretRef};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registry {
    pub credentials: Option<Credentials>,
    /// PEM of a private authority.
    pub ca: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    Password {
        username: String,
        password: SecretRef,
    },
    /// Credentials that `docker login` has stored.
    DockerConfig(DockerConfig),
}

impl Registry {
    pub(super) fn read(
        raw: Option<&Spanned<schema::Registry>>,
        environment: &str,
        checks: &mut Checks<'_>,
    ) -> Self {
        let Some(raw) = raw else {
            return Self::default();
        };
        let (at, raw) = (raw.referenced, &raw.value);
        let credentials = match (&raw.username, &raw.password) {
            (None, None) => raw.docker_config.as_ref().map(|path| {
                let field = format!("environments.{environment}.registry.docker_config");
                Credentials::DockerConfig(DockerConfig::new(field, checks.path(path)))
            }),
            (Some(username), Some(password)) => {
                // RFC 7617, 2: the first colon ends the name.
                if username.value.is_empty() || username.value.contains(':') {
                    checks
                        .refuse(
                            username.referenced,
                            format!("`{}` is not a user's name", username.value),
                        )
                        .hint("write the name alone; where the password is, `password` says");
                }
                if let Some(path) = &raw.docker_config {
                    checks
                        .refuse(
                            path.referenced,
                            "`docker_config` stands beside `username` and `password`",
                        )
                        .hint("credentials come from one place: remove one of the two");
                }
                let field = format!("environments.{environment}.registry.password");
                SecretRef::read(password, field, checks).map(|password| Credentials::Password {
                    username: username.value.clone(),
                    password,
                })
            }
            (Some(username), None) => {
                checks
                    .refuse(username.referenced, "`username` has no `password`")
                    .hint("add `password: {env: NAME}`");
                None
            }
            (None, Some(_)) => {
                checks
                    .refuse(at, "`password` has no `username`")
                    .hint("add `username: NAME`");
                None
            }
        };
        Self {
            credentials,
            ca: raw.ca.as_ref().map(|path| checks.path(path)),
        }
    }
}

impl Credentials {
    /// Fetches them for a registry, such as `registry.example.org:5000`.
    pub async fn resolve(
        &self,
        registry: &str,
    ) -> Result<ocrctl_protocol::Credentials, SecretError> {
        let (username, password): (String, SecretString) = match self {
            Self::Password { username, password } => (username.clone(), password.resolve().await?),
            Self::DockerConfig(config) => config.resolve(registry).await?,
        };
        Ok(ocrctl_protocol::Credentials {
            username,
            password: ocrctl_protocol::Secret(password),
        })
    }
}

/// A path for the inventory at `inventory`: relative to it where it is beside or below, else absolute.
pub fn path_in(inventory: &Path, path: &Path) -> std::io::Result<String> {
    let absolute = std::path::absolute(path)?;
    let base = std::path::absolute(inventory)?;
    let base = base.parent().unwrap_or(Path::new("/"));
    let shown = absolute.strip_prefix(base).unwrap_or(&absolute);
    Ok(shown.to_string_lossy().into_owned())
}
