//! A network that fails on purpose: a TCP proxy before an HTTP server, for what no store can be
//! asked to do wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What is written where an HTTP header ends.
const HEADER_END: &[u8] = b"\r\n\r\n";
const CHUNK_BYTES: usize = 64 * 1_024;
const BUSY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// What goes wrong on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    None,
    /// The first byte of every answer's body arrives as another one.
    FlipAnswer,
    /// The connection breaks after this many bytes of a body in an answer.
    CutAnswerAfter(usize),
    /// The connection breaks after this many bytes of a request.
    CutRequestAfter(usize),
    /// The server does its work, but its answers never arrive.
    LoseAnswers,
    /// So many connections are answered with 503, before any gets through.
    BusyFirst(u64),
}

/// A proxy at work; it ends with the runtime it was started in.
#[derive(Debug)]
pub struct Proxy {
    endpoint: String,
    connections: Arc<AtomicU64>,
}

impl Proxy {
    /// Starts a proxy before the server at `upstream` (`http://host:port`).
    ///
    /// # Panics
    /// If there is no port for it.
    pub async fn start(upstream: &str, trouble: Trouble) -> Self {
        let upstream = upstream.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = counter.fetch_add(1, Ordering::Relaxed);
                let upstream = upstream.clone();
                // However a connection ends, that is what its client was to see.
                tokio::spawn(async move { serve(client, &upstream, trouble, number).await });
            }
        });
        Self {
            endpoint,
            connections,
        }
    }

    /// Where to connect to instead of the server.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// How many connections were made so far.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn serve(
    mut client: TcpStream,
    upstream: &str,
    trouble: Trouble,
    number: u64,
) -> std::io::Result<()> {
    if matches!(trouble, Trouble::BusyFirst(busy) if number < busy) {
        // Some of the request has to be there before an answer to it makes sense; and a
        // connection closed with the rest unread would take the answer with it.
        client.peek(&mut [0]).await?;
        client.write_all(BUSY).await?;
        return tokio::io::copy(&mut client, &mut tokio::io::sink())
            .await
            .map(drop);
    }
    let server = TcpStream::connect(upstream).await?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    // The first direction to end takes the connection with it.
    tokio::select! {
        done = forward_request(&mut from_client, &mut to_server, trouble) => done,
        done = forward_answers(&mut from_server, &mut to_client, trouble) => done,
    }
}

async fn forward_request(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    trouble: Trouble,
) -> std::io::Result<()> {
    let mut rest = match trouble {
        Trouble::CutRequestAfter(limit) => limit,
        _ => usize::MAX,
    };
    let mut chunk = vec![0; CHUNK_BYTES];
    while rest > 0 {
        let read = from.read(&mut chunk).await?;
        if read == 0 {
            break;
        }
        let passed = read.min(rest);
        to.write_all(&chunk[..passed]).await?;
        rest -= passed;
    }
    Ok(())
}

async fn forward_answers(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    trouble: Trouble,
) -> std::io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut in_body = false;
    let mut body_bytes = 0;
    loop {
        let read = from.read(&mut chunk).await?;
        if read == 0 || trouble == Trouble::LoseAnswers {
            return Ok(());
        }
        let answer = &mut chunk[..read];
        let body = if in_body { Some(0) } else { body_start(answer) };
        in_body = true;
        let body = body.map(|start| &mut answer[start..]).unwrap_or_default();
        if let (Trouble::FlipAnswer, 0, Some(first)) = (trouble, body_bytes, body.first_mut()) {
            *first ^= 1;
        }
        body_bytes += body.len();
        match trouble {
            Trouble::CutAnswerAfter(limit) if body_bytes > limit => {
                let passed = read - (body_bytes - limit);
                return to.write_all(&chunk[..passed]).await;
            }
            _ => to.write_all(&chunk[..read]).await?,
        }
    }
}

/// Where the body begins in the first chunk of an answer. A server writes its header at once.
fn body_start(answer: &[u8]) -> Option<usize> {
    let header_end = answer
        .windows(HEADER_END.len())
        .position(|bytes| bytes == HEADER_END)?;
    Some(header_end + HEADER_END.len())
}
