//! What sources and dataset do not have in common, in words.

use causeway_shared::dataset::{Column, Dataset, Table};
use causeway_shared::ids::Name;

use crate::scan::{ScanOutcome, ScannedTable};
use crate::source::{ImportedRows, Sources};
use crate::state::Notes;

/// A note per source whose tables could be listed and per table that could be read, also an empty one.
pub(super) fn notes(
    sources: &Sources,
    import: Option<&ImportedRows>,
    dataset: &Dataset,
    scan: &ScanOutcome,
) -> Notes {
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
        let rows_stay = import.is_some_and(|import| import.kept(*id).is_some());
        let of_table = [
            unknown_columns(&table.name, scanned),
            missing_columns(table, scanned, rows_stay),
        ];
        notes.insert(
            table.name.to_string(),
            of_table.into_iter().flatten().collect(),
        );
    }
    notes
}

fn unknown_columns(table: &Name, scanned: &ScannedTable) -> Option<String> {
    let columns = scanned.unknown_columns.join(", ");
    match scanned.unknown_columns.len() {
        0 => None,
        1 => Some(format!(
            "column {columns} of table {table} is not in the dataset and is left alone"
        )),
        _ => Some(format!(
            "columns {columns} of table {table} are not in the dataset and are left alone"
        )),
    }
}

/// Says what rows have in the declared columns that the source lacks. `rows_stay`: of an import, whether rows
/// of the store are kept or updated.
fn missing_columns(table: &Table, scanned: &ScannedTable, rows_stay: bool) -> Option<String> {
    let missing = table.columns.iter();
    let missing = missing.filter(|column| !scanned.columns.contains(&column.name));
    let (defaults, empty): (Vec<&Column>, Vec<&Column>) =
        missing.partition(|column| column.default.is_some());
    let rows = if rows_stay { "new rows" } else { "every row" };
    let kinds = [(empty, "empty"), (defaults, "the default")];
    let kinds = kinds.into_iter().filter(|(columns, _)| !columns.is_empty());
    let kinds = kinds.map(|(columns, value)| {
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        format!("no {}: {value} in {rows}", names.join(", "))
    });
    let kinds: Vec<String> = kinds.collect();
    if kinds.is_empty() {
        return None;
    }
    let stays = match rows_stay {
        true => "; rows that are there keep what they have",
        false => "",
    };
    Some(format!(
        "table {} has {}{stays}",
        table.name,
        kinds.join("; ")
    ))
}

/// The files that could not be looked at, though they are named as tables are.
pub(super) fn passed_over(scan: &ScanOutcome) -> Vec<String> {
    let unknown = scan.unknown_tables.iter();
    let passed_over = unknown.filter(|unknown| unknown.problem.is_some());
    passed_over.map(ToString::to_string).collect()
}
