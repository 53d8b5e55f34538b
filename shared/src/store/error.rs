//! Why a store could not do what it was asked, and whether the same may succeed later.

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No object has this key.
    #[error("no object {key}")]
    NotFound {
        /// The key asked for.
        key: String,
    },
    /// A create-only write found an object.
    #[error("object {key} exists already")]
    AlreadyExists {
        /// The key that is taken.
        key: String,
    },
    /// The object is not the version that was to be replaced.
    #[error("object {key} was changed by somebody else")]
    Changed {
        /// The key.
        key: String,
    },
    /// The body is longer than the reader takes.
    #[error("object {key} is longer than {limit_bytes} bytes")]
    TooLarge {
        /// The key.
        key: String,
        /// The reader's limit.
        limit_bytes: u64,
    },
    /// What arrived is not what was stored.
    #[error("object {key} arrived damaged: {detail}")]
    Damaged {
        /// The key.
        key: String,
        /// What does not agree.
        detail: String,
    },
    /// The store refuses: wrong credentials, missing bucket, forbidden, wrong clock.
    #[error("the store refuses {action} of {key}: {detail}")]
    Refused {
        /// What was tried.
        action: &'static str,
        /// The key.
        key: String,
        /// The store's own words.
        detail: String,
    },
    /// The store cannot be reached or is failing for the moment.
    #[error("{action} of {key} failed: {detail}")]
    Unavailable {
        /// What was tried.
        action: &'static str,
        /// The key.
        key: String,
        /// What went wrong.
        detail: String,
        /// The error underneath.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The store's URL or settings cannot be used.
    #[error("store {url}: {detail}")]
    Config {
        /// The URL, without credentials.
        url: String,
        /// What is wrong and what to write instead.
        detail: String,
    },
}

impl StoreError {
    /// Whether the same call may succeed later without anybody's help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Damaged { .. })
    }

    /// The key that it is about, where it is about one.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::NotFound { key }
            | Self::AlreadyExists { key }
            | Self::Changed { key }
            | Self::TooLarge { key, .. }
            | Self::Damaged { key, .. }
            | Self::Refused { key, .. }
            | Self::Unavailable { key, .. } => Some(key),
            Self::Config { .. } => None,
        }
    }

    /// Whether the store answers, and does not let this program write.
    #[must_use]
    pub fn is_refused_write(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                action: "write",
                ..
            }
        )
    }

    /// Whether the object is simply not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }
}
