//! Asking a release how it is: on its own socket, and through NGINX as a client would.

use std::time::{Duration, Instant};

use ocr_api::health::{Health, Readiness, Recognition};
use reqwest::StatusCode;

use super::{Engine, Host, Operation, Slot};
use crate::host::loopback;
use crate::resources::certificate::served;
use ocrctl_protocol::causes::chain;
use ocrctl_protocol::{Context, Failure, Result};

const EVERY: Duration = Duration::from_millis(50);
/// Workers that are at a page are waited for, then the sample takes its time.
const READ: Duration = Duration::from_secs(30);
/// NGINX serves the new release at once; this covers a moment of load.
const VERIFY: Duration = Duration::from_secs(10);

/// Waits until every worker of a release has read its sample correctly.
pub(super) async fn until_ready(
    host: &Host,
    engine: &Engine,
    slot: Slot,
    limit: Duration,
    operation: &mut Operation,
) -> Result<()> {
    let client = on_socket(host, slot)?;
    let began = Instant::now();
    let mut looked = Instant::now();
    loop {
        let answer = client.get("http://ocr/readyz").send().await;
        let said = match answer {
            Ok(answer) if answer.status() == StatusCode::OK => return Ok(()),
            Ok(answer) => not_ready(answer).await,
            Err(_) => "it does not answer on its socket".into(),
        };
        if looked.elapsed() > Duration::from_millis(300) {
            looked = Instant::now();
            let container = engine.inspect(slot.container()).await?;
            // One that ends is started again by Docker: it runs most of the time, and has failed.
            if !container
                .as_ref()
                .is_some_and(|container| container.running && container.restarts == 0)
            {
                let code = container.and_then(|container| container.exit_code);
                return Err(Failure::new(format!(
                    "the new release ended before it was ready (exit code {})",
                    code.map_or("unknown".into(), |code| code.to_string())
                )));
            }
        }
        if began.elapsed() > limit {
            return Err(Failure::new(format!(
                "the new release was not ready within {} s: {said}",
                limit.as_secs()
            )));
        }
        if operation.cancelled() {
            return Err(Failure::new(
                "stopped as asked, before the new release was ready",
            ));
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Why a release is not ready, in its own words where it has some.
async fn not_ready(answer: reqwest::Response) -> String {
    let status = answer.status();
    match answer.json::<Readiness>().await {
        Ok(Readiness { workers, .. }) => {
            let why = workers.error.map(|error| {
                // The service's flag is a field of the inventory here.
                let instead = if error.starts_with("--require-sandbox") {
                    "; with `service.require_sandbox: false` it serves all the same"
                } else {
                    ""
                };
                format!(": {error}{instead}")
            });
            format!(
                "{} of {} workers are ready{}",
                workers.ready,
                workers.total,
                why.unwrap_or_default()
            )
        }
        Err(_) => format!("/readyz says {status}"),
    }
}

/// Asks the release in a slot for its readiness.
pub(super) async fn readiness(host: &Host, slot: Slot) -> Result<Readiness> {
    on_socket(host, slot)?
        .get("http://ocr/readyz")
        .send()
        .await
        .context("asking the release how it is")?
        .json()
        .await
        .context("asking the release how it is")
}

/// Has the workers of a slot read a sample; `None` if this release does not support it.
pub(super) async fn recognition(host: &Host, slot: Slot) -> Result<Option<Recognition>> {
    let asking = "having the release read a sample";
    let answer = on_socket(host, slot)?
        .post("http://ocr/healthz/recognize")
        .timeout(READ)
        .send()
        .await
        .map_err(|error| Failure::new(format!("{asking}: {}", chain(&error.without_url()))))?;
    if answer.status() == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    answer.json().await.map(Some).context(asking)
}

/// The release id that a slot's container reports.
pub(super) async fn release(host: &Host, slot: Slot) -> Result<String> {
    let health: Health = on_socket(host, slot)?
        .get("http://ocr/healthz")
        .send()
        .await
        .context("asking the new release who it is")?
        .json()
        .await
        .context("asking the new release who it is")?;
    Ok(health.release)
}

/// Asks as a client would, over HTTPS on this host, until NGINX answers with this release.
pub(super) async fn through_nginx(host: &Host, name: &str, release: &str) -> Result<()> {
    let client = served::client(host, name)?;
    let url = format!("https://{name}/healthz");
    let began = Instant::now();
    loop {
        let problem = match client.get(&url).send().await {
            Ok(answer) => {
                let status = answer.status();
                match answer.json::<Health>().await {
                    Ok(health) if health.release == release => return Ok(()),
                    Ok(health) => format!("release {} answers", health.release),
                    Err(_) => format!("it answers {status}"),
                }
            }
            Err(error) => chain(&error),
        };
        if began.elapsed() > VERIFY {
            return Err(Failure::new(format!(
                "the new release was ready, but not reached through NGINX: {problem}"
            )));
        }
        tokio::time::sleep(EVERY).await;
    }
}

fn on_socket(host: &Host, slot: Slot) -> Result<reqwest::Client> {
    loopback::over_socket(&host.path(&slot.socket()))
}
