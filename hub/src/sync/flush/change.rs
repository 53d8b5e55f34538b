//! What a flush writes down in the database.

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::EditsLog;
use causeway_shared::ids::{Name, Part};
use jiff::Timestamp;

use super::At;
use crate::db::{FlushChange, JournalEntry, Mark, PartVersion, StoredSite};
use crate::sync::settle::SettledParts;

pub(super) type Versions = BTreeMap<(Name, Part), Option<(PartVersion, PartVersion)>>;

/// What a flush writes down that does nothing but move the catalog of edits.
pub(super) fn only_the_catalog<'a>(
    stored: &'a StoredSite,
    edits: &'a Catalog<EditsLog>,
    now: Timestamp,
) -> FlushChange<'a> {
    static NO_VERSIONS: Versions = Versions::new();
    FlushChange {
        flushed: &[],
        was: &stored.edits,
        now: edits,
        versions: &NO_VERSIONS,
        moves_loaded_seq: false,
        asked: &[],
        at: now,
        start_known: stored.state.start_known,
        writable: None,
        hold: false,
    }
}

pub(super) fn ids<'r>(rows: impl Iterator<Item = &'r JournalEntry>) -> Vec<String> {
    rows.map(|row| row.id.clone()).collect()
}

/// The partitions of some rows, none of which is known any more.
pub(super) fn parts_of<'r>(rows: impl Iterator<Item = &'r JournalEntry>) -> Versions {
    let parts = rows.flat_map(|row| {
        let parts = row.parts();
        parts.map(|part| ((row.table.clone(), part), None))
    });
    parts.collect()
}

/// From which version to which a partition goes with a flush; `None` where its rows may be others.
pub(super) fn new_version(
    at: At<'_>,
    edits: &Catalog<EditsLog>,
    parts: &SettledParts,
    key: &(Name, Part),
) -> Option<(PartVersion, PartVersion)> {
    let stored = at.stored;
    let edits_of = |edits: &Catalog<EditsLog>| edits.partitions.get(key).map(|e| e.object.md5);
    let object = stored
        .catalog
        .partitions
        .get(key)
        .map(|entry| entry.object.md5);
    let was = PartVersion {
        object,
        edits: edits_of(at.edits),
    };
    let now = PartVersion {
        object,
        edits: edits_of(edits),
    };
    let is_loaded = stored.loaded.get(key).and_then(|mark: &Mark| mark.version) == Some(was);
    let clashes = parts.get(key).map_or(0, |part| part.clashes);
    (is_loaded && clashes == 0).then_some((was, now))
}

/// The dates that rows were written to and that are not loaded.
pub(super) fn asked_dates(stored: &StoredSite, versions: &Versions) -> Vec<jiff::civil::Date> {
    let dates = versions.keys().filter_map(|(_, part)| part.date());
    let loaded: BTreeSet<_> = stored
        .loaded
        .keys()
        .filter_map(|key| key.1.date())
        .collect();
    let dates: BTreeSet<_> = dates.filter(|date| !loaded.contains(date)).collect();
    dates.into_iter().collect()
}
