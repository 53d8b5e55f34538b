//! The S3 client, as a store's configuration asks for it.

use std::sync::Arc;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    Region, RequestChecksumCalculation, ResponseChecksumValidation, StalledStreamProtectionConfig,
};

use super::attempts::{CountAttempts, RetryConflicts};
use crate::store::{Counters, StoreConfig, StoreError};

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one attempt may take until its answer begins, beside the upload of its body.
pub(super) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
/// The same where any connection may be gone without a word: another attempt takes another one.
pub(super) const SHORT_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
/// The slowest line on which an upload may still finish: 8 KiB a second.
const SLOWEST_UPLOAD_BYTES_PER_SECOND: u64 = 8 * 1_024;
/// How long a body may stand still, in either direction.
const STALL_GRACE: Duration = Duration::from_secs(20);
/// The first attempt and its repetitions, with the SDK's jittered exponential pauses.
const MAX_ATTEMPTS: u32 = 4;
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
const MAX_BACKOFF: Duration = Duration::from_secs(5);
/// What servers that do not care are told.
const DEFAULT_REGION: Region = Region::from_static("us-east-1");

/// Makes a client that counts its attempts in `counters`.
pub(super) async fn connect(
    config: &StoreConfig,
    counters: Arc<Counters>,
    attempt: Duration,
) -> Result<Client, StoreError> {
    let region = region(config).await.ok_or_else(|| StoreError::Config {
        url: config.url.clone(),
        detail: "no region is known; set region, or AWS_REGION".to_owned(),
    })?;
    let shared = aws_config::defaults(BehaviorVersion::latest())
        .region(region)
        .load()
        .await;
    let mut builder = aws_sdk_s3::config::Builder::from(&shared)
        .force_path_style(config.path_style)
        .timeout_config(timeouts(attempt))
        .stalled_stream_protection(
            StalledStreamProtectionConfig::enabled()
                .grace_period(STALL_GRACE)
                .build(),
        )
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(MAX_ATTEMPTS)
                .with_initial_backoff(FIRST_BACKOFF)
                .with_max_backoff(MAX_BACKOFF),
        )
        .retry_classifier(RetryConflicts)
        .interceptor(CountAttempts::new(counters));
    if !config.endpoint.is_empty() {
        builder = builder.endpoint_url(&config.endpoint);
    }
    if !config.checksums {
        builder = builder
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    }
    Ok(Client::from_conf(builder.build()))
}

/// The timeouts of a write: a body that only trickles is the stall protection's affair, but even
/// then an attempt ends some day.
pub(super) fn upload_timeouts(body_bytes: u64) -> TimeoutConfig {
    let upload = Duration::from_secs(body_bytes / SLOWEST_UPLOAD_BYTES_PER_SECOND);
    timeouts(ATTEMPT_TIMEOUT + upload)
}

fn timeouts(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(attempt)
        .build()
}

/// The region to sign for. For another server than AWS's, EC2's metadata is not asked: where there
/// is none, waiting for it would cost seconds at every start.
async fn region(config: &StoreConfig) -> Option<Region> {
    if !config.region.is_empty() {
        return Some(Region::new(config.region.clone()));
    }
    if config.endpoint.is_empty() {
        return RegionProviderChain::default_provider().region().await;
    }
    RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(ProfileFileRegionProvider::new())
        .or_else(DEFAULT_REGION)
        .region()
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_upload_gets_the_time_that_a_slow_line_needs() {
        assert_eq!(
            upload_timeouts(0).operation_attempt_timeout(),
            Some(Duration::from_secs(30))
        );
        assert_eq!(
            upload_timeouts(8 * 1_024 * 1_000).operation_attempt_timeout(),
            Some(Duration::from_secs(1_030))
        );
    }
}
