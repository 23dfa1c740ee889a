//! Events on their way to the controller. A controller that is slow, stalled or gone never holds up
//! work on the host: a thread of its own writes, and what can't be written is known afterwards.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use ocrctl_protocol::{Event, Level, StepState};

/// Events on their way, which need no waiting.
const FEW: usize = 4;
const FLUSH: Duration = Duration::from_secs(5);
/// Progress more often than this is not seen by anyone.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub struct Emitter {
    sender: Option<mpsc::Sender<Event>>,
    ended: mpsc::Receiver<()>,
    broken: Arc<AtomicBool>,
    /// Events that are not written yet.
    pending: Arc<AtomicUsize>,
    last_progress: std::sync::Mutex<Option<Instant>>,
}

impl Emitter {
    pub fn stdout() -> Self {
        Self::to(std::io::stdout())
    }

    /// For what the host does by itself.
    pub fn nowhere() -> Self {
        Self::to(std::io::sink())
    }

    fn to(mut output: impl Write + Send + 'static) -> Self {
        let (sender, events) = mpsc::channel::<Event>();
        let (end, ended) = mpsc::channel();
        let broken = Arc::new(AtomicBool::new(false));
        let flag = broken.clone();
        let pending = Arc::new(AtomicUsize::new(0));
        let left = pending.clone();
        std::thread::spawn(move || {
            for event in events {
                let written = serde_json::to_vec(&event)
                    .map_err(std::io::Error::other)
                    .and_then(|mut line| {
                        line.push(b'\n');
                        output.write_all(&line)?;
                        output.flush()
                    });
                if written.is_err() {
                    flag.store(true, Ordering::Relaxed);
                }
                left.fetch_sub(1, Ordering::Relaxed);
            }
            let _ = end.send(());
        });
        Self {
            sender: Some(sender),
            ended,
            broken,
            pending,
            last_progress: std::sync::Mutex::new(None),
        }
    }

    pub fn send(&self, event: Event) {
        if let Some(sender) = &self.sender {
            self.pending.fetch_add(1, Ordering::Relaxed);
            let _ = sender.send(event);
        }
    }

    /// Waits while a controller that is slower than its host has events left to read, for those who have many.
    pub async fn drained(&self) {
        while self.pending.load(Ordering::Relaxed) > FEW {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub fn note(&self, level: Level, text: impl Into<String>) {
        self.send(Event::Note {
            level,
            text: text.into(),
        });
    }

    pub fn step(&self, index: usize, total: usize, resource: &str, state: StepState) {
        self.send(Event::Step {
            index,
            total,
            resource: resource.to_owned(),
            state,
        });
    }

    pub fn progress(&self, resource: &str, message: &str, part: Option<(u64, u64)>) {
        let Ok(mut last) = self.last_progress.lock() else {
            return;
        };
        if last.is_some_and(|at| at.elapsed() < PROGRESS_EVERY) {
            return;
        }
        *last = Some(Instant::now());
        self.send(Event::Progress {
            resource: resource.to_owned(),
            message: message.to_owned(),
            current: part.map(|p| p.0),
            total: part.map(|p| p.1),
        });
    }

    /// Returns whether an event could not be written because the reader is gone.
    pub fn unread(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// Waits until all is written, but not for a reader that has stalled.
    pub fn finish(&mut self) {
        self.sender = None;
        let _ = self.ended.recv_timeout(FLUSH);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn waits_until_many_events_are_written() {
        let emitter = Emitter::nowhere();
        for _ in 0..100 {
            emitter.note(Level::Info, "one of many");
        }
        emitter.drained().await;
        assert!(emitter.pending.load(Ordering::Relaxed) <= FEW);
    }

    #[test]
    fn a_closed_output_is_noticed_and_harmless() {
        let mut emitter = Emitter::to(Closed);
        emitter.note(Level::Info, "into the void");
        emitter.finish();
        assert!(emitter.unread());
    }
}
