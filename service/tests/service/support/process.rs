//! Other processes: signals, and their data in `/proc`.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

pub(crate) fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Running children of a process.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let mut children = Vec::new();
    for task in fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let list = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        children.extend(
            list.split_whitespace()
                .map(|pid| pid.parse::<u32>().unwrap()),
        );
    }
    children.sort_unstable();
    children
}

/// Name in `ps`. Empty if the process has exited.
pub(crate) fn name(pid: u32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.trim().to_owned()
}

/// True if a process has exited, even if its parent does not know yet.
pub(crate) fn has_ended(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The state comes after the name in parentheses.
    let state = stat.rsplit(')').next().unwrap_or_default().trim_start();
    state.is_empty() || state.starts_with(['Z', 'X'])
}

/// True if a worker waits for a document. It is in its sandbox and not bound to a document, which adds another seccomp
/// filter. It has not been killed either, which may not be visible yet.
pub(crate) fn is_spare(pid: u32) -> bool {
    const FILTERS: u32 = 2;
    let status = |pid: u32| fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let of = |status: &str, name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().to_owned())
    };
    let filters = |status: &str| of(status, "Seccomp_filters:")?.parse::<u32>().ok();
    let is_killed = |pending: String| {
        let pending = u64::from_str_radix(&pending, 16).unwrap();
        pending >> (Signal::KILL.as_raw() - 1) & 1 == 1
    };
    let (own, worker) = (status(std::process::id()), status(pid));
    of(&worker, "State:").is_some_and(|state| state.starts_with('S'))
        && of(&worker, "VmRSS:").is_some()
        && filters(&worker) == filters(&own).map(|own| own + FILTERS)
        && of(&worker, "SigPnd:").is_some_and(|pending| !is_killed(pending))
}

/// Processor time of a process, in clock ticks (10 ms).
pub(crate) fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // After the name in parentheses: state is field 3, utime and stime are 14 and 15.
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let field = |at: usize| fields.get(at).and_then(|text| text.parse::<u64>().ok());
    field(11).unwrap_or(0) + field(12).unwrap_or(0)
}

/// Processor time of a process and all its descendants, including those that have exited, in clock ticks (10 ms).
#[allow(dead_code, reason = "for the benchmarks")]
pub(crate) fn ticks_of_all(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    // Its own and its children's times are fields 14 to 17.
    let own: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(4)
        .filter_map(|text| text.parse::<u64>().ok())
        .sum();
    own + children(pid).into_iter().map(ticks_of_all).sum::<u64>()
}

/// Peak memory of a process, in bytes; 0 if it has exited.
pub(crate) fn peak_memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Memory of a process, in bytes; 0 if it has exited.
pub(crate) fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Waits until a condition holds.
#[track_caller]
pub(crate) fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "waited in vain: {what}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Nanoseconds that a process has spent on a core.
pub(crate) fn on_core(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap_or_default();
    let time = text.split(' ').next().and_then(|time| time.parse().ok());
    time.unwrap_or(0)
}

/// Nanoseconds that each worker of a service spends on a core while a closure runs. For processes that exit meanwhile,
/// the time is that of a few milliseconds before.
pub(crate) fn spent_by_workers<T>(
    workers: impl Fn() -> Vec<u32> + Sync,
    run: impl FnOnce() -> T,
) -> (T, BTreeMap<u32, u64>) {
    let before: BTreeMap<u32, u64> = workers()
        .into_iter()
        .map(|pid| (pid, on_core(pid)))
        .collect();
    let (spent, done) = (Mutex::new(BTreeMap::new()), AtomicBool::new(false));
    let result = thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for pid in workers() {
                    let now = on_core(pid).saturating_sub(before.get(&pid).copied().unwrap_or(0));
                    let mut spent = spent.lock().unwrap();
                    let most: &mut u64 = spent.entry(pid).or_default();
                    *most = now.max(*most);
                }
                thread::sleep(Duration::from_millis(3));
            }
        });
        let result = run();
        done.store(true, Ordering::Relaxed);
        result
    });
    (result, spent.into_inner().unwrap())
}
