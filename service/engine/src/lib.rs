//! What parses documents, by PDFium, Tesseract, ONNX Runtime and other libraries of C and C++. It runs in worker processes only.

pub mod worker;
