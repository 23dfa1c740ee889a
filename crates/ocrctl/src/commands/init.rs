//! `ocrctl init`: five questions, and an inventory that `plan` takes.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use super::login::{self, usage};
use super::{Failed, Outcome, Result};
use crate::cli::{Global, Init};
use crate::report::Report;
use ocrctl_inventory::{Inventory, Value, draft};
use ocrctl_protocol::{Diagnostic, Invalid, Level};

pub(super) fn run(global: &Global, report: &Report, asked: &Init) -> Result {
    let path = &global.inventory;
    if path.exists() {
        return Err(taken(path));
    }
    let answers = Answers {
        report,
        asks: report.has_terminal() && !global.yes,
    };
    answers.complete(asked)?;
    let environment = given("environment", &asked.environment, draft::environment)?;
    let names = match asked.name.as_slice() {
        [] => answers.ask(
            "DNS name that clients use (several: with spaces)",
            None,
            draft::names,
        )?,
        names => given("name", &names.join(" "), draft::names)?,
    };
    let first = names.first().map_or("", String::as_str);
    let host = match &asked.host {
        Some(host) => given("host", host, draft::host)?,
        None => answers.ask(
            "Server, as user@address",
            Some(&format!("root@{first}")),
            draft::host,
        )?,
    };
    let image = match &asked.image {
        Some(image) => given("image", image, draft::image)?,
        None => {
            let domain = first.split_once('.').map_or(first, |(_, domain)| domain);
            let default = format!(
                "registry.{domain}/ocr-service:{}",
                env!("CARGO_PKG_VERSION")
            );
            answers.ask("Image of the service", Some(&default), draft::image)?
        }
    };
    let certificate = match &asked.certificate {
        Some(text) => given("certificate", text, draft::certificate)?,
        None => answers.ask(
            "Certificate: an e-mail address for Let's Encrypt, `acme` for none, or `self_signed`",
            Some("acme"),
            draft::certificate,
        )?,
    };
    let registry = match login::value(&asked.login(), path)? {
        Some(registry) => Some(registry),
        None => answers.ask(
            "Registry's user and where the password is, such as `ocr-pull env:OCR_REGISTRY_PASSWORD`, or `none`",
            Some("none"),
            |text| registry(text, path),
        )?,
    };
    let draft = draft::Draft {
        environment,
        names,
        host,
        image,
        certificate,
        registry,
    };
    let text = draft.text();
    // Each answer was checked by itself; what they are together is checked as it will be.
    Inventory::parse(&text, path)?;
    create(path, &text)?;
    let note = format!(
        "wrote {}; next: `ocrctl doctor {}`",
        path.display(),
        draft.environment
    );
    report.note(None, Level::Info, note);
    Ok(Outcome::Done)
}

/// Whoever answers.
struct Answers<'a> {
    report: &'a Report,
    asks: bool,
}

impl Answers<'_> {
    /// Without a terminal, the flags give all values that have no default.
    fn complete(&self, asked: &Init) -> Result<()> {
        let missing: Vec<&str> = [
            ("--name", asked.name.is_empty()),
            ("--host", asked.host.is_none()),
            ("--image", asked.image.is_none()),
        ]
        .into_iter()
        .filter_map(|(flag, missing)| missing.then_some(flag))
        .collect();
        if self.asks || missing.is_empty() {
            return Ok(());
        }
        let why = if self.report.has_terminal() {
            "--yes asks nothing"
        } else {
            "there is no terminal to ask on"
        };
        Err(usage(
            format!("{why}, and these are not given: {}", missing.join(", ")),
            "run it on a terminal, or say all of it: `ocrctl init --name ocr.example.org --host root@ocr1.example.org --image registry.example.org/example-org/ocr-service:1.0.0`",
        ))
    }

    /// Asks until the answer is valid. Without a terminal, returns the default.
    fn ask<T>(
        &self,
        question: &str,
        default: Option<&str>,
        parse: impl Fn(&str) -> std::result::Result<T, Invalid>,
    ) -> Result<T> {
        loop {
            let answer = if self.asks {
                self.report.ask(question, default)
            } else {
                default.map(str::to_owned)
            };
            let Some(answer) = answer else {
                return Err(usage(
                    format!("\"{question}\" was not answered; nothing was written"),
                    "run it again; what a flag gives is not asked for (`ocrctl init --help`)",
                ));
            };
            match parse(&answer) {
                Ok(value) => return Ok(value),
                Err(invalid) if self.asks => {
                    let mut text = invalid.message;
                    if let Some(hint) = invalid.hint {
                        let _ = write!(text, ": {hint}");
                    }
                    self.report.note(None, Level::Warning, text);
                }
                Err(invalid) => return Err(Failed::from(invalid)),
            }
        }
    }
}

/// A flag's value.
fn given<T>(
    flag: &str,
    text: &str,
    parse: impl Fn(&str) -> std::result::Result<T, Invalid>,
) -> Result<T> {
    parse(text).map_err(|mut invalid| {
        invalid.message = format!("--{flag}: {}", invalid.message);
        Failed::from(invalid)
    })
}

/// `none`, or a user and a reference to the password.
fn registry(text: &str, inventory: &Path) -> std::result::Result<Option<Value>, Invalid> {
    if text == "none" {
        return Ok(None);
    }
    // A text that is no reference may be the password, so that it is never repeated.
    let invalid = || {
        Invalid::new("this is not a user and a reference to a password")
            .hint("write `USER env:NAME`, `USER file:PATH` or `USER command:WORDS`; the password itself is written nowhere")
    };
    let (username, reference) = text.split_once(' ').ok_or_else(invalid)?;
    let login = crate::cli::Login {
        prefix: "registry",
        username: Some(username),
        password: Some(reference.trim()),
        docker_config: None,
        ca: None,
    };
    login::value(&login, inventory).map_err(|_| invalid())
}

/// Never in the place of another.
fn create(path: &Path, text: &str) -> Result<()> {
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => taken(path),
        _ => Failed::new(
            Diagnostic::new(format!("{} can't be written: {error}", path.display()))
                .hint("name another place with --inventory"),
        ),
    })
}

fn taken(path: &Path) -> Failed {
    usage(
        format!("{} is there already, and stays as it is", path.display()),
        "name another file with --inventory, or add an environment by hand: inventory.example.yaml has every field",
    )
}

impl From<Invalid> for Failed {
    fn from(invalid: Invalid) -> Self {
        let mut diagnostic = Diagnostic::new(invalid.message);
        diagnostic.hint = invalid.hint;
        Self {
            diagnostics: vec![diagnostic],
            code: super::USAGE,
        }
    }
}

#[cfg(test)]
mod tests;
