//! Flags, and the environment variables that stand for them.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use ocr_api::keys::Scope;

use crate::listener::Address;
use crate::protocol::WorkerSettings;
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
    /// Make API keys.
    #[command(subcommand)]
    Key(Key),
    /// Look after rules: types of codes of your own.
    #[command(subcommand)]
    Rules(Rules),
    /// A worker process; `serve` starts them.
    #[command(hide = true)]
    Worker(Worker),
}

#[derive(Debug, Args)]
pub struct Serve {
    /// Where to listen: `127.0.0.1:3000`, or `unix:/run/ocr/ocr.sock` (made with mode 0660).
    #[arg(long, env = "OCR_LISTEN", default_value = "127.0.0.1:3000")]
    pub listen: Address,

    /// The API keys, reloaded when the file changes.
    #[arg(long, env = "OCR_KEYS", default_value = "/etc/ocr/keys.json")]
    pub keys: PathBuf,

    /// Rules for codes of your own, reloaded when the file changes; there need not be one.
    #[arg(long, env = "OCR_RULES", default_value = "/etc/ocr/rules.yaml")]
    pub rules: PathBuf,

    /// Where to count how often each key is used; `usage.json` beside a Unix socket, and nowhere otherwise.
    #[arg(long, env = "OCR_USAGE")]
    pub usage: Option<PathBuf>,

    /// Worker processes; `auto` is one for each core.
    #[arg(long, env = "OCR_WORKERS", default_value = "auto")]
    pub workers: Workers,

    /// Largest document.
    #[arg(long, env = "OCR_MAX_UPLOAD", default_value = "50MB", value_parser = units::bytes)]
    pub max_upload: u64,

    /// Pages that a request may ask for; of longer documents, some have to be asked for by `pages`.
    #[arg(long, env = "OCR_MAX_PAGES", default_value = "2000")]
    pub max_pages: NonZeroU32,

    /// Pixels that a page may have, in millions.
    #[arg(long, env = "OCR_MAX_MEGAPIXELS", default_value = "80")]
    pub max_megapixels: NonZeroU32,

    /// A page that takes longer is given up.
    #[arg(long, env = "OCR_PAGE_TIMEOUT", default_value = "30s", value_parser = units::duration)]
    pub page_timeout: Duration,

    /// A request is answered within this.
    #[arg(long, env = "OCR_DEADLINE", default_value = "120s", value_parser = units::duration)]
    pub deadline: Duration,

    /// After SIGTERM, how long requests in flight may take.
    #[arg(long, env = "OCR_DRAIN", default_value = "60s", value_parser = units::duration)]
    pub drain: Duration,

    /// Documents in the service at a time, being read or waiting; more get 503.
    #[arg(long, env = "OCR_QUEUE", default_value = "64")]
    pub queue: NonZeroU32,

    /// Bytes of documents in the service at a time; more get 503.
    #[arg(long, env = "OCR_MEMORY", default_value = "512MB", value_parser = units::bytes)]
    pub memory: u64,

    /// Connections at a time; for one more, an idle one or one without a key is closed.
    #[arg(long, env = "OCR_CONNECTIONS", default_value = "512")]
    pub connections: NonZeroU32,

    /// Bytes a second that a client has to take of its answer, over ten seconds; one that takes less is cut off.
    #[arg(long, env = "OCR_WRITE_RATE", default_value = "16KB", value_parser = units::bytes)]
    pub write_rate: u64,

    /// A worker that has grown by more than this after a page is replaced before its document's next one; those that wait for their
    /// documents' next pages may have as much together.
    #[arg(long, env = "OCR_WORKER_MEMORY", default_value = "400MB", value_parser = units::bytes)]
    pub worker_memory: u64,

    /// Serve only if each worker's sandbox is whole: Landlock (version 1 at least, Linux 5.13), seccomp, limits, no_new_privs.
    #[arg(long, env = "OCR_REQUIRE_SANDBOX", value_parser = BoolishValueParser::new())]
    pub require_sandbox: bool,

