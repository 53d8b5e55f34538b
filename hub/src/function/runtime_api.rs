//! The runtime that AWS puts beside the function: it gives events and takes answers, over HTTP on the
//! same machine (the *Lambda runtime API*, version 2018-06-01).

use std::time::Duration;

use bytes::Bytes;
use causeway_shared::runtime::clock;
use jiff::Timestamp;
use reqwest::header::HeaderMap;
use reqwest::{Client, Response, StatusCode};
use tokio::time::Instant;

/// The most that an answer may be, as JSON.
const MAX_ANSWER_BYTES: usize = 6 * 1024 * 1024;

/// How long an invocation may take where the runtime does not say.
const DEFAULT_TIME: Duration = Duration::from_secs(30);

/// The runtime's client.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    client: Client,
    /// What its addresses begin with.
    base: String,
}

/// An event that is to be answered.
pub(super) struct Invocation {
    pub(super) id: String,
    /// When its time is over.
    pub(super) deadline: Instant,
    /// JSON.
    pub(super) event: Bytes,
}

/// What an invocation is answered with.
#[derive(Debug)]
pub(super) enum Answer {
    /// JSON.
    Done(String),
    Failed {
        kind: &'static str,
        body: String,
    },
}

impl Answer {
    pub(super) fn nothing() -> Self {
        Self::Done("{}".to_owned())
    }

    /// Whether the runtime would not take it.
    pub(super) fn is_too_large(&self) -> bool {
        matches!(self, Self::Done(body) if body.len() > MAX_ANSWER_BYTES)
    }
}

impl RuntimeApi {
    /// # Errors
    /// Where the system's network cannot be used.
    pub(super) fn new(address: &str) -> reqwest::Result<Self> {
        // Plain HTTP on this machine: neither a proxy nor anybody's certificate is asked for.
        let client = Client::builder().no_proxy().tls_certs_only([]);
        Ok(Self {
            client: client.build()?,
            base: format!("http://{address}/2018-06-01/runtime/invocation"),
        })
    }

    /// Waits for the next event, however long that takes.
    ///
    /// # Errors
    /// If the runtime is gone.
    pub(super) async fn next(&self) -> reqwest::Result<Invocation> {
        let asked = self.client.get(format!("{}/next", self.base)).send();
        let event = asked.await?.error_for_status()?;
        let text = |name: &str| text(event.headers(), name).unwrap_or_default().to_owned();
        let (id, deadline) = (
            text("lambda-runtime-aws-request-id"),
            text("lambda-runtime-deadline-ms"),
        );
        Ok(Invocation {
            deadline: Instant::now() + time_left(&deadline, clock::now()),
            event: event.bytes().await?,
            id,
        })
    }

    /// # Errors
    /// If the runtime is gone.
    pub(super) async fn answer(&self, id: &str, answer: Answer) -> reqwest::Result<()> {
        match answer {
            Answer::Done(body) => {
                let told = self.post(id, "response", None, body).await?;
                if told.status() == StatusCode::PAYLOAD_TOO_LARGE {
                    let body = r#"{"errorType":"TooLarge","errorMessage":"the answer has more than 6 MB","stackTrace":[]}"#;
                    let failed = self.post(id, "error", Some("TooLarge"), body.to_owned());
                    return failed.await?.error_for_status().map(drop);
                }
                told.error_for_status().map(drop)
            }
            Answer::Failed { kind, body } => {
                let told = self.post(id, "error", Some(kind), body).await?;
                told.error_for_status().map(drop)
            }
        }
    }

    async fn post(
        &self,
        id: &str,
        what: &str,
        kind: Option<&str>,
        body: String,
    ) -> reqwest::Result<Response> {
        let mut request = self.client.post(format!("{}/{id}/{what}", self.base));
        if let Some(kind) = kind {
            request = request.header("lambda-runtime-function-error-type", kind);
        }
        request.body(body).send().await
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// How much of an invocation's time is left. `deadline`: milliseconds since 1970.
fn time_left(deadline: &str, now: Timestamp) -> Duration {
    let deadline = deadline.parse().ok();
    let deadline = deadline.and_then(|at| Timestamp::from_millisecond(at).ok());
    deadline.map_or(DEFAULT_TIME, |deadline| {
        Duration::try_from(deadline.duration_since(now)).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_that_until_the_deadline() {
        let now = "2025-11-28T02:30:00Z".parse().unwrap();
        assert_eq!(time_left("1764297000500", now), Duration::from_millis(500));
        assert_eq!(time_left("1764296999000", now), Duration::ZERO);
        assert_eq!(time_left("", now), DEFAULT_TIME);
    }
}
