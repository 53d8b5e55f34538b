//! The function that publishes.

use std::time::Duration;

use form_urlencoded::byte_serialize;
use serde_json::Value;

use super::{ANSWER_TIMEOUT, Aws, AwsError, Call};

/// How long a function may run at most, and a little more.
const FUNCTION_TIMEOUT: Duration = Duration::from_secs(15 * 60 + 10);
/// Most characters that are shown of what a function that failed said.
const MAX_CHARS: usize = 500;

/// How a function is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Invocation {
    /// Its answer is waited for.
    Answered,
    /// It runs by itself.
    Begun,
}

impl Aws {
    /// Calls a function, and answers what it says; nothing where it is not waited for.
    ///
    /// # Errors
    /// [`AwsError::FunctionFailed`] where the call came through and the function failed, or another
    /// [`AwsError`].
    pub(crate) async fn invoke(
        &self,
        function: &str,
        how: Invocation,
        payload: &Value,
    ) -> Result<Value, AwsError> {
        let (kind, within) = match how {
            Invocation::Answered => ("RequestResponse", FUNCTION_TIMEOUT),
            Invocation::Begun => ("Event", ANSWER_TIMEOUT),
        };
        let action = "a call of the function";
        let name: String = byte_serialize(function.as_bytes()).collect();
        let call = Call {
            service: "lambda",
            region: None,
            action,
            path: format!("/2015-03-31/functions/{name}/invocations"),
            headers: &[
                ("content-type", "application/json"),
                ("x-amz-invocation-type", kind),
            ],
            body: payload.to_string().into_bytes(),
            within,
        };
        let (headers, answer) = self.send(call).await?;
        // The call is a success all the same.
        if let Some(kind) = headers.get("x-amz-function-error") {
            let detail = String::from_utf8_lossy(&answer);
            return Err(AwsError::FunctionFailed {
                function: function.to_owned(),
                kind: kind.to_str().unwrap_or("unknown").to_owned(),
                detail: detail.chars().take(MAX_CHARS).collect(),
            });
        }
        if answer.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer)
            .map_err(|error| AwsError::unreadable(action, error.to_string()))
    }
}
