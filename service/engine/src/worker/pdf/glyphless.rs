//! A font whose characters are empty squares. Text in it can be found and copied, but nothing is drawn.

/// Units per em, for ascent and advance: a letter is a unit square on its baseline.
const EM: u16 = 1000;
/// Glyph of all characters; 0 is the one for missing characters.
const GLYPH: u16 = 1;

/// The font as a TrueType file (OpenType specification, "Organization of an OpenType Font").
pub(super) fn font() -> Vec<u8> {
    let tables: [(&[u8; 4], Vec<u8>); 10] = [
        (b"OS/2", os2()),
        (b"cmap", cmap()),
        (b"glyf", glyph()),
        (b"head", head()),
        (b"hhea", hhea()),
        (b"hmtx", words(&[EM, 0, EM, 0])),
        (b"loca", words(&[0, 0, glyph().len() as u16 / 2])),
        (
            b"maxp",
            words(&[1, 0, 2, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
        ),
        (b"name", name()),
        // Version 3: glyphs without names.
        (
            b"post",
            words(&[3, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
        ),
    ];
    let count = tables.len() as u16;
    let power = count.ilog2() as u16;
    let range = 16 << power;
    let mut file = words(&[1, 0, count, range, power, count * 16 - range]);
    let mut data = Vec::new();
    for (tag, table) in &tables {
        let offset = 12 + 16 * tables.len() + data.len();
        file.extend(*tag);
        for value in [checksum(table), offset as u32, table.len() as u32] {
            file.extend(value.to_be_bytes());
        }
        data.extend(table);
        data.resize(data.len().next_multiple_of(4), 0);
    }
    file.extend(data);
    file
}

/// Glyph of each of this many characters, as a CIDToGIDMap.
pub(super) fn glyphs(characters: usize) -> Vec<u8> {
    GLYPH.to_be_bytes().repeat(characters)
}

fn words(values: &[u16]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_be_bytes())
        .collect()
}

fn checksum(table: &[u8]) -> u32 {
    table.chunks(4).fold(0, |sum: u32, chunk| {
        let mut four = [0; 4];
        four[..chunk.len()].copy_from_slice(chunk);
        sum.wrapping_add(u32::from_be_bytes(four))
    })
}

fn head() -> Vec<u8> {
    let magic = [0x5f0f, 0x3cf5];
    let mut head = vec![1, 0, 1, 0, 0, 0, magic[0], magic[1], 0, EM];
    // Times, the box around all glyphs, style, smallest readable size, direction, short offsets, glyph format.
    head.extend([0; 8]);
    head.extend([0, 0, EM, EM, 0, 8, 2, 0, 0]);
    words(&head)
}

/// A line from one corner of the square to the opposite one and back. It encloses nothing, but has the square's extent.
/// Without it, PDFium treats a word of one letter as empty.
fn glyph() -> Vec<u8> {
    let [high, low] = EM.to_be_bytes();
    // One contour, its extent, its last point, no instructions.
    let mut glyph = words(&[1, 0, 0, EM, EM, 1, 0]);
    // Points on the curve: the start, and one at the same distance to the right and upwards.
    glyph.extend([0x31, 0x01, high, low, high, low]);
    glyph
}

fn hhea() -> Vec<u8> {
    let mut hhea = vec![1, 0, EM, 0, 0, EM, 0, 0, EM, 1];
    // Caret offset, four reserved fields, format. Then each of the two glyphs has its own advance.
    hhea.extend([0; 7]);
    hhea.push(2);
    words(&hhea)
}

/// Format 4, with only the space. Characters are addressed by their numbers, but a font without any mapping is
/// rejected.
fn cmap() -> Vec<u8> {
    const SPACE: u16 = 0x20;
    let segments: [u16; 16] = [
        4,
        32,
        0,
        4,
        4,
        1,
        0,
        SPACE,
        0xffff,
        0,
        SPACE,
        0xffff,
        GLYPH.wrapping_sub(SPACE),
        1,
        0,
        0,
    ];
    let mut cmap = vec![0, 1, 3, 1, 0, 12];
    cmap.extend(segments);
    words(&cmap)
}

fn name() -> Vec<u8> {
    const NAME: &str = "Invisible";
    let text: Vec<u16> = NAME.encode_utf16().collect();
    let length = 2 * text.len() as u16;
    let ids = [1, 2, 4, 6];
    let mut name = vec![0, ids.len() as u16, 6 + 12 * ids.len() as u16];
    for id in ids {
        name.extend([3, 1, 0x409, id, length, 0]);
    }
    name.extend(text);
    words(&name)
}

fn os2() -> Vec<u8> {
    let mut os2 = vec![3, EM, 400, 5, 0];
    // Sizes of sub- and superscripts and of the strikeout line, the family's class, ten bytes of Panose.
    os2.extend([0; 11 + 5]);
    // Unicode ranges and the vendor; regular; first and last character.
    os2.extend([0; 8 + 2]);
    os2.extend([0x40, 0x20, 0x20]);
    // Ascents and descents; code pages; heights; default and break character; longest context.
    os2.extend([EM, 0, 0, EM, 0, 0, 0, 0, 0, EM, EM, 0, 0x20, 0]);
    words(&os2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_the_lengths_of_the_specification() {
        assert_eq!(head().len(), 54);
        assert_eq!(hhea().len(), 36);
        assert_eq!(os2().len(), 96);
        assert_eq!(cmap().len(), 12 + 32);
        assert_eq!(glyphs(2), [0, 1, 0, 1]);
    }
}
