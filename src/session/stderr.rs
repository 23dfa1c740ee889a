//! The last lines of a program's standard error, kept for the day when they are needed.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::task::JoinHandle;
use tokio::time::timeout;

const LINES: usize = 20;
/// Bytes of a line that are worth showing.
const WIDTH: u64 = 1000;

/// Reads until the stream ends; the program is never blocked by what nobody reads.
pub(super) struct Tail(JoinHandle<VecDeque<String>>);

impl Tail {
    pub(super) fn of(stream: impl AsyncRead + Send + Unpin + 'static) -> Self {
        Self(tokio::spawn(collect(stream)))
    }

    /// The last lines. Call it when the program has ended; its children may hold the stream open.
    pub(super) async fn lines(&mut self) -> Vec<String> {
        match timeout(Duration::from_secs(1), &mut self.0).await {
            Ok(Ok(lines)) => lines.into(),
            _ => Vec::new(),
        }
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn collect(stream: impl AsyncRead + Unpin) -> VecDeque<String> {
    let mut lines = VecDeque::new();
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut reader).take(WIDTH).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return lines,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line);
        let text: String = text
            .trim_end()
            .chars()
            .map(|c| {
                if c.is_control() && c != '\t' {
                    '�'
                } else {
                    c
                }
            })
            .collect();
        tracing::debug!(target: "ocrctl::agent", "{text}");
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_last_lines_are_kept() {
        let text: String = (1..=50).map(|n| format!("line {n}\n")).collect();
        let lines = Tail::of(std::io::Cursor::new(text)).lines().await;
        assert_eq!(lines.len(), LINES);
        assert_eq!(lines[0], "line 31");
        assert_eq!(lines[LINES - 1], "line 50");
    }

    #[tokio::test]
    async fn terminal_controls_are_made_harmless() {
        let mut tail = Tail::of(std::io::Cursor::new(b"\x1b]0;title\x07\xff\n".to_vec()));
        assert_eq!(tail.lines().await, ["�]0;title��"]);
    }
}
