//! AWS's services besides S3. Their calls are few, so they are signed and sent here: an SDK for each
//! would cost a megabyte and a minute of build.

mod rds_token;
mod secrets;

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_config::BehaviorVersion;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SigningInstructions, SigningParams, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use jiff::Timestamp;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, StatusCode};
use serde::Deserialize;

pub(crate) use secrets::Secret;

/// How long an answer may take.
const ANSWERS_WITHIN: Duration = Duration::from_secs(4);

/// Who calls AWS, and where.
pub(crate) struct Aws {
    credentials: Option<SharedCredentialsProvider>,
    region: Option<String>,
    /// Another server than AWS's.
    endpoint: Option<String>,
    client: Client,
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws")
            .field("region", &self.region)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// Why AWS did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AwsError {
    #[error("no AWS credentials are to be had: {0}")]
    NoCredentials(String),
    #[error("no AWS region is known; set AWS_REGION")]
    NoRegion,
    #[error("the request cannot be signed: {0}")]
    Unsigned(String),
    #[error("{service} cannot be reached: {source}")]
    Unreachable {
        service: &'static str,
        #[source]
        source: reqwest::Error,
    },
    #[error("{service} refuses {what}: {code}")]
    Refused {
        service: &'static str,
        /// What was asked for.
        what: String,
        /// Its name for why, and its words.
        code: String,
        /// Whether that may pass by itself.
        passes: bool,
    },
    /// Nothing of the answer is told: it may hold the secret.
    #[error("{what} is not of the form {form}")]
    Form { what: String, form: &'static str },
}

impl AwsError {
    /// Whether the same may succeed later without anybody's help.
    #[must_use]
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::NoCredentials(_) => true,
            Self::Refused { passes, .. } => *passes,
            Self::NoRegion | Self::Unsigned(_) | Self::Form { .. } => false,
        }
    }
}

/// A call by AWS's JSON protocol.
struct Call<'c> {
    service: &'static str,
    /// The service and the operation, as the header names them.
    target: &'static str,
    region: &'c str,
    /// What is asked for, for messages.
    what: &'c str,
    body: String,
}

/// An error as AWS's JSON protocol tells it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Told {
    #[serde(rename = "__type")]
    kind: String,
    #[serde(alias = "Message")]
    message: String,
}

impl Aws {
    /// Credentials, region and endpoint as the AWS default chain has them.
    ///
    /// # Errors
    /// Where the system's TLS cannot be set up.
    pub(crate) async fn open() -> Result<Self, AwsError> {
        let config = aws_config::defaults(BehaviorVersion::latest()).load().await;
        let client = Client::builder().timeout(ANSWERS_WITHIN).build();
        Ok(Self {
            credentials: config.credentials_provider(),
            region: config.region().map(ToString::to_string),
            endpoint: config.endpoint_url().map(ToOwned::to_owned),
            client: client.map_err(|source| AwsError::Unreachable {
                service: "AWS",
                source: source.without_url(),
            })?,
        })
    }

    async fn credentials(&self) -> Result<Credentials, AwsError> {
        let provider = self.credentials.as_ref();
        let provider = provider.ok_or_else(|| AwsError::NoCredentials("none are set".into()))?;
        let credentials = provider.provide_credentials().await;
        credentials.map_err(|error| AwsError::NoCredentials(error.to_string()))
    }

    fn region(&self) -> Result<&str, AwsError> {
        self.region.as_deref().ok_or(AwsError::NoRegion)
    }

    async fn call(&self, call: Call<'_>, now: Timestamp) -> Result<Vec<u8>, AwsError> {
        let Call {
            service,
            target,
            region,
            what,
            body,
        } = call;
        let url = match &self.endpoint {
            Some(endpoint) => format!("{}/", endpoint.trim_end_matches('/')),
            None => format!("https://{service}.{region}.amazonaws.com/"),
        };
        let headers = [
            (CONTENT_TYPE.as_str(), "application/x-amz-json-1.1"),
            ("x-amz-target", target),
        ];
        let request = SignableRequest::new(
            "POST",
            url.as_str(),
            headers.into_iter(),
            SignableBody::Bytes(body.as_bytes()),
        );
        let signed = signed(
            request,
            &self.credentials().await?,
            (region, service, now),
            SigningSettings::default(),
        )?;
        let unreachable = |source: reqwest::Error| AwsError::Unreachable {
            service,
            source: source.without_url(),
        };
        let mut request = self.client.post(&url);
        for (name, value) in headers.into_iter().chain(signed.headers()) {
            request = request.header(name, value);
        }
        let answer = request.body(body).send().await.map_err(unreachable)?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(unreachable)?;
        if status.is_success() {
            return Ok(body.to_vec());
        }
        let told: Told = serde_json::from_slice(&body).unwrap_or_default();
        let kind = told.kind.rsplit('#').next().unwrap_or_default();
        let code = [status.as_str(), kind, told.message.as_str()].join(" ");
        Err(AwsError::Refused {
            service,
            what: what.to_owned(),
            code: code.trim_end().to_owned(),
            passes: status.is_server_error()
                || status == StatusCode::TOO_MANY_REQUESTS
                || kind.contains("Throttling"),
        })
    }
}

/// What has to be added to a request, so that AWS knows who sends it.
fn signed(
    request: Result<SignableRequest<'_>, impl fmt::Display>,
    credentials: &Credentials,
    (region, service, now): (&str, &str, Timestamp),
    settings: SigningSettings,
) -> Result<SigningInstructions, AwsError> {
    let unsigned = |error: &dyn fmt::Display| AwsError::Unsigned(error.to_string());
    let identity = credentials.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(SystemTime::from(now))
        .settings(settings)
        .build()
        .map_err(|error| unsigned(&error))?;
    let request = request.map_err(|error| unsigned(&error))?;
    let signed = sign(request, &SigningParams::V4(params)).map_err(|error| unsigned(&error))?;
    Ok(signed.into_parts().0)
}

#[cfg(test)]
impl Aws {
    /// A caller with the credentials of AWS's examples, whose calls go to another server.
    pub(crate) fn for_tests(endpoint: &str) -> Self {
        let key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let credentials = Credentials::new("AKIDEXAMPLE", key, None, None, "test");
        Self {
            credentials: Some(SharedCredentialsProvider::new(credentials)),
            region: Some("ap-southeast-1".to_owned()),
            endpoint: Some(endpoint.to_owned()),
            client: Client::new(),
        }
    }

    pub(crate) fn without_credentials(self) -> Self {
        Self {
            credentials: None,
            ..self
        }
    }
}
