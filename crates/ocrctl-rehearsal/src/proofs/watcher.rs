//! Proofs of the hosts' watcher: faults are noticed within a minute and repaired or reported once, and so is their end.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::Value;

use super::certificates::on_host;
use super::{LETTER, issuers};
use crate::client::{send, text};
use crate::{ALERTS, Alerting, ProofError, Rehearsal, Seen, wrong};
use ocrctl_command::quoted;

const LISTEN: &str = include_str!("../alerts.pl");
const PORT: u16 = 9099;
/// On infra.
const TOLD: &str = "/tmp/ocrctl-alerts";
/// The time limit for noticing a fault.
const NOTICED: Duration = Duration::from_secs(60);
/// The age up to which a release that has just started is not judged.
const YOUNG: Duration = Duration::from_secs(61);
/// One run, without waiting for the timer. It also waits for one that is under way.
/// It forgets how often one was asked for lately, of which systemd has its own opinion.
const LOOK: &str =
    "systemctl reset-failed ocrctl-watch.service; systemctl start ocrctl-watch.service";

/// The channels: the secret of one is nowhere but in its file, and a test goes over each.
pub(super) async fn channels(rehearsal: &mut Rehearsal) -> Seen {
    let (address, _) = rehearsal.addresses().await?;
    let key = ocr_api::keys::ApiKey::generate().map_err(|e| ProofError::Wrong(e.to_string()))?;
    // Nothing but a word that is nowhere else.
    let secret = key.reveal().replace("ocrk_", "hook-");
    let alerting = Alerting {
        webhook: rehearsal.settings.state.join("alerts-webhook"),
        ping: rehearsal.settings.state.join("alerts-ping"),
    };
    for (path, url) in [
        (
            &alerting.webhook,
            format!("http://{address}:{PORT}/{secret}"),
        ),
        (&alerting.ping, format!("http://{address}:{PORT}/ping")),
    ] {
        std::fs::write(path, url).map_err(|source| ProofError::File {
            path: path.clone(),
            source,
        })?;
    }
    rehearsal.alerting = Some(alerting);
    listen(rehearsal).await?;
    rehearsal.write_inventory(&rehearsal.first)?;
    let plan = rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(2)?;
    if !plan.stdout.contains(ALERTS) || !plan.stdout.contains("(secret)") {
        return wrong(format!("the plan does not name {ALERTS}:\n{}", plan.stdout));
    }
    let deploy = ["deploy", "rehearsal", "--yes"];
    rehearsal.ocrctl(&deploy).await?.expect(0)?;
    let access = on_host(rehearsal, &format!("stat -c '%U %a' {ALERTS}")).await?;
    if access.trim() != "root 600" {
        return wrong(format!("{ALERTS} is {access}"));
    }
    let test = ["alerts", "test", "rehearsal"];
    let tested = rehearsal.ocrctl(&test).await?.expect(0)?;
    for channel in ["webhook", "ping"] {
        if !tested.stdout.contains(channel) {
            return wrong(format!("no {channel} in:\n{}", tested.stdout));
        }
    }
    let told = told(rehearsal).await?;
    if !told.iter().any(|message| message["kind"] == "test") {
        return wrong(format!("no test came: {told:?}"));
    }
    // Nobody listens any more: the test says so.
    hang_up(rehearsal).await?;
    let failed = rehearsal.ocrctl(&test).await?.expect(1)?;
    failed.expect_said(&["webhook", "ping"])?;
    listen(rehearsal).await?;
    Ok("a test over each; one that nobody takes is said; the plan shows no secret, and root alone can read it".to_owned())
}

