//! Secrets Manager: a user's password, read when it is needed.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::{Aws, AwsError, Call};

/// How long an answer may take: a connection to the database waits for it.
const ANSWERS_WITHIN: Duration = Duration::from_secs(4);
/// What is not as it should be, of a secret of another form.
const FORM: &str = "it is not {\"username\", \"password\"}, with \"host\", \"port\" and \"dbname\" if the url does not say them";

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
    pub(crate) async fn secret(&self, id: &str) -> Result<Secret, AwsError> {
        let action = format!("the secret {id}");
        let call = Call {
            service: "secretsmanager",
            region: region_of(id),
            action: &action,
            path: "/".to_owned(),
            headers: &[
                ("content-type", "application/x-amz-json-1.1"),
                ("x-amz-target", "secretsmanager.GetSecretValue"),
            ],
            body: json!({ "SecretId": id }).to_string().into_bytes(),
            within: ANSWERS_WITHIN,
        };
        let (_, answer) = self.send(call).await?;
        // What JSON's errors quote may be the password.
        let read = serde_json::from_slice::<Answer>(&answer);
        let read = read.and_then(|answer| serde_json::from_str(&answer.text));
        read.map_err(|_| AwsError::unreadable(&action, FORM))
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
