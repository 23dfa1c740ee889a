//! The C library's heap, set so that what was freed goes back to the system. As it comes, an answer of some megabytes raises
//! the size from which memory is mapped, and so returned, on its own; and each thread may get an arena that keeps what it
//! had at its peak.
#![allow(unsafe_code, reason = "the C library's functions for its own heap")]

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::memory::Memory;

/// From this size on, each piece of memory is mapped, and unmapped when it is freed.
const MAPPED_FROM: libc::c_int = 128 << 10;
const ARENAS: libc::c_int = 2;
/// Between two looks at how much requests have freed.
const PAUSE: Duration = Duration::from_secs(1);
/// Bytes freed after which memory is given back at once.
const MUCH: u64 = 8 << 20;
/// And when it is in any case: connections free some that is not charged to requests. It takes a millisecond when little is free.
const AT_LEAST_EVERY: Duration = Duration::from_secs(10);

/// Sets this process's heap. Workers are of another process, and keep the defaults.
pub fn set_up() {
    for (what, value) in [
        (libc::M_MMAP_THRESHOLD, MAPPED_FROM),
        (libc::M_TRIM_THRESHOLD, MAPPED_FROM),
        (libc::M_ARENA_MAX, ARENAS),
    ] {
        // SAFETY: takes two numbers; those that it does not know change nothing.
        unsafe { libc::mallopt(what, value) };
    }
}

/// Gives back what is free between pieces in use: soon when requests have freed much, and now and then. Never ends.
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
            // It takes milliseconds, in which others wait that want memory of the same arena.
            let _ = tokio::task::spawn_blocking(give_back).await;
        }
    }
}

fn give_back() {
    // SAFETY: may be called at any time, by any thread.
    unsafe { libc::malloc_trim(0) };
}
