//! Arguments of `plan`, `deploy` and `rollback`, some of which other commands take too.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::Environment;
use ocrctl_inventory::duration;

/// Where the image comes from, if not from its registry.
#[derive(Debug, Args)]
pub struct Archive {
    /// Take the image from this file, as `docker save`, skopeo or buildx write it, instead of its registry
    ///
    /// The hosts get those layers that they lack, over SSH.
    #[arg(long, value_name = "IMAGE.TAR")]
    pub archive: Option<PathBuf>,
}

/// A load of requests while a change goes on.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Probing")]
pub struct Probe {
    /// Send requests over HTTPS meanwhile, and fail if one of them fails
    ///
    /// Documents, short and long, over connections that are kept and over new ones, to each host under the environment's
    /// first name. A key is made for it, and taken back.
    #[arg(long)]
    pub probe: bool,

    /// Probe with the API key in this file instead
    #[arg(long, value_name = "FILE", requires = "probe")]
    pub probe_key_file: Option<PathBuf>,

    /// Verify the hosts against this authority (PEM), where it is neither public nor the environment's own
    #[arg(long, value_name = "FILE", requires = "probe")]
    pub probe_ca: Option<PathBuf>,

    /// Where a host answers clients, if not at its address and port 443; HOST may be left out where there is one
    #[arg(long, value_name = "[HOST=]ADDRESS[:PORT]", requires = "probe")]
    pub probe_at: Vec<String>,

    /// Pages of the longest document, which decide how long its request lasts
    #[arg(long, value_name = "N", requires = "probe", default_value = "4", value_parser = clap::value_parser!(u16).range(0..=100))]
    pub probe_pages: u16,
}

#[derive(Debug, Args)]
pub struct Plan {
    #[command(flatten)]
    pub environment: Environment,

    #[command(flatten)]
    pub limit: Limit,

    #[command(flatten)]
    pub archive: Archive,
}

#[derive(Debug, Args)]
pub struct Limit {
    /// Only these hosts of the environment
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    pub limit: Vec<String>,
}

/// Options of a change that goes through the hosts.
#[derive(Debug, Args)]
pub struct Rollout {
    #[command(flatten)]
    pub limit: Limit,

    /// Number of hosts to change at once, after the first, which is changed alone
    #[arg(long, value_name = "N", default_value = "4", value_parser = clap::value_parser!(u16).range(1..))]
    pub batch: u16,
}

#[derive(Debug, Args)]
pub struct Rollback {
    #[command(flatten)]
    pub operation: Operation,

    #[command(flatten)]
    pub rollout: Rollout,

    /// The release to roll back to, of those that the hosts have kept; its first characters are enough
    #[arg(long, value_name = "RELEASE")]
    pub to: Option<String>,

    #[command(flatten)]
    pub probe: Probe,
}

/// Options of commands that change hosts.
#[derive(Debug, Args)]
pub struct Operation {
    /// An environment of the inventory
    #[arg(value_name = "ENV")]
    pub environment: String,

    /// Time to wait for another deploy to end, such as 30s or 5m
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration::parse)]
    pub lock_wait: Duration,
}

#[derive(Debug, Args)]
pub struct Deploy {
    #[command(flatten)]
    pub operation: Operation,

    #[command(flatten)]
    pub rollout: Rollout,

    #[command(flatten)]
    pub archive: Archive,

    /// Put the contents of a backup onto the hosts first
    #[arg(long, value_name = "FILE", requires = "identity")]
    pub restore: Option<PathBuf>,

    /// The age identity that the backup was encrypted for
    #[arg(long, value_name = "FILE", requires = "restore")]
    pub identity: Option<PathBuf>,

    /// Let the backup replace what the hosts have of their own
    #[arg(long, requires = "restore")]
    pub replace: bool,

    #[command(flatten)]
    pub probe: Probe,
}
