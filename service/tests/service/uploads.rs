//! Uploads: forms with parameters, file names, compressed bodies, and bodies crafted to use memory.

use std::io::Write;
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;
use ocr_api::answer::{CodesAnswer, Method};
use ocr_api::inspection::Inspection;
use ocr_api::problem::ProblemKind;

use crate::support::client::{connect, read_reply};
use crate::support::pdf::Pdf;
use crate::support::process::{peak_memory, wait_for};
use crate::support::streams::{deflate, gzip};
use crate::support::{Reply, Request, Server};

const BOUNDARY: &str = "multipart/form-data; boundary=edge";

fn two_pages() -> Vec<u8> {
    Pdf::default()
        .text_page(&["first page"])
        .text_page(&["second page"])
        .build()
}

fn field(name: &str, value: &str) -> Vec<u8> {
    format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        .into_bytes()
}

fn file(disposition: &[u8], document: &[u8]) -> Vec<u8> {
    [
        b"--edge\r\nContent-Disposition: form-data; name=\"file\"; ",
        disposition,
        b"\r\n\r\n",
        document,
        b"\r\n",
    ]
    .concat()
}

fn form(path: &str, parts: &[Vec<u8>]) -> Request {
    let body = [&parts.concat()[..], b"--edge--\r\n"].concat();
    Request::post(path, body).header("Content-Type", BOUNDARY)
}

#[track_caller]
fn refused(reply: &Reply, kind: ProblemKind, hint: &str) {
    let problem = reply.problem();
    assert_eq!(problem.kind, kind, "{}", problem.detail);
    assert!(
        problem.detail.contains(hint),
        "`{hint}`: {}",
        problem.detail
    );
}

#[test]
fn parameters_in_a_form_work_like_those_in_a_query() {
    let server = Server::start(&["--workers", "1"]);
    let document = file(b"filename=\"a.pdf\"", &two_pages());
    let send = |path: &str, before: &[Vec<u8>], after: &[Vec<u8>]| {
        let parts = [before, std::slice::from_ref(&document), after].concat();
        server.send_with_key(form(path, &parts))
    };
    let pages =
        |reply: Reply| -> Vec<u32> { reply.answer().pages.iter().map(|page| page.page).collect() };
    let second = [field("pages", "2")];
    assert_eq!(pages(send("/v1/ocr", &second, &[])), [2]);
    assert_eq!(pages(send("/v1/ocr", &[], &second)), [2]);
    assert_eq!(pages(send("/v1/ocr?pages=2", &second, &[])), [2]);
    assert_eq!(pages(send("/v1/ocr?mode=text", &[], &second)), [2]);
    assert_eq!(pages(send("/v1/ocr", &[], &[])), [1, 2]);
    let answer = send("/v1/ocr", &[field("mode", "ocr")], &second).answer();
    assert_eq!(answer.pages[0].method, Some(Method::Ocr));
    let codes = send("/v1/codes", &[field("codes", "iban")], &second);
    let codes: CodesAnswer = serde_json::from_slice(&codes.body).unwrap();
    assert_eq!(codes.pages.len(), 1);
    let inspection = send("/v1/inspect", &second, &[]);
    let inspection: Inspection = serde_json::from_slice(&inspection.body).unwrap();
    assert_eq!(inspection.pages.len(), 1);

    for (path, fields, hint) in [
        ("/v1/ocr", vec![field("lang", "xyz")], "Available: eng"),
        ("/v1/ocr", vec![field("strict", "maybe")], "`strict`"),
        ("/v1/ocr", vec![field("codes", "ibans")], "`codes`"),
        (
            "/v1/ocr",
            vec![field("page", "2")],
            "a part `page`, which is not a parameter. The parameters are `lang`",
        ),
        (
            "/v1/ocr?pages=1",
            second.to_vec(),
            "`pages` is `1` in the query and `2` in the form",
        ),
        (
            "/v1/ocr",
            [second.clone(), second.clone()].concat(),
            "`pages` is given twice",
        ),
        (
            "/v1/ocr",
            vec![document.clone()],
            "several parts named `file`",
        ),
    ] {
        refused(&send(path, &fields, &[]), ProblemKind::Malformed, hint);
        refused(&send(path, &[], &fields), ProblemKind::Malformed, hint);
    }
}

