//! The folder store's file work, as plain blocking code.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::super::{Body, ListPage, ObjectMeta, StoreError, Version};
use super::meta::{self, modified_nanos, object_meta, version};
use super::{failure, walk};

/// Where bodies are written before they get their names.
const TEMPORARY_DIR: &str = ".tmp";
/// The advisory lock of writers that compare, replace or remove.
const LOCK_FILE: &str = ".lock";
/// What is said of a folder that is not there, and of one whose store is not.
const NO_FOLDER: &str = "there is no such folder; create it, or mount the disk it lies on";
const UNMOUNTED: &str = "its content is gone; mount the disk it lies on";
/// How old a temporary file is when no writer can still be at work on it.
const LEFTOVER_AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// How often the lock is asked for before giving up, and how long in between: 30 s together. It
/// is held for one rename and its flush.
const LOCK_ATTEMPTS: u32 = 3_000;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// The folder of a store.
#[derive(Debug)]
pub(super) struct Disk {
    root: PathBuf,
    temporary_dir: PathBuf,
    known: Mutex<Known>,
    /// Makes the names of this process's temporary files differ.
    next_temporary: AtomicU64,
}

/// What this process knows of the folder.
#[derive(Debug, Default)]
struct Known {
    /// It has been seen to be a store: from then on it is not taken for a new one.
    is_store: bool,
    /// It was cleared of leftovers.
    is_swept: bool,
}

/// A body on its way: removed unless it got its name.
struct Temporary {
    path: PathBuf,
    meta: Metadata,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Renamed away, or swept at some later open.
        let _ = fs::remove_file(&self.path);
    }
}

impl Disk {
    pub(super) fn open(root: &Path) -> Result<Self, StoreError> {
        if !root.is_absolute() {
            return Err(StoreError::Config {
                url: format!("file://{}", root.display()),
                detail: "write an absolute path, file:///folder".to_owned(),
            });
        }
        let disk = Self {
            root: root.to_owned(),
            temporary_dir: root.join(TEMPORARY_DIR),
            known: Mutex::new(Known::default()),
            next_temporary: AtomicU64::new(0),
        };
        disk.is_store();
        Ok(disk)
    }

    pub(super) fn check_exists(&self) -> Result<(), StoreError> {
        if self.root.is_dir() {
            return Ok(());
        }
        Err(StoreError::Config {
            url: self.describe(),
            detail: NO_FOLDER.to_owned(),
        })
    }

    /// Whether nothing lies there.
    pub(super) fn is_blank(&self) -> Result<bool, StoreError> {
        self.list("", None, 1).map(|page| page.objects.is_empty())
    }

