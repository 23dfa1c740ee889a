//! Giving up a page half-way: the service sends a signal, and Tesseract asks between words whether to go on.

use std::ffi::{c_int, c_void};
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};

use leptess::capi;
use signal_hook::consts::SIGUSR1;

/// One worker has one task at a time.
static REQUESTED: AtomicBool = AtomicBool::new(false);

/// From now on, SIGUSR1 means that nobody wants the task at hand any more.
pub(in crate::worker) fn listen() -> io::Result<()> {
    let request = || REQUESTED.store(true, Ordering::Relaxed);
    // SAFETY: a store to an atomic is all that the handler does, which is safe within a signal.
    unsafe { signal_hook::low_level::register(SIGUSR1, request) }.map(|_| ())
}

/// A task begins: what was said of the one before has had its time. The service sends no task while it gives one up.
pub(in crate::worker) fn begin() {
    REQUESTED.store(false, Ordering::Relaxed);
}

/// Whether the task at hand is to be given up.
pub(in crate::worker) fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}

/// What Tesseract asks whether to go on.
pub(super) struct Monitor {
    handle: NonNull<capi::ETEXT_DESC>,
}

impl Monitor {
    /// `None`: there is no memory for it.
    pub(super) fn new() -> Option<Self> {
        // SAFETY: the call takes nothing; the handle is freed by `drop`, and the callback lives as long as the program.
        unsafe {
            let handle = NonNull::new(capi::TessMonitorCreate())?;
            capi::TessMonitorSetCancelFunc(handle.as_ptr(), Some(give_up));
            Some(Self { handle })
        }
    }

    pub(super) fn raw(&self) -> *mut capi::ETEXT_DESC {
        self.handle.as_ptr()
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        // SAFETY: made by `TessMonitorCreate`, freed here only; Tesseract keeps it for one call.
        unsafe { capi::TessMonitorDelete(self.handle.as_ptr()) };
    }
}

unsafe extern "C" fn give_up(_this: *mut c_void, _words: c_int) -> bool {
    requested()
}
