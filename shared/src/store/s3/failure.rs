//! What S3's answers mean for a store, and what to do about them.

use std::error::Error;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStreamError;

use crate::store::StoreError;

/// The HTTP status of an answer, if there was one.
pub(super) fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error
        .raw_response()
        .map(|response| response.status().as_u16())
}

/// What a failed operation means. Conditions that do not hold are the caller's to tell.
pub(super) fn failure<E>(
    action: &'static str,
    key: &str,
    error: SdkError<E, HttpResponse>,
) -> StoreError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let code = error.code().unwrap_or_default();
    let Some(status) = status(&error) else {
        return unanswered(action, key, error);
    };
    let words = error.message().unwrap_or_default();
    let detail = [&status.to_string(), code, words].map(str::trim).join(" ");
    let detail = detail.trim_end_matches([' ', '.']).to_owned();
    match (status, code) {
        (404, "NoSuchBucket") => {}
        (404, _) => {
            return StoreError::NotFound {
                key: key.to_owned(),
            };
        }
        (_, "BadDigest" | "InvalidDigest" | "IncompleteBody")
        | (_, "XAmzContentChecksumMismatch" | "XAmzContentSHA256Mismatch") => {
            return StoreError::Damaged {
                key: key.to_owned(),
                detail,
            };
        }
        // What the server does not know, it will not know later.
        (501, _) => {}
        (_, "RequestTimeout") | (409 | 429 | 500.., _) => {
            return unavailable(action, key, detail, error);
        }
        _ => {}
    }
    let detail = match remedy(status, code) {
        Some(remedy) => format!("{detail}; {remedy}"),
        None => detail,
    };
    StoreError::Refused {
        action,
        key: key.to_owned(),
        detail,
    }
}

/// What somebody can do about a refusal.
fn remedy(status: u16, code: &str) -> Option<&'static str> {
    match (status, code) {
        (_, "RequestTimeTooSkewed") => Some("set this machine's clock"),
        (_, "NoSuchBucket") => Some("correct the bucket in the store's url, or create it"),
        (_, "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "ExpiredToken" | "InvalidToken") => {
            Some(
                "correct the AWS credentials; start a service again that has them in its environment",
            )
        }
        (301, _) | (_, "AuthorizationHeaderMalformed" | "PermanentRedirect") => {
            Some("set the store's region to the bucket's")
        }
        // S3 answers so for a missing object, too, to who may not list; and HEAD has no code.
        (401 | 403, _) => Some(
            "check the AWS credentials and this machine's clock, and that they may get, put, \
             delete and list under the store's prefix",
        ),
        _ => None,
    }
}

/// A request that got no answer: the network, or no credentials to sign it with.
fn unanswered<E>(action: &'static str, key: &str, error: SdkError<E, HttpResponse>) -> StoreError
where
    E: Error + Send + Sync + 'static,
{
    let cause = root_cause(&error).to_string();
    // The lines after the first name every place where credentials were looked for.
    let cause = cause.lines().next().unwrap_or_default();
    if cause.contains("credential") {
        return StoreError::Refused {
            action,
            key: key.to_owned(),
            detail: format!(
                "{cause}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile"
            ),
        };
    }
    unavailable(action, key, format!("no answer: {cause}"), error)
}

/// A body that broke off, or that is not what its checksum says.
pub(super) fn broken_body(key: &str, error: ByteStreamError) -> StoreError {
    let cause = root_cause(&error).to_string();
    // The SDK's error type for this is in none of its public interfaces.
    if cause.contains("checksum mismatch") {
        return StoreError::Damaged {
            key: key.to_owned(),
            detail: cause,
        };
    }
    unavailable("read", key, format!("the body broke off: {cause}"), error)
}

/// An answer that lacks what every S3 server gives.
pub(super) fn incomplete(action: &'static str, key: &str, what: &str) -> StoreError {
    StoreError::Refused {
        action,
        key: key.to_owned(),
        detail: format!("it answered with {what}; is this an S3-compatible server?"),
    }
}

/// A failure that may pass.
pub(super) fn unavailable(
    action: &'static str,
    key: &str,
    detail: String,
    error: impl Error + Send + Sync + 'static,
) -> StoreError {
    StoreError::Unavailable {
        action,
        key: key.to_owned(),
        detail,
        source: Some(Box::new(error)),
    }
}

/// The error that began it: the ones around it only name the SDK's layers.
fn root_cause<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause
}
