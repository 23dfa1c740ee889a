//! Traces that others could have seen while the proofs ran: argument lists and environments of all processes, on
//! the controller and on the host, sampled some ten times a second.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};

use super::machine::Machine;
use ocrctl_command::quoted;

const EVERY: Duration = Duration::from_millis(100);
const ON_HOST: &str = include_str!("processes.pl");

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Controller,
    Host,
}

/// A file of a process in /proc.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Arguments,
    Environment,
}

type Seen = Arc<Mutex<HashSet<(Place, Kind, Vec<u8>)>>>;

/// Runs until it is dropped.
#[derive(Debug)]
pub(super) struct Watch {
    seen: Seen,
    stopping: Arc<AtomicBool>,
    host: tokio::task::JoinHandle<()>,
}

impl Watch {
    pub(super) fn start(host: Machine) -> Self {
        let (seen, stopping) = (Seen::default(), Arc::new(AtomicBool::new(false)));
        let (own, flag) = (seen.clone(), stopping.clone());
        std::thread::spawn(move || {
            while !flag.load(Ordering::Relaxed) {
                sample(&own);
                std::thread::sleep(EVERY);
            }
        });
        let host = tokio::spawn(on_host(host, seen.clone()));
        Self {
            seen,
            stopping,
            host,
        }
    }

    /// All that was seen so far, each once.
    pub(super) fn seen(&self) -> Vec<(Place, Kind, Vec<u8>)> {
        lock(&self.seen).iter().cloned().collect()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.host.abort();
    }
}

fn lock(seen: &Seen) -> MutexGuard<'_, HashSet<(Place, Kind, Vec<u8>)>> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Processes of this machine. Those of others are seen as far as the kernel shows them to this user.
fn sample(seen: &Seen) {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if !name.to_string_lossy().bytes().all(|b| b.is_ascii_digit()) {
            continue;
        }
        for (file, kind) in [("cmdline", Kind::Arguments), ("environ", Kind::Environment)] {
            match std::fs::read(entry.path().join(file)) {
                Ok(text) if !text.is_empty() => {
                    lock(seen).insert((Place::Controller, kind, text));
                }
                _ => {}
            }
        }
    }
}

/// The host restarts, and is made anew: then the watch starts again.
async fn on_host(host: Machine, seen: Seen) {
    let script = format!("exec perl -e {}", quoted(ON_HOST));
    loop {
        if let Ok(running) = host.start(&script).await {
            // Held open: its end tells the program to end.
            let _lifeline = running.stdin;
            let mut lines = BufReader::new(running.stdout).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let Some((file, hex)) = line.split_once(' ') else {
                    continue;
                };
                let kind = match file {
                    "cmdline" => Kind::Arguments,
                    _ => Kind::Environment,
                };
                lock(&seen).insert((Place::Host, kind, unhex(hex)));
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

fn unhex(hex: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    (0..hex.len()).step_by(2).filter_map(byte).collect()
}
