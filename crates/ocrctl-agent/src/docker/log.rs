//! The output of containers.

use bollard::errors::Error;
use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::StreamExt;
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::Engine;
use ocrctl_protocol::{Context, Result};

impl Engine {
    /// Hands over what a container wrote after `since`, line by line with its time; with `follow`, until it ends. Where
    /// there is no such container, nothing. Ends when nobody takes it any more.
    pub async fn log(
        &self,
        name: &str,
        since: Timestamp,
        follow: bool,
        lines: &mpsc::Sender<(Timestamp, String)>,
    ) -> Result<()> {
        let options = LogsOptionsBuilder::new()
            .stdout(true)
            .stderr(true)
            .timestamps(true)
            .follow(follow)
            // Whole seconds: those of the first are sorted out below.
            .since(i32::try_from(since.as_second()).unwrap_or(0));
        let mut stream = std::pin::pin!(self.0.logs(name, Some(options.build())));
        while let Some(part) = stream.next().await {
            let part = match part {
                Err(Error::DockerResponseServerError {
                    status_code: 404, ..
                }) => return Ok(()),
                part => part.context(format_args!("reading the log of {name}"))?,
            };
            let text = part.into_bytes();
            let Some(line) = dated(&String::from_utf8_lossy(&text)) else {
                continue;
            };
            if line.0 > since && lines.send(line).await.is_err() {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// `2026-03-01T12:00:00.123456789Z text`.
fn dated(text: &str) -> Option<(Timestamp, String)> {
    let (at, text) = text.split_once(' ')?;
    Some((
        at.parse().ok()?,
        text.trim_end_matches(['\r', '\n']).to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::dated;

    #[test]
    fn a_line_has_its_time_before_it() {
        let (at, text) = dated("2026-03-01T12:00:00.5Z {\"a\": 1}\n").unwrap();
        assert_eq!((at.subsec_millisecond(), &*text), (500, "{\"a\": 1}"));
        assert_eq!(dated("2026-03-01T12:00:00Z \n").unwrap().1, "");
        assert_eq!(dated("no time"), None);
    }
}
