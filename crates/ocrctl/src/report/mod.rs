//! The only place that prints. What is asked for (a plan, keys, a certificate) goes to standard output;
//! progress, notes and errors go to standard error. With `--json`, all of it is JSON lines on standard output.

mod alerts;
mod audit;
mod certificate;
mod checks;
mod doctor;
mod history;
mod human;
pub mod json;
mod keys;
mod log_lines;
mod ocr;
mod plan;
mod printable;
mod questions;
mod reading;
mod screen;
mod secret;
mod status;
mod streams;
mod style;
mod table;
mod terminal;
#[cfg(test)]
mod tests;

pub use keys::use_in_words;
pub use questions::CannotAsk;
pub use reading::Reading;
pub use status::HostStatus;

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use ocr_api::keys::{KeyRecord, Usage};

use crate::probe::Seen;
use ocrctl_protocol::check::Line;
use ocrctl_protocol::{Diagnostic, Event, Level, logs};

use human::Human;
use json::{Body, Own};
use streams::Streams;

/// The command line's options for reports.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    pub json: bool,
    pub no_color: bool,
    /// Also what explains nothing but helps to find out: each line of progress, where there is no terminal.
    pub verbose: bool,
    /// Plans have the contents of new files.
    pub diff: bool,
}

/// Prints events as they happen. Shared by all hosts at once.
#[derive(Debug)]
pub struct Report {
    inner: Arc<Mutex<Inner>>,
    clock: fn() -> Timestamp,
}

#[derive(Debug)]
struct Inner {
    streams: Streams,
    /// `None` for JSON.
    human: Option<Human>,
    /// See [`Options::diff`].
    diff: bool,
    /// The first error of standard output.
    broken: Option<io::Error>,
    /// The terminal is drawn in place, see [`FullScreen`].
    full_screen: bool,
}

/// The terminal drawn in place, until this is dropped.
#[derive(Debug)]
pub struct FullScreen(Arc<Mutex<Inner>>);

impl Drop for FullScreen {
    fn drop(&mut self) {
        let mut inner = lock(&self.0);
        if std::mem::take(&mut inner.full_screen) {
            inner.data(screen::LEAVE);
        }
    }
}

impl Report {
    /// A report on the process's own streams.
    pub fn new(options: Options) -> Self {
        let streams = Streams::of_process(options.no_color);
        Self::on(streams, options, Timestamp::now)
    }

    fn on(mut streams: Streams, options: Options, clock: fn() -> Timestamp) -> Self {
        let human = (!options.json).then(|| Human::new(&mut streams, options.verbose));
        let json = human.is_none();
        let report = Self {
            inner: Arc::new(Mutex::new(Inner {
                streams,
                human,
                diff: options.diff,
                broken: None,
                full_screen: false,
            })),
            clock,
        };
        if json {
            report.json_line(
                None,
                Body::Own(Own::Header {
                    version: json::VERSION,
                    ocrctl: env!("CARGO_PKG_VERSION"),
                }),
            );
        }
        report
    }

    /// Something happened on a host, or on the way to it. Plans and certificates are data, and so are keys, for
    /// which [`Report::keys`] is; a failure is only the end of the host's progress here, because the command tells
    /// it by [`Report::error`].
    pub fn event(&self, host: &str, event: &Event) {
        let mut inner = self.lock();
        match &mut inner.human {
            Some(_) => {
                inner.human_event(host, event, (self.clock)());
            }
            None => {
                drop(inner);
                self.json_line(Some(host), Body::Event(event));
            }
        }
    }

    /// A line worth showing, about a host or the whole command.
    pub fn note(&self, host: Option<&str>, level: Level, text: impl Into<String>) {
        let text = text.into();
        let mut inner = self.lock();
        let Inner { streams, human, .. } = &mut *inner;
        match human {
            Some(human) => human.note(streams, host, level, &text),
            None => {
                drop(inner);
                self.json_line(host, Body::Event(&Event::Note { level, text }));
            }
        }
    }

    /// Prints a host's answers to a load of requests.
    pub fn probed(&self, host: &str, seen: &Seen) {
        let mut inner = self.lock();
        let Inner { streams, human, .. } = &mut *inner;
        match human {
            Some(human) => {
                let level = if seen.failed == 0 {
                    Level::Info
                } else {
                    Level::Warning
                };
                human.note(streams, Some(host), level, &seen.told());
            }
            None => {
                drop(inner);
                self.json_line(Some(host), Body::Own(Own::Probed(seen)));
            }
        }
    }

    /// Prints the doctor's lines of a host.
    pub fn examined(&self, host: &str, lines: &[Line]) {
        let mut inner = self.lock();
        if inner.human.is_some() {
            let styles = inner.streams.stdout_styles;
            inner.data(&doctor::render(host, lines, &styles));
        } else {
            drop(inner);
            for line in lines {
                self.json_line(Some(host), Body::Own(Own::Check(line)));
            }
        }
    }

    /// The keys of an environment as a table. As JSON, each host's own have been told by [`Event::Keys`].
    pub fn keys(&self, keys: &[KeyRecord], usage: &Usage) {
        let mut inner = self.lock();
        if inner.human.is_some() {
            inner.data(&keys::render(keys, usage, (self.clock)()));
        }
    }

