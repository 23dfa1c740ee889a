//! UFW: incoming traffic denied, but for exactly the rules of the inventory, HTTP, HTTPS and the port
//! that SSH came in by. A change is commit-confirmed: a timer puts the old rules back unless the
//! controller reaches the host over a new connection first.
//!
//! Rules are read from UFW's own files (`ufw status` is slow) and changed by `ufw`.

mod openings;
mod published;
mod rule;

use std::time::Duration;

use super::guard::Guard;
use super::ufw::{self, load, setting};
use crate::host::{Host, Operation, systemd};
use ocrctl_protocol::status::Firewall as Status;
use ocrctl_protocol::{Action, AllowRule, Change, Detail, Result, refused};
pub use openings::Openings;
pub use published::leaks;
use rule::Rule;

const LIMIT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Firewall {
    pub ssh_port: u16,
    pub wanted: ocrctl_protocol::Firewall,
}

/// The state in UFW's files.
#[derive(Debug, Default, PartialEq, Eq)]
struct State {
    enabled: bool,
    incoming: String,
    ipv6: bool,
    rules: Vec<Rule>,
    /// The part of each of [`ufw::OWN`] that is ours.
    published: [Option<String>; 2],
}

impl Firewall {
    pub fn diff(&self, host: &Host) -> Result<Option<Change>> {
        let state = State::read(host)?;
        let (add, delete) = self.compare(&state);
        let mut details: Vec<Detail> = Vec::new();
        for (name, from, to) in [
            ("enabled", state.enabled.to_string(), "true"),
            ("default incoming", state.incoming.clone(), "DROP"),
        ] {
            if from != to {
                details.push(Detail::Field {
                    name: name.into(),
                    from: Some(from),
                    to: Some(to.into()),
                });
            }
        }
        details.extend(add.iter().map(|rule| Detail::Added {
            text: rule.to_string(),
        }));
        details.extend(delete.iter().map(|rule| Detail::Removed {
            text: rule.to_string(),
        }));
        details.extend(published::differences(
            &state.published,
            &self.published(&state),
        ));
        let pending = Guard::Firewall.pending(host)?;
        if details.is_empty() && !pending {
            return Ok(None);
        }
        if pending {
            details.push(Guard::unconfirmed());
        }
        Ok(Some(Change {
            resource: "firewall".into(),
            action: if state.enabled {
                Action::Update
            } else {
                Action::Create
            },
            reason: if pending {
                "an earlier change was never confirmed".into()
            } else if state.enabled {
                "its rules differ from the inventory's".into()
            } else {
                "it is not enabled".into()
            },
            details,
        }))
    }

    pub async fn apply(&self, host: &Host, operation: &mut Operation) -> Result<()> {
        let state = State::read(host)?;
        let (add, delete) = self.compare(&state);
        let change = self.change(host, &state, &add, &delete);
        Guard::Firewall.over(host, operation, change).await
    }

    /// Allow rules come before anything that closes a port.
    async fn change(
        &self,
        host: &Host,
        state: &State,
        add: &[Rule],
        delete: &[Rule],
    ) -> Result<()> {
        let ufw = async |arguments: &[String]| {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            host.run("ufw", &arguments, LIMIT).await
        };
        for rule in add {
            ufw(&rule.arguments()).await?;
        }
        if state.incoming != "DROP" {
            ufw(&["default".into(), "deny".into(), "incoming".into()]).await?;
        }
        for rule in delete {
            let mut arguments = vec!["--force".into(), "delete".into()];
            arguments.extend(rule.arguments());
            ufw(&arguments).await?;
        }
        let wanted = self.published(state);
        if state.published != wanted {
            ufw::write(host, &wanted)?;
            load(host).await?;
        }
        if !state.enabled || !systemd::is_active(host, "ufw").await {
            ufw(&["--force".into(), "enable".into()]).await?;
        }
        let after = State::read(host)?;
        if !self
            .wanted(&after)
            .iter()
            .all(|rule| after.rules.contains(rule))
        {
            return Err(refused("ufw did not take all allow rules".into()));
        }
        Ok(())
    }

