//! Targets for the tests, and connecting to them.

use std::fs;
use std::time::Duration;

use crate::inventory::{Connection, Target};
use crate::test_support::sshd::Sshd;
use crate::transport::{Options, Output, Transport, connect};

/// The host as an inventory would have it that pins the right key.
pub(crate) fn target(sshd: &Sshd) -> Target {
    Target {
        name: "prod1".into(),
        address: "127.0.0.1".into(),
        port: Some(sshd.port),
        user: Some("root".into()),
        host_keys: vec![sshd.host_key()],
        identity_file: Some(sshd.path("user")),
        connection: Connection::Openssh,
    }
}

pub(crate) fn this_machine() -> Target {
    Target {
        name: "here".into(),
        address: "localhost".into(),
        port: None,
        user: None,
        host_keys: Vec::new(),
        identity_file: None,
        connection: Connection::Local,
    }
}

/// Short deadlines, and nothing from the configuration of whoever runs the tests.
pub(crate) fn options() -> Options {
    Options {
        connect_timeout: Duration::from_secs(5),
        ssh_config: Vec::new(),
    }
}

/// Options under which `text` is the operator's ssh configuration.
pub(crate) fn options_with(sshd: &Sshd, text: &str) -> Options {
    let path = sshd.path("operator_config");
    fs::write(&path, text).unwrap();
    Options {
        ssh_config: vec![path.to_str().unwrap().into()],
        ..options()
    }
}

pub(crate) async fn connected(target: &Target) -> Box<dyn Transport> {
    connect(target, &options()).await.unwrap()
}

pub(crate) async fn run(transport: &dyn Transport, argv: &[&str], input: &[u8]) -> Output {
    let channel = transport.exec(argv).await.unwrap();
    channel.output(input).await.unwrap()
}
