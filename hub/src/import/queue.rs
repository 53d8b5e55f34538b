//! Imports that a function is asked for. It has no time for them within a request, so they wait in
//! `hub/imports.json` until a tick runs them, and what came of them stays there for a while.
//!
//! # Order, and what a kill leaves
//! 1. The file, under `imports/`: it is there before anybody waits for it.
//! 2. The entry, waiting.
//! 3. A tick takes it for as long as the tick may last, imports the file, and writes what came of it. A
//!    tick that is killed leaves it taken; a later one takes it again, and the import of the same file
//!    goes on from there.

use causeway_shared::ids::SiteName;
use causeway_shared::layout;
use causeway_shared::store::Store;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::dump::Dialect;
use super::jobs::{Job, Stage};
use super::{ImportError, ImportOptions, Imported};
use crate::document::{Content, Document, DocumentError};

/// Most imports that wait.
const MAX_WAITING: usize = 5;
/// Most that are remembered.
const MAX_KNOWN: usize = 20;
/// Changed partitions that are told of each: there may be thousands.
const MAX_CHANGES: usize = 100;
/// How often one is tried that does not end in time.
const MAX_TRIES: u32 = 3;

/// Imports in the store.
#[derive(Debug)]
pub(crate) struct Queue {
    store: Store,
}

/// An import that waits, or what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct QueuedImport {
    pub(crate) id: String,
    pub(crate) site: SiteName,
    /// The file's name.
    pub(crate) file: String,
    /// Where the file lies.
    pub(crate) key: String,
    pub(crate) add: bool,
    pub(crate) dry_run: bool,
    pub(crate) take_over: bool,
    pub(crate) allow_shrink: bool,
    pub(crate) dialect: Option<Dialect>,
    /// Who asked for it.
    pub(crate) by: String,
    stage: Stage,
    tries: u32,
    /// Until when a tick has it in hand.
    taken_until: Option<Timestamp>,
    result: Option<Imported>,
    error: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct QueueFile {
    imports: Vec<QueuedImport>,
}

impl Content for QueueFile {
    const KEY: &'static str = layout::QUEUED_IMPORTS;
    const FORMAT: u32 = 1;
    const MAX_BYTES: u64 = 4_000_000;
    const REMEDY: &'static str = "remove it, and ask for the imports again";
}

impl QueuedImport {
    pub(crate) fn new(
        id: String,
        (file, key): (String, String),
        options: &ImportOptions,
        by: &str,
    ) -> Self {
        Self {
            id,
            site: options.site.clone(),
            file,
            key,
            add: options.add,
            dry_run: options.dry_run,
            take_over: options.take_over,
            allow_shrink: options.allow_shrink,
            dialect: options.dialect,
            by: by.to_owned(),
            stage: Stage::Waiting,
            tries: 0,
            taken_until: None,
            result: None,
            error: None,
        }
    }

    pub(crate) fn options(&self) -> ImportOptions {
        ImportOptions {
            site: self.site.clone(),
            add: self.add,
            dry_run: self.dry_run,
            take_over: self.take_over,
            allow_shrink: self.allow_shrink,
            dialect: self.dialect,
        }
    }

    /// As it is shown.
    pub(crate) fn job(self) -> Job {
        let is_previewed = self.dry_run && self.stage == Stage::Done;
        Job {
            rows: self
                .result
                .as_ref()
                .map_or(0, |done| done.report.rows.scanned),
            error: self.error.map(|error| ImportError::Told(error).into()),
            id: self.id,
            site: self.site,
            file: self.file,
            dry_run: self.dry_run,
            stage: self.stage,
            partitions: 0,
            sent: 0,
            result: self.result,
            kept: None,
            is_previewed,
        }
    }

    fn has_ended(&self) -> bool {
        matches!(self.stage, Stage::Done | Stage::Failed)
    }

    /// Whether nobody has it in hand.
    fn waits(&self, now: Timestamp) -> bool {
        !self.has_ended() && self.taken_until.is_none_or(|until| until < now)
    }
}

impl Queue {
    pub(crate) fn new(store: &Store) -> Self {
        Self {
            store: Store::clone(store),
        }
    }

    fn file(&self) -> Document<QueueFile> {
        Document::new(Store::clone(&self.store))
    }

    /// Adds one. `false` while too many wait.
    ///
    /// # Errors
    /// [`DocumentError`]
    pub(crate) async fn add(&self, import: &QueuedImport) -> Result<bool, DocumentError> {
        let mut is_added = false;
        let document = self.file();
        let added = document.change(|file| {
            let waiting = file.imports.iter().filter(|import| !import.has_ended());
            is_added = waiting.count() < MAX_WAITING;
            if is_added {
                if file.imports.len() >= MAX_KNOWN
                    && let Some(ended) = file.imports.iter().position(QueuedImport::has_ended)
                {
                    file.imports.remove(ended);
                }
                file.imports.push(import.clone());
            }
            Ok::<_, DocumentError>(())
        });
        added.await?;
        Ok(is_added)
    }

