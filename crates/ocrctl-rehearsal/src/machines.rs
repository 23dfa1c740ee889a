//! The rehearsal's machines, by `vagrant/machines.sh`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::files;
use super::machine::Machine;
use super::vagrant::script;
use super::{ProofError, Provider, Settings, wrong};
use ocrctl_inventory::{Connection, Target};

/// The content of `machines.json`, which `machines.sh up` writes; fields of later proofs are skipped.
#[derive(Debug, Deserialize)]
pub(super) struct Machines {
    pub(super) release: String,
    pub(super) address: String,
    pub(super) prod1: Prod,
    /// Another bare host.
    pub(super) prod2: Prod,
    pub(super) infra: Infra,
    pub(super) acme: Acme,
    pub(super) registry: Registry,
    /// The organization's own, to which an image can move.
    pub(super) org_registry: Registry,
    /// Where the provider is docker.
    containers: Containers,
}

/// The machines, as they are entered.
#[derive(Debug)]
pub(super) struct Rooms {
    pub(super) prod1: Machine,
    pub(super) prod2: Machine,
    pub(super) infra: Machine,
}

#[derive(Debug, Deserialize)]
pub(super) struct Prod {
    pub(super) ssh_port: u16,
    pub(super) http_port: u16,
    pub(super) https_port: u16,
    pub(super) host_keys: Vec<String>,
    pub(super) user: String,
    pub(super) identity_file: PathBuf,
}

#[derive(Debug, Deserialize)]
pub(super) struct Infra {
    ssh_port: u16,
    host_keys: Vec<String>,
    user: String,
    identity_file: PathBuf,
    /// Of the ACME server: its root certificates.
    pub(super) acme_management_port: u16,
    /// Of the DNS server: what it answers.
    pub(super) challtestsrv_port: u16,
}

#[derive(Debug, Deserialize)]
pub(super) struct Acme {
    pub(super) directory: String,
    /// The authority behind the directory's own HTTPS.
    pub(super) ca_file: PathBuf,
}

#[derive(Debug, Deserialize)]
pub(super) struct Registry {
    /// With its port, as the machines know it.
    pub(super) host: String,
    pub(super) user: String,
    pub(super) password_file: PathBuf,
    pub(super) ca_file: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Containers {
    prod1: String,
    prod2: String,
    infra: String,
}

impl Machines {
    /// A host of the inventory: `prod1` or `prod2`.
    pub(super) fn target(&self, name: &str) -> String {
        let host = if name == "prod2" {
            &self.prod2
        } else {
            &self.prod1
        };
        let keys: Vec<String> = host
            .host_keys
            .iter()
            .map(|key| format!("\"{key}\""))
            .collect();
        format!(
            "\x20     - name: {name}\n\
             \x20       address: {}\n\
             \x20       port: {}\n\
             \x20       user: {}\n\
             \x20       host_keys: [{}]\n\
             \x20       identity_file: {}\n",
            self.address,
            host.ssh_port,
            host.user,
            keys.join(", "),
            host.identity_file.display(),
        )
    }

    pub(super) fn rooms(&self, settings: &Settings) -> Rooms {
        let room = |name, container: &str, (port, keys, user, identity): Way<'_>| {
            let target = Target {
                name: str::to_owned(name),
                address: self.address.clone(),
                port: Some(port),
                user: Some(user.to_owned()),
                host_keys: keys.to_owned(),
                identity_file: Some(identity.to_owned()),
                jump: Vec::new(),
                connection: Connection::Openssh,
                sudo_password: None,
            };
            match settings.provider {
                Provider::Docker => {
                    Machine::container(name, container, settings.by_ssh.then_some(target))
                }
                Provider::Libvirt | Provider::Virtualbox => Machine::vm(name, target, settings),
            }
        };
        let infra = &self.infra;
        Rooms {
            prod1: room("prod1", &self.containers.prod1, self.prod1.way()),
            prod2: room("prod2", &self.containers.prod2, self.prod2.way()),
            infra: room(
                "infra",
                &self.containers.infra,
                (
                    infra.ssh_port,
                    &infra.host_keys,
                    &infra.user,
                    &infra.identity_file,
                ),
            ),
        }
    }

    pub(super) async fn up(settings: &Settings) -> Result<Self, ProofError> {
        script(settings, &["up"]).await?;
        let path = settings.state.join("machines.json");
        let text = std::fs::read(&path).map_err(|source| ProofError::File {
            path: path.clone(),
            source,
        })?;
        serde_json::from_slice(&text).map_err(|source| ProofError::Json { path, source })
    }
}

/// Port, host keys, user and private key.
type Way<'a> = (u16, &'a [String], &'a str, &'a Path);

impl Prod {
    fn way(&self) -> Way<'_> {
        (
            self.ssh_port,
            &self.host_keys,
            &self.user,
            &self.identity_file,
        )
    }
}

impl Rooms {
    pub(super) async fn replaced_by(&self, others: &Self) {
        self.prod1.replaced_by(&others.prod1).await;
        self.prod2.replaced_by(&others.prod2).await;
        self.infra.replaced_by(&others.infra).await;
    }
}

/// Pushes a local image to the rehearsal's registry; gives its reference by digest, as the host pulls it.
pub(super) async fn push(
    settings: &Settings,
    image: &str,
    tag: &str,
) -> Result<String, ProofError> {
    let name = format!("acme-org/ocr-service:{tag}");
    let said = script(settings, &["push", image, &name]).await?;
    match said.lines().last() {
        Some(reference) if reference.contains("@sha256:") => Ok(reference.to_owned()),
        _ => wrong(format!("machines.sh push gave no digest: {said}")),
    }
}

pub(super) async fn down(settings: &Settings) -> Result<(), ProofError> {
    for name in files::ALL {
        let path = settings.state.join(name);
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(ProofError::File { path, source });
            }
            _ => {}
        }
    }
    script(settings, &["down"]).await.map(|_| ())
}
