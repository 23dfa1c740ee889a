//! Search for pages and their counts in a file's bytes. It needs nothing else of the engine, so that it is fuzzed without.

use std::io::{Read, Write as _};

use flate2::read::ZlibDecoder;
use memchr::memmem;

/// Bytes of a document's object streams that are looked at.
const MOST_DECODED: u64 = 32 << 20;
/// Bytes from a stream's type to its data.
const NEAR: usize = 4096;

/// True if a file has more dictionaries of pages than are stated: an upper bound, as it may have older versions of them.
pub(crate) fn may_have_more(file: &[u8], stated: u32) -> bool {
    // What is encrypted can't be looked at here.
    if memmem::find(file, b"/Encrypt").is_some() {
        return true;
    }
    let stated = stated as usize;
    let mut found = pages_in(file);
    let mut left = MOST_DECODED;
    for at in memmem::find_iter(file, b"/ObjStm") {
        if found > stated {
            break;
        }
        match object_stream(&file[at..], left) {
            Some(objects) => {
                left -= objects.len() as u64;
                found += pages_in(&objects);
            }
            None => return true,
        }
    }
    found > stated
}

/// Dictionaries that say `/Type /Page`.
fn pages_in(objects: &[u8]) -> usize {
    let is_page = |at: &usize| {
        let after = objects.get(at + b"/Page".len());
        let before = objects[..*at].trim_ascii_end();
        before.ends_with(b"/Type") && !after.is_some_and(|byte| byte.is_ascii_alphanumeric())
    };
    memmem::find_iter(objects, b"/Page").filter(is_page).count()
}

/// The objects of a stream from its type on. `None`: they are not deflated, or more than `limit`.
fn object_stream(from_type: &[u8], limit: u64) -> Option<Vec<u8>> {
    let head = &from_type[..from_type.len().min(NEAR)];
    let data = &from_type[memmem::find(head, b"stream")? + b"stream".len()..];
    let data = data.strip_prefix(b"\r").unwrap_or(data);
    let data = data.strip_prefix(b"\n").unwrap_or(data);
    let mut objects = Vec::new();
    ZlibDecoder::new(data)
        .take(limit + 1)
        .read_to_end(&mut objects)
        .ok()?;
    (objects.len() as u64 <= limit).then_some(objects)
}

/// Renames the counts of page trees in a file that PDFium has written, so that it counts the pages itself.
pub(crate) fn forget_counts(file: &mut [u8]) {
    let starts: Vec<usize> = memmem::find_iter(file, b" obj\r\n").collect();
    for start in starts {
        let rest = &mut file[start..];
        let end = memmem::find(rest, b"endobj").unwrap_or(rest.len());
        let head = &mut rest[..end];
        let end = memmem::find(head, b"stream").unwrap_or(head.len());
        let head = &mut head[..end];
        if memmem::find(head, b"/Kids").is_none() {
            continue;
        }
        let counts: Vec<usize> = memmem::find_iter(head, b"/Count").collect();
        for at in counts {
            // The length stays, and with it the places of all objects.
            let _ = (&mut head[at..]).write_all(b"/Xount");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    #[test]
    fn distinguishes_pages_from_page_trees() {
        let objects = b"<</Type/Page/Parent 2 0 R>><</Type /Pages>><</Type\r\n/Page>><</PageMode/UseNone/S/Page>>";
        assert_eq!(pages_in(objects), 2);
        assert!(may_have_more(objects, 1) && !may_have_more(objects, 2));
    }

    #[test]
    fn pages_in_object_streams_are_found() {
        let mut deflated = ZlibEncoder::new(Vec::new(), Compression::best());
        deflated
            .write_all(b"5 0 6 19 <</Type/Page/A 1>> <</Type/Page/A 2>>")
            .unwrap();
        let deflated = deflated.finish().unwrap();
        let file = |data: &[u8]| {
            [
                b"4 0 obj<</Type/ObjStm/N 2/First 8/Filter/FlateDecode>>stream\r\n",
                data,
                b"\nendstream",
            ]
            .concat()
        };
        assert!(may_have_more(&file(&deflated), 1));
        assert!(!may_have_more(&file(&deflated), 2));
        assert!(
            may_have_more(&file(b"of another filter"), 2),
            "it is looked at more closely"
        );
    }

    #[test]
    fn counts_of_trees_are_renamed_and_nothing_else() {
        let mut file = b"2 0 obj\r\n<</Count 1/Kids[ 3 0 R ]>>\r\nendobj\r\n\
            3 0 obj\r\n<</Count 2/Title(Outline)>>\r\nendobj\r\n\
            4 0 obj\r\n<</Length 14>>stream\r\n/Kids /Count 1\r\nendstream\r\nendobj\r\n"
            .to_vec();
        let before = file.clone();
        forget_counts(&mut file);
        let wanted = String::from_utf8(before)
            .unwrap()
            .replacen("/Count 1", "/Xount 1", 1);
        assert_eq!(String::from_utf8(file).unwrap(), wanted);
    }
}
