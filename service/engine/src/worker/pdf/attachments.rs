//! Files that are embedded in a PDF. PDFium names them and takes one out; how large they are it only says after it has decoded
//! all of each, so that is counted here, in the file that it writes.

use std::io::{self, Read};

use flate2::read::ZlibDecoder;
use lopdf::{Dictionary, Object, Stream};
use ocr_api::answer::Attachment;
use ocr_api::issue::{Issue, IssueCode};
use ocr_protocol::{Fault, MAX_FILE};

use super::PdfDocument;
use crate::worker::corrupt;

/// Attachments that are listed.
const LISTED: u32 = 100;
/// Units of UTF-16 of an attachment's name.
const NAME: usize = 255;
/// Bytes of all attachments that are decoded to be counted.
const MOST_COUNTED: u64 = 256 << 20;
/// Nodes of the tree of names, and how deep they may be within each other.
const NODES: u32 = 1000;
const DEPTH: u32 = 32;

impl PdfDocument {
    /// The attachments, and what there is to be said of them.
    pub(super) fn attachments(&self) -> (Vec<Attachment>, Option<Issue>) {
        let count = self.document.attachment_count();
        if count == 0 {
            return (Vec::new(), None);
        }
        let written = self.document.save(MAX_FILE as usize);
        let file = written.and_then(|file| lopdf::Document::load_mem(&file).ok());
        let sizes = file.as_ref().map(sizes).unwrap_or_default();
        let listed = (0..count.min(LISTED))
            .map(|index| Attachment {
                number: index + 1,
                name: self
                    .document
                    .attachment_name(index, NAME)
                    .unwrap_or_default(),
                bytes: sizes.get(index as usize).copied().flatten(),
            })
            .collect();
        let has_collection = || {
            let catalog = file.as_ref().and_then(|file| file.catalog().ok());
            catalog.is_some_and(|catalog| catalog.has(b"Collection"))
        };
        let is_portfolio = self.document.shows_attachments() || has_collection();
        (listed, Some(issue(count, is_portfolio)))
    }

    /// The bytes of an attachment, which is counted from 1.
    pub(in crate::worker) fn attachment(&self, number: u32, limit: u64) -> Result<Vec<u8>, Fault> {
        let limit = usize::try_from(limit.min(MAX_FILE)).unwrap_or(usize::MAX);
        let index = number.checked_sub(1);
        index
            .and_then(|index| self.document.attachment_file(index, limit))
            .ok_or_else(|| {
                corrupt(format!(
                    "The attachment can't be decoded, or has more than {} MB; take it out of the PDF and send it by itself.",
                    limit / 1_000_000
                ))
            })
    }
}

/// A portfolio's content is in its attachments: a viewer shows them first, or the catalog has a collection.
fn issue(count: u32, is_portfolio: bool) -> Issue {
    let (code, what) = if is_portfolio {
        (IssueCode::Portfolio, "it is a portfolio: its content is in")
    } else {
        (IssueCode::Attachments, "it has")
    };
    let detail = format!(
        "{what} {count} attached {}, which {} not read; `attachment=1` reads the first.",
        if count == 1 { "file" } else { "files" },
        if count == 1 { "was" } else { "were" },
    );
    Issue::new(code, detail)
}

/// The bytes of each attachment, in the order of their names. `None`: they can't be told without more work than they are worth.
fn sizes(file: &lopdf::Document) -> Vec<Option<u64>> {
    let names = || {
        let names = dictionary(file, file.catalog().ok()?.get(b"Names").ok()?)?;
        dictionary(file, names.get(b"EmbeddedFiles").ok()?)
    };
    let mut found = Vec::new();
    if let Some(root) = names() {
        let mut nodes = NODES;
        specifications(file, root, DEPTH, &mut nodes, &mut found);
    }
    let mut left = MOST_COUNTED;
    let size = |specification| {
        let size = length(embedded(file, specification)?, left)?;
        left -= size;
        Some(size)
    };
    found.into_iter().map(size).collect()
}

/// What the names of a tree stand for, as PDFium goes through it.
fn specifications<'f>(
    file: &'f lopdf::Document,
    node: &'f Dictionary,
    depth: u32,
    nodes: &mut u32,
    found: &mut Vec<&'f Object>,
) {
    if depth == 0 || *nodes == 0 || found.len() >= LISTED as usize {
        return;
    }
    *nodes -= 1;
    let array = |key: &[u8]| {
        let (_, value) = file.dereference(node.get(key).ok()?).ok()?;
        value.as_array().ok()
    };
    if let Some(names) = array(b"Names") {
        found.extend(names.iter().skip(1).step_by(2));
    } else {
        let kids = array(b"Kids").into_iter().flatten();
        for kid in kids.filter_map(|kid| dictionary(file, kid)) {
            specifications(file, kid, depth - 1, nodes, found);
        }
    }
}

/// The file that a file specification has.
fn embedded<'f>(file: &'f lopdf::Document, specification: &'f Object) -> Option<&'f Stream> {
    let specification = dictionary(file, specification)?;
    let files = dictionary(file, specification.get(b"EF").ok()?)?;
    // As PDFium chooses among them.
    let keys: [&[u8]; 5] = [b"UF", b"F", b"DOS", b"Mac", b"Unix"];
    keys.iter().find_map(|key| {
        let (_, stream) = file.dereference(files.get(key).ok()?).ok()?;
        stream.as_stream().ok()
    })
}

/// The bytes of a stream, decoded, if they are at most `limit`.
fn length(stream: &Stream, limit: u64) -> Option<u64> {
    let filters = match stream.dict.get(b"Filter") {
        Err(_) => Vec::new(),
        Ok(_) => stream.filters().ok()?,
    };
    let length = match filters[..] {
        [] => stream.content.len() as u64,
        [b"FlateDecode"] => {
            let decoded = ZlibDecoder::new(&stream.content[..]);
            io::copy(&mut decoded.take(limit + 1), &mut io::sink()).ok()?
        }
        _ => return None,
    };
    (length <= limit).then_some(length)
}

fn dictionary<'f>(file: &'f lopdf::Document, object: &'f Object) -> Option<&'f Dictionary> {
    let (_, object) = file.dereference(object).ok()?;
    object.as_dict().ok()
}
