//! Progress on a terminal: one line for each host that works, and what is done above it.

use std::collections::HashMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use ocrctl_protocol::StepState;

/// The moving lines at the foot of the terminal.
#[derive(Debug)]
pub(super) struct Terminal {
    lines: MultiProgress,
    hosts: HashMap<String, ProgressBar>,
}

impl Terminal {
    pub(super) fn new(target: ProgressDrawTarget) -> Self {
        Self {
            lines: MultiProgress::with_draw_target(target),
            hosts: HashMap::new(),
        }
    }

    /// A line that stays.
    pub(super) fn line(&self, text: &str) {
        // A lost terminal can't be reported.
        let _ = self.lines.println(text);
    }

    pub(super) fn step(
        &mut self,
        host: &str,
        (index, total): (usize, usize),
        resource: &str,
        state: &StepState,
    ) {
        match state {
            StepState::Started => {
                let bar = self.host(host);
                bar.set_style(style("{spinner} {prefix} {msg} ({elapsed})"));
                bar.unset_length();
                bar.reset_elapsed();
                bar.set_message(format!("[{}/{total}] {resource}", index + 1));
            }
            // The next one starts at once, or the host is done.
            StepState::Done { .. } | StepState::Failed => {
                if index + 1 >= total || matches!(state, StepState::Failed) {
                    self.end(host);
                }
            }
        }
    }

    pub(super) fn progress(&mut self, host: &str, text: String, part: Option<(u64, u64)>) {
        let bar = self.host(host);
        match part {
            Some((current, total)) => {
                bar.set_style(style("{spinner} {prefix} {msg} [{bar:24}] {percent}%"));
                bar.set_length(total);
                bar.set_position(current);
            }
            None => bar.set_style(style("{spinner} {prefix} {msg} ({elapsed})")),
        }
        bar.set_message(text);
    }

    /// The host's moving line goes away.
    pub(super) fn end(&mut self, host: &str) {
        if let Some(bar) = self.hosts.remove(host) {
            bar.finish_and_clear();
        }
    }

    /// All moving lines go away while something else is written.
    pub(super) fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        self.lines.suspend(write)
    }

    pub(super) fn end_all(&mut self) {
        for (_, bar) in self.hosts.drain() {
            bar.finish_and_clear();
        }
    }

    fn host(&mut self, host: &str) -> &ProgressBar {
        self.hosts.entry(host.to_owned()).or_insert_with(|| {
            let bar = self.lines.add(ProgressBar::new_spinner());
            bar.set_prefix(host.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        })
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants of this file, and a test renders each.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .tick_chars("|/-\\ ")
        .progress_chars("=> ")
}
