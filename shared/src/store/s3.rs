//! A store in an S3 bucket, of AWS or a compatible server.
//!
//! Timeouts, retries and their jitter are the SDK's, set in [`client`]; [`attempts`] counts every
//! attempt, and [`mod@failure`] says what an answer means.
//!
//! The SDK reads a credentials file once and keeps to what it read. So after a refusal the client is
//! made anew before the next request: whoever renews the file need not start the program again.

mod attempts;
mod client;
mod failure;
mod upload;

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::RequestChecksumCalculation;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::get_object::builders::GetObjectFluentBuilder;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::Object;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::throttle::Throttle;
use super::{
    Body, Counters, Fetched, ListPage, ObjectMeta, ObjectStore, RequestCounts, SignedUpload,
    StoreConfig, StoreError, Version, key,
};
use crate::ids::Md5;
use failure::{failure, status};

/// How many objects a page of a listing holds; the most that S3 gives.
const PAGE_OBJECTS: i32 = 1_000;
const FEW_OBJECTS: i32 = 10;

/// An object store in an S3 bucket.
#[derive(Debug)]
pub struct S3Store {
    client: RwLock<Client>,
    config: StoreConfig,
    /// How long one attempt to read may take until its answer begins.
    attempt: Duration,
    /// Whether the client's last request was refused, so that its credentials may be old ones.
    refused: AtomicBool,
    bucket: String,
    /// What every key begins with: empty, or ending in a slash.
    prefix: String,
    counters: Arc<Counters>,
    throttle: Option<Arc<Throttle>>,
}

impl S3Store {
    /// Opens the store at `bucket/prefix`, with credentials from the AWS default chain. Sends
    /// nothing to the bucket.
    ///
    /// # Errors
    /// [`StoreError::Config`] if there is no bucket, or no region for AWS.
    pub async fn open(location: &str, config: &StoreConfig) -> Result<Self, StoreError> {
        let (bucket, prefix) = location.split_once('/').unwrap_or((location, ""));
        let prefix = prefix.trim_end_matches('/');
        let config_error = |detail: String| StoreError::Config {
            url: config.url.clone(),
            detail,
        };
        if bucket.is_empty() {
            return Err(config_error("write s3://bucket/prefix".to_owned()));
        }
        if !prefix.is_empty() {
            key::check("prefix", prefix).map_err(|refused| config_error(refused.to_string()))?;
        }
        let counters = Arc::new(Counters::default());
        let attempt = client::ATTEMPT_TIMEOUT;
        let client = client::connect(config, Arc::clone(&counters), attempt).await?;
        let prefix = if prefix.is_empty() {
            String::new()
        } else {
            format!("{prefix}/")
        };
        Ok(Self {
            client: RwLock::new(client),
            config: config.clone(),
            attempt,
            refused: AtomicBool::new(false),
            bucket: bucket.to_owned(),
            prefix,
            counters,
            throttle: None,
        })
    }

    /// The same for a process that may be frozen between two requests.
    pub(super) async fn frozen_between(mut self) -> Result<Self, StoreError> {
        self.attempt = client::SHORT_ATTEMPT_TIMEOUT;
        let counters = Arc::clone(&self.counters);
        let client = client::connect(&self.config, counters, self.attempt).await?;
        self.client = RwLock::new(client);
        Ok(self)
    }

    /// The same, with its writes' bodies together held to a limit.
    pub(super) fn limited(mut self, bytes_per_second: u64) -> Self {
        self.throttle = Some(Arc::new(Throttle::new(bytes_per_second)));
        self
    }

    /// The client, made anew if its last request was refused.
    async fn client(&self) -> Client {
        if self.refused.swap(false, Ordering::Relaxed) {
            let counters = Arc::clone(&self.counters);
            match client::connect(&self.config, counters, self.attempt).await {
                Ok(client) => {
                    *self.client.write().unwrap_or_else(PoisonError::into_inner) = client;
                }
                Err(error) => tracing::warn!(%error, "the store cannot be opened anew"),
            }
        }
        let client = self.client.read();
        client.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What a failed operation means; a refusal is remembered.
    fn failure<E>(
        &self,
        action: &'static str,
        key: &str,
        error: SdkError<E, HttpResponse>,
    ) -> StoreError
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let error = failure(action, key, error);
        if matches!(error, StoreError::Refused { .. }) {
            self.refused.store(true, Ordering::Relaxed);
        }
        error
    }

