//! Types shared by ocr-service, its clients and ocrctl.
