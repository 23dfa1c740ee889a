//! A document that keeps the service busy: a scan, several times, as a PDF without text.

use std::io::Write;

/// Width, height and colour components of a JPEG's frame (ITU T.81, B.2.2).
fn frame(jpeg: &[u8]) -> Option<(u16, u16, u8)> {
    let number = |at: usize| Some(u16::from_be_bytes([*jpeg.get(at)?, *jpeg.get(at + 1)?]));
    let mut at = 2;
    loop {
        let marker = number(at)?;
        if matches!(marker, 0xffc0..=0xffc2) {
            return Some((number(at + 7)?, number(at + 5)?, *jpeg.get(at + 9)?));
        }
        at += 2 + usize::from(number(at + 2)?);
    }
}

/// A PDF with a JPEG, gray or in colours, on each of its pages.
pub(super) fn of_pages(jpeg: &[u8], pages: usize) -> Vec<u8> {
    let (width, height, components) = frame(jpeg).unwrap_or((1, 1, 1));
    let kids: String = (0..pages).map(|n| format!("{} 0 R ", n + 5)).collect();
    let draw = "q 595 0 0 842 0 0 cm /I Do Q";
    let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</XObject<</I 3 0 R>>>>>>";
    let colours = if components == 1 {
        "DeviceGray"
    } else {
        "DeviceRGB"
    };
    let image = format!(
        "<</Type/XObject/Subtype/Image/Width {width}/Height {height}/ColorSpace/{colours}/BitsPerComponent 8\
         /Filter/DCTDecode/Length {}>>stream\n",
        jpeg.len()
    );
    let mut objects: Vec<Vec<u8>> = vec![
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        format!("<</Type/Pages/Kids[{kids}]/Count {pages}>>").into_bytes(),
        [image.as_bytes(), jpeg, b"\nendstream"].concat(),
        format!("<</Length {}>>stream\n{draw}\nendstream", draw.len()).into_bytes(),
    ];
    objects.extend((0..pages).map(|_| page.as_bytes().to_vec()));
    let mut pdf = b"%PDF-1.4\n".to_vec();
    let mut places = Vec::new();
    for (at, object) in objects.iter().enumerate() {
        places.push(pdf.len());
        // A Vec takes all that is written.
        let _ = writeln!(pdf, "{} 0 obj", at + 1);
        pdf.extend(object);
        pdf.extend(b"\nendobj\n");
    }
    let table = pdf.len();
    let _ = write!(pdf, "xref\n0 {}\n0000000000 65535 f \n", places.len() + 1);
    for place in &places {
        let _ = writeln!(pdf, "{place:010} 00000 n ");
    }
    let _ = write!(
        pdf,
        "trailer<</Size {}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF\n",
        places.len() + 1
    );
    pdf
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_object_is_where_the_table_says() {
        let scan = include_bytes!("../../../../vagrant/documents/scan.jpg");
        assert!(frame(scan).is_some_and(|(width, height, _)| width > 500 && height > 500));
        let pdf = of_pages(scan, 3);
        let text = String::from_utf8_lossy(&pdf);
        assert!(text.contains("/Count 3"));
        let table = pdf.windows(5).rposition(|it| it == b"xref\n").unwrap();
        let entries = String::from_utf8_lossy(&pdf[table..]).into_owned();
        for (at, entry) in entries.lines().skip(3).take(7).enumerate() {
            let place: usize = entry[..10].parse().unwrap();
            let begin = format!("{} 0 obj", at + 1);
            assert!(pdf[place..].starts_with(begin.as_bytes()), "{entry}");
        }
    }
}
