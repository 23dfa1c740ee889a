//! What is heeded of the operator's ssh configuration: HostName, Port, User, IdentityFile, IdentitiesOnly,
//! IdentityAgent, ProxyJump, UserKnownHostsFile and HostKeyAlias, under `Host` and by `Include`.

use std::fs;
use std::io::{BufReader, Cursor};
use std::path::{Path, PathBuf};

use ssh2_config::{HostParams, ParseRule, SshConfig};

use crate::inventory::Jump;
use crate::transport::TransportError;

/// The configuration, read once for a connection.
#[derive(Debug, Default)]
pub(super) struct Configuration {
    path: PathBuf,
    parsed: SshConfig,
}

/// What it has for one host. `None` and empty: nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) host_name: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) user: Option<String>,
    /// With `~` and tokens as written.
    pub(super) identity_files: Vec<String>,
    pub(super) identities_only: bool,
    /// The inner `None`: `none`.
    pub(super) agent: Option<Option<String>>,
    /// The inner list is empty: `none`.
    pub(super) jump: Option<Vec<Jump>>,
    pub(super) known_hosts: Vec<String>,
    pub(super) host_key_alias: Option<String>,
}

impl Configuration {
    /// No file is no configuration.
    pub(super) fn read(path: &Path) -> Result<Self, TransportError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(unusable(path, error.to_string())),
        };
        let rules = ParseRule::ALLOW_UNKNOWN_FIELDS | ParseRule::ALLOW_UNSUPPORTED_FIELDS;
        let mut reader = BufReader::new(Cursor::new(without_match(&text)));
        let mut config = SshConfig::default();
        if let Some(home) = std::env::home_dir() {
            config = config.home_dir(home);
        }
        let parsed = config
            .parse(&mut reader, rules)
            .map_err(|error| unusable(path, error.to_string()))?;
        let has_match = |params: &HostParams| {
            params
                .ignored_fields
                .keys()
                .any(|field| field.eq_ignore_ascii_case("match"))
        };
        // The parser would take what follows in that file for part of the block before.
        if parsed.get_hosts().iter().any(|host| has_match(&host.params)) {
            return Err(unusable(
                path,
                "a file that it includes has a `Match` block, which is not understood".into(),
            ));
        }
        Ok(Self {
            path: path.to_owned(),
            parsed,
        })
    }

    /// The error of a configuration that can't be followed.
    pub(super) fn unusable(&self, problem: String) -> TransportError {
        unusable(&self.path, problem)
    }

    /// What holds for the host that is called `alias`.
    pub(super) fn of(&self, alias: &str) -> Result<Settings, TransportError> {
        let params = self.parsed.query(alias);
        let other = |name: &str| {
            params
                .unsupported_fields
                .iter()
                .chain(&params.ignored_fields)
                .find(|(field, _)| field.eq_ignore_ascii_case(name))
                .map(|(_, words)| words.as_slice())
        };
        let first = |name: &str| other(name).and_then(<[String]>::first).map(String::as_str);
        if first("proxycommand").is_some_and(|command| !command.eq_ignore_ascii_case("none"))
            && params.proxy_jump.is_none()
        {
            return Err(unusable(
                &self.path,
                format!("`ProxyCommand` holds for {alias}, which needs `connection: openssh`"),
            ));
        }
        let jump = match params.proxy_jump.as_deref() {
            None => None,
            Some([none]) if none.eq_ignore_ascii_case("none") => Some(Vec::new()),
            Some(hosts) => Some(
                hosts
                    .iter()
                    .map(|host| {
                        let host = host.trim();
                        Jump::parse(host.strip_prefix("ssh://").unwrap_or(host)).ok_or_else(|| {
                            unusable(&self.path, format!("`ProxyJump {host}` is not understood"))
                        })
                    })
                    .collect::<Result<_, _>>()?,
            ),
        };
        Ok(Settings {
            host_name: params.host_name.clone(),
            port: params.port,
            user: params.user.clone(),
            identity_files: params
                .identity_file
                .iter()
                .flatten()
                .map(|path| path.to_string_lossy().into_owned())
                .collect(),
            identities_only: first("identitiesonly")
                .is_some_and(|word| ["yes", "true"].iter().any(|yes| word.eq_ignore_ascii_case(yes))),
            agent: first("identityagent")
                // The variable is where the agent is looked for anyway.
                .filter(|word| *word != "SSH_AUTH_SOCK" && *word != "$SSH_AUTH_SOCK")
                .map(|word| (!word.eq_ignore_ascii_case("none")).then(|| word.to_owned())),
            jump,
            known_hosts: other("userknownhostsfile").unwrap_or_default().to_vec(),
            host_key_alias: first("hostkeyalias").map(str::to_owned),
        })
    }
}

