//! Where the loader looks for a faster Tesseract before it takes the distribution's: where the service looks for PDFium.
#![allow(
    clippy::print_stdout,
    reason = "a build script speaks to Cargo by its standard output"
)]

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-link-arg-bin=ocr-service=-Wl,-rpath,$ORIGIN:/usr/lib/ocr");
}
