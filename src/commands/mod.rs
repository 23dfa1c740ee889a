//! One file per command; what they have in common is here.

mod agent;
mod cert;
mod completions;
mod deploy;
mod fleet;
mod keys;
mod plan;
mod rehearse;
mod rollback;
mod rotate_key;

use crate::cli::{Cert, Cli, Command, Global};
use crate::inventory::{Environment, Inventory, InventoryError};
use crate::protocol::{Failure, FailureKind};
use crate::report::{Diagnostic, NobodyToAsk, Report};
use crate::session::SessionError;

/// How a command that did not fail ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// A plan has changes (exit code 2).
    Changes,
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
        Command::Plan(environment) => plan::run(global, report, &environment.environment).await,
        Command::Deploy(operation) => deploy::run(global, report, &operation).await,
        Command::Rollback(operation) => rollback::run(global, report, &operation).await,
        Command::Keys(keys) => keys::run(global, report, keys).await,
        Command::RotateKey(rotation) => rotate_key::run(global, report, &rotation).await,
        Command::Cert(Cert::Ca(environment)) => {
            cert::ca(global, report, &environment.environment).await
        }
        Command::Rehearse(rehearse) => rehearse::run(report, rehearse).await,
        Command::Completions { shell } => completions::run(report, shell),
        Command::Agent { task } => agent::run(task).await,
    }
}

fn environment(global: &Global, name: &str) -> Result<Environment> {
    let inventory = Inventory::load(&global.inventory)?;
    Ok(inventory.environment(name)?.clone())
}

impl Failed {
    fn new(diagnostic: Diagnostic) -> Self {
        Self {
            diagnostics: vec![diagnostic],
            code: FAILED,
        }
    }

    /// `None`: there is nothing to tell.
    fn all(diagnostics: Vec<Diagnostic>) -> Option<Self> {
        (!diagnostics.is_empty()).then_some(Self {
            diagnostics,
            code: FAILED,
        })
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

impl From<NobodyToAsk> for Failed {
    fn from(error: NobodyToAsk) -> Self {
        Self {
            diagnostics: vec![Diagnostic::from(&error)],
            code: USAGE,
        }
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

/// What an agent says it could not do.
fn failed(host: &str, failure: &Failure) -> Failed {
    Failed {
        diagnostics: vec![Diagnostic::from(failure).host(host)],
        code: match failure.kind {
            FailureKind::Locked => LOCKED,
            FailureKind::Refused => USAGE,
            FailureKind::HostChanged | FailureKind::Cancelled | FailureKind::Failed => FAILED,
        },
    }
}