#[test]
fn keeps_the_file_name_of_the_client() {
    let server = Server::start(&["--workers", "1"]);
    for (disposition, wanted) in [
        ("filename=\"Übersicht €.pdf\"".as_bytes(), "Übersicht €.pdf"),
        (b"filename=\"\xdcbersicht.pdf\"", "Übersicht.pdf"),
        (b"filename*=UTF-8''%C3%9Cbersicht.pdf", "Übersicht.pdf"),
        (
            b"filename=\"x.pdf\"; filename*=iso-8859-1'de'%DCbersicht.pdf",
            "Übersicht.pdf",
        ),
        (b"filename=\"..\\\\..\\\\a %22b%22.pdf\"", "a \"b\".pdf"),
        (b"filename=plain.pdf", "plain.pdf"),
    ] {
        let request = form("/v1/ocr", &[file(disposition, &two_pages())]);
        let answer = server.send_with_key(request).answer();
        assert_eq!(answer.document.name.as_deref(), Some(wanted));
    }
}

#[test]
fn reads_compressed_bodies_and_names_the_supported_codings() {
    let server = Server::start(&["--workers", "1"]);
    let document = two_pages();
    let plain = server.answer("", &document);
    let send = |coding: &str, body: Vec<u8>| {
        let request = Request::post("/v1/ocr", body).header("Content-Encoding", coding);
        server.send_with_key(request)
    };
    for reply in [
        send("gzip", gzip(&document)),
        send("X-GZip", gzip(&document)),
        send("deflate", deflate(&document)),
        send("identity", document.clone()),
    ] {
        let answer = reply.answer();
        assert_eq!(answer.document.sha256, plain.document.sha256);
        assert_eq!(answer.pages[1].text, "second page\n");
    }
    let body = [
        file(b"filename=a.pdf", &document),
        field("pages", "2"),
        b"--edge--".to_vec(),
    ];
    let request = Request::post("/v1/ocr", gzip(&body.concat()))
        .header("Content-Type", BOUNDARY)
        .header("Content-Encoding", "gzip");
    assert_eq!(server.send_with_key(request).answer().pages.len(), 1);

    for coding in ["br", "zstd", "compress", "gzip, gzip"] {
        let reply = send(coding, document.clone());
        refused(&reply, ProblemKind::Encoding, "gzip, deflate");
        assert_eq!(
            (reply.status, reply.header("accept-encoding")),
            (415, Some("gzip, deflate"))
        );
    }
    let whole = gzip(&document);
    for wrong in [
        &document[..],
        &whole[..whole.len() - 3],
        &[&whole[..], b"x"].concat(),
    ] {
        refused(
            &send("gzip", wrong.to_vec()),
            ProblemKind::Malformed,
            "Content-Encoding",
        );
    }
    let chunked = format!("{:x}\r\n", whole.len()).into_bytes();
    let chunked = [&chunked[..], &whole, b"\r\n0\r\n\r\n"].concat();
    let coded = Request::post("/v1/ocr", chunked).header("Transfer-Encoding", "gzip, chunked");
    refused(
        &server.send_with_key(coded),
        ProblemKind::Malformed,
        "transfer coding `gzip`",
    );
    let coded = Request::post("/v1/ocr", whole).header("Transfer-Encoding", "gzip");
    let mut stream = connect(&server.address).unwrap();
    coded.key(&server.key).send_over(&mut *stream);
    assert_eq!(read_reply(&mut *stream).unwrap().status, 400);
}

