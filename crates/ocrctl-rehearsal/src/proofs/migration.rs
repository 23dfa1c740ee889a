//! Proofs of an image that moves to the organization's registry, and of a host that needs the old one no more.

use super::releases;
use crate::load::Load;
use crate::{LIMIT, ProofError, Ran, Rehearsal, Seen, wrong};
use ocrctl_command::Program;

/// Where the image moves to, in the organization's registry.
const REPOSITORY: &str = "example-org/ocr/service";
/// Has an SSH client; the names of the registries are given to it.
const OPERATOR: &str = "ocrctl-rehearsal/infra:latest";

pub(super) async fn migrate(rehearsal: &mut Rehearsal) -> Seen {
    let (name, _) = rehearsal.first.split_once('@').unwrap_or_default();
    rehearsal.write_inventory(&format!("{name}:1"))?;
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    let before = running(rehearsal).await?;
    let load = Load::start(rehearsal.client()?, &rehearsal.key)?;
    let ran = by_operator(rehearsal, &["--tag", "2", "--yes"]).await;
    let served = load.stop().await?;
    let ran = ran?.expect(0)?.expect_said(&["nothing restarts"])?;
    for line in ["-    image: registry.", "+    image: images."] {
        if !ran.stdout.contains(line) {
            return wrong(format!("\"{line}\" is not in the diff: {}", ran.stdout));
        }
    }
    let after = running(rehearsal).await?;
    if after != before {
        return wrong(format!("{after} runs, and before it was {before}"));
    }
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    by_operator(rehearsal, &["--tag", "2", "--yes"])
        .await?
        .expect(0)?
        .expect_said(&["nothing is to be done"])?;
    Ok(format!(
        "the same container runs, the plan is empty; {served}"
    ))
}

pub(super) async fn without_the_old(rehearsal: &mut Rehearsal) -> Seen {
    let stop = "systemctl stop docker-registry";
    rehearsal.infra()?.run(stop).await?;
    let first = rehearsal.client()?.release().await?;
    edit(rehearsal, ":1\n", ":2\n")?;
    let load = Load::start(rehearsal.client()?, &rehearsal.key)?;
    let deployed = rehearsal.ocrctl(&["deploy", "rehearsal", "--yes"]).await;
    let served = load.stop().await?;
    deployed?.expect(0)?;
    let second = rehearsal.client()?.release().await?;
    if second == first {
        return wrong(format!("release {first} still answers"));
    }
    // To a container that was made from the old registry's image.
    rehearsal
        .ocrctl(&["rollback", "rehearsal", "--yes"])
        .await?
        .expect(0)?;
    let back = rehearsal.client()?.release().await?;
    if back != first {
        return wrong(format!("release {back} answers, not {first}"));
    }
    edit(rehearsal, ":2\n", ":1\n")?;
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    // The same image in a new container: by its new name.
    edit(rehearsal, "workers: 2", "workers: 1")?;
    rehearsal
        .ocrctl(&["deploy", "rehearsal", "--yes"])
        .await?
        .expect(0)?;
    Ok(format!(
        "{first} → {second}, {served}; rolled back; then the same image with one worker"
    ))
}

pub(super) async fn reboot(rehearsal: &mut Rehearsal) -> Seen {
    let seen = releases::boot(rehearsal).await?;
    rehearsal.start_on_infra("docker-registry").await?;
    rehearsal.write_inventory(&rehearsal.first)?;
    rehearsal
        .ocrctl(&["deploy", "rehearsal", "--yes"])
        .await?
        .expect(0)?;
    Ok(seen)
}

/// Which containers there are, and since when each runs. The host has no docker command.
async fn running(rehearsal: &Rehearsal) -> Result<String, ProofError> {
    let ask = "grep -o '\"StartedAt\":\"[^\"]*\"' /var/lib/docker/containers/*/config.v2.json";
    rehearsal.prod1()?.run(ask).await
}

fn edit(rehearsal: &Rehearsal, from: &str, to: &str) -> Result<(), ProofError> {
    let path = rehearsal.inventory();
    let edited = std::fs::read_to_string(&path).and_then(|text| {
        if !text.contains(from) {
            return Err(std::io::Error::other(format!("\"{from}\" is not in it")));
        }
        std::fs::write(&path, text.replacen(from, to, 1))
    });
    edited.map_err(|source| ProofError::File { path, source })
}

/// Runs `migrate-registry` on a machine that knows the registries by the names that the host knows them by: in a
/// container on this machine's network, with this executable and the same inventory.
async fn by_operator(rehearsal: &Rehearsal, arguments: &[&str]) -> Result<Ran, ProofError> {
    let machines = rehearsal.machines()?;
    let (address, _) = rehearsal.addresses().await?;
    let executable = &rehearsal.settings.ocrctl;
    let state = rehearsal.settings.state.display();
    let registry = &machines.org_registry;
    let mut program = Program::new("docker").args(["run", "--rm", "--network", "host"]);
    for host in [&machines.registry.host, &registry.host] {
        let name = host.split(':').next().unwrap_or_default();
        program = program.args(["--add-host", &format!("{name}:{address}")]);
    }
    let output = program
        .args(["--volume", &format!("{state}:{state}")])
        .args([
            "--volume",
            &format!("{}:/usr/local/bin/ocrctl:ro", executable.display()),
        ])
        .args([OPERATOR, "ocrctl", "--inventory"])
        .arg(rehearsal.inventory())
        .args(["migrate-registry", "rehearsal"])
        .args(["--to", &format!("{}/{REPOSITORY}", registry.host)])
        .args(["--to-username", &registry.user])
        .args([
            "--to-password",
            &format!("file:{}", registry.password_file.display()),
        ])
        .arg("--to-ca")
        .arg(&registry.ca_file)
        .args(arguments)
        .timeout(LIMIT)
        .output()
        .await?;
    Ok(Ran {
        command: "migrate-registry".into(),
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
