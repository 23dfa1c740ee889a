//! `/etc/ocr/rules.yaml`: codes of the organization's own. The service notices a new file by itself and says what is
//! wrong with it; then the one before comes back.

use std::time::{Duration, Instant};

use super::Result;
use super::file::{Content, File};
use super::release::{CONTAINER_ID, RULES, Release};
use crate::host::{Access, Host};
use ocrctl_protocol::{Change, Failure};

const ACCESS: Access = Access {
    uid: 0,
    gid: CONTAINER_ID,
    mode: 0o640,
};
/// The service looks at the file four times a second.
const NOTICED: Duration = Duration::from_secs(1);
const EVERY: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub struct Rules {
    pub text: String,
}

impl Rules {
    fn file(&self) -> File {
        File {
            path: RULES.into(),
            content: Content::Exact(self.text.clone()),
            access: ACCESS,
        }
    }

    pub fn diff(&self, host: &Host) -> Result<Option<Change>> {
        self.file().diff(host)
    }

    pub async fn apply(&self, host: &Host) -> Result<()> {
        let before = host.read(RULES)?;
        self.file().apply(host)?;
        let Some(error) = refused(host).await else {
            return Ok(());
        };
        match before {
            Some(bytes) => host.write(RULES, &bytes, ACCESS)?,
            None => host.remove(RULES)?,
        }
        Err(
            Failure::new(format!("the service does not take these rules: {error}")).hint(
                "the rules before are in force; `ocr-service rules check FILE` finds every mistake before a deploy",
            ),
        )
    }
}

/// Returns the live release's complaint about the file, after giving it time to read it.
async fn refused(host: &Host) -> Option<String> {
    let began = Instant::now();
    while began.elapsed() < NOTICED {
        tokio::time::sleep(EVERY).await;
        if let Some(error) = Release::readiness(host)
            .await
            .and_then(|said| said.rules.error)
        {
            return Some(error);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixListener;

    use super::*;
    use crate::resources::release::{LIVE, SLOTS};

    /// A release in slot a that says this of its rules.
    fn serving(host: &Host, error: Option<&str>) {
        host.make_dir(&SLOTS[0].directory(), 0o755).unwrap();
        host.link(LIVE, "a").unwrap();
        let body = serde_json::json!({
            "ready": true, "release": "r1", "workers": {"total": 1, "ready": 1, "error": null},
            "keys": {"loaded": 0, "error": null}, "rules": {"loaded": 0, "error": error},
            "engine": {"tesseract": null, "languages": [], "pdf": true}
        })
        .to_string();
        let listener = UnixListener::bind(host.path(&SLOTS[0].socket())).unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 4096]).await;
                let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json";
                let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
    }

    fn rules(text: &str) -> Rules {
        Rules { text: text.into() }
    }

    #[tokio::test]
    async fn rules_that_the_service_takes_stay() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        host.make_dir("/etc/ocr", 0o750).unwrap();
        serving(&host, None);
        let rules = rules("version: 1\n");
        assert!(rules.diff(&host).unwrap().is_some());
        rules.apply(&host).await.unwrap();
        assert_eq!(rules.diff(&host).unwrap(), None);
    }

    #[tokio::test]
    async fn rules_that_it_refuses_go_and_those_before_return() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        host.write(RULES, b"good", ACCESS).unwrap();
        serving(&host, Some("line 3: no such check"));
        let failure = rules("bad").apply(&host).await.unwrap_err();
        assert!(
            failure.message.contains("line 3: no such check"),
            "{failure}"
        );
        assert_eq!(host.read(RULES).unwrap().unwrap(), b"good");
    }
}
