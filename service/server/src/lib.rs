//! The serving process. It parses no document and links no library of C; worker processes do.
//!
//! | module        | contents                                                              |
//! |---------------|-----------------------------------------------------------------------|
//! | [`listener`]  | sockets; no request is lost when the service stops                    |
//! | [`http`]      | the routes: from a request to an answer or a problem                  |
//! | [`keyring`]   | the API keys in force, reloaded when their file changes               |
//! | [`rulebook`]  | the rules in force, reloaded when their file changes                  |
//! | `reloaded`    | a file's content that is reloaded when the file changes                |
//! | [`usage`]     | the use of each key, counted in a file                                |
//! | [`document`]  | an uploaded document; its type by its first bytes                     |
//! | [`pool`]      | the worker processes: start, feed, time out, replace                  |
//! | [`memory`]    | memory that requests hold, counted by the byte                        |
//! | [`heap`]      | setup of the C library's heap, so that freed memory is returned       |

pub mod document;
pub mod heap;
pub mod http;
pub mod keyring;
pub mod listener;
pub mod memory;
pub mod pool;
mod reloaded;
pub mod rulebook;
pub mod usage;
