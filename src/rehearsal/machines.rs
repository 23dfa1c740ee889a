//! The rehearsal's machines, by `vagrant/machines.sh`.

use std::path::PathBuf;

use serde::Deserialize;

use super::{LIMIT, ProofError, Settings, wrong};
use crate::command::Program;

/// What the proofs keep beside the machines' own state.
const OURS: [&str; 5] = [
    "inventory.yaml",
    super::proofs::BACKUP,
    super::proofs::IDENTITY,
    super::proofs::ARCHIVE,
    super::proofs::PROBE_CA,
];

/// What `machines.sh up` writes to `machines.json`; fields of later proofs are passed over.
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
    /// Of the containers, where the provider is docker.
    pub(super) containers: Containers,
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
pub(super) struct Containers {
    pub(super) prod1: String,
    pub(super) prod2: String,
    pub(super) infra: String,
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
    for name in OURS {
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

async fn script(settings: &Settings, arguments: &[&str]) -> Result<String, ProofError> {
    let path = settings.scripts.join("machines.sh");
    if !path.is_file() {
        return wrong(format!(
            "there is no {}: run `ocrctl rehearse` in a clone of the repository",
            path.display()
        ));
    }
    let output = Program::new("bash")
        .arg(&path)
        .args(arguments)
        .env("OCRCTL_REHEARSAL_DIR", &settings.state)
        .env("RELEASE", &settings.release)
        .env("OCRCTL_REHEARSAL_HOSTS", "2")
        .timeout(LIMIT)
        .run()
        .await?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs `docker` on the machine that the rehearsal runs on.
pub(super) async fn docker(arguments: &[&str]) -> Result<String, ProofError> {
    let output = Program::new("docker")
        .args(arguments)
        .timeout(LIMIT)
        .run()
        .await?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Asks the Docker engine of a machine; an answer that is no success is an error.
pub(super) async fn docker_api(
    container: &str,
    method: &str,
    path: &str,
    body: &str,
) -> Result<String, ProofError> {
    const ASK: &str = include_str!("docker-api.pl");
    let output = Program::new("docker")
        .args(["exec", "-i", container, "perl", "-e", ASK, method, path])
        .input(body)
        .timeout(LIMIT)
        .run()
        .await?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