    /// Whether the folder is, or was when it was last looked at, a store that somebody wrote to.
    fn is_store(&self) -> bool {
        let mut known = self.known();
        known.is_store = known.is_store || self.temporary_dir.is_dir();
        known.is_store
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before a write: makes the folder of temporary files if this is a new store, and refuses what
    /// was one and no longer is.
    fn prepare(&self) -> io::Result<()> {
        // Kept meanwhile: of several first writes one makes the folder.
        let mut known = self.known();
        if !self.temporary_dir.is_dir() {
            if known.is_store || !self.root.is_dir() {
                return Err(self.gone());
            }
            self.make_dir(&self.temporary_dir)?;
        }
        known.is_store = true;
        let was_swept = std::mem::replace(&mut known.is_swept, true);
        drop(known);
        if was_swept { Ok(()) } else { self.sweep() }
    }

    /// Clears the temporary files of old leftovers. A file written just now tells the time by the
    /// clock that dates files.
    fn sweep(&self) -> io::Result<()> {
        let probe = self.write_temporary(&Body::Bytes(bytes::Bytes::new()))?;
        let now = probe.meta.modified()?;
        for entry in fs::read_dir(&self.temporary_dir)? {
            let entry = entry?;
            if entry.metadata().is_ok_and(|meta| is_leftover(&meta, now)) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    pub(super) fn describe(&self) -> String {
        format!("file://{}", self.root.display())
    }

    pub(super) fn open_object(&self, key: &str) -> Result<(File, ObjectMeta), StoreError> {
        self.is_store();
        let open = || {
            let (file, meta) = meta::open(&self.path(key))?;
            let meta = object_meta(key, &meta)?;
            Ok((file, meta))
        };
        open().map_err(|error| self.read_failure("read", key, error))
    }

    pub(super) fn look_up(&self, key: &str) -> Result<ObjectMeta, StoreError> {
        self.is_store();
        fs::metadata(self.path(key))
            .and_then(|meta| object_meta(key, &meta))
            .map_err(|error| self.read_failure("look-up", key, error))
    }

    pub(super) fn create(&self, key: &str, body: &Body) -> Result<Version, StoreError> {
        let create = || {
            let path = self.path(key);
            let temporary = self.write_temporary(body)?;
            let parent = self.make_parent(&path)?;
            fs::hard_link(&temporary.path, &path)?;
            sync_dir(&parent)?;
            Ok(version(&temporary.meta))
        };
        create().map_err(|error: io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists => StoreError::AlreadyExists {
                key: key.to_owned(),
            },
            _ => self.failure("write", key, error),
        })
    }

    pub(super) fn put(&self, key: &str, body: &Body) -> Result<Version, StoreError> {
        let put = || {
            let temporary = self.write_temporary(body)?;
            let _lock = self.lock()?;
            let was = fs::metadata(self.path(key)).ok();
            self.rename(temporary, key, was.as_ref())
        };
        put().map_err(|error| self.failure("write", key, error))
    }

    pub(super) fn replace(
        &self,
        key: &str,
        body: &Body,
        was: &Version,
    ) -> Result<Version, StoreError> {
        let replace = || {
            let temporary = self.write_temporary(body)?;
            let _lock = self.lock()?;
            match fs::metadata(self.path(key)) {
                Ok(meta) if version(&meta) == *was => {
                    self.rename(temporary, key, Some(&meta)).map(Some)
                }
                Ok(_) => Ok(None),
                Err(error) if is_missing(&error) => Ok(None),
                Err(error) => Err(error),
            }
        };
        replace()
            .map_err(|error| self.failure("write", key, error))?
            .ok_or_else(|| StoreError::Changed {
                key: key.to_owned(),
            })
    }

    pub(super) fn delete(&self, key: &str) -> Result<(), StoreError> {
        let delete = || {
            self.prepare()?;
            let _lock = self.lock()?;
            let path = self.path(key);
            match fs::remove_file(&path) {
                Ok(()) => path.parent().map_or(Ok(()), sync_dir),
                Err(error) if is_missing(&error) => Ok(()),
                Err(error) => Err(error),
            }
        };
        delete().map_err(|error| self.failure("removal", key, error))
    }

    pub(super) fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        page_objects: usize,
    ) -> Result<ListPage, StoreError> {
        self.is_store();
        let found = walk::list(&self.root, prefix, after, page_objects)
            .map_err(|error| self.failure("listing", prefix, error))?;
        if found.objects.is_empty() {
            self.check_present("listing", prefix)?;
        }
        Ok(found)
    }

    /// Keys have been checked: they lead nowhere but under the root.
    fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }

    /// Writes a body to a file of its own and flushes it.
    fn write_temporary(&self, body: &Body) -> io::Result<Temporary> {
        self.prepare()?;
        let (path, mut file) = self.new_temporary()?;
        let mut temporary = Temporary {
            path,
            meta: file.metadata()?,
        };
        match body {
            Body::Bytes(bytes) => file.write_all(bytes)?,
            Body::File(from) => {
                File::open(from)
                    .and_then(|mut from| io::copy(&mut from, &mut file))
                    .map_err(|error| {
                        io::Error::new(error.kind(), format!("{}: {error}", from.display()))
                    })?;
            }
        }
        file.sync_all()?;
        temporary.meta = file.metadata()?;
        Ok(temporary)
    }

