//! From what moved to the tables that have to be scanned.

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::dataset::{Dataset, TableId};

use super::guard::{HeldTable, Reason};
use crate::source::Unreadable;
use crate::source::gate::{Moved, SourceFile};

/// The file of each table that lies in one.
pub(crate) type TableFiles = BTreeMap<TableId, SourceFile>;

/// The tables to scan, closed over `via` families: a parent's rows decide where its children's
/// lie, wherever those are kept.
///
/// A table is scanned when its file moved, when it lies in another file than before (or nowhere),
/// and when `forced` names it.
#[must_use]
pub(crate) fn tables_to_scan(
    dataset: &Dataset,
    moved: &Moved,
    before: &TableFiles,
    now: &TableFiles,
    forced: &BTreeSet<TableId>,
) -> BTreeSet<TableId> {
    let touched = |table: TableId| match moved {
        Moved::Everything => true,
        Moved::Files(files) => {
            let stood = [before.get(&table), now.get(&table)];
            stood[0] != stood[1]
                || forced.contains(&table)
                || stood.into_iter().flatten().any(|file| files.contains(file))
        }
    };
    let roots: BTreeSet<TableId> = dataset
        .tables
        .ids()
        .filter(|table| touched(*table))
        .map(|table| dataset.root(table))
        .collect();
    dataset
        .tables
        .ids()
        .filter(|table| roots.contains(&dataset.root(*table)))
        .collect()
}

/// The tables held back that are to be scanned even if nothing moved: those that could not be read, since
/// what was in the way may be gone while their own file stayed as it is (another of nearly its name,
/// say), and `all` where a person wants that.
#[must_use]
pub(crate) fn forced_tables(held: &[HeldTable], dataset: &Dataset, all: bool) -> BTreeSet<TableId> {
    let is_forced = |held: &&HeldTable| {
        all || matches!(held.reason, Reason::Unreadable(Unreadable::Failed { .. }))
    };
    let id = |held: &HeldTable| dataset.tables.id(held.table.as_str());
    held.iter().filter(is_forced).filter_map(id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tables 3 and 4 of MeetAssist, appointment and its feedback, are one family.
    fn scanned(moved: &[&str], before: &[(usize, &str)], now: &[(usize, &str)]) -> Vec<usize> {
        let dataset = Dataset::meetassist().unwrap();
        let files = |of: &[(usize, &str)]| {
            of.iter()
                .map(|(t, p)| (TableId(*t), p.to_string()))
                .collect()
        };
        let moved = Moved::Files(moved.iter().map(ToString::to_string).collect());
        let forced = BTreeSet::new();
        tables_to_scan(&dataset, &moved, &files(before), &files(now), &forced)
            .into_iter()
            .map(|table| table.0)
            .collect()
    }

    const AT: &[(usize, &str)] = &[(0, "db"), (3, "db"), (4, "csv/f.csv"), (5, "csv/p.csv")];

    #[test]
    fn a_moved_file_brings_its_tables_and_their_families() {
        assert_eq!(scanned(&[], AT, AT), [0usize; 0]);
        assert_eq!(scanned(&["db"], AT, AT), [0, 3, 4]);
        assert_eq!(scanned(&["csv/f.csv"], AT, AT), [3, 4]);
        assert_eq!(scanned(&["csv/p.csv"], AT, AT), [5]);
    }

    #[test]
    fn a_table_that_went_or_came_is_scanned_too() {
        assert_eq!(scanned(&[], AT, &AT[..3]), [5]);
        assert_eq!(scanned(&[], &AT[..3], AT), [5]);
        assert_eq!(scanned(&[], &[(0, "db")], &[(0, "other.db")]), [0]);
    }

    #[test]
    fn a_forced_table_brings_its_family() {
        let dataset = Dataset::meetassist().unwrap();
        let (none, files) = (Moved::Files(BTreeSet::new()), TableFiles::new());
        let scanned = tables_to_scan(
            &dataset,
            &none,
            &files,
            &files,
            &BTreeSet::from([TableId(4)]),
        );
        assert_eq!(scanned, BTreeSet::from([TableId(3), TableId(4)]));
    }
}
