//! The watcher's state for Prometheus, as a file that node_exporter's textfile collector reads.

use std::fmt::Write;

use jiff::Timestamp;
use ocr_api::health::RecognitionStatus;

use super::judge::Facts;
use super::message::name;
use super::settings::Settings;
use super::state::State;
use crate::host::{Access, Host};
use ocrctl_protocol::Result;
use ocrctl_protocol::health::Part;

pub const DIRECTORY: &str = "/var/lib/ocrctl/metrics";
const PATH: &str = "/var/lib/ocrctl/metrics/ocrctl.prom";

const EVERYTHING: [Part; 11] = [
    Part::Release,
    Part::Recognition,
    Part::Workers,
    Part::Restarts,
    Part::Keys,
    Part::Rules,
    Part::Nginx,
    Part::Traffic,
    Part::Certificate,
    Part::Disk,
    Part::Memory,
];

/// Names and meanings of all that is written.
pub const METRICS: [(&str, &str); 9] = [
    (
        "ocrctl_watch_timestamp_seconds",
        "When the watcher has looked last",
    ),
    (
        "ocrctl_problem",
        "1 where something is wrong, by what it is wrong with",
    ),
    ("ocrctl_release_info", "The live release"),
    (
        "ocrctl_recognition_seconds",
        "Time in which all workers that were free read a sample",
    ),
    (
        "ocrctl_certificate_end_timestamp_seconds",
        "When the certificate expires",
    ),
    ("ocrctl_disk_used_ratio", "Used part of a file system"),
    (
        "ocrctl_disk_inodes_used_ratio",
        "Used part of a file system's inodes",
    ),
    ("ocrctl_memory_used_ratio", "Used part of the memory"),
    (
        "ocrctl_alerts_waiting",
        "Messages that no channel has taken yet",
    ),
];

pub(super) fn write(host: &Host, settings: &Settings, facts: &Facts, state: &State) -> Result<()> {
    host.make_dir(DIRECTORY, 0o755)?;
    let text = render(settings, facts, state);
    host.write(PATH, text.as_bytes(), Access::root(0o644))
}

fn render(settings: &Settings, facts: &Facts, state: &State) -> String {
    let environment = ("environment", settings.environment.as_str());
    let percent = |percent: u8| f64::from(percent) / 100.0;
    let seconds = |at: Timestamp| at.as_second() as f64;
    let mut text = Text::default();
    text.add(0, &[environment], seconds(facts.at));
    for with in EVERYTHING {
        let open = u8::from(state.open.contains_key(&with));
        text.add(1, &[environment, ("with", &name(with))], f64::from(open));
    }
    if let Some(live) = &facts.health.release {
        let labels = [environment, ("release", &live.id), ("slot", &live.slot)];
        text.add(2, &labels, 1.0);
    }
    if let Some(Ok(read)) = &facts.recognition
        && read.status == RecognitionStatus::Ok
    {
        text.add(3, &[environment], read.ms as f64 / 1000.0);
    }
    if let Some(certificate) = &facts.health.certificate {
        text.add(4, &[environment], seconds(certificate.not_after));
    }
    let disks = &facts.health.disks;
    for disk in disks {
        text.add(
            5,
            &[environment, ("path", &disk.path)],
            percent(disk.used_percent),
        );
    }
    for disk in disks {
        let used = percent(disk.inodes_used_percent);
        text.add(6, &[environment, ("path", &disk.path)], used);
    }
    if let Some(memory) = facts.health.memory {
        text.add(7, &[environment], percent(memory.used_percent));
    }
    text.add(8, &[environment], state.outbox.len() as f64);
    text.0
}

#[derive(Default)]
struct Text(String);

impl Text {
    /// A sample of the metric at this place of [`METRICS`].
    fn add(&mut self, metric: usize, labels: &[(&str, &str)], value: f64) {
        let (name, help) = METRICS[metric];
        if !self.0.contains(&format!("# TYPE {name} ")) {
            let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} gauge");
        }
        let labels: Vec<String> = labels
            .iter()
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        let _ = writeln!(self.0, "{name}{{{}}} {value}", labels.join(","));
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge::tests::facts;
    use super::*;

    const MONITORING: [&str; 2] = [
        include_str!("../../../../monitoring/alerts.yaml"),
        include_str!("../../../../monitoring/grafana-dashboard.json"),
    ];

    #[test]
    fn rules_and_dashboard_name_what_is_written() {
        let words = |text: &'static str| {
            let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            words.filter(|word| word.starts_with("ocrctl_") && word.len() > "ocrctl_".len())
        };
        for text in MONITORING {
            assert!(words(text).count() > 3);
            for word in words(text) {
                assert!(METRICS.iter().any(|(name, _)| *name == word), "{word}");
            }
        }
    }

    #[test]
    fn every_metric_is_there_once_it_is_known() {
        let settings = Settings {
            environment: "prod".into(),
            name: "ocr.example.org".into(),
            repairs_per_hour: 3,
            host: "ocr1".into(),
        };
        let text = render(&settings, &facts(), &State::default());
        insta::assert_snapshot!(text);
        for (name, _) in METRICS {
            assert!(text.contains(&format!("\n{name}{{")), "{name}");
        }
    }
}
