//! Messages between the service and a worker, over a socket pair. A frame is a length (u32, little endian) and a
//! message of that many bytes in postcard's format; both ends are the same executable. A request that brings a document
//! is followed by the document's bytes.

mod frame;
mod password;

use std::io;
use std::path::PathBuf;

use ocr_api::answer::{Attachment, DocumentType, Page, Word};
use ocr_api::code::{Code, Recognizer};
use ocr_api::health::Engine;
use ocr_api::inspection::PageInspection;
use ocr_api::issue::Issue;
use ocr_codes::Selection;
use serde::{Deserialize, Serialize};

use frame::invalid;
pub use frame::{MAX_REPLY, MAX_REQUEST, frame, frame_length, parse};
pub use password::Password;

/// Bytes of a file from a worker.
pub const MAX_FILE: u64 = 256 << 20;

/// Settings that a worker gets at its start.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// Languages that may be requested. The first one is loaded at once.
    pub languages: Vec<String>,
    /// Path of `libpdfium.so`.
    pub pdfium: PathBuf,
    /// Most pixels per page.
    pub max_pixels: u64,
    /// Directory of PP-OCR's models and of ONNX Runtime.
    pub pp_ocr: Option<PathBuf>,
    /// Most lines per page that are re-read.
    pub second_pass_lines: u32,
}

/// Request to a worker. The worker answers each with [`Reply::Begun`] and then with one other [`Reply`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Properties of the worker's document that it needs beforehand. They come once, with the first request about the
    /// document. A worker has only one document.
    pub binding: Option<Binding>,
    /// Length of the document, if its bytes follow the frame. They come once.
    pub document: Option<u64>,
    pub task: Task,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    pub kind: DocumentType,
    /// See [`How`].
    pub languages: String,
    /// Password that the client sent for a PDF.
    pub password: Option<Password>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Task {
    /// Count the pages.
    Count,
    /// Read a page, counted from 1.
    Read { page: u32, how: How },
    /// Inspect a page without reading it.
    Inspect { page: u32, mode: Mode },
    /// Draw a page as a PNG of at most `side` pixels a side.
    Preview { page: u32, side: u32 },
    /// Extract a file that is embedded in a PDF, counted from 1, if it has at most `limit` bytes.
    Extract { attachment: u32, limit: u64 },
    /// Make a searchable PDF of these pages, in this order.
    Compose {
        pages: Vec<Overlay>,
        /// True to keep the document's active content.
        keep_active: bool,
    },
    /// Read a part of a page that another worker has. Its pixels follow the frame; the document is not sent.
    Band(Band),
    /// Read the embedded sample; no document is sent.
    Sample,
}

impl Task {
    /// True if the task needs the document of its work item.
    pub fn of_document(&self) -> bool {
        !matches!(self, Self::Band(_) | Self::Sample)
    }

    /// Time limit for the task, as a number of pages.
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
    /// Number of the page, counted from 1.
    pub page: u32,
    /// Pixels of the page that the boxes refer to.
    pub width: u32,
    pub height: u32,
    /// Clockwise rotation in degrees that makes the page upright.
    pub rotation: u32,
    /// Words to lay over the page. Empty if the page's own text layer has them all.
    pub words: Vec<Placed>,
    /// True if the page's own text layer is sound, and the words are those missing in it.
    pub beside_layer: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    pub text: String,
    /// As in [`ocr_api::answer::Word`], but from the baseline to the height of the line's letters.
    pub bounds: [i32; 4],
}

/// A part of a page, from edge to edge: one byte per pixel, 0 is black, rows without padding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Band {
    pub width: u32,
    pub height: u32,
    pub dpi: Option<u32>,
    /// See [`How`].
    pub languages: String,
    pub engine: Recognizer,
    /// Longer side of the page, in pixels.
    pub side: u32,
}

impl Band {
    /// Bytes of its pixels.
    pub fn length(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

/// Words of a band. Boxes are in the band's own pixels; confidences are those of the engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BandRead {
    pub text: String,
    pub words: Vec<Word>,
}

/// Result of [`Reply::Collect`], by band. `None` for a band that no worker has read.
pub type Collected = Vec<Option<BandRead>>;

/// Options for reading a page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct How {
    pub mode: Mode,
    /// Languages as Tesseract names them, joined by `+`. Empty for the default, or for those that the page's script shows.
    pub languages: String,
    pub engine: EngineChoice,
    /// Codes to search for.
    pub codes: Selection,
    /// True if only the codes are wanted. A page whose barcodes contain all of them need not be recognized.
    pub codes_only: bool,
}

