//! Resource limits (setrlimit(2)).

use std::fs::{self, File};
use std::io::{self, Read};

use rustix::process::{Resource, Rlimit, setrlimit};

/// Address space in addition to that of a ready worker: a document of the largest size, models of other languages, and
/// what Tesseract needs for a page of usual size.
const MEMORY: u64 = 768 << 20;
/// Memory per pixel: 16 bits in four channels, the same again as gray, and the data that recognition keeps.
const BYTES_PER_PIXEL: u64 = 16;
/// Most open descriptors: standard streams, the socket, and files of language data or fonts, which are opened one by
/// one.
const DESCRIPTORS: u64 = 32;

/// Limits that can be set after `/proc` has become inaccessible.
pub(super) struct Limits {
    /// File with the amount of mapped memory.
    statm: File,
}

impl Limits {
    /// Opens files that are needed later, while that is possible.
    pub(super) fn prepare() -> io::Result<Self> {
        // If the machine or the container runs out of memory, the kernel should end a worker, and never the service.
        // Some systems forbid this setting; then the kernel decides.
        let _ = fs::write("/proc/self/oom_score_adj", "1000");
        let statm = File::open("/proc/self/statm")?;
        Ok(Self { statm })
    }

    /// Limits memory to the need of a page of `max_pixels`, and forbids writing files and starting processes.
    pub(super) fn restrict(self, max_pixels: u64) -> io::Result<()> {
        let memory = self
            .mapped()?
            .saturating_add(MEMORY)
            .saturating_add(max_pixels.saturating_mul(BYTES_PER_PIXEL));
        for (resource, most) in [
            (Resource::As, memory),
            (Resource::Fsize, 0),
            (Resource::Core, 0),
            (Resource::Nofile, DESCRIPTORS),
            // Forbids threads, too. For root, this limit has no effect, but seccomp has.
            (Resource::Nproc, 0),
        ] {
            let limit = Rlimit {
                current: Some(most),
                maximum: Some(most),
            };
            setrlimit(resource, limit)?;
        }
        Ok(())
    }

    /// Bytes of address space in use.
    fn mapped(mut self) -> io::Result<u64> {
        let mut statm = String::new();
        self.statm.read_to_string(&mut statm)?;
        let pages: u64 = statm
            .split(' ')
            .next()
            .and_then(|field| field.parse().ok())
            .ok_or_else(|| io::Error::other("/proc/self/statm has no size"))?;
        Ok(pages * rustix::param::page_size() as u64)
    }
}
