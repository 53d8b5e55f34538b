//! Compares each partition: the source's rows, what the log says, the object's bytes.

use std::path::PathBuf;
use std::sync::Arc;

use causeway_shared::catalog::{Catalog, Entry};
use causeway_shared::dataset::Table;
use causeway_shared::ids::{Name, Part};
use causeway_shared::layout::{LogKey, WhichLog};
use causeway_shared::object::{ObjectFault, compress, fault};
use causeway_shared::store::{Body, StoreError};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::mpsc;

use super::diff::differing_rows;
use super::report::Difference;
use crate::agent::{Agent, blocking};
use crate::cycle::prepare::{LastCycle, Preparation, SiteScan};
use crate::error::AgentError;
use crate::progress::{Progress, Step};
use crate::push::spool::Spool;
use crate::scan::{ObjectId, PartBytes, PartitionContent, Stop};
use crate::source::Unreadable;
use crate::source::gate::Moved;

const READ_AT_ONCE: usize = 8;

/// Scanned partitions that may wait for their objects to be read.
const WAITING: usize = 4;

/// The largest object, compressed, whose rows are compared one by one.
const MAX_COMPARED_BYTES: u64 = 64 << 20;

pub(super) struct ComparedRows {
    pub(super) differences: Vec<Difference>,
    /// Tables that no source has, and of which the log has no row.
    pub(super) absent: Vec<Name>,
}

pub(super) struct Comparison<'c> {
    pub(super) agent: &'c Agent,
    pub(super) catalog: &'c Catalog,
    /// The spool of objects that are written again; `None` where nothing is to be mended.
    pub(super) mending: Option<Spool>,
    pub(super) progress: Arc<dyn Progress>,
}

