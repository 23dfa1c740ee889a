//! Ports that Docker publishes go past UFW: nobody sees them in the firewall's rules.

use super::{Seen, count, has_docker_command, quoted};
use crate::docker::{Engine, Published};
use crate::host::Host;
use crate::resources::firewall;
use ocrctl_protocol::audit::Scope;
use ocrctl_protocol::{Firewall, Result};

pub(super) async fn check(host: &Host, scope: &Scope) -> Result<Seen> {
    let containers = Engine::connect().await?.published().await?;
    let has_command = has_docker_command(host);
    Ok(compare(&containers, &scope.firewall, has_command))
}

fn compare(containers: &[Published], wanted: &Firewall, has_command: bool) -> Seen {
    let install = match has_command {
        true => "",
        false => "apt-get install -y docker-cli && ",
    };
    let number = count(containers.len(), "container", "containers");
    let mut seen = Seen::ok(format!("{number}, none reachable past the firewall"));
    for container in containers {
        let name = &container.name;
        let fix = format!(
            "{install}docker rm -f {}; or publish on 127.0.0.1, or `firewall.published: close`",
            quoted(name)
        );
        let leaks = firewall::leaks(std::slice::from_ref(container), wanted);
        if leaks.is_empty() && container.host_network {
            seen.find(
                format!("the container {name} is in the host's own network"),
                fix,
            );
        } else {
            leaks
                .into_iter()
                .for_each(|leak| seen.find(leak, fix.clone()));
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::super::tests::scope;
    use super::*;

    #[test]
    fn only_what_others_reach_is_a_finding() {
        let container = |name: &str, ports: &[&str], host_network| Published {
            name: name.into(),
            ports: ports.iter().map(|port| (*port).to_owned()).collect(),
            host_network,
        };
        let containers = [
            container("ocr-a", &[], false),
            container(
                "local",
                &["127.0.0.1:8080->80/tcp", "[::1]:8080->80/tcp"],
                false,
            ),
            container(
                "web",
                &["127.0.0.1:1->1/tcp", "0.0.0.0:8080->80/tcp"],
                false,
            ),
            container("agent", &[], true),
        ];
        let seen = compare(&containers, &scope().firewall, true);
        let found: Vec<&str> = seen.findings.iter().map(|f| f.found.as_str()).collect();
        assert_eq!(
            found,
            [
                "the container web publishes 0.0.0.0:8080->80/tcp past the firewall",
                "the container agent is in the host's own network",
            ]
        );
        let fix = |has_command| {
            compare(&containers, &scope().firewall, has_command)
                .findings
                .remove(0)
                .fix
        };
        assert!(fix(true).starts_with("docker rm -f web;"));
        assert!(fix(false).starts_with("apt-get install -y docker-cli && docker rm -f web;"));
    }
}
