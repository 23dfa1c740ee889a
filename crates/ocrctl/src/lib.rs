//! `ocrctl` on the operator's machine: parse, run, print an error once, choose the exit code. The rehearsal is built on the
//! same, and on the load of `ocrctl deploy --probe`.

pub mod cli;
mod client;
pub mod commands;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod hints;
mod image;
pub mod probe;
#[cfg(test)]
mod reference;
pub mod report;
#[cfg(test)]
mod test_support;

use std::process::ExitCode;

use ocrctl_protocol::Diagnostic;

use cli::Cli;
use commands::Outcome;
use report::{Options, Report};

/// The command line, or the exit code of one that asks for help or makes no sense, which has been printed.
pub fn parse() -> Result<Cli, ExitCode> {
    Cli::parse_from_args(std::env::args_os()).map_err(|error| {
        let _ = error.print();
        ExitCode::from(cli::exit_code(&error))
    })
}

/// Does the work of a command line, and reports how it went.
pub fn run(cli: Cli, work: impl AsyncFnOnce(Cli, &Report) -> commands::Result) -> ExitCode {
    let report = Report::new(Options {
        json: cli.global.json,
        no_color: cli.global.no_color,
        verbose: cli.global.verbose > 0,
        diff: cli.global.diff,
    });
    // Fails only where another provider was installed before, and there is no other.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let code = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => finish(&report, runtime.block_on(work(cli, &report))),
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
