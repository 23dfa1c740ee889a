//! Changes of apt's simulation that are shown, and those that are refused.

use super::*;

fn packages(may_remove: &[&str]) -> Packages {
    Packages {
        names: vec!["ufw", "nginx", DOCKER],
        may_remove: may_remove.iter().map(|it| (*it).to_owned()).collect(),
    }
}

fn removed(names: &[&str]) -> Vec<Removed> {
    let removed = names.iter().map(|name| Removed {
        name: (*name).to_owned(),
        version: "1.0".into(),
    });
    removed.collect()
}

fn change(may_remove: &[&str], gone: &[&str]) -> Change {
    let missing = Missing {
        names: vec!["ufw"],
        blocked: None,
    };
    let simulated = Simulated {
        removed: removed(gone),
        replaced: Vec::new(),
    };
    packages(may_remove).compare(missing, Ok(simulated), &[])
}

fn is_blocked(change: &Change) -> bool {
    let blocked = |detail: &Detail| matches!(detail, Detail::Blocked { .. });
    change.details.iter().any(blocked)
}

const PERSISTENT: [&str; 2] = ["iptables-persistent", "netfilter-persistent"];

#[tokio::test]
async fn counts_half_installed_packages_as_missing() {
    let root = tempfile::tempdir().unwrap();
    let host = Host::at(root.path());
    let packages = packages(&[]);
    let bare = packages.missing(&host).await.unwrap();
    assert_eq!(bare.names, ["ufw", "nginx", "docker.io"]);
    std::fs::create_dir_all(host.path("/var/lib/dpkg")).unwrap();
    std::fs::write(
        host.path("/var/lib/dpkg/status"),
        "Package: ufw\nStatus: install ok installed\nVersion: 1\n\n\
         Package: nginx\nStatus: deinstall ok config-files\n\n\
         Package: docker.io\nStatus: install ok half-configured\n",
    )
    .unwrap();
    // The engine is unpacked already; it is completed, and not taken for somebody else's.
    std::fs::create_dir_all(host.path("/usr/sbin")).unwrap();
    std::fs::write(host.path("/usr/sbin/dockerd"), "").unwrap();
    let change = packages.diff(&host).await.unwrap().unwrap();
    assert_eq!(change.reason, "nginx, docker.io not installed");
    assert!(!is_blocked(&change));
}

#[tokio::test]
async fn docker_ce_stays_and_what_can_not_be_used_stops_the_deploy() {
    let root = tempfile::tempdir().unwrap();
    let host = Host::at(root.path());
    let put = |path: &str, text: &str| {
        std::fs::create_dir_all(host.path(path).parent().unwrap()).unwrap();
        std::fs::write(host.path(path), text).unwrap();
    };
    let installed = |names: &[&str]| {
        let paragraph = |name: &&str| format!("Package: {name}\nStatus: install ok installed\n\n");
        put(
            "/var/lib/dpkg/status",
            &names.iter().map(paragraph).collect::<String>(),
        );
    };
    installed(&["ufw", "nginx", "podman-docker"]);
    let change = packages(&[]).diff(&host).await.unwrap().unwrap();
    assert!(is_blocked(&change), "{change:?}");
    let replaced = packages(&["podman-docker"]).missing(&host).await.unwrap();
    assert_eq!(replaced.names, ["docker.io"]);
    assert_eq!(replaced.blocked, None);
    installed(&["ufw", "nginx", "docker-ce", "containerd.io"]);
    put("/usr/bin/dockerd", "");
    put("/lib/systemd/system/docker.service", "");
    assert_eq!(packages(&[]).diff(&host).await.unwrap(), None);
}

#[test]
fn removals_are_shown_and_refused_unless_each_is_named() {
    let none = change(&[], &[]);
    assert_eq!(none.details.len(), 1);
    let unasked = change(&[], &PERSISTENT);
    assert_eq!(
        unasked.reason,
        "ufw not installed; apt removes iptables-persistent 1.0, netfilter-persistent 1.0"
    );
    for name in PERSISTENT {
        let gone = Detail::Removed { text: name.into() };
        assert!(unasked.details.contains(&gone), "{unasked:?}");
    }
    let hint = unasked.details.iter().find_map(|detail| match detail {
        Detail::Blocked { hint, .. } => Some(hint.as_str()),
        _ => None,
    });
    let field = "packages: {may_remove: [iptables-persistent, netfilter-persistent]}";
    assert!(hint.is_some_and(|hint| hint.contains(field)), "{hint:?}");
    assert!(is_blocked(&change(&PERSISTENT[..1], &PERSISTENT)));
    assert!(!is_blocked(&change(&PERSISTENT, &PERSISTENT)));
    assert!(!is_blocked(&change(&["libfoo"], &["libfoo:i386"])));
}

#[test]
fn the_run_removes_nothing_that_the_plan_did_not_show() {
    let packages = packages(&["iptables-persistent", "netfilter-persistent"]);
    let agreed = |shown: &[&str], now: &[&str]| {
        let shown = change(&PERSISTENT, shown);
        packages.agreed(&shown, &["ufw"], &removed(now))
    };
    assert!(agreed(&PERSISTENT, &PERSISTENT).is_ok());
    assert!(agreed(&PERSISTENT, &[]).is_ok());
    let more = agreed(&PERSISTENT[..1], &PERSISTENT).unwrap_err();
    assert!(
        more.message
            .contains("netfilter-persistent 1.0, which the plan did not show")
    );
    let unasked = agreed(&PERSISTENT, &["docker-ce"]).unwrap_err();
    assert!(unasked.message.contains("docker-ce 1.0"), "{unasked}");
    assert!(
        unasked
            .hint
            .unwrap()
            .contains("packages: {may_remove: [docker-ce]}")
    );
}

#[test]
fn reports_removals_that_apt_does_not_know_yet() {
    let missing = || Missing {
        names: vec!["ufw"],
        blocked: None,
    };
    let failed = || {
        Err(Failure::new(
            "`apt-get` failed (exit status: 100):\nE: Unable to locate package ufw",
        ))
    };
    let packages = packages(&PERSISTENT);
    let bare = packages.compare(missing(), failed(), &[]);
    assert_eq!(
        bare.reason,
        "ufw not installed; apt can't say yet what that changes (Unable to locate package ufw)"
    );
    let consented = packages.compare(missing(), failed(), &packages.may_remove);
    assert!(
        consented
            .reason
            .ends_with("at most iptables-persistent, netfilter-persistent will be removed")
    );
    assert!(
        packages
            .agreed(&bare, &["ufw"], &removed(&PERSISTENT))
            .is_err()
    );
    assert!(
        packages
            .agreed(&consented, &["ufw"], &removed(&PERSISTENT))
            .is_ok()
    );
}

#[test]
fn waits_for_another_dpkg() {
    for message in [
        "dpkg: error: dpkg frontend lock was locked by another process with pid 42",
        "dpkg: error: dpkg frontend lock is locked by another process",
    ] {
        assert!(is_locked(message));
    }
    assert!(!is_locked(
        "dpkg: dependency problems prevent removal of ufw"
    ));
}
