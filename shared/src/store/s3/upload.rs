//! Bodies that go no faster than a limit.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use aws_sdk_s3::primitives::SdkBody;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep_until};

use crate::store::throttle::Throttle;

/// A body as it was, of the same length, held to the limit. Can be sent again if it could.
pub(super) fn limited(body: SdkBody, throttle: Arc<Throttle>) -> SdkBody {
    body.map_preserve_contents(move |whole| {
        SdkBody::from_body_1_x(Limited {
            whole,
            throttle: Arc::clone(&throttle),
            read: Bytes::new(),
            turn: None,
        })
    })
}

struct Limited {
    whole: SdkBody,
    throttle: Arc<Throttle>,
    /// What was read of it and not let through yet.
    read: Bytes,
    /// How many bytes go next, and the wait until they may.
    turn: Option<(usize, Pin<Box<Sleep>>)>,
}

impl Body for Limited {
    type Data = Bytes;
    type Error = <SdkBody as Body>::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        while this.read.is_empty() {
            let frame = ready!(Pin::new(&mut this.whole).poll_frame(context));
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => this.read = data,
                Some(Ok(Err(trailers))) => return Poll::Ready(Some(Ok(trailers))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        let (bytes, turn) = this.turn.get_or_insert_with(|| {
            let (bytes, at) = this.throttle.take(this.read.len(), Instant::now());
            (bytes, Box::pin(sleep_until(at.into())))
        });
        ready!(turn.as_mut().poll(context));
        let chunk = this.read.split_to(*bytes);
        this.turn = None;
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.read.is_empty() && self.whole.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.whole.size_hint();
        let read = self.read.len() as u64;
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower() + read);
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper + read);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_sdk_s3::primitives::ByteStream;

    use super::*;

    const KIB: usize = 1_024;

    /// Reads a body: how long it took, and what came.
    async fn read(body: SdkBody) -> (Duration, Bytes) {
        let started = Instant::now();
        let read = ByteStream::new(body).collect().await.unwrap();
        (started.elapsed(), read.into_bytes())
    }

    fn throttle() -> Arc<Throttle> {
        Arc::new(Throttle::new(256 * KIB as u64))
    }

    #[tokio::test]
    async fn a_body_arrives_whole_and_not_too_fast_each_time_it_is_sent() {
        let whole = Bytes::from_iter((0..=250_u8).cycle().take(96 * KIB));
        let body = limited(SdkBody::from(whole.clone()), throttle());
        assert_eq!(body.content_length(), Some(96 * KIB as u64));
        assert_eq!(body.bytes(), Some(&whole[..]));
        let again = body.try_clone().unwrap();
        // The first of six chunks goes at once.
        let least = Duration::from_millis(5 * 1_000 / 16);
        for body in [body, again] {
            let (took, came) = read(body).await;
            assert_eq!(came, whole);
            assert!(took >= least, "{took:?}");
        }
    }

    #[tokio::test]
    async fn a_files_length_is_known_and_two_bodies_share_the_limit() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![7; 48 * KIB]).unwrap();
        let throttle = throttle();
        let body = || async {
            let stream = ByteStream::from_path(file.path()).await.unwrap();
            limited(stream.into_inner(), Arc::clone(&throttle))
        };
        let (one, two) = (body().await, body().await);
        assert_eq!(one.content_length(), Some(48 * KIB as u64));
        let ((one, came), (two, _)) = tokio::join!(read(one), read(two));
        assert_eq!(came.len(), 48 * KIB);
        assert!(one.max(two) >= Duration::from_millis(5 * 1_000 / 16));
    }

    #[tokio::test]
    async fn an_empty_body_is_empty() {
        let body = limited(SdkBody::from(Bytes::new()), throttle());
        assert_eq!(body.content_length(), Some(0));
        assert_eq!(read(body).await.1, Bytes::new());
    }
}
