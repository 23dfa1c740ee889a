//! `ocrctl schema`.

use super::{Outcome, Result};
use crate::report::Report;
use ocrctl_inventory::json_schema;

pub(super) fn run(report: &Report) -> Result {
    report.data(&format!("{:#}\n", json_schema::inventory()));
    Ok(Outcome::Done)
}
