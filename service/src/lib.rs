//! OCR over HTTP. The process that serves requests parses no document; worker processes do.
//!
//! | module        | contents                                                              |
//! |---------------|-----------------------------------------------------------------------|
//! | [`cli`]       | flags and their environment variables                                 |
//! | [`commands`]  | the commands `serve`, `key`, `rules` and `worker`, one file each      |
//! | [`listener`]  | sockets; no request is lost when the service stops                    |
//! | [`http`]      | the routes: from a request to an answer or a problem                  |
//! | [`keyring`]   | the API keys in force, reloaded when their file changes               |
//! | [`rulebook`]  | the rules in force, reloaded when their file changes                  |
//! | [`usage`]     | the use of each key, counted in a file                                |
//! | `fuzzing`     | functions that `cargo fuzz` runs, and the properties they check       |
//! | [`document`]  | an uploaded document; its type by its first bytes                     |
//! | [`heap`]      | setup of the C library's heap, so that freed memory is returned       |
//! | [`memory`]    | memory that requests hold, counted by the byte                        |
//! | [`lines`]     | a page's words in lines and paragraphs                                |
//! | [`codes`]     | structured codes in a document's words, and their checks              |
//! | [`pool`]      | the worker processes: start, feed, time out, replace                  |
//! | [`protocol`]  | messages between the service and a worker                             |
//! | [`worker`]    | the worker's side: PDFium and Tesseract                               |
//! | `image`       | the worker's image decoders, which are in Rust                        |
//!
//! Without the feature `engine`, the crate needs no library of C or C++. The parsers are fuzzed in that form.

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
        reason = "code that only the engine uses is not fuzzed"
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
