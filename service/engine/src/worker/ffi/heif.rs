//! Wrapper of libheif's C API, for HEIC and AVIF. The library is loaded when it is installed, with its decoders, before
//! the sandbox closes.
//!
//! The decoders would start threads, which the sandbox forbids. Two functions stand in for those by which they do: the
//! loader looks for a symbol in the executable before it looks in libraries.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::OnceLock;

use image::{DynamicImage, RgbImage, RgbaImage};

const LIBRARY: &CStr = c"libheif.so.1";

// Values of libheif's public headers (heif_error.h, heif_image.h).
const UNSUPPORTED_FILE: c_int = 3;
const UNSUPPORTED_FEATURE: c_int = 4;
const MEMORY: c_int = 6;
const NO_DECODER: c_int = 11;
const COLOURS_RGB: c_int = 1;
const INTERLEAVED_RGB: c_int = 10;
const INTERLEAVED_RGBA: c_int = 11;
const CHANNEL_INTERLEAVED: c_int = 10;

/// Reason for which a picture was not opened or decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::worker) enum HeifError {
    /// The library or the decoder is not installed, or does not know this variant.
    Unsupported,
    NeedsMemory,
    Damaged,
}

#[repr(C)]
struct Status {
    code: c_int,
    subcode: c_int,
    message: *const c_char,
}

/// Beginning of libheif's structure of this name, which grows at its end.
#[repr(C)]
struct DecodingOptions {
    version: u8,
    ignore_transformations: u8,
    progress: [*const c_void; 4],
    convert_hdr_to_8bit: u8,
    strict_decoding: u8,
}

type Handle = *mut c_void;

macro_rules! calls {
    ($($name:ident: fn($($argument:ty),*) $(-> $result:ty)?;)+) => {
        /// Functions of the library.
        struct Calls {
            $($name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)+
        }

        impl Calls {
            fn load() -> Option<Self> {
                // SAFETY: loading runs the constructors of the library and of those that it needs, which are the
                // distribution's. It stays loaded.
                let library = unsafe { libc::dlopen(LIBRARY.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
                NonNull::new(library)?;
                Some(Self {
                    $($name: {
                        let name = concat!(stringify!($name), "\0");
                        // SAFETY: the name ends with a zero, and the function has had this type in each version.
                        unsafe {
                            let found = NonNull::new(libc::dlsym(library, name.as_ptr().cast()))?;
                            mem::transmute::<*mut c_void, unsafe extern "C" fn($($argument),*) $(-> $result)?>(found.as_ptr())
                        }
                    },)+
                })
            }
        }
    };
}

calls! {
    heif_init: fn(*const c_void) -> Status;
    heif_context_alloc: fn() -> Handle;
    heif_context_free: fn(Handle);
    heif_context_set_max_decoding_threads: fn(Handle, c_int);
    heif_context_read_from_memory_without_copy: fn(Handle, *const u8, usize, *const c_void) -> Status;
    heif_context_get_number_of_top_level_images: fn(Handle) -> c_int;
    heif_context_get_primary_image_handle: fn(Handle, *mut Handle) -> Status;
    heif_image_handle_release: fn(Handle);
    heif_image_handle_get_width: fn(Handle) -> c_int;
    heif_image_handle_get_height: fn(Handle) -> c_int;
    heif_image_handle_has_alpha_channel: fn(Handle) -> c_int;
    heif_decoding_options_alloc: fn() -> *mut DecodingOptions;
    heif_decoding_options_free: fn(*mut DecodingOptions);
    heif_decode_image: fn(Handle, *mut Handle, c_int, c_int, *const DecodingOptions) -> Status;
    heif_image_get_width: fn(Handle, c_int) -> c_int;
    heif_image_get_height: fn(Handle, c_int) -> c_int;
    heif_image_get_plane_readonly: fn(Handle, c_int, *mut c_int) -> *const u8;
    heif_image_release: fn(Handle);
}

static CALLS: OnceLock<Option<Calls>> = OnceLock::new();

/// Loads the library and its decoders, if they are installed, so that copies of this process have them.
pub(in crate::worker) fn prepare() {
    std::hint::black_box([
        de265_start_worker_threads as *const (),
        pthread_getaffinity_np as *const (),
    ]);
    CALLS.get_or_init(|| {
        let calls = Calls::load()?;
        // SAFETY: without parameters, it loads the decoders from the directory that the library knows.
        unsafe { (calls.heif_init)(ptr::null()) };
        Some(calls)
    });
}

/// Replaces libde265's function, whose threads would be waited for in vain. Without threads, the calling one decodes.
///
/// # Safety
/// It uses no argument.
#[unsafe(no_mangle)]
unsafe extern "C" fn de265_start_worker_threads(_decoder: *mut c_void, _threads: c_int) -> c_int {
    const OK: c_int = 0;
    OK
}

/// Replaces the C library's function, by which dav1d finds how many threads to start: this process uses one processor.
///
/// # Safety
/// `set` has room for `size` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_getaffinity_np(
    _thread: libc::pthread_t,
    size: usize,
    set: *mut u8,
) -> c_int {
    if size == 0 || set.is_null() {
        return libc::EINVAL;
    }
    // SAFETY: as the caller promises.
    unsafe {
        set.write_bytes(0, size);
        set.write(1);
    }
    0
}

fn checked(status: &Status) -> Result<(), HeifError> {
    match status.code {
        0 => Ok(()),
        UNSUPPORTED_FILE | UNSUPPORTED_FEATURE | NO_DECODER => Err(HeifError::Unsupported),
        MEMORY => Err(HeifError::NeedsMemory),
        _ => Err(HeifError::Damaged),
    }
}

/// An open file, of which nothing is decoded yet.
pub(in crate::worker) struct Heif<'b> {
    calls: &'static Calls,
    context: NonNull<c_void>,
    /// The file's main picture.
    handle: NonNull<c_void>,
    /// The library reads from these bytes as long as the file is open.
    _bytes: &'b [u8],
}

