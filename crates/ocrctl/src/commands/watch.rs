//! `ocrctl watch`: on a host, by its timer.

use super::{Failed, Outcome, Result};
use crate::report::Report;
use ocrctl_agent::host::Host;
use ocrctl_agent::watch;
use ocrctl_protocol::{Diagnostic, Level};

pub(super) async fn run(report: &Report) -> Result {
    if !nix::unistd::geteuid().is_root() {
        return Err(Failed::new(
            Diagnostic::new("only root may look after this host").hint(
                "run it by sudo; from elsewhere, `ocrctl status ENV` shows how the hosts are",
            ),
        ));
    }
    watch::run(&Host::real(), |what| report.note(None, Level::Info, what))
        .await
        .map_err(|failure| Failed::new(Diagnostic::from(&failure)))?;
    Ok(Outcome::Done)
}
