//! Telling the hub that there is something new. It only saves it from waiting for its timer.

use std::time::Duration;

use causeway_shared::ids::{Seq, SiteName};
use serde_json::json;

use crate::config::HubConfig;

/// How long the hub may take: a cycle waits for nobody.
const TIME_LIMIT: Duration = Duration::from_secs(2);

/// A hub that may be told.
#[derive(Debug, Clone)]
pub struct Hub {
    config: HubConfig,
    client: reqwest::Client,
}

impl Hub {
    /// A hub at its address.
    ///
    /// # Errors
    /// Where the system's TLS cannot be set up.
    pub fn new(config: HubConfig) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder().timeout(TIME_LIMIT).build()?;
        Ok(Self { config, client })
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.config.url
    }

    /// Tells it of a commit, as well as may be: it looks by itself sooner or later.
    pub async fn tell(&self, site: &SiteName, seq: Seq) {
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

    /// Whether it can be reached; otherwise why not.
    ///
    /// # Errors
    /// In words.
    pub async fn reach(&self) -> Result<(), String> {
        let url = format!("{}/healthz", self.config.url);
        let answer = self.client.get(&url).send().await;
        let answer = answer.and_then(reqwest::Response::error_for_status);
        answer.map(drop).map_err(|error| error.to_string())
    }
}
