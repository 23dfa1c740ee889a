//! Limits of the kernel's oldest kind.

use std::fs::{self, File};
use std::io::{self, Read};

use rustix::process::{Resource, Rlimit, setrlimit};

/// Beyond what is mapped when the worker is ready: a document of the largest size, models of other languages, and
/// what Tesseract needs for a page of usual size.
const MEMORY: u64 = 768 << 20;
/// A pixel of 16 bits in four channels, the same once more as gray, and what recognition keeps of it.
const BYTES_PER_PIXEL: u64 = 16;
/// Standard streams, the socket, and files of language data or fonts, which are opened one by one.
const DESCRIPTORS: u64 = 32;

/// Limits that can be set when `/proc` is out of reach.
pub(super) struct Limits {
    /// How much memory is mapped.
    statm: File,
}

impl Limits {
    /// Opens what has to be known, while it can be.
    pub(super) fn prepare() -> io::Result<Self> {
        // When the machine or the container runs out of memory, it is a worker that goes, and never the service.
        // Not everywhere may it be set; then the kernel's own choice has to do.
        let _ = fs::write("/proc/self/oom_score_adj", "1000");
        let statm = File::open("/proc/self/statm")?;
        Ok(Self { statm })
    }

    /// Bounds memory by what a page of `max_pixels` needs, and leaves no way to write a file or to start a process.
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
            // No thread either. Root is not bound by it, but by seccomp.
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
