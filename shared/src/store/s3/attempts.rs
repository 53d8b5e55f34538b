//! What happens around each attempt: it is counted, and a conflict between two writers of one key
//! is tried again.

use std::sync::Arc;

use aws_sdk_s3::config::interceptors::{BeforeTransmitInterceptorContextRef, InterceptorContext};
use aws_sdk_s3::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;

use crate::store::{Counters, Request};

/// Counts what is sent. It sits below the SDK's retries, so that each of them counts.
#[derive(Debug)]
pub(super) struct CountAttempts {
    counters: Arc<Counters>,
}

impl CountAttempts {
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        Self { counters }
    }
}

impl Intercept for CountAttempts {
    fn name(&self) -> &'static str {
        "CountAttempts"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request();
        self.counters.count(kind(request.method(), request.uri()));
        Ok(())
    }
}

/// The kind of a request of this store, by what only it has.
fn kind(method: &str, uri: &str) -> Request {
    match method {
        "PUT" => Request::Put,
        "HEAD" => Request::Head,
        "DELETE" => Request::Delete,
        _ if uri.contains("list-type=2") => Request::List,
        _ => Request::Get,
    }
}

/// Tries again when S3 answers 409: two conditional writes of one key met, and neither was judged.
#[derive(Debug)]
pub(super) struct RetryConflicts;

impl ClassifyRetry for RetryConflicts {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context
            .response()
            .map(|response| response.status().as_u16())
        {
            Some(409) => RetryAction::transient_error(),
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "RetryConflicts"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_apart() {
        assert_eq!(
            kind("PUT", "http://s3/bucket/a?x-id=PutObject"),
            Request::Put
        );
        assert_eq!(
            kind("GET", "http://s3/bucket/a?x-id=GetObject"),
            Request::Get
        );
        assert_eq!(
            kind("GET", "http://s3/bucket/?list-type=2&prefix=a"),
            Request::List
        );
        assert_eq!(kind("HEAD", "http://s3/bucket/a"), Request::Head);
        assert_eq!(kind("DELETE", "http://s3/bucket/a"), Request::Delete);
    }
}
