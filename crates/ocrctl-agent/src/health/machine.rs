//! Disk and memory.

use nix::sys::statvfs::{Statvfs, statvfs};

use crate::host::Host;
use ocrctl_protocol::health::{Disk, Memory};

/// Where the host, Docker, the service and the logs write.
const PATHS: [&str; 4] = ["/", "/var/lib/docker", "/var/lib/ocr", "/var/log"];

/// Each file system once, under the first of the paths that is on it.
pub(super) fn disks(host: &Host) -> Vec<Disk> {
    let mut seen = Vec::new();
    let mut disks = Vec::new();
    for path in PATHS {
        let real = host.path(path);
        let (Ok(meta), Ok(stat)) = (std::fs::metadata(&real), statvfs(&real)) else {
            continue;
        };
        let device = std::os::unix::fs::MetadataExt::dev(&meta);
        if !seen.contains(&device) {
            seen.push(device);
            disks.push(disk(path, &stat));
        }
    }
    disks
}

fn disk(path: &str, stat: &Statvfs) -> Disk {
    // C types, whose width differs between platforms.
    #[allow(clippy::useless_conversion, reason = "wider on other platforms")]
    let (blocks, free, available, unit) = (
        u64::from(stat.blocks()),
        u64::from(stat.blocks_free()),
        u64::from(stat.blocks_available()),
        u64::from(stat.fragment_size()),
    );
    #[allow(clippy::useless_conversion, reason = "wider on other platforms")]
    let (inodes, inodes_free) = (u64::from(stat.files()), u64::from(stat.files_free()));
    let used = blocks.saturating_sub(free);
    Disk {
        path: path.to_owned(),
        total: blocks * unit,
        available: available * unit,
        used_percent: percent(used, used + available),
        inodes_used_percent: percent(inodes.saturating_sub(inodes_free), inodes),
    }
}

/// `None` if the kernel does not say.
pub(super) fn memory(host: &Host) -> Option<Memory> {
    let text = host.read_text("/proc/meminfo").ok()??;
    let bytes = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kibibytes * 1024)
    };
    let (total, available) = (bytes("MemTotal:")?, bytes("MemAvailable:")?);
    Some(Memory {
        total,
        available,
        used_percent: percent(total.saturating_sub(available), total),
    })
}

/// Rounded up like by `df`: a full file system has 100.
fn percent(part: u64, whole: u64) -> u8 {
    match whole {
        0 => 0,
        whole => u8::try_from((part * 100).div_ceil(whole)).unwrap_or(100),
    }
}
