//! The document of a worker.

use image::GrayImage;
use ocr_api::answer::{DocumentType, Method, PageStatus};
use ocr_api::inspection::{PageInspection, TextLayer};
use ocr_api::issue::{Issue, IssueCode};
use ocr_protocol::{Binding, Counted, Fault, FaultKind, File, How, Mode, Overlay, Password};

use super::pdf::{LineReaders, PdfDocument, PdfReader};
use super::{Content, corrupt, picture};

pub(super) enum Opened {
    Image {
        kind: DocumentType,
        bytes: Vec<u8>,
    },
    /// A PDF that the first task opens, so that this task reports a failure.
    UnreadPdf {
        bytes: Vec<u8>,
        password: Option<Password>,
    },
    Pdf(PdfDocument),
    /// An earlier task found that the document can't be opened.
    Failed(Fault),
}

impl Opened {
    pub(super) fn new(bound: &Binding, bytes: Vec<u8>) -> Self {
        let kind = bound.kind;
        match kind {
            DocumentType::Pdf => Self::UnreadPdf {
                bytes,
                password: bound.password.clone(),
            },
            DocumentType::Png
            | DocumentType::Jpeg
            | DocumentType::Tiff
            | DocumentType::Webp
            | DocumentType::Gif
            | DocumentType::Bmp
            | DocumentType::Jp2
            | DocumentType::Heic
            | DocumentType::Avif => Self::Image { kind, bytes },
        }
    }

    pub(super) fn count(&mut self, pdf: PdfReader) -> Result<Counted, Fault> {
        self.open(pdf)?;
        let counted = match self {
            Self::Image { kind, bytes } => ocr_image::count(*kind, bytes)?,
            Self::Pdf(document) => document.count(),
            Self::UnreadPdf { .. } | Self::Failed(_) => Counted::default(),
        };
        if counted.pages == 0 {
            return Err(Fault::new(
                FaultKind::NoPages,
                "The document is well formed but has no pages; check the program that made it.",
            ));
        }
        Ok(counted)
    }

    /// What is on a page, which is counted from 1, and what is to be known of it beside what is read there.
    pub(super) fn read(
        &mut self,
        page: u32,
        how: &How,
        pdf: PdfReader,
        max_pixels: u64,
        readers: &mut LineReaders<'_>,
    ) -> Result<(Content, Vec<Issue>), Fault> {
        self.open(pdf)?;
        let index = page.checked_sub(1).ok_or_else(|| corrupt("no page 0"))?;
        match self {
            Self::Image { kind, bytes } => {
                let scan = picture::decode(*kind, bytes, index, max_pixels)?;
                Ok((Content::scan(scan), about_image(*kind, bytes)))
            }
            Self::Pdf(document) => document.read(index, how, max_pixels, readers),
            Self::UnreadPdf { .. } | Self::Failed(_) => Err(corrupt("not opened")),
        }
    }

    /// Inspects a page, counted from 1.
    pub(super) fn inspect(
        &mut self,
        page: u32,
        mode: Mode,
        pdf: PdfReader,
        max_pixels: u64,
    ) -> Result<PageInspection, Fault> {
        self.open(pdf)?;
        let index = page.checked_sub(1).ok_or_else(|| corrupt("no page 0"))?;
        let (size, text_layer, uncovered) = match self {
            Self::Image { kind, bytes } => {
                let size = picture::measure(*kind, bytes, index, max_pixels)?;
                (size, TextLayer::None, false)
            }
            Self::Pdf(document) => document.inspect(index, max_pixels)?,
            Self::UnreadPdf { .. } | Self::Failed(_) => return Err(corrupt("not opened")),
        };
        let reads_layer = match mode {
            Mode::Auto => text_layer == TextLayer::Sound,
            Mode::Text => true,
            Mode::Ocr => false,
        };
        Ok(PageInspection {
            page,
            status: PageStatus::Ok,
            method: Some(match mode {
                Mode::Auto if reads_layer && uncovered => Method::Mixed,
                _ if reads_layer => Method::Text,
                _ => Method::Ocr,
            }),
            text_layer: Some(text_layer),
            width: Some(size.width),
            height: Some(size.height),
            dpi: size.dpi,
        })
    }

    /// Draws a page, counted from 1, as PNG.
    pub(super) fn preview(
        &mut self,
        page: u32,
        side: u32,
        pdf: PdfReader,
        max_pixels: u64,
    ) -> Result<Vec<u8>, Fault> {
        self.open(pdf)?;
        let index = page.checked_sub(1).ok_or_else(|| corrupt("no page 0"))?;
        match self {
            Self::Image { kind, bytes } => picture::preview(*kind, bytes, index, side, max_pixels),
            Self::Pdf(document) => document.preview(index, side),
            Self::UnreadPdf { .. } | Self::Failed(_) => Err(corrupt("not opened")),
        }
    }

    /// Extracts a file that is embedded in the document, counted from 1.
    pub(super) fn extract(
        &mut self,
        attachment: u32,
        limit: u64,
        pdf: PdfReader,
    ) -> Result<Vec<u8>, Fault> {
        self.open(pdf)?;
        match self {
            Self::Pdf(document) => document.attachment(attachment, limit),
            Self::Image { .. } | Self::UnreadPdf { .. } | Self::Failed(_) => {
                Err(corrupt("Only a PDF has attachments."))
            }
        }
    }

    /// Makes a searchable PDF of these pages.
    pub(super) fn compose(
        &mut self,
        pages: &[Overlay],
        keep_active: bool,
        pdf: PdfReader,
        max_pixels: u64,
    ) -> Result<File, Fault> {
        self.open(pdf)?;
        match self {
            Self::Image { kind, bytes } => {
                let images = picture::as_pdf(*kind, bytes, pages, max_pixels)?;
                pdf.open(images)?.compose_all(pages)
            }
            Self::Pdf(document) => document.compose(pages, keep_active),
            Self::UnreadPdf { .. } | Self::Failed(_) => Err(corrupt("not opened")),
        }
    }

    /// Draws a part of a page, which was read already, at `scale` times the resolution that it was read at.
    pub(super) fn redraw(&self, page: u32, bounds: [i32; 4], scale: f32) -> Option<GrayImage> {
        match self {
            Self::Pdf(document) => document.redraw(page.checked_sub(1)?, bounds, scale),
            Self::Image { .. } | Self::UnreadPdf { .. } | Self::Failed(_) => None,
        }
    }

    fn open(&mut self, pdf: PdfReader) -> Result<(), Fault> {
        if let Self::UnreadPdf { bytes, password } = self {
            *self = match pdf.open_protected(std::mem::take(bytes), password.take()) {
                Ok(document) => Self::Pdf(document),
                Err(fault) => Self::Failed(fault),
            };
        }
        match self {
            Self::Failed(fault) => Err(fault.clone()),
            _ => Ok(()),
        }
    }
}

fn about_image(kind: DocumentType, bytes: &[u8]) -> Vec<Issue> {
    let mut issues = Vec::new();
    if picture::has_more(kind, bytes) {
        issues.push(Issue::new(
            IssueCode::MoreFrames,
            "it has several frames or pictures, of which the first alone was read; send the others as images of their own.",
        ));
    }
    if kind == DocumentType::Jpeg && !ocr_image::is_whole_jpeg(bytes) {
        issues.push(Issue::new(
            IssueCode::Undecodable,
            "its JPEG is damaged, and what stands behind the damage was not read. Scan it again, or export it anew.",
        ));
    }
    issues
}
