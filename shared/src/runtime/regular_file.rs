//! Opening what has to be a regular file. A named pipe, a device or a socket in its place must
//! neither be waited for nor be touched: opening a pipe waits for its writer, opening a device may
//! start something, and reading one may never end.

use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::path::Path;

/// What lies where a regular file should.
#[derive(Debug, thiserror::Error)]
#[error("it is {what}, not a file")]
struct NotRegular {
    what: &'static str,
}

/// The metadata of the file at a path, symbolic links followed.
///
/// # Errors
/// Also where something other than a regular file lies there; the error says what.
pub fn metadata(path: &Path) -> io::Result<Metadata> {
    regular(std::fs::metadata(path)?)
}

/// Opens the file at a path for reading, symbolic links followed.
///
/// # Errors
/// Also where something other than a regular file lies there; the error says what.
pub fn open(path: &Path) -> io::Result<File> {
    // A device is not even opened.
    metadata(path)?;
    let mut options = OpenOptions::new();
    options.read(true);
    // Another thing may have taken its place meanwhile: a pipe without a writer, or a terminal.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        libc::O_NONBLOCK | libc::O_NOCTTY,
    );
    let file = options.open(path)?;
    regular(file.metadata()?)?;
    Ok(file)
}

/// The text of a file of at most so many bytes.
///
/// # Errors
/// As [`open`], and where the file is longer or not UTF-8.
pub fn read_text(path: &Path, most_bytes: u64) -> io::Result<String> {
    let mut text = String::new();
    let file = open(path)?;
    let read = file.take(most_bytes.saturating_add(1));
    if { read }.read_to_string(&mut text)? as u64 > most_bytes {
        let problem = format!("it has more than {most_bytes} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
    }
    Ok(text)
}

fn regular(metadata: Metadata) -> io::Result<Metadata> {
    match other_than_regular(metadata.file_type()) {
        None => Ok(metadata),
        Some(what) => Err(io::Error::other(NotRegular { what })),
    }
}

fn other_than_regular(kind: FileType) -> Option<&'static str> {
    if kind.is_file() {
        return None;
    }
    if kind.is_dir() {
        return Some("a folder");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        if kind.is_fifo() {
            return Some("a named pipe");
        }
        if kind.is_socket() {
            return Some("a socket");
        }
    }
    Some("a device")
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    fn refusal(path: &Path) -> String {
        open(path).map_or_else(|error| error.to_string(), |_| "opened".to_owned())
    }

    #[test]
    fn only_a_regular_file_is_opened_and_nothing_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("file"), "text").unwrap();
        symlink(path("file"), path("link")).unwrap();
        assert_eq!(read_text(&path("link"), 4).unwrap(), "text");

        let made = std::process::Command::new("mkfifo")
            .arg(path("pipe"))
            .status();
        assert!(made.unwrap().success());
        let _socket = UnixListener::bind(path("socket")).unwrap();
        symlink("/dev/zero", path("zero")).unwrap();
        symlink(path("loop"), path("loop")).unwrap();
        assert_eq!(refusal(&path("pipe")), "it is a named pipe, not a file");
        assert_eq!(refusal(&path("socket")), "it is a socket, not a file");
        assert_eq!(refusal(&path("zero")), "it is a device, not a file");
        assert_eq!(refusal(folder.path()), "it is a folder, not a file");
        assert!(refusal(&path("loop")).starts_with("Too many levels of symbolic links"));
        let gone = open(&path("gone")).unwrap_err();
        assert_eq!(gone.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_text_is_read_up_to_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "text!").unwrap();
        let refused = read_text(&path, 4).unwrap_err();
        assert_eq!(refused.to_string(), "it has more than 4 bytes");
        std::fs::write(&path, [0xff]).unwrap();
        let refused = read_text(&path, 4).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
    }
}
