//! Objects of a page other than text: its images and paths, their places, and whether PDFium can draw them.

use std::ffi::{c_int, c_ulong, c_void};
use std::time::{Duration, Instant};
use std::{ptr, slice};

use ocr_image::{is_whole_jbig2, is_whole_jpeg};
use pdfium_render::prelude::FPDF_IMAGEOBJ_METADATA;

use super::{Calls, Page, Points};

/// An object of a page that is not text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::worker) enum Drawn {
    /// An image, or a form that contains one.
    Image,
    /// Lines or areas, with their number of segments.
    Path(c_int),
}

/// An image on a page: its place and its number of pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::worker) struct Picture {
    pub(in crate::worker) bounds: Points,
    pub(in crate::worker) width: u32,
    pub(in crate::worker) height: u32,
}

// Values of PDFium's public header fpdf_edit.h.
const OBJECT_PATH: c_int = 2;
const OBJECT_IMAGE: c_int = 3;
const OBJECT_FORM: c_int = 5;
const COLORSPACE_UNKNOWN: c_int = 0;

/// Objects and time left for a search.
struct Left {
    objects: c_int,
    time: Duration,
    since: Instant,
}

impl Page<'_> {
    /// The images among the first `limit` objects of the page. A form counts as an image of the size of its largest
    /// one.
    pub(in crate::worker) fn pictures(&self, limit: c_int) -> Vec<Picture> {
        let calls = self.document.calls;
        let mut found = Vec::new();
        // SAFETY: the page is live; objects belong to it and are only read; every index is below its count.
        unsafe {
            let count = calls.FPDFPage_CountObjects(self.raw().cast()).min(limit);
            for index in 0..count {
                let object = calls.FPDFPage_GetObject(self.raw().cast(), index);
                if !object.is_null()
                    && let Some((width, height)) = largest_image(calls, object.cast(), 3)
                    && let Some(bounds) = bounds(calls, object.cast())
                {
                    found.push(Picture {
                        bounds,
                        width,
                        height,
                    });
                }
            }
        }
        found
    }

    /// The images and paths among the first `limit` objects of the page, and their places.
    pub(in crate::worker) fn drawn(&self, limit: c_int) -> Vec<(Drawn, Points)> {
        let calls = self.document.calls;
        let mut found = Vec::new();
        let mut left_over = limit;
        // SAFETY: the page is live; objects belong to it and are only read; every index is below its count.
        unsafe {
            let count = calls.FPDFPage_CountObjects(self.raw().cast()).min(limit);
            for index in 0..count {
                let object = calls.FPDFPage_GetObject(self.raw().cast(), index);
                if let Some(drawn) = drawn(calls, object.cast(), 3, &mut left_over)
                    && let Some(bounds) = bounds(calls, object.cast())
                {
                    found.push((drawn, bounds));
                }
            }
        }
        found
    }

    /// Whether PDFium leaves an image out, or a part of it, that is among the first `limit` objects of the page, as it can't be
    /// decoded: it says nothing of that when it draws the page. Each image is drawn once more, as small as it is in points; those that it was not
    /// come to within that time count as drawn.
    pub(in crate::worker) fn lacks_an_image(&self, limit: c_int, time: Duration) -> bool {
        let calls = self.document.calls;
        let mut left_over = Left {
            objects: limit,
            time,
            since: Instant::now(),
        };
        // SAFETY: the page is live; objects belong to it and are only read; every index is below its count.
        unsafe {
            let count = calls.FPDFPage_CountObjects(self.raw().cast()).min(limit);
            (0..count).any(|index| {
                let object = calls.FPDFPage_GetObject(self.raw().cast(), index);
                self.lacks(object.cast(), 3, &mut left_over)
            })
        }
    }

    /// The same for one object and, down to `depth`, for the objects in a form.
    ///
    /// # Safety
    /// `object` is null or an object of this page.
    unsafe fn lacks(&self, object: *mut c_void, depth: u32, left: &mut Left) -> bool {
        if object.is_null() || left.objects <= 0 || left.since.elapsed() > left.time {
            return false;
        }
        left.objects -= 1;
        let calls = self.document.calls;
        // SAFETY: as the caller promises; objects within a form live as long as it does; every index is below its count.
        unsafe {
            match calls.FPDFPageObj_GetType(object.cast()) {
                OBJECT_IMAGE => !self.can_draw(object),
                OBJECT_FORM if depth > 0 => {
                    let count = calls.FPDFFormObj_CountObjects(object.cast()).max(0);
                    (0..u64::try_from(count).unwrap_or(0)).any(|index| {
                        let inner = calls.FPDFFormObj_GetObject(object.cast(), index as _);
                        self.lacks(inner.cast(), depth - 1, left)
                    })
                }
                _ => false,
            }
        }
    }

    /// Whether an image is whole and drawing it leaves a trace. Stencils and images with transparency need not leave one.
    ///
    /// # Safety
    /// `image` is an image object of this page.
    unsafe fn can_draw(&self, image: *mut c_void) -> bool {
        let calls = self.document.calls;
        let mut about = FPDF_IMAGEOBJ_METADATA {
            width: 0,
            height: 0,
            horizontal_dpi: 0.0,
            vertical_dpi: 0.0,
            bits_per_pixel: 0,
            colorspace: COLORSPACE_UNKNOWN,
            marked_content_id: -1,
        };
        // SAFETY: as the caller promises; the result is written during the call; the bitmap has the stated rows and
        // bytes, and is destroyed after they have been read.
        unsafe {
            let page = self.raw();
            calls.FPDFImageObj_GetImageMetadata(image.cast(), page.cast(), &raw mut about);
            if about.bits_per_pixel == 0 || !is_whole(calls, image) {
                return false;
            }
            if about.colorspace == COLORSPACE_UNKNOWN
                || calls.FPDFPageObj_HasTransparency(image.cast()) != 0
            {
                return true;
            }
            let document = self.document.handle.as_ptr();
            let bitmap =
                calls.FPDFImageObj_GetRenderedBitmap(document.cast(), page.cast(), image.cast());
            if bitmap.is_null() {
                return false;
            }
            let rows = usize::try_from(calls.FPDFBitmap_GetHeight(bitmap)).unwrap_or(0);
            let stride = usize::try_from(calls.FPDFBitmap_GetStride(bitmap)).unwrap_or(0);
            let pixels = calls.FPDFBitmap_GetBuffer(bitmap).cast::<u8>();
            // Drawn pixels are opaque, including white ones.
            let drawn = !pixels.is_null()
                && slice::from_raw_parts(pixels, rows * stride)
                    .iter()
                    .any(|byte| *byte != 0);
            calls.FPDFBitmap_Destroy(bitmap);
            drawn
        }
    }
}

