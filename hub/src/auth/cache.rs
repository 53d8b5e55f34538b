//! One of the store's files as a running hub knows it: in memory, looked at again now and then. A
//! copy lies in the database, for a hub that starts while the store is away.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use causeway_shared::runtime::repeats::Repeats;
use causeway_shared::store::{Store, Version};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::db::Database;
use crate::document::{Content, Document, DocumentError, decode};
use crate::tasks;

/// A change by another hub is noticed after at most this long.
pub(super) const LOOK_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(15);
/// A token that is not known may be new, so the store is asked for it; whoever tries many causes no
/// more requests than one in this time.
const LOOK_FOR_UNKNOWN_AFTER: SignedDuration = SignedDuration::from_secs(1);
/// How long the store may take where something is known already.
const LOOK_WITHIN: Duration = Duration::from_secs(1);
/// How long it may take where nothing is known, or for a change.
const STORE_WITHIN: Duration = Duration::from_secs(3);
/// How long the database may take for its copy.
const COPY_WITHIN: Duration = Duration::from_secs(2);
/// A failure that lasts is logged again after this long.
const REMIND_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// Most kinds of failure that are logged within that time.
const MAX_KINDS: usize = 100;

/// A file of the store, in memory.
#[derive(Debug)]
pub(super) struct Cache<T> {
    document: Document<T>,
    database: Arc<dyn Database>,
    known: Arc<StdMutex<Known<T>>>,
    /// Held by whoever asks the store; the others go on with what is known.
    looking: Mutex<()>,
    /// Held by whoever writes the database's copy, so that it holds what this hub knows last.
    copying: Arc<Mutex<()>>,
    failures: Repeats<String>,
}

#[derive(Debug)]
struct Known<T> {
    /// `None` until store or database have answered once.
    content: Option<Arc<T>>,
    version: Option<Version>,
    looked_at: Option<Timestamp>,
    /// Why the last look failed, where nothing is known.
    failure: Option<DocumentError>,
    /// Whether the database has a copy of it, or of a newer one.
    is_copied: Arc<AtomicBool>,
}

