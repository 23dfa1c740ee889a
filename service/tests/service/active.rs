//! Active content that a searchable PDF leaves out, as other programs see it.
#![allow(
    clippy::disallowed_methods,
    reason = "the tests inspect files with poppler's programs and qpdf"
)]

use std::process::Command;

use crate::support::pdf::Pdf;
use crate::support::{Reply, Request, Server, scan};

fn searchable(server: &Server, query: &str, document: &[u8]) -> Reply {
    let request = Request::post(&format!("/v1/ocr{query}"), document);
    let reply = server.send_with_key(request.header("Accept", "application/pdf"));
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply
}

/// Output of a program about a file.
fn seen_by(program: &str, args: &[&str], file: &[u8]) -> String {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("a.pdf"), file).unwrap();
    let output = Command::new(program)
        .args(args)
        .current_dir(directory.path())
        .output()
        .expect("poppler-utils and qpdf should be installed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    format!("{text}{}", String::from_utf8_lossy(&output.stderr))
}

/// A scan and a text page, with active content of each kind.
fn armed() -> Vec<u8> {
    let jpeg = scan::jpeg(&scan::page(&["Payable at once"]));
    let mut pdf = Pdf::default().scan_page(&jpeg, 2480, 3508);
    let script = "/S/JavaScript/JS(app.alert\\(1\\))";
    let link = |action: &str| format!("<</Type/Annot/Subtype/Link/Rect[0 0 99 99]/A<<{action}>>>>");
    let annotations: Vec<String> = [
        link(script),
        link("/S/Launch/F(calc.exe)"),
        link("/S/GoTo/D[3 0 R/Fit]/Next[<</S/SubmitForm/F(http://example.org)>>]"),
        link("/S/URI/URI(javascript:alert\\(1\\))"),
        link("/S/URI/URI(https://example.org/kept)"),
        link("/S/ImportData/F(a.fdf)"),
        link("/S/GoToR/F(other.pdf)/D[0/Fit]"),
        link("/S/GoToE/T<</R/C/N(invoice)>>"),
        link("/S/Rendition/OP 0/JS(app.alert\\(3\\))"),
        link("/S/Sound/Sound 3 0 R"),
        "<</Type/Annot/Subtype/Widget/Rect[0 0 9 9]/AA<</K<</S/JavaScript/JS(app.alert\\(2\\))>>>>>>".to_owned(),
    ]
    .into();
    let extra = format!("/AA<</O<<{script}>>>>/Annots[{}]", annotations.join(" "));
    let font = pdf.add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>");
    let resources = format!("/Font<</AA {font} 0 R/EF {font} 0 R/A {font} 0 R>>");
    pdf.add_page(
        &resources,
        &extra,
        "BT /AA 14 Tf 72 740 Td (Text of) Tj /EF 14 Tf ( the page) Tj ET",
    );
    let payload = pdf.add("<</Type/EmbeddedFile/Length 14>>stream\nMZ the payload\nendstream");
    pdf.with_catalog(&format!(
        "/OpenAction<<{script}>>/AA<</WC<<{script}>>>>/Names<</JavaScript<</Names[(a)<<{script}>>]>>\
         /EmbeddedFiles<</Names[(evil.exe)<</Type/Filespec/F(evil.exe)/EF<</F {payload} 0 R>>>>]>>>>\
         /AcroForm<</Fields[]/XFA(<xdp/>)>>"
    ))
    .build()
}

#[test]
fn removes_active_content_from_searchable_pdfs() {
    let server = Server::start(&[]);
    let armed = armed();
    assert!(seen_by("pdfinfo", &["-js", "a.pdf"], &armed).contains("app.alert"));
    assert!(seen_by("pdfdetach", &["-list", "a.pdf"], &armed).contains("evil.exe"));
    for query in ["", "?pages=2", "?active=remove"] {
        let reply = searchable(&server, query, &armed);
        let header = reply.header("x-ocr-active").unwrap().to_owned();
        for kind in [
            "javascript",
            "launch",
            "open-action",
            "submit",
            "attachments",
            "xfa",
            "media",
            "action",
        ] {
            assert!(header.contains(kind), "{kind} in {header}");
        }
        assert!(header.starts_with("removed;what="), "{header}");
        let file = reply.body;
        assert!(!seen_by("pdfinfo", &["-js", "a.pdf"], &file).contains("alert"));
        assert!(seen_by("pdfdetach", &["-list", "a.pdf"], &file).starts_with("0 embedded"));
        let plain = seen_by(
            "qpdf",
            &["--qdf", "--object-streams=disable", "a.pdf", "-"],
            &file,
        );
        for gone in [
            "JavaScript",
            "alert",
            "Launch",
            "calc.exe",
            "OpenAction",
            "SubmitForm",
            "EmbeddedFile",
            "evil.exe",
            "payload",
            "XFA",
            "ImportData",
            "GoToR",
            "GoToE",
            "Rendition",
            "javascript:",
        ] {
            assert!(!plain.contains(gone), "{gone}");
        }
        assert!(
            plain.contains("https://example.org/kept"),
            "a link is a link"
        );
        let checked = seen_by("qpdf", &["--check", "a.pdf"], &file);
        assert!(
            checked.contains("No syntax or stream encoding errors"),
            "{checked}"
        );
        let text = seen_by("pdftotext", &["-layout", "a.pdf", "-"], &file);
        assert!(text.contains("Text of the page"), "{text}");
        assert_eq!(
            text.contains("Payable at once"),
            query != "?pages=2",
            "{text}"
        );
    }
}

#[test]
fn keeps_active_content_on_request() {
    let server = Server::start(&[]);
    let reply = searchable(&server, "?active=keep", &armed());
    assert_eq!(reply.header("x-ocr-active"), None);
    assert!(seen_by("pdfinfo", &["-js", "a.pdf"], &reply.body).contains("app.alert"));
    assert!(seen_by("pdfdetach", &["-list", "a.pdf"], &reply.body).contains("evil.exe"));
    let plain = Pdf::default().text_page(&["Nothing runs here"]).build();
    assert_eq!(searchable(&server, "", &plain).header("x-ocr-active"), None);
}
