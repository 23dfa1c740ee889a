//! A host behind a real sshd, where a shell script plays the agent.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use ocrctl_inventory::{Connection, Target};
use ocrctl_protocol::alerts::Watcher;
use ocrctl_protocol::{Desired, Firewall, Hygiene, ImageRef, Registry, Service, Tls};
use ocrctl_ssh::session::{Agents, Options, Session, SessionError};
use ocrctl_ssh::transport;
use tempfile::TempDir;

use super::sshd::Sshd;

/// A host with a directory that stands for `/opt/ocrctl`.
pub struct TestHost {
    pub sshd: Sshd,
    pub base: PathBuf,
    _dir: TempDir,
}

impl TestHost {
    pub fn start() -> Self {
        Self::with("")
    }

    /// `settings` are for its sshd.
    pub fn with(settings: &str) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("ocrctl-test-host-")
            .tempdir()
            .unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Self {
            sshd: Sshd::with(settings),
            base: dir.path().join("ocrctl"),
            _dir: dir,
        }
    }

    /// As an inventory names it.
    pub fn target(&self) -> Target {
        target(&self.sshd)
    }

    /// `agent` is a script in place of an executable: a host runs either.
    pub async fn open(&self, agent: &str) -> Result<Session, SessionError> {
        let options = Options {
            agents: Agents::of("agent.sh", std::env::consts::ARCH, agent.to_owned()).into(),
            base: self.base.to_str().unwrap().into(),
            transport: options(),
            ..Options::default()
        };
        Session::open(&self.target(), "ann@laptop", &options, &mut |_| {}).await
    }
}

/// The host as an inventory would have it that pins the right key.
pub fn target(sshd: &Sshd) -> Target {
    Target {
        name: "prod1".into(),
        address: "127.0.0.1".into(),
        port: Some(sshd.port),
        user: Some("root".into()),
        host_keys: vec![sshd.host_key()],
        identity_file: Some(sshd.path("user")),
        jump: Vec::new(),
        connection: Connection::Openssh,
        sudo_password: None,
    }
}

/// Short deadlines, and nothing from the configuration of whoever runs the tests.
pub fn options() -> transport::Options {
    transport::Options {
        connect_timeout: Duration::from_secs(5),
        ssh_config: Vec::new(),
        credentials: transport::Credentials::default(),
        ..transport::Options::default()
    }
}

/// What no agent of these tests looks at.
pub fn desired() -> Desired {
    Desired {
        environment: "prod".into(),
        names: Vec::new(),
        tls: Tls::SelfSigned,
        image: ImageRef::parse("registry.example.org/o/n:1").unwrap(),
        archive: None,
        registry: Registry {
            credentials: None,
            ca: None,
        },
        service: Service {
            workers: None,
            languages: Vec::new(),
            engine: Default::default(),
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
        watcher: Watcher {
            repairs_per_hour: 0,
        },
    }
}
