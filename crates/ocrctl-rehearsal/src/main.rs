//! `ocrctl rehearse`: the whole of it, on machines of its own. It runs ocrctl with an inventory as an operator would, and each
//! proof says what it saw. An executable of its own: nothing of it is sent to hosts.

mod access;
mod blocks;
mod client;
mod error;
mod files;
mod images;
mod load;
mod machine;
mod machines;
mod proofs;
mod ran;
mod run;
mod secrets;
mod vagrant;
mod watch;
mod written;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use client::Client;
pub use error::ProofError;
use machine::Machine;
use machines::{Machines, Rooms};
use ocrctl_command::Program;
use ocrctl_protocol::causes::chain;
use ran::Ran;
use watch::Watch;

/// A deploy of a bare host is the longest: packages over the network.
const LIMIT: Duration = Duration::from_secs(1200);
/// Where a host keeps the channels of its alerts.
const ALERTS: &str = "/etc/ocrctl/alerts.json";

fn main() -> ExitCode {
    match ocrctl::parse() {
        Ok(cli) => ocrctl::run(cli, run::run),
        Err(code) => code,
    }
}

/// The result of a proof: one line about what was seen.
pub type Seen = Result<String, ProofError>;

fn wrong<T>(what: impl Into<String>) -> Result<T, ProofError> {
    Err(ProofError::Wrong(what.into()))
}

/// A proof, and what became of it.
#[derive(Debug)]
pub struct Outcome {
    pub name: &'static str,
    pub took: Duration,
    pub verdict: Verdict,
}

#[derive(Debug)]
pub enum Verdict {
    /// With what was seen.
    Held(String),
    /// It can't be tried on these machines, for this reason.
    LeftOut(String),
    Failed(ProofError),
}

/// The provider of machines, by Vagrant's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    Docker,
    Libvirt,
    Virtualbox,
}

impl Provider {
    pub fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Libvirt => "libvirt",
            Self::Virtualbox => "virtualbox",
        }
    }
}

#[derive(Debug, Clone)]
pub struct Settings {
    /// Release of the host: `bookworm`, `trixie`, and where it is a VM `jammy` or `noble`.
    pub release: String,
    pub provider: Provider,
    /// Containers are entered by SSH too, as VMs are.
    pub by_ssh: bool,
    /// The executable that is rehearsed.
    pub ocrctl: PathBuf,
    /// Only the proofs that show that the host serves.
    pub smoke: bool,
    /// Local image of the service.
    pub image: String,
    /// Directory of the repository's `vagrant/`.
    pub scripts: PathBuf,
    /// Where the machines' state is kept.
    pub state: PathBuf,
}

/// Files with the URLs that the host's watcher uses.
#[derive(Debug)]
struct Alerting {
    webhook: PathBuf,
    ping: PathBuf,
}

/// A rehearsal in progress.
#[derive(Debug)]
pub struct Rehearsal {
    proofs: Vec<&'static proofs::Proof>,
    settings: Settings,
    machines: Option<Machines>,
    rooms: Option<Rooms>,
    /// References by digest, as the host pulls them.
    first: String,
    next: String,
    broken: String,
    large: String,
    failing: String,
    client: Option<Client>,
    key: String,
    watch: Option<Watch>,
    /// The receiver of the host's alerts; `None` if there is none yet.
    alerting: Option<Alerting>,
    /// All that was said on the terminal.
    said: Mutex<Vec<Ran>>,
}

impl Rehearsal {
    /// Those of the smoke test, all proofs, or those that `only` and `skip` leave, by parts of their names; a part that no name has is the error.
    pub fn new(settings: Settings, only: &[String], skip: &[String]) -> Result<Self, String> {
        let proofs = match settings.smoke {
            true => proofs::smoke(),
            false => proofs::chosen(only, skip)?,
        };
        Ok(Self {
            proofs,
            settings,
            machines: None,
            rooms: None,
            first: String::new(),
            next: String::new(),
            broken: String::new(),
            large: String::new(),
            failing: String::new(),
            client: None,
            key: String::new(),
            watch: None,
            alerting: None,
            said: Mutex::default(),
        })
    }

