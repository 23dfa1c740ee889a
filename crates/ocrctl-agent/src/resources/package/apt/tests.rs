//! Simulations of the apts of Debian 11, 12 and 13. Each was run on a host with docker-ce, its
//! companions and iptables-persistent; `-upgrade` on one with an old package.

use super::*;

const BULLSEYE: &str = include_str!("../simulations/bullseye.txt");
const BOOKWORM: &str = include_str!("../simulations/bookworm.txt");
const TRIXIE: &str = include_str!("../simulations/trixie.txt");
const UPGRADES: [&str; 3] = [
    include_str!("../simulations/bullseye-upgrade.txt"),
    include_str!("../simulations/bookworm-upgrade.txt"),
    include_str!("../simulations/trixie-upgrade.txt"),
];

fn removed(text: &str) -> Vec<String> {
    let removed = parse(text).removed.into_iter();
    removed
        .map(|it| format!("{} {}", it.name, it.version))
        .collect()
}

#[test]
fn every_removal_is_read_with_its_version() {
    let docker = [
        "docker-ce 5:27.3.1-1~debian.12~bookworm",
        "containerd.io 1.7.22-1",
        "docker-compose-plugin 2.29.7-1",
        "docker-ce-cli 5:27.3.1-1~debian.12~bookworm",
    ];
    // Its ufw and iptables-persistent do not exclude each other.
    assert_eq!(removed(BULLSEYE), docker);
    for (text, version) in [(BOOKWORM, "1.0.20"), (TRIXIE, "1.0.23")] {
        let mut wanted = docker.map(str::to_owned).to_vec();
        wanted.extend(
            ["iptables-persistent", "netfilter-persistent"].map(|it| format!("{it} {version}")),
        );
        assert_eq!(removed(text), wanted);
    }
}

#[test]
fn new_packages_are_no_change_of_what_the_host_has() {
    for text in [BULLSEYE, BOOKWORM, TRIXIE] {
        assert!(text.contains("\nInst docker.io ("), "{text}");
        assert_eq!(parse(text).replaced, []);
    }
}

#[test]
fn a_package_that_gets_another_version_is_read_with_both() {
    let to = ["0.0.14", "0.0.17+nmu1", "0.0.25"];
    for (text, to) in UPGRADES.into_iter().zip(to) {
        let wanted = Replaced {
            name: "sensible-utils".into(),
            from: "0.0.1".into(),
            to: to.into(),
        };
        assert_eq!(
            parse(text),
            Simulated {
                removed: Vec::new(),
                replaced: vec![wanted]
            }
        );
    }
}

#[test]
fn purged_and_foreign_packages_and_what_they_take_along_are_removals() {
    let text = "Purg docker-ce [5:27.3.1] [docker-ce-rootless-extras:amd64 on docker-ce:amd64]\n\
                Remv libfoo:i386 [1.0]\nRemv odd\n";
    assert_eq!(
        removed(text),
        ["docker-ce 5:27.3.1", "libfoo:i386 1.0", "odd "]
    );
}