    fn s3_key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// The key, as this store's callers know it, of an S3 key.
    fn own_key<'a>(&self, s3_key: &'a str) -> &'a str {
        s3_key.strip_prefix(&self.prefix).unwrap_or(s3_key)
    }

    fn listed(&self, object: Object) -> Result<ObjectMeta, StoreError> {
        let key = self.own_key(object.key.as_deref().unwrap_or_default());
        meta(
            "listing",
            key,
            object.size,
            object.e_tag,
            object.last_modified,
        )
    }

    /// A `PutObject` with its body, and a time limit that fits the body's size.
    async fn put_request(
        &self,
        key: &str,
        body: Body,
    ) -> Result<(PutObjectFluentBuilder, TimeoutConfig), StoreError> {
        let mut body = byte_stream(key, body).await?;
        let body_bytes = body.size_hint().1.unwrap_or(0);
        if let Some(throttle) = &self.throttle {
            body = ByteStream::new(upload::limited(body.into_inner(), Arc::clone(throttle)));
        }
        let put = self
            .client()
            .await
            .put_object()
            .bucket(&self.bucket)
            .key(self.s3_key(key))
            .body(body);
        Ok((put, client::upload_timeouts(body_bytes)))
    }

    async fn get_request(&self, key: &str) -> GetObjectFluentBuilder {
        let get = self.client().await.get_object();
        get.bucket(&self.bucket).key(self.s3_key(key))
    }

    /// Sends a write. `lost` is what a failed condition means for it.
    async fn send_put(
        &self,
        key: &str,
        (put, timeouts): (PutObjectFluentBuilder, TimeoutConfig),
        lost: Option<StoreError>,
    ) -> Result<Version, StoreError> {
        let _turn = match &self.throttle {
            Some(throttle) => throttle.turn().await,
            None => None,
        };
        let timeouts = aws_sdk_s3::Config::builder().timeout_config(timeouts);
        match put.customize().config_override(timeouts).send().await {
            Ok(written) => version("write", key, written.e_tag),
            Err(error) => match (status(&error), lost) {
                (Some(412), Some(lost)) => Err(lost),
                _ => Err(self.failure("write", key, error)),
            },
        }
    }
}

#[async_trait]
impl ObjectStore for S3Store {
    async fn get(&self, key: &str) -> Result<Fetched, StoreError> {
        key::check("read", key)?;
        match self.get_request(key).await.send().await {
            Ok(object) => fetched(key, object),
            Err(error) => Err(self.failure("read", key, error)),
        }
    }

    async fn get_if_changed(
        &self,
        key: &str,
        version: &Version,
    ) -> Result<Option<Fetched>, StoreError> {
        key::check("read", key)?;
        let get = self.get_request(key).await.if_none_match(&version.0);
        match get.send().await {
            Ok(object) => fetched(key, object).map(Some),
            Err(error) if status(&error) == Some(304) => Ok(None),
            Err(error) => Err(self.failure("read", key, error)),
        }
    }

    async fn head(&self, key: &str) -> Result<ObjectMeta, StoreError> {
        key::check("look-up", key)?;
        let head = self
            .client()
            .await
            .head_object()
            .bucket(&self.bucket)
            .key(self.s3_key(key));
        let found = head
            .send()
            .await
            .map_err(|error| self.failure("look-up", key, error))?;
        meta(
            "look-up",
            key,
            found.content_length,
            found.e_tag,
            found.last_modified,
        )
    }

    async fn create(&self, key: &str, body: Body) -> Result<Version, StoreError> {
        key::check("write", key)?;
        let (put, timeouts) = self.put_request(key, body).await?;
        let lost = StoreError::AlreadyExists {
            key: key.to_owned(),
        };
        self.send_put(key, (put.if_none_match("*"), timeouts), Some(lost))
            .await
    }

    async fn put(&self, key: &str, body: Body) -> Result<Version, StoreError> {
        key::check("write", key)?;
        let put = self.put_request(key, body).await?;
        self.send_put(key, put, None).await
    }

