//! A connection's bytes, with a limit of time on their being taken.

use std::future::Future as _;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::client_wait::ClientWait;

/// How much a client has to take within the limit of time, unless there is less.
const PIECE_BYTES: usize = 64 * 1024;

/// A connection that ends where its client takes too slowly what is written to it.
#[derive(Debug)]
pub(super) struct LimitedStream {
    stream: TcpStream,
    /// How long the client may take for a piece.
    piece_within: Duration,
    wait: Arc<ClientWait>,
    /// While bytes wait for the client.
    piece: Option<Piece>,
}

#[derive(Debug)]
struct Piece {
    limit: Pin<Box<Sleep>>,
    taken_bytes: usize,
}

impl LimitedStream {
    pub(super) fn new(stream: TcpStream, piece_within: Duration, wait: Arc<ClientWait>) -> Self {
        Self {
            stream,
            piece_within,
            wait,
            piece: None,
        }
    }

    /// Holds a write to the limit.
    fn limited(
        &mut self,
        written: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() && self.piece.is_none() {
            return written;
        }
        let piece_within = self.piece_within;
        let piece = self.piece.get_or_insert_with(|| Piece {
            limit: Box::pin(sleep(piece_within)),
            taken_bytes: 0,
        });
        if let Poll::Ready(Ok(bytes)) = written {
            piece.taken_bytes += bytes;
            if piece.taken_bytes >= PIECE_BYTES {
                self.piece_is_taken();
                return written;
            }
        }
        match piece.limit.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => written,
        }
    }

    fn piece_is_taken(&mut self) {
        if self.piece.take().is_some() {
            self.wait.begin_anew();
        }
    }
}

impl AsyncRead for LimitedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for LimitedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.limited(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.limited(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes when it has nothing left to write.
        self.piece_is_taken();
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
