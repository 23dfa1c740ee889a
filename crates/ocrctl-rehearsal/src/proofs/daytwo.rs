//! Proofs of what is done once it runs: it is looked at, its logs are read, it is started anew.

use std::time::{Duration, Instant};

use super::LETTER;
use crate::client::send;
use crate::load::Load;
use crate::{ProofError, Ran, Rehearsal, Seen, wrong};
use serde_json::Value;

const STATUS: [&str; 3] = ["status", "rehearsal", "--json"];
/// Documents that are sent, and those without a good key.
const GOOD: u64 = 6;
const REFUSED: u64 = 2;

/// Of a host that is well, with the numbers of what was sent. Soon after the first request: what was sent before must not
/// grow too old to be counted meanwhile.
pub(super) async fn healthy(rehearsal: &mut Rehearsal) -> Seen {
    let before = well(rehearsal).await?;
    let client = rehearsal.client()?;
    for _ in 0..GOOD {
        client.ocr(&rehearsal.key, LETTER).await?;
    }
    for _ in 0..REFUSED {
        send("POST /v1/ocr", client.post("/v1/ocr", LETTER)).await?;
    }
    let status = well(rehearsal).await?;
    let more = |name: &str| {
        let count = |status: &Value| status["traffic"][name].as_u64().unwrap_or(0);
        count(&status).saturating_sub(count(&before))
    };
    let counted = (more("requests"), more("refused"), more("failed"));
    if counted != (GOOD + REFUSED, REFUSED, 0) {
        return wrong(format!("sent {GOOD} and {REFUSED}, counted {counted:?}"));
    }
    let release = client.release().await?;
    let workers = &status["release"]["says"];
    for (what, seen, right) in [
        ("release", &status["release"]["id"], Value::from(release)),
        ("workers", &workers["workers_ready"], Value::from(2)),
        ("waiting", &workers["load"]["waiting"], Value::from(0)),
        ("drift", &status["drift"]["state"], Value::from("no")),
        ("firewall", &status["firewall"], Value::from("closed")),
        ("last", &status["last"]["command"], Value::from("deploy")),
    ] {
        if *seen != right {
            return wrong(format!("{what} is {seen}, not {right}: {status}"));
        }
    }
    let Some(p95) = status["traffic"]["p95_ms"].as_u64() else {
        return wrong(format!("there is no p95: {status}"));
    };
    let screen = rehearsal
        .ocrctl(&["status", "rehearsal"])
        .await?
        .expect(0)?;
    // The administrator's own console, without an inventory.
    let console = rehearsal.prod1()?.run("ocrctl status").await?;
    for shown in [&screen.stdout, &console] {
        if !shown.contains("all is well") {
            return wrong(format!("not well:\n{shown}"));
        }
    }
    Ok(format!(
        "{GOOD} documents and {REFUSED} without a key counted, p95 {p95} ms; the same on the host itself"
    ))
}

/// A status that finds nothing wrong.
async fn well(rehearsal: &Rehearsal) -> Result<Value, ProofError> {
    rehearsal.ocrctl(&STATUS).await?.expect(0)?.line("status")
}

/// Of a host whose service was stopped, and which gets it back.
pub(super) async fn stopped(rehearsal: &mut Rehearsal) -> Seen {
    let slot = well(rehearsal).await?["release"]["slot"].clone();
    let container = format!("/containers/ocr-{}", slot.as_str().unwrap_or_default());
    let prod1 = rehearsal.prod1()?;
    let ask = async |what: &str| {
        let path = format!("{container}/{what}");
        prod1.docker("POST", &path, "").await
    };
    ask("stop?t=5").await?;
    let down = rehearsal.ocrctl(&STATUS).await;
    ask("start").await?;
    let down = down?.expect(1)?.line("status")?;
    let with: Vec<&str> = problems(&down).map(|(with, _)| with).collect();
    if with != ["release", "nginx", "drift"] {
        return wrong(format!("wrong with it is {with:?}: {down}"));
    }
    let began = Instant::now();
    loop {
        let ran = rehearsal.ocrctl(&STATUS).await?;
        if ran.code == 0 {
            break;
        }
        if began.elapsed() > Duration::from_secs(60) {
            ran.expect(0)?;
        }
    }
    let texts: Vec<&str> = problems(&down).map(|(_, text)| text).collect();
    Ok(format!("told: {}; well again after", texts.join("; ")))
}

