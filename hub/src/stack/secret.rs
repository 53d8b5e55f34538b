//! The secret in which RDS keeps the password of a server's master.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{ANSWER_TIMEOUT, Call, Stack, StackError};

/// Who may do everything on a database server. It is handed on for one invocation and kept nowhere.
#[derive(Serialize, Deserialize)]
pub(crate) struct Master {
    pub(crate) username: String,
    pub(crate) password: String,
}

impl fmt::Debug for Master {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Master")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "SecretString")]
    text: String,
}

impl Stack {
    /// Reads the master's secret.
    ///
    /// # Errors
    /// [`StackError`], without anything of what the secret holds.
    pub(crate) async fn master(&self, secret: &str) -> Result<Master, StackError> {
        let action = "the master's secret";
        let call = Call {
            service: "secretsmanager",
            action,
            path: "/".to_owned(),
            headers: &[
                ("content-type", "application/x-amz-json-1.1"),
                ("x-amz-target", "secretsmanager.GetSecretValue"),
            ],
            body: json!({ "SecretId": secret }).to_string().into_bytes(),
            within: ANSWER_TIMEOUT,
        };
        let (_, answer) = self.send(call).await?;
        // What JSON's errors quote may be the password.
        let read = serde_json::from_slice::<Answer>(&answer);
        let read = read.and_then(|answer| serde_json::from_str(&answer.text));
        read.map_err(|_| StackError::Unreadable {
            action,
            detail: "it has no username and password".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masters_password_is_never_shown() {
        let master = Master {
            username: "m".to_owned(),
            password: "hidden".to_owned(),
        };
        assert_eq!(format!("{master:?}"), r#"Master { username: "m", .. }"#);
    }
}
