//! Puts sshd's configuration into force, depending on the process that accepts connections; and tries, step by step, to get the old
//! one into force again. Connections that exist are not touched by any of it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::acceptors::{Acceptor, By, SERVICE};
use crate::host::Host;
use ocrctl_protocol::Result;

const LIMIT: Duration = Duration::from_secs(60);

/// A way to have sshd read its configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::resources) enum Reload {
    /// sshd listens itself, and keeps its sockets when it is reloaded.
    Service { service: String },
    /// systemd hands the socket to sshd at its start only: a reloaded sshd would listen on ports of its own, or end.
    Restart { service: String, socket: String },
    /// An sshd starts for each connection and reads the configuration then.
    EachConnection { socket: String },
}

type Command = Vec<String>;

/// Commands of `systemctl`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::resources) struct Step(Vec<Command>);

impl Step {
    /// Runs them, up to the first that fails.
    pub(in crate::resources) async fn run(&self, host: &Host) -> Result<()> {
        run(host, &self.0).await
    }
}

impl Reload {
    /// Of all who accept connections, each once.
    pub(super) fn of(acceptors: &[Acceptor]) -> Vec<Self> {
        let listens_itself = |name: &str| {
            let by = |it: &Acceptor| matches!(&it.by, By::Service(service) if service == name);
            acceptors.iter().any(by)
        };
        let mut reloads: Vec<Self> = Vec::new();
        for acceptor in acceptors {
            let reload = match acceptor.by.clone() {
                By::Service(service) => Self::Service { service },
                // A reload has already separated this sshd from the socket: what it listens on now is kept.
                By::Socket { service, .. } if listens_itself(&service) => Self::Service { service },
                By::Socket { socket, service } => Self::Restart { service, socket },
                By::EachConnection { socket } => Self::EachConnection { socket },
            };
            if !reloads.contains(&reload) {
                reloads.push(reload);
            }
        }
        reloads
    }

    /// Where no acceptor is known: the distribution's unit, if it runs.
    pub(super) fn unknown() -> Self {
        Self::Service {
            service: SERVICE.to_owned(),
        }
    }

    /// Starts nothing that does not run.
    pub(in crate::resources) async fn run(&self, host: &Host) -> Result<()> {
        run(host, &self.commands()).await
    }

    fn commands(&self) -> Vec<Command> {
        match self {
            Self::Service { service } => vec![command(&["try-reload-or-restart", service])],
            Self::Restart { service, .. } => vec![command(&["try-restart", service])],
            Self::EachConnection { .. } => Vec::new(),
        }
    }

    /// Returns the commands that put the old configuration into force, the gentlest first. A service that a socket
    /// unit starts is never started while that unit is down: it would listen on ports of its own.
    fn steps(&self) -> Vec<Vec<Command>> {
        match self {
            Self::Service { service } => vec![
                vec![
                    command(&["reset-failed", service]),
                    command(&["reload-or-restart", service]),
                ],
                vec![command(&["restart", service])],
            ],
            Self::Restart { service, socket } => vec![
                vec![
                    command(&["reset-failed", socket, service]),
                    // Refused where the service runs and the socket unit does not.
                    command(&["start", socket]),
                    command(&["restart", service]),
                ],
                vec![
                    command(&["stop", service]),
                    command(&["restart", socket]),
                    command(&["reset-failed", service]),
                ],
                vec![command(&["start", socket]), command(&["restart", service])],
            ],
            Self::EachConnection { socket } => vec![
                vec![
                    command(&["reset-failed", socket]),
                    command(&["start", socket]),
                ],
                vec![command(&["restart", socket])],
            ],
        }
    }
}

impl fmt::Display for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service { service } => write!(f, "{service} will be reloaded"),
            Self::Restart { service, socket } => {
                write!(f, "{service} will be restarted, {socket} keeps listening")
            }
            Self::EachConnection { socket } => {
                write!(
                    f,
                    "nothing to reload: {socket} starts an sshd for each connection"
                )
            }
        }
    }
}

/// The steps of all together: those that are tried first, then the next ones, and so on. Without any, nothing is started.
pub(super) fn steps(reloads: &[Reload]) -> Vec<Step> {
    if reloads.is_empty() {
        return vec![Step(Reload::unknown().commands())];
    }
    let each: Vec<_> = reloads.iter().map(Reload::steps).collect();
    let rounds = each.iter().map(Vec::len).max().unwrap_or(0);
    (0..rounds)
        .map(|round| {
            let of_round = each.iter().filter_map(|steps| steps.get(round));
            Step(of_round.flatten().cloned().collect())
        })
        .collect()
}

async fn run(host: &Host, commands: &[Command]) -> Result<()> {
    for command in commands {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let ran = host.run("systemctl", &words, LIMIT).await;
        // A unit that is not loaded has no failure to be forgotten.
        if words[0] != "reset-failed" {
            ran?;
        }
    }
    Ok(())
}

fn command(words: &[&str]) -> Command {
    words.iter().map(|&word| word.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acceptor(port: u16, by: By) -> Acceptor {
        Acceptor {
            address: std::net::Ipv4Addr::UNSPECIFIED.into(),
            port,
            by,
        }
    }

    fn socket() -> By {
        By::Socket {
            socket: "ssh.socket".into(),
            service: "ssh.service".into(),
        }
    }

    fn service() -> By {
        By::Service("ssh.service".into())
    }

    /// Returns the calls of `systemctl`, a line each.
    fn lines(commands: &[Command]) -> Vec<String> {
        commands.iter().map(|words| words.join(" ")).collect()
    }

    fn asked(acceptors: &[Acceptor]) -> Vec<String> {
        let reloads = Reload::of(acceptors);
        reloads
            .iter()
            .flat_map(|it| lines(&it.commands()))
            .collect()
    }

    #[test]
    fn only_an_sshd_that_listens_itself_is_reloaded() {
        let both = [acceptor(22, service()), acceptor(22, service())];
        assert_eq!(asked(&both), ["try-reload-or-restart ssh.service"]);
        assert_eq!(
            asked(&[acceptor(2222, socket())]),
            ["try-restart ssh.service"]
        );
        let each = By::EachConnection {
            socket: "ssh.socket".into(),
        };
        assert_eq!(asked(&[acceptor(2222, each)]), [""; 0]);
    }

    #[test]
    fn an_sshd_that_has_left_its_socket_stays_where_it_listens() {
        let left = [acceptor(2222, socket()), acceptor(22, service())];
        assert_eq!(asked(&left), ["try-reload-or-restart ssh.service"]);
    }

    #[test]
    fn a_service_behind_a_socket_starts_only_after_the_socket() {
        let reloads = Reload::of(&[acceptor(2222, socket())]);
        let steps: Vec<_> = steps(&reloads).iter().map(|step| lines(&step.0)).collect();
        assert_eq!(
            steps,
            [
                vec![
                    "reset-failed ssh.socket ssh.service",
                    "start ssh.socket",
                    "restart ssh.service"
                ],
                vec![
                    "stop ssh.service",
                    "restart ssh.socket",
                    "reset-failed ssh.service"
                ],
                vec!["start ssh.socket", "restart ssh.service"],
            ]
        );
    }

    #[test]
    fn units_beside_each_other_take_their_steps_together() {
        let own = acceptor(22, By::Service("own-sshd.service".into()));
        let steps = steps(&Reload::of(&[own, acceptor(2222, socket())]));
        assert_eq!(steps.len(), 3);
        assert!(lines(&steps[1].0).contains(&"restart own-sshd.service".to_owned()));
        assert!(lines(&steps[1].0).contains(&"restart ssh.socket".to_owned()));
    }
}
