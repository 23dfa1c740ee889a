//! A machine of the rehearsal as the proofs have it: entered as root by a way that does not depend on what is proved, and
//! switched off and on. Containers are entered by `docker exec`, VMs by SSH.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Mutex;

use super::{LIMIT, ProofError, Settings, vagrant, wrong};
use ocrctl_command::{Program, quoted};
use ocrctl_inventory::Target;
use ocrctl_ssh::transport::{self, Channel, Exit, Options, Transport, TransportError};

/// `METHOD PATH`, with the body on its standard input.
pub(super) const DOCKER_API: &str = include_str!("docker-api.pl");
/// A machine that boots takes no connection for so long.
pub(super) const BOOT: Duration = Duration::from_secs(120);

#[derive(Debug, Clone)]
pub(super) struct Machine {
    name: &'static str,
    door: Door,
    power: Power,
}

#[derive(Clone)]
enum Door {
    /// Of the container.
    Exec(String),
    Ssh(Arc<Mutex<Ssh>>),
}

/// One connection, made at the first use and kept: it outlives rules that let no new one in.
struct Ssh {
    target: Target,
    open: Option<Arc<dyn Transport>>,
}

#[derive(Debug, Clone)]
enum Power {
    Docker(String),
    Vagrant(Arc<Settings>),
}

/// An intervention on a machine from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Switch {
    /// Cut the power.
    Cut,
    Off,
    On,
    Reboot,
    /// It answers nothing, and its connections stay.
    Freeze,
    Thaw,
    /// With all that it has on its disks.
    Destroy,
}

/// A script's output and exit status.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) code: i32,
    pub(super) stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// A script that runs; with its standard input open.
pub(super) struct Running {
    pub(super) stdin: Box<dyn AsyncWrite + Send + Unpin>,
    pub(super) stdout: Box<dyn AsyncRead + Send + Unpin>,
    /// Without it the connection would end the program.
    _rest: Option<Rest>,
}

type Rest = (
    Box<dyn AsyncRead + Send + Unpin>,
    BoxFuture<'static, Result<Exit, TransportError>>,
);

impl Machine {
    /// A container. `target`: it is entered by SSH all the same, as a VM is.
    pub(super) fn container(name: &'static str, id: &str, target: Option<Target>) -> Self {
        Self {
            name,
            door: target.map_or_else(|| Door::Exec(id.to_owned()), Door::ssh),
            power: Power::Docker(id.to_owned()),
        }
    }

    /// A VM, under this name of Vagrant's.
    pub(super) fn vm(name: &'static str, target: Target, settings: &Settings) -> Self {
        Self {
            name,
            door: Door::ssh(target),
            power: Power::Vagrant(Arc::new(settings.clone())),
        }
    }

    /// Another machine has come in its place: what holds this one holds that one now.
    pub(super) async fn replaced_by(&self, other: &Self) {
        if let (Door::Ssh(own), Door::Ssh(new)) = (&self.door, &other.door) {
            let target = new.lock().await.target.clone();
            *own.lock().await = Ssh { target, open: None };
        }
    }

