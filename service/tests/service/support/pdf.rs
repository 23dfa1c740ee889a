//! Hand-written PDFs with pages of all relevant kinds.

use std::fmt::Write;

use super::streams;

/// A PDF in the making.
#[derive(Debug, Default)]
pub(crate) struct Pdf {
    /// Objects after the catalog, which is object 1, and the page tree, which is object 2.
    objects: Vec<Vec<u8>>,
    pages: Vec<usize>,
    /// Additional entries of the catalog.
    catalog: String,
}

/// A4, in points.
pub(crate) const WIDTH: f64 = 595.0;
pub(crate) const HEIGHT: f64 = 842.0;
/// Place of the first line of a text page: left edge and baseline, in points from the bottom left.
pub(crate) const FIRST_LINE: (f64, f64) = (72.0, 740.0);

impl Pdf {
    /// Lines of 14 pt Helvetica.
    pub(crate) fn text_page(self, lines: &[&str]) -> Self {
        self.text_page_with("", lines)
    }

    /// The same in another size.
    pub(crate) fn text_page_of(mut self, size: f64, lines: &[&str]) -> Self {
        let font = self.add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>");
        let content = text_content(size, size * 1.6, lines, 0);
        self.add_page(&format!("/Font<</F {font} 0 R>>"), "", &content);
        self
    }

    /// Lines of 14 pt Helvetica, with additional entries in the page's dictionary, such as `/Rotate 90`.
    pub(crate) fn text_page_with(mut self, extra: &str, lines: &[&str]) -> Self {
        let font = self.add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>");
        let content = text_content(14.0, 24.0, lines, 0);
        self.add_page(&format!("/Font<</F {font} 0 R>>"), extra, &content);
        self
    }

    /// Texts at places: left edge and baseline, in points from the bottom left.
    pub(crate) fn placed_page(
        mut self,
        font: &str,
        size: f64,
        texts: &[(f64, f64, String)],
    ) -> Self {
        let font = self.add(format!("<</Type/Font/Subtype/Type1/BaseFont/{font}>>"));
        let mut content = format!("BT /F {size} Tf\n");
        for (x, y, text) in texts {
            let _ = writeln!(content, "1 0 0 1 {x} {y} Tm ({text}) Tj");
        }
        content.push_str("ET");
        self.add_page(&format!("/Font<</F {font} 0 R>>"), "", &content);
        self
    }

    /// Small type from edge to edge, which takes a while to recognize.
    pub(crate) fn dense_page(mut self) -> Self {
        let font = self.add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>");
        let line =
            "the quick brown fox jumps over the lazy dog and runs away from all of it 0123456789 ";
        let lines: Vec<&str> = vec![line; 68];
        let content = text_content(9.0, 10.0, &lines, 0);
        self.add_page(&format!("/Font<</F {font} 0 R>>"), "", &content);
        self
    }

    /// A page that is one picture, as in a scan.
    pub(crate) fn scan_page(self, jpeg: &[u8], width: u32, height: u32) -> Self {
        self.scan_page_with_text(jpeg, width, height, &[], 0)
    }

    /// The same, with additional entries in the page's dictionary, such as `/Rotate 90`.
    pub(crate) fn scan_page_with(self, jpeg: &[u8], width: u32, height: u32, extra: &str) -> Self {
        self.scan(jpeg, width, height, &[], 0, extra)
    }

    /// A scan with text over it in a rendering mode: 0 is visible, 3 is invisible.
    pub(crate) fn scan_page_with_text(
        self,
        jpeg: &[u8],
        width: u32,
        height: u32,
        lines: &[&str],
        mode: u8,
    ) -> Self {
        self.scan(jpeg, width, height, lines, mode, "")
    }

