//! The kept release, while a new one takes its slot: set aside under another name, put back if the new
//! one fails, so that a failed deploy never costs the way back.

use super::{Engine, Slot};
use ocrctl_protocol::Result;

fn aside(slot: Slot) -> String {
    format!("{}-kept", slot.container())
}

/// Makes room in an idle slot.
pub(super) async fn set_aside(engine: &Engine, slot: Slot) -> Result<()> {
    engine.stop(slot.container(), 0).await?;
    engine.rename(slot.container(), &aside(slot)).await
}

/// The new release has failed: its container goes, the kept one returns.
pub(super) async fn put_back(engine: &Engine, slot: Slot) -> Result<()> {
    engine.remove(slot.container()).await?;
    engine.rename(&aside(slot), slot.container()).await
}

/// The new release serves: the one that it replaced is now the kept one, in the other slot.
pub(super) async fn forget(engine: &Engine, slot: Slot) -> Result<()> {
    engine.remove(&aside(slot)).await
}

/// Ends what an interrupted deploy left half done.
pub(super) async fn settle(engine: &Engine, live: Slot) -> Result<()> {
    forget(engine, live).await?;
    let idle = live.other();
    if engine.inspect(&aside(idle)).await?.is_some() {
        put_back(engine, idle).await?;
    }
    Ok(())
}
