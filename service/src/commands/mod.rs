//! The commands, one file each.

mod key;
mod rules;
mod serve;

use std::io;

use ocr_engine::worker;
use ocr_server::heap;

use crate::cli::{Command, Key, Rules};

/// Failure of a command, in words for the user.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error(transparent)]
    Serve(#[from] serve::ServeError),
    #[error(transparent)]
    Key(#[from] key::KeyError),
    #[error(transparent)]
    Rules(#[from] rules::RulesError),
    #[error("worker: {0}")]
    Worker(#[from] worker::WorkerError),
    #[error("can't start: {0}")]
    Runtime(io::Error),
}

/// Runs a command to its end.
///
/// # Errors
/// See [`CommandError`].
pub fn run(command: Command) -> Result<(), CommandError> {
    match command {
        Command::Serve(flags) => {
            // Set up before there are threads, because it affects their memory.
            heap::set_up();
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .map_err(CommandError::Runtime)?;
            Ok(runtime.block_on(serve::run(*flags))?)
        }
        Command::Key(Key::New(flags)) => Ok(key::new(&flags)?),
        Command::Rules(Rules::Check(flags)) => Ok(rules::check(&flags)?),
        Command::Worker(flags) => Ok(worker::run(&flags.into())?),
    }
}
