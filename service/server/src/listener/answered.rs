//! A response body that signals its end: when it has been sent, or never will be.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use super::places::Answering;

/// Body of an answer. It keeps its connection's place until it ends.
pub(super) struct Answered {
    body: Body,
    _answering: Answering,
}

impl Answered {
    pub(super) fn body(body: Body, answering: Answering) -> Body {
        Body::new(Self {
            body,
            _answering: answering,
        })
    }
}

impl HttpBody for Answered {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
