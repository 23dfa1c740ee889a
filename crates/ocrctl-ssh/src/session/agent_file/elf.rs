//! Reads the headers of an executable (elf(5), 64 bits, little endian).

use crate::session::error::Unfit;

use ocrctl_protocol::hex;

/// A static executable.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Executable {
    /// The architecture in the words of `uname -m`.
    pub(super) architecture: String,
    /// The linker's digest of all of it, in hexadecimal, where it has left one.
    pub(super) build_id: Option<String>,
}

/// `elf` is the file, or its beginning with all headers.
pub(super) fn read(elf: &[u8]) -> Result<Executable, Unfit> {
    Ok(Executable {
        architecture: architecture(elf)?,
        build_id: build_id(elf),
    })
}

fn architecture(elf: &[u8]) -> Result<String, Unfit> {
    const LITTLE_ENDIAN_64: [u8; 2] = [2, 1];
    if !elf.starts_with(b"\x7fELF") {
        return Err(Unfit::NotElf);
    }
    if elf.get(4..6) != Some(&LITTLE_ENDIAN_64) {
        return Err(Unfit::Class);
    }
    if let Some(loader) = loader(elf).ok_or(Unfit::Truncated)? {
        return Err(Unfit::Dynamic(loader));
    }
    Ok(match number::<2>(elf, 18).ok_or(Unfit::Truncated)? {
        62 => "x86_64".into(),
        183 => "aarch64".into(),
        243 => "riscv64".into(),
        21 => "ppc64le".into(),
        258 => "loongarch64".into(),
        other => format!("machine {other}"),
    })
}

/// The path in the program header PT_INTERP: what a dynamic executable needs to be loaded.
/// The outer `None` means that the file ends too early.
fn loader(elf: &[u8]) -> Option<Option<String>> {
    const PT_INTERP: usize = 3;
    for header in 0..number::<2>(elf, 56)? {
        let (kind, segment) = segment(elf, header)?;
        if kind == PT_INTERP {
            let text = String::from_utf8_lossy(segment?);
            return Some(Some(text.trim_end_matches('\0').to_owned()));
        }
    }
    Some(None)
}

/// The note NT_GNU_BUILD_ID.
fn build_id(elf: &[u8]) -> Option<String> {
    const PT_NOTE: usize = 4;
    let headers = 0..number::<2>(elf, 56)?;
    let notes = headers.filter_map(|header| match segment(elf, header)? {
        (PT_NOTE, notes) => notes,
        _ => None,
    });
    notes.into_iter().find_map(build_id_in)
}

fn build_id_in(mut notes: &[u8]) -> Option<String> {
    const NT_GNU_BUILD_ID: usize = 3;
    const SHORTEST: usize = 8;
    loop {
        let (name, length) = (number::<4>(notes, 0)?, number::<4>(notes, 4)?);
        let kind = number::<4>(notes, 8)?;
        let from = name.checked_next_multiple_of(4)?.checked_add(12)?;
        let id = notes.get(from..from.checked_add(length)?)?;
        let is_gnu = notes.get(12..)?.starts_with(b"GNU\0");
        if kind == NT_GNU_BUILD_ID && is_gnu && length >= SHORTEST {
            return Some(hex(id));
        }
        notes = notes.get(from.checked_add(length.checked_next_multiple_of(4)?)?..)?;
    }
}

/// Reads a program header: its type, and its bytes of the file, if they exist.
fn segment(elf: &[u8], header: usize) -> Option<(usize, Option<&[u8]>)> {
    let (table, size) = (number::<8>(elf, 32)?, number::<2>(elf, 54)?);
    let header = table.checked_add(header * size)?;
    let from = number::<8>(elf, header.checked_add(8)?)?;
    let length = number::<8>(elf, header.checked_add(32)?)?;
    let end = from.checked_add(length);
    let kind = number::<4>(elf, header)?;
    Some((kind, end.and_then(|end| elf.get(from..end))))
}

fn number<const BYTES: usize>(elf: &[u8], at: usize) -> Option<usize> {
    let field: &[u8; BYTES] = elf.get(at..)?.first_chunk()?;
    let value = field
        .iter()
        .rev()
        .fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    usize::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A header with one program header of type `kind`, which spans `loader` at the end.
    fn elf(machine: u16, kind: u32, loader: &[u8]) -> Vec<u8> {
        let mut file = vec![0; 64 + 56];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[18..20].copy_from_slice(&machine.to_le_bytes());
        file[32..40].copy_from_slice(&64_u64.to_le_bytes());
        file[54..56].copy_from_slice(&56_u16.to_le_bytes());
        file[56..58].copy_from_slice(&1_u16.to_le_bytes());
        file[64..68].copy_from_slice(&kind.to_le_bytes());
        file[72..80].copy_from_slice(&120_u64.to_le_bytes());
        file[96..104].copy_from_slice(&(loader.len() as u64).to_le_bytes());
        file.extend_from_slice(loader);
        file
    }

    #[test]
    fn static_executables_name_their_architecture() {
        assert_eq!(architecture(&elf(62, 1, b"")).unwrap(), "x86_64");
        assert_eq!(architecture(&elf(183, 1, b"")).unwrap(), "aarch64");
    }

    #[test]
    fn a_dynamic_one_is_refused_with_what_it_needs() {
        let file = elf(62, 3, b"/lib64/ld-linux-x86-64.so.2\0");
        let problem = architecture(&file).unwrap_err();
        assert_eq!(
            problem,
            Unfit::Dynamic("/lib64/ld-linux-x86-64.so.2".into())
        );
        // A real one.
        let shell = fs::read("/bin/sh").unwrap();
        assert!(matches!(architecture(&shell), Err(Unfit::Dynamic(_))));
    }

    #[test]
    fn rejects_files_that_are_no_executables() {
        assert_eq!(architecture(b"#!/bin/sh\n"), Err(Unfit::NotElf));
        assert_eq!(architecture(b"\x7fELF\x01\x01"), Err(Unfit::Class));
        let whole = elf(62, 3, b"/lib64/ld");
        for length in 6..whole.len() {
            assert_eq!(architecture(&whole[..length]), Err(Unfit::Truncated));
        }
    }

    #[test]
    fn numbers_that_lead_nowhere_are_refused() {
        let mut file = elf(62, 3, b"/lib64/ld");
        file[96..104].fill(0xff);
        assert_eq!(architecture(&file), Err(Unfit::Truncated));
        file[32..40].fill(0xff);
        assert_eq!(architecture(&file), Err(Unfit::Truncated));
    }

    #[test]
    fn the_linkers_digest_names_an_executable() {
        let id = [0xab; 20];
        let mut note = vec![4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0];
        note.extend(b"GNU\0");
        note.extend(id);
        // Another note before it, as linkers leave some.
        let mut notes = vec![4, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0];
        notes.extend(b"GNU\0abc\0");
        notes.extend(note);
        assert_eq!(
            read(&elf(62, 4, &notes)).unwrap().build_id,
            Some("ab".repeat(20))
        );
        for length in 0..notes.len() {
            let file = elf(62, 4, &notes[..length]);
            assert_eq!(read(&file).unwrap().build_id, None, "{length}");
        }
        assert_eq!(read(&elf(62, 1, b"")).unwrap().build_id, None);
    }
}
