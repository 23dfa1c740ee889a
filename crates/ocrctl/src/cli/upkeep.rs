//! Arguments of what is done between deploys: backups, certificates, alerts.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use super::Environment;

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").args(["to", "check"]).required(true))]
pub struct Backup {
    #[command(flatten)]
    pub environment: Environment,

    /// Write the backup there; a backup that is there is replaced when the new one is complete
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,

    /// Recipients who can read it, instead of the inventory's `backup.recipients`
    #[arg(long, value_name = "age1...", requires = "to")]
    pub recipient: Vec<String>,

    /// The same, from a file with one recipient a line
    #[arg(long, value_name = "FILE", requires = "to")]
    pub recipients_file: Option<PathBuf>,

    /// Open a backup, and list what is in it
    #[arg(long, value_name = "FILE", requires = "identity")]
    pub check: Option<PathBuf>,

    /// The age identity that it was encrypted for
    #[arg(long, value_name = "FILE", requires = "check")]
    pub identity: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Cert {
    /// Print the authority that clients verify the environment by, as PEM
    #[command(after_help = "\
Example:
  ocrctl cert ca prod > ca.pem && curl --cacert ca.pem https://ocr.example.org/healthz")]
    Ca(Environment),

    /// Show the certificate of each host, and when it is renewed
    ///
    /// Exits 2 when something is wrong with one: less than a twentieth of its life is left, it is from a staging
    /// authority though the environment is production, NGINX serves another one, or nothing renews it. Production is
    /// every environment without a word such as staging, test, dev, demo, qa or rehearsal in its name.
    #[command(after_help = "\
Examples:
  ocrctl cert status prod
  ocrctl cert status prod --json | jq 'select(.type == \"certificate\")'")]
    Status(Environment),

    /// Renew the certificate now, where it is due
    ///
    /// The hosts do this by themselves, every six hours.
    #[command(after_help = "\
Example:
  ocrctl cert renew prod --force")]
    Renew {
        #[command(flatten)]
        environment: Environment,

        /// Also where it is not due, and without a pause after failed attempts
        #[arg(long)]
        force: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum Alerts {
    /// Have each host send a test over every channel, and show how each went
    ///
    /// The channels are those of `alerts` in the inventory, as the last deploy left them on the hosts. Exits 1 when one
    /// fails, and when a host has none.
    #[command(after_help = "\
Examples:
  ocrctl alerts test prod
  ocrctl alerts test prod --json | jq 'select(.type == \"alerts_tested\")'")]
    Test(Environment),
}
