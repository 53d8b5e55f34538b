//! Rows of the journal, folded into the edits at the head of the log.

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::{EditsLog, JournalRow as CommittedRow, Operation, RowKey};
use causeway_shared::dataset::{Dataset, Partitioning, Table};
use causeway_shared::edits_object::{Conflict, Texts};
use causeway_shared::ids::{Md5, Name, Part, Seq};

use super::FlushTask;
use crate::db::{JournalEntry, StoredSite};
use crate::edits::{
    EditsError, PlacedRow, RowChange, RowEdit, RowState, bucket_of, fold, is_of_block,
    journal_columns,
};
use crate::error::SiteError;
use crate::sync::discover::{newer_dataset, read_on_to};
use crate::sync::settle::{Seal, SettledParts, Settling};
use crate::sync::site_rows::Search;

/// The site's rows, by table, object and key.
type Bases = BTreeMap<(Name, Md5, RowKey), Texts>;

/// What rows of the journal make of the edits.
pub(super) struct Folded {
    pub(super) parts: SettledParts,
    pub(super) catalog_seq: Seq,
    pub(super) journal: Vec<CommittedRow>,
    /// The dataset that the objects are written with.
    pub(super) dataset: Md5,
    /// Whether nothing but the journal changed anything, and all of it was written on what is loaded.
    pub(super) is_clean: bool,
}

