//! `ocrctl schema`.

use super::{Outcome, Result};
use crate::inventory::fields;
use crate::report::Report;

pub(super) fn run(report: &Report) -> Result {
    report.data(&format!("{:#}\n", fields::json_schema()));
    Ok(Outcome::Done)
}
