//! Files that are embedded in a document.

use std::ffi::{c_int, c_ulong, c_void};
use std::ptr;

use super::Document;

/// Page mode in which a viewer shows the list of attachments when it opens the document.
const SHOWS_ATTACHMENTS: c_int = 5;

impl Document {
    pub(in crate::worker) fn attachment_count(&self) -> u32 {
        // SAFETY: the handle is live.
        let count = unsafe {
            self.calls
                .FPDFDoc_GetAttachmentCount(self.handle.as_ptr().cast())
        };
        u32::try_from(count).unwrap_or(0)
    }

    /// True if a viewer shows the attachments first.
    pub(in crate::worker) fn shows_attachments(&self) -> bool {
        // SAFETY: the handle is live.
        let mode = unsafe { self.calls.FPDFDoc_GetPageMode(self.handle.as_ptr().cast()) };
        mode == SHOWS_ATTACHMENTS
    }

    /// Name of an attachment, counted from 0, of at most `limit` units of UTF-16. Returns `None` if there is no such
    /// attachment.
    pub(in crate::worker) fn attachment_name(&self, index: u32, limit: usize) -> Option<String> {
        let attachment = self.attachment(index)?;
        // SAFETY: the attachment is the document's, which is live; with no room, nothing is written.
        let bytes = unsafe {
            self.calls
                .FPDFAttachment_GetName(attachment.cast(), ptr::null_mut(), 0)
        };
        let mut units = vec![0u16; usize::try_from(bytes).ok()? / 2];
        // SAFETY: the same, and the buffer has room for the stated number of bytes; PDFium writes all or nothing.
        unsafe {
            self.calls.FPDFAttachment_GetName(
                attachment.cast(),
                units.as_mut_ptr(),
                (units.len() * 2) as c_ulong,
            );
        }
        let end = units.iter().position(|unit| *unit == 0);
        units.truncate(end.unwrap_or(units.len()).min(limit));
        Some(String::from_utf16_lossy(&units))
    }

    /// Bytes of an attachment. Returns `None` if there is no such attachment, if it can't be decoded, or if it has more
    /// than `limit` bytes.
    pub(in crate::worker) fn attachment_file(&self, index: u32, limit: usize) -> Option<Vec<u8>> {
        let attachment = self.attachment(index)?;
        let mut length: c_ulong = 0;
        // SAFETY: the attachment is the document's, which is live; without room, only the length is written.
        let known = unsafe {
            self.calls.FPDFAttachment_GetFile(
                attachment.cast(),
                ptr::null_mut(),
                0,
                &raw mut length,
            )
        };
        let length = usize::try_from(length).ok()?;
        if known == 0 || length > limit {
            return None;
        }
        let mut bytes = vec![0u8; length];
        let mut written: c_ulong = 0;
        // SAFETY: the same, and the buffer has room for the stated number of bytes.
        let known = unsafe {
            self.calls.FPDFAttachment_GetFile(
                attachment.cast(),
                bytes.as_mut_ptr().cast(),
                length as c_ulong,
                &raw mut written,
            )
        };
        (known != 0 && usize::try_from(written) == Ok(length)).then_some(bytes)
    }

    fn attachment(&self, index: u32) -> Option<*mut c_void> {
        let index = c_int::try_from(index).ok()?;
        // SAFETY: the handle is live; the result belongs to the document.
        let attachment = unsafe {
            self.calls
                .FPDFDoc_GetAttachment(self.handle.as_ptr().cast(), index)
        };
        (!attachment.is_null()).then_some(attachment.cast())
    }
}
