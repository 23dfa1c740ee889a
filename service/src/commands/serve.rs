//! `ocr-service serve`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ocr_engine::worker::OF_PP_OCR;
use ocr_protocol::WorkerSettings;
use ocr_server::heap;
use ocr_server::http::{self, Limits, Offered, ReplayLimits, Service};
use ocr_server::keyring::Keyring;
use ocr_server::listener::{self, BindError, Listener};
use ocr_server::pool::{Pool, PoolSettings};
use ocr_server::rulebook::Rulebook;
use ocr_server::usage::UsageLog;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::cli::Serve;

const PDFIUM: &str = "libpdfium.so";
const PP_OCR: &str = "pp-ocr";
/// Directory of both libraries in the image.
const DIRECTORY: &str = "/usr/lib/ocr";
/// This executable, even if its file has been replaced since.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// Reason for which the service did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("--log: {0}")]
    Log(#[from] tracing_subscriber::filter::ParseError),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error(
        "{PDFIUM} is missing at {}\nhint: run service/fetch-pdfium.sh to download it, or give its path with --pdfium or OCR_PDFIUM",
        looked.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    NoPdfium { looked: Vec<PathBuf> },
    #[error(
        "PP-OCR is missing at {}\nhint: run service/fetch-pp-ocr.sh to download it, or leave out --pp-ocr and OCR_PP_OCR to run without it",
        looked.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    NoPpOcr { looked: Vec<PathBuf> },
    #[error("can't protect the memory of the service from other processes: {0}")]
    Memory(io::Error),
    #[error("can't listen for signals: {0}")]
    Signals(io::Error),
}

/// Serves until SIGTERM or SIGINT, then drains.
pub(super) async fn run(flags: Serve) -> Result<(), ServeError> {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(io::stderr)
        .with_env_filter(EnvFilter::try_new(&flags.log)?)
        .init();
    // Workers run as the same user. They must not read keys and other documents from this process's memory.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| ServeError::Memory(error.into()))?;
    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Signals)?;
    let usage = flags.usage();
    let pdfium = find_pdfium(flags.pdfium)?;
    let pp_ocr = find_pp_ocr(flags.pp_ocr)?;
    let listener = Listener::bind(&flags.listen)?;
    let usage = usage.map(UsageLog::open);
    let keyring = Keyring::open(flags.keys).await;
    tokio::spawn(Arc::clone(&keyring).watch());
    let rulebook = Rulebook::open(flags.rules).await;
    tokio::spawn(Arc::clone(&rulebook).watch());
    if let Some(usage) = &usage {
        tokio::spawn(Arc::clone(usage).keep());
    }

    let pool = Pool::start(PoolSettings {
        program: OWN_PROGRAM.into(),
        worker: WorkerSettings {
            languages: flags.languages.clone(),
            pdfium,
            max_pixels: u64::from(flags.max_megapixels.get()) * 1_000_000,
            pp_ocr: pp_ocr.clone(),
            second_pass_lines: flags.second_pass_lines,
        },
        workers: flags.workers.count(),
        page_timeout: flags.page_timeout,
        require_sandbox: flags.require_sandbox,
        worker_memory: flags.worker_memory,
    });
    let offered = Offered {
        languages: offered_languages(flags.languages, pp_ocr.is_some()),
        engine: flags.engine,
        has_pp_ocr: pp_ocr.is_some(),
    };
    let limits = Limits {
        max_upload: flags.max_upload,
        max_pages: flags.max_pages.get(),
        deadline: flags.deadline,
        max_documents: flags.queue.get() as usize,
        max_memory: flags.memory.max(flags.max_upload),
        replay: ReplayLimits {
            bytes: flags.cache,
            age: flags.cache_age,
        },
    };
    tracing::info!(
        listen = listener
            .address()
            .map_or_else(|_| flags.listen.to_string(), |at| at.to_string()),
        release = flags.release,
        workers = pool.size(),
        "serving"
    );
    let service = Service::new(
        flags.release,
        offered,
        limits,
        pool,
        keyring,
        rulebook,
        usage.clone(),
    );
    tokio::spawn(service.tidy());
    tokio::spawn(heap::tidy(service.memory()));
    let stop = {
        let service = Arc::clone(&service);
        async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            service.start_draining();
        }
    };
    let connections = listener::Limits {
        connections: flags.connections.get() as usize,
        write_rate: flags.write_rate,
    };
    let app = http::app(service);
    let drained = listener::serve(listener, app, connections, stop, flags.drain).await;
    if let Some(usage) = usage {
        usage.write();
    }
    tracing::info!(open = drained.open, cut = drained.cut, "stopped");
    Ok(())
}

/// The installed languages, and those that PP-OCR reads.
fn offered_languages(installed: Vec<String>, has_pp_ocr: bool) -> Vec<String> {
    let of_pp_ocr = OF_PP_OCR.iter().filter(|_| has_pp_ocr);
    let mut languages = installed;
    for language in of_pp_ocr {
        if !languages.iter().any(|known| known == language) {
            languages.push((*language).to_owned());
        }
    }
    languages
}

/// The given path, or else the first default place that exists.
fn find_pdfium(given: Option<PathBuf>) -> Result<PathBuf, ServeError> {
    let looked = places(given, PDFIUM);
    let there = looked.iter().find(|path| path.is_file()).cloned();
    there.ok_or(ServeError::NoPdfium { looked })
}

/// The same for PP-OCR's directory, which is optional.
fn find_pp_ocr(given: Option<PathBuf>) -> Result<Option<PathBuf>, ServeError> {
    let wanted = given.is_some();
    let looked = places(given, PP_OCR);
    match looked.iter().find(|path| path.is_dir()) {
        Some(path) => Ok(Some(path.clone())),
        None if wanted => Err(ServeError::NoPpOcr { looked }),
        None => {
            tracing::warn!(
                "{PP_OCR} is missing: Tesseract alone reads pages; \
                 service/fetch-pp-ocr.sh gets it"
            );
            Ok(None)
        }
    }
}

fn places(given: Option<PathBuf>, name: &str) -> Vec<PathBuf> {
    if let Some(path) = given {
        return vec![path];
    }
    let program = std::env::current_exe().ok();
    let beside = program.as_deref().and_then(Path::parent);
    beside
        .into_iter()
        .chain([Path::new(DIRECTORY)])
        .map(|directory| directory.join(name))
        .collect()
}
