//! The C library's heap in the process that is copied.

/// More than any free piece within the heap should have.
const LARGEST: usize = 1 << 20;
const SMALLEST: usize = 16;

/// Takes the free pieces between those in use, so that later pieces lie side by side at the end of the heap. A copy that
/// used the free pieces would get a page of its own for each: a third of its page faults.
pub(in crate::worker) fn settle() {
    // SAFETY: the first call sets the default again, and joins free pieces before that. Other calls only get memory, and
    // give back what was got once; null is given back without effect.
    unsafe {
        libc::mallopt(libc::M_MXFAST, (64 * size_of::<usize>() / 4) as libc::c_int);
        let end = libc::malloc(LARGEST);
        let mut size = LARGEST;
        while size >= SMALLEST {
            let piece = std::hint::black_box(libc::malloc(size));
            if piece.is_null() || piece >= end {
                libc::free(piece);
                size = size * 7 / 8;
            }
        }
        libc::free(end);
    }
}
