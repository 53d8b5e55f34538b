//! A history with many versions, past two checkpoints.

use std::path::Path;
use std::sync::Arc;

use causeway_shared::ids::Name;
use causeway_shared::layout::{self, DeltaKey};
use causeway_shared::store::memory::MemoryStore;
use causeway_shared::store::{Store, list_all};
use fastrand::Rng;
use jiff::{Span, Timestamp};

use super::rows::Shop;
use super::{Noted, export, merged_rows};
use crate::testing::{NOON, Outcome, archive_as};

/// The version of the newest checkpoint, and how far the history goes.
const CHECKPOINT: u64 = 128;
const LAST: u64 = 131;

/// Plays it, and leaves in a folder, each with what is to be read there: `whole/` with the tables as they are,
/// and `cut/` without what lies before the newest checkpoint of the table `sale`.
///
/// # Errors
/// What is not as it should be.
pub async fn play_long(folder: &Path) -> Outcome {
    let store: Store = Arc::new(MemoryStore::new());
    let sale: Name = "sale".parse()?;
    let mut rng = Rng::with_seed(0);
    let mut shops = [Shop::open(&store, "here")?, Shop::open(&store, "hcm-01")?];
    let service = archive_as(&store, &["delta"])?;
    let (mut noted, mut now): (Noted, Timestamp) = (Noted::default(), NOON.parse()?);
    for turn in 0.. {
        let shop = &mut shops[turn % 2];
        shop.change(&mut rng).await?;
        if [20, 21, 60, 62, 64, 90, 100].contains(&turn) {
            shop.declare(&mut rng).await?;
        }
        now = now.checked_add(Span::new().minutes(1))?;
        service.run(now).await?;
        let info = service.status().await?.info;
        let delta = info.tables.get(&sale).and_then(|of| of.delta.as_ref());
        let version = delta.map_or(0, |delta| delta.version);
        if version % 16 == 0 || (62..67).contains(&(version % 64)) || version >= CHECKPOINT - 2 {
            let rows = merged_rows(&store, now).await?;
            noted.note(&service, rows, now).await?;
        }
        if version >= LAST {
            break;
        }
    }
    let mut readable = noted.readable(now);
    export(&store, &readable, &folder.join("whole")).await?;

    for object in list_all(&*store, &layout::delta_log_prefix(&sale), None).await? {
        let is_before = match DeltaKey::parse(&object.key) {
            Some((_, DeltaKey::Commit(version) | DeltaKey::Checkpoint(version))) => {
                version < CHECKPOINT
            }
            _ => false,
        };
        if is_before {
            store.delete(&object.key).await?;
        }
    }
    readable.retain(|expected| expected.table != sale || expected.version >= CHECKPOINT);
    export(&store, &readable, &folder.join("cut")).await
}