impl FlushTask<'_> {
    /// Folds rows of the journal on the edits at the head of the log.
    pub(super) async fn fold(
        &self,
        stored: &StoredSite,
        dataset: &Dataset,
        edits: &Catalog<EditsLog>,
        rows: &[JournalEntry],
    ) -> Result<Folded, SiteError> {
        match self.fold_once(stored, dataset, edits, rows, false).await {
            Err(error) if error.is_of_one_key_twice() => {
                self.fold_once(stored, dataset, edits, rows, true).await
            }
            folded => folded,
        }
    }

    async fn fold_once(
        &self,
        stored: &StoredSite,
        dataset: &Dataset,
        edits: &Catalog<EditsLog>,
        rows: &[JournalEntry],
        doubts_blocks: bool,
    ) -> Result<Folded, SiteError> {
        let catalog = self.site_catalog(stored, edits).await?;
        let newer = newer_dataset(self.hub.store(), dataset, &catalog).await?;
        let dataset = newer.as_ref().unwrap_or(dataset);
        let at = (self.hub.store(), self.site);
        let mut settling = Settling::new(at, dataset, &catalog, edits, stored);
        settling.forget_gone_before(self.hub.config().edits.kept_since(self.now));
        let mut touched = BTreeSet::new();
        for row in rows {
            touched.extend(row.parts().map(|part| (row.table.clone(), part)));
            // Whoever settled since the row was read may have moved its entry.
            let moved = edits.table(row.table.as_str());
            let moved = moved.filter(|(_, entry)| entry.seq > row.edits_seq);
            for (part, _) in moved {
                if let Some(table) = dataset.table(row.table.as_str()) {
                    settling.take(table, part).await?;
                }
            }
        }
        settling.settle_parts(&touched).await?;
        look_for_inserted(&mut settling, rows).await?;
        let bases = self.bases(&settling, stored, &catalog, rows).await?;
        let mut folded_keys: BTreeMap<Name, BTreeMap<RowKey, Seq>> = BTreeMap::new();
        let mut journal = Vec::new();
        for row in rows {
            let Some(table) = dataset.table(row.table.as_str()) else {
                continue;
            };
            // A row that cannot be folded stays in the journal: the flush fails over it.
            let mut change = row_change(table, row, &bases).map_err(|e| settling.failed(e))?;
            journal.extend(committed_row(row, &change));
            let after = look_after(&settling, table, row);
            if is_keyed_by_parent(table)
                && let (None, Some(new)) = (&change.old, &change.new)
                && let Some(home) = settling
                    .home_of_moved_parent(table, &change.key, new.part)
                    .await?
            {
                let wanted = BTreeMap::from([(change.key.clone(), Search { home, after })]);
                settling.look_for_inserted(table, &wanted).await?;
            }
            let edit = settling.row(table, &change.key).await?;
            let is_asked = match &change.new {
                None => true,
                // A row that was taken along is not to be revived by that.
                Some(_) => edit.is_none() && is_taken_along(&change),
            };
            change.is_at_site = is_asked && self.is_at_site(&settling, table, row, &change).await?;
            let new = fold(table, edit, &change).map_err(|error| settling.failed(error))?;
            let new = new.map(|edit| without_unseen(table, edit, (row, &change)));
            settling.set(table, &change.key, new).await?;
            let keys = folded_keys.entry(table.name.clone()).or_default();
            let bound = keys.entry(change.key).or_insert(after);
            *bound = (*bound).min(after);
        }
        for id in dataset.parents_first() {
            let table = &dataset.tables[id];
            if let Some(keys) = folded_keys.get(&table.name) {
                settling.settle_keys(table, keys).await?;
            }
            settling.settle_followers(table).await?;
        }
        if doubts_blocks {
            settling.settle_blocks().await?;
        }
        let is_held = rows.iter().any(|row| row.held);
        let parts = settling.seal(Seal::InStore).await?;
        Ok(Folded {
            is_clean: !settling.has_changed() && !is_held,
            parts,
            catalog_seq: catalog.seq(),
            journal,
            dataset: dataset.md5(),
        })
    }

    /// Whether the site has the row of a change now.
    async fn is_at_site(
        &self,
        settling: &Settling<'_>,
        table: &Table,
        row: &JournalEntry,
        change: &RowChange,
    ) -> Result<bool, SiteError> {
        let Some(old) = &change.old else {
            return Ok(false);
        };
        let home = match table.partition {
            Partitioning::Buckets { count } => {
                bucket_of(table, &change.key, count).map_err(|error| settling.failed(error))?
            }
            _ => old.part,
        };
        let search = Search {
            home,
            after: row.site_seq,
        };
        let wanted = BTreeMap::from([(change.key.clone(), search)]);
        let found = settling.site_rows().find(table, &wanted).await?;
        Ok(!found.is_empty())
    }

    /// The site's catalog, at least at the commit that the edits know.
    async fn site_catalog(
        &self,
        stored: &StoredSite,
        edits: &Catalog<EditsLog>,
    ) -> Result<Catalog, SiteError> {
        let known = edits.head.as_ref().map_or(Seq::NONE, |head| head.site_seq);
        let mut catalog = stored.catalog.clone();
        read_on_to(self.hub.store(), &mut catalog, known).await?;
        Ok(catalog)
    }

    /// The site's rows of the rows' keys in the objects that the database had loaded.
    async fn bases(
        &self,
        settling: &Settling<'_>,
        stored: &StoredSite,
        catalog: &Catalog,
        rows: &[JournalEntry],
    ) -> Result<Bases, SiteError> {
        let mut wanted: BTreeMap<(Name, Part, Md5), BTreeSet<RowKey>> = BTreeMap::new();
        for row in rows {
            if let (Some((part, old)), Some(object)) = (&row.old, row.object)
                && let Some(table) = settling.dataset.table(row.table.as_str())
                && let Some(key) = key_of(table, old)
            {
                let keys = wanted
                    .entry((row.table.clone(), *part, object))
                    .or_default();
                keys.insert(key);
            }
        }
        let mut bases = Bases::new();
        for ((name, part, md5), keys) in wanted {
            let Some(table) = settling.dataset.table(name.as_str()) else {
                continue;
            };
            // An object that neither catalog names may be gone: what the writer saw has to do.
            let at = (name.clone(), part);
            let mut catalogs = [&stored.catalog, catalog].into_iter();
            let object = catalogs.find_map(|catalog| {
                let entry = catalog.partitions.get(&at)?;
                (entry.object.md5 == md5).then_some(&entry.object)
            });
            let Some(object) = object else { continue };
            let keys: BTreeSet<&RowKey> = keys.iter().collect();
            let site_rows = settling.site_rows();
            let rows = site_rows.rows_of(table, part, object, &keys).await?;
            bases.extend(
                rows.into_iter()
                    .map(|(key, row)| ((name.clone(), md5, key), row)),
            );
        }
        Ok(bases)
    }
}

/// A row of the journal as the commit will have it that holds it. `None`: it cannot be folded.
pub(in crate::sync) fn to_be_committed(
    dataset: &Dataset,
    row: &JournalEntry,
) -> Option<CommittedRow> {
    let table = dataset.table(row.table.as_str())?;
    let change = row_change(table, row, &Bases::new()).ok()?;
    committed_row(row, &change)
}

/// Whether the row is as it was, elsewhere.
fn is_taken_along(change: &RowChange) -> bool {
    let (old, new) = (change.old.as_ref(), change.new.as_ref());
    old.zip(new).is_some_and(|(old, new)| old.row == new.row)
}

fn key_of(table: &Table, row: &Texts) -> Option<RowKey> {
    let text = |column: &usize| row.get(table.columns[*column].name.as_str())?.clone();
    let texts: Option<Vec<String>> = table.key.iter().map(text).collect();
    RowKey::try_from(texts?).ok()
}

