//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{
    ArgAction, Args, ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum,
};
use clap_complete::Shell;

mod change;
mod hosts;
mod init;
mod keys;
mod ocr;
mod registry;
mod rehearse;
mod upkeep;
pub use change::{Archive, Deploy, Limit, Operation, Plan, Probe, Rollback, Rollout};
pub use hosts::{Logs, Restart, Status};
pub use init::Init;
pub use keys::{AddKey, Handover, Keys, RotateKey};
pub use ocr::{Format as OcrFormat, Ocr};
pub use registry::{Build, Login, MigrateRegistry};
pub use rehearse::{Enter, Provider, Rehearse, Release};
pub use upkeep::{Alerts, Backup, Cert};

/// Exit code of a command line that is not understood (EX_USAGE of sysexits.h).
pub const USAGE: u8 = 64;

/// Takes a bare server to an organization's own OCR API, and keeps it there
#[derive(Debug, Parser)]
#[command(
    name = "ocrctl",
    version,
    disable_help_subcommand = true,
    max_term_width = 100
)]
#[command(after_help = "\
Examples:
  ocrctl init                         an inventory to begin with
  ocrctl doctor prod                  whether a deploy would work
  ocrctl plan prod                    what a deploy would change, and why
  ocrctl deploy prod                  the same, then asks, then changes it
  ocrctl keys add prod --name scanner a key for a client
  ocrctl ocr letter.pdf --env prod    what the service reads in it

Exit codes:
  0  done                             64  the command line or the inventory is wrong
  1  failed; something is wrong       69  a host can't be reached
     (status)                         75  another deploy holds the lock
  2  changes (plan), findings
     (audit, cert status)")]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// The inventory
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        default_value = "inventory.yaml"
    )]
    #[arg(env = "OCRCTL_INVENTORY", hide_env_values = true)]
    pub inventory: PathBuf,

    /// Report as JSON lines on standard output
    #[arg(long, global = true)]
    pub json: bool,

    /// Answer every question with yes
    #[arg(long, short, global = true)]
    pub yes: bool,

    /// Say more; twice for all there is
    #[arg(long, short, global = true, action = ArgAction::Count)]
    pub verbose: u8,

    /// Show in plans what new files contain, too
    #[arg(long, global = true)]
    pub diff: bool,

    /// No colours; so does NO_COLOR
    #[arg(long, global = true)]
    pub no_color: bool,

    /// The ocrctl to run on the hosts, where this one can't (another architecture)
    #[arg(long, global = true, value_name = "PATH")]
    pub agent: Option<PathBuf>,

    /// Ask once for the password that sudo on the hosts asks for; goes before `sudo_password` in the inventory
    #[arg(long, global = true)]
    pub ask_sudo_password: bool,

    /// Name of the operator in the hosts' locks and journals
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "USER",
        hide_env_values = true
    )]
    #[arg(default_value = "unknown", hide_default_value = true)]
    pub operator: String,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write an inventory, asking for what it needs
    ///
    /// Asks five questions, each with what will do in most cases, and writes the file that --inventory names. What is
    /// given by a flag is not asked for. A file that is there is not touched.
    #[command(after_help = init::EXAMPLES)]
    Init(Init),

    /// Look whether a deploy would work, before anything changes
    ///
    /// Looks at the way onto each host (SSH, sudo), at the host itself (system, architecture, kernel, memory, disk, clock,
    /// apt, Docker, other servers), and at what is around it (DNS, registry, image, ports 80 and 443 from outside). Each line
    /// says ok, failed and what to do, or could not run. Nothing is changed; only the agent is on the hosts afterwards,
    /// in /opt/ocrctl/bin. Exits 0 when all is ok, 69 when a host can't be reached, and else 1.
    #[command(after_help = "\
Examples:
  ocrctl doctor prod
  ocrctl doctor prod --json | jq 'select(.type == \"check\" and .verdict != \"ok\")'")]
    Doctor(Doctor),

    /// Show what a deploy would change, and change nothing
    ///
    /// Compares each host with the inventory. Exits 0 when nothing would change and 2 when something would.
    #[command(after_help = "\
Examples:
  ocrctl plan prod
  ocrctl plan prod --json | jq 'select(.type == \"planned\").changes'")]
    Plan(Plan),

    /// Make the hosts what the inventory says
    ///
    /// Shows the plan, asks, and applies that plan. A release is switched without a failed request, and one that
    /// does not become ready never gets any. Exits 0 when the same comparison finds nothing left to do.
    #[command(after_help = "\
