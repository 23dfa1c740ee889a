//! The state of hosts on one screen: two tables with a line for each, and their problems.

use jiff::{SignedDuration, Timestamp};

use ocrctl_protocol::health::{Container, Live, NginxState, Traffic};
use ocrctl_protocol::status::{Drift, Firewall, Status};
use ocrctl_protocol::{Ended, HistoryEntry};

use super::printable::printable;
use super::style::Styles;
use super::table;

/// One host's state, or the reason why it is unknown.
#[derive(Debug, Clone)]
pub struct HostStatus {
    pub host: String,
    pub status: Result<Box<Status>, String>,
}

impl HostStatus {
    pub fn seen(host: &str, status: Status) -> Self {
        Self {
            host: host.to_owned(),
            status: Ok(Box::new(status)),
        }
    }

    pub fn unseen(host: &str, why: &str) -> Self {
        Self {
            host: host.to_owned(),
            status: Err(why.to_owned()),
        }
    }

    fn is_well(&self) -> bool {
        matches!(&self.status, Ok(status) if status.health.problems.is_empty())
    }
}

const SERVICE: [&str; 9] = [
    "HOST", "STATE", "RELEASE", "LIVE FOR", "WORKERS", "QUEUE", "REQ/MIN", "FAILED", "P95",
];
const MACHINE: [&str; 7] = [
    "HOST",
    "CERTIFICATE",
    "DISK",
    "MEMORY",
    "FIREWALL",
    "DRIFT",
    "LAST DEPLOY",
];
/// Stands for unknown and missing values.
const NONE: &str = "-";

pub(super) fn render(title: &str, hosts: &[HostStatus], now: Timestamp, styles: &Styles) -> String {
    let (strong, error) = (styles.strong, styles.error);
    let wrong: Vec<&HostStatus> = hosts.iter().filter(|host| !host.is_well()).collect();
    let count = match hosts.len() {
        1 => "1 host".to_owned(),
        count => format!("{count} hosts"),
    };
    let sum = match wrong.len() {
        0 => "all is well".to_owned(),
        _ if hosts.len() == 1 => "something is wrong".to_owned(),
        count => format!("something is wrong with {count}"),
    };
    let time = now.strftime("%Y-%m-%d %H:%M:%S UTC");
    let mut out = format!(
        "{strong}{}{strong:#}: {count}, {sum}  ({time})\n\n",
        printable(title)
    );
    let rows = |head: [&str; 9]| -> Vec<[String; 9]> {
        let head = std::iter::once(head.map(str::to_owned));
        head.chain(hosts.iter().map(|host| service(host, now)))
            .collect()
    };
    out.push_str(&table::render(&rows(SERVICE)));
    out.push('\n');
    let head = std::iter::once(MACHINE.map(str::to_owned));
    let rows: Vec<[String; 7]> = head
        .chain(hosts.iter().map(|host| machine(host, now)))
        .collect();
    out.push_str(&table::render(&rows));
    if !wrong.is_empty() {
        out.push('\n');
    }
    for host in wrong {
        let mut tell = |text: &str| {
            let (name, text) = (printable(&host.host), printable(text));
            out.push_str(&format!("{error}{name}{error:#}: {text}\n"));
        };
        match &host.status {
            Ok(status) => {
                for problem in &status.health.problems {
                    tell(&format!("{}: {}", name(problem.with), problem.text));
                }
            }
            // Most errors of a connection begin with the host's name.
            Err(why) => {
                let named = why.strip_prefix(&*host.host);
                tell(named.and_then(|why| why.strip_prefix(' ')).unwrap_or(why));
            }
        }
    }
    out
}

fn service(host: &HostStatus, now: Timestamp) -> [String; 9] {
    let Ok(status) = &host.status else {
        let none = || NONE.to_owned();
        let state = "unreachable".to_owned();
        return [
            printable(&host.host).into_owned(),
            state,
            none(),
            none(),
            none(),
            none(),
            none(),
            none(),
            none(),
        ];
    };
    let health = &status.health;
    let live = health.release.as_ref();
    let says = live.and_then(|live| live.says.as_ref());
    let load = says.and_then(|says| says.load);
    let busy = |load: ocr_api::health::Load| format!(", {} busy", load.busy);
    let or_none = |text: Option<String>| text.unwrap_or_else(|| NONE.to_owned());
    [
        printable(&host.host).into_owned(),
        state(status).to_owned(),
        or_none(live.map(release)),
        or_none(status.since.map(|since| lasted(since, now))),
        or_none(says.map(|says| {
            let busy = load.map(busy).unwrap_or_default();
            format!("{}/{}{busy}", says.workers_ready, says.workers)
        })),
        or_none(load.map(|load| load.waiting.to_string())),
        rate(&health.traffic),
        failed(&health.traffic),
        or_none(health.traffic.p95_ms.map(milliseconds)),
    ]
}

