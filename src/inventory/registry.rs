//! How an environment's registry is reached.

use std::path::PathBuf;

use serde_saphyr::Spanned;

use super::problem::Checks;
use super::schema;
use super::secret::SecretRef;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registry {
    pub credentials: Option<Credentials>,
    /// PEM of a private authority.
    pub ca: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    pub username: String,
    pub password: SecretRef,
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
            (None, None) => None,
            (Some(username), Some(password)) => {
                // RFC 7617, 2: the first colon ends the name.
                if username.value.is_empty() || username.value.contains(':') {
                    checks.refuse(
                        username.referenced,
                        format!("`{}` is not a user's name", username.value),
                    );
                }
                let field = format!("environments.{environment}.registry.password");
                SecretRef::read(password, field, checks).map(|password| Credentials {
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
