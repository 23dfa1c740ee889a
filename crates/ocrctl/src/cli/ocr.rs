//! Arguments of `ocrctl ocr`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

pub(super) const EXAMPLES: &str = "\
Examples:
  ocrctl ocr letter.pdf --env prod --key-file scanner.key
  ocrctl ocr scans/*.tif --format codes --codes iban,vin
  ocrctl ocr book.pdf --pages 1-20 --lang deu+eng --format json | jq .pages[].confidence
  ocrctl ocr - --url https://ocr.example.org --ca ca.pem < letter.pdf > letter.txt";

#[derive(Debug, Args)]
pub struct Ocr {
    /// Documents: PDF, PNG, JPEG, TIFF, WebP, GIF, BMP, JPEG 2000, HEIC, AVIF; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Environment of the inventory whose service reads them; may be left out where there is one
    #[arg(long, value_name = "ENV")]
    pub env: Option<String>,

    /// The service's address, where there is no inventory
    #[arg(long, value_name = "URL", conflicts_with = "env")]
    pub url: Option<String>,

    /// The file with the API key; without one, it is asked for on a terminal
    #[arg(
        long,
        value_name = "FILE",
        env = "OCRCTL_KEY_FILE",
        hide_env_values = true
    )]
    pub key_file: Option<PathBuf>,

    /// Verify the service against this authority (PEM), where it is not public; `ocrctl cert ca` prints it
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,

    /// Where the service answers, if not at its name's address
    #[arg(long, value_name = "ADDRESS[:PORT]")]
    pub at: Option<String>,

    /// Parts to print of each document
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,

    #[command(flatten)]
    pub reading: Reading,
}

/// Parameters of the service for reading documents.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Reading")]
pub struct Reading {
    /// Languages, joined by `+`; by default the service's first
    #[arg(long, value_name = "LANG")]
    pub lang: Option<String>,

    /// Pages, such as `1-3,7` or `5-`; by default all
    #[arg(long, value_name = "PAGES")]
    pub pages: Option<String>,

    /// Where a PDF's text is taken from; by default its text layer where that is sound, else its pixels
    #[arg(long, value_enum)]
    pub mode: Option<Mode>,

    /// Types of codes and names of rules to look for, such as `iban,vin`; or `none`
    #[arg(long, value_name = "TYPES")]
    pub codes: Option<String>,

    /// Fail a document of which a page was not read to its end, and print nothing of it
    #[arg(long)]
    pub strict: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// The text, form feeds between pages
    Text,
    /// The service's answer, one line a document
    Json,
    /// A table of the codes that were found
    Codes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// The text layer where it is sound, else the pixels
    Auto,
    /// The text layer, whatever it is like
    Text,
    /// The pixels
    Ocr,
}

impl Reading {
    /// Returns the parameters of the service's query.
    pub fn query(&self) -> Vec<(&'static str, &str)> {
        let mode = self.mode.map(|mode| match mode {
            Mode::Auto => "auto",
            Mode::Text => "text",
            Mode::Ocr => "ocr",
        });
        let given = [
            ("lang", self.lang.as_deref()),
            ("pages", self.pages.as_deref()),
            ("mode", mode),
            ("codes", self.codes.as_deref()),
            ("strict", self.strict.then_some("1")),
        ];
        let given = given.into_iter();
        given
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }
}
