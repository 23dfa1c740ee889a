//! Arguments of `plan`, `deploy` and `rollback` for images and probes.

use std::path::PathBuf;

use clap::Args;

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
