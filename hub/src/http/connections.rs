//! Connections to the service: how many there may be, and how long each client may take to ask and
//! to take the answer.
//!
//! Where all places are taken, a new connection gets the place of the client that has been waited
//! for longest. So slow clients, however many, keep nobody out. There is no limit for one address:
//! behind a proxy all callers have the same.

mod client_wait;
mod stream;

pub(super) use client_wait::ClientWait;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use causeway_shared::runtime::repeats::Repeats;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{self, AbortHandle, JoinSet};
use tokio::time::sleep;

use stream::LimitedStream;

/// Most connections at once, where the process may open twice as many files.
const MAX_CONNECTIONS: usize = 1_024;
/// Most connections where the system does not say how many files the process may open.
const FEW_CONNECTIONS: usize = 128;
/// How long a client may take to send the head of a request, or keep silent before it.
const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// How long a client may take for the next piece of an answer.
const PIECE_WITHIN: Duration = Duration::from_secs(30);
/// Longest head of a request, and how much of an answer is held for a client.
const BUFFER_BYTES: usize = 64 * 1024;
/// How much of an answer the system holds for a client. It would hold megabytes, which a thousand
/// clients that do not read can take from everybody.
const SEND_BUFFER_BYTES: usize = 128 * 1024;
/// The pause before trying again to take a connection in: where no file may be opened any more, or
/// every place is taken by a request that the hub works on.
const PAUSE: Duration = Duration::from_millis(50);
/// Connections that cannot be taken in for one reason are logged once in this time.
const REMIND_AFTER: Duration = Duration::from_secs(60);
/// Most such reasons that are logged within that time.
const MAX_FAILURES: usize = 10;

/// What connections are held to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    connections: usize,
    head_within: Duration,
    piece_within: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: max_connections(max_open_files()),
            head_within: HEAD_WITHIN,
            piece_within: PIECE_WITHIN,
        }
    }
}

/// Most connections, so that as many files are left for the database and the store.
fn max_connections(max_open_files: Option<usize>) -> usize {
    max_open_files.map_or(FEW_CONNECTIONS, |files| {
        (files / 2).clamp(1, MAX_CONNECTIONS)
    })
}

/// How many files the process may open, where the system says so.
fn max_open_files() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let of_files = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    match of_files.split_whitespace().next()? {
        "unlimited" => Some(usize::MAX),
        soft => soft.parse().ok(),
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
    let mut tasks = JoinSet::new();
    let mut open = OpenConnections::default();
    let failures = Repeats::new(REMIND_AFTER, MAX_FAILURES);
    let mut stop = pin!(stopped(stopping.clone()));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        while let Some(ended) = tasks.try_join_next_with_id() {
            open.forget(&ended);
        }
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                let now = Instant::now();
                if let Some(unlogged) = failures.count(error.to_string(), now) {
                    tracing::warn!(%error, unlogged, "a connection cannot be taken in");
                }
                open.close_one();
                sleep(PAUSE).await;
                continue;
            }
        };
        while open.0.len() >= limits.connections && !open.close_one() {
            sleep(PAUSE).await;
            while let Some(ended) = tasks.try_join_next_with_id() {
                open.forget(&ended);
            }
        }
        let wait = ClientWait::new();
        let answered = answer(
            stream,
            peer,
            router.clone(),
            limits,
            Arc::clone(&wait),
            stopping.clone(),
        );
        let task = tasks.spawn(answered);
        open.0.insert(task.id(), (wait, task));
    }
    drop(listener);
    while tasks.join_next().await.is_some() {}
    Ok(())
}

/// Ends when the service is to stop.
async fn stopped(mut stopping: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop as well.
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// The open connections.
#[derive(Debug, Default)]
struct OpenConnections(HashMap<task::Id, (Arc<ClientWait>, AbortHandle)>);

impl OpenConnections {
    /// Closes the connection whose client has been waited for longest. `false`: the hub works on a
    /// request of each.
    fn close_one(&mut self) -> bool {
        let waiting = |(id, (wait, _)): (&task::Id, &(Arc<ClientWait>, AbortHandle))| {
            Some((wait.since()?, *id))
        };
        let longest = self
            .0
            .iter()
            .filter_map(waiting)
            .min_by_key(|(since, _)| *since);
        let closed = longest.and_then(|(_, id)| self.0.remove(&id));
        if let Some((_, task)) = &closed {
            task.abort();
        }
        closed.is_some()
    }

    fn forget(&mut self, ended: &Result<(task::Id, ()), task::JoinError>) {
        let id = match ended {
            Ok((id, ())) => *id,
            Err(error) => error.id(),
        };
        self.0.remove(&id);
    }
}

/// Answers the requests of one connection.
async fn answer(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    limits: Limits,
    wait: Arc<ClientWait>,
    stopping: watch::Receiver<bool>,
) {
    if let Err(error) = SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER_BYTES) {
        tracing::debug!(%error, "a connection keeps the system's buffer");
    }
    let stream = LimitedStream::new(stream, limits.piece_within, Arc::clone(&wait));
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        wait.begin_anew();
        let extensions = request.extensions_mut();
        extensions.insert(ConnectInfo(peer));
        extensions.insert(Arc::clone(&wait));
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_within)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let served = tokio::select! {
        served = &mut connection => served,
        () = stopped(stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        // The other side went away, was too slow, or said what is no HTTP.
        tracing::debug!(%error, "a connection ended");
    }
}

