//! Proof of a damaged key file: the keys stay in force.

use std::time::{Duration, Instant};

use ocr_api::keys::ApiKey;
use reqwest::StatusCode;

use super::LETTER;
use super::keys::ids;
use crate::client::{Client, send};
use crate::machine::BOOT;
use crate::{ProofError, Rehearsal, Seen, wrong};

/// A torn file, a restart on top of it, and a deleted one.
pub(super) async fn damaged(rehearsal: &mut Rehearsal) -> Seen {
    let prod1 = rehearsal.prod1()?;
    let sh = async |script: &str| prod1.run(script).await;
    let before = ids(rehearsal).await?;
    sh("head -c 60 /etc/ocr/keys.json > /tmp/torn; cat /tmp/torn > /etc/ocr/keys.json; rm /tmp/torn").await?;
    told_by_readyz(rehearsal.client()?, &rehearsal.key).await?;
    rehearsal.client()?.ocr(&rehearsal.key, LETTER).await?;
    let listed = rehearsal
        .ocrctl(&["keys", "list", "rehearsal"])
        .await?
        .expect(0)?;
    listed.expect_said(&["can't be used", "goes on with", "keys sync rehearsal"])?;
    let add = ["keys", "add", "rehearsal", "--name", "another"];
    rehearsal
        .ocrctl(&add)
        .await?
        .expect(1)?
        .expect_said(&["nothing was changed"])?;

    let process = sh("pgrep -o ocr-service").await?;
    sh("systemctl restart docker").await?;
    let began = Instant::now();
    let restarted = loop {
        let request = rehearsal
            .client()?
            .post("/v1/ocr", LETTER)
            .bearer_auth(&rehearsal.key);
        match send("POST /v1/ocr", request).await?.status() {
            StatusCode::OK => break began.elapsed(),
            StatusCode::FORBIDDEN => {
                return wrong("after a restart the damaged file refuses a good key");
            }
            _ if began.elapsed() > BOOT => {
                return wrong("it does not come back");
            }
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    };
    if sh("pgrep -o ocr-service").await? == process {
        return wrong("the service was not restarted");
    }
    let other = ApiKey::generate().map_err(|error| ProofError::Wrong(error.to_string()))?;
    let stranger = rehearsal
        .client()?
        .post("/v1/ocr", LETTER)
        .bearer_auth(other.reveal());
    if send("POST /v1/ocr", stranger).await?.status() != StatusCode::FORBIDDEN {
        return wrong("a damaged file opens the service");
    }
    rehearsal
        .ocrctl(&["keys", "sync", "rehearsal", "--yes"])
        .await?
        .expect(0)?;

    sh("rm /etc/ocr/keys.json").await?;
    told_by_readyz(rehearsal.client()?, &rehearsal.key).await?;
    rehearsal
        .ocrctl(&["deploy", "rehearsal", "--yes"])
        .await?
        .expect(0)?;
    rehearsal.client()?.ocr(&rehearsal.key, LETTER).await?;
    if ids(rehearsal).await? != before {
        return wrong("the keys are not those from before");
    }
    Ok(format!(
        "/readyz and `keys list` say so, keys stay in force, over a restart too ({:.1} s); `keys sync` and a deploy repair it",
        restarted.as_secs_f64()
    ))
}

async fn told_by_readyz(client: &Client, key: &str) -> Result<(), ProofError> {
    let began = Instant::now();
    loop {
        let request = client.get("/readyz").bearer_auth(key);
        let response = send("GET /readyz", request).await?;
        let status = response.status();
        let ready: ocr_api::health::Readiness =
            response
                .json()
                .await
                .map_err(|source| ProofError::Request {
                    doing: "reading /readyz",
                    source,
                })?;
        if ready.keys.error.is_some() && status == StatusCode::OK {
            return Ok(());
        }
        if began.elapsed() > Duration::from_secs(10) {
            return wrong("/readyz does not tell of a damaged key file");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
