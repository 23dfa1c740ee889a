//! `ocr-service rules check`.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ocr_codes::rules::{MAX_BYTES, RuleFile};

use crate::cli::RulesCheck;

/// Reason for which a file of rules is rejected.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("{}", lines(.path, .problems))]
    Problems {
        path: PathBuf,
        problems: Vec<String>,
    },
    #[error("can't print: {0}")]
    Print(io::Error),
}

fn lines(path: &Path, problems: &[String]) -> String {
    let lines: Vec<String> = problems
        .iter()
        .map(|problem| format!("{}: {problem}", path.display()))
        .collect();
    lines.join("\n       ")
}

/// Prints the result of each example, or fails with all problems of the file.
pub(super) fn check(flags: &RulesCheck) -> Result<(), RulesError> {
    let path = &flags.file;
    let io_error = |source| RulesError::Io {
        path: path.clone(),
        source,
    };
    let length = fs::metadata(path).map_err(io_error)?.len();
    if length > MAX_BYTES {
        return Err(io_error(io::Error::other(format!(
            "larger than {MAX_BYTES} bytes"
        ))));
    }
    let bytes = fs::read(path).map_err(io_error)?;
    let file = RuleFile::parse(&bytes).map_err(|problems| RulesError::Problems {
        path: path.clone(),
        problems: problems.iter().map(ToString::to_string).collect(),
    })?;
    let mut out = io::stdout();
    for (rule, text, values) in &file.examples {
        let gave = match values.as_slice() {
            [] => "nothing".to_owned(),
            values => values.join(", "),
        };
        writeln!(out, "{rule}: {text:?} gives {gave}").map_err(RulesError::Print)?;
    }
    let count = file.rules.len();
    writeln!(out, "{}: {count} rules, valid", path.display()).map_err(RulesError::Print)
}
