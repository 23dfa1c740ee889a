//! `ocrctl`: parse, run, print an error once, choose the exit code.

mod protocol;

fn main() {}
