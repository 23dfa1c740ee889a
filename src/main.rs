//! `ocrctl`: parse, run, print an error once, choose the exit code.

mod agent;
mod command;
mod docker;
mod protocol;
mod registry;
mod resources;
mod stack;

fn main() {}
