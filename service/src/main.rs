//! Parses the command line, runs the command, prints an error once, and sets the exit code.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use ocr_service::cli::Cli;
use ocr_service::commands;

fn main() -> ExitCode {
    match commands::run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing more can be done if standard error is closed.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}