    /// Memory for answers that are kept in case that they are asked for again; 0 keeps none.
    #[arg(long, env = "OCR_CACHE", default_value = "64MB", value_parser = bytes_or_none)]
    pub cache: u64,

    /// How long an answer is kept.
    #[arg(long, env = "OCR_CACHE_AGE", default_value = "600s", value_parser = units::duration)]
    pub cache_age: Duration,

    /// Languages that may be asked for, separated by commas; the first is the default.
    #[arg(long, env = "OCR_LANGUAGES", default_value = "eng", value_delimiter = ',', value_parser = language)]
    pub languages: Vec<String>,

    /// `libpdfium.so`; looked for beside the executable and in /usr/lib/ocr when not given.
    #[arg(long, env = "OCR_PDFIUM")]
    pub pdfium: Option<PathBuf>,

    /// The second recognizer's model, PP-OCR's in ONNX; looked for beside the executable and in /usr/lib/ocr when not
    /// given. Without it, Tesseract alone takes the second look.
    #[arg(long, env = "OCR_LINE_MODEL")]
    pub line_model: Option<PathBuf>,

    /// Lines of a page that are read a second time, because a code there seems to be misread, at most.
    #[arg(long, env = "OCR_SECOND_LOOKS", default_value = "16")]
    pub second_looks: u32,

    /// Names this release in answers and in /healthz.
    #[arg(long, env = "OCR_RELEASE", default_value = env!("CARGO_PKG_VERSION"))]
    pub release: String,

    /// What to log, as tracing's filters have it: `info`, `ocr_service=debug`.
    #[arg(long, env = "OCR_LOG", default_value = "info")]
    pub log: String,
}

#[derive(Debug, Subcommand)]
pub enum Rules {
    /// Check a file and try its examples; fails with every mistake and its place.
    Check(RulesCheck),
}

#[derive(Debug, Args)]
pub struct RulesCheck {
    /// The rules.
    #[arg(default_value = "/etc/ocr/rules.yaml")]
    pub file: PathBuf,
}

#[derive(Debug, Subcommand)]
pub enum Key {
    /// Make a key, print it once, and add its hash to the file.
    New(KeyNew),
}

#[derive(Debug, Args)]
pub struct KeyNew {
    /// Whose key it is.
    #[arg(long, value_parser = name)]
    pub name: String,

    /// The key file; made when it is not there.
    #[arg(long, default_value = "/etc/ocr/keys.json")]
    pub file: PathBuf,

    /// What the key may be used for.
    #[arg(long, value_delimiter = ',', default_value = "ocr,codes")]
    pub scopes: Vec<ScopeName>,

    /// When the key ends, such as 2027-01-31T00:00:00Z.
    #[arg(long)]
    pub expires: Option<jiff::Timestamp>,
}

/// The names of [`Scope`]s.
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
    line_model: Option<PathBuf>,
    #[arg(long)]
    second_looks: u32,
}

impl Serve {
    /// The file that counts the use of keys. A release's socket has a directory of its own, which stays.
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
            line_model: flags.line_model,
            second_looks: flags.second_looks,
        }
    }
}

/// `auto` or a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workers {
    Auto,
    Exactly(NonZeroU32),
}

impl Workers {
    /// The number of processes: for `auto`, the cores that this process may use (its cgroup's quota counts).
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

fn bytes_or_none(text: &str) -> Result<u64, String> {
    if text == "0" {
        return Ok(0);
    }
    units::bytes(text)
}

/// A name of Tesseract's data files; it becomes part of a path.
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
        return Err("a key needs a name, so that people know whose it is".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_flags_are_well_formed_and_the_defaults_parse() {
        Cli::command().debug_assert();
        let cli = Cli::try_parse_from(["ocr-service", "serve"]).unwrap();
        assert!(matches!(cli.command, Command::Serve(_)));
    }

    #[test]
    fn a_language_is_no_path() {
        assert!(language("chi_sim").is_ok());
        for wrong in ["", "../eng", "eng+deu", "a b"] {
            assert!(language(wrong).is_err(), "{wrong}");
        }
    }
}
