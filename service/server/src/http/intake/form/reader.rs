//! Splits a form into its parts as its bytes arrive (RFC 2046, 5.1.1). However the bytes are cut into pieces, each byte
//! is searched a bounded number of times. The reader holds no more than the headers of one part, or the possible
//! beginning of a delimiter.

use bytes::{Buf, Bytes, BytesMut};
use memchr::memmem::{self, Finder};

/// Most bytes of a part's headers. A name, a file name and a content type take some hundred bytes.
pub(super) const MAX_HEAD: usize = 16 << 10;
const HEAD_END: &[u8] = b"\r\n\r\n";

#[derive(Debug)]
pub(super) struct Reader {
    delimiter: Finder<'static>,
    /// Bytes that have arrived and are not consumed yet.
    held: BytesMut,
    /// Bytes of a part's headers that have been searched for their end.
    searched: usize,
    consumed: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first delimiter.
    Preamble,
    /// Behind a delimiter, where the next bytes decide whether a part follows.
    Delimiter,
    Head,
    Data,
    /// At the end of a part.
    PartEnd,
    /// Behind the last delimiter.
    Epilogue,
}

/// Next element of a form.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// Header lines at the start of a part, with the empty line.
    Head(Bytes),
    /// Part of its data.
    Data(Bytes),
    PartEnd,
}

/// Reason for which a form is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("the headers of a part are longer than {MAX_HEAD} bytes")]
    LongHead,
    #[error("other characters follow a boundary on its line")]
    Boundary,
    #[error("the form ends before its last boundary")]
    Unfinished,
}

impl Reader {
    pub(super) fn new(boundary: &[u8]) -> Self {
        let delimiter = [b"\r\n--", boundary].concat();
        Self {
            delimiter: Finder::new(&delimiter).into_owned(),
            // The first delimiter may be at the very beginning, without a line end before it.
            held: BytesMut::from(&b"\r\n"[..]),
            searched: 0,
            consumed: 0,
            state: State::Preamble,
        }
    }

    /// Takes the next bytes. [`Reader::next`] returns their events.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// The next event, if enough bytes have arrived for one.
    pub(super) fn next(&mut self) -> Result<Option<Event>, Malformed> {
        loop {
            match self.state {
                State::Preamble => {
                    let (_, found) = self.before_delimiter();
                    if !found {
                        return Ok(None);
                    }
                    self.state = State::Delimiter;
                }
                State::Delimiter => {
                    let is_blank = |byte: &&u8| matches!(byte, b' ' | b'\t');
                    let padding = self.held.iter().take_while(is_blank).count();
                    self.consume(padding);
                    self.state = match self.held.get(..2) {
                        None => return Ok(None),
                        Some(b"--") => State::Epilogue,
                        Some(b"\r\n") => State::Head,
                        Some(_) => return Err(Malformed::Boundary),
                    };
                }
                State::Head => return self.head(),
                State::Data => {
                    let (data, found) = self.before_delimiter();
                    if found {
                        self.state = State::PartEnd;
                    }
                    if !data.is_empty() {
                        return Ok(Some(Event::Data(data)));
                    }
                    if !found {
                        return Ok(None);
                    }
                }
                State::PartEnd => {
                    self.state = State::Delimiter;
                    return Ok(Some(Event::PartEnd));
                }
                State::Epilogue => {
                    self.consume(self.held.len());
                    return Ok(None);
                }
            }
        }
    }

    /// Bytes of the form that the reader no longer holds.
    pub(super) fn consumed(&self) -> u64 {
        self.consumed
    }

    /// True until the first delimiter has been found.
    pub(super) fn is_at_preamble(&self) -> bool {
        self.state == State::Preamble
    }

    /// Checks that the form is complete. Called when no more bytes come.
    pub(super) fn finish(&self) -> Result<(), Malformed> {
        match self.state {
            State::Epilogue => Ok(()),
            _ => Err(Malformed::Unfinished),
        }
    }

    /// Returns the bytes before the next delimiter, and consumes the delimiter. Without a delimiter, returns all bytes
    /// that can't belong to one.
    fn before_delimiter(&mut self) -> (Bytes, bool) {
        let length = self.delimiter.needle().len();
        if let Some(at) = self.delimiter.find(&self.held) {
            let before = self.take(at);
            self.consume(length);
            return (before, true);
        }
        let from = self.held.len().saturating_sub(length - 1);
        let may_begin = |at: &usize| self.delimiter.needle().starts_with(&self.held[*at..]);
        let end = (from..self.held.len()).find(may_begin);
        (self.take(end.unwrap_or(self.held.len())), false)
    }

