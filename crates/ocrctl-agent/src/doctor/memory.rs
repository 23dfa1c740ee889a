//! Memory for the container's limit, and for what runs beside it.

use super::Asked;
use crate::checks::Seen;
use crate::host::Host;
use ocrctl_protocol::{Failure, Result};

const MIB: u64 = 1 << 20;
/// For the system, Docker and NGINX.
const BESIDE: u64 = 384 * MIB;

pub(super) async fn check(host: &Host, asked: &Asked<'_>) -> Result<Seen> {
    let text = host.read_text("/proc/meminfo")?.unwrap_or_default();
    let total = total(&text).ok_or_else(|| Failure::new("/proc/meminfo does not report it"))?;
    Ok(compare(total, asked.scope.memory))
}

/// Bytes.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

fn compare(total: u64, limit: u64) -> Seen {
    if total >= limit.saturating_add(BESIDE) {
        return Seen::ok(format!(
            "{} MiB, of which the service may take {}",
            total / MIB,
            limit / MIB
        ));
    }
    Seen::finding(
        format!(
            "{} MiB, and the service may take {} beside the {} that the system needs",
            total / MIB,
            limit / MIB,
            BESIDE / MIB
        ),
        "lower `service.memory` (and `service.workers`), or give the host more",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_must_leave_room() {
        assert_eq!(
            total("MemTotal:        4028504 kB\nMemFree: 1 kB\n"),
            Some(4_125_188_096)
        );
        assert_eq!(total("MemFree: 1 kB\n"), None);
        assert_eq!(compare(4096 * MIB, 2048 * MIB).findings, []);
        assert_eq!(compare(2048 * MIB, 2048 * MIB).findings.len(), 1);
        assert_eq!(compare(2432 * MIB, 2048 * MIB).findings, []);
    }
}
