//! DuckDB, deltalake and Polars, which read the published Delta tables as anybody's engines do.

use std::ffi::OsStr;
use std::path::Path;

use crate::python::python;

const READ: &str = include_str!("delta.py");
const RUN_DOCS: &str = include_str!("delta_docs.py");

/// Whether DuckDB and deltalake read from folders what is to be read there: of `tables/` the versions that
/// `expected.json` names.
///
/// # Panics
/// Where they do not, for one because they are not installed.
pub fn assert_read<P: AsRef<Path>>(folders: impl IntoIterator<Item = P>) {
    let folders: Vec<P> = folders.into_iter().collect();
    let folders = folders.iter().map(|folder| folder.as_ref().as_os_str());
    run(READ, [OsStr::new("rows")].into_iter().chain(folders));
}

/// Whether both find the rows of a folder's newest versions by each of their values: no file is left out by its
/// statistics that has some of them.
///
/// # Panics
/// Where one does not.
pub fn assert_found(folder: &Path) {
    run(READ, [OsStr::new("conditions"), folder.as_os_str()]);
}

/// Whether no version of a table has a row twice, by its site and a column.
///
/// # Panics
/// Where one has.
pub fn assert_unique(table: &Path, key: &str) {
    run(
        READ,
        [OsStr::new("unique"), table.as_os_str(), OsStr::new(key)],
    );
}

/// Whether the statements of docs/delta.md give over a table what they are there for.
///
/// # Panics
/// Where one does not.
pub fn assert_documented(table: &Path) {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("docs/delta.md");
    run(RUN_DOCS, [docs.as_os_str(), table.as_os_str()]);
}

fn run<'a>(code: &str, arguments: impl IntoIterator<Item = &'a OsStr>) {
    let mut running = python();
    // An older DuckDB than that of the other tests: its extension for Delta tables is not there for newer ones.
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(".venv/delta");
    running.env("PYTHONPATH", modules);
    let ended = running.args(["-c", code]).args(arguments).output().unwrap();
    assert!(
        ended.status.success(),
        "readers of Delta tables, which ./test installs: {}{}",
        String::from_utf8_lossy(&ended.stdout),
        String::from_utf8_lossy(&ended.stderr)
    );
}
