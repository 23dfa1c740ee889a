//! One file per command; what they have in common is here.

mod agent;
mod alerts;
mod archive;
mod audit;
mod backup;
mod build;
mod cert;
mod clients;
mod completions;
mod deploy;
mod doctor;
mod fleet;
mod history;
mod hooks;
mod init;
mod keys;
mod login;
mod logs;
mod man;
mod migrate_registry;
mod ocr;
mod plan;
mod probe;
pub mod rehearse;
mod renew;
mod restart;
mod restore;
mod rollback;
mod rotate_key;
mod sbom;
mod schema;
mod status;
mod sudo;
mod watch;

use crate::cli::{Cli, Command, Global, Limit};
use crate::commands::backup::file::FileError;
use crate::report::{CannotAsk, Report};
use ocrctl_inventory::{Environment, Inventory, InventoryError};
use ocrctl_protocol::{Diagnostic, Failure, FailureKind};
use ocrctl_ssh::session::SessionError;

/// The outcome of a command that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// A plan has changes; an audit or a certificate's state has findings (exit code 2).
    Changes,
    /// A host has problems, which were reported (exit code 1).
    Problems,
    /// A check of an audit could not run, and the others found nothing; a doctor's could not run or failed (exit code 1).
    /// Each of them was reported.
    Incomplete,
}

/// Why a command failed: what the operator reads, and the exit code.
#[derive(Debug)]
pub struct Failed {
    pub diagnostics: Vec<Diagnostic>,
    pub code: u8,
}

pub type Result<T = Outcome> = std::result::Result<T, Failed>;

const FAILED: u8 = 1;
const USAGE: u8 = crate::cli::USAGE;
const LOCKED: u8 = 75;

/// Runs the command that was parsed.
pub async fn run(cli: Cli, report: &Report) -> Result {
    let global = &cli.global;
    match cli.command {
        Command::Init(asked) => init::run(global, report, &asked),
        Command::Plan(asked) => plan::run(global, report, &asked).await,
        Command::History(environment) => {
            history::run(global, report, &environment.environment).await
        }
        Command::Deploy(deploy) => deploy::run(global, report, *deploy).await,
        Command::Rollback(asked) => rollback::run(global, report, &asked).await,
        Command::Restart(asked) => restart::run(global, report, &asked).await,
        Command::Logs(asked) => logs::run(global, report, &asked).await,
        Command::Status(asked) => status::run(global, report, &asked).await,
        Command::Audit(environment) => audit::run(global, report, &environment.environment).await,
        Command::Doctor(asked) => doctor::run(global, report, &asked).await,
        Command::Backup(backup) => backup::run(global, report, &backup).await,
        Command::Keys(keys) => keys::run(global, report, keys).await,
        Command::Cert(command) => cert::run(global, report, &command).await,
        Command::Ocr(asked) => ocr::run(global, report, &asked).await,
        Command::Alerts(command) => alerts::run(global, report, &command).await,
        Command::Renew => renew::run(report).await,
        Command::Watch => watch::run(report).await,
        Command::MigrateRegistry(asked) => migrate_registry::run(global, report, &asked).await,
        Command::Build(asked) => build::run(global, report, &asked).await,
        Command::RotateKey(rotation) => rotate_key::run(global, report, &rotation).await,
        Command::Rehearse(_) => Err(rehearse::start()),
        Command::Completions { shell } => completions::run(report, shell),
        Command::Schema => schema::run(report),
        Command::Man { out } => man::run(report, &out),
        Command::Sbom { lock } => sbom::run(report, &lock),
        Command::Agent { task } => Box::pin(agent::run(task)).await,
    }
}

fn environment(global: &Global, name: &str) -> Result<Environment> {
    let inventory = Inventory::load(&global.inventory)?;
    Ok(inventory.environment(name)?.clone())
}

/// The environment with these of its hosts alone; with none named, all.
fn limited(mut environment: Environment, limit: &Limit) -> Result<Environment> {
    let known = |name: &String| environment.hosts.iter().any(|host| host.name == *name);
    if let Some(unknown) = limit.limit.iter().find(|name| !known(name)) {
        let names: Vec<&str> = environment.hosts.iter().map(|h| h.name.as_str()).collect();
        let text = format!("{} has no host `{unknown}`", environment.name);
        let hint = format!("its hosts are {}", names.join(", "));
        return Err(Failed::usage(Diagnostic::new(text).hint(hint)));
    }
    if !limit.limit.is_empty() {
        environment
            .hosts
            .retain(|host| limit.limit.contains(&host.name));
    }
    Ok(environment)
}

impl Failed {
    pub fn new(diagnostic: Diagnostic) -> Self {
        Self {
            diagnostics: vec![diagnostic],
            code: FAILED,
        }
    }

    /// A command line that makes no sense.
    pub fn usage(diagnostic: Diagnostic) -> Self {
        Self {
            diagnostics: vec![diagnostic],
            code: USAGE,
        }
    }

    /// `None` if there is nothing to report.
    fn all(diagnostics: Vec<Diagnostic>) -> Option<Self> {
        (!diagnostics.is_empty()).then_some(Self {
            diagnostics,
            code: FAILED,
        })
    }

    /// With another one, if there is one.
    fn and(mut self, other: Option<Self>) -> Self {
        self.diagnostics
            .extend(other.into_iter().flat_map(|other| other.diagnostics));
        self
    }

    /// Of several hosts; the first decides the exit code.
    fn together(failures: Vec<Self>) -> Option<Self> {
        failures.into_iter().reduce(|mut all, failed| {
            all.diagnostics.extend(failed.diagnostics);
            all
        })
    }
}

impl From<InventoryError> for Failed {
    fn from(error: InventoryError) -> Self {
        Self {
            diagnostics: error.diagnostics(),
            code: USAGE,
        }
    }
}

impl From<CannotAsk> for Failed {
    fn from(error: CannotAsk) -> Self {
        Self::usage(Diagnostic::from(&error))
    }
}

impl From<FileError> for Failed {
    fn from(error: FileError) -> Self {
        let mut diagnostic = Diagnostic::of(&error);
        diagnostic.hint = error.hint();
        Self::new(diagnostic)
    }
}

impl From<SessionError> for Failed {
    fn from(error: SessionError) -> Self {
        let mut diagnostic = Diagnostic::of(&error);
        diagnostic.hint = error.hint();
        Self {
            diagnostics: vec![diagnostic],
            code: error.exit_code(),
        }
    }
}

/// An agent's failure.
fn failed(host: &str, failure: &Failure) -> Failed {
    let mut diagnostic = Diagnostic::from(failure).host(host);
    diagnostic.hint.get_or_insert_with(|| {
        "fix that on the host and run this again: finished steps stay, and the rest is done"
            .to_owned()
    });
    Failed {
        diagnostics: vec![diagnostic],
        code: match failure.kind {
            FailureKind::Locked => LOCKED,
            FailureKind::Refused => USAGE,
            FailureKind::HostChanged | FailureKind::Cancelled | FailureKind::Failed => FAILED,
        },
    }
}
