//! `ocrctl cert ca ENV`: what clients verify the environment by.

use super::fleet::Fleet;
use super::{Outcome, Result, environment};
use crate::cli::Global;
use crate::protocol::Request;
use crate::report::Report;

pub(super) async fn ca(global: &Global, report: &Report, name: &str) -> Result {
    let environment = environment(global, name)?;
    let mut fleet = Fleet::connect(global, report, &environment).await?;
    fleet.ask(&Request::Ca).await?;
    fleet.close().await;
    Ok(Outcome::Done)
}
