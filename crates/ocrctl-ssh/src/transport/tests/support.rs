//! Targets for the tests, and connecting to them.

use std::fs;

use crate::test_support::sshd::Sshd;
use crate::transport::{Channel, Exit, Options, Transport, TransportError, connect};
use ocrctl_inventory::{Connection, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(crate) use crate::test_support::test_host::{options, target};

pub(crate) fn target_by(connection: Connection, sshd: &Sshd) -> Target {
    Target {
        connection,
        ..target(sshd)
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
        jump: Vec::new(),
        connection: Connection::Local,
        sudo_password: None,
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

/// All that a program wrote, and how it ended.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) exit: Exit,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl Channel {
    /// Write `input`, close standard input, and collect all that comes out.
    pub(crate) async fn output(self, input: &[u8]) -> Result<Output, TransportError> {
        let Self {
            mut stdin,
            mut stdout,
            mut stderr,
            exit,
        } = self;
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let feed = async {
            // A program that ends before it has read everything says why by its exit.
            if stdin.write_all(input).await.is_ok() {
                let _ = stdin.shutdown().await;
            }
            drop(stdin);
        };
        // A broken stream shows in `exit` too, and there with its reason.
        let _ = tokio::join!(
            feed,
            stdout.read_to_end(&mut out),
            stderr.read_to_end(&mut err)
        );
        Ok(Output {
            exit: exit.await?,
            stdout: out,
            stderr: err,
        })
    }
}