    /// The names of all proofs, in their order.
    pub fn all() -> impl Iterator<Item = &'static str> {
        proofs::ALL.iter().map(|proof| proof.name)
    }

    /// Tries the proofs in order, telling each as it ends; the first that fails is the last.
    pub async fn run(&mut self, mut tell: impl FnMut(&Outcome)) -> bool {
        for proof in self.proofs.clone() {
            let began = Instant::now();
            let verdict = match proof.left_out(self.settings.provider) {
                Some(why) => Verdict::LeftOut(why),
                None => match (proof.prove)(self).await {
                    Ok(seen) => Verdict::Held(seen),
                    Err(error) => Verdict::Failed(error),
                },
            };
            let outcome = Outcome {
                name: proof.name,
                took: began.elapsed(),
                verdict,
            };
            self.said().push(Ran {
                command: outcome.name.to_owned(),
                code: 0,
                stdout: String::new(),
                stderr: outcome.verdict.to_string(),
            });
            tell(&outcome);
            if matches!(outcome.verdict, Verdict::Failed(_)) {
                return false;
            }
        }
        true
    }

    /// Removes the machines and their state.
    pub async fn down(&self) -> Result<(), ProofError> {
        machines::down(&self.settings).await
    }

    fn machines(&self) -> Result<&Machines, ProofError> {
        self.machines
            .as_ref()
            .ok_or(ProofError::Wrong("the machines are not up".into()))
    }

    /// New machines, or others in the place of those from before.
    async fn move_in(&mut self, machines: Machines) {
        let rooms = machines.rooms(&self.settings);
        match &self.rooms {
            Some(before) => before.replaced_by(&rooms).await,
            None => self.rooms = Some(rooms),
        }
        self.machines = Some(machines);
    }

    fn rooms(&self) -> Result<&Rooms, ProofError> {
        self.rooms
            .as_ref()
            .ok_or(ProofError::Wrong("the machines are not up".into()))
    }

    /// The host.
    fn prod1(&self) -> Result<Machine, ProofError> {
        Ok(self.rooms()?.prod1.clone())
    }

    fn prod2(&self) -> Result<Machine, ProofError> {
        Ok(self.rooms()?.prod2.clone())
    }

    fn infra(&self) -> Result<Machine, ProofError> {
        Ok(self.rooms()?.infra.clone())
    }

    /// Starts a service of infra that a proof has stopped, and waits until it answers.
    async fn start_on_infra(&self, service: &str) -> Result<(), ProofError> {
        let start = format!("systemctl start {service} && rehearsal-await {service}");
        self.infra()?.run(&start).await.map(|_| ())
    }

    /// Of infra, as prod1 finds it, and of prod1, as infra does.
    async fn addresses(&self) -> Result<(String, String), ProofError> {
        let ask = |name: &str| format!("getent ahostsv4 {name} | head -n 1 | cut -d ' ' -f 1");
        let infra = self.prod1()?.run(&ask("registry.rehearsal.test")).await?;
        let prod1 = self.infra()?.run(&ask("prod1.rehearsal.test")).await?;
        Ok((infra, prod1))
    }

    fn client(&self) -> Result<&Client, ProofError> {
        self.client
            .as_ref()
            .ok_or(ProofError::Wrong("nothing is deployed".into()))
    }

    fn inventory(&self) -> PathBuf {
        self.settings.state.join("inventory.yaml")
    }

    /// Writes the rehearsal's inventory, with this image.
    fn write_inventory(&self, image: &str) -> Result<(), ProofError> {
        let password = &self.machines()?.registry.password_file;
        self.write_inventory_with(image, password, &self.tls("acme")?)
    }

    /// The `tls` section with this issuer, `acme` or `certbot`, at the rehearsal's ACME server.
    fn tls(&self, issuer: &str) -> Result<String, ProofError> {
        let acme = &self.machines()?.acme;
        Ok(format!(
            "{{issuer: {issuer}, directory: '{}', directory_ca: {}, contact: ocr@rehearsal.test}}",
            acme.directory,
            acme.ca_file.display()
        ))
    }

    /// The same, with another password file and `tls` section.
    fn write_inventory_with(
        &self,
        image: &str,
        password: &Path,
        tls: &str,
    ) -> Result<(), ProofError> {
        self.write_inventory_of(&["prod1"], image, password, tls)
    }

    /// The same, of these hosts.
    fn write_inventory_of(
        &self,
        hosts: &[&str],
        image: &str,
        password: &Path,
        tls: &str,
    ) -> Result<(), ProofError> {
        let machines = self.machines()?;
        let hosts: String = hosts.iter().map(|name| machines.target(name)).collect();
        let alerts = self.alerting.as_ref().map(|alerting| {
            format!(
                "\x20   alerts: {{webhook: {{file: {}}}, ping: {{file: {}}}}}\n",
                alerting.webhook.display(),
                alerting.ping.display()
            )
        });
        let alerts = alerts.unwrap_or_default();
        let text = format!(
            "# Written by `ocrctl rehearse`.\n\
             environments:\n\
             \x20 rehearsal:\n\
             \x20   names: [{names}]\n\
             \x20   hosts:\n{hosts}\
             \x20   tls: {tls}\n\
             \x20   image: {image}\n\
             \x20   registry:\n\
             \x20     username: {username}\n\
             \x20     password: {{file: {password}}}\n\
             \x20     ca: {ca}\n\
             \x20   service: {{workers: 2, page_timeout: 15s, drain: 20s, ready_timeout: 30s}}\n\
             \x20   ownership: {{organization: acme-org, ssh_keys: [\"{own_key}\"], sudoers: [{user}]}}\n\
             {alerts}",
            own_key = self.own_key()?,
            names = match self.settings.smoke {
                true => format!("{}, {}", client::NAME, client::LOCAL_NAME),
                false => client::NAME.to_owned(),
            },
            user = machines.prod1.user,
            username = machines.registry.user,
            password = password.display(),
            ca = machines.registry.ca_file.display(),
        );
        let path = self.inventory();
        std::fs::write(&path, text).map_err(|source| ProofError::File { path, source })
    }

    /// Adds lines to the environment.
    fn amend_inventory(&self, lines: &str) -> Result<(), ProofError> {
        let path = self.inventory();
        let amended =
            std::fs::read_to_string(&path).and_then(|text| std::fs::write(&path, text + lines));
        amended.map_err(|source| ProofError::File { path, source })
    }

    /// The public key that logs in.
    fn own_key(&self) -> Result<String, ProofError> {
        let path = self.machines()?.prod1.identity_file.with_extension("pub");
        match std::fs::read_to_string(&path) {
            Ok(key) => Ok(key.trim().to_owned()),
            Err(source) => Err(ProofError::File { path, source }),
        }
    }

    /// Runs ocrctl as an operator would; gives status, standard output and error.
    async fn ocrctl(&self, arguments: &[&str]) -> Result<Ran, ProofError> {
        let output = Program::new(self.settings.ocrctl.to_string_lossy())
            .arg("--inventory")
            .arg(self.inventory())
            .args(arguments)
            .timeout(LIMIT)
            .output()
            .await?;
        let ran = Ran {
            command: arguments.join(" "),
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        self.said().push(ran.clone());
        Ok(ran)
    }

    fn said(&self) -> MutexGuard<'_, Vec<Ran>> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Held(words) | Self::LeftOut(words) => f.write_str(words),
            Self::Failed(error) => f.write_str(&chain(error)),
        }
    }
}
