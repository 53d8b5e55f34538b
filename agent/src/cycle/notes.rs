//! What sources and dataset do not have in common, in words.

use causeway_shared::dataset::Dataset;

use crate::scan::ScanOutcome;
use crate::source::Sources;
use crate::state::Notes;

/// A note per source whose tables could be listed and per table that could be read, also an empty one.
pub(super) fn notes(sources: &Sources, dataset: &Dataset, scan: &ScanOutcome) -> Notes {
    let mut notes = Notes::new();
    let listed = sources.list().iter().filter(|source| source.listed.is_ok());
    for source in listed {
        let unknown = scan.unknown_tables.iter();
        let unknown =
            unknown.filter(|unknown| unknown.source == source.path && unknown.problem.is_none());
        let path = source.display().to_string();
        notes.insert(path, unknown.map(ToString::to_string).collect());
    }
    for (id, outcome) in &scan.tables {
        let Ok(scanned) = outcome else { continue };
        let table = &dataset.tables[*id];
        let name = &table.name;
        let unknown = scanned.unknown_columns.iter().map(|column| {
            format!("column {column} of table {name} is not in the dataset and is left alone")
        });
        let columns = table.columns.iter().map(|column| &column.name);
        let missing = columns.filter(|column| !scanned.columns.contains(column));
        let missing = missing.map(|column| {
            format!("table {name} has no column {column}: it counts as empty in every row")
        });
        notes.insert(name.to_string(), unknown.chain(missing).collect());
    }
    notes
}

/// The files that could not be looked at, though they are named as tables are.
pub(super) fn passed_over(scan: &ScanOutcome) -> Vec<String> {
    let unknown = scan.unknown_tables.iter();
    let passed_over = unknown.filter(|unknown| unknown.problem.is_some());
    passed_over.map(ToString::to_string).collect()
}