#[cfg(test)]
mod tests {
    use axum::Extension;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::task::JoinHandle;
    use tokio::time::timeout;

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n";
    const LARGE: &[u8] = b"GET /large HTTP/1.1\r\nHost: here\r\n\r\n";
    /// More than the system holds for a client that does not read.
    const LARGE_BYTES: usize = 64 << 20;
    const SOON: Duration = Duration::from_secs(10);

    const ONE: Limits = Limits {
        connections: 1,
        head_within: SOON,
        piece_within: SOON,
    };

    async fn service(limits: Limits) -> (SocketAddr, watch::Sender<bool>, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let slow = async |Extension(wait): Extension<Arc<ClientWait>>| {
            let _at_work = wait.pause();
            sleep(Duration::from_secs(1)).await;
            "late"
        };
        let router = Router::new()
            .route("/", get(async || "well"))
            .route("/large", get(async || vec![b'x'; LARGE_BYTES]))
            .route("/slow", get(slow));
        let (stop, stopping) = watch::channel(false);
        let serving = tokio::spawn(async move {
            serve(listener, router, limits, stopping).await.unwrap();
        });
        (address, stop, serving)
    }

    async fn connect(address: SocketAddr, request: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request).await.unwrap();
        stream
    }

    /// What comes back until the connection ends, however it does.
    async fn rest(stream: &mut TcpStream) -> String {
        let mut answer = Vec::new();
        let ended = timeout(SOON, stream.read_to_end(&mut answer)).await;
        let _closed_or_reset = ended.expect("the connection is still open");
        String::from_utf8(answer).unwrap()
    }

    /// What comes back of a short answer.
    async fn short(stream: &mut TcpStream) -> String {
        let mut answer = vec![0; 1_024];
        let read = timeout(SOON, stream.read(&mut answer)).await;
        answer.truncate(read.expect("no answer").unwrap());
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test]
    async fn a_client_that_does_not_finish_a_request_is_let_go() {
        let limits = Limits {
            head_within: Duration::from_millis(50),
            ..ONE
        };
        let (address, _stop, _) = service(limits).await;
        let mut slow = connect(address, b"GET / HTTP/1.1\r\nHo").await;
        assert_eq!(rest(&mut slow).await, "");
    }

    #[tokio::test]
    async fn a_client_that_does_not_take_the_answer_is_let_go() {
        let limits = Limits {
            piece_within: Duration::from_millis(50),
            ..ONE
        };
        let (address, _stop, _) = service(limits).await;
        let mut slow = connect(address, LARGE).await;
        sleep(Duration::from_millis(500)).await;
        assert!(rest(&mut slow).await.len() < LARGE_BYTES);
    }

    #[tokio::test]
    async fn a_client_that_takes_the_answer_piece_by_piece_gets_all_of_it() {
        let limits = Limits {
            piece_within: Duration::from_secs(1),
            ..ONE
        };
        let (address, _stop, _) = service(limits).await;
        let mut steady = connect(address, LARGE).await;
        // All of it takes longer than a piece may.
        let (mut taken, mut piece) = (0, vec![0; 1 << 20]);
        while taken < LARGE_BYTES {
            let read = timeout(SOON, steady.read(&mut piece))
                .await
                .unwrap()
                .unwrap();
            assert_ne!(read, 0, "ended after {taken} bytes");
            taken += read;
            sleep(Duration::from_millis(20)).await;
        }
    }

    #[tokio::test]
    async fn the_client_waited_for_longest_gives_its_place_to_a_new_one() {
        let limits = Limits {
            connections: 2,
            ..ONE
        };
        let (address, _stop, _) = service(limits).await;
        let mut stalled = connect(address, LARGE).await;
        // Until the system holds no more of it.
        sleep(Duration::from_millis(300)).await;
        let mut idle = connect(address, REQUEST).await;
        assert!(short(&mut idle).await.ends_with("well"));
        let mut new = connect(address, REQUEST).await;
        assert!(short(&mut new).await.ends_with("well"));
        assert!(rest(&mut stalled).await.len() < LARGE_BYTES);
        idle.write_all(REQUEST).await.unwrap();
        assert!(short(&mut idle).await.ends_with("well"));
    }

    #[tokio::test]
    async fn a_client_whose_request_is_worked_on_keeps_its_place() {
        let (address, _stop, _) = service(ONE).await;
        let mut first = connect(address, b"GET /slow HTTP/1.1\r\nHost: here\r\n\r\n").await;
        sleep(Duration::from_millis(300)).await;
        let mut second = connect(address, REQUEST).await;
        assert!(short(&mut first).await.ends_with("late"));
        assert!(short(&mut second).await.ends_with("well"));
    }

    #[tokio::test]
    async fn a_stop_ends_connections_that_are_idle() {
        let (address, stop, serving) = service(Limits::default()).await;
        let mut idle = connect(address, REQUEST).await;
        assert!(short(&mut idle).await.starts_with("HTTP/1.1 200 OK"));
        stop.send_replace(true);
        serving.await.unwrap();
        assert_eq!(rest(&mut idle).await, "");
    }

    #[test]
    fn as_many_files_are_left_for_database_and_store() {
        let limits = [Some(usize::MAX), Some(1_024), Some(1), None].map(max_connections);
        assert_eq!(limits, [1_024, 512, 1, 128]);
        assert!(max_open_files().is_some());
    }
}
