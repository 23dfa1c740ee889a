//! Loading an image from an archive, by hand and by a registry's client.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::pieces::unpacked;
use super::registry::HANDSHAKE;
use super::*;
use crate::test_support::saved_image::{digest, saved};
use ocrctl_protocol::ImageRef;
use ocrctl_registry::archive::Archive;

fn own() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "amd64",
    }
}

#[test]
fn an_image_for_another_machine_is_refused() {
    let image = ImageRef::parse("r.example:5000/o/ocr:1").unwrap();
    let file = saved(&[], own(), &[b"layer"]);
    let archive = Archive::open(&file.path, &image).unwrap().image;
    let reference = reference(&archive, &image).unwrap();
    assert_eq!(
        reference.to_string(),
        format!("{ARCHIVE}/r.example__5000/o/ocr@{}", archive.digest)
    );

    let file = saved(&[], "riscv64", &[b"layer"]);
    let archive = Archive::open(&file.path, &image).unwrap().image;
    let failure = super::reference(&archive, &image).unwrap_err();
    assert!(
        failure
            .message
            .contains("is for linux/riscv64, and this host is linux/")
    );
}

/// Asks the registry of an archive; its pieces are given as a controller would.
async fn asked(archive: &Archive, request: &[u8]) -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let (pieces, mut asked) = Pieces::new();
    let registry = Registry::new(&archive.image, pieces);
    client.write_all(request).await.unwrap();
    let serve = async {
        registry.answer(stream).await.unwrap();
        drop(registry);
    };
    let supply = async {
        while let Some(piece) = asked.recv().await {
            let found = archive.piece(&piece.digest, piece.offset, piece.length);
            let (packed, data) = found.unwrap().unwrap();
            let bytes = if packed {
                unpacked(&data, piece.length).unwrap()
            } else {
                data
            };
            piece.reply.send(bytes).unwrap();
        }
    };
    let mut answer = Vec::new();
    let read = async { client.read_to_end(&mut answer).await.unwrap() };
    tokio::join!(serve, supply, read);
    answer
}

fn body(answer: &[u8]) -> (String, &[u8]) {
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n").unwrap() + 4;
    (
        String::from_utf8_lossy(&answer[..end]).into_owned(),
        &answer[end..],
    )
}

#[tokio::test]
async fn docker_gets_manifests_and_blobs_whole_and_from_the_middle() {
    let image = ImageRef::parse("r.example/o/ocr:1").unwrap();
    let mut layer = vec![0_u8; 9_000_001];
    for (at, byte) in layer.iter_mut().enumerate() {
        *byte = u8::try_from(at % 251).unwrap();
    }
    let file = saved(&[], own(), &[&layer]);
    let archive = Archive::open(&file.path, &image).unwrap();
    let get = async |path: &str, more: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {ARCHIVE}\r\n{more}\r\n");
        asked(&archive, request.as_bytes()).await
    };
    let answer = get("/v2/", "").await;
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
    let manifest = get(&format!("/v2/o/ocr/manifests/{}", archive.image.digest), "").await;
    let (head, text) = body(&manifest);
    assert!(head.contains("Content-Type: application/vnd.oci.image.manifest.v1+json\r\n"));
    assert_eq!(digest(text), archive.image.digest);

    let blob = format!("/v2/o/ocr/blobs/{}", digest(&layer));
    let answer = get(&blob, "").await;
    let (head, bytes) = body(&answer);
    assert!(head.contains("Content-Length: 9000001\r\n"), "{head}");
    assert!(bytes == layer);
    let answer = get(&blob, "range: bytes=8000000-\r\n").await;
    let (head, bytes) = body(&answer);
    assert!(head.starts_with("HTTP/1.1 206 "), "{head}");
    assert!(head.contains("Content-Range: bytes 8000000-9000000/9000001\r\n"));
    assert!(bytes == &layer[8_000_000..]);

    let head = asked(&archive, format!("HEAD {blob} HTTP/1.1\r\n\r\n").as_bytes()).await;
    assert!(body(&head).1.is_empty());
    assert!(
        get("/v2/o/ocr/blobs/sha256:0", "")
            .await
            .starts_with(b"HTTP/1.1 404 ")
    );
    // TLS, which Docker tries first.
    assert!(
        asked(&archive, &[HANDSHAKE, 3, 1])
            .await
            .starts_with(b"HTTP/1.1 400 ")
    );
}
