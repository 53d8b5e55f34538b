//! AWS's services besides S3: what the hub reads to sign in to its database, and the parts of a deployment that it starts,
//! stops, switches and calls. The calls are few, so they are signed and sent here: an SDK for each service
//! would cost a megabyte and a minute of build.

mod error;
mod events;
mod lambda;
mod rds;
mod rds_token;
mod secrets;

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::{BehaviorVersion, ConfigLoader, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SigningInstructions, SigningParams, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use causeway_shared::runtime::clock;
use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use crate::config::HubConfig;
pub(crate) use error::AwsError;
pub(crate) use lambda::Invocation;
pub(crate) use rds::InstanceState;
pub(crate) use secrets::Secret;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer may take, but for a function's and a secret's.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

const NO_REGION: AwsError = AwsError::NotConfigured {
    what: "region is known; set aws.region in hub.toml, or AWS_REGION",
};

/// Who calls AWS, and where.
#[derive(Debug)]
pub(crate) struct Aws {
    http: reqwest::Client,
    credentials: Option<SharedCredentialsProvider>,
    region: Option<String>,
    /// A server that stands in for all services.
    endpoint: Option<String>,
}

/// One call.
struct Call<'c> {
    /// As its signature names it, and its host.
    service: &'static str,
    /// Where the service is asked, if not in the caller's region.
    region: Option<&'c str>,
    /// What is asked for, for messages.
    action: &'c str,
    path: String,
    headers: &'c [(&'static str, &'c str)],
    body: Vec<u8>,
    within: Duration,
}

impl Aws {
    /// With credentials, region and endpoint as the default chain has them. Nothing is sent.
    ///
    /// # Errors
    /// Where the system's TLS cannot be set up.
    pub(crate) async fn of_environment() -> Result<Self, AwsError> {
        Self::of(aws_config::defaults(BehaviorVersion::latest())).await
    }

    async fn of(chain: ConfigLoader) -> Result<Self, AwsError> {
        let shared = chain.load().await;
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .build();
        Ok(Self {
            http: http.map_err(AwsError::client)?,
            credentials: shared.credentials_provider(),
            region: shared.region().map(ToString::to_string),
            endpoint: shared.endpoint_url().map(ToOwned::to_owned),
        })
    }

    /// As configured under `[aws]`, with credentials from the default chain. Nothing is sent.
    ///
    /// # Errors
    /// [`AwsError::NotConfigured`] where there is no region or there are no credentials.
    pub(crate) async fn open(config: &HubConfig) -> Result<Self, AwsError> {
        let chain = aws_config::defaults(BehaviorVersion::latest()).region(region(config).await?);
        let mut aws = Self::of(chain).await?;
        aws.endpoint = Some(config.aws.endpoint.clone()).filter(|endpoint| !endpoint.is_empty());
        aws.provider()?;
        Ok(aws)
    }

    fn region(&self) -> Result<&str, AwsError> {
        self.region.as_deref().ok_or(NO_REGION)
    }

    fn provider(&self) -> Result<&SharedCredentialsProvider, AwsError> {
        let what = "credentials are known";
        let provider = self.credentials.as_ref();
        provider.ok_or(AwsError::NotConfigured { what })
    }

    async fn credentials(&self, action: &str) -> Result<Credentials, AwsError> {
        let provided = self.provider()?.provide_credentials().await;
        provided.map_err(|error| AwsError::unsigned(action, &chain(&error)))
    }

    /// Sends a call, signed, and answers what came back if it was a success.
    async fn send(&self, call: Call<'_>) -> Result<(HeaderMap, Bytes), AwsError> {
        let Call {
            service, action, ..
        } = call;
        let region = call.region.map_or_else(|| self.region(), Ok)?;
        let url = match &self.endpoint {
            Some(endpoint) => endpoint.trim_end_matches('/').to_owned(),
            None => format!("https://{service}.{region}.amazonaws.com"),
        };
        let url = url + &call.path;
        let headers = call.headers.iter().copied();
        let signed = signed(
            SignableRequest::new("POST", &url, headers, SignableBody::Bytes(&call.body)),
            action,
            &self.credentials(action).await?,
            (region, service, clock::now()),
            SigningSettings::default(),
        )?;
        let mut request = self.http.post(&url).timeout(call.within);
        for (name, value) in call.headers.iter().copied().chain(signed.headers()) {
            request = request.header(name, value);
        }
        let lost = |source| AwsError::unreachable(action, source);
        let response = request.body(call.body).send().await.map_err(lost)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.map_err(lost)?;
        match status.is_success() {
            true => Ok((headers, body)),
            false => Err(refused(action, status, &headers, &body)),
        }
    }
}

