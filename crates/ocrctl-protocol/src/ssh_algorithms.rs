//! Algorithms of SSH, for connections to hosts and for a host's look at its own sshd.

use russh::{Preferred, cipher, kex};

/// russh's own, with those of hosts that allow nothing but what is approved for governments.
pub fn preferred() -> Preferred {
    let mut preferred = Preferred::DEFAULT;
    let exchanges = preferred.kex.to_mut();
    // The last four are extensions.
    let extensions = exchanges.len() - 4;
    exchanges.splice(
        extensions..extensions,
        [
            kex::ECDH_SHA2_NISTP256,
            kex::ECDH_SHA2_NISTP384,
            kex::ECDH_SHA2_NISTP521,
        ],
    );
    preferred.cipher.to_mut().insert(2, cipher::AES_128_GCM);
    preferred
}
