//! `ocrctl doctor` on the host: would a deploy work here? Each check is a file: it reads what the host is and has, and a
//! pure function judges that. None changes anything, and none takes longer than [`LIMIT`].

mod apt;
mod architecture;
mod clock;
mod disk;
mod dns;
mod docker;
mod image;
mod kernel;
mod memory;
mod os;
pub mod packages;
mod registry;
mod servers;
mod ssh_socket;
mod time_sync;

use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use jiff::Timestamp;

use crate::checks::{Seen, lines};
use crate::host::Host;
use crate::resources::firewall::Openings;
use crate::resources::logins::ssh_port;
use ocrctl_protocol::doctor::{Examined, PORTS, Port, Scope};
use ocrctl_protocol::{Failure, Result};

/// The time limit of one check; longer than the timeout of the connections it makes.
const LIMIT: Duration = Duration::from_secs(20);

struct Check {
    name: &'static str,
    run: for<'a> fn(&'a Host, &'a Asked<'a>) -> BoxFuture<'a, Result<Seen>>,
}

/// The controller's request, and the time it came.
struct Asked<'a> {
    scope: &'a Scope,
    at: Timestamp,
}

macro_rules! checks {
    ($($name:literal $check:ident),* $(,)?) => {
        &[$(Check { name: $name, run: |host, asked| Box::pin($check::check(host, asked)) }),*]
    };
}

/// In the order of the report.
const CHECKS: &[Check] = checks![
    "system" os,
    "architecture" architecture,
    "kernel" kernel,
    "memory" memory,
    "disk" disk,
    "clock" clock,
    "time sync" time_sync,
    "apt" apt,
    "packages" packages,
    "docker" docker,
    "servers" servers,
    "ssh socket" ssh_socket,
    "dns" dns,
    "registry" registry,
    "image" image,
];

/// All checks, at the same time where they wait.
pub async fn examine(host: &Host, scope: &Scope) -> Result<Examined> {
    let asked = &Asked {
        scope,
        at: Timestamp::now(),
    };
    let run = async |check: &Check| {
        let answer = tokio::time::timeout(LIMIT, (check.run)(host, asked)).await;
        let answer =
            answer.unwrap_or_else(|_| Err(Failure::new(format!("no end within {LIMIT:?}"))));
        lines(check.name, answer)
    };
    let lines = join_all(CHECKS.iter().map(run)).await;
    let openings = Openings::read(host).ok();
    let ports = PORTS.map(|number| Port {
        number,
        listener: servers::listener(host, number).ok().flatten(),
        let_in: openings.as_ref().map(|it| it.lets_in(number, "tcp")),
    });
    Ok(Examined {
        lines: lines.into_iter().flatten().collect(),
        ssh_port: ssh_port(host).await?,
        ports: ports.into(),
    })
}
