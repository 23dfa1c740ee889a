//! Docker's own `config.json` as a source of credentials: what `docker login` wrote there, or the credential
//! helper that it names.
//!
//! Formats: <https://docs.docker.com/reference/cli/docker/login/>,
//! <https://github.com/docker/docker-credential-helpers>.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use base64::Engine;
use secrecy::SecretString;
use serde::Deserialize;

use super::secret::{self, SecretError};

/// Docker's name of its Hub in this file.
const HUB: &str = "https://index.docker.io/v1/";

/// A `config.json`, read when its credentials are needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerConfig {
    /// The field that names it, such as `environments.prod.registry.docker_config`.
    field: String,
    path: PathBuf,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct File {
    auths: HashMap<String, Auth>,
    cred_helpers: HashMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    /// Base64 of `username:password`.
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
}

/// The output of `docker-credential-NAME get`.
#[derive(Deserialize)]
struct Helped {
    #[serde(rename = "Username")]
    username: String,
    #[serde(rename = "Secret")]
    secret: String,
}

/// Where the credentials of one registry are.
#[derive(Debug, PartialEq, Eq)]
enum Found<'a> {
    /// To be asked for this server.
    Helper {
        name: &'a str,
        server: String,
    },
    /// Base64 of `username:password`.
    Encoded(&'a str),
    Plain(&'a str, &'a str),
    /// A refresh token of OAuth, which is no password.
    IdentityToken,
    Nothing,
}

impl DockerConfig {
    pub(super) fn new(field: String, path: PathBuf) -> Self {
        Self { field, path }
    }

    /// User and password for a registry, such as `ghcr.io` or `registry.example.org:5000`.
    pub async fn resolve(&self, registry: &str) -> Result<(String, SecretString), SecretError> {
        let login = format!("`docker login {registry}` puts them there");
        let text =
            std::fs::read(&self.path).map_err(|e| self.error(e.to_string(), login.clone()))?;
        let file: File = serde_json::from_slice(&text).map_err(|e| {
            // serde's own words may quote a secret: say where, not what.
            let reason = format!("line {} is not what Docker writes", e.line());
            self.error(reason, "this is Docker's config.json".into())
        })?;
        let (username, password) = match file.find(registry) {
            Found::Helper { name, server } => self.ask(name, &server).await?,
            Found::Plain(username, password) => (username.to_owned(), password.to_owned()),
            Found::Encoded(auth) => decode(auth).ok_or_else(|| {
                let reason = format!("its `auth` for {registry} is not BASE64(user:password)");
                self.error(reason, login.clone())
            })?,
            Found::IdentityToken => return Err(self.identity_token(registry)),
            Found::Nothing => {
                return Err(self.error(format!("it has no credentials for {registry}"), login));
            }
        };
        if username == "<token>" {
            return Err(self.identity_token(registry));
        }
        Ok((username, SecretString::from(password)))
    }

    /// Runs `docker-credential-NAME get`, with the server on its standard input.
    async fn ask(&self, name: &str, server: &str) -> Result<(String, String), SecretError> {
        let program = format!("docker-credential-{name}");
        let base = self.path.parent().unwrap_or(Path::new("."));
        let argv = [program.clone(), "get".to_owned()];
        let printed = secret::run(&argv, base, Some(server)).await;
        let hint = format!("`echo {server} | {program} get` shows what is wrong");
        let helped: Helped = printed
            .and_then(|json| {
                serde_json::from_slice(&json)
                    .map_err(|_| "it printed something else than credentials".to_owned())
            })
            .map_err(|reason| self.error(format!("`{program} get`: {reason}"), hint))?;
        Ok((helped.username, helped.secret))
    }

    fn identity_token(&self, registry: &str) -> SecretError {
        self.error(
            format!("it has an identity token for {registry}, and a password is needed"),
            "log in with a user name and an access token of the registry".into(),
        )
    }

    fn error(&self, reason: String, hint: String) -> SecretError {
        SecretError::new(
            &self.field,
            &format!("Docker's configuration {}", self.path.display()),
            reason,
            hint,
        )
    }
}

impl File {
    /// Looks in the docker command's order: this registry's helper, the store, written-out credentials.
    fn find(&self, registry: &str) -> Found<'_> {
        let hub = matches!(registry, "docker.io" | "index.docker.io");
        let server = if hub { HUB } else { registry };
        let helper = self.cred_helpers.get(server);
        let helper = helper.or_else(|| self.cred_helpers.get(registry));
        if let Some(name) = helper.or(self.creds_store.as_ref()) {
            let server = server.to_owned();
            return Found::Helper { name, server };
        }
        let found = self.auths.get(server).or_else(|| {
            let same = |key: &&String| host_of(key) == host_of(server);
            let key = self.auths.keys().filter(same).min()?;
            self.auths.get(key)
        });
        match found {
            None => Found::Nothing,
            Some(auth) if !auth.identitytoken.is_empty() => Found::IdentityToken,
            Some(auth) if !auth.auth.is_empty() => Found::Encoded(&auth.auth),
            Some(auth) if !auth.username.is_empty() => Found::Plain(&auth.username, &auth.password),
            Some(_) => Found::Nothing,
        }
    }
}