/// The region that is configured, or that of the environment or the profile. EC2 is not asked for one: anywhere else
/// that takes seconds, and ends with a warning that does not say what to set.
async fn region(config: &HubConfig) -> Result<Region, AwsError> {
    let configured = [&config.aws.region, &config.store.region];
    let configured = configured.into_iter().find(|region| !region.is_empty());
    RegionProviderChain::first_try(configured.map(|region| Region::new(region.clone())))
        .or_else(EnvironmentVariableRegionProvider::new())
        .or_else(ProfileFileRegionProvider::new())
        .region()
        .await
        .ok_or(NO_REGION)
}

/// What has to be added to a request, so that AWS knows who sends it.
fn signed(
    request: Result<SignableRequest<'_>, impl fmt::Display>,
    action: &str,
    credentials: &Credentials,
    (region, service, now): (&str, &str, Timestamp),
    settings: SigningSettings,
) -> Result<SigningInstructions, AwsError> {
    let unsigned = |error: &dyn fmt::Display| AwsError::unsigned(action, error);
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

/// Why a call was refused: in the words of JSON or of XML.
fn refused(action: &str, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> AwsError {
    let text = String::from_utf8_lossy(body);
    let json: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let of_json = |names: &[&str]| {
        let found = names.iter().find_map(|name| json[*name].as_str());
        found.map(str::to_owned)
    };
    let of_header = headers
        .get("x-amzn-errortype")
        .and_then(|value| value.to_str().ok());
    let code = of_header.map(str::to_owned);
    let code = code.or_else(|| of_json(&["__type", "Type"]));
    let code = code.or_else(|| element(&text, "Code").map(str::to_owned));
    let message = of_json(&["message", "Message"]);
    let message = message.or_else(|| element(&text, "Message").map(str::to_owned));
    // `namespace#Name:url`
    let code = code.unwrap_or_default();
    let code = code.rsplit('#').next().unwrap_or_default();
    AwsError::Refused {
        action: action.to_owned(),
        status: status.as_u16(),
        code: code.split(':').next().unwrap_or_default().to_owned(),
        message: message.unwrap_or_default(),
    }
}

/// The text of the first element of a name in an answer of XML.
fn element<'x>(xml: &'x str, name: &str) -> Option<&'x str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(text.trim())
}

/// An error with those underneath, whose words say more.
fn chain(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |error| error.source());
    let words = sources.map(ToString::to_string);
    std::iter::once(error.to_string())
        .chain(words)
        .collect::<Vec<_>>()
        .join(": ")
}

#[cfg(test)]
impl Aws {
    /// A caller with the credentials of AWS's examples, whose calls go to another server.
    pub(crate) fn for_tests(endpoint: &str) -> Self {
        let key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let credentials = Credentials::new("AKIDEXAMPLE", key, None, None, "test");
        Self {
            http: reqwest::Client::new(),
            credentials: Some(SharedCredentialsProvider::new(credentials)),
            region: Some("ap-southeast-1".to_owned()),
            endpoint: Some(endpoint.to_owned()),
        }
    }

    pub(crate) fn without_credentials(self) -> Self {
        Self {
            credentials: None,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_in_the_words_of_each_service() {
        let told = |body: &str| {
            let status = StatusCode::BAD_REQUEST;
            refused("asking", status, &HeaderMap::new(), body.as_bytes()).to_string()
        };
        insta::assert_snapshot!(
            told("<ErrorResponse><Error><Type>Sender</Type><Code>InvalidDBInstanceState</Code><Message>Instance x is not in available state.</Message></Error></ErrorResponse>"),
            @"AWS refused asking (400 InvalidDBInstanceState): Instance x is not in available state."
        );
        insta::assert_snapshot!(
            told(r#"{"__type":"com.amazon#ResourceNotFoundException","message":"Rule x does not exist."}"#),
            @"AWS refused asking (400 ResourceNotFoundException): Rule x does not exist."
        );
        insta::assert_snapshot!(told("<html>"), @"AWS refused asking (400 ): ");
    }
}
