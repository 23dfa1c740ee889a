//! Error output of workers, written to the service's log. Once a document has taken its worker over, it controls this
//! output. So each process may log a few lines, and the rest is counted.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::time::sleep;

/// Most bytes logged per line. More of a line is not useful.
const LONGEST: usize = 400;
/// Most lines and bytes logged per process. A process has one document.
const LINES: u32 = 20;
const BYTES: usize = 4096;
/// Pause before each read once the limit is reached. A flood waits in the pipe, at the cost of the process that writes
/// it.
const PAUSE: Duration = Duration::from_millis(50);

/// Lines and bytes of one process: those logged and those left out.
#[derive(Debug, Default, PartialEq, Eq)]
struct Account {
    lines: u32,
    bytes: usize,
    lines_left_out: u64,
    bytes_left_out: u64,
}

impl Account {
    /// True if a line of this many bytes may still be logged.
    fn may_log(&mut self, length: usize) -> bool {
        let fits = self.lines < LINES && self.bytes + length <= BYTES;
        if fits {
            self.lines += 1;
            self.bytes += length;
        } else {
            self.lines_left_out += 1;
            self.bytes_left_out += length as u64;
        }
        fits
    }

    fn has_left_out(&self) -> bool {
        self.lines_left_out > 0
    }
}

/// Logs the standard error of a process until the process closes it.
pub(super) async fn log(stderr: impl AsyncRead + Unpin, pid: u32) {
    let mut account = Account::default();
    let mut stderr = BufReader::new(stderr);
    let mut line = Vec::new();
    let mut length = 0;
    loop {
        if account.has_left_out() {
            sleep(PAUSE).await;
        }
        let read = match stderr.fill_buf().await {
            Ok(read) => read,
            Err(_) => &[],
        };
        if read.is_empty() {
            break;
        }
        let count = read.len();
        for piece in read.split_inclusive(|byte| *byte == b'\n') {
            length += piece.len();
            let room = LONGEST.saturating_sub(line.len()).min(piece.len());
            line.extend_from_slice(&piece[..room]);
            if piece.ends_with(b"\n") {
                log_line(&mut account, &line, length, pid);
                line.clear();
                length = 0;
            }
        }
        stderr.consume(count);
    }
    if length > 0 {
        log_line(&mut account, &line, length, pid);
    }
    if account.has_left_out() {
        let Account {
            lines_left_out: lines,
            bytes_left_out: bytes,
            ..
        } = account;
        tracing::warn!(
            pid,
            lines,
            bytes,
            "further error output of a worker was left out"
        );
    }
}

/// Logs `line`, which is the beginning of a line of `length` bytes.
fn log_line(account: &mut Account, line: &[u8], length: usize, pid: u32) {
    account.bytes_left_out += (length - line.len()) as u64;
    if account.may_log(line.len()) {
        let line = String::from_utf8_lossy(line);
        tracing::warn!(pid, line = line.trim_end(), "error output of a worker");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_a_few_lines_and_counts_the_rest() {
        let mut account = Account::default();
        let logged = (0..100).filter(|_| account.may_log(10)).count();
        assert_eq!(logged, LINES as usize);
        assert_eq!((account.lines_left_out, account.bytes_left_out), (80, 800));
        let mut account = Account::default();
        let logged = (0..100).filter(|_| account.may_log(LONGEST)).count();
        assert_eq!(logged, BYTES / LONGEST);
        assert!(account.has_left_out());
    }

    #[tokio::test]
    async fn reads_a_flood_to_its_end() {
        let (mut writer, reader) = tokio::io::duplex(1 << 16);
        let logged = tokio::spawn(log(reader, 1));
        let flood = vec![b'x'; 100_000];
        let lines = b"short\n".repeat(10_000);
        for bytes in [flood, lines] {
            tokio::io::AsyncWriteExt::write_all(&mut writer, &bytes)
                .await
                .unwrap();
        }
        drop(writer);
        logged.await.unwrap();
    }
}
