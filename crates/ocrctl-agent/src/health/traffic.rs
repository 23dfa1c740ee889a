//! Request and error rates of the last minutes, from the end of NGINX's access log: no daemon has to count.

use std::io::{Read, Seek, SeekFrom};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::host::Host;
use crate::resources::nginx::ACCESS_LOG;
use ocrctl_protocol::health::Traffic;
use ocrctl_protocol::{Context, Result};

/// The period that counts as recent.
const WINDOW: SignedDuration = SignedDuration::from_mins(5);
/// No more of the log is read: about ten thousand requests.
const TAIL: u64 = 4 << 20;
/// Lines stand in the order of their ends, up to the time that NGINX's workers take to write them.
const DISORDER_SECONDS: f64 = 2.0;

#[derive(Deserialize)]
struct Line<'a> {
    method: &'a str,
    /// May be escaped.
    path: std::borrow::Cow<'a, str>,
    status: u16,
    /// Seconds since 1970.
    ended: f64,
    seconds: f64,
}

/// The documents sent in the last minutes. Where there is no log, nobody was served.
pub fn read(host: &Host, now: Timestamp) -> Result<Traffic> {
    let (mut text, cut) = tail(host, ACCESS_LOG, TAIL)?;
    let since = seconds(now - WINDOW);
    let mut cut = cut;
    // Turned in the meantime: what came before is in the log before.
    if !cut && first(&text).is_none_or(|ended| ended > since) {
        let left = TAIL.saturating_sub(text.len() as u64);
        let (mut before, before_cut) = tail(host, &format!("{ACCESS_LOG}.1"), left)?;
        before.push_str(&text);
        (text, cut) = (before, before_cut);
    }
    Ok(count(&text, cut, seconds(now)))
}

/// The whole lines in the last `most` bytes of a file, and whether there are more before them.
fn tail(host: &Host, path: &str, most: u64) -> Result<(String, bool)> {
    let read = || -> std::io::Result<(String, bool)> {
        let mut file = match std::fs::File::open(host.path(path)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok((String::new(), false));
            }
            file => file?,
        };
        let start = file.metadata()?.len().saturating_sub(most);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        let mut text = String::from_utf8_lossy(&bytes).into_owned();
        if start > 0 {
            text.drain(..text.find('\n').map_or(text.len(), |end| end + 1));
        }
        Ok((text, start > 0))
    };
    read().context(format_args!("reading {path}"))
}

fn first(text: &str) -> Option<f64> {
    let lines = text.lines();
    let mut lines = lines.filter_map(|line| serde_json::from_str::<Line<'_>>(line).ok());
    lines.next().map(|line| line.ended)
}

/// `cut`: there is more before `text`.
fn count(text: &str, cut: bool, now: f64) -> Traffic {
    let since = now - WINDOW.as_secs_f64();
    let mut traffic = Traffic::default();
    let mut times = Vec::new();
    let mut oldest = now;
    let lines = text.lines().rev();
    for line in lines.filter_map(|line| serde_json::from_str::<Line<'_>>(line).ok()) {
        oldest = oldest.min(line.ended);
        if line.ended < since - DISORDER_SECONDS {
            break;
        }
        // Only requests with documents show how documents fare.
        if line.ended <= since || line.method != "POST" || !line.path.starts_with("/v1/") {
            continue;
        }
        traffic.requests += 1;
        match line.status {
            500.. => traffic.failed += 1,
            400..=499 => traffic.refused += 1,
            _ => times.push(milliseconds(line.seconds)),
        }
    }
    let counted = if cut {
        now - oldest.max(since)
    } else {
        WINDOW.as_secs_f64()
    };
    traffic.seconds = milliseconds(counted).div_ceil(1000);
    times.sort_unstable();
    traffic.median_ms = rank(&times, 50);
    traffic.p95_ms = rank(&times, 95);
    traffic
}

/// The smallest of sorted values that so many of a hundred do not exceed.
fn rank(sorted: &[u64], percent: usize) -> Option<u64> {
    let place = (sorted.len() * percent).div_ceil(100);
    sorted.get(place.checked_sub(1)?).copied()
}

fn seconds(at: Timestamp) -> f64 {
    at.duration_since(Timestamp::UNIX_EPOCH).as_secs_f64()
}

fn milliseconds(seconds: f64) -> u64 {
    (seconds.max(0.0) * 1000.0).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Access;

    fn at(ended: f64, seconds: f64, status: u16) -> String {
        format!(
            r#"{{"request_id":"r","method":"POST","path":"/v1/ocr","status":{status},"ended":{ended},"seconds":{seconds}}}"#
        ) + "\n"
    }

    const NOW: f64 = 10_000.0;

    #[test]
    fn the_last_minutes_are_counted_and_nothing_else() {
        let mut text = at(NOW - 301.0, 9.0, 500);
        for number in 1..=20 {
            text += &at(NOW - 20.0, f64::from(number) / 10.0, 200);
        }
        text += &at(NOW - 10.0, 0.001, 403);
        text += &at(NOW - 9.0, 0.001, 503);
        text += &at(NOW - 8.0, 0.001, 200).replace("/v1/ocr", "/healthz");
        text += &at(NOW - 8.0, 0.001, 200).replace("POST", "GET");
        text += "{\"torn";
        let counted = Traffic {
            seconds: 300,
            requests: 22,
            failed: 1,
            refused: 1,
            median_ms: Some(1000),
            p95_ms: Some(1900),
        };
        assert_eq!(count(&text, false, NOW), counted);
    }

    #[test]
    fn under_much_load_the_time_that_is_counted_is_said() {
        let text = at(NOW - 12.5, 0.1, 200) + &at(NOW - 1.0, 0.1, 200);
        assert_eq!(count(&text, true, NOW).seconds, 13);
        let longer = at(NOW - 900.0, 0.1, 200) + &text;
        assert_eq!(count(&longer, true, NOW).seconds, 300);
        assert_eq!(
            count("", false, NOW),
            Traffic {
                seconds: 300,
                ..Traffic::default()
            }
        );
    }

    #[test]
    fn a_log_that_was_turned_goes_on_in_the_one_before() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let now = Timestamp::from_second(10_000).unwrap();
        assert_eq!(read(&host, now).unwrap().requests, 0);
        let write = |path: &str, text: String| {
            host.write(path, text.as_bytes(), Access::root(0o640))
                .unwrap();
        };
        write(&format!("{ACCESS_LOG}.1"), at(NOW - 60.0, 0.1, 200));
        write(ACCESS_LOG, at(NOW - 30.0, 0.1, 200));
        assert_eq!(read(&host, now).unwrap().requests, 2);
        write(
            ACCESS_LOG,
            at(NOW - 400.0, 0.1, 200) + &at(NOW - 30.0, 0.1, 200),
        );
        assert_eq!(read(&host, now).unwrap().requests, 1);
    }

    #[test]
    fn a_tail_begins_with_a_whole_line() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        host.write("/log", b"one\ntwo\nthree\n", Access::root(0o640))
            .unwrap();
        assert_eq!(tail(&host, "/log", 8).unwrap(), ("three\n".into(), true));
        assert_eq!(
            tail(&host, "/log", 99).unwrap(),
            ("one\ntwo\nthree\n".into(), false)
        );
    }
}
