//! Accounts and groups, from /etc/passwd and /etc/group.

use crate::host::Host;
use ocrctl_protocol::{Failure, Result};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: u32,
    gid: u32,
    pub(super) home: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    name: String,
    gid: u32,
    members: Vec<String>,
}

#[derive(Debug, Default)]
pub(super) struct Accounts {
    pub(super) all: Vec<Account>,
    groups: Vec<Group>,
}

impl Accounts {
    pub(super) fn read(host: &Host) -> Result<Self> {
        let passwd = host
            .read_text("/etc/passwd")?
            .ok_or_else(|| Failure::new("the host has no /etc/passwd"))?;
        let group = host.read_text("/etc/group")?.unwrap_or_default();
        Ok(Self::parse(&passwd, &group))
    }

    pub(super) fn parse(passwd: &str, group: &str) -> Self {
        let account = |line: &str| {
            let fields: Vec<&str> = line.split(':').collect();
            let &[name, _, uid, gid, _, home, ..] = fields.as_slice() else {
                return None;
            };
            Some(Account {
                name: name.to_owned(),
                uid: uid.parse().ok()?,
                gid: gid.parse().ok()?,
                home: home.trim_end_matches('/').to_owned(),
            })
        };
        let group_ = |line: &str| {
            let fields: Vec<&str> = line.split(':').collect();
            let &[name, _, gid, members, ..] = fields.as_slice() else {
                return None;
            };
            let members = members.split(',').filter(|member| !member.is_empty());
            Some(Group {
                name: name.to_owned(),
                gid: gid.parse().ok()?,
                members: members.map(str::to_owned).collect(),
            })
        };
        Self {
            all: passwd.lines().filter_map(account).collect(),
            groups: group.lines().filter_map(group_).collect(),
        }
    }

    /// Names of the accounts in a group, by /etc/group and as their own group.
    pub(super) fn members(&self, group: &str) -> Vec<String> {
        let Some(group) = self.groups.iter().find(|own| own.name == group) else {
            return Vec::new();
        };
        let mut members = group.members.clone();
        for account in self.all.iter().filter(|account| account.gid == group.gid) {
            if !members.contains(&account.name) {
                members.push(account.name.clone());
            }
        }
        members
    }

    /// Home directories, each once, of those who have one.
    pub(super) fn homes(&self) -> Vec<&str> {
        let mut homes: Vec<&str> = Vec::new();
        for account in &self.all {
            let home = account.home.as_str();
            if !home.is_empty() && home != "/nonexistent" && !homes.contains(&home) {
                homes.push(home);
            }
        }
        homes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_those_listed_and_those_whose_own_group_it_is() {
        let accounts = Accounts::parse(
            "root:x:0:0:root:/root:/bin/bash\nann:x:1000:27::/home/ann/:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\n\
             nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\nbroken\n",
            "root:x:0:\nsudo:x:27:bob\n",
        );
        assert_eq!(accounts.members("sudo"), ["bob", "ann"]);
        assert_eq!(accounts.members("docker"), [""; 0]);
        assert_eq!(accounts.homes(), ["/root", "/home/ann", "/home/bob"]);
    }
}
