//! What a rehearsal leaves: each proof with its time, as Markdown for people and as JSON.

use std::fmt::Write;
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;

use super::Outcome;

#[derive(Debug, Serialize)]
pub struct Proofs {
    release: String,
    version: &'static str,
    began: Timestamp,
    proofs: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    name: &'static str,
    ok: bool,
    seconds: f64,
    /// What was seen, or what was wrong.
    seen: String,
}

impl Proofs {
    /// Of a host of this release; none yet.
    pub fn of(release: &str) -> Self {
        Self {
            release: release.to_owned(),
            version: env!("CARGO_PKG_VERSION"),
            began: Timestamp::now(),
            proofs: Vec::new(),
        }
    }

    pub fn add(&mut self, outcome: &Outcome) {
        self.proofs.push(Line {
            name: outcome.name,
            ok: outcome.seen.is_ok(),
            seconds: outcome.took.as_secs_f64(),
            seen: match &outcome.seen {
                Ok(seen) => seen.clone(),
                Err(error) => error.to_string(),
            },
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
        let failed = self.proofs.iter().filter(|line| !line.ok).count();
        let total: f64 = self.proofs.iter().map(|line| line.seconds).sum();
        let mut text = format!(
            "# Rehearsal on {}\n\nocrctl {}, {}: {} proofs, {failed} failed, {total:.0} s.\n\n\
             | | seconds | proof | seen |\n|---|---:|---|---|\n",
            self.release,
            self.version,
            self.began.strftime("%Y-%m-%d %H:%M UTC"),
            self.proofs.len()
        );
        for line in &self.proofs {
            let mark = if line.ok { "ok" } else { "**failed**" };
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
    use crate::rehearsal::ProofError;

    #[test]
    fn each_proof_is_a_line_of_both() {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path().join("trixie");
        let mut proofs = Proofs::of("trixie");
        let outcome = |name, seen| Outcome {
            name,
            took: Duration::from_millis(1250),
            seen,
        };
        proofs.add(&outcome("one", Ok("a | b".to_owned())));
        let error = ProofError::Wrong("two\nlines".into());
        proofs.add(&outcome("other", Err(error)));
        proofs.write(&state).unwrap();
        let text = std::fs::read_to_string(state.with_extension("md")).unwrap();
        assert!(text.contains("2 proofs, 1 failed"), "{text}");
        assert!(
            text.contains(
                "| ok | 1.2 | one | a \\| b |\n| **failed** | 1.2 | other | two lines |\n"
            )
        );
        let json = std::fs::read(state.with_extension("json")).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["proofs"][1]["ok"], false);
    }
}