/// Old clients wrote URLs: `https://registry.example.org/v1/` means `registry.example.org`.
fn host_of(key: &str) -> &str {
    let rest = key.split_once("://").map_or(key, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

fn decode(auth: &str) -> Option<(String, String)> {
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(auth)
        .ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (username, password) = text.split_once(':')?;
    Some((username.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use secrecy::ExposeSecret;

    use super::*;

    fn file(json: &str) -> File {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_registry_s_own_helper_comes_first_then_the_store_then_what_is_written_out() {
        let all = file(
            r#"{"auths": {"ghcr.io": {"auth": "YTpi"}}, "credHelpers": {"ghcr.io": "own"}, "credsStore": "all"}"#,
        );
        let helper = |name, server: &str| Found::Helper {
            name,
            server: server.into(),
        };
        assert_eq!(all.find("ghcr.io"), helper("own", "ghcr.io"));
        assert_eq!(all.find("quay.io"), helper("all", "quay.io"));
        let plain = file(r#"{"auths": {"https://r.example:5000/v1/": {"auth": "YTpi"}}}"#);
        assert_eq!(plain.find("r.example:5000"), Found::Encoded("YTpi"));
        assert_eq!(plain.find("r.example"), Found::Nothing);
    }

    #[test]
    fn the_hub_goes_by_its_old_name() {
        let config = file(r#"{"auths": {"https://index.docker.io/v1/": {"auth": "YTpi"}}}"#);
        assert_eq!(config.find("docker.io"), Found::Encoded("YTpi"));
        let store = file(r#"{"credsStore": "pass"}"#);
        let Found::Helper { server, .. } = store.find("docker.io") else {
            panic!("the store is not asked");
        };
        assert_eq!(server, HUB);
    }

    async fn resolve(json: &str, registry: &str) -> Result<(String, SecretString), SecretError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.json");
        std::fs::write(&path, json).unwrap();
        DockerConfig::new("environments.prod.registry.docker_config".into(), path)
            .resolve(registry)
            .await
    }

    #[tokio::test]
    async fn decodes_written_out_credentials() {
        // ann:pass:word
        let json = r#"{"auths": {"r.example": {"auth": "YW5uOnBhc3M6d29yZA=="}}}"#;
        let (username, password) = resolve(json, "r.example").await.unwrap();
        assert_eq!(
            (username.as_str(), password.expose_secret()),
            ("ann", "pass:word")
        );
    }

    #[tokio::test]
    async fn reports_unusable_entries_without_a_secret() {
        for (json, said) in [
            (r#"{"auths": {}}"#, "no credentials for r.example"),
            (
                r#"{"auths": {"r.example": {"auth": "aHVudGVyMg=="}}}"#,
                "not BASE64",
            ),
            (
                r#"{"auths": {"r.example": {"identitytoken": "hunter2"}}}"#,
                "identity token",
            ),
            (r#"{"auths": {"r.example": "hunter2"}}"#, "line 1"),
            (
                r#"{"credsStore": "no-such-helper"}"#,
                "docker-credential-no-such-helper` is not installed",
            ),
        ] {
            let error = resolve(json, "r.example").await.unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_helper_gets_the_server_on_its_standard_input() {
        let dir = tempfile::tempdir().unwrap();
        let helper = dir.path().join("docker-credential-test");
        // By its path: `PATH` is the whole process's.
        let script = "#!/bin/sh\n[ \"$1\" = get ] && server=$(cat) && [ \"$server\" = r.example:5000 ] || exit 1\n\
                      echo '{\"ServerURL\":\"r.example:5000\",\"Username\":\"ann\",\"Secret\":\"hunter2\"}'\n";
        std::fs::write(&helper, script).unwrap();
        std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
        let argv = [helper.to_string_lossy().into_owned(), "get".to_owned()];
        let json = secret::run(&argv, dir.path(), Some("r.example:5000"))
            .await
            .unwrap();
        let helped: Helped = serde_json::from_slice(&json).unwrap();
        assert_eq!(
            (helped.username.as_str(), helped.secret.as_str()),
            ("ann", "hunter2")
        );
    }
}
