//! `ocrctl agent`: what runs on a host.

use super::{Failed, Outcome, Result};
use crate::cli::{AgentTask, Guarded};
use ocrctl_agent::host::Host;
use ocrctl_agent::resources::guard::Guard;
use ocrctl_protocol::Diagnostic;

pub(super) async fn run(task: Option<AgentTask>) -> Result {
    match task {
        None => Box::pin(ocrctl_agent::requests::run()).await,
        Some(AgentTask::Revert { what }) => {
            let guard = match what {
                Guarded::Firewall => Guard::Firewall,
                Guarded::Sshd => Guard::Sshd,
            };
            let reverted = guard.revert(&Host::real()).await;
            reverted.map_err(|failure| Failed::new(Diagnostic::from(&failure)))?;
        }
    }
    Ok(Outcome::Done)
}
