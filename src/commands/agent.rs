//! `ocrctl agent`: what runs on a host.

use super::{Failed, Outcome, Result};
use crate::cli::AgentTask;
use crate::report::Diagnostic;
use crate::resources::Host;

pub(super) async fn run(task: Option<AgentTask>) -> Result {
    match task {
        None => Box::pin(crate::agent::run()).await,
        Some(AgentTask::Revert { what }) => what
            .revert(&Host::real())
            .await
            .map_err(|failure| Failed::new(Diagnostic::from(&failure)))?,
    }
    Ok(Outcome::Done)
}
