//! `ocrctl man --out DIR`: a page for ocrctl and one for each command.

use std::io;
use std::path::Path;

use clap::CommandFactory;

use super::{Failed, Outcome, Result};
use crate::cli::Cli;
use crate::report::Report;
use ocrctl_protocol::{Diagnostic, Level};

pub(super) fn run(report: &Report, out: &Path) -> Result {
    let pages = std::fs::create_dir_all(out)
        .and_then(|()| write(out))
        .map_err(|error| {
            let text = format!("man pages can't be written to {}: {error}", out.display());
            Failed::new(Diagnostic::new(text).hint("name a directory that you may write to"))
        })?;
    let text = format!("{pages} man pages in {}", out.display());
    report.note(None, Level::Info, text);
    Ok(Outcome::Done)
}

/// Writes the pages and returns their number.
fn write(out: &Path) -> io::Result<usize> {
    let mut command = Cli::command();
    command.build();
    let mut pages = 0;
    let mut next = vec![command];
    while let Some(command) = next.pop() {
        next.extend(
            command
                .get_subcommands()
                .filter(|it| !it.is_hide_set())
                .cloned(),
        );
        clap_mangen::Man::new(command).generate_to(out)?;
        pages += 1;
    }
    Ok(pages)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_command_has_a_page_that_shows_its_examples() {
        let dir = tempfile::tempdir().unwrap();
        let pages = super::write(dir.path()).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), pages);
        let deploy = std::fs::read_to_string(dir.path().join("ocrctl-deploy.1")).unwrap();
        assert!(
            deploy.contains("lock") && deploy.contains("from CI"),
            "{deploy}"
        );
        for page in ["ocrctl.1", "ocrctl-keys-add.1"] {
            assert!(dir.path().join(page).exists(), "{page}");
        }
        assert!(!dir.path().join("ocrctl-agent.1").exists());
    }
}
