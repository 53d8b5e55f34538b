//! The parts of a stack on AWS that the hub starts, stops, switches and calls: the database's instance, the rule
//! that publishes, and the function that does.
//!
//! These are a handful of calls, so they are signed here instead of linking three SDKs.

mod error;
mod events;
mod lambda;
mod rds;
#[cfg(feature = "lambda")]
mod secret;

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use causeway_shared::runtime::clock;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};

use crate::config::HubConfig;
pub(crate) use error::StackError;
pub(crate) use lambda::Invocation;
pub(crate) use rds::InstanceState;
#[cfg(feature = "lambda")]
pub(crate) use secret::Master;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer may take, but for a function's.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// The stack in its region, or a server that stands in for AWS.
#[derive(Debug)]
pub(crate) struct Stack {
    http: reqwest::Client,
    region: String,
    /// Empty: each service's own.
    endpoint: String,
    credentials: SharedCredentialsProvider,
}

/// One call.
#[derive(Debug)]
struct Call<'a> {
    /// As its signature names it, and its host.
    service: &'static str,
    /// What is asked for, for messages.
    action: &'static str,
    path: String,
    headers: &'a [(&'static str, &'a str)],
    body: Vec<u8>,
    within: Duration,
}

impl Stack {
    /// With credentials from the default chain. Nothing is sent.
    ///
    /// # Errors
    /// [`StackError::NotConfigured`] where there is no region or there are no credentials.
    pub(crate) async fn open(config: &HubConfig) -> Result<Self, StackError> {
        let missing = |what: &'static str| StackError::NotConfigured { what };
        let shared = aws_config::defaults(BehaviorVersion::latest()).load().await;
        let configured = [&config.aws.region, &config.store.region];
        let configured = configured.into_iter().find(|region| !region.is_empty());
        let region = configured.cloned();
        let region = region.or_else(|| shared.region().map(ToString::to_string));
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .build();
        Ok(Self {
            http: http.map_err(StackError::client)?,
            region: region
                .ok_or_else(|| missing("region is known; set aws.region, or AWS_REGION"))?,
            endpoint: config.aws.endpoint.trim_end_matches('/').to_owned(),
            credentials: shared
                .credentials_provider()
                .ok_or_else(|| missing("credentials are known"))?,
        })
    }

    /// Sends a call, signed, and answers what came back if it was a success.
    async fn send(&self, call: Call<'_>) -> Result<(HeaderMap, Bytes), StackError> {
        let Call {
            service, action, ..
        } = call;
        let url = match self.endpoint.is_empty() {
            true => format!("https://{service}.{}.amazonaws.com", self.region),
            false => self.endpoint.clone(),
        };
        let url = url + &call.path;
        let unsigned = |detail: String| StackError::Unsigned { action, detail };
        let credentials = self.credentials.provide_credentials().await;
        let identity = credentials.map_err(|error| unsigned(chain(&error)))?.into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(service)
            .time(clock::now().into())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| unsigned(error.to_string()))?
            .into();
        let headers = call.headers.iter().copied();
        let signable = SignableRequest::new("POST", &url, headers, SignableBody::Bytes(&call.body));
        let signed = signable.and_then(|request| sign(request, &parameters));
        let (instructions, _) = signed
            .map_err(|error| unsigned(error.to_string()))?
            .into_parts();
        let mut request = self.http.request(Method::POST, &url).timeout(call.within);
        for (name, value) in call.headers.iter().copied().chain(instructions.headers()) {
            request = request.header(name, value);
        }
        let lost = |source| StackError::Unreachable { action, source };
        let response = request.body(call.body).send().await.map_err(lost)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.map_err(lost)?;
        match status.is_success() {
            true => Ok((headers, body)),
            false => Err(refused(action, status, &headers, &body)),
        }
    }
}

/// Why a call was refused: in the words of JSON or of XML.
fn refused(
    action: &'static str,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> StackError {
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
    StackError::Refused {
        action,
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
