//! UFW: incoming traffic denied, but for exactly the rules of the inventory, HTTP, HTTPS and the port
//! that SSH came in by. A change is commit-confirmed: a timer puts the old rules back unless the
//! controller reaches the host over a new connection first.
//!
//! Rules are read from UFW's own files (`ufw status` is slow) and changed by `ufw`.

mod openings;
mod revert;
mod rule;
mod ssh_port;

use std::time::Duration;

use super::{Host, unit};
use crate::agent::{Operation, Result, refused};
use crate::protocol::status::Firewall as Status;
use crate::protocol::{Action, AllowRule, Change, Detail, Event, Failure};
pub use openings::Openings;
pub use revert::revert;
use rule::Rule;
pub use ssh_port::ssh_port;

const LIMIT: Duration = Duration::from_secs(60);
/// The controller has this long to open a new connection.
const CONFIRM: Duration = Duration::from_secs(45);

#[derive(Debug)]
pub struct Firewall {
    pub ssh_port: u16,
    /// Beside SSH, 80 and 443.
    pub allow: Vec<AllowRule>,
}

/// What UFW's files say.
#[derive(Debug, Default, PartialEq, Eq)]
struct State {
    enabled: bool,
    incoming: String,
    ipv6: bool,
    rules: Vec<Rule>,
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
        let pending = revert::pending(host)?;
        if details.is_empty() && !pending {
            return Ok(None);
        }
        if pending {
            details.push(Detail::Field {
                name: "confirmed".into(),
                from: Some("false".into()),
                to: Some("true".into()),
            });
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
        revert::arm(host, CONFIRM + Duration::from_secs(30)).await?;
        let changed = self.change(host, &state, &add, &delete).await;
        if let Err(failure) = changed {
            revert::revert(host).await?;
            revert::disarm(host).await?;
            return Err(failure);
        }
        operation.events.send(Event::ConfirmReachable {
            seconds: CONFIRM.as_secs(),
        });
        if operation.confirmed(CONFIRM).await {
            return revert::disarm(host).await;
        }
        revert::revert(host).await?;
        revert::disarm(host).await?;
        Err(Failure::new(
            "no new SSH connection came through the changed firewall; the old rules are back",
        )
        .hint("check that the port you connect to reaches the host's sshd, then deploy again"))
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
        if !state.enabled || !unit::is_active(host, "ufw").await {
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
            protocol: crate::protocol::Protocol::Tcp,
            from: None,
        });
        let mut rules: Vec<Rule> = Vec::new();
        for allow in fixed.iter().chain(&self.allow) {
            for rule in Rule::of(allow, state.ipv6) {
                if !rules.contains(&rule) {
                    rules.push(rule);
                }
            }
        }
        rules
    }

    fn compare(&self, state: &State) -> (Vec<Rule>, Vec<Rule>) {
        let wanted = self.wanted(state);
        let missing = wanted.iter().filter(|rule| !state.rules.contains(rule));
        let surplus = state.rules.iter().filter(|rule| !wanted.contains(rule));
        (missing.cloned().collect(), surplus.cloned().collect())
    }
}

/// What it does, for `status`.
pub fn status(host: &Host) -> Result<Status> {
    let unconfirmed = revert::pending(host)?;
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
        })
    }
}

/// The value of `NAME=value` or `NAME="value"`.
fn setting(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let value = line.trim().strip_prefix(name)?.strip_prefix('=')?;
        Some(value.trim_matches('"').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Protocol;

    fn firewall() -> Firewall {
        Firewall {
            ssh_port: 2222,
            allow: vec![AllowRule {
                port: 9100,
                protocol: Protocol::Tcp,
                from: Some("10.0.0.0/8".into()),
            }],
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
            host.write(
                path,
                text.as_bytes(),
                super::super::host::Access::root(0o640),
            )
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
