//! `[aws]`: what is started, stopped and switched there.

use serde::Deserialize;

/// What of AWS is started, stopped and switched. An empty name is none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AwsConfig {
    /// Empty: the store's, or the default chain's.
    pub region: String,
    /// The base URL of a server that is not AWS.
    pub endpoint: String,
    /// The RDS instance that holds the database.
    pub instance: String,
    /// The EventBridge rule that publishes.
    pub rule: String,
    /// The Lambda function that publishes.
    pub function: String,
    /// Whether a keeper does what `hub/wake.json` asks, since this hub does not reach AWS.
    pub keeper: bool,
}
