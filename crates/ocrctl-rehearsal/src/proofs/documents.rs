//! Proofs of the service as its clients meet it: keys, documents, errors, names.

use std::time::{Duration, Instant};

use ocr_api::answer::{Answer, Method};
use reqwest::StatusCode;

use super::{LETTER, SCAN};
use crate::client::{NAME, send, text};
use crate::{ProofError, Rehearsal, Seen, wrong};

/// The text of both documents.
pub(super) const PHRASE: &str = "the winter cover: 412.50 EUR";

pub(super) async fn key(rehearsal: &mut Rehearsal) -> Seen {
    let added = rehearsal
        .ocrctl(&["keys", "add", "rehearsal", "--name", "rehearsal"])
        .await?
        .expect(0)?;
    let key = added.stdout.trim();
    if !key.starts_with("ocrk_") || key.lines().count() != 1 {
        return wrong("`keys add` printed something else than a key".to_owned());
    }
    rehearsal.key = key.to_owned();
    let client = rehearsal.client()?;
    let began = Instant::now();
    loop {
        let response = send(
            "POST /v1/ocr",
            client.post("/v1/ocr", SCAN).bearer_auth(key),
        )
        .await?;
        if response.status() == StatusCode::OK {
            return Ok("in force without a restart".to_owned());
        }
        if began.elapsed() > Duration::from_secs(5) {
            return wrong(format!(
                "after 5 s the key still gets {}",
                response.status()
            ));
        }
    }
}

pub(super) async fn scan(rehearsal: &mut Rehearsal) -> Seen {
    let answer = rehearsal.client()?.ocr(&rehearsal.key, SCAN).await?;
    read(&answer, Method::Ocr)
}

pub(super) async fn pdf(rehearsal: &mut Rehearsal) -> Seen {
    let answer = rehearsal.client()?.ocr(&rehearsal.key, LETTER).await?;
    read(&answer, Method::Text)
}

/// Proves the engine's version and its sandbox. Landlock depends on the host's kernel and its Docker.
pub(super) async fn engine(rehearsal: &mut Rehearsal) -> Seen {
    let engine = rehearsal
        .client()?
        .ocr(&rehearsal.key, LETTER)
        .await?
        .engine;
    let sandbox = &engine.sandbox;
    if !(sandbox.no_new_privs && sandbox.rlimits && sandbox.seccomp) {
        return wrong(format!("the sandbox lacks something: {sandbox:?}"));
    }
    let (Some(library), Some(second)) = (&engine.library, &engine.pp_ocr) else {
        return wrong(format!("not all is there: {engine:?}"));
    };
    let landlock = sandbox
        .landlock
        .map_or("none".to_owned(), |version| version.to_string());
    Ok(format!(
        "Tesseract {} ({library}), {second}; seccomp, limits, Landlock {landlock}",
        engine.tesseract.as_deref().unwrap_or("?"),
    ))
}

/// Both pass NGINX as they are.
pub(super) async fn formats(rehearsal: &mut Rehearsal) -> Seen {
    let client = rehearsal.client()?;
    let ask = async |accept: &'static str| {
        let request = client
            .post("/v1/ocr", SCAN)
            .bearer_auth(&rehearsal.key)
            .header("Accept", accept);
        send("POST /v1/ocr", request).await
    };
    let lines = text(ask("application/x-ndjson").await?).await?;
    let events: Vec<String> = lines
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .map(|line| line["event"].as_str().unwrap_or_default().to_owned())
        .collect();
    if events != ["document", "page", "end"] {
        return wrong(format!("the lines are {events:?}: {lines}"));
    }
    let response = ask("application/pdf").await?;
    let status = response.status();
    let pdf = response
        .bytes()
        .await
        .map_err(|source| ProofError::Request {
            doing: "reading the searchable PDF",
            source,
        })?;
    if status != StatusCode::OK || !pdf.starts_with(b"%PDF-") {
        return wrong(format!("{status}, and no PDF"));
    }
    Ok(format!("document, page, end; a PDF of {} bytes", pdf.len()))
}

/// The one page was read by this method, and says what the document says.
pub(super) fn read(answer: &Answer, method: Method) -> Seen {
    let [page] = answer.pages.as_slice() else {
        return wrong(format!("{} pages, not one", answer.pages.len()));
    };
    if page.method != Some(method) {
        return wrong(format!("read by {:?}, not {method:?}", page.method));
    }
    let said = page.text.split_whitespace().collect::<Vec<_>>().join(" ");
    if !said.contains(PHRASE) {
        return wrong(format!("\"{PHRASE}\" is not in: {said}"));
    }
    if page.words.len() < 60 || page.words.iter().any(|word| word.confidence < 0.0) {
        return wrong(format!("{} words", page.words.len()));
    }
    let first: String = said.chars().take(60).collect();
    Ok(format!(
        "{} words, {} ms: \"{first}…\"",
        page.words.len(),
        page.ms
    ))
}

pub(super) async fn refused(rehearsal: &mut Rehearsal) -> Seen {
    let client = rehearsal.client()?;
    let other = ocr_api::keys::ApiKey::generate().map_err(|e| ProofError::Wrong(e.to_string()))?;
    let cases = [
        client.post("/v1/ocr", SCAN),
        client.post("/v1/ocr", SCAN).bearer_auth("ocrk_nonsense"),
        client.post("/v1/ocr", SCAN).bearer_auth(other.reveal()),
        client
            .post("/v1/ocr", SCAN)
            .basic_auth("me", Some(&rehearsal.key)),
    ];
    let mut bodies = Vec::new();
    for request in cases {
        let response = send("POST /v1/ocr", request).await?;
        if response.status() != StatusCode::FORBIDDEN {
            return wrong(format!("{}, not 403", response.status()));
        }
        bodies.push(without_request_id(&text(response).await?)?);
    }
    if bodies.iter().any(|body| *body != bodies[0]) {
        return wrong(format!("refusals differ: {bodies:?}"));
    }
    Ok("missing, malformed, unknown and misplaced: the same answer".to_owned())
}