    /// A new API key, which is shown this once.
    ///
    /// # Errors
    /// Standard output does not take it.
    pub fn key(&self, id: &str, name: &str, key: &str) -> io::Result<()> {
        let mut inner = self.lock();
        if inner.human.is_some() {
            inner.data(&format!("{key}\n"));
            inner.unbroken()?;
            let text = format!("this is the key `{id}` of {name}; it can't be shown again");
            let Inner { streams, human, .. } = &mut *inner;
            if let Some(human) = human {
                human.note(streams, None, Level::Info, &text);
            }
            Ok(())
        } else {
            drop(inner);
            self.json_line(None, Body::Own(Own::Key { id, name, key }));
            self.lock().unbroken()
        }
    }

    /// A new API key that was handed over elsewhere, such as `written to scanner.key`.
    pub fn key_kept(&self, id: &str, name: &str, handed: &str) {
        let mut inner = self.lock();
        let Inner { streams, human, .. } = &mut *inner;
        match human {
            Some(human) => {
                let text = format!("the key `{id}` of {name} was {handed}");
                human.note(streams, None, Level::Info, &text);
            }
            None => {
                drop(inner);
                self.json_line(None, Body::Own(Own::KeyKept { id, name, handed }));
            }
        }
    }

    /// From now on, and until the result is dropped, each [`Report::statuses`] is drawn over the one before. Where
    /// standard output is no terminal, they follow each other.
    pub fn full_screen(&self) -> FullScreen {
        let mut inner = self.lock();
        inner.end_progress();
        if inner.human.is_some() && inner.streams.stdout_is_terminal {
            inner.full_screen = true;
            inner.data(screen::ENTER);
        }
        FullScreen(Arc::clone(&self.inner))
    }

    /// Prints the status of hosts below a title.
    pub fn statuses(&self, title: &str, hosts: &[HostStatus]) {
        let mut inner = self.lock();
        inner.end_progress();
        if inner.human.is_some() {
            let styles = inner.streams.stdout_styles;
            let text = status::render(title, hosts, (self.clock)(), &styles);
            if inner.full_screen {
                inner.data(&screen::frame(&text));
            } else {
                inner.data(&text);
            }
            return;
        }
        drop(inner);
        for host in hosts {
            let body = match &host.status {
                Ok(status) => Body::Status(status),
                Err(message) => Body::Own(Own::Unreachable { message }),
            };
            self.json_line(Some(&host.host), body);
        }
    }

    /// Lines of logs, each with its host.
    pub fn log_lines(&self, lines: &[(String, logs::Line)]) {
        let mut inner = self.lock();
        inner.end_progress();
        if inner.human.is_some() {
            let styles = inner.streams.stdout_styles;
            inner.data(&log_lines::render(lines, &styles));
            return;
        }
        drop(inner);
        for (host, line) in lines {
            self.json_line(Some(host), Body::Own(Own::Log(line)));
        }
    }

    /// Returns whether the reader of standard output is gone.
    pub fn is_broken(&self) -> bool {
        self.lock().broken.is_some()
    }

    /// Other output of the command, such as a completion script, as it is.
    pub fn data(&self, text: &str) {
        let mut inner = self.lock();
        if inner.human.is_some() {
            inner.data(text);
        } else {
            drop(inner);
            self.json_line(None, Body::Own(Own::Data { text }));
        }
    }

    /// Why the command fails.
    pub fn error(&self, diagnostic: &Diagnostic) {
        let mut inner = self.lock();
        let Inner { streams, human, .. } = &mut *inner;
        match human {
            Some(human) => human.error(streams, diagnostic),
            None => {
                drop(inner);
                self.json_line(None, Body::Own(Own::Error(diagnostic)));
            }
        }
    }

    /// Ends all progress, and says whether all data was written. A reader that has had enough is no error.
    pub fn finish(&self) -> io::Result<()> {
        let mut inner = self.lock();
        if let Some(human) = &mut inner.human {
            human.end_all();
        }
        let flushed = inner.streams.stdout.flush();
        match inner.broken.take().map_or(flushed, Err) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    fn json_line(&self, host: Option<&str>, body: Body<'_>) {
        let line = json::line((self.clock)(), host, body);
        let line = printable::printable_json(&line).into_owned() + "\n";
        self.lock().data(&line);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    // A thread that panicked while printing is no reason for the others to be silent.
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inner {
    fn human_event(&mut self, host: &str, event: &Event, now: Timestamp) {
        let styles = self.streams.stdout_styles;
        match event {
            Event::Planned { changes, .. } => {
                self.data(&plan::render(host, changes, self.diff, &styles));
            }
            Event::Ca { pem } => self.data(pem),
            Event::Certificate(status) => {
                self.data(&certificate::render(host, status, now, &styles));
            }
            Event::History { entries } => self.data(&history::render(host, entries, &styles)),
            Event::AlertsTested { deliveries } => {
                self.data(&alerts::render(host, deliveries, &styles));
            }
            Event::Audited { lines } => self.data(&audit::render(host, lines, &styles)),
            other => {
                if let Some(human) = &mut self.human {
                    human.event(&mut self.streams, host, other);
                }
            }
        }
    }

    /// Ends lines of progress, such as an agent's upload.
    fn end_progress(&mut self) {
        if let Some(human) = &mut self.human {
            human.end_all();
        }
    }

    fn unbroken(&self) -> io::Result<()> {
        match &self.broken {
            None => Ok(()),
            Some(error) => Err(error.kind().into()),
        }
    }

    /// To standard output, out of the way of what moves on the terminal.
    fn data(&mut self, text: &str) {
        let stdout = &mut self.streams.stdout;
        let mut write = || {
            stdout
                .write_all(text.as_bytes())
                .and_then(|()| stdout.flush())
        };
        let written = match &self.human {
            Some(human) => human.suspend(write),
            None => write(),
        };
        if let Err(error) = written {
            self.broken.get_or_insert(error);
        }
    }
}