impl<T: Content + Clone + Send + Sync + 'static> Cache<T> {
    /// Nothing is read yet.
    pub(super) fn new(store: Store, database: Arc<dyn Database>) -> Self {
        Self {
            document: Document::new(store),
            database,
            known: Arc::new(StdMutex::new(Known {
                content: None,
                version: None,
                looked_at: None,
                failure: None,
                is_copied: Arc::default(),
            })),
            looking: Mutex::default(),
            copying: Arc::default(),
            failures: Repeats::new(REMIND_AFTER, MAX_KINDS),
        }
    }

    /// What `find` finds in the file. Where it finds nothing, the file is read again, at most once a
    /// second.
    ///
    /// # Errors
    /// [`DocumentError`] if neither the store nor the database's copy were ever read and neither
    /// can be. Later failures are logged, and what is known goes on counting.
    pub(super) async fn find<R>(
        &self,
        find: impl Fn(&T) -> Option<R>,
        now: Timestamp,
    ) -> Result<Option<R>, DocumentError> {
        let content = self.content(LOOK_AGAIN_AFTER, now).await?;
        if let Some(found) = find(&content) {
            return Ok(Some(found));
        }
        Ok(find(&*self.content(LOOK_FOR_UNKNOWN_AFTER, now).await?))
    }

    /// Reads the file where it was not read of late.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    #[cfg(feature = "lambda")]
    pub(super) async fn look_up(&self, now: Timestamp) -> Result<(), DocumentError> {
        self.content(LOOK_AGAIN_AFTER, now).await.map(drop)
    }

    /// Changes the file; this hub knows it at once.
    ///
    /// # Errors
    /// [`DocumentError`], within three seconds.
    pub(super) async fn change(
        &self,
        mut change: impl FnMut(&mut T),
        now: Timestamp,
    ) -> Result<(), DocumentError> {
        // A look that began before must not put back what it read.
        let _looking = self.looking.lock().await;
        let changing = self.document.change(|content| {
            change(content);
            Ok::<_, DocumentError>(())
        });
        let changed = timeout(STORE_WITHIN, changing).await;
        let (content, version) = changed.map_err(|_| DocumentError::Silent { key: T::KEY })??;
        self.take(content, version, now);
        // Waited for: else a hub that starts while the store is away may know what is no longer so.
        // Only a stop of the program keeps it from ending.
        let _ended = self.copy().await;
        Ok(())
    }

    /// The content, no older than `at_most` if the store answers.
    async fn content(
        &self,
        at_most: SignedDuration,
        now: Timestamp,
    ) -> Result<Arc<T>, DocumentError> {
        if let Some(content) = self.recent(at_most, now) {
            return content;
        }
        let known = self.known().content.clone();
        let Some(known) = known else {
            let _looking = self.looking.lock().await;
            // Somebody else may have found it, or failed to, meanwhile.
            return match self.recent(LOOK_FOR_UNKNOWN_AFTER, now) {
                Some(content) => content,
                None => self.look_first(now).await,
            };
        };
        // A slow store must not hold up everybody: one asks, the others use what is known.
        let Ok(_looking) = self.looking.try_lock() else {
            return Ok(known);
        };
        match self.look(LOOK_WITHIN, now).await {
            Ok(content) => Ok(content),
            Err(error) => {
                self.log(
                    &error,
                    "the file cannot be read again; its last known content is used",
                );
                self.known().looked_at = Some(now);
                Ok(known)
            }
        }
    }

    /// What was found or failed less than `at_most` ago. After a clock was set back nothing was: else
    /// a revoked token would work on.
    fn recent(
        &self,
        at_most: SignedDuration,
        now: Timestamp,
    ) -> Option<Result<Arc<T>, DocumentError>> {
        let known = self.known();
        let is_recent = |at: Timestamp, at_most| {
            (SignedDuration::ZERO..at_most).contains(&now.duration_since(at))
        };
        let looked_at = known.looked_at?;
        match (&known.content, &known.failure) {
            (Some(content), _) => is_recent(looked_at, at_most).then(|| Ok(Arc::clone(content))),
            (None, Some(failure)) => {
                is_recent(looked_at, LOOK_FOR_UNKNOWN_AFTER).then(|| Err(failure.clone()))
            }
            (None, None) => None,
        }
    }

    /// Looks where nothing is known: at the store, then at the database's copy.
    async fn look_first(&self, now: Timestamp) -> Result<Arc<T>, DocumentError> {
        let error = match self.look(STORE_WITHIN, now).await {
            Ok(content) => return Ok(content),
            Err(error) => error,
        };
        let copy = timeout(COPY_WITHIN, self.database.copied(T::KEY)).await;
        let copy = copy.ok().and_then(Result::ok).flatten();
        let content = copy.and_then(|bytes| decode(&bytes).ok()).map(Arc::new);
        let mut known = self.known();
        known.looked_at = Some(now);
        let Some(content) = content else {
            known.failure = Some(error.clone());
            return Err(error);
        };
        known.content = Some(Arc::clone(&content));
        drop(known);
        self.log(
            &error,
            "the file cannot be read; the database's copy of it is used",
        );
        Ok(content)
    }

    /// Looks at the store.
    async fn look(&self, within: Duration, now: Timestamp) -> Result<Arc<T>, DocumentError> {
        let version = self.known().version.clone();
        let reading = self.document.read_if_changed(version.as_ref());
        let read = timeout(within, reading).await;
        let read = read.map_err(|_| DocumentError::Silent { key: T::KEY })??;
        if !self.failures.retain(|_| false).is_empty() {
            tracing::info!(file = T::KEY, "the file can be read again");
        }
        match read {
            Some((content, version)) => self.take(content, version, now),
            None => self.known().looked_at = Some(now),
        }
        if !self.known().is_copied.load(Ordering::Relaxed) {
            self.copy();
        }
        // The store says "unchanged" only of a version that is known.
        Ok(self.known().content.clone().unwrap_or_default())
    }

    /// Takes what the store holds now.
    fn take(&self, content: T, version: Option<Version>, now: Timestamp) {
        *self.known() = Known {
            content: Some(Arc::new(content)),
            version,
            looked_at: Some(now),
            failure: None,
            is_copied: Arc::default(),
        };
    }

    /// Has the database keep a copy of what is known.
    fn copy(&self) -> JoinHandle<()> {
        let (known, copying) = (Arc::clone(&self.known), Arc::clone(&self.copying));
        let (document, database) = (self.document.clone(), Arc::clone(&self.database));
        tasks::spawn(async move {
            let _copying = copying.lock().await;
            let (content, mut version, is_copied) = {
                let known = known.lock().unwrap_or_else(PoisonError::into_inner);
                let is_copied = Arc::clone(&known.is_copied);
                (known.content.clone(), known.version.clone(), is_copied)
            };
            let Some(mut content) = content.map(Arc::unwrap_or_clone) else {
                return;
            };
            // What fails is tried again with the next look.
            let copying = document.copy_to(&*database, &mut content, &mut version);
            let copied = timeout(COPY_WITHIN, copying).await;
            is_copied.store(matches!(copied, Ok(Ok(()))), Ordering::Relaxed);
        })
    }

    /// Waits until the database has a copy of what is known.
    #[cfg(test)]
    pub(super) async fn copied(&self) {
        while !self.known().is_copied.load(Ordering::Relaxed) {
            let _ended = self.copy().await;
        }
    }

    fn log(&self, error: &DocumentError, what: &str) {
        let error = error.to_string();
        if let Some(unlogged) = self.failures.count(error.clone(), Instant::now()) {
            tracing::warn!(file = T::KEY, error, unlogged, "{what}");
        }
    }

    fn known(&self) -> MutexGuard<'_, Known<T>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
