//! Proofs of a host that has a Docker and firewall rules from elsewhere: what runs there runs on, and nothing is removed that
//! the inventory does not name.

use serde_json::Value;

use crate::machine::{DOCKER_API, Machine, Switch};
use crate::machines::Machines;
use crate::{ProofError, Rehearsal, Seen, wrong};
use ocrctl_command::quoted;

const DEPLOY: [&str; 3] = ["deploy", "rehearsal", "--yes"];
/// Docker's own packages, made of the distribution's: what is in them runs, and they exclude docker.io as the real ones do.
const DOCKER_CE: &str = r#"
    set -eu
    export DEBIAN_FRONTEND=noninteractive
    cd "$(mktemp -d)"
    chmod 755 .
    apt-get -q update
    apt-get -q -y --no-install-recommends install iptables-persistent
    apt-get -q download docker.io containerd runc
    control() { # NAME, WHAT IT NEEDS, FURTHER FIELDS: of the control file on standard input
        NAME=$1 NEEDS=$2 FIELDS=$3 perl -0777 -pe '
            my %no = map { $_ => 1 } qw(Source Breaks Conflicts Replaces Provides Recommends Suggests Enhances Built-Using Static-Built-Using);
            s/^([A-Z][\w-]*): .*\n(?: .*\n)*/$no{$1} ? "" : $&/mge;
            s/^Package: .*/Package: $ENV{NAME}/m;
            s/^Version: /Version: 5:/m;
            s/^Depends: (.*(?:\n .*)*)/"Depends: " . join ", ", $ENV{NEEDS}, grep { !m{^(containerd|runc|docker-cli)\b} } split m{,\s*}, $1/me;
            s/\n*\z/\n$ENV{FIELDS}\n/;
        '
    }
    dpkg-deb --raw-extract docker.io_*.deb docker-ce
    control docker-ce 'containerd.io, docker-ce-cli' 'Conflicts: docker.io' <docker-ce/DEBIAN/control >control
    mv control docker-ce/DEBIAN/control
    dpkg-deb --raw-extract containerd_*.deb containerd.io
    dpkg-deb --extract runc_*.deb containerd.io
    control containerd.io libseccomp2 "$(printf 'Provides: containerd, runc\nConflicts: containerd, runc\nReplaces: containerd, runc')" \
        <containerd.io/DEBIAN/control >control
    mv control containerd.io/DEBIAN/control
    mkdir -p docker-ce-cli/DEBIAN
    printf 'Package: docker-ce-cli\nVersion: 5:1\nArchitecture: all\nMaintainer: Rehearsal <ocr@rehearsal.test>\nDescription: nothing\nConflicts: docker.io\n' \
        >docker-ce-cli/DEBIAN/control
    for name in docker-ce containerd.io docker-ce-cli; do
        dpkg-deb --root-owner-group -Znone --build "$name" "$name.deb"
    done
    apt-get -q -y --no-install-recommends install ./docker-ce.deb ./containerd.io.deb ./docker-ce-cli.deb
    systemctl is-active docker
"#;
/// Somebody's container, of an image made here.
const THEIRS: &str = r#"
    set -eu
    cd "$(mktemp -d)"
    for file in /bin/sleep $(ldd /bin/sleep | grep -o '/[^ ]*'); do
        install -D "$file" "root$file"
    done
    tar -C root -c . | ask POST '/images/create?fromSrc=-&repo=theirs&tag=1'
    echo '{"Image":"theirs:1","Cmd":["/bin/sleep","100000"],"HostConfig":{"NetworkMode":"none"}}' |
        ask POST '/containers/create?name=theirs'
    ask POST /containers/theirs/start </dev/null
