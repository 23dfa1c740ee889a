//! What passes between the service and a worker, over a socket pair: frames of a length (u32, little endian) and
//! a message of that many bytes, as postcard writes it: both ends are the same executable. A request that brings a document
//! is followed by the document's bytes.

mod frame;

use std::io;
use std::path::PathBuf;

use ocr_api::answer::{Attachment, DocumentType, Page, Word};
use ocr_api::code::Code;
use ocr_api::health::Engine;
use ocr_api::inspection::PageInspection;
use ocr_api::issue::Issue;
use serde::{Deserialize, Serialize};

use crate::codes::Selection;
use frame::invalid;
pub use frame::{MAX_REPLY, MAX_REQUEST, frame, frame_length, parse};

/// Bytes of a file from a worker.
pub const MAX_FILE: u64 = 256 << 20;

/// What a worker is told at its start.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// Languages that may be asked for; the first is loaded at once.
    pub languages: Vec<String>,
    /// `libpdfium.so`.
    pub pdfium: PathBuf,
    /// Pixels that a page may have.
    pub max_pixels: u64,
    /// The model of the second recognizer.
    pub line_model: Option<PathBuf>,
    /// Lines of a page that are looked at a second time, at most.
    pub second_looks: u32,
}

/// To a worker. It answers each with [`Reply::Begun`] and then with one other [`Reply`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// What the worker has to know of its document beforehand. It comes once, with the first request about the document;
    /// a worker has no other one.
    pub binding: Option<Binding>,
    /// The document's length, if its bytes follow the frame. They come once.
    pub document: Option<u64>,
    pub task: Task,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    pub kind: DocumentType,
    /// As in [`How`].
    pub languages: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Task {
    /// Count the pages.
    Count,
    /// Read a page, counted from 1.
    Read { page: u32, how: How },
    /// Look at a page without reading it.
    Inspect { page: u32, mode: Mode },
    /// Draw a page as a PNG of at most so many pixels a side.
    Preview { page: u32, side: u32 },
    /// Take out a file that is embedded in a PDF, counted from 1, if it has at most so many bytes.
    Extract { attachment: u32, limit: u64 },
    /// Make a searchable PDF of these pages, in this order.
    Compose {
        pages: Vec<Overlay>,
        /// Also what the document does by itself.
        keep_active: bool,
    },
    /// Read a part of a page that another worker has. Its pixels follow the frame; no document comes with it.
    Band(Band),
    /// Read the embedded sample; no document comes with it.
    Sample,
}

impl Task {
    /// Whether it is about the document of its errand.
    pub fn of_document(&self) -> bool {
        !matches!(self, Self::Band(_) | Self::Sample)
    }

    /// How many pages' time it may take.
    pub fn pages(&self) -> u32 {
        match self {
            Self::Compose { pages, .. } => u32::try_from(pages.len()).unwrap_or(u32::MAX).max(1),
            Self::Count
            | Self::Read { .. }
            | Self::Inspect { .. }
            | Self::Preview { .. }
            | Self::Extract { .. }
            | Self::Band(_)
            | Self::Sample => 1,
        }
    }
}

/// A page with words to lay over it, invisibly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlay {
    /// Counted from 1.
    pub page: u32,
    /// Pixels of the page that the boxes refer to.
    pub width: u32,
    pub height: u32,
    /// Degrees clockwise by which the page has to be turned to be read upright.
    pub rotation: u32,
    /// None where the page has a text layer of its own that has them all.
    pub words: Vec<Placed>,
    /// Whether the words are laid over a page whose own text layer is sound, as they are not in it.
    pub beside_layer: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    pub text: String,
    /// As of [`ocr_api::answer::Word`], but from the baseline to the height of the line's letters.
    pub bounds: [i32; 4],
}

/// A part of a page, from edge to edge: one byte a pixel, 0 is black, rows without padding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Band {
    pub width: u32,
    pub height: u32,
    pub dpi: Option<u32>,
    /// As in [`How`].
    pub languages: String,
}

impl Band {
    /// Bytes of its pixels.
    pub fn length(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

/// What a band says. Boxes are in its own pixels, confidences as the engine gives them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BandRead {
    pub text: String,
    pub words: Vec<Word>,
}

/// What was asked for with [`Reply::Collect`], by band; `None`: no worker has read it.
pub type Collected = Vec<Option<BandRead>>;

/// What is wanted of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct How {
    pub mode: Mode,
    /// As Tesseract names them, joined by `+`; empty for the default.
    pub languages: String,
    /// The codes to look for.
    pub codes: Selection,
    /// Only the codes are wanted: a page whose barcodes give all of them need not be recognized.
    pub codes_only: bool,
}

/// Where a page's text is to come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The text layer where it is sound, else the pixels.
    #[default]
    Auto,
    /// The text layer, whatever it is like.
    Text,
    /// The pixels.
    Ocr,
}

