//! The C library's heap in the process that is copied.

/// Larger pieces may be mapped apart from the heap.
const LARGEST: usize = 96 << 10;
const SMALLEST: usize = 16;

/// Takes the free pieces between those in use for good, so that later pieces lie side by side at the end of the heap. A
/// copy that used the free pieces would get a page of its own for each: a third of its page faults. Called again, it takes
/// what was freed since, so it is for a process that has just loaded something.
pub(in crate::worker) fn settle() {
    // SAFETY: the first call sets the default again, and joins free pieces before that. Other calls only get memory and
    // numbers, and give back what was got once; null is given back without effect.
    unsafe {
        libc::mallopt(libc::M_MXFAST, (64 * size_of::<usize>() / 4) as libc::c_int);
        // Where the last free piece begins, from which memory is taken when no other piece is large enough.
        let end = libc::sbrk(0).wrapping_byte_sub(libc::mallinfo2().keepcost);
        let mut size = LARGEST;
        while size >= SMALLEST {
            let piece = std::hint::black_box(libc::malloc(size));
            if piece.is_null() || piece >= end {
                libc::free(piece);
                size = size * 7 / 8;
            }
        }
    }
}
