//! A connection whose client has to read what is written to it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// Time over which the rate is measured. Systems transfer buffers of some hundred KB at a time, so shorter times would
/// be uneven.
const WINDOW: Duration = Duration::from_secs(10);

/// Stream that fails when its client reads more slowly than a minimum rate. An answer stays in memory until it is
/// written, so a client that does not read could otherwise hold it for as long as it likes.
#[derive(Debug)]
pub(super) struct Paced<S> {
    inner: S,
    /// Bytes that the client has to read within [`WINDOW`].
    least: u64,
    /// [`WINDOW`], or less in tests.
    window: Duration,
    slow: Option<Slow>,
}

/// A time in which bytes wait for the client.
#[derive(Debug)]
struct Slow {
    taken: u64,
    end: Pin<Box<Sleep>>,
}

impl<S> Paced<S> {
    /// Wraps a stream. `rate` is in bytes per second.
    pub(super) fn new(inner: S, rate: u64) -> Self {
        Self {
            inner,
            least: rate.saturating_mul(WINDOW.as_secs()).max(1),
            window: WINDOW,
            slow: None,
        }
    }

    /// Counts the bytes that the client has read, and fails at the end of a window with too few.
    fn judge(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => {
                if let Some(slow) = &mut self.slow {
                    slow.taken = slow.taken.saturating_add(bytes as u64);
                    if slow.taken >= self.least {
                        self.slow = None;
                    }
                }
                Poll::Ready(Ok(bytes))
            }
            Poll::Pending => {
                let window = self.window;
                let slow = self.slow.get_or_insert_with(|| Slow {
                    taken: 0,
                    end: Box::pin(sleep_until(Instant::now() + window)),
                });
                slow.end.as_mut().poll(context).map(|()| {
                    let why = "the client reads its answer too slowly";
                    Err(io::Error::new(io::ErrorKind::TimedOut, why))
                })
            }
            failed => failed,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.judge(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, parts);
        self.judge(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    /// Ends the current window. hyper calls this when an answer, or a part of it, has been written completely.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.slow = None;
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::sleep;

    const SHORT: Duration = Duration::from_millis(300);

    #[tokio::test]
    async fn closes_the_connection_of_a_slow_client() {
        for takes in [0, 2000] {
            let (near, mut far) = duplex(1000);
            let mut near = Paced::new(near, 10_000);
            near.window = SHORT;
            let writing = tokio::spawn(async move { near.write_all(&[0; 100_000]).await });
            let mut taken = vec![0; takes];
            far.read_exact(&mut taken).await.unwrap();
            let error = writing.await.unwrap().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        }
    }

    #[tokio::test]
    async fn tolerates_pauses_of_the_answer_itself() {
        let (near, mut far) = duplex(16);
        let mut near = Paced::new(near, 1);
        near.window = SHORT;
        let reader = tokio::spawn(async move {
            let mut all = Vec::new();
            far.read_to_end(&mut all).await.map(|_| all.len())
        });
        for _ in 0..3 {
            near.write_all(&[0; 100]).await.unwrap();
            near.flush().await.unwrap();
            sleep(SHORT * 2).await;
        }
        drop(near);
        assert_eq!(reader.await.unwrap().unwrap(), 300);
    }
}