"#;
/// A runtime by gVisor's name, which is Docker's own and leaves a mark wherever it is used.
const RUNSC: &str = r#"
    set -eu
    printf '#!/bin/sh\necho used >>/run/runsc.log\nexec runc "$@"\n' >/usr/local/bin/runsc
    chmod 755 /usr/local/bin/runsc
    mkdir -p /etc/docker
    echo '{"runtimes": {"runsc": {"path": "/usr/local/bin/runsc"}}}' >/etc/docker/daemon.json
    systemctl reload docker
    for _ in $(seq 100); do
        ! ask GET /info </dev/null | grep -q /usr/local/bin/runsc || exit 0
        sleep 0.2
    done
    exit 1
"#;
const PACKAGES: &str = "dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Version}\n'";

pub(super) async fn docker_ce(rehearsal: &mut Rehearsal) -> Seen {
    let prod2 = bare(rehearsal).await?;
    prod2.run(DOCKER_CE).await?;
    prod2.run(&with_docker(THEIRS)).await?;
    let theirs = container(&prod2, "theirs").await?;
    let before = prod2.run(PACKAGES).await?;
    inventory(rehearsal, "", "")?;

    let plan = rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(2)?;
    for words in [
        "- iptables-persistent",
        "- netfilter-persistent",
        "packages: {may_remove: [",
    ] {
        if !plan.stdout.contains(words) {
            return wrong(format!("the plan does not say {words}:\n{}", plan.stdout));
        }
    }
    if plan.stdout.contains("docker.io") || plan.stdout.contains("docker-ce") {
        return wrong(format!("Docker would be replaced:\n{}", plan.stdout));
    }
    let refused = rehearsal.ocrctl(&DEPLOY).await?.expect(64)?;
    refused.expect_said(&["apt would remove", "packages: {may_remove: ["])?;
    let unchanged = prod2.run(PACKAGES).await?;
    if unchanged != before {
        return wrong(format!("a refused deploy changed packages:\n{unchanged}"));
    }

    let consent = "    packages: {may_remove: [iptables-persistent, netfilter-persistent]}\n";
    inventory(rehearsal, "", consent)?;
    rehearsal.ocrctl(&DEPLOY).await?.expect(0)?;
    let after = prod2.run(PACKAGES).await?;
    let gone: Vec<&str> = before
        .lines()
        .filter(|line| line.starts_with("ii") && !after.contains(*line))
        .collect();
    if gone.len() != 2 || !gone.iter().all(|line| line.contains("-persistent ")) {
        return wrong(format!("other packages went, or stayed: {gone:?}"));
    }
    if after.contains(" docker.io ") || !after.contains("ii  docker-ce ") {
        return wrong(format!("Docker is another one:\n{after}"));
    }
    if container(&prod2, "theirs").await? != theirs {
        return wrong("somebody's container is another one, or was started anew");
    }
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    rehearsal.ocrctl(&DEPLOY).await?.expect(0)?;
    let doctor = doctor(rehearsal).await?;
    if !doctor.contains("from docker-ce, which is used as it is") {
        return wrong(format!(
            "the doctor does not say whose Docker it is:\n{doctor}"
        ));
    }
    rehearsal.write_inventory(&rehearsal.first)?;
    Ok("refused while the inventory named neither iptables-persistent nor netfilter-persistent; named, they alone went; docker-ce and the container in it stayed".to_owned())
}

