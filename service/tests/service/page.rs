//! The page at `/` in Chromium, as people use it.

use std::path::PathBuf;

use ocr_api::keys::{KeyFile, Quota};
use serde_json::json;
use tempfile::TempDir;

use crate::support::browser::Browser;
use crate::support::pdf::Pdf;
use crate::support::process::wait_for;
use crate::support::{Request, Server, scan};

const IBAN: &str = "IBAN DE89 3704 0044 0532 0130 00";
const BOXES: &str = "document.querySelectorAll('#boxes rect:not(.code)').length";
const PICTURE: &str = "document.getElementById('image').complete && document.getElementById('image').naturalWidth > 300";
const READ: &str = "!document.getElementById('result').hidden";

fn file(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (directory, path)
}

fn browser(server: &Server) -> Browser {
    Browser::open(&format!("http://{}/", server.address))
}

/// Saves a screenshot, if the environment asks for it.
fn picture(browser: &mut Browser, name: &str) {
    if let Some(directory) = std::env::var_os("OCR_TEST_PICTURES") {
        let png = browser.call(
            "Page.captureScreenshot",
            json!({"captureBeyondViewport": true}),
        );
        let path = PathBuf::from(directory).join(format!("{name}.png.base64"));
        std::fs::write(path, png["data"].as_str().unwrap()).unwrap();
    }
}

#[test]
fn the_page_needs_no_key_and_loads_only_its_own_files() {
    let server = Server::start(&["--workers", "1"]);
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/page.js", "text/javascript; charset=utf-8"),
        ("/page.css", "text/css; charset=utf-8"),
    ] {
        let reply = server.send(&Request::get(path));
        assert_eq!(reply.status, 200, "{path}");
        assert_eq!(reply.header("content-type"), Some(kind));
        let policy = reply.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; "),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"));
        assert!(
            !reply.text().contains("://")
                || reply.text().matches("://").count()
                    == reply.text().matches("http://www.w3.org/").count()
        );
    }
}

#[test]
fn shows_a_dropped_document_with_words_and_codes() {
    let server = Server::start(&["--workers", "2"]);
    let mut browser = browser(&server);
    picture(&mut browser, "empty");
    let lines = ["Invoice 20417", "Please pay 318.50 to", IBAN];
    let document = Pdf::default()
        .text_page(&lines)
        .text_page(&["<b>Second</b> page"])
        .build();
    let (_directory, path) = file("invoice <i>.pdf", &document);
    let key = server.key.clone();
    browser.type_into("key", &key);
    browser.drop_on("#drop", &path);
    browser.wait(READ);
    browser.wait(PICTURE);
    let words = server.answer("", &document).pages[0].words.len();
    assert_eq!(browser.value(BOXES), words);
    picture(&mut browser, "pdf");

    // The box of a word is where the word is drawn: dark pixels within it, and none right above it.
    let ink = browser.value(
        "(() => { const image = document.getElementById('image'), canvas = document.createElement('canvas');
         canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
         const context = canvas.getContext('2d'); context.drawImage(image, 0, 0);
         const scale = image.naturalWidth / document.getElementById('boxes').viewBox.baseVal.width;
         const dark = (x, y, w, h) => { const d = context.getImageData(x, y, Math.max(w, 1), Math.max(h, 1)).data;
           let n = 0; for (let i = 0; i < d.length; i += 4) if (d[i] < 100) n++; return n; };
         return [...document.querySelectorAll('#boxes rect:not(.code)')].map((r) => {
           const [x, y, w, h] = ['x', 'y', 'width', 'height'].map((n) => r.getAttribute(n) * scale);
           return [dark(x, y, w, h), dark(x, y - h, w, h / 2)]; }); })()",
    );
    for word in ink.as_array().unwrap() {
        assert!(word[0].as_u64().unwrap() > 0 && word[1] == 0, "{ink}");
    }

    let codes = browser.text("codes");
    for shown in ["iban", "DE89370400440532013000", "passes", "text"] {
        assert!(codes.contains(shown), "{shown} in {codes}");
    }
    assert_eq!(
        browser.value("[...document.querySelectorAll('#boxes rect.code title')].filter((title) => title.textContent.startsWith('iban')).length"),
        1
    );
    assert!(browser.text("json").contains("\"DE89370400440532013000\""));

    browser.click("#after");
    browser.wait("document.getElementById('which').textContent.startsWith('Page 2 of 2')");
    browser.wait(PICTURE);
    assert_eq!(browser.text("text"), "<b>Second</b> page\n");
    assert_eq!(
        browser.value("document.querySelectorAll('main b, main i').length"),
        0
    );

    browser.value("window.saved = []; HTMLAnchorElement.prototype.click = function () { saved.push(this.download, this.href); }");
    browser.click("#downloads button");
    browser.wait("saved.length === 2");
    assert_eq!(browser.value("saved[0]"), "invoice <i>.pdf");
    let start =
        browser.value("fetch(saved[1]).then((r) => r.text(), () => 'blocked by the policy')");
    assert_eq!(
        start, "blocked by the policy",
        "connections go only to the service"
    );
    assert_eq!(browser.complaints(), json!(["connect-src blob"]));
}

