//! Arguments of commands that show the state of hosts and keep it.

use std::time::Duration;

use clap::Args;

use super::{Environment, Limit, Operation, Rollout};
use ocrctl_inventory::duration;

pub(super) const RESTART_EXAMPLES: &str = "\
Examples:
  ocrctl restart prod
  ocrctl restart prod --limit ocr2 --yes";

pub(super) const STATUS_EXAMPLES: &str = "\
Examples:
  ocrctl status prod
  ocrctl status prod --watch
  ocrctl status prod --json | jq 'select(.type == \"status\") | {host, problems}'
  sudo ocrctl status    on a host";

pub(super) const LOGS_EXAMPLES: &str = "\
Examples:
  ocrctl logs prod --since 1h
  ocrctl logs prod -f --nginx
  ocrctl logs prod --since 24h --nginx --request 8c1f0e9b2d3a4c5e8c1f0e9b2d3a4c5e";

#[derive(Debug, Args)]
pub struct Status {
    /// An environment of the inventory; without one, the host that this runs on
    #[arg(value_name = "ENV")]
    pub environment: Option<String>,

    #[command(flatten)]
    pub limit: Limit,

    /// Go on showing it, until Ctrl-C
    #[arg(long, short)]
    pub watch: bool,
}

#[derive(Debug, Args)]
pub struct Restart {
    #[command(flatten)]
    pub operation: Operation,

    #[command(flatten)]
    pub rollout: Rollout,
}

#[derive(Debug, Args)]
pub struct Logs {
    #[command(flatten)]
    pub environment: Environment,

    #[command(flatten)]
    pub limit: Limit,

    /// Go on with what is logged from now on, until Ctrl-C
    #[arg(long, short)]
    pub follow: bool,

    /// Age of the oldest lines, such as 30s, 10m or 24h
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration::parse)]
    pub since: Duration,

    /// Also NGINX's access and error log
    #[arg(long)]
    pub nginx: bool,

    /// Only lines that name this request
    #[arg(long, value_name = "ID", value_parser = request_id)]
    pub request: Option<String>,
}

/// Parses a request id by the service's rules.
fn request_id(text: &str) -> Result<String, String> {
    let sane = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    if text.is_empty() || text.len() > 64 || !text.chars().all(sane) {
        return Err(
            "a request id has 1 to 64 letters, digits and -_.: as in `X-Request-Id`".to_owned(),
        );
    }
    Ok(text.to_owned())
}