/// From a worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// Unasked, once, within the sandbox.
    Ready(Engine),
    /// To each request, when it has arrived whole and nothing of the document has been parsed: a worker that dies
    /// earlier did not die of the document.
    Begun,
    /// To [`Task::Count`].
    Counted(Counted),
    /// To [`Task::Read`].
    Page(Box<PageRead>),
    /// To [`Task::Inspect`].
    Inspected(PageInspection),
    /// To [`Task::Compose`], [`Task::Preview`] and [`Task::Extract`].
    File(File),
    /// To any.
    Fault(Fault),
    /// To [`Task::Band`].
    Band(BandRead),
    /// To [`Task::Sample`]: it was read correctly.
    SampleRead,
    /// While it is at [`Task::Read`]: how many workers, up to this many, could read a part of the page? Answered with a
    /// number, which promises nothing.
    CountIdle(u32),
    /// After that: the parts, whose pixels follow. Not answered.
    Lend(Vec<Band>),
    /// After that, when it has read its own part: what do the others say? Answered with [`Collected`].
    Collect,
}

impl Reply {
    /// Whether all confidences are numbers. A worker is not trusted to say none that an answer can't have.
    pub fn is_finite(&self) -> bool {
        let words = |words: &[Word]| words.iter().all(|word| word.confidence.is_finite());
        let codes = |code: &Code| {
            let mut readings = code.readings.iter();
            code.confidence.is_finite() && readings.all(|one| one.confidence.is_finite())
        };
        match self {
            Self::Page(read) => {
                read.page.confidence.is_none_or(f32::is_finite)
                    && words(&read.page.words)
                    && read.codes.iter().all(codes)
            }
            Self::Band(read) => words(&read.words),
            _ => true,
        }
    }
}

/// What is known of a document before its pages are read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    pub pages: u32,
    /// There is more behind the last of them, or should be: an answer up to there is not complete.
    pub lacks_pages: bool,
    /// About the document as a whole.
    pub issues: Vec<Issue>,
    pub attachments: Vec<Attachment>,
}

impl Counted {
    /// Pages, and nothing else to be said.
    pub fn pages(pages: u32) -> Self {
        Self {
            pages,
            ..Self::default()
        }
    }
}

/// A file, whose bytes follow the frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    length: u64,
    /// Of [`Task::Compose`]: pages without their words, as they would have looked different with them.
    pub unsearchable: Vec<u32>,
    /// Of [`Task::Compose`]: what was left out.
    pub removed: Vec<Active>,
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

/// What a PDF does by itself, or has a viewer do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Active {
    JavaScript,
    /// Starting a program, or opening another file.
    Launch,
    /// Whatever is to happen when the document is opened.
    OpenAction,
    /// Sending a form, or filling it from a file.
    Submit,
    Attachments,
    Xfa,
    /// Sound, film and models.
    Media,
    /// Any other action than going somewhere.
    Action,
}

impl Active {
    /// Its name in the header `X-OCR-Active`.
    pub fn name(self) -> &'static str {
        match self {
            Self::JavaScript => "javascript",
            Self::Launch => "launch",
            Self::OpenAction => "open-action",
            Self::Submit => "submit",
            Self::Attachments => "attachments",
            Self::Xfa => "xfa",
            Self::Media => "media",
            Self::Action => "action",
        }
    }
}

impl File {
    pub fn new(bytes: Vec<u8>) -> Self {
        Self {
            length: bytes.len() as u64,
            unsearchable: Vec::new(),
            removed: Vec::new(),
            bytes,
        }
    }

    /// The number of bytes that follow.
    ///
    /// # Errors
    /// `InvalidData` when it is more than [`MAX_FILE`].
    pub fn length(&self) -> io::Result<usize> {
        usize::try_from(self.length)
            .ok()
            .filter(|_| self.length <= MAX_FILE)
            .ok_or_else(|| invalid(format!("a file of {} bytes", self.length)))
    }
}

/// A page and what was found on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PageRead {
    pub page: Page,
    /// By place. `agreement` is the service's to fill in: it knows the other pages.
    pub codes: Vec<Code>,
    /// Without the page's number.
    pub issues: Vec<Issue>,
}

/// Why a document or a page can't be read, in words for the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    pub kind: FaultKind,
    pub detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FaultKind {
    Corrupt,
    Encrypted,
    NoPages,
    /// More pixels than allowed.
    TooLarge,
    /// Well formed, but of a variant that is not read here.
    Unsupported,
    /// The engine failed; not the document's fault.
    Engine,
}

impl Fault {
    pub fn new(kind: FaultKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_reads_back() {
        let request = Request {
            binding: Some(Binding {
                kind: DocumentType::Pdf,
                languages: "eng+deu".into(),
            }),
            document: Some(9),
            task: Task::Read {
                page: 3,
                how: How {
                    mode: Mode::Ocr,
                    languages: "eng+deu".into(),
                    codes: Selection::parse("iban,luhn", &[]).unwrap(),
                    codes_only: true,
                },
            },
        };
        let frame = frame(&request, MAX_REQUEST).unwrap();
        let (head, body) = frame.split_first_chunk::<4>().unwrap();
        assert_eq!(frame_length(*head, MAX_REQUEST).unwrap(), body.len());
        assert_eq!(parse::<Request>(body).unwrap(), request);
    }

    #[test]
    fn what_json_can_t_say_is_no_answer() {
        let word = |confidence| Word {
            text: "A".into(),
            confidence,
            bounds: [1, 2, 3, 4],
            hidden: false,
        };
        let read_back = |confidence| {
            let band = BandRead {
                text: "A".into(),
                words: vec![word(90.0), word(confidence)],
            };
            parse::<Reply>(&frame(&Reply::Band(band), MAX_REPLY).unwrap()[4..]).unwrap()
        };
        assert!(read_back(12.5).is_finite());
        assert!(!read_back(f32::NAN).is_finite());
    }
}