fn problems(status: &Value) -> impl Iterator<Item = (&str, &str)> {
    let problems = status["problems"].as_array().into_iter().flatten();
    problems.filter_map(|it| Some((it["with"].as_str()?, it["text"].as_str()?)))
}

/// One request, by the id in its answer, in NGINX's log and in the service's.
pub(super) async fn logs(rehearsal: &mut Rehearsal) -> Seen {
    let client = rehearsal.client()?;
    let request = client.post("/v1/ocr", LETTER).bearer_auth(&rehearsal.key);
    let answer = send("POST /v1/ocr", request).await?;
    let id = answer.headers().get("x-request-id");
    let Some(id) = id.and_then(|id| id.to_str().ok()).map(str::to_owned) else {
        return wrong("the answer has no X-Request-Id");
    };
    answer.bytes().await.map_err(|source| ProofError::Request {
        doing: "reading the answer",
        source,
    })?;
    let found = rehearsal
        .ocrctl(&["logs", "rehearsal", "--json", "--nginx", "--request", &id])
        .await?
        .expect(0)?;
    let mut from: Vec<String> = lines(&found).map(|line| source(&line)).collect();
    from.sort();
    if from.len() != 2 || from[0] != "access" || !from[1].starts_with("ocr-") {
        return wrong(format!("request {id} is in {from:?}:\n{}", found.stdout));
    }
    let all = rehearsal
        .ocrctl(&["logs", "rehearsal", "--json", "--nginx", "--since", "1h"])
        .await?
        .expect(0)?;
    let times: Vec<String> = lines(&all).map(|line| line["at"].to_string()).collect();
    let sources = lines(&all).filter(|line| source(line) == "access").count();
    if times.len() < 10 || sources == 0 || sources == times.len() {
        return wrong(format!("{} lines, {sources} of NGINX", times.len()));
    }
    let moments: Vec<jiff::Timestamp> = times
        .iter()
        .filter_map(|time| time.trim_matches('"').parse().ok())
        .collect();
    if moments.len() != times.len() || !moments.is_sorted() {
        return wrong("the lines are not in the order of time");
    }
    Ok(format!(
        "a request by its id in both logs; {} lines of the last hour in order",
        times.len()
    ))
}

fn lines(ran: &Ran) -> impl Iterator<Item = Value> {
    let lines = ran.stdout.lines();
    let lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["type"] == "log")
}

fn source(line: &Value) -> String {
    line["from"].as_str().unwrap_or_default().to_owned()
}

/// The same release through the other slot.
pub(super) async fn restart(rehearsal: &mut Rehearsal) -> Seen {
    // Whatever the proofs before have left in the last minutes' traffic.
    let before = rehearsal.ocrctl(&STATUS).await?.line("status")?;
    let load = Load::start(rehearsal.client()?, &rehearsal.key)?;
    let restarted = rehearsal.ocrctl(&["restart", "rehearsal", "--yes"]).await;
    let served = load.stop().await?;
    restarted?.expect(0)?;
    let after = rehearsal.ocrctl(&STATUS).await?.line("status")?;
    let (old, new) = (&before["release"], &after["release"]);
    if old["id"] != new["id"] || old["slot"] == new["slot"] {
        return wrong(format!("not the same through the other slot: {old}, {new}"));
    }
    if after["last"]["command"] != "restart" || after["since"] != before["since"] {
        return wrong(format!("it is not in the history as one: {after}"));
    }
    Ok(format!(
        "{} from slot {} to {}: {served}",
        new["id"], old["slot"], new["slot"]
    ))
}
