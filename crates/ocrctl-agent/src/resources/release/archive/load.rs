//! Loads an archive into Docker, without the layers that it has. It knows layers by what they hold, and so takes those
//! that came from a registry, packed, for those of an archive, which are not.

use std::io;

use bytes::Bytes;
use futures_util::stream::unfold;
use serde_json::json;
use tokio::sync::mpsc;

use super::pieces::Pieces;
use crate::docker::Engine;
use crate::host::Emitter;
use ocrctl_protocol::{ArchivedPlatform, Context, Failure, Result};

/// Of a tar file.
const BLOCK: u64 = 512;

/// Bytes of the layers that Docker lacks, and how many they are.
pub(super) fn lacking(platform: &ArchivedPlatform, images: &[Vec<String>]) -> (u64, usize) {
    let missing = missing(platform, images);
    (
        missing.iter().map(|(_, (_, size))| size).sum(),
        missing.len(),
    )
}

/// The layers with their places in the image. Docker has one only on top of the same ones.
fn missing<'a>(
    platform: &'a ArchivedPlatform,
    images: &[Vec<String>],
) -> Vec<(usize, &'a (String, u64))> {
    let common = |image: &Vec<String>| {
        let pairs = image.iter().zip(&platform.diff_ids);
        pairs.take_while(|(one, other)| one == other).count()
    };
    let there = images.iter().map(common).max().unwrap_or(0);
    platform.layers().enumerate().skip(there).collect()
}

/// Sends Docker what it lacks. Nothing of an archive that was cut stays.
pub(super) async fn load(
    platform: &ArchivedPlatform,
    engine: &Engine,
    pieces: &Pieces,
    events: &Emitter,
) -> Result<()> {
    let missing = missing(platform, &engine.images_layers().await?);
    let (send, receive) = mpsc::channel::<Bytes>(2);
    let body = unfold(receive, |mut receive| async {
        receive.recv().await.map(|bytes| (bytes, receive))
    });
    let tar = async {
        let written = write(platform, &missing, pieces, events, &send).await;
        drop(send);
        written.context("sending the image")
    };
    // A tar that ends early is an error of Docker's, which comes after ours.
    let (written, loaded) = tokio::join!(tar, engine.load(body));
    loaded.or_else(|failure| written.and(Err(failure)))
}

async fn write(
    platform: &ArchivedPlatform,
    missing: &[(usize, &(String, u64))],
    pieces: &Pieces,
    events: &Emitter,
    tar: &mpsc::Sender<Bytes>,
) -> io::Result<()> {
    let put = async |bytes: Vec<u8>| tar.send(bytes.into()).await.map_err(io::Error::other);
    let names: Vec<String> = (0..platform.diff_ids.len())
        .map(|n| format!("{n}.tar"))
        .collect();
    let config = format!("{}.json", platform.config.trim_start_matches("sha256:"));
    let list = json!([{"Config": config, "RepoTags": null, "Layers": names}]).to_string();
    put(header("manifest.json", list.len() as u64)?).await?;
    put(padded(list.into_bytes())).await?;
    let total: u64 = missing.iter().map(|(_, (_, size))| size).sum();
    let mut done = 0;
    let layers = missing
        .iter()
        .map(|(at, (digest, size))| (names[*at].as_str(), digest, *size));
    let first = platform.blobs.first().ok_or(io::ErrorKind::InvalidData)?;
    let blobs = std::iter::once((config.as_str(), &first.0, first.1)).chain(layers);
    for (name, digest, size) in blobs {
        put(header(name, size)?).await?;
        let mut blob = pieces.of(digest, 0, size);
        while let Some(piece) = blob.next().await? {
            done += piece.len() as u64;
            events.progress("image", "sending", Some((done.min(total), total)));
            put(piece).await?;
        }
        put(vec![0; padding(size)]).await?;
    }
    put(vec![0; 2 * BLOCK as usize]).await
}

fn header(name: &str, size: u64) -> io::Result<Vec<u8>> {
    let mut header = tar::Header::new_gnu();
    header.set_path(name)?;
    header.set_size(size);
    header.set_mode(0o600);
    header.set_cksum();
    Ok(header.as_bytes().to_vec())
}

fn padded(mut bytes: Vec<u8>) -> Vec<u8> {
    let padding = padding(bytes.len() as u64);
    bytes.resize(bytes.len() + padding, 0);
    bytes
}

/// Up to the next block.
fn padding(size: u64) -> usize {
    usize::try_from(size.next_multiple_of(BLOCK) - size).unwrap_or(0)
}

/// The failure if Docker has another image under the archive's name.
pub(super) fn other(platform: &ArchivedPlatform, id: Option<&str>) -> Failure {
    Failure::new(format!(
        "Docker calls the image {}, and the archive {}",
        id.unwrap_or("nothing"),
        platform.config
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_is_there_only_on_top_of_the_same_ones() {
        let platform = ArchivedPlatform {
            name: "linux/amd64".into(),
            config: "sha256:c".into(),
            version: None,
            languages: None,
            diff_ids: ["1", "2", "3"].map(str::to_owned).into(),
            blobs: [("c", 5), ("a", 10), ("b", 20), ("d", 40)]
                .map(|(digest, size)| (digest.to_owned(), size))
                .into(),
        };
        let image = |layers: &[&str]| layers.iter().map(|it| (*it).to_owned()).collect();
        let lacking = |images: &[&[&str]]| {
            let images: Vec<Vec<String>> = images.iter().map(|it| image(it)).collect();
            lacking(&platform, &images)
        };
        assert_eq!(lacking(&[]), (70, 3));
        assert_eq!(lacking(&[&["2", "3"], &["1", "x"]]), (60, 2));
        assert_eq!(lacking(&[&["1"], &["1", "2", "x"]]), (40, 1));
        assert_eq!(lacking(&[&["1", "2", "3", "4"]]), (0, 0));
    }
}
