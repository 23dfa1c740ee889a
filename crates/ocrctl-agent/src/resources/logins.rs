//! The way in by SSH: who accepts the connections and where, whether logins get through, and what has sshd read its
//! configuration.

pub(crate) mod acceptors;
mod handshake;
mod login;
mod reload;
mod ssh_port;

pub(super) use reload::{Reload, Step};
pub use ssh_port::{Arrival, ssh_port};

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::host::Host;
use ocrctl_protocol::Result;

/// Returns the ways to have sshd read its configuration, depending on the units that accept connections now.
pub(super) async fn reloads(host: &Host) -> Result<Vec<Reload>> {
    let operators = Arrival::of_operator(host).map(|it| it.port);
    let reloads = Reload::of(&acceptors::read(host, operators).await?);
    Ok(match reloads.is_empty() {
        true => vec![Reload::unknown()],
        false => reloads,
    })
}

/// The state of logins before a change, which its rollback must reach again.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Logins {
    /// Where a login got through.
    pub(super) endpoints: Vec<SocketAddr>,
    reloads: Vec<Reload>,
}

impl Logins {
    pub(super) async fn read(host: &Host) -> Result<Self> {
        let arrival = Arrival::of_operator(host);
        let acceptors = acceptors::read(host, arrival.map(|it| it.port)).await?;
        let endpoints = login::endpoints(&acceptors, arrival.and_then(Arrival::endpoint));
        Ok(Self {
            endpoints: login::working(endpoints).await,
            reloads: Reload::of(&acceptors),
        })
    }

    /// Proves that they work again; gives what failed otherwise.
    pub(super) async fn proven(&self) -> std::result::Result<(), String> {
        login::proven(&self.endpoints).await
    }

    /// Returns the commands that put the present files into force, in the order to try them.
    pub(super) fn steps(&self) -> Vec<Step> {
        reload::steps(&self.reloads)
    }
}
