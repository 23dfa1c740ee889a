//! The supported part of the operator's ssh configuration (ssh_config(5)): HostName, Port, User, IdentityFile,
//! IdentitiesOnly, IdentityAgent, ProxyJump, UserKnownHostsFile and HostKeyAlias, under `Host` and by `Include`.
//! `Match` blocks are passed over, `ProxyCommand` is refused where it holds.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::wild;
use crate::transport::TransportError;
use ocrctl_inventory::Jump;

/// Files may include others so deep, as with `ssh`.
const DEEPEST: usize = 16;

/// The configuration, read once for a connection: its lines in order, each with what it holds for.
#[derive(Debug, Default)]
pub(super) struct Configuration {
    path: PathBuf,
    lines: Vec<Line>,
}

/// A keyword, small, with its words.
#[derive(Debug)]
struct Line {
    /// All of these have to match: an included file's `Host`, and the one that it was included under.
    blocks: Vec<Block>,
    keyword: String,
    words: Vec<String>,
}

#[derive(Debug, Clone)]
enum Block {
    Host(Vec<String>),
    /// Not understood, so it holds for nothing.
    Match,
}

/// The settings of one host. `None` and empty fields are not set.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) host_name: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) user: Option<String>,
    /// With `~` and tokens as written.
    pub(super) identity_files: Vec<String>,
    pub(super) identities_only: bool,
    /// The inner `None` stands for `none`.
    pub(super) agent: Option<Option<String>>,
    /// The inner list is empty: `none`.
    pub(super) jump: Option<Vec<Jump>>,
    pub(super) known_hosts: Vec<String>,
    pub(super) host_key_alias: Option<String>,
}

impl Configuration {
    /// No file is no configuration.
    pub(super) fn read(path: &Path) -> Result<Self, TransportError> {
        let mut this = Self {
            path: path.to_owned(),
            lines: Vec::new(),
        };
        this.include(path, &[], 0)?;
        Ok(this)
    }

    /// The error of a configuration that can't be followed.
    pub(super) fn unusable(&self, problem: String) -> TransportError {
        TransportError::SshConfig {
            path: self.path.clone(),
            problem,
        }
    }

    fn include(
        &mut self,
        path: &Path,
        outer: &[Block],
        depth: usize,
    ) -> Result<(), TransportError> {
        if depth > DEEPEST {
            return Err(self.unusable("its `Include` leads in a circle, or too deep".into()));
        }
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(self.unusable(format!("{}: {error}", path.display()))),
        };
        let mut blocks = outer.to_vec();
        for (number, line) in text.lines().enumerate() {
            let Some((keyword, words)) = split(line) else {
                return Err(self.unusable(format!(
                    "a quotation mark is missing in {}:{}",
                    path.display(),
                    number + 1
                )));
            };
            match keyword.as_str() {
                "" => {}
                "host" => {
                    blocks.truncate(outer.len());
                    blocks.push(Block::Host(words));
                }
                "match" => {
                    blocks.truncate(outer.len());
                    blocks.push(Block::Match);
                }
                "include" => {
                    for pattern in &words {
                        for file in files(pattern) {
                            self.include(&file, &blocks, depth + 1)?;
                        }
                    }
                }
                _ => self.lines.push(Line {
                    blocks: blocks.clone(),
                    keyword,
                    words,
                }),
            }
        }
        Ok(())
    }

    /// Returns the settings of the host called `alias`.
    pub(super) fn of(&self, alias: &str) -> Result<Settings, TransportError> {
        let mut settings = Settings::default();
        let mut only_files = None;
        let mut through = None;
        for line in &self.lines {
            let Some(word) = line.words.first().filter(|_| line.holds_for(alias)) else {
                continue;
            };
            let is = |other: &str| word.eq_ignore_ascii_case(other);
            // Of each, the first that is found holds.
            match line.keyword.as_str() {
                "hostname" => first(&mut settings.host_name, word.clone()),
                "user" => first(&mut settings.user, word.clone()),
                "hostkeyalias" => first(&mut settings.host_key_alias, word.clone()),
                "port" => {
                    let port = word.parse().ok().filter(|port| *port > 0).ok_or_else(|| {
                        self.unusable(format!("`Port {word}` for {alias} is no port"))
                    })?;
                    first(&mut settings.port, port);
                }
                "identityfile" if is("none") => {}
                "identityfile" => settings.identity_files.push(word.clone()),
                "identitiesonly" => first(&mut only_files, is("yes") || is("true")),
                // The variable is where an agent is looked for anyway.
                "identityagent" if is("SSH_AUTH_SOCK") || is("$SSH_AUTH_SOCK") => {}
                "identityagent" => first(&mut settings.agent, (!is("none")).then(|| word.clone())),
                "userknownhostsfile" if settings.known_hosts.is_empty() => {
                    settings.known_hosts.clone_from(&line.words);
                }
                // Of these two, the first is the one.
                "proxyjump" if through.is_none() => through = Some(self.jump(word)?),
                "proxycommand" if through.is_none() => {
                    if !is("none") {
                        return Err(self.unusable(format!(
                            "`ProxyCommand` holds for {alias}, which needs `connection: openssh`"
                        )));
                    }
                    through = Some(Vec::new());
                }
                _ => {}
            }
        }
        settings.identities_only = only_files.unwrap_or_default();
        settings.jump = through;
        Ok(settings)
    }

    fn jump(&self, text: &str) -> Result<Vec<Jump>, TransportError> {
        if text.eq_ignore_ascii_case("none") {
            return Ok(Vec::new());
        }
        text.split(',')
            .map(|host| {
                let host = host.trim();
                Jump::parse(host.strip_prefix("ssh://").unwrap_or(host))
                    .ok_or_else(|| self.unusable(format!("`ProxyJump {host}` is not understood")))
            })
            .collect()
    }
}

