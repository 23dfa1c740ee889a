//! `ocrctl`: parse, run, print an error once, choose the exit code.

mod protocol;
mod report;

fn main() {}
