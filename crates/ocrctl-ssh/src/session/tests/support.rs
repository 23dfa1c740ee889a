//! A host, and an agent that plays its part in the protocol.

use std::fs;
use std::path::Path;

use crate::session::agent_file::{AgentFile, Agents};
use crate::session::{Options, Progress, Session, SessionError};
pub(super) use crate::test_support::test_host::TestHost;
use crate::transport;
use ocrctl_inventory::Target;

/// Greets in the controller's version, then answers each request with a note that has the request in it.
pub(super) const AGENT: &str = r#"#!/bin/sh
read -r hello
version=${hello#*'"version":'}
version=${version%%,*}
echo '{"type":"hello","version":'"$version"',"notices":["all was well"]}'
while read -r request; do
  set -- $(printf '%s' "$request" | cksum)
  echo "{\"type\":\"note\",\"level\":\"info\",\"text\":\"$2 bytes\"}"
done
"#;

impl TestHost {
    pub(super) fn target_as(&self, user: &str) -> Target {
        Target {
            user: Some(user.into()),
            ..self.target()
        }
    }

    /// Files in the directory of agents, hidden ones included.
    pub(super) fn files(&self) -> Vec<String> {
        files(&self.base)
    }
}

pub(super) fn files(base: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(base.join("bin")) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A script in place of an executable: a host runs either.
pub(super) fn script(text: &str) -> AgentFile {
    AgentFile::new(
        "agent.sh".into(),
        std::env::consts::ARCH.into(),
        text.to_owned(),
    )
}

/// An agent that gzip makes no smaller, followed by what it does.
pub(super) fn big_script(bytes: usize) -> AgentFile {
    let mut state = 1_u64;
    let noise = (0..bytes).map(|_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        // No newline: the noise is a comment.
        match (state >> 56) as u8 {
            b'\n' | 0 => b'x',
            byte => byte,
        }
    });
    let mut text = AGENT
        .replacen("#!/bin/sh\n", "#!/bin/sh\n# ", 1)
        .into_bytes();
    let at = "#!/bin/sh\n# ".len();
    text.splice(at..at, noise.chain(*b"\n"));
    AgentFile::new("big.sh".into(), std::env::consts::ARCH.into(), text)
}

pub(super) fn options(base: &Path) -> Options {
    Options {
        base: base.to_str().unwrap().into(),
        transport: transport::tests::support::options(),
        ..Options::default()
    }
}

pub(super) async fn open(
    target: &Target,
    base: &Path,
    agent: AgentFile,
) -> Result<Session, SessionError> {
    open_watched(target, base, agent, &mut |_| {}).await
}

pub(super) async fn open_watched(
    target: &Target,
    base: &Path,
    agent: AgentFile,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Session, SessionError> {
    let options = Options {
        agents: Agents::given(vec![agent]).into(),
        ..options(base)
    };
    Session::open(target, "ann@laptop", &options, progress).await
}
