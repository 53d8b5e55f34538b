//! The client of the hub, which is told of each commit. The hub would find it at its next refresh.

use std::time::Duration;

use causeway_shared::ids::{Seq, SiteName};
use serde_json::json;

use crate::config::HubConfig;

/// How long the hub may take to answer, so that it holds up no cycle.
const TIME_LIMIT: Duration = Duration::from_secs(2);

/// A client of one hub.
#[derive(Debug, Clone)]
pub(crate) struct HubClient {
    config: HubConfig,
    client: reqwest::Client,
}

impl HubClient {
    /// # Errors
    /// Where the system's TLS cannot be set up.
    pub(crate) fn new(config: HubConfig) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder().timeout(TIME_LIMIT).build()?;
        Ok(Self { config, client })
    }

    #[must_use]
    pub(crate) fn url(&self) -> &str {
        &self.config.url
    }

    /// Tells the hub of a commit. A failure is only logged, since the hub also looks by itself.
    pub(crate) async fn tell(&self, site: &SiteName, seq: Seq) {
        let url = format!("{}/api/v1/sync/notify", self.config.url);
        let mut request = self
            .client
            .post(&url)
            .json(&json!({ "site": site, "seq": seq }));
        if !self.config.token.is_empty() {
            request = request.bearer_auth(&self.config.token);
        }
        let answer = request
            .send()
            .await
            .and_then(reqwest::Response::error_for_status);
        match answer {
            Ok(_) => tracing::debug!(%site, %seq, "the hub knows"),
            Err(error) => tracing::warn!(
                %site, %seq, %error,
                "the hub could not be told; it will look by itself"
            ),
        }
    }

    /// Asks whether the hub answers.
    ///
    /// # Errors
    /// Why it does not, in words.
    pub(crate) async fn reach(&self) -> Result<(), String> {
        let url = format!("{}/healthz", self.config.url);
        let answer = self.client.get(&url).send().await;
        let answer = answer.and_then(reqwest::Response::error_for_status);
        answer.map(drop).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn it_is_told_site_and_number_with_its_token() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let hub = HubClient::new(HubConfig {
            url,
            token: "t0ken".into(),
        })
        .unwrap();
        let answered = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4_096];
            let mut read = 0;
            while !request[..read].ends_with(b"}") {
                read += socket.read(&mut request[read..]).await.unwrap();
            }
            socket
                .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                .await
                .unwrap();
            String::from_utf8_lossy(&request[..read]).into_owned()
        });
        hub.tell(&SiteName::new("hcm-01").unwrap(), Seq(7)).await;
        let request = answered.await.unwrap();
        assert!(
            request.starts_with("POST /api/v1/sync/notify HTTP/1.1\r\n"),
            "{request}"
        );
        assert!(
            request.contains("authorization: Bearer t0ken\r\n"),
            "{request}"
        );
        assert!(
            request.ends_with("\r\n\r\n{\"seq\":7,\"site\":\"hcm-01\"}"),
            "{request}"
        );
    }

    #[tokio::test]
    async fn a_hub_that_does_not_answer_costs_a_moment() {
        // Accepts connections and never answers.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let hub = HubClient::new(HubConfig {
            url,
            token: String::new(),
        })
        .unwrap();
        let site = SiteName::new("a").unwrap();
        let told = tokio::time::timeout(TIME_LIMIT * 2, hub.tell(&site, Seq(1)));
        assert!(told.await.is_ok());
        assert!(hub.reach().await.is_err());
    }
}
