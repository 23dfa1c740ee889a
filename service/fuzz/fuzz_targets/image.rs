#![no_main]

use ocr_api::answer::DocumentType;
use ocr_protocol::Overlay;
use ocr_server::document;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| image(bytes));

/// A document's type is that of its first bytes. An image has as many pixels as its header states, within the limit.
/// Any image that can be read can be put into a PDF.
fn image(bytes: &[u8]) {
    const MAX_PIXELS: u64 = 1 << 16;
    let Some(kind) = document::sniff(bytes) else {
        document::describe(bytes);
        return;
    };
    assert_eq!(document::sniff(&bytes[..bytes.len().min(1024)]), Some(kind));
    if kind == DocumentType::Pdf {
        return;
    }
    let Ok(counted) = ocr_image::count(kind, bytes) else {
        return;
    };
    let count = counted.pages;
    assert!(count >= 1);
    for index in [0, 1, count - 1] {
        let measured = ocr_image::measure(kind, bytes, index, MAX_PIXELS);
        let Ok(scan) = ocr_image::decode(kind, bytes, index, MAX_PIXELS) else {
            continue;
        };
        let pixels = u64::from(scan.width) * u64::from(scan.height);
        assert!(pixels <= MAX_PIXELS);
        assert_eq!(scan.pixels.len() as u64, pixels);
        let measured = measured.expect("what can be read can be measured");
        assert_eq!((measured.width, measured.height), (scan.width, scan.height));
        let page = Overlay {
            page: index + 1,
            width: scan.width,
            height: scan.height,
            rotation: 0,
            words: Vec::new(),
            beside_layer: false,
        };
        if let Ok(pdf) = ocr_image::as_pdf(kind, bytes, &[page], MAX_PIXELS) {
            assert!(pdf.starts_with(b"%PDF-"));
        }
    }
}