    /// Runs a shell script; gives its standard output without the white space around it. A status but 0 is an error.
    pub(super) async fn run(&self, script: &str) -> Result<String, ProofError> {
        let output = self.succeed(script, "").await?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// The same, whatever its end is, with this on its standard input.
    pub(super) async fn output(&self, script: &str, input: &str) -> Result<Output, ProofError> {
        // Not in the arguments, which `sudo` writes into the journal: proofs search that.
        let text = format!("{script}{input}");
        let captured = tokio::time::timeout(LIMIT, self.capture(script.len(), text)).await;
        captured.unwrap_or_else(|_| {
            wrong(format!(
                "{}: no end within {} s: {script}",
                self.name,
                LIMIT.as_secs()
            ))
        })
    }

    /// Starts a script that goes on by itself.
    pub(super) async fn detach(&self, script: &str) -> Result<(), ProofError> {
        let script = format!(
            "setsid sh -c {} </dev/null >/dev/null 2>&1 &",
            quoted(script)
        );
        self.run(&script).await.map(|_| ())
    }

    /// Starts a script, to talk with.
    pub(super) async fn start(&self, script: &str) -> Result<Running, ProofError> {
        let mut running = match &self.door {
            Door::Exec(container) => {
                let running = Self::exec(container, script.len()).start()?;
                Running {
                    stdin: Box::new(running.stdin),
                    stdout: Box::new(running.stdout),
                    _rest: None,
                }
            }
            Door::Ssh(ssh) => {
                let channel = Self::channel(ssh, script.len()).await?;
                Running {
                    stdin: channel.stdin,
                    stdout: channel.stdout,
                    _rest: Some((channel.stderr, channel.exit)),
                }
            }
        };
        let fed = running.stdin.write_all(script.as_bytes()).await;
        fed.and(running.stdin.flush().await)
            .map_err(|error| ProofError::Wrong(format!("{}: {error}", self.name)))?;
        Ok(running)
    }

    /// Asks its Docker engine; an answer that is no success is an error.
    pub(super) async fn docker(
        &self,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<String, ProofError> {
        let ask = format!("perl -e {} {method} {}", quoted(DOCKER_API), quoted(path));
        let output = self.succeed(&ask, body).await?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Returns the data of the machine that its own host shows; a VM shows none.
    pub(super) async fn told_outside(&self) -> Result<Option<String>, ProofError> {
        match &self.power {
            Power::Docker(container) => vagrant::docker(&["inspect", container]).await.map(Some),
            Power::Vagrant(_) => Ok(None),
        }
    }

    pub(super) async fn switch(&self, switch: Switch) -> Result<(), ProofError> {
        match &self.power {
            Power::Docker(container) => {
                let mut words = by_docker(switch).to_vec();
                words.push(container);
                vagrant::docker(&words).await?;
            }
            Power::Vagrant(settings) => {
                let mut words = vec!["vagrant"];
                words.extend(by_vagrant(switch));
                words.push(self.name);
                vagrant::script(settings, &words).await?;
            }
        }
        // Only the frozen one's connection is still good.
        if let Door::Ssh(ssh) = &self.door
            && !matches!(switch, Switch::Freeze | Switch::Thaw)
        {
            ssh.lock().await.open = None;
        }
        Ok(())
    }

    async fn succeed(&self, script: &str, input: &str) -> Result<Output, ProofError> {
        let output = self.output(script, input).await?;
        if output.code == 0 {
            return Ok(output);
        }
        Err(ProofError::Script {
            machine: self.name,
            script: script.lines().next().unwrap_or_default().trim().to_owned(),
            code: output.code,
            stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        })
    }

    /// `text` begins with the script, of this length.
    async fn capture(&self, length: usize, text: String) -> Result<Output, ProofError> {
        match &self.door {
            Door::Exec(container) => {
                let program = Self::exec(container, length).input(text).timeout(LIMIT);
                let output = program.output().await?;
                Ok(Output {
                    code: output.status.code().unwrap_or(-1),
                    stdout: output.stdout,
                    stderr: output.stderr,
                })
            }
            Door::Ssh(ssh) => {
                let Channel {
                    mut stdin,
                    mut stdout,
                    mut stderr,
                    exit,
                } = Self::channel(ssh, length).await?;
                let (mut out, mut err) = (Vec::new(), Vec::new());
                let feed = async {
                    // A script that reads no input has not failed by that.
                    let _ = stdin.write_all(text.as_bytes()).await;
                    let _ = stdin.shutdown().await;
                    drop(stdin);
                };
                let (_, read, also) = tokio::join!(
                    feed,
                    stdout.read_to_end(&mut out),
                    stderr.read_to_end(&mut err)
                );
                read.and(also)
                    .map_err(|error| ProofError::Wrong(format!("{}: {error}", self.name)))?;
                let code = match exit.await? {
                    Exit::Code(code) => code,
                    Exit::Killed => -1,
                };
                Ok(Output {
                    code,
                    stdout: out,
                    stderr: err,
                })
            }
        }
    }

    fn exec(container: &str, length: usize) -> Program {
        Program::new("docker")
            .args(["exec", "-i", container, "sh", "-c"])
            .arg(take(length))
    }

    async fn channel(ssh: &Mutex<Ssh>, length: usize) -> Result<Channel, ProofError> {
        let take = take(length);
        let argv = ["sudo", "-n", "sh", "-c", &take];
        let mut ssh = ssh.lock().await;
        if let Some(open) = &ssh.open
            && let Ok(channel) = open.exec(&argv).await
        {
            return Ok(channel);
        }
        let options = Options {
            ssh_config: Vec::new(),
            alive_interval: Duration::from_secs(5),
            ..Options::default()
        };
        let began = Instant::now();
        let open: Arc<dyn Transport> = loop {
            match transport::connect(&ssh.target, &options).await {
                Ok(open) => break open.into(),
                Err(error) if began.elapsed() > BOOT => return Err(error.into()),
                Err(_) => tokio::time::sleep(Duration::from_millis(500)).await,
            }
        };
        let channel = open.exec(&argv).await?;
        ssh.open = Some(open);
        Ok(channel)
    }
}

impl Door {
    fn ssh(target: Target) -> Self {
        Self::Ssh(Arc::new(Mutex::new(Ssh { target, open: None })))
    }
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exec(container) => f.debug_tuple("Exec").field(container).finish(),
            Self::Ssh(_) => f.debug_tuple("Ssh").finish_non_exhaustive(),
        }
    }
}

/// Runs what the first bytes of standard input say; the rest is for the script.
fn take(length: usize) -> String {
    format!("eval \"$(head -c {length})\"")
}

fn by_docker(switch: Switch) -> &'static [&'static str] {
    match switch {
        Switch::Cut => &["kill"],
        Switch::Off => &["stop"],
        Switch::On => &["start"],
        Switch::Reboot => &["restart"],
        Switch::Freeze => &["pause"],
        Switch::Thaw => &["unpause"],
        Switch::Destroy => &["rm", "--force", "--volumes"],
    }
}

fn by_vagrant(switch: Switch) -> &'static [&'static str] {
    match switch {
        Switch::Cut => &["halt", "--force"],
        Switch::Off => &["halt"],
        Switch::On => &["up", "--no-provision"],
        Switch::Reboot => &["reload", "--no-provision"],
        Switch::Freeze => &["suspend"],
        Switch::Thaw => &["resume", "--no-provision"],
        Switch::Destroy => &["destroy", "--force"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_script_comes_by_standard_input_with_what_it_reads() {
        // The quotes and lines of a script, and a secret that no argument list has.
        let script = "set -e\nread -r first; cat >&2\necho \"got '$first'\" $(tr '\\0' '\\n' </proc/$$/cmdline | grep -c got)";
        let output = Program::new("sh")
            .args(["-c", &take(script.len())])
            .input(format!("{script}one\nrest"))
            .run()
            .await
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "got 'one' 0\n");
        assert_eq!(output.stderr, b"rest");
    }
}
