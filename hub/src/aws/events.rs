//! The rule that publishes: its state is the archive's switch.

use serde::Deserialize;
use serde_json::json;

use super::{ANSWER_TIMEOUT, Aws, AwsError, Call};

#[derive(Deserialize)]
struct Described {
    #[serde(rename = "State")]
    state: String,
}

impl Aws {
    /// Whether a rule is on.
    ///
    /// # Errors
    /// [`AwsError`]
    pub(crate) async fn rule_is_enabled(&self, rule: &str) -> Result<bool, AwsError> {
        let action = "the state of the rule";
        let answer = self.events("AWSEvents.DescribeRule", action, rule).await?;
        let described: Described = serde_json::from_slice(&answer)
            .map_err(|error| AwsError::unreadable(action, error.to_string()))?;
        Ok(described.state.starts_with("ENABLED"))
    }

    /// Switches a rule on or off.
    ///
    /// # Errors
    /// [`AwsError`]
    pub(crate) async fn switch_rule(&self, rule: &str, enabled: bool) -> Result<(), AwsError> {
        let (target, action) = match enabled {
            true => ("AWSEvents.EnableRule", "the rule to be switched on"),
            false => ("AWSEvents.DisableRule", "the rule to be switched off"),
        };
        self.events(target, action, rule).await.map(drop)
    }

    async fn events(&self, target: &str, action: &str, rule: &str) -> Result<Vec<u8>, AwsError> {
        let kind = ("content-type", "application/x-amz-json-1.1");
        let call = Call {
            service: "events",
            region: None,
            action,
            path: "/".to_owned(),
            headers: &[kind, ("x-amz-target", target)],
            body: json!({ "Name": rule }).to_string().into_bytes(),
            within: ANSWER_TIMEOUT,
        };
        let (_, answer) = self.send(call).await?;
        Ok(answer.to_vec())
    }
}
