//! `ocrctl schema`.

use super::{Outcome, Result};
use crate::report::Report;

/// Of the inventory's types, as a test holds. Made ahead, so that the executable does not carry what makes it.
const SCHEMA: &str = include_str!("../../../../docs/reference/inventory.schema.json");

pub(super) fn run(report: &Report) -> Result {
    report.data(SCHEMA);
    Ok(Outcome::Done)
}
