//! Back from a change: the old files are put in force step by step, until a login is proven.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use super::Guard;
use crate::host::{Confirmation, Host, Operation};
use crate::resources::logins::{self, Arrival, Logins};
use crate::resources::ufw;
use ocrctl_protocol::Result;

/// The controller has this long to open a new connection after each step.
const CONFIRM: Duration = Duration::from_secs(20);

impl Guard {
    /// Puts the copies back and in force, step by step until a login is proven. Where none is, gives what was reached; the
    /// change stays unconfirmed then.
    pub(super) async fn roll_back(
        self,
        host: &Host,
        operation: &mut Operation,
    ) -> std::result::Result<Proof, String> {
        let name = self.name();
        self.put_back(host).map_err(|failure| {
            format!("the old {name} could not be put back: {}", failure.message)
        })?;
        let logins = self.logins(host).unwrap_or_default();
        let steps: Vec<Step> = match self {
            Self::Firewall => vec![Step::Firewall],
            Self::Sshd => logins.steps().into_iter().map(Step::Sshd).collect(),
        };
        let mut missed = String::new();
        for step in &steps {
            let ran = step.run(host).await;
            match self.proof(host, &logins, operation, ran).await {
                Ok(proof) => {
                    self.forget(host).map_err(|failure| failure.message)?;
                    return Ok(proof);
                }
                Err(what) => missed = what,
            }
        }
        Err(format!(
            "the files of the old {name} are back, but a login with them is not proven: {missed}"
        ))
    }

    /// A login with what is in force now, however the commands have ended that were to bring it about.
    async fn proof(
        self,
        host: &Host,
        logins: &Logins,
        operation: &mut Operation,
        ran: Result<()>,
    ) -> std::result::Result<Proof, String> {
        let why = |what: String| match &ran {
            Ok(()) => what,
            Err(failure) => format!("{what}; {}", failure.message),
        };
        logins.proven().await.map_err(why)?;
        let on_host = match (logins.endpoints.as_slice(), &ran) {
            ([], Err(failure)) => return Err(failure.message.clone()),
            ([], Ok(())) => Proof::Nothing,
            (endpoints, _) => Proof::OnHost(endpoints.to_vec()),
        };
        match operation.confirmation(self.name(), CONFIRM).await {
            // A controller on the host itself confirms without SSH.
            Confirmation::Confirmed if Arrival::of_operator(host).is_some() => {
                Ok(Proof::NewConnection)
            }
            Confirmation::Confirmed | Confirmation::Gone => Ok(on_host),
            Confirmation::Unconfirmed => Err(format!("no new SSH connection came in{on_host}")),
        }
    }
}

/// The proof that logins work after a rollback.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// A new connection of the operator's.
    NewConnection,
    /// SSH handshakes from the host itself, without a controller that could try.
    OnHost(Vec<SocketAddr>),
    /// No login worked before the change, or none can be tried: the firewall does not filter the host's own connections.
    Nothing,
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NewConnection => f.write_str(", and a new SSH connection comes in"),
            Self::OnHost(endpoints) => {
                let endpoints: Vec<String> = endpoints.iter().map(ToString::to_string).collect();
                let endpoints = endpoints.join(" and ");
                write!(f, ", and sshd answers the host itself at {endpoints}")
            }
            Self::Nothing => Ok(()),
        }
    }
}

/// A command that puts the files of a rollback in force.
enum Step {
    Firewall,
    Sshd(logins::Step),
}

impl Step {
    async fn run(&self, host: &Host) -> Result<()> {
        match self {
            Self::Firewall => ufw::load(host).await,
            Self::Sshd(step) => step.run(host).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::sshd::Sshd;
    use ocrctl_protocol::Failure;

    /// Rolls back like the timer, without a controller that can try a connection.
    async fn proof(
        endpoints: &[SocketAddr],
        ran: Result<()>,
    ) -> std::result::Result<Proof, String> {
        let host = Host::real();
        let mut logins = Logins::default();
        logins.endpoints.extend(endpoints);
        Guard::Sshd
            .proof(&host, &logins, &mut Operation::alone(), ran)
            .await
    }

    #[tokio::test]
    async fn a_login_counts_and_not_how_the_commands_ended() {
        let mut sshd = Sshd::start();
        let endpoint = SocketAddr::from(([127, 0, 0, 1], sshd.port));
        let failed = || Err(Failure::new("`systemctl` ended with 1"));
        let proven = Ok(Proof::OnHost(vec![endpoint]));
        assert_eq!(proof(&[endpoint], Ok(())).await, proven);
        assert_eq!(proof(&[endpoint], failed()).await, proven);

        sshd.stop();
        let unproven = proof(&[endpoint], Ok(())).await.unwrap_err();
        assert!(unproven.contains(&format!("sshd does not answer at {endpoint}")));
        let unproven = proof(&[endpoint], failed()).await.unwrap_err();
        assert!(unproven.contains("`systemctl` ended with 1"), "{unproven}");
    }

    #[tokio::test]
    async fn commands_count_where_no_login_worked_before() {
        assert_eq!(proof(&[], Ok(())).await, Ok(Proof::Nothing));
        assert!(proof(&[], Err(Failure::new("refused"))).await.is_err());
    }
}
