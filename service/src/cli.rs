//! Command-line flags, and the environment variables for them.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use ocr_api::keys::Scope;
use ocr_protocol::{EngineChoice, WorkerSettings};
use ocr_server::listener::Address;

use crate::units;

/// OCR over HTTP: documents in, text and structured codes out.
#[derive(Debug, Parser)]
#[command(name = "ocr-service", version, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API until SIGTERM or Ctrl-C.
    Serve(Box<Serve>),
    /// Create API keys.
    #[command(subcommand)]
    Key(Key),
    /// Check rules, which define types of codes of your own.
    #[command(subcommand)]
    Rules(Rules),
    /// Run a worker process; `serve` starts them.
    #[command(hide = true)]
    Worker(Worker),
}

#[derive(Debug, Args)]
pub struct Serve {
    /// Address to listen on: `127.0.0.1:3000`, or `unix:/run/ocr/ocr.sock` (created with mode 0660).
    #[arg(long, env = "OCR_LISTEN", default_value = "127.0.0.1:3000")]
    pub listen: Address,

    /// File of API keys. It is reloaded when it changes.
    #[arg(long, env = "OCR_KEYS", default_value = "/etc/ocr/keys.json")]
    pub keys: PathBuf,

    /// File of rules for codes of your own. It is reloaded when it changes, and may be missing.
    #[arg(long, env = "OCR_RULES", default_value = "/etc/ocr/rules.yaml")]
    pub rules: PathBuf,

    /// File that counts the use of each key. Default: `usage.json` beside a Unix socket; none over TCP.
    #[arg(long, env = "OCR_USAGE")]
    pub usage: Option<PathBuf>,

    /// Number of worker processes. `auto` is one per core.
    #[arg(long, env = "OCR_WORKERS", default_value = "auto")]
    pub workers: Workers,

    /// Largest document, in bytes.
    #[arg(long, env = "OCR_MAX_UPLOAD", default_value = "50MB", value_parser = units::bytes)]
    pub max_upload: u64,

    /// Most pages per request. For longer documents, clients select pages with `pages`.
    #[arg(long, env = "OCR_MAX_PAGES", default_value = "2000")]
    pub max_pages: NonZeroU32,

    /// Most pixels per page, in millions.
    #[arg(long, env = "OCR_MAX_MEGAPIXELS", default_value = "80")]
    pub max_megapixels: NonZeroU32,

    /// Time limit for a page. A page that takes longer is abandoned.
    #[arg(long, env = "OCR_PAGE_TIMEOUT", default_value = "30s", value_parser = units::duration)]
    pub page_timeout: Duration,

    /// Time limit for a request.
    #[arg(long, env = "OCR_DEADLINE", default_value = "120s", value_parser = units::duration)]
    pub deadline: Duration,

    /// Time limit for requests in flight after SIGTERM.
    #[arg(long, env = "OCR_DRAIN", default_value = "60s", value_parser = units::duration)]
    pub drain: Duration,

    /// Most documents in the service at a time, being read or waiting. Further ones get 503.
    #[arg(long, env = "OCR_QUEUE", default_value = "64")]
    pub queue: NonZeroU32,

    /// Most bytes of documents in the service at a time. Further ones get 503.
    #[arg(long, env = "OCR_MEMORY", default_value = "512MB", value_parser = units::bytes)]
    pub memory: u64,

    /// Most connections at a time. For a further one, an idle connection or one without a key is closed.
    #[arg(long, env = "OCR_CONNECTIONS", default_value = "512")]
    pub connections: NonZeroU32,

    /// Least rate at which a client has to read its answer, in bytes per second over ten seconds. Slower connections
    /// are closed.
    #[arg(long, env = "OCR_WRITE_RATE", default_value = "16KB", value_parser = units::bytes)]
    pub write_rate: u64,

    /// Most memory by which a worker may grow before its document's next page. A worker that has grown more is
    /// replaced. Workers that wait for their documents' next pages may hold as much together.
    #[arg(long, env = "OCR_WORKER_MEMORY", default_value = "400MB", value_parser = units::bytes)]
    pub worker_memory: u64,

    /// Serve only if the sandbox of each worker is complete: Landlock (version 1 or later, Linux 5.13), seccomp,
    /// limits, no_new_privs.
    #[arg(long, env = "OCR_REQUIRE_SANDBOX", value_parser = BoolishValueParser::new())]
    pub require_sandbox: bool,

    /// Memory for answers kept for repeated requests; 0 keeps none.
    #[arg(long, env = "OCR_CACHE", default_value = "64MB", value_parser = bytes_or_none)]
    pub cache: u64,

    /// Time for which an answer is kept.
    #[arg(long, env = "OCR_CACHE_AGE", default_value = "600s", value_parser = units::duration)]
    pub cache_age: Duration,

    /// Languages that clients may request, separated by commas. The first is the default.
    #[arg(long, env = "OCR_LANGUAGES", default_value = "eng", value_delimiter = ',', value_parser = language)]
    pub languages: Vec<String>,

    /// Path of `libpdfium.so`. Default: beside the executable, then /usr/lib/ocr.
    #[arg(long, env = "OCR_PDFIUM")]
    pub pdfium: Option<PathBuf>,

    /// Directory of PP-OCR's models and of ONNX Runtime. Default: `pp-ocr` beside the executable, then in /usr/lib/ocr.
    /// Without it, Tesseract reads all pages.
    #[arg(long, env = "OCR_PP_OCR")]
    pub pp_ocr: Option<PathBuf>,

