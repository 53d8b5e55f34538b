//! The database's instance: its state, its start and its stop.

use form_urlencoded::Serializer;

use super::{ANSWER_TIMEOUT, Aws, AwsError, Call, element};

const VERSION: &str = "2014-10-31";

/// How an instance stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InstanceState {
    /// It takes connections, and can be stopped.
    Available,
    Stopped,
    /// On its way to one of both, or busy otherwise: it can be neither stopped nor started.
    Between,
}

impl InstanceState {
    /// From RDS's word for it.
    #[must_use]
    pub(crate) fn of(status: &str) -> Self {
        match status {
            "available" => Self::Available,
            "stopped" => Self::Stopped,
            _ => Self::Between,
        }
    }
}

impl Aws {
    /// How an instance stands.
    ///
    /// # Errors
    /// [`AwsError`]
    pub(crate) async fn instance_state(&self, instance: &str) -> Result<InstanceState, AwsError> {
        let action = "the state of the instance";
        let answer = self.rds("DescribeDBInstances", action, instance).await?;
        match element(&answer, "DBInstanceStatus") {
            Some(status) => Ok(InstanceState::of(status)),
            None => {
                let detail: String = answer.chars().take(200).collect();
                Err(AwsError::unreadable(action, detail))
            }
        }
    }

    /// Has an instance start.
    ///
    /// # Errors
    /// [`AwsError`]
    pub(crate) async fn start_instance(&self, instance: &str) -> Result<(), AwsError> {
        let asked = self.rds("StartDBInstance", "the instance to start", instance);
        asked.await.map(drop)
    }

    /// Has an instance stop.
    ///
    /// # Errors
    /// [`AwsError`]
    pub(crate) async fn stop_instance(&self, instance: &str) -> Result<(), AwsError> {
        let asked = self.rds("StopDBInstance", "the instance to stop", instance);
        asked.await.map(drop)
    }

    async fn rds(&self, call: &str, action: &str, instance: &str) -> Result<String, AwsError> {
        let body = Serializer::new(String::new())
            .append_pair("Action", call)
            .append_pair("Version", VERSION)
            .append_pair("DBInstanceIdentifier", instance)
            .finish();
        let kind = "application/x-www-form-urlencoded; charset=utf-8";
        let call = Call {
            service: "rds",
            region: None,
            action,
            path: "/".to_owned(),
            headers: &[("content-type", kind)],
            body: body.into_bytes(),
            within: ANSWER_TIMEOUT,
        };
        let (_, answer) = self.send(call).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}
