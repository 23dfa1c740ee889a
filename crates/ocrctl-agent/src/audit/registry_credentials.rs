//! Credentials for registries that someone has left on the host. Deploys bring theirs along, so there is no
//! use for any. Named are registries and files, never a value.

use serde_json::Value;

use super::accounts::Accounts;
use super::packaged::files;
use super::{Seen, has_docker_command, quoted};
use crate::host::Host;
use ocrctl_protocol::Result;
use ocrctl_protocol::audit::Scope;

/// In home directories.
const OF_USERS: [&str; 5] = [
    ".docker/config.json",
    ".dockercfg",
    ".config/containers/auth.json",
    ".config/helm/registry/config.json",
    "snap/docker/current/.docker/config.json",
];
const OF_THE_HOST: [&str; 3] = [
    "/etc/containers/auth.json",
    "/etc/docker/config.json",
    "/var/lib/kubelet/config.json",
];
/// Directories with one of a user in each, as podman makes them.
const RUNTIME: [(&str, &str); 2] = [
    ("/run/user", "containers/auth.json"),
    ("/run/containers", "auth.json"),
];

pub(super) async fn check(host: &Host, _: &Scope) -> Result<Seen> {
    let accounts = Accounts::read(host)?;
    let mut paths: Vec<String> = OF_THE_HOST.map(str::to_owned).into();
    for home in accounts.homes() {
        paths.extend(OF_USERS.map(|file| format!("{home}/{file}")));
    }
    for (directory, file) in RUNTIME {
        paths.extend(
            files(host, directory)?
                .iter()
                .map(|user| format!("{user}/{file}")),
        );
    }
    let has_command = has_docker_command(host);
    let mut seen = Seen::default();
    for path in paths {
        match host.read_text(&path) {
            Ok(None) => {}
            Ok(Some(text)) => compare(&path, &text, has_command, &mut seen),
            Err(failure) => seen.unread.push(failure.message),
        }
    }
    seen.summary = "none in the files of docker, podman, helm and kubelet".into();
    Ok(seen)
}

fn compare(path: &str, text: &str, has_command: bool, seen: &mut Seen) {
    // serde's message can quote what it read.
    let Ok(config) = serde_json::from_str::<Value>(text) else {
        seen.unread.push(format!("{path} is not JSON"));
        return;
    };
    let object = |value: &Value, field: &str| value.get(field).and_then(Value::as_object).cloned();
    // The old form has the registries at the top.
    let auths = match path.ends_with("/.dockercfg") {
        true => config.as_object().cloned(),
        false => object(&config, "auths"),
    };
    let store = config.get("credsStore").and_then(Value::as_str);
    for (registry, auth) in auths.iter().flatten() {
        let stored = ["auth", "identitytoken", "registrytoken", "password"]
            .iter()
            .any(|field| {
                auth.get(*field)
                    .and_then(Value::as_str)
                    .is_some_and(|value| !value.is_empty())
            });
        let place = match (stored, store) {
            (true, _) => path.to_owned(),
            (false, Some(store)) => format!("the credential helper `{store}`, by {path}"),
            (false, None) => continue,
        };
        let fix = match path.strip_suffix("/config.json") {
            Some(directory) if has_command && directory.ends_with(".docker") => {
                format!(
                    "docker --config {} logout {}",
                    quoted(directory),
                    quoted(registry)
                )
            }
            _ => format!("rm {}", quoted(path)),
        };
        seen.find(format!("credentials for {registry} in {place}"), fix);
    }
    for (registry, helper) in object(&config, "credHelpers").iter().flatten() {
        let helper = helper.as_str().unwrap_or_default();
        let found =
            format!("credentials for {registry} in the credential helper `{helper}`, by {path}");
        seen.find(found, format!("remove `credHelpers` from {path}"));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{host_with, scope};
    use super::*;

    #[tokio::test]
    async fn checks_every_place_and_shows_no_value() {
        let auth = "{\"auths\":{\"ghcr.io\":{\"auth\":\"aHVudGVyMg==\"}}}";
        let (_root, host) = host_with(&[
            (
                "/etc/passwd",
                "root:x:0:0::/root:/bin/sh\nann:x:1:1::/home/ann:/bin/sh\n",
            ),
            ("/root/.docker/config.json", auth),
            ("/home/ann/.config/containers/auth.json", auth),
            ("/run/user/1000/containers/auth.json", auth),
            ("/usr/bin/docker", ""),
        ]);
        let seen = check(&host, &scope()).await.unwrap();
        let fixes: Vec<&str> = seen
            .findings
            .iter()
            .map(|finding| finding.fix.as_str())
            .collect();
        assert_eq!(
            fixes,
            [
                "docker --config /root/.docker logout ghcr.io",
                "rm /home/ann/.config/containers/auth.json",
                "rm /run/user/1000/containers/auth.json",
            ]
        );
        assert!(!format!("{seen:?}").contains("aHVudGVyMg"));
        std::fs::remove_file(host.path("/usr/bin/docker")).unwrap();
        let seen = check(&host, &scope()).await.unwrap();
        assert_eq!(seen.findings[0].fix, "rm /root/.docker/config.json");
    }

    #[test]
    fn ignores_entries_without_a_credential() {
        let findings = |path: &str, text: &str| {
            let mut seen = Seen::default();
            compare(path, text, true, &mut seen);
            (seen.findings.len(), seen.unread.len())
        };
        let docker = "/root/.docker/config.json";
        assert_eq!(findings(docker, "{}"), (0, 0));
        assert_eq!(findings(docker, "{\"auths\":{\"ghcr.io\":{}}}"), (0, 0));
        assert_eq!(
            findings(
                docker,
                "{\"auths\":{\"ghcr.io\":{}},\"credsStore\":\"pass\"}"
            ),
            (1, 0)
        );
        assert_eq!(
            findings(docker, "{\"credHelpers\":{\"ghcr.io\":\"gcloud\"}}"),
            (1, 0)
        );
        assert_eq!(
            findings(docker, "{\"auths\":{\"g\":{\"identitytoken\":\"x\"}}}"),
            (1, 0)
        );
        assert_eq!(
            findings("/root/.dockercfg", "{\"g\":{\"auth\":\"x\"}}"),
            (1, 0)
        );
        assert_eq!(findings(docker, "{\"auths\":"), (0, 1));
    }
}
