//! `ocr-service key new`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use ocr_api::keys::{ApiKey, ApiKeyError, KeyFile, KeyFileError, KeyRecord, Scope};

use crate::cli::KeyNew;

/// Mode of the key file. The service runs as another user and has to read it; hashes of random keys are no secret.
const FILE_MODE: u32 = 0o644;

/// Reason for which no key was created. The key file is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error(transparent)]
    Key(#[from] ApiKeyError),
    #[error(
        "{path}: {source}\nhint: the file is unchanged; repair it, or give another one with --file"
    )]
    File { path: PathBuf, source: KeyFileError },
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error(
        "the key was added, but could not be printed: {0}\nhint: remove it from the file and create another"
    )]
    Print(io::Error),
}

/// Creates a key, adds its hash to the file, and prints the key on standard output, once.
pub(super) fn new(flags: &KeyNew) -> Result<(), KeyError> {
    let io_error = |source| KeyError::Io {
        path: flags.file.clone(),
        source,
    };
    // Two runs at the same time would lose a key, so the later one waits.
    let _lock = lock(&flags.file).map_err(io_error)?;
    let mut file = match fs::read(&flags.file) {
        Ok(bytes) => KeyFile::parse(&bytes).map_err(|source| KeyError::File {
            path: flags.file.clone(),
            source,
        })?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => KeyFile::default(),
        Err(error) => return Err(io_error(error)),
    };
    let key = ApiKey::generate()?;
    let scopes: Vec<Scope> = flags.scopes.iter().copied().map(Scope::from).collect();
    let mut record = KeyRecord::new(&key, &flags.name, scopes, Timestamp::now());
    record.expires = flags.expires;
    file.keys.push(record);
    write_atomically(&flags.file, &file.to_json()).map_err(io_error)?;
    writeln!(io::stdout(), "{}", key.reveal()).map_err(KeyError::Print)
}

/// Locks the directory until the result is dropped. The file itself can't be locked, because it is replaced.
fn lock(file: &Path) -> io::Result<File> {
    let directory = File::open(directory_of(file))?;
    directory.lock()?;
    Ok(directory)
}

/// Writes a file beside it, flushes it, and renames it, so that a reader sees either the old file or the new one.
fn write_atomically(path: &Path, text: &str) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(FILE_MODE)
        .open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    File::open(directory_of(path))?.sync_all()
}

fn directory_of(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}