    fn scan(
        mut self,
        jpeg: &[u8],
        width: u32,
        height: u32,
        lines: &[&str],
        mode: u8,
        extra: &str,
    ) -> Self {
        let font = self.add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>");
        let image = self.add_image(jpeg, width, height);
        let mut content = format!("q {WIDTH} 0 0 {HEIGHT} 0 0 cm /I Do Q\n");
        if !lines.is_empty() {
            content.push_str(&text_content(14.0, 24.0, lines, mode));
        }
        let resources = format!("/XObject<</I {image} 0 R>>/Font<</F {font} 0 R>>");
        self.add_page(&resources, extra, &content);
        self
    }

    /// A text page with a drawing on it. `drawing` is page content, in which `/I Do` places the picture.
    pub(crate) fn drawn_page(
        mut self,
        lines: &[&str],
        drawing: &str,
        (jpeg, width, height): (&[u8], u32, u32),
    ) -> Self {
        let font = self.add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>");
        let image = self.add_image(jpeg, width, height);
        let content = format!("{}\n{drawing}", text_content(14.0, 24.0, lines, 0));
        let resources = format!("/XObject<</I {image} 0 R>>/Font<</F {font} 0 R>>");
        self.add_page(&resources, "", &content);
        self
    }

    /// A scan with a form over it that has no resources of its own and uses the page's font.
    pub(crate) fn borrowing_page(mut self, jpeg: &[u8], width: u32, height: u32) -> Self {
        let form = "q BT /F 40 Tf 72 300 Td (borrowed) Tj ET Q";
        let form = self.add(format!(
            "<</Type/XObject/Subtype/Form/BBox[0 0 {WIDTH} {HEIGHT}]/Length {}>>stream\n{form}\nendstream",
            form.len()
        ));
        let font = self.add("<</Type/Font/Subtype/Type1/BaseFont/Courier>>");
        let image = self.add_image(jpeg, width, height);
        let content = format!("q {WIDTH} 0 0 {HEIGHT} 0 0 cm /I Do Q /X Do");
        let resources = format!("/XObject<</I {image} 0 R/X {form} 0 R>>/Font<</F {font} 0 R>>");
        self.add_page(&resources, "", &content);
        self
    }

    /// A page with `count` bars in a Type 3 font, which does not state their characters.
    pub(crate) fn unmapped_page(mut self, count: usize) -> Self {
        let glyph = stream("500 0 0 0 400 700 d1 0 0 400 700 re f");
        let glyph = self.add(glyph);
        let font = self.add(format!(
            "<</Type/Font/Subtype/Type3/FontBBox[0 0 500 700]/FontMatrix[.001 0 0 .001 0 0]/FirstChar 1/LastChar 1\
             /Widths[500]/Encoding<</Differences[1/g1]>>/CharProcs<</g1 {glyph} 0 R>>/Resources<<>>>>"
        ));
        let text = "\\001".repeat(count);
        let content = format!("BT /F 14 Tf 72 740 Td ({text}) Tj ET");
        self.add_page(&format!("/Font<</F {font} 0 R>>"), "", &content);
        self
    }

    /// A text page with a stamp, which is an annotation and not in the page's content.
    pub(crate) fn stamped_page(mut self, lines: &[&str], stamp: &str) -> Self {
        let font = self.add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>");
        let appearance = format!("BT /F 20 Tf 5 10 Td ({stamp}) Tj ET");
        let appearance = self.add(format!(
            "<</Type/XObject/Subtype/Form/BBox[0 0 200 40]/Resources<</Font<</F {font} 0 R>>>>/Length {}>>stream\n\
             {appearance}\nendstream",
            appearance.len()
        ));
        let stamp = self.add(format!(
            "<</Type/Annot/Subtype/Stamp/Rect[72 400 272 440]/F 4/AP<</N {appearance} 0 R>>>>"
        ));
        let content = text_content(14.0, 24.0, lines, 0);
        let extra = format!("/Annots[{stamp} 0 R]");
        self.add_page(&format!("/Font<</F {font} 0 R>>"), &extra, &content);
        self
    }

