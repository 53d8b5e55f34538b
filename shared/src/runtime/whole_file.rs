//! Files that people read, written whole: a full disk leaves no half of one.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// What a file is called until it is whole.
const UNFINISHED: &str = ".tmp";

/// Writes a new file with these permissions, as far as the process's umask leaves them. One that is
/// there stays as it is.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`], or what the file system says; nothing is left then.
pub fn create(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    write(path, text, mode, |unfinished| {
        // A link, unlike a new name, is refused where a file is there.
        fs::hard_link(unfinished, path)?;
        fs::remove_file(unfinished)
    })
}

/// As [`create`], in place of a file that is there.
///
/// # Errors
/// What the file system says; the old file is left as it was then.
pub fn replace(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    write(path, text, mode, |unfinished| fs::rename(unfinished, path))
}

fn write(
    path: &Path,
    text: &str,
    mode: u32,
    finish: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    let mut unfinished = OsString::from(path);
    unfinished.push(UNFINISHED);
    let unfinished = Path::new(&unfinished);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(mode);
    let written = options
        .open(unfinished)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| finish(unfinished));
    if written.is_err() {
        // There may be none; and the first error says more.
        let _ = fs::remove_file(unfinished);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let files = fs::read_dir(folder).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    #[test]
    fn a_new_file_replaces_none_unless_it_is_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        create(&path, "first", 0o600).unwrap();
        let error = create(&path, "second", 0o600).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "first");
        replace(&path, "third", 0o600).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "third");
        assert_eq!(names(folder.path()), ["a.toml"]);
    }

    #[test]
    fn a_device_without_space_leaves_nothing() {
        // What is written to it fails as on a full disk.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        std::os::unix::fs::symlink("/dev/full", folder.path().join("a.toml.tmp")).unwrap();
        let error = create(&path, "text", 0o600).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(names(folder.path()), [""; 0]);
    }
}
