//! Proofs of `ocrctl audit`: quiet about a host that is in order, and not about one where someone has been.
//! The commands that it names are run as they stand, and must fix what they are for.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{ProofError, Rehearsal, Seen, wrong};

#[derive(Debug)]
struct Finding {
    check: String,
    found: String,
    fix: String,
}

pub(super) async fn quiet(rehearsal: &mut Rehearsal) -> Seen {
    let findings = audit(rehearsal, 2).await?;
    // A deploy is not asked for the first, and the distribution may have released updates since.
    let expected = ["backup", "security updates"];
    let first: BTreeSet<&str> = findings
        .iter()
        .map(|finding| finding.check.as_str())
        .collect();
    if let Some(other) = findings
        .iter()
        .find(|f| !expected.contains(&f.check.as_str()))
    {
        return wrong(format!("a clean host has a finding: {other:?}"));
    }
    if !first.contains("backup") {
        return wrong(format!("only {first:?} were found"));
    }
    for finding in findings.iter().filter(|finding| finding.check != "backup") {
        on_host(rehearsal, &finding.fix).await?;
    }
    super::backup::make(rehearsal).await?;
    audit(rehearsal, 0).await?;
    Ok(format!(
        "{} fixed by the commands named",
        first.into_iter().collect::<Vec<_>>().join(", ")
    ))
}

/// Leftovers of a well-meaning administrator.
const PLANT: &str = "
    set -e
    mkdir -p /root/.ssh /root/.docker /etc/cron.d
    echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIu0HnnGmY0m6gRU6DjBLyZ0yIVQHYx5eGVjVt4LqLYC ann@home' \
        >>/root/.ssh/authorized_keys
    echo '{\"auths\":{\"ghcr.io\":{\"auth\":\"YW5uOnBhc3N3b3Jk\"}}}' >/root/.docker/config.json
    echo '* * * * * root true' >/etc/cron.d/report
    printf '[Timer]\\nOnCalendar=daily\\nUnit=report.service\\n[Install]\\nWantedBy=timers.target\\n' \
        >/etc/systemd/system/report.timer
    printf '[Service]\\nExecStart=/bin/true\\n' >/etc/systemd/system/report.service
    systemctl daemon-reload
    useradd ann
    echo 'ann ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/ann
    ufw allow 8080/tcp
    systemd-run --quiet --unit planted-listener perl -MIO::Socket::INET -e \
        'my $socket = IO::Socket::INET->new(Listen => 5, LocalPort => 8080) or die; sleep 600'
";

pub(super) async fn planted(rehearsal: &mut Rehearsal) -> Seen {
    on_host(rehearsal, PLANT).await?;
    publish(rehearsal, Some(&["sleep", "600"])).await?;
    let findings = audit(rehearsal, 2).await?;
    let expected = [
        ("ssh keys", "(ann@home) logs in as root"),
        (
            "registry credentials",
            "credentials for ghcr.io in /root/.docker/config.json",
        ),
        ("cron jobs", "/etc/cron.d/report"),
        ("units", "report.timer"),
        ("units", "report.service"),
        ("sudoers", "ann can become root"),
        ("ports", "allow 8080/tcp"),
        (
            "ports",
            "port 8080/tcp can be reached from outside, at 0.0.0.0: perl",
        ),
        (
            "containers",
            "the container planted publishes 0.0.0.0:8099->3000/tcp",
        ),
    ];
    for (check, words) in expected {
        if !findings
            .iter()
            .any(|finding| finding.check == check && finding.found.contains(words))
        {
            return wrong(format!(
                "nothing says \"{check}: … {words} …\": {findings:?}"
            ));
        }
    }
    if let Some(other) = findings.iter().find(|finding| {
        let is = |(check, words): &(&str, &str)| {
            *check == finding.check && finding.found.contains(*words)
        };
        !expected.iter().any(is)
    }) {
        return wrong(format!("more was found than was planted: {other:?}"));
    }
    let plain = rehearsal.ocrctl(&["audit", "rehearsal"]).await?.expect(2)?;
    if plain.stdout.contains("YW5uOnBhc3N3b3Jk") {
        return wrong("a credential's value is shown");
    }
    for finding in &findings {
        match finding.check.as_str() {
            "ssh keys" | "registry credentials" | "cron jobs" | "units" | "containers" => {
                let command = finding.fix.split("; or ").next().unwrap_or_default();
                on_host(rehearsal, command).await?;
            }
            _ => {}
        }
    }
    // The rest is for a person to decide, or for `ocrctl`.
    on_host(
        rehearsal,
        "rm /etc/sudoers.d/ann; userdel ann; systemctl stop planted-listener",
    )
    .await?;
    rehearsal
        .ocrctl(&["deploy", "rehearsal", "--yes"])
        .await?
        .expect(0)?;
    audit(rehearsal, 0).await?;
    Ok(format!(
        "a key, credentials, a cron job, a timer, an account, a port, a published container: {} findings; fixed, none",
        findings.len()
    ))
}

/// A container of the image that is there already, with a port to the world; `None` if it serves on the host itself.
pub(super) async fn publish(
    rehearsal: &Rehearsal,
    entrypoint: Option<&[&str]>,
) -> Result<(), ProofError> {
    let prod1 = rehearsal.prod1()?;
    let body = serde_json::json!({
        "Image": rehearsal.first,
        "Entrypoint": entrypoint,
        "ExposedPorts": {"3000/tcp": {}},
        "HostConfig": {"PortBindings": {"3000/tcp": [{"HostPort": "8099"}]}},
    });
    let create = "/containers/create?name=planted";
    prod1.docker("POST", create, &body.to_string()).await?;
    let start = "/containers/planted/start";
    prod1.docker("POST", start, "").await?;
    Ok(())
}

async fn on_host(rehearsal: &Rehearsal, command: &str) -> Result<(), ProofError> {
    let command = format!("export DEBIAN_FRONTEND=noninteractive\n{command}");
    rehearsal.prod1()?.run(&command).await.map(|_| ())
}

/// The findings; a check that could not run fails the proof.
async fn audit(rehearsal: &Rehearsal, code: i32) -> Result<Vec<Finding>, ProofError> {
    let ran = rehearsal
        .ocrctl(&["audit", "rehearsal", "--json"])
        .await?
        .expect(code)?;
    let audited = ran.line("audited")?;
    let Some(lines) = audited["lines"].as_array() else {
        return wrong(format!("no lines in: {audited}"));
    };
    if let Some(line) = lines.iter().find(|line| line["verdict"] == "could_not_run") {
        return wrong(format!("a check could not run: {line}"));
    }
    let text = |line: &Value, field: &str| line[field].as_str().unwrap_or_default().to_owned();
    Ok(lines
        .iter()
        .filter(|line| line["verdict"] == "finding")
        .map(|line| Finding {
            check: text(line, "check"),
            found: text(line, "found"),
            fix: text(line, "fix"),
        })
        .collect())
}
