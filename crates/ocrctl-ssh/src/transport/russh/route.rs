//! The way to a host: what the inventory says, then what the operator's ssh configuration adds.

use std::path::PathBuf;

use super::known_hosts::KnownKeys;
use super::ssh_config::{Configuration, Settings};
use crate::transport::{HostKey, Options, TransportError, host_key};
use ocrctl_inventory::{Jump, Target};

/// Jump hosts of jump hosts may follow each other so far.
const DEEPEST: usize = 8;
const DEFAULT_KEYS: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];
const SYSTEM_KNOWN_HOSTS: [&str; 2] = ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"];

/// One host on the way, the last being the one that it leads to.
#[derive(Debug)]
pub(super) struct Hop {
    /// For people.
    pub(super) name: String,
    pub(super) is_jump: bool,
    pub(super) address: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) keys: Keys,
    pub(super) identities: Identities,
}

/// Constraints on the host key.
#[derive(Debug)]
pub(super) enum Keys {
    Pinned(Vec<HostKey>),
    Known {
        /// The name as `known_hosts` has it: `host`, or `[host]:port`.
        name: String,
        keys: KnownKeys,
    },
}

/// The keys to log in with.
#[derive(Debug)]
pub(super) struct Identities {
    pub(super) files: Vec<PathBuf>,
    /// Somebody named the files: one that can't be read is worth a word.
    pub(super) named: bool,
    /// An agent's keys count only if they are those of the files.
    pub(super) only_files: bool,
    pub(super) agent: Option<PathBuf>,
}

/// All hosts on the way, the nearest first.
pub(super) fn to(target: &Target, options: &Options) -> Result<Vec<Hop>, TransportError> {
    let pinned = host_key::pinned(target)?;
    if let Some(path) = &target.identity_file
        && let Err(source) = std::fs::File::open(path)
    {
        return Err(TransportError::IdentityFile {
            host: target.name.clone(),
            path: path.clone(),
            source,
        });
    }
    let config = match options.ssh_config.first() {
        Some(path) => Configuration::read(&at_home(path))?,
        None => Configuration::default(),
    };
    let found = config.of(&target.address)?;
    let jump = match (target.jump.as_slice(), &found.jump) {
        ([], Some(jump)) => jump.clone(),
        (jump, _) => jump.to_vec(),
    };
    let own = Jump {
        user: target.user.clone(),
        address: target.address.clone(),
        port: target.port,
    };
    let mut last = hop(&target.name, &own, found, options)?;
    last.is_jump = false;
    if !pinned.is_empty() {
        last.keys = Keys::Pinned(pinned);
    }
    if let Some(path) = &target.identity_file {
        last.identities = Identities {
            files: vec![path.clone()],
            named: true,
            only_files: true,
            agent: last.identities.agent,
        };
    }
    let mut hops = Vec::new();
    for (host, found) in expanded(&config, jump, 0)? {
        hops.push(hop(
            &format!("the jump host {host}"),
            &host,
            found,
            options,
        )?);
    }
    hops.push(last);
    Ok(hops)
}

/// The jump hosts, with those that lie before the first of them: of a list, `ssh` asks only the first for its own.
fn expanded(
    config: &Configuration,
    jump: Vec<Jump>,
    depth: usize,
) -> Result<Vec<(Jump, Settings)>, TransportError> {
    let Some(first) = jump.first() else {
        return Ok(Vec::new());
    };
    if depth == DEEPEST {
        return Err(config.unusable(format!(
            "`ProxyJump` of {first} leads in a circle, or too far"
        )));
    }
    let further = config.of(&first.address)?.jump.unwrap_or_default();
    // A `ProxyJump` for all hosts holds for the jump host, too, and is not meant there.
    let itself = further.iter().any(|host| host.address == first.address);
    let mut hops = match itself {
        true => Vec::new(),
        false => expanded(config, further, depth + 1)?,
    };
    for host in jump {
        let settings = config.of(&host.address)?;
        hops.push((host, settings));
    }
    Ok(hops)
}

fn hop(
    name: &str,
    host: &Jump,
    settings: Settings,
    options: &Options,
) -> Result<Hop, TransportError> {
    let alias = &host.address;
    let address = match &settings.host_name {
        Some(name) => name.replace("%h", alias).replace("%%", "%"),
        None => alias.clone(),
    };
    let port = host.port.or(settings.port).unwrap_or(22);
    let user = host
        .user
        .clone()
        .or(settings.user)
        .or_else(own_name)
        .ok_or_else(|| TransportError::Setting {
            host: name.to_owned(),
            what: "user",
            value: String::new(),
            problem: "no user is named, and the local user has no name",
        })?;
    let credentials = &options.credentials;
    let directory = credentials.directory.as_deref();
    let tokens = Tokens {
        address: &address,
        port,
        user: &user,
    };
    let mut known_hosts: Vec<PathBuf> = match settings.known_hosts.as_slice() {
        [] => ["known_hosts", "known_hosts2"]
            .iter()
            .filter_map(|name| Some(directory?.join(name)))
            .collect(),
        files => files.iter().map(|file| tokens.path(file)).collect(),
    };
    known_hosts.extend(SYSTEM_KNOWN_HOSTS.iter().map(PathBuf::from));
    let named = !settings.identity_files.is_empty();
    let files = match named {
        true => settings
            .identity_files
            .iter()
            .map(|file| tokens.path(file))
            .collect(),
        false => DEFAULT_KEYS
            .iter()
            .filter_map(|name| Some(directory?.join(name)))
            .collect(),
    };
    // With an alias for the key, the port is not part of its name.
    let (key_name, key_port) = match &settings.host_key_alias {
        Some(alias) => (alias.as_str(), 22),
        None => (address.as_str(), port),
    };
    Ok(Hop {
        name: name.to_owned(),
        is_jump: true,
        keys: Keys::Known {
            name: match key_port {
                22 => key_name.to_owned(),
                port => format!("[{key_name}]:{port}"),
            },
            keys: KnownKeys::of(key_name, key_port, &known_hosts),
        },
        identities: Identities {
            files,
            named,
            only_files: settings.identities_only,
            agent: match settings.agent {
                None => credentials.agent.clone(),
                Some(socket) => socket.map(|socket| tokens.path(&socket)),
            },
        },
        address,
        port,
        user,
    })
}

