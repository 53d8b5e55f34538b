//! A run that is killed after each of its requests in turn: what is to be read then, and after the next run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use causeway_shared::ids::Name;
use causeway_shared::layout::{self, DeltaKey};
use causeway_shared::store::failing::{FailingStore, Fault};
use causeway_shared::store::memory::MemoryStore;
use causeway_shared::store::{Store, list_all};
use fastrand::Rng;
use jiff::Timestamp;

use super::rows::Shop;
use super::{Expected, Row, copy, export, merged_rows};
use crate::testing::{NOON, Outcome, archive_as};

const FORMATS: &[&str] = &["delta"];

/// What the tables hold before and after the change that the run publishes.
struct Change {
    before: BTreeMap<Name, Vec<Row>>,
    after: BTreeMap<Name, Vec<Row>>,
}

/// Plays it, and leaves in folders, each with what is to be read there, the tables as each kill and as the run after
/// it left them. Returns the folders.
///
/// # Errors
/// What is not as it should be.
pub async fn play_kills(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let published: Store = Arc::new(MemoryStore::new());
    let (mut rng, now): (Rng, Timestamp) = (Rng::with_seed(0), NOON.parse()?);
    let mut shop = Shop::open(&published, "here")?;
    for _ in 0..4 {
        shop.change(&mut rng).await?;
    }
    archive_as(&published, FORMATS)?.run(now).await?;
    let before = merged_rows(&published, now).await?;
    for _ in 0..4 {
        shop.change(&mut rng).await?;
    }
    shop.declare(&mut rng).await?;
    let after = merged_rows(&published, now).await?;
    let change = Change { before, after };

    let mut folders = Vec::new();
    for request in 1.. {
        let store = copy(&published, "").await?;
        let fault = Fault::StopAfter(request);
        let failing = Arc::new(FailingStore::new(Arc::clone(&store), [fault]));
        let killed = archive_as(&(Arc::clone(&failing) as Store), FORMATS)?;
        let run = killed.run(now).await;
        if failing.calls() < request {
            run?;
            break;
        }
        let left = folder.join(format!("{request}-killed"));
        export(&store, &change.committed(&store).await?, &left).await?;
        archive_as(&store, FORMATS)?.run(now).await?;
        let mended = folder.join(format!("{request}-mended"));
        let committed = change.committed(&store).await?;
        change.check_whole(&committed)?;
        export(&store, &committed, &mended).await?;
        folders.extend([left, mended]);
    }
    Ok(folders)
}

impl Change {
    /// The versions that the tables' logs have, and what they have to hold: the change is one version.
    async fn committed(&self, store: &Store) -> Outcome<Vec<Expected>> {
        let mut committed = Vec::new();
        for object in list_all(&**store, layout::ARCHIVE_DELTA, None).await? {
            let Some((table, DeltaKey::Commit(version))) = DeltaKey::parse(&object.key) else {
                continue;
            };
            let rows = match (version, self.before.get(&table)) {
                (0, Some(before)) => before,
                (0, None) | (1, Some(_)) => &self.after[&table],
                _ => return Err(format!("{table} has a version {version}").into()),
            };
            let rows = rows.clone();
            committed.push(Expected {
                table,
                version,
                rows,
            });
        }
        Ok(committed)
    }

    /// Whether all of the change is among these versions.
    fn check_whole(&self, committed: &[Expected]) -> Outcome {
        for (table, rows) in &self.after {
            let mut versions = committed.iter().filter(|of| of.table == *table);
            if versions
                .next_back()
                .is_none_or(|newest| newest.rows != *rows)
            {
                return Err(format!("{table} is not what it should be").into());
            }
        }
        Ok(())
    }
}
