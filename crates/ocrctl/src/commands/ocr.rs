//! `ocrctl ocr FILE… --env ENV`: documents to a deployed service, and what it reads in them.

use std::io::Read as _;
use std::path::Path;

use futures_util::StreamExt;
use ocr_api::capacity::Capacity;
use ocr_api::keys::ApiKey;
use reqwest::{Client, ClientBuilder, Url};
use secrecy::ExposeSecret;

use super::{Failed, Outcome, Result, clients};
use crate::cli::{Global, Ocr, OcrFormat};
use crate::client::{Asked, ClientError, Document, Kind, Service};
use crate::report::{Reading, Report};
use ocrctl_inventory::{Environment, Inventory};
use ocrctl_protocol::{Diagnostic, Level};

/// Documents under way, where the service does not say what it has.
const AT_ONCE: usize = 4;
const MOST_AT_ONCE: usize = 8;
const STANDARD_INPUT: &str = "-";

pub(super) async fn run(global: &Global, report: &Report, asked: &Ocr) -> Result {
    let place = Place::of(global, asked).await?;
    let documents = documents(asked)?;
    let key = key(report, asked, &place.base)?;
    let name = place.environment.clone();
    let failed = |error: &ClientError| Failed {
        diagnostics: vec![told(None, error, name.as_deref())],
        code: error.exit_code(),
    };
    let service = Service::new(place.http, place.base, key).map_err(|error| failed(&error))?;
    // A wrong key or a dead host costs no upload.
    let capacity = service.capacity().await.map_err(|error| failed(&error))?;
    let query = asked.reading.query();
    let wanted = Asked {
        kind: match asked.format {
            OcrFormat::Text => Kind::Text,
            OcrFormat::Json => Kind::Whole,
            OcrFormat::Codes => Kind::Codes,
        },
        query: &query,
    };
    let all = documents.len();
    let read = |document| {
        let service = &service;
        Box::pin(async move {
            let seen = |progress| report.reading(document_name(document), progress);
            (document, service.read(document, wanted, seen).await)
        })
    };
    let mut reads = futures_util::stream::iter(&documents)
        .map(read)
        .buffered(at_once(capacity.as_ref()));
    let mut shown = report.readings(documents.iter().map(document_name));
    let (mut done, mut bad) = (0, 0);
    shown.done(report, done);
    while let Some((document, outcome)) = reads.next().await {
        done += 1;
        match outcome {
            Ok(read) => {
                let reading = Reading {
                    file: &document.name,
                    read: &read,
                };
                shown.show(report, &reading);
                bad += usize::from(!reading.is_complete());
            }
            Err(error) => {
                bad += 1;
                report.read_ended(&document.name);
                report.error(&told(Some(&document.name), &error, name.as_deref()));
                if error.is_of_all() && done < all {
                    let left = all - done;
                    let text = format!("{left} more would have fared no better, and are left out");
                    report.note(None, Level::Warning, text);
                    break;
                }
            }
        }
        shown.done(report, done);
        if report.is_broken() {
            break;
        }
    }
    Ok(match bad {
        0 => Outcome::Done,
        _ => Outcome::Problems,
    })
}

fn document_name(document: &Document) -> &str {
    &document.name
}

/// A key's pages under way are its requests here, as each is answered in turn.
fn at_once(capacity: Option<&Capacity>) -> usize {
    let Some(capacity) = capacity else {
        return AT_ONCE;
    };
    let number = |count: u32| usize::try_from(count).unwrap_or(MOST_AT_ONCE);
    let key = capacity.key.concurrent_pages;
    let of_key = key.map_or(MOST_AT_ONCE, |it| number(it.left));
    number(capacity.workers.total)
        .min(of_key)
        .clamp(1, MOST_AT_ONCE)
}

fn told(document: Option<&str>, error: &ClientError, environment: Option<&str>) -> Diagnostic {
    let mut diagnostic = Diagnostic::new(match document {
        Some(name) => format!("{name}: {error}"),
        None => error.to_string(),
    });
    diagnostic.hint = Some(error.hint(environment));
    diagnostic
}

/// All files, each of which can be read; or all that can't. Nothing is sent before.
fn documents(asked: &Ocr) -> Result<Vec<Document>> {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    let mut taken = false;
    for path in &asked.files {
        let document = if path == Path::new(STANDARD_INPUT) {
            if std::mem::replace(&mut taken, true) {
                let text = "standard input is given twice";
                missing.push(Diagnostic::new(text).hint("give `-` once"));
                continue;
            }
            standard_input()
        } else {
            Document::file(path)
        };
        match document {
            Ok(document) => found.push(document),
            Err(error) => missing.push(told(None, &error, None)),
        }
    }
    if missing.is_empty() {
        return Ok(found);
    }
    Err(Failed {
        diagnostics: missing,
        code: super::USAGE,
    })
}

fn standard_input() -> std::result::Result<Document, ClientError> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().read_to_end(&mut bytes);
    read.map_err(|source| ClientError::File {
        path: STANDARD_INPUT.into(),
        source,
    })?;
    Ok(Document::bytes(STANDARD_INPUT, bytes))
}

