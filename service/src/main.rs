//! OCR over HTTP: parses the command line, runs the command, prints an error once, and sets the exit code.
//!
//! The process that serves requests is of `ocr-server`, which parses no document. Its workers are this executable as
//! well, and of `ocr-engine`.

mod cli;
mod commands;
mod units;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use cli::Cli;

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