    fn wanted(&self, state: &State) -> Vec<Rule> {
        let fixed = [self.ssh_port, 80, 443].map(|port| AllowRule {
            port,
            protocol: ocrctl_protocol::Protocol::Tcp,
            from: None,
        });
        let mut rules: Vec<Rule> = Vec::new();
        for allow in fixed.iter().chain(&self.wanted.allow) {
            for mut rule in Rule::of(allow, state.ipv6) {
                if self.wanted.limit_ssh && *allow == fixed[0] {
                    rule = rule.limited();
                }
                if !rules.contains(&rule) {
                    rules.push(rule);
                }
            }
        }
        rules
    }

    fn published(&self, state: &State) -> [Option<String>; 2] {
        published::blocks(&self.wanted, state.ipv6)
    }

    fn compare(&self, state: &State) -> (Vec<Rule>, Vec<Rule>) {
        let wanted = self.wanted(state);
        let missing = wanted.iter().filter(|rule| !state.rules.contains(rule));
        let surplus = state.rules.iter().filter(|rule| !wanted.contains(rule));
        (missing.cloned().collect(), surplus.cloned().collect())
    }
}

/// Returns the firewall's state for `status`.
pub fn status(host: &Host) -> Result<Status> {
    let unconfirmed = Guard::Firewall.pending(host)?;
    Ok(match Openings::read(host)? {
        _ if unconfirmed => Status::Unconfirmed,
        openings if openings.closed => Status::Closed,
        _ => Status::Open,
    })
}

