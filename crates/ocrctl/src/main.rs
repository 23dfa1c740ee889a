//! The executable `ocrctl`, on the operator's machine and on hosts.

use std::process::ExitCode;

use ocrctl::cli::Command;
use ocrctl::commands;

fn main() -> ExitCode {
    let cli = match ocrctl::parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    match cli.command {
        // It takes this process over, before anything is printed.
        Command::Rehearse(_) => {
            let failed = commands::rehearse::start();
            ocrctl::run(cli, async |_, _| Err(failed))
        }
        _ => ocrctl::run(cli, commands::run),
    }
}
