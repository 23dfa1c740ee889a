//! The worker process, the only place where documents are parsed. It is a copy of a process that the service started,
//! speaks [`ocr_protocol`] on its standard input, and may crash at any document.

mod barcodes;
mod bricks;
mod cells;
mod dark;
mod doubts;
mod ffi;
mod library;
mod light;
mod line;
mod loaded;
mod merge;
mod opened;
mod page;
mod pdf;
mod picture;
mod recognized;
mod recognizer;
mod sample;
mod sandbox;
mod second_pass;
mod share;
mod template;
mod upright;

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use ocr_api::answer::PageStatus;
use ocr_api::health::Sandbox;
use ocr_api::issue::IssueCode;
use ocr_codes::rules::RuleFinder;
use ocr_image::{Scan, Size, corrupt};
use ocr_protocol::{
    Band, Binding, Fault, FaultKind, File, MAX_REPLY, MAX_REQUEST, Reply, Request, Task,
    WorkerSettings,
};
use serde::de::DeserializeOwned;

use loaded::Loaded;
use opened::Opened;
use page::PageReader;
use pdf::LineReaders;
pub use recognizer::OF_PP_OCR;
use recognizer::Reading;
use share::Helpers;
use upright::Coarse;

/// Reason for which a worker stopped, or did not start.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    #[error("{0}")]
    Recognizer(String),
    #[error("{0}")]
    Pdf(String),
    #[error("the sample was read as {read:?} instead of {wanted:?}")]
    Sample { read: String, wanted: &'static str },
    #[error("the connection to the service failed: {0}")]
    Io(#[from] io::Error),
}

/// Loads everything, and makes a copy of this process whenever the service requests a worker. Each copy returns when
/// the service closes its end.
///
/// # Errors
/// See [`WorkerError`].
pub fn run(settings: &WorkerSettings) -> Result<(), WorkerError> {
    forget_panic_messages();
    template::end_with_the_service()?;
    template::close_inherited_descriptors();
    let control = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut loaded = Loaded::load(settings)?;
    ffi::heif::prepare();
    sandbox::prepare();
    match template::copies(control, |languages| loaded.recognizer.learn(languages))? {
        Some(socket) => Worker {
            loaded,
            rules: RuleFinder::default(),
            document: None,
            opened: None,
            max_pixels: settings.max_pixels,
            second_pass_lines: settings.second_pass_lines,
            sandbox: Sandbox::default(),
        }
        .serve(socket, settings),
        None => Ok(()),
    }
}

fn recognizer_error(error: impl std::fmt::Display) -> WorkerError {
    WorkerError::Recognizer(error.to_string())
}

struct Worker {
    loaded: Loaded,
    /// Rules of the latest page.
    rules: RuleFinder,
    /// The document of this worker, once it is known. The worker gets no parts of another one.
    document: Option<Binding>,
    opened: Option<Opened>,
    max_pixels: u64,
    second_pass_lines: u32,
    sandbox: Sandbox,
}

impl Worker {
    /// Enters the sandbox, then answers requests until the service closes its end.
    fn serve(
        &mut self,
        mut socket: UnixStream,
        settings: &WorkerSettings,
    ) -> Result<(), WorkerError> {
        let language_data = self.loaded.recognizer.language_data();
        self.sandbox = sandbox::enter(&language_data, settings.max_pixels);
        let engine = self.loaded.engine(settings, &self.sandbox);
        send(&mut socket, &Reply::Ready(engine))?;

        while let Some(request) = receive(&mut socket)? {
            if let Some(binding) = request.binding {
                self.bind(binding)?;
            }
            if let Some(length) = request.document {
                let bound = self.document.as_ref();
                let bound = bound.ok_or_else(|| io::Error::other("a document without a type"))?;
                let bytes = receive_bytes(&mut socket, length)?;
                self.opened = Some(Opened::new(bound, bytes));
            }
            let pixels = match &request.task {
                Task::Band(band) => Some(receive_bytes(&mut socket, band.length())?),
                _ => None,
            };
            send(&mut socket, &Reply::Begun)?;
            let reply = match (request.task, pixels) {
                (Task::Band(band), Some(pixels)) => self.read_band(band, pixels),
                (Task::Sample, _) => self.read_sample(),
                (task, _) => self.answer(task, &mut socket)?,
            };
            send(&mut socket, &reply)?;
        }
        Ok(())
    }

    /// Prepares for a document before any of it arrives. Loads what reading it needs. From here on, no file is opened
    /// except for fonts that a PDF needs.
    fn bind(&mut self, document: Binding) -> io::Result<()> {
        if self.document.is_some() {
            return Err(io::Error::other("a second document"));
        }
        self.loaded.recognizer.prepare(&document.languages);
        sandbox::narrow(&self.sandbox, document.kind)?;
        self.document = Some(document);
        Ok(())
    }

    fn answer(&mut self, task: Task, socket: &mut UnixStream) -> io::Result<Reply> {
        let Some(document) = &mut self.opened else {
            return Err(io::Error::other("a request without a document"));
        };
        let result = match task {
            Task::Count => document.count(self.loaded.pdf).map(Reply::Counted),
            Task::Inspect { page, mode } => document
                .inspect(page, mode, self.loaded.pdf, self.max_pixels)
                .map(Reply::Inspected),
            Task::Preview { page, side } => document
                .preview(page, side, self.loaded.pdf, self.max_pixels)
                .map(|bytes| Reply::File(File::new(bytes))),
            Task::Extract { attachment, limit } => document
                .extract(attachment, limit, self.loaded.pdf)
                .map(|bytes| Reply::File(File::new(bytes))),
            Task::Compose { pages, keep_active } => document
                .compose(&pages, keep_active, self.loaded.pdf, self.max_pixels)
                .map(Reply::File),
            Task::Read { page, how } => {
                self.rules.prepare(how.codes.rules());
                let mut readers = LineReaders {
                    tesseract: &mut self.loaded.recognizer,
                    pp_ocr: self.loaded.pp_ocr.as_mut(),
                    shapes: &self.loaded.shapes,
                    languages: &how.languages,
                };
                let content =
                    document.read(page, &how, self.loaded.pdf, self.max_pixels, &mut readers);
                let mut reader = PageReader {
                    recognizers: self.loaded.recognizers(self.second_pass_lines),
                    redraw: &|bounds, scale| document.redraw(page, bounds, scale),
                    rules: &self.rules,
                    helpers: Helpers { socket },
                };
                match content {
                    Ok((content, remarks)) => reader.read(page, content, &how)?.map(|mut read| {
                        let is_empty = read.page.status == PageStatus::Empty;
                        // A layer that can't be used is missed only where nothing else was read.
                        let remarks = remarks.into_iter();
                        read.issues.extend(
                            remarks.filter(|issue| is_empty || issue.code != IssueCode::HiddenText),
                        );
                        Reply::Page(Box::new(read))
                    }),
                    Err(fault) => Err(fault),
                }
            }
            Task::Band(_) | Task::Sample => {
                return Err(io::Error::other("a task without a document"));
            }
        };
        Ok(result.unwrap_or_else(Reply::Fault))
    }

    fn read_sample(&mut self) -> Reply {
        match self.loaded.read_sample() {
            Ok(()) => Reply::SampleRead,
            Err(error) => Reply::Fault(Fault::new(FaultKind::Engine, error.to_string())),
        }
    }

    fn read_band(&mut self, band: Band, pixels: Vec<u8>) -> Reply {
        let scan = Scan {
            pixels,
            width: band.width,
            height: band.height,
            dpi: band.dpi,
        };
        let mut recognizers = self.loaded.recognizers(self.second_pass_lines);
        let reading = Reading {
            engine: band.engine,
            languages: &band.languages,
            side: band.side,
        };
        match recognizers.read(&scan, reading) {
            Ok(read) => Reply::Band(share::answer(read)),
            Err(error) => Reply::Fault(Fault::new(FaultKind::Engine, error.to_string())),
        }
    }
}

/// Logs only the place of a panic. Its message can quote the text of a document, and standard error goes to the
/// service's log.
fn forget_panic_messages() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let place = place.as_deref().unwrap_or("an unknown place");
        // Nothing more can be done if standard error is closed.
        let _ = writeln!(io::stderr(), "worker panicked at {place}");
    }));
}