impl Line {
    fn holds_for(&self, alias: &str) -> bool {
        self.blocks.iter().all(|block| match block {
            Block::Host(patterns) => wild::list_matches(patterns, alias),
            Block::Match => false,
        })
    }
}

fn first<T>(setting: &mut Option<T>, value: T) {
    setting.get_or_insert(value);
}

/// A line's keyword in small letters, and its words; none for a comment. `None` if a quotation mark is missing.
fn split(line: &str) -> Option<(String, Vec<String>)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Some(Default::default());
    }
    let end = line
        .find(|c: char| c.is_whitespace() || c == '=' || c == '"')
        .unwrap_or(line.len());
    let (keyword, rest) = line.split_at(end);
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('=').unwrap_or(rest);
    let mut words = Vec::new();
    let (mut word, mut quoted, mut begun) = (String::new(), false, false);
    for c in rest.chars() {
        match c {
            '"' => (quoted, begun) = (!quoted, true),
            c if c.is_whitespace() && !quoted => {
                if std::mem::take(&mut begun) {
                    words.push(std::mem::take(&mut word));
                }
            }
            // A comment at the end of a line.
            '#' if !quoted && !begun => break,
            c => {
                word.push(c);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    (!quoted).then(|| (keyword.to_ascii_lowercase(), words))
}

/// The files that a pattern of `Include` means, in order; `*` and `?` count in the last part of the path.
fn files(pattern: &str) -> Vec<PathBuf> {
    let home = std::env::home_dir().unwrap_or_else(|| "/".into());
    let path = match pattern.strip_prefix("~/") {
        Some(rest) => home.join(rest),
        // Like with `ssh`, the path is relative to its own directory, not to the file.
        None => home.join(".ssh").join(pattern),
    };
    let (Some(directory), Some(name)) = (path.parent(), path.file_name().and_then(|n| n.to_str()))
    else {
        return Vec::new();
    };
    if !name.contains(['*', '?']) {
        return vec![path];
    }
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let file = entry.file_name();
            let file = file.to_str()?;
            (wild::matches(name, file) && !file.starts_with('.')).then(|| entry.path())
        })
        .collect();
    found.sort();
    found
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
        assert_eq!(
            (found.port, found.user.as_deref()),
            (Some(2222), Some("deploy"))
        );
        assert_eq!(found.identity_files.len(), 2, "{found:?}");
        assert!(found.identity_files[0].ends_with("/.ssh/prod"), "{found:?}");
        assert!(found.identities_only);
        let jump: Vec<String> = found
            .jump
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect();
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
    fn included_files_belong_to_the_block_that_includes_them() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        write(
            "10.conf",
            "Port 10\nHost b\n User ann\nMatch all\n Port 9\n",
        );
        write("20.conf", "Port 20\nUser bob\n");
        write("20.conf.bak", "HostName elsewhere\n");
        let include = format!("Include {}/*.conf /no/such/file\n", dir.path().display());
        let text = format!("Host a b\n {include} HostKeyAlias x\nHost c\n Port 30\n");
        let of = |alias| settings(&text, alias);
        assert_eq!(
            (of("a").port, of("a").user.unwrap()),
            (Some(10), "bob".into())
        );
        assert_eq!(
            (of("b").port, of("b").user.unwrap()),
            (Some(10), "ann".into())
        );
        assert_eq!(of("a").host_key_alias.as_deref(), Some("x"));
        assert_eq!(of("c").port, Some(30));
        assert_eq!((of("c").user, of("a").host_name), (None, None));

        write(
            "circle",
            &format!("Include {}/circle\n", dir.path().display()),
        );
        let error = read(&format!("Include {}/circle\n", dir.path().display())).unwrap_err();
        assert!(error.to_string().contains("in a circle"), "{error}");
    }

    #[test]
    fn lines_are_read_in_each_way_to_write_them() {
        let text = "hostname=a.example # a comment\n\t USER = \"ann\"\nIdentityFile \"/my keys/#1\" \n#Port 7\n";
        let found = settings(text, "a");
        assert_eq!(found.host_name.as_deref(), Some("a.example"));
        assert_eq!(found.user.as_deref(), Some("ann"));
        assert_eq!(found.identity_files, ["/my keys/#1"]);
        assert_eq!(found.port, None);
        let error = read("User \"ann\n").unwrap_err();
        assert!(error.to_string().contains("quotation mark"), "{error}");
        let error = read("Port ssh\n").unwrap().of("a").unwrap_err();
        assert!(error.to_string().contains("no port"), "{error}");
    }

    #[test]
    fn a_proxy_command_is_refused_for_the_hosts_that_it_holds_for() {
        let config = read("Host a\n ProxyCommand nc %h %p\nHost b\n ProxyCommand none\n").unwrap();
        let error = config.of("a").unwrap_err();
        assert!(error.to_string().contains("connection: openssh"), "{error}");
        assert_eq!(config.of("b").unwrap().jump, Some(Vec::new()));
    }

    #[test]
    fn no_file_is_no_configuration() {
        let config = Configuration::read(Path::new("/no/such/file")).unwrap();
        assert_eq!(config.of("a").unwrap(), Settings::default());
    }
}
