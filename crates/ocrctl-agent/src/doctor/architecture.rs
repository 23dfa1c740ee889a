//! A processor that the service is made for. That the agent runs says nothing of the image: see `image.rs`.

use super::Asked;
use crate::checks::Seen;
use crate::host::Host;
use ocrctl_protocol::Result;

pub(super) async fn check(_: &Host, _: &Asked<'_>) -> Result<Seen> {
    Ok(compare(std::env::consts::ARCH))
}

/// Docker's name for an architecture; `None` if the service is not made for it.
pub(super) fn of_docker(machine: &str) -> Option<&'static str> {
    match machine {
        "x86_64" => Some("amd64"),
        "aarch64" => Some("arm64"),
        _ => None,
    }
}

fn compare(machine: &str) -> Seen {
    match of_docker(machine) {
        Some(_) => Seen::ok(machine),
        None => Seen::finding(
            format!("there is no service for {machine}"),
            "take a host with an x86_64 or aarch64 processor",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_is_made_for_two() {
        assert_eq!(compare("x86_64"), Seen::ok("x86_64"));
        assert_eq!(compare("riscv64").findings.len(), 1);
    }
}
