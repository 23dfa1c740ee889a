//! `ocrctl completions SHELL`.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Outcome, Result};
use crate::cli::Cli;
use crate::report::Report;

pub(super) fn run(report: &Report, shell: Shell) -> Result {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ocrctl", &mut script);
    report.data(&String::from_utf8_lossy(&script));
    Ok(Outcome::Done)
}