    /// Adds an image of gray and returns its number.
    pub(crate) fn add_image(&mut self, jpeg: &[u8], width: u32, height: u32) -> usize {
        let image = format!(
            "/Type/XObject/Subtype/Image/Width {width}/Height {height}/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/DCTDecode"
        );
        self.add(streams::stream(&image, jpeg))
    }

    /// A form with a filled field, whose value is not in the page's content. Without an appearance of the field,
    /// viewers draw the value themselves.
    pub(crate) fn form_page(mut self, lines: &[&str], value: &str, appearance: bool) -> Self {
        let font = self.add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>");
        let resources = format!("/Font<</F {font} 0 R>>");
        let appearance = if appearance {
            let drawn = format!("/Tx BMC BT /F 14 Tf 2 6 Td ({value}) Tj ET EMC");
            let drawn = self.add(format!(
                "<</Type/XObject/Subtype/Form/BBox[0 0 300 24]/Resources<<{resources}>>/Length {}>>stream\n\
                 {drawn}\nendstream",
                drawn.len()
            ));
            format!("/AP<</N {drawn} 0 R>>")
        } else {
            String::new()
        };
        let field = self.add(format!(
            "<</Type/Annot/Subtype/Widget/FT/Tx/T(name)/V({value})/DA(/F 14 Tf 0 g)/Rect[72 600 372 624]/F 4\
             {appearance}>>"
        ));
        self.catalog = format!(
            "/AcroForm<</Fields[{field} 0 R]/NeedAppearances true/DA(/F 14 Tf 0 g)/DR<<{resources}>>>>"
        );
        let content = text_content(14.0, 24.0, lines, 0);
        self.add_page(&resources, &format!("/Annots[{field} 0 R]"), &content);
        self
    }

    /// Text by glyph numbers, in a font that does not state their characters.
    pub(crate) fn glyph_page(mut self, text: &str) -> Self {
        let descriptor = self.add(
            "<</Type/FontDescriptor/FontName/ABCDEF+Arial/Flags 4/FontBBox[0 -200 1000 900]/ItalicAngle 0/Ascent 900\
             /Descent -200/CapHeight 700/StemV 80>>",
        );
        let inner = self.add(format!(
            "<</Type/Font/Subtype/CIDFontType2/BaseFont/ABCDEF+Arial/CIDToGIDMap/Identity/DW 600\
             /CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>/FontDescriptor {descriptor} 0 R>>"
        ));
        let font = self.add(format!(
            "<</Type/Font/Subtype/Type0/BaseFont/ABCDEF+Arial/Encoding/Identity-H/DescendantFonts[{inner} 0 R]>>"
        ));
        // As in common fonts, a letter's glyph is 29 below its code.
        let glyphs: String = text
            .bytes()
            .map(|byte| format!("{:04x}", u16::from(byte) - 29))
            .collect();
        let content = format!("BT /F 14 Tf 72 740 Td <{glyphs}> Tj ET");
        self.add_page(&format!("/Font<</F {font} 0 R>>"), "", &content);
        self
    }

    /// Text in a TrueType font of few glyphs, numbered from 1 in the order of their first use, that does not state
    /// their characters.
    pub(crate) fn subset_page(mut self, text: &str) -> Self {
        let descriptor = self.add(
            "<</Type/FontDescriptor/FontName/ABCDEF+Arial/Flags 4/FontBBox[0 -200 1000 900]/ItalicAngle 0/Ascent 900\
             /Descent -200/CapHeight 700/StemV 80>>",
        );
        let font = self.add(format!(
            "<</Type/Font/Subtype/TrueType/BaseFont/ABCDEF+Arial/FirstChar 0/LastChar 1/Widths[600 600]\
             /FontDescriptor {descriptor} 0 R>>"
        ));
        let mut seen = Vec::new();
        let codes: String = text
            .chars()
            .map(|c| {
                let at = seen
                    .iter()
                    .position(|other| *other == c)
                    .unwrap_or_else(|| {
                        seen.push(c);
                        seen.len() - 1
                    });
                format!("{:02x}", at + 1)
            })
            .collect();
        let content = format!("BT /F 14 Tf 72 740 Td <{codes}> Tj ET");
        self.add_page(&format!("/Font<</F {font} 0 R>>"), "", &content);
        self
    }

