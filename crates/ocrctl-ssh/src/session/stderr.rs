//! The last lines of a program's standard error, kept for the day when they are needed; sudo's question among them is heard.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// The prompt that sudo is given. sudo-rs adds words of its own; `%` would have a meaning.
pub(super) const PROMPT: &str = "ocrctl: sudo asks for a password";

const LINES: usize = 20;
/// Bytes of a line that are worth showing.
const WIDTH: usize = 1000;

/// Reads until the stream ends; the program is never blocked by unread output.
pub(super) struct Tail {
    collected: JoinHandle<VecDeque<String>>,
    asked: mpsc::UnboundedReceiver<()>,
}

impl Tail {
    pub(super) fn of(stream: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let (asking, asked) = mpsc::unbounded_channel();
        Self {
            collected: tokio::spawn(collect(stream, asking)),
            asked,
        }
    }

    /// Waits until sudo asks for a password; `None` if it won't any more.
    pub(super) async fn asked(&mut self) -> Option<()> {
        self.asked.recv().await
    }

    /// The last lines. Call it when the program has ended; its children may hold the stream open.
    pub(super) async fn lines(&mut self) -> Vec<String> {
        match timeout(Duration::from_secs(1), &mut self.collected).await {
            Ok(Ok(lines)) => lines.into(),
            _ => Vec::new(),
        }
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.collected.abort();
    }
}

async fn collect(
    stream: impl AsyncRead + Unpin,
    asking: mpsc::UnboundedSender<()>,
) -> VecDeque<String> {
    let mut lines = VecDeque::new();
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        let available = reader.fill_buf().await.unwrap_or_default();
        let ended = available.is_empty();
        let room = &available[..available.len().min(WIDTH - line.len())];
        let end = room.iter().position(|&byte| byte == b'\n');
        let part = end.map_or(room.len(), |end| end + 1);
        line.extend_from_slice(&room[..part]);
        reader.consume(part);
        // It ends no line.
        if let Some(at) = find(&line, PROMPT.as_bytes()) {
            line.drain(at..at + PROMPT.len());
            let _ = asking.send(());
        }
        if end.is_some() || line.len() == WIDTH || (ended && !line.is_empty()) {
            keep(&mut lines, &line);
            line.clear();
        }
        if ended {
            return lines;
        }
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|part| part == wanted)
}

fn keep(lines: &mut VecDeque<String>, line: &[u8]) {
    let text = String::from_utf8_lossy(line);
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

    #[tokio::test]
    async fn a_question_is_heard_before_its_line_ends_and_not_kept() {
        let (mut host, stream) = tokio::io::duplex(64);
        let mut tail = Tail::of(stream);
        for part in ["lecture\n[sudo: ", &PROMPT[..9], &PROMPT[9..]] {
            tokio::io::AsyncWriteExt::write_all(&mut host, part.as_bytes())
                .await
                .unwrap();
        }
        assert_eq!(tail.asked().await, Some(()));
        tokio::io::AsyncWriteExt::write_all(&mut host, b"] Password: ")
            .await
            .unwrap();
        drop(host);
        assert_eq!(tail.lines().await, ["lecture", "[sudo: ] Password:"]);
        assert_eq!(tail.asked().await, None);
    }
}