impl<'b> Heif<'b> {
    pub(in crate::worker) fn open(bytes: &'b [u8]) -> Result<Self, HeifError> {
        let calls = CALLS.get().and_then(Option::as_ref);
        let calls = calls.ok_or(HeifError::Unsupported)?;
        // SAFETY: the context is freed once, here or when `Self` is dropped, and `Self` borrows the bytes.
        unsafe {
            let context =
                NonNull::new((calls.heif_context_alloc)()).ok_or(HeifError::NeedsMemory)?;
            (calls.heif_context_set_max_decoding_threads)(context.as_ptr(), 0);
            let mut handle = ptr::null_mut();
            let opened = checked(&(calls.heif_context_read_from_memory_without_copy)(
                context.as_ptr(),
                bytes.as_ptr(),
                bytes.len(),
                ptr::null(),
            ))
            .and_then(|()| {
                checked(&(calls.heif_context_get_primary_image_handle)(
                    context.as_ptr(),
                    &raw mut handle,
                ))
            });
            match (opened, NonNull::new(handle)) {
                (Ok(()), Some(handle)) => Ok(Self {
                    calls,
                    context,
                    handle,
                    _bytes: bytes,
                }),
                (opened, _) => {
                    (calls.heif_context_free)(context.as_ptr());
                    Err(opened.err().unwrap_or(HeifError::Damaged))
                }
            }
        }
    }

    /// Width and height as the picture is shown, turned upright.
    pub(in crate::worker) fn size(&self) -> (u32, u32) {
        let handle = self.handle.as_ptr();
        // SAFETY: the handle is live.
        let (width, height) = unsafe {
            (
                (self.calls.heif_image_handle_get_width)(handle),
                (self.calls.heif_image_handle_get_height)(handle),
            )
        };
        (
            u32::try_from(width).unwrap_or(0),
            u32::try_from(height).unwrap_or(0),
        )
    }

    /// Number of pictures that are not parts of others.
    pub(in crate::worker) fn pictures(&self) -> u32 {
        // SAFETY: the context is live.
        let count = unsafe {
            (self.calls.heif_context_get_number_of_top_level_images)(self.context.as_ptr())
        };
        u32::try_from(count).unwrap_or(0)
    }

    /// Decodes the picture to eight bits a colour, turned upright.
    pub(in crate::worker) fn decode(&self) -> Result<DynamicImage, HeifError> {
        let calls = self.calls;
        // SAFETY: the handle is live. The options and the picture are freed once, here, after their last use; the
        // library has the two fields behind the functions since its version 1.13.
        unsafe {
            let has_alpha = (calls.heif_image_handle_has_alpha_channel)(self.handle.as_ptr()) != 0;
            let options = (calls.heif_decoding_options_alloc)();
            if options.is_null() {
                return Err(HeifError::NeedsMemory);
            }
            (*options).convert_hdr_to_8bit = 1;
            if (*options).version >= 3 {
                (*options).strict_decoding = 1;
            }
            let mut picture = ptr::null_mut();
            let decoded = checked(&(calls.heif_decode_image)(
                self.handle.as_ptr(),
                &raw mut picture,
                COLOURS_RGB,
                if has_alpha {
                    INTERLEAVED_RGBA
                } else {
                    INTERLEAVED_RGB
                },
                options,
            ));
            (calls.heif_decoding_options_free)(options);
            decoded?;
            let copied = self.copy(picture, has_alpha);
            (calls.heif_image_release)(picture);
            copied.ok_or(HeifError::Damaged)
        }
    }

    /// Copies the pixels of a picture.
    ///
    /// # Safety
    /// The picture is live, with three or four interleaved channels of eight bits.
    unsafe fn copy(&self, picture: Handle, has_alpha: bool) -> Option<DynamicImage> {
        let calls = self.calls;
        let mut stride = 0;
        // SAFETY: the picture is live; the plane has as many rows of `stride` bytes as the picture is high.
        unsafe {
            let width = (calls.heif_image_get_width)(picture, CHANNEL_INTERLEAVED);
            let height = (calls.heif_image_get_height)(picture, CHANNEL_INTERLEAVED);
            let plane = (calls.heif_image_get_plane_readonly)(
                picture,
                CHANNEL_INTERLEAVED,
                &raw mut stride,
            );
            let (columns, rows) = (u32::try_from(width).ok()?, u32::try_from(height).ok()?);
            let stride = usize::try_from(stride).ok()?;
            let length = columns as usize * if has_alpha { 4 } else { 3 };
            if plane.is_null() || columns == 0 || rows == 0 || stride < length {
                return None;
            }
            let mut pixels = Vec::with_capacity(length * rows as usize);
            for row in 0..rows as usize {
                pixels.extend_from_slice(slice::from_raw_parts(plane.add(row * stride), length));
            }
            if has_alpha {
                RgbaImage::from_raw(columns, rows, pixels).map(DynamicImage::from)
            } else {
                RgbImage::from_raw(columns, rows, pixels).map(DynamicImage::from)
            }
        }
    }
}

impl Drop for Heif<'_> {
    fn drop(&mut self) {
        // SAFETY: both are live, and freed here only.
        unsafe {
            (self.calls.heif_image_handle_release)(self.handle.as_ptr());
            (self.calls.heif_context_free)(self.context.as_ptr());
        }
    }
}