    /// Adds entries to the catalog, such as `/OpenAction 5 0 R`.
    pub(crate) fn with_catalog(mut self, more: &str) -> Self {
        self.catalog.push_str(more);
        self
    }

    /// Embeds files. It may be called once, because the catalog has one list of names.
    pub(crate) fn attached(mut self, files: &[(&str, &[u8])]) -> Self {
        let mut names = String::new();
        for (name, bytes) in files {
            let file = self.add(streams::stream("/Type/EmbeddedFile", bytes));
            let _ = write!(
                names,
                "({name}) <</Type/Filespec/F({name})/UF({name})/EF<</F {file} 0 R>>>> "
            );
        }
        self.with_catalog(&format!("/Names<</EmbeddedFiles<</Names[{names}]>>>>"))
    }

    pub(crate) fn add_page(&mut self, resources: &str, extra: &str, content: &str) {
        let extra = format!("/MediaBox[0 0 {WIDTH} {HEIGHT}]{extra}");
        self.add_page_of(resources, &extra, content);
    }

    /// A page whose size is in `extra`.
    pub(crate) fn add_page_of(&mut self, resources: &str, extra: &str, content: &str) {
        let content = self.add(stream(content));
        let page = self.add(format!(
            "<</Type/Page/Parent 2 0 R/Contents {content} 0 R/Resources<<{resources}>>{extra}>>"
        ));
        self.pages.push(page);
    }

    /// Adds these entries to the catalog.
    pub(crate) fn catalog(&mut self, entries: &str) {
        self.catalog.push_str(entries);
    }

    /// Adds an object and returns its number.
    pub(crate) fn add(&mut self, object: impl Into<Vec<u8>>) -> usize {
        self.objects.push(object.into());
        self.objects.len() + 2
    }

    /// Number of the next object.
    pub(crate) fn next(&self) -> usize {
        self.objects.len() + 3
    }

    /// The file.
    pub(crate) fn build(&self) -> Vec<u8> {
        let kids: Vec<String> = self
            .pages
            .iter()
            .map(|page| format!("{page} 0 R"))
            .collect();
        let catalog = format!("<</Type/Catalog/Pages 2 0 R{}>>", self.catalog).into_bytes();
        let tree = format!(
            "<</Type/Pages/Kids[{}]/Count {}>>",
            kids.join(" "),
            kids.len()
        );
        let mut file = b"%PDF-1.7\n".to_vec();
        let mut offsets = Vec::new();
        let all = [catalog, tree.into_bytes()];
        for (number, object) in all.iter().chain(&self.objects).enumerate() {
            offsets.push(file.len());
            file.extend_from_slice(format!("{} 0 obj\n", number + 1).as_bytes());
            file.extend_from_slice(object);
            file.extend_from_slice(b"\nendobj\n");
        }
        let start = file.len();
        let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", offsets.len() + 1);
        for offset in &offsets {
            let _ = writeln!(table, "{offset:010} 00000 n ");
        }
        let _ = write!(
            table,
            "trailer\n<</Size {}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n",
            offsets.len() + 1
        );
        file.extend_from_slice(table.as_bytes());
        file
    }
}

fn stream(content: &str) -> String {
    format!("<</Length {}>>stream\n{content}\nendstream", content.len())
}

fn text_content(size: f64, leading: f64, lines: &[&str], mode: u8) -> String {
    let (x, y) = FIRST_LINE;
    let x = if size < 10.0 { 20.0 } else { x };
    let mut content = format!("BT /F {size} Tf {mode} Tr {leading} TL {x} {y} Td\n");
    for line in lines {
        let _ = writeln!(content, "({line}) Tj T*");
    }
    content.push_str("ET");
    content
}
