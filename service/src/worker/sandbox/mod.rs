//! What a document that has taken a worker over can still do: read language data and fonts, use a bounded amount of
//! memory, and answer. Entered when libraries and models are loaded, before the first byte of any document is parsed.

mod calls;
mod files;
mod limits;

use std::io::{self, Write};
use std::path::Path;

use ocr_api::health::Sandbox;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

/// Restricts this process for good. Whatever the system lacks is left out, and told on standard error; the result says
/// what was achieved. Only the calling thread and those that it starts later are kept from files, so it has to be the only
/// one. `start` is called when files are out of reach, and is the last that can start a thread.
pub(super) fn enter(language_data: &Path, max_pixels: u64, start: impl FnOnce()) -> Sandbox {
    let alone = match threads() {
        Ok(1) => true,
        Ok(others) => {
            complain("Landlock", &format!("there are {others} threads, not one"));
            false
        }
        Err(error) => {
            complain("Landlock", &format!("can't count threads: {error}"));
            false
        }
    };
    restrict(language_data, max_pixels, alone, start)
}

fn restrict(language_data: &Path, max_pixels: u64, alone: bool, start: impl FnOnce()) -> Sandbox {
    // The order matters: each of these needs what the next one takes.
    let limits = achieved("limits", limits::Limits::prepare());
    let landlock = alone
        .then(|| files::restrict(language_data))
        .and_then(|result| achieved("Landlock", result));
    // Without Landlock, another worker's memory could be read from /proc.
    if landlock.is_none() {
        let hidden = set_dumpable_behavior(DumpableBehavior::NotDumpable);
        achieved("hidden memory", hidden.map_err(io::Error::from));
    }
    start();
    let rlimits = limits
        .and_then(|limits| achieved("limits", limits.restrict(max_pixels)))
        .is_some();
    let no_new_privs = achieved(
        "no_new_privs",
        rustix::thread::set_no_new_privs(true).map_err(io::Error::from),
    )
    .is_some();
    let seccomp = achieved("seccomp", calls::restrict()).is_some();
    Sandbox {
        no_new_privs,
        rlimits,
        landlock,
        landlock_scopes: landlock >= Some(Sandbox::SCOPES),
        seccomp,
    }
}

fn achieved<T, E: std::fmt::Display>(what: &str, result: Result<T, E>) -> Option<T> {
    result
        .inspect_err(|error| complain(what, &error.to_string()))
        .ok()
}

fn complain(what: &str, why: &str) {
    // Nothing is left to do if standard error is gone; the answers say what is missing.
    let _ = writeln!(io::stderr(), "sandbox: no {what}: {why}");
}

fn threads() -> io::Result<usize> {
    Ok(std::fs::read_dir("/proc/self/task")?.count())
}

#[cfg(test)]
mod tests;
