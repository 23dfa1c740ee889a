//! Interruptions of a deploy, at each of its steps: the next one converges, and clients notice nothing.

use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, BufReader};

use crate::load::Load;
use crate::machine::{BOOT, Machine, Switch};
use crate::{ProofError, Rehearsal, Seen, wrong};
use ocrctl_command::Program;

/// Differences of several kinds, the release among them by the inventory.
const DRIFT: &str = "echo '# by hand' >> /etc/nginx/conf.d/ocr.conf; ufw allow 8080/tcp >/dev/null; \
                     chmod 777 /etc/ocr; systemctl --quiet disable docker.service";
/// Of that many changes a plan consists then.
const STEPS: usize = 5;

#[derive(Debug, Clone, Copy)]
enum Fault {
    /// SIGKILL for the agent.
    Agent,
    /// The controller and its connection end; the agent goes on alone.
    Controller,
    /// The host goes down as without power.
    Power,
}

pub(super) async fn every_step(rehearsal: &mut Rehearsal) -> Seen {
    let mut interrupted = 0;
    let mut seen = String::new();
    for fault in [Fault::Agent, Fault::Controller] {
        // Connections of their own: a reload of NGINX closes idle ones.
        let load = Load::start(&rehearsal.client()?.fresh()?, &rehearsal.key)?;
        let mut walked = Ok(());
        for step in 0..STEPS {
            walked = one(rehearsal, fault, step).await;
            if walked.is_err() {
                break;
            }
            interrupted += 1;
        }
        seen = load.stop().await?;
        walked?;
    }
    // The service is down while its host is: there is no load to serve.
    for step in 0..STEPS {
        one(rehearsal, Fault::Power, step).await?;
        interrupted += 1;
    }
    rehearsal.write_inventory(&rehearsal.first)?;
    let deploy = ["deploy", "rehearsal", "--yes"];
    rehearsal.ocrctl(&deploy).await?.expect(0)?;
    Ok(format!(
        "{interrupted} deploys interrupted (agent killed, controller gone, power lost), the next converged; {seen}"
    ))
}

/// Interrupts a deploy at one step, then deploys again.
async fn one(rehearsal: &Rehearsal, fault: Fault, step: usize) -> Result<(), ProofError> {
    let prod1 = rehearsal.prod1()?;
    prod1.run(DRIFT).await?;
    // Each time another release than the one that is live.
    let image = if step.is_multiple_of(2) {
        &rehearsal.next
    } else {
        &rehearsal.first
    };
    rehearsal.write_inventory(image)?;
    if !interrupt(rehearsal, &prod1, fault, step).await? {
        return wrong(format!(
            "a deploy of {STEPS} changes did not come to step {step}"
        ));
    }
    if matches!(fault, Fault::Power) {
        prod1.switch(Switch::On).await?;
    }
    let wait = ["deploy", "rehearsal", "--yes", "--lock-wait", "90s"];
    let again = async || -> Result<_, ProofError> {
        let began = Instant::now();
        loop {
            let ran = rehearsal.ocrctl(&wait).await?;
            // Not booted yet; or the one before went on between plan and lock.
            let early = ran.code == 69 || ran.stderr.contains("has changed since");
            if !early || began.elapsed() > BOOT {
                return Ok(ran);
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    let ran = again().await?;
    if ran.code != 0 {
        return wrong(format!(
            "{fault:?} at step {step}: the next deploy ended with {}:\n{}{}",
            ran.code, ran.stdout, ran.stderr
        ));
    }
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    Ok(())
}

/// Starts a deploy and does this to it when it begins a step. `false`: it never began that one.
async fn interrupt(
    rehearsal: &Rehearsal,
    prod1: &Machine,
    fault: Fault,
    step: usize,
) -> Result<bool, ProofError> {
    let executable = &rehearsal.settings.ocrctl;
    let mut running = Program::new(executable.to_string_lossy())
        .arg("--inventory")
        .arg(rehearsal.inventory())
        .args(["deploy", "rehearsal", "--yes", "--json"])
        .start()?;
    let mut lines = BufReader::new(running.stdout).lines();
    let mut reached = false;
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(event) = serde_json::from_str::<serde_json::Value>(&line) else {
            continue;
        };
        let begins = event["type"] == "step" && event["state"]["state"] == "started";
        if reached || !begins || event["index"].as_u64() != u64::try_from(step).ok() {
            continue;
        }
        reached = true;
        match fault {
            Fault::Agent => {
                let kill = "pkill -KILL -f '^/opt/ocrctl/bin/ocrctl-[^ ]* agent$'";
                prod1.run(kill).await?;
            }
            Fault::Power => {
                prod1.switch(Switch::Cut).await?;
            }
            Fault::Controller => {
                let _ = running.child.start_kill();
            }
        }
    }
    let _ = running.child.wait().await;
    Ok(reached)
}
