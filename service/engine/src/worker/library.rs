//! The build of Tesseract that the loader chose.

use std::fs;
use std::io;

/// Name of the distribution's own build.
const DISTRIBUTION: &str = "distribution";

/// `distribution`, or the level of CPUs that the loaded build is made for, such as `x86-64-v3`.
///
/// # Errors
/// `/proc` is missing.
pub(super) fn in_use() -> io::Result<String> {
    Ok(build_in(&fs::read_to_string("/proc/self/maps")?).to_owned())
}

/// Reads the level from the path of the library among a process's mappings (proc(5)):
/// `…/glibc-hwcaps/<level>/libtesseract.so.5` (ld.so(8)).
fn build_in(maps: &str) -> &str {
    maps.lines()
        .find_map(|line| line.split_once("/libtesseract.so"))
        .and_then(|(directory, _)| directory.rsplit_once("/glibc-hwcaps/"))
        .map_or(DISTRIBUTION, |(_, level)| level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognizes_the_build_by_its_directory() {
        let maps = |directory: &str| {
            format!(
                "557e4000-557e5000 r-xp 00000000 08:01 99 /usr/local/bin/ocr-service\n\
                 7f0c6000-7f0c7000 r--p 00000000 08:01 12 {directory}/libtesseract.so.5.0.3\n\
                 7f0c8000-7f0c9000 r--p 00000000 08:01 14 /usr/lib/glibc-hwcaps/x86-64-v2/libother.so.1\n"
            )
        };
        let build = |directory| build_in(&maps(directory)).to_owned();
        assert_eq!(build("/usr/lib/x86_64-linux-gnu"), "distribution");
        assert_eq!(build("/usr/lib/ocr/glibc-hwcaps/x86-64-v3"), "x86-64-v3");
    }
}
