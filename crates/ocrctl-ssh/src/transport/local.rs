//! This machine as the host: for an administrator's console, and for tests.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{Channel, Exit, Transport, TransportError};
use ocrctl_command::{CommandError, Program, Running};
use ocrctl_inventory::Target;

pub(super) struct Local {
    host: String,
}

impl Local {
    pub(super) fn new(target: &Target) -> Self {
        Self {
            host: target.name.clone(),
        }
    }

    fn start(&self, argv: &[&str]) -> Result<Channel, TransportError> {
        if argv.iter().any(|word| word.contains('\0')) {
            return Err(TransportError::NulInArgument);
        }
        let Some((program, arguments)) = argv.split_first() else {
            return Err(TransportError::Exec {
                host: self.host.clone(),
                reason: "the command is empty".into(),
            });
        };
        let running = match Program::new(*program).args(arguments).start() {
            // A shell at the other end of a connection answers like this.
            Err(CommandError::Missing { program }) => return Ok(not_found(&program)),
            running => running?,
        };
        let Running {
            stdin,
            stdout,
            stderr,
            mut child,
        } = running;
        let exit = async move {
            let status = child.wait().await.map_err(|source| TransportError::Io {
                what: "a local program can't be waited for",
                source,
            })?;
            Ok(status.code().map_or(Exit::Killed, Exit::Code))
        };
        Ok(Channel {
            stdin: Box::new(stdin),
            stdout: Box::new(stdout),
            stderr: Box::new(stderr),
            exit: exit.boxed(),
        })
    }
}

impl Transport for Local {
    fn exec<'a>(&'a self, argv: &'a [&'a str]) -> BoxFuture<'a, Result<Channel, TransportError>> {
        std::future::ready(self.start(argv)).boxed()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        std::future::ready(()).boxed()
    }
}

fn not_found(program: &str) -> Channel {
    let message = format!("{program}: not found\n");
    Channel {
        stdin: Box::new(tokio::io::sink()),
        stdout: Box::new(tokio::io::empty()),
        stderr: Box::new(std::io::Cursor::new(message.into_bytes())),
        exit: std::future::ready(Ok(Exit::Code(127))).boxed(),
    }
}
