//! Form bodies (`multipart/form-data`, RFC 7578). The part `file` is the document; all other parts are parameters, as
//! in a query.

mod head;
mod reader;

use std::fmt;

use super::parameters::{Parameter, Parameters, malformed, shown};
use crate::http::outcome::error::Rejection;
use head::PartHead;
use reader::{Event, Reader};

/// Most bytes of a form besides its file: headers of parts, parameters, and the text before the first boundary and
/// behind the last.
pub(super) const OVERHEAD: u64 = 64 << 10;
/// Longest boundary (RFC 2046, 5.1.1).
const MAX_BOUNDARY: usize = 70;
const MEDIA_TYPE: &[u8] = b"multipart/form-data";
const FILE: &str = "file";

/// Parser of a form that is still arriving.
pub(super) struct Form {
    reader: Reader,
    part: Part,
    file: Option<FilePart>,
    /// Bytes of the file so far.
    bytes: u64,
    parameters: Parameters,
}

/// The part that the next data belong to.
enum Part {
    File,
    Parameter(Parameter, Vec<u8>),
}

/// Properties of the file, as the form states them.
#[derive(Debug, Default)]
pub(super) struct FilePart {
    pub(super) content_type: Option<String>,
    pub(super) name: Option<String>,
}

/// Nothing of the form's content: it may have a password.
impl fmt::Debug for Form {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Form").finish_non_exhaustive()
    }
}

impl Form {
    /// Creates a parser if the content type is that of a form.
    pub(super) fn of(content_type: &[u8]) -> Result<Option<Self>, Rejection> {
        let end = content_type.iter().position(|byte| *byte == b';');
        let media_type = &content_type[..end.unwrap_or(content_type.len())];
        if !media_type.trim_ascii().eq_ignore_ascii_case(MEDIA_TYPE) {
            return Ok(None);
        }
        let boundary = head::split(content_type).and_then(|(_, parameters)| {
            let found = parameters.into_iter().find(|(name, _)| name == "boundary");
            found.map(|(_, value)| value)
        });
        let boundary = boundary
            .filter(|boundary| (1..=MAX_BOUNDARY).contains(&boundary.len()))
            .ok_or_else(|| {
                malformed(format!(
                    "The content type multipart/form-data has no boundary of 1 to {MAX_BOUNDARY} characters."
                ))
            })?;
        Ok(Some(Self {
            reader: Reader::new(&boundary),
            part: Part::File,
            file: None,
            bytes: 0,
            parameters: Parameters::default(),
        }))
    }

    /// Parses the next bytes and passes the file's data to `file`.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        file: &mut impl FnMut(&[u8]) -> Result<(), Rejection>,
    ) -> Result<(), Rejection> {
        self.reader.feed(bytes);
        while let Some(event) = self.reader.next().map_err(not_well_formed)? {
            match event {
                Event::Head(lines) => {
                    let head = PartHead::parse(&lines).map_err(not_well_formed)?;
                    self.part = self.begin(head)?;
                }
                Event::Data(data) => match &mut self.part {
                    Part::File => {
                        self.bytes += data.len() as u64;
                        file(&data)?;
                    }
                    Part::Parameter(_, value) => value.extend_from_slice(&data),
                },
                Event::PartEnd => self.end_part()?,
            }
            self.check_overhead()?;
        }
        self.check_overhead()
    }

    /// Returns the file's properties and the parameters. Called when the whole form has arrived.
    pub(super) fn finish(self) -> Result<(FilePart, Parameters), Rejection> {
        self.reader.finish().map_err(not_well_formed)?;
        let file = self.file.ok_or_else(no_file)?;
        Ok((file, self.parameters))
    }

    fn begin(&mut self, head: PartHead) -> Result<Part, Rejection> {
        if head.name != FILE {
            let known = Parameter::named(&head.name).ok_or_else(|| {
                malformed(format!(
                    "The form has a part `{}`, which is not a parameter. The parameters are {}; `file` is the document.",
                    shown(&head.name),
                    Parameter::list()
                ))
            })?;
            return Ok(Part::Parameter(known, Vec::new()));
        }
        if self.file.is_some() {
            return Err(malformed(
                "The form has several parts named `file`; send one document per request.",
            ));
        }
        self.file = Some(FilePart {
            content_type: head.content_type,
            name: head.file_name,
        });
        Ok(Part::File)
    }

    fn end_part(&mut self) -> Result<(), Rejection> {
        let Part::Parameter(parameter, value) = std::mem::replace(&mut self.part, Part::File)
        else {
            return Ok(());
        };
        let value = String::from_utf8(value)
            .map_err(|_| malformed(format!("`{}` is not UTF-8.", parameter.name())))?;
        self.parameters.add(parameter, value)
    }

    fn check_overhead(&self) -> Result<(), Rejection> {
        if self.reader.consumed().saturating_sub(self.bytes) <= OVERHEAD {
            return Ok(());
        }
        Err(malformed(if self.reader.is_at_preamble() {
            format!(
                "The boundary that the content type names is not in the first {OVERHEAD} bytes of the form."
            )
        } else {
            format!("The form has more than {OVERHEAD} bytes besides its file.")
        }))
    }
}

fn not_well_formed(error: impl std::fmt::Display) -> Rejection {
    malformed(format!("The form is not well formed: {error}."))
}

fn no_file() -> Rejection {
    Rejection::new(
        ocr_api::problem::ProblemKind::EmptyBody,
        "The form has no part named `file`; send the document in one (curl -F file=@document.pdf).",
    )
}

#[cfg(test)]
mod tests;
