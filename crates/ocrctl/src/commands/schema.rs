//! `ocrctl schema`.

use super::{Outcome, Result};
use crate::report::Report;
use ocrctl_inventory::fields;

pub(super) fn run(report: &Report) -> Result {
    report.data(&format!("{:#}\n", fields::json_schema()));
    Ok(Outcome::Done)
}
