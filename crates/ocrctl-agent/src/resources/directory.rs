//! A directory with its owner and mode.

use crate::host::{Access, Host};
use ocrctl_protocol::{Action, Change, Context, Detail, Failure, Result};

#[derive(Debug)]
pub struct Directory {
    pub path: String,
    pub uid: u32,
    pub group: Group,
    pub mode: u32,
}

#[derive(Debug)]
pub enum Group {
    Id(u32),
    /// Of the host; a package may have yet to bring it.
    Name(&'static str),
}

impl Directory {
    pub fn diff(&self, host: &Host) -> Result<Option<Change>> {
        let access = self.access(host)?;
        let real = host.access(&self.path)?;
        let (action, reason) = match (real, access) {
            (None, _) => (Action::Create, "missing; will be created".to_owned()),
            (Some(real), Some(access)) if real == access => return Ok(None),
            (Some(_), _) => (Action::Update, "owner or mode differ".to_owned()),
        };
        let shown = |access: Option<Access>| access.map(|access| access.to_string());
        Ok(Some(Change {
            resource: format!("directory {}", self.path),
            action,
            reason,
            details: vec![Detail::Field {
                name: "access".into(),
                from: shown(real),
                to: shown(access),
            }],
        }))
    }

    pub fn apply(&self, host: &Host) -> Result<()> {
        let access = self
            .access(host)?
            .ok_or_else(|| Failure::new(format!("{}: its group is not on the host", self.path)))?;
        std::fs::create_dir_all(host.path(&self.path))
            .context(format_args!("making {}", self.path))?;
        host.set_access(&self.path, access)
    }

    /// `None` if the group is yet to come.
    fn access(&self, host: &Host) -> Result<Option<Access>> {
        let gid = match self.group {
            Group::Id(gid) => Some(gid),
            Group::Name(name) => host.group_id(name)?,
        };
        Ok(gid.map(|gid| Access {
            uid: self.uid,
            gid,
            mode: self.mode,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converges_from_nothing_and_from_drift() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        std::fs::create_dir(host.path("/etc")).unwrap();
        let directory = Directory {
            path: "/var/lib/ocr/a".into(),
            uid: 10001,
            group: Group::Name("www-data"),
            mode: 0o2750,
        };
        assert_eq!(
            directory.diff(&host).unwrap().unwrap().action,
            Action::Create
        );
        assert!(directory.apply(&host).is_err(), "the group is missing");

        std::fs::write(host.path("/etc/group"), "root:x:0:\nwww-data:x:33:\n").unwrap();
        directory.apply(&host).unwrap();
        assert_eq!(directory.diff(&host).unwrap(), None);

        host.set_access("/var/lib/ocr/a", Access::root(0o777))
            .unwrap();
        assert_eq!(
            directory.diff(&host).unwrap().unwrap().action,
            Action::Update
        );
        directory.apply(&host).unwrap();
        assert_eq!(directory.diff(&host).unwrap(), None);
    }
}
