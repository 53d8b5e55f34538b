//! How much was asked of a store.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// Requests by kind. Every attempt that reached the store counts, failed ones too: they are billed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RequestCounts {
    /// Writes, conditional or not.
    pub put: u64,
    /// Reads of a body.
    pub get: u64,
    /// Reads of metadata.
    pub head: u64,
    /// Pages listed.
    pub list: u64,
    /// Removals.
    pub delete: u64,
}

impl RequestCounts {
    /// Each kind's name and number.
    #[must_use]
    pub fn by_kind(&self) -> [(&'static str, u64); 5] {
        [
            ("put", self.put),
            ("get", self.get),
            ("head", self.head),
            ("list", self.list),
            ("delete", self.delete),
        ]
    }

    /// All requests together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.put + self.get + self.head + self.list + self.delete
    }

    /// What was sent after `earlier` was read.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            put: self.put - earlier.put,
            get: self.get - earlier.get,
            head: self.head - earlier.head,
            list: self.list - earlier.list,
            delete: self.delete - earlier.delete,
        }
    }
}

/// Counters that an implementation keeps.
#[derive(Debug, Default)]
pub struct Counters {
    put: AtomicU64,
    get: AtomicU64,
    head: AtomicU64,
    list: AtomicU64,
    delete: AtomicU64,
}

/// The kinds of request that are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// A write.
    Put,
    /// A read of a body.
    Get,
    /// A read of metadata.
    Head,
    /// A page of a listing.
    List,
    /// A removal.
    Delete,
}

impl Counters {
    /// Counts one request.
    pub fn count(&self, request: Request) {
        let counter = match request {
            Request::Put => &self.put,
            Request::Get => &self.get,
            Request::Head => &self.head,
            Request::List => &self.list,
            Request::Delete => &self.delete,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// The counts so far.
    #[must_use]
    pub fn read(&self) -> RequestCounts {
        RequestCounts {
            put: self.put.load(Ordering::Relaxed),
            get: self.get.load(Ordering::Relaxed),
            head: self.head.load(Ordering::Relaxed),
            list: self.list.load(Ordering::Relaxed),
            delete: self.delete.load(Ordering::Relaxed),
        }
    }
}
