//! A file for root alone: its change is reported, never its content.

use crate::host::{Access, Host};
use ocrctl_protocol::{Action, Change, Detail, Result, Secret};

const ACCESS: Access = Access::root(0o600);

#[derive(Debug)]
pub struct SecretFile {
    pub path: &'static str,
    /// `None` if the file must not exist.
    pub content: Option<Secret>,
}

impl SecretFile {
    pub fn diff(&self, host: &Host) -> Result<Option<Change>> {
        let real = host.read(self.path)?;
        let access = host.access(self.path)?;
        let same = match (&self.content, &real) {
            (Some(wanted), Some(real)) => wanted.expose().as_bytes() == real,
            (wanted, real) => wanted.is_none() && real.is_none(),
        };
        let mut details = Vec::new();
        if !same {
            let word = |there: bool, word: &str| there.then(|| word.to_owned());
            details.push(Detail::Field {
                name: "content".into(),
                from: word(real.is_some(), "(secret)"),
                to: word(
                    self.content.is_some(),
                    if real.is_some() {
                        "(secret changed)"
                    } else {
                        "(secret)"
                    },
                ),
            });
        } else if let Some(access) = access.filter(|access| real.is_some() && *access != ACCESS) {
            details.push(Detail::Field {
                name: "access".into(),
                from: Some(access.to_string()),
                to: Some(ACCESS.to_string()),
            });
        }
        if details.is_empty() {
            return Ok(None);
        }
        let (action, reason) = match (&real, &self.content) {
            (None, _) => (Action::Create, "missing; will be created"),
            (_, None) => (Action::Delete, "the inventory has no use for it"),
            _ if same => (Action::Update, "owner or mode differ"),
            _ => (Action::Update, "content differs"),
        };
        Ok(Some(Change {
            resource: format!("file {}", self.path),
            action,
            reason: reason.to_owned(),
            details,
        }))
    }

    pub fn apply(&self, host: &Host) -> Result<()> {
        match &self.content {
            Some(content) => host.write(self.path, content.expose().as_bytes(), ACCESS),
            None => host.remove(self.path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: Option<&str>) -> SecretFile {
        SecretFile {
            path: "/etc/ocrctl/alerts.json",
            content: content.map(|text| Secret(text.to_owned().into())),
        }
    }

    #[test]
    fn it_converges_and_is_never_shown() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        assert_eq!(file(None).diff(&host).unwrap(), None);
        let mut seen = Vec::new();
        for (content, action) in [
            (Some("hunter2"), Action::Create),
            (Some("hunter3"), Action::Update),
            (None, Action::Delete),
        ] {
            let file = file(content);
            let change = file.diff(&host).unwrap().unwrap();
            assert_eq!(change.action, action);
            seen.push(format!("{change:?} {file:?}"));
            file.apply(&host).unwrap();
            assert_eq!(file.diff(&host).unwrap(), None);
        }
        assert!(seen[1].contains("(secret changed)"));
        assert!(!seen.concat().contains("hunter"), "{seen:?}");
    }

    #[test]
    fn others_may_not_read_it() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let file = file(Some("hunter2"));
        file.apply(&host).unwrap();
        host.set_access(file.path, Access::root(0o644)).unwrap();
        let change = file.diff(&host).unwrap().unwrap();
        assert_eq!(change.reason, "owner or mode differ");
        file.apply(&host).unwrap();
        assert_eq!(file.diff(&host).unwrap(), None);
    }
}
