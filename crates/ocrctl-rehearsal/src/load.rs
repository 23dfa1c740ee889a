//! A load on the deployed service, for as long as something else goes on.

use std::time::Duration;

use super::client::Client;
use super::{ProofError, wrong};
use ocrctl::probe::{self, Plan};

/// Clients that send one page after another for as long as something else goes on.
pub(super) struct Load(probe::Load);

impl Load {
    pub(super) fn start(client: &Client, key: &str) -> Result<Self, ProofError> {
        let plan = Plan {
            pause: Duration::ZERO,
            pages: 0,
        };
        Ok(Self(probe::Load::start(&client.place()?, key, plan)))
    }

    /// Stops the load and returns the number of requests served; one that failed fails the proof.
    pub(super) async fn stop(self) -> Result<String, ProofError> {
        let seen = self.0.stop().await;
        match seen.errors.first() {
            None => Ok(format!("{} requests, none failed", seen.requests)),
            Some(it) => wrong(format!("a request failed under load: {}", it.error)),
        }
    }
}
