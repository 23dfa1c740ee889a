//! Progress, notes and errors for people: moving lines on a terminal, else one plain line for each start and end.

use std::fmt::Write;

use ocrctl_protocol::{Diagnostic, Event, Level, StepState};

use super::printable::printable;
use super::streams::Streams;
use super::style::Styles;
use super::terminal::Terminal;

#[derive(Debug)]
pub(super) struct Human {
    /// `None` if standard error is no terminal.
    terminal: Option<Terminal>,
    styles: Styles,
    verbose: bool,
    /// The last progress of each host that was told in a plain line.
    told: std::collections::HashMap<String, String>,
}

impl Human {
    pub(super) fn new(streams: &mut Streams, verbose: bool) -> Self {
        Self {
            terminal: streams.terminal.take().map(Terminal::new),
            styles: streams.stderr_styles,
            verbose,
            told: std::collections::HashMap::new(),
        }
    }

    pub(super) fn event(&mut self, streams: &mut Streams, host: &str, event: &Event) {
        match event {
            Event::Hello { notices, .. } => {
                for notice in notices {
                    self.note(streams, Some(host), Level::Warning, notice);
                }
            }
            Event::Step {
                index,
                total,
                resource,
                state,
            } => self.step(streams, host, (*index, *total), &printable(resource), state),
            Event::Progress {
                resource,
                message,
                current,
                total,
            } => {
                let text = format!("{}: {}", printable(resource), printable(message));
                self.progress(streams, host, text, current.zip(*total));
            }
            Event::Note { level, text } => self.note(streams, Some(host), *level, text),
            Event::ConfirmReachable { change, seconds } => {
                let text = format!(
                    "checking for {seconds} s that a new SSH connection works; without one, the host restores its former {change} settings",
                    change = printable(change)
                );
                self.note(streams, Some(host), Level::Info, &text);
            }
            Event::Applied { release, .. } => {
                self.end(host);
                let text = match release {
                    Some(release) => {
                        format!("done; slot {} serves {}", release.slot, release.image)
                    }
                    None => "done".to_owned(),
                };
                self.note(streams, Some(host), Level::Info, &text);
            }
            Event::Pulled { image, id, live } => {
                self.end(host);
                let text = match (id, live) {
                    (None, _) => {
                        format!("Docker does not run yet: {image} is pulled by the first deploy")
                    }
                    (Some(id), Some(live)) if id == live => {
                        format!("has {image}, the image that runs already ({id}): nothing restarts")
                    }
                    (Some(id), Some(live)) => {
                        format!("has {image} ({id}); another one runs ({live}) and goes on")
                    }
                    (Some(id), None) => format!("has {image} ({id}); no release is live"),
                };
                self.note(streams, Some(host), Level::Info, &text);
            }
            Event::Failed(_) => self.end(host),
            Event::Restored { files } => {
                let plural = if *files == 1 { "" } else { "s" };
                let text = format!("{files} file{plural} restored from the backup");
                self.note(streams, Some(host), Level::Info, &text);
            }
            // Data, not progress; and what commands take in themselves.
            Event::Up
            | Event::Planned { .. }
            | Event::History { .. }
            | Event::Releases { .. }
            | Event::Keys(_)
            | Event::Ca { .. }
            | Event::Status(_)
            | Event::AlertsTested { .. }
            | Event::Logs { .. }
            | Event::LogsTold
            | Event::Audited { .. }
            | Event::Examined(_)
            | Event::Sealed { .. }
            | Event::BackupRecorded
            | Event::Wanted { .. }
            | Event::Certificate(_) => {}
        }
    }

    fn step(
        &mut self,
        streams: &mut Streams,
        host: &str,
        (index, total): (usize, usize),
        resource: &str,
        state: &StepState,
    ) {
        self.told.remove(host);
        let what = format!("{host}: [{}/{total}] {resource}", index + 1);
        let (create, error) = (self.styles.create, self.styles.error);
        let line = match state {
            StepState::Started => what,
            StepState::Done { ms } => format!("{what}: {create}done{create:#} ({})", seconds(*ms)),
            StepState::Failed => format!("{what}: {error}failed{error:#}"),
        };
        match &mut self.terminal {
            Some(terminal) => {
                terminal.step(host, (index, total), resource, state);
                // That it has started, its moving line shows.
                if !matches!(state, StepState::Started) {
                    terminal.line(&line);
                }
            }
            None => self.line(streams, &line),
        }
    }

    pub(super) fn progress(
        &mut self,
        streams: &mut Streams,
        host: &str,
        text: String,
        part: Option<(u64, u64)>,
    ) {
        if let Some(terminal) = &mut self.terminal {
            terminal.progress(host, text, part);
        } else if self.verbose && self.told.get(host) != Some(&text) {
            self.line(streams, &format!("{host}: {text}"));
            self.told.insert(host.to_owned(), text);
        }
    }

    pub(super) fn note(
        &mut self,
        streams: &mut Streams,
        host: Option<&str>,
        level: Level,
        text: &str,
    ) {
        let mut line = host.map(|host| format!("{host}: ")).unwrap_or_default();
        if level == Level::Warning {
            let style = self.styles.warning;
            line.push_str(&format!("{style}warning:{style:#} "));
        }
        line.push_str(&printable(text));
        self.line(streams, &line);
    }

    pub(super) fn error(&mut self, streams: &mut Streams, diagnostic: &Diagnostic) {
        self.end_all();
        streams.stderr(&error_text(diagnostic, &self.styles));
    }

    fn line(&mut self, streams: &mut Streams, text: &str) {
        match &self.terminal {
            Some(terminal) => terminal.line(text),
            None => streams.stderr(&format!("{text}\n")),
        }
    }

    pub(super) fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.terminal {
            Some(terminal) => terminal.suspend(write),
            None => write(),
        }
    }

    pub(super) fn end(&mut self, host: &str) {
        self.told.remove(host);
        if let Some(terminal) = &mut self.terminal {
            terminal.end(host);
        }
    }

    pub(super) fn end_all(&mut self) {
        if let Some(terminal) = &mut self.terminal {
            terminal.end_all();
        }
    }
}

fn error_text(diagnostic: &Diagnostic, styles: &Styles) -> String {
    let (error, hint) = (styles.error, styles.hint);
    let mut out = format!("{error}error:{error:#} ");
    if let Some(host) = &diagnostic.host {
        out.push_str(&format!("{host}: "));
    }
    out.push_str(&printable(&diagnostic.message));
    out.push('\n');
    // Writing to a string can't fail.
    if let Some(excerpt) = &diagnostic.excerpt {
        let _ = writeln!(out, "{}", printable(excerpt));
    }
    for cause in &diagnostic.causes {
        let _ = writeln!(out, "  because: {}", printable(cause));
    }
    if let Some(text) = &diagnostic.hint {
        let _ = writeln!(out, "{hint}hint:{hint:#} {}", printable(text));
    }
    out
}

fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}