/// Recognizer that reads whole pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum EngineChoice {
    /// PP-OCR, or Tesseract for languages and scripts that PP-OCR does not read.
    #[default]
    Auto,
    PpOcr,
    Tesseract,
}

impl EngineChoice {
    /// Names in requests and in settings.
    pub const NAMES: [&str; 3] = ["auto", "ppocr", "tesseract"];

    /// The choice of one of the [`EngineChoice::NAMES`].
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "auto" => Some(Self::Auto),
            "ppocr" => Some(Self::PpOcr),
            "tesseract" => Some(Self::Tesseract),
            _ => None,
        }
    }
}

/// Source of a page's text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The text layer if it is sound, otherwise the pixels.
    #[default]
    Auto,
    /// The text layer, even if it is not sound.
    Text,
    /// The pixels.
    Ocr,
}

/// Message from a worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// Sent once, without a request, when the worker is in its sandbox.
    Ready(Engine),
    /// Sent for each request, when it has been received completely and before any of the document is parsed. If a
    /// worker dies earlier, the document is not the cause.
    Begun,
    /// Answer to [`Task::Count`].
    Counted(Counted),
    /// Answer to [`Task::Read`].
    Page(Box<PageRead>),
    /// Answer to [`Task::Inspect`].
    Inspected(PageInspection),
    /// Answer to [`Task::Compose`], [`Task::Preview`] and [`Task::Extract`].
    File(File),
    /// Answer to any task.
    Fault(Fault),
    /// Answer to [`Task::Band`].
    Band(BandRead),
    /// Answer to [`Task::Sample`] if it was read correctly.
    SampleRead,
    /// Question during [`Task::Read`]: the number of workers, up to this one, that could read a part of the page. The
    /// answer is a number without a guarantee.
    CountIdle(u32),
    /// Sent after that: the parts, whose pixels follow. There is no answer.
    Lend(Vec<Band>),
    /// Question after that, when the worker has read its own part: the results of the other parts. The answer is
    /// [`Collected`].
    Collect,
}

impl Reply {
    /// True if all confidences are finite. A worker is not trusted to send only numbers that JSON can express.
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

/// Properties of a document that are known before its pages are read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    pub pages: u32,
    /// True if the document has more pages than these, or should have. An answer up to the last of these is incomplete.
    pub lacks_pages: bool,
    /// Issues about the document as a whole.
    pub issues: Vec<Issue>,
    pub attachments: Vec<Attachment>,
}

impl Counted {
    /// A number of pages, without anything else.
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
    /// For [`Task::Compose`]: pages to which words could not be added without changing their appearance.
    pub unsearchable: Vec<u32>,
    /// For [`Task::Compose`]: active content that was removed.
    pub removed: Vec<Active>,
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

/// Active content of a PDF: actions that the document or its viewer takes without the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Active {
    JavaScript,
    /// Starts a program, or opens another file.
    Launch,
    /// Runs when the document is opened.
    OpenAction,
    /// Sends a form, or fills it from a file.
    Submit,
    Attachments,
    Xfa,
    /// Sound, film and 3D models.
    Media,
    /// Any other action except for a jump to a place.
    Action,
}

impl Active {
    /// Name in the header `X-OCR-Active`.
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

    /// Number of bytes that follow.
    ///
    /// # Errors
    /// `InvalidData` if it is more than [`MAX_FILE`].
    pub fn length(&self) -> io::Result<usize> {
        usize::try_from(self.length)
            .ok()
            .filter(|_| self.length <= MAX_FILE)
            .ok_or_else(|| invalid(format!("a file of {} bytes", self.length)))
    }
}

/// A page and the codes and issues found on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PageRead {
    pub page: Page,
    /// Codes by their place. The service fills in `agreement`, because it knows the other pages.
    pub codes: Vec<Code>,
    /// Issues without the page's number.
    pub issues: Vec<Issue>,
}

/// Reason for which a document or a page can't be read, in words for the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    pub kind: FaultKind,
    pub detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FaultKind {
    Corrupt,
    /// The document needs a password, and the request has none.
    Encrypted,
    WrongPassword,
    NoPages,
    /// The page has more pixels than allowed.
    TooLarge,
    /// The document is well formed, but in a variant that is not supported.
    Unsupported,
    /// The engine failed. The document is not the cause.
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
    fn frames_decode_to_the_same_message() {
        let request = Request {
            binding: Some(Binding {
                kind: DocumentType::Pdf,
                languages: "eng+deu".into(),
                password: Some(Password::new("secret")),
            }),
            document: Some(9),
            task: Task::Read {
                page: 3,
                how: How {
                    mode: Mode::Ocr,
                    languages: "eng+deu".into(),
                    engine: EngineChoice::Auto,
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
    fn rejects_numbers_that_json_can_t_express() {
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
