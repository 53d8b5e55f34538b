//! Files that people read, written whole: a full disk leaves no half of one.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::chance::random_id;

/// Writes a new file with these permissions, as far as the process's umask leaves them. One that is
/// there stays as it is.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`], or what the file system says; nothing is left then.
pub fn create(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let aside = write_aside(path, text, mode)?;
    // A link, unlike a new name, is refused where a file is there.
    let linked = fs::hard_link(&aside, path);
    // It has served; one that stays is only in the way.
    let _ = fs::remove_file(&aside);
    match linked {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        // Some file systems know no links.
        Err(_) => write_new(path, text, mode),
    }
}

/// As [`create`], in place of a file that is there.
///
/// # Errors
/// What the file system says; the old file is left as it was then.
pub fn replace(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let aside = write_aside(path, text, mode)?;
    put_in_place(&aside, path, Ok(()))
}

/// As [`replace`], for everybody to read, whatever the process's umask is.
///
/// # Errors
/// As [`replace`].
pub fn replace_for_all(path: &Path, text: &str) -> io::Result<()> {
    let aside = write_aside(path, text, 0o644)?;
    let permitted = fs::set_permissions(&aside, Permissions::from_mode(0o644));
    put_in_place(&aside, path, permitted)
}

fn put_in_place(aside: &Path, path: &Path, ready: io::Result<()>) -> io::Result<()> {
    let renamed = ready.and_then(|()| fs::rename(aside, path));
    if renamed.is_err() {
        let _ = fs::remove_file(aside);
    }
    renamed
}

/// Writes a file of a name that nobody has, in the folder where it is to be.
fn write_aside(path: &Path, text: &str, mode: u32) -> io::Result<PathBuf> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", random_id()?));
    let aside = path.with_file_name(name);
    write_new(&aside, text, mode)?;
    Ok(aside)
}

fn write_new(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(mode);
    let mut file = options.open(path)?;
    let written = write_all(&mut file, text);
    if written.is_err() {
        // The first error says more.
        let _ = fs::remove_file(path);
    }
    written
}

fn write_all(file: &mut File, text: &str) -> io::Result<()> {
    file.write_all(text.as_bytes())?;
    file.sync_all()
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
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(names(folder.path()), ["a.toml"]);
    }

    #[test]
    fn what_cannot_be_put_in_place_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("in it"), "").unwrap();
        replace(&path, "text", 0o600).unwrap_err();
        create(&path, "text", 0o600).unwrap_err();
        assert_eq!(names(folder.path()), ["a.toml"]);
    }
}
