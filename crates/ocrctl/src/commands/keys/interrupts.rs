//! Ctrl-C, taken over: what must not be cut is finished first.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::commands::{Failed, Result};
use crate::report::Report;
use ocrctl_protocol::{Diagnostic, Level};

#[derive(Debug)]
pub(in crate::commands) struct Interrupts {
    signal: Signal,
    pressed: bool,
}

impl Interrupts {
    /// From here on, Ctrl-C no longer ends the process.
    pub(in crate::commands) fn take_over() -> Result<Self> {
        let signal =
            signal(SignalKind::interrupt()).map_err(|error| Failed::new(Diagnostic::of(&error)))?;
        Ok(Self {
            signal,
            pressed: false,
        })
    }

    /// Work that is a matter of moments, to its end.
    pub(in crate::commands) async fn finish<T>(
        &mut self,
        report: &Report,
        work: impl Future<Output = T>,
    ) -> T {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                _ = self.signal.recv(), if !self.pressed => {
                    self.pressed = true;
                    report.note(None, Level::Info, "a moment: the hosts are left as they all are, or all as they were");
                }
            }
        }
    }

    /// Work that may be given up, and is when Ctrl-C is or has been pressed: `None`.
    pub(super) async fn abandon<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        if self.pressed {
            return None;
        }
        tokio::select! {
            biased;
            _ = self.signal.recv() => {
                self.pressed = true;
                None
            }
            done = work => Some(done),
        }
    }
}