/// Goes on from the host of [`docker_ce`].
pub(super) async fn runtime(rehearsal: &mut Rehearsal) -> Seen {
    let prod2 = rehearsal.prod2()?;
    let theirs = container(&prod2, "theirs").await?;
    let first = live(&prod2).await?;
    inventory(rehearsal, "runtime: runsc, ", "")?;
    let missing = "knows no runtime `runsc`";
    let plan = rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(2)?;
    let told = doctor(rehearsal).await?;
    if !plan.stdout.contains(missing) || !told.contains(missing) {
        return wrong(format!(
            "nobody says that the runtime is missing:\n{}\n{told}",
            plan.stdout
        ));
    }
    let refused = rehearsal.ocrctl(&DEPLOY).await?.expect(64)?;
    refused.expect_said(&[missing, "/etc/docker/daemon.json"])?;
    if live(&prod2).await? != first {
        return wrong("a refused deploy changed the release");
    }

    prod2.run(&with_docker(RUNSC)).await?;
    rehearsal.ocrctl(&DEPLOY).await?.expect(0)?;
    let second = live(&prod2).await?;
    if second["HostConfig"]["Runtime"] != "runsc" || second["Id"] == first["Id"] {
        return wrong(format!(
            "it does not run in runsc: {}",
            second["HostConfig"]["Runtime"]
        ));
    }
    prod2.run("test -s /run/runsc.log").await?;
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;

    inventory(rehearsal, "", "")?;
    rehearsal.ocrctl(&DEPLOY).await?.expect(0)?;
    let third = live(&prod2).await?;
    if third["HostConfig"]["Runtime"] != "runc" {
        return wrong(format!(
            "it still runs in {}",
            third["HostConfig"]["Runtime"]
        ));
    }
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    if container(&prod2, "theirs").await? != theirs {
        return wrong("somebody's container is another one, or was started anew");
    }
    rehearsal.write_inventory(&rehearsal.first)?;
    Ok(
        "missing, it was said and nothing changed; registered, the release moved into it, and back"
            .to_owned(),
    )
}

/// The second host; if something was deployed there, another in its place.
async fn bare(rehearsal: &mut Rehearsal) -> Result<Machine, ProofError> {
    let prod2 = rehearsal.prod2()?;
    if prod2.run("test -e /opt/ocrctl || echo bare").await? != "bare" {
        prod2.switch(Switch::Destroy).await?;
        let machines = Machines::up(&rehearsal.settings).await?;
        rehearsal.move_in(machines).await;
    }
    rehearsal.prod2()
}

/// Of the second host alone, with these settings of the service and lines of the environment.
fn inventory(rehearsal: &Rehearsal, service: &str, lines: &str) -> Result<(), ProofError> {
    let password = &rehearsal.machines()?.registry.password_file;
    let tls = "{issuer: self_signed}";
    rehearsal.write_inventory_of(&["prod2"], &rehearsal.first, password, tls)?;
    let path = rehearsal.inventory();
    let amended = std::fs::read_to_string(&path).and_then(|text| {
        let service = format!("service: {{{service}");
        std::fs::write(&path, text.replacen("service: {", &service, 1) + lines)
    });
    amended.map_err(|source| ProofError::File { path, source })
}

fn with_docker(script: &str) -> String {
    format!(
        "ask() {{ perl -e {} \"$@\"; }}\n{script}",
        quoted(DOCKER_API)
    )
}

/// Which one it is, and since when it runs.
async fn container(machine: &Machine, name: &str) -> Result<(Value, Value), ProofError> {
    let found = inspect(machine, name).await?;
    if found["State"]["Running"] != true {
        return wrong(format!("the container {name} does not run"));
    }
    Ok((found["Id"].clone(), found["State"]["StartedAt"].clone()))
}

/// The container that serves, without what changes by itself.
async fn live(machine: &Machine) -> Result<Value, ProofError> {
    let slot = machine
        .run("basename \"$(readlink /var/lib/ocr/live)\"")
        .await?;
    let mut found = inspect(machine, &format!("ocr-{slot}")).await?;
    Ok(serde_json::json!({
        "Id": found["Id"].take(),
        "HostConfig": found["HostConfig"].take(),
        "StartedAt": found["State"]["StartedAt"].take(),
    }))
}

async fn inspect(machine: &Machine, name: &str) -> Result<Value, ProofError> {
    let text = machine
        .docker("GET", &format!("/containers/{name}/json"), "")
        .await?;
    serde_json::from_str(&text).map_err(|source| ProofError::Json {
        path: name.into(),
        source,
    })
}

/// Returns the doctor's output. Ports can't be tried here, so that it never ends with 0.
async fn doctor(rehearsal: &Rehearsal) -> Result<String, ProofError> {
    let ran = rehearsal
        .ocrctl(&["doctor", "rehearsal"])
        .await?
        .expect(1)?;
    Ok(ran.stdout)
}