Examples:
  ocrctl deploy prod
  ocrctl deploy prod --yes --lock-wait 5m    from CI
  ocrctl deploy prod --probe                 and see whether clients notice
  ocrctl deploy prod --archive image.tar     to hosts that reach no registry
  ocrctl deploy prod --restore prod.backup --identity identity.txt    onto a bare host")]
    Deploy(Box<Deploy>),

    /// Go back to the last good release
    ///
    /// Switches to the last release before this one that was not reverted, with the configuration that belongs to
    /// it, as a deploy would: on all hosts, or on none.
    #[command(after_help = "\
Examples:
  ocrctl rollback prod
  ocrctl rollback prod --to 0f3c5ad2b1e9-77d0a1    as `ocrctl history prod` names it")]
    Rollback(Box<Rollback>),

    /// Restart the live release without an interruption
    ///
    /// Through the other slot, as a deploy would: a new container of the same release becomes ready, takes over, and the old
    /// one finishes what it has begun. One host first, then in batches. Nothing else of the inventory is applied.
    #[command(after_help = hosts::RESTART_EXAMPLES)]
    Restart(Restart),

    /// Show how the hosts are, on one screen
    ///
    /// Release, health, workers, queue, the last minutes' requests, certificate, disk, memory, firewall, whether a host differs
    /// from the inventory, and the last deploy. Exits 0 when all is well and 1 when something is wrong, which is said.
    /// On a host, without an environment, it shows that host.
    #[command(after_help = hosts::STATUS_EXAMPLES)]
    Status(Status),

    /// Show what the hosts logged, all of them in the order of time
    ///
    /// Show the service's log, with --nginx also NGINX's access and error log. Every answer of the service has its
    /// request's id (`X-Request-Id`), by which --request finds it; NGINX's error log has no such ids.
    #[command(after_help = hosts::LOGS_EXAMPLES)]
    Logs(Logs),

    /// Show what was done to the hosts: who, when, from which release to which, and how it ended
    #[command(after_help = "\
Examples:
  ocrctl history prod
  ocrctl history prod --json | jq 'select(.type == \"history\").entries[-1]'")]
    History(Environment),

    /// Find what depends on a person
    ///
    /// Looks at keys, accounts, credentials, jobs, ports, certificates and backups of each host, and compares them
    /// with the inventory, `ownership` above all. Changes nothing. Each finding
    /// comes with the command that fixes it. Exits 2 when there are findings, else 1 when a check could not run.
    #[command(after_help = "\
Examples:
  ocrctl audit prod
  ocrctl audit prod --json | jq 'select(.type == \"audited\").lines[] | select(.verdict == \"finding\")'")]
    Audit(Environment),

    /// Back up keys, rules, ACME accounts and certificates, encrypted for a recipient
    ///
    /// Encrypted on each host with age, written to one file. `deploy --restore` puts it onto a bare host.
    #[command(after_help = "\
Examples:
  age-keygen -o identity.txt                       prints the recipient
  ocrctl backup prod --to prod.backup --recipient age1...
  ocrctl backup prod --check prod.backup --identity identity.txt")]
    Backup(Backup),

    /// List, add and revoke API keys
    #[command(subcommand)]
    Keys(Keys),

    /// Give a client a new API key, and its old one an end
    ///
    /// The new key is good on every host before it is handed over, and the old one stays good until the grace is over. If
    /// anything fails on the way, the old key is not touched and the new one is taken back.
    #[command(after_help = "\
