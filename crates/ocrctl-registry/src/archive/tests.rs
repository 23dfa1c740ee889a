//! Archives as the programs write them, read; and damaged, refused.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use super::*;
use crate::test_support::saved_image::{
    Written, configuration, digest, saved, saved_bytes, tar, written,
};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn wanted(text: &str) -> ImageRef {
    ImageRef::parse(text).unwrap()
}

const NAME: &str = "r.example/o/ocr:1.0.0";

/// Builds an archive like buildx: an index of platforms, with an attestation. Its layers are packed.
fn layout(architectures: &[&str], layer: &[u8]) -> Written {
    let mut blobs: Vec<Vec<u8>> = vec![gzip(layer)];
    let packed = digest(&blobs[0]);
    let mut children = Vec::new();
    for architecture in architectures.iter().copied().chain(["unknown"]) {
        let mut config = configuration(architecture, &[layer]);
        if architecture == "unknown" {
            config = String::from_utf8(config)
                .unwrap()
                .replace("linux", "unknown")
                .into();
        }
        let manifest = serde_json::to_vec(&json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(&config), "size": config.len()},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": packed, "size": blobs[0].len()}],
        }))
        .unwrap();
        children.push(json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest(&manifest), "size": manifest.len()}));
        blobs.extend([config, manifest]);
    }
    let index = json!({"schemaVersion": 2, "mediaType": crate::INDEX, "manifests": children});
    let index = serde_json::to_vec(&index).unwrap();
    let top = json!({"schemaVersion": 2, "manifests": [{"mediaType": crate::INDEX, "digest": digest(&index),
        "size": index.len(), "annotations": {"org.opencontainers.image.ref.name": "1.0.0"}}]});
    let top = serde_json::to_vec(&top).unwrap();
    blobs.push(index);
    let names: Vec<String> = blobs
        .iter()
        .map(|blob| format!("blobs/{}", digest(blob).replacen(':', "/", 1)))
        .collect();
    let mut files: Vec<(&str, &[u8])> = vec![("oci-layout", b"{}"), ("index.json", &top)];
    files.extend(
        names
            .iter()
            .map(String::as_str)
            .zip(blobs.iter().map(Vec::as_slice)),
    );
    written(&tar(&files))
}

#[test]
fn reads_docker_save_gzipped_or_not() {
    let layers: [&[u8]; 2] = [&[7; 3_000_000], b"small"];
    let plain = saved(&["o/other:2", NAME], "amd64", &layers);
    let archive = Archive::open(&plain.path, &wanted(NAME)).unwrap();
    assert_eq!(archive.notes, Vec::<String>::new());
    let platform = &archive.image.platforms[0];
    assert_eq!(platform.name, "linux/amd64");
    assert_eq!(platform.version.as_deref(), Some("1.0.0"));
    assert_eq!(platform.config, digest(&configuration("amd64", &layers)));
    assert_eq!(platform.blobs.len(), 3);
    let manifest: serde_json::Value =
        serde_json::from_str(&archive.image.manifests[0].text).unwrap();
    assert_eq!(manifest["layers"][1]["digest"], digest(b"small"));

    let packed = written(&gzip(&saved_bytes(&[NAME], "amd64", &layers)));
    let again = Archive::open(&packed.path, &wanted(NAME)).unwrap();
    assert_eq!(again.image.digest, archive.image.digest);

    // Pieces make up the layer, and are packed where that saves something.
    let layer = digest(layers[0]);
    let (packed, bytes) = archive.piece(&layer, 2 << 20, PIECE).unwrap().unwrap();
    assert!(packed && bytes.len() < 50_000);
    let mut piece = Vec::new();
    io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut piece).unwrap();
    assert_eq!(piece.len(), 3_000_000 - (2 << 20));
    assert!(archive.piece("sha256:0", 0, 1).unwrap().is_none());
}

#[test]
fn an_index_keeps_its_digest_and_its_platforms() {
    let file = layout(&["amd64", "arm64"], b"layer");
    let archive = Archive::open(&file.path, &wanted(NAME)).unwrap();
    let mut platforms: Vec<&str> = archive.image.platforms.iter().map(|it| &*it.name).collect();
    platforms.sort_unstable();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
    assert_eq!(
        archive.image.digest,
        digest(archive.image.manifests[0].text.as_bytes())
    );
    // Packed layers are sent unchanged.
    let (packed, _) = archive
        .piece(&digest(&gzip(b"layer")), 0, PIECE)
        .unwrap()
        .unwrap();
    assert!(!packed);
    let by_digest = wanted(&format!("r.example/o/ocr@{}", archive.image.digest));
    assert!(
        Archive::open(&file.path, &by_digest)
            .unwrap()
            .notes
            .is_empty()
    );
}

#[test]
fn reports_another_name_or_digest() {
    let file = saved(&["o/other:2"], "amd64", &[b"layer"]);
    let notes = |name: &str| Archive::open(&file.path, &wanted(name)).unwrap().notes;
    assert!(notes(NAME)[0].contains("the archive calls its image o/other:2"));
    let pinned = format!("r.example/o/ocr@sha256:{}", "0".repeat(64));
    assert!(notes(&pinned)[0].contains("no image by the inventory's sha256:000"));
    assert!(notes("docker.io/o/other:2").is_empty());
}

#[test]
fn rejects_damaged_files_and_other_formats() {
    let refused = |bytes: &[u8]| {
        let file = written(bytes);
        let error = Archive::open(&file.path, &wanted(NAME)).unwrap_err();
        assert!(error.hint().is_some(), "{error}");
        error.to_string()
    };
    let layers: [&[u8]; 2] = [&[7; 100_000], &[8; 100_000]];
    let whole = saved_bytes(&[NAME], "amd64", &layers);
    assert!(refused(&whole[..whole.len() / 2]).contains("is damaged"));
    let packed = gzip(&whole);
    assert!(refused(&packed[..packed.len() - 20]).contains("is damaged"));
    let mut flipped = whole.clone();
    let at = whole.windows(4).rposition(|it| it == [8; 4]).unwrap();
    flipped[at] = 9;
    let said = refused(&flipped);
    assert!(
        said.contains("1/layer.tar is not the layer sha256:"),
        "{said}"
    );
    assert!(refused(&tar(&[("readme", b"hello")])).contains("no image in"));
    assert!(refused(b"no tar at all").contains("is damaged"));
    assert!(refused(members::ZSTD).contains("zstd"));
}
