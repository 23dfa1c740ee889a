//! One blob on its way: read from the source and sent on in parts, of which the next is read while one is sent.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, Fuse};

use super::Copy;
use ocrctl_protocol::causes::chain;
use ocrctl_registry::RegistryError;
use ocrctl_registry::manifest::Blob;
use ocrctl_registry::repository::Result;
use ocrctl_registry::upload::{Begun, Upload};

/// A connection that breaks, a registry that restarts: as often in a row without a byte getting through.
const ATTEMPTS: u32 = 5;

impl Copy<'_> {
    /// Gives whether it was mounted instead of sent.
    pub(super) async fn blob(&self, blob: &Blob, total: u64) -> Result<bool> {
        let mut failures = 0;
        loop {
            let before = self.sent.load(Ordering::Relaxed);
            match self.attempt(blob, total).await {
                Err(error) if error.may_pass() && !self.stop.asked() => {
                    // Other blobs may be what got through: then this goes on a little longer.
                    if self.sent.load(Ordering::Relaxed) > before {
                        failures = 0;
                    }
                    failures += 1;
                    if failures == ATTEMPTS {
                        return Err(error);
                    }
                    tracing::debug!(%error, failures, "a blob is tried again");
                    tokio::time::sleep(Duration::from_millis(250) * 2_u32.pow(failures)).await;
                }
                ended => return ended,
            }
        }
    }

    async fn attempt(&self, blob: &Blob, total: u64) -> Result<bool> {
        self.go_on()?;
        let Some(mut upload) = self.upload(blob).await? else {
            return Ok(true);
        };
        if upload.offset < blob.size {
            let mut parts = Parts {
                place: &self.source.place,
                source: self
                    .source
                    .read_blob(&blob.digest, upload.offset)
                    .await?
                    .fuse(),
                size: upload.part,
                rest: BytesMut::new(),
            };
            let mut next = parts.next().await?;
            while let Some(part) = next {
                self.go_on()?;
                let bytes = part.len() as u64;
                let (sent, read) = tokio::join!(upload.send(part), parts.next());
                sent?;
                self.noted
                    .remember(&self.target.place, &blob.digest, upload.location.as_str())?;
                let sent = self.sent.fetch_add(bytes, Ordering::Relaxed) + bytes;
                (self.progress)(sent, total);
                next = read?;
            }
        }
        let finished = upload.finish(&blob.digest).await;
        // Whatever came of it, the session is over.
        self.noted.forget(&self.target.place, &blob.digest)?;
        finished.map(|()| false)
    }

    fn go_on(&self) -> Result<()> {
        if !self.stop.asked() {
            return Ok(());
        }
        Err(RegistryError::Stopped {
            place: self.target.place.clone(),
        })
    }

    /// An upload of the blob, begun now or before; `None` if it was mounted.
    async fn upload(&self, blob: &Blob) -> Result<Option<Upload<'_>>> {
        if let Some(at) = self.noted.of(&self.target.place, &blob.digest) {
            let resumed = Upload::resume(self.target, &at).await;
            if let Some(upload) = resumed.filter(|upload| upload.offset <= blob.size) {
                return Ok(Some(upload));
            }
            self.noted.forget(&self.target.place, &blob.digest)?;
        }
        let from = self.target.beside(self.source).then(|| self.source.name());
        match Upload::begin(self.target, &blob.digest, from).await? {
            Begun::Mounted => Ok(None),
            Begun::Upload(upload) => Ok(Some(upload)),
        }
    }
}

/// A blob in parts of one size, but for the last.
struct Parts<'a> {
    /// The registry that sends it.
    place: &'a str,
    /// Not asked again after its end: one that verifies a digest then compares that of nothing.
    source: Fuse<BoxStream<'static, std::io::Result<Bytes>>>,
    size: usize,
    /// Read, but not given yet.
    rest: BytesMut,
}

impl Parts<'_> {
    /// `None` if that was all.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        self.rest.reserve(self.size);
        while self.rest.len() < self.size {
            match self.source.next().await {
                Some(Ok(bytes)) => self.rest.extend_from_slice(&bytes),
                Some(Err(error)) => {
                    return Err(RegistryError::Failed {
                        place: self.place.to_owned(),
                        doing: "reading a blob".into(),
                        reason: chain(&error),
                    });
                }
                None => break,
            }
        }
        let part = self.rest.split_to(self.size.min(self.rest.len()));
        Ok((!part.is_empty()).then(|| part.freeze()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn reads_nothing_after_the_end() {
        let mut polls = [
            Some(Ok(Bytes::from_static(b"ab"))),
            Some(Ok(Bytes::from_static(b"c"))),
            None,
            Some(Err(std::io::Error::other("read after its end"))),
        ]
        .into_iter();
        let source = futures_util::stream::poll_fn(move |_| polls.next().unwrap().into());
        let mut parts = Parts {
            place: "registry.example.org/ocr",
            source: source.boxed().fuse(),
            size: 2,
            rest: BytesMut::new(),
        };
        let mut read = Vec::new();
        while let Some(part) = parts.next().await.unwrap() {
            read.push(part);
        }
        assert_eq!(read, ["ab", "c"]);
    }
}
