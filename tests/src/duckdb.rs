//! DuckDB, which reads what is published as anybody's engine does.

use std::path::Path;
use std::process::Command;

use crate::mirror::{Rows, key_of};

const READ: &str = include_str!("duckdb.py");

/// The rows of a published table in a folder, every value as text, keyed by its first columns.
///
/// # Panics
/// Where it cannot be read, for one because DuckDB is not installed.
#[must_use]
pub fn published_rows(archive: &Path, table: &str, key_columns: usize) -> Rows {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(".venv");
    let python = match venv.join("bin/python3") {
        python if python.exists() => python,
        _ => "python3".into(),
    };
    let read = Command::new(python)
        .args(["-c", READ])
        .arg(archive.join(table))
        .env("PYTHONPATH", &venv)
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