/// Values of `%` tokens in a path (ssh_config(5), TOKENS), as far as paths of keys have them.
struct Tokens<'a> {
    address: &'a str,
    port: u16,
    user: &'a str,
}

impl Tokens<'_> {
    fn path(&self, text: &str) -> PathBuf {
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            expanded.push_str(before);
            let mut characters = after.chars();
            match characters.next() {
                Some('%') => expanded.push('%'),
                Some('d') => expanded.push_str(&home().to_string_lossy()),
                Some('h') => expanded.push_str(self.address),
                Some('p') => expanded.push_str(&self.port.to_string()),
                Some('r') => expanded.push_str(self.user),
                Some('u') => expanded.push_str(&own_name().unwrap_or_default()),
                Some(other) => expanded.extend(['%', other]),
                None => expanded.push('%'),
            }
            rest = characters.as_str();
        }
        expanded.push_str(rest);
        at_home(&expanded)
    }
}

/// The path, where `~/` is the operator's home directory.
fn at_home(path: &str) -> PathBuf {
    match path.strip_prefix("~/") {
        Some(rest) => home().join(rest),
        None => PathBuf::from(path),
    }
}

fn home() -> PathBuf {
    std::env::home_dir().unwrap_or_else(|| "/".into())
}

fn own_name() -> Option<String> {
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).ok()??;
    Some(user.name)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::transport::Credentials;
    use ocrctl_inventory::Connection;

    fn route(config: &str, jump: &[&str]) -> Result<Vec<Hop>, TransportError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config");
        std::fs::write(&path, config).unwrap();
        let target = Target {
            name: "prod1".into(),
            address: "ocr1".into(),
            port: None,
            user: Some("deploy".into()),
            host_keys: Vec::new(),
            identity_file: None,
            jump: jump.iter().map(|text| Jump::parse(text).unwrap()).collect(),
            connection: Connection::Russh,
            sudo_password: None,
        };
        let options = Options {
            ssh_config: vec![path.to_str().unwrap().into()],
            credentials: Credentials {
                directory: Some("/home/ann/.ssh".into()),
                ..Credentials::default()
            },
            ..Options::default()
        };
        to(&target, &options)
    }

    fn places(config: &str, jump: &[&str]) -> Vec<String> {
        let hops = route(config, jump).unwrap();
        hops.iter()
            .map(|hop| format!("{}@{}:{}", hop.user, hop.address, hop.port))
            .collect()
    }

    #[test]
    fn the_inventory_comes_before_the_configuration() {
        let config = "Host ocr1\n HostName %h.example.org\n Port 2222\n User eve\n ProxyJump a,b\n\
                      Host a b c\n User ann\n";
        assert_eq!(
            places(config, &[]),
            ["ann@a:22", "ann@b:22", "deploy@ocr1.example.org:2222"]
        );
        assert_eq!(
            places(config, &["bob@c:2200"]),
            ["bob@c:2200", "deploy@ocr1.example.org:2222"]
        );
    }

    #[test]
    fn a_jump_host_may_have_one_of_its_own() {
        let config = "User ann\nHost ocr1\n ProxyJump inner\nHost inner\n ProxyJump outer\n";
        assert_eq!(
            places(config, &[]),
            ["ann@outer:22", "ann@inner:22", "deploy@ocr1:22"]
        );
    }

    #[test]
    fn a_jump_host_for_all_is_none_for_itself_and_a_circle_is_refused() {
        let config = "User ann\nHost *\n ProxyJump bastion\n";
        assert_eq!(places(config, &[]), ["ann@bastion:22", "deploy@ocr1:22"]);
        let circle = "Host ocr1\n ProxyJump a\nHost a\n ProxyJump b\nHost b\n ProxyJump a\n";
        let error = route(circle, &[]).unwrap_err();
        assert!(error.to_string().contains("in a circle"), "{error}");
    }

    #[test]
    fn keys_are_those_of_the_configuration_or_the_usual_ones() {
        let hops = route(
            "Host ocr1\n IdentityFile /keys/%r@%h:%p%%\n IdentitiesOnly yes\n",
            &[],
        )
        .unwrap();
        let found = &hops[0].identities;
        assert_eq!(found.files, [Path::new("/keys/deploy@ocr1:22%")]);
        assert!(found.named && found.only_files);
        let hops = route("", &[]).unwrap();
        let usual = &hops[0].identities;
        assert!(!usual.named && !usual.only_files);
        assert!(
            usual
                .files
                .contains(&PathBuf::from("/home/ann/.ssh/id_ed25519"))
        );
    }
}
