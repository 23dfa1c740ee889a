//! The rehearsal.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub struct Rehearse {
    /// The release of the host; those of Ubuntu need VMs
    #[arg(long, value_enum, default_value_t = Release::Trixie)]
    pub release: Release,

    /// Kind of machines: containers, or VMs that Vagrant has made
    #[arg(long, value_enum, env = "VAGRANT_DEFAULT_PROVIDER", hide_env = true, default_value_t = Provider::Docker)]
    pub provider: Provider,

    /// Containers too are entered by SSH, which shows what is done with VMs where there are none
    #[arg(long, value_enum, env = "OCRCTL_REHEARSAL_ENTER", hide = true)]
    pub enter: Option<Enter>,

    /// The ocrctl that is rehearsed; the one beside the rehearsal if it is not given
    #[arg(long, env = "OCRCTL_REHEARSAL_OCRCTL", hide = true)]
    pub ocrctl: Option<PathBuf>,

    /// Leave the machines running afterwards; with `--smoke`, print how to use them
    #[arg(long)]
    pub keep: bool,

    /// A smoke test alone: HTTPS, a scan, a PDF, a refused key, a rollback
    #[arg(long, conflicts_with_all = ["only", "skip"])]
    pub smoke: bool,

    /// Only proofs with this in their names, and what they go on from; `--only ?` lists all
    #[arg(long, value_name = "PROOF")]
    pub only: Vec<String>,

    /// Without proofs that have this in their names
    #[arg(long, value_name = "PROOF")]
    pub skip: Vec<String>,

    /// The local image of the service to deploy; `ocrctl build` makes it
    #[arg(long, default_value = "ocr-service:latest")]
    pub image: String,

    /// Where the machines' state is kept; .rehearsal/RELEASE, of VMs .rehearsal/RELEASE-PROVIDER if it is not given
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
}

/// A release of Debian or Ubuntu.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Release {
    Bookworm,
    Trixie,
    Jammy,
    Noble,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Provider {
    Docker,
    Libvirt,
    Virtualbox,
}

/// The way in which a rehearsal reaches its machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Enter {
    Docker,
    Ssh,
}
