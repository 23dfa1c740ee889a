//! Against a server that says what a test has it say, and writes down what it gets.

use std::io::{BufRead, BufReader, Read as _, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use super::*;

/// Each connection's request, head and body.
type Got = Arc<Mutex<Vec<String>>>;

const BEGIN: &str = r#"{"event":"document","id":"r1","release":"1.0","document":{"name":null,"type":"application/pdf","sha256":"00","pages":3},"requested":[1,3]}"#;
const END: &str = r#"{"event":"end","complete":true,"codes":[],"warnings":["w"]}"#;

fn page(number: u32, text: &str) -> String {
    serde_json::json!({
        "event": "page", "page": number, "status": "ok", "method": "ocr", "width": 10, "height": 10, "dpi": 300, "rotation": 0,
        "confidence": 90.0, "text": text, "words": [{"text": text, "confidence": 90.0, "box": [0, 0, 1, 1]}], "ms": 7
    })
    .to_string()
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

fn lines(lines: &[&str]) -> String {
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    answer("200 OK", "content-type: application/x-ndjson\r\n", &body)
}

fn problem(kind: ProblemKind, headers: &str) -> String {
    let mut problem = Problem::new(kind, "Why.");
    problem.request_id = (kind != ProblemKind::Key).then(|| "r1".to_owned());
    let body = serde_json::to_string(&problem).unwrap();
    answer(&format!("{} No", problem.status), headers, &body)
}

fn serve(stream: &mut (impl std::io::Read + Write), answer: &str) -> Option<String> {
    let mut reader = BufReader::new(&mut *stream);
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        if reader.read_line(&mut request).ok()? == 0 {
            return None;
        }
    }
    let length = request.lines().find_map(|line| {
        line.to_lowercase()
            .strip_prefix("content-length: ")?
            .parse()
            .ok()
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    request += &String::from_utf8_lossy(&body);
    // In pieces, which end anywhere.
    for piece in answer.as_bytes().chunks(97) {
        stream.write_all(piece).ok()?;
        stream.flush().ok()?;
    }
    Some(request)
}

/// Gives one answer after the other.
fn server(answers: Vec<String>) -> (Url, Got) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let got = Got::default();
    let kept = got.clone();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            // Recorded before the answer, so that a client with an answer finds it.
            let mut kept = kept.lock().unwrap();
            kept.extend(serve(&mut stream, &answer));
        }
    });
    (base.parse().unwrap(), got)
}

fn service(base: Url) -> Service {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = Client::builder().no_proxy();
    Service::new(http, base, ApiKey::generate().unwrap()).unwrap()
}

fn asked<'a>(kind: Kind, query: &'a [(&'a str, &'a str)]) -> Asked<'a> {
    Asked { kind, query }
}

/// Reads a document and returns the outcome with the reported progress.
async fn read(base: Url, asked: Asked<'_>) -> (Result<Read>, Vec<Progress>) {
    let document = Document::bytes("a.pdf", b"%PDF-".to_vec());
    let seen = Mutex::new(Vec::new());
    let see = |progress| seen.lock().unwrap().push(progress);
    let read = service(base).read(&document, asked, see).await;
    (read, seen.into_inner().unwrap())
}

#[tokio::test]
async fn reports_pages_as_they_come_and_returns_them_in_order() {
    let two = [page(3, "third"), page(1, "first")];
    let (base, got) = server(vec![lines(&[
        BEGIN,
        &two[0],
        r#"{"event":"later","of":"another release"}"#,
        &two[1],
        END,
    ])]);
    let query = [("lang", "deu+eng"), ("pages", "1,3")];
    let (read, seen) = read(base, asked(Kind::Text, &query)).await;
    let Ok(Read::Text(answer)) = read else {
        panic!("{read:?}");
    };
    let texts: Vec<&str> = answer.pages.iter().map(|page| &*page.text).collect();
    assert_eq!(texts, ["first", "third"]);
    assert_eq!(answer.document.name.as_deref(), Some("a.pdf"));
    assert_eq!(
        (answer.complete, &*answer.warnings),
        (true, &["w".to_owned()][..])
    );
    assert!(answer.pages.iter().all(|page| page.words.is_empty()));
    assert_eq!(seen[0], Progress::Sending);
    assert!(
        seen.contains(&Progress::Pages { done: 0, of: 2 }),
        "{seen:?}"
    );
    assert!(
        seen.contains(&Progress::Pages { done: 1, of: 2 }),
        "{seen:?}"
    );
    let got = got.lock().unwrap();
    let request = got[0].to_lowercase();
    assert!(
        request.starts_with("post /v1/ocr?lang=deu%2beng&pages=1%2c3 http/1.1\r\n"),
        "{request}"
    );
    assert!(
        request.contains("\r\nauthorization: bearer ocrk_"),
        "{request}"
    );
    assert!(
        request.contains("\r\naccept: application/x-ndjson\r\n"),
        "{request}"
    );
    assert!(request.contains("\r\ncontent-length: 5\r\n"), "{request}");
    assert!(!request.contains("idempotency-key"), "{request}");
    assert!(request.ends_with("%pdf-"), "{request}");
}

