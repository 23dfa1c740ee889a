//! `ocrctl`: parse, run, print an error once, choose the exit code.

mod command;
mod inventory {
    pub mod target;
}
mod protocol;
mod session;
#[cfg(test)]
mod test_support;
mod transport;

fn main() {}
