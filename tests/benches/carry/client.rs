//! A client that costs little, so that what it measures is the service.

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// One connection that is kept.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    head: String,
}

impl Client {
    pub(crate) async fn connect(url: &str, token: &str) -> Self {
        let host = url.trim_start_matches("http://");
        let stream = TcpStream::connect(host).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream: BufReader::new(stream),
            head: format!("Host: {host}\r\nAuthorization: Bearer {token}\r\n"),
        }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Vec<u8> {
        let request = format!("GET {path} HTTP/1.1\r\n{}\r\n", self.head);
        self.ask(&request).await
    }

    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> Vec<u8> {
        let body = body.to_string();
        let request = format!(
            "POST {path} HTTP/1.1\r\n{}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.head,
            body.len()
        );
        self.ask(&request).await
    }

    /// The body of an answer that says that all is well.
    async fn ask(&mut self, request: &str) -> Vec<u8> {
        let sent = self.stream.get_mut().write_all(request.as_bytes()).await;
        sent.unwrap();
        let (mut is_well, mut length) = (None, None);
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).await.unwrap();
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            let lower = line.to_ascii_lowercase();
            if let Some(bytes) = lower.strip_prefix("content-length:") {
                length = bytes.trim().parse::<usize>().ok();
            }
            is_well.get_or_insert_with(|| line.starts_with("HTTP/1.1 2"));
        }
        let mut body = vec![0; length.expect("an answer with its length")];
        self.stream.read_exact(&mut body).await.unwrap();
        let is_well = is_well == Some(true);
        assert!(is_well, "{request}: {}", String::from_utf8_lossy(&body));
        body
    }
}