#[tokio::test]
async fn a_whole_answer_has_its_words_and_a_file_is_sent_as_it_is() {
    let (base, got) = server(vec![lines(&[BEGIN, &page(1, "A"), &page(3, "B"), END])]);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("large.tif");
    std::fs::write(&path, "II*\0".repeat(100_000)).unwrap();
    let document = Document::file(&path).unwrap();
    let read = service(base)
        .read(&document, asked(Kind::Whole, &[]), |_| {})
        .await;
    let Ok(Read::Whole(answer)) = read else {
        panic!("{read:?}");
    };
    assert_eq!(answer.pages[1].words.len(), 1);
    let got = got.lock().unwrap();
    assert!(got[0].contains("content-length: 400000\r\n"));
    assert!(got[0].ends_with(&"II*\0".repeat(100_000)));
    let missing = Document::file(&directory.path().join("missing.pdf")).unwrap_err();
    assert!(missing.to_string().contains("missing.pdf"));
    assert!(Document::file(directory.path()).is_err());
}

#[tokio::test]
async fn a_busy_service_is_asked_again_when_it_says_so() {
    let busy = problem(ProblemKind::Busy, "retry-after: 0\r\n");
    let quota = problem(ProblemKind::Quota, "retry-after: 1\r\n");
    let (base, got) = server(vec![
        busy,
        quota,
        lines(&[BEGIN, &page(1, "A"), &page(3, "B"), END]),
    ]);
    let (outcome, seen) = read(base, asked(Kind::Text, &[])).await;
    assert!(outcome.is_ok(), "{outcome:?}");
    assert!(seen.contains(&Progress::Waiting { seconds: 1 }), "{seen:?}");
    assert_eq!(got.lock().unwrap().len(), 3);

    // Nobody sits and waits for tomorrow.
    let (base, got) = server(vec![problem(ProblemKind::Quota, "retry-after: 40000\r\n")]);
    let (outcome, _) = read(base, asked(Kind::Text, &[])).await;
    assert_eq!(outcome.unwrap_err().kind(), Some(ProblemKind::Quota));
    assert_eq!(got.lock().unwrap().len(), 1);

    // Nor for ever.
    let busy = problem(ProblemKind::Busy, "retry-after: 0\r\n");
    let (base, got) = server(vec![busy; 10]);
    let (outcome, _) = read(base, asked(Kind::Text, &[])).await;
    assert_eq!(outcome.unwrap_err().kind(), Some(ProblemKind::Busy));
    assert_eq!(got.lock().unwrap().len(), 6);
}

#[tokio::test]
async fn reports_a_refusal_with_a_hint_and_without_the_key() {
    for kind in ProblemKind::ALL {
        // Of those that are waited out: at once.
        let (base, _) = server(vec![problem(*kind, "retry-after: 90\r\n")]);
        let service = service(base);
        let document = Document::bytes("a.pdf", b"%PDF-".to_vec());
        let read = service
            .read(&document, asked(Kind::Text, &[]), |_| {})
            .await;
        let error = read.unwrap_err();
        let text = format!("{error} {}", error.hint(Some("prod")));
        assert!(!text.contains(service.key.reveal()), "{text}");
        assert!(error.hint(Some("prod")).len() > 20, "{text}");
        assert!(!text.contains("ENV"), "{text}");
        let of_the_key = [ProblemKind::Key, ProblemKind::KeyAttempts].contains(kind);
        assert_eq!(error.is_of_all(), of_the_key, "{text}");
        assert_eq!(text.contains(service.key.id()), of_the_key, "{text}");
    }
}

