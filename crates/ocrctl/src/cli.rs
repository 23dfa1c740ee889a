//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{
    ArgAction, ArgGroup, Args, ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand,
    ValueEnum,
};
use clap_complete::Shell;

use ocrctl_inventory::duration;

mod change;
mod hosts;
mod init;
mod keys;
mod ocr;
mod registry;
mod rehearse;
pub use change::{Archive, Probe};
pub use hosts::{Logs, Restart, Status};
pub use init::Init;
pub use keys::{AddKey, Handover, Keys, RotateKey};
pub use ocr::{Format as OcrFormat, Ocr};
pub use registry::{Build, Login, MigrateRegistry};
pub use rehearse::{Enter, Provider, Rehearse, Release};

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
    /// Switches to the last release before this one that was not taken back, with the configuration that belongs to
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

    /// The release to go back to, of those that the hosts have kept; its first characters are enough
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
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        let args = line.split_whitespace().map(OsString::from).collect();
        // Whatever terminal the test runs in.
        Cli::parse_with(Cli::command().term_width(100), args)
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_of_every_command() {
        let commands = [
            "",
            "init",
            "doctor",
            "plan",
            "deploy",
            "rollback",
            "restart",
            "status",
            "logs",
            "history",
            "audit",
            "backup",
            "keys",
            "keys list",
            "keys add",
            "keys revoke",
            "keys sync",
            "rotate-key",
            "cert",
            "cert ca",
            "cert status",
            "cert renew",
            "renew",
            "watch",
            "alerts",
            "alerts test",
            "ocr",
            "build",
            "migrate-registry",
            "rehearse",
            "completions",
            "schema",
            "man",
        ];
        for command in commands {
            let help = parse(&format!("ocrctl {command} --help")).unwrap_err();
            assert_eq!(exit_code(&help), 0);
            let name = format!("help {command}").trim().replace(' ', "_");
            insta::assert_snapshot!(name, help.render());
        }
    }

    #[test]
    fn a_wrong_command_line_is_a_usage_error() {
        for line in [
            "ocrctl",
            "ocrctl depoly prod",
            "ocrctl plan",
            "ocrctl deploy prod --lock-wait soon",
            "ocrctl keys add prod",
            "ocrctl backup prod",
            "ocrctl backup prod --to a --check b --identity c",
            "ocrctl backup prod --check a",
            "ocrctl deploy prod --restore a",
            "ocrctl deploy prod --identity a",
            "ocrctl keys add prod --name x --expires tomorrow",
            "ocrctl keys add prod --name x --scope everything",
            "ocrctl keys add prod --name x --out f --exec cat",
            "ocrctl rotate-key prod --grace 1h --revoke-now",
            "ocrctl rehearse --release sid",
            "ocrctl rehearse --smoke --skip PDF",
            "ocrctl plan prod --wat",
            "ocrctl logs",
            "ocrctl logs prod --since yesterday",
            "ocrctl logs prod --request a\"b",
            "ocrctl ocr --env prod",
            "ocrctl ocr a.pdf --env prod --url https://ocr.example.org",
            "ocrctl ocr a.pdf --format hocr",
        ] {
            assert_eq!(exit_code(&parse(line).unwrap_err()), USAGE, "{line}");
        }
        insta::assert_snapshot!(
            parse("ocrctl deploy prod --lock-wait soon")
                .unwrap_err()
                .render()
        );
    }

    #[test]
    fn a_program_takes_the_rest_of_the_line() {
        let line = "ocrctl rotate-key prod --revoke-now --exec vault kv put -mount=kv ocr key=-";
        let Command::RotateKey(flags) = parse(line).unwrap().command else {
            panic!("{line}");
        };
        let exec = ["vault", "kv", "put", "-mount=kv", "ocr", "key=-"];
        assert_eq!(flags.handover.exec, exec.map(OsString::from));
        assert!(flags.revoke_now && flags.client.is_none());
    }

    #[test]
    fn flags_go_before_or_after_the_command() {
        for line in [
            "ocrctl --json --yes deploy prod",
            "ocrctl deploy prod --json -y",
        ] {
            let cli = parse(line).unwrap();
            assert!(cli.global.json && cli.global.yes);
        }
        assert_eq!(exit_code(&parse("ocrctl --version").unwrap_err()), 0);
        let task = |line| match parse(line).unwrap().command {
            Command::Agent { task } => task,
            other => panic!("{other:?}"),
        };
        assert_eq!(task("ocrctl agent"), None);
        assert_eq!(
            task("ocrctl agent revert sshd"),
            Some(AgentTask::Revert {
                what: Guarded::Sshd
            })
        );
    }
}
