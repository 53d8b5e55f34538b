//! A gateway before an HTTP server that decides about each request: it fails what a script says, in
//! the ways in which servers and networks fail.
//!
//! Unlike a [`Proxy`](crate::proxy::Proxy), which sees bytes, it reads whole requests. Each has a
//! connection of its own, and bodies are held in memory.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What is written where an HTTP header ends.
const HEADER_END: &[u8] = b"\r\n\r\n";
/// Asks a client that waits for it to send its body.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A request that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The how many-th it is, from 1.
    pub number: u64,
    /// GET, PUT, …
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The size of its body, in bytes.
    pub bytes: u64,
    /// Whether it is only to make what is not there yet (`If-None-Match: *`).
    pub create_only: bool,
}

impl Asked {
    /// Whether it is a write to a key that contains `part`.
    #[must_use]
    pub fn writes(&self, part: &str) -> bool {
        self.method == "PUT" && self.path.contains(part)
    }
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It passes.
    Pass,
    /// It never reaches the server, whose answer has this status and this S3 error code.
    Refuse(u16, &'static str),
    /// It never reaches the server: the connection is closed instead.
    Close,
    /// The server sees half of it, then the connection breaks.
    Cut,
    /// The server does its work, and the connection breaks in the middle of its answer's body.
    CutAnswer,
    /// The server does its work, and its answer is lost.
    LoseAnswer,
    /// It never reaches the server, and nobody answers.
    Stall,
    /// The server does its work, and nobody answers.
    StallAnswer,
    /// It waits for [`Gateway::release`] and passes then, whether its client still waits or not.
    Hold,
}

/// Decides what becomes of requests.
pub trait Script: Send + Sync + 'static {
    /// What becomes of a request.
    fn fate(&self, asked: &Asked) -> Fate;

    /// The server has answered a request, and its client has not heard of it yet.
    fn answered(&self, _asked: &Asked) {}
}

impl<F: Fn(&Asked) -> Fate + Send + Sync + 'static> Script for F {
    fn fate(&self, asked: &Asked) -> Fate {
        self(asked)
    }
}

/// A gateway at work; it ends with the runtime it was started in.
#[derive(Debug)]
pub struct Gateway {
    endpoint: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    released: watch::Sender<bool>,
}

impl Gateway {
    /// Starts a gateway before the server at `upstream` (`http://host:port`).
    ///
    /// # Panics
    /// If there is no port for it.
    pub async fn start(upstream: &str, script: impl Script) -> Self {
        let upstream = upstream.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (seen, script) = (Arc::clone(&asked), Arc::new(script));
        let (released, held) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (upstream, seen) = (upstream.clone(), Arc::clone(&seen));
                let (script, held) = (Arc::clone(&script), held.clone());
                // However a connection ends, that is what its client was to see.
                tokio::spawn(async move { serve(client, &upstream, &*script, &seen, held).await });
            }
        });
        Self {
            endpoint,
            asked,
            released,
        }
    }

    /// Lets all requests pass that were held, and those that are from now on.
    pub fn release(&self) {
        self.released.send_replace(true);
    }

    /// Where to connect to instead of the server.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// All requests that arrived so far.
    ///
    /// # Panics
    /// If the gateway itself did.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(
    mut client: TcpStream,
    upstream: &str,
    script: &impl Script,
    seen: &Mutex<Vec<Asked>>,
    mut held: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let Some(request) = read_request(&mut client).await? else {
        return Ok(());
    };
    let asked = {
        let mut seen = seen.lock().unwrap();
        let asked = request.asked(seen.len() as u64 + 1);
        seen.push(asked.clone());
        asked
    };
    let fate = script.fate(&asked);
    match fate {
        Fate::Refuse(status, code) => return client.write_all(&refusal(status, code)).await,
        Fate::Close => return Ok(()),
        Fate::Stall => {
            // Until the client gives up.
            return client.read(&mut [0]).await.map(drop);
        }
        Fate::Hold => {
            // The gateway may end before.
            let _ = held.wait_for(|released| *released).await;
        }
        _ => {}
    }
    let mut server = TcpStream::connect(upstream).await?;
    server.write_all(&request.header).await?;
    if fate == Fate::Cut {
        return server
            .write_all(&request.body[..request.body.len() / 2])
            .await;
    }
    server.write_all(&request.body).await?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).await?;
    script.answered(&asked);
    match fate {
        Fate::LoseAnswer => Ok(()),
        Fate::StallAnswer => client.read(&mut [0]).await.map(drop),
        Fate::CutAnswer => {
            let body = header_end(&answer).unwrap_or(answer.len());
            let half = body + (answer.len() - body) / 2;
            client.write_all(&answer[..half]).await
        }
        _ => client.write_all(&answer).await,
    }
}

pub(crate) struct HttpRequest {
    pub(crate) header: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

impl HttpRequest {
    fn asked(&self, number: u64) -> Asked {
        let text = String::from_utf8_lossy(&self.header);
        let mut words = text.split_whitespace().map(str::to_owned);
        Asked {
            number,
            method: words.next().unwrap_or_default(),
            path: words.next().unwrap_or_default(),
            bytes: self.body.len() as u64,
            create_only: field(&text, "if-none-match") == Some("*"),
        }
    }
}

/// A whole request; `None` where the client left without one.
pub(crate) async fn read_request(client: &mut TcpStream) -> std::io::Result<Option<HttpRequest>> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = header_end(&bytes) {
            break end;
        }
        if client.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let mut body = bytes.split_off(end);
    let header = String::from_utf8_lossy(&bytes).into_owned();
    if field(&header, "expect").is_some() {
        client.write_all(CONTINUE).await?;
    }
    let length = field(&header, "content-length").and_then(|length| length.parse().ok());
    let length: usize = length.unwrap_or(0);
    while body.len() < length {
        if client.read_buf(&mut body).await? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(HttpRequest {
        header: alone(&header).into_bytes(),
        body,
    }))
}

/// A header that asks the server for one answer and no more, without waiting for a body's turn.
fn alone(header: &str) -> String {
    let kept = header
        .trim_end()
        .split("\r\n")
        .filter(|line| !is_field(line, "connection") && !is_field(line, "expect"));
    let lines: Vec<&str> = kept.chain(["connection: close", "", ""]).collect();
    lines.join("\r\n")
}

pub(crate) fn field<'h>(header: &'h str, name: &str) -> Option<&'h str> {
    let line = header.split("\r\n").find(|line| is_field(line, name))?;
    line.split_once(':').map(|(_, value)| value.trim())
}

fn is_field(line: &str, name: &str) -> bool {
    line.split_once(':')
        .is_some_and(|(field, _)| field.eq_ignore_ascii_case(name))
}

fn header_end(bytes: &[u8]) -> Option<usize> {
    let at = bytes
        .windows(HEADER_END.len())
        .position(|window| window == HEADER_END)?;
    Some(at + HEADER_END.len())
}

/// An answer as S3 gives it where it refuses.
fn refusal(status: u16, code: &str) -> Vec<u8> {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <Error><Code>{code}</Code><Message>as the test says</Message></Error>"
    );
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Refused\r\nContent-Type: application/xml\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .into_bytes()
}
