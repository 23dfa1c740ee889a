//! A symbolic link.

use crate::host::Host;
use ocrctl_protocol::{Action, Change, Detail, Result};

#[derive(Debug)]
pub struct Link {
    pub path: String,
    pub target: String,
}

impl Link {
    pub fn diff(&self, host: &Host) -> Result<Option<Change>> {
        let real = host.link_target(&self.path)?;
        if real.as_ref() == Some(&self.target) {
            return Ok(None);
        }
        let (action, reason) = match &real {
            None => (Action::Create, "missing; will be created"),
            Some(_) => (Action::Update, "it points elsewhere"),
        };
        Ok(Some(Change {
            resource: format!("link {}", self.path),
            action,
            reason: reason.into(),
            details: vec![Detail::Field {
                name: "target".into(),
                from: real,
                to: Some(self.target.clone()),
            }],
        }))
    }

    pub fn apply(&self, host: &Host) -> Result<()> {
        host.link(&self.path, &self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converges_from_nothing_and_from_elsewhere() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let link = |target: &str| Link {
            path: "/ocrctl".into(),
            target: target.into(),
        };
        assert_eq!(
            link("/a").diff(&host).unwrap().unwrap().action,
            Action::Create
        );
        link("/a").apply(&host).unwrap();
        assert_eq!(link("/a").diff(&host).unwrap(), None);
        let moved = link("/b").diff(&host).unwrap().unwrap();
        assert_eq!(moved.action, Action::Update);
        link("/b").apply(&host).unwrap();
        assert_eq!(link("/b").diff(&host).unwrap(), None);
    }
}