/// Whether an image's data go to their end, as far as that can be told without decoding them.
///
/// # Safety
/// `image` is an image object of a live page.
unsafe fn is_whole(calls: Calls, image: *mut c_void) -> bool {
    const LONGEST: usize = 16;
    let image = image.cast();
    let mut filter = [0u8; LONGEST];
    // SAFETY: as the caller promises; nothing is written where there is no room for all of it.
    let data = unsafe {
        if calls.FPDFImageObj_GetImageFilterCount(image) != 1 {
            return true;
        }
        let (name, room) = (filter.as_mut_ptr().cast(), LONGEST as c_ulong);
        calls.FPDFImageObj_GetImageFilter(image, 0, name, room);
        if !matches!(
            &filter,
            b"DCTDecode\0\0\0\0\0\0\0" | b"JBIG2Decode\0\0\0\0\0"
        ) {
            return true;
        }
        let length = calls.FPDFImageObj_GetImageDataRaw(image, ptr::null_mut(), 0);
        let mut data = vec![0u8; usize::try_from(length).unwrap_or(0)];
        calls.FPDFImageObj_GetImageDataRaw(image, data.as_mut_ptr().cast(), length);
        data
    };
    if filter.starts_with(b"DCT") {
        is_whole_jpeg(&data)
    } else {
        is_whole_jbig2(&data)
    }
}

/// The pixels of an image or, down to `depth` forms, of the largest that a form holds. `None`: there is none.
///
/// # Safety
/// `object` is a page object of a live page.
unsafe fn largest_image(calls: Calls, object: *mut c_void, depth: u32) -> Option<(u32, u32)> {
    // SAFETY: as the caller promises; objects within a form live as long as it does; results are written during the call.
    unsafe {
        match calls.FPDFPageObj_GetType(object.cast()) {
            OBJECT_IMAGE => {
                let (mut width, mut height) = (0, 0);
                calls.FPDFImageObj_GetImagePixelSize(
                    object.cast(),
                    &raw mut width,
                    &raw mut height,
                );
                Some((width, height))
            }
            OBJECT_FORM if depth > 0 => {
                let count = calls.FPDFFormObj_CountObjects(object.cast()).clamp(0, 1000);
                let inner = (0..count).filter_map(|index| {
                    let inner = calls.FPDFFormObj_GetObject(object.cast(), index as _);
                    (!inner.is_null()).then(|| largest_image(calls, inner.cast(), depth - 1))?
                });
                inner.max_by_key(|(width, height)| u64::from(*width) * u64::from(*height))
            }
            _ => None,
        }
    }
}

/// Place of a page object.
///
/// # Safety
/// `object` is a page object of a live page.
unsafe fn bounds(calls: Calls, object: *mut c_void) -> Option<Points> {
    let [mut left, mut bottom, mut right, mut top] = [0.0f32; 4];
    // SAFETY: as the caller promises; results are written during the call.
    let known = unsafe {
        calls.FPDFPageObj_GetBounds(
            object.cast(),
            &raw mut left,
            &raw mut bottom,
            &raw mut right,
            &raw mut top,
        )
    };
    (known != 0).then(|| [left, bottom, right, top].map(f64::from))
}

/// Kind of a page object. A form, down to `depth`, counts as an image if it has one, and otherwise as all of its paths
/// together. Reads at most `limit` objects.
///
/// # Safety
/// `object` is null or a page object of a live page.
unsafe fn drawn(calls: Calls, object: *mut c_void, depth: u32, limit: &mut c_int) -> Option<Drawn> {
    if object.is_null() || *limit <= 0 {
        return None;
    }
    *limit -= 1;
    // SAFETY: as the caller promises; objects within a form live as long as it does; every index is below its count.
    unsafe {
        match calls.FPDFPageObj_GetType(object.cast()) {
            OBJECT_IMAGE => Some(Drawn::Image),
            OBJECT_PATH => Some(Drawn::Path(calls.FPDFPath_CountSegments(object.cast()))),
            OBJECT_FORM if depth > 0 => {
                let count = calls.FPDFFormObj_CountObjects(object.cast()).max(0);
                let mut segments: c_int = 0;
                for index in 0..u64::try_from(count).unwrap_or(0) {
                    if *limit <= 0 {
                        break;
                    }
                    let inner = calls.FPDFFormObj_GetObject(object.cast(), index as _);
                    match drawn(calls, inner.cast(), depth - 1, limit) {
                        Some(Drawn::Image) => return Some(Drawn::Image),
                        Some(Drawn::Path(more)) => segments = segments.saturating_add(more),
                        None => {}
                    }
                }
                (segments > 0).then_some(Drawn::Path(segments))
            }
            _ => None,
        }
    }
}
