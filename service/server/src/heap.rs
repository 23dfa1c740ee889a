//! Setup of the C library's heap, so that freed memory returns to the system. By default, an answer of some megabytes
//! raises the size from which memory is mapped, and only mapped memory returns on its own. Besides, each thread may get
//! an arena that keeps its peak.
#![allow(unsafe_code, reason = "the C library's functions for its own heap")]

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::memory::Memory;

/// Size from which each piece of memory is mapped, and unmapped when it is freed.
const MAPPED_FROM: libc::c_int = 128 << 10;
const ARENAS: libc::c_int = 2;
/// Interval between checks of how much memory requests have freed.
const PAUSE: Duration = Duration::from_secs(1);
/// Freed bytes after which memory is returned at once.
const MUCH: u64 = 8 << 20;
/// Longest interval between two returns of memory. Connections free some memory that is not charged to requests. A
/// return takes a millisecond when little is free.
const AT_LEAST_EVERY: Duration = Duration::from_secs(10);

/// Sets up this process's heap. Workers are other processes and keep the defaults.
pub fn set_up() {
    for (what, value) in [
        (libc::M_MMAP_THRESHOLD, MAPPED_FROM),
        (libc::M_TRIM_THRESHOLD, MAPPED_FROM),
        (libc::M_ARENA_MAX, ARENAS),
    ] {
        // SAFETY: takes two numbers, and ignores unknown ones.
        unsafe { libc::mallopt(what, value) };
    }
}

/// Returns free memory between pieces in use: soon after requests have freed much, and at intervals. Never ends.
pub async fn tidy(memory: Arc<Memory>) {
    let mut most = 0;
    let mut last = Instant::now();
    loop {
        sleep(PAUSE).await;
        let now = memory.all();
        most = most.max(now);
        if most - now >= MUCH || last.elapsed() >= AT_LEAST_EVERY {
            most = now;
            last = Instant::now();
            // This takes milliseconds, during which other threads wait for memory of the same arena.
            let _ = tokio::task::spawn_blocking(give_back).await;
        }
    }
}

fn give_back() {
    // SAFETY: may be called at any time, by any thread.
    unsafe { libc::malloc_trim(0) };
}
