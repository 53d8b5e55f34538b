//! Libraries that are loaded before a program, to change what the system tells it.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

/// Builds `<name>.so` from its source in C, in a folder of its own.
///
/// # Panics
/// Without a C compiler; but then nothing here was built either.
pub(crate) fn build(name: &str, source: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = |ending: &str| folder.path().join(format!("{name}.{ending}"));
    fs::write(path("c"), source).unwrap();
    let built = Command::new("cc")
        .args(["-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o"])
        .args([path("so"), path("c")])
        .arg("-ldl")
        .status()
        .unwrap();
    assert!(built.success(), "cc: {built}");
    folder
}
