//! DuckDB and deltalake, which read the published Delta tables as anybody's engines do.

use std::path::Path;

use crate::python::python;

const READ: &str = include_str!("delta.py");

/// Which versions are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versions {
    /// All that are expected, and the newest without saying which.
    All,
    /// The newest.
    Newest,
}

/// Whether both read from a folder of tables what a file says that their versions hold.
///
/// # Panics
/// Where they do not, for one because they are not installed.
pub fn assert_read(tables: &Path, expected: &Path, versions: Versions) {
    let mut read = python();
    // An older DuckDB than that of the other tests: its extension for Delta tables is not there for newer ones.
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(".venv/delta");
    read.env("PYTHONPATH", modules);
    read.args(["-c", READ]).arg(tables).arg(expected);
    if versions == Versions::Newest {
        read.arg("newest");
    }
    let read = read.output().unwrap();
    assert!(
        read.status.success(),
        "readers of Delta tables, which ./test installs: {}{}",
        String::from_utf8_lossy(&read.stdout),
        String::from_utf8_lossy(&read.stderr)
    );
}