impl Comparison<'_> {
    /// Compares every partition of the log and of the sources.
    ///
    /// # Errors
    /// A failure of store or scan.
    pub(super) async fn run(&self) -> Result<ComparedRows, AgentError> {
        self.progress.step(Step::Verifying {
            objects: self.catalog.partitions.len() as u64,
        });
        let (scanned, waiting) = mpsc::channel::<(ObjectId, PartBytes)>(WAITING);
        let take =
            Box::new(move |object, csv| scanned.blocking_send((object, csv)).map_err(Stop::from));
        let preparation = Preparation {
            config: self.agent.config(),
            catalog: self.catalog,
            last: &LastCycle::default(),
            moved: &Moved::Everything,
            allow_shrink: false,
            progress: &self.progress,
        };
        let objects = stream::unfold(waiting, |mut waiting| async move {
            let next = waiting.recv().await?;
            Some((next, waiting))
        });
        let compare = objects
            .map(|(object, csv)| self.compare(object, csv))
            .buffer_unordered(READ_AT_ONCE)
            .try_filter_map(|difference| async move { Ok(difference) })
            .try_collect::<Vec<_>>();
        let (prepared, compared) = tokio::join!(preparation.run(take), compare);
        // A failure of the store stops the scan too, and is the cause.
        let mut differences = compared?;
        let scan = prepared?.scan;
        let (unread, absent) = self.unread(&scan);
        differences.extend(scan.passed_over.iter().map(Difference::of_log));
        differences.extend(unread);
        differences.extend(self.not_in_the_sources(&scan).await?);
        differences.extend(self.summaries(&scan));
        differences.sort_by(|a, b| (&a.table, a.part).cmp(&(&b.table, b.part)));
        Ok(ComparedRows {
            differences,
            absent,
        })
    }

    /// The tables that could not be compared, since their source cannot be read or no longer has
    /// them, and the tables that it never had.
    fn unread(&self, scan: &SiteScan) -> (Vec<Difference>, Vec<Name>) {
        let dataset = &self.agent.config().dataset;
        let (mut unread, mut absent) = (Vec::new(), Vec::new());
        for (id, outcome) in &scan.tables {
            let Err(trouble) = outcome else { continue };
            let table = &dataset.tables[*id].name;
            let was_there = self.catalog.table(table.as_str()).next().is_some();
            if matches!(trouble, Unreadable::Missing { .. }) && !was_there {
                absent.push(table.clone());
                continue;
            }
            let why = trouble.why();
            let mut difference = Difference::of_log(format!("the source cannot be read: {why}"));
            difference.table = Some(table.clone());
            unread.push(difference);
        }
        (unread, absent)
    }

    /// Compares one partition that a source has.
    async fn compare(
        &self,
        (table, part, md5): ObjectId,
        csv: PartBytes,
    ) -> Result<Option<Difference>, AgentError> {
        let Some(entry) = self.catalog.partitions.get(&(table.clone(), part)) else {
            let what = "the source has it, the log does not; `sync` sends it";
            return Ok(Some(Difference::of_part(&table, part, what)));
        };
        let key = self.key(&table, part, entry);
        let fault = self.fault(&table, part, entry).await?;
        let mut difference = match (&fault, md5 == entry.object.md5) {
            (None, true) => return Ok(None),
            (None, false) => {
                let rows = self.rows(&table, &key, csv).await?;
                let what = format!("the source has changed since: {rows}");
                return Ok(Some(Difference::of_part(&table, part, what)));
            }
            (Some(fault), true) => Difference::of_part(&table, part, fault),
            (Some(fault), false) => {
                let what = format!("{fault}, and the source has changed since: run `sync`");
                return Ok(Some(Difference::of_part(&table, part, what)));
            }
        };
        if let Some(spool) = &self.mending
            && !matches!(fault, Some(ObjectFault::Rows { .. }))
        {
            self.write_again(&key, spool.path(&(table, part, md5)), csv)
                .await?;
            difference.repaired = true;
        }
        Ok(Some(difference))
    }

    /// Writes an object again from the source's rows, which are what it held.
    async fn write_again(
        &self,
        key: &str,
        path: PathBuf,
        mut csv: PartBytes,
    ) -> Result<(), AgentError> {
        let file = path.clone();
        let compressed = blocking(move || {
            let len = csv.len();
            csv.reader().and_then(|reader| compress(reader, len, &file))
        });
        compressed.await?.map_err(|source| AgentError::File {
            action: "write",
            path: path.clone(),
            source,
        })?;
        let put = self.agent.store().put(key, Body::File(path)).await;
        put.map(drop).map_err(|source| self.failed(source))
    }

    /// The rows that differ between a whole object and the source.
    async fn rows(
        &self,
        table: &Name,
        key: &str,
        mut csv: PartBytes,
    ) -> Result<String, AgentError> {
        let fetched = match self.agent.store().get(key).await {
            Ok(fetched) => fetched.bytes(MAX_COMPARED_BYTES).await,
            Err(error) => Err(error),
        };
        let object = match fetched {
            Ok(object) => object,
            Err(StoreError::TooLarge { .. }) => {
                return Ok("it is too large to compare row by row".into());
            }
            Err(error) => return Err(self.failed(error)),
        };
        let Some(table) = self.agent.config().dataset.table(table.as_str()).cloned() else {
            return Ok("the dataset does not declare it".into());
        };
        blocking(move || compared(&table, &object, &mut csv)).await
    }

    /// Partitions that the log has and no source gave.
    async fn not_in_the_sources(&self, scan: &SiteScan) -> Result<Vec<Difference>, AgentError> {
        let tables = &self.agent.config().dataset.tables;
        let mut differences = Vec::new();
        let mut left = Vec::new();
        for ((table, part), entry) in &self.catalog.partitions {
            let outcome = tables
                .id(table.as_str())
                .and_then(|id| scan.tables.get(&id));
            let what = match outcome {
                Some(Ok(scanned)) if scanned.parts.contains_key(part) => continue,
                Some(Ok(_)) => "the log has it, the source does not; `sync` removes it",
                Some(Err(_)) => {
                    left.push((table, *part, entry));
                    continue;
                }
                None => "the dataset no longer declares its table",
            };
            differences.push(Difference::of_part(table, *part, what));
            left.push((table, *part, entry));
        }
        let faults = stream::iter(left)
            .map(|(table, part, entry)| async move {
                let fault = self.fault(table, part, entry).await?;
                Ok::<_, AgentError>(fault.map(|fault| Difference::of_part(table, part, fault)))
            })
            .buffer_unordered(READ_AT_ONCE)
            .try_filter_map(|difference| async move { Ok(difference) })
            .try_collect::<Vec<_>>();
        differences.extend(faults.await?);
        Ok(differences)
    }

    /// Partitions whose rows are what the log says, and whose summary is not.
    fn summaries(&self, scan: &SiteScan) -> Vec<Difference> {
        let tables = &self.agent.config().dataset.tables;
        let parts = scan.read().flat_map(|(id, scanned)| {
            let table = &tables[id].name;
            let parts = scanned.parts.iter();
            parts.map(move |(part, content)| (table, *part, content))
        });
        let differs = |(table, part, content): (&Name, Part, &PartitionContent)| {
            let said = &self.catalog.partitions.get(&(table.clone(), part))?.object;
            let same = said.md5 != content.md5
                || (said.rows, &said.summary) == (content.rows, &content.summary);
            let what =
                "the log's row count or summary does not fit its rows; `sync` writes them anew";
            (!same).then(|| Difference::of_part(table, part, what))
        };
        parts.filter_map(differs).collect()
    }

    async fn fault(
        &self,
        table: &Name,
        part: Part,
        entry: &Entry,
    ) -> Result<Option<ObjectFault>, AgentError> {
        let key = self.key(table, part, entry);
        let found = fault(&**self.agent.store(), key, &entry.object).await;
        self.progress.step(Step::Verified);
        found.map_err(|source| self.failed(source))
    }

    fn key(&self, table: &Name, part: Part, entry: &Entry) -> String {
        LogKey::Object(table.clone(), part, entry.object.md5)
            .of(WhichLog::Agent, &self.agent.config().site)
    }

    fn failed(&self, source: StoreError) -> AgentError {
        AgentError::Store {
            site: self.agent.config().site.clone(),
            source,
        }
    }
}

/// The rows that differ, in words.
fn compared(table: &Table, object: &[u8], csv: &mut PartBytes) -> String {
    let differing = zstd::Decoder::new(object)
        .and_then(|object| csv.reader().map(|source| (object, source)))
        .and_then(|(object, source)| differing_rows(table, source, object));
    differing.unwrap_or_else(|error| format!("its rows cannot be compared: {error}"))
}
