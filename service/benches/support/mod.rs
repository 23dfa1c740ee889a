//! Code that the benchmarks share.
#![allow(dead_code, reason = "not every benchmark uses all of it")]

pub(crate) mod documents;
pub(crate) mod engine;
pub(crate) mod figures;
pub(crate) mod load;
#[allow(unused_imports, reason = "shared with the tests, which use all of it")]
#[path = "../../tests/service/support/mod.rs"]
pub(crate) mod service;

/// True if the benchmark should measure. `cargo test --benches` runs every benchmark too, and one round shows that it
/// works.
pub(crate) fn measuring() -> bool {
    std::env::args().any(|arg| arg == "--bench")
}

/// Processor cores that this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