fn key(report: &Report, asked: &Ocr, base: &Url) -> Result<ApiKey> {
    if let Some(path) = &asked.key_file {
        return clients::key(path);
    }
    let hint = "--key-file names the file that holds it, and so does OCRCTL_KEY_FILE; `ocrctl keys add ENV --name CLIENT --out FILE` makes one";
    let name = base.host_str().unwrap_or_default();
    let typed = report.asks_for_secrets()(&format!("API key for {name}"));
    let typed = typed.ok_or_else(|| {
        Failed::usage(
            Diagnostic::new("there is no API key, and no terminal to ask for one").hint(hint),
        )
    })?;
    ApiKey::parse(typed.expose_secret())
        .map_err(|error| Failed::usage(Diagnostic::new(error.to_string()).hint(hint)))
}

/// Where the service is.
struct Place {
    http: ClientBuilder,
    base: Url,
    /// The service's name in the inventory.
    environment: Option<String>,
}

impl Place {
    async fn of(global: &Global, asked: &Ocr) -> Result<Self> {
        let (mut base, environment) = match &asked.url {
            Some(url) => (address(url)?, None),
            None => {
                let environment = chosen(global, asked.env.as_deref())?;
                let name = environment.names.first().map_or("", String::as_str);
                (address(&format!("https://{name}"))?, Some(environment.name))
            }
        };
        let mut http = match &asked.at {
            None => Client::builder(),
            Some(text) => {
                let at = clients::address(text).ok_or_else(|| {
                    let hint = "write `ADDRESS:PORT`, such as `--at 192.0.2.7:443`";
                    Failed::usage(Diagnostic::new(format!("`{text}` is no place")).hint(hint))
                })?;
                let found = clients::addresses(&at, "--at").await?;
                // It has a host, so it can have a port.
                let _ = base.set_port(Some(at.1));
                clients::at(base.host_str().unwrap_or_default(), &found)
            }
        };
        if let Some(path) = &asked.ca {
            http = http.tls_certs_only(clients::authority(path)?);
        }
        Ok(Self {
            http,
            base,
            environment,
        })
    }
}

/// The environment of this name; without one, the only one.
fn chosen(global: &Global, name: Option<&str>) -> Result<Environment> {
    let inventory = Inventory::load(&global.inventory).map_err(|error| {
        let mut failed = Failed::from(error);
        if !global.inventory.exists()
            && let Some(first) = failed.diagnostics.first_mut()
        {
            let hint = "name another file with --inventory; or do without: `--url https://…` is the service's address";
            first.hint = Some(hint.to_owned());
        }
        failed
    })?;
    match (name, inventory.environments.as_slice()) {
        (Some(name), _) => Ok(inventory.environment(name)?.clone()),
        (None, [only]) => Ok(only.clone()),
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|it| it.name.as_str()).collect();
            let text = format!("{} has several environments", inventory.path.display());
            let hint = format!("say which with --env: {}", names.join(", "));
            Err(Failed::usage(Diagnostic::new(text).hint(hint)))
        }
    }
}

/// `https://…`; without TLS on this machine only, as a key would be there for all to read.
fn address(text: &str) -> Result<Url> {
    let wrong = |why: String| {
        let hint = "write it like `--url https://ocr.example.org`, without a path";
        Failed::usage(
            Diagnostic::new(format!("`{text}` is no address of a service: {why}")).hint(hint),
        )
    };
    let url = Url::parse(text).map_err(|error| wrong(error.to_string()))?;
    let here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match url.scheme() {
        "https" => {}
        "http" if here => {}
        "http" => return Err(wrong("a key is sent over HTTPS only".to_owned())),
        other => return Err(wrong(format!("{other} is not HTTPS"))),
    }
    let bare = url.path() == "/" && url.query().is_none() && url.username().is_empty();
    match bare {
        true => Ok(url),
        false => Err(wrong("there is more than a name in it".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use ocr_api::capacity::{Allowance, KeyCapacity, QueueLoad, WorkerLoad};

    use super::*;

    #[test]
    fn as_many_at_once_as_the_service_and_the_key_have_room_for() {
        let capacity = |workers, left: Option<u32>| Capacity {
            release: "1".into(),
            workers: WorkerLoad {
                total: workers,
                ready: workers,
                busy: 0,
            },
            queue: QueueLoad {
                documents: 0,
                max_documents: 64,
                pages: 0,
            },
            pages_per_second: 0.0,
            page_ms: 0.0,
            estimated_wait_ms: 0,
            key: KeyCapacity {
                id: "7h3k9w2m".into(),
                requests_per_minute: None,
                pages_per_day: None,
                day_ends: "2026-03-02T00:00:00Z".parse().unwrap(),
                concurrent_pages: left.map(|left| Allowance { limit: 4, left }),
            },
        };
        assert_eq!(at_once(None), 4);
        assert_eq!(at_once(Some(&capacity(2, None))), 2);
        assert_eq!(at_once(Some(&capacity(64, None))), 8);
        assert_eq!(at_once(Some(&capacity(4, Some(3)))), 3);
        assert_eq!(at_once(Some(&capacity(0, Some(0)))), 1);
    }

    #[test]
    fn a_key_goes_over_https_or_stays_on_this_machine() {
        for fine in [
            "https://ocr.example.org",
            "https://ocr.example.org:8443/",
            "http://127.0.0.1:3000",
        ] {
            assert!(address(fine).is_ok(), "{fine}");
        }
        for wrong in [
            "http://ocr.example.org",
            "ocr.example.org",
            "https://ocr.example.org/v1/ocr",
            "https://key@ocr.example.org",
            "ftp://ocr.example.org",
        ] {
            assert_eq!(
                address(wrong).unwrap_err().code,
                super::super::USAGE,
                "{wrong}"
            );
        }
    }
}