    /// Reads the line end behind a delimiter, the header lines, and the empty line.
    fn head(&mut self) -> Result<Option<Event>, Malformed> {
        // The end may have begun in the bytes that were searched before.
        let from = self.searched.saturating_sub(HEAD_END.len() - 1);
        let to = self.held.len().min(MAX_HEAD);
        let Some(at) = memmem::find(&self.held[from..to], HEAD_END) else {
            if to == MAX_HEAD {
                return Err(Malformed::LongHead);
            }
            self.searched = to;
            return Ok(None);
        };
        self.searched = 0;
        let mut head = self.take(from + at + HEAD_END.len());
        head.advance(b"\r\n".len());
        self.state = State::Data;
        Ok(Some(Event::Head(head)))
    }

    fn take(&mut self, length: usize) -> Bytes {
        self.consumed += length as u64;
        self.held.split_to(length).freeze()
    }

    fn consume(&mut self, length: usize) {
        self.consumed += length as u64;
        self.held.advance(length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Headers of a part, and its data.
    type Part = (Vec<u8>, Vec<u8>);

    /// Reads all parts of a form that arrives in pieces of this size.
    fn read(form: &[u8], size: usize) -> Result<Vec<Part>, Malformed> {
        let mut reader = Reader::new(b"edge");
        let mut parts: Vec<Part> = Vec::new();
        let mut ended = 0;
        for piece in form.chunks(size) {
            reader.feed(piece);
            while let Some(event) = reader.next()? {
                match event {
                    Event::Head(head) => parts.push((head.to_vec(), Vec::new())),
                    Event::Data(data) => parts.last_mut().unwrap().1.extend_from_slice(&data),
                    Event::PartEnd => ended += 1,
                }
            }
        }
        reader.finish()?;
        assert_eq!(ended, parts.len());
        Ok(parts)
    }

    #[test]
    fn reads_the_same_parts_whatever_the_size_of_pieces() {
        let form = b"Preamble\r\n--edg\r\n--edge \t\r\nA: 1\r\nB: 2\r\n\r\nnot\r\n--edgy\r\n\r\n--edge\r\n\r\n\r\n--edge--\r\nepilogue";
        let wanted = vec![
            (
                b"A: 1\r\nB: 2\r\n\r\n".to_vec(),
                b"not\r\n--edgy\r\n".to_vec(),
            ),
            (b"\r\n".to_vec(), b"".to_vec()),
        ];
        for size in 1..=form.len() {
            assert_eq!(read(form, size), Ok(wanted.clone()), "{size}");
        }
        let short = b"--edge\r\n\r\nx\r\n--edge--";
        assert_eq!(read(short, 3), Ok(vec![(b"\r\n".to_vec(), b"x".to_vec())]));
        assert_eq!(read(b"--edge--", 5), Ok(vec![]));
    }

    #[test]
    fn rejects_malformed_forms() {
        for cut in [
            "",
            "no form",
            "--edge",
            "--edge\r\n\r\nx",
            "--edge\r\n\r\nx\r\n--edge",
            "--edge\r\nA: 1",
        ] {
            assert_eq!(read(cut.as_bytes(), 4), Err(Malformed::Unfinished), "{cut}");
        }
        assert_eq!(read(b"--edges\r\n\r\n", 4), Err(Malformed::Boundary));
        let head = |length: usize| {
            let line = "x".repeat(length - "\r\nA: \r\n\r\n".len());
            format!("--edge\r\nA: {line}\r\n\r\n\r\n--edge--").into_bytes()
        };
        for size in [1000, usize::MAX] {
            assert!(read(&head(MAX_HEAD), size).is_ok());
            assert_eq!(read(&head(MAX_HEAD + 1), size), Err(Malformed::LongHead));
        }
    }

    #[test]
    fn searches_each_byte_a_bounded_number_of_times_and_holds_little() {
        const BYTES: usize = 100_000;
        let boundary = [b'a'; 70];
        // The worst case of a search: all but the end of a delimiter, over and over.
        let nearly = [b"\r\n--", &boundary[..69]].concat();
        let nearly: Vec<u8> = nearly.into_iter().cycle().take(BYTES).collect();
        let start = [b"--", &boundary[..]].concat();
        let part = [&start[..], b"\r\n\r\n"].concat();
        for (start, body) in [
            (&b""[..], &nearly),
            (&b""[..], &vec![b'\r'; BYTES]),
            (&part[..], &nearly),
            (&start[..], &vec![b' '; BYTES]),
        ] {
            let mut reader = Reader::new(&boundary);
            for byte in start.iter().chain(body) {
                reader.feed(&[*byte]);
                // The reader searches what it holds.
                assert!(reader.held.len() <= 75);
                while reader.next().unwrap().is_some() {}
            }
            assert!(reader.consumed() >= BYTES as u64 - 74);
        }
        // Headers that grow byte by byte are searched from near their end.
        let mut reader = Reader::new(b"edge");
        reader.feed(b"--edge\r\n");
        let refused = loop {
            reader.feed(b"x");
            if let Err(refused) = reader.next() {
                break refused;
            }
            assert!(reader.held.len() < MAX_HEAD);
            assert_eq!(reader.searched, reader.held.len());
        };
        assert_eq!(refused, Malformed::LongHead);
    }
}
