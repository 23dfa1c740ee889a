//! Sessions with a host behind a real sshd, where a shell script plays the agent.

mod bootstrap;
mod conversation;
mod refusals;
mod sudo;
pub(crate) mod support;

use std::time::Duration;

use crate::protocol::alerts::Watcher;
use crate::protocol::{Desired, Firewall, Hygiene, Registry, Service, Tls};

/// What no agent of these tests looks at.
pub(crate) fn desired() -> Desired {
    Desired {
        environment: "prod".into(),
        names: Vec::new(),
        tls: Tls::SelfSigned,
        image: String::new(),
        archive: None,
        registry: Registry {
            credentials: None,
            ca: None,
        },
        service: Service {
            workers: None,
            languages: Vec::new(),
            max_upload: 0,
            max_pages: None,
            page_timeout: Duration::ZERO,
            deadline: Duration::ZERO,
            drain: Duration::ZERO,
            ready_timeout: Duration::ZERO,
            watch: Duration::ZERO,
            memory: 0,
            millicpus: None,
            pids: 0,
            require_sandbox: true,
            runtime: None,
        },
        rules: None,
        firewall: Firewall {
            allow: Vec::new(),
            close_published: false,
            limit_ssh: false,
        },
        packages: Default::default(),
        hygiene: Hygiene {
            security_upgrades: false,
            sshd: false,
        },
        alerts: Default::default(),
        watcher: Watcher { mends_per_hour: 0 },
    }
}