#[tokio::test]
async fn an_answer_that_was_cut_or_ends_in_a_problem_is_none() {
    let (base, _) = server(vec![lines(&[BEGIN, &page(1, "A")])]);
    let (outcome, _) = read(base, asked(Kind::Text, &[])).await;
    assert!(matches!(outcome, Err(ClientError::Cut)), "{outcome:?}");

    let mut incomplete =
        serde_json::to_value(Problem::new(ProblemKind::Incomplete, "Why.")).unwrap();
    incomplete["event"] = "problem".into();
    let (base, _) = server(vec![lines(&[
        BEGIN,
        &page(1, "A"),
        &incomplete.to_string(),
    ])]);
    let (outcome, _) = read(base, asked(Kind::Text, &[("strict", "1")])).await;
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), Some(ProblemKind::Incomplete));
    assert!(error.hint(None).contains("--strict"));

    let (base, _) = server(vec![answer("502 Bad Gateway", "", "<html>")]);
    let (outcome, _) = read(base, asked(Kind::Text, &[])).await;
    assert!(
        matches!(outcome, Err(ClientError::Status { .. })),
        "{outcome:?}"
    );

    let (base, _) = server(vec![lines(&["<html>"])]);
    let (outcome, _) = read(base, asked(Kind::Text, &[])).await;
    assert!(
        matches!(outcome, Err(ClientError::NotUnderstood { .. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn codes_are_asked_for_with_a_key_for_them_alone_too() {
    let codes = r#"{"id":"r1","release":"1.0","complete":true,"document":{"name":null,"type":"image/png","sha256":"00","pages":1},
        "pages":[{"page":1,"status":"ok","method":"barcode"}],"codes":[],"warnings":[]}"#;
    let codes = answer("200 OK", "", codes);
    let (base, got) = server(vec![problem(ProblemKind::Key, ""), codes.clone()]);
    let (outcome, _) = read(base, asked(Kind::Codes, &[])).await;
    assert!(matches!(outcome, Ok(Read::Codes(_))), "{outcome:?}");
    let paths = |got: &Got| -> Vec<String> {
        let got = got.lock().unwrap();
        let path = |head: &String| head.split(' ').nth(1).unwrap().to_owned();
        got.iter().map(path).collect()
    };
    assert_eq!(paths(&got), ["/v1/ocr", "/v1/codes"]);

    // Those that barcodes give need no recognition there.
    let (base, got) = server(vec![codes]);
    let (outcome, _) = read(base, asked(Kind::Codes, &[("codes", "gtin")])).await;
    assert!(matches!(outcome, Ok(Read::Codes(_))), "{outcome:?}");
    assert_eq!(paths(&got), ["/v1/codes?codes=gtin"]);

    let (base, _) = server(vec![lines(&[BEGIN, &page(1, "A"), &page(3, "B"), END])]);
    let (outcome, _) = read(base, asked(Kind::Codes, &[])).await;
    assert!(matches!(outcome, Ok(Read::Codes(_))), "{outcome:?}");
}

#[tokio::test]
async fn reports_a_dead_host_before_sending() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let error = service(format!("http://{closed}").parse().unwrap())
        .capacity()
        .await
        .unwrap_err();
    assert!(error.is_of_all());
    assert_eq!(error.exit_code(), 69, "{error}");
    assert!(error.to_string().contains("efused"), "{error}");
    assert!(error.hint(Some("prod")).contains("ocrctl status prod"));

    let (base, _) = server(vec![problem(ProblemKind::Key, "")]);
    let error = service(base).capacity().await.unwrap_err();
    assert_eq!(error.kind(), Some(ProblemKind::Key));
    // Of before there was such a thing.
    let (base, _) = server(vec![problem(ProblemKind::NotFound, "")]);
    assert!(service(base).capacity().await.unwrap().is_none());
}

#[tokio::test]
async fn an_authority_that_is_not_known_has_to_be_named() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let key = rcgen::KeyPair::generate().unwrap();
    let own = rcgen::CertificateParams::new(["localhost".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let pem = own.pem();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![own.der().clone()],
            key.serialize_der().try_into().unwrap(),
        )
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = problem(ProblemKind::NotFound, "");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream.unwrap());
            serve(&mut stream, &answer);
        }
    });
    let base: Url = format!("https://localhost:{}", address.port())
        .parse()
        .unwrap();
    let http = || Client::builder().no_proxy().resolve("localhost", address);
    let ask = async |http| {
        let key = ApiKey::generate().unwrap();
        Service::new(http, base.clone(), key)
            .unwrap()
            .capacity()
            .await
    };
    let error = ask(http()).await.unwrap_err();
    assert!(matches!(error, ClientError::Untrusted { .. }), "{error:?}");
    assert!(
        error
            .hint(Some("prod"))
            .contains("ocrctl cert ca prod > ca.pem"),
        "{error}"
    );
    let own = reqwest::Certificate::from_pem_bundle(pem.as_bytes()).unwrap();
    assert!(ask(http().tls_certs_only(own)).await.unwrap().is_none());
}
