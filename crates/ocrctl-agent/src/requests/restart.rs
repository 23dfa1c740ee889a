//! `restart` on the host.

use std::time::Duration;

use super::apply::recorded;
use crate::host::lock::Lock;
use crate::host::{Host, Operation};
use crate::resources::certificate::settings::Settings;
use crate::resources::release::Release;
use ocrctl_protocol::Result;

/// The release that is live, anew, through the other slot.
pub async fn restart(
    host: &Host,
    operation: &mut Operation,
    operator: &str,
    lock_wait: Duration,
) -> Result<()> {
    let _lock = Lock::take(host, operator, "restart", lock_wait).await?;
    recorded(host, operation, operator, "restart", async |operation| {
        let name = Settings::read(host)?.name().to_owned();
        Release::restart(host, name, true, operation).await
    })
    .await
}