    async fn replace(&self, key: &str, body: Body, was: &Version) -> Result<Version, StoreError> {
        key::check("write", key)?;
        let (put, timeouts) = self.put_request(key, body).await?;
        let changed = || StoreError::Changed {
            key: key.to_owned(),
        };
        match self
            .send_put(key, (put.if_match(&was.0), timeouts), Some(changed()))
            .await
        {
            // AWS says so of an object that is gone; compatible servers say 412.
            Err(StoreError::NotFound { .. }) => Err(changed()),
            outcome => outcome,
        }
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        key::check("removal", key)?;
        let delete = self
            .client()
            .await
            .delete_object()
            .bucket(&self.bucket)
            .key(self.s3_key(key));
        match delete
            .send()
            .await
            .map_err(|error| self.failure("removal", key, error))
        {
            Ok(_) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<ListPage, StoreError> {
        self.page(prefix, after, PAGE_OBJECTS).await
    }

    async fn list_few(&self, prefix: &str, after: Option<&str>) -> Result<ListPage, StoreError> {
        self.page(prefix, after, FEW_OBJECTS).await
    }

    async fn sign_upload(
        &self,
        key: &str,
        (bytes, md5): (u64, Md5),
        valid_for: Duration,
    ) -> Result<Option<SignedUpload>, StoreError> {
        key::check("write", key)?;
        let refused = |detail: String| StoreError::Refused {
            action: "signing",
            key: key.to_owned(),
            detail,
        };
        let expires = PresigningConfig::expires_in(valid_for);
        let expires = expires.map_err(|error| refused(error.to_string()))?;
        let length = i64::try_from(bytes).map_err(|error| refused(error.to_string()))?;
        // The MD5 is the checksum: the SDK would sign that of an empty body beside it.
        let client = self.client().await;
        let plain = client.config().to_builder();
        let plain = plain.request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
        let signed = Client::from_conf(plain.build())
            .put_object()
            .bucket(&self.bucket)
            .key(self.s3_key(key))
            .content_length(length)
            .content_md5(BASE64.encode(md5.0))
            .if_none_match("*")
            .presigned(expires)
            .await
            .map_err(|error| self.failure("signing", key, error))?;
        let of_client = |name: &str| matches!(name, "content-length" | "host");
        let headers = signed.headers().filter(|(name, _)| !of_client(name));
        Ok(Some(SignedUpload {
            url: signed.uri().to_owned(),
            headers: headers
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        }))
    }

    fn requests(&self) -> RequestCounts {
        self.counters.read()
    }

    fn describe(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.prefix.trim_end_matches('/'))
    }
}

impl S3Store {
    async fn page(
        &self,
        prefix: &str,
        after: Option<&str>,
        most: i32,
    ) -> Result<ListPage, StoreError> {
        key::check_prefix(prefix)?;
        let list = self
            .client()
            .await
            .list_objects_v2()
            .bucket(&self.bucket)
            .max_keys(most);
        let list = list
            .prefix(self.s3_key(prefix))
            .set_start_after(after.map(|after| self.s3_key(after)));
        let page = list
            .send()
            .await
            .map_err(|error| self.failure("listing", prefix, error))?;
        let found = page.contents.unwrap_or_default();
        let last = found.last().and_then(|last| last.key.as_deref());
        let next = match (page.is_truncated, last) {
            (Some(true), None) => {
                return Err(failure::incomplete(
                    "listing",
                    prefix,
                    "an empty page, not the last",
                ));
            }
            (Some(true), Some(last)) => Some(self.own_key(last).to_owned()),
            _ => None,
        };
        let objects = found.into_iter().map(|object| self.listed(object));
        let objects = objects.filter(|object| !object.as_ref().is_ok_and(is_folder_marker));
        let objects = objects.collect::<Result<_, _>>()?;
        Ok(ListPage { objects, next })
    }
}

/// A body that can be sent again should an attempt fail; files are read while they are sent.
async fn byte_stream(key: &str, body: Body) -> Result<ByteStream, StoreError> {
    match body {
        Body::Bytes(bytes) => Ok(bytes.into()),
        Body::File(path) => ByteStream::from_path(&path).await.map_err(|error| {
            let detail = format!("{} cannot be read", path.display());
            failure::unavailable("write", key, detail, error)
        }),
    }
}

fn fetched(key: &str, object: GetObjectOutput) -> Result<Fetched, StoreError> {
    let meta = meta(
        "read",
        key,
        object.content_length,
        object.e_tag,
        object.last_modified,
    )?;
    let state = (object.body, meta.bytes, key.to_owned());
    let chunks = stream::try_unfold(state, |(mut body, rest_bytes, key)| async move {
        match body.next().await {
            Some(Ok(chunk)) => {
                // More than was announced wraps to a rest that never ends at zero.
                let rest_bytes = rest_bytes.wrapping_sub(chunk.len() as u64);
                Ok(Some((chunk, (body, rest_bytes, key))))
            }
            Some(Err(error)) => Err(failure::broken_body(&key, error)),
            None if rest_bytes == 0 => Ok(None),
            None => Err(StoreError::Damaged {
                key,
                detail: "its length is not the one announced".to_owned(),
            }),
        }
    });
    Ok(Fetched {
        meta,
        body: chunks.boxed(),
    })
}

/// What S3 consoles put where somebody made a "folder".
fn is_folder_marker(object: &ObjectMeta) -> bool {
    object.key.is_empty() || object.key.ends_with('/')
}

fn meta(
    action: &'static str,
    key: &str,
    bytes: Option<i64>,
    etag: Option<String>,
    modified: Option<DateTime>,
) -> Result<ObjectMeta, StoreError> {
    let missing = |what| failure::incomplete(action, key, what);
    let modified = modified
        .and_then(|at| Timestamp::new(at.secs(), i32::try_from(at.subsec_nanos()).ok()?).ok())
        .ok_or_else(|| missing("no time of writing"))?;
    Ok(ObjectMeta {
        key: key.to_owned(),
        bytes: bytes
            .and_then(|n| u64::try_from(n).ok())
            .ok_or_else(|| missing("no length"))?,
        version: version(action, key, etag)?,
        modified,
    })
}

/// The version in an answer. Without one nothing could be compared and replaced.
fn version(action: &'static str, key: &str, etag: Option<String>) -> Result<Version, StoreError> {
    etag.map(Version)
        .ok_or_else(|| failure::incomplete(action, key, "no ETag"))
}