#[test]
fn shows_images_of_all_formats() {
    let server = Server::start(&["--workers", "2"]);
    let mut browser = browser(&server);
    let key = server.key.clone();
    browser.type_into("key", &key);
    let page = scan::page(&["Scanned by hand", IBAN]);
    for (name, bytes) in [
        ("a.png", scan::png(&page)),
        ("a.tif", scan::tiff(std::slice::from_ref(&page))),
    ] {
        let (_directory, path) = file(name, &bytes);
        browser.drop_on("#drop", &path);
        browser.wait(&format!(
            "{READ} && document.getElementById('result-title').textContent.startsWith('{name}')"
        ));
        browser.wait(PICTURE);
        assert_eq!(browser.value(BOXES), 10, "{name}");
        assert!(browser.text("codes").contains("DE89370400440532013000"));
        picture(&mut browser, name);
    }
    assert_eq!(browser.complaints(), json!([]));
}

#[test]
fn explains_errors_in_words() {
    let server = Server::start(&["--workers", "1", "--max-upload", "20kB"]);
    let mut browser = browser(&server);
    let (_directory, path) = file("a.pdf", &Pdf::default().text_page(&["Text"]).build());
    let complaint = |browser: &mut Browser, words: &str| {
        browser.wait("!document.getElementById('problem').hidden");
        let shown = browser.text("problem");
        assert!(shown.contains(words), "{shown}");
    };
    // Without a key, nothing is sent.
    browser.drop_on("#drop", &path);
    assert_eq!(browser.text("status"), "");
    browser.type_into("key", "ocrk_wrong");
    browser.click("#again");
    complaint(&mut browser, "This API key is not accepted.");
    picture(&mut browser, "wrong-key");

    let key = server.key.clone();
    browser.type_into("key", &key);
    browser.click("#again");
    browser.wait(READ);
    assert_eq!(
        browser.value("document.getElementById('problem').hidden"),
        true
    );
    assert_eq!(browser.value("Object.keys(localStorage).length"), 0);
    assert!(browser.value("document.cookie") == "");

    let (_directory, large) = file(
        "large.pdf",
        &[b"%PDF-1.7".as_slice(), &[b' '; 60_000]].concat(),
    );
    browser.drop_on("#drop", &large);
    complaint(&mut browser, "The document is too large.");
    let (_directory, text) = file("a.txt", b"Dear Sir");
    browser.drop_on("#drop", &text);
    complaint(&mut browser, "This type of document is not supported.");

    let mut keys = KeyFile::parse(&std::fs::read(server.keys_file()).unwrap()).unwrap();
    keys.keys[0].quota = Some(Quota {
        requests_per_minute: Some(0),
        ..Quota::default()
    });
    std::fs::write(server.keys_file(), serde_json::to_vec(&keys).unwrap()).unwrap();
    wait_for("the quota is in force", || {
        server.ocr("", b"x").status == 429
    });
    browser.drop_on("#drop", &path);
    complaint(
        &mut browser,
        "Too many requests. Try again in 3600 seconds.",
    );
    assert_eq!(browser.complaints(), json!([]));
}
