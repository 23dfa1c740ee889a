//! Documents whose content is not in their pages: attachments and XFA forms.

use ocr_api::answer::CodesAnswer;
use ocr_api::inspection::Inspection;
use ocr_api::issue::{Issue, IssueCode};
use ocr_api::problem::ProblemKind;

use crate::support::pdf::Pdf;
use crate::support::streams::{deflate, stream};
use crate::support::{Request, Server, scan};

fn codes_of(issues: &[Issue]) -> Vec<IssueCode> {
    issues.iter().map(|issue| issue.code).collect()
}

fn letter(text: &str) -> Pdf {
    Pdf::default().text_page(&[text])
}

#[test]
fn lists_attachments_and_reads_them_on_request() {
    let server = Server::start(&[]);
    let inner = letter("IBAN DE89 3704 0044 0532 0130 00").build();
    let picture = scan::png(&scan::page(&["Attached picture"]));
    let files: [(&str, &[u8]); 4] = [
        ("invoice.pdf", &inner),
        ("scan.png", &picture),
        ("data.xml", b"<?xml version='1.0'?><a/>"),
        ("3", &inner),
    ];
    let document = letter("The cover").attached(&files).build();
    let answer = server.answer("", &document);
    assert_eq!(answer.pages[0].text, "The cover\n");
    assert!(answer.complete);
    let listed: Vec<(u32, &str)> = answer
        .document
        .attachments
        .iter()
        .map(|one| (one.number, one.name.as_str()))
        .collect();
    for (name, bytes) in files {
        let found = answer
            .document
            .attachments
            .iter()
            .find(|one| one.name == name);
        assert_eq!(found.unwrap().bytes, Some(bytes.len() as u64), "{name}");
    }
    for accept in ["text/plain", "text/html", "application/pdf"] {
        let request = Request::post("/v1/ocr", document.clone()).header("Accept", accept);
        let reply = server.send_with_key(request);
        let header = reply.header("x-ocr-attachments").unwrap_or_default();
        let picture = format!(";name=%\"scan.png\";bytes={}", picture.len());
        assert!(header.contains(&picture), "{accept}: {header}");
    }
    // By name, as a list of names has to be.
    let place = |name: &str| listed.iter().find(|one| one.1 == name).unwrap().0;
    assert_eq!(listed.len(), 4, "{listed:?}");
    assert_eq!(codes_of(&answer.issues), [IssueCode::Attachments]);
    assert_eq!(
        server.ocr("?strict=2", &document).status,
        200,
        "they are separate documents"
    );

    let by_name = server.answer("?attachment=invoice.pdf", &document);
    assert_eq!(by_name.pages[0].text, "IBAN DE89 3704 0044 0532 0130 00\n");
    assert_eq!(by_name.document.name.as_deref(), Some("invoice.pdf"));
    assert!(by_name.issues.is_empty() && by_name.document.attachments.is_empty());
    let alone = server.answer("", &inner);
    assert_eq!(by_name.document.sha256, alone.document.sha256);
    let by_number = server.answer(&format!("?attachment={}", place("scan.png")), &document);
    assert_eq!(by_number.pages[0].text, "Attached picture\n");
    // A name has priority over a number.
    assert_eq!(
        server
            .answer("?attachment=3", &document)
            .document
            .name
            .as_deref(),
        Some("3")
    );

    let codes = Request::post("/v1/codes?attachment=invoice.pdf", document.clone());
    let codes: CodesAnswer = serde_json::from_slice(&server.send_with_key(codes).body).unwrap();
    assert_eq!(codes.codes[0].value, "DE89370400440532013000");
    let inspect = Request::post("/v1/inspect", document.clone());
    let inspected: Inspection =
        serde_json::from_slice(&server.send_with_key(inspect).body).unwrap();
    assert_eq!(inspected.document.attachments.len(), 4);
    assert_eq!(codes_of(&inspected.issues), [IssueCode::Attachments]);

    for (query, kind) in [
        ("?attachment=data.xml", ProblemKind::Type),
        ("?attachment=other.pdf", ProblemKind::Malformed),
        ("?attachment=5", ProblemKind::Malformed),
        ("?attachment=0", ProblemKind::Malformed),
        ("?attachment=", ProblemKind::Malformed),
    ] {
        assert_eq!(server.ocr(query, &document).problem().kind, kind, "{query}");
    }
    assert_eq!(
        server.ocr("?attachment=1", &picture).problem().kind,
        ProblemKind::Malformed
    );
}

#[test]
fn applies_document_limits_to_attachments() {
    let server = Server::start(&["--max-upload", "1MB"]);
    let zeros = vec![0; 3_000_000];
    let mut pdf = letter("The cover");
    let file = stream("/Type/EmbeddedFile/Filter/FlateDecode", &deflate(&zeros));
    let file = pdf.add(file);
    let names = format!(
        "/Names<</EmbeddedFiles<</Names[(a) <</Type/Filespec/F(a)/EF<</F {file} 0 R>>>>]>>>>"
    );
    let document = pdf.with_catalog(&names).build();
    let answer = server.answer("", &document);
    assert!(answer.complete);
    assert_eq!(answer.document.attachments[0].bytes, Some(3_000_000));
    assert_eq!(
        server.ocr("?attachment=a", &document).problem().kind,
        ProblemKind::Corrupt
    );
}

#[test]
fn reports_portfolios() {
    let server = Server::start(&[]);
    let inner = letter("Inside").build();
    for more in ["/Collection<</View/T>>", "/PageMode/UseAttachments"] {
        let document = letter("Open this in another viewer")
            .attached(&[("a.pdf", &inner)])
            .with_catalog(more)
            .build();
        let answer = server.answer("", &document);
        assert_eq!(codes_of(&answer.issues), [IssueCode::Portfolio], "{more}");
        let listed = &answer.document.attachments;
        assert_eq!(
            (listed[0].name.as_str(), listed[0].bytes),
            ("a.pdf", Some(inner.len() as u64))
        );
        let problem = server.ocr("?strict=2", &document).problem();
        assert_eq!(problem.kind, ProblemKind::Incomplete);
        assert_eq!(codes_of(&problem.issues), [IssueCode::Portfolio]);
    }
}

#[test]
fn reports_dynamic_xfa_forms() {
    let server = Server::start(&[]);
    let form = |needs_rendering: &str| {
        let mut pdf = letter("Please wait...");
        let xfa = pdf.add("<</Length 11>>stream\n<xdp:xdp/>  \nendstream");
        let catalog = format!("/AcroForm<</Fields[]/XFA {xfa} 0 R>>{needs_rendering}");
        pdf.with_catalog(&catalog).build()
    };
    let dynamic = form("/NeedsRendering true");
    let answer = server.answer("", &dynamic);
    assert_eq!(codes_of(&answer.issues), [IssueCode::XfaForm]);
    assert_eq!(server.ocr("?strict=1", &dynamic).status, 200);
    let problem = server.ocr("?strict=2", &dynamic).problem();
    assert_eq!(codes_of(&problem.issues), [IssueCode::XfaForm]);
    // A static form has its fields in the pages as well.
    assert!(server.answer("", &form("")).issues.is_empty());

    for accept in ["text/plain", "text/html", "application/pdf"] {
        let request = Request::post("/v1/ocr", dynamic.clone()).header("Accept", accept);
        let reply = server.send_with_key(request);
        assert_eq!(reply.header("x-ocr-issues"), Some("xfa_form"), "{accept}");
    }
}