    /// A new file. A process of the same number, on another machine or before this one, may have
    /// left one of that name: then the next number is tried.
    fn new_temporary(&self) -> io::Result<(PathBuf, File)> {
        loop {
            let number = self.next_temporary.fetch_add(1, Ordering::Relaxed);
            let name = format!("{}-{number}", std::process::id());
            let path = self.temporary_dir.join(name);
            let mut options = OpenOptions::new();
            options
                .write(true)
                .create_new(true)
                .mode(self.rights()? & 0o666);
            match options.open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                opened => return Ok((path, opened?)),
            }
        }
    }

    /// Gives a body its name in place of the object `was`, with the lock held.
    fn rename(
        &self,
        temporary: Temporary,
        key: &str,
        was: Option<&Metadata>,
    ) -> io::Result<Version> {
        let path = self.path(key);
        let parent = self.make_parent(&path)?;
        let mut meta = temporary.meta.clone();
        if let Some(was) = was.filter(|was| modified_nanos(was) >= modified_nanos(&meta)) {
            // The clock's tick is coarse and file numbers are used again: without this a
            // version could come back.
            let file = OpenOptions::new().write(true).open(&temporary.path)?;
            file.set_modified(was.modified()? + Duration::from_nanos(1))?;
            file.sync_all()?;
            meta = file.metadata()?;
        }
        fs::rename(&temporary.path, &path)?;
        sync_dir(&parent)?;
        Ok(version(&meta))
    }

    /// The rights of what is made in the store: its owner's all, its group's those that the store's
    /// folder gives it, nobody else's any.
    fn rights(&self) -> io::Result<u32> {
        Ok(0o700 | fs::metadata(&self.root)?.mode() & 0o070)
    }

    fn make_parent(&self, path: &Path) -> io::Result<PathBuf> {
        let parent = path.parent().unwrap_or(&self.root);
        self.make_dir(parent)?;
        Ok(parent.to_owned())
    }

    /// Makes a folder and those above it, as far as the root; each is flushed into its parent.
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        if dir == self.root || dir.is_dir() {
            return Ok(());
        }
        let parent = dir.parent().unwrap_or(&self.root);
        self.make_dir(parent)?;
        match DirBuilder::new().mode(self.rights()?).create(dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            // Somebody else's may not be flushed yet, so flush it here in any case.
            _ if dir.is_dir() => sync_dir(parent),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// Takes the writers' lock, which falls with the file returned.
    fn lock(&self) -> io::Result<File> {
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(self.rights()? & 0o666)
            .custom_flags(libc::O_NONBLOCK)
            .open(self.root.join(LOCK_FILE))?;
        for _ in 0..LOCK_ATTEMPTS {
            match lock.try_lock() {
                Ok(()) => return Ok(lock),
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "another process holds the lock for too long",
        ))
    }

    fn read_failure(&self, action: &'static str, key: &str, error: io::Error) -> StoreError {
        if !is_missing(&error) {
            return self.failure(action, key, error);
        }
        match self.check_present(action, key) {
            Ok(()) => StoreError::NotFound {
                key: key.to_owned(),
            },
            Err(gone) => gone,
        }
    }

    fn failure(&self, action: &'static str, key: &str, error: io::Error) -> StoreError {
        failure::from_io(action, key, &self.root, error)
    }

    /// Tells "no such object" from "no such store": a share that was unmounted leaves an empty
    /// folder behind, and an empty log must not be read out of it.
    fn check_present(&self, action: &'static str, key: &str) -> Result<(), StoreError> {
        let expected = if self.is_store() {
            &self.temporary_dir
        } else {
            &self.root
        };
        match expected.is_dir() {
            true => Ok(()),
            false => Err(self.failure(action, key, self.gone())),
        }
    }

    /// What is said where the store is not there.
    fn gone(&self) -> io::Error {
        let what = if self.root.is_dir() {
            UNMOUNTED
        } else {
            NO_FOLDER
        };
        io::Error::new(io::ErrorKind::NotFound, what)
    }
}

fn is_leftover(meta: &Metadata, now: SystemTime) -> bool {
    let age = meta
        .modified()
        .ok()
        .and_then(|modified| now.duration_since(modified).ok());
    age.is_some_and(|age| age > LEFTOVER_AGE)
}

/// Whether an error says that there is no such file, or no such folder for it to lie in.
fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Makes the names in a folder durable.
fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