fn send(socket: &mut impl Write, reply: &Reply) -> io::Result<()> {
    let frame = ocr_protocol::frame(reply, MAX_REPLY).or_else(|_| {
        let detail = format!(
            "Its text would be an answer of more than {} MB; send parts of the page.",
            MAX_REPLY >> 20
        );
        let fault = Reply::Fault(Fault::new(FaultKind::TooLarge, detail));
        ocr_protocol::frame(&fault, MAX_REPLY)
    })?;
    socket.write_all(&frame)?;
    match reply {
        Reply::File(file) => socket.write_all(&file.bytes),
        _ => Ok(()),
    }
}

/// Returns `None` when the service has closed its end.
fn receive(socket: &mut impl Read) -> io::Result<Option<Request>> {
    match receive_message(socket) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        other => other.map(Some),
    }
}

fn receive_message<T: DeserializeOwned>(socket: &mut impl Read) -> io::Result<T> {
    let mut head = [0; 4];
    socket.read_exact(&mut head)?;
    let mut body = vec![0; ocr_protocol::frame_length(head, MAX_REQUEST)?];
    socket.read_exact(&mut body)?;
    ocr_protocol::parse(&body)
}

fn receive_bytes(socket: &mut impl Read, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = socket.take(length).read_to_end(&mut bytes)?;
    if (read as u64) < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

/// Content of a page, as decoded.
enum Content {
    /// Pixels to be recognized, and a coarse version of them.
    Scan(Scan, Coarse),
    /// A text layer that was read, drawings that may contain barcodes, and the part of the page that has to be
    /// recognized.
    Layer(pdf::Layer, Vec<pdf::Drawing>, Option<pdf::Uncovered>),
}

impl Content {
    fn scan(scan: Scan) -> Self {
        let coarse = Coarse::of(&scan);
        Self::Scan(scan, coarse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocr_api::answer::Word;
    use ocr_protocol::BandRead;

    fn band(words: usize) -> Reply {
        let word = |at: usize| Word {
            text: "reinforced".to_owned(),
            confidence: 91.5,
            bounds: [at as i32 % 20_000, 20_000, at as i32 % 20_000 + 90, 20_030],
            hidden: false,
        };
        Reply::Band(BandRead {
            text: "reinforced ".repeat(words),
            words: (0..words).map(word).collect(),
        })
    }

    fn sent(reply: &Reply) -> (usize, Reply) {
        let mut written = Vec::new();
        send(&mut written, reply).unwrap();
        let (head, body) = written.split_first_chunk::<4>().unwrap();
        let length = ocr_protocol::frame_length(*head, MAX_REPLY).unwrap();
        (length, ocr_protocol::parse(body).unwrap())
    }

    #[test]
    fn a_page_of_two_thousand_lines_is_far_from_the_longest_reply() {
        let page = band(2000 * 20);
        let (length, read) = sent(&page);
        assert_eq!(read, page);
        assert!(length < MAX_REPLY as usize / 10, "{length} bytes");
    }

    #[test]
    fn an_answer_that_is_too_long_is_refused_and_the_worker_lives() {
        let (_, read) = sent(&band(1_000_000));
        let Reply::Fault(fault) = read else {
            panic!("{read:?}");
        };
        assert_eq!(fault.kind, FaultKind::TooLarge);
    }
}
