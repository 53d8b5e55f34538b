//! Connections to the service: how many there may be, and how long each may take to ask.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Most connections at once; others wait until the system takes them in.
const MAX_CONNECTIONS: usize = 1_024;
/// How long a connection may take to send the head of a request, or keep silent before it.
const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// The pause after a connection could not be taken in, as where no file may be opened any more.
const PAUSE: Duration = Duration::from_millis(500);

/// What connections are held to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Most at once.
    connections: usize,
    /// How long one may take to send the head of a request.
    head_within: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: MAX_CONNECTIONS,
            head_within: HEAD_WITHIN,
        }
    }
}

/// Answers what comes in until the service is to stop; then what is in hand is ended.
///
/// # Errors
/// If the listener is of no more use.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stopping: watch::Receiver<bool>,
) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    let mut stop = pin!(stopped(stopping.clone()));
    loop {
        let accepted = async {
            // Only a closed semaphore has no place, and this one is not closed.
            let place = Arc::clone(&places).acquire_owned().await;
            (place.ok(), listener.accept().await)
        };
        let (place, stream) = tokio::select! {
            (place, accepted) = accepted => match accepted {
                Ok((stream, _)) => (place, stream),
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be taken in");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        let answered = answer(stream, router.clone(), limits, stopping.clone());
        connections.spawn(async move {
            let _place = place;
            answered.await;
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
    Ok(())
}

/// Ends when the service is to stop.
async fn stopped(mut stopping: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop as well.
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// Answers the requests of one connection.
async fn answer(
    stream: TcpStream,
    router: Router,
    limits: Limits,
    stopping: watch::Receiver<bool>,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_within)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    let served = tokio::select! {
        served = &mut connection => served,
        () = stopped(stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        // The other side went away, or said what is no HTTP.
        tracing::debug!(%error, "a connection ended");
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::task::JoinHandle;

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n";

    async fn service(limits: Limits) -> (SocketAddr, watch::Sender<bool>, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(async || "well"));
        let (stop, stopping) = watch::channel(false);
        let serving = tokio::spawn(async move {
            serve(listener, router, limits, stopping).await.unwrap();
        });
        (address, stop, serving)
    }

    /// What comes back until the connection ends.
    async fn rest(stream: &mut TcpStream) -> String {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn who_does_not_finish_a_request_is_let_go() {
        let limits = Limits {
            head_within: Duration::from_millis(50),
            connections: 1,
        };
        let (address, _stop, _) = service(limits).await;
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(b"GET / HTTP/1.1\r\nHo").await.unwrap();
        // Takes its turn once the slow one has left the only place.
        let mut other = TcpStream::connect(address).await.unwrap();
        other.write_all(REQUEST).await.unwrap();
        assert!(rest(&mut other).await.ends_with("well"));
        let _ = rest(&mut slow).await;
    }

    #[tokio::test]
    async fn a_stop_ends_connections_that_are_idle() {
        let (address, stop, serving) = service(Limits::default()).await;
        let mut idle = TcpStream::connect(address).await.unwrap();
        idle.write_all(REQUEST).await.unwrap();
        let mut answer = [0; 15];
        idle.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        stop.send_replace(true);
        serving.await.unwrap();
        assert!(rest(&mut idle).await.ends_with("well"));
    }
}