/// `/metrics` is for keys of its scope, and the workers' sample for the host alone.
pub(super) async fn metrics(rehearsal: &mut Rehearsal) -> Seen {
    let add = [
        "keys",
        "add",
        "rehearsal",
        "--name",
        "prometheus",
        "--scope",
        "metrics",
    ];
    let added = rehearsal.ocrctl(&add).await?.expect(0)?;
    let client = rehearsal.client()?;
    let get = async |key: Option<&str>| {
        let request = client.get("/metrics");
        let request = match key {
            Some(key) => request.bearer_auth(key),
            None => request,
        };
        send("GET /metrics", request).await
    };
    for key in [None, Some(rehearsal.key.as_str())] {
        let status = get(key).await?.status();
        if status != StatusCode::FORBIDDEN {
            return wrong(format!("{status} without a key of the scope"));
        }
    }
    let metrics = text(get(Some(added.stdout.trim())).await?).await?;
    let lines = metrics
        .lines()
        .filter(|line| !line.starts_with('#'))
        .count();
    if !metrics.contains("ocr_build_info{") {
        return wrong(format!("these are no metrics:\n{metrics}"));
    }
    let sample = client.post("/healthz/recognize", b"");
    let status = send("POST /healthz/recognize", sample).await?.status();
    if status != StatusCode::NOT_FOUND {
        return wrong(format!("through NGINX, the sample gives {status}"));
    }
    // The last look may have been at a release that was still starting after a boot, the next have begun before this.
    on_host(rehearsal, LOOK).await?;
    on_host(rehearsal, LOOK).await?;
    let file = "cat /var/lib/ocrctl/metrics/ocrctl.prom";
    let written = on_host(rehearsal, file).await?;
    if !written.contains("ocrctl_recognition_seconds{") || written.contains("} 1\nocrctl_problem") {
        return wrong(format!(
            "the watcher does not see a host that is well:\n{written}"
        ));
    }
    Ok(format!(
        "{lines} series for a key of the scope, 403 for others; {} of the watcher's own",
        written
            .lines()
            .filter(|line| !line.starts_with('#'))
            .count()
    ))
}

/// Each fault, one after the other.
pub(super) async fn faults(rehearsal: &mut Rehearsal) -> Seen {
    let mut seen = Vec::new();
    let settled = Instant::now() + YOUNG;
    // The timer by itself.
    let began = Instant::now();
    on_host(rehearsal, "systemctl stop nginx").await?;
    let took = await_message(rehearsal, began, ("repaired", "nginx", 1)).await?;
    seen.push(format!(
        "NGINX stopped: repaired after {took} s, by the timer"
    ));

    let before = live(rehearsal).await?;
    let began = Instant::now();
    on_host(rehearsal, "pkill -STOP -o ocr-worker").await?;
    on_host(rehearsal, LOOK).await?;
    let took = await_message(rehearsal, began, ("repaired", "recognition", 1)).await?;
    seen.push(format!("worker wedged: replaced after {took} s"));

    seen.push(disk(rehearsal).await?);
    seen.push(certificate(rehearsal).await?);

    // The host may have booted just before.
    tokio::time::sleep_until(settled.into()).await;
    // The old one can't drain any more, and is not waited for as if it could.
    on_host(rehearsal, STOP_SERVICE).await?;
    let began = Instant::now();
    // The first may be a look that had begun before.
    on_host(rehearsal, LOOK).await?;
    on_host(rehearsal, LOOK).await?;
    let took = await_message(rehearsal, began, ("repaired", "release", 1)).await?;
    let after = live(rehearsal).await?;
    if after == before {
        return wrong(format!("slot {before} is still live"));
    }
    rehearsal.client()?.ocr(&rehearsal.key, LETTER).await?;
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    seen.push(format!(
        "service wedged: slot {after} took over, told after {took} s"
    ));

    let began = Instant::now();
    let kill = format!("/containers/ocr-{after}/kill");
    rehearsal.prod1()?.docker("POST", &kill, "").await?;
    on_host(rehearsal, LOOK).await?;
    let took = await_message(rehearsal, began, ("repaired", "release", 2)).await?;
    rehearsal.client()?.ocr(&rehearsal.key, LETTER).await?;
    seen.push(format!("container killed: started again after {took} s"));

    let told = told(rehearsal).await?;
    let kinds = |kind: &str| told.iter().filter(|it| it["kind"] == kind).count();
    let counts = (kinds("repaired"), kinds("problem"), kinds("recovered"));
    if counts != (4, 2, 2) {
        return wrong(format!(
            "{counts:?} repaired, problems and recovered: {told:#?}"
        ));
    }
    Ok(seen.join("; "))
}