impl State {
    fn read(host: &Host) -> Result<Self> {
        let conf = host.read_text("/etc/ufw/ufw.conf")?.unwrap_or_default();
        let defaults = host.read_text("/etc/default/ufw")?.unwrap_or_default();
        let ipv6 = setting(&defaults, "IPV6").is_none_or(|v| v.eq_ignore_ascii_case("yes"));
        let mut rules = rule::parse(&host.read_text("/etc/ufw/user.rules")?.unwrap_or_default());
        if ipv6 {
            rules.extend(rule::parse(
                &host.read_text("/etc/ufw/user6.rules")?.unwrap_or_default(),
            ));
        }
        Ok(Self {
            enabled: setting(&conf, "ENABLED").is_some_and(|v| v.eq_ignore_ascii_case("yes")),
            incoming: setting(&defaults, "DEFAULT_INPUT_POLICY").unwrap_or_default(),
            ipv6,
            rules,
            published: ufw::read(host)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocrctl_protocol::Protocol;

    fn firewall() -> Firewall {
        Firewall {
            ssh_port: 2222,
            wanted: ocrctl_protocol::Firewall {
                allow: vec![AllowRule {
                    port: 9100,
                    protocol: Protocol::Tcp,
                    from: Some("10.0.0.0/8".into()),
                }],
                close_published: false,
                limit_ssh: false,
            },
        }
    }

    fn host(user: &str, user6: &str) -> (tempfile::TempDir, Host) {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        for (path, text) in [
            ("/etc/ufw/ufw.conf", "# c\nENABLED=yes\nLOGLEVEL=low\n"),
            (
                "/etc/default/ufw",
                "IPV6=yes\nDEFAULT_INPUT_POLICY=\"DROP\"\n",
            ),
            ("/etc/ufw/user.rules", user),
            ("/etc/ufw/user6.rules", user6),
        ] {
            host.write(path, text.as_bytes(), crate::host::Access::root(0o640))
                .unwrap();
        }
        (root, host)
    }

    const V4: &str = "### tuple ### allow tcp 2222 0.0.0.0/0 any 0.0.0.0/0 in\n\
         ### tuple ### allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 in\n\
         ### tuple ### allow tcp 443 0.0.0.0/0 any 0.0.0.0/0 in\n\
         ### tuple ### allow tcp 9100 0.0.0.0/0 any 10.0.0.0/8 in\n";
    const V6: &str = "### tuple ### allow tcp 2222 ::/0 any ::/0 in\n\
         ### tuple ### allow tcp 80 ::/0 any ::/0 in\n\
         ### tuple ### allow tcp 443 ::/0 any ::/0 in\n";

    #[test]
    fn a_host_that_is_right_has_no_change() {
        let (_root, host) = host(V4, V6);
        assert_eq!(firewall().diff(&host).unwrap(), None);
        assert_eq!(status(&host).unwrap(), Status::Closed);
    }

    #[test]
    fn a_rule_too_few_and_one_too_many_are_named() {
        let more = format!(
            "{}### tuple ### allow tcp 8080 0.0.0.0/0 any 0.0.0.0/0 in\n",
            &V4[56..]
        );
        let (_root, host) = host(&more, V6);
        let change = firewall().diff(&host).unwrap().unwrap();
        assert_eq!(
            change.details,
            [
                Detail::Added {
                    text: "allow 2222/tcp from 0.0.0.0/0".into()
                },
                Detail::Removed {
                    text: "allow 8080/tcp from 0.0.0.0/0".into()
                },
            ]
        );
    }

    #[test]
    fn ssh_is_limited_where_that_is_wanted() {
        let (_root, host) = host(V4, V6);
        let mut firewall = firewall();
        firewall.wanted.limit_ssh = true;
        let added: Vec<Detail> = firewall.diff(&host).unwrap().unwrap().details;
        let text = |text: &str| text.to_owned();
        assert_eq!(
            added,
            [
                Detail::Added {
                    text: text("limit 2222/tcp from 0.0.0.0/0")
                },
                Detail::Added {
                    text: text("limit 2222/tcp from ::/0")
                },
                Detail::Removed {
                    text: text("allow 2222/tcp from 0.0.0.0/0")
                },
                Detail::Removed {
                    text: text("allow 2222/tcp from ::/0")
                },
            ]
        );
    }

    #[test]
    fn ports_of_containers_are_closed_and_opened_again() {
        let (_root, host) = host(V4, V6);
        let mut firewall = firewall();
        firewall.wanted.close_published = true;
        let change = firewall.diff(&host).unwrap().unwrap();
        let drop = "-A DOCKER-USER -o docker0 -m comment --comment ocrctl -j DROP";
        assert!(change.details.contains(&Detail::Added {
            text: format!("IPv4 {drop}")
        }));
        let wanted = firewall.published(&State::read(&host).unwrap());
        ufw::write(&host, &wanted).unwrap();
        assert_eq!(firewall.diff(&host).unwrap(), None);

        firewall.wanted.close_published = false;
        let change = firewall.diff(&host).unwrap().unwrap();
        assert!(change.details.contains(&Detail::Removed {
            text: format!("IPv6 {drop}")
        }));
        ufw::write(&host, &[None, None]).unwrap();
        assert_eq!(firewall.diff(&host).unwrap(), None);
    }

    #[test]
    fn rules_that_were_never_confirmed_are_a_change() {
        let (_root, host) = host(V4, V6);
        host.make_dir("/var/lib/ocrctl/firewall-revert", 0o700)
            .unwrap();
        let change = firewall().diff(&host).unwrap().unwrap();
        assert_eq!(change.reason, "an earlier change was never confirmed");
        assert_eq!(status(&host).unwrap(), Status::Unconfirmed);
    }

    #[test]
    fn a_bare_host_is_enabled_with_all_rules() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        assert_eq!(status(&host).unwrap(), Status::Open);
        let change = firewall().diff(&host).unwrap().unwrap();
        assert_eq!(change.action, Action::Create);
        let added = change
            .details
            .iter()
            .filter(|d| matches!(d, Detail::Added { .. }));
        assert_eq!(added.count(), 7);
    }
}