Examples:
  ocrctl rotate-key prod                                    where there is one client
  ocrctl rotate-key prod --client scanner --out scanner.key
  ocrctl rotate-key prod --client scanner --revoke-now      the old one has leaked
  ocrctl rotate-key prod --client scanner --exec pass insert --multiline ocr/scanner")]
    RotateKey(RotateKey),

    /// Certificates of an environment
    #[command(subcommand)]
    Cert(Cert),

    /// Alerts that hosts send when something is wrong
    #[command(subcommand)]
    Alerts(Alerts),

    /// Have documents read by a deployed service, and print their text, the service's answers, or codes
    ///
    /// Sends them over HTTPS with an API key; needs no SSH. Results are printed in the order of the files. Documents that the
    /// service can't read are reported, and so are those with pages that it did not read to their end; the others are printed all the
    /// same, and it exits 1 then.
    #[command(after_help = ocr::EXAMPLES)]
    Ocr(Box<Ocr>),

    /// On a host: renew its certificate where that is due
    ///
    /// ocrctl-renew.timer runs this on each host every six hours; it needs no inventory and no operator's machine.
    Renew,

    /// On a host: check its state, repair what can be repaired, and send alerts
    ///
    /// ocrctl-watch.timer runs this on each host every 30 seconds; it needs no inventory and no operator's machine.
    Watch,

    /// Build the service's image from a clone of this repository
    ///
    /// By Docker, from what git knows of the clone. Prints Docker's name of the image; with --push, its reference by
    /// digest. What the image gets from the clone is the same for the same commit; docs/service.md says what is not.
    #[command(after_help = registry::BUILD_EXAMPLES)]
    Build(Build),

    /// Move an environment's image to another registry, without a restart
    ///
    /// Copies the image with all its platforms, signatures and referrers, digest for digest; has every host pull it
    /// from there; and changes `image` and `registry` in the inventory, of which it shows the difference first. The
    /// digest stays the same, so no container restarts. What is copied already is not copied again.
    #[command(after_help = registry::MIGRATE_EXAMPLES)]
    MigrateRegistry(Box<MigrateRegistry>),

    /// Deploy to machines made for the purpose, and prove that it works
    ///
    /// Boots a bare host and its surroundings through Vagrant, deploys to it, and sends it documents.
    #[command(after_help = "\
Examples:
  ocrctl rehearse --smoke --keep
  ocrctl rehearse --release bookworm
  ocrctl rehearse --provider libvirt --release noble")]
    Rehearse(Rehearse),

    /// Print a completion script for a shell
    #[command(after_help = "\
Example:
  ocrctl completions bash > ~/.local/share/bash-completion/completions/ocrctl")]
    Completions { shell: Shell },

    /// Print the JSON Schema of the inventory
    ///
    /// Editors complete and check an inventory by it. A first line such as the example's names its place.
    #[command(after_help = "\
Example:
  ocrctl schema > inventory.schema.json
  # yaml-language-server: $schema=inventory.schema.json    as the inventory's first line")]
    Schema,

    /// Write man pages, one for each command
    #[command(after_help = "\
Example:
  ocrctl man --out ~/.local/share/man/man1 && man ocrctl-deploy")]
    Man {
        /// Where to; it is made if it is missing
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },

    /// Print the crates that ocrctl is made of, as CycloneDX, from a Cargo.lock
    #[command(hide = true)]
    Sbom { lock: PathBuf },

    /// The host's side of a connection
    #[command(hide = true)]
    Agent {
        #[command(subcommand)]
        task: Option<AgentTask>,
    },
}

#[derive(Debug, Args)]
pub struct Environment {
    /// An environment of the inventory
    #[arg(value_name = "ENV")]
    pub environment: String,
}

#[derive(Debug, Args)]
pub struct Doctor {
    #[command(flatten)]
    pub environment: Environment,

    #[command(flatten)]
    pub limit: Limit,
}

/// A change that the host takes back unless it is confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Guarded {
    Firewall,
    Sshd,
}

/// Tasks that a host runs by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum AgentTask {
    /// Put back what was there before an unconfirmed change
    Revert { what: Guarded },
}

impl Cli {
    /// The command line, or an error that is to be printed as it is: help, the version, or a complaint.
    /// [`exit_code`] says how the process ends then.
    pub fn parse_from_args(args: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        Self::parse_with(Self::command(), args.into_iter().collect())
    }

    fn parse_with(mut command: clap::Command, args: Vec<OsString>) -> Result<Self, clap::Error> {
        // Help is coloured before the flags are known.
        if args.iter().any(|arg| arg == "--no-color") {
            command = command.color(ColorChoice::Never);
        }
        let mut matches = command.try_get_matches_from_mut(args)?;
        Self::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
    }
}

/// Returns the exit code when parsing ended with `error`: a request for help is no failure.
pub fn exit_code(error: &clap::Error) -> u8 {
    if error.use_stderr() { USAGE } else { 0 }
}

#[cfg(test)]
mod tests;
