//! The common part of `ocrctl audit` and `ocrctl doctor`: a check reads a host's state, and returns its findings. That
//! it finds nothing, finds something and could not look are three different answers.

use ocrctl_protocol::Result;
use ocrctl_protocol::check::{Line, Verdict};

/// The result of a check. It is in order without findings and unread parts.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The examined state in one line.
    pub summary: String,
    pub findings: Vec<Finding>,
    /// Parts that could not be looked at, and why.
    pub unread: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    pub found: String,
    pub fix: String,
}

impl Seen {
    pub fn ok(summary: impl Into<String>) -> Self {
        Self {
            summary: summary.into(),
            ..Self::default()
        }
    }

    pub fn finding(found: impl Into<String>, fix: impl Into<String>) -> Self {
        let mut seen = Self::default();
        seen.find(found, fix);
        seen
    }

    pub fn find(&mut self, found: impl Into<String>, fix: impl Into<String>) {
        self.findings.push(Finding {
            found: found.into(),
            fix: fix.into(),
        });
    }
}

/// The lines of a check: one for each finding and each part that could not be read, or a single one that all is in order.
pub fn lines(check: &str, answer: Result<Seen>) -> Vec<Line> {
    let verdicts = verdicts(answer).into_iter();
    verdicts.map(|verdict| Line::new(check, verdict)).collect()
}

fn verdicts(answer: Result<Seen>) -> Vec<Verdict> {
    let seen = match answer {
        Ok(seen) => seen,
        Err(failure) => {
            let why = match failure.hint {
                Some(hint) => format!("{}; {hint}", failure.message),
                None => failure.message,
            };
            return vec![Verdict::CouldNotRun { why }];
        }
    };
    if seen.findings.is_empty() && seen.unread.is_empty() {
        let seen = seen.summary;
        return vec![Verdict::Ok { seen }];
    }
    let findings = seen.findings.into_iter().map(|finding| Verdict::Finding {
        found: finding.found,
        fix: finding.fix.into(),
    });
    let unread = seen
        .unread
        .into_iter()
        .map(|why| Verdict::CouldNotRun { why });
    findings.chain(unread).collect()
}

/// `one thing`, `two things`: with the word's plural where there is not one.
pub fn count(number: usize, one: &str, many: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        0 => format!("no {many}"),
        _ => format!("{number} {many}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocrctl_protocol::Failure;

    #[test]
    fn separates_no_findings_findings_and_unread_parts() {
        let ok = Verdict::Ok { seen: "all".into() };
        assert_eq!(verdicts(Ok(Seen::ok("all"))), [ok]);
        let failed = Failure::new("no answer").hint("start it");
        let why = "no answer; start it".into();
        assert_eq!(verdicts(Err(failed)), [Verdict::CouldNotRun { why }]);
        // Findings count although something could not be read.
        let mut partly = Seen::finding("a", "rm a");
        partly.unread.push("b".into());
        assert_eq!(
            verdicts(Ok(partly)),
            [
                Verdict::Finding {
                    found: "a".into(),
                    fix: "rm a".to_owned().into()
                },
                Verdict::CouldNotRun { why: "b".into() },
            ]
        );
    }
}
