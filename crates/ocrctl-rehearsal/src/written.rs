//! The report of a rehearsal: each proof with its time, as Markdown for people and as JSON.

use std::fmt::Write;
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;

use super::{Outcome, Provider, Verdict};

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

    fn markdown(&self) -> String {
        let count = |is: fn(&&Line) -> bool| self.proofs.iter().filter(is).count();
        let (failed, left_out) = (
            count(|line| !line.ok && !line.left_out),
            count(|line| line.left_out),
        );
        let total: f64 = self.proofs.iter().map(|line| line.seconds).sum();
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
}