/// A row that was deleted before a column was declared: what the site had in that, nobody saw.
fn without_unseen(
    table: &Table,
    mut edit: RowEdit,
    (row, change): (&JournalEntry, &RowChange),
) -> RowEdit {
    if let (RowState::Deleted { was: Some(was), .. }, None, Some((_, old)), None) =
        (&mut edit.state, &row.new, &row.old, &change.base)
        && old.len() < table.columns.len()
    {
        was.retain(|name, _| old.contains_key(name));
    }
    edit
}

fn row_change(table: &Table, row: &JournalEntry, bases: &Bases) -> Result<RowChange, EditsError> {
    // It may have been written before a column was declared.
    let placed = |row: &Option<(Part, Texts)>| {
        row.as_ref().map(|(part, row)| {
            let mut row = row.clone();
            table.complete(&mut row);
            PlacedRow { part: *part, row }
        })
    };
    let (old, new) = (placed(&row.old), placed(&row.new));
    let there = new.as_ref().or(old.as_ref());
    let key = there.and_then(|there| key_of(table, &there.row));
    let key = key.or_else(|| row.mark.as_ref().map(|mark| mark.key.clone()));
    let key = key.ok_or_else(|| EditsError::Row {
        table: table.name.clone(),
        key: row.id.clone(),
        problem: "the journal has no key for the change of this id".to_owned(),
    })?;
    let base = row.object.and_then(|object| {
        let at = (table.name.clone(), object, key.clone());
        bases.get(&at).cloned()
    });
    Ok(RowChange {
        is_at_site: false,
        base,
        key,
        old,
        new,
        taken: row
            .mark
            .as_ref()
            .map_or_else(Conflict::default, |mark| mark.taken.clone()),
        actor: row.actor.clone(),
        at: row.at,
    })
}

/// Looks for what was inserted: the cloud may have deleted it in another partition, and the site may have had
/// such a key all along, in a date that is not loaded. A key that is its parent's lies where that does.
async fn look_for_inserted(
    settling: &mut Settling<'_>,
    rows: &[JournalEntry],
) -> Result<(), SiteError> {
    let dataset = settling.dataset;
    let mut inserted: BTreeMap<&Name, BTreeMap<RowKey, Search>> = BTreeMap::new();
    for row in rows {
        if let (None, Some((home, new))) = (&row.old, &row.new)
            && let Some(table) = dataset.table(row.table.as_str())
            && !matches!(table.partition, Partitioning::Buckets { .. })
            && let Some(key) = key_of(table, new).filter(|key| !is_of_block(table, key))
        {
            let (home, after) = (*home, Seq::NONE);
            let keys = inserted.entry(&row.table).or_default();
            keys.insert(key, Search { home, after });
        }
    }
    for (name, wanted) in inserted {
        if let Some(table) = dataset.table(name.as_str()) {
            let keys = wanted.keys().cloned().collect();
            settling.take_kept(table, &keys).await?;
            if !is_keyed_by_parent(table) {
                settling.look_for_inserted(table, &wanted).await?;
            }
        }
    }
    Ok(())
}

/// Whether a row's key names the row that it follows.
fn is_keyed_by_parent(table: &Table) -> bool {
    matches!(table.partition, Partitioning::Via { on, .. } if table.key == [on])
}

/// The commit of the site's after which its partitions are looked through for a folded key.
fn look_after(settling: &Settling<'_>, table: &Table, row: &JournalEntry) -> Seq {
    if row.held {
        return Seq::NONE;
    }
    let settled = row.parts().map(|part| {
        let key = (table.name.clone(), part);
        match settling.edits.partitions.contains_key(&key) {
            true => settling.settled_at(&table.name, part),
            false => row.site_seq,
        }
    });
    settled.fold(row.site_seq, Seq::min)
}

/// A row of the journal as a commit has it.
fn committed_row(row: &JournalEntry, change: &RowChange) -> Option<CommittedRow> {
    let (old, new) = (row.old.as_ref(), row.new.as_ref());
    let op = match (old, new, &row.mark) {
        (.., Some(mark)) => mark.op,
        (None, ..) => Operation::Insert,
        (_, None, _) => Operation::Delete,
        _ => Operation::Update,
    };
    Some(CommittedRow {
        id: row.id.clone(),
        table: row.table.clone(),
        part: new.or(old).map_or_else(
            || row.mark.as_ref().map(|mark| mark.part),
            |there| Some(there.0),
        )?,
        key: change.key.clone(),
        op,
        columns: journal_columns(old.map(|o| &o.1), new.map(|n| &n.1)),
        actor: row.actor.clone(),
        at: row.at,
    })
}
