//! OCR over HTTP. The process that serves parses no document: it hands them to worker processes.
//!
//! | module        | what it is for                                                        |
//! |---------------|-----------------------------------------------------------------------|
//! | [`cli`]       | flags and their environment variables                                 |
//! | [`commands`]  | one file a command: `serve`, `key`, `rules`, `worker`                 |
//! | [`listener`]  | where requests arrive, and how none is lost when the service stops    |
//! | [`http`]      | the routes: from a request to an answer or a problem                  |
//! | [`keyring`]   | the API keys in force, reloaded when their file changes               |
//! | [`rulebook`]  | the rules in force, reloaded when their file changes                  |
//! | [`usage`]     | how often each key is used, in a file                                 |
//! | `fuzzing`     | what `cargo fuzz` runs, and what must hold there                      |
//! | [`document`]  | an uploaded document; its type by its first bytes                     |
//! | [`heap`]      | the C library's, which gives back what was freed                      |
//! | [`memory`]    | what requests hold of it, by the byte                                  |
//! | [`lines`]     | a page's words in lines and paragraphs                                |
//! | [`codes`]     | structured codes in what was read, and their checks                   |
//! | [`pool`]      | the worker processes: start, feed, time out, replace                  |
//! | [`protocol`]  | what passes between the service and a worker                          |
//! | [`worker`]    | the other side: PDFium and Tesseract                                  |
//! | `image`       | its image decoders, which are in Rust                                 |
//!
//! Without the feature `engine`, what needs no library of C or C++ is left: the parsers, which are fuzzed so.

pub mod cli;
pub mod codes;
#[cfg(feature = "engine")]
pub mod commands;
pub mod document;
#[cfg(fuzzing)]
pub mod fuzzing;
#[cfg(feature = "engine")]
pub mod heap;
pub mod http;
#[cfg(any(feature = "engine", fuzzing))]
#[cfg_attr(
    not(feature = "engine"),
    allow(
        dead_code,
        unused_imports,
        reason = "what only the engine needs is not fuzzed"
    )
)]
mod image;
pub mod keyring;
pub mod lines;
pub mod listener;
pub mod memory;
pub mod pool;
pub mod protocol;
pub mod rulebook;
pub mod units;
pub mod usage;
#[cfg(feature = "engine")]
pub mod worker;
