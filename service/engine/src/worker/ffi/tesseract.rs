//! Wrapper of Tesseract's C API: a loaded model that reads gray pixels.

use std::ffi::{CStr, CString, OsStr, c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::ptr::{self, NonNull};

use leptess::capi;

use super::leptonica;

/// Pixels per inch that Tesseract can use. A page may state any value.
const CREDIBLE: std::ops::RangeInclusive<u32> = 70..=1200;

/// A loaded model. Loading costs about 0.1 s. Reading a page does not affect the next one.
#[derive(Debug)]
pub(in crate::worker) struct Tesseract {
    handle: NonNull<capi::TessBaseAPI>,
}

/// A word in Tesseract's result.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::worker) struct RawWord {
    pub(in crate::worker) text: String,
    /// From 0 to 100.
    pub(in crate::worker) confidence: f32,
    /// Left, top, right, bottom in pixels of the image.
    pub(in crate::worker) bounds: [i32; 4],
}

#[derive(Debug, thiserror::Error)]
pub(in crate::worker) enum TesseractError {
    #[error("Tesseract can't load `{languages}`; installed languages: {}", installed.join(", "))]
    Load {
        languages: String,
        installed: Vec<String>,
    },
    #[error("Tesseract ran out of memory")]
    Create,
    #[error("the name has a NUL byte")]
    Nul(#[from] std::ffi::NulError),
    #[error("Tesseract did not accept its setting `{0}`")]
    Setting(&'static str),
    #[error("the image does not have {width} × {height} bytes, or is too large for Tesseract")]
    Image { width: u32, height: u32 },
    #[error("Tesseract failed on the image")]
    Recognize,
}

impl Tesseract {
    /// Loads the LSTM model of `languages`, joined by `+` in Tesseract's syntax. The data directory is
    /// `TESSDATA_PREFIX`, or the one that Tesseract was built with.
    pub(in crate::worker) fn load(languages: &str) -> Result<Self, TesseractError> {
        let name = CString::new(languages)?;
        Self::load_by(languages, |handle| {
            // SAFETY: the handle is live, the name is NUL-terminated and outlives the call; a null data path means the
            // default.
            unsafe {
                let engine = capi::TessOcrEngineMode_OEM_LSTM_ONLY;
                capi::TessBaseAPIInit2(handle, ptr::null(), name.as_ptr(), engine)
            }
        })
    }

    /// Creates a handle with a function. `load` returns 0 on success.
    fn load_by(
        languages: &str,
        load: impl FnOnce(*mut capi::TessBaseAPI) -> c_int,
    ) -> Result<Self, TesseractError> {
        leptonica::stand_in();
        // SAFETY: the call takes nothing; `drop` frees the handle.
        let handle = unsafe { capi::TessBaseAPICreate() };
        let this = Self {
            handle: NonNull::new(handle).ok_or(TesseractError::Create)?,
        };
        // Leptonica writes its messages to stderr by itself; the answer has everything that matters. SAFETY: sets a
        // number.
        unsafe { capi::setMsgSeverity(capi::L_SEVERITY_NONE as c_int) };
        if load(handle) != 0 {
            return Err(TesseractError::Load {
                languages: languages.to_owned(),
                installed: installed_languages(),
            });
        }
        this.set(c"debug_file", c"/dev/null", "debug_file")?;
        // SAFETY: the handle is live.
        unsafe {
            capi::TessBaseAPISetPageSegMode(handle, capi::TessPageSegMode_PSM_AUTO);
        }
        Ok(this)
    }

    /// Version, such as `5.5.0`.
    pub(in crate::worker) fn version() -> String {
        // SAFETY: returns a pointer to a static string.
        unsafe { CStr::from_ptr(capi::TessVersion()) }
            .to_string_lossy()
            .into_owned()
    }

    /// Directory that languages are loaded from.
    pub(in crate::worker) fn data_path(&self) -> PathBuf {
        // SAFETY: the handle is live; the text is Tesseract's, NUL-terminated, and copied here.
        let path = unsafe {
            let path = capi::TessBaseAPIGetDatapath(self.handle.as_ptr());
            if path.is_null() {
                return PathBuf::new();
            }
            CStr::from_ptr(path)
        };
        PathBuf::from(OsStr::from_bytes(path.to_bytes()))
    }

    /// Reads a page: one byte per pixel, 0 is black, rows without padding. Returns its text and its words, both in
    /// reading order. Fails if Tesseract stops half-way.
    pub(in crate::worker) fn read(
        &mut self,
        pixels: &[u8],
        width: u32,
        height: u32,
        dpi: Option<u32>,
    ) -> Result<(String, Vec<RawWord>), TesseractError> {
        let too_large = || TesseractError::Image { width, height };
        let columns = c_int::try_from(width).map_err(|_| too_large())?;
        let rows = c_int::try_from(height).map_err(|_| too_large())?;
        if columns == 0 || rows == 0 || u64::from(width) * u64::from(height) != pixels.len() as u64
        {
            return Err(too_large());
        }
        let handle = self.handle.as_ptr();
        // SAFETY: the handle is live; `pixels` holds exactly `rows` lines of `columns` bytes, and Tesseract copies them
        // before the call returns.
        let status = unsafe {
            capi::TessBaseAPISetImage(handle, pixels.as_ptr(), columns, rows, 1, columns);
            // Without it, Tesseract estimates the resolution from the size of the text.
            let credible = dpi.filter(|dpi| CREDIBLE.contains(dpi));
            if let Some(dpi) = credible.and_then(|dpi| c_int::try_from(dpi).ok()) {
                capi::TessBaseAPISetSourceResolution(handle, dpi);
            }
            capi::TessBaseAPIRecognize(handle, ptr::null_mut())
        };
        let result = if status == 0 {
            Ok((self.text(), self.words()))
        } else {
            Err(TesseractError::Recognize)
        };
        // SAFETY: the handle is live; no iterator into its results is left.
        unsafe { capi::TessBaseAPIClear(handle) };
        result
    }

    /// Reads a picture of a single line, with letters as large as in a scan at 300 dpi. Otherwise the same as
    /// [`Self::read`].
    pub(in crate::worker) fn read_line(
        &mut self,
        pixels: &[u8],
        width: u32,
        height: u32,
    ) -> Result<(String, Vec<RawWord>), TesseractError> {
        self.in_layout(capi::TessPageSegMode_PSM_SINGLE_LINE, |this| {
            this.read(pixels, width, height, Some(300))
        })
    }

    /// Reads a page as one column of text, without an analysis of its layout.
    pub(in crate::worker) fn read_column(
        &mut self,
        pixels: &[u8],
        width: u32,
        height: u32,
        dpi: Option<u32>,
    ) -> Result<(String, Vec<RawWord>), TesseractError> {
        self.in_layout(capi::TessPageSegMode_PSM_SINGLE_BLOCK, |this| {
            this.read(pixels, width, height, dpi)
        })
    }

    fn in_layout<T>(
        &mut self,
        layout: capi::TessPageSegMode,
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        // SAFETY: the handle is live.
        unsafe { capi::TessBaseAPISetPageSegMode(self.handle.as_ptr(), layout) };
        let result = read(self);
        // SAFETY: the handle is live.
        unsafe {
            capi::TessBaseAPISetPageSegMode(self.handle.as_ptr(), capi::TessPageSegMode_PSM_AUTO);
        }
        result
    }

    fn text(&self) -> String {
        // SAFETY: the handle is live and has results; the text is ours to free.
        unsafe { take_text(capi::TessBaseAPIGetUTF8Text(self.handle.as_ptr())) }
    }

    fn words(&self) -> Vec<RawWord> {
        let level = capi::TessPageIteratorLevel_RIL_WORD;
        let mut words = Vec::new();
        // SAFETY: the iterator lives within this function, in which the results don't change; it is deleted once; a
        // page iterator from it is part of it; the texts are ours to free.
        unsafe {
            let iterator = capi::TessBaseAPIGetIterator(self.handle.as_ptr());
            if iterator.is_null() {
                return words;
            }
            let page = capi::TessResultIteratorGetPageIterator(iterator);
            loop {
                let text = take_text(capi::TessResultIteratorGetUTF8Text(iterator, level));
                let [mut left, mut top, mut right, mut bottom] = [0; 4];
                let found = capi::TessPageIteratorBoundingBox(
                    page,
                    level,
                    &raw mut left,
                    &raw mut top,
                    &raw mut right,
                    &raw mut bottom,
                );
                if found != 0 && !text.trim().is_empty() {
                    words.push(RawWord {
                        text,
                        confidence: capi::TessResultIteratorConfidence(iterator, level),
                        bounds: [left, top, right, bottom],
                    });
                }
                if capi::TessResultIteratorNext(iterator, level) == 0 {
                    break;
                }
            }
            capi::TessResultIteratorDelete(iterator);
        }
        words
    }

    fn set(&self, name: &CStr, value: &CStr, shown: &'static str) -> Result<(), TesseractError> {
        // SAFETY: the handle is live; both texts are NUL-terminated and copied by the call.
        let accepted = unsafe {
            capi::TessBaseAPISetVariable(self.handle.as_ptr(), name.as_ptr(), value.as_ptr())
        };
        if accepted == 0 {
            return Err(TesseractError::Setting(shown));
        }
        Ok(())
    }
}

impl Drop for Tesseract {
    fn drop(&mut self) {
        // SAFETY: the handle came from `TessBaseAPICreate` and is freed here only.
        unsafe { capi::TessBaseAPIDelete(self.handle.as_ptr()) };
    }
}

/// Detector of a page's script.
#[derive(Debug)]
pub(in crate::worker) struct ScriptDetector {
    model: Tesseract,
}

impl ScriptDetector {
    /// Loads the data of `osd.traineddata`, which works with Tesseract's older engine.
    pub(in crate::worker) fn load(data: &[u8]) -> Result<Self, TesseractError> {
        const NAME: &CStr = c"osd";
        let model = Tesseract::load_by("osd", |handle| {
            let Ok(size) = c_int::try_from(data.len()) else {
                return -1;
            };
            // SAFETY: the handle is live; `data` has `size` bytes, which are copied, and the name is NUL-terminated; no
            // settings are passed.
            unsafe {
                capi::TessBaseAPIInit5(
                    handle,
                    data.as_ptr().cast(),
                    size,
                    NAME.as_ptr(),
                    capi::TessOcrEngineMode_OEM_TESSERACT_ONLY,
                    ptr::null_mut(),
                    0,
                    ptr::null_mut(),
                    ptr::null_mut(),
                    0,
                    0,
                )
            }
        })?;
        Ok(Self { model })
    }

    /// Script of the text in a picture, in Tesseract's terms: `Latin`, `Cyrillic`, and the certainty of the text's
    /// direction, which is low where it is not text of a known script. Returns `None` if there is too little text.
    pub(in crate::worker) fn detect(
        &mut self,
        pixels: &[u8],
        width: u32,
        height: u32,
    ) -> Option<(String, f32)> {
        let (columns, rows) = (c_int::try_from(width).ok()?, c_int::try_from(height).ok()?);
        if columns == 0 || rows == 0 || u64::from(width) * u64::from(height) != pixels.len() as u64
        {
            return None;
        }
        let handle = self.model.handle.as_ptr();
        let (mut degrees, mut sureness) = (0, 0.0);
        let (mut name, mut score) = (ptr::null(), 0.0);
        // SAFETY: the handle is live; `pixels` holds exactly `rows` lines of `columns` bytes, which Tesseract copies
        // before the call returns; the results are written during the call, and the name is the handle's, copied before
        // it changes.
        unsafe {
            capi::TessBaseAPISetPageSegMode(handle, capi::TessPageSegMode_PSM_OSD_ONLY);
            capi::TessBaseAPISetImage(handle, pixels.as_ptr(), columns, rows, 1, columns);
            capi::TessBaseAPISetSourceResolution(handle, 300);
            let found = capi::TessBaseAPIDetectOrientationScript(
                handle,
                &raw mut degrees,
                &raw mut sureness,
                &raw mut name,
                &raw mut score,
            );
            let name = (found != 0 && !name.is_null())
                .then(|| CStr::from_ptr(name).to_string_lossy().into_owned());
            capi::TessBaseAPIClear(handle);
            name.map(|name| (name, sureness))
        }
    }
}

/// Languages that Tesseract can load, sorted. This needs a handle of its own, because one that failed to load knows
/// none.
fn installed_languages() -> Vec<String> {
    let mut names = Vec::new();
    // SAFETY: the handle lives in this function; `osd` only sets the data directory, and it does not matter if that
    // fails; the array ends with a null pointer and is ours to free.
    unsafe {
        let handle = capi::TessBaseAPICreate();
        if handle.is_null() {
            return names;
        }
        capi::TessBaseAPIInit2(
            handle,
            ptr::null(),
            c"osd".as_ptr(),
            capi::TessOcrEngineMode_OEM_LSTM_ONLY,
        );
        let list = capi::TessBaseAPIGetAvailableLanguagesAsVector(handle);
        if !list.is_null() {
            let mut entry = list;
            while !(*entry).is_null() {
                names.push(CStr::from_ptr(*entry).to_string_lossy().into_owned());
                entry = entry.add(1);
            }
            capi::TessDeleteTextArray(list);
        }
        capi::TessBaseAPIDelete(handle);
    }
    names.sort();
    names
}

/// Copies a text that Tesseract allocated, and frees it. Null becomes an empty text.
///
/// # Safety
/// `text` is null, or came from a Tesseract call that leaves it to the caller, NUL-terminated.
unsafe fn take_text(text: *mut c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: as the caller promises.
    unsafe {
        let copy = CStr::from_ptr(text).to_string_lossy().into_owned();
        capi::TessDeleteText(text);
        copy
    }
}
