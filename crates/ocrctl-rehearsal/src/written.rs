//! The report of a rehearsal: each proof with its time, as Markdown for people and as JSON.

use std::fmt::Write;
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;

use super::{Outcome, Provider, Verdict};

/// Lines of a failed proof that the summary shows, and characters of each.
const SUMMARY_LINES: usize = 5;
const SUMMARY_WIDTH: usize = 300;

#[derive(Debug, Serialize)]
pub struct Proofs {
    release: String,
    provider: &'static str,
    version: &'static str,
    began: Timestamp,
    proofs: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    name: &'static str,
    ok: bool,
    /// Not tried, so neither ok nor failed.
    left_out: bool,
    seconds: f64,
    /// The observation, the failure, or the reason for skipping.
    seen: String,
}

impl Proofs {
    /// Of a host of this release; none yet.
    pub fn of(release: &str, provider: Provider) -> Self {
        Self {
            release: release.to_owned(),
            provider: provider.name(),
            version: env!("CARGO_PKG_VERSION"),
            began: Timestamp::now(),
            proofs: Vec::new(),
        }
    }

    pub fn add(&mut self, outcome: &Outcome) {
        self.proofs.push(Line {
            name: outcome.name,
            ok: matches!(outcome.verdict, Verdict::Held(_)),
            left_out: matches!(outcome.verdict, Verdict::LeftOut(_)),
            seconds: outcome.took.as_secs_f64(),
            seen: outcome.verdict.to_string(),
        });
    }

    /// Writes `STATE.md` and `STATE.json`, which stay when the machines and their state go.
    pub fn write(&self, state: &Path) -> std::io::Result<()> {
        if let Some(directory) = state.parent() {
            std::fs::create_dir_all(directory)?;
        }
        std::fs::write(state.with_extension("md"), self.markdown())?;
        let json = serde_json::to_vec_pretty(self).map_err(std::io::Error::other)?;
        std::fs::write(state.with_extension("json"), json)
    }

    /// Counts, then each failed proof with the first lines of why. It ends a rehearsal's output, of which a log may keep no more.
    pub fn summary(&self) -> String {
        let mut text = format!(
            "rehearsal on {}: {} proofs, {} failed, {} left out, {:.0} s",
            self.release,
            self.proofs.len(),
            self.failed().count(),
            self.left_out(),
            self.seconds()
        );
        for line in self.failed() {
            let _ = write!(text, "\nfailed: {}", line.name);
            for why in why(&line.seen).take(SUMMARY_LINES) {
                let cut: String = why.chars().take(SUMMARY_WIDTH).collect();
                let _ = write!(text, "\n    {cut}");
            }
        }
        text
    }

    fn failed(&self) -> impl Iterator<Item = &Line> {
        self.proofs.iter().filter(|line| !line.ok && !line.left_out)
    }

    fn left_out(&self) -> usize {
        self.proofs.iter().filter(|line| line.left_out).count()
    }

    fn seconds(&self) -> f64 {
        self.proofs.iter().map(|line| line.seconds).sum()
    }

    fn markdown(&self) -> String {
        let (failed, left_out, total) = (self.failed().count(), self.left_out(), self.seconds());
        let mut text = format!(
            "# Rehearsal on {}, {}\n\nocrctl {}, {}: {} proofs, {failed} failed, {left_out} left out, {total:.0} s.\n\n\
             | | seconds | proof | seen |\n|---|---:|---|---|\n",
            self.release,
            self.provider,
            self.version,
            self.began.strftime("%Y-%m-%d %H:%M UTC"),
            self.proofs.len()
        );
        for line in &self.proofs {
            let mark = match line {
                Line { ok: true, .. } => "ok",
                Line { left_out: true, .. } => "left out",
                _ => "**failed**",
            };
            let seen = line.seen.replace('|', "\\|").replace('\n', " ");
            let _ = writeln!(
                text,
                "| {mark} | {:.1} | {} | {seen} |",
                line.seconds, line.name
            );
        }
        text
    }
}

/// The lines that say what went wrong: of a command's output, its first line and those from its error on.
fn why(seen: &str) -> impl Iterator<Item = &str> {
    let error = seen.lines().position(|line| line.starts_with("error: "));
    seen.lines()
        .enumerate()
        .filter(move |(index, _)| *index == 0 || *index >= error.unwrap_or(0))
        .map(|(_, line)| line)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ProofError;

    #[test]
    fn each_proof_is_a_line_of_both() {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path().join("trixie");
        let mut proofs = Proofs::of("trixie", Provider::Libvirt);
        let outcome = |name, verdict| Outcome {
            name,
            took: Duration::from_millis(1250),
            verdict,
        };
        proofs.add(&outcome("one", Verdict::Held("a | b".to_owned())));
        let error = ProofError::Wrong("two\nlines".into());
        proofs.add(&outcome("other", Verdict::Failed(error)));
        proofs.add(&outcome("third", Verdict::LeftOut("no".to_owned())));
        proofs.write(&state).unwrap();
        let text = std::fs::read_to_string(state.with_extension("md")).unwrap();
        assert!(text.contains("3 proofs, 1 failed, 1 left out"), "{text}");
        assert!(
            text.contains(
                "| ok | 1.2 | one | a \\| b |\n| **failed** | 1.2 | other | two lines |\n| left out | 1.2 | third | no |\n"
            )
        );
        let json = std::fs::read(state.with_extension("json")).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["proofs"][1]["ok"], false);
        assert_eq!(json["proofs"][2]["left_out"], true);
    }

    #[test]
    fn summary_ends_with_the_first_lines_of_each_failure() {
        let mut proofs = Proofs::of("bookworm", Provider::Docker);
        let mut add = |name, verdict| {
            let took = Duration::from_secs(2);
            proofs.add(&Outcome {
                name,
                took,
                verdict,
            });
        };
        add("one", Verdict::Held("seen".into()));
        add("other", Verdict::LeftOut("no".into()));
        let why = format!(
            "`ocrctl deploy` ended with 1, not 0:\nprod1: [1/1] release\nerror: {}\n3\n4\n5\n6",
            "x".repeat(400)
        );
        add("third", Verdict::Failed(ProofError::Wrong(why)));
        let expected = format!(
            "rehearsal on bookworm: 3 proofs, 1 failed, 1 left out, 6 s\n\
             failed: third\n    `ocrctl deploy` ended with 1, not 0:\n    error: {}\n    3\n    4\n    5",
            "x".repeat(293)
        );
        assert_eq!(proofs.summary(), expected);
    }
}
