//! Workers between two pages of their documents. A worker that has received anything of a document never receives
//! anything of another one. It waits here for the next page of its document, and ends with the document. The number and
//! the memory of waiting workers are bounded. The one that has waited longest is ended first, and its document's next
//! page gets a new worker.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::process::Process;

/// Limits on waiting workers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) processes: usize,
    /// Most bytes that they may hold beyond the memory shared with their template.
    pub(super) memory: u64,
}

/// The waiting workers, the longest waiting first.
#[derive(Debug)]
pub(super) struct Bound {
    room: Room,
    waiting: Mutex<VecDeque<Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    document: u64,
    process: Process,
    memory: u64,
}

impl Bound {
    pub(super) fn new(room: Room) -> Self {
        Self {
            room,
            waiting: Mutex::default(),
        }
    }

    /// Takes a worker that has this document, if one waits: the one that worked last.
    pub(super) fn take(&self, document: u64) -> Option<Process> {
        let mut waiting = self.waiting();
        let place = waiting.iter().rposition(|one| one.document == document)?;
        waiting.remove(place).map(|one| one.process)
    }

    /// Makes a worker wait. Called while its document is held and before its task is answered, because the next page
    /// may need the worker at once.
    pub(super) fn park(&self, document: u64, process: Process, memory: u64) {
        let mut waiting = self.waiting();
        waiting.push_back(Waiting {
            document,
            process,
            memory,
        });
        let over = over(waiting.iter().map(|one| one.memory), self.room);
        let gone: Vec<Waiting> = waiting.drain(..over).collect();
        drop(waiting);
        // Kills them without holding the lock.
        drop(gone);
    }

    /// Ends the workers of a document that has ended.
    pub(super) fn end(&self, document: u64) {
        let mut waiting = self.waiting();
        let (gone, kept) = waiting.drain(..).partition(|one| one.document == document);
        *waiting = kept;
        drop(waiting);
        drop::<VecDeque<Waiting>>(gone);
    }

    /// Ends all waiting workers, because their memory is needed.
    pub(super) fn clear(&self) {
        let gone = std::mem::take(&mut *self.waiting());
        drop(gone);
    }

    /// Removes workers that have exited.
    pub(super) fn sweep(&self) {
        let mut waiting = self.waiting();
        waiting.retain_mut(|one| one.process.try_ended().is_none());
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        // The queue is whole between any two operations on it.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Number of workers, counted from the first, for which there is no room.
fn over(memory: impl DoubleEndedIterator<Item = u64> + ExactSizeIterator, room: Room) -> usize {
    let count = memory.len();
    let mut total = 0u64;
    let fit = memory.rev().take(room.processes).take_while(|bytes| {
        total = total.saturating_add(*bytes);
        total <= room.memory
    });
    count - fit.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_latest_workers_within_the_limits() {
        let room = Room {
            processes: 3,
            memory: 100,
        };
        let over = |memory: &[u64]| over(memory.iter().copied(), room);
        assert_eq!(over(&[]), 0);
        assert_eq!(over(&[10, 10, 10]), 0);
        assert_eq!(over(&[10, 10, 10, 10]), 1);
        assert_eq!(over(&[60, 50, 40]), 1);
        assert_eq!(over(&[60, 50, 101]), 3);
        assert_eq!(over(&[1, u64::MAX, u64::MAX]), 3);
    }
}
