//! `ocrctl`: parse, run, print an error once, choose the exit code.

mod acme;
mod agent;
mod archive;
mod audit;
mod backup;
mod causes;
mod checks;
mod cli;
mod client;
mod command;
mod commands;
mod docker;
#[cfg(test)]
mod docs;
mod doctor;
mod health;
#[cfg(test)]
mod hints;
mod image;
mod inventory;
mod probe;
mod protocol;
#[cfg(test)]
mod reference;
mod registry;
mod rehearsal;
mod report;
mod resources;
mod session;
mod sockets;
mod ssh_key;
mod stack;
#[cfg(test)]
mod test_support;
mod transport;
mod watch;

use std::process::ExitCode;

use cli::Cli;
use commands::Outcome;
use report::{Diagnostic, Options, Report};

fn main() -> ExitCode {
    let cli = match Cli::parse_from_args(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(cli::exit_code(&error));
        }
    };
    let report = Report::new(Options {
        json: cli.global.json,
        no_color: cli.global.no_color,
        verbose: cli.global.verbose > 0,
    });
    // Fails only where another provider was installed before, and there is no other.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let code = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => finish(&report, runtime.block_on(commands::run(cli, &report))),
        Err(error) => {
            report.error(&Diagnostic::of(&error));
            1
        }
    };
    ExitCode::from(code)
}

fn finish(report: &Report, outcome: commands::Result) -> u8 {
    let code = match outcome {
        Ok(Outcome::Done) => 0,
        Ok(Outcome::Changes) => 2,
        Ok(Outcome::Problems | Outcome::Incomplete) => 1,
        Err(failed) => {
            for diagnostic in &failed.diagnostics {
                report.error(diagnostic);
            }
            failed.code
        }
    };
    match report.finish() {
        Ok(()) => code,
        Err(error) => {
            report.error(&Diagnostic::of(&error));
            1
        }
    }
}
