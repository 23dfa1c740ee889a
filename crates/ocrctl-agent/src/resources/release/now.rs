//! The live release at this moment, without judging it.

use ocr_api::health::Readiness;

use super::{Container, Engine, Host, Release, Slot, probe};
use ocrctl_protocol::Result;

#[derive(Debug)]
pub struct Now {
    pub slot: Slot,
    /// `None` if it is gone.
    pub container: Option<Container>,
    /// The release's own report; `None` if it does not answer.
    pub readiness: Option<Readiness>,
}

impl Release {
    /// `None` if no release is live. Docker that does not answer is an error.
    pub async fn now(host: &Host) -> Result<Option<Now>> {
        let Some(slot) = Slot::live(host)? else {
            return Ok(None);
        };
        let container = async { Engine::connect().await?.inspect(slot.container()).await };
        let (container, readiness) = tokio::join!(container, probe::readiness(host, slot));
        Ok(Some(Now {
            slot,
            container: container?,
            readiness: readiness.ok(),
        }))
    }
}
