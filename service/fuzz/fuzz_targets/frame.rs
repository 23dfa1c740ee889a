#![no_main]

use ocr_protocol::{Reply, Request};
use serde::Serialize;
use serde::de::DeserializeOwned;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| frame(bytes));

/// A frame is either rejected by its length, or holds a message that reads back the same when it is written.
fn frame(bytes: &[u8]) {
    let Some((head, body)) = bytes.split_first_chunk::<4>() else {
        return;
    };
    if let Ok(length) = ocr_protocol::frame_length(*head, ocr_protocol::MAX_REPLY) {
        assert!(length <= ocr_protocol::MAX_REPLY as usize);
    }
    reads_back::<Request>(body);
    reads_back::<Reply>(body);
}

fn reads_back<T: Serialize + DeserializeOwned>(body: &[u8]) {
    let Ok(message) = ocr_protocol::parse::<T>(body) else {
        return;
    };
    let frame = ocr_protocol::frame(&message, ocr_protocol::MAX_REQUEST)
        .expect("it was shorter than a frame may be");
    let (head, body) = frame.split_first_chunk::<4>().expect("it has a head");
    assert_eq!(
        ocr_protocol::frame_length(*head, ocr_protocol::MAX_REQUEST).ok(),
        Some(body.len())
    );
    // Compared as bytes: a number may be none, which is never the same as itself.
    let again = ocr_protocol::parse::<T>(body).expect("it was just written");
    assert_eq!(
        ocr_protocol::frame(&again, ocr_protocol::MAX_REQUEST).ok(),
        Some(frame)
    );
}