    /// Recognizer of whole pages, unless a request names one. `auto` is PP-OCR, or Tesseract for languages and scripts
    /// that PP-OCR does not read.
    #[arg(long, env = "OCR_ENGINE", default_value = "auto", value_parser = engine)]
    pub engine: EngineChoice,

    /// Most lines per page that are re-read because a code on them seems to be misread.
    #[arg(long = "second-looks", env = "OCR_SECOND_LOOKS", default_value = "16")]
    pub second_pass_lines: u32,

    /// Name of this release in answers and in /healthz.
    #[arg(long, env = "OCR_RELEASE", default_value = env!("CARGO_PKG_VERSION"))]
    pub release: String,

    /// Log filter in tracing's syntax: `info`, `ocr_server=debug`.
    #[arg(long, env = "OCR_LOG", default_value = "info")]
    pub log: String,
}

#[derive(Debug, Subcommand)]
pub enum Rules {
    /// Check a file of rules and run its examples. Fails with every mistake and its place.
    Check(RulesCheck),
}

#[derive(Debug, Args)]
pub struct RulesCheck {
    /// File of rules.
    #[arg(default_value = "/etc/ocr/rules.yaml")]
    pub file: PathBuf,
}

#[derive(Debug, Subcommand)]
pub enum Key {
    /// Create a key, print it once, and add its hash to the key file.
    New(KeyNew),
}

#[derive(Debug, Args)]
pub struct KeyNew {
    /// Name of the key's owner.
    #[arg(long, value_parser = name)]
    pub name: String,

    /// Key file. It is created if it is missing.
    #[arg(long, default_value = "/etc/ocr/keys.json")]
    pub file: PathBuf,

    /// Scopes of the key.
    #[arg(long, value_delimiter = ',', default_value = "ocr,codes")]
    pub scopes: Vec<ScopeName>,

    /// Time at which the key expires, such as 2027-01-31T00:00:00Z.
    #[arg(long)]
    pub expires: Option<jiff::Timestamp>,
}

/// Names of [`Scope`]s on the command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ScopeName {
    Ocr,
    Codes,
    Metrics,
}

impl From<ScopeName> for Scope {
    fn from(name: ScopeName) -> Self {
        match name {
            ScopeName::Ocr => Self::Ocr,
            ScopeName::Codes => Self::Codes,
            ScopeName::Metrics => Self::Metrics,
        }
    }
}

#[derive(Debug, Args)]
pub struct Worker {
    #[arg(long, value_delimiter = ',', value_parser = language)]
    languages: Vec<String>,
    #[arg(long)]
    pdfium: PathBuf,
    #[arg(long)]
    max_pixels: u64,
    #[arg(long)]
    pp_ocr: Option<PathBuf>,
    #[arg(long)]
    second_pass_lines: u32,
}

impl Serve {
    /// The file that counts the use of keys. The socket of a slot has a directory of its own, which stays when releases
    /// change.
    pub fn usage(&self) -> Option<PathBuf> {
        match (&self.usage, &self.listen) {
            (Some(path), _) => Some(path.clone()),
            (None, Address::Unix(socket)) => Some(socket.with_file_name("usage.json")),
            (None, Address::Tcp(_)) => None,
        }
    }
}

impl From<Worker> for WorkerSettings {
    fn from(flags: Worker) -> Self {
        Self {
            languages: flags.languages,
            pdfium: flags.pdfium,
            max_pixels: flags.max_pixels,
            pp_ocr: flags.pp_ocr,
            second_pass_lines: flags.second_pass_lines,
        }
    }
}

/// Number of workers: `auto` or a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workers {
    Auto,
    Exactly(NonZeroU32),
}

impl Workers {
    /// The number of processes. `auto` is the number of cores that this process may use, including the quota of its
    /// cgroup.
    pub fn count(self) -> u32 {
        match self {
            Self::Exactly(count) => count.get(),
            Self::Auto => std::thread::available_parallelism()
                .ok()
                .and_then(|cores| u32::try_from(cores.get()).ok())
                .unwrap_or(1),
        }
    }
}

impl std::str::FromStr for Workers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        text.parse()
            .map(Self::Exactly)
            .map_err(|_| format!("`{text}` is neither `auto` nor a number of processes"))
    }
}

fn engine(text: &str) -> Result<EngineChoice, String> {
    EngineChoice::named(text)
        .ok_or_else(|| format!("`{text}` is none of {}", EngineChoice::NAMES.join(", ")))
}

fn bytes_or_none(text: &str) -> Result<u64, String> {
    if text == "0" {
        return Ok(0);
    }
    units::bytes(text)
}

/// Checks the name of a Tesseract data file. The name becomes part of a path.
fn language(text: &str) -> Result<String, String> {
    let good = !text.is_empty()
        && text.len() <= 32
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    good.then(|| text.to_owned())
        .ok_or_else(|| format!("`{text}` is not a language of Tesseract, such as eng or chi_sim"))
}

fn name(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("the name is empty; give the name of the key's owner".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn flags_are_well_formed_and_defaults_parse() {
        Cli::command().debug_assert();
        let cli = Cli::try_parse_from(["ocr-service", "serve"]).unwrap();
        assert!(matches!(cli.command, Command::Serve(_)));
    }

    #[test]
    fn rejects_paths_as_languages() {
        assert!(language("chi_sim").is_ok());
        for wrong in ["", "../eng", "eng+deu", "a b"] {
            assert!(language(wrong).is_err(), "{wrong}");
        }
    }
}
