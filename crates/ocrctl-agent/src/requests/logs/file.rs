//! A log of NGINX's, through its rotation.

use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use tokio::sync::mpsc;

use crate::host::Host;
use ocrctl_protocol::logs::{Line, Source};
use ocrctl_protocol::{Context, Result};

/// The longest line; the rest is cut.
const LONGEST: usize = 64 * 1024;
/// Between two looks whether something was added.
const EVERY: Duration = Duration::from_millis(250);
/// The place where a time begins is found as exactly as this, in bytes.
const NEAR: u64 = 64 * 1024;
/// NGINX's workers write in the order of time but for so much.
const DISORDER: SignedDuration = SignedDuration::from_secs(2);

#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    source: Source,
    since: Timestamp,
    /// Of the last line that had one.
    last: Timestamp,
    zone: TimeZone,
    reader: Option<BufReader<std::fs::File>>,
    /// The file to read after the end of this one.
    newer: Option<std::fs::File>,
    /// A line without its end as yet.
    rest: Vec<u8>,
}

impl File {
    /// The file, and the one that it was before it was turned.
    pub(super) fn open(host: &Host, path: &str, source: Source, since: Timestamp) -> Result<Self> {
        let mut log = Self {
            path: host.path(path),
            source,
            since,
            last: since,
            zone: TimeZone::system(),
            reader: None,
            newer: open(&host.path(path))?,
            rest: Vec::new(),
        };
        let before = match open(&host.path(&format!("{path}.1")))? {
            Some(file) if written(&file).is_some_and(|at| at >= since) => Some(file),
            _ => log.newer.take(),
        };
        if let Some(mut file) = before {
            log.seek(&mut file)
                .context(format_args!("reading {path}"))?;
            log.reader = Some(BufReader::new(file));
        }
        Ok(log)
    }

    /// The next whole line from `since` on that is there.
    pub(super) fn next(&mut self) -> Result<Option<Line>> {
        loop {
            let read = self.read_line().context("reading a log of NGINX's")?;
            let Some(text) = read else {
                let Some(newer) = self.newer.take() else {
                    return Ok(None);
                };
                self.rest.clear();
                self.reader = Some(BufReader::new(newer));
                continue;
            };
            // One without a time belongs to the one before.
            self.last = time(&text, self.source, &self.zone).unwrap_or(self.last);
            if self.last >= self.since {
                return Ok(Some(Line {
                    at: self.last,
                    from: self.source,
                    text,
                }));
            }
        }
    }

    pub(super) async fn follow(mut self, lines: mpsc::Sender<Line>) -> Result<()> {
        loop {
            while let Some(line) = self.next()? {
                if lines.send(line).await.is_err() {
                    return Ok(());
                }
            }
            self.turned()?;
            if self.newer.is_none() {
                tokio::time::sleep(EVERY).await;
            }
        }
    }

    /// Another file may have its name by now. All that the old one will have is read then: NGINX has closed it, or does
    /// so within a moment of the rotation.
    fn turned(&mut self) -> Result<()> {
        let Some(there) = open(&self.path)? else {
            return Ok(());
        };
        let Some(reader) = &self.reader else {
            self.newer = Some(there);
            return Ok(());
        };
        let (old, new) = (reader.get_ref().metadata(), there.metadata());
        let (old, new) = (
            old.context("looking at a log")?,
            new.context("looking at a log")?,
        );
        let another = (old.dev(), old.ino()) != (new.dev(), new.ino());
        if another && new.len() > 0 {
            self.newer = Some(there);
        }
        Ok(())
    }

    /// `None` if there is no whole line more.
    fn read_line(&mut self) -> std::io::Result<Option<String>> {
        let Some(reader) = &mut self.reader else {
            return Ok(None);
        };
        loop {
            let available = reader.fill_buf()?;
            if available.is_empty() {
                return Ok(None);
            }
            let end = available.iter().position(|&byte| byte == b'\n');
            let part = end.unwrap_or(available.len());
            let room = LONGEST.saturating_sub(self.rest.len());
            self.rest.extend_from_slice(&available[..part.min(room)]);
            reader.consume(part + usize::from(end.is_some()));
            if end.is_some() {
                let line = String::from_utf8_lossy(&self.rest).into_owned();
                self.rest.clear();
                return Ok(Some(line));
            }
        }
    }

    /// To a little before the first line that counts: not all of a long log is read for its end.
    fn seek(&self, file: &mut std::fs::File) -> std::io::Result<()> {
        let wanted = self.since.checked_sub(DISORDER).unwrap_or(self.since);
        let (mut low, mut high) = (0, file.metadata()?.len());
        while high - low > NEAR {
            let middle = low + (high - low) / 2;
            file.seek(SeekFrom::Start(middle))?;
            match self.first_time(file)? {
                Some(at) if at < wanted => low = middle,
                _ => high = middle,
            }
        }
        file.seek(SeekFrom::Start(low))?;
        if low > 0 {
            let start = low + skip_line(file)?;
            file.seek(SeekFrom::Start(start))?;
        }
        Ok(())
    }

    /// Of the lines that begin after this place.
    fn first_time(&self, file: &std::fs::File) -> std::io::Result<Option<Timestamp>> {
        let mut reader = BufReader::new(file);
        let mut line = Vec::new();
        reader.skip_until(b'\n')?;
        for _ in 0..20 {
            line.clear();
            if reader.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            let at = time(&String::from_utf8_lossy(&line), self.source, &self.zone);
            if at.is_some() {
                return Ok(at);
            }
        }
        Ok(None)
    }
}

/// Skips the line that begins or continues at this place, and returns its length in bytes.
fn skip_line(file: &std::fs::File) -> std::io::Result<u64> {
    Ok(BufReader::new(file).skip_until(b'\n')? as u64)
}

fn open(path: &Path) -> Result<Option<std::fs::File>> {
    match std::fs::File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        file => file
            .map(Some)
            .context(format_args!("opening {}", path.display())),
    }
}

fn written(file: &std::fs::File) -> Option<Timestamp> {
    Timestamp::try_from(file.metadata().ok()?.modified().ok()?).ok()
}

/// When a line was written: the access log is JSON with `ended`, the error log begins with the host's own time.
fn time(text: &str, source: Source, zone: &TimeZone) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Access {
        ended: f64,
    }
    if source == Source::Error {
        let local = DateTime::strptime("%Y/%m/%d %H:%M:%S", text.get(..19)?).ok()?;
        return zone.to_timestamp(local).ok();
    }
    let Access { ended } = serde_json::from_str(text).ok()?;
    let since_1970 = SignedDuration::try_from_secs_f64(ended).ok()?;
    // NGINX writes milliseconds.
    let since_1970 = SignedDuration::from_millis(
        i64::try_from((since_1970.as_nanos() + 500_000) / 1_000_000).ok()?,
    );
    Timestamp::from_duration(since_1970).ok()
}
