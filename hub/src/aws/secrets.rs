//! Secrets Manager: a user's password, read when it is needed.

use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;

use super::{Aws, AwsError, Call};

/// What RDS and others keep in a secret: who signs in by what, and sometimes where.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Secret {
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) host: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) dbname: Option<String>,
}

impl fmt::Debug for Secret {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret")
            .field("username", &self.username)
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

impl Secret {
    /// Where it says that the server is, without who signs in.
    pub(crate) fn url(&self) -> Option<String> {
        let host = self.host.as_ref()?;
        let port = self.port.unwrap_or(5_432);
        let database = self.dbname.as_deref().unwrap_or("postgres");
        Some(format!("postgres://{host}:{port}/{database}"))
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "SecretString")]
    text: String,
}

impl Aws {
    /// Reads a secret by its name or ARN.
    ///
    /// # Errors
    /// [`AwsError`], without anything of what the secret holds.
    pub(crate) async fn secret(&self, id: &str, now: Timestamp) -> Result<Secret, AwsError> {
        let region = region_of(id).map_or_else(|| self.region(), Ok)?;
        let answer = self.call(
            Call {
                service: "secretsmanager",
                target: "secretsmanager.GetSecretValue",
                region,
                what: id,
                body: serde_json::json!({ "SecretId": id }).to_string(),
            },
            now,
        );
        let answer = answer.await?;
        // An error of the JSON would quote it.
        let read = || -> Option<Secret> {
            let answer: Answer = serde_json::from_slice(&answer).ok()?;
            serde_json::from_str(&answer.text).ok()
        };
        read().ok_or_else(|| AwsError::Form {
            what: format!("the secret {id}"),
            form: "{\"username\", \"password\"}, with \"host\", \"port\" and \"dbname\" if the url does not say them",
        })
    }
}

/// The region in a secret's ARN.
fn region_of(id: &str) -> Option<&str> {
    let mut parts = id.split(':');
    let is_arn = parts.next() == Some("arn");
    let region = parts.nth(2);
    region.filter(|region| is_arn && !region.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_of_an_arn_counts() {
        let arn = "arn:aws:secretsmanager:ap-southeast-1:123456789012:secret:rds!db-1-abc";
        assert_eq!(region_of(arn), Some("ap-southeast-1"));
        assert_eq!(region_of("causeway/database"), None);
    }

    #[test]
    fn a_password_is_never_shown() {
        let secret: Secret =
            serde_json::from_str(r#"{"username":"me","password":"hidden","engine":"postgres"}"#)
                .unwrap();
        assert_eq!(
            format!("{secret:?}"),
            r#"Secret { username: "me", host: None, .. }"#
        );
    }
}
