//! What a document that has taken a worker over can still do: use a bounded amount of memory, answer, and, as a PDF, read
//! fonts. It is entered in two steps. The first one is taken when a worker is made, with libraries and models loaded. The second
//! one is taken when it knows what kind of document it is for and has loaded that one's languages, before the first byte
//! of it has come: from then on language data are out of reach as well, and with an image every file.

mod calls;
mod files;
mod limits;

use std::io::{self, Write};
use std::path::Path;

use ocr_api::answer::DocumentType;
use ocr_api::health::Sandbox;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

/// Restricts this process for good. Whatever the system lacks is left out, and told on standard error; the result says
/// what was achieved. Only the calling thread is kept from files, so it has to be the only one.
pub(super) fn enter(language_data: &Path, max_pixels: u64) -> Sandbox {
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
    restrict(language_data, max_pixels, alone)
}

/// Takes the second step: restricts this process to what a document of this kind needs. Where the first step achieved
/// something, it is an error if this one does not.
pub(super) fn narrow(achieved: &Sandbox, kind: DocumentType) -> io::Result<()> {
    if achieved.landlock.is_some() {
        files::narrow(kind).map_err(io::Error::other)?;
    }
    if achieved.seccomp {
        calls::narrow(kind).map_err(io::Error::other)?;
    }
    Ok(())
}

fn restrict(language_data: &Path, max_pixels: u64, alone: bool) -> Sandbox {
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
