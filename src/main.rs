//! `ocrctl`: parse, run, print an error once, choose the exit code.

mod agent;
mod command;
mod docker;
mod inventory {
    pub mod target;
}
mod protocol;
mod registry;
mod rehearsal;
mod resources;
mod session;
mod stack;
#[cfg(test)]
mod test_support;
mod transport;

fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(agent::run());
}
