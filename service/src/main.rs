//! Parse, run, print an error once, choose the exit code.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use ocr_service::cli::Cli;
use ocr_service::commands;

fn main() -> ExitCode {
    match commands::run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do if standard error is gone.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}
