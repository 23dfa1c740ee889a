//! Keys of clients.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;

use super::Environment;
use ocrctl_inventory::duration;

#[derive(Debug, Subcommand)]
pub enum Keys {
    /// List the keys, without what is secret of them, and how they were used
    List(Environment),

    /// Make a key and print it, this once
    #[command(after_help = "\
Examples:
  ocrctl keys add prod --name scanner
  ocrctl keys add prod --name prometheus --scope metrics --expires 2027-01-31 --out prometheus.key
  ocrctl keys add prod --name scanner --exec pass insert --multiline ocr/scanner")]
    Add(AddKey),

    /// Refuse a key from now on
    ///
    /// Shows when it was last used, from where and how often, and asks.
    #[command(after_help = "\
Example:
  ocrctl keys revoke prod 7h3k9w2m")]
    Revoke {
        #[command(flatten)]
        environment: Environment,

        /// The key's id, as `keys list` shows it
        #[arg(value_name = "ID")]
        id: String,
    },

    /// Give each host the keys of all of them
    ///
    /// For a host that has joined the environment, and for one whose key file was damaged. Where hosts differ in a key,
    /// what refuses more counts.
    #[command(after_help = "\
Example:
  ocrctl keys sync prod")]
    Sync(Environment),
}

#[derive(Debug, Args)]
pub struct AddKey {
    #[command(flatten)]
    pub environment: Environment,

    /// Name of the key's owner
    #[arg(long, value_parser = name)]
    pub name: String,

    /// Permitted uses of the key
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["ocr", "codes"])]
    pub scope: Vec<Scope>,

    /// Refuse it from then on: 2027-01-31T18:00:00Z, or a day, which is over before it begins (UTC)
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub expires: Option<Timestamp>,

    /// Refuse it before then
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub not_before: Option<Timestamp>,

    /// Requests that it may make in a minute
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub requests_per_minute: Option<u32>,

    #[command(flatten)]
    pub handover: Handover,
}

#[derive(Debug, Args)]
pub struct RotateKey {
    #[command(flatten)]
    pub environment: Environment,

    /// Owner of the key; may be left out where there is one client
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub client: Option<String>,

    /// Time for which the old key stays valid
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration::parse)]
    pub grace: Duration,

    /// Refuse the old key as soon as the new one is handed over
    #[arg(long, conflicts_with = "grace")]
    pub revoke_now: bool,

    #[command(flatten)]
    pub handover: Handover,
}

/// Where a new key goes, which is shown or given away once.
#[derive(Debug, Args)]
pub struct Handover {
    /// Write the key to a new file, which only you can read, instead of printing it
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Give the key to a program on its standard input; takes the rest of the line. The key is taken back if it fails
    #[arg(long, value_name = "CMD", num_args = 1.., allow_hyphen_values = true, conflicts_with = "out")]
    pub exec: Vec<OsString>,
}

/// The names of [`ocr_api::keys::Scope`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scope {
    Ocr,
    Codes,
    Metrics,
}

impl From<Scope> for ocr_api::keys::Scope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Ocr => Self::Ocr,
            Scope::Codes => Self::Codes,
            Scope::Metrics => Self::Metrics,
        }
    }
}

/// RFC 3339, or the first moment of a day in UTC.
fn time(text: &str) -> Result<Timestamp, String> {
    text.parse()
        .or_else(|_| format!("{text}T00:00:00Z").parse())
        .map_err(|_| "write 2027-01-31T18:00:00Z or 2027-01-31".to_owned())
}

fn name(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > 100 || text.chars().any(char::is_control) {
        return Err("a name has 1 to 100 characters".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_moment_or_the_beginning_of_a_day() {
        assert_eq!(time("2027-01-31"), time("2027-01-31T00:00:00Z"));
        assert!(time("2027-01-31T18:00:00+01:00").is_ok());
        assert!(time("31.1.2027").is_err() && time("2027-02-30").is_err());
    }
}
