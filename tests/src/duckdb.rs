//! DuckDB, which reads what is published as anybody's engine does.

use std::path::Path;

use crate::mirror::{Rows, key_of};
use crate::python::python;

const READ: &str = include_str!("duckdb.py");

/// The rows of a published table in a folder, every value as text, keyed by its first columns.
///
/// # Panics
/// Where it cannot be read, for one because DuckDB is not installed.
#[must_use]
pub fn published_rows(archive: &Path, table: &str, key_columns: usize) -> Rows {
    let read = python()
        .args(["-c", READ])
        .arg(archive.join(table))
        .output()
        .unwrap();
    assert!(
        read.status.success(),
        "DuckDB, which ./test installs: {}",
        String::from_utf8_lossy(&read.stderr)
    );
    let rows: Vec<Vec<Option<String>>> = serde_json::from_slice(&read.stdout).unwrap();
    let keyed = rows.into_iter().map(|row| (key_of(&row, key_columns), row));
    keyed.collect()
}