/// In one word.
fn state(status: &Status) -> &'static str {
    let health = &status.health;
    let serves = matches!(&health.nginx, NginxState::Answers { .. })
        && matches!(
            &health.release,
            Some(Live { container: Container::Running { .. }, says: Some(says), .. }) if says.ready
        );
    match (serves, health.problems.is_empty()) {
        (true, true) => "ok",
        (true, false) => "serves",
        (false, _) => "down",
    }
}

fn release(live: &Live) -> String {
    let id = if live.id.is_empty() {
        NONE.into()
    } else {
        printable(&live.id)
    };
    format!("{id} ({})", printable(&live.slot))
}

fn rate(traffic: &Traffic) -> String {
    if traffic.seconds == 0 {
        return NONE.to_owned();
    }
    let rate = traffic.requests as f64 * 60.0 / traffic.seconds as f64;
    let rate = if rate < 10.0 && traffic.requests > 0 {
        format!("{rate:.1}")
    } else {
        format!("{rate:.0}")
    };
    // The log's tail has so little of the last minutes.
    if traffic.seconds < 300 {
        format!("{rate} ({} s)", traffic.seconds)
    } else {
        rate
    }
}

fn failed(traffic: &Traffic) -> String {
    if traffic.requests == 0 {
        return NONE.to_owned();
    }
    let share = traffic.failed as f64 * 100.0 / traffic.requests as f64;
    if traffic.failed > 0 && share < 10.0 {
        format!("{share:.1} %")
    } else {
        format!("{share:.0} %")
    }
}

fn milliseconds(ms: u64) -> String {
    if ms < 1000 {
        format!("{ms} ms")
    } else {
        format!("{}.{} s", ms / 1000, ms % 1000 / 100)
    }
}

fn machine(host: &HostStatus, now: Timestamp) -> [String; 7] {
    let Ok(status) = &host.status else {
        let mut row: [String; 7] = std::array::from_fn(|_| NONE.to_owned());
        row[0] = printable(&host.host).into_owned();
        return row;
    };
    let health = &status.health;
    let fullest = health.disks.iter().max_by_key(|disk| disk.used_percent);
    let or_none = |text: Option<String>| text.unwrap_or_else(|| NONE.to_owned());
    [
        printable(&host.host).into_owned(),
        or_none(health.certificate.as_ref().map(|it| {
            if it.not_after <= now {
                "expired".to_owned()
            } else {
                lasted(now, it.not_after)
            }
        })),
        or_none(fullest.map(|disk| {
            let path = if health.disks.len() > 1 {
                &*disk.path
            } else {
                ""
            };
            format!("{} % {}", disk.used_percent, printable(path))
                .trim_end()
                .to_owned()
        })),
        or_none(
            health
                .memory
                .map(|memory| format!("{} %", memory.used_percent)),
        ),
        match status.firewall {
            Firewall::Closed => "on",
            Firewall::Open => "OFF",
            Firewall::Unconfirmed => "unconfirmed",
            Firewall::Unknown => "unknown",
        }
        .to_owned(),
        match status.drift {
            Drift::No => "no",
            Drift::Yes { .. } => "yes",
            Drift::Unknown { .. } => "unknown",
            Drift::NotAsked => NONE,
        }
        .to_owned(),
        or_none(status.last.as_ref().map(|last| operation(last, now))),
    ]
}

fn operation(entry: &HistoryEntry, now: Timestamp) -> String {
    let how = match entry.outcome {
        Ended::Done => "done",
        Ended::Failed => "failed",
        Ended::Running => "goes on",
        Ended::Never => "never ended",
    };
    format!(
        "{} by {} {} ago: {how}",
        printable(&entry.command),
        printable(&entry.operator),
        lasted(entry.began, now)
    )
}

/// A time in its largest unit.
fn lasted(from: Timestamp, to: Timestamp) -> String {
    let time = to.duration_since(from).max(SignedDuration::ZERO);
    let (amount, unit) = match time {
        time if time < SignedDuration::from_mins(2) => return format!("{} s", time.as_secs()),
        time if time < SignedDuration::from_hours(2) => return format!("{} min", time.as_mins()),
        time if time < SignedDuration::from_hours(48) => (time.as_hours(), "hours"),
        time => (time.as_hours() / 24, "days"),
    };
    format!("{amount} {unit}")
}

/// Returns the JSON name.
fn name(with: ocrctl_protocol::health::Part) -> String {
    match serde_json::to_value(with) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests;
