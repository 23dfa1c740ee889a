//! Images in files, as `docker save` writes them.

use std::path::PathBuf;

use ocrctl_protocol::hex;
use serde_json::json;
use sha2::{Digest, Sha256};

pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}

pub fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, *bytes).unwrap();
    }
    tar.into_inner().unwrap()
}

/// Gone when it is dropped.
pub struct Written {
    _dir: tempfile::TempDir,
    pub path: PathBuf,
}

pub fn written(bytes: &[u8]) -> Written {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image.tar");
    std::fs::write(&path, bytes).unwrap();
    Written { _dir: dir, path }
}

pub fn configuration(architecture: &str, layers: &[&[u8]]) -> Vec<u8> {
    let diff_ids: Vec<String> = layers.iter().map(|layer| digest(layer)).collect();
    serde_json::to_vec(&json!({
        "os": "linux", "architecture": architecture, "config": {"Labels": {"org.opencontainers.image.version": "1.0.0"}},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }))
    .unwrap()
}

/// As `docker save` up to 24 writes it.
pub fn saved(names: &[&str], architecture: &str, layers: &[&[u8]]) -> Written {
    written(&saved_bytes(names, architecture, layers))
}

pub fn saved_bytes(names: &[&str], architecture: &str, layers: &[&[u8]]) -> Vec<u8> {
    let config = configuration(architecture, layers);
    let config_name = format!("{}.json", digest(&config).trim_start_matches("sha256:"));
    let layer_names: Vec<String> = (0..layers.len())
        .map(|n| format!("{n}/layer.tar"))
        .collect();
    let list = json!([{"Config": config_name, "RepoTags": names, "Layers": layer_names}]);
    let list = serde_json::to_vec(&list).unwrap();
    let mut files: Vec<(&str, &[u8])> = vec![(&config_name, &config), ("manifest.json", &list)];
    files.extend(
        layer_names
            .iter()
            .map(String::as_str)
            .zip(layers.iter().copied()),
    );
    tar(&files)
}