/// Full, while nobody takes the message at first.
async fn disk(rehearsal: &Rehearsal) -> Result<String, ProofError> {
    hang_up(rehearsal).await?;
    let began = Instant::now();
    let fill = "mount -t tmpfs -o size=20m full /var/log && head -c 19M /dev/zero >/var/log/full";
    on_host(rehearsal, fill).await?;
    on_host(rehearsal, LOOK).await?;
    listen(rehearsal).await?;
    on_host(rehearsal, LOOK).await?;
    let took = await_message(rehearsal, began, ("problem", "disk", 1)).await?;
    on_host(rehearsal, LOOK).await?;
    on_host(rehearsal, "umount /var/log").await?;
    on_host(rehearsal, LOOK).await?;
    await_message(rehearsal, Instant::now(), ("recovered", "disk", 1)).await?;
    Ok(format!(
        "disk 95 % full: told once, after {took} s, though at first nobody took it, and its end"
    ))
}

async fn certificate(rehearsal: &mut Rehearsal) -> Result<String, ProofError> {
    issuers::nearly_over(rehearsal).await?;
    let began = Instant::now();
    on_host(rehearsal, LOOK).await?;
    let took = await_message(rehearsal, began, ("problem", "certificate", 1)).await?;
    on_host(rehearsal, LOOK).await?;
    issuers::back_to_acme(rehearsal).await?;
    on_host(rehearsal, LOOK).await?;
    await_message(rehearsal, Instant::now(), ("recovered", "certificate", 1)).await?;
    Ok(format!(
        "certificate near its end: told once, after {took} s, and its end"
    ))
}

/// The shell that sends it is no such process, though it names it.
const STOP_SERVICE: &str = "pkill -STOP -o -f '[ ]serve --'";

async fn live(rehearsal: &Rehearsal) -> Result<String, ProofError> {
    let slot = on_host(rehearsal, "readlink /var/lib/ocr/live").await?;
    Ok(slot.trim().to_owned())
}

async fn listen(rehearsal: &Rehearsal) -> Result<(), ProofError> {
    let infra = rehearsal.infra()?;
    let listen = quoted(LISTEN);
    let start = format!("echo $$ >{TOLD}.pid; exec perl -e {listen} {PORT} {TOLD} 2>{TOLD}.log");
    infra.detach(&start).await?;
    let open = format!(
        "for n in $(seq 100); do (exec 3<>/dev/tcp/127.0.0.1/{PORT}) 2>/dev/null && exit; sleep 0.1; done; \
         cat {TOLD}.log >&2; exit 1"
    );
    infra.run(&format!("bash -c {}", quoted(&open))).await?;
    Ok(())
}

async fn hang_up(rehearsal: &Rehearsal) -> Result<(), ProofError> {
    let kill = format!("kill $(cat {TOLD}.pid)");
    rehearsal.infra()?.run(&kill).await?;
    Ok(())
}

/// The messages so far, without pings.
async fn told(rehearsal: &Rehearsal) -> Result<Vec<Value>, ProofError> {
    let read = format!("cat {TOLD} 2>/dev/null; true");
    let text = rehearsal.infra()?.run(&read).await?;
    let lines = text.lines().map(serde_json::from_str::<Value>);
    let bodies = lines.map(|line| line.map(|line| line["body"].clone()));
    let bodies: Result<Vec<Value>, _> = bodies.collect();
    match bodies {
        Ok(bodies) => Ok(bodies.into_iter().filter(|body| !body.is_null()).collect()),
        Err(error) => wrong(format!("what was told is no JSON: {error}:\n{text}")),
    }
}

/// Waits for the nth message of this kind; gives the seconds since the fault.
async fn await_message(
    rehearsal: &Rehearsal,
    began: Instant,
    (kind, with, nth): (&str, &str, usize),
) -> Result<u64, ProofError> {
    loop {
        let told = told(rehearsal).await?;
        let fits = |it: &&Value| it["kind"] == kind && it["with"] == with;
        if told.iter().filter(fits).count() >= nth {
            return Ok(began.elapsed().as_secs());
        }
        if began.elapsed() > NOTICED {
            let journal = "journalctl --no-pager -u ocrctl-watch.service -n 20";
            let said = on_host(rehearsal, journal).await?;
            return wrong(format!(
                "no message of {kind} {with} within {} s: {told:#?}\n{said}",
                NOTICED.as_secs()
            ));
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}
