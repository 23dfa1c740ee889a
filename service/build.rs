//! Where the loader looks for a faster Tesseract before it takes the distribution's: where the service looks for PDFium;
//! and the functions of the executable that libraries call in place of others' (`service/engine/src/worker/ffi/heif.rs`).
#![allow(
    clippy::print_stdout,
    reason = "a build script speaks to Cargo by its standard output"
)]

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-link-arg-bin=ocr-service=-Wl,-rpath,$ORIGIN:/usr/lib/ocr");
    for function in ["de265_start_worker_threads", "pthread_getaffinity_np"] {
        println!("cargo:rustc-link-arg-bin=ocr-service=-Wl,--export-dynamic-symbol={function}");
    }
}
