//! A file with its content, owner and mode.

use similar::TextDiff;

use crate::host::{Access, Host};
use ocrctl_protocol::{Action, Change, Detail, Result};

#[derive(Debug)]
pub struct File {
    pub path: String,
    pub content: Content,
    pub access: Access,
}

#[derive(Debug)]
pub enum Content {
    /// Exactly this.
    Exact(String),
    /// This, where there is no file yet; what stands there is left alone.
    Initial(String),
    /// None: it was ours, and `why` it goes.
    Absent { why: &'static str },
}

impl File {
    pub fn diff(&self, host: &Host) -> Result<Option<Change>> {
        let real = host.read_text(&self.path)?;
        let wanted = match (&self.content, &real) {
            (Content::Initial(_), Some(real)) => real,
            (Content::Exact(text) | Content::Initial(text), _) => text,
            (Content::Absent { .. }, None) => return Ok(None),
            (Content::Absent { why }, Some(_)) => {
                return Ok(Some(Change {
                    resource: format!("file {}", self.path),
                    action: Action::Delete,
                    reason: (*why).to_owned(),
                    details: Vec::new(),
                }));
            }
        };
        let mut details = Vec::new();
        let mut reasons = Vec::new();
        if real.as_ref() != Some(wanted) {
            reasons.push("content differs");
            details.push(text_diff(real.as_deref().unwrap_or(""), wanted));
        }
        let access = host.access(&self.path)?;
        if access.is_some_and(|access| access != self.access) {
            reasons.push("owner or mode differ");
            details.push(Detail::Field {
                name: "access".into(),
                from: access.map(|a| a.to_string()),
                to: Some(self.access.to_string()),
            });
        }
        if reasons.is_empty() {
            return Ok(None);
        }
        let (action, reason) = match real {
            None => (Action::Create, "missing; will be created".to_owned()),
            Some(_) => (Action::Update, reasons.join(", ")),
        };
        Ok(Some(Change {
            resource: format!("file {}", self.path),
            action,
            reason,
            details,
        }))
    }

    pub fn apply(&self, host: &Host) -> Result<()> {
        match (&self.content, host.read(&self.path)?) {
            (Content::Initial(_), Some(_)) => host.set_access(&self.path, self.access),
            (Content::Exact(text) | Content::Initial(text), _) => {
                host.write(&self.path, text.as_bytes(), self.access)
            }
            (Content::Absent { .. }, _) => host.remove(&self.path),
        }
    }
}

/// A unified diff, for the plan.
pub fn text_diff(from: &str, to: &str) -> Detail {
    let diff = TextDiff::from_lines(from, to);
    Detail::Diff {
        text: diff.unified_diff().context_radius(2).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: Content) -> File {
        File {
            path: "/etc/ocr/x".into(),
            content,
            access: Access::root(0o640),
        }
    }

    #[test]
    fn converges_from_nothing_and_from_drift() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let file = file(Content::Exact("one\ntwo\n".into()));
        assert_eq!(file.diff(&host).unwrap().unwrap().action, Action::Create);
        file.apply(&host).unwrap();
        assert_eq!(file.diff(&host).unwrap(), None);

        std::fs::write(host.path("/etc/ocr/x"), "one\n2\n").unwrap();
        let change = file.diff(&host).unwrap().unwrap();
        assert_eq!(change.action, Action::Update);
        assert!(matches!(&change.details[0], Detail::Diff { text } if text.contains("-2\n+two")));
        file.apply(&host).unwrap();

        host.set_access("/etc/ocr/x", Access::root(0o666)).unwrap();
        assert_eq!(
            file.diff(&host).unwrap().unwrap().reason,
            "owner or mode differ"
        );
        file.apply(&host).unwrap();
        assert_eq!(file.diff(&host).unwrap(), None);
    }

    #[test]
    fn removes_a_file_that_is_switched_off() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let off = || file(Content::Absent { why: "it is off" });
        assert_eq!(off().diff(&host).unwrap(), None);
        file(Content::Exact("x".into())).apply(&host).unwrap();
        let change = off().diff(&host).unwrap().unwrap();
        assert_eq!(
            (change.action, change.reason.as_str()),
            (Action::Delete, "it is off")
        );
        off().apply(&host).unwrap();
        assert_eq!(off().diff(&host).unwrap(), None);
    }

    #[test]
    fn an_initial_content_is_never_written_over() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let file = file(Content::Initial("{}".into()));
        file.apply(&host).unwrap();
        std::fs::write(host.path("/etc/ocr/x"), "keys").unwrap();
        host.set_access("/etc/ocr/x", Access::root(0o666)).unwrap();
        file.apply(&host).unwrap();
        assert_eq!(host.read("/etc/ocr/x").unwrap().unwrap(), b"keys");
        assert_eq!(file.diff(&host).unwrap(), None);
    }
}