/// The text without its `Match` blocks: each ends where the next `Host` or `Match` begins.
fn without_match(text: &str) -> String {
    let mut skipped = false;
    let mut kept = String::with_capacity(text.len());
    for line in text.lines() {
        let keyword = line
            .trim_start()
            .split(|c: char| c.is_whitespace() || c == '=')
            .next()
            .unwrap_or_default();
        if keyword.eq_ignore_ascii_case("match") {
            skipped = true;
        } else if keyword.eq_ignore_ascii_case("host") {
            skipped = false;
        }
        if !skipped {
            kept.push_str(line);
        }
        kept.push('\n');
    }
    kept
}

fn unusable(path: &Path, problem: String) -> TransportError {
    TransportError::SshConfig {
        path: path.to_owned(),
        problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Configuration, TransportError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config");
        fs::write(&path, text).unwrap();
        Configuration::read(&path)
    }

    fn settings(text: &str, alias: &str) -> Settings {
        read(text).unwrap().of(alias).unwrap()
    }

    #[test]
    fn the_first_value_wins_and_files_add_up() {
        let text = "
            Host prod*
              HostName ocr1.example.org
              Port 2222
              IdentityFile ~/.ssh/prod
            Host *
              User deploy
              Port 22
              IdentityFile /keys/%r
              IdentitiesOnly yes
              ProxyJump ann@bastion:2200,inner
              UserKnownHostsFile /a /b
              HostKeyAlias ocr
              IdentityAgent none
              ServerAliveInterval 5
              KexAlgorithms +diffie-hellman-group14-sha1
        ";
        let found = settings(text, "prod1");
        assert_eq!(found.host_name.as_deref(), Some("ocr1.example.org"));
        assert_eq!((found.port, found.user.as_deref()), (Some(2222), Some("deploy")));
        assert_eq!(found.identity_files.len(), 2, "{found:?}");
        assert!(found.identity_files[0].ends_with("/.ssh/prod"), "{found:?}");
        assert!(found.identities_only);
        let jump: Vec<String> = found.jump.unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(jump, ["ann@bastion:2200", "inner"]);
        assert_eq!(found.known_hosts, ["/a", "/b"]);
        assert_eq!(found.host_key_alias.as_deref(), Some("ocr"));
        assert_eq!(found.agent, Some(None));

        let other = settings(text, "elsewhere");
        assert_eq!((other.host_name, other.port), (None, Some(22)));
    }

    #[test]
    fn none_is_no_jump_host() {
        assert_eq!(settings("ProxyJump none\n", "a").jump, Some(Vec::new()));
        assert_eq!(settings("Host a\n", "a"), Settings::default());
    }

    #[test]
    fn a_match_block_is_not_taken_for_the_block_before() {
        let text = "Host a\n Port 2\nMatch exec true\n User eve\n Port 3\nHost b\n Port 4\n";
        assert_eq!(settings(text, "a").user, None);
        assert_eq!(settings(text, "a").port, Some(2));
        assert_eq!(settings(text, "b").port, Some(4));
    }

    #[test]
    fn a_match_block_in_an_included_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let included = dir.path().join("more");
        fs::write(&included, "Match user ann\n Port 3\n").unwrap();
        let error = read(&format!("Include {}\n", included.display())).unwrap_err();
        assert!(error.to_string().contains("`Match` block"), "{error}");
    }

    #[test]
    fn a_proxy_command_is_refused_for_the_hosts_that_it_holds_for() {
        let config = read("Host a\n ProxyCommand nc %h %p\nHost b\n ProxyCommand none\n").unwrap();
        let error = config.of("a").unwrap_err();
        assert!(error.to_string().contains("connection: openssh"), "{error}");
        assert_eq!(config.of("b").unwrap(), Settings::default());
    }

    #[test]
    fn no_file_is_no_configuration() {
        let config = Configuration::read(Path::new("/no/such/file")).unwrap();
        assert_eq!(config.of("a").unwrap(), Settings::default());
    }
}
