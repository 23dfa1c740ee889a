//! Sandbox of a worker. A document that has taken a worker over can still use a bounded amount of memory, answer, and,
//! as a PDF, read fonts. The sandbox is entered in two steps. The first one is taken when a worker is made, with
//! libraries and models loaded. The second one is taken before the first byte of the document arrives, when its type is
//! known and its languages are loaded. From then on, language data can't be read, and with an image, no file can.

mod calls;
mod files;
mod limits;

use std::io::{self, Write};
use std::path::Path;

use ocr_api::answer::DocumentType;
use ocr_api::health::Sandbox;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

pub(super) use calls::prepare;

/// Restricts this process permanently. Restrictions that the system lacks are left out and reported on standard error.
/// The result lists those in force. Files are restricted only for the calling thread, so it has to be the only one.
pub(super) fn enter(language_data: &Path, max_pixels: u64) -> Sandbox {
    let alone = match threads() {
        Ok(1) => true,
        Ok(others) => {
            report_missing("Landlock", &format!("there are {others} threads, not one"));
            false
        }
        Err(error) => {
            report_missing("Landlock", &format!("can't count threads: {error}"));
            false
        }
    };
    restrict(language_data, max_pixels, alone)
}

/// Takes the second step: restricts this process to the needs of a document of this type. Fails if a restriction of the
/// first step can't be tightened.
pub(super) fn narrow(achieved: &Sandbox, kind: DocumentType) -> io::Result<()> {
    if achieved.landlock.is_some() {
        files::narrow(kind).map_err(io::Error::other)?;
    }
    if achieved.seccomp {
        calls::narrow(kind)?;
    }
    Ok(())
}

fn restrict(language_data: &Path, max_pixels: u64, alone: bool) -> Sandbox {
    // The order matters, because each restriction needs calls that the next one forbids.
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
        .inspect_err(|error| report_missing(what, &error.to_string()))
        .ok()
}

fn report_missing(what: &str, why: &str) {
    // Nothing more can be done if standard error is closed. Answers list what is missing.
    let _ = writeln!(io::stderr(), "sandbox: no {what}: {why}");
}

fn threads() -> io::Result<usize> {
    Ok(std::fs::read_dir("/proc/self/task")?.count())
}

#[cfg(test)]
mod tests;
