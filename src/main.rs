//! `ocrctl`: parse, run, print an error once, choose the exit code.

mod cli;
mod inventory;
mod protocol;
mod report;

fn main() {}