    /// Those that are known, the last one first.
    ///
    /// # Errors
    /// [`DocumentError`]
    pub(crate) async fn newest(&self) -> Result<Vec<QueuedImport>, DocumentError> {
        let (mut file, _) = self.file().read().await?;
        file.imports.reverse();
        Ok(file.imports)
    }

    /// # Errors
    /// [`DocumentError`]
    pub(crate) async fn get(&self, id: &str) -> Result<Option<QueuedImport>, DocumentError> {
        let mut known = self.newest().await?.into_iter();
        Ok(known.find(|import| import.id == id))
    }

    /// Takes the one that has waited longest, until then.
    ///
    /// # Errors
    /// [`DocumentError`]
    pub(crate) async fn take(
        &self,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<QueuedImport>, DocumentError> {
        // A tick without one writes nothing.
        let (file, _) = self.file().read().await?;
        if !file.imports.iter().any(|import| import.waits(now)) {
            return Ok(None);
        }
        let mut taken = None;
        let document = self.file();
        let taking = document.change(|file| {
            taken = None;
            for import in file.imports.iter_mut().filter(|import| import.waits(now)) {
                if import.tries >= MAX_TRIES {
                    import.stage = Stage::Failed;
                    import.error = Some(ImportError::NoTime.to_string());
                } else if taken.is_none() {
                    import.tries += 1;
                    import.stage = Stage::Reading;
                    import.taken_until = Some(until);
                    taken = Some(import.clone());
                }
            }
            Ok::<_, DocumentError>(())
        });
        taking.await?;
        Ok(taken)
    }

    /// Writes what came of one.
    ///
    /// # Errors
    /// [`DocumentError`]; a later tick imports the file again, which changes nothing.
    pub(crate) async fn end(
        &self,
        id: &str,
        ended: &Result<Imported, ImportError>,
    ) -> Result<(), DocumentError> {
        let document = self.file();
        let ending = document.change(|file| {
            let Some(import) = file.imports.iter_mut().find(|import| import.id == id) else {
                return Ok(());
            };
            import.taken_until = None;
            match ended {
                Ok(imported) => {
                    let mut imported = imported.clone();
                    imported.report.changes.truncate(MAX_CHANGES);
                    import.stage = Stage::Done;
                    import.result = Some(imported);
                }
                // A store that is away is tried again, as often as one that takes too long.
                Err(error) if error.is_retryable() && import.tries < MAX_TRIES => {
                    import.stage = Stage::Waiting;
                }
                Err(error) => {
                    import.stage = Stage::Failed;
                    import.error = Some(error.to_string());
                }
            }
            Ok::<_, DocumentError>(())
        });
        ending.await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use causeway_shared::store::memory::MemoryStore;
    use jiff::SignedDuration;

    use super::*;

    fn import(id: &str) -> QueuedImport {
        let options = ImportOptions {
            site: SiteName::new("hcm-02").unwrap(),
            add: false,
            dry_run: false,
            take_over: false,
            allow_shrink: false,
            dialect: None,
        };
        let file = ("a.sql".to_owned(), "imports/hcm-02/0.sql".to_owned());
        QueuedImport::new(id.to_owned(), file, &options, "lan")
    }

    fn queue() -> (Queue, Store) {
        let store: Store = Arc::new(MemoryStore::new());
        (Queue::new(&store), store)
    }

    #[tokio::test]
    async fn each_is_taken_once_in_its_turn() {
        let (queue, store) = queue();
        for id in ["1", "2"] {
            assert!(queue.add(&import(id)).await.unwrap());
        }
        let (now, until) = (Timestamp::UNIX_EPOCH, Timestamp::from_second(60).unwrap());
        let mut taken = Vec::new();
        while let Some(import) = queue.take(now, until).await.unwrap() {
            taken.push(import.id);
        }
        assert_eq!(taken, ["1", "2"]);
        let before = store.requests();
        assert_eq!(queue.take(now, until).await.unwrap(), None);
        assert_eq!(store.requests().since(&before).put, 0);
    }

    #[tokio::test]
    async fn one_that_does_not_end_is_taken_again_and_given_up_at_last() {
        let (queue, _) = queue();
        queue.add(&import("1")).await.unwrap();
        let mut now = Timestamp::UNIX_EPOCH;
        for _ in 0..MAX_TRIES {
            let until = now + SignedDuration::from_secs(60);
            assert!(queue.take(now, until).await.unwrap().is_some());
            now = until + SignedDuration::from_secs(1);
        }
        assert_eq!(queue.take(now, now).await.unwrap(), None);
        let job = queue.get("1").await.unwrap().unwrap().job();
        assert_eq!(job.stage, Stage::Failed);
        insta::assert_snapshot!(job.error.unwrap(), @"the import did not end in the function's time; give the function more time or memory, or use `causeway-hub import`");
    }

    #[tokio::test]
    async fn no_more_wait_than_a_person_would_ask_for() {
        let (queue, _) = queue();
        for number in 0..MAX_WAITING {
            assert!(queue.add(&import(&number.to_string())).await.unwrap());
        }
        assert!(!queue.add(&import("more")).await.unwrap());
        let lost = ImportError::Told("no".to_owned());
        queue.end("0", &Err(lost)).await.unwrap();
        assert!(queue.add(&import("more")).await.unwrap());
    }
}