pub(super) fn without_request_id(body: &str) -> Result<serde_json::Value, ProofError> {
    let mut problem: serde_json::Value = serde_json::from_str(body)
        .map_err(|_| ProofError::Wrong(format!("not a JSON problem: {body}")))?;
    problem
        .as_object_mut()
        .map(|fields| fields.remove("request_id"));
    Ok(problem)
}

pub(super) async fn bad_uploads(rehearsal: &mut Rehearsal) -> Seen {
    let client = rehearsal.client()?;
    let cases: [(&str, &[u8], &[u16]); 4] = [
        ("an empty body", b"", &[400]),
        ("a text file", b"just some text, called letter.pdf", &[415]),
        ("a truncated JPEG", &SCAN[..2000], &[422]),
        ("a truncated PDF", &LETTER[..900], &[422]),
    ];
    for (what, body, allowed) in cases {
        let response = send(
            "POST /v1/ocr",
            client.post("/v1/ocr", body).bearer_auth(&rehearsal.key),
        )
        .await?;
        let status = response.status().as_u16();
        let body = text(response).await?;
        if !allowed.contains(&status) {
            return wrong(format!("{what}: {status}: {body}"));
        }
        if without_request_id(&body)?["detail"]
            .as_str()
            .is_none_or(str::is_empty)
        {
            return wrong(format!("{what}: no detail in {body}"));
        }
    }
    let large = vec![b'x'; 60_000_000];
    let response = send(
        "POST /v1/ocr",
        client.post("/v1/ocr", &large).bearer_auth(&rehearsal.key),
    )
    .await?;
    let status = response.status();
    if status != StatusCode::PAYLOAD_TOO_LARGE {
        return wrong(format!("60 MB: {status}"));
    }
    without_request_id(&text(response).await?)?;
    Ok("empty 400, text 415, truncated 422, 60 MB 413".to_owned())
}

pub(super) async fn names(rehearsal: &mut Rehearsal) -> Seen {
    let client = rehearsal.client()?;
    let response = send("GET over HTTP", client.get_plain("/v1/ocr", NAME)).await?;
    let location = response
        .headers()
        .get("location")
        .and_then(|l| l.to_str().ok())
        .unwrap_or_default();
    if response.status() != StatusCode::MOVED_PERMANENTLY
        || location != format!("https://{NAME}/v1/ocr")
    {
        return wrong(format!("{} to \"{location}\"", response.status()));
    }
    if let Ok(answer) = client.get_plain("/", "someone.else.test").send().await {
        return wrong(format!(
            "an unknown name over HTTP gets {}",
            answer.status()
        ));
    }
    let prod1 = &rehearsal.machines()?.prod1;
    let connect = format!("127.0.0.1:{}", prod1.https_port);
    let shown = ocrctl_command::Program::new("openssl")
        .args([
            "s_client",
            "-connect",
            &connect,
            "-servername",
            "someone.else.test",
        ])
        .output()
        .await?;
    if String::from_utf8_lossy(&shown.stdout).contains("BEGIN CERTIFICATE") {
        return wrong("an unknown name is shown a certificate".to_owned());
    }
    let hsts = send("GET /healthz", client.get("/healthz")).await?;
    if !hsts.headers().contains_key("strict-transport-security") {
        return wrong("no HSTS".to_owned());
    }
    Ok("301 to HTTPS; no certificate for strangers; HSTS".to_owned())
}

/// A type of code that only the organization knows, through the inventory to an answer; a mistake in it changes nothing.
pub(super) async fn rules(rehearsal: &mut Rehearsal) -> Seen {
    let file = rehearsal.settings.state.join("rules.yaml");
    let rules = |check: &str| {
        format!(
            "version: 1\nrules:\n  - name: berth\n    pattern: 'berth (?P<value>\\d)'\n{check}    matches: ['berth 7']\n"
        )
    };
    let write = |text: String| {
        std::fs::write(&file, text).map_err(|source| ProofError::File {
            path: file.clone(),
            source,
        })
    };
    let inventory = rehearsal.inventory();
    let before = std::fs::read_to_string(&inventory).unwrap_or_default();
    let with = before.replace(
        "service: {",
        &format!("service: {{rules: {}, ", file.display()),
    );
    std::fs::write(&inventory, with).map_err(|source| ProofError::File {
        path: inventory.clone(),
        source,
    })?;
    let deploy = async || rehearsal.ocrctl(&["deploy", "rehearsal", "--yes"]).await;

    write(rules(""))?;
    deploy().await?.expect(0)?;
    let live = Instant::now();
    let found = async || -> Result<usize, ProofError> {
        let answer = rehearsal.client()?.ocr(&rehearsal.key, LETTER).await?;
        let berths = answer.codes.iter().filter(|code| code.kind == "berth");
        Ok(berths.count())
    };
    while found().await? != 1 {
        if live.elapsed() > Duration::from_secs(10) {
            return wrong("the rule's code is not in the answer".to_owned());
        }
    }
    write(rules("    check: luhm\n"))?;
    deploy()
        .await?
        .expect(1)?
        .expect_said(&["luhm", "rules before are in force"])?;
    if found().await? != 1 {
        return wrong("a mistake in the rules cost the ones before".to_owned());
    }
    write(rules(""))?;
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    Ok("found by the next request; a mistake was quoted, the rules before stayed".to_owned())
}