#[test]
fn rejects_a_compressed_body_as_soon_as_it_is_too_large() {
    let server = Server::start(&["--workers", "1", "--max-upload", "2MB"]);
    let before = peak_memory(server.pid());
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(b"%PDF-1.7").unwrap();
    for _ in 0..500 {
        encoder.write_all(&[b' '; 1_000_000]).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 1_000_000);
    // The decoded bytes are charged, however few arrived.
    let empty_blocks = [
        &b"\x1f\x8b\x08\0\0\0\0\0\0\xff"[..],
        &b"\0\0\0\xff\xff".repeat(600_000),
    ]
    .concat();
    for body in [bomb, empty_blocks] {
        let request = Request::post("/v1/ocr", body).header("Content-Encoding", "gzip");
        refused(
            &server.send_with_key(request),
            ProblemKind::TooLarge,
            "2000000 bytes",
        );
    }
    let grown = peak_memory(server.pid()) - before;
    assert!(grown < 30_000_000, "{grown}");
}

#[test]
fn charges_a_compressed_body_while_it_arrives() {
    let server = Server::start(&["--workers", "1", "--max-upload", "2MB", "--memory", "2MB"]);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&[b' '; 1_500_000]).unwrap();
    encoder.flush().unwrap();
    let body = encoder.get_ref().clone();
    assert!(body.len() < 10_000);
    let request = Request::post("/v1/ocr", body)
        .header("Content-Encoding", "gzip")
        .header("Content-Length", "1000000")
        .key(&server.key);
    let stalled = || {
        let mut stream = connect(&server.address).unwrap();
        request.send_over(&mut *stream);
        stream
    };
    let mut stream = stalled();
    // Two of these have room beside each other.
    let large = [&b"%PDF-1.7"[..], &[b' '; 900_000]].concat();
    wait_for("there is no room for another document", || {
        let full = server.ocr("", &large).status == 503;
        if !full {
            // If this document was the first to arrive, there was no room for the compressed one, which was refused.
            stream = stalled();
        }
        full
    });
    drop(stream);
    wait_for("there is room again", || {
        server.ocr("", &large).status != 503
    });
}

/// Bodies of a form that never reaches its file, each of this many bytes.
fn endless(bytes: usize) -> Vec<(&'static str, Vec<u8>)> {
    let fill = |start: &[u8], piece: &[u8]| {
        let mut body = start.to_vec();
        while body.len() < bytes {
            body.extend_from_slice(piece);
        }
        body.truncate(bytes);
        body
    };
    let document = file(b"filename=a.pdf", &two_pages());
    vec![
        ("preamble", fill(b"", b"\r\n--edg")),
        ("head", fill(b"--edge\r\nX: ", b"x")),
        ("header lines", fill(b"--edge\r\n", b"X: y\r\n")),
        (
            "unknown part",
            fill(
                b"--edge\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n",
                b"x",
            ),
        ),
        (
            "parameter",
            fill(
                b"--edge\r\nContent-Disposition: form-data; name=\"codes\"\r\n\r\n",
                b"x",
            ),
        ),
        ("padding", fill(b"--edge", b" ")),
        (
            "epilogue",
            fill(&[&document[..], b"--edge--"].concat(), b"\r\n--edge"),
        ),
        ("tiny parts", fill(b"", &field("lang", "eng"))),
    ]
}

#[test]
fn rejects_forms_that_never_reach_a_file_without_using_memory() {
    const CLIENTS: usize = 34;
    const BYTES: usize = 12_000_000;
    let server = Server::start(&["--workers", "1"]);
    let before = peak_memory(server.pid());
    let bodies = endless(BYTES);
    thread::scope(|scope| {
        for at in 0..CLIENTS {
            let (what, body) = &bodies[at % bodies.len()];
            let server = &server;
            scope.spawn(move || {
                let request = Request::post("/v1/ocr", body.clone())
                    .header("Content-Type", BOUNDARY)
                    .key(&server.key);
                let reply = request.send(&server.address);
                assert_eq!(reply.problem().kind, ProblemKind::Malformed, "{what}");
            });
        }
    });
    // If they were held, they would take 400 MB.
    let grown = peak_memory(server.pid()) - before;
    assert!(grown < 100_000_000, "{grown}");
    assert!(server.answer("", &two_pages()).complete);
}
